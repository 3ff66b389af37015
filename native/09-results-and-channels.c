/*
 * 09-results-and-channels.c: threads that are given something to work on,
 * and give something back.
 *
 * It is the runtime of chapter 07, grown by seven parts:
 *
 *     closures     a thread's function, and a copy of what it works on
 *     waiting      out of the ring and back into it; who waits for whom is known
 *     results      what the function returns; join waits for it
 *     generators   threads that give one value after another, each when asked
 *     channels     a value goes from one thread to another; they may be closed
 *     errno        each thread has its own
 *     the base thread   makes a call for a thread, on the stack that it came with
 *
 * As before, the plain edition is this without comments, and without what stands
 * between `#ifndef PLAIN` and its #endif. Everything a thread may do wrong is a
 * negative number, and in_words has a sentence for it.
 *
 * Alone:  cc -std=c17 -O2 -DMAIN 09-results-and-channels.c -o demo && ./demo
 */
#ifdef __linux__
#define _GNU_SOURCE /* MAP_NORESERVE, MAP_STACK, madvise */
#endif
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
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
#include "arch/give.h"

#ifndef PLAIN
#include <stdatomic.h>
#include <time.h>

#include "arch/watch.h"
#endif

#ifndef MAP_STACK /* macOS: memory for a stack is memory like any other */
#define MAP_STACK 0
#endif

#ifndef _WIN32
enum { GUARD_INSTALL = 102, POPULATE_READ = 22 }; /* as in chapter 07 */

/* Marks a page, and believes it only if the system itself may not read there any more, as in
   chapter 07. Returns 0 if so. A thread that spawns has its own errno, and keeps it. */
static int mark_guard(char *low, size_t size) {
    int error = errno;
    int left = madvise(low, size, GUARD_INSTALL) || madvise(low, size, POPULATE_READ) == 0 ||
               errno != EFAULT;
    errno = error;
    return left;
}
#endif
enum { CACHE_LINE = 64, STAGGERED = 64 * CACHE_LINE };

/* ---------------------------------------------------------------------------
 * What can go wrong
 */

enum {
    NO_PLACE = -1,
    NO_GUARD_PAGE = -2,
    TOO_LARGE = -3,
    NO_SUCH_THREAD = -4,
    NOBODY_JOINS = -5,
    AWAITED_ALREADY = -6,
    IN_A_CIRCLE = -7,
    NO_GENERATOR = -8,
    CLOSED = -9,
    WOULD_WAIT = -10,
    RUNS_ALREADY = -11,
    ALL_WAIT = -12,
    ERRORS = 13
};

/* A sentence for each of them. */
static const char *in_words(int64_t error) {
    static const char *const words[ERRORS] = {
        "nothing is wrong",
        "all places for threads are taken",
        "the system gives no guard page",
        "it is too large for a thread's stack",
        "no such thread: it has ended, and if it had a result, that has been fetched",
        "nobody may join it: it was not spawned to be joined",
        "another thread waits for it already",
        "it would wait for itself",
        "it gives no values: it is not a generator",
        "the channel is closed",
        "only a thread can wait, while its own runtime runs",
        "the runtime runs already",
        "all threads wait, and nobody is left who could wake one",
    };
    return words[error < 0 && error > -ERRORS ? -error : 0];
}

/* ---------------------------------------------------------------------------
 * Thread and runtime
 */

/* What a thread runs, and returns: a word. `environment` is what it works on. */
typedef int64_t thread_function(void *environment);

/*
 * READY threads are in the ring, the one that runs among them. From PARKED on a
 * thread waits for others, and is in no ring; `waits_for` says for what.
 */
enum state {
    AVAILABLE, /* a place, and no thread */
    READY,
    FINISHED, /* and its result has not been fetched yet */
    RESTS,    /* a generator that has not been asked */
    OFFERS,   /* a generator whose value has not been fetched */
    PARKED,   /* until somebody wakes it */
    JOINS,    /* until another thread finishes */
    ASKS,     /* until a generator gives a value */
    SENDS,    /* until somebody receives from a channel */
    RECEIVES  /* until somebody sends to one */
};

/* Who may wait for what a thread gives back. */
enum kind { FOR_NOBODY, TO_JOIN, TO_ASK };

struct thread {
    void *sp;                       /* first, so that &thread->sp is also the thread */
    struct thread *next, *previous; /* in the ring; `next` also in the list */
    int error;                      /* its errno, while it does not run */
    enum state state;
    enum kind kind;
    uint32_t lives;        /* how many threads have had this place before */
    void *waits_for;       /* a thread or a channel */
    struct thread *waiter; /* who joins it, or asks it */
    struct answer *answer; /* where that one looks for what it gives back */
    int64_t result;        /* until it is fetched, if nobody waits */
    thread_function *function;
    void *environment; /* at the upper end of its stack */
};
_Static_assert(offsetof(struct thread, sp) == 0, "thread_entry takes one for the other");

/* What somebody gets who waits for a thread. `status` is 1 if there is a value; 0 if
   there will be none any more; or what went wrong. Without a value, `value` stays. */
struct answer {
    int64_t value, status;
};

/* As in chapter 07: one piece of memory, the areas of the threads and their
   records. Whoever made it owns it. All its threads run on one OS thread. */
struct runtime {
    struct thread *current, *available;
    struct runtime *outer; /* the base thread is a thread of this one; or NULL */
    struct call *call;     /* that the base thread is to make */
    int *system_errno;     /* the OS thread's, while threads of this one run */
    int waiting;           /* how many threads wait for others */
    char *areas;           /* thread 1's, thread 2's, … */
    size_t area_size, page_size;
    int threads_allowed, threads_made; /* besides the base thread */
#ifndef PLAIN
    unsigned *watched;           /* what watch_stack said of each thread's stack */
    struct switch_record *trace; /* the caller's; NULL: nothing is recorded */
    long trace_size, traced;
#endif
    struct thread threads[]; /* threads[0] is the base thread */
};
/* Whose thread runs. NULL: we are on the stack that the OS thread came with. */
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

static char *stack_of(const struct runtime *r, int place) {
    return r->areas + (size_t)(place - 1) * r->area_size + r->page_size;
}

/* Gives a new thread's stack a name in reports of crashes. */
static void watch(struct runtime *r, int place) {
    char name[32];

    if (r->watched == NULL)
        r->watched = calloc((size_t)r->threads_allowed + 1, sizeof *r->watched);
    if (r->watched == NULL)
        return;
    snprintf(name, sizeof name, "the stack of thread %d", place);
    r->watched[place] =
        watch_stack(name, stack_of(r, place), r->area_size - r->page_size, r->page_size);
}

static void unwatch(struct runtime *r) {
    for (int place = 1; place <= r->threads_made && r->watched != NULL; place++)
        unwatch_stack(r->watched[place], stack_of(r, place), r->area_size - r->page_size);
    free(r->watched);
}

__attribute__((cold, noinline, unused)) static void record(struct runtime *r, struct thread *next) {
    struct thread *old = r->current;
    bool ended = old->state == AVAILABLE || old->state == FINISHED;
    int ready = 0;

    for (const struct thread *t = next->next; t != next; t = t->next)
        ready++;
    if (r->traced < r->trace_size)
        r->trace[r->traced] = (struct switch_record){
            .from = (int32_t)(old - r->threads),
            .to = (int32_t)(next - r->threads),
            .cause = ended ? RETURNED : old->next == old && next != old ? WAITS : YIELDED,
            .ready = ready,
        };
    r->traced++;
}
#endif

/* ---------------------------------------------------------------------------
 * Yield
 */

/* All of a switch but the switch: from here on it is `next` that runs. Before it errno
   is exchanged: there is one for each OS thread, and it is to belong to whoever runs.
   Returns who ran until now. */
static struct thread *hand_on_to(struct thread *next) {
    struct thread *old = running->current;
#ifndef PLAIN
    if (running->trace != NULL)
        record(running, next);
#endif
    old->error = *running->system_errno;
    *running->system_errno = next->error;
    running->current = next;
    if (next == &running->threads[0])
        running = running->outer;
    return old;
}

/* As in chapter 07, and the switch is last again. */
static void resume(struct thread *next) {
    struct thread *old = hand_on_to(next);
    switch_stack(&old->sp, &next->sp);
}

static void yield_thread(void) {
    resume(running->current->next);
}

/* ---------------------------------------------------------------------------
 * The ring
 */

/* The base thread, to go on since nobody else is ready. If it has asked a generator,
   it was in vain. */
static struct thread *base_thread(void) {
    struct thread *base = &running->threads[0];
    if (base->state == ASKS) {
        base->state = READY;
        running->waiting--;
        ((struct thread *)base->waits_for)->waiter = NULL;
    }
    return base;
}

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
    return next != old ? next : base_thread();
}

/* Puts another thread, which is in no ring, in the current one's place of the ring:
   it is to go on, at once. Returns it. Alone, each is a ring of its own already. */
static struct thread *change_places(struct thread *t) {
    if (running->current->next != running->current) {
        join_ring(t, running->current);
        leave_ring();
    }
    return t;
}

/* ---------------------------------------------------------------------------
 * Waiting
 */

/* The current thread is to wait from now on: it leaves the ring after this. */
static void begin_to_wait(struct thread *me, struct runtime *r, enum state why, void *what) {
    me->state = why;
    me->waits_for = what;
    r->waiting++;
}

static void end_to_wait(struct thread *t, struct runtime *r) {
    t->state = READY;
    r->waiting--;
}

static void park_for(enum state why, void *what) {
    begin_to_wait(running->current, running, why, what);
    resume(leave_ring());
}

static void go_on(struct thread *t, struct runtime *r) {
    end_to_wait(t, r);
    join_ring(t, r->current); /* right before the current one: the last of a round */
}

/* Takes the current thread out of the ring, until somebody wakes it. */
static void park(void) {
    park_for(PARKED, NULL);
}

/* Does nothing to a thread that is not parked: it may be woken twice. */
static void wake(struct thread *t) {
    if (t->state == PARKED)
        go_on(t, running);
}

/* ---------------------------------------------------------------------------
 * The end of a thread, and its beginning
 */

/* A thread's number: its place, and in the upper half how many have had the
   place before. So no two threads of a runtime have the same. */
static int64_t number_of(const struct runtime *r, const struct thread *t) {
    return (int64_t)t->lives << 32 | (t - r->threads);
}

/* The thread of a number; NULL if it has ended and nothing is left of it. */
static struct thread *find(struct runtime *r, int64_t number) {
    int64_t place = number & UINT32_MAX;
    if (number <= 0 || place < 1 || place > r->threads_made)
        return NULL;
    struct thread *t = &r->threads[place];
    return t->lives == number >> 32 && t->state != AVAILABLE ? t : NULL;
}

/* Its place is for others from here on. */
static void release(struct runtime *r, struct thread *t) {
    t->lives = (t->lives + 1) & INT32_MAX;
    t->state = AVAILABLE;
    t->next = r->available;
    r->available = t;
}

/* Ends the current thread. Who waits for it is answered, and goes on in its place of
   the ring. If its result may still be fetched, its record stays, and so does its
   stack; otherwise both are for others, although we still stand on one of them. */
static void t_return(int64_t result) {
    struct thread *old = running->current, *waiter = old->waiter, *next;
    if (waiter != NULL) {
        *old->answer = (struct answer){result, old->kind == TO_JOIN};
        end_to_wait(waiter, running);
        next = change_places(waiter);
    } else
        next = leave_ring();
    old->result = result;
    old->state = FINISHED;
    if (waiter != NULL || old->kind == FOR_NOBODY)
        release(running, old);
#ifndef PLAIN
    last_switch(); /* to those who watch, again: nobody comes back */
#endif
    resume(next);
}

/* Where every thread begins. Its arguments are those of the switch. */
static _Noreturn void thread_entry(void **from, struct thread *self) {
#ifndef PLAIN
    STACK_BEGINS_HERE();
    arrived();
#endif
    (void)from;
    t_return(self->function(self->environment));
    __builtin_trap();
}

/* A stack that has never run, and at its upper end a copy of the environment. */
static void forge_stack(const struct runtime *r, struct thread *t, const void *environment,
                        size_t size) {
    size_t place = (size_t)(t - r->threads);
    char *top = r->areas + place * r->area_size - place * CACHE_LINE % STAGGERED;
    char *copy = top - (size + 15) / 16 * 16;
    t->environment = size > 0 ? memcpy(copy, environment, size) : NULL;
    uint64_t *sp = (uint64_t *)copy - SAVED_WORDS;
    memset(sp, 0, SAVED_WORDS * sizeof *sp);
    sp[ENTRY_WORD] = (uintptr_t)thread_entry;
#ifdef _WIN32 /* where the system believes the stack to be */
    sp[BASE_WORD] = (uintptr_t)top;
    sp[LIMIT_WORD] = sp[ALLOCATION_WORD] =
        (uintptr_t)r->areas + (place - 1) * r->area_size + r->page_size;
#endif
    t->sp = sp;
}

/* The latest available place, or a new one with its guard page. */
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
 * Makes a thread that rests: `function` will find a copy of the `size` bytes at
 * `environment`, at a multiple of 16, for as long as it lives. The original is
 * the caller's, and no longer needed. Returns the thread's number, or why not.
 */
static int64_t make_thread(struct runtime *r, enum kind kind, thread_function *function,
                           const void *environment, size_t size) {
    if (size > r->area_size / 4)
        return TOO_LARGE;
    int place = take_place(r);
    if (place < 0)
        return place;
    struct thread *t = &r->threads[place];
    *t = (struct thread){.lives = t->lives, .state = RESTS, .kind = kind, .function = function};
    forge_stack(r, t, environment, size);
    t->next = t->previous = t;
    return number_of(r, t);
}

/* What a closure is made of, for the functions below: a struct of this type with
   these values, and its size. */
#define WITH(type, ...) &(type){__VA_ARGS__}, sizeof(type)
#define WITH_NOTHING NULL, 0

static int64_t make_ready(struct runtime *r, int64_t number) {
    if (number > 0) {
        struct thread *t = find(r, number);
        t->state = READY;
        join_ring(t, r->current);
    }
    return number;
}

/* A thread that nobody joins: when it ends, its place is available at once. */
static int64_t spawn(struct runtime *r, thread_function *function, const void *environment,
                     size_t size) {
    return make_ready(r, make_thread(r, FOR_NOBODY, function, environment, size));
}

/* A thread whose result waits for somebody who joins it, once. */
static int64_t spawn_to_join(struct runtime *r, thread_function *function, const void *environment,
                             size_t size) {
    return make_ready(r, make_thread(r, TO_JOIN, function, environment, size));
}

/* A thread that begins when it is asked for a value. */
static int64_t new_generator(struct runtime *r, thread_function *function, const void *environment,
                             size_t size) {
    return make_thread(r, TO_ASK, function, environment, size);
}

/* ---------------------------------------------------------------------------
 * The base thread
 */

/* The base thread is about to leave its stack, for threads of this runtime. */
static void leave_base(struct runtime *r) {
    r->outer = running;
    r->system_errno = &errno;
    running = r;
}

/* Lets all threads run, until nobody is ready. Returns how many wait then, for
   ever unless somebody outside wakes one; or RUNS_ALREADY. */
static int run(struct runtime *r) {
    if (r->current != &r->threads[0])
        return RUNS_ALREADY;
    leave_base(r);
    resume(leave_ring());
    return r->waiting;
}

/* A call that the base thread is to make; it lies on the stack of who asks. */
struct call {
    int64_t (*function)(int64_t argument);
    int64_t argument, result;
};

static int64_t call_on_base(int64_t (*function)(int64_t), int64_t argument);

/* Begins on the base thread's stack, below all that is there: calls, and goes back.
   If the base thread is itself a thread of another runtime, that one's base thread
   is asked in turn. */
static _Noreturn void make_call(void **from, struct thread *base) {
#ifndef PLAIN
    STACK_BEGINS_HERE();
    arrived();
#endif
    struct runtime *r = running;
    int error = errno;
    running = r->outer;
    r->call->result = call_on_base(r->call->function, r->call->argument);
    running = r;
    errno = error;
    switch_stack(&base->sp, from);
    __builtin_trap();
}

/* Calls function(argument) on the stack that the OS thread came with, and returns
   its result. The base thread waits on that stack; what begins below is forged, as
   a new stack is. It is no turn: nobody runs meanwhile, and the ring stays. */
static int64_t call_on_base(int64_t (*function)(int64_t), int64_t argument) {
    struct runtime *r = running;
    if (r == NULL)
        return function(argument); /* we are there */
    struct call call = {function, argument, 0};
    struct thread *base = &r->threads[0];
    void *waits_at = base->sp;
    uint64_t *sp = (uint64_t *)((uintptr_t)waits_at & ~(uintptr_t)15) - SAVED_WORDS;
#ifndef PLAIN
    now_data(sp, SAVED_WORDS * sizeof *sp); /* to those who watch: it is in use */
#endif
    memcpy(sp, waits_at, SAVED_WORDS * sizeof *sp);
    sp[ENTRY_WORD] = (uintptr_t)make_call;
    base->sp = sp;
    r->call = &call;
    switch_stack(&r->current->sp, &base->sp);
    base->sp = waits_at;
    return call.result;
}

/* ---------------------------------------------------------------------------
 * Results, and generators
 *
 * Who waits is answered by the one who knows. So here too the switch is the last
 * thing that happens: it goes straight to whoever called.
 */

/* Whether `me` would wait for itself: it is `t`, or t waits for a thread that
   waits … for `me`. */
static bool in_a_circle(const struct thread *me, const struct thread *t) {
    while (t != me && (t->state == JOINS || t->state == ASKS))
        t = t->waits_for;
    return t == me;
}

/* Why the current thread cannot wait for `t`; 0: it can. */
static int why_not(const struct runtime *r, const struct thread *t, enum kind kind) {
    if (t == NULL)
        return NO_SUCH_THREAD;
    if (t->state == RESTS && kind == TO_ASK && r->current == &r->threads[0])
        return 0; /* as it mostly is */
    if (t->kind != kind)
        return kind == TO_JOIN ? NOBODY_JOINS : NO_GENERATOR;
    if (r != running && r->current != &r->threads[0])
        return RUNS_ALREADY;
    if (in_a_circle(r->current, t))
        return IN_A_CIRCLE;
    return t->waiter != NULL ? AWAITED_ALREADY : 0;
}

/* Waits until a thread has finished, and fetches its result. Once: then its place
   is available. Outside of run, only what has finished can be fetched. */
static void await(struct runtime *r, int64_t number, struct answer *answer) {
    struct thread *t = find(r, number);
    answer->status = why_not(r, t, TO_JOIN);
    if (answer->status != 0)
        return;
    if (t->state == FINISHED) {
        *answer = (struct answer){t->result, 1};
        release(r, t);
        return;
    }
    answer->status = WOULD_WAIT;
    if (r != running)
        return;
    t->waiter = r->current;
    t->answer = answer;
    park_for(JOINS, t);
}

/* Asks a generator, and goes on when it has given a value. It begins, or goes on, at
   once. The base thread may ask as well, outside of run; if then all others come to
   wait, the answer is ALL_WAIT. When the generator has finished, the status is 0,
   and from then on there is no such thread. */
static void ask(struct runtime *r, int64_t number, struct answer *answer) {
    struct thread *t = find(r, number), *me = r->current;
    answer->status = why_not(r, t, TO_ASK);
    if (answer->status != 0)
        return;
    if (t->state == FINISHED) { /* while nobody waited for it */
        release(r, t);
        return;
    }
    if (t->state == OFFERS) {
        *answer = (struct answer){t->result, 1};
        t->state = RESTS;
        return;
    }
    answer->status = ALL_WAIT;
    t->waiter = me;
    t->answer = answer;
    begin_to_wait(me, r, ASKS, t);
    if (r != running)
        leave_base(r);
    if (t->state == RESTS) {
        t->state = READY;
        resume(change_places(t));
    } else /* it was asked before, in vain, and is on its way */
        resume(leave_ring());
}

/* Hands a value to whoever has asked, and rests until somebody asks again. Returns who
   is to go on: the switch is for the caller, and must follow at once. */
static struct thread *hand_over(int64_t value) {
    struct thread *me = running->current, *asker = me->waiter, *next;
    if (asker == NULL) { /* who asked has gone: the value waits for the next one */
        me->result = value;
        me->state = OFFERS;
        next = leave_ring();
    } else {
        *me->answer = (struct answer){value, 1};
        me->waiter = NULL;
        me->state = RESTS;
        end_to_wait(asker, running);
        next = change_places(asker);
    }
    hand_on_to(next);
    return next;
}

/* The three as calls that return the status; if it is 1, *value is the value. They
   become a part of who calls them, so that nothing returns on the way. */
#define PART_OF_CALLER __attribute__((always_inline)) inline

static PART_OF_CALLER int join(struct runtime *r, int64_t number, int64_t *value) {
    struct answer answer = {0, 0};
    await(r, number, &answer);
    *value = answer.value;
    return (int)answer.status;
}

static PART_OF_CALLER int next(struct runtime *r, int64_t number, int64_t *value) {
    struct answer answer = {0, 0};
    ask(r, number, &answer);
    *value = answer.value;
    return (int)answer.status;
}

static PART_OF_CALLER int give(int64_t value) {
    struct thread *me = running->current;
    if (me->kind != TO_ASK)
        return NO_GENERATOR;
    struct thread *asker = hand_over(value);
    give_stack(&me->sp, &asker->sp);
    return 1;
}

/* ---------------------------------------------------------------------------
 * Channels
 */

/* A thread that waits in a queue. It lies on that thread's own stack, which
   stays as it is while the thread waits. */
struct waiter {
    struct waiter *next;
    struct thread *thread;
    int64_t value; /* to be sent, or received */
    bool served;
};

struct queue {
    struct waiter *first, **end; /* where the next one is to be noted */
};

/* Values go through in the order in which they were sent. Whoever made it owns
   it, and has to close it before it is freed. */
struct channel {
    const char *name;
    struct runtime *runtime; /* whose threads use it */
    struct queue senders, receivers;
    bool closed;
    int capacity, first, count; /* of `values`; capacity 0: from hand to hand */
    int64_t values[];
};

static struct channel *new_channel(struct runtime *r, const char *name, int capacity) {
    struct channel *c = calloc(1, sizeof *c + (size_t)capacity * sizeof *c->values);
    if (c == NULL)
        return NULL;
    c->name = name;
    c->runtime = r;
    c->capacity = capacity;
    c->senders.end = &c->senders.first;
    c->receivers.end = &c->receivers.first;
    return c;
}

static void stand_in(struct queue *q, struct waiter *w) {
    w->thread = running->current;
    w->next = NULL;
    w->served = false;
    *q->end = w;
    q->end = &w->next;
}

/* The first one of a queue, taken out of it; NULL if nobody waits there. Who has
   been served in another queue by now is passed over. */
static struct waiter *first_of(struct queue *q) {
    struct waiter *w;
    do {
        w = q->first;
        if (w == NULL)
            return NULL;
        q->first = w->next;
        if (w->next == NULL)
            q->end = &q->first;
    } while (w->thread->state < PARKED);
    return w;
}

/* It has what it waited for. */
static void serve_waiter(struct channel *c, struct waiter *w) {
    w->served = true;
    go_on(w->thread, c->runtime);
}

/* Waits in a queue. Returns 1 if it was served, 0 if the channel was closed. */
static int wait_in(struct queue *q, struct channel *c, enum state why, struct waiter *me) {
    if (c->runtime != running)
        return WOULD_WAIT;
    stand_in(q, me);
    park_for(why, c);
    return me->served;
}

static void store(struct channel *c, int64_t value) {
    c->values[(c->first + c->count++) % c->capacity] = value;
}

/* Sends a value: to the thread that has waited longest for one; or into the
   channel, if there is room; or waits. */
static int send_to(struct channel *c, int64_t value) {
    struct waiter *receiver, me = {.value = value};
    if (c->closed)
        return CLOSED;
    if ((receiver = first_of(&c->receivers)) != NULL) {
        receiver->value = value;
        serve_waiter(c, receiver);
        return 1;
    }
    if (c->count < c->capacity) {
        store(c, value);
        return 1;
    }
    int sent = wait_in(&c->senders, c, SENDS, &me);
    return sent == 0 ? CLOSED : sent;
}

/* Receives the oldest value, or waits for one. 0: the channel is closed, and all
   that was sent has been received. */
static int receive_from(struct channel *c, int64_t *value) {
    struct waiter *sender = first_of(&c->senders);
    if (c->count > 0) {
        *value = c->values[c->first];
        c->first = (c->first + 1) % c->capacity;
        c->count--;
        if (sender != NULL)
            store(c, sender->value);
    } else if (sender != NULL) {
        *value = sender->value;
    } else if (c->closed) {
        return 0;
    } else {
        struct waiter me = {.value = 0};
        int received = wait_in(&c->receivers, c, RECEIVES, &me);
        if (received == 1)
            *value = me.value;
        return received;
    }
    if (sender != NULL)
        serve_waiter(c, sender);
    return 1;
}

/* Nothing more can be sent. Who waits goes on, and is told; what is in the
   channel can still be received. */
static int close_channel(struct channel *c) {
    struct waiter *w;
    if (c->closed)
        return CLOSED;
    c->closed = true;
    while ((w = first_of(&c->senders)) != NULL || (w = first_of(&c->receivers)) != NULL)
        go_on(w->thread, c->runtime);
    return 1;
}

static void free_channel(struct channel *c) {
    if (c != NULL)
        close_channel(c);
    free(c);
}

/* ---------------------------------------------------------------------------
 * Who waits for what
 */

/* One thread's reason, as a line. */
static int describe(const struct runtime *r, const struct thread *t, char *text, size_t size) {
    int me = (int)(t - r->threads);
    const struct channel *c = t->waits_for;
    const struct thread *other = t->waits_for;
    switch (t->state) {
    case JOINS:
        return snprintf(text, size, "thread %d joins thread %d\n", me, (int)(other - r->threads));
    case ASKS:
        return snprintf(text, size, "thread %d asks thread %d\n", me, (int)(other - r->threads));
    case SENDS:
        return snprintf(text, size, "thread %d sends to %s (%d of %d values in it)\n", me, c->name,
                        c->count, c->capacity);
    case RECEIVES:
        return snprintf(text, size, "thread %d receives from %s\n", me, c->name);
    default:
        return snprintf(text, size, "thread %d is parked\n", me);
    }
}

/* A line for each thread that waits for others, as far as there is room for whole
   lines. Returns how many there are. */
static int who_waits(const struct runtime *r, char *text, size_t size) {
    if (size > 0)
        *text = '\0';
    for (int place = 1; place <= r->threads_made; place++) {
        char line[128];
        if (r->threads[place].state < PARKED)
            continue;
        size_t length = (size_t)describe(r, &r->threads[place], line, sizeof line);
        if (length >= sizeof line) { /* a long name */
            length = sizeof line - 1;
            line[length - 1] = '\n';
        }
        if (length >= size)
            break;
        memcpy(text, line, length + 1);
        text += length;
        size -= length;
    }
    return r->waiting;
}

/* ---------------------------------------------------------------------------
 * A runtime, from the beginning to the end
 */

/* As in chapter 07. An environment takes some of the `stack_size` bytes. */
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
    r->threads[0].state = READY;
    return r;
}

/* Gives everything back, unless it runs. Threads that have not finished never
   will: what they own themselves, nobody frees. */
static int free_runtime(struct runtime *r) {
    if (r->current != &r->threads[0])
        return RUNS_ALREADY;
#ifndef PLAIN
    unwatch(r);
#endif
    munmap(r->areas, (size_t)((char *)&r->threads[r->threads_allowed + 1] - r->areas));
    return 1;
}

/* ---------------------------------------------------------------------------
 * Examples
 */

enum { ROOMY = 64 * 1024 }; /* a stack on which one may print */

static int my_place(void) {
    return (int)(running->current - running->threads);
}

/* The later book's example: its closures, and after each what its runtime says. */
struct task {
    int yields;
};

static int64_t finished(void) {
    printf("THREAD %d FINISHED.\n", my_place());
    return 0;
}

static int64_t nested_task(void *nothing) {
    (void)nothing;
    puts("...like this!");
    return finished();
}

static int64_t outer_task(void *nothing) {
    (void)nothing;
    puts("But we can still nest tasks...");
    spawn(running, nested_task, WITH_NOTHING);
    return finished();
}

static int64_t first_task(void *environment) {
    const struct task *mine = environment;
    puts("I haven't implemented a timer in this example.");
    for (int i = 0; i < mine->yields; i++)
        yield_thread();
    puts("Finally, notice how the tasks are executed concurrently.");
    return finished();
}

/* Prints its seven lines, in an order that depends on how often the first thread
   yields. Returns how many threads wait at the end. */
int later_book(int yields) {
    struct runtime *r = new_runtime(3, ROOMY);
    if (r == NULL)
        return NO_PLACE;
    spawn(r, first_task, WITH(struct task, yields));
    spawn(r, outer_task, WITH_NOTHING);
    int waiting = run(r);
    free_runtime(r);
    return waiting;
}

/* The sum of a range, in parts: one thread gives each part to a thread of its own
   and joins them all. */
struct range {
    int64_t from, to;
};

static int64_t sum(void *environment) {
    const struct range *mine = environment;
    int64_t total = 0;
    for (int64_t i = mine->from; i <= mine->to; i++) {
        total += i;
        if (i % 10 == 0)
            yield_thread();
    }
    return total;
}

static int64_t sum_in_parts(void *environment) {
    enum { PARTS = 4 };
    const struct range *all = environment;
    int64_t parts[PARTS], total = 0, length = (all->to - all->from + PARTS) / PARTS;
    for (int i = 0; i < PARTS; i++) {
        int64_t from = all->from + i * length, to = from + length - 1;
        to = to < all->to ? to : all->to;
        parts[i] = spawn_to_join(running, sum, WITH(struct range, from, to));
    }
    for (int i = 0; i < PARTS; i++) {
        int64_t result;
        if (join(running, parts[i], &result) == 1)
            total += result;
    }
    return total;
}

/* Or what went wrong. */
int64_t sum_of(int64_t from, int64_t to) {
    struct runtime *r = new_runtime(5, ROOMY);
    if (r == NULL)
        return NO_PLACE;
    int64_t result = 0, all = spawn_to_join(r, sum_in_parts, WITH(struct range, from, to));
    run(r);
    int got = join(r, all, &result);
    free_runtime(r);
    return got == 1 ? result : got;
}

/* Two threads and a channel: one sends the squares up to n * n and closes it. */
struct squares {
    struct channel *to;
    int64_t n;
};

static int64_t send_squares(void *environment) {
    const struct squares *mine = environment;
    for (int64_t i = 1; i <= mine->n; i++)
        send_to(mine->to, i * i);
    return close_channel(mine->to);
}

static int64_t print_all(void *environment) {
    struct channel *from = *(struct channel **)environment;
    int64_t value;
    printf("received:");
    while (receive_from(from, &value) == 1)
        printf(" %d", (int)value);
    puts("");
    return 0;
}

int print_squares(int64_t n, int capacity) {
    struct runtime *r = new_runtime(2, ROOMY);
    struct channel *c = r == NULL ? NULL : new_channel(r, "squares", capacity);
    if (c == NULL)
        return NO_PLACE;
    spawn(r, send_squares, WITH(struct squares, c, n));
    spawn(r, print_all, &c, sizeof c);
    int waiting = run(r);
    free_channel(c);
    free_runtime(r);
    return waiting;
}

/* The towers of Hanoi: the moves of so many discs from peg 1 to peg 3, given from
   inside the recursion. A move from peg a to peg b is the number 10 * a + b. */
struct hanoi {
    int64_t discs;
};

static void hanoi_moves(int64_t discs, int from, int to) {
    if (discs == 0)
        return;
    hanoi_moves(discs - 1, from, 6 - from - to);
    give(10 * from + to);
    hanoi_moves(discs - 1, 6 - from - to, to);
}

static int64_t hanoi(void *environment) {
    hanoi_moves(((struct hanoi *)environment)->discs, 1, 3);
    return 0;
}

int print_hanoi(int discs) {
    struct runtime *r = new_runtime(1, ROOMY);
    if (r == NULL)
        return NO_PLACE;
    int64_t moves = new_generator(r, hanoi, WITH(struct hanoi, discs)), move = 0;
    printf("moves:");
    while (next(r, moves, &move) == 1)
        printf(" %d", (int)move);
    puts("");
    return free_runtime(r);
}

/* Two threads, and each waits for a word of the other before it says its own. A
   third one waits for the second. */
struct polite {
    struct channel *from, *to;
};

static int64_t after_you(void *environment) {
    const struct polite *mine = environment;
    int64_t word;
    if (receive_from(mine->from, &word) == 1)
        send_to(mine->to, word + 1);
    return 0;
}

static int64_t wait_for_it(void *environment) {
    int64_t result;
    return join(running, *(int64_t *)environment, &result);
}

static int64_t sleep_well(void *nothing) {
    (void)nothing;
    park();
    return 0;
}

/* Writes who waits for what, and returns how many do. */
int all_wait(char *text, size_t size) {
    struct runtime *r = new_runtime(4, ROOMY);
    struct channel *a = r == NULL ? NULL : new_channel(r, "the questions", 0);
    struct channel *b = a == NULL ? NULL : new_channel(r, "the answers", 0);
    if (b == NULL)
        return NO_PLACE;
    spawn(r, after_you, WITH(struct polite, a, b));
    int64_t second = spawn_to_join(r, after_you, WITH(struct polite, b, a));
    spawn(r, wait_for_it, &second, sizeof second);
    spawn(r, sleep_well, WITH_NOTHING);
    int waiting = run(r);
    who_waits(r, text, size);
    free_channel(a);
    free_channel(b);
    free_runtime(r);
    return waiting;
}

/* A thread sets errno and lets another one run, which does the same. */
static int64_t set_errno(void *environment) {
    errno = *(int *)environment;
    yield_thread();
    return errno;
}

/* What two threads find in errno that set it to 1 and 2: 10 times the first one's,
   and the other one's. */
int64_t errno_of_two(void) {
    struct runtime *r = new_runtime(2, ROOMY);
    if (r == NULL)
        return NO_PLACE;
    int64_t seen[2] = {0, 0}, threads[2];
    for (int i = 0; i < 2; i++)
        threads[i] = spawn_to_join(r, set_errno, WITH(int, i + 1));
    run(r);
    for (int i = 0; i < 2; i++)
        join(r, threads[i], &seen[i]);
    free_runtime(r);
    return 10 * seen[0] + seen[1];
}

/* Whether we stand on one of a runtime's stacks. */
static int64_t on_a_stack_of(int64_t runtime) {
    const struct runtime *r = (const struct runtime *)(uintptr_t)runtime;
    char here;
    uintptr_t sp = (uintptr_t)&here;
    return sp >= (uintptr_t)r->areas && sp < (uintptr_t)r;
}

static int64_t call_both_ways(void *nothing) {
    (void)nothing;
    int64_t r = (int64_t)(uintptr_t)running;
    return 10 * on_a_stack_of(r) + call_on_base(on_a_stack_of, r);
}

/* A thread calls a function, and has the base thread call it: 10 if it stood on
   the thread's stack the first time, and on another one the second. */
int64_t two_calls(void) {
    struct runtime *r = new_runtime(1, ROOMY);
    if (r == NULL)
        return NO_PLACE;
    int64_t result = -1, number = spawn_to_join(r, call_both_ways, WITH_NOTHING);
    run(r);
    join(r, number, &result);
    free_runtime(r);
    return result;
}

/* Each wrong use once: prints what it was, and what was said. */
static void tried(const char *what, int64_t error) {
    printf("%s → %s\n", what, in_words(error));
}

static int64_t return_one(void *nothing) {
    (void)nothing;
    return 1;
}

static int64_t misuse(void *environment) {
    int64_t value, joined = spawn_to_join(running, return_one, WITH_NOTHING);
    int64_t plain = spawn(running, sleep_well, WITH_NOTHING);
    struct channel *c = environment == NULL ? NULL : *(struct channel **)environment;
    tried("joins itself", join(running, number_of(running, running->current), &value));
    tried("joins one that nobody may join", join(running, plain, &value));
    join(running, joined, &value);
    tried("joins twice", join(running, joined, &value));
    tried("asks one that is no generator", next(running, plain, &value));
    tried("gives, and is no generator", give(1));
    close_channel(c);
    tried("sends to a closed channel", send_to(c, 1));
    tried("closes it again", close_channel(c));
    tried("runs its own runtime", run(running));
    yield_thread();
    wake(find(running, plain));
    return 0;
}

int misuses(void) {
    struct runtime *r = new_runtime(3, ROOMY);
    struct channel *c = r == NULL ? NULL : new_channel(r, "one", 0);
    if (c == NULL)
        return NO_PLACE;
    int64_t value;
    spawn_to_join(r, misuse, &c, sizeof c);
    tried("waits, and is no thread", receive_from(c, &value));
    tried("gives too much", spawn(r, return_one, &c, ROOMY));
    int waiting = run(r);
    free_channel(c);
    free_runtime(r);
    return waiting;
}

#ifdef MAIN
int main(void) {
    char text[512];
    int waiting = later_book(2);
    printf("1 + … + 1000 = %d\n", (int)sum_of(1, 1000));
    waiting += print_squares(6, 0);
    print_hanoi(3);
    printf("%d wait for ever:\n", all_wait(text, sizeof text));
    printf("%s", text);
    printf("errno, of two: %d\n", (int)errno_of_two());
    printf("on a thread's stack, of two calls: %d\n", (int)two_calls());
    waiting += misuses();
    return waiting;
}
#endif

#ifndef PLAIN
/* ---------------------------------------------------------------------------
 * For Java: the same, as functions that it can call. -1 and NULL: no memory.
 */

enum { SMALL_STACK = 12 * 1024 - 512 }; /* as in chapter 07: an area of five pages */

/* Beside what a thread may do wrong: what whoever calls from outside may. */
enum { NOT_OPEN = -ERRORS, GIVEN_NOTHING = NOT_OPEN - 1 };

const char *words_for(int64_t error) {
    if (error == NOT_OPEN)
        return "the runtime is closed, or could not be opened";
    return error == GIVEN_NOTHING ? "NULL was given in place of memory" : in_words(error);
}

/* A runtime that Java has opened, and not closed. */
struct opened {
    struct runtime *runtime;
    struct opened *next;
};

static struct opened *all_opened;
static atomic_flag all_opened_taken = ATOMIC_FLAG_INIT; /* the JVM closes on a thread of its own */

static void take_all_opened(void) {
    while (atomic_flag_test_and_set(&all_opened_taken))
        ; /* whoever has it is quick */
}

static void give_back_all_opened(void) {
    atomic_flag_clear(&all_opened_taken);
}

/* Where the pointer to its record is; to a NULL if it is none that is open. */
static struct opened **place_of_opened(const struct runtime *r) {
    struct opened **at = &all_opened;
    while (*at != NULL && (*at)->runtime != r)
        at = &(*at)->next;
    return at;
}

static bool is_open(const struct runtime *r) {
    take_all_opened();
    bool found = *place_of_opened(r) != NULL;
    give_back_all_opened();
    return found;
}

struct runtime *open_runtime(int threads) {
    struct opened *record = threads < 1 ? NULL : malloc(sizeof *record);
    struct runtime *r = record == NULL ? NULL : new_runtime(threads, ROOMY);
    if (r == NULL) {
        free(record);
        return NULL;
    }
    take_all_opened();
    *record = (struct opened){r, all_opened};
    all_opened = record;
    give_back_all_opened();
    return r;
}

int run_all(struct runtime *r) {
    return is_open(r) ? run(r) : NOT_OPEN;
}

/* What is closed stays so: Java closes once more what a reader has closed. */
int close_runtime(struct runtime *r) {
    take_all_opened();
    struct opened **at = place_of_opened(r), *record = *at;
    int closed = record == NULL ? NOT_OPEN : free_runtime(r);
    if (closed == 1) {
        *at = record->next;
        free(record);
    }
    give_back_all_opened();
    return closed;
}

void join_from_java(struct runtime *r, int64_t number, struct answer *answer) {
    if (is_open(r) && answer != NULL)
        await(r, number, answer);
    else if (answer != NULL)
        *answer = (struct answer){.status = NOT_OPEN};
}

/* What Java asks with, all in one piece: that is quicker than three arguments. */
struct question {
    struct runtime *runtime;
    int64_t number;
    struct answer answer;
};

void ask_from_java(struct question *question) {
    if (question != NULL && question->runtime != NULL)
        ask(question->runtime, question->number, &question->answer);
    else if (question != NULL)
        question->answer = (struct answer){.status = NOT_OPEN};
}

/* To compare with: what it costs to come here and go back. */
void return_at_once(struct question *question) {
    (void)question;
}

/* A thread that sums a range. The caller may forget the range after this. */
int64_t spawn_sum(struct runtime *r, const struct range *range) {
    if (range == NULL)
        return GIVEN_NOTHING;
    if (!is_open(r))
        return NOT_OPEN;
    return spawn_to_join(r, sum, range, sizeof *range);
}

/* A generator of the moves. The recursion is as deep as there are discs. */
int64_t spawn_hanoi(struct runtime *r, int64_t discs) {
    enum { MOST_DISCS = 100 };
    if (!is_open(r))
        return NOT_OPEN;
    if (discs > MOST_DISCS || discs < 0)
        return TOO_LARGE;
    return new_generator(r, hanoi, WITH(struct hanoi, discs));
}

/* A thread that sums what a function of Java's makes of the numbers of a range.
   The base thread calls it. */
struct mapped {
    int64_t (*function)(int64_t);
    struct range range;
};

static int64_t sum_mapped(void *environment) {
    const struct mapped *mine = environment;
    int64_t total = 0;
    for (int64_t i = mine->range.from; i <= mine->range.to; i++)
        total += call_on_base(mine->function, i);
    return total;
}

int64_t spawn_mapped(struct runtime *r, int64_t (*function)(int64_t), int64_t from, int64_t to) {
    if (function == NULL)
        return GIVEN_NOTHING;
    if (!is_open(r))
        return NOT_OPEN;
    return spawn_to_join(r, sum_mapped, WITH(struct mapped, function, {from, to}));
}

/* The same without a thread, to compare with: whoever calls this calls the function. */
int64_t map_here(int64_t (*function)(int64_t), int64_t from, int64_t to) {
    return sum_mapped(&(struct mapped){function, {from, to}});
}

/* ---------------------------------------------------------------------------
 * For the notebook, and for the tests
 */

/* The example of chapter 07 with closures: the switches of print_squares, without
   the prints. Returns how many there were, or -1. */
static int64_t receive_all(void *environment) {
    struct channel *from = *(struct channel **)environment;
    int64_t value, total = 0;
    while (receive_from(from, &value) == 1)
        total += value;
    return total;
}

long trace_squares(int64_t n, int capacity, struct switch_record *out, long size) {
    struct runtime *r = n < 0 || capacity < 0 ? NULL : new_runtime(2, SMALL_STACK);
    struct channel *c = r == NULL ? NULL : new_channel(r, "squares", capacity);
    if (c == NULL)
        return -1;
    r->trace = out;
    r->trace_size = size;
    spawn(r, send_squares, WITH(struct squares, c, n));
    spawn(r, receive_all, &c, sizeof c);
    run(r);
    long switches = r->traced;
    free_channel(c);
    free_runtime(r);
    return switches;
}

/* Many threads, each of which sends one number through one channel. */
struct crowd_report {
    int64_t received; /* numbers */
    int64_t sum;      /* of them */
    int64_t places;   /* that were made: the most threads alive at once */
    int64_t waiting;  /* that have not finished; it must be 0 */
};

struct crowd {
    struct channel *channel;
    int64_t threads;
    struct crowd_report *report;
};

struct sender {
    struct channel *channel;
    int64_t value;
};

static int64_t send_one(void *environment) {
    const struct sender *mine = environment;
    return send_to(mine->channel, mine->value);
}

static int64_t receive_crowd(void *environment) {
    const struct crowd *mine = environment;
    int64_t value;
    while (mine->report->received < mine->threads && receive_from(mine->channel, &value) == 1) {
        mine->report->received++;
        mine->report->sum += value;
    }
    return 0;
}

/* Where there is no place, or no guard page, it lets others finish first. */
static int64_t spawn_crowd(void *environment) {
    const struct crowd *mine = environment;
    for (int64_t i = 1; i <= mine->threads; i++)
        while (spawn(running, send_one, WITH(struct sender, mine->channel, i)) < 0)
            yield_thread();
    return 0;
}

/* `threads` of them, at most `at_once` at a time. Returns 0 or -1. */
int crowd(int threads, int at_once, struct crowd_report *out) {
    struct runtime *r = threads < 1 || at_once < 1 ? NULL : new_runtime(at_once + 2, SMALL_STACK);
    struct channel *c = r == NULL ? NULL : new_channel(r, "one for all", 0);
    if (c == NULL)
        return -1;
    *out = (struct crowd_report){.received = 0};
    spawn(r, receive_crowd, WITH(struct crowd, c, threads, out));
    spawn(r, spawn_crowd, WITH(struct crowd, c, threads, out));
    out->waiting = run(r);
    out->places = r->threads_made;
    free_channel(c);
    free_runtime(r);
    return 0;
}

/* What a thread finds again that it has set before a yield, where another thread
   has set the same: errno, and a variable that each OS thread has one of. */
static _Thread_local int local;

struct own_report {
    int64_t first_errno, second_errno, first_local, second_local;
};

static int64_t set_both(void *environment) {
    int mine = *(int *)environment;
    errno = local = mine;
    yield_thread();
    return 10 * errno + local;
}

/* The first thread sets both to 1, the second one to 2. Returns 0 or -1. */
int own_variables(struct own_report *out) {
    struct runtime *r = new_runtime(2, SMALL_STACK);
    if (r == NULL)
        return -1;
    int64_t seen[2] = {0, 0}, threads[2];
    for (int i = 0; i < 2; i++)
        threads[i] = spawn_to_join(r, set_both, WITH(int, i + 1));
    run(r);
    for (int i = 0; i < 2; i++)
        join(r, threads[i], &seen[i]);
    free_runtime(r);
    *out = (struct own_report){seen[0] / 10, seen[1] / 10, seen[0] % 10, seen[1] % 10};
    return 0;
}

/* A thread that never ends, as far as it goes: it yields until its runtime is
   given up. Another one joins it. Comes back only if somebody ends it. */
static int64_t never_ends(void *nothing) {
    for (volatile bool forever = true; forever;)
        yield_thread();
    return nothing != NULL;
}

int join_for_ever(void) {
    struct runtime *r = new_runtime(2, ROOMY);
    if (r == NULL)
        return -1;
    int64_t number = spawn_to_join(r, never_ends, WITH_NOTHING);
    spawn(r, wait_for_it, &number, sizeof number);
    return run(r);
}

/* For the experiment, which makes a sieve of it: a thread that is given a channel, as
   its owner, and receives what is in it. */
static int64_t sieve(void *environment) {
    receive_all(environment);
    free_channel(*(struct channel **)environment);
    return 0;
}

/* Gives the first such thread a channel with the numbers from 2 to `most`. Returns how
   many threads there have been; or -1, also if one has not finished. */
int sieve_numbers(int most) {
    struct runtime *r = most < 2 ? NULL : new_runtime(200, ROOMY);
    struct channel *first = r == NULL ? NULL : new_channel(r, "numbers", most);
    if (first == NULL)
        return -1;
    for (int n = 2; n <= most; n++)
        send_to(first, n);
    close_channel(first);
    spawn(r, sieve, &first, sizeof first);
    int waiting = run(r), lived = 0;
    for (int place = 1; place <= r->threads_made; place++)
        lived += (int)r->threads[place].lives;
    free_runtime(r);
    return waiting == 0 ? lived : -1;
}

/* ---------------------------------------------------------------------------
 * For the exercises: each puts something better in the place of these
 */

/* 09.1: an order, as Java hands it over. */
struct order {
    int8_t express;
    int32_t pieces;
    double price;
    int64_t customer;
};

/* What it comes to, in cents, rounded; express costs 500 more. */
static int64_t reckon(void *environment) {
    const struct order *mine = environment;
    return (int64_t)(mine->pieces * mine->price * 100 + 0.5) + (mine->express ? 500 : 0);
}

int64_t spawn_order(struct runtime *r, const struct order *order) {
    return spawn_to_join(r, reckon, order, sizeof *order);
}

/* 09.2: a lock. Who has to wait stands in the queue. */
struct lock {
    bool taken;
    struct queue waiting;
};

static void acquire(struct lock *l) {
    (void)l;
}

static void release_lock(struct lock *l) {
    (void)l;
}

struct lock_report {
    int64_t most_inside; /* threads, at the same time */
    int64_t order;       /* who got in: a digit for each time */
    int64_t switches;
    int64_t waiting; /* threads, at the end */
};

struct crossing {
    struct lock *lock;
    struct lock_report *report;
    int64_t *inside;
    int64_t rounds, turns;
};

static int64_t cross(void *environment) {
    const struct crossing *mine = environment;
    for (int64_t i = 0; i < mine->rounds; i++) {
        acquire(mine->lock);
        if (++*mine->inside > mine->report->most_inside)
            mine->report->most_inside = *mine->inside;
        if (mine->report->order < 1000000000) /* as many as have room */
            mine->report->order = mine->report->order * 10 + my_place();
        for (int64_t j = 0; j < mine->turns; j++)
            yield_thread();
        --*mine->inside;
        release_lock(mine->lock);
    }
    return 0;
}

/* So many threads go in so many times each, and yield while they are inside. There are
   as many locks as is said, and they take them in turn. Returns 0 or -1. */
int lock_threads(int threads, int locks, int64_t rounds, int64_t turns, struct lock_report *out) {
    enum { MOST_LOCKS = 2 };
    struct lock all[MOST_LOCKS] = {{.taken = false}};
    int64_t inside = 0;
    struct switch_record none;
    bool makes_sense = threads >= 1 && locks >= 1 && locks <= MOST_LOCKS;
    struct runtime *r = makes_sense ? new_runtime(threads, ROOMY) : NULL;
    if (r == NULL)
        return -1;
    for (int i = 0; i < locks; i++)
        all[i].waiting.end = &all[i].waiting.first;
    *out = (struct lock_report){.most_inside = 0};
    r->trace = &none; /* the switches are counted, and none of them is kept */
    for (int i = 0; i < threads; i++)
        spawn(r, cross, WITH(struct crossing, &all[i % locks], out, &inside, rounds, turns));
    out->waiting = run(r);
    out->switches = r->traced;
    free_runtime(r);
    return 0;
}

/* 09.3: what could be received at once from a channel; and a waiter taken out of a
   queue, if it is still in there. */
static bool has_value(const struct channel *c) {
    return c->count > 0 || c->senders.first != NULL;
}

static void step_out(struct queue *q, struct waiter *w) {
    struct waiter **at = &q->first;
    while (*at != NULL && *at != w)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    *at = w->next;
    if (w->next == NULL)
        q->end = at;
}

/* Waits for the first value on any of at most MOST_CHANNELS channels. Returns which
   one it came from; -1: all are closed, and nothing is in them. */
enum { CHANNELS = 3, MOST_CHANNELS = 8 };

static int receive_any(struct channel **channels, int count, int64_t *value) {
    (void)channels;
    (void)count;
    (void)value;
    (void)has_value;
    (void)step_out;
    return -2;
}

/* What may happen to somebody who chooses. */
enum choice_kind {
    VALUE_THERE,
    VALUE_LATER,
    CLOSED_MEANWHILE,
    TWO_VALUES,
    USED_AFTERWARDS,
    ALL_CLOSED,
    VALUE_ZERO,
    FROM_FIRST,
    FROM_LAST,
    STORED_AND_CLOSED,
    TWO_CHOOSERS
};

struct choice {
    struct channel *channels[MOST_CHANNELS];
    int64_t seen[4];
    int kind, count;
};

static int64_t choose_once(struct choice *c) {
    int64_t value = 0;
    int which = receive_any(c->channels, c->count, &value);
    return which < 0 ? which : 100 * which + value;
}

/* A value, after some turns. */
struct letter {
    struct channel *to;
    int64_t value, turns;
    bool closes; /* the channel, in place of sending */
};

static int64_t post(void *environment) {
    const struct letter *mine = environment;
    for (int64_t i = 0; i < mine->turns; i++)
        yield_thread();
    return mine->closes ? close_channel(mine->to) : send_to(mine->to, mine->value);
}

static int64_t choose(void *environment) {
    struct choice *c = *(struct choice **)environment;
    int mine = c->kind == TWO_CHOOSERS ? my_place() - 1 : 0;
    c->seen[mine] = choose_once(c);
    if (c->kind == USED_AFTERWARDS) /* and then it waits for one of them only */
        c->seen[1] = receive_from(c->channels[2], &c->seen[2]);
    if (c->kind == TWO_VALUES || c->kind == STORED_AND_CLOSED)
        c->seen[1] = choose_once(c);
    if (c->kind == STORED_AND_CLOSED)
        c->seen[3] = choose_once(c);
    return 0;
}

static int64_t receive_first(void *environment) {
    struct choice *c = *(struct choice **)environment;
    for (int i = 0; i < 20; i++)
        yield_thread();
    if (receive_from(c->channels[0], &c->seen[3]) != 1)
        c->seen[3] = -1;
    return 0;
}

/* What others send, and when: before it looks, or after so many turns. */
static const struct {
    enum choice_kind kind;
    bool before;
    int which;
    struct letter letter;
} letters[] = {
    {VALUE_THERE, true, 2, {NULL, 7, 0, false}},
    {TWO_VALUES, true, 2, {NULL, 7, 0, false}},
    {TWO_VALUES, true, 1, {NULL, 8, 0, false}},
    {VALUE_LATER, false, 1, {NULL, 8, 50, false}},
    {CLOSED_MEANWHILE, false, 0, {NULL, 0, 5, true}},
    {CLOSED_MEANWHILE, false, 1, {NULL, 0, 10, true}},
    {CLOSED_MEANWHILE, false, 2, {NULL, 9, 15, false}},
    {USED_AFTERWARDS, false, 1, {NULL, 8, 5, false}},
    {USED_AFTERWARDS, false, 0, {NULL, 6, 10, false}},
    {USED_AFTERWARDS, false, 2, {NULL, 5, 40, false}},
    {ALL_CLOSED, false, 0, {NULL, 0, 5, true}},
    {ALL_CLOSED, false, 1, {NULL, 0, 6, true}},
    {ALL_CLOSED, false, 2, {NULL, 0, 7, true}},
    {VALUE_ZERO, false, 1, {NULL, 0, 5, false}},
    {FROM_FIRST, false, 0, {NULL, 4, 5, false}},
    {FROM_LAST, false, MOST_CHANNELS - 1, {NULL, 3, 5, false}},
    {STORED_AND_CLOSED, true, 1, {NULL, 8, 0, false}},
    {STORED_AND_CLOSED, true, 2, {NULL, 7, 0, false}},
    {STORED_AND_CLOSED, true, 0, {NULL, 0, 0, true}},
    {STORED_AND_CLOSED, true, 1, {NULL, 0, 0, true}},
    {STORED_AND_CLOSED, true, 2, {NULL, 0, 0, true}},
    {TWO_CHOOSERS, false, 1, {NULL, 8, 5, false}},
    {TWO_CHOOSERS, false, 2, {NULL, 7, 10, false}},
};

static void post_letters(struct runtime *r, struct choice *c, bool before) {
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if ((int)letters[i].kind == c->kind && letters[i].before == before) {
            struct letter letter = letters[i].letter;
            letter.to = c->channels[letters[i].which];
            spawn(r, post, &letter, sizeof letter);
        }
}

static void set_up_choice(struct runtime *r, struct choice *c) {
    if (c->kind == TWO_CHOOSERS)
        spawn(r, choose, &c, sizeof c);
    post_letters(r, c, true);
    spawn(r, choose, &c, sizeof c);
    post_letters(r, c, false);
    if (c->kind == USED_AFTERWARDS)
        spawn(r, receive_first, &c, sizeof c);
}

struct choice_report {
    int64_t first, second; /* 100 times the channel, and the value; or what else was said */
    int64_t other;         /* what another thread received from the first channel */
    int64_t switches, waiting;
};

/* A thread that waits for three channels; FROM_LAST for as many as there may be, and with
   TWO_CHOOSERS there are two such threads. Only with STORED_AND_CLOSED have channels room
   for a value. Returns 0 or -1. */
int choose_from(int kind, struct choice_report *out) {
    struct choice choice = {.kind = kind, .count = kind == FROM_LAST ? MOST_CHANNELS : CHANNELS};
    struct switch_record none;
    struct runtime *r = new_runtime(8, ROOMY);
    if (r == NULL)
        return -1;
    for (int i = 0; i < MOST_CHANNELS; i++)
        if ((choice.channels[i] = new_channel(r, "one of some", kind == STORED_AND_CLOSED)) == NULL)
            return -1;
    r->trace = &none;
    set_up_choice(r, &choice);
    out->waiting = run(r);
    out->switches = r->traced;
    out->first = choice.seen[0];
    out->second = kind == USED_AFTERWARDS ? 100 * choice.seen[1] + choice.seen[2] : choice.seen[1];
    out->other = choice.seen[3];
    for (int i = 0; i < MOST_CHANNELS; i++)
        free_channel(choice.channels[i]);
    free_runtime(r);
    return 0;
}

/* ---------------------------------------------------------------------------
 * What it costs, in nanoseconds; -1: no memory, or a number that makes no sense
 */

static double now_ns(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static volatile bool stop;

static int64_t yield_until_stopped(void *nothing) {
    (void)nothing;
    while (!stop)
        yield_thread();
    return 0;
}

struct timed {
    int64_t rounds;
    struct channel *channel;
    double ns;
};

static int64_t time_yields(void *environment) {
    struct timed *mine = *(struct timed **)environment;
    yield_thread();
    double begin = now_ns();
    for (int64_t i = 0; i < mine->rounds; i++)
        yield_thread();
    mine->ns = (now_ns() - begin) / (double)mine->rounds;
    stop = true;
    return 0;
}

/* From one turn to the next, with so many threads ready. */
double yield_ns(int threads, int64_t rounds) {
    struct timed timed = {rounds, NULL, -1}, *environment = &timed;
    struct runtime *r = threads < 1 || rounds < 1 ? NULL : new_runtime(threads, SMALL_STACK);
    if (r == NULL)
        return -1;
    stop = false;
    spawn(r, time_yields, &environment, sizeof environment);
    for (int i = 1; i < threads; i++)
        spawn(r, yield_until_stopped, WITH_NOTHING);
    run(r);
    free_runtime(r);
    return timed.ns / threads;
}

static int64_t time_joins(void *environment) {
    struct timed *mine = *(struct timed **)environment;
    double begin = now_ns();
    for (int64_t i = 0, one; i < mine->rounds; i++)
        join(running, spawn_to_join(running, return_one, WITH_NOTHING), &one);
    mine->ns = (now_ns() - begin) / (double)mine->rounds;
    return 0;
}

static double time_in(thread_function *function, struct timed *timed) {
    struct runtime *r = timed->rounds < 1 ? NULL : new_runtime(2, SMALL_STACK);
    if (r == NULL)
        return -1;
    spawn(r, function, &timed, sizeof timed);
    run(r);
    free_runtime(r);
    return timed->ns;
}

/* A thread's whole life, spawned and joined by another one. */
double join_ns(int64_t rounds) {
    return time_in(time_joins, &(struct timed){rounds, NULL, -1});
}

static int64_t send_all(void *environment) {
    struct timed *mine = *(struct timed **)environment;
    for (int64_t i = 0; i < mine->rounds; i++)
        send_to(mine->channel, i);
    return close_channel(mine->channel);
}

/* A value from one thread to another, through a channel of this capacity. */
double hand_over_ns(int64_t rounds, int capacity) {
    struct runtime *r = rounds < 1 || capacity < 0 ? NULL : new_runtime(2, SMALL_STACK);
    struct channel *c = r == NULL ? NULL : new_channel(r, "timed", capacity);
    if (c == NULL)
        return -1;
    struct timed timed = {rounds, c, -1}, *environment = &timed;
    spawn(r, send_all, &environment, sizeof environment);
    spawn(r, receive_all, &c, sizeof c);
    double begin = now_ns();
    run(r);
    double end = now_ns();
    free_channel(c);
    free_runtime(r);
    return (end - begin) / (double)rounds;
}

static int64_t count_up(void *nothing) {
    int64_t i = 0;
    (void)nothing;
    while (give(i) == 1)
        i++;
    return i;
}

/* A generator of 0, 1, 2 … without an end. */
int64_t spawn_counter(struct runtime *r) {
    return new_generator(r, count_up, WITH_NOTHING);
}

/* A value from a generator, asked by the base thread. */
double generator_ns(int64_t rounds) {
    struct runtime *r = rounds < 1 ? NULL : new_runtime(1, SMALL_STACK);
    if (r == NULL)
        return -1;
    int64_t value, counter = spawn_counter(r);
    double begin = now_ns();
    for (int64_t i = 0; i < rounds; i++)
        next(r, counter, &value);
    double end = now_ns();
    free_runtime(r);
    return (end - begin) / (double)rounds;
}

static int64_t same(int64_t argument) {
    return argument;
}

static int64_t time_calls(void *environment) {
    struct timed *mine = *(struct timed **)environment;
    double begin = now_ns();
    for (int64_t i = 0; i < mine->rounds; i++)
        call_on_base(same, i);
    mine->ns = (now_ns() - begin) / (double)mine->rounds;
    return 0;
}

/* A call of a function of C that the base thread makes for a thread. */
double call_on_base_ns(int64_t rounds) {
    return time_in(time_calls, &(struct timed){rounds, NULL, -1});
}
#endif
