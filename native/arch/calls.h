/*
 * calls.h: where arguments and results travel. Chapter 02.
 *
 * Each machine also defines
 *
 *     struct arguments     where the arguments of one call were found
 *     SAVE_ONE, RESTORE_ONE, DOUBLE_IN_ONE
 *                          assembly: pushes a callee-saved register; pops it;
 *                          computes twice the argument in it, as the result
 */
#ifndef GREEN_THREADS_ARCH_CALLS_H
#define GREEN_THREADS_ARCH_CALLS_H

/* clang-format off: the columns are aligned by hand. */

struct arguments;

/* Stores its ten arguments in *out, from where the caller put them. The first
   argument is `out` itself. */
void record_arguments(struct arguments *out, long b, long c, long d, long e,
                      long f, long g, long h, long i, long j);

/* values[index] + 1, twice: in the Intel and in the AT&T dialect. An
   architecture with one dialect has one function under both names. */
long next_intel(const long *values, long index);
long next_att(const long *values, long index);

/* Puts `whole` into the result register, then writes `value` into a part of
   it: all 64 bits, the low 32, the low 16, the second lowest 8, the lowest 8.
   Returns all that is then in the register. */
uint64_t write_64(uint64_t whole, uint64_t value);
uint64_t write_32(uint64_t whole, uint64_t value);
uint64_t write_16(uint64_t whole, uint64_t value);
uint64_t write_high_8(uint64_t whole, uint64_t value);
uint64_t write_low_8(uint64_t whole, uint64_t value);

#endif
