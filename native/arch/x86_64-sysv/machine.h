/*
 * machine.h: x86-64 with the System V ABI (Linux, macOS, the BSDs).
 *
 *     register         in a call                          belongs to
 *     rax              result                             caller
 *     rdi rsi rdx rcx  arguments 1 to 4                   caller
 *     r8 r9            arguments 5 and 6                  caller
 *     r10 r11          nothing                            caller
 *     rbx r12 … r15    nothing                            callee
 *     rbp              nothing, or the frame pointer      callee
 *     rsp              the stack pointer                  callee
 *     rip              where the processor is             –
 *
 * "Caller" means: a function may overwrite it, so whoever still needs its
 * value saves it before a call (caller-saved). "Callee" means: a function that
 * uses it puts the old value back before it returns (callee-saved).
 */
#ifndef GREEN_THREADS_ARCH_X86_64_SYSV_MACHINE_H
#define GREEN_THREADS_ARCH_X86_64_SYSV_MACHINE_H

/* clang-format off: the columns are aligned by hand. */

#define ARCH_NAME "x86-64 System V"
#define STACK_ALIGNMENT 16
#define RED_ZONE 128
#define ARGUMENT_REGISTERS 6
#define CALLEE_SAVED "rbx rbp r12 r13 r14 r15"
#define PART_NAMES "rax", "eax", "ax", "ah", "al"

/*
 * The compiler's own assembly follows ours in the same file, so each function
 * leaves the assembler in the dialect it found, which for gcc may be either one
 * (-masm=intel). The probe tells, above the function, where nobody runs it:
 * `push 1` pushes the number in the Intel dialect, in two bytes. In the AT&T
 * dialect a number would be `$1`, and 1 is an address: that takes seven. clang
 * reads our assembly apart from its own, so nothing is to be put back; nor can
 * it reckon with labels here, and it does not try: to it, a symbol that is set
 * to a label further down (773f) is not defined yet.
 */
#if defined __APPLE__ /* where the compiler is clang */
#define ASM_PROBE ""
#define ASM_DIALECT "   .intel_syntax noprefix\n"
#define ASM_DIALECT_BACK "   .att_syntax prefix\n"
#else
#define ASM_PROBE "771: push 1; 772: .set .Lgas, 773f\n"
#define ASM_DIALECT "   .intel_syntax noprefix\n"
#define ASM_DIALECT_BACK                                                       \
    "   .ifdef .Lgas; .if 772b - 771b > 2; .att_syntax prefix; .endif; .endif; 773:\n"
#endif

/*
 * Indirect branch tracking (IBT, a part of Intel's CET): a `call` or `jmp` by way
 * of a register or of memory must land on `endbr64`, else the processor faults.
 * Where the compiler marks its functions so (-fcf-protection=branch or full, some
 * distributions' default), we mark ours. A `ret` needs no mark at its target.
 *
 * A `jmp` that does the work of a `ret` lands behind a call, and there is no
 * mark. The prefix `notrack` exempts this one jump, as compilers do for the
 * jumps of a `switch`. (No Linux enforces IBT for programs yet. It enforces it
 * for itself.)
 */
#if defined __CET__ && (__CET__ & 1)
#define ASM_LANDING_PAD "   endbr64\n"
#define NOTRACK "notrack "
#else
#define ASM_LANDING_PAD ""
#define NOTRACK
#endif

/*
 * Assembly inside of a function stands among what the compiler writes, in its dialect:
 * so each line stands there twice, in the Intel dialect and in AT&T's, and the compiler
 * takes one.
 */
#define INTEL_OR_ATT(intel, att) "{" att "|" intel "}\n"

/* What such assembly may lose besides, where a compiler was told that the processor
   has it. */
#if defined __AVX512F__
#define LOST_TOO                                                               \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23",  \
      "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31",  \
      "k1", "k2", "k3", "k4", "k5", "k6", "k7"
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
