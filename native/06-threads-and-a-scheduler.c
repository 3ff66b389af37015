/*
 * 06-threads-and-a-scheduler.c: threads that take turns, in the simplest form
 * that works: a table, three states, and a scan for the next one.
 *
 * The switch is that of chapter 05. New here: who is switched to, and when; how
 * a thread begins; and what becomes of it when its function returns.
 *
 * Alone:  cc -std=c17 -O2 -DMAIN 06-threads-and-a-scheduler.c -o demo && ./demo
 */
#define _GNU_SOURCE /* Linux: clock_gettime */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arch/arch.h"
#include "arch/watch.h"

enum {
    DEFAULT_STACK_SIZE = 2 * 1024 * 1024,
    DEFAULT_THREADS = 4, /* the base thread among them */
    SMALLEST_STACK = 16 * 1024,
};

/* What can go wrong, as the functions below return it. */
enum {
    DONE = 0,
    OUT_OF_MEMORY = -1,
    TABLE_FULL = -2,     /* no thread is available */
    NO_SUCH_LAYOUT = -3, /* the number of no layout */
    WRONG_NUMBER = -4,   /* of threads, yields or bytes: too small */
};

/* ---------------------------------------------------------------------------
 * Thread and runtime
 *
 *     state        may become   when
 *     AVAILABLE    READY        spawn gives it a function
 *     READY        RUNNING      the one that runs yields or returns, and it is
 *                               the next in the table
 *     RUNNING      READY        it yields
 *     RUNNING      AVAILABLE    its function returns
 */

enum state { AVAILABLE, RUNNING, READY };

struct thread {
    int id; /* its place in the table */
    enum state state;
    struct context context; /* where it goes on; stale while it is RUNNING */
    char *stack;            /* ours; NULL for the base thread, which has its own */
    unsigned watch;
};

/* One switch, as it happened. */
struct switch_record {
    int32_t from;  /* who ran until then */
    int32_t to;    /* who ran after it */
    int32_t cause; /* one of the two below */
    int32_t ready; /* how many were READY right after it */
};

enum { YIELDED = 1, RETURNED = 2 };

struct runtime {
    struct thread *threads; /* threads[0] is the base thread: who called run */
    int count;
    int current; /* the one that is RUNNING */
    size_t stack_size;
    struct switch_record *trace; /* the caller's; NULL: nothing is recorded */
    long trace_size, traced;
};

/* The runtime that guard and yield_thread mean. They are called from a thread's
   stack and take no argument, so there has to be one place that both know: a
   second runtime, started before the first one has ended, would trample on it. */
static struct runtime *in_use;

/* ---------------------------------------------------------------------------
 * The scheduler, and yield
 */

/*
 * The whole scheduler: who is next? The first READY thread after the current
 * one, round the table; the current one itself if nobody is READY. Whoever
 * writes another one keeps to this: it may choose a READY thread, and no other.
 */
static int choose(const struct runtime *r) {
    int next = r->current;

    do
        next = next + 1 == r->count ? 0 : next + 1;
    while (next != r->current && r->threads[next].state != READY);
    return next;
}

static void record(struct runtime *r, int from, int to, int cause) {
    int ready = 0;

    for (int i = 0; i < r->count; i++)
        ready += r->threads[i].state == READY;
    if (r->traced < r->trace_size)
        r->trace[r->traced] = (struct switch_record){from, to, cause, ready};
    r->traced++;
}

/*
 * Gives the turn to the thread that the scheduler chooses. Returns false at
 * once if that is the current one. Otherwise it returns true, but later: when
 * somebody has given the turn back. A thread that is no longer RUNNING when it
 * calls this does not come back at all.
 */
static bool t_yield(struct runtime *r) {
    int next = choose(r);
    if (next == r->current)
        return false;

    struct thread *old = &r->threads[r->current];
    struct thread *new = &r->threads[next];
    int cause = old->state == AVAILABLE ? RETURNED : YIELDED;
    if (old->state != AVAILABLE)
        old->state = READY;
    new->state = RUNNING;
    r->current = next;
    if (r->trace != NULL)
        record(r, old->id, new->id, cause);
    switch_context(&old->context, &new->context);
    return true; /* reached at every resumption: `run` relies on it */
}

/* What a thread calls to let others run. */
void yield_thread(void) {
    t_yield(in_use);
}

/* ---------------------------------------------------------------------------
 * The end of a thread, and its beginning
 */

/* The current thread has finished, and its place in the table is available
   again. Does not return: nobody switches to a thread that is AVAILABLE, and the
   base thread, which never is, is always there to switch to. */
static void t_return(struct runtime *r) {
    r->threads[r->current].state = AVAILABLE;
    t_yield(r);
}

/* Where a thread's function returns to, by way of skip. Nobody calls it. */
static _Noreturn void guard(void) {
    STACK_BEGINS_HERE(); /* to those who walk the stack: there is no caller */
    last_switch();       /* to those who watch it: see watch.h */
    t_return(in_use);
    abort(); /* there is nothing above guard that it could return to */
}

/* The slots of a thread's new stack, in words of eight bytes below its top: -2,
   -3, -4, except on Windows, where functions own words above them. */
enum { GUARD = -2 - HOME_WORDS, SKIP = -3 - 2 * HOME_WORDS, FUNCTION = -4 - 2 * HOME_WORDS };

/*
 * Makes a thread that will run `function` when its turn comes. The stack says
 * all that is to be said of it: see the drawing at switch_context. Between the
 * function and guard stands skip, so that both begin with the same sp modulo
 * 16, as they would after a call. Returns the thread's id, or TABLE_FULL.
 */
static int spawn(struct runtime *r, void (*function)(void)) {
    int id = 1;

    while (id < r->count && r->threads[id].state != AVAILABLE)
        id++;
    if (id == r->count)
        return TABLE_FULL;

    struct thread *thread = &r->threads[id];
    uintptr_t end = (uintptr_t)thread->stack + r->stack_size;
    uint64_t *top = (uint64_t *)(end & ~(uintptr_t)(STACK_ALIGNMENT - 1));
    top[GUARD] = (uintptr_t)guard;
    top[SKIP] = (uintptr_t)skip;
    top[FUNCTION] = (uintptr_t)function;
    thread->context = new_context(&top[FUNCTION], thread->stack, top);
    thread->state = READY;
    return id;
}

/* ---------------------------------------------------------------------------
 * A runtime, from the beginning to the end
 */

static void free_runtime(struct runtime *r) {
    for (int i = 1; i < r->count && r->threads[i].stack != NULL; i++) {
        unwatch_stack(r->threads[i].watch, r->threads[i].stack, r->stack_size);
        free(r->threads[i].stack);
    }
    free(r->threads);
}

/* A table of `threads` threads, the base thread among them, all with stacks of
   `stack_size` bytes from now on. Returns DONE, or OUT_OF_MEMORY or
   WRONG_NUMBER; only after DONE is there something to free. */
static int new_runtime(struct runtime *r, int threads, size_t stack_size) {
    if (threads < 1 || stack_size < SMALLEST_STACK)
        return WRONG_NUMBER;
    *r = (struct runtime){.count = threads, .stack_size = stack_size};
    r->threads = calloc((size_t)threads, sizeof *r->threads);
    if (r->threads == NULL)
        return OUT_OF_MEMORY;
    for (int i = 1; i < threads; i++) {
        char name[32];
        r->threads[i].id = i;
        r->threads[i].stack = malloc(stack_size);
        if (r->threads[i].stack == NULL) {
            free_runtime(r);
            return OUT_OF_MEMORY;
        }
        snprintf(name, sizeof name, "the stack of thread %d", i);
        r->threads[i].watch = watch_stack(name, r->threads[i].stack, stack_size, 0);
    }
    r->threads[0].state = RUNNING;
    return DONE;
}

/* From now on guard and yield_thread mean this runtime. */
static void init(struct runtime *r) {
    in_use = r;
}

/* Lets all threads run to their end. The base thread, which calls this, takes
   its turn in every round, and so sees when nobody else is left. */
static void run(struct runtime *r) {
    while (t_yield(r))
        ;
}

/* ---------------------------------------------------------------------------
 * The book's example
 */

static const int32_t *counts; /* thread 1 counts to counts[0], and so on */

static struct switch_record *trace_buffer;
static long trace_buffer_size, trace_length;

/* From the next run on, every switch is recorded in the caller's memory, the
   first `size` of each run. NULL: no more. */
void trace_to(struct switch_record *buffer, long size) {
    trace_buffer = buffer;
    trace_buffer_size = buffer != NULL && size > 0 ? size : 0;
}

/* How many switches the latest run made, whether they fitted or not. */
long traced(void) {
    return trace_length;
}

static void count(void) {
    int id = in_use->current;

    printf("THREAD %d STARTING\n", id);
    for (int i = 0; i < counts[id - 1]; i++) {
        printf("thread: %d counter: %d\n", id, i);
        yield_thread();
    }
    printf("THREAD %d FINISHED\n", id);
}

/* The same, and nobody hears of it. */
static void count_silently(void) {
    int id = in_use->current;

    for (int i = 0; i < counts[id - 1]; i++)
        yield_thread();
}

static int run_all(const int32_t *counts_to, int threads, void (*function)(void)) {
    struct runtime runtime;

    int result = threads < 1 ? WRONG_NUMBER : new_runtime(&runtime, threads + 1, 64 * 1024);
    if (result != DONE)
        return result;
    init(&runtime);
    runtime.trace = trace_buffer;
    runtime.trace_size = trace_buffer_size;
    counts = counts_to;
    for (int i = 0; i < threads; i++)
        spawn(&runtime, function);
    run(&runtime);
    trace_length = runtime.traced;
    free_runtime(&runtime);
    return DONE;
}

/* Runs `threads` threads besides the base thread, the first of which counts to
   counts_to[0] and yields after each number, the second to counts_to[1], and
   so on. Returns DONE, OUT_OF_MEMORY or WRONG_NUMBER. */
int count_in_turn(const int32_t *counts_to, int threads) {
    return run_all(counts_to, threads, count);
}

/* The same in silence, its switches recorded in `trace`, the first `size` of
   them. Returns how many there were, or an error, below 0. */
long trace_turns(const int32_t *counts_to, int threads, struct switch_record *trace, long size) {
    trace_to(trace, size);
    int result = run_all(counts_to, threads, count_silently);
    trace_to(NULL, 0);
    return result == DONE ? trace_length : result;
}

/* The 29 lines: thread 1 counts to 10, thread 2 to 15. */
int book_example(void) {
    static const int32_t counts_to[] = {10, 15};

    return count_in_turn(counts_to, 2);
}

/* ---------------------------------------------------------------------------
 * A thread on memory of the caller's, to be looked at
 */

enum { PAINT = 0xa5 };

/*
 * Paints the stack, spawns a thread on it that yields once, and gives it so
 * many turns: none, and it has never run; one, and it waits in the middle of
 * its function; two, and its function has returned. *sp is the one in its
 * context. Returns its state, or WRONG_NUMBER.
 */
int spawn_on(char *stack, size_t size, int turns, uint64_t *sp) {
    static const int32_t once[] = {1};
    struct thread threads[] = {{.id = 0, .state = RUNNING}, {.id = 1, .stack = stack}};
    struct runtime runtime = {.threads = threads, .count = 2, .stack_size = size};

    if (size < SMALLEST_STACK || turns < 0)
        return WRONG_NUMBER;
    memset(stack, PAINT, size);
    unsigned watch = watch_stack("the stack of thread 1", stack, size, 0);
    init(&runtime);
    counts = once;
    spawn(&runtime, count_silently);
    while (turns-- > 0)
        t_yield(&runtime);
    unwatch_stack(watch, stack, size);
    *sp = threads[1].context.sp;
    return (int)threads[1].state;
}

/* ---------------------------------------------------------------------------
 * Why there is a skip: three layouts of a new stack
 */

/* Where a stack's maker can put them, in words below the top; 0: nowhere. */
static const struct {
    const char *name;
    int function, skip, guard;
} layouts[] = {
    {"function -16, guard -8", -2, 0, -1},
    {"function -32, guard -24", -4, 0, -3},
#if HOME_WORDS == 0
    {"function -32, skip -24, guard -16", FUNCTION, SKIP, GUARD},
#else
    {"function -96, skip -88, guard -48", FUNCTION, SKIP, GUARD},
#endif
};

enum { LAYOUTS = sizeof layouts / sizeof *layouts };

/* What layout 0, 1 or 2 looks like; NULL: there is no such layout. */
const char *layout_name(int layout) {
    return layout >= 0 && layout < LAYOUTS ? layouts[layout].name : NULL;
}

/* sp at the first instruction of the function, and of guard. */
struct layout_report {
    uint64_t top;
    uint64_t sp_in_function;
    uint64_t sp_in_guard;
    uint32_t function_modulo; /* modulo 16 */
    uint32_t guard_modulo;
    uint32_t wanted; /* what the ABI wants */
    uint32_t right;  /* 1 if both are as wanted */
};

static struct context home, forged;

/* Forges a stack in this layout and switches to it. `guard` must come back. */
static int enter(int layout, void (*function)(void), void (*guard)(void), uint64_t *record,
                 uint64_t *top_seen) {
    if (layout_name(layout) == NULL)
        return NO_SUCH_LAYOUT;
    char *stack = malloc(DEFAULT_STACK_SIZE);
    if (stack == NULL)
        return OUT_OF_MEMORY;

    uint64_t *top = (uint64_t *)(((uintptr_t)stack + DEFAULT_STACK_SIZE) & ~(uintptr_t)15);
    top[layouts[layout].guard] = (uintptr_t)guard;
    if (layouts[layout].skip != 0)
        top[layouts[layout].skip] = (uintptr_t)skip;
    top[layouts[layout].function] = (uintptr_t)function;
    forged = new_context(&top[layouts[layout].function], stack, top);
    forged.REGISTER_RECORD = (uintptr_t)record;
    unsigned watch = watch_stack("the stack of a layout", stack, DEFAULT_STACK_SIZE, 0);
    switch_context(&home, &forged);
    unwatch_stack(watch, stack, DEFAULT_STACK_SIZE);
    free(stack);
    *top_seen = (uintptr_t)top;
    return DONE;
}

/* Measures layout 0, 1 or 2 with functions that only note sp, so that it does
   not matter if sp is wrong. Returns DONE, NO_SUCH_LAYOUT or OUT_OF_MEMORY. */
int measure_layout(int layout, struct layout_report *out) {
    uint64_t sp[2], top;

    int result = enter(layout, record_sp, record_sp_and_leave, sp, &top);
    if (result != DONE)
        return result;
    *out = (struct layout_report){
        .top = top,
        .sp_in_function = sp[0],
        .sp_in_guard = sp[1],
        .function_modulo = sp[0] % 16,
        .guard_modulo = sp[1] % 16,
        .wanted = SP_AT_ENTRY,
        .right = sp[0] % 16 == SP_AT_ENTRY && sp[1] % 16 == SP_AT_ENTRY,
    };
    return DONE;
}

static void do_nothing(void) {
}

/* Ordinary C, which trusts that sp is as it must be. So does printf, which
   stores floats with instructions that fault at a wrong address. */
static void print_a_float(void) {
    printf("Here guard prints a float: %.1f\n", 1.5);
    switch_context(&forged, &home);
}

/* The same layouts, with print_a_float in place of guard. Where sp is wrong, it
   may crash: call it in a process of its own. Results as measure_layout. */
int print_from_guard(int layout) {
    uint64_t top;

    return enter(layout, do_nothing, print_a_float, NULL, &top);
}

/* ---------------------------------------------------------------------------
 * Stacks that others lay out: for exercise 06.1
 */

/* A stack to be laid out. `sp` is the answer. */
struct new_stack {
    char *stack;
    size_t size;
    void (*function)(void);
    void (*guard)(void);
    uint64_t *sp;
};

/* Lets lay_out forge a stack that begins `from` bytes above a multiple of 16 and
   ends `cut` bytes below one, both below 64, and switches to it. sp[0], sp[1]:
   sp in the function and in guard. Returns how many bytes beside the stack were
   written. It may crash: call it in a process of its own. */
int try_layout(void (*lay_out)(struct new_stack *), int from, int cut, uint64_t *sp) {
    static _Alignas(64) char memory[64 + SMALLEST_STACK + 64];
    char *begin = memory + 64 + from, *end = memory + 64 + SMALLEST_STACK - cut;
    struct new_stack new = {begin, (size_t)(end - begin), record_sp, record_sp_and_leave, NULL};
    int beside = 0;

    memset(memory, PAINT, sizeof memory);
    lay_out(&new);
    for (const char *at = memory; at < memory + sizeof memory; at++)
        beside += (at < begin || at >= end) && *at != (char)PAINT;
    forged = new_context(new.sp, begin, end);
    forged.REGISTER_RECORD = (uintptr_t)sp;
    switch_context(&home, &forged);
    return beside;
}

/* ---------------------------------------------------------------------------
 * Requests that fail, each for a reason of its own: for exercise 06.4
 */

enum { MOST_REQUESTS = 16 };

static int first_reason, open_requests, most_open;
static int32_t *reasons;

/* A request of thread `id`, below MOST_REQUESTS. It fails: returns -1, and the
   reason is in errno, as everywhere in C's libraries. */
int request(int id) {
    errno = first_reason + id;
    if (++open_requests > most_open)
        most_open = open_requests;
    return -1;
}

/* Thread `id` says for what reason its request has failed. */
void report(int id, int reason) {
    open_requests--;
    if (id > 0 && id < MOST_REQUESTS)
        reasons[id] = reason;
}

/* Lets as many threads run `fetch`. Their requests fail for the reasons `first`
   + 1, + 2, and so on; reported[1], [2] … are those that they report. Returns how
   many requests were open at once, at most, or an error. */
int fetch_all(void (*fetch)(void), int threads, int first, int32_t *reported) {
    static const int32_t no_counts[MOST_REQUESTS];

    if (threads >= MOST_REQUESTS)
        return WRONG_NUMBER;
    first_reason = first;
    open_requests = most_open = 0;
    reasons = reported;
    int result = run_all(no_counts, threads, fetch);
    return result == DONE ? most_open : result;
}

/* ---------------------------------------------------------------------------
 * How many, how fast
 */

static double now_ns(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static long turns, turns_each;
static volatile bool stop;

static void take_turns(void) {
    for (long i = 0; i < turns_each; i++) {
        turns++;
        yield_thread();
    }
}

static void take_turns_until_stopped(void) {
    while (!stop)
        yield_thread();
}

/* `threads` threads yield `yields` times each. Returns how many turns they took
   together, or an error. */
long many(int threads, int yields) {
    struct runtime runtime;

    int result = threads < 1 ? WRONG_NUMBER : new_runtime(&runtime, threads + 1, SMALLEST_STACK);
    if (result != DONE)
        return result;
    init(&runtime);
    turns = 0;
    turns_each = yields;
    for (int i = 0; i < threads; i++)
        spawn(&runtime, take_turns);
    run(&runtime);
    free_runtime(&runtime);
    return turns;
}

/* The nanoseconds from one turn to the next, where `ready` threads, the base
   thread among them, take `rounds` turns each, in a table of `places`. Or an
   error, below 0. */
double yield_ns(int places, int ready, int rounds) {
    struct runtime runtime;

    if (ready < 2 || places < ready || rounds < 1)
        return WRONG_NUMBER;
    int result = new_runtime(&runtime, places, SMALLEST_STACK);
    if (result != DONE)
        return result;
    init(&runtime);
    stop = false;
    for (int i = 1; i < ready; i++)
        spawn(&runtime, take_turns_until_stopped);
    yield_thread(); /* everybody has begun */
    double begin = now_ns();
    for (int i = 0; i < rounds; i++)
        yield_thread();
    double end = now_ns();
    stop = true;
    run(&runtime);
    free_runtime(&runtime);
    return (end - begin) / ((double)rounds * ready);
}

/* The nanoseconds from the spawn of a thread that does nothing to its end, the
   mean of `rounds`, one after another. Or an error, below 0. */
double spawn_ns(int rounds) {
    struct runtime runtime;

    int result = rounds < 1 ? WRONG_NUMBER : new_runtime(&runtime, DEFAULT_THREADS, SMALLEST_STACK);
    if (result != DONE)
        return result;
    init(&runtime);
    double begin = now_ns();
    for (int i = 0; i < rounds; i++) {
        spawn(&runtime, do_nothing);
        run(&runtime);
    }
    double end = now_ns();
    free_runtime(&runtime);
    return (end - begin) / rounds;
}

/* How many threads can be spawned into a table of `places` before spawn refuses:
   the base thread has the first one. Or an error, below 0. */
int spawned_until_full(int places) {
    struct runtime runtime;
    int spawned = 0;

    int result = new_runtime(&runtime, places, SMALLEST_STACK);
    if (result != DONE)
        return result;
    init(&runtime);
    while (spawn(&runtime, do_nothing) != TABLE_FULL)
        spawned++;
    run(&runtime);
    free_runtime(&runtime);
    return spawned;
}

#ifdef MAIN
int main(void) {
    static struct switch_record switches[64];
    char order[64 + 1] = "";

    trace_to(switches, 64);
    if (book_example() != DONE)
        return 1;
    trace_to(NULL, 0);
    for (long i = 0; i < traced() && i < 64; i++)
        order[i] = (char)('0' + switches[i].to);
    printf("%ld switches, to %s\n", traced(), order);
    for (int i = 0; layout_name(i) != NULL; i++) {
        struct layout_report seen;
        if (measure_layout(i, &seen) != DONE)
            return 1;
        printf("%-34s function %u, guard %u: %s\n", layout_name(i), (unsigned)seen.function_modulo,
               (unsigned)seen.guard_modulo, seen.right ? "right" : "misaligned");
    }
    printf("spawned into a table of %d until it was full: %d\n", DEFAULT_THREADS,
           spawned_until_full(DEFAULT_THREADS));
    printf("turns of 100 threads that yield 100 times: %ld\n", many(100, 100));
    printf("a yield with 2 threads of 4: %.1f ns\n", yield_ns(4, 2, 100000));
    return 0;
}
#endif
