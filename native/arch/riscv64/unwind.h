/*
 * unwind.h: for those who walk the stack, RISC-V 64.
 *
 * Read x86_64-sysv/unwind.h first: here stands what differs.
 *
 * To be written behind the instruction that they tell of:
 *
 *     LOWERED(bytes)       sp has been lowered by so many, from where it was at
 *                          the call, and no further; 0: it is there again
 *     SAVED(r, offset)     the register lies at the CFA + offset
 *     BACK(r)              the register is the caller's again
 *     GOES_ON_BY(register) where to return to is in this register, and not in ra
 */
#ifndef GREEN_THREADS_ARCH_RISCV64_UNWIND_H
#define GREEN_THREADS_ARCH_RISCV64_UNWIND_H

/* clang-format off: the columns are aligned by hand. */

#if defined PLAIN
#define LOWERED(bytes)
#define SAVED(r, offset)
#define BACK(r)
#define GOES_ON_BY(register)
#else
#define CFI_PC "ra"
#define LOWERED(bytes) "   .cfi_def_cfa_offset " #bytes "\n"
#define SAVED(r, offset) "   .cfi_offset " #r ", " #offset "\n"
#define BACK(r) "   .cfi_restore " #r "\n"
#define GOES_ON_BY(register) "   .cfi_register ra, " #register "\n"
#endif

/* For a walk, from the exchange of sp on: the registers of the one who goes on
   are in *new, and so spelled as on x86-64, by the numbers of the registers: s2 is
   18, fs0 is 40. The offset from a1 fills two bytes, seven bits in each. */
#if defined PLAIN
#define IN_NEW(forgotten)
#else
#define IN_NEW_EACH(forgotten, letters, numbers, first, offset)                \
    "   .irp    i, " numbers "\n"                                              \
    "   .ifnc   " #forgotten ", " #letters "\\i\n"                             \
    "   .ifnc   " #forgotten ", all\n"                                         \
    "   .cfi_escape 0x10, " first " + \\i, 3, 0x7b, (" offset " + 8*\\i) & 0x7f | 0x80, (" offset " + 8*\\i) >> 7\n" \
    "   .endif\n"                                                              \
    "   .endif\n"                                                              \
    "   .endr\n"
#define IN_NEW(forgotten)                                                      \
    IN_NEW_EACH(forgotten, s, "0, 1", "8", "0x08")                             \
    IN_NEW_EACH(forgotten, s, "2, 3, 4, 5, 6, 7, 8, 9, 10, 11", "16", "0x08")  \
    IN_NEW_EACH(forgotten, fs, "0, 1", "40", "0x68")                           \
    IN_NEW_EACH(forgotten, fs, "2, 3, 4, 5, 6, 7, 8, 9, 10, 11", "48", "0x68")
#endif

#endif
