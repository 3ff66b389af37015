/*
 * pushes.h: what a switch is made of that keeps its registers on the stack. Chapter
 * 05, RISC-V 64.
 *
 * Read x86_64-sysv/pushes.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_RISCV64_PUSHES_H
#define GREEN_THREADS_ARCH_RISCV64_PUSHES_H

/* clang-format off: the columns are aligned by hand. */

#define PUSH_ONE                                                               \
    "   addi    sp,  sp, -0x10          \n"                                    \
    "   sd      s0,  0x00(sp)           \n"                                    \
    "   sd      ra,  0x08(sp)           \n"
#define POP_ONE                                                                \
    "   ld      s0,  0x00(sp)           \n"                                    \
    "   ld      ra,  0x08(sp)           \n"                                    \
    "   addi    sp,  sp, 0x10           \n"
#define PUSH_FIRST                                                             \
    "   addi    sp,  sp, -0x30          \n"                                    \
    "   sd      ra,   0x00(sp)          \n"                                    \
    "   sd      s0,   0x08(sp)          \n"                                    \
    "   sd      s1,   0x10(sp)          \n"                                    \
    "   sd      s2,   0x18(sp)          \n"                                    \
    "   sd      s3,   0x20(sp)          \n"                                    \
    "   sd      s4,   0x28(sp)          \n"
#define POP_FIRST                                                              \
    "   ld      ra,   0x00(sp)          \n"                                    \
    "   ld      s0,   0x08(sp)          \n"                                    \
    "   ld      s1,   0x10(sp)          \n"                                    \
    "   ld      s2,   0x18(sp)          \n"                                    \
    "   ld      s3,   0x20(sp)          \n"                                    \
    "   ld      s4,   0x28(sp)          \n"                                    \
    "   addi    sp,  sp, 0x30           \n"
#define PUSH_SECOND                                                            \
    "   addi    sp,  sp, -0x40          \n"                                    \
    "   sd      s5,   0x00(sp)          \n"                                    \
    "   sd      s6,   0x08(sp)          \n"                                    \
    "   sd      s7,   0x10(sp)          \n"                                    \
    "   sd      s8,   0x18(sp)          \n"                                    \
    "   sd      s9,   0x20(sp)          \n"                                    \
    "   sd      s10,  0x28(sp)          \n"                                    \
    "   sd      s11,  0x30(sp)          \n"
#define POP_SECOND                                                             \
    "   ld      s5,   0x00(sp)          \n"                                    \
    "   ld      s6,   0x08(sp)          \n"                                    \
    "   ld      s7,   0x10(sp)          \n"                                    \
    "   ld      s8,   0x18(sp)          \n"                                    \
    "   ld      s9,   0x20(sp)          \n"                                    \
    "   ld      s10,  0x28(sp)          \n"                                    \
    "   ld      s11,  0x30(sp)          \n"                                    \
    "   addi    sp,  sp, 0x40           \n"
#define PUSH_THIRD                                                             \
    "   addi    sp,  sp, -0x60          \n"                                    \
    "   fsd     fs0,  0x00(sp)          \n"                                    \
    "   fsd     fs1,  0x08(sp)          \n"                                    \
    "   fsd     fs2,  0x10(sp)          \n"                                    \
    "   fsd     fs3,  0x18(sp)          \n"                                    \
    "   fsd     fs4,  0x20(sp)          \n"                                    \
    "   fsd     fs5,  0x28(sp)          \n"                                    \
    "   fsd     fs6,  0x30(sp)          \n"                                    \
    "   fsd     fs7,  0x38(sp)          \n"                                    \
    "   fsd     fs8,  0x40(sp)          \n"                                    \
    "   fsd     fs9,  0x48(sp)          \n"                                    \
    "   fsd     fs10, 0x50(sp)          \n"                                    \
    "   fsd     fs11, 0x58(sp)          \n"
#define POP_THIRD                                                              \
    "   fld     fs0,  0x00(sp)          \n"                                    \
    "   fld     fs1,  0x08(sp)          \n"                                    \
    "   fld     fs2,  0x10(sp)          \n"                                    \
    "   fld     fs3,  0x18(sp)          \n"                                    \
    "   fld     fs4,  0x20(sp)          \n"                                    \
    "   fld     fs5,  0x28(sp)          \n"                                    \
    "   fld     fs6,  0x30(sp)          \n"                                    \
    "   fld     fs7,  0x38(sp)          \n"                                    \
    "   fld     fs8,  0x40(sp)          \n"                                    \
    "   fld     fs9,  0x48(sp)          \n"                                    \
    "   fld     fs10, 0x50(sp)          \n"                                    \
    "   fld     fs11, 0x58(sp)          \n"                                    \
    "   addi    sp,  sp, 0x60           \n"
#define CALL(name) "   call    " SYMBOL(name) "\n"

#endif
