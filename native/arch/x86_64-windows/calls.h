/*
 * calls.h: where arguments and results travel. Chapter 02, x86-64 Windows.
 *
 * Read x86_64-sysv/calls.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_WINDOWS_CALLS_H
#define GREEN_THREADS_ARCH_X86_64_WINDOWS_CALLS_H

/* clang-format off: the columns are aligned by hand. */

/* One callee-saved register, rbx, to be worked in; rax is the result. */
#define SAVE_ONE "   push    rbx                     \n"
#define RESTORE_ONE "   pop     rbx                     \n"
#define DOUBLE_IN_ONE                                                          \
    "   mov     rbx, rcx                \n"                                   \
    "   lea     rax, [rbx + rbx]        \n"

/* Where the ten arguments of record_arguments were, on entry. All but the first
   are a `long`: whatever was in the upper half of their place is not told. */
struct arguments {
    uint64_t in_registers[ARGUMENT_REGISTERS];    /* rcx rdx r8 r9 */
    uint64_t on_stack[10 - ARGUMENT_REGISTERS];   /* rsp + 0x28, upwards */
    uint64_t return_address;                      /* rsp + 0x00 */
};

#define ARGUMENTS_IN_REGISTERS 0x00
#define ARGUMENTS_ON_STACK 0x20
#define ARGUMENTS_RETURN_ADDRESS 0x50
_Static_assert(offsetof(struct arguments, in_registers) == ARGUMENTS_IN_REGISTERS, "");
_Static_assert(offsetof(struct arguments, on_stack) == ARGUMENTS_ON_STACK, "");
_Static_assert(offsetof(struct arguments, return_address) == ARGUMENTS_RETURN_ADDRESS, "");

/*
 *     void record_arguments(out, b,   c,  d,  e,           f,           …  j);
 *                           rcx  rdx  r8  r9  [rsp+0x28]   [rsp+0x30]   …  [rsp+0x50]
 */
__asm__(ASM_FUNCTION(record_arguments)
    "   mov     [rcx + " AT(ARGUMENTS_IN_REGISTERS) " + 0x00], rcx  \n"
    "   movsxd  rax, edx                                            \n"
    "   mov     [rcx + " AT(ARGUMENTS_IN_REGISTERS) " + 0x08], rax  \n"
    "   movsxd  rax, r8d                                            \n"
    "   mov     [rcx + " AT(ARGUMENTS_IN_REGISTERS) " + 0x10], rax  \n"
    "   movsxd  rax, r9d                                            \n"
    "   mov     [rcx + " AT(ARGUMENTS_IN_REGISTERS) " + 0x18], rax  \n"
    "   movsxd  rax, dword ptr [rsp + 0x28]                      \n"
    "   mov     [rcx + " AT(ARGUMENTS_ON_STACK) " + 0x00], rax      \n"
    "   movsxd  rax, dword ptr [rsp + 0x30]                      \n"
    "   mov     [rcx + " AT(ARGUMENTS_ON_STACK) " + 0x08], rax      \n"
    "   movsxd  rax, dword ptr [rsp + 0x38]                      \n"
    "   mov     [rcx + " AT(ARGUMENTS_ON_STACK) " + 0x10], rax      \n"
    "   movsxd  rax, dword ptr [rsp + 0x40]                      \n"
    "   mov     [rcx + " AT(ARGUMENTS_ON_STACK) " + 0x18], rax      \n"
    "   movsxd  rax, dword ptr [rsp + 0x48]                      \n"
    "   mov     [rcx + " AT(ARGUMENTS_ON_STACK) " + 0x20], rax      \n"
    "   movsxd  rax, dword ptr [rsp + 0x50]                      \n"
    "   mov     [rcx + " AT(ARGUMENTS_ON_STACK) " + 0x28], rax      \n"
    "   mov     rax, [rsp]                                          \n"
    "   mov     [rcx + " AT(ARGUMENTS_RETURN_ADDRESS) "], rax       \n"
    "   ret                                                         \n"
    ASM_END(record_arguments)
);

/*
 *     long next_intel(const long *values, long index);      the same in AT&T
 *     eax             rcx                 edx
 */
__asm__(ASM_FUNCTION(next_intel)
    "   movsxd  rdx, edx                \n"
    "   mov     eax, [rcx + rdx*4]      \n"
    "   add     eax, 1                  \n"
    "   ret                             \n"
    ASM_END(next_intel)
);

__asm__(ASM_FUNCTION(next_att)
    "   .att_syntax prefix              \n"
    "   movslq  %edx, %rdx              \n"
    "   movl    (%rcx,%rdx,4), %eax     \n"
    "   addl    $1, %eax                \n"
    "   ret                             \n"
    "   .intel_syntax noprefix          \n" // as ASM_END expects
    ASM_END(next_att)
);

/*
 *     uint64_t write_64(uint64_t whole, uint64_t value);    and its four sisters
 *     rax               rcx             rdx
 */
__asm__(ASM_FUNCTION(write_64)
    "   mov     rax, rcx              \n"
    "   mov     rax, rdx              \n"
    "   ret                           \n"
    ASM_END(write_64)
);

__asm__(ASM_FUNCTION(write_32)
    "   mov     rax, rcx              \n"
    "   mov     eax, edx              \n"
    "   ret                           \n"
    ASM_END(write_32)
);

__asm__(ASM_FUNCTION(write_16)
    "   mov     rax, rcx              \n"
    "   mov     ax,  dx               \n"
    "   ret                           \n"
    ASM_END(write_16)
);

__asm__(ASM_FUNCTION(write_high_8)
    "   mov     rax, rcx              \n"
    "   mov     ah,  dl               \n"
    "   ret                           \n"
    ASM_END(write_high_8)
);

__asm__(ASM_FUNCTION(write_low_8)
    "   mov     rax, rcx              \n"
    "   mov     al,  dl               \n"
    "   ret                           \n"
    ASM_END(write_low_8)
);

#endif
