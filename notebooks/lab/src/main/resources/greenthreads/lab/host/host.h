/*
 * What all of the host's files know. Included first: it says which of the system's names are wanted.
 */
#ifndef HOST_H
#define HOST_H

#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#else
#define _GNU_SOURCE
#endif

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "The host knows x86-64 and AArch64 only."
#endif

enum {
    FATAL_EXIT = 127, /* the host's own failure */
};

/* One of the call's arguments, as it came on standard input. */
struct argument {
    char kind;          /* as on standard input: 0 null, 1 and 2 memory, 3 an offset */
    char *memory;       /* 1, 2: the copy */
    size_t size;        /* 1, 2 */
    uint64_t value;     /* anything else: the number, or the offset */
};

#endif
