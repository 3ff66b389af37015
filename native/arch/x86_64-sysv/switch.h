/*
 * switch.h: there and back. Chapters 05 and 06, x86-64 System V.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_SYSV_SWITCH_H
#define GREEN_THREADS_ARCH_X86_64_SYSV_SWITCH_H

/* clang-format off: the columns are aligned by hand. */

/* What switch_context keeps of a stack that is not running. */
struct context {
    uint64_t sp;
    uint64_t r15, r14, r13, r12, rbx, rbp;
};

#define CONTEXT_SP 0x00
#define CONTEXT_R15 0x08
#define CONTEXT_R14 0x10
#define CONTEXT_R13 0x18
#define CONTEXT_R12 0x20
#define CONTEXT_RBX 0x28
#define CONTEXT_RBP 0x30

#define HOLDS(member, offset)                                                  \
    _Static_assert(offsetof(struct context, member) == (offset),               \
                   #member " is not where the switch looks for it")
HOLDS(sp, CONTEXT_SP);
HOLDS(r15, CONTEXT_R15);
HOLDS(r14, CONTEXT_R14);
HOLDS(r13, CONTEXT_R13);
HOLDS(r12, CONTEXT_R12);
HOLDS(rbx, CONTEXT_RBX);
HOLDS(rbp, CONTEXT_RBP);
#undef HOLDS
_Static_assert(sizeof(struct context) == 0x38, "no gap, nothing after rbp");

#define SP_AT_ENTRY 8

/*
 *     void switch_context(struct context *old, const struct context *new);
 *                         rdi                  rsi
 *
 *     state kept             where              why
 *     rsp                    old->sp            it is the stack
 *     rbx rbp r12 … r15      old, by name       our caller was promised them
 *     rip                    on the old stack   `call switch_context` pushed it
 *
 *     a stack that waits              a new stack, as its maker forges it
 *
 *                                     top        ────────────────────
 *     … the frames of those           top - 8    nothing
 *       who called                    top - 16   guard
 *     … switch_context's caller       top - 24   skip
 *     return address  ← sp            top - 32   a function          ← sp
 *
 * Both look alike to `ret`, which is why one switch serves for both: it takes
 * the address at rsp and goes there. The function on a new stack finds
 * rsp = top - 24, that is 8 (mod 16) as after any `call`, and returns to skip.
 *
 * Not saved, and why the ABI allows it: rax rcx rdx rsi rdi r8 … r11, all of
 * xmm0 … xmm15 and the arithmetic flags belong to the caller, who has stored
 * what it needs before the call. The direction flag is clear at every call.
 * The control words of the floating-point units belong to the callee as well:
 * chapter 05 shows what it means that we leave them out. The 128 bytes of the
 * red zone need no care: whoever calls has nothing in them. It is those who
 * interrupt without being called who must spare them, a signal handler's frame
 * for one. An operating system cannot have its own interrupts do that, and so is
 * compiled without a red zone (-mno-red-zone).
 */
__asm__(ASM_FUNCTION(switch_context)
    "   mov     [rdi + " AT(CONTEXT_SP)  "], rsp    \n"
    "   mov     [rdi + " AT(CONTEXT_R15) "], r15    \n"
    "   mov     [rdi + " AT(CONTEXT_R14) "], r14    \n"
    "   mov     [rdi + " AT(CONTEXT_R13) "], r13    \n"
    "   mov     [rdi + " AT(CONTEXT_R12) "], r12    \n"
    "   mov     [rdi + " AT(CONTEXT_RBX) "], rbx    \n"
    "   mov     [rdi + " AT(CONTEXT_RBP) "], rbp    \n"
    "   mov     rsp, [rsi + " AT(CONTEXT_SP)  "]    \n" IN_NEW(nothing) // from here on the other stack
    "   mov     r15, [rsi + " AT(CONTEXT_R15) "]    \n"
    "   mov     r14, [rsi + " AT(CONTEXT_R14) "]    \n"
    "   mov     r13, [rsi + " AT(CONTEXT_R13) "]    \n"
    "   mov     r12, [rsi + " AT(CONTEXT_R12) "]    \n"
    "   mov     rbx, [rsi + " AT(CONTEXT_RBX) "]    \n"
    "   mov     rbp, [rsi + " AT(CONTEXT_RBP) "]    \n"
    "   ret                                         \n"
    ASM_END(switch_context)
);

/* On entry as a thread's function returned to it: rsp points at the word that
   it takes. One instruction, and on x86-64 it is there for its eight bytes. */
__asm__(ASM_RETURNED_TO(skip)
    "   ret                             \n"
    ASM_END(skip)
);

__asm__(ASM_FUNCTION(trampoline)
    "   mov     rdi, r12                \n"
    "   jmp     r13                     \n"
    ASM_END(trampoline)
);

#define TRAMPOLINE_ARGUMENT r12
#define TRAMPOLINE_FUNCTION r13

#endif
