/*
 * give.h: a switch back to whoever called. Chapter 09, which includes it itself, behind
 * arch.h and before watch.h.
 *
 * Each machine also defines
 *
 *     give_stack(old, new)   as switch_stack, for a stack `new` that was left by a call
 *                            which is to return now. Always inlined: to the compiler it
 *                            is a call, to the processor a jump, which ends in a return
 *
 * Why. The processor predicts that a return leads behind the latest call that has not
 * come back. A generator that gives a value is not to return from anything; it is the
 * one that asked whose call returns, with the value. So a generator must not call to
 * give: its call would be the latest, and the return of the other would be
 * predicted to lead behind it; and so would go wrong all returns of those who called the
 * other. If it jumps, the latest call is the other's, and each return leads where
 * it is predicted to lead, up into Java.
 *
 * A call by a jump: the address behind it goes where a call would have put it, and the
 * compiler is told that what belongs to a caller is lost. But it does not know that
 * something is called. So on its own stack it may use the red zone, where a call would
 * overwrite it: what is stored lies below. What waits looks as if switch_stack had left
 * it, and switch_stack may go back to it.
 */
#ifndef GREEN_THREADS_ARCH_GIVE_H
#define GREEN_THREADS_ARCH_GIVE_H

/* clang-format off: the columns are aligned by hand. */

#if defined __x86_64__ && defined _WIN32
#define give_stack switch_stack /* there a call is a call */
#elif defined __x86_64__
#include "x86_64-sysv/give.h"
#elif defined __aarch64__ && !defined _WIN32
#include "aarch64/give.h"
#elif defined __riscv && __riscv_xlen == 64
#include "riscv64/give.h"
#else
#error "No give.h for this processor or system yet."
#endif

#endif
