/*
 * runtime.h: the switch of the runtime. Chapter 07.
 *
 * Each machine also defines what lies at the sp of a thread that waits:
 *
 *     SAVED_WORDS          how many words switch_stack leaves there
 *     ENTRY_WORD           which of them says where to go on
 *     BASE_WORD, LIMIT_WORD, ALLOCATION_WORD
 *                          only on Windows: which of them say where the stack is
 */
#ifndef GREEN_THREADS_ARCH_RUNTIME_H
#define GREEN_THREADS_ARCH_RUNTIME_H

/* clang-format off: the columns are aligned by hand. */

/* Leaves the running stack with its callee-saved registers on top of it, and
   its sp in *old; then goes on with the stack whose sp is in *new. A stack
   that has never run is forged to look like one that was left: see the drawing
   beside it. Where it begins, it finds `old` and `new` as its arguments. */
void switch_stack(void **old, void *const *new);

#endif
