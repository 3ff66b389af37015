/*
 * 11-how-fast-how-many.c: the runtime of chapter 07, as fast as it goes, and with as
 * many threads as there is memory for.
 *
 * Of that runtime, four things have changed:
 *
 *     the switch      stands where yield is written, and yield where it is called. A
 *                     place to go on is kept in the thread's record: two threads that
 *                     change places touch neither stack
 *     the record      is one line of the cache, and holds all that a switch needs
 *     the end         a thread that has finished waits where it began for its next
 *                     function, as one of an ExecutorService does for its next task. So
 *                     in a place that was used before, spawn has nothing to forge
 *     the shape       how far apart stacks lie, where their tops are, which guard
 *                     pages they have: each can be changed alone, and is measured so
 *
 * Then come the measurements. An error is -1 everywhere: no memory, or a number that
 * makes no sense.
 *
 * Alone:  cc -std=c17 -O2 -DMAIN 11-how-fast-how-many.c -o demo && ./demo
 */
#ifdef __linux__
#define _GNU_SOURCE /* MAP_NORESERVE, MAP_STACK, madvise */
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "arch/arch.h"
#include "arch/inline.h"
#include "arch/watch.h"

#ifndef MAP_STACK /* macOS: memory for a stack is memory like any other */
#define MAP_STACK 0
#endif

enum { GUARD_INSTALL = 102 }; /* MADV_GUARD_INSTALL, as in chapter 07 */
/* Tops of stacks are staggered by a line of the cache each, and no further down a page
   than leaves room for the first few frames: who needs no more has one page. */
enum { CACHE_LINE = 64, PAGE_4K = 4096, STAGGERED = PAGE_4K - 8 * CACHE_LINE };
enum { HUGE_PAGE = 2 * 1024 * 1024 };
enum { NO_PLACE = -1, NO_GUARD_PAGE = -2 };

/* ---------------------------------------------------------------------------
 * Thread and runtime
 */

/* All that is needed to go on, in one line of the cache. */
struct thread {
    struct place place;
    struct thread *next, *previous; /* in the ring; `next` also in the list */
    void (*function)(void);         /* NULL: it has finished, or never run */
    int32_t turns;                  /* that it has counted itself */
    int32_t pieces;                 /* of work, for exercise 11.2 */
};
_Static_assert(offsetof(struct thread, place) == 0, "thread_entry takes one for the other");
_Static_assert(sizeof(struct thread) == CACHE_LINE, "no record may lie in two lines");

/* What can guard a stack: nothing; a page that the system marks in its page table
   (Linux 6.13 and newer); a page that allows nothing, for which it must cut the mapping
   in two; or the better one of those two that it knows. */
enum guard { NO_GUARD, MARKED, CUT, BEST_GUARD };

/* How stacks lie in memory. */
struct shape {
    size_t apart; /* bytes from one to the next; with guard pages, whole pages */
    int in_step;  /* 1: tops are not staggered */
    int huge;     /* 1: the system is asked for pages of 2 MiB */
    enum guard guard;
};

struct runtime {
    char *areas; /* of thread 1, thread 2, …: a guard page, and above it the stack */
    size_t mapped, page_size;
    struct shape shape;
    struct thread *current, *available; /* current: while it does not run, see below */
    int threads_allowed, threads_made;  /* besides the base thread */
    unsigned *watched;                  /* what watch_stack said of each thread's stack */
    _Alignas(CACHE_LINE) struct thread threads[]; /* threads[0] is the base thread */
};

/* Whose turn it is, and in which runtime. Outside of all stacks, as in chapter 07; and
   apart from each other, so that a yield need not ask the one for the other. */
static struct thread *current;
static struct runtime *running;

/* ---------------------------------------------------------------------------
 * Yield
 */

__attribute__((always_inline)) static inline void resume(struct thread *next) {
    current = (struct thread *)switch_here(&current->place, &next->place);
}

__attribute__((always_inline)) static inline void yield_thread(void) {
    resume(current->next);
}

/* The same for who would rather call: one copy for all. */
__attribute__((noinline)) static void yield_by_call(void) {
    yield_thread();
}

/* ---------------------------------------------------------------------------
 * The ring
 */

/* Puts a thread in, right before `place`. */
static void join_ring(struct thread *t, struct thread *place) {
    t->next = place;
    t->previous = place->previous;
    place->previous = t->previous->next = t;
}

/* Takes the current thread out. Returns who is to go on: the next one, or after the last
   one the base thread. */
static struct thread *leave_ring(void) {
    struct thread *old = current, *next = old->next;

    next->previous = old->previous;
    old->previous->next = next;
    old->next = old->previous = old;
    return next != old ? next : &running->threads[0];
}

/* ---------------------------------------------------------------------------
 * The end of a thread, and its beginning
 */

/* The current thread has finished: its place is available, and it waits here until spawn has
   given it a function. Who resumes it before that calls NULL, and not what has run already.
   To the sanitizers its stack has ended: nothing that they keep for it is needed again. */
__attribute__((always_inline)) static inline void t_return(void) {
    struct thread *old = current, *next = leave_ring();

    old->function = NULL;
    old->next = running->available;
    running->available = old;
    last_switch();
    resume(next);
}

/* Where every thread begins, with the arguments of the switch that came here; and where it
   stays. Its last switch is like any other: the record keeps where it stands, which is in this
   loop, with nothing of its function left on the stack. Who is spawned in its place goes on
   there, and the loop calls the new function. */
static _Noreturn void thread_entry(struct place *from, struct thread *self) {
    STACK_BEGINS_HERE();
    arrived();
    (void)from;
    current = self;
    for (;;) {
        current->function();
        t_return();
    }
}

/* The lowest byte of a thread's area, and the upper end of its stack. */
static char *area_of(const struct runtime *r, size_t id) {
    return r->areas + (id - 1) * r->shape.apart;
}

static char *top_of(const struct runtime *r, size_t id) {
    return area_of(r, id + 1) - (r->shape.in_step ? 0 : id * CACHE_LINE % STAGGERED);
}

/* A new stack is not even touched: where to begin stands in the record. (Word by word on
   purpose. As one struct, gcc writes it by halves and reads it back as a whole, before the
   halves have arrived.) */
static void forge_place(const struct runtime *r, struct thread *t) {
    t->place.sp = top_of(r, (size_t)(t - r->threads)) - SP_AT_ENTRY;
    t->place.pc = (void *)(uintptr_t)thread_entry;
    t->place.frame = NULL; /* the chain of frames ends here */
}

/* Whether nobody may touch this byte: the system itself is asked to read it. */
static bool is_guarded(const char *low) {
    int ends[2];

    if (pipe(ends) != 0)
        return false;
    bool refused = write(ends[1], low, 1) < 0;
    close(ends[0]);
    close(ends[1]);
    return refused;
}

/* Whether this system can mark pages: 1; or 0, it has to cut. There are those that say they
   have marked one and have not (an emulator that takes it for advice): so it is tried. */
int guards_are_marked(void) {
    static int known = -1;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (known < 0) {
        char *low = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
        if (low == MAP_FAILED)
            return 0;
        known = madvise(low, page, GUARD_INSTALL) == 0 && is_guarded(low);
        munmap(low, page);
    }
    return known;
}

/* Returns 0 if it has worked. */
static int guard_page(const struct runtime *r, char *low) {
    switch (r->shape.guard) {
    case MARKED:
        return madvise(low, r->page_size, GUARD_INSTALL);
    case CUT:
        return mprotect(low, r->page_size, PROT_NONE);
    default:
        return 0;
    }
}

/* Gives a new thread's stack a name in reports of crashes, and to tools that watch memory.
   In a crowd nobody does: there the names would cost more than the threads. */
enum { WATCHED_MOST = 1000 };

static char *stack_of(const struct runtime *r, int id) {
    return area_of(r, (size_t)id) + (r->shape.guard == NO_GUARD ? 0 : r->page_size);
}

static size_t stack_bytes(const struct runtime *r) {
    return r->shape.apart - (r->shape.guard == NO_GUARD ? 0 : r->page_size);
}

static void watch(struct runtime *r, int id) {
    char name[32];

    if (r->watched == NULL && r->threads_allowed <= WATCHED_MOST)
        r->watched = calloc((size_t)r->threads_allowed + 1, sizeof *r->watched);
    if (r->watched == NULL)
        return;
    snprintf(name, sizeof name, "the stack of thread %d", id);
    r->watched[id] = watch_stack(name, stack_of(r, id), stack_bytes(r), r->shape.apart - stack_bytes(r));
}

static void unwatch(struct runtime *r) {
    for (int id = 1; id <= r->threads_made && r->watched != NULL; id++)
        unwatch_stack(r->watched[id], stack_of(r, id), stack_bytes(r));
    free(r->watched);
}

/* One place more, with a guard page, in which nobody has ever run: it is available. Returns 0,
   or NO_PLACE or NO_GUARD_PAGE. (Were it inlined, spawn would have to store registers for it
   each time.) */
__attribute__((noinline)) static int make_place(struct runtime *r) {
    int id = r->threads_made + 1;

    if (r->threads_made == r->threads_allowed)
        return NO_PLACE;
    if (guard_page(r, area_of(r, (size_t)id)) != 0)
        return NO_GUARD_PAGE;
    watch(r, id);
    r->threads_made = id;
    r->threads[id].next = r->available;
    r->available = &r->threads[id];
    return 0;
}

/* Makes a thread that will call `function`, after a turn of all that are ready now. It gets
   the place of the one that finished last; a new one only if nobody has finished. Returns its
   number, from 1 on, or NO_PLACE or NO_GUARD_PAGE. */
static int spawn(struct runtime *r, void (*function)(void)) {
    int refused = r->available == NULL ? make_place(r) : 0;
    if (refused != 0)
        return refused;
    struct thread *t = r->available;
    r->available = t->next;
    if (t->place.pc == NULL) /* nobody waits there in thread_entry */
        forge_place(r, t);
    t->function = function;
    t->turns = t->pieces = 0;
    join_ring(t, running == r ? current : r->current);
    return (int)(t - r->threads);
}

/* ---------------------------------------------------------------------------
 * A runtime, from the beginning to the end
 */

/* With its guard page and what is staggered, five pages of 4 KiB: chapter 07 says why
   an odd number. */
enum { SMALL_STACK = 12 * 1024 };

static size_t whole_pages(size_t bytes, size_t page) {
    return (bytes + page - 1) / page * page;
}

/* Five pages apart, staggered, with the best kind of guard page. */
static struct shape small_shape(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = whole_pages(SMALL_STACK + STAGGERED + page, page) / page;

    return (struct shape){.apart = (pages | 1) * page, .guard = BEST_GUARD};
}

/* Only address space is taken. NULL if there is not enough; if the shape has no room for a
   guard page and a stack; or if the system does not know this kind of guard. */
static struct runtime *new_runtime(int threads_allowed, struct shape shape) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), most = (size_t)threads_allowed;
    size_t least = shape.guard == NO_GUARD ? 2048 : 2 * page;

    if (shape.guard == BEST_GUARD)
        shape.guard = guards_are_marked() ? MARKED : CUT;
    if (shape.guard == MARKED && !guards_are_marked())
        return NULL;
    if (threads_allowed < 1 || shape.apart < least || shape.apart % 64 != 0 ||
        (shape.guard != NO_GUARD && shape.apart % page != 0) || shape.apart > SIZE_MAX / 2 / most)
        return NULL;
    size_t areas = whole_pages(most * shape.apart, HUGE_PAGE) + HUGE_PAGE;
    size_t all = areas + sizeof(struct runtime) + (most + 1) * sizeof(struct thread);
    int never_huge = shape.huge ? 0 : MAP_STACK; /* Linux takes it for a wish for small pages */
    char *low = mmap(NULL, all, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANON | MAP_NORESERVE | never_huge, -1, 0);
    if (low == MAP_FAILED)
        return NULL;
#ifdef MADV_HUGEPAGE
    if (shape.huge)
        madvise(low, areas, MADV_HUGEPAGE);
#endif
    struct runtime *r = (struct runtime *)(low + areas);
    size_t to_huge = (HUGE_PAGE - (uintptr_t)low % HUGE_PAGE) % HUGE_PAGE;
    *r = (struct runtime){.areas = low + to_huge, .mapped = all, .page_size = page};
    r->shape = shape;
    r->threads_allowed = threads_allowed;
    r->current = r->threads[0].next = r->threads[0].previous = &r->threads[0];
    return r;
}

static char *mapping_of(struct runtime *r) {
    return (char *)&r->threads[r->threads_allowed + 1] - r->mapped;
}

static void free_runtime(struct runtime *r) {
    unwatch(r);
    munmap(mapping_of(r), r->mapped);
}

/* Lets all threads run, until nobody is ready. */
static inline void run(struct runtime *r) {
    struct runtime *outer = running;

    if (outer != NULL)
        outer->current = current;
    running = r;
    current = r->current;
    resume(leave_ring());
    running = outer;
    current = outer != NULL ? outer->current : NULL;
}

/* ---------------------------------------------------------------------------
 * The price of a turn
 */

static double now_ns(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The nanoseconds of one switch without a scheduler, the mean of 2 * `rounds`, there and
   back in turn. Or -1. */
static struct place home, away;

static void echo(void) {
    arrived();
    for (;;)
        switch_here(&away, &home);
}

double ping_pong_ns(int rounds) {
    enum { WORDS = 1024 };
    uint64_t *stack = rounds < 1 ? NULL : calloc(WORDS, sizeof *stack);
    if (stack == NULL)
        return -1;

    unsigned watch = watch_stack("echo", stack, WORDS * sizeof *stack, 0);
    uintptr_t top = (uintptr_t)&stack[WORDS] / STACK_ALIGNMENT * STACK_ALIGNMENT;
    away = (struct place){.sp = (void *)(top - SP_AT_ENTRY), .pc = (void *)(uintptr_t)echo};
    double begin = now_ns();
    for (int i = 0; i < rounds; i++)
        switch_here(&home, &away);
    double end = now_ns();
    unwatch_stack(watch, stack, WORDS * sizeof *stack);
    free(stack);
    return (end - begin) / (2.0 * rounds);
}

static volatile bool stop;
static long rounds_timed, depth;
static double ns_of_rounds;

/* The first of them: all others have begun when its first turn is over. */
static void time_turns(void) {
    yield_thread();
    double begin = now_ns();
    for (long i = 0; i < rounds_timed; i++)
        yield_thread();
    ns_of_rounds = now_ns() - begin;
    stop = true;
}

/* As a thread does that has something to remember: it waits on its stack. */
static void take_turns(void) {
    volatile long turns = 0;

    while (!stop) {
        turns = turns + 1;
        yield_thread();
    }
}

static void take_turns_by_call(void) {
    volatile long turns = 0;

    while (!stop) {
        turns = turns + 1;
        yield_by_call();
    }
}

/* One of `timed`, and behind it as many `others` as make `threads`. Returns the
   nanoseconds that it noted, for one turn; or -1. */
static double ns_a_turn(int threads, int rounds, struct shape shape, void (*timed)(void),
                        void (*others)(void)) {
    struct runtime *r = threads < 1 || rounds < 1 ? NULL : new_runtime(threads, shape);
    if (r == NULL)
        return -1;

    stop = false;
    rounds_timed = rounds;
    bool refused = spawn(r, timed) < 0;
    for (int i = 1; i < threads && !refused; i++)
        refused = spawn(r, others) < 0;
    run(r);
    free_runtime(r);
    return refused ? -1 : ns_of_rounds / ((double)rounds * threads);
}

/* The nanoseconds from one turn to the next, where `threads` threads take `rounds` turns
   each: with the switch inlined, or called. Or -1. */
double yield_ns(int threads, int rounds, int called) {
    return ns_a_turn(threads, rounds, small_shape(), time_turns, called ? take_turns_by_call : take_turns);
}

/* The same with a shape of one's own: stacks so many bytes apart, without guard pages. */
static struct shape shaped(int64_t apart, int in_step, int huge) {
    size_t bytes = apart < 0 ? 1 : (size_t)apart;

    return (struct shape){.apart = bytes, .in_step = in_step, .huge = huge, .guard = NO_GUARD};
}

double crowd_ns(int threads, int rounds, int64_t apart, int in_step, int huge) {
    return ns_a_turn(threads, rounds, shaped(apart, in_step, huge), time_turns, take_turns);
}

/* The turns of crowd_ns without a switch: of each thread in the ring the record, and on
   its stack the word that it remembers. */
static void time_touches(void) {
    yield_thread();
    struct thread *t = current;
    double begin = now_ns();
    for (long i = 0; i < rounds_timed; i++)
        do {
            t = t->next;
            volatile uint64_t *remembered = (uint64_t *)((char *)t->place.sp);
            remembered[0] = remembered[0];
        } while (t != current);
    ns_of_rounds = now_ns() - begin;
    stop = true;
}

double touch_ns(int threads, int rounds, int64_t apart, int in_step, int huge) {
    return ns_a_turn(threads, rounds, shaped(apart, in_step, huge), time_touches, take_turns);
}

/* A turn that is taken some calls below the thread's loop: two kinds of the same code, as
   in chapter 07. */
__attribute__((noinline)) static void one_turn(long calls) {
    if (calls > 1)
        one_turn(calls - 1);
    else
        yield_thread();
    __asm__ volatile("");
}

__attribute__((noinline)) static void other_turn(long calls) {
    if (calls > 1)
        other_turn(calls - 1);
    else
        yield_thread();
    __asm__ volatile("nop");
}

static void one_kind(void) {
    while (!stop) {
        if (depth > 0)
            one_turn(depth);
        else
            yield_thread();
        __asm__ volatile("");
    }
}

static void other_kind(void) {
    while (!stop) {
        if (depth > 0)
            other_turn(depth);
        else
            yield_thread();
        __asm__ volatile("nop");
    }
}

/* As yield_ns, with each yield `calls` calls below the thread's loop, and the threads all
   of one kind; or neighbours of two, if `kinds` is 2. */
double deep_ns(int threads, int kinds, long calls, int rounds) {
    struct runtime *r =
        threads < 1 || calls < 0 || rounds < 1 ? NULL : new_runtime(threads + 1, small_shape());
    if (r == NULL)
        return -1;

    stop = false;
    depth = calls;
    rounds_timed = rounds;
    bool refused = spawn(r, time_turns) < 0;
    for (int i = 0; i < threads; i++)
        refused |= spawn(r, kinds == 2 && i % 2 == 1 ? other_kind : one_kind) < 0;
    run(r);
    free_runtime(r);
    return refused ? -1 : ns_of_rounds / ((double)rounds * (threads + 1));
}

static void do_nothing(void) {
}

/* The nanoseconds from the spawn of a thread that does nothing to its end, the mean of
   `rounds`, one after another, in a place that was used before. Or -1. */
double spawn_ns(int rounds) {
    struct runtime *r = rounds < 1 ? NULL : new_runtime(4, small_shape());
    if (r == NULL)
        return -1;

    spawn(r, do_nothing); /* not timed: it makes the place, and its page of stack */
    run(r);
    double begin = now_ns();
    for (int i = 0; i < rounds; i++) {
        spawn(r, do_nothing);
        run(r);
    }
    double end = now_ns();
    free_runtime(r);
    return (end - begin) / rounds;
}

/* The nanoseconds of a system call that does next to nothing. Or -1. */
double system_call_ns(int rounds) {
    if (rounds < 1)
        return -1;
    double begin = now_ns();
    for (int i = 0; i < rounds; i++) {
#ifdef __linux__
        syscall(SYS_getppid);
#else
        getppid();
#endif
    }
    return (now_ns() - begin) / rounds;
}

static long turns_each;

static void count_turns(void) {
    for (long i = 0; i < turns_each; i++) {
        current->turns++;
        yield_thread();
    }
}

/* `threads` threads yield `yields` times each. Returns how many turns they took together:
   fewer, if the system refused a guard page. Or -1. */
int64_t many(int threads, int yields) {
    struct runtime *r = threads < 1 ? NULL : new_runtime(threads, small_shape());
    int64_t turns = 0;

    if (r == NULL)
        return -1;
    turns_each = yields;
    for (int i = 0; i < threads; i++)
        spawn(r, count_turns);
    run(r);
    for (int id = 1; id <= r->threads_made; id++)
        turns += r->threads[id].turns;
    free_runtime(r);
    return turns;
}

/* ---------------------------------------------------------------------------
 * The price of a stack
 */

/* The number behind `key` in a file of lines such as "Rss:  12 kB"; -1: not there. */
static int64_t number_in(const char *file, const char *key) {
    char line[256];
    long number = -1;
    FILE *in = fopen(file, "r");

    if (in == NULL)
        return -1;
    while (number < 0 && fgets(line, sizeof line, in) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            number = strtol(line + strlen(key), NULL, 10);
    fclose(in);
    return number;
}

static int64_t kilobytes(const char *file, const char *key) {
    int64_t number = number_in(file, key);

    return number < 0 ? -1 : number * 1024;
}

static int64_t lines_of(const char *file) {
    int64_t lines = 0;
    FILE *in = fopen(file, "r");

    if (in == NULL)
        return -1;
    for (int c; (c = getc(in)) != EOF;)
        lines += c == '\n';
    fclose(in);
    return lines;
}

/* What the system says of this process's memory. -1: it does not say it. */
struct usage {
    int64_t resident;    /* bytes that are in memory */
    int64_t page_tables; /* bytes with which the system finds them */
    int64_t mappings;    /* ranges of addresses of one kind */
};

static struct usage usage_now(void) {
    struct usage now = {
        kilobytes("/proc/self/smaps_rollup", "Rss:"),
        kilobytes("/proc/self/status", "VmPTE:"),
        lines_of("/proc/self/maps"),
    };

    if (now.resident < 0) /* as far as it ever grew: for a process that does this first */
        now.resident = kilobytes("/proc/self/status", "VmHWM:");
    if (now.resident < 0) {
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        now.resident = usage.ru_maxrss;
    }
    return now;
}

/* What a stack of a kind costs: bytes for each of the threads, and the nanoseconds in which
   each was made, had its first turn, and was given back. */
struct stack_price {
    int64_t threads;
    int64_t reserved, resident, page_tables;
    int64_t mappings; /* how many more there are, of all threads */
    int64_t made_ns, first_turn_ns, freed_ns;
};

static int64_t each(int64_t after, int64_t before, int64_t threads) {
    return after < 0 || before < 0 ? -1 : (after - before) / threads;
}

/* Touches so many bytes of its stack, and waits. */
static long touched;

__attribute__((noinline)) static void touch_below(long bytes) {
    volatile char here[512];

    here[0] = (char)bytes;
    if (bytes > (long)sizeof here)
        touch_below(bytes - (long)sizeof here);
    here[1] = here[0];
}

static void touch_and_wait(void) {
    if (touched > 0)
        touch_below(touched);
    yield_thread();
}

/* `threads` threads at once, of this shape, which touch `deep` bytes of their stacks. Returns
   0; or -1, and `out` has what there was up to then. */
static int price_stacks(int threads, struct shape shape, long deep, struct stack_price *out) {
    usage_now(); /* once in vain: to ask takes memory too, the first time */
    struct usage before = usage_now();
    double begin = now_ns();
    struct runtime *r = threads < 1 ? NULL : new_runtime(threads, shape);
    int refused = 0;

    *out = (struct stack_price){0};
    if (r == NULL)
        return -1;
    touched = deep;
    for (int i = 0; i < threads && !refused; i++)
        refused = spawn(r, touch_and_wait) < 0;
    int64_t made = r->threads_made > 0 ? r->threads_made : 1;
    double all_made = now_ns();
    running = r;
    current = r->current;
    resume(current->next); /* each has a turn; nobody ends: the base thread is in the ring */
    double all_run = now_ns();
    struct usage after = usage_now();
    *out = (struct stack_price){
        .threads = r->threads_made,
        .reserved = (int64_t)r->shape.apart,
        .resident = each(after.resident, before.resident, made),
        .page_tables = each(after.page_tables, before.page_tables, made),
        .mappings = after.mappings < 0 ? -1 : after.mappings - before.mappings,
        .made_ns = (int64_t)(all_made - begin) / made,
        .first_turn_ns = (int64_t)(all_run - all_made) / made,
    };
    running = NULL;
    run(r);
    double ended = now_ns();
    free_runtime(r);
    out->freed_ns = (int64_t)(now_ns() - ended) / made;
    return refused ? -1 : 0;
}

/* Stacks so many bytes apart, tops in step; `guard` and `huge` as in struct shape. Meant for a process of
   its own: what others have used before is not counted twice. */
int stack_price(int threads, int64_t apart, int guard, int huge, int64_t deep, struct stack_price *out) {
    if (guard < NO_GUARD || guard > BEST_GUARD || apart < 1 || deep < 0 || deep > apart)
        return -1;
    struct shape shape = {(size_t)apart, .in_step = 1, .huge = huge, .guard = (enum guard)guard};
    return price_stacks(threads, shape, (long)deep, out);
}

/* How many more threads may have a guard page that cuts: each makes two mappings of one. -1: the
   system sets no such limit, or does not tell. */
int64_t cuts_allowed(void) {
    int64_t most = number_in("/proc/sys/vm/max_map_count", ""), now = lines_of("/proc/self/maps");

    return most < 0 || now < 0 ? -1 : most < now ? 0 : (most - now) / 2;
}

/* How many there were when the system refused one, of at most `most`. Or -1. */
int64_t cuts_until_refused(int most) {
    struct shape shape = small_shape();

    shape.guard = CUT;
    struct runtime *r = most < 1 ? NULL : new_runtime(most, shape);
    if (r == NULL)
        return -1;
    while (spawn(r, do_nothing) >= 0)
        ;
    int64_t made = r->threads_made;
    run(r);
    free_runtime(r);
    return made;
}

/* ---------------------------------------------------------------------------
 * A million
 */

/* For each thread: its page of stack, its record, its part of the page tables; and a little
   more, since nothing is ever as exact. */
static int64_t bytes_a_thread(void) {
    return sysconf(_SC_PAGESIZE) + CACHE_LINE + 8 * 5 + 128;
}

/* The bytes of memory that nobody uses; within what this process's group may have. */
static int64_t free_bytes(void) {
    int64_t free_now = kilobytes("/proc/meminfo", "MemAvailable:");
    int64_t most = number_in("/sys/fs/cgroup/memory.max", ""); /* -1 or 0: "max" */
    int64_t used = number_in("/sys/fs/cgroup/memory.current", "");

    if (free_now < 0)
        free_now = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / 4;
    if (most > 0 && used >= 0 && most - used < free_now)
        free_now = most - used;
    return free_now < 0 ? 0 : free_now;
}

/* How many threads to make here: at most `most`, with three quarters of the free memory, half
   of the addresses that this process may have, and as many guard pages as the system allows. Why
   not more, or that it is all, goes to `why`, a sentence of at most `size` bytes. */
int64_t threads_that_fit(int64_t most, char *why, int64_t size) {
    int64_t memory = free_bytes() / 4 * 3 / bytes_a_thread(), cuts = cuts_allowed();
    int64_t fit = most;
    struct rlimit addresses;
    const char *reason = "all that were asked for";

    if (memory < fit) {
        fit = memory;
        reason = "three quarters of the memory that is free";
    }
    if (getrlimit(RLIMIT_AS, &addresses) == 0 && addresses.rlim_cur != RLIM_INFINITY &&
        (int64_t)(addresses.rlim_cur / 2 / small_shape().apart) < fit) {
        fit = (int64_t)(addresses.rlim_cur / 2 / small_shape().apart);
        reason = "half of the addresses that this process may have (ulimit -v)";
    }
    if (!guards_are_marked() && cuts >= 0 && cuts - 1000 < fit) {
        fit = cuts > 1000 ? cuts - 1000 : 0;
        reason = "as many guard pages as the system allows (vm.max_map_count), but for a few";
    }
    if (size > 0)
        snprintf(why, (size_t)size, "%s", reason);
    return fit;
}

struct million_report {
    int64_t threads; /* alive at once, each having run */
    int64_t turns;   /* that they took, together */
    int64_t resident, page_tables; /* bytes, of all */
    int64_t made_ns, first_ns;     /* to make all; for a turn of each, the first one */
    int64_t step_ps;               /* a later turn, in thousandths of a nanosecond */
    int64_t ended_ns;              /* the last turn of each, in which it ends; and all memory back */
};

static bool end_now;

static void live_long(void) {
    volatile int32_t turns = 0;

    do {
        turns = turns + 1;
        yield_thread();
    } while (!end_now);
    current->turns = turns;
}

/* The base thread stands in the ring, and goes on when each of the others has had a turn. */
static void a_round(struct runtime *r) {
    running = r;
    current = r->current;
    resume(current->next);
}

/* Makes so many threads, lets each take a turn, and `rounds` more, and ends them all. Meant
   for a process of its own. Returns 0; or -1, no memory or no guard page: `threads` says how
   many there were. */
int million(int threads, int rounds, struct million_report *out) {
    struct usage before = usage_now();
    double begin = now_ns();
    struct runtime *r = threads < 1 || rounds < 1 ? NULL : new_runtime(threads, small_shape());
    bool refused = false;

    *out = (struct million_report){0};
    if (r == NULL)
        return -1;
    end_now = false;
    for (int i = 0; i < threads && !refused; i++)
        refused = spawn(r, live_long) < 0;
    double made = now_ns();
    a_round(r);
    double first = now_ns();
    struct usage after = usage_now();
    double again = now_ns();
    for (int i = 0; i < rounds; i++)
        a_round(r);
    double stepped = now_ns();
    end_now = true;
    running = NULL;
    run(r);
    for (int id = 1; id <= r->threads_made; id++)
        out->turns += r->threads[id].turns;
    out->threads = r->threads_made;
    free_runtime(r);
    out->ended_ns = (int64_t)(now_ns() - stepped);
    out->resident = after.resident - before.resident;
    out->page_tables = after.page_tables < 0 ? -1 : after.page_tables - before.page_tables;
    out->made_ns = (int64_t)(made - begin);
    out->first_ns = (int64_t)(first - made);
    out->step_ps = (int64_t)((stepped - again) * 1000 / ((double)rounds * threads));
    return refused ? -1 : 0;
}

/* ---------------------------------------------------------------------------
 * For the exercises: each puts something better in the place of these
 */

/* 11.2: a thread calls it after each piece of work. */
static void rest(void) {
    yield_thread();
}

enum { MOST_TURNS = 200 };
static int pieces_to_do[] = {25, 7, 35};
static struct {
    int thread, pieces;
} work_done[MOST_TURNS];
static int turns_of_work;

static void do_a_piece(void) {
    int me = (int)(current - running->threads);

    if (turns_of_work == 0 || work_done[turns_of_work - 1].thread != me) {
        if (turns_of_work == MOST_TURNS)
            return;
        work_done[turns_of_work++].thread = me;
    }
    work_done[turns_of_work - 1].pieces++;
}

static void work(void) {
    for (int i = pieces_to_do[current - running->threads - 1]; i > 0; i--) {
        do_a_piece();
        rest();
    }
}

/* Three threads have 25, 7 and 35 pieces of work to do. Writes who did how many before somebody
   else went on, as "1:10 2:7"; of the last of so many times, for which new threads get the places
   of the old ones. Returns 0 or -1. */
int pieces_of_work(int times, char *text, int64_t size) {
    struct runtime *r = times < 1 || size < 1 ? NULL : new_runtime(3, small_shape());
    int64_t used = 0;

    if (r == NULL)
        return -1;
    text[0] = 0;
    for (int time = 0; time < times; time++) {
        memset(work_done, 0, sizeof work_done);
        turns_of_work = 0;
        for (int i = 0; i < 3; i++)
            spawn(r, work);
        run(r);
    }
    free_runtime(r);
    for (int i = 0; i < turns_of_work && used < size; i++)
        used += snprintf(text + used, (size_t)(size - used), "%s%d:%d", i > 0 ? " " : "",
                         work_done[i].thread, work_done[i].pieces);
    return 0;
}

/* For the check of 11.3: bytes that were forgotten for a thread and lie outside of its stack. */
static const struct runtime *counted;
static int64_t not_its_own;

static void count_what_is_not_its_own(const struct thread *t, const char *low, size_t bytes) {
    const char *from = stack_of(counted, (int)(t - counted->threads));
    const char *to = from + stack_bytes(counted);

    for (size_t i = 0; i < bytes; i += counted->page_size)
        if (low + i < from || low + i >= to)
            not_its_own += (int64_t)counted->page_size;
}

/* So many bytes from `low` on, whole pages of t's stack, are needed no more: their memory goes
   back to the system, and they are zeros when they are touched again. Nobody can wait there any
   longer: the next one in this place begins in thread_entry anew. */
__attribute__((unused)) static void forget(struct thread *t, char *low, size_t bytes) {
    if (counted != NULL)
        count_what_is_not_its_own(t, low, bytes);
    t->place.pc = NULL;
#ifdef __linux__
    madvise(low, bytes, MADV_DONTNEED);
#else
    mmap(low, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_FIXED, -1, 0);
#endif
}

/* 11.3: gives back the memory of all stacks that nobody uses. */
static void give_back(struct runtime *r) {
    (void)r;
}

struct rush_report {
    int64_t used_pages;   /* in the stacks of those that had finished, before */
    int64_t left_pages;   /* and afterwards */
    int64_t remembered;   /* by those that waited, of three */
    int64_t guards;       /* of eight, afterwards */
    int64_t not_its_own;  /* bytes that were forgotten for a thread, outside of its stack */
    int64_t begin_anew;   /* of five places, in which nobody waits in thread_entry any more */
    int64_t ran_again;    /* of five new threads, in the old places */
};

static int64_t pages_in_memory(struct runtime *r, int id) {
    int64_t pages = 0;
#ifdef __linux__
    unsigned char in[64];
#else
    char in[64];
#endif
    size_t bytes = stack_bytes(r) < 64 * r->page_size ? stack_bytes(r) : 64 * r->page_size;

    if (mincore(stack_of(r, id), bytes, in) != 0)
        return -1;
    for (size_t i = 0; i < bytes / r->page_size; i++)
        pages += in[i] & 1;
    return pages;
}

static struct rush_report rush;
static bool rush_is_over;

static void hurry(void) {
    touch_below(6000);
    rush.ran_again++;
}

static void remember(void) {
    volatile int numbers[100];
    int32_t sum = 0;

    for (int i = 0; i < 100; i++)
        numbers[i] = i;
    while (!rush_is_over)
        yield_thread();
    for (int i = 0; i < 100; i++)
        sum += numbers[i];
    rush.remembered += sum == 4950;
}

/* Five threads finish, three others wait with something on their stacks; then memory is given
   back; then five more run. Returns 0 or -1. */
int after_a_rush(struct rush_report *out) {
    struct shape shape = small_shape();
    struct runtime *r = new_runtime(8, shape);

    if (r == NULL)
        return -1;
    rush = (struct rush_report){0};
    rush_is_over = false;
    for (int i = 0; i < 8; i++)
        spawn(r, i % 3 == 1 ? remember : hurry);
    for (int i = 0; i < 3; i++)
        a_round(r);
    running = NULL;
    for (struct thread *t = r->available; t != NULL; t = t->next)
        rush.used_pages += pages_in_memory(r, (int)(t - r->threads));
    counted = r;
    not_its_own = 0;
    give_back(r);
    counted = NULL;
    rush.not_its_own = not_its_own;
    for (struct thread *t = r->available; t != NULL; t = t->next) {
        rush.left_pages += pages_in_memory(r, (int)(t - r->threads));
        rush.begin_anew += t->place.pc == NULL;
    }
    for (int id = 1; id <= 8; id++)
        rush.guards += is_guarded(area_of(r, (size_t)id));
    rush.ran_again = 0;
    for (int i = 0; i < 5; i++)
        spawn(r, hurry);
    rush_is_over = true;
    run(r);
    *out = rush;
    free_runtime(r);
    return 0;
}

#ifdef MAIN
/* A few of each, with what must be so on every machine. Ends with 1 if it is not. */
int main(void) {
    struct million_report all;
    struct rush_report after;
    char text[200];

    printf("%ld turns of 100 threads\n", (long)many(100, 10));
    printf("a switch, inlined: %.1f ns\n", ping_pong_ns(1000));
    printf("a yield of 10: %.1f ns, called %.1f ns\n", yield_ns(10, 100, 0), yield_ns(10, 100, 1));
    printf("six calls down: %.1f ns, of two kinds %.1f ns\n", deep_ns(10, 1, 6, 100), deep_ns(10, 2, 6, 100));
    printf("in step: %.1f ns, touched only %.1f ns\n", crowd_ns(100, 10, 8192, 1, 0), touch_ns(100, 10, 8192, 0, 0));
    printf("spawned, run, ended: %.1f ns\n", spawn_ns(1000));
    printf("a system call: %.1f ns\n", system_call_ns(1000));
    if (million(100, 2, &all) != 0 || pieces_of_work(1, text, sizeof text) != 0 || after_a_rush(&after) != 0)
        return 1;
    printf("%d alive at once, %d turns\n", (int)all.threads, (int)all.turns);
    printf("pieces: %.19s\n", text);
    printf("%d remember, %d guard pages, %d ran again\n", (int)after.remembered, (int)after.guards, (int)after.ran_again);
}
#endif
