/*
 * What a crash says of itself: the signal, the registers, the memory around, in the report.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include "host.h"

#include <setjmp.h>

/* From now on this process reports a signal that would end it, and a call of exit. */
void catch_signals(void);

/* The calling thread is one that makes calls: its handlers run on a stack of their own. -1 if there
 * is no memory for it. */
int take_signals_aside(void);

/* Until it is called with NULL, a fault of this thread is not reported but jumps there. */
void return_on_fault(sigjmp_buf *to);

/* Back to what the system does by itself with all of them, none blocked. */
void forget_signals(void);

/* Ends this process if it is a child that the code has forked: the call has returned in it too, and
 * only the runner's own return counts. */
void end_a_copy(void);

#endif
