/*
 * stack.h: what C has no words for. Chapter 04, AArch64.
 *
 * Read x86_64-sysv/stack.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_AARCH64_STACK_H
#define GREEN_THREADS_ARCH_AARCH64_STACK_H

/* clang-format off: the columns are aligned by hand. */

#define FRAME_PAIR 0

#define READ_SP(variable) __asm__ volatile("mov %0, sp" : "=r"(variable))

/* A breakpoint, four bytes long. The signal comes in its place: pc points at
   it, and a handler that wants to go on must step over it. */
#define TRAP() __asm__ volatile("brk #0" ::: "memory")
#define TRAP_LENGTH 4

#if defined __APPLE__
#define SIGNAL_PC(context) (((ucontext_t *)(context))->uc_mcontext->__ss.__pc)
#define SIGNAL_SP(context) (((ucontext_t *)(context))->uc_mcontext->__ss.__sp)
#else
#define SIGNAL_PC(context) (((ucontext_t *)(context))->uc_mcontext.pc)
#define SIGNAL_SP(context) (((ucontext_t *)(context))->uc_mcontext.sp)
#endif

#endif
