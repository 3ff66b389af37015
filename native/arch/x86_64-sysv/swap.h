/*
 * swap.h: a single stack swap. Chapter 03, x86-64 System V.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_SYSV_SWAP_H
#define GREEN_THREADS_ARCH_X86_64_SYSV_SWAP_H

/* clang-format off: the columns are aligned by hand. */

__asm__(ASM_FUNCTION(stack_pointer)
    "   lea     rax, [rsp + 8]          \n" // without our return address
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
 * A new stack, as its maker forges it (top is a multiple of 16):
 *
 *     top        ────────────────────
 *     top - 8    nothing
 *     top - 16   struct swap_context      *old: swap stores our rsp here
 *     top - 24   address of way_home      the function's return address
 *     top - 32   address of a function    ← new->sp: swap's `ret` goes there
 *
 *     swap        rsp = top - 32,  ret     →  in the function, rsp = top - 24
 *     function    runs,            ret     →  in way_home,     rsp = top - 16
 *     way_home    pop rsp,         ret     →  after `call swap`, on the old stack
 *
 * At its first instruction the function finds rsp ≡ 8 (mod 16), as after any
 * `call`, and above rsp a return address, as after any `call`.
 *
 * Not saved, and why the ABI allows it: the caller-saved registers, since swap
 * is called like any function; and here also the callee-saved ones, since the
 * function that wakes up on the new stack is an ordinary one, which puts them
 * back before it returns, and comes home exactly once. As soon as both sides
 * go on, each must keep its own: that is what chapter 05's switch adds.
 *
 * A processor with a shadow stack in force (the other part of CET) keeps a second
 * copy of each return address on a stack that a `mov` cannot write, and faults
 * where the two differ. swap's `ret` would: who wants both has to switch shadow
 * stacks as well, by `rstorssp` and `saveprevssp`. Compilers that protect by
 * default mark a program as ready for it (SHSTK in its file) without looking
 * into assembly. Linux has shadow stacks for programs from 6.6 on, and leaves
 * them off until the program or its C library asks.
 */

/*
 *     void swap(struct swap_context *old, const struct swap_context *new);
 *               rdi                       rsi
 *
 *     state kept   where               why
 *     rsp          old->sp             it is the stack
 *     rip          on the old stack    `call swap` pushed it there
 *
 * rip needs no slot of its own: `ret` takes it from whichever stack rsp is on.
 */
__asm__(ASM_FUNCTION(swap)
    "   mov     [rdi + " AT(SWAP_CONTEXT_SP) "], rsp    \n"
    "   mov     rsp, [rsi + " AT(SWAP_CONTEXT_SP) "]    \n"
    "   ret                                             \n"
    ASM_END(swap)
);

/* Behind `pop rsp` the caller is whoever called swap, and all is as usual. */
#if defined PLAIN
#define ON_THE_OLD_STACK
#else
#define ON_THE_OLD_STACK "   .cfi_restore rip\n"
#endif

/* On entry rsp points at the struct swap_context, whose first field is sp. */
__asm__(ASM_RETURNED_TO(way_home)
    "   pop     rsp                                     \n" ON_THE_OLD_STACK
    "   ret                                             \n"
    ASM_END(way_home)
);
_Static_assert(SWAP_CONTEXT_SP == 0, "way_home pops the first field");

#endif
