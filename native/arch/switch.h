/*
 * switch.h: there and back. Chapters 05 and 06.
 *
 * Each machine also defines
 *
 *     struct context       sp, and the callee-saved registers
 *     TRAMPOLINE_ARGUMENT, TRAMPOLINE_FUNCTION
 *                          members of it, for trampoline
 *     SP_AT_ENTRY          sp modulo STACK_ALIGNMENT where a function begins
 *     HOME_WORDS           words above its return address that a function may
 *                          use as its own: 0, unless the machine says otherwise
 *     new_context(sp, low, high)
 *                          the struct context of a stack from low to high that
 *                          has never run: it begins at sp. Who is switched to it
 *                          for the first time finds 0 in all other registers
 */
#ifndef GREEN_THREADS_ARCH_SWITCH_H
#define GREEN_THREADS_ARCH_SWITCH_H

/* clang-format off: the columns are aligned by hand. */

struct context;

/* Leaves the running stack and goes on with another one. Stores sp and the
   callee-saved registers in *old, loads them from *new, and returns to where
   *new was left. Returns to its own caller when something switches to *old.
   The two may be the same: everything is stored before anything is loaded. */
void switch_context(struct context *old, const struct context *new);

/* Entered in place of a function's return: goes to the address in the word at
   the top of the stack, above HOME_WORDS others, and takes that word off. A
   thread's function returns to it; chapter 06 says what it is good for. */
void skip(void);

/* Never called, switched to: where a side begins that is given an argument.
   Goes to the function whose address is in TRAMPOLINE_FUNCTION, with what is
   in TRAMPOLINE_ARGUMENT as its first argument. */
void trampoline(void);

#endif
