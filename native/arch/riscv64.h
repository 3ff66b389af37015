/*
 * riscv64.h: RISC-V, 64 bits, with the ABI that most Linux systems have on it,
 * LP64D: floats travel in registers of their own.
 *
 * Read x86_64-sysv.h first: here stands what differs.
 *
 *     register         in a call                          belongs to
 *     a0               result, argument 1                 caller
 *     a1 … a7          arguments 2 to 8                   caller
 *     t0 … t6          nothing                            caller
 *     ra               the return address                 caller
 *     s0               nothing, or the frame pointer      callee
 *     s1 … s11         nothing                            callee
 *     sp               the stack pointer                  callee
 *     gp tp            the linker's and the thread's:     –
 *                      hands off
 *     pc               where the processor is             –
 *     fs0 … fs11       nothing (floats)                   callee
 *     ft0 … ft11       nothing (floats)                   caller
 *     fa0 … fa7        arguments, results (floats)        caller
 *
 * To the processor they are x1 to x31, in another order, and x0 is always 0.
 * There are no flags: an instruction compares and jumps at once.
 *
 * As on AArch64, a call does not touch the stack: `call` puts the return
 * address into ra, and `ret` jumps there. But no instruction stores a pair, or
 * moves sp on its way: each register has a line of its own.
 */
#ifndef GREEN_THREADS_ARCH_RISCV64_H
#define GREEN_THREADS_ARCH_RISCV64_H

/* clang-format off: the columns are aligned by hand. */

#if !defined __riscv_float_abi_double
#error "Only the ABI LP64D is known here: compile with -march=rv64gc -mabi=lp64d."
#endif

#define ARCH_NAME "RISC-V 64"
#define STACK_ALIGNMENT 16
#define RED_ZONE 0
#define ARGUMENT_REGISTERS 8
#define CALLEE_SAVED "s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11"
#define PART_NAMES "a0", "a0[31:0]", "a0[15:0]", "a0[15:8]", "a0[7:0]"

/* One dialect: nothing to choose, nothing to put back. */
#define ASM_PROBE ""
#define ASM_DIALECT ""
#define ASM_DIALECT_BACK ""

/* Nothing marks the target of an indirect call: what could (Zicfilp) is too new
   for the compilers that these chapters ask for. */
#define ASM_LANDING_PAD ""

/*
 * For those who walk the stack; arch.h says what CFI is.
 *
 *     LOWERED(bytes)       sp has been lowered by so many, from where it was at
 *                          the call, and no further; 0: it is there again
 *     SAVED(r, offset)     the register lies at the CFA + offset
 *     BACK(r)              the register is the caller's again
 *     GOES_ON_BY(register) where to return to is in this register, and not in ra
 */
#if defined PLAIN
#define LOWERED(bytes)
#define SAVED(r, offset)
#define BACK(r)
#define GOES_ON_BY(register)
#else
#define CFI_PC "ra"
#define LOWERED(bytes) "   .cfi_def_cfa_offset " #bytes "\n"
#define SAVED(r, offset) "   .cfi_offset " #r ", " #offset "\n"
#define BACK(r) "   .cfi_restore " #r "\n"
#define GOES_ON_BY(register) "   .cfi_register ra, " #register "\n"
#endif

/* ---------------------------------------------------------------------------
 * Chapter 02: the registers
 */

/* In the order of their numbers, from x1 on. */
struct registers {
    uint64_t ra, sp, gp, tp;
    uint64_t t0, t1, t2;
    uint64_t s0, s1;
    uint64_t a0, a1, a2, a3, a4, a5, a6, a7;
    uint64_t s2, s3, s4, s5, s6, s7, s8, s9, s10, s11;
    uint64_t t3, t4, t5, t6;
    uint64_t pc;
};

#define REGISTER_NAMES                                                         \
    "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2",    \
    "a3", "a4", "a5", "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8",    \
    "s9", "s10", "s11", "t3", "t4", "t5", "t6", "pc"

/* Of register x1 … x31. Without brackets around it: before the bracket of an
   address, the assembler would take them for an address themselves. */
#define REGISTERS_X(n) 8 * (n) - 8
#define REGISTERS_PC 0xf8

#define HOLDS(member, offset)                                                  \
    _Static_assert(offsetof(struct registers, member) == (offset),             \
                   #member " is not where the assembly looks for it")
HOLDS(ra, REGISTERS_X(1));
HOLDS(sp, REGISTERS_X(2));
HOLDS(gp, REGISTERS_X(3));
HOLDS(tp, REGISTERS_X(4));
HOLDS(t0, REGISTERS_X(5));
HOLDS(t1, REGISTERS_X(6));
HOLDS(t2, REGISTERS_X(7));
HOLDS(s0, REGISTERS_X(8));
HOLDS(s1, REGISTERS_X(9));
HOLDS(a0, REGISTERS_X(10));
HOLDS(a1, REGISTERS_X(11));
HOLDS(a2, REGISTERS_X(12));
HOLDS(a3, REGISTERS_X(13));
HOLDS(a4, REGISTERS_X(14));
HOLDS(a5, REGISTERS_X(15));
HOLDS(a6, REGISTERS_X(16));
HOLDS(a7, REGISTERS_X(17));
HOLDS(s2, REGISTERS_X(18));
HOLDS(s3, REGISTERS_X(19));
HOLDS(s4, REGISTERS_X(20));
HOLDS(s5, REGISTERS_X(21));
HOLDS(s6, REGISTERS_X(22));
HOLDS(s7, REGISTERS_X(23));
HOLDS(s8, REGISTERS_X(24));
HOLDS(s9, REGISTERS_X(25));
HOLDS(s10, REGISTERS_X(26));
HOLDS(s11, REGISTERS_X(27));
HOLDS(t3, REGISTERS_X(28));
HOLDS(t4, REGISTERS_X(29));
HOLDS(t5, REGISTERS_X(30));
HOLDS(t6, REGISTERS_X(31));
HOLDS(pc, REGISTERS_PC);
#undef HOLDS
_Static_assert(sizeof(struct registers) == 0x100, "no gap, nothing after pc");

/*
 *     void capture(struct registers *out);
 *                  a0
 *
 * The caller's ra is gone: the call that brought us here put our return
 * address in its place, which is also the caller's pc.
 */
__asm__(ASM_FUNCTION(capture)
    "   sd      ra,   " AT(REGISTERS_X(1)) "(a0)              \n"
    "   sd      sp,   " AT(REGISTERS_X(2)) "(a0)              \n"
    "   sd      gp,   " AT(REGISTERS_X(3)) "(a0)              \n"
    "   sd      tp,   " AT(REGISTERS_X(4)) "(a0)              \n"
    "   sd      t0,   " AT(REGISTERS_X(5)) "(a0)              \n"
    "   sd      t1,   " AT(REGISTERS_X(6)) "(a0)              \n"
    "   sd      t2,   " AT(REGISTERS_X(7)) "(a0)              \n"
    "   sd      s0,   " AT(REGISTERS_X(8)) "(a0)              \n"
    "   sd      s1,   " AT(REGISTERS_X(9)) "(a0)              \n"
    "   sd      a0,   " AT(REGISTERS_X(10)) "(a0)             \n"
    "   sd      a1,   " AT(REGISTERS_X(11)) "(a0)             \n"
    "   sd      a2,   " AT(REGISTERS_X(12)) "(a0)             \n"
    "   sd      a3,   " AT(REGISTERS_X(13)) "(a0)             \n"
    "   sd      a4,   " AT(REGISTERS_X(14)) "(a0)             \n"
    "   sd      a5,   " AT(REGISTERS_X(15)) "(a0)             \n"
    "   sd      a6,   " AT(REGISTERS_X(16)) "(a0)             \n"
    "   sd      a7,   " AT(REGISTERS_X(17)) "(a0)             \n"
    "   sd      s2,   " AT(REGISTERS_X(18)) "(a0)             \n"
    "   sd      s3,   " AT(REGISTERS_X(19)) "(a0)             \n"
    "   sd      s4,   " AT(REGISTERS_X(20)) "(a0)             \n"
    "   sd      s5,   " AT(REGISTERS_X(21)) "(a0)             \n"
    "   sd      s6,   " AT(REGISTERS_X(22)) "(a0)             \n"
    "   sd      s7,   " AT(REGISTERS_X(23)) "(a0)             \n"
    "   sd      s8,   " AT(REGISTERS_X(24)) "(a0)             \n"
    "   sd      s9,   " AT(REGISTERS_X(25)) "(a0)             \n"
    "   sd      s10,  " AT(REGISTERS_X(26)) "(a0)             \n"
    "   sd      s11,  " AT(REGISTERS_X(27)) "(a0)             \n"
    "   sd      t3,   " AT(REGISTERS_X(28)) "(a0)             \n"
    "   sd      t4,   " AT(REGISTERS_X(29)) "(a0)             \n"
    "   sd      t5,   " AT(REGISTERS_X(30)) "(a0)             \n"
    "   sd      t6,   " AT(REGISTERS_X(31)) "(a0)             \n"
    "   sd      ra,   " AT(REGISTERS_PC) "(a0)                \n"
    "   ret                                                   \n"
    ASM_END(capture)
);

/*
 *     void call_planted(function, before, after);
 *                       a0        a1      a2
 *
 * What is needed later waits on the stack:
 *
 *     sp + 0x78   a0 as the call left it, once it has returned
 *     sp + 0x70   after
 *     sp + 0x68   nothing
 *     sp + 0x08   s0 … s11 of our caller
 *     sp + 0x00   ra of our caller
 *
 * Not planted: gp and tp, which are not ours, and ra, which the call itself
 * overwrites and which therefore may carry the function's address.
 */
__asm__(ASM_FUNCTION(call_planted)
    "   addi    sp,  sp, -0x80                                \n" LOWERED(0x80)
    "   sd      ra,  0x00(sp)                                 \n" SAVED(ra, -0x80)
    "   sd      s0,  0x08(sp)                                 \n" SAVED(s0, -0x78)
    "   sd      s1,  0x10(sp)                                 \n" SAVED(s1, -0x70)
    "   sd      s2,  0x18(sp)                                 \n" SAVED(s2, -0x68)
    "   sd      s3,  0x20(sp)                                 \n" SAVED(s3, -0x60)
    "   sd      s4,  0x28(sp)                                 \n" SAVED(s4, -0x58)
    "   sd      s5,  0x30(sp)                                 \n" SAVED(s5, -0x50)
    "   sd      s6,  0x38(sp)                                 \n" SAVED(s6, -0x48)
    "   sd      s7,  0x40(sp)                                 \n" SAVED(s7, -0x40)
    "   sd      s8,  0x48(sp)                                 \n" SAVED(s8, -0x38)
    "   sd      s9,  0x50(sp)                                 \n" SAVED(s9, -0x30)
    "   sd      s10, 0x58(sp)                                 \n" SAVED(s10, -0x28)
    "   sd      s11, 0x60(sp)                                 \n" SAVED(s11, -0x20)
    "   sd      a2,  0x70(sp)                                 \n"
    "   mv      ra,  a0                                       \n"
    "   ld      t0,   " AT(REGISTERS_X(5)) "(a1)              \n"
    "   ld      t1,   " AT(REGISTERS_X(6)) "(a1)              \n"
    "   ld      t2,   " AT(REGISTERS_X(7)) "(a1)              \n"
    "   ld      s0,   " AT(REGISTERS_X(8)) "(a1)              \n"
    "   ld      s1,   " AT(REGISTERS_X(9)) "(a1)              \n"
    "   ld      a0,   " AT(REGISTERS_X(10)) "(a1)             \n"
    "   ld      a2,   " AT(REGISTERS_X(12)) "(a1)             \n"
    "   ld      a3,   " AT(REGISTERS_X(13)) "(a1)             \n"
    "   ld      a4,   " AT(REGISTERS_X(14)) "(a1)             \n"
    "   ld      a5,   " AT(REGISTERS_X(15)) "(a1)             \n"
    "   ld      a6,   " AT(REGISTERS_X(16)) "(a1)             \n"
    "   ld      a7,   " AT(REGISTERS_X(17)) "(a1)             \n"
    "   ld      s2,   " AT(REGISTERS_X(18)) "(a1)             \n"
    "   ld      s3,   " AT(REGISTERS_X(19)) "(a1)             \n"
    "   ld      s4,   " AT(REGISTERS_X(20)) "(a1)             \n"
    "   ld      s5,   " AT(REGISTERS_X(21)) "(a1)             \n"
    "   ld      s6,   " AT(REGISTERS_X(22)) "(a1)             \n"
    "   ld      s7,   " AT(REGISTERS_X(23)) "(a1)             \n"
    "   ld      s8,   " AT(REGISTERS_X(24)) "(a1)             \n"
    "   ld      s9,   " AT(REGISTERS_X(25)) "(a1)             \n"
    "   ld      s10,  " AT(REGISTERS_X(26)) "(a1)             \n"
    "   ld      s11,  " AT(REGISTERS_X(27)) "(a1)             \n"
    "   ld      t3,   " AT(REGISTERS_X(28)) "(a1)             \n"
    "   ld      t4,   " AT(REGISTERS_X(29)) "(a1)             \n"
    "   ld      t5,   " AT(REGISTERS_X(30)) "(a1)             \n"
    "   ld      t6,   " AT(REGISTERS_X(31)) "(a1)             \n"
    "   ld      a1,   " AT(REGISTERS_X(11)) "(a1)             \n" // last: it was the address
    "   jalr    ra                                            \n"
    "   sd      a0,  0x78(sp)                                 \n"
    "   ld      a0,  0x70(sp)                                 \n"
    "   call    " SYMBOL(capture) "                          \n" // overwrites ra only
    "   ld      t0,  0x78(sp)                                 \n"
    "   sd      t0,   " AT(REGISTERS_X(10)) "(a0)             \n"
    "   ld      ra,  0x00(sp)                                 \n" BACK(ra)
    "   ld      s0,  0x08(sp)                                 \n" BACK(s0)
    "   ld      s1,  0x10(sp)                                 \n" BACK(s1)
    "   ld      s2,  0x18(sp)                                 \n" BACK(s2)
    "   ld      s3,  0x20(sp)                                 \n" BACK(s3)
    "   ld      s4,  0x28(sp)                                 \n" BACK(s4)
    "   ld      s5,  0x30(sp)                                 \n" BACK(s5)
    "   ld      s6,  0x38(sp)                                 \n" BACK(s6)
    "   ld      s7,  0x40(sp)                                 \n" BACK(s7)
    "   ld      s8,  0x48(sp)                                 \n" BACK(s8)
    "   ld      s9,  0x50(sp)                                 \n" BACK(s9)
    "   ld      s10, 0x58(sp)                                 \n" BACK(s10)
    "   ld      s11, 0x60(sp)                                 \n" BACK(s11)
    "   addi    sp,  sp, 0x80                                 \n" LOWERED(0)
    "   ret                                                   \n"
    ASM_END(call_planted)
);

__asm__(ASM_FUNCTION(overwrite_caller_saved)
    "   li      t0,  -1               \n"
    "   li      t1,  -1               \n"
    "   li      t2,  -1               \n"
    "   li      a0,  -1               \n"
    "   li      a1,  -1               \n"
    "   li      a2,  -1               \n"
    "   li      a3,  -1               \n"
    "   li      a4,  -1               \n"
    "   li      a5,  -1               \n"
    "   li      a6,  -1               \n"
    "   li      a7,  -1               \n"
    "   li      t3,  -1               \n"
    "   li      t4,  -1               \n"
    "   li      t5,  -1               \n"
    "   li      t6,  -1               \n"
    "   ret                           \n"
    ASM_END(overwrite_caller_saved)
);

__asm__(ASM_FUNCTION(break_a_promise)
    "   li      s1,  -1                 \n" // and nobody puts it back
    "   ret                             \n"
    ASM_END(break_a_promise)
);

/* One callee-saved register, s1, to be worked in; a0 is argument and result. */
#define SAVE_ONE                                                               \
    "   addi    sp, sp, -0x10           \n"                                   \
    "   sd      s1, 0(sp)               \n"
#define RESTORE_ONE                                                            \
    "   ld      s1, 0(sp)               \n"                                   \
    "   addi    sp, sp, 0x10            \n"
#define DOUBLE_IN_ONE                                                          \
    "   mv      s1, a0                  \n"                                   \
    "   add     a0, s1, s1              \n"

/* Where the ten arguments of record_arguments were, on entry. The return
   address is not among those on the stack: it is in ra. */
struct arguments {
    uint64_t in_registers[ARGUMENT_REGISTERS];    /* a0 … a7 */
    uint64_t on_stack[10 - ARGUMENT_REGISTERS];   /* sp + 0x00, upwards */
    uint64_t return_address;                      /* ra */
};

#define ARGUMENTS_IN_REGISTERS 0x00
#define ARGUMENTS_ON_STACK 0x40
#define ARGUMENTS_RETURN_ADDRESS 0x50
_Static_assert(offsetof(struct arguments, in_registers) == ARGUMENTS_IN_REGISTERS, "");
_Static_assert(offsetof(struct arguments, on_stack) == ARGUMENTS_ON_STACK, "");
_Static_assert(offsetof(struct arguments, return_address) == ARGUMENTS_RETURN_ADDRESS, "");

/*
 *     void record_arguments(out, b, c, d, e, f, g, h, i,     j);
 *                           a0   a1 …              a7 0(sp)  8(sp)
 */
__asm__(ASM_FUNCTION(record_arguments)
    "   sd      a0,  " AT(ARGUMENTS_IN_REGISTERS) " + 0x00(a0)   \n"
    "   sd      a1,  " AT(ARGUMENTS_IN_REGISTERS) " + 0x08(a0)   \n"
    "   sd      a2,  " AT(ARGUMENTS_IN_REGISTERS) " + 0x10(a0)   \n"
    "   sd      a3,  " AT(ARGUMENTS_IN_REGISTERS) " + 0x18(a0)   \n"
    "   sd      a4,  " AT(ARGUMENTS_IN_REGISTERS) " + 0x20(a0)   \n"
    "   sd      a5,  " AT(ARGUMENTS_IN_REGISTERS) " + 0x28(a0)   \n"
    "   sd      a6,  " AT(ARGUMENTS_IN_REGISTERS) " + 0x30(a0)   \n"
    "   sd      a7,  " AT(ARGUMENTS_IN_REGISTERS) " + 0x38(a0)   \n"
    "   ld      t0,  0x00(sp)                                   \n"
    "   sd      t0,  " AT(ARGUMENTS_ON_STACK) " + 0x00(a0)       \n"
    "   ld      t0,  0x08(sp)                                   \n"
    "   sd      t0,  " AT(ARGUMENTS_ON_STACK) " + 0x08(a0)       \n"
    "   sd      ra,  " AT(ARGUMENTS_RETURN_ADDRESS) "(a0)        \n"
    "   ret                                                     \n"
    ASM_END(record_arguments)
);

/*
 *     long next_intel(const long *values, long index);      also next_att
 *     a0              a0                  a1
 *
 * No instruction multiplies an index on the way to memory: three do it here
 * what x86-64 does in one. One dialect, so the same stands here twice.
 */
__asm__(ASM_FUNCTION(next_intel)
    "   slli    a1, a1, 3               \n"
    "   add     a0, a0, a1              \n"
    "   ld      a0, 0(a0)               \n"
    "   addi    a0, a0, 1               \n"
    "   ret                             \n"
    ASM_END(next_intel)
);

__asm__(ASM_FUNCTION(next_att)
    "   slli    a1, a1, 3               \n"
    "   add     a0, a0, a1              \n"
    "   ld      a0, 0(a0)               \n"
    "   addi    a0, a0, 1               \n"
    "   ret                             \n"
    ASM_END(next_att)
);

/*
 *     uint64_t write_64(uint64_t whole, uint64_t value);    and its four sisters
 *     a0                a0              a1
 *
 * One register, one name. Some instructions work with the low 32 bits only
 * (their names end in w); they fill the upper half with copies of bit 31, where
 * the other machines put zeros. Smaller parts have to be cut out and put in.
 */
__asm__(ASM_FUNCTION(write_64)
    "   mv      a0, a1                  \n"
    "   ret                             \n"
    ASM_END(write_64)
);

__asm__(ASM_FUNCTION(write_32)
    "   sext.w  a0, a1                  \n"
    "   ret                             \n"
    ASM_END(write_32)
);

__asm__(ASM_FUNCTION(write_16)
    "   srli    a0, a0, 16              \n"
    "   slli    a0, a0, 16              \n"
    "   slli    a1, a1, 48              \n"
    "   srli    a1, a1, 48              \n"
    "   or      a0, a0, a1              \n"
    "   ret                             \n"
    ASM_END(write_16)
);

__asm__(ASM_FUNCTION(write_high_8)
    "   li      t0, 0xff00              \n"
    "   slli    a1, a1, 8               \n"
    "   and     a1, a1, t0              \n"
    "   not     t0, t0                  \n"
    "   and     a0, a0, t0              \n"
    "   or      a0, a0, a1              \n"
    "   ret                             \n"
    ASM_END(write_high_8)
);

__asm__(ASM_FUNCTION(write_low_8)
    "   andi    a0, a0, -0x100          \n"
    "   andi    a1, a1, 0xff            \n"
    "   or      a0, a0, a1              \n"
    "   ret                             \n"
    ASM_END(write_low_8)
);

/* ---------------------------------------------------------------------------
 * Chapter 03: a single stack swap
 */

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

/* ---------------------------------------------------------------------------
 * Chapter 04: the stack
 */

/* The frame pointer is the sp of the caller; the pair lies below it. */
#define FRAME_PAIR (-16)

#define READ_SP(variable) __asm__ volatile("mv %0, sp" : "=r"(variable))

/* A breakpoint, four bytes long: there is also one of two, which the assembler
   would prefer. The signal comes in its place: pc points at it, and a handler
   that wants to go on must step over it. */
#define TRAP()                                                                 \
    __asm__ volatile(".option push\n.option norvc\nebreak\n.option pop" ::: "memory")
#define TRAP_LENGTH 4

#define SIGNAL_PC(context) (((ucontext_t *)(context))->uc_mcontext.__gregs[REG_PC])
#define SIGNAL_SP(context) (((ucontext_t *)(context))->uc_mcontext.__gregs[REG_SP])

/* ---------------------------------------------------------------------------
 * Chapters 05 and 06: there and back
 */

/* Of the registers for floats, the callee owns twelve, and all of each. */
struct context {
    uint64_t sp;
    uint64_t s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11;
    uint64_t fs0, fs1, fs2, fs3, fs4, fs5, fs6, fs7, fs8, fs9, fs10, fs11;
};

/* Without brackets, as above. */
#define CONTEXT_SP 0x00
#define CONTEXT_S(n) 0x08 + 8 * (n)
#define CONTEXT_FS(n) 0x68 + 8 * (n)

#define HOLDS(member, offset)                                                  \
    _Static_assert(offsetof(struct context, member) == (offset),               \
                   #member " is not where the switch looks for it")
HOLDS(sp, CONTEXT_SP);
HOLDS(s0, CONTEXT_S(0));
HOLDS(s1, CONTEXT_S(1));
HOLDS(s2, CONTEXT_S(2));
HOLDS(s3, CONTEXT_S(3));
HOLDS(s4, CONTEXT_S(4));
HOLDS(s5, CONTEXT_S(5));
HOLDS(s6, CONTEXT_S(6));
HOLDS(s7, CONTEXT_S(7));
HOLDS(s8, CONTEXT_S(8));
HOLDS(s9, CONTEXT_S(9));
HOLDS(s10, CONTEXT_S(10));
HOLDS(s11, CONTEXT_S(11));
HOLDS(fs0, CONTEXT_FS(0));
HOLDS(fs1, CONTEXT_FS(1));
HOLDS(fs2, CONTEXT_FS(2));
HOLDS(fs3, CONTEXT_FS(3));
HOLDS(fs4, CONTEXT_FS(4));
HOLDS(fs5, CONTEXT_FS(5));
HOLDS(fs6, CONTEXT_FS(6));
HOLDS(fs7, CONTEXT_FS(7));
HOLDS(fs8, CONTEXT_FS(8));
HOLDS(fs9, CONTEXT_FS(9));
HOLDS(fs10, CONTEXT_FS(10));
HOLDS(fs11, CONTEXT_FS(11));
#undef HOLDS
_Static_assert(sizeof(struct context) == 0xc8, "no gap, nothing after fs11");

#define INTEGERS_SAVED(DO)                                                     \
    DO(s0) DO(s1) DO(s2) DO(s3) DO(s4) DO(s5) DO(s6) DO(s7) DO(s8) DO(s9)      \
    DO(s10) DO(s11)
#define CONTEXT_REGISTERS(DO)                                                  \
    INTEGERS_SAVED(DO)                                                         \
    DO(fs0) DO(fs1) DO(fs2) DO(fs3) DO(fs4) DO(fs5) DO(fs6) DO(fs7) DO(fs8)    \
    DO(fs9) DO(fs10) DO(fs11)
#define FLOATS_SAVED 12
#define FLOAT_NAMES                                                            \
    "fs0", "fs1", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9",      \
    "fs10", "fs11"
#define REGISTER_ARGUMENT_1 a0
#define REGISTER_ARGUMENT_2 a1
#define REGISTER_SPARE t3
#define REGISTER_RECORD s1
#define SP_AT_ENTRY 0

/* For a walk, from the exchange of sp on: the registers of the one who goes on
   are in *new, and so spelled as on x86-64, by the numbers of the registers: s2 is
   18, fs0 is 40. The offset from a1 fills two bytes, seven bits in each. */
#if defined PLAIN
#define IN_NEW(forgotten)
#else
#define IN_NEW_EACH(forgotten, letters, numbers, first, offset)                \
    "   .irp    i, " numbers "\n"                                              \
    "   .ifnc   " #forgotten ", " #letters "\\i\n"                             \
    "   .ifnc   " #forgotten ", all\n"                                         \
    "   .cfi_escape 0x10, " first " + \\i, 3, 0x7b, (" offset " + 8*\\i) & 0x7f | 0x80, (" offset " + 8*\\i) >> 7\n" \
    "   .endif\n"                                                              \
    "   .endif\n"                                                              \
    "   .endr\n"
#define IN_NEW(forgotten)                                                      \
    IN_NEW_EACH(forgotten, s, "0, 1", "8", "0x08")                             \
    IN_NEW_EACH(forgotten, s, "2, 3, 4, 5, 6, 7, 8, 9, 10, 11", "16", "0x08")  \
    IN_NEW_EACH(forgotten, fs, "0, 1", "40", "0x68")                           \
    IN_NEW_EACH(forgotten, fs, "2, 3, 4, 5, 6, 7, 8, 9, 10, 11", "48", "0x68")
#endif

#define PUSH_ONE                                                               \
    "   addi    sp,  sp, -0x10          \n"                                    \
    "   sd      s0,  0x00(sp)           \n"                                    \
    "   sd      ra,  0x08(sp)           \n"
#define POP_ONE                                                                \
    "   ld      s0,  0x00(sp)           \n"                                    \
    "   ld      ra,  0x08(sp)           \n"                                    \
    "   addi    sp,  sp, 0x10           \n"
#define CALL(name) "   call    " SYMBOL(name) "\n"

/*
 *     void switch_context(struct context *old, const struct context *new);
 *                         a0                   a1
 *
 *     state kept               where              why
 *     sp                       old->sp            it is the stack
 *     s0 … s11, fs0 … fs11     old, by name       our caller was promised them
 *     pc                       on the old stack   ra had it, and we put it there
 *
 * Two words wait at sp: where to go on, and what ra shall hold by then; who
 * comes back does not need the latter, so nobody stores it. The new stack is
 * the one of x86-64, word by word:
 *
 *     top        ────────────────────
 *     top - 8    nothing
 *     top - 16   guard
 *     top - 24   skip                  goes into ra
 *     top - 32   a function            ← sp: goes into t2, and is jumped to
 *
 *     switch_context   two words off, jr t2   →  in the function, sp = top - 16
 *     function         runs, ret              →  in skip,         sp = top - 16
 *     skip             two words off, jr t2   →  in guard,        sp = top
 *
 * Two words at a time keep sp a multiple of 16. The ABI asks for it; the
 * processor, unlike AArch64's, does not.
 *
 * Not saved: fcsr, the control word. The ABI does not name it among what a
 * callee preserves: it says that it has thread storage duration, one for each
 * thread of the system, and our threads share it. Chapter 05 shows what that
 * means. gp and tp stay what they are, all the time.
 */
__asm__(ASM_FUNCTION(switch_context)
    "   addi    sp,  sp, -0x10                        \n" LOWERED(0x10)
    "   sd      ra,  0x00(sp)                         \n" SAVED(ra, -0x10)
    "   sd      sp,   " AT(CONTEXT_SP) "(a0)          \n"
    "   sd      s0,   " AT(CONTEXT_S(0)) "(a0)        \n"
    "   sd      s1,   " AT(CONTEXT_S(1)) "(a0)        \n"
    "   sd      s2,   " AT(CONTEXT_S(2)) "(a0)        \n"
    "   sd      s3,   " AT(CONTEXT_S(3)) "(a0)        \n"
    "   sd      s4,   " AT(CONTEXT_S(4)) "(a0)        \n"
    "   sd      s5,   " AT(CONTEXT_S(5)) "(a0)        \n"
    "   sd      s6,   " AT(CONTEXT_S(6)) "(a0)        \n"
    "   sd      s7,   " AT(CONTEXT_S(7)) "(a0)        \n"
    "   sd      s8,   " AT(CONTEXT_S(8)) "(a0)        \n"
    "   sd      s9,   " AT(CONTEXT_S(9)) "(a0)        \n"
    "   sd      s10,  " AT(CONTEXT_S(10)) "(a0)       \n"
    "   sd      s11,  " AT(CONTEXT_S(11)) "(a0)       \n"
    "   fsd     fs0,  " AT(CONTEXT_FS(0)) "(a0)       \n"
    "   fsd     fs1,  " AT(CONTEXT_FS(1)) "(a0)       \n"
    "   fsd     fs2,  " AT(CONTEXT_FS(2)) "(a0)       \n"
    "   fsd     fs3,  " AT(CONTEXT_FS(3)) "(a0)       \n"
    "   fsd     fs4,  " AT(CONTEXT_FS(4)) "(a0)       \n"
    "   fsd     fs5,  " AT(CONTEXT_FS(5)) "(a0)       \n"
    "   fsd     fs6,  " AT(CONTEXT_FS(6)) "(a0)       \n"
    "   fsd     fs7,  " AT(CONTEXT_FS(7)) "(a0)       \n"
    "   fsd     fs8,  " AT(CONTEXT_FS(8)) "(a0)       \n"
    "   fsd     fs9,  " AT(CONTEXT_FS(9)) "(a0)       \n"
    "   fsd     fs10, " AT(CONTEXT_FS(10)) "(a0)      \n"
    "   fsd     fs11, " AT(CONTEXT_FS(11)) "(a0)      \n"
    "   ld      sp,   " AT(CONTEXT_SP) "(a1)          \n" IN_NEW(nothing) // from here on the other stack
    "   ld      s0,   " AT(CONTEXT_S(0)) "(a1)        \n"
    "   ld      s1,   " AT(CONTEXT_S(1)) "(a1)        \n"
    "   ld      s2,   " AT(CONTEXT_S(2)) "(a1)        \n"
    "   ld      s3,   " AT(CONTEXT_S(3)) "(a1)        \n"
    "   ld      s4,   " AT(CONTEXT_S(4)) "(a1)        \n"
    "   ld      s5,   " AT(CONTEXT_S(5)) "(a1)        \n"
    "   ld      s6,   " AT(CONTEXT_S(6)) "(a1)        \n"
    "   ld      s7,   " AT(CONTEXT_S(7)) "(a1)        \n"
    "   ld      s8,   " AT(CONTEXT_S(8)) "(a1)        \n"
    "   ld      s9,   " AT(CONTEXT_S(9)) "(a1)        \n"
    "   ld      s10,  " AT(CONTEXT_S(10)) "(a1)       \n"
    "   ld      s11,  " AT(CONTEXT_S(11)) "(a1)       \n"
    "   fld     fs0,  " AT(CONTEXT_FS(0)) "(a1)       \n"
    "   fld     fs1,  " AT(CONTEXT_FS(1)) "(a1)       \n"
    "   fld     fs2,  " AT(CONTEXT_FS(2)) "(a1)       \n"
    "   fld     fs3,  " AT(CONTEXT_FS(3)) "(a1)       \n"
    "   fld     fs4,  " AT(CONTEXT_FS(4)) "(a1)       \n"
    "   fld     fs5,  " AT(CONTEXT_FS(5)) "(a1)       \n"
    "   fld     fs6,  " AT(CONTEXT_FS(6)) "(a1)       \n"
    "   fld     fs7,  " AT(CONTEXT_FS(7)) "(a1)       \n"
    "   fld     fs8,  " AT(CONTEXT_FS(8)) "(a1)       \n"
    "   fld     fs9,  " AT(CONTEXT_FS(9)) "(a1)       \n"
    "   fld     fs10, " AT(CONTEXT_FS(10)) "(a1)      \n"
    "   fld     fs11, " AT(CONTEXT_FS(11)) "(a1)      \n"
    "   ld      t2,  0x00(sp)                         \n" GOES_ON_BY(t2)
    "   ld      ra,  0x08(sp)                         \n"
    "   addi    sp,  sp, 0x10                         \n" LOWERED(0)
    "   jr      t2                                    \n"
    ASM_END(switch_context)
);

/* One register at a time, so that each can be left out. .irp repeats what
   stands between it and .endr, once for each number. */
#define SWITCH_EACH(forgotten, instruction, letters, offset, base)             \
    "   .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"                     \
    "   .ifnc   " #forgotten ", " #letters "\\i\n"                             \
    "   .ifnc   " #forgotten ", all\n"                                         \
    "   " #instruction " " #letters "\\i, " AT(offset) " + 8*\\i(" #base ")\n" \
    "   .endif\n"                                                              \
    "   .endif\n"                                                              \
    "   .endr\n"

#define SWITCH_WITHOUT(forgotten)                                              \
    __attribute__((visibility("hidden")))                                      \
    void switch_without_##forgotten(struct context *old, const struct context *new); \
    __asm__(ASM_FUNCTION(switch_without_##forgotten)                           \
        "   addi    sp,  sp, -0x10\n" LOWERED(0x10)                            \
        "   sd      ra,  0x00(sp)\n" SAVED(ra, -0x10)                          \
        "   sd      sp,  " AT(CONTEXT_SP) "(a0)\n"                             \
        SWITCH_EACH(forgotten, sd, s, CONTEXT_S(0), a0)                        \
        SWITCH_EACH(forgotten, fsd, fs, CONTEXT_FS(0), a0)                     \
        "   ld      sp,  " AT(CONTEXT_SP) "(a1)\n" IN_NEW(forgotten)           \
        SWITCH_EACH(forgotten, ld, s, CONTEXT_S(0), a1)                        \
        SWITCH_EACH(forgotten, fld, fs, CONTEXT_FS(0), a1)                     \
        "   ld      t2,  0x00(sp)\n" GOES_ON_BY(t2)                            \
        "   ld      ra,  0x08(sp)\n"                                           \
        "   addi    sp,  sp, 0x10\n" LOWERED(0)                                \
        "   jr      t2\n"                                                      \
        ASM_END(switch_without_##forgotten)                                    \
    );

/* Here it needs two: the address it takes comes with a companion. */
__asm__(ASM_RETURNED_TO(skip)
    "   ld      t2,  0x00(sp)           \n"
    "   ld      ra,  0x08(sp)           \n"
    "   addi    sp,  sp, 0x10           \n"
    "   jr      t2                      \n"
    ASM_END(skip)
);

__asm__(ASM_FUNCTION(overwrite_callee_saved)
    "   li      s0,  -1               \n"
    "   li      s1,  -1               \n"
    "   li      s2,  -1               \n"
    "   li      s3,  -1               \n"
    "   li      s4,  -1               \n"
    "   li      s5,  -1               \n"
    "   li      s6,  -1               \n"
    "   li      s7,  -1               \n"
    "   li      s8,  -1               \n"
    "   li      s9,  -1               \n"
    "   li      s10, -1               \n"
    "   li      s11, -1               \n"
    "   fmv.d.x fs0,  s0              \n"
    "   fmv.d.x fs1,  s0              \n"
    "   fmv.d.x fs2,  s0              \n"
    "   fmv.d.x fs3,  s0              \n"
    "   fmv.d.x fs4,  s0              \n"
    "   fmv.d.x fs5,  s0              \n"
    "   fmv.d.x fs6,  s0              \n"
    "   fmv.d.x fs7,  s0              \n"
    "   fmv.d.x fs8,  s0              \n"
    "   fmv.d.x fs9,  s0              \n"
    "   fmv.d.x fs10, s0              \n"
    "   fmv.d.x fs11, s0              \n"
    "   mv      t0,  a0                 \n"
    "   mv      a0,  a1                 \n"
    "   mv      a1,  t0                 \n"
    "   mv      ra,  t3                 \n" // any value will do: we do not come back
    "   jr      t3                      \n"
    ASM_END(overwrite_callee_saved)
);

__asm__(ASM_FUNCTION(store_floats)
    "   fsd     fs0,  0x00(a0)        \n"
    "   fsd     fs1,  0x08(a0)        \n"
    "   fsd     fs2,  0x10(a0)        \n"
    "   fsd     fs3,  0x18(a0)        \n"
    "   fsd     fs4,  0x20(a0)        \n"
    "   fsd     fs5,  0x28(a0)        \n"
    "   fsd     fs6,  0x30(a0)        \n"
    "   fsd     fs7,  0x38(a0)        \n"
    "   fsd     fs8,  0x40(a0)        \n"
    "   fsd     fs9,  0x48(a0)        \n"
    "   fsd     fs10, 0x50(a0)        \n"
    "   fsd     fs11, 0x58(a0)        \n"
    "   ret                           \n"
    ASM_END(store_floats)
);

__asm__(ASM_FUNCTION(load_floats)
    "   fld     fs0,  0x00(a0)        \n"
    "   fld     fs1,  0x08(a0)        \n"
    "   fld     fs2,  0x10(a0)        \n"
    "   fld     fs3,  0x18(a0)        \n"
    "   fld     fs4,  0x20(a0)        \n"
    "   fld     fs5,  0x28(a0)        \n"
    "   fld     fs6,  0x30(a0)        \n"
    "   fld     fs7,  0x38(a0)        \n"
    "   fld     fs8,  0x40(a0)        \n"
    "   fld     fs9,  0x48(a0)        \n"
    "   fld     fs10, 0x50(a0)        \n"
    "   fld     fs11, 0x58(a0)        \n"
    "   ret                           \n"
    ASM_END(load_floats)
);

/* One word, fcsr: bits 5 to 7 say how to round, the lower ones are flags. No
   error of arithmetic is ever reported but by these. */
__asm__(ASM_FUNCTION(control_words)
    "   frcsr   a0                      \n"
    "   ret                             \n"
    ASM_END(control_words)
);

__asm__(ASM_FUNCTION(load_control_words)
    "   fscsr   a0                      \n"
    "   ret                             \n"
    ASM_END(load_control_words)
);

#define ROUND_UPWARD(words) (((words) & ~UINT64_C(0xe0)) | 0x60)

__asm__(ASM_FUNCTION(record_sp)
    "   sd      sp,  0(s1)              \n"
    "   addi    s1,  s1, 8              \n"
    "   ret                             \n"
    ASM_END(record_sp)
);

__asm__(ASM_FUNCTION(record_sp_and_leave)
    "   sd      sp,  0(s1)              \n"
    "   mv      t0,  a0                 \n"
    "   mv      a0,  a1                 \n"
    "   mv      a1,  t0                 \n"
    "   tail    " SYMBOL(switch_context) "\n"
    ASM_END(record_sp_and_leave)
);

__asm__(ASM_FUNCTION(trampoline)
    "   mv      a0,  s1                 \n"
    "   jr      s2                      \n"
    ASM_END(trampoline)
);

#define TRAMPOLINE_ARGUMENT s1
#define TRAMPOLINE_FUNCTION s2

/* ---------------------------------------------------------------------------
 * Chapter 07: the runtime
 */

#define SAVED_WORDS 26
#define ENTRY_WORD 0

/*
 *     void switch_stack(void **old, void *const *new);
 *                       a0          a1
 *
 *     a stack that waits, and a new one, as its maker forges it
 *
 *     top         ────────────────────
 *     sp + 0xc8   nothing
 *     sp + 0x68   fs0 … fs11           0
 *     sp + 0x08   s0 … s11             0: also the frame pointer, s0, and the
 *                                      chain of frames ends here
 *     sp + 0x00   ra                   where it begins
 *
 * With .irp as above: 24 stores and 24 loads. `ret` is `jr ra`, and the processor
 * tells them from other jumps by the register: ra, it takes for a return.
 */
__asm__(ASM_FUNCTION(switch_stack)
    "   addi    sp, sp, -0xd0           \n" LOWERED(0xd0)
    "   sd      ra, 0x00(sp)            \n" SAVED(ra, -0xd0)
    "   .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 \n"
    "   sd      s\\i,  0x08 + 8*\\i(sp)   \n" SAVED(s\\i, 8*\\i - 0xc8)
    "   fsd     fs\\i, 0x68 + 8*\\i(sp)   \n" SAVED(fs\\i, 8*\\i - 0x68)
    "   .endr                           \n"
    "   sd      sp, 0(a0)               \n"
    "   ld      sp, 0(a1)               \n"
    "   .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 \n"
    "   ld      s\\i,  0x08 + 8*\\i(sp)   \n" BACK(s\\i)
    "   fld     fs\\i, 0x68 + 8*\\i(sp)   \n" BACK(fs\\i)
    "   .endr                           \n"
    "   ld      t2, 0x00(sp)            \n" GOES_ON_BY(t2)
    "   addi    sp, sp, 0xd0            \n" LOWERED(0)
    "   bne     t2, ra, 1f              \n" // ra: where we shall go on
    "   ret                             \n"
    "1: jr      t2                      \n"
    ASM_END(switch_stack)
);

/* As on x86-64, without a look. */
#define SWITCH_STACK_THAT(way)                                                 \
    __attribute__((visibility("hidden")))                                      \
    void switch_stack_that_##way(void **old, void *const *new);                \
    __asm__(ASM_FUNCTION(switch_stack_that_##way)                              \
        "   addi    sp, sp, -0xd0\n" LOWERED(0xd0)                             \
        "   sd      ra, 0x00(sp)\n" SAVED(ra, -0xd0)                           \
        "   .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"                 \
        "   sd      s\\i,  0x08 + 8*\\i(sp)\n" SAVED(s\\i, 8*\\i - 0xc8)       \
        "   fsd     fs\\i, 0x68 + 8*\\i(sp)\n" SAVED(fs\\i, 8*\\i - 0x68)      \
        "   .endr\n"                                                           \
        "   sd      sp, 0(a0)\n"                                               \
        "   ld      sp, 0(a1)\n"                                               \
        "   .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"                 \
        "   ld      s\\i,  0x08 + 8*\\i(sp)\n" BACK(s\\i)                      \
        "   fld     fs\\i, 0x68 + 8*\\i(sp)\n" BACK(fs\\i)                     \
        "   .endr\n"                                                           \
        "   ld      t2, 0x00(sp)\n" GOES_ON_BY(t2)                             \
        "   addi    sp, sp, 0xd0\n" LOWERED(0)                                 \
        SWITCH_BY_##way                                                        \
        ASM_END(switch_stack_that_##way)                                       \
    )
#define SWITCH_BY_jumps "   jr t2\n"
#define SWITCH_BY_returns "   mv ra, t2\n   ret\n"

#endif
