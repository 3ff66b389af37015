/*
 * serve.c: chapter 12's HTTP server as a program, for tests and for load from outside.
 *
 *     serve CONNECTIONS [IDLE_MS REQUEST_MS [FILE]]    of green threads
 *     serve 0                                          the loop by hand
 *
 *     cc -std=c17 -O2 -pthread -Wno-unused-function -I native serve.c -o serve
 *
 * It prints its port, and for each line that it is sent the processor time that its process has
 * had, user and system, in microseconds. It serves until its input ends, and then says what it has
 * done, and how many descriptors were open before the server was and after it.
 */
#include "12-waiting.c"

#include "used.h"

static void *wait_for_the_end(void *server) {
    char line[64];

    while (fgets(line, sizeof line, stdin) != NULL)
        say_what_was_used();
    stop_either(server);
    return NULL;
}

static int64_t answer_as_java_would(int64_t exchange) {
    struct exchange *e = (struct exchange *)(uintptr_t)exchange;

    if (e->target_size > e->text_size)
        return -1;
    memcpy(e->text, e->target, (size_t)e->target_size);
    return e->target_size;
}

int main(int argc, char **argv) {
    int before = open_descriptors();
    const char *file = argc > 4 ? argv[4] : NULL;
    struct either *server =
        open_either(0, argc > 1 ? atoi(argv[1]) : 0, file, answer_as_java_would);
    struct either_report said;
    pthread_t waiter;

    if (server == NULL)
        return 1;
    if (argc > 3)
        set_times(server, atoi(argv[2]), atoi(argv[3]));
    printf("port %d\n", port_of_either(server));
    fflush(stdout);
    pthread_create(&waiter, NULL, wait_for_the_end, server);
    int waiting = run_either(server);
    pthread_join(waiter, NULL);
    report_of(server, &said);
    close_either(server);
    printf("requests %lld\nrefused %lld\nconnections %lld\nsystem calls %lld\n"
           "open %lld\nplaces %lld\nmemory %lld\nwaiting %d\ndescriptors %d\n",
           (long long)said.requests, (long long)said.refused, (long long)said.connections,
           (long long)said.system_calls, (long long)said.open, (long long)said.places,
           (long long)said.memory, waiting, open_descriptors() - before);
    return 0;
}
