/*
 * give.h: a switch back to whoever called. Chapter 09, x86-64 System V.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_SYSV_GIVE_H
#define GREEN_THREADS_ARCH_X86_64_SYSV_GIVE_H

/* clang-format off: the columns are aligned by hand. */

/*
 *     give_by_jump, which is jumped to:
 *         rdi: old        rsi: new        rax: where we shall go on
 *
 *     the stack that waits
 *
 *     … the frame of whoever gives
 *     128 bytes                    the red zone
 *     where it goes on
 *     1:                           where switch_stack goes first: it leads there
 *     rbp
 *     rbx
 *     r12 r13 r14
 *     r15   ← *old
 */
__asm__(ASM_FUNCTION(give_by_jump) CALLED_FROM(rax)
    "   lea     rsp, [rsp - 128]        \n" LOWERED(128)
    "   push    rax                     \n" LOWERED(8) GOES_ON_AT(-136)
    "   lea     rdx, [rip + 1f]         \n"
    "   push    rdx                     \n" LOWERED(8)
    "   push    rbp                     \n" PUSHED(rbp)
    "   push    rbx                     \n" PUSHED(rbx)
    "   push    r12                     \n" PUSHED(r12)
    "   push    r13                     \n" PUSHED(r13)
    "   push    r14                     \n" PUSHED(r14)
    "   push    r15                     \n" PUSHED(r15)
    "   mov     [rdi], rsp              \n"
    "   mov     rsp, [rsi]              \n" LEFT_BY_SWITCH_STACK
    "   pop     r15                     \n" POPPED(r15)
    "   pop     r14                     \n" POPPED(r14)
    "   pop     r13                     \n" POPPED(r13)
    "   pop     r12                     \n" POPPED(r12)
    "   pop     rbx                     \n" POPPED(rbx)
    "   pop     rbp                     \n" POPPED(rbp)
    "   ret                             \n" LOWERED(128) GOES_ON_AT(-136)
    "   nop                             \n" // a return address is looked up one byte lower
    "1: pop     rcx                     \n" RETURNS_BY(rcx)
    "   lea     rsp, [rsp + 128]        \n" LOWERED(-128)
    "   " NOTRACK "jmp     rcx          \n"
    ASM_END(give_by_jump)
);

#if defined __APX_F__
#error "give.h does not list the registers r16 to r31: compile without -mapxf."
#endif

/* Lost is what a call may lose. */
__attribute__((always_inline))
static inline void give_stack(void **old, void *const *new) {
    __asm__ volatile(
        INTEL_OR_ATT("lea rax, [rip + 2f]", "leaq 2f(%%rip), %%rax")
        "jmp " SYMBOL(give_by_jump) "\n"
        "2:\n"
        : "+D"(old), "+S"(new)
        :
        : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11",
          "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
          "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
          "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)",
          "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7" LOST_TOO,
          "cc", "memory");
}

#endif
