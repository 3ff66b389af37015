/*
 * calls.h: where arguments and results travel. Chapter 02, RISC-V 64.
 *
 * Read x86_64-sysv/calls.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_RISCV64_CALLS_H
#define GREEN_THREADS_ARCH_RISCV64_CALLS_H

/* clang-format off: the columns are aligned by hand. */

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

#endif
