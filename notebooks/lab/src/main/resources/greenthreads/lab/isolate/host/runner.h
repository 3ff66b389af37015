/*
 * The runner: the process that loads the library and makes the call.
 */
#ifndef RUNNER_H
#define RUNNER_H

#include "host.h"

/* Says why there can be no call, and ends this process. */
_Noreturn void fail(const char *text);

struct loaded {
    void *library;  /* for dlsym */
    void *function; /* the function that was asked for */
};

/* Prepares this process and loads the library into it.
 * report: where the report goes; function: one of the library's. */
struct loaded load(int report, const char *library, const char *function);

/* Makes the call, reports, and ends this process. */
_Noreturn void run(int report, const char *library, const char *function, const char *signature,
                   const struct argument *arguments);

#endif
