/*
 * The call. The callee-saved registers get values of our own before it, and are looked at after it:
 * a function that does not restore one is found out, and cannot take the host with it.
 */
#ifndef CALL_H
#define CALL_H

#include "host.h"

enum {
    REGISTER_ARGUMENTS_MAX = 12, /* integers and pointers; the assembly knows the number */
    FLOAT_ARGUMENTS_MAX = 8,
    SAVED_MAX = 20,
};

struct call {
    void *function;
    uint64_t integers[REGISTER_ARGUMENTS_MAX];
    uint64_t floats[FLOAT_ARGUMENTS_MAX];
    uint64_t stack_arguments; /* not zero: some integers go on the stack */
    uint64_t float_count;
    uint64_t result;
    uint64_t float_result;
    uint64_t expected[SAVED_MAX]; /* callee-saved registers before the call ... */
    uint64_t found[SAVED_MAX];    /* ... and after it */
    uint64_t integer_count;
};

/* Adds an argument to a call that is zero at first. */
void pass(struct call *call, char kind, uint64_t value);

/* Makes the call. Calls at the same time need different lanes, below LANES: where one stands is kept
 * in its lane, not on the stack, since the function may come back with any stack pointer. */
void make_call(unsigned lane, struct call *call);

/* The callee-saved registers' names. The first SAVED_OWN get values of our own; the last two are the
 * frame pointer and the stack pointer. */
extern const char *const SAVED[SAVED_MAX];
#if defined(__x86_64__)
enum { SAVED_OWN = 5, SAVED_COUNT = 7 };
#else
enum { SAVED_OWN = 18, SAVED_COUNT = 20 };
#endif

#endif
