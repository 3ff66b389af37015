/*
 * unwind.h: what debuggers are told.
 *
 * CFI. A debugger, a profiler and whoever throws an exception walk a stack from
 * callee to caller. They do not guess: beside the code lies a table that says,
 * for each instruction, where the caller's registers are. The compiler writes it
 * for C; for assembly we do, by the directives that begin with .cfi (call frame
 * information). Each of them tells what has changed with the instruction before:
 *
 *     the CFA      the caller's sp as it was at the call, as an offset from sp
 *     a register   where the caller's value lies: an offset from the CFA, another
 *                  register, or undefined
 *
 * They make no code. In a switch they are worth a thought: from one instruction
 * to the next the caller is another one, on the other stack, and all rules have
 * to hold there. Each machine's unwind.h names these rules PUSHED, POPPED …, and
 * says what they mean there. It also defines
 *
 *     CFI_PC               the register that says where the caller goes on
 *
 * Why a walk ends. A forged stack has no caller at its upper end. Where its
 * first function would return to, the caller's pc is declared undefined: to
 * every unwinder the word for "nobody called this". Without it, a debugger
 * takes the 0 or whatever lies there for a caller, and shows one more frame at
 * an address where nothing is.
 *
 * A return address is looked up one byte lower, where the call that it belongs
 * to would be: behind a call that never returns there may be another function.
 * So a function that is returned to without a call needs an instruction above
 * it, or the table of its neighbour would be asked. ASM_RETURNED_TO puts one
 * there, and a debugger calls it before_<name>.
 *
 * A switch to a stack that has never run ends at a function's first instruction
 * too, and it is one of C, with nothing above it that is ours. From the exchange
 * of sp to the last instruction, a debugger shows the switch and above it what
 * it finds one byte before that function. One step later all is well.
 *
 * A thread that waits has no processor, so a debugger does not list it. But behind
 * the exchange of sp the rules hold for whatever stack sp names. In gdb, while
 * chapter 07's runtime is stopped in any of its threads:
 *
 *     disassemble switch_stack               where is the instruction behind the
 *                                            exchange? Its address: 0xA below
 *     set $old_sp = $sp
 *     set $old_pc = $pc
 *     set $sp = running->threads[2].sp       thread 2 has run before, and waits
 *     set $pc = 0xA
 *     backtrace                              its calls, down to thread_entry
 *     set $sp = $old_sp                      and back: the program may go on
 *     set $pc = $old_pc
 */
#ifndef GREEN_THREADS_ARCH_UNWIND_H
#define GREEN_THREADS_ARCH_UNWIND_H

/* clang-format off: the columns are aligned by hand. */

#if defined PLAIN || defined _WIN32
#define CFI_BEGIN
#define CFI_END
#define CFI_NO_CALLER
#else
#define CFI_BEGIN "   .cfi_startproc\n"
#define CFI_END "   .cfi_endproc\n"
#define CFI_NO_CALLER "   .cfi_undefined " CFI_PC "\n"
#endif

/* First in a C function that begins a stack and has no caller. Compilers that
   were told to write no such table would not know what to do with the word. */
#if defined _WIN32 || !(defined __GCC_HAVE_DWARF2_CFI_ASM || defined __APPLE__)
#define STACK_BEGINS_HERE() ((void)0)
#else
#define STACK_BEGINS_HERE() __asm__ volatile(".cfi_undefined " CFI_PC)
#endif

#endif
