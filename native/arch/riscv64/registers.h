/*
 * registers.h: the registers, captured and planted. Chapter 02, RISC-V 64.
 *
 * Read x86_64-sysv/registers.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_RISCV64_REGISTERS_H
#define GREEN_THREADS_ARCH_RISCV64_REGISTERS_H

/* clang-format off: the columns are aligned by hand. */

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

#endif
