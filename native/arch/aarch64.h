/*
 * aarch64.h: AArch64, the 64-bit ARM architecture, with AAPCS64 (Linux, macOS).
 *
 * Read x86_64-sysv.h first: here stands what differs.
 *
 *     register         in a call                          belongs to
 *     x0               result, argument 1                 caller
 *     x1 … x7          arguments 2 to 8                   caller
 *     x8 … x15         nothing (x8: where to put a        caller
 *                      result that is too large)
 *     x16 x17          the linker's, between call and     caller
 *                      function
 *     x18              the system's: hands off            –
 *     x19 … x28        nothing                            callee
 *     x29              the frame pointer                  callee
 *     x30              the return address                 caller
 *     sp               the stack pointer                  callee
 *     pc               where the processor is             –
 *
 * A call does not touch the stack: `bl` puts the return address into x30, and
 * `ret` jumps to x30. A function that calls another saves x30 on its own stack
 * first, together with x29: a pair fills the 16 bytes that sp moves by.
 */
#ifndef GREEN_THREADS_ARCH_AARCH64_H
#define GREEN_THREADS_ARCH_AARCH64_H

/* clang-format off: the columns are aligned by hand. */

#define ARCH_NAME "AArch64"
#define STACK_ALIGNMENT 16
#if defined __APPLE__
#define RED_ZONE 128
#else
#define RED_ZONE 0
#endif
#define ARGUMENT_REGISTERS 8
#define CALLEE_SAVED "x19 x20 x21 x22 x23 x24 x25 x26 x27 x28 x29"
#define PART_NAMES "x0", "w0", "x0[15:0]", "x0[15:8]", "x0[7:0]"

/* One dialect: nothing to choose, nothing to put back. */
#define ASM_DIALECT ""
#define ASM_DIALECT_BACK ""

/* `bti c`: an indirect call may land here. By its number, because assemblers
   refuse the name for older processors, where it does nothing. */
#if defined __ARM_FEATURE_BTI_DEFAULT
#define ASM_LANDING_PAD "   hint    #34\n"
#else
#define ASM_LANDING_PAD ""
#endif

/* ---------------------------------------------------------------------------
 * Chapter 02: the registers
 */

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
    "   stp     x29, x30, [sp, #-0x80]!                     \n"
    "   stp     x19, x20, [sp, #0x10]                       \n"
    "   stp     x21, x22, [sp, #0x20]                       \n"
    "   stp     x23, x24, [sp, #0x30]                       \n"
    "   stp     x25, x26, [sp, #0x40]                       \n"
    "   stp     x27, x28, [sp, #0x50]                       \n"
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
    "   ldp     x27, x28, [sp, #0x50]                       \n"
    "   ldp     x25, x26, [sp, #0x40]                       \n"
    "   ldp     x23, x24, [sp, #0x30]                       \n"
    "   ldp     x21, x22, [sp, #0x20]                       \n"
    "   ldp     x19, x20, [sp, #0x10]                       \n"
    "   ldp     x29, x30, [sp], #0x80                       \n"
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

/* Where the ten arguments of record_arguments were, on entry. The return
   address is not among those on the stack: it is in x30. */
struct arguments {
    uint64_t in_registers[ARGUMENT_REGISTERS];    /* x0 … x7 */
    uint64_t on_stack[10 - ARGUMENT_REGISTERS];   /* sp + 0x00, upwards */
    uint64_t return_address;                      /* x30 */
};

#define ARGUMENTS_IN_REGISTERS 0x00
#define ARGUMENTS_ON_STACK 0x40
#define ARGUMENTS_RETURN_ADDRESS 0x50
_Static_assert(offsetof(struct arguments, in_registers) == ARGUMENTS_IN_REGISTERS, "");
_Static_assert(offsetof(struct arguments, on_stack) == ARGUMENTS_ON_STACK, "");
_Static_assert(offsetof(struct arguments, return_address) == ARGUMENTS_RETURN_ADDRESS, "");

/*
 *     void record_arguments(out, b, c, d, e, f, g, h, i,     j);
 *                           x0   x1 …              x7 [sp]   [sp+8]
 */
__asm__(ASM_FUNCTION(record_arguments)
    "   stp     x0,  x1,  [x0, #" AT(ARGUMENTS_IN_REGISTERS) " + 0x00]  \n"
    "   stp     x2,  x3,  [x0, #" AT(ARGUMENTS_IN_REGISTERS) " + 0x10]  \n"
    "   stp     x4,  x5,  [x0, #" AT(ARGUMENTS_IN_REGISTERS) " + 0x20]  \n"
    "   stp     x6,  x7,  [x0, #" AT(ARGUMENTS_IN_REGISTERS) " + 0x30]  \n"
    "   ldp     x9,  x10, [sp]                                          \n"
    "   stp     x9,  x10, [x0, #" AT(ARGUMENTS_ON_STACK) "]             \n"
    "   str     x30,      [x0, #" AT(ARGUMENTS_RETURN_ADDRESS) "]       \n"
    "   ret                                                             \n"
    ASM_END(record_arguments)
);

/*
 *     long next_intel(const long *values, long index);      also next_att
 *     x0              x0                  x1
 *
 * One dialect, destination first; one function under both names would need an
 * alias, which macOS does not have, so it stands here twice.
 */
__asm__(ASM_FUNCTION(next_intel)
    "   ldr     x0, [x0, x1, lsl #3]    \n"
    "   add     x0, x0, #1              \n"
    "   ret                             \n"
    ASM_END(next_intel)
);

__asm__(ASM_FUNCTION(next_att)
    "   ldr     x0, [x0, x1, lsl #3]    \n"
    "   add     x0, x0, #1              \n"
    "   ret                             \n"
    ASM_END(next_att)
);

/*
 *     uint64_t write_64(uint64_t whole, uint64_t value);    and its four sisters
 *     x0                x0              x1
 *
 * One register, two names: x0 and w0, its low 32 bits. To write w0 clears the
 * upper half. Smaller parts have no names; `bfi` inserts bits where it is told.
 */
__asm__(ASM_FUNCTION(write_64)
    "   mov     x0, x1                  \n"
    "   ret                             \n"
    ASM_END(write_64)
);

__asm__(ASM_FUNCTION(write_32)
    "   mov     w0, w1                  \n"
    "   ret                             \n"
    ASM_END(write_32)
);

__asm__(ASM_FUNCTION(write_16)
    "   bfi     x0, x1, #0, #16         \n"
    "   ret                             \n"
    ASM_END(write_16)
);

__asm__(ASM_FUNCTION(write_high_8)
    "   bfi     x0, x1, #8, #8          \n"
    "   ret                             \n"
    ASM_END(write_high_8)
);

__asm__(ASM_FUNCTION(write_low_8)
    "   bfi     x0, x1, #0, #8          \n"
    "   ret                             \n"
    ASM_END(write_low_8)
);

/* ---------------------------------------------------------------------------
 * Chapter 03: a single stack swap
 */

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
 *     void swap(struct swap_context *old, const struct swap_context *new);
 *               x0                        x1
 *
 * `bl swap` left the return address in x30 and not on the stack, so swap puts
 * it there itself, with x29 for company. The new stack is forged as on x86-64:
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
__asm__(ASM_FUNCTION(swap)
    "   stp     x29, x30, [sp, #-0x10]!                     \n"
    "   mov     x9,  sp                                     \n"
    "   str     x9,       [x0, #" AT(SWAP_CONTEXT_SP) "]    \n"
    "   ldr     x9,       [x1, #" AT(SWAP_CONTEXT_SP) "]    \n"
    "   mov     sp,  x9                                     \n"
    "   ldp     x16, x30, [sp], #0x10                       \n"
    "   ret     x16                                         \n"
    ASM_END(swap)
);

/* On entry sp is the address of the struct swap_context. */
__asm__(ASM_FUNCTION(way_home)
    "   ldr     x9,       [sp, #" AT(SWAP_CONTEXT_SP) "]    \n"
    "   mov     sp,  x9                                     \n"
    "   ldp     x29, x30, [sp], #0x10                       \n"
    "   ret                                                 \n"
    ASM_END(way_home)
);

#endif
