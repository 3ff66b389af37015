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
#define ASM_PROBE ""
#define ASM_DIALECT ""
#define ASM_DIALECT_BACK ""

/* `bti c`: an indirect call may land here. By its number, because assemblers
   refuse the name for older processors, where it does nothing. */
#if defined __ARM_FEATURE_BTI_DEFAULT
#define ASM_LANDING_PAD "   hint    #34\n"
#else
#define ASM_LANDING_PAD ""
#endif

/*
 * For those who walk the stack; arch.h says what CFI is.
 *
 *     LOWERED(bytes)       sp has been lowered by so many, from where it was at
 *                          the call, and no further; 0: it is there again
 *     SAVED(r, s, offset)  the pair lies at the CFA + offset
 *     BACK(r, s)           the pair is the caller's again
 *     GOES_ON_AT(offset)   where to return to lies there, and not in x30
 *     GOES_ON_BY(register) it is in this register
 */
#if defined PLAIN
#define LOWERED(bytes)
#define SAVED(r, s, offset)
#define BACK(r, s)
#define GOES_ON_AT(offset)
#define GOES_ON_BY(register)
#else
#define CFI_PC "x30"
#define LOWERED(bytes) "   .cfi_def_cfa_offset " #bytes "\n"
#define SAVED(r, s, offset)                                                    \
    "   .cfi_offset " #r ", " #offset "\n   .cfi_offset " #s ", " #offset " + 8\n"
#define BACK(r, s) "   .cfi_restore " #r "\n   .cfi_restore " #s "\n"
#define GOES_ON_AT(offset) "   .cfi_offset x30, " #offset "\n"
#define GOES_ON_BY(register) "   .cfi_register x30, " #register "\n"
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

/* One callee-saved register, x19, to be worked in; x0 is argument and result. */
#define SAVE_ONE "   str     x19, [sp, #-0x10]!      \n"
#define RESTORE_ONE "   ldr     x19, [sp], #0x10        \n"
#define DOUBLE_IN_ONE                                                          \
    "   mov     x19, x0                 \n"                                   \
    "   add     x0,  x19, x19           \n"

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

/* ---------------------------------------------------------------------------
 * Chapter 04: the stack
 */

#define FRAME_PAIR 0

#define READ_SP(variable) __asm__ volatile("mov %0, sp" : "=r"(variable))

/* A breakpoint, four bytes long. The signal comes in its place: pc points at
   it, and a handler that wants to go on must step over it. */
#define TRAP() __asm__ volatile("brk #0" ::: "memory")
#define TRAP_LENGTH 4

#if defined __APPLE__
#define SIGNAL_PC(context) (((ucontext_t *)(context))->uc_mcontext->__ss.__pc)
#define SIGNAL_SP(context) (((ucontext_t *)(context))->uc_mcontext->__ss.__sp)
#else
#define SIGNAL_PC(context) (((ucontext_t *)(context))->uc_mcontext.pc)
#define SIGNAL_SP(context) (((ucontext_t *)(context))->uc_mcontext.sp)
#endif

/* ---------------------------------------------------------------------------
 * Chapters 05 and 06: there and back
 */

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

#define INTEGERS_SAVED(DO)                                                     \
    DO(x19) DO(x20) DO(x21) DO(x22) DO(x23) DO(x24) DO(x25) DO(x26) DO(x27)    \
    DO(x28) DO(x29)
#define CONTEXT_REGISTERS(DO)                                                  \
    INTEGERS_SAVED(DO)                                                         \
    DO(d8) DO(d9) DO(d10) DO(d11) DO(d12) DO(d13) DO(d14) DO(d15)
#define FLOATS_SAVED 8
#define FLOAT_NAMES "d8", "d9", "d10", "d11", "d12", "d13", "d14", "d15"
#define REGISTER_ARGUMENT_1 x0
#define REGISTER_ARGUMENT_2 x1
#define REGISTER_SPARE x15
#define REGISTER_RECORD x19
#define SP_AT_ENTRY 0

/* Something for each of these registers, but not in a switch that forgets it.
   .irp repeats what stands between it and .endr, once for each number; what
   stands between .ifnc and .endif is dropped if the names agree. */
#define SWITCH_EACH(forgotten, letter, numbers, text)                          \
    "   .irp    i, " numbers "\n"                                              \
    "   .ifnc   " #forgotten ", " #letter "\\i\n"                              \
    "   .ifnc   " #forgotten ", all\n" text "   .endif\n   .endif\n   .endr\n"
#define X_KEPT "19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29"
#define X_PLACE "8 * (\\i - 18)"
#define D_KEPT "8, 9, 10, 11, 12, 13, 14, 15"
#define D_PLACE "0x60 + 8 * (\\i - 8)"

/* For a walk, from the exchange of sp on: the registers of the one who goes on
   are in *new, and so spelled as on x86-64; d8 has the number 72. The offset from
   x1 fills two bytes, seven bits in each. */
#if defined PLAIN
#define IN_NEW(forgotten)
#else
#define IN_NEW_AT(number, place)                                               \
    "   .cfi_escape 0x10, " number ", 3, 0x71, (" place ") & 127 | 128, (" place ") >> 7\n"
#define IN_NEW(forgotten)                                                      \
    SWITCH_EACH(forgotten, x, X_KEPT, IN_NEW_AT("\\i", X_PLACE))               \
    SWITCH_EACH(forgotten, d, D_KEPT, IN_NEW_AT("64 + \\i", D_PLACE))
#endif

#define PUSH_ONE "   stp     x19, x30, [sp, #-0x10]! \n"
#define POP_ONE "   ldp     x19, x30, [sp], #0x10   \n"
#define CALL(name) "   bl      " SYMBOL(name) "\n"

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

/* One register at a time, so that each can be left out. */
#define SWITCH_X(forgotten, instruction, base)                                 \
    SWITCH_EACH(forgotten, x, X_KEPT,                                          \
        "   " #instruction " x\\i, [" #base ", #(" X_PLACE ")]\n")
#define SWITCH_D(forgotten, instruction, base)                                 \
    SWITCH_EACH(forgotten, d, D_KEPT,                                          \
        "   " #instruction " d\\i, [" #base ", #(" D_PLACE ")]\n")

#define SWITCH_WITHOUT(forgotten)                                              \
    __attribute__((visibility("hidden")))                                      \
    void switch_without_##forgotten(struct context *old, const struct context *new); \
    __asm__(ASM_FUNCTION(switch_without_##forgotten)                           \
        "   stp     x30, x30, [sp, #-0x10]!\n" LOWERED(0x10) GOES_ON_AT(-0x10) \
        "   mov     x9,  sp\n"                                                 \
        "   str     x9,  [x0, #" AT(CONTEXT_SP) "]\n"                          \
        SWITCH_X(forgotten, str, x0)                                           \
        SWITCH_D(forgotten, str, x0)                                           \
        "   ldr     x9,  [x1, #" AT(CONTEXT_SP) "]\n"                          \
        "   mov     sp,  x9\n" IN_NEW(forgotten)                               \
        SWITCH_X(forgotten, ldr, x1)                                           \
        SWITCH_D(forgotten, ldr, x1)                                           \
        "   ldp     x16, x30, [sp], #0x10\n" LOWERED(0) GOES_ON_BY(x16)        \
        "   ret     x16\n"                                                     \
        ASM_END(switch_without_##forgotten)                                    \
    );

/* Here it needs two: the address it takes comes with a companion. */
__asm__(ASM_RETURNED_TO(skip)
    "   ldp     x16, x30, [sp], #0x10   \n"
    "   ret     x16                     \n"
    ASM_END(skip)
);

__asm__(ASM_FUNCTION(overwrite_callee_saved)
    "   mov     x19, #-1                \n"
    "   mov     x20, #-1                \n"
    "   mov     x21, #-1                \n"
    "   mov     x22, #-1                \n"
    "   mov     x23, #-1                \n"
    "   mov     x24, #-1                \n"
    "   mov     x25, #-1                \n"
    "   mov     x26, #-1                \n"
    "   mov     x27, #-1                \n"
    "   mov     x28, #-1                \n"
    "   mov     x29, #-1                \n"
    "   fmov    d8,  x19               \n"
    "   fmov    d9,  x19               \n"
    "   fmov    d10, x19               \n"
    "   fmov    d11, x19               \n"
    "   fmov    d12, x19               \n"
    "   fmov    d13, x19               \n"
    "   fmov    d14, x19               \n"
    "   fmov    d15, x19               \n"
    "   mov     x9,  x0                 \n"
    "   mov     x0,  x1                 \n"
    "   mov     x1,  x9                 \n"
    "   mov     x30, x15                \n" // any value will do: we do not come back
    "   ret     x15                     \n" // as `br`, but lands anywhere
    ASM_END(overwrite_callee_saved)
);

__asm__(ASM_FUNCTION(store_floats)
    "   stp     d8,  d9,  [x0, #0x00]   \n"
    "   stp     d10, d11, [x0, #0x10]   \n"
    "   stp     d12, d13, [x0, #0x20]   \n"
    "   stp     d14, d15, [x0, #0x30]   \n"
    "   ret                             \n"
    ASM_END(store_floats)
);

__asm__(ASM_FUNCTION(load_floats)
    "   ldp     d8,  d9,  [x0, #0x00]   \n"
    "   ldp     d10, d11, [x0, #0x10]   \n"
    "   ldp     d12, d13, [x0, #0x20]   \n"
    "   ldp     d14, d15, [x0, #0x30]   \n"
    "   ret                             \n"
    ASM_END(load_floats)
);

/* One word, fpcr. The flags are in another register, fpsr. */
__asm__(ASM_FUNCTION(control_words)
    "   mrs     x0,  fpcr               \n"
    "   ret                             \n"
    ASM_END(control_words)
);

__asm__(ASM_FUNCTION(load_control_words)
    "   msr     fpcr, x0                \n"
    "   ret                             \n"
    ASM_END(load_control_words)
);

#define ROUND_UPWARD(words) (((words) & ~UINT64_C(0xc00000)) | 0x400000)

__asm__(ASM_FUNCTION(record_sp)
    "   mov     x9,  sp                 \n"
    "   str     x9,  [x19], #8          \n"
    "   ret                             \n"
    ASM_END(record_sp)
);

__asm__(ASM_FUNCTION(record_sp_and_leave)
    "   mov     x9,  sp                 \n"
    "   str     x9,  [x19]              \n"
    "   mov     x9,  x0                 \n"
    "   mov     x0,  x1                 \n"
    "   mov     x1,  x9                 \n"
    "   b       " SYMBOL(switch_context) "\n"
    ASM_END(record_sp_and_leave)
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

/* ---------------------------------------------------------------------------
 * Chapter 07: the runtime
 */

#define SAVED_WORDS 20
#define ENTRY_WORD 1

/* `br` goes where a register says, and no `ret` is predicted. But it must land
   on a `bti`, and a return address is none: where the compiler marks its code
   for that, it has to be `ret` after all. */
#if defined __ARM_FEATURE_BTI_DEFAULT
#define JUMP_BACK "   ret     x30                     \n"
#else
#define JUMP_BACK "   br      x30                     \n"
#endif

/*
 *     void switch_stack(void **old, void *const *new);
 *                       x0          x1
 *
 *     a stack that waits, and a new one, as its maker forges it
 *
 *     top         ────────────────────
 *     sp + 0x60   d8 … d15             0
 *     sp + 0x10   x19 … x28            0
 *     sp + 0x08   x30                  where it begins
 *     sp + 0x00   x29                  0: the chain of frames ends here
 */
__asm__(ASM_FUNCTION(switch_stack)
    "   mov     x10, x30                \n" // where we shall go on
    "   stp     x29, x30, [sp, #-0xa0]! \n" LOWERED(0xa0) SAVED(x29, x30, -0xa0)
    "   stp     x19, x20, [sp, #0x10]   \n" SAVED(x19, x20, -0x90)
    "   stp     x21, x22, [sp, #0x20]   \n" SAVED(x21, x22, -0x80)
    "   stp     x23, x24, [sp, #0x30]   \n" SAVED(x23, x24, -0x70)
    "   stp     x25, x26, [sp, #0x40]   \n" SAVED(x25, x26, -0x60)
    "   stp     x27, x28, [sp, #0x50]   \n" SAVED(x27, x28, -0x50)
    "   stp     d8,  d9,  [sp, #0x60]   \n" SAVED(d8, d9, -0x40)
    "   stp     d10, d11, [sp, #0x70]   \n" SAVED(d10, d11, -0x30)
    "   stp     d12, d13, [sp, #0x80]   \n" SAVED(d12, d13, -0x20)
    "   stp     d14, d15, [sp, #0x90]   \n" SAVED(d14, d15, -0x10)
    "   mov     x9,  sp                 \n"
    "   str     x9,  [x0]               \n"
    "   ldr     x9,  [x1]               \n"
    "   mov     sp,  x9                 \n"
    "   ldp     d14, d15, [sp, #0x90]   \n" BACK(d14, d15)
    "   ldp     d12, d13, [sp, #0x80]   \n" BACK(d12, d13)
    "   ldp     d10, d11, [sp, #0x70]   \n" BACK(d10, d11)
    "   ldp     d8,  d9,  [sp, #0x60]   \n" BACK(d8, d9)
    "   ldp     x27, x28, [sp, #0x50]   \n" BACK(x27, x28)
    "   ldp     x25, x26, [sp, #0x40]   \n" BACK(x25, x26)
    "   ldp     x23, x24, [sp, #0x30]   \n" BACK(x23, x24)
    "   ldp     x21, x22, [sp, #0x20]   \n" BACK(x21, x22)
    "   ldp     x19, x20, [sp, #0x10]   \n" BACK(x19, x20)
    "   ldp     x29, x30, [sp], #0xa0   \n" LOWERED(0) BACK(x29, x30)
    "   cmp     x30, x10                \n"
    "   b.ne    1f                      \n"
    "   ret                             \n"
    "1:" JUMP_BACK
    ASM_END(switch_stack)
);

/* As on x86-64, without a look. */
#define SWITCH_STACK_THAT(way)                                                 \
    __attribute__((visibility("hidden")))                                      \
    void switch_stack_that_##way(void **old, void *const *new);                \
    __asm__(ASM_FUNCTION(switch_stack_that_##way)                              \
        "   stp     x29, x30, [sp, #-0xa0]!\n" LOWERED(0xa0) SAVED(x29, x30, -0xa0)\
        "   stp     x19, x20, [sp, #0x10]\n" SAVED(x19, x20, -0x90)            \
        "   stp     x21, x22, [sp, #0x20]\n" SAVED(x21, x22, -0x80)            \
        "   stp     x23, x24, [sp, #0x30]\n" SAVED(x23, x24, -0x70)            \
        "   stp     x25, x26, [sp, #0x40]\n" SAVED(x25, x26, -0x60)            \
        "   stp     x27, x28, [sp, #0x50]\n" SAVED(x27, x28, -0x50)            \
        "   stp     d8,  d9,  [sp, #0x60]\n" SAVED(d8, d9, -0x40)              \
        "   stp     d10, d11, [sp, #0x70]\n" SAVED(d10, d11, -0x30)            \
        "   stp     d12, d13, [sp, #0x80]\n" SAVED(d12, d13, -0x20)            \
        "   stp     d14, d15, [sp, #0x90]\n" SAVED(d14, d15, -0x10)            \
        "   mov     x9,  sp\n"                                                 \
        "   str     x9,  [x0]\n"                                               \
        "   ldr     x9,  [x1]\n"                                               \
        "   mov     sp,  x9\n"                                                 \
        "   ldp     d14, d15, [sp, #0x90]\n" BACK(d14, d15)                    \
        "   ldp     d12, d13, [sp, #0x80]\n" BACK(d12, d13)                    \
        "   ldp     d10, d11, [sp, #0x70]\n" BACK(d10, d11)                    \
        "   ldp     d8,  d9,  [sp, #0x60]\n" BACK(d8, d9)                      \
        "   ldp     x27, x28, [sp, #0x50]\n" BACK(x27, x28)                    \
        "   ldp     x25, x26, [sp, #0x40]\n" BACK(x25, x26)                    \
        "   ldp     x23, x24, [sp, #0x30]\n" BACK(x23, x24)                    \
        "   ldp     x21, x22, [sp, #0x20]\n" BACK(x21, x22)                    \
        "   ldp     x19, x20, [sp, #0x10]\n" BACK(x19, x20)                    \
        "   ldp     x29, x30, [sp], #0xa0\n" LOWERED(0) BACK(x29, x30)         \
        SWITCH_BY_##way                                                        \
        ASM_END(switch_stack_that_##way)                                       \
    )
#define SWITCH_BY_jumps JUMP_BACK
#define SWITCH_BY_returns "   ret\n"

#endif
