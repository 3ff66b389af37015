/*
 * What the report has to know of the processor.
 */
#ifndef PROCESSOR_H
#define PROCESSOR_H

#include "host.h"

struct place {
    uintptr_t pc;
    uintptr_t sp;
    uintptr_t link; /* AArch64: the link register */
};

/* A line for each register that a signal's context holds, and where that was. */
struct place put_registers(void *context);

/* A return address as it was before a function signed it (AArch64, where the processor can). */
uintptr_t without_signature(uintptr_t address);

/* Whether an address lies right behind a call. */
int follows_a_call(uintptr_t address);

/* A handler begins with what the code has left: here it gets back what C needs of the processor, the
 * thread pointer (expected; 0: not known) and accesses that need not be aligned. Touches no variable
 * of the thread's own. The thread pointer that was found. */
uintptr_t put_processor_right(uintptr_t expected);

/* The thread pointer as it is; 0 where it cannot be told or lost. */
uintptr_t thread_pointer(void);

/* The thread's number, without any help of the C library's. */
long thread_number(void);

#endif
