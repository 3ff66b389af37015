/*
 * stack.h: what C has no words for. Chapter 04, x86-64 System V.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_SYSV_STACK_H
#define GREEN_THREADS_ARCH_X86_64_SYSV_STACK_H

/* clang-format off: the columns are aligned by hand. */

#define FRAME_PAIR 0

/* Both dialects, for the compiler may write either one around it. */
#define READ_SP(variable) __asm__ volatile("mov {%%rsp, %0|%0, rsp}" : "=r"(variable))

/* A breakpoint, one byte long. It has been executed when the signal comes, so
   pc already points behind it. */
#define TRAP() __asm__ volatile("int3" ::: "memory")
#define TRAP_LENGTH 0

#if defined __APPLE__
#define SIGNAL_PC(context) (((ucontext_t *)(context))->uc_mcontext->__ss.__rip)
#define SIGNAL_SP(context) (((ucontext_t *)(context))->uc_mcontext->__ss.__rsp)
#else
#define SIGNAL_PC(context) (((ucontext_t *)(context))->uc_mcontext.gregs[REG_RIP])
#define SIGNAL_SP(context) (((ucontext_t *)(context))->uc_mcontext.gregs[REG_RSP])
#endif

#endif
