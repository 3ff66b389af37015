/*
 * The watcher: the process that waits for the runner, and ends it and all that came from it.
 */
#ifndef WATCHER_H
#define WATCHER_H

#include "host.h"

/* What the runner is read from: its standard output, its standard error, and its report. */
enum { OUT, ERR, REPORT, CHANNELS };

/* Makes sure that the runner's end will be noticed, whatever comes first; -1 if it cannot. To be
 * called before there is a runner. */
int prepare_watch(void);

/* In the runner: nothing of the watcher's is left. */
void forget_watch(void);

/* Copies until the runner has ended, its pipes are empty, and everything is sent.
 * lives_on: the limit is each call's, not the whole runner's; channels: -1 for one that there is not;
 * limit: how long it may take, in milliseconds */
void watch(pid_t runner, int lives_on, const int channels[CHANNELS], int64_t limit);

/* A pipe whose ends no program inherits and whose reading end does not block; -1 if there is none. */
int make_pipe(int fds[2]);

#endif
