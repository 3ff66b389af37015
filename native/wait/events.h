/*
 * events.h: what has happened outside? Chapter 12.
 *
 * The system is told once of each descriptor, and from then on says when something has
 * changed: there is more to read, there is room to write again, the other side has gone.
 * It says so once for each change, and not for as long as it lasts. So whoever was told
 * "readable" reads until there is nothing left before it asks again.
 *
 * Two files keep these promises: epoll.h for Linux, kqueue.h for macOS. What may fail
 * returns 0, or the system's number for what went wrong (errno).
 */
#ifndef GREEN_THREADS_WAIT_EVENTS_H
#define GREEN_THREADS_WAIT_EVENTS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* One for each runtime. */
struct events {
    int queue; /* the system's list of what has happened */
    int bell;  /* so that another OS thread can end a wait */
};

/* What has changed for one descriptor. */
struct event {
    uint64_t name; /* that it was given; 0: somebody has rung the bell */
    bool readable, writable;
    bool ended; /* nothing more will come, or something went wrong: readable for ever */
};

/* At most so many are fetched at a time. */
enum { MOST_EVENTS = 256 };
enum { FOR_EVER = -1 };

static int open_events(struct events *e);
static void close_events(struct events *e);

/* Tells the system of a descriptor; what is so already counts as a change. It forgets
   the descriptor when that is closed. `name` is not 0. */
static int watch_descriptor(struct events *e, int fd, uint64_t name);

/* Waits until something has happened, but no longer than so many nanoseconds, or
   FOR_EVER. Returns how many events it wrote; 0 also if a signal came. */
static int next_events(struct events *e, struct event *out, int64_t ns);

/* Ends the wait that goes on, or the next one. Any OS thread may do this. */
static void ring_bell(const struct events *e);

/* A socket, and a connection that has come in: calls on them never wait, and no program
   that is started inherits them. A descriptor; or -1, and errno says why. */
static int new_descriptor(int family);
static int accept_descriptor(int listener);

/* So that a connection that is gone is an error, and no signal. */
#ifdef __APPLE__
enum { SEND_FLAGS = 0 }; /* there it is a property of the socket */
#else
enum { SEND_FLAGS = MSG_NOSIGNAL };
#endif

#ifdef __APPLE__
#include "kqueue.h"
#else
#include "epoll.h"
#endif

#endif
