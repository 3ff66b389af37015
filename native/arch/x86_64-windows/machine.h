/*
 * machine.h: x86-64 with the ABI of Windows.
 *
 * Read x86_64-sysv/machine.h first: here stands what differs.
 *
 *     register         in a call                          belongs to
 *     rax              result                             caller
 *     rcx rdx r8 r9    arguments 1 to 4                   caller
 *     r10 r11          nothing                            caller
 *     rbx rdi rsi      nothing                            callee
 *     r12 … r15        nothing                            callee
 *     rbp              nothing, or the frame pointer      callee
 *     rsp              the stack pointer                  callee
 *     rip              where the processor is             –
 *     xmm0 … xmm5      arguments, results, nothing        caller
 *     xmm6 … xmm15     nothing                            callee
 *
 * The callee owns all 128 bits of each of these ten. A `long` has 32 bits.
 *
 * Home space. Below its arguments and above the return address, a caller leaves
 * four words that belong to the function it calls, which may store its first
 * four arguments there, or anything else. So a stack that is made by hand must
 * have them too, above each return address; what lies there is lost.
 *
 *     rsp + 0x28   argument 5, and upwards
 *     rsp + 0x08   home space, 32 bytes
 *     rsp + 0x00   return address          rsp ≡ 8 (mod 16) on entry
 *
 * There is no red zone: below rsp nothing is safe.
 *
 * Stack probes. The system gives a thread's stack its memory page by page: the
 * one below those that are there is marked, and to touch it brings the next. It
 * must be touched first, so a function that needs more than a page touches each
 * of them, by __chkstk, before it moves rsp. Our stacks have all their memory
 * from the beginning: the probes find it, and reach a page that nobody may
 * touch, below it, before they could jump over.
 *
 * Of the chapters, 00, 02, 05, 06, 07 and 09 build here. 01 and 04 are about what
 * POSIX offers: its threads, signals and mmap. 03 forges the book's stack, which
 * has no room for a home space, and so no `swap` is made for it. 11 counts what
 * other systems tell of a process's memory.
 *
 * COFF has no hidden symbols. An .exe or .dll shows others only what it exports.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_WINDOWS_MACHINE_H
#define GREEN_THREADS_ARCH_X86_64_WINDOWS_MACHINE_H

/* clang-format off: the columns are aligned by hand. */

#define ARCH_NAME "x86-64 Windows"
#define STACK_ALIGNMENT 16
#define RED_ZONE 0
#define ARGUMENT_REGISTERS 4
#define CALLEE_SAVED "rbx rsi rdi rbp r12 r13 r14 r15"
#define PART_NAMES "rax", "eax", "ax", "ah", "al"

/* The dialect, as on System V. */
#define ASM_PROBE "771: push 1; 772: .set .Lgas, 773f\n"
#define ASM_DIALECT "   .intel_syntax noprefix\n"
#define ASM_DIALECT_BACK                                                       \
    "   .ifdef .Lgas; .if 772b - 771b > 2; .att_syntax prefix; .endif; .endif; 773:\n"
#define ASM_LANDING_PAD ""

/* Its parts: each answers the file of the same name in the folder above. */
#include "unwind.h"
#include "registers.h"
#include "calls.h"
#include "swap.h"
#include "pushes.h"
#include "switch.h"
#include "probes.h"
#include "runtime.h"

#endif
