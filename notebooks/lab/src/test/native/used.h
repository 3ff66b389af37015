/*
 * used.h: what the servers in C say of their processor time, to servers.py. Behind 12-waiting.c.
 */
static long long microseconds(struct timeval t) {
    return t.tv_sec * 1000000LL + t.tv_usec;
}

/* The processor time that the process has had, by the system's own account. */
static void say_what_was_used(void) {
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    printf("used %lld %lld\n", microseconds(used.ru_utime), microseconds(used.ru_stime));
    fflush(stdout);
}
