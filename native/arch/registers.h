/*
 * registers.h: the registers, seen. Chapter 02.
 *
 * Each machine also defines
 *
 *     struct registers     one uint64_t for each register
 *     REGISTER_NAMES       its members, in order, as strings
 */
#ifndef GREEN_THREADS_ARCH_REGISTERS_H
#define GREEN_THREADS_ARCH_REGISTERS_H

/* clang-format off: the columns are aligned by hand. */

struct registers;

/* Stores every register in *out as it is now. sp and pc are the caller's own:
   where its stack pointer stands, and where it goes on after this call. The
   register that carries the argument holds `out`. */
void capture(struct registers *out);

/* Loads the registers from *before, calls function, and stores in *after what
   the call left of them. Returns with every callee-saved register as it was,
   even if `function` did not keep the rules. Not loaded: sp, pc, the flags,
   and what the processor or the system keeps for itself. */
void call_planted(void (*function)(void), const struct registers *before,
                  struct registers *after);

/* Overwrites every register that a function may overwrite. Legal. */
void overwrite_caller_saved(void);

/* Overwrites one callee-saved register. Illegal: only for call_planted. */
void break_a_promise(void);

#endif
