/*
 * calls.h: where arguments and results travel. Chapter 02, x86-64 System V.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_SYSV_CALLS_H
#define GREEN_THREADS_ARCH_X86_64_SYSV_CALLS_H

/* clang-format off: the columns are aligned by hand. */

/* One callee-saved register, rbx, to be worked in; rax is the result. */
#define SAVE_ONE "   push    rbx                     \n"
#define RESTORE_ONE "   pop     rbx                     \n"
#define DOUBLE_IN_ONE                                                          \
    "   mov     rbx, rdi                \n"                                   \
    "   lea     rax, [rbx + rbx]        \n"

/* Where the ten arguments of record_arguments were, on entry. */
struct arguments {
    uint64_t in_registers[ARGUMENT_REGISTERS];    /* rdi rsi rdx rcx r8 r9 */
    uint64_t on_stack[10 - ARGUMENT_REGISTERS];   /* rsp + 0x08, upwards */
    uint64_t return_address;                      /* rsp + 0x00 */
};

#define ARGUMENTS_IN_REGISTERS 0x00
#define ARGUMENTS_ON_STACK 0x30
#define ARGUMENTS_RETURN_ADDRESS 0x50
_Static_assert(offsetof(struct arguments, in_registers) == ARGUMENTS_IN_REGISTERS, "");
_Static_assert(offsetof(struct arguments, on_stack) == ARGUMENTS_ON_STACK, "");
_Static_assert(offsetof(struct arguments, return_address) == ARGUMENTS_RETURN_ADDRESS, "");

/*
 *     void record_arguments(out, b,   c,   d,   e,  f,  g,        h,         i,         j);
 *                           rdi  rsi  rdx  rcx  r8  r9  [rsp+8]   [rsp+16]   [rsp+24]   [rsp+32]
 */
__asm__(ASM_FUNCTION(record_arguments)
    "   mov     [rdi + " AT(ARGUMENTS_IN_REGISTERS) " + 0x00], rdi  \n"
    "   mov     [rdi + " AT(ARGUMENTS_IN_REGISTERS) " + 0x08], rsi  \n"
    "   mov     [rdi + " AT(ARGUMENTS_IN_REGISTERS) " + 0x10], rdx  \n"
    "   mov     [rdi + " AT(ARGUMENTS_IN_REGISTERS) " + 0x18], rcx  \n"
    "   mov     [rdi + " AT(ARGUMENTS_IN_REGISTERS) " + 0x20], r8   \n"
    "   mov     [rdi + " AT(ARGUMENTS_IN_REGISTERS) " + 0x28], r9   \n"
    "   mov     rax, [rsp + 0x08]                                   \n"
    "   mov     [rdi + " AT(ARGUMENTS_ON_STACK) " + 0x00], rax      \n"
    "   mov     rax, [rsp + 0x10]                                   \n"
    "   mov     [rdi + " AT(ARGUMENTS_ON_STACK) " + 0x08], rax      \n"
    "   mov     rax, [rsp + 0x18]                                   \n"
    "   mov     [rdi + " AT(ARGUMENTS_ON_STACK) " + 0x10], rax      \n"
    "   mov     rax, [rsp + 0x20]                                   \n"
    "   mov     [rdi + " AT(ARGUMENTS_ON_STACK) " + 0x18], rax      \n"
    "   mov     rax, [rsp]                                          \n"
    "   mov     [rdi + " AT(ARGUMENTS_RETURN_ADDRESS) "], rax       \n"
    "   ret                                                         \n"
    ASM_END(record_arguments)
);

/*
 *     long next_intel(const long *values, long index);      the same in AT&T
 *     rax             rdi                 rsi
 *
 * The Intel dialect writes the destination first, registers bare, and memory
 * as arithmetic in brackets. The AT&T dialect writes the destination last, %
 * before a register, $ before a constant, the width at the end of the
 * mnemonic (q is eight bytes), and memory as (base, index, scale). The
 * processor sees the same bytes.
 */
__asm__(ASM_FUNCTION(next_intel)
    "   mov     rax, [rdi + rsi*8]      \n"
    "   add     rax, 1                  \n"
    "   ret                             \n"
    ASM_END(next_intel)
);

__asm__(ASM_FUNCTION(next_att)
    "   .att_syntax prefix              \n"
    "   movq    (%rdi,%rsi,8), %rax     \n"
    "   addq    $1, %rax                \n"
    "   ret                             \n"
    "   .intel_syntax noprefix          \n" // as ASM_END expects
    ASM_END(next_att)
);

/*
 *     uint64_t write_64(uint64_t whole, uint64_t value);    and its four sisters
 *     rax               rdi             rsi
 *
 * One register, five names. To write eax clears the upper half of rax; to
 * write ax, ah or al leaves the rest alone. ah has no counterpart in rsi,
 * hence the way through rcx.
 */
__asm__(ASM_FUNCTION(write_64)
    "   mov     rax, rdi                \n"
    "   mov     rax, rsi                \n"
    "   ret                             \n"
    ASM_END(write_64)
);

__asm__(ASM_FUNCTION(write_32)
    "   mov     rax, rdi                \n"
    "   mov     eax, esi                \n"
    "   ret                             \n"
    ASM_END(write_32)
);

__asm__(ASM_FUNCTION(write_16)
    "   mov     rax, rdi                \n"
    "   mov     ax, si                  \n"
    "   ret                             \n"
    ASM_END(write_16)
);

__asm__(ASM_FUNCTION(write_high_8)
    "   mov     rax, rdi                \n"
    "   mov     rcx, rsi                \n"
    "   mov     ah, cl                  \n"
    "   ret                             \n"
    ASM_END(write_high_8)
);

__asm__(ASM_FUNCTION(write_low_8)
    "   mov     rax, rdi                \n"
    "   mov     al, sil                 \n"
    "   ret                             \n"
    ASM_END(write_low_8)
);

#endif
