/*
 * probes.h: what chapters 05 to 07 look into the switches with, x86-64 System V.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_SYSV_PROBES_H
#define GREEN_THREADS_ARCH_X86_64_SYSV_PROBES_H

/* clang-format off: the columns are aligned by hand. */

#define INTEGERS_SAVED(DO) DO(r15) DO(r14) DO(r13) DO(r12) DO(rbx) DO(rbp)
#define CONTEXT_REGISTERS(DO) INTEGERS_SAVED(DO)
#define FLOATS_SAVED 0
#define FLOAT_NAMES ""
#define REGISTER_ARGUMENT_1 rdi
#define REGISTER_ARGUMENT_2 rsi
#define REGISTER_SPARE r11
#define REGISTER_RECORD rbx

/* The same switch, with one register left out of it; `all`: all but rsp. */
#define SWITCH_SAVE(forgotten, register, offset)                               \
    SWITCH_KEEP(forgotten, register, "   mov [rdi + " AT(offset) "], " #register "\n")
#define SWITCH_LOAD(forgotten, register, offset)                               \
    SWITCH_KEEP(forgotten, register, "   mov " #register ", [rsi + " AT(offset) "]\n")

#define SWITCH_WITHOUT(forgotten)                                              \
    __attribute__((visibility("hidden")))                                      \
    void switch_without_##forgotten(struct context *old, const struct context *new); \
    __asm__(ASM_FUNCTION(switch_without_##forgotten)                           \
        "   mov     [rdi + " AT(CONTEXT_SP) "], rsp\n"                         \
        SWITCH_SAVE(forgotten, r15, CONTEXT_R15)                               \
        SWITCH_SAVE(forgotten, r14, CONTEXT_R14)                               \
        SWITCH_SAVE(forgotten, r13, CONTEXT_R13)                               \
        SWITCH_SAVE(forgotten, r12, CONTEXT_R12)                               \
        SWITCH_SAVE(forgotten, rbx, CONTEXT_RBX)                               \
        SWITCH_SAVE(forgotten, rbp, CONTEXT_RBP)                               \
        "   mov     rsp, [rsi + " AT(CONTEXT_SP) "]\n" IN_NEW(forgotten)       \
        SWITCH_LOAD(forgotten, r15, CONTEXT_R15)                               \
        SWITCH_LOAD(forgotten, r14, CONTEXT_R14)                               \
        SWITCH_LOAD(forgotten, r13, CONTEXT_R13)                               \
        SWITCH_LOAD(forgotten, r12, CONTEXT_R12)                               \
        SWITCH_LOAD(forgotten, rbx, CONTEXT_RBX)                               \
        SWITCH_LOAD(forgotten, rbp, CONTEXT_RBP)                               \
        "   ret\n"                                                             \
        ASM_END(switch_without_##forgotten)                                    \
    );

/* On entry rdi and rsi are still the arguments of the switch that came here:
   the other way round they lead back. r11 is the switch to take. */
__asm__(ASM_FUNCTION(overwrite_callee_saved)
    "   mov     rbx, -1                 \n"
    "   mov     rbp, -1                 \n"
    "   mov     r12, -1                 \n"
    "   mov     r13, -1                 \n"
    "   mov     r14, -1                 \n"
    "   mov     r15, -1                 \n"
    "   xchg    rdi, rsi                \n"
    "   jmp     r11                     \n"
    ASM_END(overwrite_callee_saved)
);

/* xmm0 … xmm15 all belong to the caller here. */
__asm__(ASM_FUNCTION(store_floats)
    "   ret                             \n"
    ASM_END(store_floats)
);

__asm__(ASM_FUNCTION(load_floats)
    "   ret                             \n"
    ASM_END(load_floats)
);

/*
 *     uint64_t control_words(void);        void load_control_words(uint64_t words);
 *     rax                                                          rdi
 *
 * Two units, two words. Bits 0 to 31 are mxcsr, which rules xmm0 … xmm15; its
 * lowest six bits are flags, not control. Bits 32 to 47 are the x87 control
 * word, which rules `long double`. Both have two bits for the rounding.
 */
__asm__(ASM_FUNCTION(control_words)
    "   mov     qword ptr [rsp - 8], 0  \n" // in the red zone: nothing is called
    "   stmxcsr [rsp - 8]               \n"
    "   fnstcw  [rsp - 4]               \n"
    "   mov     rax, [rsp - 8]          \n"
    "   ret                             \n"
    ASM_END(control_words)
);

__asm__(ASM_FUNCTION(load_control_words)
    "   mov     [rsp - 8], rdi          \n"
    "   ldmxcsr [rsp - 8]               \n"
    "   fldcw   [rsp - 4]               \n"
    "   ret                             \n"
    ASM_END(load_control_words)
);

#define ROUND_UPWARD(words)                                                    \
    (((words) & ~((UINT64_C(0x0c00) << 32) | 0x6000)) | (UINT64_C(0x0800) << 32) | 0x4000)

__asm__(ASM_FUNCTION(record_sp)
    "   mov     [rbx], rsp              \n"
    "   add     rbx, 8                  \n"
    "   ret                             \n"
    ASM_END(record_sp)
);

__asm__(ASM_FUNCTION(record_sp_and_leave)
    "   mov     [rbx], rsp              \n"
    "   xchg    rdi, rsi                \n" // nothing has touched them since the switch
    "   jmp     " SYMBOL(switch_context) "\n"
    ASM_END(record_sp_and_leave)
);

/* The same without a look: switch_stack_that_jumps and switch_stack_that_returns. */
#define SWITCH_STACK_THAT(way)                                                 \
    __attribute__((visibility("hidden")))                                      \
    void switch_stack_that_##way(void **old, void *const *new);                \
    __asm__(ASM_FUNCTION(switch_stack_that_##way)                              \
        "   push    rbp\n" PUSHED(rbp)                                         \
        "   push    rbx\n" PUSHED(rbx)                                         \
        "   push    r12\n" PUSHED(r12)                                         \
        "   push    r13\n" PUSHED(r13)                                         \
        "   push    r14\n" PUSHED(r14)                                         \
        "   push    r15\n" PUSHED(r15)                                         \
        "   mov     [rdi], rsp\n"                                              \
        "   mov     rsp, [rsi]\n"                                              \
        "   pop     r15\n" POPPED(r15)                                         \
        "   pop     r14\n" POPPED(r14)                                         \
        "   pop     r13\n" POPPED(r13)                                         \
        "   pop     r12\n" POPPED(r12)                                         \
        "   pop     rbx\n" POPPED(rbx)                                         \
        "   pop     rbp\n" POPPED(rbp)                                         \
        SWITCH_BY_##way                                                        \
        ASM_END(switch_stack_that_##way)                                       \
    )
#define SWITCH_BY_jumps "   pop rcx\n" RETURNS_BY(rcx) "   " NOTRACK "jmp rcx\n"
#define SWITCH_BY_returns "   ret\n"

#endif
