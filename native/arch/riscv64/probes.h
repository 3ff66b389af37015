/*
 * probes.h: what chapters 05 to 07 look into the switches with, RISC-V 64.
 *
 * Read x86_64-sysv/probes.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_RISCV64_PROBES_H
#define GREEN_THREADS_ARCH_RISCV64_PROBES_H

/* clang-format off: the columns are aligned by hand. */

#define INTEGERS_SAVED(DO)                                                     \
    DO(s0) DO(s1) DO(s2) DO(s3) DO(s4) DO(s5) DO(s6) DO(s7) DO(s8) DO(s9)      \
    DO(s10) DO(s11)
#define CONTEXT_REGISTERS(DO)                                                  \
    INTEGERS_SAVED(DO)                                                         \
    DO(fs0) DO(fs1) DO(fs2) DO(fs3) DO(fs4) DO(fs5) DO(fs6) DO(fs7) DO(fs8)    \
    DO(fs9) DO(fs10) DO(fs11)
#define FLOATS_SAVED 12
#define FLOAT_NAMES                                                            \
    "fs0", "fs1", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9",      \
    "fs10", "fs11"
#define REGISTER_ARGUMENT_1 a0
#define REGISTER_ARGUMENT_2 a1
#define REGISTER_SPARE t3
#define REGISTER_RECORD s1

/* One register at a time, so that each can be left out. .irp repeats what
   stands between it and .endr, once for each number. */
#define SWITCH_EACH(forgotten, instruction, letters, offset, base)             \
    "   .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"                     \
    "   .ifnc   " #forgotten ", " #letters "\\i\n"                             \
    "   .ifnc   " #forgotten ", all\n"                                         \
    "   " #instruction " " #letters "\\i, " AT(offset) " + 8*\\i(" #base ")\n" \
    "   .endif\n"                                                              \
    "   .endif\n"                                                              \
    "   .endr\n"

#define SWITCH_WITHOUT(forgotten)                                              \
    __attribute__((visibility("hidden")))                                      \
    void switch_without_##forgotten(struct context *old, const struct context *new); \
    __asm__(ASM_FUNCTION(switch_without_##forgotten)                           \
        "   addi    sp,  sp, -0x10\n" LOWERED(0x10)                            \
        "   sd      ra,  0x00(sp)\n" SAVED(ra, -0x10)                          \
        "   sd      sp,  " AT(CONTEXT_SP) "(a0)\n"                             \
        SWITCH_EACH(forgotten, sd, s, CONTEXT_S(0), a0)                        \
        SWITCH_EACH(forgotten, fsd, fs, CONTEXT_FS(0), a0)                     \
        "   ld      sp,  " AT(CONTEXT_SP) "(a1)\n" IN_NEW(forgotten)           \
        SWITCH_EACH(forgotten, ld, s, CONTEXT_S(0), a1)                        \
        SWITCH_EACH(forgotten, fld, fs, CONTEXT_FS(0), a1)                     \
        "   ld      t2,  0x00(sp)\n" GOES_ON_BY(t2)                            \
        "   ld      ra,  0x08(sp)\n"                                           \
        "   addi    sp,  sp, 0x10\n" LOWERED(0)                                \
        "   jr      t2\n"                                                      \
        ASM_END(switch_without_##forgotten)                                    \
    );

__asm__(ASM_FUNCTION(overwrite_callee_saved)
    "   li      s0,  -1               \n"
    "   li      s1,  -1               \n"
    "   li      s2,  -1               \n"
    "   li      s3,  -1               \n"
    "   li      s4,  -1               \n"
    "   li      s5,  -1               \n"
    "   li      s6,  -1               \n"
    "   li      s7,  -1               \n"
    "   li      s8,  -1               \n"
    "   li      s9,  -1               \n"
    "   li      s10, -1               \n"
    "   li      s11, -1               \n"
    "   fmv.d.x fs0,  s0              \n"
    "   fmv.d.x fs1,  s0              \n"
    "   fmv.d.x fs2,  s0              \n"
    "   fmv.d.x fs3,  s0              \n"
    "   fmv.d.x fs4,  s0              \n"
    "   fmv.d.x fs5,  s0              \n"
    "   fmv.d.x fs6,  s0              \n"
    "   fmv.d.x fs7,  s0              \n"
    "   fmv.d.x fs8,  s0              \n"
    "   fmv.d.x fs9,  s0              \n"
    "   fmv.d.x fs10, s0              \n"
    "   fmv.d.x fs11, s0              \n"
    "   mv      t0,  a0                 \n"
    "   mv      a0,  a1                 \n"
    "   mv      a1,  t0                 \n"
    "   mv      ra,  t3                 \n" // any value will do: we do not come back
    "   jr      t3                      \n"
    ASM_END(overwrite_callee_saved)
);

__asm__(ASM_FUNCTION(store_floats)
    "   fsd     fs0,  0x00(a0)        \n"
    "   fsd     fs1,  0x08(a0)        \n"
    "   fsd     fs2,  0x10(a0)        \n"
    "   fsd     fs3,  0x18(a0)        \n"
    "   fsd     fs4,  0x20(a0)        \n"
    "   fsd     fs5,  0x28(a0)        \n"
    "   fsd     fs6,  0x30(a0)        \n"
    "   fsd     fs7,  0x38(a0)        \n"
    "   fsd     fs8,  0x40(a0)        \n"
    "   fsd     fs9,  0x48(a0)        \n"
    "   fsd     fs10, 0x50(a0)        \n"
    "   fsd     fs11, 0x58(a0)        \n"
    "   ret                           \n"
    ASM_END(store_floats)
);

__asm__(ASM_FUNCTION(load_floats)
    "   fld     fs0,  0x00(a0)        \n"
    "   fld     fs1,  0x08(a0)        \n"
    "   fld     fs2,  0x10(a0)        \n"
    "   fld     fs3,  0x18(a0)        \n"
    "   fld     fs4,  0x20(a0)        \n"
    "   fld     fs5,  0x28(a0)        \n"
    "   fld     fs6,  0x30(a0)        \n"
    "   fld     fs7,  0x38(a0)        \n"
    "   fld     fs8,  0x40(a0)        \n"
    "   fld     fs9,  0x48(a0)        \n"
    "   fld     fs10, 0x50(a0)        \n"
    "   fld     fs11, 0x58(a0)        \n"
    "   ret                           \n"
    ASM_END(load_floats)
);

/* One word, fcsr: bits 5 to 7 say how to round, the lower ones are flags. No
   error of arithmetic is ever reported but by these. */
__asm__(ASM_FUNCTION(control_words)
    "   frcsr   a0                      \n"
    "   ret                             \n"
    ASM_END(control_words)
);

__asm__(ASM_FUNCTION(load_control_words)
    "   fscsr   a0                      \n"
    "   ret                             \n"
    ASM_END(load_control_words)
);

#define ROUND_UPWARD(words) (((words) & ~UINT64_C(0xe0)) | 0x60)

__asm__(ASM_FUNCTION(record_sp)
    "   sd      sp,  0(s1)              \n"
    "   addi    s1,  s1, 8              \n"
    "   ret                             \n"
    ASM_END(record_sp)
);

__asm__(ASM_FUNCTION(record_sp_and_leave)
    "   sd      sp,  0(s1)              \n"
    "   mv      t0,  a0                 \n"
    "   mv      a0,  a1                 \n"
    "   mv      a1,  t0                 \n"
    "   tail    " SYMBOL(switch_context) "\n"
    ASM_END(record_sp_and_leave)
);

/* As on System V, without a look: see there. */
#define SWITCH_STACK_THAT(way)                                                 \
    __attribute__((visibility("hidden")))                                      \
    void switch_stack_that_##way(void **old, void *const *new);                \
    __asm__(ASM_FUNCTION(switch_stack_that_##way)                              \
        "   addi    sp, sp, -0xd0\n" LOWERED(0xd0)                             \
        "   sd      ra, 0x00(sp)\n" SAVED(ra, -0xd0)                           \
        "   .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"                 \
        "   sd      s\\i,  0x08 + 8*\\i(sp)\n" SAVED(s\\i, 8*\\i - 0xc8)       \
        "   fsd     fs\\i, 0x68 + 8*\\i(sp)\n" SAVED(fs\\i, 8*\\i - 0x68)      \
        "   .endr\n"                                                           \
        "   sd      sp, 0(a0)\n"                                               \
        "   ld      sp, 0(a1)\n"                                               \
        "   .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"                 \
        "   ld      s\\i,  0x08 + 8*\\i(sp)\n" BACK(s\\i)                      \
        "   fld     fs\\i, 0x68 + 8*\\i(sp)\n" BACK(fs\\i)                     \
        "   .endr\n"                                                           \
        "   ld      t2, 0x00(sp)\n" GOES_ON_BY(t2)                             \
        "   addi    sp, sp, 0xd0\n" LOWERED(0)                                 \
        SWITCH_BY_##way                                                        \
        ASM_END(switch_stack_that_##way)                                       \
    )
#define SWITCH_BY_jumps "   jr t2\n"
#define SWITCH_BY_returns "   mv ra, t2\n   ret\n"

#endif
