/*
 * 12-waiting.c: threads that wait for time, for the net, for files; and servers of them.
 *
 * It is the runtime of chapter 09, grown by seven parts:
 *
 *     a queue by time    threads that sleep, and waits that end in time
 *     cutting short      a wait that is cancelled leaves nothing in any queue
 *     the other side     the base thread's turn: it asks the system what has happened
 *     sockets            accept, connect, read and write, as if they waited
 *     work elsewhere     OS threads for what the system does not tell of: files, names
 *     words from outside another OS thread wakes one of ours, or ends them all
 *     servers            an echo; HTTP; and the same once more as a loop by hand
 *
 * What differs from system to system stands in wait/: epoll.h for Linux, kqueue.h for
 * macOS. All threads of a runtime run on one OS thread, and each OS thread may run one.
 *
 * Alone:  cc -std=c17 -O2 -pthread -DMAIN 12-waiting.c -o demo && ./demo
 */
#ifdef __linux__
#define _GNU_SOURCE /* MAP_NORESERVE, MAP_STACK, madvise, mincore, accept4 */
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "arch/arch.h"
#include "wait/events.h"
#include "wait/http.h"

#ifndef PLAIN
#include <sys/resource.h>

#include "arch/watch.h"
#endif

#ifndef MAP_STACK /* macOS: memory for a stack is memory like any other */
#define MAP_STACK 0
#endif

#ifdef __GLIBC__ /* a variable of each OS thread, even of a library, without a call to find it */
#define OF_EACH_OS_THREAD _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define OF_EACH_OS_THREAD _Thread_local
#endif

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
    TIMED_OUT = -13,
    CANCELLED = -14,
    NO_SUCH_SOCKET = -15,
    NO_ROOM = -16,
    ERRORS = 17,
    SYSTEM_SAYS = -1000 /* less errno: the system's own reasons */
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
        "its time is up",
        "the wait was cancelled",
        "no such socket: it has been closed",
        "all places for sockets are taken",
    };
    if (error <= SYSTEM_SAYS)
        return strerror((int)(SYSTEM_SAYS - error));
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
    RECEIVES, /* until somebody sends to one */
    /* From here on it is the outside that wakes it. */
    SLEEPS,  /* until a time has come */
    READS,   /* until a socket has something to read, or a connection to accept */
    WRITES,  /* until a socket has room, or is connected */
    WORKS,   /* until an OS thread has worked for it */
    LISTENS, /* until another OS thread wakes it */
    STATES
};

/* Who may wait for what a thread gives back. */
enum kind { FOR_NOBODY, TO_JOIN, TO_ASK };

struct thread {
    _Alignas(CACHE_LINE) void *sp;  /* first, so that &thread->sp is also the thread */
    struct thread *next, *previous; /* in the ring; `next` also in the list */
    int error;                      /* its errno, while it does not run */
    enum state state;
    void *waits_for;  /* a thread, a channel, a socket, or a job */
    int64_t deadline; /* each of its waits ends then; 0: there is none */
    int cut_short;    /* why its latest wait was: a negative number; or 0 */
    int in_a_row;     /* how often it has read or written since it waited last */
    bool cancelled;   /* its next wait is to be cut short */
    bool called;      /* its next wait for another OS thread is over at once */
    uint32_t lives;   /* how many threads have had this place before */
    /* What a wait needs stands above, in one line of the cache. */
    enum kind kind;
    struct thread *waiter; /* who joins it, or asks it */
    struct answer *answer; /* where that one looks for what it gives back */
    int64_t result;        /* until it is fetched, if nobody waits */
    thread_function *function;
    void *environment; /* at the upper end of its stack */
};
_Static_assert(offsetof(struct thread, sp) == 0, "thread_entry takes one for the other");
_Static_assert(offsetof(struct thread, kind) == CACHE_LINE, "a wait needs one line");

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
    int waiting;           /* how many threads wait */
    int outside;           /* how many of them for the outside */
    int with_deadline;     /* how many of them at most until some time */
    bool ends;             /* no wait begins any more */
    struct alarm *alarms;  /* the queue by time: see there */
    int *alarm_places;
    int alarms_set;
    uint32_t alarms_ever;
    struct events events; /* what the system tells of: see wait/events.h */
    int64_t looked;       /* when it was asked last */
    int64_t system_calls; /* how often it was asked for something, all in all */
    struct socket *sockets, *free_sockets;
    int sockets_allowed, sockets_made;
    struct office *office;             /* where the OS threads are that work for this one */
    char *areas;                       /* thread 1's, thread 2's, … */
    size_t area_size, page_size, size; /* the last one: of all of it */
    int threads_allowed, threads_made; /* besides the base thread */
#ifndef PLAIN
    unsigned *watched;           /* what watch_stack said of each thread's stack */
    struct switch_record *trace; /* the caller's; NULL: nothing is recorded */
    long trace_size, traced;
    struct wait_record *waits; /* the same, for the waits */
    long waits_size, waits_made;
#endif
    struct thread threads[]; /* threads[0] is the base thread */
};
/* Whose thread runs. NULL: we are on the stack that the OS thread came with. Each OS
   thread has its own, so each may run a runtime; a thread never moves to another one. */
static OF_EACH_OS_THREAD struct runtime *running;

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

/* The beginning of a wait, or its end, as it happened. */
struct wait_record {
    int64_t ns;     /* the time of the clock */
    int64_t object; /* the number of the socket, or of the thread; 0: something else */
    int32_t thread;
    int32_t state;     /* one of enum state: READY, the wait is over */
    int32_t cut_short; /* why it was, or 0 */
    int32_t unused;
};

static void record_wait(struct runtime *r, const struct thread *t);

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
            .cause = ended                             ? RETURNED
                     : old->next == old && next != old ? WAITS
                                                       : YIELDED,
            .ready = ready,
        };
    r->traced++;
}
#endif

/* ---------------------------------------------------------------------------
 * Yield
 */

/* As in chapter 07, and the switch is last again. Before it errno is exchanged: there
   is one for each OS thread, and it is to belong to whoever runs. */
static void resume(struct thread *next) {
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
 * The queue by time
 *
 * A heap: the place under i has the places 2 i and 2 i + 1 below it, and none of those
 * is due before it. So place 1 is due next, and to set an alarm or to take one out, from
 * wherever it is, costs a few steps: as often as the number of alarms can be halved.
 */

struct alarm {
    int64_t when;
    uint32_t order; /* of two with the same time, the one that was set first comes first */
    int32_t thread; /* its place */
};

/* The clock: nanoseconds, from some time in the past on, which never goes back. */
static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* There is no branch in it: which of two is due first, no processor can predict. `order` may
   have begun again at 0 between the two. */
static bool is_due_before(const struct alarm *a, const struct alarm *b) {
    uint32_t set_first = (a->order - b->order) >> 31;
    return a->when - b->when < (int64_t)set_first;
}

/* A thread's place in the queue; 0: it is not in there. */
static int *alarm_of(struct runtime *r, const struct thread *t) {
    return &r->alarm_places[t - r->threads];
}

/* Lays it down at this place, and notes where it is now. */
static void lay_alarm(struct runtime *r, int place, struct alarm a) {
    r->alarms[place] = a;
    r->alarm_places[a.thread] = place;
}

/* Finds the place for an alarm, beginning at an empty one: up as long as it is due
   before the one above, or down as long as one below is due before it. */
static void place_alarm(struct runtime *r, int place, struct alarm a) {
    while (place > 1 && is_due_before(&a, &r->alarms[place / 2])) {
        lay_alarm(r, place, r->alarms[place / 2]);
        place /= 2;
    }
    for (int below; (below = 2 * place) <= r->alarms_set; place = below) {
        if (below < r->alarms_set)
            below += is_due_before(&r->alarms[below + 1], &r->alarms[below]);
        if (!is_due_before(&r->alarms[below], &a))
            break;
        lay_alarm(r, place, r->alarms[below]);
    }
    lay_alarm(r, place, a);
}

/* There is room: a thread has one alarm at most. */
static void set_alarm(struct runtime *r, const struct thread *t, int64_t when) {
    int place = *alarm_of(r, t);
    place_alarm(r, place != 0 ? place : ++r->alarms_set,
                (struct alarm){when, r->alarms_ever++, (int32_t)(t - r->threads)});
}

/* The last one of the heap goes where this one was. */
static void take_out_alarm(struct runtime *r, const struct thread *t) {
    if (*alarm_of(r, t) == 0)
        return;
    struct alarm last = r->alarms[r->alarms_set--];
    if (last.thread != t - r->threads)
        place_alarm(r, *alarm_of(r, t), last);
    *alarm_of(r, t) = 0;
}

/* ---------------------------------------------------------------------------
 * Waiting
 */

static void step_out(struct thread *t, struct runtime *r, int why);

/* Somebody has to ask the system from time to time: the base thread takes turns as soon
   as a thread waits for the outside. (If it has asked a generator itself, it does so
   when it runs the others again.) */
static void need_base_thread(struct runtime *r) {
    struct thread *base = &r->threads[0];
    if (base->next == base && base->state == READY && r->current != base)
        join_ring(base, r->current);
}

/* Who has got what it waited for at a socket keeps its alarm. Mostly it soon waits there again,
   until a later time, and then nothing has to be moved in the queue by time. Its alarm so rings too
   early, once in a long while, and is set to that later time then: see ring_alarm. */
static bool keeps_alarm(const struct thread *t) {
    return (t->state == READS || t->state == WRITES) && t->cut_short == 0;
}

/* From here to the end of its wait a thread with a deadline has an alarm, no later than that. */
static void wait_until_deadline(struct thread *me, struct runtime *r) {
    int place = *alarm_of(r, me);
    r->with_deadline++;
    if (place == 0 || !keeps_alarm(me) || r->alarms[place].when > me->deadline)
        set_alarm(r, me, me->deadline);
}

/* The current thread is to wait from now on: it leaves the ring after this. */
static void begin_to_wait(struct thread *me, struct runtime *r, enum state why, void *what) {
    me->state = why;
    me->waits_for = what;
    me->cut_short = me->in_a_row = 0;
    r->waiting++;
    r->outside += why >= SLEEPS;
    if (me->deadline != 0)
        wait_until_deadline(me, r);
    else
        take_out_alarm(r, me);
    if (why >= SLEEPS || me->deadline != 0)
        need_base_thread(r);
#ifndef PLAIN
    if (r->waits != NULL)
        record_wait(r, me);
#endif
}

static void end_to_wait(struct thread *t, struct runtime *r) {
    r->outside -= t->state >= SLEEPS;
    r->with_deadline -= t->deadline != 0;
    if (!keeps_alarm(t))
        take_out_alarm(r, t);
    t->state = READY;
    r->waiting--;
#ifndef PLAIN
    if (r->waits != NULL)
        record_wait(r, t);
#endif
}

static void go_on(struct thread *t, struct runtime *r) {
    end_to_wait(t, r);
    join_ring(t, r->current); /* right before the current one: the last of a round */
}

/* Ends a thread's wait, although what it waited for has not come. */
static void end_early(struct thread *t, struct runtime *r, int why) {
    step_out(t, r, why);
    t->cut_short = why;
    end_to_wait(t, r);
}

static void cut_short(struct thread *t, struct runtime *r, int why) {
    end_early(t, r, why);
    join_ring(t, r->current);
}

/* Its time has come, unless it was the time of an earlier wait. */
static void ring_alarm(struct runtime *r, struct thread *t, int64_t now) {
    if (t->state < PARKED)
        take_out_alarm(r, t);
    else if (t->deadline > now)
        set_alarm(r, t, t->deadline);
    else
        cut_short(t, r, TIMED_OUT);
}

/* Who has been cancelled already stays in the ring: its wait is a turn of the others. */
static void park_for(enum state why, void *what) {
    struct thread *me = running->current;
    begin_to_wait(me, running, why, what);
    if (me->cancelled || running->ends) {
        me->cancelled = false;
        end_early(me, running, CANCELLED);
        resume(me->next);
    } else
        resume(leave_ring());
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

/* Waits for the outside. Returns 1, or why the wait was cut short. */
static int wait_for(enum state why, void *what) {
    struct thread *me = running->current;
    park_for(why, what);
    return me->cut_short != 0 ? me->cut_short : 1;
}

/* Sleeps until the clock says so. Returns 1, or TIMED_OUT (there was a deadline before
   it), CANCELLED or WOULD_WAIT. */
static int sleep_until(int64_t when) {
    if (running == NULL)
        return WOULD_WAIT;
    struct thread *me = running->current;
    int64_t deadline = me->deadline;
    bool first = deadline == 0 || when <= deadline;
    if (first)
        me->deadline = when > 0 ? when : 1;
    int woken = wait_for(SLEEPS, NULL);
    me->deadline = deadline;
    return woken == TIMED_OUT && first ? 1 : woken;
}

static int sleep_for(int64_t ns) {
    return sleep_until(now_ns() + ns);
}

/* From now on every wait of the current thread ends after so many nanoseconds, all in
   all; 0: they may last for ever. Returns the deadline that it had. */
static int64_t deadline_in(int64_t ns) {
    struct thread *me = running->current;
    int64_t old = me->deadline;
    me->deadline = ns == 0 ? 0 : now_ns() + ns;
    return old;
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
    take_out_alarm(running, old);
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
#define WITH_NOTHING    NULL, 0

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

static bool is_for_base(const struct runtime *r) {
    return r->outside > 0 || r->with_deadline > 0;
}

static bool look_outside(struct runtime *r);

/* Lets all threads run, until nobody is ready and nothing outside can wake one. While
   threads wait for the outside, the base thread stays in the ring, and in its turn it
   looks there. Returns how many wait in the end, for ever unless somebody wakes them;
   or RUNS_ALREADY. */
static int run(struct runtime *r) {
    if (r->current != &r->threads[0])
        return RUNS_ALREADY;
    r->looked = now_ns();
    do {
        leave_base(r);
        resume(is_for_base(r) ? r->current->next : leave_ring());
    } while (look_outside(r));
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

/* Gives a value to whoever has asked, and rests until somebody asks again. */
static void hand_over(int64_t value) {
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
    resume(next);
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
    if (running->current->kind != TO_ASK)
        return NO_GENERATOR;
    hand_over(value);
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

/* Waits in a queue. Returns 1 if it was served, 0 if the channel was closed; or why its
   wait was cut short. */
static int wait_in(struct queue *q, struct channel *c, enum state why, struct waiter *me) {
    if (c->runtime != running)
        return WOULD_WAIT;
    stand_in(q, me);
    park_for(why, c);
    return me->served ? 1 : running->current->cut_short;
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
 * Cutting short
 */

/* The waiter of this thread, taken out of a queue. */
static void leave_queue(struct queue *q, const struct thread *t) {
    struct waiter **at = &q->first;
    while (*at != NULL && (*at)->thread != t)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    if ((*at)->next == NULL)
        q->end = at;
    *at = (*at)->next;
}

struct job;
static void leave_socket(struct thread *t);
static void leave_job(struct runtime *r, struct job *job);

/* Takes a thread out of whatever knows that it waits. */
static void step_out(struct thread *t, struct runtime *r, int why) {
    struct thread *other = t->waits_for;
    struct channel *c = t->waits_for;
    switch (t->state) {
    case JOINS:
    case ASKS:
        other->answer->status = why;
        other->waiter = NULL;
        break;
    case SENDS:
        leave_queue(&c->senders, t);
        break;
    case RECEIVES:
        leave_queue(&c->receivers, t);
        break;
    case READS:
    case WRITES:
        leave_socket(t);
        break;
    case WORKS:
        leave_job(r, t->waits_for);
        break;
    default: /* nobody knows of it, but for its alarm */
        break;
    }
}

/* Ends the wait of a thread, or the next one that it begins. That wait returns CANCELLED,
   and later ones wait again. */
static int cancel(struct runtime *r, int64_t number) {
    struct thread *t = find(r, number);
    if (t == NULL || t->state == FINISHED)
        return NO_SUCH_THREAD;
    if (t->state >= PARKED)
        cut_short(t, r, CANCELLED);
    else
        t->cancelled = true;
    return 1;
}

/* No wait begins any more, and those that go on are cancelled: all threads come to an
   end, if they take no for an answer. */
static void end_all_waits(struct runtime *r) {
    r->ends = true;
    for (int place = 1; place <= r->threads_made; place++)
        if (r->threads[place].state >= PARKED)
            cut_short(&r->threads[place], r, CANCELLED);
}

/* ---------------------------------------------------------------------------
 * The other side: work elsewhere, and words from outside
 *
 * Other OS threads come in here. What they share with ours lies in the office, under
 * its lock; when they have left something there, they ring the bell.
 */

enum { MOST_HELPERS = 4 };

/* Something that an OS thread is to do. It owns what it works on, a copy; so whoever
   waits for it may go away at any time. */
struct job {
    struct job *next;
    struct thread *waiter; /* NULL: nobody waits any more. Only our OS thread looks here. */
    int64_t (*function)(void *environment);
    void (*undo)(void *environment); /* gives back what it has made; or NULL */
    int64_t result;
    _Alignas(16) char environment[];
};

struct jobs {
    struct job *first, **end;
};

/* For whom another OS thread has called. */
struct word {
    struct word *next;
    int64_t thread;
};

struct office {
    pthread_mutex_t lock;
    pthread_cond_t more; /* jobs; or it closes */
    struct jobs queued, finished;
    struct word *words;
    int jobs_queued, helpers, idle;
    bool end_asked, closes;
    _Atomic bool mail; /* something lies here for our OS thread */
    pthread_t helper[MOST_HELPERS];
};

static void append(struct jobs *to, struct job *job) {
    job->next = NULL;
    *to->end = job;
    to->end = &job->next;
}

static struct job *take_first(struct jobs *from) {
    struct job *job = from->first;
    if (job != NULL && (from->first = job->next) == NULL)
        from->end = &from->first;
    return job;
}

static struct office *open_office(void) {
    struct office *o = calloc(1, sizeof *o);
    if (o == NULL)
        return NULL;
    o->queued.end = &o->queued.first;
    o->finished.end = &o->finished.first;
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->more, NULL);
    return o;
}

/* With the lock: something lies here now. */
static void leave_mail(struct runtime *r) {
    r->office->mail = true;
    ring_bell(&r->events);
}

/* What an OS thread of ours does, until the office closes. */
static void *help(void *runtime) {
    struct runtime *r = runtime;
    struct office *o = r->office;
    pthread_mutex_lock(&o->lock);
    while (!o->closes) {
        struct job *job = take_first(&o->queued);
        if (job == NULL) {
            o->idle++;
            pthread_cond_wait(&o->more, &o->lock);
            o->idle--;
            continue;
        }
        o->jobs_queued--;
        pthread_mutex_unlock(&o->lock);
        job->result = job->function(job->environment);
        pthread_mutex_lock(&o->lock);
        append(&o->finished, job);
        leave_mail(r);
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

/* With the lock. Signals are not for the new one. Returns 0, or what the system says. */
static int hire(struct runtime *r) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&r->office->helper[r->office->helpers], NULL, help, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    r->office->helpers += error == 0;
    return error;
}

/* Queues a job, for a helper who has nothing to do, or for a new one. */
static int64_t hand_in(struct runtime *r, struct job *job) {
    struct office *o = r->office;
    int error = 0;
    pthread_mutex_lock(&o->lock);
    if (o->jobs_queued >= o->idle && o->helpers < MOST_HELPERS)
        error = hire(r);
    if (o->helpers > 0) {
        append(&o->queued, job);
        o->jobs_queued++;
        pthread_cond_signal(&o->more);
    }
    pthread_mutex_unlock(&o->lock);
    return o->helpers > 0 ? 1 : SYSTEM_SAYS - error;
}

static void drop(struct job *job) {
    if (job->undo != NULL)
        job->undo(job->environment);
    free(job);
}

/* Its thread waits no more. A job that has begun cannot be stopped: it ends some day,
   and what it has made is given back then. */
static void leave_job(struct runtime *r, struct job *job) {
    struct office *o = r->office;
    job->waiter = NULL;
    pthread_mutex_lock(&o->lock);
    struct job **at = &o->queued.first;
    while (*at != NULL && *at != job)
        at = &(*at)->next;
    bool queued = *at != NULL;
    if (queued) {
        if (job->next == NULL)
            o->queued.end = at;
        *at = job->next;
        o->jobs_queued--;
    }
    pthread_mutex_unlock(&o->lock);
    if (queued)
        free(job);
}

/*
 * Has an OS thread call function(environment), with a copy of the `size` bytes, and waits
 * for it. When it has finished, the copy is copied back. Returns what the function has
 * returned; or why the wait was cut short: then `undo`, if there is one, gives back what
 * the function has made. The function is on its own: it may not call what waits.
 */
static int64_t elsewhere(int64_t (*function)(void *), void (*undo)(void *), void *environment,
                         size_t size) {
    if (running == NULL)
        return WOULD_WAIT;
    struct job *job = malloc(sizeof *job + size);
    if (job == NULL)
        return SYSTEM_SAYS - ENOMEM;
    *job = (struct job){.waiter = running->current, .function = function, .undo = undo};
    memcpy(job->environment, environment, size);
    int64_t result = hand_in(running, job);
    if (result != 1) {
        free(job);
        return result;
    }
    result = wait_for(WORKS, job);
    if (result == 1) {
        result = job->result;
        memcpy(environment, job->environment, size);
        free(job);
    }
    return result;
}

/* What a thread of ours does that waits for another OS thread: until that one wakes it,
   or at once if that was since the last time. Returns 1, or why it was cut short. */
static int listen_outside(void) {
    if (running == NULL)
        return WOULD_WAIT;
    struct thread *me = running->current;
    int heard = me->called ? 1 : wait_for(LISTENS, NULL);
    if (heard == 1)
        me->called = false;
    return heard;
}

/* Any OS thread may call these two, as long as the runtime is there. A number that no
   thread has any more does no harm. */
int wake_from_outside(struct runtime *r, int64_t thread) {
    struct word *word = malloc(sizeof *word);
    if (word == NULL)
        return SYSTEM_SAYS - ENOMEM;
    pthread_mutex_lock(&r->office->lock);
    *word = (struct word){r->office->words, thread};
    r->office->words = word;
    leave_mail(r);
    pthread_mutex_unlock(&r->office->lock);
    return 1;
}

void end_from_outside(struct runtime *r) {
    pthread_mutex_lock(&r->office->lock);
    r->office->end_asked = true;
    leave_mail(r);
    pthread_mutex_unlock(&r->office->lock);
}

static void pass_on(struct runtime *r, int64_t number) {
    struct thread *t = find(r, number);
    if (t == NULL)
        return;
    t->called = true;
    if (t->state == LISTENS)
        go_on(t, r);
}

/* The base thread takes all that lies there, and whoever waited for it goes on. */
static void take_mail(struct runtime *r) {
    struct office *o = r->office;
    if (!o->mail)
        return;
    pthread_mutex_lock(&o->lock);
    o->mail = false;
    struct job *job, *finished = o->finished.first;
    struct word *word, *words = o->words;
    bool end_asked = o->end_asked;
    o->finished = (struct jobs){NULL, &o->finished.first};
    o->words = NULL;
    pthread_mutex_unlock(&o->lock);
    while ((job = finished) != NULL) {
        finished = job->next;
        if (job->waiter != NULL)
            go_on(job->waiter, r);
        else
            drop(job);
    }
    while ((word = words) != NULL) {
        words = word->next;
        pass_on(r, word->thread);
        free(word);
    }
    if (end_asked)
        end_all_waits(r);
}

/* Waits for the jobs that have begun, and forgets the others. */
static void close_office(struct office *o) {
    struct job *job;
    struct word *word;
    pthread_mutex_lock(&o->lock);
    o->closes = true;
    pthread_cond_broadcast(&o->more);
    pthread_mutex_unlock(&o->lock);
    for (int i = 0; i < o->helpers; i++)
        pthread_join(o->helper[i], NULL);
    while ((job = take_first(&o->queued)) != NULL)
        free(job);
    while ((job = take_first(&o->finished)) != NULL)
        drop(job);
    while ((word = o->words) != NULL) {
        o->words = word->next;
        free(word);
    }
    pthread_cond_destroy(&o->more);
    pthread_mutex_destroy(&o->lock);
    free(o);
}
/* ---------------------------------------------------------------------------
 * Sockets
 */

/* One of them has a number, as a thread has: its place, and how many have had the place
   before. Of `readable` and `writable` the system is not asked: they hold until a call
   says otherwise, and from the next event on again. */
struct socket {
    _Alignas(CACHE_LINE) int fd; /* -1: the place is available */
    uint32_t lives;
    bool watched; /* the system has been told of it */
    bool readable, writable;
    bool ended;                     /* it will be readable for ever */
    struct thread *reader, *writer; /* who waits for it */
    struct socket *next;            /* of the places that are available */
};

static int64_t number_of_socket(const struct runtime *r, const struct socket *s) {
    return (int64_t)s->lives << 32 | (s - r->sockets);
}

static struct socket *find_socket(const struct runtime *r, int64_t number) {
    int64_t place = number & UINT32_MAX;
    if (number <= 0 || place < 1 || place > r->sockets_made)
        return NULL;
    struct socket *s = &r->sockets[place];
    return s->fd >= 0 && s->lives == number >> 32 ? s : NULL;
}

/* Takes a descriptor on, which has to be one that never waits. From here on the runtime
   owns it; if there is no room it is closed. Whether it is readable, an event will say. */
static int64_t take_on(struct runtime *r, int fd) {
    struct socket *s = r->free_sockets;
    if (s != NULL)
        r->free_sockets = s->next;
    else if (r->sockets_made < r->sockets_allowed)
        s = &r->sockets[++r->sockets_made];
    else {
        close(fd);
        return NO_ROOM;
    }
    *s = (struct socket){.fd = fd, .lives = s->lives, .writable = true};
    return number_of_socket(r, s);
}

/* Whoever waits for it is told that there is no such socket any more. */
static int close_socket(struct runtime *r, int64_t number) {
    struct socket *s = find_socket(r, number);
    if (s == NULL)
        return NO_SUCH_SOCKET;
    if (s->reader != NULL)
        cut_short(s->reader, r, NO_SUCH_SOCKET);
    if (s->writer != NULL)
        cut_short(s->writer, r, NO_SUCH_SOCKET);
    close(s->fd);
    r->system_calls++;
    *s = (struct socket){.fd = -1, .lives = (s->lives + 1) & INT32_MAX, .next = r->free_sockets};
    r->free_sockets = s;
    return 1;
}

static void leave_socket(struct thread *t) {
    struct socket *s = t->waits_for;
    *(t->state == READS ? &s->reader : &s->writer) = NULL;
}

static void wake_one(struct runtime *r, struct thread **place) {
    struct thread *t = *place;
    if (t == NULL)
        return;
    *place = NULL;
    go_on(t, r);
}

/* An event may be about a socket that has been closed since, and then there is none. */
static void tell_socket(struct runtime *r, const struct event *event) {
    struct socket *s = find_socket(r, (int64_t)event->name);
    if (s == NULL)
        return;
    s->ended |= event->ended;
    s->readable |= event->readable;
    s->writable |= event->writable;
    if (s->readable)
        wake_one(r, &s->reader);
    if (s->writable)
        wake_one(r, &s->writer);
}

/* Whoever comes next has mostly not run for a while, and its stack is in no cache any more:
   that it is fetched can begin while somebody else works. */
static void fetch_stack_of(const struct thread *t) {
    enum { WHAT_A_WAIT_TOUCHES = 512 };
    for (int at = 0; at < WHAT_A_WAIT_TOUCHES; at += CACHE_LINE)
        __builtin_prefetch((const char *)t->sp + at);
}

/* Waits until a socket may be readable, or writable. The system is told of it now, if
   it does not know it yet. Returns 1, or why not. */
static int wait_for_socket(struct runtime *r, struct socket *s, enum state why) {
    struct thread **place = why == READS ? &s->reader : &s->writer;
    if (*place != NULL)
        return AWAITED_ALREADY;
    if (!s->watched) {
        int error = watch_descriptor(&r->events, s->fd, (uint64_t)number_of_socket(r, s));
        r->system_calls++;
        if (error != 0)
            return SYSTEM_SAYS - error;
        s->watched = true;
    }
    *place = r->current;
    int status = wait_for(why, s);
    fetch_stack_of(r->current->next);
    return status;
}

/* Who never has to wait lets others run as well, from time to time. */
static void take_turns(void) {
    enum { TIMES = 16 };
    if (++running->current->in_a_row % TIMES == 0)
        yield_thread();
}

static bool was_in_vain(int error) {
    return error == EAGAIN || error == EWOULDBLOCK;
}

/* Reads what is there, at most `size` bytes, or waits until something is. Returns how
   many they were; 0: the other side sends no more; or what went wrong. When there were
   fewer than asked for there are no more: it is not read again to find that out. */
static int64_t read_some(int64_t number, void *buffer, size_t size) {
    struct runtime *r = running;
    for (struct socket *s; r != NULL && (s = find_socket(r, number)) != NULL;) {
        if (!s->readable) {
            int status = wait_for_socket(r, s, READS);
            if (status != 1)
                return status;
            continue;
        }
        ssize_t got = recv(s->fd, buffer, size, 0);
        r->system_calls++;
        if (got >= 0) {
            s->readable = (size_t)got == size || s->ended;
            take_turns();
            return got;
        }
        if (was_in_vain(errno))
            s->readable = false;
        else if (errno != EINTR)
            return SYSTEM_SAYS - errno;
    }
    return r == NULL ? WOULD_WAIT : NO_SUCH_SOCKET;
}

/* Writes as much as there is room for, and does not wait. Returns how many bytes those were; or
   what went wrong. When it was all, others may run, and not before. */
static int64_t write_now(int64_t number, const void *bytes, size_t size) {
    struct runtime *r = running;
    struct socket *s = r == NULL ? NULL : find_socket(r, number);
    if (s == NULL)
        return r == NULL ? WOULD_WAIT : NO_SUCH_SOCKET;
    ssize_t sent = s->writable ? send(s->fd, bytes, size, SEND_FLAGS) : 0;
    r->system_calls += s->writable;
    if (sent == (ssize_t)size)
        take_turns();
    else if (sent < 0 && was_in_vain(errno))
        s->writable = false;
    else if (sent < 0 && errno != EINTR)
        return SYSTEM_SAYS - errno;
    return sent < 0 ? 0 : sent;
}

/* So much of it has been written; what is left. */
static void pass_over(struct iovec *piece, size_t *written) {
    size_t here = *written < piece->iov_len ? *written : piece->iov_len;
    if (here > 0)
        piece->iov_base = (char *)piece->iov_base + here;
    piece->iov_len -= here;
    *written -= here;
}

/* Writes all of two pieces, and waits whenever there is no room. Returns 1, or what went
   wrong: then some of it may have been written. */
static int64_t write_both(int64_t number, const void *first, size_t first_size, const void *second,
                          size_t second_size) {
    struct runtime *r = running;
    struct iovec pieces[2] = {{(void *)(uintptr_t)first, first_size},
                              {(void *)(uintptr_t)second, second_size}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    for (struct socket *s; r != NULL && (s = find_socket(r, number)) != NULL;) {
        if (pieces[0].iov_len + pieces[1].iov_len == 0)
            return 1;
        if (!s->writable) {
            int status = wait_for_socket(r, s, WRITES);
            if (status != 1)
                return status;
            continue;
        }
        ssize_t sent = sendmsg(s->fd, &message, SEND_FLAGS);
        r->system_calls++;
        if (sent >= 0) {
            size_t written = (size_t)sent;
            pass_over(&pieces[0], &written);
            pass_over(&pieces[1], &written);
            take_turns();
        } else if (was_in_vain(errno))
            s->writable = false;
        else if (errno != EINTR)
            return SYSTEM_SAYS - errno;
    }
    return r == NULL ? WOULD_WAIT : NO_SUCH_SOCKET;
}

static int64_t write_all(int64_t number, const void *bytes, size_t size) {
    return write_both(number, bytes, size, NULL, 0);
}

/* Says to the other side that no more will come; what it sends can still be read. */
static int64_t end_writing(struct runtime *r, int64_t number) {
    const struct socket *s = find_socket(r, number);
    r->system_calls++;
    return s == NULL ? NO_SUCH_SOCKET : shutdown(s->fd, SHUT_WR) == 0 ? 1 : SYSTEM_SAYS - errno;
}

/* The place of a port on this machine, for nobody from outside. */
static struct sockaddr_in at_home(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* A socket for connections to this port; 0: to one that is free. */
static int64_t listen_on(struct runtime *r, int port) {
    struct sockaddr_in address = at_home(port);
    int yes = 1, fd = new_descriptor(AF_INET);
    if (fd < 0)
        return SYSTEM_SAYS - errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, SOMAXCONN) == 0)
        return take_on(r, fd);
    int error = errno;
    close(fd);
    return SYSTEM_SAYS - error;
}

static int64_t port_of(const struct runtime *r, int64_t number) {
    const struct socket *s = find_socket(r, number);
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    if (s == NULL)
        return NO_SUCH_SOCKET;
    if (getsockname(s->fd, (struct sockaddr *)&address, &size) != 0)
        return SYSTEM_SAYS - errno;
    return ntohs(address.sin_port);
}

/* Waits for a connection, and takes it on. */
static int64_t accept_from(int64_t listener) {
    struct runtime *r = running;
    for (struct socket *s; r != NULL && (s = find_socket(r, listener)) != NULL;) {
        if (!s->readable) {
            int status = wait_for_socket(r, s, READS);
            if (status != 1)
                return status;
            continue;
        }
        int fd = accept_descriptor(s->fd);
        r->system_calls++;
        if (fd >= 0) {
            take_turns();
            return take_on(r, fd);
        }
        if (was_in_vain(errno))
            s->readable = false;
        else if (errno != EINTR && errno != ECONNABORTED)
            return SYSTEM_SAYS - errno;
    }
    return r == NULL ? WOULD_WAIT : NO_SUCH_SOCKET;
}

/* What has come of a connection that was begun. */
static int64_t connected(struct runtime *r, int64_t number) {
    struct socket *s = find_socket(r, number);
    int error = 0, status = s == NULL ? NO_SUCH_SOCKET : wait_for_socket(r, s, WRITES);
    socklen_t size = sizeof error;
    if (status != 1)
        return status;
    if ((s = find_socket(r, number)) == NULL)
        return NO_SUCH_SOCKET;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    return error == 0 ? 1 : SYSTEM_SAYS - error;
}

/* Connects to an address. Returns the socket, or what went wrong. */
static int64_t connect_to(const void *address, size_t size) {
    struct runtime *r = running;
    const struct sockaddr *there = address;
    if (r == NULL)
        return WOULD_WAIT;
    int fd = new_descriptor(there->sa_family);
    if (fd < 0)
        return SYSTEM_SAYS - errno;
    int64_t number = take_on(r, fd), status = 1;
    if (number < 0)
        return number;
    r->system_calls++;
    if (connect(fd, there, (socklen_t)size) != 0) {
        find_socket(r, number)->writable = false;
        status =
            errno == EINPROGRESS || errno == EINTR ? connected(r, number) : SYSTEM_SAYS - errno;
    }
    if (status != 1)
        close_socket(r, number);
    return status == 1 ? number : status;
}

static int64_t connect_to_port(int port) {
    struct sockaddr_in address = at_home(port);
    return connect_to(&address, sizeof address);
}

/* ---------------------------------------------------------------------------
 * The base thread's turn
 */

/* Asks the system, and waits for an answer so long. */
static void hear(struct runtime *r, int64_t ns) {
    struct event events[MOST_EVENTS];
    int count = next_events(&r->events, events, ns);
    r->system_calls++;
    for (int i = 0; i < count; i++)
        if (events[i].name != 0)
            tell_socket(r, &events[i]);
    take_mail(r);
}

/* How long nothing is due. */
static int64_t time_left(const struct runtime *r, int64_t now) {
    if (r->alarms_set == 0)
        return FOR_EVER;
    return r->alarms[1].when > now ? r->alarms[1].when - now : 0;
}

/* If nobody is ready, waits for something to happen; otherwise asks whether something
   has, but not in every round. Then it looks at the clock. False: there is nobody to
   ask for, and nobody ready. */
static bool look_outside(struct runtime *r) {
    enum { NOT_AGAIN_FOR = 50 * 1000 };
    const struct thread *base = r->current;
    bool alone = base->next == base;
    if (!is_for_base(r))
        return !alone;
    int error = errno;
    int64_t now = now_ns();
    if (alone || now - r->looked >= NOT_AGAIN_FOR) {
        hear(r, alone ? time_left(r, now) : 0);
        now = r->looked = now_ns();
    }
    while (r->alarms_set > 0 && r->alarms[1].when <= now)
        ring_alarm(r, &r->threads[r->alarms[1].thread], now);
    errno = error;
    return true;
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
    case SLEEPS:
        return snprintf(text, size, "thread %d sleeps\n", me);
    case READS:
    case WRITES:
        return snprintf(text, size, "thread %d %s socket %d\n", me,
                        t->state == READS ? "reads from" : "writes to",
                        (int)((struct socket *)t->waits_for - r->sockets));
    case WORKS:
        return snprintf(text, size, "thread %d has an OS thread work for it\n", me);
    case LISTENS:
        return snprintf(text, size, "thread %d waits for another OS thread\n", me);
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

/* All that lies in a runtime's piece of memory: the areas, then the records. */
struct layout {
    size_t area, runtime, alarms, alarm_places, sockets, end;
};

static struct layout lay_out(size_t threads, size_t sockets, size_t stack_size, size_t page) {
    struct layout l = {
        .area = ((stack_size + SAVED_WORDS * 8 + STAGGERED + 2 * page - 1) / page | 1) * page};
    l.runtime = threads * l.area;
    l.alarms = l.runtime + sizeof(struct runtime) + (threads + 1) * sizeof(struct thread);
    l.alarm_places = l.alarms + (threads + 2) * sizeof(struct alarm);
    l.sockets = l.alarm_places + (threads + 1) * sizeof(int);
    l.sockets = (l.sockets + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    l.end = l.sockets + (sockets + 1) * sizeof(struct socket);
    return l;
}

/* As in chapter 09. There is room for two sockets a thread, and some more. NULL: there is
   not enough memory, or no descriptor for what the system tells. */
static struct runtime *new_runtime(int threads_allowed, size_t stack_size) {
    size_t threads = (size_t)threads_allowed, sockets = 2 * threads + 16;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct layout l = lay_out(threads, sockets, stack_size, page);
    char *areas = mmap(NULL, l.end, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANON | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (areas == MAP_FAILED)
        return NULL;
    struct runtime *r = (struct runtime *)(areas + l.runtime);
    *r = (struct runtime){.areas = areas, .area_size = l.area, .page_size = page};
    r->threads_allowed = threads_allowed;
    r->sockets_allowed = (int)sockets;
    r->alarms = (struct alarm *)(areas + l.alarms);
    r->alarm_places = (int *)(areas + l.alarm_places);
    r->sockets = (struct socket *)(areas + l.sockets);
    r->size = l.end;
    r->current = r->threads[0].next = r->threads[0].previous = &r->threads[0];
    r->threads[0].state = READY;
    if ((r->office = open_office()) != NULL && open_events(&r->events) == 0)
        return r;
    free(r->office);
    munmap(areas, l.end);
    return NULL;
}

/* Gives everything back, unless it runs: sockets are closed, and work that an OS thread
   has begun is waited for. Threads that have not finished never will: what they own
   themselves, nobody frees. */
static int free_runtime(struct runtime *r) {
    if (r->current != &r->threads[0])
        return RUNS_ALREADY;
#ifndef PLAIN
    unwatch(r);
#endif
    close_office(r->office);
    for (int place = 1; place <= r->sockets_made; place++)
        if (r->sockets[place].fd >= 0)
            close(r->sockets[place].fd);
    close_events(&r->events);
    munmap(r->areas, r->size);
    return 1;
}

#ifndef PLAIN
static void record_wait(struct runtime *r, const struct thread *t) {
    const struct thread *other = t->waits_for;
    bool socket = t->state == READS || t->state == WRITES;
    if (r->waits_made < r->waits_size)
        r->waits[r->waits_made] = (struct wait_record){
            .ns = now_ns(),
            .object = socket ? (struct socket *)t->waits_for - r->sockets
                      : t->state == JOINS || t->state == ASKS ? other - r->threads
                                                              : 0,
            .thread = (int32_t)(t - r->threads),
            .state = t->state,
            .cut_short = t->state == READY ? t->cut_short : 0,
        };
    r->waits_made++;
}
#endif

/* ---------------------------------------------------------------------------
 * What has no readiness: files, and names
 */

enum { ROOMY = 64 * 1024 }; /* a stack on which one may print */
#define MS INT64_C(1000000)

/* A file that is read. `bytes` is to be freed by whoever gets it. */
struct file {
    char path[256];
    char *bytes;
    int64_t size;
};

static int64_t read_descriptor(int fd, char *to, int64_t most) {
    int64_t size = 0;
    while (size < most) {
        ssize_t got = read(fd, to + size, (size_t)(most - size));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return SYSTEM_SAYS - errno;
        if (got == 0)
            break;
        size += got;
    }
    return size;
}

/* In an OS thread of its own: here it may wait as long as the disk needs. */
static int64_t read_it(void *environment) {
    enum { MOST = 1024 * 1024 };
    struct file *f = environment;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return SYSTEM_SAYS - errno;
    f->bytes = malloc(MOST);
    f->size = f->bytes == NULL ? SYSTEM_SAYS - ENOMEM : read_descriptor(fd, f->bytes, MOST);
    close(fd);
    return f->size;
}

static void forget_it(void *environment) {
    free(((struct file *)environment)->bytes);
}

/* Reads a file, its first MiB. Returns how many bytes those are, in memory that is to be
   freed by forget_it; or what went wrong. */
static int64_t read_file(struct file *f) {
    f->bytes = NULL;
    f->size = 0;
    return elsewhere(read_it, forget_it, f, sizeof *f);
}

#ifndef MAIN /* a program that is linked statically can look up no names */
/* A name that is looked up, and what came of it. */
struct name {
    char name[256];
    char port[8];
    struct sockaddr_storage address;
    size_t size;
};

static int64_t look_it_up(void *environment) {
    struct name *n = environment;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(n->name, n->port, &hints, &found);
    if (error != 0)
        return SYSTEM_SAYS - (error == EAI_SYSTEM ? errno : error == EAI_MEMORY ? ENOMEM : ENOENT);
    n->size = found->ai_addrlen;
    memcpy(&n->address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return 1;
}

/* Connects to a port of a host by its name. */
static int64_t connect_by_name(const char *name, int port) {
    struct name n = {.size = 0};
    snprintf(n.name, sizeof n.name, "%s", name);
    snprintf(n.port, sizeof n.port, "%d", port);
    int64_t found = elsewhere(look_it_up, NULL, &n, sizeof n);
    return found < 0 ? found : connect_to(&n.address, n.size);
}
#endif

/* ---------------------------------------------------------------------------
 * An echo server
 */

struct client {
    int64_t socket;
};

/* One thread for each connection: it sends back what it reads, until nothing comes. */
static int64_t echo(void *environment) {
    const struct client *mine = environment;
    char buffer[1024];
    int64_t size;
    while ((size = read_some(mine->socket, buffer, sizeof buffer)) > 0)
        if (write_all(mine->socket, buffer, (size_t)size) < 0)
            break;
    close_socket(running, mine->socket);
    return size;
}

static int64_t serve_echo(void *environment) {
    const struct client *listener = environment;
    int64_t socket;
    while ((socket = accept_from(listener->socket)) > 0)
        if (spawn(running, echo, WITH(struct client, socket)) < 0)
            close_socket(running, socket);
    return socket;
}

/* ---------------------------------------------------------------------------
 * HTTP: what comes over a connection
 */

enum { MOST_ANSWER_HEAD = 320, SHORT_BODY = 64 };

/* One for all its connections. */
struct server {
    struct runtime *runtime;
    int64_t listener;
    struct channel *places; /* a value in it for each connection that is open */
    int64_t idle_ns;        /* how long a connection may say nothing between requests */
    int64_t request_ns;     /* how long a request may take, or its answer, to come over */
    struct file file;       /* what /file answers with; an empty path: nothing */
    int64_t (*java)(int64_t exchange); /* who answers what begins with /java; or NULL */
    const int64_t *looked;             /* when the clock was looked at last */
    int64_t second;                    /* for which `date` has been written */
    int64_t requests, connections, refused;
    char date[40];
    char head[MOST_ANSWER_HEAD + SHORT_BODY]; /* of the answer that is being written */
};

struct connection {
    struct server *server;
    int64_t socket;
    size_t begin, end; /* of what has been read, and not used yet */
    char bytes[MOST_HEAD];
};

/* What waits from here on is to end in so many nanoseconds. They are counted from when the
   base thread looked at the clock: that is near enough, and costs nothing. */
static void limit_to(int64_t ns) {
    running->current->deadline = running->looked + ns;
}

static struct slice unused(const struct connection *c) {
    return (struct slice){c->bytes + c->begin, c->end - c->begin};
}

/* Reads more, behind what is unused. Returns how much; 0: there is no more; or an error. */
static int64_t read_more(struct connection *c) {
    size_t size = c->end - c->begin;
    if (c->end == MOST_HEAD || size == 0) {
        memmove(c->bytes, c->bytes + c->begin, size);
        c->begin = 0;
        c->end = size;
    }
    if (size == MOST_HEAD)
        return LONG_HEAD;
    int64_t got = read_some(c->socket, c->bytes + c->end, MOST_HEAD - c->end);
    c->end += got > 0 ? (size_t)got : 0;
    return got;
}

/* The same in the middle of something: if there is no more, or in time, that is wrong. */
static int64_t read_more_of_it(struct connection *c) {
    int64_t got = read_more(c);
    return got == 0 ? BAD_REQUEST : got == TIMED_OUT ? TOO_SLOW : got;
}

/* All up to a mark, which is to come within so many bytes. It stays in the connection's
   memory until more is read. From when it has to be waited for, it may take so many
   nanoseconds; 0: as long as the deadline says. Returns its size, with the mark; or what
   went wrong. */
static int64_t await_mark(struct connection *c, const char *mark, size_t most, int64_t ns) {
    for (size_t seen = 0;;) {
        struct slice all = unused(c);
        size_t from = seen < strlen(mark) ? 0 : seen - strlen(mark);
        const char *at = find_mark(all.bytes + from, all.size - from, mark);
        if (at != NULL && (size_t)(at - all.bytes) <= most)
            return at - all.bytes + (int64_t)strlen(mark);
        if (at != NULL || all.size >= most)
            return LONG_HEAD;
        if (seen == 0 && ns != 0)
            limit_to(ns);
        seen = all.size;
        int64_t got = read_more_of_it(c);
        if (got < 0)
            return got;
    }
}

/* Empty lines before a request do not count. Returns whether something else is there. */
static bool skip_empty_lines(struct connection *c) {
    while (c->end - c->begin >= 2 && memcmp(c->bytes + c->begin, "\r\n", 2) == 0)
        c->begin += 2;
    return c->end > c->begin && !(c->end - c->begin == 1 && c->bytes[c->begin] == '\r');
}

/* Waits for a request, and reads its head, which is used then. Returns 1; 0: no more
   will come; or what went wrong. */
static int64_t await_head(struct connection *c, struct request *q) {
    limit_to(c->server->idle_ns);
    while (!skip_empty_lines(c)) {
        int64_t got = read_more(c);
        if (got <= 0)
            return got;
    }
    int64_t size = await_mark(c, "\r\n\r\n", MOST_HEAD - 4, c->server->request_ns);
    if (size < 0)
        return size;
    c->begin += (size_t)size;
    return read_head((struct slice){c->bytes + c->begin - size, (size_t)size}, q);
}

/* So many bytes: what has been read already, and then straight to where they belong. */
static int64_t read_exactly(struct connection *c, char *to, size_t size) {
    struct slice have = unused(c);
    size_t first = have.size < size ? have.size : size;
    memcpy(to, have.bytes, first);
    c->begin += first;
    for (size_t have_read = first; have_read < size;) {
        int64_t got = read_some(c->socket, to + have_read, size - have_read);
        if (got <= 0)
            return got == 0 ? BAD_REQUEST : got == TIMED_OUT ? TOO_SLOW : got;
        have_read += (size_t)got;
    }
    return 1;
}

/* A line, without its end; it is used then. */
static int64_t read_line(struct connection *c, struct slice *line) {
    int64_t size = await_mark(c, "\r\n", MOST_LINE, 0);
    if (size < 0)
        return size == LONG_HEAD ? BAD_REQUEST : size;
    *line = (struct slice){c->bytes + c->begin, (size_t)size - 2};
    c->begin += (size_t)size;
    return 1;
}

/* What may follow behind the last chunk: fields, and an empty line. */
static int64_t skip_trailers(struct connection *c) {
    struct request nothing = {.length = -1};
    for (int i = 0; i < MOST_TRAILERS; i++) {
        struct slice line;
        int64_t status = read_line(c, &line);
        if (status != 1 || line.size == 0)
            return status;
        if (read_field(line, &nothing) != 1)
            return BAD_REQUEST;
    }
    return BAD_REQUEST;
}

/* Chunks, one behind the other, until one of size 0. Returns how many bytes they have. */
static int64_t read_chunks(struct connection *c, char *to) {
    for (int64_t size = 0;;) {
        struct slice line;
        int64_t status = read_line(c, &line), more;
        if (status != 1)
            return status;
        if ((more = read_chunk_size(line)) <= 0)
            return more < 0 ? more : (status = skip_trailers(c)) == 1 ? size : status;
        if (size + more > MOST_BODY)
            return TOO_MUCH;
        char end[2];
        if ((status = read_exactly(c, to + size, (size_t)more)) != 1 ||
            (status = read_exactly(c, end, 2)) != 1)
            return status;
        if (memcmp(end, "\r\n", 2) != 0)
            return BAD_REQUEST;
        size += more;
    }
}

/* The body of a request, if it has one, in memory that the caller is to free. Returns its
   size, or what went wrong. A client that waits for leave to send it gets that. */
static int64_t read_body(struct connection *c, const struct request *q, char **body) {
    static const char leave[] = "HTTP/1.1 100 Continue\r\n\r\n";
    *body = NULL;
    if (!q->chunked && q->length <= 0)
        return 0;
    limit_to(c->server->request_ns);
    if (q->expects && q->minor == 1 && c->begin == c->end) {
        int64_t said = write_all(c->socket, leave, sizeof leave - 1);
        if (said != 1)
            return said;
    }
    *body = malloc(q->chunked ? MOST_BODY : (size_t)q->length);
    if (*body == NULL)
        return TOO_MUCH;
    if (q->chunked)
        return read_chunks(c, *body);
    int64_t status = read_exactly(c, *body, (size_t)q->length);
    return status == 1 ? q->length : status;
}

/* ---------------------------------------------------------------------------
 * HTTP: what is answered
 */

static const char *reason_of(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 417:
        return "Expectation Failed";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    default:
        return "HTTP Version Not Supported";
    }
}

/* The time as HTTP wants it. It is written once in a second, when the base thread has
   looked at the clock. */
static const char *date_of(struct server *s) {
    static const char days[] = "SunMonTueWedThuFriSat",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t second = *s->looked / (1000 * MS);
    if (second != s->second) {
        time_t now = time(NULL);
        struct tm t;
        gmtime_r(&now, &t);
        s->second = second;
        snprintf(s->date, sizeof s->date, "%.3s, %02d %.3s %d %02d:%02d:%02d GMT",
                 days + 3 * t.tm_wday, t.tm_mday, months + 3 * t.tm_mon, 1900 + t.tm_year,
                 t.tm_hour, t.tm_min, t.tm_sec);
    }
    return s->date;
}

/* What is answered. */
struct answer_to {
    int status;
    bool closes, says_it_keeps, without_body;
    struct slice body;
};

/* Puts a text at the end of another one, and says where that ends now. */
static char *add(char *end, const char *text) {
    size_t size = strlen(text);
    return (char *)memcpy(end, text, size) + size;
}

static char *add_number(char *end, size_t number) {
    char digits[24], *first = digits + sizeof digits - 1;
    *first = '\0';
    do
        *--first = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return add(end, first);
}

/* By hand, as snprintf needs some KiB of stack: with a thousand threads that is much for
   the cache. */
static size_t write_answer_head(struct server *s, const struct answer_to *a, char *to) {
    char *end = add_number(add(to, "HTTP/1.1 "), (size_t)a->status);
    end = add(add(end, " "), reason_of(a->status));
    end = add(add(end, "\r\nDate: "), date_of(s));
    end = add(end, "\r\nContent-Type: text/plain\r\nContent-Length: ");
    end = add(add_number(end, a->body.size), "\r\n");
    if (a->status == 405)
        end = add(end, "Allow: GET, HEAD, POST\r\n");
    if (a->closes)
        end = add(end, "Connection: close\r\n");
    else if (a->says_it_keeps)
        end = add(end, "Connection: keep-alive\r\n");
    return (size_t)(add(end, "\r\n") - to);
}

/* Sends an answer that has to be waited for, or may have to be. What it needs meanwhile lies on
   its own stack: others write where this head was written. */
static __attribute__((noinline)) int64_t send_and_wait(const struct connection *c, const char *head,
                                                       size_t size, struct slice body) {
    char mine[MOST_ANSWER_HEAD + SHORT_BODY];
    memcpy(mine, head, size);
    return write_both(c->socket, mine, size, body.bytes, body.size);
}

/* An answer's head is needed no longer than until it is sent, and mostly that is at once, before
   anybody else runs. So all connections write it to one place, which the cache has. On each one's
   own stack it would be in no cache any more with a thousand of them. */
static int64_t send_answer(struct connection *c, const struct answer_to *a) {
    struct server *s = c->server;
    char *head = s->head;
    size_t size = write_answer_head(s, a, head);
    struct slice body = {a->body.bytes, a->without_body ? 0 : a->body.size};
    limit_to(s->request_ns);
    s->requests++;
    s->refused += a->status != 200;
    if (body.size > SHORT_BODY)
        return send_and_wait(c, head, size, body);
    if (body.size > 0) /* one piece is cheaper than two */
        memcpy(head + size, body.bytes, body.size);
    size += body.size;
    int64_t sent = write_now(c->socket, head, size);
    if (sent < 0 || (size_t)sent == size)
        return sent < 0 ? sent : 1;
    return send_and_wait(c, head + sent, size - (size_t)sent, (struct slice){NULL, 0});
}

/* What Java is asked, and says. */
struct exchange {
    const char *target;
    int64_t target_size;
    char *text;        /* where the answer goes */
    int64_t text_size; /* how much room there is */
};

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* /sleep/20: answers after so many milliseconds, at most ten seconds. */
static int sleep_as_asked(const char *digits) {
    enum { MOST_MS = 10000 };
    int64_t ms = 0;
    for (; *digits >= '0' && *digits <= '9' && ms < MOST_MS; digits++)
        ms = 10 * ms + (*digits - '0');
    deadline_in(0);
    return sleep_for((ms < MOST_MS ? ms : MOST_MS) * MS) == 1 ? 200 : 500;
}

/* The file of the server. What *made points to is to be freed. */
static int answer_with_file(const struct server *s, struct slice *body, char **made) {
    struct file f = s->file;
    limit_to(s->request_ns);
    int64_t size = read_file(&f);
    *made = f.bytes;
    *body = (struct slice){f.bytes, size < 0 ? 0 : (size_t)size};
    return size < 0 ? 500 : 200;
}

static int answer_with_java(const struct server *s, const struct request *q, struct slice *body,
                            char **made) {
    enum { ROOM = 1024 };
    if ((*made = malloc(ROOM)) == NULL)
        return 500;
    struct exchange e = {q->target, (int64_t)strlen(q->target), *made, ROOM};
    int64_t size = call_on_base(s->java, (int64_t)(uintptr_t)&e);
    bool right = size >= 0 && size <= ROOM;
    *body = (struct slice){*made, right ? (size_t)size : 0};
    return right ? 200 : 500;
}

/* Works out the answer to a request, which may have to be waited for. Returns the status. */
static int work_out(const struct server *s, const struct request *q, struct slice sent,
                    struct slice *body, char **made) {
    *body = sent;
    if (q->method == POST)
        return strcmp(q->target, "/echo") == 0 ? 200 : 404;
    if (q->method == OTHER_METHOD)
        return 405;
    *body = (struct slice){"hello, world\n", 13};
    if (strcmp(q->target, "/") == 0)
        return 200;
    if (begins(q->target, "/sleep/"))
        return sleep_as_asked(q->target + strlen("/sleep/"));
    if (strcmp(q->target, "/file") == 0 && s->file.path[0] != '\0')
        return answer_with_file(s, body, made);
    if (begins(q->target, "/java") && s->java != NULL)
        return answer_with_java(s, q, body, made);
    return 404;
}

/* Reads the rest of a request, and answers it. Returns 1 if another one may follow. */
static int64_t answer(struct connection *c, const struct request *q) {
    char *sent, *made = NULL;
    int64_t size = read_body(c, q, &sent);
    struct answer_to a = {.closes = q->closes || (q->minor == 0 && !q->keeps),
                          .says_it_keeps = q->minor == 0,
                          .without_body = q->method == HEAD};
    if (size >= 0) {
        a.status = work_out(c->server, q, (struct slice){sent, (size_t)size}, &a.body, &made);
        if (a.status != 200)
            a.body = (struct slice){reason_of(a.status), strlen(reason_of(a.status))};
        size = send_answer(c, &a);
    }
    free(sent);
    free(made);
    return size == 1 && a.closes ? 0 : size;
}

/* Says that something was no request. After that nobody knows where the next one begins. */
static void refuse(struct connection *c, int status) {
    struct answer_to a = {.status = status, .closes = true};
    a.body = (struct slice){reason_of(status), strlen(reason_of(status))};
    send_answer(c, &a);
}

/* Ends a connection in good order: what the other side has sent, and nobody will read,
   would make the system throw the answer away. So it is read, for a while. */
static void part(struct connection *c) {
    enum { A_WHILE = 1000 };
    deadline_in(A_WHILE * MS);
    if (end_writing(c->server->runtime, c->socket) == 1)
        while (read_some(c->socket, c->bytes, sizeof c->bytes) > 0)
            ;
}

/* Whether it is an answer to the client, and not an error of the connection. */
static bool is_status(int64_t status) {
    return status <= BAD_REQUEST && status > SYSTEM_SAYS;
}

/* Waits for a request, and answers it. Returns 1 if another one may follow. Not inlined: so what
   it needs lies on the stack beside where the connection's bytes begin, on one page mostly. */
static __attribute__((noinline)) int64_t serve_request(struct connection *c) {
    struct request q;
    int64_t status = await_head(c, &q);
    return status == 1 ? answer(c, &q) : status;
}

struct accepted {
    struct server *server;
    int64_t socket;
};

/* A thread for each connection. Its buffer lies on its stack, and is not cleared: of a
   page that nothing has been read into, there is no memory. */
static int64_t serve_connection(void *environment) {
    const struct accepted *mine = environment;
    struct connection c;
    int64_t status, place;
    c.server = mine->server;
    c.socket = mine->socket;
    c.begin = c.end = 0;
    while ((status = serve_request(&c)) == 1)
        ;
    if (is_status(status))
        refuse(&c, (int)-status);
    if (is_status(status) || status == 0)
        part(&c);
    close_socket(running, c.socket);
    deadline_in(0);
    return receive_from(c.server->places, &place);
}

/* Accepts connections as long as there are places for them; the others wait in the
   system's own queue. It may also run out of descriptors, until a connection ends. */
static int64_t accept_all(void *environment) {
    struct server *s = *(struct server **)environment;
    int64_t socket = 0, place;
    while (socket >= 0 && send_to(s->places, 0) == 1) {
        while ((socket = accept_from(s->listener)) <= SYSTEM_SAYS)
            if (sleep_for(10 * MS) != 1)
                return CANCELLED;
        if (socket < 0)
            break;
        s->connections++;
        if (spawn(running, serve_connection, WITH(struct accepted, s, socket)) < 0) {
            close_socket(running, socket);
            receive_from(s->places, &place);
        }
    }
    return socket;
}

/* A server on a port of this machine (0: a free one), for so many connections at a time.
   Returns 1, or what went wrong; then there is nothing to be closed. */
static int64_t open_server(struct server *s, int port, int connections) {
    *s = (struct server){.idle_ns = 60000 * MS, .request_ns = 10000 * MS, .second = -1};
    s->runtime = new_runtime(connections + 1, ROOMY);
    s->looked = s->runtime == NULL ? NULL : &s->runtime->looked;
    s->places = s->runtime == NULL ? NULL : new_channel(s->runtime, "the connections", connections);
    s->listener = s->places == NULL ? NO_PLACE : listen_on(s->runtime, port);
    int64_t status = s->listener;
    if (status > 0)
        status = spawn(s->runtime, accept_all, &s, sizeof s);
    if (status > 0)
        return 1;
    free(s->places);
    if (s->runtime != NULL)
        free_runtime(s->runtime);
    return status;
}

static void close_server(struct server *s) {
    free_channel(s->places);
    free_runtime(s->runtime);
}

/* ---------------------------------------------------------------------------
 * Examples
 */

static int my_place(void) {
    return (int)(running->current - running->threads);
}

/* Threads that sleep, each its own time, print in the order in which they wake. */
struct nap {
    int64_t begin, ns;
};

static int64_t take_a_nap(void *environment) {
    const struct nap *mine = environment;
    sleep_until(mine->begin + mine->ns);
    printf("thread %d slept %d ms\n", my_place(), (int)(mine->ns / MS));
    return 0;
}

/* Returns how many milliseconds it took, all in all; or what went wrong. */
int64_t naps(const int32_t *ms, int count) {
    struct runtime *r = count < 1 ? NULL : new_runtime(count, ROOMY);
    if (r == NULL)
        return NO_PLACE;
    int64_t begin = now_ns();
    for (int i = 0; i < count; i++)
        spawn(r, take_a_nap, WITH(struct nap, begin, ms[i] * MS));
    run(r);
    free_runtime(r);
    return (now_ns() - begin) / MS;
}

/* A generator that sleeps before each of its values, and a thread that asks it. */
static int64_t ticks(void *nothing) {
    (void)nothing;
    for (int64_t i = 1; i <= 3; i++) {
        sleep_for(2 * MS);
        give(i);
    }
    return 0;
}

static int64_t count_ticks(void *nothing) {
    int64_t tick, clock = new_generator(running, ticks, WITH_NOTHING);
    (void)nothing;
    printf("ticks:");
    while (next(running, clock, &tick) == 1)
        printf(" %d", (int)tick);
    puts("");
    return 0;
}

int tick(void) {
    struct runtime *r = new_runtime(2, ROOMY);
    if (r == NULL)
        return NO_PLACE;
    spawn(r, count_ticks, WITH_NOTHING);
    int waiting = run(r);
    free_runtime(r);
    return waiting;
}

/* An echo server and a client of it, in one runtime. */
static int64_t say_hello(void *environment) {
    const struct client *server = environment;
    char text[64];
    int64_t got, size = 0, socket = connect_to_port((int)port_of(running, server->socket));
    if (socket < 0)
        return socket;
    write_all(socket, "hello, ", 7);
    yield_thread();
    write_all(socket, "echo", 4);
    end_writing(running, socket);
    while ((got = read_some(socket, text + size, sizeof text - (size_t)size)) > 0)
        size += got;
    printf("the server sent back: %.*s\n", (int)size, text);
    close_socket(running, socket);
    return close_socket(running, server->socket); /* so that the server ends as well */
}

int echo_once(void) {
    struct runtime *r = new_runtime(3, ROOMY);
    if (r == NULL)
        return NO_PLACE;
    int64_t listener = listen_on(r, 0);
    spawn(r, serve_echo, WITH(struct client, listener));
    spawn(r, say_hello, WITH(struct client, listener));
    int waiting = run(r);
    free_runtime(r);
    return waiting;
}

/* A wait of each kind that does not get what it waits for. */
static void tried(const char *what, int64_t error) {
    printf("%s → %s\n", what, in_words(error));
}

static int64_t sleep_long(void *nothing) {
    (void)nothing;
    tried("sleeps for an hour, and is cancelled", sleep_for(3600 * 1000 * MS));
    return 0;
}

static int64_t read_from(void *environment) {
    const struct client *mine = environment;
    char byte;
    tried("reads from what another thread closes", read_some(mine->socket, &byte, 1));
    return 0;
}

static int64_t wait_in_vain(void *environment) {
    struct channel *c = *(struct channel **)environment;
    int64_t listener = listen_on(running, 0), value;
    int64_t sleeper = spawn(running, sleep_long, WITH_NOTHING);
    char byte;
    yield_thread();
    cancel(running, sleeper);
    yield_thread();
    deadline_in(2 * MS);
    tried("receives, and nobody sends in time", receive_from(c, &value));
    deadline_in(2 * MS);
    tried("accepts, and nobody comes in time", accept_from(listener));
    deadline_in(0);
    int64_t port = port_of(running, listener), mine = connect_to_port((int)port);
    spawn(running, read_from, WITH(struct client, mine));
    yield_thread();
    tried("reads where another thread reads", read_some(mine, &byte, 1));
    close_socket(running, mine);
    yield_thread();
    tried("writes to it then", write_all(mine, "x", 1));
    close_socket(running, listener);
    tried("connects where nobody listens", connect_to_port((int)port));
    return 0;
}

int waits_in_vain(void) {
    struct runtime *r = new_runtime(4, ROOMY);
    struct channel *c = r == NULL ? NULL : new_channel(r, "silence", 0);
    if (c == NULL)
        return NO_PLACE;
    tried("sleeps, and is no thread", sleep_for(1));
    spawn(r, wait_in_vain, &c, sizeof c);
    int waiting = run(r);
    free_channel(c);
    free_runtime(r);
    return waiting;
}

/* A file, read by an OS thread while another thread of ours goes on. */
static int64_t read_one(void *environment) {
    struct file *f = environment;
    int64_t size = read_file(f);
    printf("read %d bytes of a file\n", (int)size);
    forget_it(f);
    return size < 0;
}

int file_elsewhere(void) {
    struct file f = {.bytes = NULL};
    snprintf(f.path, sizeof f.path, "/tmp/waiting-XXXXXX");
    int fd = mkstemp(f.path);
    struct runtime *r = fd < 0 ? NULL : new_runtime(1, ROOMY);
    if (r == NULL)
        return NO_PLACE;
    for (int i = 0; i < 100; i++)
        if (write(fd, "ten bytes\n", 10) != 10)
            break;
    close(fd);
    spawn(r, read_one, &f, sizeof f);
    int waiting = run(r);
    unlink(f.path);
    free_runtime(r);
    return waiting;
}

/* An HTTP server, and a client that sends some requests in one piece. */
struct visit {
    struct server *server;
    const char *requests;
};

static int64_t visit(void *environment) {
    const struct visit *mine = environment;
    struct runtime *r = running;
    char text[2048];
    int64_t got, size = 0, socket = connect_to_port((int)port_of(r, mine->server->listener));
    write_all(socket, mine->requests, strlen(mine->requests));
    while ((got = read_some(socket, text + size, sizeof text - (size_t)size)) > 0)
        size += got;
    struct slice rest = {text, (size_t)(size > 0 ? size : 0)};
    while (take_up_to(&rest, "HTTP/1.1 "), rest.size > 0) {
        struct slice line = take_up_to(&rest, "\r\n");
        printf("answered: %.*s\n", (int)line.size, line.bytes);
    }
    close_socket(r, socket);
    end_all_waits(r);
    return 0;
}

int visit_once(const char *requests) {
    struct server s;
    int64_t status = open_server(&s, 0, 4);
    if (status != 1)
        return (int)status;
    spawn(s.runtime, visit, WITH(struct visit, &s, requests));
    int waiting = run(s.runtime);
    close_server(&s);
    return waiting;
}

/* Who waits for what, in the words of the runtime. */
static int64_t look_around(void *nothing) {
    (void)nothing;
    char text[512];
    yield_thread();
    printf("%d wait:\n", who_waits(running, text, sizeof text));
    printf("%s", text);
    wake(&running->threads[4]);
    printf("%d wait, after one was woken\n", who_waits(running, NULL, 0));
    end_all_waits(running);
    return 0;
}

static int64_t sleep_quietly(void *nothing) {
    (void)nothing;
    return sleep_for(3600 * 1000 * MS);
}

static int64_t accept_one(void *environment) {
    return accept_from(((struct client *)environment)->socket);
}

static int64_t listen_here(void *nothing) {
    (void)nothing;
    return listen_outside();
}

static int64_t park_quietly(void *nothing) {
    (void)nothing;
    park();
    return 0;
}

static int64_t join_one(void *environment) {
    int64_t result;
    return join(running, *(int64_t *)environment, &result);
}

int all_kinds(void) {
    struct runtime *r = new_runtime(6, ROOMY);
    if (r == NULL)
        return NO_PLACE;
    int64_t listener = listen_on(r, 0), sleeper = spawn_to_join(r, sleep_quietly, WITH_NOTHING);
    spawn(r, accept_one, WITH(struct client, listener));
    spawn(r, listen_here, WITH_NOTHING);
    spawn(r, park_quietly, WITH_NOTHING);
    spawn(r, join_one, &sleeper, sizeof sleeper);
    spawn(r, look_around, WITH_NOTHING);
    int waiting = run(r);
    free_runtime(r);
    return waiting;
}

#ifdef MAIN
int main(void) {
    const int32_t ms[] = {30, 10, 20};
    int64_t took = naps(ms, 3);
    printf("all together: %s\n",
           took >= 30 && took < 60000 ? "not less than the longest" : "wrong");
    int waiting = tick();
    waiting += echo_once();
    waiting += waits_in_vain();
    waiting += file_elsewhere();
    waiting += all_kinds();
    waiting += visit_once("GET / HTTP/1.1\r\nHost: a\r\n\r\n"
                          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"
                          "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"
                          "GET /sleep/1 HTTP/1.0\r\n\r\n");
    waiting += visit_once("GET / HTTP/1.1\r\n\r\n");
    return waiting;
}
#endif

#ifndef PLAIN
/* ---------------------------------------------------------------------------
 * The same server by hand: a loop, and for each connection a machine of states
 *
 * To compare with. There are no threads and no stacks: what a thread has in its local
 * variables, and where it stands, is in the task. It knows no bodies and no deadlines.
 */

enum progress { PENDING, DONE }; /* it has to wait; it is over */

enum place { READS_HEAD, WRITES_ANSWER };

struct task {
    int fd;
    bool readable, writable, ended, closes;
    enum place at; /* where it goes on */
    size_t begin, end, answer_size, written;
    struct task *next, *previous; /* of all that are open */
    char answer[MOST_ANSWER_HEAD + SHORT_BODY];
    char bytes[MOST_HEAD];
};

struct loop {
    struct events events;
    struct server texts; /* for the date, and to count */
    int64_t looked;
    int listener;
    struct task *tasks;
    _Atomic bool stops;
    int64_t system_calls;
};

/* Works out the answer to what has been read, and puts it where it can be written from. */
static void answer_by_hand(struct loop *l, struct task *t, size_t head_size) {
    struct request q;
    int status = read_head((struct slice){t->bytes + t->begin, head_size}, &q);
    bool right = status == 1 && q.method == GET && !q.chunked && q.length <= 0;
    struct answer_to a = {.status = right ? strcmp(q.target, "/") == 0 ? 200 : 404 : 400};
    a.closes = !right || q.closes || (q.minor == 0 && !q.keeps);
    a.says_it_keeps = right && q.minor == 0;
    const char *text = a.status == 200 ? "hello, world\n" : reason_of(a.status);
    a.body = (struct slice){text, strlen(text)};
    t->answer_size = write_answer_head(&l->texts, &a, t->answer);
    memcpy(t->answer + t->answer_size, text, a.body.size);
    t->answer_size += a.body.size;
    t->written = 0;
    t->closes = a.closes;
    t->begin += head_size;
    l->texts.requests++;
}

/* Reads until a head is whole. */
static enum progress go_on_reading(struct loop *l, struct task *t) {
    for (;;) {
        size_t size = t->end - t->begin;
        const char *head = t->bytes + t->begin, *at = find_mark(head, size, "\r\n\r\n");
        if (at != NULL) {
            answer_by_hand(l, t, (size_t)(at - head) + 4);
            t->at = WRITES_ANSWER;
            return PENDING;
        }
        if (!t->readable)
            return PENDING;
        if (t->end == MOST_HEAD || size == 0) {
            memmove(t->bytes, head, size);
            t->begin = 0;
            t->end = size;
        }
        ssize_t got = size == MOST_HEAD ? 0 : recv(t->fd, t->bytes + t->end, MOST_HEAD - t->end, 0);
        l->system_calls++;
        if (got == 0 || (got < 0 && !was_in_vain(errno)))
            return DONE;
        t->readable = got > 0 && ((size_t)got == MOST_HEAD - t->end || t->ended);
        t->end += got > 0 ? (size_t)got : 0;
    }
}

static enum progress go_on_writing(struct loop *l, struct task *t) {
    while (t->written < t->answer_size) {
        if (!t->writable)
            return PENDING;
        ssize_t sent = send(t->fd, t->answer + t->written, t->answer_size - t->written, SEND_FLAGS);
        l->system_calls++;
        if (sent < 0 && !was_in_vain(errno))
            return DONE;
        t->writable = sent >= 0;
        t->written += sent > 0 ? (size_t)sent : 0;
    }
    t->at = READS_HEAD;
    return t->closes ? DONE : PENDING;
}

/* Goes as far as it can without waiting. */
static enum progress poll_task(struct loop *l, struct task *t) {
    enum progress progress = PENDING;
    enum place before;
    do {
        before = t->at;
        progress = before == READS_HEAD ? go_on_reading(l, t) : go_on_writing(l, t);
    } while (progress == PENDING && t->at != before);
    return progress;
}

static void end_task(struct loop *l, struct task *t) {
    if (t->next != NULL)
        t->next->previous = t->previous;
    *(t->previous != NULL ? &t->previous->next : &l->tasks) = t->next;
    close(t->fd);
    l->system_calls++;
    free(t);
}

static void accept_by_hand(struct loop *l) {
    int fd;
    while ((fd = accept_descriptor(l->listener)) >= 0) {
        struct task *t = malloc(sizeof *t);
        l->system_calls += 2;
        if (t == NULL || watch_descriptor(&l->events, fd, (uint64_t)(uintptr_t)t) != 0) {
            free(t);
            close(fd);
            return;
        }
        memset(t, 0, offsetof(struct task, answer));
        t->fd = fd;
        t->writable = true;
        t->next = l->tasks;
        if (t->next != NULL)
            t->next->previous = t;
        l->tasks = t;
        l->texts.connections++;
    }
    l->system_calls++;
}

/* The listener's name is the loop's own address. */
static int serve_by_hand(struct loop *l) {
    struct event events[MOST_EVENTS];
    while (!l->stops) {
        int count = next_events(&l->events, events, FOR_EVER);
        l->system_calls++;
        l->looked = now_ns();
        for (int i = 0; i < count; i++) {
            struct task *t = (struct task *)(uintptr_t)events[i].name;
            if ((void *)t == (void *)l)
                accept_by_hand(l);
            if (t == NULL || (void *)t == (void *)l)
                continue;
            t->readable |= events[i].readable;
            t->writable |= events[i].writable;
            t->ended |= events[i].ended;
            if (poll_task(l, t) == DONE)
                end_task(l, t);
        }
    }
    return 1;
}

/* ---------------------------------------------------------------------------
 * For Java: the servers, each of which runs on an OS thread that Java gives it
 */

struct either {
    struct server green;
    struct loop loop;
    bool by_hand;
    int port;
    int64_t processor_ns;
    struct either *next; /* of those that are open */
};

static struct either *all_open;
static pthread_mutex_t all_open_lock = PTHREAD_MUTEX_INITIALIZER;

/* Where the pointer to it is; to a NULL if it is none that is open. Inside the lock. */
static struct either **place_of_either(const struct either *e) {
    struct either **at = &all_open;
    while (*at != NULL && *at != e)
        at = &(*at)->next;
    return at;
}

/* Java may still ask for a server that is closed, or that could not be opened. */
static bool is_open(const struct either *e, const char *wish) {
    pthread_mutex_lock(&all_open_lock);
    bool found = e != NULL && *place_of_either(e) != NULL;
    pthread_mutex_unlock(&all_open_lock);
    if (!found)
        fprintf(stderr, "A server was to %s, but it is closed, or could not be opened.\n", wish);
    return found;
}

static int64_t processor_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static bool open_loop(struct either *e, int port) {
    struct loop *l = &e->loop;
    struct runtime *r = new_runtime(1, ROOMY); /* that lends us a listener */
    int64_t listener = r == NULL ? NO_PLACE : listen_on(r, port);
    l->texts = (struct server){.looked = &l->looked, .second = -1};
    l->listener = listener < 0 ? -1 : fcntl(find_socket(r, listener)->fd, F_DUPFD_CLOEXEC, 0);
    e->port = listener < 0 ? (int)listener : (int)port_of(r, listener);
    if (r != NULL)
        free_runtime(r);
    if (l->listener < 0 || open_events(&l->events) != 0)
        return false;
    return watch_descriptor(&l->events, l->listener, (uint64_t)(uintptr_t)l) == 0;
}

/* A server on a port (0: a free one) for so many connections; 0: the one by hand, for as
   many as come. `file` is what /file answers with, `java` who answers /java; both may be
   NULL. NULL: there is no memory, or the port is taken, or none; it has said so. */
struct either *open_either(int port, int connections, const char *file, int64_t (*java)(int64_t)) {
    enum { PORTS = 65536 };
    if (port < 0 || port >= PORTS || connections < 0) {
        fprintf(stderr, "No server on port %d with %d connections: ports are 0 to %d.\n", port,
                connections, PORTS - 1);
        return NULL;
    }
    struct either *e = calloc(1, sizeof *e);
    if (e == NULL)
        return NULL;
    e->by_hand = connections == 0;
    errno = 0;
    bool open = e->by_hand ? open_loop(e, port) : open_server(&e->green, port, connections) == 1;
    if (!open) {
        fprintf(stderr, "No server on port %d of 127.0.0.1 with %d connections: %s.\n", port,
                connections, errno != 0 ? strerror(errno) : "there is not so much memory");
        free(e);
        return NULL;
    }
    if (!e->by_hand) {
        e->port = (int)port_of(e->green.runtime, e->green.listener);
        e->green.java = java;
        if (file != NULL)
            snprintf(e->green.file.path, sizeof e->green.file.path, "%s", file);
    }
    pthread_mutex_lock(&all_open_lock);
    e->next = all_open;
    all_open = e;
    pthread_mutex_unlock(&all_open_lock);
    return e;
}

int port_of_either(const struct either *e) {
    return is_open(e, "tell its port") ? e->port : -1;
}

/* How long a connection may be idle, and how long a request or an answer may take. */
void set_times(struct either *e, int64_t idle_ms, int64_t request_ms) {
    if (!is_open(e, "keep other times"))
        return;
    e->green.idle_ns = idle_ms * MS;
    e->green.request_ns = request_ms * MS;
}

/* From now on its waits are recorded in the caller's memory. Before it runs. */
void trace_waits(struct either *e, struct wait_record *out, long size) {
    if (!is_open(e, "record its waits") || e->by_hand)
        return;
    e->green.runtime->waits = out;
    e->green.runtime->waits_size = size;
}

/* Serves until it is stopped. Returns how many threads wait then; it must be 0. */
int run_either(struct either *e) {
    if (!is_open(e, "serve"))
        return -1;
    int64_t before = processor_ns();
    int waiting = e->by_hand ? serve_by_hand(&e->loop) - 1 : run(e->green.runtime);
    e->processor_ns += processor_ns() - before;
    return waiting;
}

/* Any OS thread may stop it. */
void stop_either(struct either *e) {
    if (!is_open(e, "stop"))
        return;
    if (e->by_hand) {
        e->loop.stops = true;
        ring_bell(&e->loop.events);
    } else
        end_from_outside(e->green.runtime);
}

struct either_report {
    int64_t requests, refused, connections;
    int64_t system_calls, processor_ns;
    int64_t waits;  /* that were recorded, or would have been */
    int64_t open;   /* sockets that are open */
    int64_t places; /* of threads that were made */
    int64_t memory; /* bytes that are in memory; -1: the system does not say */
};

/* How many bytes of such a range are in memory: of a page that nobody has touched, there
   is none. -1: the system does not say. */
static int64_t bytes_in_memory(const void *from, size_t size) {
    enum { AT_ONCE = 256 };
    unsigned char there[AT_ONCE];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t at = (uintptr_t)from, end = at + size, first = at & ~(page - 1);
    int64_t bytes = 0;
    while (at < end) {
        size_t left = (end - first + page - 1) / page, pages = left < AT_ONCE ? left : AT_ONCE;
        if (mincore((void *)first, pages * page, (void *)there) != 0)
            return -1;
        for (size_t i = 0; i < pages; i++, at = first) {
            first += page;
            bytes += there[i] & 1 ? (int64_t)((first < end ? first : end) - at) : 0;
        }
    }
    return bytes;
}

/* What its connections live in: the runtime with all stacks, or the tasks that are open. */
static int64_t memory_of(const struct either *e) {
    int64_t bytes = 0, more = 0;
    if (!e->by_hand)
        return bytes_in_memory(e->green.runtime->areas, e->green.runtime->size);
    for (const struct task *t = e->loop.tasks; t != NULL && more >= 0; t = t->next)
        bytes += more = bytes_in_memory(t, sizeof *t);
    return more < 0 ? -1 : bytes;
}

/* What it has served until now; to be asked when it does not run. */
void report_of(const struct either *e, struct either_report *out) {
    if (out == NULL)
        return;
    *out = (struct either_report){0};
    if (!is_open(e, "report"))
        return;
    const struct server *s = e->by_hand ? &e->loop.texts : &e->green;
    const struct runtime *r = e->by_hand ? NULL : s->runtime;
    *out = (struct either_report){.requests = s->requests, .refused = s->refused};
    out->connections = s->connections;
    out->system_calls = e->loop.system_calls;
    out->processor_ns = e->processor_ns;
    out->memory = memory_of(e);
    for (const struct task *t = e->loop.tasks; t != NULL; t = t->next)
        out->open++;
    if (r == NULL)
        return;
    out->system_calls = r->system_calls;
    out->waits = r->waits_made;
    out->places = r->threads_made;
    for (int place = 1; place <= r->sockets_made; place++)
        out->open += r->sockets[place].fd >= 0;
}

/* Once it has stopped. What is closed stays so: Java's try closes what a reader has closed. */
void close_either(struct either *e) {
    pthread_mutex_lock(&all_open_lock);
    struct either **at = place_of_either(e);
    bool found = e != NULL && *at != NULL;
    if (found)
        *at = e->next;
    pthread_mutex_unlock(&all_open_lock);
    if (!found)
        return;
    struct loop *l = &e->loop;
    if (e->by_hand) {
        while (l->tasks != NULL)
            end_task(l, l->tasks);
        close(l->listener);
        close_events(&l->events);
    } else
        close_server(&e->green);
    free(e);
}

/* ---------------------------------------------------------------------------
 * For the notebook, and for the tests
 */

#ifndef MAIN
/* Connects to a port of a host by its name, and says whether it could. */
struct call_by_name {
    char name[256];
    int port;
};

static int64_t try_name(void *environment) {
    const struct call_by_name *mine = environment;
    int64_t socket = connect_by_name(mine->name, mine->port);
    return socket < 0 ? socket : close_socket(running, socket);
}

int64_t reach(const char *name, int port) {
    struct call_by_name call = {.port = port};
    struct runtime *r = new_runtime(1, ROOMY);
    if (r == NULL)
        return NO_PLACE;
    snprintf(call.name, sizeof call.name, "%s", name);
    int64_t result = 0, thread = spawn_to_join(r, try_name, &call, sizeof call);
    run(r);
    join(r, thread, &result);
    free_runtime(r);
    return result;
}
#endif

/* One thread sleeps in the system, as if there were no others, and they wait as well.
   Returns how many milliseconds it took. */
static int64_t sleep_in_the_system(void *environment) {
    const struct nap *mine = environment;
    struct timespec t = {mine->ns / (1000 * MS), (long)(mine->ns % (1000 * MS))};
    nanosleep(&t, NULL);
    return 0;
}

int64_t naps_in_the_system(const int32_t *ms, int count) {
    struct runtime *r = count < 1 ? NULL : new_runtime(count, ROOMY);
    if (r == NULL)
        return NO_PLACE;
    int64_t begin = now_ns();
    for (int i = 0; i < count; i++)
        spawn(r, sleep_in_the_system, WITH(struct nap, begin, ms[i] * MS));
    run(r);
    free_runtime(r);
    return (now_ns() - begin) / MS;
}

enum { SMALL_STACK = 12 * 1024 - 512 }; /* as in chapter 07: an area of five pages */

/* Many threads that sleep until times that follow no order. */
struct sleepers_report {
    int64_t woken;
    int64_t out_of_order; /* woken before one whose time came earlier */
    int64_t early;        /* woken before its time */
    int64_t left;         /* alarms in the queue at the end */
    int64_t latest_ns;    /* how late the latest one was woken */
    int64_t made;         /* as many as the system gives guard pages */
};

struct sleeper {
    int64_t when;
    int64_t *latest; /* the time of whoever was woken last */
    struct sleepers_report *report;
};

static int64_t sleep_and_report(void *environment) {
    const struct sleeper *mine = environment;
    sleep_until(mine->when);
    int64_t late = now_ns() - mine->when;
    mine->report->woken++;
    mine->report->early += late < 0;
    mine->report->out_of_order += mine->when < *mine->latest;
    *mine->latest = mine->when;
    if (late > mine->report->latest_ns)
        mine->report->latest_ns = late;
    return 0;
}

/* `threads` of them, within so many milliseconds from when all have been made. Returns 0
   or -1. */
int many_sleepers(int threads, int ms, struct sleepers_report *out) {
    struct runtime *r = threads < 1 || ms < 1 ? NULL : new_runtime(threads, SMALL_STACK);
    int64_t latest = 0, begin = now_ns() + 10 * MS + threads * INT64_C(20000);
    uint32_t random = 12345;
    if (r == NULL)
        return -1;
    *out = (struct sleepers_report){.woken = 0};
    for (int i = 0; i < threads; i++) {
        random = random * 1664525 + 1013904223;
        int64_t when = begin + (int64_t)(random >> 8) * (ms * MS / 256) / 65536;
        out->made += spawn(r, sleep_and_report, WITH(struct sleeper, when, &latest, out)) > 0;
    }
    run(r);
    out->left = r->alarms_set;
    free_runtime(r);
    return 0;
}

/* ---------------------------------------------------------------------------
 * For the exercises: each puts something better in the place of these
 */

/* 12.1: receives from a channel, but waits no longer than so many nanoseconds, nor longer
   than the thread's own deadline, which stays as it is. */
static int receive_within(struct channel *c, int64_t ns, int64_t *value) {
    (void)c;
    (void)ns;
    (void)value;
    return 0;
}

struct within_report {
    int64_t status, value; /* what it returned, and received */
    int64_t early, late;   /* 1: it came back before its limit; after the later one */
    int64_t moved;         /* the thread's deadline, compared with what it was before */
    int64_t busy;          /* 1: it took turns while it waited */
    int64_t alone;         /* 1: nobody else had a turn meanwhile */
};

struct within {
    struct channel *channel;
    int64_t own, limit; /* nanoseconds; own 0: the thread has no deadline */
    struct within_report *report;
};

static int64_t wait_within(void *environment) {
    const struct within *mine = environment;
    struct within_report *out = mine->report;
    long switches = running->traced;
    deadline_in(mine->own);
    int64_t before = running->current->deadline, begin = now_ns();
    out->status = receive_within(mine->channel, mine->limit, &out->value);
    int64_t took = now_ns() - begin;
    out->early = took < mine->limit;
    out->late = took >= (mine->own > mine->limit ? mine->own : mine->limit);
    out->moved = running->current->deadline - before;
    out->alone = !out->early && running->traced == switches;
    deadline_in(0);
    return 0;
}

/* What happens while a thread waits within. */
enum { IS_CLOSED = -1, IS_CANCELLED = -2, TWO_WAIT = -3 };

struct meanwhile {
    struct channel *channel;
    int64_t thread, what;
};

static int64_t happen(void *environment) {
    const struct meanwhile *mine = environment;
    sleep_for(5 * MS);
    if (mine->what == IS_CANCELLED)
        return cancel(running, mine->thread);
    if (mine->what == IS_CLOSED)
        return close_channel(mine->channel);
    return send_to(mine->channel, mine->what);
}

/* A thread with a deadline in `own_ms` (0: none) waits at most so long for a value. After 5 ms
   `what` is sent, if it is positive; or happens, see above. TWO_WAIT: a second one waits half as
   long, and if the deadline of either has moved, the report says so. The report's status is 99 if
   it did not come back. Returns 0 or -1. */
int receive_in_time(int64_t own_ms, int64_t limit_ms, int64_t what, struct within_report *out) {
    struct runtime *r = new_runtime(2, ROOMY);
    struct channel *c = r == NULL ? NULL : new_channel(r, "a value", 0);
    struct within_report other = {.status = 99};
    struct switch_record none;
    if (c == NULL)
        return -1;
    *out = other;
    r->trace = &none; /* the switches are counted, and none of them is kept */
    int64_t thread = spawn(r, wait_within, WITH(struct within, c, own_ms * MS, limit_ms * MS, out));
    if (what == TWO_WAIT)
        spawn(r, wait_within, WITH(struct within, c, 3600 * 1000 * MS, limit_ms * MS / 2, &other));
    else if (what != 0)
        spawn(r, happen, WITH(struct meanwhile, c, thread, what));
    run(r);
    out->busy = r->traced > 40;
    if (out->moved == 0)
        out->moved = other.moved;
    free_channel(c);
    free_runtime(r);
    return 0;
}

/* 12.2: whether the places 1 to `count` of a row are a heap; and the one at a place taken
   out, so that the places 1 to `count` - 1 are a heap of all others. */
static bool is_heap(const int64_t *times, int count) {
    (void)times;
    (void)count;
    return false;
}

static void take_out(int64_t *times, int count, int place) {
    (void)times;
    (void)count;
    (void)place;
}

struct heap_report {
    int64_t refused, same_refused;   /* heaps; and heaps in which times are the same */
    int64_t before, behind;          /* of those about which it looked outside of the row */
    int64_t accepted, last_accepted; /* rows that are none; only because of their last */
    int64_t inside_accepted;         /* rows that are none, and place 1 is the first in them */
    int64_t lost;                    /* other times than all but the one that was to go */
    int64_t not_up, not_down;        /* no heap: the last one had to go (further) up, or down */
    int64_t only_one;                /* of these: to where there is only one below */
    int64_t other_wrong;             /* no heap, for another reason */
    int64_t touched;                 /* places that nobody may write to */
    int64_t moved_too_many;
};

enum { MOST_TIMES = 1000 };
#define TIME_OF_DAY (INT64_C(1) << 45) /* times of a clock are no small numbers */

/* A row with something on both sides that no one is to look at. */
struct row {
    int64_t times[MOST_TIMES + 2];
};

static uint32_t next_random(uint32_t *state) {
    return (*state = *state * 1664525 + 1013904223) >> 8;
}

/* The first place whose time is before the one above it; 0: it is a heap. */
static int first_wrong(const int64_t *times, int count) {
    for (int place = 2; place <= count; place++)
        if (times[place] < times[place / 2])
            return place;
    return 0;
}

/* Each place gets a time that is not before the one above, and at most 1,000 later. What is
   outside would fit. */
static void make_heap(struct row *row, int count, uint32_t *random) {
    for (int place = 1; place <= count; place++)
        row->times[place] = (place == 1 ? TIME_OF_DAY : row->times[place / 2]) + 1 +
                            (int64_t)(next_random(random) % 1000);
    row->times[0] = -1;
    row->times[count + 1] = INT64_MAX;
}

/* About rows that are heaps. */
static void ask_about(struct row *row, int count, uint32_t *random, struct heap_report *out) {
    make_heap(row, count, random);
    bool right = is_heap(row->times, count);
    out->refused += !right;
    row->times[count + 1] = -1;
    out->behind += right && !is_heap(row->times, count);
    row->times[count + 1] = row->times[0] = INT64_MAX;
    out->before += right && !is_heap(row->times, count);
    row->times[0] = -1;
    for (int place = 1; place <= count; place++)
        row->times[place] = TIME_OF_DAY;
    out->same_refused += right && !is_heap(row->times, count);
}

/* About rows that are none, each because of one place. */
static void ask_about_others(struct row *row, int count, uint32_t *random,
                             struct heap_report *out) {
    make_heap(row, count, random);
    row->times[count] = 0;
    out->last_accepted += is_heap(row->times, count);
    make_heap(row, count, random);
    row->times[2 + (int)(next_random(random) % (uint32_t)(count - 1))] = 0;
    out->accepted += is_heap(row->times, count);
    if (count < 4)
        return;
    make_heap(row, count, random);
    int place = 4 + (int)(next_random(random) % (uint32_t)(count - 3));
    row->times[place] = row->times[place / 2] - 1;
    out->inside_accepted += is_heap(row->times, count);
}

static int compare_times(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Whether `after` holds what `before` did, but for the one at the place. */
static bool is_rest(const struct row *before, const struct row *after, int count, int place) {
    static struct row a, b;
    a = *before;
    b = *after;
    a.times[place] = a.times[count];
    qsort(a.times + 1, (size_t)count - 1, sizeof *a.times, compare_times);
    qsort(b.times + 1, (size_t)count - 1, sizeof *b.times, compare_times);
    return memcmp(a.times + 1, b.times + 1, ((size_t)count - 1) * sizeof *a.times) == 0;
}

/* Why it is no heap any more, if it is none. */
static void judge_order(const struct row *after, int count, int64_t last, struct heap_report *out) {
    int wrong = first_wrong(after->times, count);
    if (wrong == 0)
        return;
    bool up = after->times[wrong] == last, down = after->times[wrong / 2] == last;
    out->not_up += up;
    out->not_down += !up && down;
    out->only_one += !up && down && wrong == count && count % 2 == 0;
    out->other_wrong += !up && !down;
}

/* How many steps there may be from place 1 down to the end of the row. */
static int levels_of(int count) {
    int levels = 1;
    for (; count > 1; count /= 2)
        levels++;
    return levels;
}

static void take_from(const struct row *before, int count, int place, struct heap_report *out) {
    static struct row after;
    int moved = 0;
    after = *before;
    after.times[0] = after.times[count + 1] = place % 2 == 0 ? -1 : INT64_MAX;
    take_out(after.times, count, place);
    bool lost = !is_rest(before, &after, count, place);
    int64_t outside = place % 2 == 0 ? -1 : INT64_MAX;
    out->lost += lost;
    if (!lost)
        judge_order(&after, count - 1, before->times[count], out);
    out->touched += after.times[0] != outside || after.times[count + 1] != outside;
    for (int i = 1; i < count; i++)
        moved += after.times[i] != before->times[i];
    out->moved_too_many += moved > levels_of(count) + 2;
}

/* Elsewhere, where nobody has to look, the row is no heap: who puts that right goes through all of
   it. */
static void take_from_untidy(const struct row *before, int count, int place,
                             struct heap_report *out) {
    static struct row untidy, after;
    int moved = 0;
    untidy = *before;
    for (int i = count / 2 + 1; i < count; i++)
        untidy.times[i] = 0;
    after = untidy;
    take_out(after.times, count, place);
    for (int i = 1; i < count; i++)
        moved += after.times[i] != untidy.times[i];
    out->moved_too_many += moved > 2 * levels_of(count) + 2;
}

/* Rows of 1 to 40 times, the same ones each time: heaps, and none. */
void try_is_heap(struct heap_report *out) {
    static struct row row;
    uint32_t random = 2024;
    *out = (struct heap_report){.refused = 0};
    for (int count = 1; count <= 40; count++) {
        ask_about(&row, count, &random, out);
        if (count > 1)
            ask_about_others(&row, count, &random, out);
    }
}

/* The same, and one of a thousand: each place taken out. */
void try_take_out(struct heap_report *out) {
    static struct row row;
    uint32_t random = 2024;
    *out = (struct heap_report){.refused = 0};
    for (int count = 1; count <= 40; count++) {
        make_heap(&row, count, &random);
        for (int place = 1; place <= count; place++)
            take_from(&row, count, place, out);
    }
    make_heap(&row, MOST_TIMES, &random);
    for (int place = 1; place <= MOST_TIMES; place += 37)
        take_from(&row, MOST_TIMES, place, out);
    for (int place = 1; place <= 5; place++)
        take_from_untidy(&row, MOST_TIMES, place, out);
}

/* 12.3: an echo server's task. It goes as far as it can without waiting. */
struct echo_task {
    int fd;
    size_t size, written; /* of `bytes`: what has been read; and sent back of that */
    char bytes[8192];
};

static enum progress poll_echo(struct echo_task *t) {
    (void)t;
    return DONE;
}

struct poll_report {
    int64_t progress; /* what poll_echo returned last */
    int64_t back;     /* how many bytes came back */
    int64_t wrong;    /* of these were not as they had been sent, in that order */
    int64_t closed;   /* 1: it has closed the socket, which is not its own */
    int64_t left;     /* descriptors that are open and were not before */
};

/* A task and its other side, both of which never wait. There is much room on the way to
   the task. */
struct echo_pair {
    struct echo_task task;
    int other;
    int64_t sent, received, wrong;
    enum progress progress;
};

static bool open_echo_pair(struct echo_pair *p, int room_back) {
    int both[2], room = 128 * 1024;
    memset(p, 0, sizeof *p);
    p->progress = PENDING;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, both) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        fcntl(both[i], F_SETFL, O_NONBLOCK);
#ifdef SO_NOSIGPIPE
        int yes = 1;
        setsockopt(both[i], SOL_SOCKET, SO_NOSIGPIPE, &yes, sizeof yes);
#endif
    }
    setsockopt(both[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    setsockopt(both[0], SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(both[0], SOL_SOCKET, SO_SNDBUF, &room_back, sizeof room_back);
    setsockopt(both[1], SOL_SOCKET, SO_RCVBUF, &room_back, sizeof room_back);
    p->task.fd = both[0];
    p->other = both[1];
    return true;
}

/* Returns whether somebody else has closed the task's socket. */
static bool close_echo_pair(struct echo_pair *p) {
    bool closed = fcntl(p->task.fd, F_GETFD) < 0;
    if (!closed)
        close(p->task.fd);
    if (p->other >= 0)
        close(p->other);
    return closed;
}

static int open_descriptors(void) {
    enum { FIRST_ONES = 4096 };
    int count = 0;
    for (int fd = 0; fd < FIRST_ONES; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static char byte_at(int64_t i) {
    return (char)(i % 251);
}

/* The other side sends more, as far as there is room. */
static void send_some(struct echo_pair *p, int64_t most) {
    char bytes[512];
    while (p->sent < most) {
        size_t size = most - p->sent < 512 ? (size_t)(most - p->sent) : 512;
        for (size_t i = 0; i < size; i++)
            bytes[i] = byte_at(p->sent + (int64_t)i);
        ssize_t sent = send(p->other, bytes, size, SEND_FLAGS);
        if (sent <= 0)
            return;
        p->sent += sent;
    }
}

/* Takes back some of what has come; false: there is no more. */
static bool take_some(struct echo_pair *p) {
    char bytes[512];
    ssize_t got = recv(p->other, bytes, sizeof bytes, 0);
    for (ssize_t i = 0; i < got; i++) {
        bool right = bytes[i] == byte_at(p->received + p->wrong);
        p->received += right;
        p->wrong += !right;
    }
    return got > 0;
}

static void take_back(struct echo_pair *p) {
    while (take_some(p))
        ;
}

/* Polls as long as it has not said that it is over: then nobody would. */
static void poll_pair(struct echo_pair *p) {
    if (p->progress == PENDING)
        p->progress = poll_echo(&p->task);
}

/* Takes back what has come, and whoever found no room is called again, as it was promised. */
static void poll_and_take_back(struct echo_pair *p) {
    bool no_room;
    do {
        poll_pair(p);
        struct pollfd room = {.fd = p->task.fd, .events = POLLOUT};
        no_room = p->progress == PENDING && poll(&room, 1, 0) == 0;
        take_back(p);
    } while (no_room);
}

static int64_t come_back(const struct echo_pair *p) {
    return p->received + p->wrong;
}

/* For each of two tasks more than there is room for on the way back; until nothing comes any
   more. */
static void echo_much(struct echo_pair *p, struct echo_pair *other, int64_t much) {
    enum { IN_VAIN = 100 };
    int64_t before = 0, back = 0;
    for (int i = 0; i < IN_VAIN && back < 2 * much; i++) {
        send_some(p, much);
        send_some(other, much);
        poll_pair(p);
        poll_pair(other);
        take_back(p);
        take_back(other);
        back = come_back(p) + come_back(other);
        if (back > before)
            i = 0;
        before = back;
    }
}

/* The other side has sent all it wants to, says so, and takes it back slowly. */
static void echo_the_end(struct echo_pair *p, int64_t much) {
    enum { ROUNDS = 1000 };
    send_some(p, much);
    shutdown(p->other, SHUT_WR);
    for (int i = 0; i < ROUNDS && p->progress == PENDING; i++) {
        poll_pair(p);
        take_some(p);
    }
    take_back(p);
}

/* What one call comes to if there is: 0: nothing; 1: SOME bytes; 2: those, and the end;
   3: those, and nobody any more; 4: much, for two tasks by turns, in as many calls as it takes;
   5: MORE bytes and the end, and little room. Returns 0 or -1. */
int try_polls(int kind, struct poll_report *out) {
    enum { SOME = 20000, MORE = 24000, MUCH = 100 * 1000 };
    enum { ENOUGH_ROOM = 128 * 1024, LITTLE_ROOM = 4096 };
    struct echo_pair p, other;
    int room = kind >= 4 ? LITTLE_ROOM : ENOUGH_ROOM, open = open_descriptors();
    if (!open_echo_pair(&p, room) || !open_echo_pair(&other, room))
        return -1;
    if (kind == 4)
        echo_much(&p, &other, MUCH);
    else if (kind == 5)
        echo_the_end(&p, MORE);
    else {
        send_some(&p, kind == 0 ? 0 : SOME);
        if (kind == 2)
            shutdown(p.other, SHUT_WR);
        if (kind == 3) {
            close(p.other);
            p.other = -1;
            poll_pair(&p);
        } else
            poll_and_take_back(&p);
    }
    *out = (struct poll_report){.progress = p.progress, .wrong = p.wrong + other.wrong};
    out->back = come_back(&p) + come_back(&other);
    out->closed = close_echo_pair(&p);
    out->closed |= close_echo_pair(&other);
    out->left = open_descriptors() - open;
    return 0;
}
#endif
