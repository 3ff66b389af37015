/*
 * swap.h: a single stack swap. Chapter 03, AArch64.
 *
 * Read x86_64-sysv/swap.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_AARCH64_SWAP_H
#define GREEN_THREADS_ARCH_AARCH64_SWAP_H

/* clang-format off: the columns are aligned by hand. */

__asm__(ASM_FUNCTION(stack_pointer)
    "   mov     x0, sp                  \n"
    "   ret                             \n"
    ASM_END(stack_pointer)
);

/* The smallest context there is: all that swap keeps of a sleeping stack. */
struct swap_context {
    uint64_t sp;
};

#define SWAP_CONTEXT_SP 0x00
_Static_assert(offsetof(struct swap_context, sp) == SWAP_CONTEXT_SP, "");

/*
 * The new stack is forged as on x86-64:
 *
 *     top        ────────────────────
 *     top - 8    nothing
 *     top - 16   struct swap_context      *old: swap stores our sp here
 *     top - 24   address of way_home      goes into x30
 *     top - 32   address of a function    ← new->sp: goes into x16
 *
 *     swap        ldp, ret x16              →  in the function, sp = top - 16
 *     function    runs, ret                 →  in way_home,     sp = top - 16
 *     way_home    sp and x30 back, ret      →  after `bl swap`, on the old stack
 *
 * `ret x16` jumps to x16, and like every `ret` needs no `bti` at its target,
 * which `br` would. x29 is not touched: to a debugger the function on the new
 * stack looks as if swap's caller had called it.
 */

/*
 *     void swap(struct swap_context *old, const struct swap_context *new);
 *               x0                        x1
 *
 *     state kept   where               why
 *     sp           old->sp             it is the stack
 *     x30          on the old stack    where to go on: `bl swap` left it there
 *     x29          on the old stack    it fills the pair that sp = 0 (mod 16) demands
 */
__asm__(ASM_FUNCTION(swap)
    "   stp     x29, x30, [sp, #-0x10]!                     \n" LOWERED(0x10) SAVED(x29, x30, -0x10)
    "   mov     x9,  sp                                     \n"
    "   str     x9,       [x0, #" AT(SWAP_CONTEXT_SP) "]    \n"
    "   ldr     x9,       [x1, #" AT(SWAP_CONTEXT_SP) "]    \n"
    "   mov     sp,  x9                                     \n" BACK(x29, x30) GOES_ON_AT(-0x10)
    "   ldp     x16, x30, [sp], #0x10                       \n" LOWERED(0) GOES_ON_BY(x16)
    "   ret     x16                                         \n"
    ASM_END(swap)
);

/* On entry sp is the address of the struct swap_context. */
__asm__(ASM_RETURNED_TO(way_home)
    "   ldr     x9,       [sp, #" AT(SWAP_CONTEXT_SP) "]    \n"
    "   mov     sp,  x9                                     \n" LOWERED(0x10) SAVED(x29, x30, -0x10)
    "   ldp     x29, x30, [sp], #0x10                       \n" LOWERED(0) BACK(x29, x30)
    "   ret                                                 \n"
    ASM_END(way_home)
);

#endif
