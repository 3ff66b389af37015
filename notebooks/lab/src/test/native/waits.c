/*
 * waits.c: rounds of threads that wait for everything that chapter 12's threads can wait
 * for, at random; and are cancelled, run out of time, or lose what they wait for.
 *
 *     waits [ROUNDS [SEED [SECONDS]]]
 *
 *     cc -std=c17 -O1 -g -fsanitize=address,undefined -pthread -I native waits.c -o waits
 *
 * With SECONDS it goes on so long, however many rounds that are. Meanwhile an OS thread
 * calls threads from outside, of numbers that may exist or not. Again and again all queues
 * are looked through: who does not wait must be in none of them, and who waits, in exactly
 * those that it waits in. At the end of a round nothing may be left anywhere; and the end
 * has to come before that OS thread has called very often. The seed is
 * printed first; which thread is called from outside, and when, does not depend on it.
 */
#include "12-waiting.c"

enum { PLACES = 30, PAIRS = 3, CHANNELS_HERE = 2, THINGS = 14, MOST_SPAWNED = 200 };

/* From outside, in one round; an honest round sees some hundreds, however busy the machine is. */
enum { MOST_CALLS = 25000 };

static uint64_t seed;
static struct runtime *runtime;
static struct channel *channels[CHANNELS_HERE];
static int64_t sockets[2 * PAIRS]; /* those of a pair side by side */
static bool being_written[2 * PAIRS], being_read[2 * PAIRS], broken[2 * PAIRS];
static uint64_t written[2 * PAIRS], seen[2 * PAIRS];
static int64_t listener, cancels[PLACES + 1]; /* of the thread that is there now */
static int64_t spawned, ended, wrong, outcomes[32], looked_through;
static _Atomic int64_t jobs_made, jobs_undone, called_from_outside;
static _Atomic bool round_goes_on;

static uint64_t mixed(uint64_t *from) {
    uint64_t z = *from += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t random_below(uint64_t most) {
    return mixed(&seed) % most;
}

static void must(bool holds, const char *what) {
    if (!holds) {
        printf("not so: %s\n", what);
        wrong++;
    }
}

/* ---------------------------------------------------------------- what lies in the queues */

static int times_in(const struct queue *q, const struct thread *t) {
    int times = 0;

    for (const struct waiter *w = q->first; w != NULL; w = w->next)
        times += w->thread == t;
    return times;
}

static int times_in_channels(const struct thread *t) {
    int times = 0;

    for (int i = 0; i < CHANNELS_HERE; i++)
        times += times_in(&channels[i]->senders, t) + times_in(&channels[i]->receivers, t);
    return times;
}

static int times_at_sockets(const struct thread *t) {
    int times = 0;

    for (int place = 1; place <= runtime->sockets_made; place++)
        times += (runtime->sockets[place].reader == t) + (runtime->sockets[place].writer == t);
    return times;
}

static int times_awaiting(const struct thread *t) {
    int times = 0;

    for (int place = 1; place <= runtime->threads_made; place++)
        times += runtime->threads[place].state != AVAILABLE && runtime->threads[place].waiter == t;
    return times;
}

static bool is_a_socket(const void *p) {
    const struct socket *s = p;

    return s > runtime->sockets && s <= runtime->sockets + runtime->sockets_made;
}

static void look_through(void) {
    int waiting = 0, outside = 0, alarms = 0, with_deadline = 0;

    looked_through++;
    for (int place = 1; place <= runtime->threads_made; place++) {
        const struct thread *t = &runtime->threads[place];
        enum state is = t->state;
        waiting += is >= PARKED;
        outside += is >= SLEEPS;
        int alarm = runtime->alarm_places[place];
        alarms += alarm != 0;
        must(times_in_channels(t) == (is == SENDS || is == RECEIVES),
             "it is in its channel's queue, and no other");
        must(times_at_sockets(t) == (is == READS || is == WRITES),
             "it is at its socket, and no other");
        must(is == AVAILABLE || times_awaiting(t) == (is == JOINS || is == ASKS),
             "who is joined knows it");
        bool is_due = is >= PARKED && t->deadline != 0;
        with_deadline += is_due;
        must(!is_due || (alarm != 0 && runtime->alarms[alarm].when <= t->deadline),
             "who waits until some time has an alarm in time");
        must(alarm == 0 || is < PARKED || is_due, "who waits without one has no alarm");
        must(alarm == 0 || (is != AVAILABLE && is != FINISHED), "nor who has ended");
        must(alarm == 0 || is >= PARKED || is_a_socket(t->waits_for), "nor who waited for no socket");
        must(alarm == 0 || is >= PARKED || t->cut_short == 0, "nor whose wait was cut short");
        must(alarm == 0 || runtime->alarms[alarm].thread == place, "an alarm knows its thread");
    }
    must(waiting == runtime->waiting, "who waits is counted right");
    must(outside == runtime->outside, "and who waits for the outside");
    must(with_deadline == runtime->with_deadline, "and who waits until some time");
    must(alarms == runtime->alarms_set, "and the alarms");
    for (int i = 2; i <= runtime->alarms_set; i++)
        must(!is_due_before(&runtime->alarms[i], &runtime->alarms[i / 2]),
             "nothing is due before what is above it");
}

/* ---------------------------------------------------------------- what threads do */

/* Notes how a wait has ended, and whether it may have. */
static void note(int64_t status, int64_t deadline, bool may_vanish) {
    int me = my_place();

    outcomes[status >= 1 ? 0 : status <= SYSTEM_SAYS ? 31 : -status]++;
    if (status == TIMED_OUT)
        must(deadline != 0 && now_ns() >= deadline, "nobody's time is up early");
    if (status == CANCELLED)
        must(cancels[me]-- > 0 || runtime->ends, "nobody is cancelled whom nobody cancels");
    if (status == NO_SUCH_SOCKET)
        must(may_vanish, "a socket does not vanish");
}

static int64_t some_deadline(void) {
    deadline_in(random_below(3) == 0 ? 0 : (int64_t)random_below(3 * MS) + 1);
    return running->current->deadline;
}

static void sleep_a_little(void) {
    int64_t deadline = some_deadline(), when = now_ns() + (int64_t)random_below(3 * MS);
    int status = sleep_until(when);

    must(status != 1 || now_ns() >= when, "nobody wakes early");
    note(status, deadline, false);
}

static void write_something(void) {
    int i = (int)random_below(2 * PAIRS);
    size_t size = random_below(8) == 0 ? 300000 : random_below(5000);
    unsigned char *bytes = being_written[i] ? NULL : malloc(size + 1);

    if (bytes == NULL)
        return;
    being_written[i] = true;
    for (size_t j = 0; j < size; j++)
        bytes[j] = (unsigned char)((written[i] + j) * 7);
    int64_t deadline = some_deadline(), number = sockets[i],
            status = write_all(number, bytes, size);
    note(status, deadline, true);
    if (number == sockets[i]) { /* and it has not been replaced by another pair */
        written[i] += size;
        broken[i] |= status != 1;
    }
    being_written[i] = false;
    free(bytes);
}

static void read_something(void) {
    int i = (int)random_below(2 * PAIRS);
    unsigned char bytes[4000];

    if (being_read[i] && random_below(4) != 0)
        return;
    bool first = !being_read[i];
    being_read[i] = true;
    int64_t deadline = some_deadline(), number = sockets[i];
    int64_t size = read_some(number, bytes, 1 + random_below(sizeof bytes));
    note(size == 0 ? 1 : size, deadline, true);
    for (int64_t j = 0; j < size && first && number == sockets[i] && !broken[i ^ 1]; j++)
        must(bytes[j] == (unsigned char)((seen[i] + (uint64_t)j) * 7),
             "what is read has been written so");
    if (number == sockets[i])
        seen[i] += size > 0 ? (uint64_t)size : 0;
    if (!first)
        broken[i ^ 1] = true;
    being_read[i] = first ? false : being_read[i];
}

static void open_pair(int i) {
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return;
    for (int j = 0; j < 2; j++) {
        fcntl(ends[j], F_SETFL, O_NONBLOCK);
        sockets[i + j] = take_on(runtime, ends[j]);
        written[i + j] = seen[i + j] = 0;
        broken[i + j] = false;
    }
}

static void close_pair(void) {
    int i = 2 * (int)random_below(PAIRS);

    close_socket(runtime, sockets[i]);
    close_socket(runtime, sockets[i + 1]);
    if (runtime->ends)
        return;
    open_pair(i);
}

static void visit_listener(void) {
    int64_t deadline = some_deadline();
    int64_t socket = connect_to_port((int)port_of(runtime, listener));

    note(socket, deadline, true);
    if (socket > 0 && random_below(2) == 0)
        yield_thread();
    if (socket > 0)
        must(close_socket(runtime, socket) == 1, "a socket of one's own can be closed");
}

static void accept_something(void) {
    int64_t deadline = some_deadline(), socket = accept_from(listener);

    note(socket, deadline, true);
    if (socket > 0)
        close_socket(runtime, socket);
}

struct errand {
    char *made;
    int64_t number, us;
};

static int64_t run_errand(void *environment) {
    struct errand *e = environment;
    struct timespec t = {0, (long)e->us * 1000};

    e->made = malloc(100);
    jobs_made++;
    nanosleep(&t, NULL);
    return 2 * e->number;
}

static void undo_errand(void *environment) {
    jobs_undone++;
    free(((struct errand *)environment)->made);
}

static void work_elsewhere(void) {
    struct errand e = {NULL, (int64_t)random_below(1000), (int64_t)random_below(1000)};
    int64_t deadline = some_deadline(), result = elsewhere(run_errand, undo_errand, &e, sizeof e);

    note(result >= 0 ? 1 : result, deadline, false);
    if (result < 0)
        return;
    must(result == 2 * e.number, "the errand is one's own");
    undo_errand(&e);
}

static void cancel_somebody(void) {
    int place = 1 + (int)random_below(PLACES);
    struct thread *t = &runtime->threads[place];

    if (place > runtime->threads_made || t == running->current || t->state == AVAILABLE)
        return;
    if (cancel(runtime, number_of(runtime, t)) == 1)
        cancels[place]++;
}

static int64_t live(void *environment);

static int64_t spawn_one(bool to_join) {
    int64_t nothing = spawned;

    if (spawned >= MOST_SPAWNED)
        return NO_PLACE;
    int64_t number = to_join ? spawn_to_join(runtime, live, &nothing, sizeof nothing)
                             : spawn(runtime, live, &nothing, sizeof nothing);
    spawned += number > 0;
    if (number > 0)
        cancels[number & UINT32_MAX] = 0;
    return number;
}

/* Joins one, as often as it takes. */
static void join_to_the_end(int64_t child) {
    int64_t result, deadline;
    int status;

    do {
        deadline = some_deadline();
        status = join(runtime, child, &result);
        note(status, deadline, false);
        deadline_in(0);
        if (status < 0 && runtime->ends)
            yield_thread();
    } while (status == TIMED_OUT || status == CANCELLED);
    must(status == 1, "a child can be joined");
}

static void do_something(void) {
    struct channel *c = channels[random_below(CHANNELS_HERE)];
    int64_t value, deadline, child;

    switch (random_below(14)) {
    case 0:
        yield_thread();
        break;
    case 1:
        spawn_one(false);
        break;
    case 2:
        if ((child = spawn_one(true)) > 0)
            join_to_the_end(child);
        break;
    case 3:
        deadline = some_deadline();
        note(send_to(c, 1), deadline, false);
        break;
    case 4:
        deadline = some_deadline();
        note(receive_from(c, &value), deadline, false);
        break;
    case 5:
        write_something();
        break;
    case 6:
    case 7:
        read_something();
        break;
    case 8:
        visit_listener();
        break;
    case 9:
        accept_something();
        break;
    case 10:
        work_elsewhere();
        break;
    case 11:
        deadline = some_deadline();
        note(listen_outside(), deadline, false);
        break;
    case 12:
        if (random_below(3) == 0)
            close_pair();
        else
            cancel_somebody();
        break;
    default:
        sleep_a_little();
    }
    deadline_in(0);
}

static int64_t live(void *environment) {
    int things = (int)random_below(THINGS);

    (void)environment;
    for (int i = 0; i < things; i++) {
        do_something();
        if (random_below(8) == 0)
            look_through();
    }
    ended++;
    return 1;
}

/* ---------------------------------------------------------------- rounds */

/* The end of a round comes when nobody is left who could do something. */
static int64_t end_the_round(void *nothing) {
    (void)nothing;
    for (int64_t before = -1; before != ended;) {
        before = ended;
        while (sleep_for(4 * MS) == CANCELLED)
            ;
    }
    end_all_waits(runtime);
    return 0;
}

static void *call_from_outside(void *nothing) {
    uint64_t own = 1;
    int calls = 0;

    (void)nothing;
    while (round_goes_on) {
        if (++calls > MOST_CALLS) {
            printf("not so: a round comes to its end\n");
            fflush(stdout);
            _exit(1);
        }
        struct timespec t = {0, 100000};
        int64_t number = (int64_t)(mixed(&own) % 3) << 32 | (int64_t)(mixed(&own) % (PLACES + 2));
        called_from_outside += wake_from_outside(runtime, number) == 1;
        nanosleep(&t, NULL);
    }
    return NULL;
}

static int descriptors_in_use(void) {
    int open = 0;

    for (int fd = 0; fd < 256; fd++)
        open += fcntl(fd, F_GETFD) >= 0;
    return open;
}

static void one_round(void) {
    int descriptors = descriptors_in_use();
    pthread_t outside;

    runtime = new_runtime(PLACES, ROOMY);
    for (int i = 0; i < CHANNELS_HERE; i++)
        channels[i] = new_channel(runtime, "a channel", 2 * i);
    spawned = ended = 0;
    jobs_made = jobs_undone = 0;
    memset(being_written, 0, sizeof being_written);
    memset(being_read, 0, sizeof being_read);
    for (int i = 0; i < 2 * PAIRS; i += 2)
        open_pair(i);
    listener = listen_on(runtime, 0);
    spawn(runtime, end_the_round, WITH_NOTHING);
    for (int i = 0; i < 12; i++)
        spawn_one(false);
    round_goes_on = true;
    pthread_create(&outside, NULL, call_from_outside, NULL);
    must(run(runtime) == 0, "everybody comes to an end");
    round_goes_on = false;
    pthread_join(outside, NULL);
    must(ended == spawned, "no thread is lost");
    look_through();
    must(runtime->waiting == 0 && runtime->outside == 0 && runtime->alarms_set == 0,
         "nothing is left in a queue");
    for (int i = 0; i < CHANNELS_HERE; i++)
        must(channels[i]->senders.first == NULL && channels[i]->receivers.first == NULL,
             "nor in a channel");
    must(runtime->office->queued.first == NULL && runtime->office->jobs_queued == 0,
         "nor in the office");
    for (int place = 1; place <= runtime->threads_made; place++)
        must(runtime->threads[place].state == AVAILABLE, "every place is available again");
    for (int i = 0; i < CHANNELS_HERE; i++)
        free_channel(channels[i]);
    must(free_runtime(runtime) == 1, "the runtime is given back");
    must(jobs_made == jobs_undone, "what has been made elsewhere is given back");
    must(descriptors_in_use() == descriptors, "and every descriptor");
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 100, round = 0;
    int64_t all = 0, until = argc > 3 ? now_ns() + atoi(argv[3]) * 1000 * MS : 0;

    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
    if (seed == 0)
        seed = (uint64_t)now_ns();
    printf("seed 0x%llx\n", (unsigned long long)seed);
    fflush(stdout);
    for (; (round < rounds || now_ns() < until) && wrong == 0; round++) {
        uint64_t begin = seed;
        one_round();
        all += spawned;
        if (wrong > 0)
            printf("round %d, which began with seed 0x%llx\n", round, (unsigned long long)begin);
    }
    printf(
        "%d rounds, %lld threads, %lld ended as wished, %lld timed out, %lld cancelled, "
        "%lld lost their socket, %lld calls from outside, looked through %lld times, %lld wrong\n",
        round, (long long)all, (long long)outcomes[0], (long long)outcomes[-TIMED_OUT],
        (long long)outcomes[-CANCELLED], (long long)outcomes[-NO_SUCH_SOCKET],
        (long long)called_from_outside, (long long)looked_through, (long long)wrong);
    return wrong > 0;
}
