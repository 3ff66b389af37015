/*
 * runtime.h: the switch of the runtime. Chapter 07, x86-64 System V.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_SYSV_RUNTIME_H
#define GREEN_THREADS_ARCH_X86_64_SYSV_RUNTIME_H

/* clang-format off: the columns are aligned by hand. */

#define SAVED_WORDS 8
#define ENTRY_WORD 6

/*
 *     void switch_stack(void **old, void *const *new);
 *                       rdi         rsi
 *
 *     a stack that waits         a new stack, as its maker forges it
 *
 *     … the caller's frames      top        ────────────────────
 *                                top - 8    0: where its function would return to
 *     return address             top - 16   where it begins
 *     rbp                        top - 24   0
 *     rbx                        top - 32   0
 *     r12 r13 r14                …          0
 *     r15   ← *old               top - 64   0                    ← *new
 *
 * As switch_context, but for two things, which chapter 07 measures. The
 * registers wait on the stack, so the context is one pointer. And it looks where
 * it goes. The processor predicts that a `ret` leads behind the latest `call` that
 * has not come back: right, if both stacks wait behind the same call, and then
 * all returns of their callers are predicted right as well; wrong, if not. Then
 * a jump is better, which is predicted to lead where it led before.
 *
 * rdi and rsi are left alone: a new stack begins with them as its arguments,
 * and with rsp = top - 8, as after a `call`. rcx and rdx are the caller's to lose.
 */
__asm__(ASM_FUNCTION(switch_stack)
    "   mov     rdx, [rsp]              \n" // where we shall go on
    "   push    rbp                     \n" PUSHED(rbp)
    "   push    rbx                     \n" PUSHED(rbx)
    "   push    r12                     \n" PUSHED(r12)
    "   push    r13                     \n" PUSHED(r13)
    "   push    r14                     \n" PUSHED(r14)
    "   push    r15                     \n" PUSHED(r15)
    "   mov     [rdi], rsp              \n"
    "   mov     rsp, [rsi]              \n"
    "   pop     r15                     \n" POPPED(r15)
    "   pop     r14                     \n" POPPED(r14)
    "   pop     r13                     \n" POPPED(r13)
    "   pop     r12                     \n" POPPED(r12)
    "   pop     rbx                     \n" POPPED(rbx)
    "   pop     rbp                     \n" POPPED(rbp)
    "   mov     rcx, [rsp]              \n" // where the other one goes on
    "   cmp     rcx, rdx                \n"
    "   jne     1f                      \n"
    "   ret                             \n"
    "1: add     rsp, 8                  \n" RETURNS_BY(rcx)
    "   " NOTRACK "jmp     rcx          \n"
    ASM_END(switch_stack)
);

#endif
