/*
 * runtime.h: the switch of the runtime. Chapter 07, x86-64 Windows.
 *
 * Read x86_64-sysv/runtime.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_WINDOWS_RUNTIME_H
#define GREEN_THREADS_ARCH_X86_64_WINDOWS_RUNTIME_H

/* clang-format off: the columns are aligned by hand. */

#define SAVED_WORDS 37
#define ENTRY_WORD 31

/* The words of a new stack that say where it is. */
#define ALLOCATION_WORD 20
#define LIMIT_WORD 21
#define BASE_WORD 22

/*
 *     void switch_stack(void **old, void *const *new);
 *                       rcx         rdx
 *
 *     a stack that waits, and a new one, as its maker forges it
 *
 *     top          ────────────────────
 *     sp + 0x108   its home space         the callers' frames
 *     sp + 0x100   0: no return
 *     sp + 0xf8    where it begins        return address
 *     sp + 0xb8    r15 … r12 rsi rdi      0
 *                  rbx rbp
 *     sp + 0xb0    base                   its end
 *     sp + 0xa8    limit                  its lowest byte
 *     sp + 0xa0    reservation            likewise
 *     sp + 0x00    xmm6 … xmm15           0
 *
 * A stack that waits has its sp at a multiple of 16. A new one must not: its
 * function is to find 8 (mod 16), like any. So the moves are the unaligned ones,
 * which cost nothing extra at an aligned address. With movaps, the first switch
 * to a new stack would fault.
 *
 * A walk that starts in here is right up to the exchange of rsp and, on the other
 * stack, until rsp begins to rise: the prologue is undone from there just as
 * well. Behind that it is not, up to `ret`: words of the thread information block
 * come off the stack, and the system knows no end of a function that does so, nor
 * one that compares. Nothing there can fault.
 */
__asm__(ASM_FUNCTION(switch_stack) UNWIND_BEGIN(switch_stack)
    "   mov     r8, [rsp]               \n" // where we shall go on
    "   .irp    r, rbp, rbx, rdi, rsi, r12, r13, r14, r15 \n"
    "   push    \\r                     \n" PUSHED(\\r)
    "   .endr                           \n"
    "   push    qword ptr gs:[" AT(TIB_STACK_BASE) "]           \n" LOWERED(8)
    "   push    qword ptr gs:[" AT(TIB_STACK_LIMIT) "]          \n" LOWERED(8)
    "   push    qword ptr gs:[" AT(TIB_STACK_ALLOCATION) "]     \n" LOWERED(8)
    "   sub     rsp, 0xa0               \n" LOWERED(0xa0)
    "   .irp    i, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 \n"
    "   movups  [rsp + 16*\\i - 0x60], xmm\\i \n" SAVED_XMM(\\i)
    "   .endr                           \n" UNWIND_BODY
    "   mov     [rcx], rsp              \n"
    "   mov     rsp, [rdx]              \n"
    "   .irp    i, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 \n"
    "   movups  xmm\\i, [rsp + 16*\\i - 0x60] \n"
    "   .endr                           \n"
    "   add     rsp, 0xa0               \n"
    "   pop     qword ptr gs:[" AT(TIB_STACK_ALLOCATION) "]     \n"
    "   pop     qword ptr gs:[" AT(TIB_STACK_LIMIT) "]          \n"
    "   pop     qword ptr gs:[" AT(TIB_STACK_BASE) "]           \n"
    "   .irp    r, r15, r14, r13, r12, rsi, rdi, rbx, rbp \n"
    "   pop     \\r                     \n"
    "   .endr                           \n"
    "   cmp     r8, [rsp]               \n" // where the other one goes on
    "   jne     1f                      \n"
    "   ret                             \n"
    "1: pop     rax                     \n"
    "   jmp     rax                     \n"
    UNWIND_END
    ASM_END(switch_stack)
);

#endif
