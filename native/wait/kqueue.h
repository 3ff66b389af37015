/*
 * kqueue.h: events.h for macOS. Read epoll.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_WAIT_KQUEUE_H
#define GREEN_THREADS_WAIT_KQUEUE_H

#include <sys/event.h>

/* EV_CLEAR: once for each change. Reading and writing are two filters here, and they are
   told of in two events. */
static int watch_descriptor(struct events *e, int fd, uint64_t name) {
    struct kevent wanted[2];
    EV_SET(&wanted[0], fd, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0, (void *)(uintptr_t)name);
    EV_SET(&wanted[1], fd, EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0, (void *)(uintptr_t)name);
    return kevent(e->queue, wanted, 2, NULL, 0, NULL) == 0 ? 0 : errno;
}

/* The bell is an event of the queue's own, and no descriptor. */
static int open_events(struct events *e) {
    struct kevent bell;
    EV_SET(&bell, 0, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0, NULL);
    e->bell = -1;
    e->queue = kqueue();
    if (e->queue < 0)
        return errno;
    int error = kevent(e->queue, &bell, 1, NULL, 0, NULL) == 0 ? 0 : errno;
    if (error == 0 && fcntl(e->queue, F_SETFD, FD_CLOEXEC) != 0)
        error = errno;
    if (error != 0)
        close_events(e);
    return error;
}

static void close_events(struct events *e) {
    close(e->queue);
}

static void ring_bell(const struct events *e) {
    struct kevent bell;
    EV_SET(&bell, 0, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
    while (kevent(e->queue, &bell, 1, NULL, 0, NULL) < 0 && errno == EINTR)
        ;
}

static int next_events(struct events *e, struct event *out, int64_t ns) {
    enum { SECOND = 1000000000 };
    struct kevent told[MOST_EVENTS];
    struct timespec left = {.tv_sec = (time_t)(ns / SECOND), .tv_nsec = (long)(ns % SECOND)};
    int count = kevent(e->queue, NULL, 0, told, MOST_EVENTS, ns == FOR_EVER ? NULL : &left);
    for (int i = 0; i < count; i++) {
        bool ended = (told[i].flags & (EV_EOF | EV_ERROR)) != 0;
        out[i].name = (uint64_t)(uintptr_t)told[i].udata;
        out[i].ended = ended;
        out[i].readable = told[i].filter == EVFILT_READ || ended;
        out[i].writable = told[i].filter == EVFILT_WRITE;
    }
    return count < 0 ? 0 : count;
}

/* What Linux does in one call. -1 if it does not work, and the descriptor is closed. */
static int as_we_want_it(int fd) {
    int yes = 1;
    if (fd < 0)
        return -1;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &yes, sizeof yes) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int new_descriptor(int family) {
    return as_we_want_it(socket(family, SOCK_STREAM, 0));
}

/* A connection that is gone already is told of as a wrong argument when it is set up. */
static int accept_descriptor(int listener) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0)
        return -1;
    fd = as_we_want_it(fd);
    if (fd < 0 && errno == EINVAL)
        errno = ECONNABORTED;
    return fd;
}

#endif
