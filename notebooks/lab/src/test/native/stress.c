/*
 * stress.c: rounds of threads that do what chapter 09's threads can do, at random.
 *
 *     stress [ROUNDS [SEED]]
 *
 *     cc -std=c17 -O1 -g -fsanitize=address,undefined -I native stress.c -o stress
 *
 * Each thread does a few things that a generator of random numbers chooses: it yields,
 * spawns a thread, joins one that it has spawned, sends, receives, asks a generator,
 * has the base thread call a function, parks, wakes another one. So it may well come
 * to a point where all wait. Then the channels are closed, and who is parked is woken:
 * from there on everybody has to come to an end.
 *
 * After each round the books have to be right: every thread that was spawned has
 * finished, every value that was sent was received or is still in its channel, every
 * result is the one of its thread. The seed is printed first; a round that fails says so.
 */
#ifdef CHAPTER_12 /* whose runtime has grown out of it, and keeps its promises */
#include "12-waiting.c"

static int64_t on_a_stack_of(int64_t runtime) {
    const struct runtime *r = (const struct runtime *)(uintptr_t)runtime;
    char here;
    uintptr_t sp = (uintptr_t)&here;
    return sp >= (uintptr_t)r->areas && sp < (uintptr_t)r;
}
#else
#include "09-results-and-channels.c"
#endif

enum { PLACES = 40, CHANNELS_HERE = 3, THINGS = 12, MOST_SPAWNED = 300 };

static uint64_t seed;
static struct runtime *runtime;
static struct channel *channels[CHANNELS_HERE];
static struct thread *parked[PLACES];
static int64_t spawned, ended, values_sent, values_received, sum_sent, sum_received, wrong;
static bool over; /* from now on nobody begins to wait */

/* Of 64 bits, by Vigna's splitmix: good enough, and the same everywhere. */
static uint64_t random_below(uint64_t most) {
    uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % most;
}

static void must(bool holds, const char *what) {
    if (!holds) {
        printf("not so: %s\n", what);
        wrong++;
    }
}

static int64_t twice(int64_t argument) {
    must(on_a_stack_of((int64_t)(uintptr_t)runtime) == 0, "the base thread calls on its own stack");
    if (random_below(4) == 0)
        must(run(runtime) == RUNS_ALREADY, "a runtime does not run twice");
    errno = (int)random_below(100);
    return 2 * argument;
}

struct life {
    int64_t number; /* what it is to return */
    int depth;
    char ballast[40]; /* so that environments have a size that is no multiple of 16 */
};

static int64_t live(void *environment);

static int64_t give_some(void *environment) {
    const struct life *mine = environment;

    for (int64_t i = 0; i < mine->number % 5; i++) {
        give(mine->number + i);
        if (random_below(3) == 0)
            yield_thread();
    }
    ended++;
    return 0;
}

/* Asks one until it has finished. */
static void ask_to_the_end(int64_t number) {
    struct life life = {.number = number};
    int64_t value, got = 0, generator = new_generator(runtime, give_some, &life, sizeof life);

    if (generator < 0)
        return;
    spawned++;
    while (next(runtime, generator, &value) == 1)
        must(value == number + got++, "a generator gives its values in order");
    must(got == number % 5, "a generator gives all its values");
    must(next(runtime, generator, &value) == NO_SUCH_THREAD, "then there is none any more");
}

static int64_t spawn_one(int depth, bool to_join) {
    struct life life = {.number = spawned, .depth = depth + 1};

    if (spawned >= MOST_SPAWNED)
        return NO_PLACE;
    int64_t number = to_join ? spawn_to_join(runtime, live, &life, sizeof life)
                             : spawn(runtime, live, &life, sizeof life);
    spawned += number > 0;
    return number;
}

static void send_something(struct channel *c) {
    int64_t value = (int64_t)random_below(1000);

    if (over && c->receivers.first == NULL && c->count == c->capacity)
        return;
    if (send_to(c, value) == 1) {
        values_sent++;
        sum_sent += value;
    }
}

static void receive_something(struct channel *c) {
    int64_t value;

    if (receive_from(c, &value) == 1) {
        values_received++;
        sum_received += value;
    }
}

static void park_here(void) {
    int me = my_place();

    if (over)
        return;
    parked[me] = running->current;
    park();
    parked[me] = NULL;
}

static void wake_somebody(void) {
    struct thread *t = parked[random_below(PLACES)];

    if (t != NULL) {
        wake(t);
        wake(t);
    }
}

static void do_something(const struct life *mine, int64_t *children, int64_t *numbers, int *count) {
    struct channel *c = channels[random_below(CHANNELS_HERE)];
    int64_t result;

    switch (random_below(10)) {
    case 0:
        yield_thread();
        break;
    case 1:
        if (mine->depth < 4)
            spawn_one(mine->depth, false);
        break;
    case 2:
        numbers[*count] = spawned;
        if (mine->depth < 4 && (children[*count] = spawn_one(mine->depth, true)) > 0)
            ++*count;
        break;
    case 3:
        if (*count > 0) {
            --*count;
            must(join(runtime, children[*count], &result) == 1, "a child can be joined");
            must(result == numbers[*count], "and gives its own result");
            must(join(runtime, children[*count], &result) == NO_SUCH_THREAD, "only once");
        }
        break;
    case 4:
    case 5:
        send_something(c);
        break;
    case 6:
        receive_something(c);
        break;
    case 7:
        ask_to_the_end(mine->number);
        break;
    case 8:
        if (random_below(4) == 0)
            park_here();
        else
            wake_somebody();
        break;
    default:
        must(call_on_base(twice, mine->number) == 2 * mine->number, "the base thread's result");
    }
}

static int64_t live(void *environment) {
    const struct life *mine = environment;
    int64_t children[THINGS], numbers[THINGS];
    int count = 0, things = (int)random_below(THINGS);

    must((uintptr_t)environment % 16 == 0, "an environment is aligned");
    errno = (int)mine->number;
    for (int i = 0; i < things; i++) {
        do_something(mine, children, numbers, &count);
        must(errno == (int)mine->number, "errno is a thread's own");
    }
    while (count > 0) { /* no result is left behind */
        int64_t result;
        --count;
        must(join(runtime, children[count], &result) == 1, "a child can be joined at the end");
        must(result == numbers[count], "and gives its own result at the end");
    }
    ended++;
    return mine->number;
}

/* Returns how many threads waited when all of them did. */
static int one_round(void) {
    int64_t left = 0, left_sum = 0;

    runtime = new_runtime(PLACES - 1, ROOMY);
    for (int i = 0; i < CHANNELS_HERE; i++)
        channels[i] = new_channel(runtime, "a channel", (int)random_below(4) * i);
    spawned = ended = values_sent = values_received = sum_sent = sum_received = 0;
    over = false;
    memset(parked, 0, sizeof parked);
    for (int i = 0; i < 8; i++)
        spawn_one(0, false);
    int waited = run(runtime);
    char text[64];
    must(who_waits(runtime, text, sizeof text) == waited, "who waits is counted right");
    over = true;
    for (int i = 0; i < CHANNELS_HERE; i++)
        close_channel(channels[i]);
    for (int i = 0; i < PLACES; i++)
        if (parked[i] != NULL && parked[i]->state == PARKED)
            go_on(parked[i], runtime);
    must(run(runtime) == 0, "with the channels closed, everybody comes to an end");
    must(ended == spawned, "no thread is lost");
    for (int i = 0; i < CHANNELS_HERE; i++)
        for (int64_t value; receive_from(channels[i], &value) == 1; left++)
            left_sum += value;
    must(values_sent == values_received + left, "no value is lost");
    must(sum_sent == sum_received + left_sum, "no value is changed");
    for (int place = 1; place <= runtime->threads_made; place++)
        must(runtime->threads[place].state == AVAILABLE, "every place is available again");
    int available = 0;
    for (const struct thread *t = runtime->available; t != NULL; t = t->next)
        available++;
    must(available == runtime->threads_made, "and can be found");
    for (int i = 0; i < CHANNELS_HERE; i++)
        free_channel(channels[i]);
    must(free_runtime(runtime) == 1, "the runtime is given back");
    return waited;
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 1000;
    int64_t all = 0, values = 0, waited = 0;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20;
    printf("seed 0x%llx\n", (unsigned long long)seed);
    fflush(stdout);
    for (int round = 0; round < rounds && wrong == 0; round++) {
        uint64_t begin = seed;
        waited += one_round() > 0;
        all += spawned;
        values += values_received;
        if (wrong > 0)
            printf("round %d, which began with seed 0x%llx\n", round, (unsigned long long)begin);
    }
    printf("%lld threads, %lld values, %lld times all waited, %lld wrong\n", (long long)all,
           (long long)values, (long long)waited, (long long)wrong);
    return wrong > 0;
}
