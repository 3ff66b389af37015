/*
 * pushes.h: what a switch is made of that keeps its registers on the stack. Chapter
 * 05, x86-64 System V.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_SYSV_PUSHES_H
#define GREEN_THREADS_ARCH_X86_64_SYSV_PUSHES_H

/* clang-format off: the columns are aligned by hand. */

#define PUSH_ONE "   push    rbx                     \n"
#define POP_ONE "   pop     rbx                     \n"
#define PUSH_FIRST                                                             \
    "   push    rbx                     \n"                                    \
    "   push    rbp                     \n"
#define POP_FIRST                                                              \
    "   pop     rbp                     \n"                                    \
    "   pop     rbx                     \n"
#define PUSH_SECOND                                                            \
    "   push    r12                     \n"                                    \
    "   push    r13                     \n"
#define POP_SECOND                                                             \
    "   pop     r13                     \n"                                    \
    "   pop     r12                     \n"
#define PUSH_THIRD                                                             \
    "   push    r14                     \n"                                    \
    "   push    r15                     \n"
#define POP_THIRD                                                              \
    "   pop     r15                     \n"                                    \
    "   pop     r14                     \n"
#define CALL(name) "   call    " SYMBOL(name) "\n"

#endif
