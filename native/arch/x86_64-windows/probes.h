/*
 * probes.h: what chapters 05 to 07 look into the switches with, x86-64 Windows.
 *
 * Read x86_64-sysv/probes.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_WINDOWS_PROBES_H
#define GREEN_THREADS_ARCH_X86_64_WINDOWS_PROBES_H

/* clang-format off: the columns are aligned by hand. */

#define INTEGERS_SAVED(DO)                                                     \
    DO(r15) DO(r14) DO(r13) DO(r12) DO(rbx) DO(rbp) DO(rdi) DO(rsi)
#define CONTEXT_REGISTERS(DO)                                                  \
    INTEGERS_SAVED(DO)                                                         \
    DO(xmm6) DO(xmm7) DO(xmm8) DO(xmm9) DO(xmm10) DO(xmm11) DO(xmm12)          \
    DO(xmm13) DO(xmm14) DO(xmm15)
#define FLOATS_SAVED 20
#define FLOAT_NAMES                                                            \
    "xmm6.low", "xmm6.high", "xmm7.low", "xmm7.high", "xmm8.low", "xmm8.high", \
    "xmm9.low", "xmm9.high", "xmm10.low", "xmm10.high", "xmm11.low",           \
    "xmm11.high", "xmm12.low", "xmm12.high", "xmm13.low", "xmm13.high",        \
    "xmm14.low", "xmm14.high", "xmm15.low", "xmm15.high"
#define REGISTER_ARGUMENT_1 rcx
#define REGISTER_ARGUMENT_2 rdx
#define REGISTER_SPARE r11
#define REGISTER_RECORD rbx

/* One register at a time, so that each can be left out. .irp repeats what
   stands between it and .endr, once for each number. */
#define SWITCH_KEEP(forgotten, register, instruction)                          \
    "   .ifnc " #forgotten ", " #register "\n"                                 \
    "   .ifnc " #forgotten ", all\n" instruction "   .endif\n   .endif\n"
#define SWITCH_SAVE(forgotten, register, offset)                               \
    SWITCH_KEEP(forgotten, register, "   mov [rcx + " AT(offset) "], " #register "\n")
#define SWITCH_LOAD(forgotten, register, offset)                               \
    SWITCH_KEEP(forgotten, register, "   mov " #register ", [rdx + " AT(offset) "]\n")
#define SWITCH_XMM(forgotten, instruction)                                     \
    "   .irp i, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"                          \
    SWITCH_KEEP(forgotten, xmm\\i, instruction)                                \
    "   .endr\n"
#define SWITCH_TIB(offset, tib_offset)                                         \
    "   mov rax, gs:[" AT(tib_offset) "]\n   mov [rcx + " AT(offset) "], rax\n" \
    "   mov rax, [rdx + " AT(offset) "]\n   mov gs:[" AT(tib_offset) "], rax\n"

#define SWITCH_WITHOUT(forgotten)                                              \
    void switch_without_##forgotten(struct context *old, const struct context *new); \
    __asm__(ASM_FUNCTION(switch_without_##forgotten)                           \
        SWITCH_XMM(forgotten, "   movaps [rcx + 16*\\i - 0x60], xmm\\i\n")     \
        "   mov     [rcx + " AT(CONTEXT_SP) "], rsp\n"                         \
        SWITCH_SAVE(forgotten, r15, CONTEXT_R15)                               \
        SWITCH_SAVE(forgotten, r14, CONTEXT_R14)                               \
        SWITCH_SAVE(forgotten, r13, CONTEXT_R13)                               \
        SWITCH_SAVE(forgotten, r12, CONTEXT_R12)                               \
        SWITCH_SAVE(forgotten, rbx, CONTEXT_RBX)                               \
        SWITCH_SAVE(forgotten, rbp, CONTEXT_RBP)                               \
        SWITCH_SAVE(forgotten, rdi, CONTEXT_RDI)                               \
        SWITCH_SAVE(forgotten, rsi, CONTEXT_RSI)                               \
        SWITCH_XMM(forgotten, "   movaps xmm\\i, [rdx + 16*\\i - 0x60]\n")     \
        "   mov     rsp, [rdx + " AT(CONTEXT_SP) "]\n"                         \
        SWITCH_LOAD(forgotten, r15, CONTEXT_R15)                               \
        SWITCH_LOAD(forgotten, r14, CONTEXT_R14)                               \
        SWITCH_LOAD(forgotten, r13, CONTEXT_R13)                               \
        SWITCH_LOAD(forgotten, r12, CONTEXT_R12)                               \
        SWITCH_LOAD(forgotten, rbx, CONTEXT_RBX)                               \
        SWITCH_LOAD(forgotten, rbp, CONTEXT_RBP)                               \
        SWITCH_LOAD(forgotten, rdi, CONTEXT_RDI)                               \
        SWITCH_LOAD(forgotten, rsi, CONTEXT_RSI)                               \
        SWITCH_TIB(CONTEXT_STACK_BASE, TIB_STACK_BASE)                         \
        SWITCH_TIB(CONTEXT_STACK_LIMIT, TIB_STACK_LIMIT)                       \
        SWITCH_TIB(CONTEXT_STACK_ALLOCATION, TIB_STACK_ALLOCATION)             \
        "   ret\n"                                                             \
        ASM_END(switch_without_##forgotten)                                    \
    );
_Static_assert(CONTEXT_XMM(6) == 0, "as the switches without a register count");

__asm__(ASM_FUNCTION(overwrite_callee_saved)
    "   mov     rbx, -1               \n"
    "   mov     rbp, -1               \n"
    "   mov     rdi, -1               \n"
    "   mov     rsi, -1               \n"
    "   mov     r12, -1               \n"
    "   mov     r13, -1               \n"
    "   mov     r14, -1               \n"
    "   mov     r15, -1               \n"
    "   pcmpeqd xmm6, xmm6            \n" // equal to itself: all bits set
    "   pcmpeqd xmm7, xmm7            \n"
    "   pcmpeqd xmm8, xmm8            \n"
    "   pcmpeqd xmm9, xmm9            \n"
    "   pcmpeqd xmm10, xmm10          \n"
    "   pcmpeqd xmm11, xmm11          \n"
    "   pcmpeqd xmm12, xmm12          \n"
    "   pcmpeqd xmm13, xmm13          \n"
    "   pcmpeqd xmm14, xmm14          \n"
    "   pcmpeqd xmm15, xmm15          \n"
    "   xchg    rcx, rdx                \n"
    "   jmp     r11                     \n"
    ASM_END(overwrite_callee_saved)
);

/* Unaligned moves: an array of uint64_t is at a multiple of 8. */
__asm__(ASM_FUNCTION(store_floats)
    "   movups  [rcx + 0x00], xmm6    \n"
    "   movups  [rcx + 0x10], xmm7    \n"
    "   movups  [rcx + 0x20], xmm8    \n"
    "   movups  [rcx + 0x30], xmm9    \n"
    "   movups  [rcx + 0x40], xmm10   \n"
    "   movups  [rcx + 0x50], xmm11   \n"
    "   movups  [rcx + 0x60], xmm12   \n"
    "   movups  [rcx + 0x70], xmm13   \n"
    "   movups  [rcx + 0x80], xmm14   \n"
    "   movups  [rcx + 0x90], xmm15   \n"
    "   ret                           \n"
    ASM_END(store_floats)
);

__asm__(ASM_FUNCTION(load_floats)
    "   movups  xmm6, [rcx + 0x00]    \n"
    "   movups  xmm7, [rcx + 0x10]    \n"
    "   movups  xmm8, [rcx + 0x20]    \n"
    "   movups  xmm9, [rcx + 0x30]    \n"
    "   movups  xmm10, [rcx + 0x40]   \n"
    "   movups  xmm11, [rcx + 0x50]   \n"
    "   movups  xmm12, [rcx + 0x60]   \n"
    "   movups  xmm13, [rcx + 0x70]   \n"
    "   movups  xmm14, [rcx + 0x80]   \n"
    "   movups  xmm15, [rcx + 0x90]   \n"
    "   ret                           \n"
    ASM_END(load_floats)
);

/* The same two words as on System V. The place in memory that this takes is our
   home space: there is no red zone. */
__asm__(ASM_FUNCTION(control_words)
    "   mov     qword ptr [rsp + 8], 0  \n"
    "   stmxcsr [rsp + 8]               \n"
    "   fnstcw  [rsp + 12]              \n"
    "   mov     rax, [rsp + 8]          \n"
    "   ret                             \n"
    ASM_END(control_words)
);

__asm__(ASM_FUNCTION(load_control_words)
    "   mov     [rsp + 8], rcx          \n"
    "   ldmxcsr [rsp + 8]               \n"
    "   fldcw   [rsp + 12]              \n"
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
    "   xchg    rcx, rdx                \n"
    "   jmp     " SYMBOL(switch_context) "\n"
    ASM_END(record_sp_and_leave)
);

/* As on System V, without a look: see there. */
#define SWITCH_STACK_THAT(way)                                                 \
    void switch_stack_that_##way(void **old, void *const *new);                \
    __asm__(ASM_FUNCTION(switch_stack_that_##way) UNWIND_BEGIN(switch_stack_that_##way)\
        "   .irp    r, rbp, rbx, rdi, rsi, r12, r13, r14, r15\n"               \
        "   push    \\r\n" PUSHED(\\r)                                         \
        "   .endr\n"                                                           \
        "   push    qword ptr gs:[" AT(TIB_STACK_BASE) "]\n" LOWERED(8)        \
        "   push    qword ptr gs:[" AT(TIB_STACK_LIMIT) "]\n" LOWERED(8)       \
        "   push    qword ptr gs:[" AT(TIB_STACK_ALLOCATION) "]\n" LOWERED(8)  \
        "   sub     rsp, 0xa0\n" LOWERED(0xa0)                                 \
        "   .irp    i, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"                   \
        "   movups  [rsp + 16*\\i - 0x60], xmm\\i\n" SAVED_XMM(\\i)            \
        "   .endr\n" UNWIND_BODY                                               \
        "   mov     [rcx], rsp\n"                                              \
        "   mov     rsp, [rdx]\n"                                              \
        "   .irp    i, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"                   \
        "   movups  xmm\\i, [rsp + 16*\\i - 0x60]\n"                           \
        "   .endr\n"                                                           \
        "   add     rsp, 0xa0\n"                                               \
        "   pop     qword ptr gs:[" AT(TIB_STACK_ALLOCATION) "]\n"             \
        "   pop     qword ptr gs:[" AT(TIB_STACK_LIMIT) "]\n"                  \
        "   pop     qword ptr gs:[" AT(TIB_STACK_BASE) "]\n"                   \
        "   .irp    r, r15, r14, r13, r12, rsi, rdi, rbx, rbp\n"               \
        "   pop     \\r\n"                                                     \
        "   .endr\n"                                                           \
        SWITCH_BY_##way UNWIND_END                                             \
        ASM_END(switch_stack_that_##way)                                       \
    )
#define SWITCH_BY_jumps "   pop rax\n   jmp rax\n"
#define SWITCH_BY_returns "   ret\n"

#endif
