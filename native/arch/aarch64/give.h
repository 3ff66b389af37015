/*
 * give.h: a switch back to whoever called. Chapter 09, AArch64.
 *
 * Read x86_64-sysv/give.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_AARCH64_GIVE_H
#define GREEN_THREADS_ARCH_AARCH64_GIVE_H

/* clang-format off: the columns are aligned by hand. */

/*
 *     give_by_jump, which is jumped to:
 *         x0: old         x1: new         x30: where we shall go on
 *
 *     the stack that waits
 *
 *     … the frame of whoever gives
 *     128 bytes      the red zone, which macOS has
 *     16 bytes       where it goes on, and nothing
 *     0xa0 bytes     as switch_stack leaves them; x30: 1, which leads there  ← *old
 */
__asm__(ASM_FUNCTION(give_by_jump)
    "   sub     sp,  sp,  #0x90         \n" LOWERED(0x90)
    "   str     x30, [sp]               \n" GOES_ON_AT(-0x90)
    "   adr     x30, 1f                 \n"
    "   stp     x29, x30, [sp, #-0xa0]! \n" LOWERED(0x130) SAVED(x29, x30, -0x130) GOES_ON_AT(-0x90)
    "   stp     x19, x20, [sp, #0x10]   \n" SAVED(x19, x20, -0x120)
    "   stp     x21, x22, [sp, #0x20]   \n" SAVED(x21, x22, -0x110)
    "   stp     x23, x24, [sp, #0x30]   \n" SAVED(x23, x24, -0x100)
    "   stp     x25, x26, [sp, #0x40]   \n" SAVED(x25, x26, -0xf0)
    "   stp     x27, x28, [sp, #0x50]   \n" SAVED(x27, x28, -0xe0)
    "   stp     d8,  d9,  [sp, #0x60]   \n" SAVED(d8, d9, -0xd0)
    "   stp     d10, d11, [sp, #0x70]   \n" SAVED(d10, d11, -0xc0)
    "   stp     d12, d13, [sp, #0x80]   \n" SAVED(d12, d13, -0xb0)
    "   stp     d14, d15, [sp, #0x90]   \n" SAVED(d14, d15, -0xa0)
    "   mov     x9,  sp                 \n"
    "   str     x9,  [x0]               \n"
    "   ldr     x9,  [x1]               \n"
    "   mov     sp,  x9                 \n" LEFT_BY_SWITCH_STACK
    "   ldp     d14, d15, [sp, #0x90]   \n" BACK(d14, d15)
    "   ldp     d12, d13, [sp, #0x80]   \n" BACK(d12, d13)
    "   ldp     d10, d11, [sp, #0x70]   \n" BACK(d10, d11)
    "   ldp     d8,  d9,  [sp, #0x60]   \n" BACK(d8, d9)
    "   ldp     x27, x28, [sp, #0x50]   \n" BACK(x27, x28)
    "   ldp     x25, x26, [sp, #0x40]   \n" BACK(x25, x26)
    "   ldp     x23, x24, [sp, #0x30]   \n" BACK(x23, x24)
    "   ldp     x21, x22, [sp, #0x20]   \n" BACK(x21, x22)
    "   ldp     x19, x20, [sp, #0x10]   \n" BACK(x19, x20)
    "   ldp     x29, x30, [sp], #0xa0   \n" LOWERED(0) BACK(x29, x30)
    "   ret                             \n" LOWERED(0x90) GOES_ON_AT(-0x90)
    "   nop                             \n" // a return address is looked up in front of it
    "1: ldr     x30, [sp]               \n"
    "   add     sp,  sp,  #0x90         \n" LOWERED(0) GOES_ON_BY(x30)
    JUMP_BACK
    ASM_END(give_by_jump)
);

/* Of d8 to d15 a switch keeps the half that a call keeps; to the compiler a register is
   lost or kept as a whole. */
__attribute__((always_inline))
static inline void give_stack(void **old, void *const *new) {
    register void **from __asm__("x0") = old;
    register void *const *to __asm__("x1") = new;

    __asm__ volatile(
        "adr    x30, 2f                     \n"
        "b      " SYMBOL(give_by_jump) "    \n"
        "2:                                 \n"
        : "+r"(from), "+r"(to)
        :
        : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
          "x15", "x16", "x17" LOST_ELSEWHERE, "x30",
          "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13",
          "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25",
          "v26", "v27", "v28", "v29", "v30", "v31" LOST_TOO,
          "cc", "memory");
}

#endif
