/*
 * The runner's report. It is written from a signal handler too, on a stack of its own: nothing here
 * may allocate, lock or use stdio.
 */
#ifndef REPORT_H
#define REPORT_H

#include "host.h"

/* Where the report goes; below 0, nowhere yet. */
extern int report_fd;

/* Whether a part of it could not be written: the code may have closed its descriptor. */
extern int report_lost;

/* Where the library's code lies, once it is loaded. */
extern uintptr_t library_base, text_low, text_high;

/* Readies the pipe by which safe_read finds out what can be read; -1 if there is none. */
int prepare_report(void);

/* From now on what is said is kept in memory that the watcher sees too, and needs no descriptor. */
void begin_last_words(void);

/* These add to the line that flush_line writes; numbers are in hexadecimal except put_decimal's. */
void put_byte(char c);
void put(const char *text);
void put_hex(uint64_t value);
void put_decimal(int64_t value);
void put_words(const char *word, uint64_t a, uint64_t b);
void flush_line(void);

/* Writes memory, zeros where it can no longer be read. */
void put_memory(const char *from, size_t size);

/* Writes memory as a line `dump WHAT ADDRESS BYTES` for each 16 bytes that can be read. */
void put_dump(const char *what, uintptr_t from, size_t size);

/* The same for what lies right before the place whose address a slot of the stack holds. */
void put_dump_behind(const char *what, uintptr_t slot);

/* Copies memory, if all of it can be read. */
int copy_readable(void *to, uintptr_t from, size_t size);

/* A line `caller ADDRESS` if it is a return address into the library: whether it is one. */
int put_caller(uintptr_t address);

/* The same for what the stack holds from sp upwards. */
void put_callers(uintptr_t sp);

enum {
    STACKS_MAX = 4096,
    NAME_MAX_LENGTH = 48,
};

/* A stack that lab_stack has named; empty if it is forgotten. The watcher reads the runner's: it has
 * been forked, so they lie where its own do. */
struct stack {
    uintptr_t low;
    uintptr_t high;
    size_t guard;
    char name[NAME_MAX_LENGTH];
};
extern struct stack stacks[STACKS_MAX];
extern volatile unsigned stack_count;

void put_stack(uintptr_t low, uintptr_t high, size_t guard, const char *name);

/* A line for each stack that lab_stack has named. */
void put_stacks(void);

/* A line for each mapping of this process. */
void put_maps(void);

/* Chapter code says with this where its stacks are, so that a report can name them:
 *     void lab_stack(const char *name, void *low, size_t size, size_t guard) __attribute__((weak));
 *     if (lab_stack) { lab_stack("thread 1", low, size, guard); }
 * low is the lowest usable byte, guard the size of the guard page or pages below it. Size 0 forgets it.
 * A stack that was named with a guard keeps its name when it is named again without one. */
__attribute__((visibility("default"))) void lab_stack(const char *name, void *low, size_t size,
                                                      size_t guard);

/* A second descriptor of the same, out of the way of what the code opens; -1 if none is left. */
int move_up(int descriptor);

#endif
