/*
 * epoll.h: events.h for Linux.
 */
#ifndef GREEN_THREADS_WAIT_EPOLL_H
#define GREEN_THREADS_WAIT_EPOLL_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* EPOLLET: once for each change. EPOLLPRI, as a byte out of order (MSG_OOB) ends a read
   early: then a short read does not say that there is no more. */
enum { ALL_CHANGES = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI };
enum { AT_AN_END = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI };

static int tell_epoll(struct events *e, int fd, uint32_t changes, uint64_t name) {
    struct epoll_event wanted = {.events = changes | (uint32_t)EPOLLET, .data.u64 = name};
    return epoll_ctl(e->queue, EPOLL_CTL_ADD, fd, &wanted) == 0 ? 0 : errno;
}

static int watch_descriptor(struct events *e, int fd, uint64_t name) {
    return tell_epoll(e, fd, ALL_CHANGES, name);
}

/* The bell is a number that is added to. As each change is told, nobody has to read it. */
static int open_events(struct events *e) {
    e->queue = epoll_create1(EPOLL_CLOEXEC);
    if (e->queue < 0)
        return errno;
    e->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = e->bell < 0 ? errno : tell_epoll(e, e->bell, EPOLLIN, 0);
    if (error != 0)
        close_events(e);
    return error;
}

static void close_events(struct events *e) {
    close(e->queue);
    if (e->bell >= 0)
        close(e->bell);
}

static void ring_bell(const struct events *e) {
    uint64_t one = 1;
    while (write(e->bell, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* epoll_wait counts in milliseconds. A short wait is to be as exact as the system can:
   ppoll waits for the queue itself to have something, and counts in nanoseconds. */
static int wait_for_epoll(struct events *e, struct epoll_event *told, int64_t ns) {
    enum { MILLISECOND = 1000000, SHORT = 100 * MILLISECOND };
    int ms = -1;
    if (ns > 0 && ns < SHORT) {
        struct timespec left = {.tv_sec = 0, .tv_nsec = (long)ns};
        struct pollfd queue = {.fd = e->queue, .events = POLLIN};
        if (ppoll(&queue, 1, &left, NULL) <= 0)
            return 0;
        ms = 0;
    } else if (ns != FOR_EVER)
        ms = ns / MILLISECOND < INT32_MAX ? (int)((ns + MILLISECOND - 1) / MILLISECOND) : INT32_MAX;
    return epoll_wait(e->queue, told, MOST_EVENTS, ms);
}

static int next_events(struct events *e, struct event *out, int64_t ns) {
    struct epoll_event told[MOST_EVENTS];
    int count = wait_for_epoll(e, told, ns);
    for (int i = 0; i < count; i++) {
        uint32_t events = told[i].events;
        out[i].name = told[i].data.u64;
        out[i].ended = (events & AT_AN_END) != 0;
        out[i].readable = (events & EPOLLIN) != 0 || out[i].ended;
        out[i].writable = (events & EPOLLOUT) != 0 || (events & (EPOLLHUP | EPOLLERR)) != 0;
    }
    return count < 0 ? 0 : count;
}

static int new_descriptor(int family) {
    return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int accept_descriptor(int listener) {
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

#endif
