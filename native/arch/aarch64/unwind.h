/*
 * unwind.h: for those who walk the stack, AArch64.
 *
 * Read x86_64-sysv/unwind.h first: here stands what differs.
 *
 * To be written behind the instruction that they tell of:
 *
 *     LOWERED(bytes)       sp has been lowered by so many, from where it was at
 *                          the call, and no further; 0: it is there again
 *     SAVED(r, s, offset)  the pair lies at the CFA + offset
 *     BACK(r, s)           the pair is the caller's again
 *     GOES_ON_AT(offset)   where to return to lies there, and not in x30
 *     GOES_ON_BY(register) it is in this register
 *     LEFT_BY_SWITCH_STACK what switch_stack has left lies at sp
 */
#ifndef GREEN_THREADS_ARCH_AARCH64_UNWIND_H
#define GREEN_THREADS_ARCH_AARCH64_UNWIND_H

/* clang-format off: the columns are aligned by hand. */

#if defined PLAIN
#define LOWERED(bytes)
#define SAVED(r, s, offset)
#define BACK(r, s)
#define GOES_ON_AT(offset)
#define GOES_ON_BY(register)
#define LEFT_BY_SWITCH_STACK
#else
#define CFI_PC "x30"
#define LOWERED(bytes) "   .cfi_def_cfa_offset " #bytes "\n"
#define SAVED(r, s, offset)                                                    \
    "   .cfi_offset " #r ", " #offset "\n   .cfi_offset " #s ", " #offset " + 8\n"
#define BACK(r, s) "   .cfi_restore " #r "\n   .cfi_restore " #s "\n"
#define GOES_ON_AT(offset) "   .cfi_offset x30, " #offset "\n"
#define GOES_ON_BY(register) "   .cfi_register x30, " #register "\n"
#define LEFT_BY_SWITCH_STACK                                                   \
    LOWERED(0xa0) SAVED(x29, x30, -0xa0)                                       \
    SAVED(x19, x20, -0x90) SAVED(x21, x22, -0x80) SAVED(x23, x24, -0x70)       \
    SAVED(x25, x26, -0x60) SAVED(x27, x28, -0x50) SAVED(d8, d9, -0x40)         \
    SAVED(d10, d11, -0x30) SAVED(d12, d13, -0x20) SAVED(d14, d15, -0x10)
#endif

/* Something for each of these registers, but not in a switch that forgets it.
   .irp repeats what stands between it and .endr, once for each number; what
   stands between .ifnc and .endif is dropped if the names agree. */
#define SWITCH_EACH(forgotten, letter, numbers, text)                          \
    "   .irp    i, " numbers "\n"                                              \
    "   .ifnc   " #forgotten ", " #letter "\\i\n"                              \
    "   .ifnc   " #forgotten ", all\n" text "   .endif\n   .endif\n   .endr\n"
#define X_KEPT "19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29"
#define X_PLACE "8 * (\\i - 18)"
#define D_KEPT "8, 9, 10, 11, 12, 13, 14, 15"
#define D_PLACE "0x60 + 8 * (\\i - 8)"

/* For a walk, from the exchange of sp on: the registers of the one who goes on
   are in *new, and so spelled as on x86-64; d8 has the number 72. The offset from
   x1 fills two bytes, seven bits in each. */
#if defined PLAIN
#define IN_NEW(forgotten)
#else
#define IN_NEW_AT(number, place)                                               \
    "   .cfi_escape 0x10, " number ", 3, 0x71, (" place ") & 127 | 128, (" place ") >> 7\n"
#define IN_NEW(forgotten)                                                      \
    SWITCH_EACH(forgotten, x, X_KEPT, IN_NEW_AT("\\i", X_PLACE))               \
    SWITCH_EACH(forgotten, d, D_KEPT, IN_NEW_AT("64 + \\i", D_PLACE))
#endif

#endif
