/*
 * pushes.h: what a switch is made of that keeps its registers on the stack. Chapter
 * 05, AArch64.
 *
 * Read x86_64-sysv/pushes.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_AARCH64_PUSHES_H
#define GREEN_THREADS_ARCH_AARCH64_PUSHES_H

/* clang-format off: the columns are aligned by hand. */

#define PUSH_ONE "   stp     x19, x30, [sp, #-0x10]! \n"
#define POP_ONE "   ldp     x19, x30, [sp], #0x10   \n"
#define PUSH_FIRST                                                             \
    "   stp     x29, x30, [sp, #-0x10]! \n"                                    \
    "   stp     x19, x20, [sp, #-0x10]! \n"                                    \
    "   stp     x21, x22, [sp, #-0x10]! \n"
#define POP_FIRST                                                              \
    "   ldp     x21, x22, [sp], #0x10   \n"                                    \
    "   ldp     x19, x20, [sp], #0x10   \n"                                    \
    "   ldp     x29, x30, [sp], #0x10   \n"
#define PUSH_SECOND                                                            \
    "   stp     x23, x24, [sp, #-0x10]! \n"                                    \
    "   stp     x25, x26, [sp, #-0x10]! \n"                                    \
    "   stp     x27, x28, [sp, #-0x10]! \n"
#define POP_SECOND                                                             \
    "   ldp     x27, x28, [sp], #0x10   \n"                                    \
    "   ldp     x25, x26, [sp], #0x10   \n"                                    \
    "   ldp     x23, x24, [sp], #0x10   \n"
#define PUSH_THIRD                                                             \
    "   stp     d8,  d9,  [sp, #-0x10]! \n"                                    \
    "   stp     d10, d11, [sp, #-0x10]! \n"                                    \
    "   stp     d12, d13, [sp, #-0x10]! \n"                                    \
    "   stp     d14, d15, [sp, #-0x10]! \n"
#define POP_THIRD                                                              \
    "   ldp     d14, d15, [sp], #0x10   \n"                                    \
    "   ldp     d12, d13, [sp], #0x10   \n"                                    \
    "   ldp     d10, d11, [sp], #0x10   \n"                                    \
    "   ldp     d8,  d9,  [sp], #0x10   \n"
#define CALL(name) "   bl      " SYMBOL(name) "\n"

#endif
