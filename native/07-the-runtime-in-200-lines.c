/*
 * 07-the-runtime-in-200-lines.c: green threads, the whole of it.
 *
 * This is the commented edition. The plain one is made from it: no comments,
 * the parts of arch/ that one architecture needs put in their place, and
 * without what stands between `#ifndef PLAIN` and its #endif, which only the
 * notebook needs. It has at most 200 lines, and compiles alone.
 *
 * Alone:  cc -std=c17 -O2 -DMAIN 07-the-runtime-in-200-lines.c -o demo && ./demo
 */
#define _GNU_SOURCE /* Linux: MAP_NORESERVE, MAP_STACK, madvise */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <windows.h>

#include "arch/windows-memory.h"
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "arch/arch.h"

#ifndef PLAIN
#ifdef _WIN32
#include <psapi.h>
#else
#include <sys/resource.h>
#endif
#include <stdbool.h>
#include <time.h>

#include "arch/watch.h"
#endif

#ifndef MAP_STACK /* macOS: memory for a stack is memory like any other */
#define MAP_STACK 0
#endif

#ifndef _WIN32
/* MADV_GUARD_INSTALL, by its number: the headers of many systems are older than
   their kernel. Linux 6.13 and newer know it; everybody else says EINVAL. */
enum { GUARD_INSTALL = 102 };
#endif

/* ---------------------------------------------------------------------------
 * Thread and runtime
 */

struct runtime;

/*
 * The state of a thread is where it is. READY threads are in a ring, in the
 * order of their turns, and so is the one that is RUNNING: runtime->current.
 * AVAILABLE threads are in a list, the latest first.
 */
struct thread {
    void *sp;                       /* first, so that &thread->sp is also the thread */
    struct thread *next, *previous; /* in the ring; `next` also in the list */
    void (*function)(struct runtime *);
    struct runtime *runtime;
#ifndef PLAIN
    unsigned watch;
#endif
};

/* All there is: no variable of this file outlives a call. Whoever made it owns
   it, and any number of them may exist, even one inside a thread of another. */
struct runtime {
    struct thread *current;
    struct thread *available;
    char *stacks;   /* thread 1's guard page, its stack, thread 2's guard page … */
    size_t page;    /* bytes of a guard page */
    size_t size;    /* bytes of a stack, its guard page included */
    int most, made; /* threads besides the base thread: allowed, and made so far */
    int unguarded;  /* those whose guard page the system has refused */
#ifndef PLAIN
    struct switch_record *trace; /* the caller's; NULL: nothing is recorded */
    long trace_size, traced;
#endif
    struct thread threads[]; /* side by side. threads[0] is the base thread: the
                                one that called run, on the stack it came with */
};

#ifndef PLAIN
/* One switch, as it happened. */
struct switch_record {
    int32_t from;  /* who ran until then */
    int32_t to;    /* who ran after it */
    int32_t cause; /* one of the two below */
    int32_t ready; /* how many were READY right after it */
};

enum { YIELDED = 1, RETURNED = 2 };

static void record(struct runtime *r, const struct thread *next) {
    const struct thread *old = r->current;
    int ready = 0;

    for (const struct thread *t = next->next; t != next; t = t->next)
        ready++;
    if (r->traced < r->trace_size)
        r->trace[r->traced] = (struct switch_record){
            .from = (int32_t)(old - r->threads),
            .to = (int32_t)(next - r->threads),
            .cause = old->previous->next == old ? YIELDED : RETURNED, /* in the ring, or not */
            .ready = ready,
        };
    r->traced++;
}
#endif

/* ---------------------------------------------------------------------------
 * Yield
 */

/* The switch is the last thing that happens here, and the compiler makes a jump
   of it: it returns straight to where yield_thread was called. */
static void resume(struct runtime *r, struct thread *next) {
    struct thread *old = r->current;

#ifndef PLAIN
    if (r->trace != NULL)
        record(r, next);
#endif
    r->current = next;
    switch_stack(&old->sp, &next->sp);
}

/* What a thread calls to let others run. It goes on after a turn of all that
   are ready; if it is the only one, at once. */
static void yield_thread(struct runtime *r) {
    resume(r, r->current->next);
}

/* ---------------------------------------------------------------------------
 * The end of a thread, and its beginning
 */

/* Takes the current thread out of the ring and goes on with the next one. Its
   stack is free for others from here on, although we still stand on it: nobody
   can spawn before the switch. The base thread never comes here, so the ring
   never gets empty. */
static void t_return(struct runtime *r) {
    struct thread *old = r->current;
    struct thread *next = old->next;

    old->previous->next = next;
    next->previous = old->previous;
    old->next = r->available;
    r->available = old;
    resume(r, next);
}

/* Where every thread begins: under its function, not above it. So it need not
   be returned to by a trick, and no skip is needed. The arguments are those of
   the switch that came here for the first time; the second one is ours. */
static void guard(void **from, struct thread *self) {
    (void)from;
    self->function(self->runtime);
    t_return(self->runtime);
}

/* A thread that has never run, with a guard page below its stack: whoever needs
   more gets a signal, and not the memory of a neighbour. The page costs no
   memory. Without one the thread runs as well; so it is counted, not refused.
   NULL: there are as many as there may be. */
static struct thread *make_thread(struct runtime *r) {
    if (r->made == r->most)
        return NULL;

    char *low = r->stacks + (size_t)r->made * r->size;
    struct thread *t = &r->threads[++r->made];
    t->runtime = r;
    if (madvise(low, r->page, GUARD_INSTALL) != 0 && mprotect(low, r->page, PROT_NONE) != 0)
        r->unguarded++;
#ifndef PLAIN
    char name[32];
    snprintf(name, sizeof name, "the stack of thread %d", r->made);
    t->watch = watch_stack(name, low + r->page, r->size - r->page, r->page);
#endif
    return t;
}

/*
 * Makes a thread that will call function(r), after a turn of all that are ready
 * now. Anybody may spawn: the base thread, and a thread of this runtime. The
 * stack is that of the thread that finished last, since its memory is warm; a
 * new one only if nobody has finished. Returns the thread's number, from 1 on,
 * or -1 if all numbers are taken.
 */
static int spawn(struct runtime *r, void (*function)(struct runtime *)) {
    struct thread *t = r->available;
    if (t != NULL)
        r->available = t->next;
    else if ((t = make_thread(r)) == NULL)
        return -1;

    /* Forged as if the switch had left it. The tops are staggered: an equal
       distance between them would have all compete for the same few lines of
       the processor's cache. */
    size_t id = (size_t)(t - r->threads);
    uint64_t *sp = (uint64_t *)(r->stacks + id * r->size - id * 7 % 32 * 64) - SAVED_WORDS;
    memset(sp, 0, SAVED_WORDS * sizeof *sp);
    sp[ENTRY_WORD] = (uintptr_t)guard;
#ifdef _WIN32 /* where the system believes the stack to be */
    sp[BASE_WORD] = (uintptr_t)&sp[SAVED_WORDS];
    sp[LIMIT_WORD] = sp[ALLOCATION_WORD] = (uintptr_t)r->stacks + (id - 1) * r->size + r->page;
#endif
    t->sp = sp;
    t->function = function;

    /* Right before the current thread in the ring: the last one of a round. */
    t->next = r->current;
    t->previous = r->current->previous;
    t->previous->next = t;
    r->current->previous = t;
    return (int)id;
}

/* ---------------------------------------------------------------------------
 * A runtime, from the beginning to the end
 */

/* Room for `most` threads with at least `stack_size` bytes each; both at least
   1, and a thread that prints needs some 8 KiB. Only address space is taken
   now: memory follows as stacks are touched. NULL if there is not enough. */
static struct runtime *new_runtime(int most, size_t stack_size) {
    struct runtime *r = calloc(1, sizeof *r + ((size_t)most + 1) * sizeof r->threads[0]);
    if (r == NULL)
        return NULL;

    r->page = (size_t)sysconf(_SC_PAGESIZE);
    r->size = r->page + (stack_size + r->page - 1) / r->page * r->page;
    r->most = most;
    r->current = r->threads[0].next = r->threads[0].previous = &r->threads[0];
    r->stacks = mmap(NULL, (size_t)most * r->size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANON | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (r->stacks == MAP_FAILED) {
        free(r);
        return NULL;
    }
    return r;
}

/* Gives everything back. Threads that have not finished never will: what they
   own themselves, nobody frees. */
static void free_runtime(struct runtime *r) {
#ifndef PLAIN
    for (int i = 1; i <= r->made; i++)
        unwatch_stack(r->threads[i].watch, r->stacks + (size_t)(i - 1) * r->size + r->page,
                      r->size - r->page);
#endif
    munmap(r->stacks, (size_t)r->most * r->size);
    free(r);
}

/* Lets all threads run to their end. To be called where the runtime was made.
   The base thread keeps its turn in every round, as in the book: so it sees
   when it is alone, and so there is a place in each round that is on the stack
   of the one who called. */
static void run(struct runtime *r) {
    while (r->current->next != r->current)
        yield_thread(r);
}

/* ---------------------------------------------------------------------------
 * The book's example
 */

static void count(struct runtime *r, int id, int end) {
    printf("THREAD %d STARTING\n", id);
    for (int i = 0; i < end; i++) {
        printf("thread: %d counter: %d\n", id, i);
        yield_thread(r);
    }
    printf("THREAD %d FINISHED\n", id);
}

static void thread_1(struct runtime *r) {
    count(r, 1, 10);
}

static void thread_2(struct runtime *r) {
    count(r, 2, 15);
}

#ifndef PLAIN
static void begin_trace(struct runtime *r);
static void end_trace(const struct runtime *r);
#endif

/* Prints the 29 lines. Returns 0; or 1 if there is no memory, or no thread, for it. */
int book_example(void) {
    struct runtime *r = new_runtime(2, 64 * 1024);
    if (r == NULL)
        return 1;

#ifndef PLAIN
    begin_trace(r);
#endif
    int refused = spawn(r, thread_1) < 0 || spawn(r, thread_2) < 0;
    run(r);
#ifndef PLAIN
    end_trace(r);
#endif
    if (r->unguarded > 0)
        fprintf(stderr, "%d stacks have no guard page here.\n", r->unguarded);
    free_runtime(r);
    return refused;
}

#ifdef MAIN
int main(void) {
    return book_example();
}
#endif

#ifndef PLAIN
/* ---------------------------------------------------------------------------
 * For the notebook, and for the tests: what it can do, and how fast
 *
 * Threads of these functions take what they need from the variables here. An
 * error is -1 everywhere: no memory, or a number that makes no sense.
 */

enum { SMALL_STACK = 16 * 1024 };

static struct switch_record *trace_buffer;
static long trace_buffer_size, trace_length;

/* From the next run of book_example or count_in_turn on, every switch is
   recorded in the caller's memory, the first `size` of each run. NULL: no more. */
void trace_to(struct switch_record *buffer, long size) {
    trace_buffer = buffer;
    trace_buffer_size = buffer != NULL && size > 0 ? size : 0;
}

/* How many switches the latest of them made, whether they fitted or not. */
long traced(void) {
    return trace_length;
}

static void begin_trace(struct runtime *r) {
    r->trace = trace_buffer;
    r->trace_size = trace_buffer_size;
}

static void end_trace(const struct runtime *r) {
    trace_length = r->traced;
}

static const int32_t *counts; /* thread 1 counts to counts[0], and so on */

static void count_to_mine(struct runtime *r) {
    int id = (int)(r->current - r->threads);

    count(r, id, counts[id - 1]);
}

/* As the book's example, with `threads` threads: the first counts to
   counts_to[0], and so on. Returns 0 or -1. */
int count_in_turn(const int32_t *counts_to, int threads) {
    struct runtime *r = threads < 1 ? NULL : new_runtime(threads, 64 * 1024);
    if (r == NULL)
        return -1;

    counts = counts_to;
    begin_trace(r);
    for (int i = 0; i < threads; i++)
        spawn(r, count_to_mine);
    run(r);
    end_trace(r);
    free_runtime(r);
    return 0;
}

static void yield_to_mine(struct runtime *r) {
    for (int32_t i = counts[r->current - r->threads - 1]; i > 0; i--)
        yield_thread(r);
}

/* In silence: the first of `threads` threads yields yields[0] times, and so on.
   The first `size` switches go to `out`. Returns how many there were, or -1. */
long trace_turns(const int32_t *yields, int threads, struct switch_record *out, long size) {
    struct runtime *r = threads < 1 ? NULL : new_runtime(threads, SMALL_STACK);
    if (r == NULL)
        return -1;

    counts = yields;
    r->trace = out;
    r->trace_size = size;
    for (int i = 0; i < threads; i++)
        spawn(r, yield_to_mine);
    run(r);
    long switches = r->traced;
    free_runtime(r);
    return switches;
}

static long turns, turns_each;
static volatile bool stop;

static void do_nothing(struct runtime *r) {
    (void)r;
}

static void take_turns(struct runtime *r) {
    for (long i = 0; i < turns_each; i++) {
        turns++;
        yield_thread(r);
    }
}

static void take_turns_until_stopped(struct runtime *r) {
    while (!stop)
        yield_thread(r);
}

/* `threads` threads yield `yields` times each. Returns how many turns they took
   together, or -1. */
long many(int threads, int yields) {
    struct runtime *r = threads < 1 ? NULL : new_runtime(threads, SMALL_STACK);
    if (r == NULL)
        return -1;

    turns = 0;
    turns_each = yields;
    for (int i = 0; i < threads; i++)
        spawn(r, take_turns);
    run(r);
    free_runtime(r);
    return turns;
}

/* What the threads that came and went have left behind. */
struct row_report {
    int64_t finished; /* threads */
    int64_t stacks;   /* that were ever made for them */
    int64_t grown;    /* bytes that the process's memory peaked above the start */
};

#ifdef _WIN32
static int64_t peak_bytes(void) {
    PROCESS_MEMORY_COUNTERS memory = {.cb = sizeof memory};

    GetProcessMemoryInfo(GetCurrentProcess(), &memory, sizeof memory);
    return (int64_t)memory.PeakWorkingSetSize;
}
#else
static int64_t peak_bytes(void) {
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
#if defined __APPLE__
    return usage.ru_maxrss;
#else
    return usage.ru_maxrss * (int64_t)1024;
#endif
}
#endif

/* Spawns `threads` threads and lets them finish, `at_once` at a time. Returns 0
   or -1. */
int in_a_row(int threads, int at_once, struct row_report *out) {
    struct runtime *r = at_once < 1 ? NULL : new_runtime(at_once, SMALL_STACK);
    if (r == NULL)
        return -1;

    int64_t before = peak_bytes();
    turns = 0;
    turns_each = 1;
    for (int i = 0; i < threads; i += at_once) {
        for (int j = 0; j < at_once && i + j < threads; j++)
            spawn(r, take_turns);
        run(r);
    }
    *out = (struct row_report){turns, r->made, peak_bytes() - before};
    free_runtime(r);
    return 0;
}

/* The last number of such a report, or -1. */
long grown_by(int threads, int at_once) {
    struct row_report row;

    return in_a_row(threads, at_once, &row) == 0 ? (long)row.grown : -1;
}

static long born, to_be_born;

/* Spawns two of its kind, while there shall be more. A parent ends before its
   children begin, and leaves its stack to somebody's child. */
static void have_children(struct runtime *r) {
    turns++;
    for (int i = 0; i < 2 && born < to_be_born; i++) {
        born++;
        spawn(r, have_children);
    }
}

/* A thread spawns two threads, which spawn two each, and so on, until there
   have been `threads`. Returns how many have run, or -1. */
long family(int threads) {
    struct runtime *r = threads < 1 ? NULL : new_runtime(threads, SMALL_STACK);
    if (r == NULL)
        return -1;

    turns = 0;
    born = 1;
    to_be_born = threads;
    spawn(r, have_children);
    run(r);
    free_runtime(r);
    return turns;
}

/* A runtime inside a thread of another one, which goes on afterwards. */
static void have_a_runtime(struct runtime *outer) {
    struct runtime *inner = new_runtime(3, SMALL_STACK);
    if (inner == NULL)
        return;

    for (int i = 0; i < 3; i++)
        spawn(inner, take_turns);
    run(inner);
    free_runtime(inner);
    yield_thread(outer);
    turns++;
}

/* Two threads have a runtime each, with three threads that take ten turns.
   Returns all turns together: 2 * (3 * 10 + 1), or -1. */
long runtimes_inside(void) {
    struct runtime *r = new_runtime(2, 64 * 1024);
    if (r == NULL)
        return -1;

    turns = 0;
    turns_each = 10;
    spawn(r, have_a_runtime);
    spawn(r, have_a_runtime);
    run(r);
    free_runtime(r);
    return turns;
}

/* How many threads can be spawned where `most` are allowed. Or -1. */
int spawned_until_full(int most) {
    struct runtime *r = most < 1 ? NULL : new_runtime(most, SMALL_STACK);
    int spawned = 0;

    if (r == NULL)
        return -1;
    while (spawn(r, do_nothing) >= 0)
        spawned++;
    run(r);
    free_runtime(r);
    return spawned;
}

/* What a thread does that cannot go on, and what others do when it can: it takes
   its turns and looks again, and nobody need wake it. An exercise of the
   chapter puts something better in the place of both. */
static void park(struct runtime *r) {
    yield_thread(r);
}

static void wake(struct runtime *r, struct thread *thread) {
    (void)r;
    (void)thread;
}

/* What became of a letter. */
struct mail_report {
    int64_t letter; /* as it was read; 0: the reader got none */
    int64_t looks;  /* how often the reader looked for it */
    int64_t stacks; /* that were made */
    int64_t asleep; /* 1 if the reader has not come to its end */
};

enum { LETTER = 42, MOST_LOOKS = 1000 };

static struct thread *reader;
static struct mail_report mail_seen;
static long letter;

static void read_letter(struct runtime *r) {
    reader = r->current;
    mail_seen.asleep = 1;
    while (letter == 0 && mail_seen.looks < MOST_LOOKS) {
        mail_seen.looks++;
        park(r);
    }
    mail_seen.letter = letter;
    mail_seen.asleep = 0;
    reader = NULL;
}

/* The third thread would take the reader's stack, if that were free. */
static void write_letter(struct runtime *r) {
    take_turns(r);
    spawn(r, do_nothing);
    yield_thread(r);
    letter = LETTER;
    if (reader != NULL)
        wake(r, reader);
}

/* A thread waits for a letter, and another one writes it after so many turns;
   0: nobody does. Returns 0 or -1. */
int mail(int turns_before, struct mail_report *out) {
    struct runtime *r = new_runtime(3, SMALL_STACK);
    if (r == NULL)
        return -1;

    mail_seen = (struct mail_report){.stacks = 0};
    letter = 0;
    turns_each = turns_before;
    spawn(r, read_letter);
    if (turns_before > 0)
        spawn(r, write_letter);
    run(r);
    mail_seen.stacks = r->made;
    *out = mail_seen;
    free_runtime(r);
    return 0;
}

static volatile long depth;

__attribute__((noinline)) static long deeper(long left) {
    volatile long here = left;

    if (left > 1)
        deeper(left - 1);
    return here;
}

static void recurse(struct runtime *r) {
    (void)r;
    deeper(depth);
}

/* A thread that recurses `frames` deep on a stack of `stack_size` bytes. If it
   does not fit, the guard page ends the process. Returns how many stacks had to
   do without one, or -1. */
int overflow(size_t stack_size, long frames) {
    struct runtime *r = stack_size < 1 ? NULL : new_runtime(2, stack_size);
    if (r == NULL)
        return -1;

    depth = frames;
    spawn(r, recurse);
    spawn(r, recurse);
    run(r);
    int unguarded = r->unguarded;
    free_runtime(r);
    return unguarded;
}

/* How many of the registers that the callee owns come back from a visit to
   someone who overwrites all of them with another value than they had. It must
   be 0. */
int registers_lost(void) {
    static _Alignas(16) uint64_t stack[256];
    struct registers before, after;
    uint64_t floats[FLOATS_SAVED + 1], floats_before[FLOATS_SAVED + 1],
        floats_after[FLOATS_SAVED + 1];
    void *home, *visited = &stack[256 - SAVED_WORDS];
    int lost = 0;

    memset(&before, 0x5a, sizeof before);
    memset(floats_before, 0x5a, sizeof floats_before);
    before.REGISTER_ARGUMENT_1 = (uintptr_t)&home;
    before.REGISTER_ARGUMENT_2 = (uintptr_t)&visited;
    before.REGISTER_SPARE = (uintptr_t)switch_stack;
    stack[256 - SAVED_WORDS + ENTRY_WORD] = (uintptr_t)overwrite_callee_saved;

    store_floats(floats);
    load_floats(floats_before);
    call_planted((void (*)(void))switch_stack, &before, &after);
    store_floats(floats_after);
    load_floats(floats);

#define COMPARE(name) lost += before.name != after.name;
    INTEGERS_SAVED(COMPARE)
#undef COMPARE
    for (int i = 0; i < FLOATS_SAVED; i++)
        lost += floats_before[i] != floats_after[i];
    return lost;
}

static double now_ns(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *home_sp, *echo_sp;

/* The switch as the tail call of a function, as in yield_thread. Where a loop
   calls it directly, the addresses may be kept in registers; then they come
   back from the stack only after the switch, and the next one has to wait for
   them. */
__attribute__((noinline)) static void go_there(void) {
    switch_stack(&home_sp, &echo_sp);
}

__attribute__((noinline)) static void go_home(void) {
    switch_stack(&echo_sp, &home_sp);
}

/* Begins as guard does, and comes straight back, every time. */
static void echo(void **from, void *const *self) {
    (void)from;
    (void)self;
    for (;;)
        go_home();
}

/* The nanoseconds of one switch without a scheduler, the mean of 2 * `rounds`,
   there and back in turn. Or -1. */
double ping_pong_ns(int rounds) {
    enum { WORDS = SMALL_STACK / sizeof(uint64_t) };
    uint64_t *stack = rounds < 1 ? NULL : calloc(WORDS, sizeof *stack);
    if (stack == NULL)
        return -1;

    unsigned watch = watch_stack("echo", stack, SMALL_STACK, 0);
    echo_sp = &stack[WORDS - SAVED_WORDS];
    stack[WORDS - SAVED_WORDS + ENTRY_WORD] = (uintptr_t)echo;
    double begin = now_ns();
    for (int i = 0; i < rounds; i++)
        go_there();
    double end = now_ns();
    unwatch_stack(watch, stack, SMALL_STACK);
    free(stack);
    return (end - begin) / (2.0 * rounds);
}

/* The nanoseconds from one turn to the next, where `ready` threads, the base
   thread among them, take `rounds` turns each, in a runtime that has room for
   `slots` of them. Or -1. */
double yield_ns(int slots, int ready, int rounds) {
    struct runtime *r =
        ready < 2 || slots < ready || rounds < 1 ? NULL : new_runtime(slots - 1, SMALL_STACK);
    if (r == NULL)
        return -1;

    stop = false;
    for (int i = 1; i < ready; i++)
        spawn(r, take_turns_until_stopped);
    yield_thread(r); /* everybody has begun */
    double begin = now_ns();
    for (int i = 0; i < rounds; i++)
        yield_thread(r);
    double end = now_ns();
    stop = true;
    run(r);
    free_runtime(r);
    return (end - begin) / ((double)rounds * ready);
}

/* The nanoseconds from the spawn of a thread that does nothing to its end, the
   mean of `rounds`, one after another. Or -1. */
double spawn_ns(int rounds) {
    struct runtime *r = rounds < 1 ? NULL : new_runtime(4, SMALL_STACK);
    if (r == NULL)
        return -1;

    double begin = now_ns();
    for (int i = 0; i < rounds; i++) {
        spawn(r, do_nothing);
        run(r);
    }
    double end = now_ns();
    free_runtime(r);
    return (end - begin) / rounds;
}
#endif
