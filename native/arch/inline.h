/*
 * inline.h: the switch, written where it is needed. Chapter 11, which includes it behind
 * arch.h and before watch.h. There is none for Windows.
 *
 * Each machine also defines
 *
 *     switch_here(old, new)   leaves the running stack with its place in *old, and
 *                             goes on at the place *new. Always inlined: no call, no
 *                             return. To the compiler it is an instruction that
 *                             overwrites all registers
 *     SP_AT_ENTRY             as switch.h says: a place may be a function's first
 *                             instruction. It finds `old` and `new` as its arguments
 *
 * A place is kept in the caller's memory and nowhere else: of the stack that is left
 * and of the one that is gone to, nothing is read or written. So nothing is to be
 * forged on a new one, and the red zone needs no care.
 *
 * What must not be missing in the list of what is overwritten: every register that a
 * compiler may keep a value in. The test that proves it holds a value in each one of
 * them, and goes where all are overwritten. Not in the list, and kept by hand: the
 * frame pointer, and the register from which clang reaches its variables where the
 * stack pointer will not do. A compiler refuses to be told that it has lost these.
 * Left alone, as by every switch here: how floats are rounded.
 *
 * From the exchange of sp to the jump, one instruction, a debugger that walks the
 * stack takes the old function for the owner of the new stack.
 */
#ifndef GREEN_THREADS_ARCH_INLINE_H
#define GREEN_THREADS_ARCH_INLINE_H

/* clang-format off: the columns are aligned by hand. */

/* Where a stack that waits goes on, and with what. */
struct place {
    void *sp, *pc;
    void *frame; /* the frame pointer */
    void *base;  /* clang's other one */
};

#define PLACE_SP    0x00
#define PLACE_PC    0x08
#define PLACE_FRAME 0x10
#define PLACE_BASE  0x18

#define HOLDS(member, offset)                                                  \
    _Static_assert(offsetof(struct place, member) == (offset),                 \
                   #member " is not where the switch looks for it")
HOLDS(sp, PLACE_SP);
HOLDS(pc, PLACE_PC);
HOLDS(frame, PLACE_FRAME);
HOLDS(base, PLACE_BASE);
#undef HOLDS

#if defined __x86_64__ && !defined _WIN32
#include "x86_64-sysv/inline.h"
#elif defined __aarch64__ && !defined _WIN32
#include "aarch64/inline.h"
#elif defined __riscv && __riscv_xlen == 64
#include "riscv64/inline.h"
#else
#error "No inlined switch for this processor or system yet."
#endif

#endif
