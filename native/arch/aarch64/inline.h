/*
 * inline.h: the switch, written where it is needed. Chapter 11, AArch64.
 *
 * Read x86_64-sysv/inline.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_AARCH64_INLINE_H
#define GREEN_THREADS_ARCH_AARCH64_INLINE_H

/* clang-format off: the columns are aligned by hand. */

/* `br x17` may land on a function's mark as well as on this one: `bti j`. */
#if defined __ARM_FEATURE_BTI_DEFAULT
#define LANDING_HERE "hint #36\n"
#else
#define LANDING_HERE ""
#endif

/* Kept: sp, pc, x29, and x19, clang's other one. */
__attribute__((always_inline))
static inline struct place *switch_here(struct place *old, struct place *new) {
    register struct place *from __asm__("x0") = old;
    register struct place *to __asm__("x1") = new;

    __asm__ volatile(
        "adr    x9,  2f                     \n"
        "mov    x10, sp                     \n"
        "stp    x10, x9,  [x0, #" AT(PLACE_SP) "]    \n"
        "stp    x29, x19, [x0, #" AT(PLACE_FRAME) "] \n"
        "ldp    x10, x17, [x1, #" AT(PLACE_SP) "]    \n"
        "ldp    x29, x19, [x1, #" AT(PLACE_FRAME) "] \n"
        "mov    sp,  x10                    \n"
        "br     x17                         \n"
        "2:                                 \n" LANDING_HERE
        : "+r"(from), "+r"(to)
        :
        : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
          "x15", "x16", "x17" LOST_ELSEWHERE, "x20", "x21", "x22", "x23", "x24", "x25", "x26",
          "x27", "x28", "x30",
          "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13",
          "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25",
          "v26", "v27", "v28", "v29", "v30", "v31" LOST_TOO,
          "cc", "memory");
    return to;
}

#endif
