/*
 * runtime.h: the switch of the runtime. Chapter 07, AArch64.
 *
 * Read x86_64-sysv/runtime.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_AARCH64_RUNTIME_H
#define GREEN_THREADS_ARCH_AARCH64_RUNTIME_H

/* clang-format off: the columns are aligned by hand. */

#define SAVED_WORDS 20
#define ENTRY_WORD 1

/* `br` goes where a register says, and no `ret` is predicted. But it must land
   on a `bti`, and a return address is none: where the compiler marks its code
   for that, it has to be `ret` after all. */
#if defined __ARM_FEATURE_BTI_DEFAULT
#define JUMP_BACK "   ret     x30                     \n"
#else
#define JUMP_BACK "   br      x30                     \n"
#endif

/*
 *     void switch_stack(void **old, void *const *new);
 *                       x0          x1
 *
 *     a stack that waits, and a new one, as its maker forges it
 *
 *     top         ────────────────────
 *     sp + 0x60   d8 … d15             0
 *     sp + 0x10   x19 … x28            0
 *     sp + 0x08   x30                  where it begins
 *     sp + 0x00   x29                  0: the chain of frames ends here
 */
__asm__(ASM_FUNCTION(switch_stack)
    "   mov     x10, x30                \n" // where we shall go on
    "   stp     x29, x30, [sp, #-0xa0]! \n" LOWERED(0xa0) SAVED(x29, x30, -0xa0)
    "   stp     x19, x20, [sp, #0x10]   \n" SAVED(x19, x20, -0x90)
    "   stp     x21, x22, [sp, #0x20]   \n" SAVED(x21, x22, -0x80)
    "   stp     x23, x24, [sp, #0x30]   \n" SAVED(x23, x24, -0x70)
    "   stp     x25, x26, [sp, #0x40]   \n" SAVED(x25, x26, -0x60)
    "   stp     x27, x28, [sp, #0x50]   \n" SAVED(x27, x28, -0x50)
    "   stp     d8,  d9,  [sp, #0x60]   \n" SAVED(d8, d9, -0x40)
    "   stp     d10, d11, [sp, #0x70]   \n" SAVED(d10, d11, -0x30)
    "   stp     d12, d13, [sp, #0x80]   \n" SAVED(d12, d13, -0x20)
    "   stp     d14, d15, [sp, #0x90]   \n" SAVED(d14, d15, -0x10)
    "   mov     x9,  sp                 \n"
    "   str     x9,  [x0]               \n"
    "   ldr     x9,  [x1]               \n"
    "   mov     sp,  x9                 \n"
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
    "   cmp     x30, x10                \n"
    "   b.ne    1f                      \n"
    "   ret                             \n"
    "1:" JUMP_BACK
    ASM_END(switch_stack)
);

#endif
