/*
 * switch.h: there and back. Chapters 05 and 06, AArch64.
 *
 * Read x86_64-sysv/switch.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_AARCH64_SWITCH_H
#define GREEN_THREADS_ARCH_AARCH64_SWITCH_H

/* clang-format off: the columns are aligned by hand. */

/* Of the vector registers, the callee owns the lower halves of eight. */
struct context {
    uint64_t sp;
    uint64_t x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, x29;
    uint64_t d8, d9, d10, d11, d12, d13, d14, d15;
};

#define CONTEXT_SP 0x00
#define CONTEXT_X(n) (8 * (n - 18))
#define CONTEXT_D(n) (0x60 + 8 * (n - 8))

#define HOLDS(member, offset)                                                  \
    _Static_assert(offsetof(struct context, member) == (offset),               \
                   #member " is not where the switch looks for it")
HOLDS(sp, CONTEXT_SP);
HOLDS(x19, CONTEXT_X(19));
HOLDS(x20, CONTEXT_X(20));
HOLDS(x21, CONTEXT_X(21));
HOLDS(x22, CONTEXT_X(22));
HOLDS(x23, CONTEXT_X(23));
HOLDS(x24, CONTEXT_X(24));
HOLDS(x25, CONTEXT_X(25));
HOLDS(x26, CONTEXT_X(26));
HOLDS(x27, CONTEXT_X(27));
HOLDS(x28, CONTEXT_X(28));
HOLDS(x29, CONTEXT_X(29));
HOLDS(d8, CONTEXT_D(8));
HOLDS(d9, CONTEXT_D(9));
HOLDS(d10, CONTEXT_D(10));
HOLDS(d11, CONTEXT_D(11));
HOLDS(d12, CONTEXT_D(12));
HOLDS(d13, CONTEXT_D(13));
HOLDS(d14, CONTEXT_D(14));
HOLDS(d15, CONTEXT_D(15));
#undef HOLDS
_Static_assert(sizeof(struct context) == 0xa0, "no gap, nothing after d15");

#define SP_AT_ENTRY 0

/*
 *     void switch_context(struct context *old, const struct context *new);
 *                         x0                   x1
 *
 *     state kept             where              why
 *     sp                     old->sp            it is the stack
 *     x19 … x29, d8 … d15    old, by name       our caller was promised them
 *     pc                     on the old stack   x30 had it, and we put it there
 *
 * A pair waits at sp: where to go on, and what x30 shall hold by then. To who
 * comes back the second is nothing new, so x30 is stored twice, and sp keeps to
 * its multiples of 16. So the new stack is the one of x86-64, word by word:
 *
 *     top        ────────────────────
 *     top - 8    nothing
 *     top - 16   guard
 *     top - 24   skip                  goes into x30
 *     top - 32   a function            ← sp: goes into x16, and is jumped to
 *
 *     switch_context   ldp, ret x16    →  in the function, sp = top - 16
 *     function         runs, ret       →  in skip,         sp = top - 16
 *     skip             ldp, ret x16    →  in guard,        sp = top
 *
 * Pairs keep sp a multiple of 16, and the processor insists on it: an access
 * through an sp that is not one faults. There is no such thing here as
 * guard running misaligned.
 */
__asm__(ASM_FUNCTION(switch_context)
    "   stp     x30, x30, [sp, #-0x10]!                 \n" LOWERED(0x10) GOES_ON_AT(-0x10)
    "   mov     x9,  sp                                 \n"
    "   str     x9,       [x0, #" AT(CONTEXT_SP)    "]  \n"
    "   stp     x19, x20, [x0, #" AT(CONTEXT_X(19)) "]  \n"
    "   stp     x21, x22, [x0, #" AT(CONTEXT_X(21)) "]  \n"
    "   stp     x23, x24, [x0, #" AT(CONTEXT_X(23)) "]  \n"
    "   stp     x25, x26, [x0, #" AT(CONTEXT_X(25)) "]  \n"
    "   stp     x27, x28, [x0, #" AT(CONTEXT_X(27)) "]  \n"
    "   str     x29,      [x0, #" AT(CONTEXT_X(29)) "]  \n"
    "   stp     d8,  d9,  [x0, #" AT(CONTEXT_D(8))  "]  \n"
    "   stp     d10, d11, [x0, #" AT(CONTEXT_D(10)) "]  \n"
    "   stp     d12, d13, [x0, #" AT(CONTEXT_D(12)) "]  \n"
    "   stp     d14, d15, [x0, #" AT(CONTEXT_D(14)) "]  \n"
    "   ldr     x9,       [x1, #" AT(CONTEXT_SP)    "]  \n"
    "   mov     sp,  x9                                 \n" IN_NEW(nothing) // from here on the other stack
    "   ldp     x19, x20, [x1, #" AT(CONTEXT_X(19)) "]  \n"
    "   ldp     x21, x22, [x1, #" AT(CONTEXT_X(21)) "]  \n"
    "   ldp     x23, x24, [x1, #" AT(CONTEXT_X(23)) "]  \n"
    "   ldp     x25, x26, [x1, #" AT(CONTEXT_X(25)) "]  \n"
    "   ldp     x27, x28, [x1, #" AT(CONTEXT_X(27)) "]  \n"
    "   ldr     x29,      [x1, #" AT(CONTEXT_X(29)) "]  \n"
    "   ldp     d8,  d9,  [x1, #" AT(CONTEXT_D(8))  "]  \n"
    "   ldp     d10, d11, [x1, #" AT(CONTEXT_D(10)) "]  \n"
    "   ldp     d12, d13, [x1, #" AT(CONTEXT_D(12)) "]  \n"
    "   ldp     d14, d15, [x1, #" AT(CONTEXT_D(14)) "]  \n"
    "   ldp     x16, x30, [sp], #0x10                   \n" LOWERED(0) GOES_ON_BY(x16)
    "   ret     x16                                     \n"
    ASM_END(switch_context)
);

/* Here it needs two: the address it takes comes with a companion. */
__asm__(ASM_RETURNED_TO(skip)
    "   ldp     x16, x30, [sp], #0x10   \n"
    "   ret     x16                     \n"
    ASM_END(skip)
);

/* x16: a function that expects to be called may be jumped to through it. */
__asm__(ASM_FUNCTION(trampoline)
    "   mov     x0,  x19                \n"
    "   mov     x16, x20                \n"
    "   br      x16                     \n"
    ASM_END(trampoline)
);

#define TRAMPOLINE_ARGUMENT x19
#define TRAMPOLINE_FUNCTION x20

#endif
