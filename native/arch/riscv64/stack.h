/*
 * stack.h: what C has no words for. Chapter 04, RISC-V 64.
 *
 * Read x86_64-sysv/stack.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_RISCV64_STACK_H
#define GREEN_THREADS_ARCH_RISCV64_STACK_H

/* clang-format off: the columns are aligned by hand. */

/* The frame pointer is the sp of the caller; the pair lies below it. */
#define FRAME_PAIR (-16)

#define READ_SP(variable) __asm__ volatile("mv %0, sp" : "=r"(variable))

/* A breakpoint, four bytes long: there is also one of two, which the assembler
   would prefer. The signal comes in its place: pc points at it, and a handler
   that wants to go on must step over it. */
#define TRAP()                                                                 \
    __asm__ volatile(".option push\n.option norvc\nebreak\n.option pop" ::: "memory")
#define TRAP_LENGTH 4

#define SIGNAL_PC(context) (((ucontext_t *)(context))->uc_mcontext.__gregs[REG_PC])
#define SIGNAL_SP(context) (((ucontext_t *)(context))->uc_mcontext.__gregs[REG_SP])

#endif
