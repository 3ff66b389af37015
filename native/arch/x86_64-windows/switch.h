/*
 * switch.h: there and back. Chapters 05 and 06, x86-64 Windows.
 *
 * Read x86_64-sysv/switch.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_WINDOWS_SWITCH_H
#define GREEN_THREADS_ARCH_X86_64_WINDOWS_SWITCH_H

/* clang-format off: the columns are aligned by hand. */

/* What switch_context keeps of a stack that is not running. The instruction that
   stores all of an xmm register at once wants an address that is a multiple of
   16, so the struct has to be at one. */
struct context {
    _Alignas(16) uint64_t xmm6[2];
    uint64_t xmm7[2], xmm8[2], xmm9[2], xmm10[2], xmm11[2], xmm12[2], xmm13[2], xmm14[2], xmm15[2];
    uint64_t sp;
    uint64_t r15, r14, r13, r12, rbx, rbp, rdi, rsi;
    uint64_t stack_base, stack_limit, stack_allocation;
};

#define CONTEXT_XMM(n) (16 * (n) - 0x60)
#define CONTEXT_SP 0xa0
#define CONTEXT_R15 0xa8
#define CONTEXT_R14 0xb0
#define CONTEXT_R13 0xb8
#define CONTEXT_R12 0xc0
#define CONTEXT_RBX 0xc8
#define CONTEXT_RBP 0xd0
#define CONTEXT_RDI 0xd8
#define CONTEXT_RSI 0xe0
#define CONTEXT_STACK_BASE 0xe8
#define CONTEXT_STACK_LIMIT 0xf0
#define CONTEXT_STACK_ALLOCATION 0xf8

#define HOLDS(member, offset)                                                  \
    _Static_assert(offsetof(struct context, member) == (offset),               \
                   #member " is not where the switch looks for it")
HOLDS(xmm6, CONTEXT_XMM(6));
HOLDS(xmm7, CONTEXT_XMM(7));
HOLDS(xmm8, CONTEXT_XMM(8));
HOLDS(xmm9, CONTEXT_XMM(9));
HOLDS(xmm10, CONTEXT_XMM(10));
HOLDS(xmm11, CONTEXT_XMM(11));
HOLDS(xmm12, CONTEXT_XMM(12));
HOLDS(xmm13, CONTEXT_XMM(13));
HOLDS(xmm14, CONTEXT_XMM(14));
HOLDS(xmm15, CONTEXT_XMM(15));
HOLDS(sp, CONTEXT_SP);
HOLDS(r15, CONTEXT_R15);
HOLDS(r14, CONTEXT_R14);
HOLDS(r13, CONTEXT_R13);
HOLDS(r12, CONTEXT_R12);
HOLDS(rbx, CONTEXT_RBX);
HOLDS(rbp, CONTEXT_RBP);
HOLDS(rdi, CONTEXT_RDI);
HOLDS(rsi, CONTEXT_RSI);
HOLDS(stack_base, CONTEXT_STACK_BASE);
HOLDS(stack_limit, CONTEXT_STACK_LIMIT);
HOLDS(stack_allocation, CONTEXT_STACK_ALLOCATION);
#undef HOLDS
_Static_assert(sizeof(struct context) == 0x100, "no gap, nothing after stack_allocation");
_Static_assert(_Alignof(struct context) == 16, "movaps faults at any other address");

/*
 * Of the thread information block, where gs points: the words that say where
 * the stack is. They have to be those of the stack that runs.
 *
 *     gs + 0x08     the end of the stack: its base       kept
 *     gs + 0x10     its lowest byte that has memory:     kept
 *                   its limit
 *     gs + 0x1478   where its memory was reserved        kept
 *     gs + 0x20     the fiber's own data                 not kept
 *     gs + 0x1748   what SetThreadStackGuarantee has     not kept
 *                   set aside for an overflow
 *
 * Who looks at them: an exception, a longjmp and a debugger believe a frame only
 * if it is between base and limit, and so a program whose stack is elsewhere is
 * ended in place of its exception being handled; __chkstk probes from the limit
 * downwards; GetCurrentThreadStackLimits, which language runtimes ask, answers
 * with the reservation and the base.
 *
 * Not kept: the two that say nothing about the stack. The fiber's data belong to
 * the system's fibers, which our threads are not; they stay with the thread of
 * the system. The guarantee is for stacks that grow behind a marked page, and
 * ours have none.
 */
#define TIB_STACK_BASE 0x08
#define TIB_STACK_LIMIT 0x10
#define TIB_STACK_ALLOCATION 0x1478

/* All of a new stack has memory from the beginning: its limit is its lowest byte. */
static inline struct context new_context(const void *sp, const void *low, const void *high) {
    return (struct context){
        .sp = (uintptr_t)sp,
        .stack_base = (uintptr_t)high,
        .stack_limit = (uintptr_t)low,
        .stack_allocation = (uintptr_t)low,
    };
}

#define SP_AT_ENTRY 8
#define HOME_WORDS 4

/*
 *     void switch_context(struct context *old, const struct context *new);
 *                         rcx                  rdx
 *
 *     state kept             where              why
 *     rsp                    old->sp            it is the stack
 *     rbx rbp rdi rsi        old, by name       our caller was promised them
 *     r12 … r15
 *     xmm6 … xmm15           old, by name       likewise, 128 bits of each
 *     base, limit and        old, by name       the system looks there
 *     reservation
 *     rip                    on the old stack   `call switch_context` pushed it
 *
 *     a new stack, as its maker forges it
 *
 *     top          ────────────────────
 *     top - 0x20   guard's home space
 *     top - 0x28   nothing: where guard would return to
 *     top - 0x30   guard
 *     top - 0x50   the function's home space
 *     top - 0x58   skip
 *     top - 0x60   a function          ← sp
 *
 * So skip is no longer there for its eight bytes alone: it also has to get over
 * the home space of the function that returned.
 *
 * rsp and the three words change one after the other. Nobody sees them disagree:
 * between these instructions nothing faults, and nothing waits.
 */
__asm__(ASM_FUNCTION(switch_context)
    "   movaps  [rcx + " AT(CONTEXT_XMM(6)) "], xmm6  \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(7)) "], xmm7  \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(8)) "], xmm8  \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(9)) "], xmm9  \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(10)) "], xmm10 \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(11)) "], xmm11 \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(12)) "], xmm12 \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(13)) "], xmm13 \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(14)) "], xmm14 \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(15)) "], xmm15 \n"
    "   mov     [rcx + " AT(CONTEXT_SP) "], rsp       \n"
    "   mov     [rcx + " AT(CONTEXT_R15) "], r15      \n"
    "   mov     [rcx + " AT(CONTEXT_R14) "], r14      \n"
    "   mov     [rcx + " AT(CONTEXT_R13) "], r13      \n"
    "   mov     [rcx + " AT(CONTEXT_R12) "], r12      \n"
    "   mov     [rcx + " AT(CONTEXT_RBX) "], rbx      \n"
    "   mov     [rcx + " AT(CONTEXT_RBP) "], rbp      \n"
    "   mov     [rcx + " AT(CONTEXT_RDI) "], rdi      \n"
    "   mov     [rcx + " AT(CONTEXT_RSI) "], rsi      \n"
    "   mov     rax, gs:[" AT(TIB_STACK_BASE) "]              \n"
    "   mov     [rcx + " AT(CONTEXT_STACK_BASE) "], rax       \n"
    "   mov     rax, gs:[" AT(TIB_STACK_LIMIT) "]             \n"
    "   mov     [rcx + " AT(CONTEXT_STACK_LIMIT) "], rax      \n"
    "   mov     rax, gs:[" AT(TIB_STACK_ALLOCATION) "]        \n"
    "   mov     [rcx + " AT(CONTEXT_STACK_ALLOCATION) "], rax \n"
    "   movaps  xmm6, [rdx + " AT(CONTEXT_XMM(6)) "]  \n"
    "   movaps  xmm7, [rdx + " AT(CONTEXT_XMM(7)) "]  \n"
    "   movaps  xmm8, [rdx + " AT(CONTEXT_XMM(8)) "]  \n"
    "   movaps  xmm9, [rdx + " AT(CONTEXT_XMM(9)) "]  \n"
    "   movaps  xmm10, [rdx + " AT(CONTEXT_XMM(10)) "] \n"
    "   movaps  xmm11, [rdx + " AT(CONTEXT_XMM(11)) "] \n"
    "   movaps  xmm12, [rdx + " AT(CONTEXT_XMM(12)) "] \n"
    "   movaps  xmm13, [rdx + " AT(CONTEXT_XMM(13)) "] \n"
    "   movaps  xmm14, [rdx + " AT(CONTEXT_XMM(14)) "] \n"
    "   movaps  xmm15, [rdx + " AT(CONTEXT_XMM(15)) "] \n"
    "   mov     rsp, [rdx + " AT(CONTEXT_SP) "]       \n" // from here on the other stack
    "   mov     r15, [rdx + " AT(CONTEXT_R15) "]      \n"
    "   mov     r14, [rdx + " AT(CONTEXT_R14) "]      \n"
    "   mov     r13, [rdx + " AT(CONTEXT_R13) "]      \n"
    "   mov     r12, [rdx + " AT(CONTEXT_R12) "]      \n"
    "   mov     rbx, [rdx + " AT(CONTEXT_RBX) "]      \n"
    "   mov     rbp, [rdx + " AT(CONTEXT_RBP) "]      \n"
    "   mov     rdi, [rdx + " AT(CONTEXT_RDI) "]      \n"
    "   mov     rsi, [rdx + " AT(CONTEXT_RSI) "]      \n"
    "   mov     rax, [rdx + " AT(CONTEXT_STACK_BASE) "]       \n"
    "   mov     gs:[" AT(TIB_STACK_BASE) "], rax              \n"
    "   mov     rax, [rdx + " AT(CONTEXT_STACK_LIMIT) "]      \n"
    "   mov     gs:[" AT(TIB_STACK_LIMIT) "], rax             \n"
    "   mov     rax, [rdx + " AT(CONTEXT_STACK_ALLOCATION) "] \n"
    "   mov     gs:[" AT(TIB_STACK_ALLOCATION) "], rax        \n"
    "   ret                                           \n"
    ASM_END(switch_context)
);

/* On entry as a thread's function returned to it: rsp points at the home space
   that the function had, and the address that skip takes lies above. */
__asm__(ASM_FUNCTION(skip)
    "   add     rsp, 0x20               \n"
    "   ret                             \n"
    ASM_END(skip)
);

__asm__(ASM_FUNCTION(trampoline)
    "   mov     rcx, r12                \n"
    "   jmp     r13                     \n"
    ASM_END(trampoline)
);

#define TRAMPOLINE_ARGUMENT r12
#define TRAMPOLINE_FUNCTION r13

#endif
