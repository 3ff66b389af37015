/*
 * The names that the report uses for signals and their reasons; numbers differ between systems.
 */
#ifndef NAMES_H
#define NAMES_H

#include "host.h"

/* SIGSEGV, SIGRTMIN+3; "unknown" if there is none. The next call may overwrite it. */
const char *signal_name(int number);

/* Why the system says it has sent a signal: SEGV_MAPERR, SI_USER. */
const char *code_name(int signal, int code);

#endif
