/*
 * The trace: the watcher steps the runner (Linux only).
 */
#ifndef TRACER_H
#define TRACER_H

#include "host.h"

/* Reads STEPS START-END ... from the command line; -1 if that makes no sense, or cannot be done. */
int ask_for_trace(char **words, int count, const struct argument *arguments,
                  unsigned argument_count);

/* The runner, when it has loaded the library: lets itself be traced if a trace was asked for. */
void offer_trace(void);

/* The watcher, when the runner has stopped for a signal: lets it go on. */
void on_stop(pid_t runner, int number);

/* The watcher, when the runner has ended: sends what was recorded. */
void send_trace(void);

#endif
