/*
 * pushes.h: what a switch is made of that keeps its registers on the stack. Chapter
 * 05, x86-64 Windows.
 *
 * Read x86_64-sysv/pushes.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_WINDOWS_PUSHES_H
#define GREEN_THREADS_ARCH_X86_64_WINDOWS_PUSHES_H

/* clang-format off: the columns are aligned by hand. */

#define PUSH_ONE "   push    rbx                     \n"
#define POP_ONE "   pop     rbx                     \n"
#define CALL(name) "   call    " SYMBOL(name) "\n"

#endif
