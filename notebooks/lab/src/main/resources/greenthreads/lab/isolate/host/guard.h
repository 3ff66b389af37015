/*
 * The guard: the process around watcher and runner.
 */
#ifndef GUARD_H
#define GUARD_H

#include "host.h"

/* Returns 0 in a new process, the watcher; -1 if there can be none. The process that called it stays
 * around it: it wakes the watcher if that is stopped, and when it has ended, ends whatever is left of
 * all that came from it, and exits with its status. socket: what is to be removed by then, with the
 * folder that it lies in; or NULL.
 *
 * Where Linux allows it the watcher is the first process of a namespace of processes: nobody in it can
 * stop or kill the first one, or reach a process outside, and with the first one all others end. */
int guard(const char *socket);

#endif
