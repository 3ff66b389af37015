/*
 * machine.h: AArch64, the 64-bit ARM architecture, with AAPCS64 (Linux, macOS).
 *
 * Read x86_64-sysv/machine.h first: here stands what differs.
 *
 *     register         in a call                          belongs to
 *     x0               result, argument 1                 caller
 *     x1 … x7          arguments 2 to 8                   caller
 *     x8 … x15         nothing (x8: where to put a        caller
 *                      result that is too large)
 *     x16 x17          the linker's, between call and     caller
 *                      function
 *     x18              the system's: hands off            –
 *     x19 … x28        nothing                            callee
 *     x29              the frame pointer                  callee
 *     x30              the return address                 caller
 *     sp               the stack pointer                  callee
 *     pc               where the processor is             –
 *
 * A call does not touch the stack: `bl` puts the return address into x30, and
 * `ret` jumps to x30. A function that calls another saves x30 on its own stack
 * first, together with x29: a pair fills the 16 bytes that sp moves by.
 */
#ifndef GREEN_THREADS_ARCH_AARCH64_MACHINE_H
#define GREEN_THREADS_ARCH_AARCH64_MACHINE_H

/* clang-format off: the columns are aligned by hand. */

#define ARCH_NAME "AArch64"
#define STACK_ALIGNMENT 16
#if defined __APPLE__
#define RED_ZONE 128
#else
#define RED_ZONE 0
#endif
#define ARGUMENT_REGISTERS 8
#define CALLEE_SAVED "x19 x20 x21 x22 x23 x24 x25 x26 x27 x28 x29"
#define PART_NAMES "x0", "w0", "x0[15:0]", "x0[15:8]", "x0[7:0]"

/* One dialect: nothing to choose, nothing to put back. */
#define ASM_PROBE ""
#define ASM_DIALECT ""
#define ASM_DIALECT_BACK ""

/* `bti c`: an indirect call may land here. By its number, because assemblers
   refuse the name for older processors, where it does nothing. */
#if defined __ARM_FEATURE_BTI_DEFAULT
#define ASM_LANDING_PAD "   hint    #34\n"
#else
#define ASM_LANDING_PAD ""
#endif

/* What assembly inside of a function may lose besides. macOS keeps x18 for itself; elsewhere it is a register like
   x17. */
#if defined __APPLE__
#define LOST_ELSEWHERE
#else
#define LOST_ELSEWHERE , "x18"
#endif

#if defined __ARM_FEATURE_SVE
#define LOST_TOO                                                               \
    , "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7",                          \
      "p8", "p9", "p10", "p11", "p12", "p13", "p14", "p15"
#else
#define LOST_TOO
#endif

/* Its parts: each answers the file of the same name in the folder above. */
#include "unwind.h"
#include "registers.h"
#include "calls.h"
#include "swap.h"
#include "stack.h"
#include "pushes.h"
#include "switch.h"
#include "probes.h"
#include "runtime.h"

#endif
