/*
 * inline.h: the switch, written where it is needed. Chapter 11, RISC-V 64.
 *
 * Read x86_64-sysv/inline.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_RISCV64_INLINE_H
#define GREEN_THREADS_ARCH_RISCV64_INLINE_H

/* clang-format off: the columns are aligned by hand. */

#if defined __riscv_vector
#error "inline.h does not list the vector registers: compile without the extension V."
#endif

/* Kept: sp, pc, s0, which may be the frame pointer, and s1, clang's other one. A jump by
   way of t0 would be taken for a return; of t2 it is not. */
__attribute__((always_inline))
static inline struct place *switch_here(struct place *old, struct place *new) {
    register struct place *from __asm__("a0") = old;
    register struct place *to __asm__("a1") = new;

    __asm__ volatile(
        "lla    t2, 2f                      \n"
        "sd     sp, " AT(PLACE_SP) "(a0)    \n"
        "sd     t2, " AT(PLACE_PC) "(a0)    \n"
        "sd     s0, " AT(PLACE_FRAME) "(a0) \n"
        "sd     s1, " AT(PLACE_BASE) "(a0)  \n"
        "ld     t2, " AT(PLACE_PC) "(a1)    \n"
        "ld     s0, " AT(PLACE_FRAME) "(a1) \n"
        "ld     s1, " AT(PLACE_BASE) "(a1)  \n"
        "ld     sp, " AT(PLACE_SP) "(a1)    \n"
        "jr     t2                          \n"
        "2:                                 \n"
        : "+r"(from), "+r"(to)
        :
        : "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6",
          "a2", "a3", "a4", "a5", "a6", "a7",
          "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11",
          "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "ft8", "ft9", "ft10", "ft11",
          "fa0", "fa1", "fa2", "fa3", "fa4", "fa5", "fa6", "fa7",
          "fs0", "fs1", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11",
          "memory");
    return to;
}

#endif
