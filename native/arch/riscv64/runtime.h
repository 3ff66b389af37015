/*
 * runtime.h: the switch of the runtime. Chapter 07, RISC-V 64.
 *
 * Read x86_64-sysv/runtime.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_RISCV64_RUNTIME_H
#define GREEN_THREADS_ARCH_RISCV64_RUNTIME_H

/* clang-format off: the columns are aligned by hand. */

#define SAVED_WORDS 26
#define ENTRY_WORD 0

/*
 *     void switch_stack(void **old, void *const *new);
 *                       a0          a1
 *
 *     a stack that waits, and a new one, as its maker forges it
 *
 *     top         ────────────────────
 *     sp + 0xc8   nothing
 *     sp + 0x68   fs0 … fs11           0
 *     sp + 0x08   s0 … s11             0: also the frame pointer, s0, and the
 *                                      chain of frames ends here
 *     sp + 0x00   ra                   where it begins
 *
 * .irp repeats what stands between it and .endr, once for each number: 24 stores and
 * 24 loads. `ret` is `jr ra`, and the processor tells them from other jumps by the
 * register: ra, it takes for a return.
 */
__asm__(ASM_FUNCTION(switch_stack)
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
    "   ld      t2, 0x00(sp)            \n" GOES_ON_BY(t2)
    "   addi    sp, sp, 0xd0            \n" LOWERED(0)
    "   bne     t2, ra, 1f              \n" // ra: where we shall go on
    "   ret                             \n"
    "1: jr      t2                      \n"
    ASM_END(switch_stack)
);

#endif
