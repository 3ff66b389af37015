/*
 * pushes.h: what a switch is made of that keeps its registers on the stack. Chapter
 * 05, where a reader writes one. So it stands before switch.h.
 *
 * Each machine defines
 *
 *     PUSH_ONE, POP_ONE         the instructions that put one callee-saved
 *                               register on the stack, and take it off; where a
 *                               register holds the return address, that as well
 *     PUSH_FIRST, PUSH_SECOND, PUSH_THIRD, POP_FIRST, POP_SECOND, POP_THIRD
 *                               the same for all callee-saved registers, in three
 *                               groups; the return address is in the first. Not on
 *                               Windows, where a switch keeps other words as well
 *     CALL(name)                the instruction that calls a function
 */
#ifndef GREEN_THREADS_ARCH_PUSHES_H
#define GREEN_THREADS_ARCH_PUSHES_H
#endif
