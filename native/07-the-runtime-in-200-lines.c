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
#ifdef __linux__
#define _GNU_SOURCE /* MAP_NORESERVE, MAP_STACK, madvise */
#endif
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#ifdef _WIN32
#include <windows.h>

#include "arch/windows-memory.h"
#else
#include <errno.h>
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
#include <stdlib.h>
#include <time.h>

#include "arch/watch.h"
#endif

#ifndef MAP_STACK /* macOS: memory for a stack is memory like any other */
#define MAP_STACK 0
#endif

#ifndef _WIN32
/* MADV_GUARD_INSTALL and MADV_POPULATE_READ, by their numbers: the headers of a system are
   often older than the system. Linux 6.13 and newer know both; everybody else says EINVAL. */
enum { GUARD_INSTALL = 102, POPULATE_READ = 22 };

/* Marks a page such that nobody may touch it. There are those that say they have marked it
   and have not (an emulator that takes the mark for advice): so the system itself is asked to
   read there. Returns 0 if it may not. */
static int mark_guard(char *low, size_t size) {
    return madvise(low, size, GUARD_INSTALL) || madvise(low, size, POPULATE_READ) == 0 ||
           errno != EFAULT;
}
#endif
/* The tops of stacks are staggered, a line of the processor's cache each. A cache
   finds a place by the lower bits of an address: tops at the same place of their
   pages would all compete for the same few lines of it. */
enum { CACHE_LINE = 64, STAGGERED = 64 * CACHE_LINE };
/* Why there is no thread: all places are taken; or the system gives no guard
   page, and a thread without one could harm its neighbour, unseen. */
enum { NO_PLACE = -1, NO_GUARD_PAGE = -2 };

/* ---------------------------------------------------------------------------
 * Thread and runtime
 */

/*
 * The state of a thread is where it is. READY threads are in a ring, in the
 * order of their turns, and so is the one that is RUNNING: runtime->current.
 * AVAILABLE places are in a list, the latest first. A thread in neither waits.
 */
struct thread {
    void *sp;                       /* first, so that &thread->sp is also the thread */
    struct thread *next, *previous; /* in the ring; `next` also in the list */
    void (*function)(void);
};
_Static_assert(offsetof(struct thread, sp) == 0, "thread_entry takes one for the other");

/* Whoever made it owns it, and any number of them may exist. One piece of memory
   holds all of it: an area for each thread, a guard page and above it the stack;
   then this record and those of the threads, side by side. */
struct runtime {
    struct thread *current, *available;
    char *areas; /* thread 1's, thread 2's, … */
    size_t area_size, page_size;
    int threads_allowed, threads_made; /* besides the base thread */
#ifndef PLAIN
    unsigned *watched;           /* what watch_stack said of each thread's stack */
    struct switch_record *trace; /* the caller's; NULL: nothing is recorded */
    long trace_size, traced;
#endif
    struct thread threads[]; /* threads[0] is the base thread: the one that calls
                                run, on the stack it came with */
};
/* Whose threads have the processor: set by run, for as long as it lasts. It is
   the only variable outside the stacks, and it is one on purpose. A switch is
   followed by reads from the new stack, which may have to come from far away;
   what is read from here is at hand meanwhile. */
static struct runtime *running;

#ifndef PLAIN
/* One switch, as it happened. */
struct switch_record {
    int32_t from;  /* who ran until then */
    int32_t to;    /* who ran after it */
    int32_t cause; /* one of the three below */
    int32_t ready; /* how many were READY right after it */
};

enum { YIELDED = 1, RETURNED = 2, WAITS = 3 };

static char *stack_of(const struct runtime *r, int id) {
    return r->areas + (size_t)(id - 1) * r->area_size + r->page_size;
}

/* Gives a new thread's stack a name in reports of crashes. */
static void watch(struct runtime *r, int id) {
    char name[32];

    if (r->watched == NULL)
        r->watched = calloc((size_t)r->threads_allowed + 1, sizeof *r->watched);
    if (r->watched == NULL)
        return;
    snprintf(name, sizeof name, "the stack of thread %d", id);
    r->watched[id] = watch_stack(name, stack_of(r, id), r->area_size - r->page_size, r->page_size);
}

static void unwatch(struct runtime *r) {
    for (int id = 1; id <= r->threads_made && r->watched != NULL; id++)
        unwatch_stack(r->watched[id], stack_of(r, id), r->area_size - r->page_size);
    free(r->watched);
}

__attribute__((cold, noinline, unused)) static void record(struct runtime *r, struct thread *next) {
    struct thread *old = r->current;
    int ready = 0;

    for (const struct thread *t = next->next; t != next; t = t->next)
        ready++;
    if (r->traced < r->trace_size)
        r->trace[r->traced] = (struct switch_record){
            .from = (int32_t)(old - r->threads),
            .to = (int32_t)(next - r->threads),
            .cause = old == r->available                 ? RETURNED
                     : old->next == old && next != old ? WAITS
                                                       : YIELDED,
            .ready = ready,
        };
    r->traced++;
}

/* Two more switches, for cells that want them: each goes on in one way, always. */
SWITCH_STACK_THAT(jumps);
SWITCH_STACK_THAT(returns);
#ifdef SWITCH /* -DSWITCH=switch_stack_that_jumps: the whole runtime with this one */
#undef switch_stack
#define switch_stack SWITCH
#endif
#endif

/* ---------------------------------------------------------------------------
 * Yield
 */

/* The switch is the last thing that happens here, and the compiler makes a jump
   of it: it returns straight to where yield_thread was called. */
static void resume(struct thread *next) {
    struct thread *old = running->current;
#ifndef PLAIN
    if (running->trace != NULL)
        record(running, next);
#endif
    running->current = next;
    switch_stack(&old->sp, &next->sp);
}

/* What a thread calls to let others run. It goes on after a turn of all that
   are ready; if it is the only one, at once. */
static void yield_thread(void) {
    resume(running->current->next);
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

/* Takes the current thread out; it is a ring of its own then. Returns who is to
   go on: the next one, or after the last one the base thread. */
static struct thread *leave_ring(void) {
    struct thread *old = running->current, *next = old->next;
    next->previous = old->previous;
    old->previous->next = next;
    old->next = old->previous = old;
    return next != old ? next : &running->threads[0];
}

/* ---------------------------------------------------------------------------
 * The end of a thread, and its beginning
 */

/* Ends the current thread. Its stack is free for others from here on, although
   we still stand on it: nobody can spawn before the switch. */
static void t_return(void) {
    struct thread *old = running->current, *next = leave_ring();
    old->next = running->available;
    running->available = old;
#ifndef PLAIN
    last_switch(); /* to those who watch, again: nobody comes back */
#endif
    resume(next);
}

/* Where every thread begins: it calls the thread's function. So it need not be
   returned to by a trick, and no skip is needed. The arguments are those of
   the switch that came here for the first time; the second one is ours. Nobody
   resumes a thread that has ended: the trap is for the day when somebody does. */
static _Noreturn void thread_entry(void **from, struct thread *self) {
#ifndef PLAIN
    STACK_BEGINS_HERE(); /* to those who walk the stack: there is no caller */
    arrived();           /* to those who watch it: see watch.h */
#endif
    (void)from;
    self->function();
    t_return();
    __builtin_trap();
}

/* A stack that has never run, forged as if the switch had left it. */
static void *forge_stack(const struct runtime *r, size_t id) {
    char *top = r->areas + id * r->area_size - id * CACHE_LINE % STAGGERED;
    uint64_t *sp = (uint64_t *)top - SAVED_WORDS;
    memset(sp, 0, SAVED_WORDS * sizeof *sp);
    sp[ENTRY_WORD] = (uintptr_t)thread_entry;
#ifdef _WIN32 /* where the system believes the stack to be */
    sp[BASE_WORD] = (uintptr_t)top;
    sp[LIMIT_WORD] = sp[ALLOCATION_WORD] =
        (uintptr_t)r->areas + (id - 1) * r->area_size + r->page_size;
#endif
    return sp;
}

/* The place of the thread that finished last, since its memory is warm; a new
   one only if nobody has finished. It gets a guard page below its stack: whoever
   needs more gets a signal, and not the memory of a neighbour. Of the two ways to
   have one, each says 0 if it has worked. */
static int take_place(struct runtime *r) {
    struct thread *t = r->available;
    char *low = r->areas + (size_t)r->threads_made * r->area_size;
    if (t != NULL) {
        r->available = t->next;
        return (int)(t - r->threads);
    }
    if (r->threads_made == r->threads_allowed)
        return NO_PLACE;
    if (mark_guard(low, r->page_size) && mprotect(low, r->page_size, PROT_NONE))
        return NO_GUARD_PAGE;
#ifndef PLAIN
    watch(r, r->threads_made + 1);
#endif
    return ++r->threads_made;
}

/*
 * Makes a thread that will call `function`, after a turn of all that are ready
 * now. Anybody may spawn; a thread does it with spawn(running, function).
 * Returns the thread's number, from 1 on, or NO_PLACE or NO_GUARD_PAGE.
 */
static int spawn(struct runtime *r, void (*function)(void)) {
    int id = take_place(r);
    if (id < 0)
        return id;
    struct thread *t = &r->threads[id];
    t->function = function;
    t->sp = forge_stack(r, (size_t)id);
    join_ring(t, r->current); /* right before the current one: the last of a round */
    return id;
}

/* ---------------------------------------------------------------------------
 * A runtime, from the beginning to the end
 */

/* Room for so many threads, each with at least `stack_size` bytes below what is
   forged on its stack; both at least 1, and a thread that prints needs some 8 KiB.
   An area is rounded up to whole pages, the guard page one of them, and to an odd
   number: the processor remembers pages' addresses by the lower bits of their
   numbers, as a cache does, and steps of an even number leave half of its places
   unused. Only address space is taken now: memory follows as it is touched, and
   it is all zeros. NULL if there is not enough. */
static struct runtime *new_runtime(int threads_allowed, size_t stack_size) {
    size_t most = (size_t)threads_allowed, page = (size_t)sysconf(_SC_PAGESIZE);
    size_t area = ((stack_size + SAVED_WORDS * 8 + STAGGERED + 2 * page - 1) / page | 1) * page;
    size_t records = sizeof(struct runtime) + (most + 1) * sizeof(struct thread);
    char *areas = mmap(NULL, most * area + records, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANON | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (areas == MAP_FAILED)
        return NULL;
    struct runtime *r = (struct runtime *)(areas + most * area);
    *r = (struct runtime){.areas = areas, .area_size = area, .page_size = page};
    r->threads_allowed = threads_allowed;
    r->current = r->threads[0].next = r->threads[0].previous = &r->threads[0];
    return r;
}

/* Gives everything back. Threads that have not finished never will: what they
   own themselves, nobody frees. */
static void free_runtime(struct runtime *r) {
#ifndef PLAIN
    unwatch(r);
#endif
    munmap(r->areas, (size_t)((char *)&r->threads[r->threads_allowed + 1] - r->areas));
}

/* Lets all threads run, until nobody is ready. The base thread waits meanwhile,
   outside of the ring: whoever leaves it last resumes it. A thread of another
   runtime may call this, and is that one's current thread again afterwards. */
static inline void run(struct runtime *r) {
    struct runtime *outer = running;
    running = r;
    resume(leave_ring());
    running = outer;
}

/* ---------------------------------------------------------------------------
 * The book's example
 */

static void count(int id, int end) {
    printf("THREAD %d STARTING\n", id);
    for (int i = 0; i < end; i++) {
        printf("thread: %d counter: %d\n", id, i);
        yield_thread();
    }
    printf("THREAD %d FINISHED\n", id);
}

static void thread_1(void) {
    count(1, 10);
}

static void thread_2(void) {
    count(2, 15);
}

#ifdef MAIN
/* Prints the 29 lines. Ends with 1 if there is no memory, or no thread, for it. */
int main(void) {
    struct runtime *r = new_runtime(2, 64 * 1024);
    if (r == NULL || spawn(r, thread_1) < 0 || spawn(r, thread_2) < 0)
        return 1;
    run(r);
    free_runtime(r);
}
#endif

#ifndef PLAIN
/* ---------------------------------------------------------------------------
 * For the notebook, and for the tests: what it can do, and how fast
 *
 * Threads of these functions take what they need from the variables here. An
 * error is -1 everywhere: no memory, or a number that makes no sense.
 */

/* With what is forged on it, at most three pages of 4 KiB; with the page in which
   the tops are staggered and the guard page, an area of five. The closer together
   stacks lie, the less of the page table is read in a round of many threads. */
enum { SMALL_STACK = 12 * 1024 - 512 };

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

/* The example once more, recorded. Returns as main does. */
int book_example(void) {
    struct runtime *r = new_runtime(2, 64 * 1024);
    if (r == NULL)
        return 1;

    begin_trace(r);
    int refused = spawn(r, thread_1) < 0 || spawn(r, thread_2) < 0;
    run(r);
    end_trace(r);
    free_runtime(r);
    return refused;
}

static const int32_t *counts; /* thread 1 counts to counts[0], and so on */

static int my_id(void) {
    return (int)(running->current - running->threads);
}

static void count_to_mine(void) {
    count(my_id(), counts[my_id() - 1]);
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

static void yield_to_mine(void) {
    for (int32_t i = counts[my_id() - 1]; i > 0; i--)
        yield_thread();
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

static void do_nothing(void) {
}

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
   together: fewer, if the system refused a guard page. Or -1. */
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
    *out = (struct row_report){turns, r->threads_made, peak_bytes() - before};
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
static void have_children(void) {
    turns++;
    for (int i = 0; i < 2 && born < to_be_born && spawn(running, have_children) >= 0; i++)
        born++;
}

/* A thread spawns two threads, which spawn two each, and so on, until there
   have been `threads`. Half of them are alive together at most. Returns how many
   have run: fewer, if the system refused a guard page. Or -1. */
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
static void have_a_runtime(void) {
    struct runtime *inner = new_runtime(3, SMALL_STACK);
    if (inner == NULL)
        return;

    for (int i = 0; i < 3; i++)
        spawn(inner, take_turns);
    run(inner);
    free_runtime(inner);
    yield_thread();
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

/* ---------------------------------------------------------------------------
 * For the exercises: each puts something better in the place of these
 */

/* 07.1: ends the current thread, however deep in its calls. */
static void exit_thread(void) {
}

static long order; /* whose turns there were: a digit for each */

static void note(void) {
    order = order * 10 + my_id();
}

static void note_two_turns(void) {
    for (int i = 0; i < 2; i++) {
        note();
        yield_thread();
    }
}

static long came_back; /* 0: never; or the order up to then */

static void deep_inside(void) {
    exit_thread();
    came_back = order;
}

static void note_and_exit(void) {
    note();
    deep_inside();
}

struct exit_report {
    int64_t came_back;
    int64_t first;  /* the order in the first run */
    int64_t second; /* and in the second one, of five threads more */
    int64_t stacks; /* that were made */
};

/* Four threads: the first finishes, the third exits, the others take two turns.
   Then five more, in their places. Returns 0 or -1. */
int leave_early(struct exit_report *out) {
    struct runtime *r = new_runtime(9, SMALL_STACK);
    if (r == NULL)
        return -1;

    came_back = order = 0;
    spawn(r, do_nothing);
    spawn(r, note_two_turns);
    spawn(r, note_and_exit);
    spawn(r, note_two_turns);
    run(r);
    *out = (struct exit_report){.came_back = came_back, .first = order};
    order = 0;
    for (int i = 0; i < 5; i++)
        spawn(r, note_two_turns);
    run(r);
    out->second = order;
    out->stacks = r->threads_made;
    free_runtime(r);
    return 0;
}

/* 07.2: moves a thread of the ring, so that it has the turn after this one. */
static void run_next(struct thread *thread) {
    (void)thread;
}

static int moved;
static long backwards; /* the ring from the current thread on, by `previous` */

static void have_four(void) {
    for (int i = 0; i < 4; i++)
        spawn(running, note);
    run_next(&running->threads[moved]);
    struct thread *me = running->current, *t = me->previous;
    for (int i = 0; t != me && i < 9; t = t->previous, i++)
        backwards = backwards * 10 + (t - running->threads);
}

struct order_report {
    int64_t order, backwards;
};

/* Thread 1 has the children 2 to 5, and moves one of them. Returns 0 or -1. */
int four_children(int move, struct order_report *out) {
    struct runtime *r = move < 2 || move > 5 ? NULL : new_runtime(5, SMALL_STACK);
    if (r == NULL)
        return -1;

    moved = move;
    order = backwards = 0;
    spawn(r, have_four);
    run(r);
    *out = (struct order_report){order, backwards};
    free_runtime(r);
    return 0;
}

enum { MOST_IN_TREE = 2500 };
static int level[MOST_IN_TREE + 1];

static void have_two(void) {
    int mine = level[my_id()];

    for (int i = 0; i < 2 && mine > 0; i++) {
        int child = spawn(running, have_two);
        level[child] = mine - 1;
        run_next(&running->threads[child]);
    }
}

/* A thread has two children, each of them two more, `levels` deep; each child is
   moved. Returns how many stacks were made for all of them, or -1. */
int tree(int levels) {
    struct runtime *r = levels < 0 || levels > 10 ? NULL : new_runtime(MOST_IN_TREE, SMALL_STACK);
    if (r == NULL)
        return -1;

    level[spawn(r, have_two)] = levels;
    run(r);
    int made = r->threads_made;
    free_runtime(r);
    return made;
}

/* 07.3: what a thread does that cannot go on, and what others do when it can. It
   takes its turns and looks again, and nobody need wake it. */
static void park(void) {
    yield_thread();
}

static void wake(struct thread *thread) {
    (void)thread;
}

/* What became of a letter. */
struct mail_report {
    int64_t letter; /* as it was read; 0: the reader got none */
    int64_t looks;  /* how often the reader looked for it */
    int64_t stacks; /* that were made */
    int64_t asleep; /* 1 if the reader has not come to its end */
    int64_t next;   /* the thread that ran after the reader had parked */
    int64_t turns;  /* of the others */
    int64_t whole;  /* 1 if the ring is as long backwards as forwards afterwards */
};

enum { LETTER = 42, MOST_LOOKS = 1000 };

static struct thread *reader;
static struct mail_report mail_seen;
static long letter;

static void read_letter(void) {
    reader = running->current;
    mail_seen.asleep = 1;
    while (letter == 0 && mail_seen.looks < MOST_LOOKS) {
        mail_seen.looks++;
        park();
    }
    mail_seen.letter = letter;
    mail_seen.asleep = 0;
}

static void wait_for_letter(void) {
    if (mail_seen.next == 0)
        mail_seen.next = my_id();
    take_turns();
}

/* The last thread would take the reader's stack, if that were free. The reader is
   woken twice: it may have been woken by others already. */
static void write_letter(void) {
    wait_for_letter();
    spawn(running, do_nothing);
    yield_thread();
    letter = LETTER;
    wake(reader);
    wake(reader);
    struct thread *me = running->current;
    int forwards = 0, back = 0;
    for (struct thread *t = me->next; t != me && forwards < 9; t = t->next)
        forwards++;
    for (struct thread *t = me->previous; t != me && back < 9; t = t->previous)
        back++;
    mail_seen.whole = forwards == back && forwards < 9;
}

/* A thread waits for a letter, another one writes it after so many turns, and a
   third one takes as many turns. 0: the reader is alone. Returns 0 or -1. */
int mail(int turns_before, struct mail_report *out) {
    struct runtime *r = new_runtime(4, SMALL_STACK);
    if (r == NULL)
        return -1;

    mail_seen = (struct mail_report){.stacks = 0};
    turns = letter = 0;
    turns_each = turns_before;
    spawn(r, read_letter);
    if (turns_before > 0) {
        spawn(r, write_letter);
        spawn(r, wait_for_letter);
    }
    run(r);
    mail_seen.turns = turns;
    mail_seen.stacks = r->threads_made;
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

static void recurse(void) {
    deeper(depth);
}

/* A thread that recurses `frames` deep on a stack of `stack_size` bytes. If it
   does not fit, the guard page ends the process. Returns 0, or -1. */
int overflow(size_t stack_size, long frames) {
    struct runtime *r =
        stack_size < 1 || stack_size > SIZE_MAX / 4 ? NULL : new_runtime(2, stack_size);
    if (r == NULL)
        return -1;

    depth = frames;
    int refused = spawn(r, recurse) < 0 || spawn(r, recurse) < 0;
    run(r);
    free_runtime(r);
    return refused ? -1 : 0;
}

/* The bytes between what is forged on a stack and its guard page: the fewest
   among `threads` threads that were promised `stack_size`. Or -1. */
int64_t fewest_stack_bytes(int threads, size_t stack_size) {
    struct runtime *r = threads < 1 || stack_size < 1 ? NULL : new_runtime(threads, stack_size);
    if (r == NULL)
        return -1;

    int64_t fewest = INT64_MAX;
    for (int i = 0, id; i < threads && (id = spawn(r, do_nothing)) > 0; i++) {
        int64_t bytes = (char *)r->threads[id].sp - stack_of(r, id);
        fewest = bytes < fewest ? bytes : fewest;
    }
    free_runtime(r);
    return fewest;
}

/* What spawn says where the system gives no guard page. Nobody gives one at an
   address that is no page's. Or 0, if there is no memory at all. */
int spawn_without_guard_page(void) {
    struct runtime *r = new_runtime(1, SMALL_STACK);
    if (r == NULL)
        return 0;

    r->areas++;
    int said = spawn(r, do_nothing);
    r->areas--;
    free_runtime(r);
    return said;
}

/* How many of the registers that the callee owns come back from a round trip
   with another value than they had, where the other side overwrites all of them.
   It must be 0. */
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

/* Begins as thread_entry does, and comes straight back, every time. */
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

static long rounds_timed;
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

/* Runs `timed` among `ready` threads, in a runtime that has room for `slots` of them,
   for `rounds` rounds. Returns the nanoseconds it noted, for one turn; or -1. */
static double ns_a_turn(void (*timed)(void), int slots, int ready, int rounds) {
    struct runtime *r =
        ready < 1 || slots < ready || rounds < 1 ? NULL : new_runtime(slots, SMALL_STACK);
    if (r == NULL)
        return -1;

    stop = false;
    rounds_timed = rounds;
    bool refused = spawn(r, timed) < 0;
    for (int i = 1; i < ready; i++)
        refused |= spawn(r, take_turns_until_stopped) < 0;
    run(r);
    free_runtime(r);
    return refused ? -1 : ns_of_rounds / ((double)rounds * ready);
}

/* The nanoseconds from one turn to the next, where `ready` threads take `rounds`
   turns each, in a runtime that has room for `slots` of them. Or -1. */
double yield_ns(int slots, int ready, int rounds) {
    return ns_a_turn(time_turns, slots, ready, rounds);
}

/* The turns of time_turns without a switch: of each thread in the ring the record,
   and on its stack the words that a switch would load and store. */
static void time_touches(void) {
    yield_thread();
    struct thread *t = running->current;
    double begin = now_ns();
    for (long i = 0; i < rounds_timed; i++)
        do {
            t = t->next;
            volatile uint64_t *saved = t->sp;
            saved[0] = saved[0];
        } while (t != running->current);
    ns_of_rounds = now_ns() - begin;
    stop = true;
}

/* What yield_ns says, as if a switch took no time: what it costs to go from record
   to record and from stack to stack. Or -1. */
double touch_ns(int threads, int rounds) {
    return ns_a_turn(time_touches, threads, threads, rounds);
}

/* A turn that is taken some calls below the thread's loop: two kinds of the same
   code. The assembly keeps the calls before it from becoming jumps, and its `nop`
   keeps the compiler from making one function of the two. */
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

/* As yield_ns, with each yield `calls` calls below the thread's loop, and the
   threads all of one kind; or neighbours of two, if `kinds` is 2. */
double deep_ns(int threads, int kinds, long calls, int rounds) {
    struct runtime *r =
        threads < 1 || calls < 0 || rounds < 1 ? NULL : new_runtime(threads + 1, SMALL_STACK);
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
