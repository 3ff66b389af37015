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

/* How far the runner is. */
enum phase { START, LOAD, IDLE, CALL, RESULT, DONE, PHASES };

enum {
    LANES = 8,                /* calls that can be under way at the same time */
    LAST_WORDS_MAX = 8 << 20, /* memory that is only taken when it is written to */
};

/* What watcher and runner both see. The runner may write anything into it at any time: the watcher
 * believes nothing of it that could hurt. */
struct shared {
    volatile int phase;
    /* The runner's number where the caller is; 0 if it has not said it. */
    volatile int known_as;
    /* A runner that lives on: when each lane's call began, 0 if there is none; and how much processor
     * time was used by then. Milliseconds. */
    volatile int64_t since[LANES];
    volatile int64_t used[LANES];
    volatile int copy_returned; /* a child that the code has forked has come back from the call too */
    /* What the runner says of its end. Its descriptors may be closed by then. */
    volatile size_t last_words_size;
    char last_words[LAST_WORDS_MAX];
};

extern struct shared *shared;

/* The phase's name, whatever the number. */
const char *phase_name(void);

int64_t now_ms(void);

/* One of the call's arguments, as it came on standard input. */
struct argument {
    char kind;          /* as on standard input: 0 null, 1 and 2 memory, 3 an offset */
    char *memory;       /* 1, 2: the copy */
    size_t size;        /* 1, 2 */
    uint64_t value;     /* anything else: the number, or the offset */
};

#endif
