/*
 * calls.h: where arguments and results travel. Chapter 02, AArch64.
 *
 * Read x86_64-sysv/calls.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_AARCH64_CALLS_H
#define GREEN_THREADS_ARCH_AARCH64_CALLS_H

/* clang-format off: the columns are aligned by hand. */

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

#endif
