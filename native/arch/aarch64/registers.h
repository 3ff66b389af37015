/*
 * registers.h: the registers, captured and planted. Chapter 02, AArch64.
 *
 * Read x86_64-sysv/registers.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_AARCH64_REGISTERS_H
#define GREEN_THREADS_ARCH_AARCH64_REGISTERS_H

/* clang-format off: the columns are aligned by hand. */

struct registers {
    uint64_t x0, x1, x2, x3, x4, x5, x6, x7;
    uint64_t x8, x9, x10, x11, x12, x13, x14, x15;
    uint64_t x16, x17, x18, x19, x20, x21, x22, x23;
    uint64_t x24, x25, x26, x27, x28, x29, x30;
    uint64_t sp, pc, nzcv;
};

#define REGISTER_NAMES                                                         \
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",  \
    "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",      \
    "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp", "pc", \
    "nzcv"

#define REGISTERS_X(n) (8 * n)
#define REGISTERS_SP 0xf8
#define REGISTERS_PC 0x100
#define REGISTERS_NZCV 0x108

#define HOLDS(member, offset)                                                  \
    _Static_assert(offsetof(struct registers, member) == (offset),             \
                   #member " is not where the assembly looks for it")
HOLDS(x0, REGISTERS_X(0));
HOLDS(x1, REGISTERS_X(1));
HOLDS(x2, REGISTERS_X(2));
HOLDS(x3, REGISTERS_X(3));
HOLDS(x4, REGISTERS_X(4));
HOLDS(x5, REGISTERS_X(5));
HOLDS(x6, REGISTERS_X(6));
HOLDS(x7, REGISTERS_X(7));
HOLDS(x8, REGISTERS_X(8));
HOLDS(x9, REGISTERS_X(9));
HOLDS(x10, REGISTERS_X(10));
HOLDS(x11, REGISTERS_X(11));
HOLDS(x12, REGISTERS_X(12));
HOLDS(x13, REGISTERS_X(13));
HOLDS(x14, REGISTERS_X(14));
HOLDS(x15, REGISTERS_X(15));
HOLDS(x16, REGISTERS_X(16));
HOLDS(x17, REGISTERS_X(17));
HOLDS(x18, REGISTERS_X(18));
HOLDS(x19, REGISTERS_X(19));
HOLDS(x20, REGISTERS_X(20));
HOLDS(x21, REGISTERS_X(21));
HOLDS(x22, REGISTERS_X(22));
HOLDS(x23, REGISTERS_X(23));
HOLDS(x24, REGISTERS_X(24));
HOLDS(x25, REGISTERS_X(25));
HOLDS(x26, REGISTERS_X(26));
HOLDS(x27, REGISTERS_X(27));
HOLDS(x28, REGISTERS_X(28));
HOLDS(x29, REGISTERS_X(29));
HOLDS(x30, REGISTERS_X(30));
HOLDS(sp, REGISTERS_SP);
HOLDS(pc, REGISTERS_PC);
HOLDS(nzcv, REGISTERS_NZCV);
#undef HOLDS
_Static_assert(sizeof(struct registers) == 0x110, "no gap, nothing after nzcv");

/*
 *     void capture(struct registers *out);
 *                  x0
 *
 * The caller's x30 is gone: the call that brought us here put our return
 * address in its place, which is also the caller's pc.
 */
__asm__(ASM_FUNCTION(capture)
    "   stp     x0,  x1,  [x0, #" AT(REGISTERS_X(0))  "]    \n"
    "   stp     x2,  x3,  [x0, #" AT(REGISTERS_X(2))  "]    \n"
    "   stp     x4,  x5,  [x0, #" AT(REGISTERS_X(4))  "]    \n"
    "   stp     x6,  x7,  [x0, #" AT(REGISTERS_X(6))  "]    \n"
    "   stp     x8,  x9,  [x0, #" AT(REGISTERS_X(8))  "]    \n"
    "   stp     x10, x11, [x0, #" AT(REGISTERS_X(10)) "]    \n"
    "   stp     x12, x13, [x0, #" AT(REGISTERS_X(12)) "]    \n"
    "   stp     x14, x15, [x0, #" AT(REGISTERS_X(14)) "]    \n"
    "   stp     x16, x17, [x0, #" AT(REGISTERS_X(16)) "]    \n"
    "   stp     x18, x19, [x0, #" AT(REGISTERS_X(18)) "]    \n"
    "   stp     x20, x21, [x0, #" AT(REGISTERS_X(20)) "]    \n"
    "   stp     x22, x23, [x0, #" AT(REGISTERS_X(22)) "]    \n"
    "   stp     x24, x25, [x0, #" AT(REGISTERS_X(24)) "]    \n"
    "   stp     x26, x27, [x0, #" AT(REGISTERS_X(26)) "]    \n"
    "   stp     x28, x29, [x0, #" AT(REGISTERS_X(28)) "]    \n"
    "   str     x30,      [x0, #" AT(REGISTERS_X(30)) "]    \n"
    "   str     x30,      [x0, #" AT(REGISTERS_PC)    "]    \n"
    "   mov     x9,  sp                                     \n"
    "   str     x9,       [x0, #" AT(REGISTERS_SP)    "]    \n"
    "   mrs     x9,  nzcv                                   \n"
    "   str     x9,       [x0, #" AT(REGISTERS_NZCV)  "]    \n"
    "   ldr     x9,       [x0, #" AT(REGISTERS_X(9))  "]    \n"
    "   ret                                                 \n"
    ASM_END(capture)
);

/*
 *     void call_planted(function, before, after);
 *                       x0        x1      x2
 *
 * What is needed later waits on the stack:
 *
 *     sp + 0x70   x0 as the call left it, once it has returned; then nothing
 *     sp + 0x60   function, after
 *     sp + 0x10   x19 … x28 of our caller, five pairs
 *     sp + 0x00   x29, x30 of our caller
 *
 * Not planted: x18, which is the system's, and x30, which the call itself
 * overwrites and which therefore may carry the function's address.
 */
__asm__(ASM_FUNCTION(call_planted)
    "   stp     x29, x30, [sp, #-0x80]!                     \n" LOWERED(0x80) SAVED(x29, x30, -0x80)
    "   stp     x19, x20, [sp, #0x10]                       \n" SAVED(x19, x20, -0x70)
    "   stp     x21, x22, [sp, #0x20]                       \n" SAVED(x21, x22, -0x60)
    "   stp     x23, x24, [sp, #0x30]                       \n" SAVED(x23, x24, -0x50)
    "   stp     x25, x26, [sp, #0x40]                       \n" SAVED(x25, x26, -0x40)
    "   stp     x27, x28, [sp, #0x50]                       \n" SAVED(x27, x28, -0x30)
    "   stp     x0,  x2,  [sp, #0x60]                       \n"
    "   mov     x30, x0                                     \n"
    "   ldr     x0,       [x1, #" AT(REGISTERS_X(0))  "]    \n"
    "   ldp     x2,  x3,  [x1, #" AT(REGISTERS_X(2))  "]    \n"
    "   ldp     x4,  x5,  [x1, #" AT(REGISTERS_X(4))  "]    \n"
    "   ldp     x6,  x7,  [x1, #" AT(REGISTERS_X(6))  "]    \n"
    "   ldp     x8,  x9,  [x1, #" AT(REGISTERS_X(8))  "]    \n"
    "   ldp     x10, x11, [x1, #" AT(REGISTERS_X(10)) "]    \n"
    "   ldp     x12, x13, [x1, #" AT(REGISTERS_X(12)) "]    \n"
    "   ldp     x14, x15, [x1, #" AT(REGISTERS_X(14)) "]    \n"
    "   ldp     x16, x17, [x1, #" AT(REGISTERS_X(16)) "]    \n"
    "   ldr     x19,      [x1, #" AT(REGISTERS_X(19)) "]    \n"
    "   ldp     x20, x21, [x1, #" AT(REGISTERS_X(20)) "]    \n"
    "   ldp     x22, x23, [x1, #" AT(REGISTERS_X(22)) "]    \n"
    "   ldp     x24, x25, [x1, #" AT(REGISTERS_X(24)) "]    \n"
    "   ldp     x26, x27, [x1, #" AT(REGISTERS_X(26)) "]    \n"
    "   ldp     x28, x29, [x1, #" AT(REGISTERS_X(28)) "]    \n"
    "   ldr     x1,       [x1, #" AT(REGISTERS_X(1))  "]    \n" // last: it was the address
    "   blr     x30                                         \n"
    "   str     x0,  [sp, #0x70]                            \n"
    "   ldr     x0,  [sp, #0x68]                            \n"
    "   bl      " SYMBOL(capture) "                         \n" // overwrites x30 only
    "   ldr     x9,  [sp, #0x70]                            \n"
    "   str     x9,       [x0, #" AT(REGISTERS_X(0))  "]    \n"
    "   ldp     x27, x28, [sp, #0x50]                       \n" BACK(x27, x28)
    "   ldp     x25, x26, [sp, #0x40]                       \n" BACK(x25, x26)
    "   ldp     x23, x24, [sp, #0x30]                       \n" BACK(x23, x24)
    "   ldp     x21, x22, [sp, #0x20]                       \n" BACK(x21, x22)
    "   ldp     x19, x20, [sp, #0x10]                       \n" BACK(x19, x20)
    "   ldp     x29, x30, [sp], #0x80                       \n" LOWERED(0) BACK(x29, x30)
    "   ret                                                 \n"
    ASM_END(call_planted)
);

__asm__(ASM_FUNCTION(overwrite_caller_saved)
    "   mov     x0,  #-1                \n"
    "   mov     x1,  #-1                \n"
    "   mov     x2,  #-1                \n"
    "   mov     x3,  #-1                \n"
    "   mov     x4,  #-1                \n"
    "   mov     x5,  #-1                \n"
    "   mov     x6,  #-1                \n"
    "   mov     x7,  #-1                \n"
    "   mov     x8,  #-1                \n"
    "   mov     x9,  #-1                \n"
    "   mov     x10, #-1                \n"
    "   mov     x11, #-1                \n"
    "   mov     x12, #-1                \n"
    "   mov     x13, #-1                \n"
    "   mov     x14, #-1                \n"
    "   mov     x15, #-1                \n"
    "   mov     x16, #-1                \n"
    "   mov     x17, #-1                \n"
    "   ret                             \n"
    ASM_END(overwrite_caller_saved)
);

__asm__(ASM_FUNCTION(break_a_promise)
    "   mov     x19, #-1                \n" // and nobody puts it back
    "   ret                             \n"
    ASM_END(break_a_promise)
);

#endif
