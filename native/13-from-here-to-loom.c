/*
 * 13-from-here-to-loom.c: green threads, and Java on their stacks.
 *
 * Two threads and the base thread, the switch of chapter 07, and nothing else. What
 * the threads do comes in three kinds:
 *
 *     where they stand     a thread calls a function of Java's on its own stack, and
 *                          Java calls yield_thread: two calls into Java are open at
 *                          once, and take turns. The JVM cannot bear it
 *     at home              a thread asks the base thread, which calls Java on the
 *                          stack that the OS thread came with
 *     not at all           the threads yield among themselves, and then the call
 *                          returns where it began
 *
 * All variables are those of one OS thread: only one may be in here at a time.
 *
 * Alone:  cc -std=c17 -O2 -DMAIN 13-from-here-to-loom.c -o demo && ./demo
 */
#ifdef __linux__
#define _GNU_SOURCE /* MAP_NORESERVE, MAP_STACK */
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#ifdef _WIN32
#include <windows.h>

#include "arch/windows-memory.h"
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "arch/arch.h"
#include "arch/watch.h"

#ifndef MAP_STACK /* macOS: memory for a stack is memory like any other */
#define MAP_STACK 0
#endif

/* Java wants much room below sp: it tries beforehand whether it is there. */
enum { THREADS = 2, STACK_SIZE = 512 * 1024 };

/* ---------------------------------------------------------------------------
 * Threads
 */

/* A function of Java's, as C sees it: it is given the number of the thread. */
typedef int64_t java_function(int64_t number);

struct thread {
    void *sp; /* first, so that &thread->sp is also the thread */
    int64_t (*body)(struct thread *self);
    java_function *function;
    int64_t rounds, answer, result;
    bool finished;
};
_Static_assert(offsetof(struct thread, sp) == 0, "thread_entry takes one for the other");

static struct thread threads[THREADS + 1]; /* threads[0] is the base thread */
static struct thread *current = &threads[0], *asker;

static int64_t number_of(const struct thread *t) {
    return t - threads;
}

static void resume(struct thread *next) {
    struct thread *old = current;
    current = next;
    switch_stack(&old->sp, &next->sp);
}

/* Whose turn is after this one's: the other one's, its own, or the base thread's. */
static struct thread *next_of(const struct thread *t) {
    for (int64_t i = 0; i < THREADS; i++) {
        struct thread *next = &threads[1 + (number_of(t) + i) % THREADS];
        if (!next->finished)
            return next;
    }
    return &threads[0];
}

/* Lets the other thread run. Java calls it too, in the middle of its function. */
void yield_thread(void) {
    if (current != &threads[0])
        resume(next_of(current));
}

static _Noreturn void thread_entry(void **from, struct thread *self) {
    STACK_BEGINS_HERE();
    arrived();
    (void)from;
    self->result = self->body(self);
    self->finished = true;
    last_switch();
    resume(next_of(self));
    __builtin_trap();
}

static void forge_stack(struct thread *t, char *low) {
    uint64_t *sp = (uint64_t *)(low + STACK_SIZE) - SAVED_WORDS;
    memset(sp, 0, SAVED_WORDS * sizeof *sp);
    sp[ENTRY_WORD] = (uintptr_t)thread_entry;
#ifdef _WIN32 /* where the system believes the stack to be */
    sp[BASE_WORD] = (uintptr_t)(low + STACK_SIZE);
    sp[LIMIT_WORD] = sp[ALLOCATION_WORD] = (uintptr_t)low;
#endif
    t->sp = sp;
}

/* ---------------------------------------------------------------------------
 * What they do
 */

/* Calls Java where it stands. */
static int64_t call_here(struct thread *self) {
    return self->function(number_of(self));
}

/* Asks the base thread to call Java, round after round. */
static int64_t call_at_home(struct thread *self) {
    int64_t sum = 0;
    for (int64_t i = 0; i < self->rounds; i++) {
        asker = self;
        resume(&threads[0]);
        sum += self->answer;
        yield_thread();
    }
    return sum;
}

/* No Java: turns. */
static int64_t take_turns(struct thread *self) {
    int64_t turns = 0;
    for (; turns < self->rounds; turns++)
        yield_thread();
    return turns;
}

/* The base thread's part: it lets the threads run, and makes the calls that they ask
   for, on the stack that the OS thread came with. Returns the sum of the results. */
static int64_t run(void) {
    resume(next_of(&threads[0]));
    while (asker != NULL) {
        struct thread *t = asker;
        asker = NULL;
        t->answer = t->function(number_of(t));
        resume(t);
    }
    return threads[1].result + threads[2].result;
}

/* ---------------------------------------------------------------------------
 * Stacks: memory of their own, or a piece of the OS thread's stack
 */

static int64_t run_on(char *low, size_t apart, struct thread wanted) {
    unsigned watches[THREADS];
    char name[32];

    for (int i = 0; i < THREADS; i++) {
        threads[i + 1] = wanted;
        snprintf(name, sizeof name, "the stack of thread %d", i + 1);
        watches[i] = watch_stack(name, low + i * apart, STACK_SIZE, apart - STACK_SIZE);
        forge_stack(&threads[i + 1], low + i * apart);
    }
    int64_t sum = run();
    for (int i = 0; i < THREADS; i++)
        unwatch_stack(watches[i], low + i * apart, STACK_SIZE);
    return sum;
}

/* One piece for both, made at the first call, kept for the next, and given back when
   the library is closed. Below each stack lies a guard page. */
static char *both_stacks;
static size_t page, step;

static bool have_memory(void) {
    if (both_stacks != NULL)
        return true;
    page = (size_t)sysconf(_SC_PAGESIZE);
    step = page + STACK_SIZE;
    char *low = mmap(NULL, THREADS * step, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANON | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (low == MAP_FAILED)
        return false;
    for (int i = 0; i < THREADS; i++)
        if (mprotect(low + i * step, page, PROT_NONE) != 0) {
            munmap(low, THREADS * step);
            return false;
        }
    both_stacks = low;
    return true;
}

__attribute__((destructor)) static void give_back(void) {
    if (both_stacks != NULL)
        munmap(both_stacks, THREADS * step);
}

static int64_t run_on_memory(struct thread wanted) {
    return have_memory() ? run_on(both_stacks + page, step, wanted) : -1;
}

/* Both stacks are one variable of this frame. The base thread goes on below it. The OS
   thread needs a stack of 2 MiB for it. */
__attribute__((noinline)) static int64_t run_inside(struct thread wanted) {
    _Alignas(16) char area[THREADS * STACK_SIZE];
    return run_on(area, STACK_SIZE, wanted);
}

/* ---------------------------------------------------------------------------
 * What Java calls
 */

/* Both threads call `function` where they stand, which may call yield_thread. Their
   stacks are memory of their own; or, if `inside` is 1, pieces of this OS thread's
   stack. Returns the sum of what it returns; -1 if there is no memory. */
int64_t call_where_they_stand(java_function *function, int inside) {
    struct thread wanted = {.body = call_here, .function = function};
    return inside ? run_inside(wanted) : run_on_memory(wanted);
}

/* Both threads have `function` called by the base thread, so many times each, and
   yield after each time. Returns the sum of what it returns; -1 if there is no memory. */
int64_t call_by_the_base_thread(java_function *function, int64_t rounds) {
    return run_on_memory(
        (struct thread){.body = call_at_home, .function = function, .rounds = rounds});
}

/* Both threads yield, so many times each, and no Java runs. Returns how many turns
   that were; -1 if there is no memory. */
int64_t whole_schedule(int64_t rounds) {
    return run_on_memory((struct thread){.body = take_turns, .rounds = rounds});
}

/* What Java would do, in C: lets the other one run, and returns twice its number. */
int64_t yield_and_double(int64_t number) {
    yield_thread();
    return 2 * number;
}

#ifdef MAIN
static int64_t say_twice(int64_t number) {
    for (int i = 1; i <= 2; i++) {
        printf("thread %d, time %d\n", (int)number, i);
        yield_thread();
    }
    return 10 * number;
}

/* `thread` is in the middle of its own stack's memory, or it is not. */
static int64_t is_on_its_stack(int64_t number) {
    char here;
    uintptr_t top = (uintptr_t)threads[number].sp, at = (uintptr_t)&here;
    return top - at < STACK_SIZE || at - top < STACK_SIZE;
}

int main(void) {
    printf("sum: %d\n", (int)call_where_they_stand(say_twice, 0));
    printf("by the base thread, on their stacks: %d\n",
           (int)call_by_the_base_thread(is_on_its_stack, 3));
    printf("turns: %d\n", (int)whole_schedule(1000));
    return 0;
}
#endif
