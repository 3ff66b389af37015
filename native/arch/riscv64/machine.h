/*
 * machine.h: RISC-V, 64 bits, with the ABI that most Linux systems have on it,
 * LP64D: floats travel in registers of their own.
 *
 * Read x86_64-sysv/machine.h first: here stands what differs.
 *
 *     register         in a call                          belongs to
 *     a0               result, argument 1                 caller
 *     a1 … a7          arguments 2 to 8                   caller
 *     t0 … t6          nothing                            caller
 *     ra               the return address                 caller
 *     s0               nothing, or the frame pointer      callee
 *     s1 … s11         nothing                            callee
 *     sp               the stack pointer                  callee
 *     gp tp            the linker's and the thread's:     –
 *                      hands off
 *     pc               where the processor is             –
 *     fs0 … fs11       nothing (floats)                   callee
 *     ft0 … ft11       nothing (floats)                   caller
 *     fa0 … fa7        arguments, results (floats)        caller
 *
 * To the processor they are x1 to x31, in another order, and x0 is always 0.
 * There are no flags: an instruction compares and jumps at once.
 *
 * As on AArch64, a call does not touch the stack: `call` puts the return
 * address into ra, and `ret` jumps there. But no instruction stores a pair, or
 * moves sp on its way: each register has a line of its own.
 */
#ifndef GREEN_THREADS_ARCH_RISCV64_MACHINE_H
#define GREEN_THREADS_ARCH_RISCV64_MACHINE_H

/* clang-format off: the columns are aligned by hand. */

#if !defined __riscv_float_abi_double
#error "Only the ABI LP64D is known here: compile with -march=rv64gc -mabi=lp64d."
#endif

#define ARCH_NAME "RISC-V 64"
#define STACK_ALIGNMENT 16
#define RED_ZONE 0
#define ARGUMENT_REGISTERS 8
#define CALLEE_SAVED "s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11"
#define PART_NAMES "a0", "a0[31:0]", "a0[15:0]", "a0[15:8]", "a0[7:0]"

/* One dialect: nothing to choose, nothing to put back. */
#define ASM_PROBE ""
#define ASM_DIALECT ""
#define ASM_DIALECT_BACK ""

/* Nothing marks the target of an indirect call: what could (Zicfilp) is too new
   for the compilers that these chapters ask for. */
#define ASM_LANDING_PAD ""

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
