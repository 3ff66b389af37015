/*
 * The runner that stays: it makes call after call, and its variables keep their values.
 */
#ifndef LIVE_H
#define LIVE_H

#include "host.h"

/* A connection to a Unix socket; -1 if there is none. */
int connect_to(const char *path);

/* Loads the library and serves the caller until it goes.
 * report: where the report goes; function: one of the library's. */
_Noreturn void live_on(int report, const char *socket, const char *library, const char *function);

#endif
