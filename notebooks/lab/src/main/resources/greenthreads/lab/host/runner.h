/*
 * The runner: the process that loads the library and makes the call.
 */
#ifndef RUNNER_H
#define RUNNER_H

#include "host.h"

/* Makes the call, reports, and ends this process.
 * report: where the report goes. */
_Noreturn void run(int report, const char *library, const char *function, const char *signature,
                   const struct argument *arguments);

#endif
