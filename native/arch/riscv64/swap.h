/*
 * swap.h: a single stack swap. Chapter 03, RISC-V 64.
 *
 * Read x86_64-sysv/swap.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_RISCV64_SWAP_H
#define GREEN_THREADS_ARCH_RISCV64_SWAP_H

/* clang-format off: the columns are aligned by hand. */

__asm__(ASM_FUNCTION(stack_pointer)
    "   mv      a0, sp                  \n"
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
 *     void swap(struct swap_context *old, const struct swap_context *new);
 *               a0                        a1
 *
 * `call swap` left the return address in ra and not on the stack, so swap puts
 * it there itself; the word beside it keeps sp a multiple of 16. The new stack
 * is forged as on x86-64:
 *
 *     top        ────────────────────
 *     top - 8    nothing
 *     top - 16   struct swap_context      *old: swap stores our sp here
 *     top - 24   address of way_home      goes into ra
 *     top - 32   address of a function    ← new->sp: goes into t2
 *
 *     swap        two words off, jr t2      →  in the function, sp = top - 16
 *     function    runs, ret                 →  in way_home,     sp = top - 16
 *     way_home    sp and ra back, ret       →  after `call swap`, on the old stack
 *
 * Why t2 of all registers: the processor takes a jump through ra or t0 for a
 * return, and predicts that it goes where the latest call came from. And where
 * it insists on a landing pad behind each indirect jump, it does not insist
 * after a jump through t2: that one is for code that knows where it goes.
 */
__asm__(ASM_FUNCTION(swap)
    "   addi    sp,  sp, -0x10                          \n" LOWERED(0x10)
    "   sd      ra,  0x00(sp)                           \n" SAVED(ra, -0x10)
    "   sd      sp,  " AT(SWAP_CONTEXT_SP) "(a0)         \n"
    "   ld      sp,  " AT(SWAP_CONTEXT_SP) "(a1)         \n"
    "   ld      t2,  0x00(sp)                           \n" GOES_ON_BY(t2)
    "   ld      ra,  0x08(sp)                           \n"
    "   addi    sp,  sp, 0x10                           \n" LOWERED(0)
    "   jr      t2                                      \n"
    ASM_END(swap)
);

/* On entry sp is the address of the struct swap_context. */
__asm__(ASM_RETURNED_TO(way_home)
    "   ld      sp,  " AT(SWAP_CONTEXT_SP) "(sp)         \n" LOWERED(0x10) SAVED(ra, -0x10)
    "   ld      ra,  0x00(sp)                           \n" BACK(ra)
    "   addi    sp,  sp, 0x10                           \n" LOWERED(0)
    "   ret                                             \n"
    ASM_END(way_home)
);

#endif
