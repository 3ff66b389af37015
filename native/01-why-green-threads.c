/*
 * 01-why-green-threads.c: what a thread of the operating system costs, and two
 * ways of sharing one processor: preemptive and cooperative.
 *
 * Every number is measured while you wait. A function that measures returns a
 * negative number if the system refuses: -EAGAIN (no more threads), -ENOMEM,
 * -EINVAL (an argument makes no sense, or is beyond the limit below).
 *
 * Alone:  cc -std=c17 -O2 -pthread -DMAIN 01-why-green-threads.c -o demo && ./demo
 */
#define _GNU_SOURCE /* Linux: sched_setaffinity, pthread_getattr_np, RUSAGE_THREAD */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* No measurement runs away: even at these sizes each ends within a minute. */
enum {
    MOST_ROUNDS = 1000000,
    MOST_THREADS = 10000,
    LONGEST_TRACE = 4096,
};

static int64_t now_ns(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static double median(int64_t *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_size);
    return (double)(values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* ---------------------------------------------------------------------------
 * One processor for two threads
 */

/* The processor this runs on, or -1 where the system does not say. */
static int this_processor(void) {
#if defined __linux__
    return sched_getcpu();
#else
    return -1;
#endif
}

/* Keeps the calling thread on one processor. False where the system does not allow
   it: macOS never does, and places threads as it sees fit. */
static bool stay_on(int processor) {
#if defined __linux__
    cpu_set_t processors;

    if (processor < 0 || processor >= CPU_SETSIZE)
        return false;
    CPU_ZERO(&processors);
    CPU_SET(processor, &processors);
    return sched_setaffinity(0, sizeof processors, &processors) == 0;
#else
    (void)processor;
    return false;
#endif
}

static void *try_to_stay(void *stayed) {
    *(int *)stayed = stay_on(this_processor());
    return NULL;
}

/* 1 if two threads can be made to share a processor here, else 0. It is tried on a
   thread made for it, so that the caller's may go on running anywhere. */
int can_share_a_processor(void) {
    pthread_t thread;
    int stayed = 0;

    if (pthread_create(&thread, NULL, try_to_stay, &stayed) != 0)
        return 0;
    pthread_join(thread, NULL);
    return stayed;
}

/* ---------------------------------------------------------------------------
 * A gate, at which threads gather: so that the time it takes to make them is
 * not in the measurement
 */

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int arrived;
    bool open;
};

/* For the threads: says "I am here" and sleeps until the gate opens. */
static void wait_at(struct gate *gate) {
    pthread_mutex_lock(&gate->lock);
    gate->arrived++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

/* For the one who made them: sleeps until `count` threads have arrived. */
static void await(struct gate *gate, int count) {
    pthread_mutex_lock(&gate->lock);
    while (gate->arrived < count)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate) {
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

/* ---------------------------------------------------------------------------
 * What a call costs, for scale
 */

/* A function the compiler must call: it may neither copy it into its caller
   nor see that it does nothing. */
__attribute__((noinline)) static void callee(void) {
    __asm__ volatile("");
}

/* Nanoseconds for one call of a function that does nothing, the median of
   `rounds` batches of 1,000 calls. */
double function_call_ns(int rounds) {
    enum { BATCH = 1000 };

    if (rounds < 1 || rounds > MOST_ROUNDS)
        return -EINVAL;
    int64_t *times = malloc((size_t)rounds * sizeof *times);
    if (times == NULL)
        return -ENOMEM;
    for (int i = 0; i < rounds; i++) {
        int64_t start = now_ns();
        for (int j = 0; j < BATCH; j++)
            callee();
        times[i] = now_ns() - start;
    }
    double result = median(times, rounds) / BATCH;
    free(times);
    return result;
}

/* ---------------------------------------------------------------------------
 * What a thread costs: its birth and death
 */

static void *do_nothing(void *argument) {
    return argument;
}

/* Nanoseconds to make a thread that does nothing and to see it end, the median
   of `rounds`. */
double thread_create_join_ns(int rounds) {
    if (rounds < 1 || rounds > MOST_ROUNDS)
        return -EINVAL;
    int64_t *times = malloc((size_t)rounds * sizeof *times);
    if (times == NULL)
        return -ENOMEM;
    int error = 0;
    for (int i = 0; i < rounds && error == 0; i++) {
        pthread_t thread;
        int64_t start = now_ns();
        error = pthread_create(&thread, NULL, do_nothing, NULL);
        if (error == 0)
            pthread_join(thread, NULL);
        times[i] = now_ns() - start;
    }
    double result = error ? -error : median(times, rounds);
    free(times);
    return result;
}

/* ---------------------------------------------------------------------------
 * What a thread costs: a switch
 */

enum { NOBODY = -1, CALLED_OFF = -2 };

/* Two threads pass a token to and fro. The one that does not hold it sleeps. */
struct game {
    pthread_mutex_t lock;
    pthread_cond_t passed;
    int holder; /* 0, 1, NOBODY or CALLED_OFF */
    int arrived;
    int rounds;
    int processor;
    int64_t *times; /* when player 0 took the token; the caller's, rounds + 1 of them */
};

struct player {
    struct game *game;
    int number;    /* 0 or 1 */
    long switches; /* how often it left the processor; -1 where the system does not say */
};

/* How often the calling thread has left its processor so far: because it fell
   asleep, or because the scheduler preferred another one. */
static long switches_so_far(void) {
#if defined __linux__
    struct rusage usage;

    if (getrusage(RUSAGE_THREAD, &usage) == 0)
        return usage.ru_nvcsw + usage.ru_nivcsw;
#endif
    return -1;
}

/* Sleeps until the token is there. False if the game has been called off. */
static bool take(struct game *game, int number) {
    pthread_mutex_lock(&game->lock);
    while (game->holder != number && game->holder != CALLED_OFF)
        pthread_cond_wait(&game->passed, &game->lock);
    bool mine = game->holder == number;
    pthread_mutex_unlock(&game->lock);
    return mine;
}

/* Unlocks before it signals. The other way round the woken thread finds the
   mutex taken and falls asleep once more: two switches for one pass. */
static void pass_to(struct game *game, int holder) {
    pthread_mutex_lock(&game->lock);
    game->holder = holder;
    pthread_mutex_unlock(&game->lock);
    pthread_cond_signal(&game->passed);
}

/* Says "I am here"; the second one to arrive gives the token to player 0. */
static void arrive(struct game *game) {
    pthread_mutex_lock(&game->lock);
    bool both = ++game->arrived == 2 && game->holder == NOBODY;
    pthread_mutex_unlock(&game->lock);
    if (both)
        pass_to(game, 0);
}

static void *play(void *argument) {
    struct player *me = argument;
    struct game *game = me->game;

    stay_on(game->processor);
    arrive(game);
    for (int turn = 0; turn <= game->rounds && take(game, me->number); turn++) {
        if (me->number == 0)
            game->times[turn] = now_ns();
        pass_to(game, 1 - me->number);
    }
    me->switches = switches_so_far();
    return NULL;
}

/* Lets the two play. Returns 0 or an error; then nobody has played. */
static int play_all(struct game *game, struct player players[2]) {
    pthread_t threads[2];
    int made = 0;
    int error = 0;

    while (made < 2 && error == 0) {
        players[made] = (struct player){.game = game, .number = made};
        error = pthread_create(&threads[made], NULL, play, &players[made]);
        made += error == 0;
    }
    if (error)
        pass_to(game, CALLED_OFF);
    for (int i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    return error;
}

/* A whole game. Writes the median time of a pass, and how many switches the
   system made for each pass, -1 where it does not say. Returns 0 or an error. */
static int play_game(int rounds, double *pass_ns, double *switches) {
    if (rounds < 1 || rounds > MOST_ROUNDS)
        return EINVAL;
    int64_t *times = malloc(((size_t)rounds + 1) * sizeof *times);
    if (times == NULL)
        return ENOMEM;
    struct game game = {
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .passed = PTHREAD_COND_INITIALIZER,
        .holder = NOBODY,
        .rounds = rounds,
        .processor = this_processor(),
        .times = times,
    };
    struct player players[2];
    int error = play_all(&game, players);
    if (error == 0) {
        for (int i = 0; i < rounds; i++)
            times[i] = times[i + 1] - times[i];
        long made = players[0].switches + players[1].switches;
        *pass_ns = median(times, rounds) / 2;
        *switches = made < 0 ? -1 : made / (2.0 * rounds);
    }
    free(times);
    return error;
}

/* Nanoseconds for one switch from a thread to another: half the time the token
   takes to go to and fro, the median of `rounds`. Both threads share a processor
   where the system allows that; elsewhere the time is that of waking another
   processor. */
double thread_switch_ns(int rounds) {
    double pass_ns, switches;
    int error = play_game(rounds, &pass_ns, &switches);

    return error ? -error : pass_ns;
}

/* How many switches the system makes each time the token is passed: one, if
   nobody else wants the processor. -ENOTSUP where the system does not count them. */
double switches_per_pass(int rounds) {
    double pass_ns, switches;
    int error = play_game(rounds, &pass_ns, &switches);

    if (error)
        return -error;
    return switches < 0 ? -ENOTSUP : switches;
}

/* ---------------------------------------------------------------------------
 * What a thread costs: its memory
 */

static void *park(void *gate) {
    wait_at(gate);
    return NULL;
}

/* The stack of a thread: its lowest address, and its size in bytes. */
static int stack_of(pthread_t thread, void **low, size_t *size) {
#if defined __APPLE__
    *size = pthread_get_stacksize_np(thread);
    *low = (char *)pthread_get_stackaddr_np(thread) - *size;
    return 0;
#else
    pthread_attr_t attributes;
    int error = pthread_getattr_np(thread, &attributes);

    if (error)
        return error;
    error = pthread_attr_getstack(&attributes, low, size);
    pthread_attr_destroy(&attributes);
    return error;
#endif
}

/* How much of a thread's stack is in memory, in bytes; the rest is a promise
   that the system keeps when the thread writes there. Or a negative error. */
static long resident_bytes(pthread_t thread) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *low;
    size_t size;
    int error = stack_of(thread, &low, &size);

    if (error)
        return -error;
    size_t pages = size / page;
    unsigned char *in_memory = calloc(pages, 1);
    if (in_memory == NULL)
        return -ENOMEM;
    long bytes = 0;
    if (mincore(low, pages * page, (void *)in_memory) != 0)
        bytes = -errno;
    else
        for (size_t i = 0; i < pages; i++)
            bytes += (in_memory[i] & 1) * (long)page;
    free(in_memory);
    return bytes;
}

/* A number that Linux writes behind `key` in one of its files, in bytes; -1 where
   there is no such file or no such line. The files count in KiB. */
static int64_t bytes_in(const char *file, const char *key) {
    char line[128];
    long kib = -1;
    FILE *open = fopen(file, "r");

    if (open == NULL)
        return -1;
    while (kib < 0 && fgets(line, sizeof line, open) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            kib = strtol(line + strlen(key), NULL, 10);
    fclose(open);
    return kib <= 0 ? -1 : kib * 1024; /* a container may answer 0 to everything */
}

/* What a thread that sleeps keeps in memory. */
enum {
    ITS_STACK,     /* the pages of its stack that it has touched */
    SYSTEM_STACK,  /* the stack on which the system works for it */
    SYSTEM_RECORD, /* its entries in the system's tables */
    PAGE_TABLES,   /* where the pages of its stack are */
    KINDS_OF_MEMORY,
};

/* What the system keeps for all threads there are. Linux counts the first two
   for the whole machine, the last one for this process. */
static void look_at_system(int64_t bytes[KINDS_OF_MEMORY]) {
    bytes[SYSTEM_STACK] = bytes_in("/proc/meminfo", "KernelStack:");
    bytes[SYSTEM_RECORD] = bytes_in("/proc/meminfo", "Slab:");
    bytes[PAGE_TABLES] = bytes_in("/proc/self/status", "VmPTE:");
}

/* The touched pages of all their stacks together, or a negative error. */
static int64_t resident_stacks(const pthread_t *threads, int count) {
    int64_t sum = 0;

    for (int i = 0; i < count; i++) {
        long bytes = resident_bytes(threads[i]);
        if (bytes < 0)
            return bytes;
        sum += bytes;
    }
    return sum;
}

/*
 * The bytes that a sleeping thread keeps, the mean over `count` threads that
 * all exist at once, into the caller's kept[KINDS_OF_MEMORY]. A kind that the
 * system does not show is -1; so are all but the first where there is no
 * Linux. What other programs do meanwhile is in two of the numbers, so take
 * many threads. Returns 0, or a negative error.
 */
int thread_memory(int count, int64_t *kept) {
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    int64_t before[KINDS_OF_MEMORY], after[KINDS_OF_MEMORY];
    int made = 0;
    int error = 0;

    if (count < 1 || count > MOST_THREADS || kept == NULL)
        return -EINVAL;
    pthread_t *threads = malloc((size_t)count * sizeof *threads);
    if (threads == NULL)
        return -ENOMEM;
    look_at_system(before);
    while (made < count && error == 0) {
        error = pthread_create(&threads[made], NULL, park, &gate);
        made += error == 0;
    }
    await(&gate, made);
    look_at_system(after);
    int64_t stacks = error ? -error : resident_stacks(threads, count);
    open_gate(&gate);
    for (int i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    if (stacks < 0)
        return (int)stacks;
    kept[ITS_STACK] = stacks / count;
    for (int kind = SYSTEM_STACK; kind < KINDS_OF_MEMORY; kind++) {
        int64_t more = after[kind] - before[kind];
        kept[kind] = before[kind] < 0 || after[kind] < 0 ? -1 : more > 0 ? more / count : 0;
    }
    return 0;
}

/* ---------------------------------------------------------------------------
 * Preemptive: the system takes the processor away
 */

enum { SPAN_NS = 1000000 };

/* A thread that never gives way, and counts how much it does in each span of
   a millisecond. */
struct runner {
    struct gate *gate;
    int processor;
    int spans;
    int64_t *start; /* written before the gate opens */
    long *work;     /* one count for each span; this thread's alone */
};

static void *run_without_yielding(void *argument) {
    struct runner *me = argument;

    stay_on(me->processor);
    wait_at(me->gate);
    for (;;) {
        int64_t span = (now_ns() - *me->start) / SPAN_NS;
        if (span >= me->spans)
            return NULL;
        me->work[span]++;
    }
}

/* The letter of the one that did more in each span; '.' if neither ran. Returns how
   often the letter changes from A to B or back. */
static int merge(const long *a, const long *b, int spans, char *trace) {
    int changes = 0;
    char last = '.';

    for (int i = 0; i < spans; i++) {
        trace[i] = a[i] == 0 && b[i] == 0 ? '.' : a[i] >= b[i] ? 'A' : 'B';
        if (trace[i] == '.')
            continue;
        changes += last != '.' && last != trace[i];
        last = trace[i];
    }
    trace[spans] = '\0';
    return changes;
}

/*
 * Two threads on one processor, A and B, of which neither ever gives way. Writes
 * into the caller's trace, one letter for each millisecond, who was running:
 * size - 1 letters and a final zero. Which letters is the system's choice, and
 * another one each time. Returns how often the processor changed hands, or a
 * negative error. Where threads cannot be kept on one processor both run at once,
 * and the letter is that of the one that got more done.
 */
int preemptive(char *trace, int size) {
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    int spans = size - 1;
    int processor = this_processor();
    int64_t start = 0;
    pthread_t threads[2];
    int made = 0;
    int error = 0;

    if (size < 2 || size > LONGEST_TRACE)
        return -EINVAL;
    long *work = calloc((size_t)spans * 2, sizeof *work);
    if (work == NULL)
        return -ENOMEM;
    struct runner runners[2] = {
        {&gate, processor, spans, &start, work},
        {&gate, processor, spans, &start, work + spans},
    };
    while (made < 2 && error == 0) {
        error = pthread_create(&threads[made], NULL, run_without_yielding, &runners[made]);
        made += error == 0;
    }
    await(&gate, made);
    if (error)
        runners[0].spans = 0; /* alone it need not run at all */
    start = now_ns();
    open_gate(&gate);
    for (int i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    int changes = merge(work, work + spans, spans, trace);
    free(work);
    return error ? -error : changes;
}

/* ---------------------------------------------------------------------------
 * Cooperative: the task gives the processor back
 */

struct trace {
    char *letters;
    int used;
};

/* A task as a function that can be resumed: whatever it must remember between
   two turns is in its struct, because its own stack frame is gone by then. */
struct task {
    char letter;
    int patience; /* letters it writes before it gives way */
    int left;     /* letters it has still to write: how far it has come */
};

/* One turn of a task. To give way is to return. */
static void resume(struct task *task, struct trace *trace) {
    for (int i = 0; i < task->patience && task->left > 0; i++) {
        trace->letters[trace->used++] = task->letter;
        task->left--;
    }
}

/*
 * Two tasks on one thread share the size - 1 letters of the caller's trace.
 * Each runs until it gives way or has nothing left to do: A gives way after
 * `a` letters, B after `b`. The letters, and the zero behind them, are the
 * same every time. Returns how many turns were taken, or -EINVAL.
 */
int cooperative_turns(char *trace, int size, int a, int b) {
    struct task tasks[2] = {{'A', a, size / 2}, {'B', b, (size - 1) / 2}};
    struct trace written = {trace, 0};
    int turns = 0;

    if (size < 2 || size > LONGEST_TRACE || a < 1 || b < 1)
        return -EINVAL;
    for (int next = 0; tasks[0].left + tasks[1].left > 0; next = 1 - next) {
        if (tasks[next].left == 0)
            continue;
        resume(&tasks[next], &written);
        turns++;
    }
    trace[written.used] = '\0';
    return turns;
}

/* Both are polite: ABABAB. */
int cooperative(char *trace, int size) {
    return cooperative_turns(trace, size, 1, 1);
}

/* A never gives way: AAABBB. B is ready all the time and waits until A has
   finished. Were A's work endless, B would never run, and nobody could help. */
int cooperative_greedy(char *trace, int size) {
    return cooperative_turns(trace, size, INT_MAX, 1);
}

/* A conversation of which a turn is one letter. It begins as all zeros but for
   `n`, which says how much there is to talk about. */
struct talk {
    int n;
    int place; /* where it stopped */
    int i;     /* how often it has talked */
};

/*
 * Two conversations take turns in the caller's trace: one about `n`, in
 * capitals, and one about `m`, in small letters. `turn` gives the next letter,
 * or 0 when all is said. Stops when both are silent or size - 1 letters are
 * written; behind them stands a zero. Returns the number of letters, or
 * -EINVAL.
 */
int two_talks(char (*turn)(struct talk *me), char *trace, int size, int n, int m) {
    struct talk talks[2] = {{.n = n}, {.n = m}};
    int used = 0;
    int silent = 0;

    if (size < 1 || size > LONGEST_TRACE)
        return -EINVAL;
    for (int who = 0; silent < 2 && used < size - 1; who = 1 - who) {
        char letter = turn(&talks[who]);
        silent = letter ? 0 : silent + 1;
        if (letter)
            trace[used++] = (char)(who == 0 ? letter : letter + ('a' - 'A'));
    }
    trace[used] = '\0';
    return used;
}

#ifdef MAIN
static void show_memory(void) {
    int64_t kept[KINDS_OF_MEMORY];
    const char *const names[] = {"its stack", "the system's stack", "the system's records",
                                 "page tables"};

    if (thread_memory(200, kept) < 0)
        return;
    for (int kind = 0; kind < KINDS_OF_MEMORY; kind++) {
        char number[24] = "unknown";
        if (kept[kind] >= 0)
            snprintf(number, sizeof number, "%lld", (long long)kept[kind]);
        printf("A sleeping thread keeps: %10s bytes, %s\n", number, names[kind]);
    }
}

int main(void) {
    char trace[61];

    printf("A function call:         %10.1f ns\n", function_call_ns(1000));
    printf("A switch of threads:     %10.1f ns\n", thread_switch_ns(10000));
    printf("Switches for each pass:  %10.1f\n", switches_per_pass(10000));
    printf("A thread made and ended: %10.1f ns\n", thread_create_join_ns(1000));
    show_memory();
    printf("Two threads on one processor: %s\n",
           can_share_a_processor() ? "yes" : "not on this system");

    int changes = preemptive(trace, sizeof trace);
    printf("preemptive  %s  %d changes\n", trace, changes);
    int turns = cooperative(trace, sizeof trace);
    printf("cooperative %s  %d turns\n", trace, turns);
    turns = cooperative_greedy(trace, sizeof trace);
    printf("greedy      %s  %d turns\n", trace, turns);
    return 0;
}
#endif
