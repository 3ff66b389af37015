/*
 * probes.h: what chapters 05 to 07 look into the switches with, AArch64.
 *
 * Read x86_64-sysv/probes.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_AARCH64_PROBES_H
#define GREEN_THREADS_ARCH_AARCH64_PROBES_H

/* clang-format off: the columns are aligned by hand. */

#define INTEGERS_SAVED(DO)                                                     \
    DO(x19) DO(x20) DO(x21) DO(x22) DO(x23) DO(x24) DO(x25) DO(x26) DO(x27)    \
    DO(x28) DO(x29)
#define CONTEXT_REGISTERS(DO)                                                  \
    INTEGERS_SAVED(DO)                                                         \
    DO(d8) DO(d9) DO(d10) DO(d11) DO(d12) DO(d13) DO(d14) DO(d15)
#define FLOATS_SAVED 8
#define FLOAT_NAMES "d8", "d9", "d10", "d11", "d12", "d13", "d14", "d15"
#define REGISTER_ARGUMENT_1 x0
#define REGISTER_ARGUMENT_2 x1
#define REGISTER_SPARE x15
#define REGISTER_RECORD x19

/* One register at a time, so that each can be left out. */
#define SWITCH_X(forgotten, instruction, base)                                 \
    SWITCH_EACH(forgotten, x, X_KEPT,                                          \
        "   " #instruction " x\\i, [" #base ", #(" X_PLACE ")]\n")
#define SWITCH_D(forgotten, instruction, base)                                 \
    SWITCH_EACH(forgotten, d, D_KEPT,                                          \
        "   " #instruction " d\\i, [" #base ", #(" D_PLACE ")]\n")

#define SWITCH_WITHOUT(forgotten)                                              \
    __attribute__((visibility("hidden")))                                      \
    void switch_without_##forgotten(struct context *old, const struct context *new); \
    __asm__(ASM_FUNCTION(switch_without_##forgotten)                           \
        "   stp     x30, x30, [sp, #-0x10]!\n" LOWERED(0x10) GOES_ON_AT(-0x10) \
        "   mov     x9,  sp\n"                                                 \
        "   str     x9,  [x0, #" AT(CONTEXT_SP) "]\n"                          \
        SWITCH_X(forgotten, str, x0)                                           \
        SWITCH_D(forgotten, str, x0)                                           \
        "   ldr     x9,  [x1, #" AT(CONTEXT_SP) "]\n"                          \
        "   mov     sp,  x9\n" IN_NEW(forgotten)                               \
        SWITCH_X(forgotten, ldr, x1)                                           \
        SWITCH_D(forgotten, ldr, x1)                                           \
        "   ldp     x16, x30, [sp], #0x10\n" LOWERED(0) GOES_ON_BY(x16)        \
        "   ret     x16\n"                                                     \
        ASM_END(switch_without_##forgotten)                                    \
    );

__asm__(ASM_FUNCTION(overwrite_callee_saved)
    "   mov     x19, #-1                \n"
    "   mov     x20, #-1                \n"
    "   mov     x21, #-1                \n"
    "   mov     x22, #-1                \n"
    "   mov     x23, #-1                \n"
    "   mov     x24, #-1                \n"
    "   mov     x25, #-1                \n"
    "   mov     x26, #-1                \n"
    "   mov     x27, #-1                \n"
    "   mov     x28, #-1                \n"
    "   mov     x29, #-1                \n"
    "   fmov    d8,  x19               \n"
    "   fmov    d9,  x19               \n"
    "   fmov    d10, x19               \n"
    "   fmov    d11, x19               \n"
    "   fmov    d12, x19               \n"
    "   fmov    d13, x19               \n"
    "   fmov    d14, x19               \n"
    "   fmov    d15, x19               \n"
    "   mov     x9,  x0                 \n"
    "   mov     x0,  x1                 \n"
    "   mov     x1,  x9                 \n"
    "   mov     x30, x15                \n" // any value will do: we do not come back
    "   ret     x15                     \n" // as `br`, but lands anywhere
    ASM_END(overwrite_callee_saved)
);

__asm__(ASM_FUNCTION(store_floats)
    "   stp     d8,  d9,  [x0, #0x00]   \n"
    "   stp     d10, d11, [x0, #0x10]   \n"
    "   stp     d12, d13, [x0, #0x20]   \n"
    "   stp     d14, d15, [x0, #0x30]   \n"
    "   ret                             \n"
    ASM_END(store_floats)
);

__asm__(ASM_FUNCTION(load_floats)
    "   ldp     d8,  d9,  [x0, #0x00]   \n"
    "   ldp     d10, d11, [x0, #0x10]   \n"
    "   ldp     d12, d13, [x0, #0x20]   \n"
    "   ldp     d14, d15, [x0, #0x30]   \n"
    "   ret                             \n"
    ASM_END(load_floats)
);

/* One word, fpcr. The flags are in another register, fpsr. */
__asm__(ASM_FUNCTION(control_words)
    "   mrs     x0,  fpcr               \n"
    "   ret                             \n"
    ASM_END(control_words)
);

__asm__(ASM_FUNCTION(load_control_words)
    "   msr     fpcr, x0                \n"
    "   ret                             \n"
    ASM_END(load_control_words)
);

#define ROUND_UPWARD(words) (((words) & ~UINT64_C(0xc00000)) | 0x400000)

__asm__(ASM_FUNCTION(record_sp)
    "   mov     x9,  sp                 \n"
    "   str     x9,  [x19], #8          \n"
    "   ret                             \n"
    ASM_END(record_sp)
);

__asm__(ASM_FUNCTION(record_sp_and_leave)
    "   mov     x9,  sp                 \n"
    "   str     x9,  [x19]              \n"
    "   mov     x9,  x0                 \n"
    "   mov     x0,  x1                 \n"
    "   mov     x1,  x9                 \n"
    "   b       " SYMBOL(switch_context) "\n"
    ASM_END(record_sp_and_leave)
);

/* As on System V, without a look: see there. */
#define SWITCH_STACK_THAT(way)                                                 \
    __attribute__((visibility("hidden")))                                      \
    void switch_stack_that_##way(void **old, void *const *new);                \
    __asm__(ASM_FUNCTION(switch_stack_that_##way)                              \
        "   stp     x29, x30, [sp, #-0xa0]!\n" LOWERED(0xa0) SAVED(x29, x30, -0xa0)\
        "   stp     x19, x20, [sp, #0x10]\n" SAVED(x19, x20, -0x90)            \
        "   stp     x21, x22, [sp, #0x20]\n" SAVED(x21, x22, -0x80)            \
        "   stp     x23, x24, [sp, #0x30]\n" SAVED(x23, x24, -0x70)            \
        "   stp     x25, x26, [sp, #0x40]\n" SAVED(x25, x26, -0x60)            \
        "   stp     x27, x28, [sp, #0x50]\n" SAVED(x27, x28, -0x50)            \
        "   stp     d8,  d9,  [sp, #0x60]\n" SAVED(d8, d9, -0x40)              \
        "   stp     d10, d11, [sp, #0x70]\n" SAVED(d10, d11, -0x30)            \
        "   stp     d12, d13, [sp, #0x80]\n" SAVED(d12, d13, -0x20)            \
        "   stp     d14, d15, [sp, #0x90]\n" SAVED(d14, d15, -0x10)            \
        "   mov     x9,  sp\n"                                                 \
        "   str     x9,  [x0]\n"                                               \
        "   ldr     x9,  [x1]\n"                                               \
        "   mov     sp,  x9\n"                                                 \
        "   ldp     d14, d15, [sp, #0x90]\n" BACK(d14, d15)                    \
        "   ldp     d12, d13, [sp, #0x80]\n" BACK(d12, d13)                    \
        "   ldp     d10, d11, [sp, #0x70]\n" BACK(d10, d11)                    \
        "   ldp     d8,  d9,  [sp, #0x60]\n" BACK(d8, d9)                      \
        "   ldp     x27, x28, [sp, #0x50]\n" BACK(x27, x28)                    \
        "   ldp     x25, x26, [sp, #0x40]\n" BACK(x25, x26)                    \
        "   ldp     x23, x24, [sp, #0x30]\n" BACK(x23, x24)                    \
        "   ldp     x21, x22, [sp, #0x20]\n" BACK(x21, x22)                    \
        "   ldp     x19, x20, [sp, #0x10]\n" BACK(x19, x20)                    \
        "   ldp     x29, x30, [sp], #0xa0\n" LOWERED(0) BACK(x29, x30)         \
        SWITCH_BY_##way                                                        \
        ASM_END(switch_stack_that_##way)                                       \
    )
#define SWITCH_BY_jumps JUMP_BACK
#define SWITCH_BY_returns "   ret\n"

#endif
