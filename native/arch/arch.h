/*
 * arch.h: what the chapters ask of a processor.
 *
 * A chapter includes this file and no other of this folder. Each architecture
 * and ABI answers in a file of its own, under the same names; x86_64-sysv.h is
 * explained in full, the others explain what differs from it.
 *
 * Besides the functions below, each of them defines
 *
 *     ARCH_NAME            what to call it, a string
 *     STACK_ALIGNMENT      sp is a multiple of this at every call, in bytes
 *     RED_ZONE             bytes below sp that a function may use without moving sp
 *     ARGUMENT_REGISTERS   how many integer arguments travel in registers
 *     REGISTER_NAMES       the members of struct registers, in order, as strings
 *     CALLEE_SAVED         those that a function returns as it found them, one string
 *     PART_NAMES           the names of the parts that write_64 … write_low_8 write
 *     struct registers     one uint64_t for each register
 *     struct arguments     where the arguments of one call were found
 *     struct swap_context  what swap keeps of a stack that is not running
 *     SAVE_ONE, RESTORE_ONE, DOUBLE_IN_ONE
 *                          assembly: pushes a callee-saved register; pops it;
 *                          computes twice the argument in it, as the result
 *
 * Chapter 04 asks for a few things that C has no words for:
 *
 *     READ_SP(variable)    the stack pointer, without a call
 *     TRAP()               one instruction; the system answers it with SIGTRAP
 *     TRAP_LENGTH          what a handler adds to pc, to go on behind it
 *     FRAME_PAIR           where the caller's frame pointer lies, and above it
 *                          the return address: bytes from the frame pointer
 *     SIGNAL_PC(context)   pc of the code that a signal interrupted, and its sp;
 *     SIGNAL_SP(context)   `context` is a handler's third argument
 *
 * Chapter 05 for what a switch has to keep:
 *
 *     struct context            sp, and the callee-saved registers
 *     CONTEXT_REGISTERS(DO)     DO(register) for each of them, in that order
 *     INTEGERS_SAVED(DO)        for those that struct registers has as well
 *     SWITCH_WITHOUT(register)  a switch that forgets this one, as
 *                               switch_without_<register>; also `all`
 *     FLOATS_SAVED              how many words of eight bytes the callee-saved
 *                               registers fill that are not in struct registers,
 *                               since they hold floats
 *     FLOAT_NAMES               what to call each of these words, as strings
 *     ROUND_UPWARD(words)       the control words, with the rounding changed
 *     REGISTER_ARGUMENT_1, _2   members of struct registers: where arguments
 *                               travel
 *     REGISTER_SPARE            another one, which no switch touches
 *     TRAMPOLINE_ARGUMENT, TRAMPOLINE_FUNCTION
 *                               members of struct context, for trampoline
 *     PUSH_ONE, POP_ONE         the instructions that put one callee-saved
 *                               register on the stack, and take it off; where a
 *                               register holds the return address, that as well
 *     CALL(name)                the instruction that calls a function
 *
 * Chapters 05 and 06 for the stacks that they make by hand:
 *
 *     SP_AT_ENTRY          sp modulo STACK_ALIGNMENT where a function begins
 *     HOME_WORDS           words above its return address that a function may
 *                          use as its own: 0 everywhere but on Windows
 *     new_context(sp, low, high)
 *                          the struct context of a stack from low to high that
 *                          has never run: it begins at sp. Who is switched to it
 *                          for the first time finds 0 in all other registers
 *     REGISTER_RECORD      a member of struct context, for record_sp
 *
 * Chapter 07 for what lies at the sp of a thread that waits:
 *
 *     SAVED_WORDS          how many words switch_stack leaves there
 *     ENTRY_WORD           which of them says where to go on
 *     BASE_WORD, LIMIT_WORD, ALLOCATION_WORD
 *                          only on Windows: which of them say where the stack is
 *     SWITCH_STACK_THAT(way)
 *                          the same, but it always jumps, or always returns:
 *                          switch_stack_that_jumps, switch_stack_that_returns
 */
#ifndef GREEN_THREADS_ARCH_H
#define GREEN_THREADS_ARCH_H

/* clang-format off: the columns are aligned by hand. */

#include <stddef.h>
#include <stdint.h>

struct registers;
struct arguments;
struct swap_context;
struct context;

/*
 * The contract. All of these are written in assembly. They are hidden: only
 * the chapter's own C code calls them, directly and not through a table of
 * the dynamic linker. None of them allocates, keeps a pointer or can fail.
 */
#if !defined _WIN32
#pragma GCC visibility push(hidden)
#endif

/* Chapter 02: the registers, seen. */

/* Stores every register in *out as it is now. sp and pc are the caller's own:
   where its stack pointer stands, and where it goes on after this call. The
   register that carries the argument holds `out`. */
void capture(struct registers *out);

/* Loads the registers from *before, calls function, and stores in *after what
   the call left of them. Returns with every callee-saved register as it was,
   even if `function` did not keep the rules. Not loaded: sp, pc, the flags,
   and what the processor or the system keeps for itself. */
void call_planted(void (*function)(void), const struct registers *before,
                  struct registers *after);

/* Overwrites every register that a function may overwrite. Legal. */
void overwrite_caller_saved(void);

/* Overwrites one callee-saved register. Illegal: only for call_planted. */
void break_a_promise(void);

/* Stores its ten arguments in *out, from where the caller put them. The first
   argument is `out` itself. */
void record_arguments(struct arguments *out, long b, long c, long d, long e,
                      long f, long g, long h, long i, long j);

/* values[index] + 1, twice: in the Intel and in the AT&T dialect. An
   architecture with one dialect has one function under both names. */
long next_intel(const long *values, long index);
long next_att(const long *values, long index);

/* Puts `whole` into the result register, then writes `value` into a part of
   it: all 64 bits, the low 32, the low 16, the second lowest 8, the lowest 8.
   Returns all that is then in the register. */
uint64_t write_64(uint64_t whole, uint64_t value);
uint64_t write_32(uint64_t whole, uint64_t value);
uint64_t write_16(uint64_t whole, uint64_t value);
uint64_t write_high_8(uint64_t whole, uint64_t value);
uint64_t write_low_8(uint64_t whole, uint64_t value);

/* Chapter 03: a single stack swap. */

/* The stack pointer of the caller. */
uint64_t stack_pointer(void);

/* Leaves the running stack, its sp stored in *old, and wakes up on the stack
   whose sp is in *new. Returns only when something swaps back to *old. What
   lies at new->sp must be a stack that swap left, or one forged to look so:
   see the drawing beside it. */
void swap(struct swap_context *old, const struct swap_context *new);

/* Never called: a forged return address. Returned to with sp at a struct
   swap_context, it goes back to the stack that this context describes. */
void way_home(void);

/* Chapters 05 and 06: there and back. */

/* Leaves the running stack and goes on with another one. Stores sp and the
   callee-saved registers in *old, loads them from *new, and returns to where
   *new was left. Returns to its own caller when something switches to *old.
   The two may be the same: everything is stored before anything is loaded. */
void switch_context(struct context *old, const struct context *new);

/* Entered in place of a function's return: goes to the address in the word at
   the top of the stack, above HOME_WORDS others, and takes that word off. A
   thread's function returns to it; chapter 06 says what it is good for. */
void skip(void);

/* Never called, switched to: overwrites every callee-saved register and goes
   back to where it came from. On entry the argument registers hold what the
   switch was given, and REGISTER_SPARE holds the address of a switch. */
void overwrite_callee_saved(void);

/* The callee-saved registers that hold floats, FLOATS_SAVED words: stored in
   out, loaded from values. Neither touches anything where there are none. */
void store_floats(uint64_t *out);
void load_floats(const uint64_t *values);

/* How this processor rounds, and which errors of arithmetic it reports: the
   control words, packed into one number. load_control_words is lasting. */
uint64_t control_words(void);
void load_control_words(uint64_t words);

/* Never called, switched to or returned to: stores sp, as it is on entry, in
   the next word of the record that REGISTER_RECORD points into. The first one
   then returns, the second one switches back to where its stack came from. */
void record_sp(void);
void record_sp_and_leave(void);

/* Never called, switched to: where a side begins that is given an argument.
   Goes to the function whose address is in TRAMPOLINE_FUNCTION, with what is
   in TRAMPOLINE_ARGUMENT as its first argument. */
void trampoline(void);

/* Chapter 07: the runtime. */

/* Leaves the running stack with its callee-saved registers on top of it, and
   its sp in *old; then goes on with the stack whose sp is in *new. A stack
   that has never run is forged to look like one that was left: see the drawing
   beside it. Where it begins, it finds `old` and `new` as its arguments. */
void switch_stack(void **old, void *const *new);

#if !defined _WIN32
#pragma GCC visibility pop
#endif

/*
 * What every assembly function is wrapped in:
 *
 *     __asm__(ASM_FUNCTION(name)
 *         "   instruction     \n"
 *         ASM_END(name)
 *     );
 *
 * macOS puts an underscore before each C name and has other words for
 * "hidden"; it knows neither a symbol's type nor its size. Windows on x86-64 has
 * no underscore, and no word for "hidden" either. The compiler marks the stack
 * as not executable in the same file, so nothing is to be said here.
 *
 * ASM_RETURNED_TO(name) in place of ASM_FUNCTION(name) is for a function that
 * nobody calls: its address stands on a stack as a return address.
 */
#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)
#define SYMBOL(name) STRING(__USER_LABEL_PREFIX__) #name

/* An offset, named in a macro, as the text of an operand: the same number that
   _Static_assert compares with offsetof. */
#define AT(offset) STRING(offset)

/*
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
 * to hold there. The files of this folder name these rules PUSHED, POPPED …, and
 * say beside them what they mean.
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

#if defined __APPLE__
#define ASM_FUNCTION(name)                                                     \
    "   .text\n"                                                               \
    "   .p2align 4\n"                                                          \
    "   .globl " SYMBOL(name) "\n"                                             \
    "   .private_extern " SYMBOL(name) "\n" ASM_DIALECT                        \
    SYMBOL(name) ":\n" CFI_BEGIN ASM_LANDING_PAD
#define ASM_RETURNED_TO(name) ASM_FUNCTION(name) CFI_NO_CALLER
#define ASM_END(name) CFI_END ASM_DIALECT_BACK
#elif defined _WIN32
#define ASM_FUNCTION(name)                                                     \
    "   .text\n" ASM_PROBE                                                     \
    "   .p2align 4\n"                                                          \
    "   .globl " SYMBOL(name) "\n" ASM_DIALECT                                 \
    SYMBOL(name) ":\n" ASM_LANDING_PAD
#define ASM_RETURNED_TO(name) ASM_FUNCTION(name)
#define ASM_END(name) ASM_DIALECT_BACK
#elif defined __ELF__
#define ASM_HEAD(name)                                                         \
    "   .pushsection .text\n" ASM_PROBE                                        \
    "   .p2align 4\n"                                                          \
    "   .globl " SYMBOL(name) "\n"                                             \
    "   .hidden " SYMBOL(name) "\n"                                            \
    "   .type " SYMBOL(name) ", %function\n" ASM_DIALECT
#define ASM_FUNCTION(name)                                                     \
    ASM_HEAD(name)                                                             \
    SYMBOL(name) ":\n" CFI_BEGIN ASM_LANDING_PAD
#if defined PLAIN
#define ASM_RETURNED_TO(name) ASM_FUNCTION(name)
#else
#define ASM_RETURNED_TO(name)                                                  \
    ASM_HEAD(name)                                                             \
    "   .type before_" #name ", %function\n"                                   \
    "before_" #name ":\n" CFI_BEGIN CFI_NO_CALLER                              \
    "   nop\n"                                                                 \
    "   .size before_" #name ", . - before_" #name "\n"                        \
    SYMBOL(name) ":\n" ASM_LANDING_PAD
#endif
#define ASM_END(name)                                                          \
    CFI_END ASM_DIALECT_BACK                                                           \
    "   .size " SYMBOL(name) ", . - " SYMBOL(name) "\n"                        \
    "   .popsection\n"
#else
#error "Not ELF, Mach-O or COFF: arch.h does not know this object format yet."
#endif

#if defined __x86_64__ && defined _WIN32
#include "x86_64-windows.h"
#elif defined __x86_64__
#include "x86_64-sysv.h"
#elif defined __aarch64__ && !defined _WIN32
#include "aarch64.h"
#elif defined __riscv && __riscv_xlen == 64
#include "riscv64.h"
#else
#error "No file in native/arch/ for this processor yet: copy the nearest one."
#endif

#if !defined HOME_WORDS
#define HOME_WORDS 0

/* Where the stack's memory begins and ends, only Windows wants to know. */
static inline struct context new_context(const void *sp, const void *low, const void *high) {
    (void)low;
    (void)high;
    return (struct context){.sp = (uintptr_t)sp};
}
#endif

#endif
