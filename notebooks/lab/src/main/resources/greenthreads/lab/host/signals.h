/*
 * What a crash says of itself: the signal, the registers, the memory around, in the report.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include "host.h"

/* How far the runner is: start, load, call, result, done. */
extern const char *volatile phase;

/* From now on this process reports a signal that would end it, and a call of exit. */
void catch_signals(void);

/* As much for the calling thread: its handlers run on a stack of their own. */
void take_signals_aside(void);

/* Back to what the system does by itself with all of them, none blocked. */
void forget_signals(void);

/* The names that the report uses; numbers differ between systems. */
const char *signal_name(int number);

#endif
