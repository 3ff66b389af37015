/*
 * unwind.h: for those who walk the stack, x86-64 System V.
 *
 * What CFI is stands in ../unwind.h. To be written behind the instruction that they
 * tell of:
 *
 *     PUSHED(register)     `push register`: it lies at rsp now, and the CFA is
 *                          8 bytes further away
 *     POPPED(register)     `pop register`: the register is the caller's again
 *     LOWERED(bytes)       rsp has been lowered; by -8: raised
 *     RETURNS_BY(register) `pop register`, which goes on to be jumped to
 *     CALLED_FROM(register) jumped to, with the return address in this register
 *     GOES_ON_AT(offset)   the return address lies at the CFA + offset
 *     LEFT_BY_SWITCH_STACK what switch_stack has left lies at rsp
 */
#ifndef GREEN_THREADS_ARCH_X86_64_SYSV_UNWIND_H
#define GREEN_THREADS_ARCH_X86_64_SYSV_UNWIND_H

/* clang-format off: the columns are aligned by hand. */

#if defined PLAIN
#define PUSHED(register)
#define POPPED(register)
#define LOWERED(bytes)
#define RETURNS_BY(register)
#define CALLED_FROM(register)
#define GOES_ON_AT(offset)
#define LEFT_BY_SWITCH_STACK
#else
#define CFI_PC "rip"
#define LOWERED(bytes) "   .cfi_adjust_cfa_offset " #bytes "\n"
#define PUSHED(register) LOWERED(8) "   .cfi_rel_offset " #register ", 0\n"
#define POPPED(register) LOWERED(-8) "   .cfi_restore " #register "\n"
#define RETURNS_BY(register) LOWERED(-8) "   .cfi_register rip, " #register "\n"
#define CALLED_FROM(register) LOWERED(-8) "   .cfi_register rip, " #register "\n"
#define GOES_ON_AT(offset) "   .cfi_offset rip, " #offset "\n"
#define LEFT_BY_SWITCH_STACK                                                   \
    "   .cfi_def_cfa_offset 56\n" GOES_ON_AT(-8)                               \
    "   .cfi_offset rbp, -16\n   .cfi_offset rbx, -24\n"                       \
    "   .cfi_offset r12, -32\n   .cfi_offset r13, -40\n"                       \
    "   .cfi_offset r14, -48\n   .cfi_offset r15, -56\n"
#endif

/* Something that a switch which forgets this register does not have. The assembler
   drops what stands between .ifnc and .endif if the names agree. */
#define SWITCH_KEEP(forgotten, register, instruction)                          \
    "   .ifnc " #forgotten ", " #register "\n"                                 \
    "   .ifnc " #forgotten ", all\n" instruction "   .endif\n   .endif\n"

/* From the exchange of rsp on, the registers of the one who goes on are in *new,
   until each has been loaded, and afterwards still. CFI has no short words for
   that, so they are spelled: the register's number, and an expression three
   bytes long, rsi + offset. */
#if defined PLAIN
#define IN_NEW(forgotten)
#else
#define IN_NEW_ONE(forgotten, register, number, offset)                        \
    SWITCH_KEEP(forgotten, register, "   .cfi_escape 0x10, " #number ", 2, 0x74, " AT(offset) "\n")
#define IN_NEW(forgotten)                                                      \
    IN_NEW_ONE(forgotten, r15, 15, CONTEXT_R15)                                \
    IN_NEW_ONE(forgotten, r14, 14, CONTEXT_R14)                                \
    IN_NEW_ONE(forgotten, r13, 13, CONTEXT_R13)                                \
    IN_NEW_ONE(forgotten, r12, 12, CONTEXT_R12)                                \
    IN_NEW_ONE(forgotten, rbx, 3, CONTEXT_RBX)                                 \
    IN_NEW_ONE(forgotten, rbp, 6, CONTEXT_RBP)
#endif

#endif
