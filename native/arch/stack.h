/*
 * stack.h: a few things about the stack that C has no words for. Chapter 04.
 *
 * No functions: each machine defines
 *
 *     READ_SP(variable)    the stack pointer, without a call
 *     TRAP()               one instruction; the system answers it with SIGTRAP
 *     TRAP_LENGTH          what a handler adds to pc, to go on behind it
 *     FRAME_PAIR           where the caller's frame pointer lies, and above it
 *                          the return address: bytes from the frame pointer
 *     SIGNAL_PC(context)   pc of the code that a signal interrupted, and its sp;
 *     SIGNAL_SP(context)   `context` is a handler's third argument
 */
#ifndef GREEN_THREADS_ARCH_STACK_H
#define GREEN_THREADS_ARCH_STACK_H
#endif
