/*
 * inline.h: the switch, written where it is needed. Chapter 11, x86-64 System V.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_SYSV_INLINE_H
#define GREEN_THREADS_ARCH_X86_64_SYSV_INLINE_H

/* clang-format off: the columns are aligned by hand. */

/*
 *     state kept     where          why
 *     rsp            old->sp        it is the stack
 *     rip            old->pc        the address of label 2: nobody calls
 *     rbp            old->frame     may be the frame pointer
 *     rbx            old->base      may be clang's other one
 *
 * Lost: all others, and the compiler knows it. What it still needs of them, it has
 * stored before, where it likes, and no more than that.
 */
#if defined __APX_F__
#error "inline.h does not list the registers r16 to r31: compile without -mapxf."
#endif

__attribute__((always_inline))
static inline struct place *switch_here(struct place *old, struct place *new) {
    __asm__ volatile(
        INTEL_OR_ATT("lea  rax, [rip + 2f]",                 "leaq 2f(%%rip), %%rax")
        INTEL_OR_ATT("mov  [rdi + " AT(PLACE_SP) "], rsp",    "movq %%rsp, " AT(PLACE_SP) "(%%rdi)")
        INTEL_OR_ATT("mov  [rdi + " AT(PLACE_PC) "], rax",    "movq %%rax, " AT(PLACE_PC) "(%%rdi)")
        INTEL_OR_ATT("mov  [rdi + " AT(PLACE_FRAME) "], rbp", "movq %%rbp, " AT(PLACE_FRAME) "(%%rdi)")
        INTEL_OR_ATT("mov  [rdi + " AT(PLACE_BASE) "], rbx",  "movq %%rbx, " AT(PLACE_BASE) "(%%rdi)")
        INTEL_OR_ATT("mov  rbp, [rsi + " AT(PLACE_FRAME) "]", "movq " AT(PLACE_FRAME) "(%%rsi), %%rbp")
        INTEL_OR_ATT("mov  rbx, [rsi + " AT(PLACE_BASE) "]",  "movq " AT(PLACE_BASE) "(%%rsi), %%rbx")
        INTEL_OR_ATT("mov  rsp, [rsi + " AT(PLACE_SP) "]",    "movq " AT(PLACE_SP) "(%%rsi), %%rsp")
        INTEL_OR_ATT(NOTRACK "jmp qword ptr [rsi + " AT(PLACE_PC) "]", NOTRACK "jmpq *" AT(PLACE_PC) "(%%rsi)")
        "2:\n"
        : "+D"(old), "+S"(new)
        :
        : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
          "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
          "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
          "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)",
          "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7" LOST_TOO,
          "cc", "memory");
    return new;
}

#endif
