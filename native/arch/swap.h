/*
 * swap.h: a single stack swap. Chapter 03.
 *
 * Each machine also defines
 *
 *     struct swap_context  what swap keeps of a stack that is not running
 */
#ifndef GREEN_THREADS_ARCH_SWAP_H
#define GREEN_THREADS_ARCH_SWAP_H

/* clang-format off: the columns are aligned by hand. */

struct swap_context;

/* The stack pointer of the caller. */
uint64_t stack_pointer(void);

/* Leaves the running stack, its sp stored in *old, and wakes up on the stack
   whose sp is in *new. Returns only when something swaps back to *old. What
   lies at new->sp must be a stack that swap left, or one forged to look so:
   see the drawing beside it. */
void swap(struct swap_context *old, const struct swap_context *new);

/* Never called: a forged return address. Returned to with sp at a struct
   swap_context, it goes back to the stack that this context describes. */
void way_home(void);

#endif
