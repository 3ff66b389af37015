/*
 * give.h: a switch back to whoever called. Chapter 09, RISC-V 64.
 *
 * Read x86_64-sysv/give.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_RISCV64_GIVE_H
#define GREEN_THREADS_ARCH_RISCV64_GIVE_H

/* clang-format off: the columns are aligned by hand. */

#if defined __riscv_vector
#error "give.h does not list the vector registers: compile without the extension V."
#endif

/*
 *     give_by_jump, which is jumped to:
 *         a0: old         a1: new         ra: where we shall go on
 *
 * There is no red zone. So what waits is just what switch_stack leaves, and it goes on
 * without a detour. That the end is a return, the processor sees by the register, ra.
 */
__asm__(ASM_FUNCTION(give_by_jump)
    "   addi    sp, sp, -0xd0           \n" LOWERED(0xd0)
    "   sd      ra, 0x00(sp)            \n" SAVED(ra, -0xd0)
    "   .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 \n"
    "   sd      s\\i,  0x08 + 8*\\i(sp)   \n" SAVED(s\\i, 8*\\i - 0xc8)
    "   fsd     fs\\i, 0x68 + 8*\\i(sp)   \n" SAVED(fs\\i, 8*\\i - 0x68)
    "   .endr                           \n"
    "   sd      sp, 0(a0)               \n"
    "   ld      sp, 0(a1)               \n"
    "   .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 \n"
    "   ld      s\\i,  0x08 + 8*\\i(sp)   \n" BACK(s\\i)
    "   fld     fs\\i, 0x68 + 8*\\i(sp)   \n" BACK(fs\\i)
    "   .endr                           \n"
    "   ld      ra, 0x00(sp)            \n" BACK(ra)
    "   addi    sp, sp, 0xd0            \n" LOWERED(0)
    "   ret                             \n"
    ASM_END(give_by_jump)
);

/* `tail` jumps by way of t1, if it is far: from ra or t0 the processor would take it for
   something else. */
__attribute__((always_inline))
static inline void give_stack(void **old, void *const *new) {
    register void **from __asm__("a0") = old;
    register void *const *to __asm__("a1") = new;

    __asm__ volatile(
        "lla    ra, 2f                      \n"
        "tail   " SYMBOL(give_by_jump) "    \n"
        "2:                                 \n"
        : "+r"(from), "+r"(to)
        :
        : "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6",
          "a2", "a3", "a4", "a5", "a6", "a7",
          "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "ft8", "ft9", "ft10", "ft11",
          "fa0", "fa1", "fa2", "fa3", "fa4", "fa5", "fa6", "fa7",
          "memory");
}

#endif
