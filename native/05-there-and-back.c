/*
 * 05-there-and-back.c: a switch that both sides come back from.
 *
 * The switch is in arch/, with the table of what it keeps and a drawing of the
 * stacks. Here two functions use it, and others find out what it is worth:
 * what happens if it forgets a register, and what it leaves out on purpose.
 *
 * Alone:  cc -std=c17 -O2 -DMAIN 05-there-and-back.c -o demo && ./demo
 */
#define _GNU_SOURCE /* Linux: clock_gettime */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arch/arch.h"
#include "arch/watch.h"

enum { STACK_SIZE = 64 * 1024 };

/* What can go wrong, as the functions below return it. */
enum {
    DONE = 0,
    OUT_OF_MEMORY = -1,
    NO_SUCH_SWITCH = -2, /* the number of no variant */
    NOT_HERE = -3,       /* this processor cannot do it */
};

/* ---------------------------------------------------------------------------
 * A stack to switch to
 */

/* One of two that take turns: it runs, on a stack of its own, or it waits. */
struct side {
    struct context context; /* where it waits; stale while it runs */
    char *stack;            /* STACK_SIZE bytes from malloc */
    unsigned watch;
};

/* The slots of a new stack, in words of eight bytes below its top: -2, -3, -4,
   except on Windows, where functions own words above them. */
enum { NOWHERE = -2 - HOME_WORDS, SKIP = -3 - 2 * HOME_WORDS, FUNCTION = -4 - 2 * HOME_WORDS };

/* Where a side's function would arrive, by way of skip, if it returned. */
static void nowhere(void) {
    fputs("A side's function has returned, and nobody called it.\n", stderr);
    abort();
}

/* Makes a stack on which `function` has yet to run: the first switch to it
   begins the function. Returns DONE or OUT_OF_MEMORY. */
static int new_side(struct side *side, const char *name, void (*function)(void)) {
    side->stack = malloc(STACK_SIZE);
    if (side->stack == NULL)
        return OUT_OF_MEMORY;

    uintptr_t end = (uintptr_t)side->stack + STACK_SIZE;
    uint64_t *top = (uint64_t *)(end & ~(uintptr_t)(STACK_ALIGNMENT - 1));
    top[FUNCTION] = (uintptr_t)function;
    top[SKIP] = (uintptr_t)skip;
    top[NOWHERE] = (uintptr_t)nowhere;
    side->context = new_context(&top[FUNCTION], side->stack, top);
    side->watch = watch_stack(name, side->stack, STACK_SIZE, 0);
    return DONE;
}

/* Gives its stack back, and with it whatever still waited there. */
static void free_side(struct side *side) {
    unwatch_stack(side->watch, side->stack, STACK_SIZE);
    free(side->stack);
}

/* The side that runs on the stack it came with: a context, and no stack of ours. */
static struct context home;

/* ---------------------------------------------------------------------------
 * Ping-pong
 *
 * Two functions that call nobody and are called by nobody. Each counts in a
 * variable of its own, and goes on where it left off.
 */

static struct side ping, pong;
static int rounds_to_play;

static void play_ping(void) {
    for (int i = 1; i <= rounds_to_play; i++) {
        printf("ping %d\n", i);
        switch_context(&ping.context, &pong.context);
    }
    switch_context(&ping.context, &home);
}

static void play_pong(void) {
    for (int i = 1;; i++) {
        printf("    pong %d\n", i);
        switch_context(&pong.context, &ping.context);
    }
}

/* Plays, prints a line a stroke, and comes back. Returns DONE or
   OUT_OF_MEMORY. */
int ping_pong(int rounds) {
    rounds_to_play = rounds;
    if (new_side(&ping, "ping", play_ping) != DONE)
        return OUT_OF_MEMORY;
    if (new_side(&pong, "pong", play_pong) != DONE) {
        free_side(&ping);
        return OUT_OF_MEMORY;
    }
    switch_context(&home, &ping.context);
    free_side(&pong);
    free_side(&ping);
    return DONE;
}

/* ---------------------------------------------------------------------------
 * A side that waits
 */

static struct side echo;

/* Comes straight back, every time. */
static void wait_for_ever(void) {
    for (;;)
        switch_context(&echo.context, &home);
}

/* All there is of a side that waits. Addresses. */
struct waiting {
    struct context context; /* sp, and the callee-saved registers */
    uint64_t stack_low;     /* the stack that sp points into … */
    uint64_t stack_top;     /* … and its end */
    uint64_t goes_on_at;    /* the word at sp: the instruction pointer, then */
    uint64_t function;      /* where its function begins */
};

/* Lets a side run as far as its first switch, and looks at what is left. The
   stack is gone again afterwards. Returns DONE or OUT_OF_MEMORY. */
int look_at_waiting(struct waiting *out) {
    if (new_side(&echo, "a side that waits", wait_for_ever) != DONE)
        return OUT_OF_MEMORY;
    switch_context(&home, &echo.context);

    *out = (struct waiting){
        .context = echo.context,
        .stack_low = (uintptr_t)echo.stack,
        .stack_top = (uintptr_t)echo.stack + STACK_SIZE,
        .function = (uintptr_t)wait_for_ever,
    };
    memcpy(&out->goes_on_at, echo.stack + (echo.context.sp - out->stack_low), 8);
    free_side(&echo);
    return DONE;
}

/* Copies the highest `size` bytes of such a stack, STACK_SIZE at most. Returns
   how many bytes below its top the side waits, or OUT_OF_MEMORY. */
long copy_waiting(void *copy, size_t size) {
    if (new_side(&echo, "a side that waits", wait_for_ever) != DONE)
        return OUT_OF_MEMORY;
    switch_context(&home, &echo.context);

    char *top = echo.stack + STACK_SIZE;
    size_t copied = size < STACK_SIZE ? size : STACK_SIZE;
    long below = (long)((uintptr_t)top - echo.context.sp);
    now_data(top - copied, copied);
    memcpy(copy, top - copied, copied);
    free_side(&echo);
    return below;
}

/* ---------------------------------------------------------------------------
 * Switches that forget
 */

typedef void switch_function(struct context *old, const struct context *new);

struct variant {
    const char *forgets; /* or, of a candidate, what it does */
    switch_function *function;
};

#define NAME_AND_SWITCH(register) {#register, switch_without_##register},

CONTEXT_REGISTERS(SWITCH_WITHOUT)
SWITCH_WITHOUT(all)

static const struct variant variants[] = {
    {"nothing", switch_context},
    /* clang-format off */
    CONTEXT_REGISTERS(NAME_AND_SWITCH)
    NAME_AND_SWITCH(all)
    /* clang-format on */
};

enum { VARIANTS = sizeof variants / sizeof *variants };

/* What variant 0 … forgets: "nothing", then each register of the context, then
   "all" of them but sp; NULL: there is no such variant. */
const char *forgets(int variant) {
    return variant >= 0 && variant < VARIANTS ? variants[variant].forgets : NULL;
}

/* What a round trip did to the registers of the side that made it. */
struct round_trip {
    struct registers before;                  /* as they were planted */
    struct registers after;                   /* as they came back */
    struct context waiting;                   /* what the switch kept of them meanwhile */
    uint64_t floats_before[FLOATS_SAVED + 1]; /* the same for those that hold floats */
    uint64_t floats_after[FLOATS_SAVED + 1];
};

/* Switches to a side that overwrites all and back, by `function`, with the
   registers in *before; stores in *after what came back. Those registers that
   the trip itself needs are changed in *before. */
static void travel(switch_function *function, struct side *other, struct registers *before,
                   struct registers *after) {
    before->REGISTER_ARGUMENT_1 = (uintptr_t)&home;
    before->REGISTER_ARGUMENT_2 = (uintptr_t)&other->context;
    before->REGISTER_SPARE = (uintptr_t)function;
    home = (struct context){0};
    call_planted((void (*)(void))function, before, after);
}

/* Plants a value in every register, switches to a side that overwrites all that
   belongs to the callee and switches straight back. Takes the variant of
   the switch that is asked for, both ways. Its own caller's registers are safe:
   call_planted puts them back. Returns DONE, OUT_OF_MEMORY or NO_SUCH_SWITCH. */
int round_trip(int variant, struct round_trip *out) {
    struct side other;
    uint64_t floats[FLOATS_SAVED + 1];

    if (forgets(variant) == NULL)
        return NO_SUCH_SWITCH;
    if (new_side(&other, "the other side", overwrite_callee_saved) != DONE)
        return OUT_OF_MEMORY;

    memset(out, 0, sizeof *out);
    for (uint64_t i = 0; i < sizeof out->before / sizeof(uint64_t); i++) {
        uint64_t value = 0xfeed0000 + i;
        memcpy((char *)&out->before + i * sizeof value, &value, sizeof value);
    }
    for (int i = 0; i < FLOATS_SAVED; i++)
        out->floats_before[i] = 0xf10a70000 + (uint64_t)i;
    store_floats(floats);
    load_floats(out->floats_before);
    travel(variants[variant].function, &other, &out->before, &out->after);
    store_floats(out->floats_after);
    load_floats(floats);

    out->waiting = home;
    free_side(&other);
    return DONE;
}

static const char *const register_names[] = {REGISTER_NAMES};
static const char *const float_names[] = {FLOAT_NAMES};

/* A list of names with a space between them, as many as fit. */
struct names {
    char *text;
    int size, used, count;
};

static void add_name(struct names *names, const char *name) {
    int needed = (int)strlen(name) + (names->count > 0);

    if (names->used + needed < names->size)
        names->used += snprintf(names->text + names->used, (size_t)(names->size - names->used),
                                "%s%s", names->count > 0 ? " " : "", name);
    names->count++;
}

static bool is_callee_saved(const char *name) {
    char promised[] = " " CALLEE_SAVED " ", word[8];

    snprintf(word, sizeof word, " %s ", name);
    return strstr(promised, word) != NULL;
}

/* Writes the names of the registers that the callee owns and that came back
   with another value into `names`, as many as fit into `size` bytes. Returns
   how many these are, or an error as round_trip. */
int lost_by(int variant, char *names, int size) {
    struct names lost = {.text = names, .size = size};
    struct round_trip trip;

    int result = round_trip(variant, &trip);
    if (result != DONE)
        return result;
    if (size > 0)
        names[0] = '\0';
    for (size_t i = 0; i < sizeof trip.before / 8; i++)
        if (is_callee_saved(register_names[i]) &&
            memcmp((char *)&trip.before + 8 * i, (char *)&trip.after + 8 * i, 8) != 0)
            add_name(&lost, register_names[i]);
    for (int i = 0; i < FLOATS_SAVED; i++)
        if (trip.floats_before[i] != trip.floats_after[i])
            add_name(&lost, float_names[i]);
    return lost.count;
}

/* ---------------------------------------------------------------------------
 * Switches to try a test on
 */

enum { REGISTERS = sizeof(struct registers) / sizeof(uint64_t) };

/* What try_switch goes with, and what came back: by the index in register_names. */
static uint64_t planted[REGISTERS], came_back[REGISTERS];

/* Goes to a side that puts -1 into every register of the callee, and back, by
   `function`. Returns DONE or OUT_OF_MEMORY. */
int try_switch(switch_function *function) {
    struct side other;
    struct registers before, after;

    if (new_side(&other, "the other side", overwrite_callee_saved) != DONE)
        return OUT_OF_MEMORY;
    memcpy(&before, planted, sizeof before);
    travel(function, &other, &before, &after);
    memcpy(came_back, &after, sizeof after);
    free_side(&other);
    return DONE;
}

/* Two that keep every register, and load a wrong value. The first word of a
   context is sp, the second and the third are callee-saved registers. */
static void switch_exchanging(struct context *old, const struct context *new) {
    uint64_t words[sizeof *new / sizeof(uint64_t)];

    memcpy(words, new, sizeof *new);
    uint64_t second = words[1];
    words[1] = words[2];
    words[2] = second;
    switch_context(old, (const struct context *)words);
}

static void switch_halving(struct context *old, const struct context *new) {
    uint64_t words[sizeof *new / sizeof(uint64_t)];

    memcpy(words, new, sizeof *new);
    words[1] &= UINT32_MAX;
    switch_context(old, (const struct context *)words);
}

/* The right one first. */
static const struct variant candidates[] = {
    {"forgets nothing", switch_context},
#define FORGETS(register) {"forgets " #register, switch_without_##register},
    /* clang-format off */
    INTEGERS_SAVED(FORGETS)
    FORGETS(all)
    /* clang-format on */
    {"exchanges two registers", switch_exchanging},
    {"keeps the lower half of a register only", switch_halving},
};

enum { CANDIDATES = sizeof candidates / sizeof *candidates };

/* What candidate 0 … does; NULL: there is no such one. Candidate 0 is right. */
const char *candidate_name(int candidate) {
    return candidate >= 0 && candidate < CANDIDATES ? candidates[candidate].forgets : NULL;
}

/* The switch itself, for a test in a cell. */
switch_function *candidate_switch(int candidate) {
    return candidate_name(candidate) != NULL ? candidates[candidate].function : NULL;
}

/* ---------------------------------------------------------------------------
 * What it does to a program
 */

static switch_function *volatile chosen;
static struct side adder;
static uint64_t worked_out;

/* One step of a sum in six variables, all in use at once: the compiler has
   every reason to keep them in registers. A double comes along. */
#define STEP(a, b, c, d, e, f, x)                                                                  \
    (a += 1, b += a, c += b ^ a, d += c, e += d ^ b, f += e, x += (double)(a & 7))
#define RESULT(a, b, c, d, e, f, x) ((a) ^ (b) ^ (c) ^ (d) ^ (e) ^ (f) ^ (uint64_t)(x))

static void work(void) {
    uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;
    double x = 0;

    for (;;) {
        STEP(a, b, c, d, e, f, x);
        worked_out = RESULT(a, b, c, d, e, f, x);
        chosen(&adder.context, &home);
    }
}

/* The same sums as both sides make, without a switch. */
static uint64_t without_switching(uint64_t first, int rounds) {
    uint64_t a = first, b = first + 1, c = first + 2, d = first + 3, e = first + 4, f = first + 5;
    double x = 0;

    for (int i = 0; i < rounds; i++)
        STEP(a, b, c, d, e, f, x);
    return RESULT(a, b, c, d, e, f, x);
}

/*
 * Two sides add up sums in turn, `rounds` times, with the variant of the switch
 * that is asked for. Returns how many of the two sums are right, 2 if nothing
 * was damaged; or an error as round_trip. A switch that forgets may also make
 * it crash, or never end, according to what the compiler keeps in which
 * register: call it in a process of its own, at several levels.
 */
int right_sums(int variant, int rounds) {
    if (forgets(variant) == NULL)
        return NO_SUCH_SWITCH;
    chosen = variants[variant].function;
    if (new_side(&adder, "the other side", work) != DONE)
        return OUT_OF_MEMORY;

    uint64_t a = 11, b = 12, c = 13, d = 14, e = 15, f = 16;
    double x = 0;
    for (int i = 0; i < rounds; i++) {
        STEP(a, b, c, d, e, f, x);
        chosen(&home, &adder.context);
    }
    int right = (RESULT(a, b, c, d, e, f, x) == without_switching(11, rounds)) +
                (worked_out == without_switching(1, rounds));
    free_side(&adder);
    return right;
}

/* ---------------------------------------------------------------------------
 * What no variant keeps: the control words
 */

/* Keeps them after all. Each side stores its own before it leaves, and loads
   them when it is back: no context needs room for them. */
static void switch_keeping_control(struct context *old, const struct context *new) {
    uint64_t mine = control_words();

    switch_context(old, new);
    load_control_words(mine);
}

static struct side upward;

static void round_upward(void) {
    load_control_words(ROUND_UPWARD(control_words()));
    for (;;)
        switch_context(&upward.context, &home);
}

__attribute__((noinline)) static double third(void) {
    volatile double one = 1, three = 3, quotient = one / three;

    return quotient;
}

/* 1/3, computed twice; between the two the side that rounds upward has run. */
struct control_report {
    uint64_t before, after; /* the control words */
    double third_before;    /* 1.0 / 3.0 */
    double third_after;
};

/* Goes there and back by the switch that keeps the control words if `keep` is
   not 0, else by the usual one. What has changed is put back at the end.
   Returns DONE or OUT_OF_MEMORY. */
int compute_twice(int keep, struct control_report *out) {
    if (new_side(&upward, "the side that rounds upward", round_upward) != DONE)
        return OUT_OF_MEMORY;

    out->before = control_words();
    out->third_before = third();
    (keep ? switch_keeping_control : switch_context)(&home, &upward.context);
    out->after = control_words();
    out->third_after = third();
    load_control_words(out->before);
    free_side(&upward);
    return DONE;
}

/* ---------------------------------------------------------------------------
 * What a switch costs
 */

static void wait_keeping_control(void) {
    for (;;)
        switch_keeping_control(&echo.context, &home);
}

/* The nanoseconds that one switch takes, the mean of 2 * `rounds`, there and
   back in turn; with the control words kept if `keep` is not 0. Or an error,
   below 0. */
double switch_ns(int rounds, int keep) {
    struct timespec begin, end;

    if (rounds < 1 || new_side(&echo, "echo", keep ? wait_keeping_control : wait_for_ever) != DONE)
        return OUT_OF_MEMORY;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (keep)
        for (int i = 0; i < rounds; i++)
            switch_keeping_control(&home, &echo.context);
    else
        for (int i = 0; i < rounds; i++)
            switch_context(&home, &echo.context);
    clock_gettime(CLOCK_MONOTONIC, &end);
    free_side(&echo);
    return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) /
           (2.0 * rounds);
}

#ifdef MAIN
static void show_waiting(void) {
    struct waiting seen;

    look_at_waiting(&seen);
    printf("sp of a side that waits is inside its stack: %s\n",
           seen.context.sp >= seen.stack_low && seen.context.sp < seen.stack_top ? "yes" : "no");
    printf("the word there is an address %llu bytes behind the beginning of its function\n",
           (unsigned long long)(seen.goes_on_at - seen.function));
}

static void show_forgetful(void) {
    char names[256];

    for (int i = 0; forgets(i) != NULL; i++) {
        int lost = lost_by(i, names, sizeof names);
        printf("forgets %-8s loses %2d: %s\n", forgets(i), lost, names);
    }
}

static void show_control(void) {
    for (int keep = 0; keep <= 1; keep++) {
        struct control_report seen = {0};
        compute_twice(keep, &seen);
        printf("control words %s: 1/3 was %.17g, is %.17g\n", keep ? "kept" : "not kept",
               seen.third_before, seen.third_after);
    }
}

int main(void) {
    ping_pong(3);
    show_waiting();
    show_forgetful();
    printf("right sums, of 2: %d\n", right_sums(0, 1000));
    show_control();
    printf("a switch: %.1f ns\n", switch_ns(200000, 0));
    printf("with the control words: %.1f ns\n", switch_ns(200000, 1));
    return 0;
}
#endif
