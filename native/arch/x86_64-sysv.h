/*
 * x86_64-sysv.h: x86-64 with the System V ABI (Linux, macOS, the BSDs).
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
#ifndef GREEN_THREADS_ARCH_X86_64_SYSV_H
#define GREEN_THREADS_ARCH_X86_64_SYSV_H

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
 * For those who walk the stack; arch.h says what CFI is. To be written behind the
 * instruction that they tell of.
 *
 *     PUSHED(register)    `push register`: it lies at rsp now, and the CFA is
 *                         8 bytes further away
 *     POPPED(register)    `pop register`: the register is the caller's again
 *     LOWERED(bytes)      rsp has been lowered; by -8: raised
 *     RETURNS_BY(register)  `pop register`, which goes on to be jumped to
 */
#if defined PLAIN
#define PUSHED(register)
#define POPPED(register)
#define LOWERED(bytes)
#define RETURNS_BY(register)
#else
#define CFI_PC "rip"
#define LOWERED(bytes) "   .cfi_adjust_cfa_offset " #bytes "\n"
#define PUSHED(register) LOWERED(8) "   .cfi_rel_offset " #register ", 0\n"
#define POPPED(register) LOWERED(-8) "   .cfi_restore " #register "\n"
#define RETURNS_BY(register) LOWERED(-8) "   .cfi_register rip, " #register "\n"
#endif

/* ---------------------------------------------------------------------------
 * Chapter 02: the registers
 */

struct registers {
    uint64_t rax, rbx, rcx, rdx;
    uint64_t rsi, rdi, rbp, rsp;
    uint64_t r8, r9, r10, r11;
    uint64_t r12, r13, r14, r15;
    uint64_t rip, rflags;
};

#define REGISTER_NAMES                                                         \
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", \
    "r11", "r12", "r13", "r14", "r15", "rip", "rflags"

#define REGISTERS_RAX 0x00
#define REGISTERS_RBX 0x08
#define REGISTERS_RCX 0x10
#define REGISTERS_RDX 0x18
#define REGISTERS_RSI 0x20
#define REGISTERS_RDI 0x28
#define REGISTERS_RBP 0x30
#define REGISTERS_RSP 0x38
#define REGISTERS_R8 0x40
#define REGISTERS_R9 0x48
#define REGISTERS_R10 0x50
#define REGISTERS_R11 0x58
#define REGISTERS_R12 0x60
#define REGISTERS_R13 0x68
#define REGISTERS_R14 0x70
#define REGISTERS_R15 0x78
#define REGISTERS_RIP 0x80
#define REGISTERS_RFLAGS 0x88

#define HOLDS(member, offset)                                                  \
    _Static_assert(offsetof(struct registers, member) == (offset),             \
                   #member " is not where the assembly looks for it")
HOLDS(rax, REGISTERS_RAX);
HOLDS(rbx, REGISTERS_RBX);
HOLDS(rcx, REGISTERS_RCX);
HOLDS(rdx, REGISTERS_RDX);
HOLDS(rsi, REGISTERS_RSI);
HOLDS(rdi, REGISTERS_RDI);
HOLDS(rbp, REGISTERS_RBP);
HOLDS(rsp, REGISTERS_RSP);
HOLDS(r8, REGISTERS_R8);
HOLDS(r9, REGISTERS_R9);
HOLDS(r10, REGISTERS_R10);
HOLDS(r11, REGISTERS_R11);
HOLDS(r12, REGISTERS_R12);
HOLDS(r13, REGISTERS_R13);
HOLDS(r14, REGISTERS_R14);
HOLDS(r15, REGISTERS_R15);
HOLDS(rip, REGISTERS_RIP);
HOLDS(rflags, REGISTERS_RFLAGS);
#undef HOLDS
_Static_assert(sizeof(struct registers) == 0x90, "no gap, nothing after rflags");

/*
 *     void capture(struct registers *out);
 *                  rdi
 *
 * Nothing here changes the flags before they are stored. rax is stored first
 * because it then carries the three values that no `mov` to memory can name.
 */
__asm__(ASM_FUNCTION(capture)
    "   mov     [rdi + " AT(REGISTERS_RAX) "], rax      \n"
    "   mov     [rdi + " AT(REGISTERS_RBX) "], rbx      \n"
    "   mov     [rdi + " AT(REGISTERS_RCX) "], rcx      \n"
    "   mov     [rdi + " AT(REGISTERS_RDX) "], rdx      \n"
    "   mov     [rdi + " AT(REGISTERS_RSI) "], rsi      \n"
    "   mov     [rdi + " AT(REGISTERS_RDI) "], rdi      \n"
    "   mov     [rdi + " AT(REGISTERS_RBP) "], rbp      \n"
    "   mov     [rdi + " AT(REGISTERS_R8)  "], r8       \n"
    "   mov     [rdi + " AT(REGISTERS_R9)  "], r9       \n"
    "   mov     [rdi + " AT(REGISTERS_R10) "], r10      \n"
    "   mov     [rdi + " AT(REGISTERS_R11) "], r11      \n"
    "   mov     [rdi + " AT(REGISTERS_R12) "], r12      \n"
    "   mov     [rdi + " AT(REGISTERS_R13) "], r13      \n"
    "   mov     [rdi + " AT(REGISTERS_R14) "], r14      \n"
    "   mov     [rdi + " AT(REGISTERS_R15) "], r15      \n"
    "   lea     rax, [rsp + 8]                          \n" // without our return address
    "   mov     [rdi + " AT(REGISTERS_RSP) "], rax      \n"
    "   mov     rax, [rsp]                              \n" // the return address itself
    "   mov     [rdi + " AT(REGISTERS_RIP) "], rax      \n"
    "   pushfq                                          \n" LOWERED(8) // lahf reads but five of them
    "   pop     rax                                     \n" LOWERED(-8)
    "   mov     [rdi + " AT(REGISTERS_RFLAGS) "], rax   \n"
    "   mov     rax, [rdi + " AT(REGISTERS_RAX) "]      \n"
    "   ret                                             \n"
    ASM_END(capture)
);

/*
 *     void call_planted(function, before, after);
 *                       rdi       rsi     rdx
 *
 * Every register is about to be overwritten, so what is needed later waits on
 * the stack:
 *
 *     rsp + 0x48   return address         rsp ≡ 8 (mod 16) on entry
 *     rsp + 0x18   the callee-saved registers of our caller, six of them
 *     rsp + 0x10   after
 *     rsp + 0x08   function
 *     rsp + 0x00   rdi as the call left it, once it has returned
 *
 * That moves rsp by 0x48, and the calls below find rsp ≡ 0 (mod 16) as they must.
 */
__asm__(ASM_FUNCTION(call_planted)
    "   push    rbx                                     \n" PUSHED(rbx)
    "   push    rbp                                     \n" PUSHED(rbp)
    "   push    r12                                     \n" PUSHED(r12)
    "   push    r13                                     \n" PUSHED(r13)
    "   push    r14                                     \n" PUSHED(r14)
    "   push    r15                                     \n" PUSHED(r15)
    "   sub     rsp, 0x18                               \n" LOWERED(0x18)
    "   mov     [rsp + 0x10], rdx                       \n"
    "   mov     [rsp + 0x08], rdi                       \n"
    "   mov     rax, [rsi + " AT(REGISTERS_RAX) "]      \n"
    "   mov     rbx, [rsi + " AT(REGISTERS_RBX) "]      \n"
    "   mov     rcx, [rsi + " AT(REGISTERS_RCX) "]      \n"
    "   mov     rdx, [rsi + " AT(REGISTERS_RDX) "]      \n"
    "   mov     rdi, [rsi + " AT(REGISTERS_RDI) "]      \n"
    "   mov     rbp, [rsi + " AT(REGISTERS_RBP) "]      \n"
    "   mov     r8,  [rsi + " AT(REGISTERS_R8)  "]      \n"
    "   mov     r9,  [rsi + " AT(REGISTERS_R9)  "]      \n"
    "   mov     r10, [rsi + " AT(REGISTERS_R10) "]      \n"
    "   mov     r11, [rsi + " AT(REGISTERS_R11) "]      \n"
    "   mov     r12, [rsi + " AT(REGISTERS_R12) "]      \n"
    "   mov     r13, [rsi + " AT(REGISTERS_R13) "]      \n"
    "   mov     r14, [rsi + " AT(REGISTERS_R14) "]      \n"
    "   mov     r15, [rsi + " AT(REGISTERS_R15) "]      \n"
    "   mov     rsi, [rsi + " AT(REGISTERS_RSI) "]      \n" // last: it was the address
    "   call    qword ptr [rsp + 0x08]                  \n"
    "   mov     [rsp], rdi                              \n"
    "   mov     rdi, [rsp + 0x10]                       \n"
    "   call    " SYMBOL(capture) "                     \n" // overwrites no register
    "   mov     rax, [rsp]                              \n"
    "   mov     [rdi + " AT(REGISTERS_RDI) "], rax      \n"
    "   add     rsp, 0x18                               \n" LOWERED(-0x18)
    "   pop     r15                                     \n" POPPED(r15)
    "   pop     r14                                     \n" POPPED(r14)
    "   pop     r13                                     \n" POPPED(r13)
    "   pop     r12                                     \n" POPPED(r12)
    "   pop     rbp                                     \n" POPPED(rbp)
    "   pop     rbx                                     \n" POPPED(rbx)
    "   ret                                             \n"
    ASM_END(call_planted)
);

__asm__(ASM_FUNCTION(overwrite_caller_saved)
    "   mov     rax, -1                                 \n"
    "   mov     rcx, -1                                 \n"
    "   mov     rdx, -1                                 \n"
    "   mov     rsi, -1                                 \n"
    "   mov     rdi, -1                                 \n"
    "   mov     r8,  -1                                 \n"
    "   mov     r9,  -1                                 \n"
    "   mov     r10, -1                                 \n"
    "   mov     r11, -1                                 \n"
    "   ret                                             \n"
    ASM_END(overwrite_caller_saved)
);

__asm__(ASM_FUNCTION(break_a_promise)
    "   mov     rbx, -1                                 \n" // and nobody puts it back
    "   ret                                             \n"
    ASM_END(break_a_promise)
);

/* One callee-saved register, rbx, to be worked in; rax is the result. */
#define SAVE_ONE "   push    rbx                     \n"
#define RESTORE_ONE "   pop     rbx                     \n"
#define DOUBLE_IN_ONE                                                          \
    "   mov     rbx, rdi                \n"                                   \
    "   lea     rax, [rbx + rbx]        \n"

/* Where the ten arguments of record_arguments were, on entry. */
struct arguments {
    uint64_t in_registers[ARGUMENT_REGISTERS];    /* rdi rsi rdx rcx r8 r9 */
    uint64_t on_stack[10 - ARGUMENT_REGISTERS];   /* rsp + 0x08, upwards */
    uint64_t return_address;                      /* rsp + 0x00 */
};

#define ARGUMENTS_IN_REGISTERS 0x00
#define ARGUMENTS_ON_STACK 0x30
#define ARGUMENTS_RETURN_ADDRESS 0x50
_Static_assert(offsetof(struct arguments, in_registers) == ARGUMENTS_IN_REGISTERS, "");
_Static_assert(offsetof(struct arguments, on_stack) == ARGUMENTS_ON_STACK, "");
_Static_assert(offsetof(struct arguments, return_address) == ARGUMENTS_RETURN_ADDRESS, "");

/*
 *     void record_arguments(out, b,   c,   d,   e,  f,  g,        h,         i,         j);
 *                           rdi  rsi  rdx  rcx  r8  r9  [rsp+8]   [rsp+16]   [rsp+24]   [rsp+32]
 */
__asm__(ASM_FUNCTION(record_arguments)
    "   mov     [rdi + " AT(ARGUMENTS_IN_REGISTERS) " + 0x00], rdi  \n"
    "   mov     [rdi + " AT(ARGUMENTS_IN_REGISTERS) " + 0x08], rsi  \n"
    "   mov     [rdi + " AT(ARGUMENTS_IN_REGISTERS) " + 0x10], rdx  \n"
    "   mov     [rdi + " AT(ARGUMENTS_IN_REGISTERS) " + 0x18], rcx  \n"
    "   mov     [rdi + " AT(ARGUMENTS_IN_REGISTERS) " + 0x20], r8   \n"
    "   mov     [rdi + " AT(ARGUMENTS_IN_REGISTERS) " + 0x28], r9   \n"
    "   mov     rax, [rsp + 0x08]                                   \n"
    "   mov     [rdi + " AT(ARGUMENTS_ON_STACK) " + 0x00], rax      \n"
    "   mov     rax, [rsp + 0x10]                                   \n"
    "   mov     [rdi + " AT(ARGUMENTS_ON_STACK) " + 0x08], rax      \n"
    "   mov     rax, [rsp + 0x18]                                   \n"
    "   mov     [rdi + " AT(ARGUMENTS_ON_STACK) " + 0x10], rax      \n"
    "   mov     rax, [rsp + 0x20]                                   \n"
    "   mov     [rdi + " AT(ARGUMENTS_ON_STACK) " + 0x18], rax      \n"
    "   mov     rax, [rsp]                                          \n"
    "   mov     [rdi + " AT(ARGUMENTS_RETURN_ADDRESS) "], rax       \n"
    "   ret                                                         \n"
    ASM_END(record_arguments)
);

/*
 *     long next_intel(const long *values, long index);      the same in AT&T
 *     rax             rdi                 rsi
 *
 * The Intel dialect writes the destination first, registers bare, and memory
 * as arithmetic in brackets. The AT&T dialect writes the destination last, %
 * before a register, $ before a constant, the width at the end of the
 * mnemonic (q is eight bytes), and memory as (base, index, scale). The
 * processor sees the same bytes.
 */
__asm__(ASM_FUNCTION(next_intel)
    "   mov     rax, [rdi + rsi*8]      \n"
    "   add     rax, 1                  \n"
    "   ret                             \n"
    ASM_END(next_intel)
);

__asm__(ASM_FUNCTION(next_att)
    "   .att_syntax prefix              \n"
    "   movq    (%rdi,%rsi,8), %rax     \n"
    "   addq    $1, %rax                \n"
    "   ret                             \n"
    "   .intel_syntax noprefix          \n" // as ASM_END expects
    ASM_END(next_att)
);

/*
 *     uint64_t write_64(uint64_t whole, uint64_t value);    and its four sisters
 *     rax               rdi             rsi
 *
 * One register, five names. To write eax clears the upper half of rax; to
 * write ax, ah or al leaves the rest alone. ah has no counterpart in rsi,
 * hence the way through rcx.
 */
__asm__(ASM_FUNCTION(write_64)
    "   mov     rax, rdi                \n"
    "   mov     rax, rsi                \n"
    "   ret                             \n"
    ASM_END(write_64)
);

__asm__(ASM_FUNCTION(write_32)
    "   mov     rax, rdi                \n"
    "   mov     eax, esi                \n"
    "   ret                             \n"
    ASM_END(write_32)
);

__asm__(ASM_FUNCTION(write_16)
    "   mov     rax, rdi                \n"
    "   mov     ax, si                  \n"
    "   ret                             \n"
    ASM_END(write_16)
);

__asm__(ASM_FUNCTION(write_high_8)
    "   mov     rax, rdi                \n"
    "   mov     rcx, rsi                \n"
    "   mov     ah, cl                  \n"
    "   ret                             \n"
    ASM_END(write_high_8)
);

__asm__(ASM_FUNCTION(write_low_8)
    "   mov     rax, rdi                \n"
    "   mov     al, sil                 \n"
    "   ret                             \n"
    ASM_END(write_low_8)
);

/* ---------------------------------------------------------------------------
 * Chapter 03: a single stack swap
 */

__asm__(ASM_FUNCTION(stack_pointer)
    "   lea     rax, [rsp + 8]          \n" // without our return address
    "   ret                             \n"
    ASM_END(stack_pointer)
);

/* The smallest context there is: all that swap keeps of a sleeping stack. */
struct swap_context {
    uint64_t sp;
};

#define SWAP_CONTEXT_SP 0x00
_Static_assert(offsetof(struct swap_context, sp) == SWAP_CONTEXT_SP, "");

/*
 * A new stack, as its maker forges it (top is a multiple of 16):
 *
 *     top        ────────────────────
 *     top - 8    nothing
 *     top - 16   struct swap_context      *old: swap stores our rsp here
 *     top - 24   address of way_home      the function's return address
 *     top - 32   address of a function    ← new->sp: swap's `ret` goes there
 *
 *     swap        rsp = top - 32,  ret     →  in the function, rsp = top - 24
 *     function    runs,            ret     →  in way_home,     rsp = top - 16
 *     way_home    pop rsp,         ret     →  after `call swap`, on the old stack
 *
 * At its first instruction the function finds rsp ≡ 8 (mod 16), as after any
 * `call`, and above rsp a return address, as after any `call`.
 *
 * Not saved, and why the ABI allows it: the caller-saved registers, since swap
 * is called like any function; and here also the callee-saved ones, since the
 * function that wakes up on the new stack is an ordinary one, which puts them
 * back before it returns, and comes home exactly once. As soon as both sides
 * go on, each must keep its own: that is what chapter 05's switch adds.
 *
 * A processor with a shadow stack in force (the other part of CET) keeps a second
 * copy of each return address on a stack that a `mov` cannot write, and faults
 * where the two differ. swap's `ret` would: who wants both has to switch shadow
 * stacks as well, by `rstorssp` and `saveprevssp`. Compilers that protect by
 * default mark a program as ready for it (SHSTK in its file) without looking
 * into assembly. Linux has shadow stacks for programs from 6.6 on, and leaves
 * them off until the program or its C library asks.
 */

/*
 *     void swap(struct swap_context *old, const struct swap_context *new);
 *               rdi                       rsi
 *
 *     state kept   where               why
 *     rsp          old->sp             it is the stack
 *     rip          on the old stack    `call swap` pushed it there
 *
 * rip needs no slot of its own: `ret` takes it from whichever stack rsp is on.
 */
__asm__(ASM_FUNCTION(swap)
    "   mov     [rdi + " AT(SWAP_CONTEXT_SP) "], rsp    \n"
    "   mov     rsp, [rsi + " AT(SWAP_CONTEXT_SP) "]    \n"
    "   ret                                             \n"
    ASM_END(swap)
);

/* Behind `pop rsp` the caller is whoever called swap, and all is as usual. */
#if defined PLAIN
#define ON_THE_OLD_STACK
#else
#define ON_THE_OLD_STACK "   .cfi_restore rip\n"
#endif

/* On entry rsp points at the struct swap_context, whose first field is sp. */
__asm__(ASM_RETURNED_TO(way_home)
    "   pop     rsp                                     \n" ON_THE_OLD_STACK
    "   ret                                             \n"
    ASM_END(way_home)
);
_Static_assert(SWAP_CONTEXT_SP == 0, "way_home pops the first field");

/* ---------------------------------------------------------------------------
 * Chapter 04: the stack
 */

#define FRAME_PAIR 0

/* Both dialects, for the compiler may write either one around it. */
#define READ_SP(variable) __asm__ volatile("mov {%%rsp, %0|%0, rsp}" : "=r"(variable))

/* A breakpoint, one byte long. It has been executed when the signal comes, so
   pc already points behind it. */
#define TRAP() __asm__ volatile("int3" ::: "memory")
#define TRAP_LENGTH 0

#if defined __APPLE__
#define SIGNAL_PC(context) (((ucontext_t *)(context))->uc_mcontext->__ss.__rip)
#define SIGNAL_SP(context) (((ucontext_t *)(context))->uc_mcontext->__ss.__rsp)
#else
#define SIGNAL_PC(context) (((ucontext_t *)(context))->uc_mcontext.gregs[REG_RIP])
#define SIGNAL_SP(context) (((ucontext_t *)(context))->uc_mcontext.gregs[REG_RSP])
#endif

/* ---------------------------------------------------------------------------
 * Chapters 05 and 06: there and back
 */

/* What switch_context keeps of a stack that is not running. */
struct context {
    uint64_t sp;
    uint64_t r15, r14, r13, r12, rbx, rbp;
};

#define CONTEXT_SP 0x00
#define CONTEXT_R15 0x08
#define CONTEXT_R14 0x10
#define CONTEXT_R13 0x18
#define CONTEXT_R12 0x20
#define CONTEXT_RBX 0x28
#define CONTEXT_RBP 0x30

#define HOLDS(member, offset)                                                  \
    _Static_assert(offsetof(struct context, member) == (offset),               \
                   #member " is not where the switch looks for it")
HOLDS(sp, CONTEXT_SP);
HOLDS(r15, CONTEXT_R15);
HOLDS(r14, CONTEXT_R14);
HOLDS(r13, CONTEXT_R13);
HOLDS(r12, CONTEXT_R12);
HOLDS(rbx, CONTEXT_RBX);
HOLDS(rbp, CONTEXT_RBP);
#undef HOLDS
_Static_assert(sizeof(struct context) == 0x38, "no gap, nothing after rbp");

#define INTEGERS_SAVED(DO) DO(r15) DO(r14) DO(r13) DO(r12) DO(rbx) DO(rbp)
#define CONTEXT_REGISTERS(DO) INTEGERS_SAVED(DO)
#define FLOATS_SAVED 0
#define FLOAT_NAMES ""
#define REGISTER_ARGUMENT_1 rdi
#define REGISTER_ARGUMENT_2 rsi
#define REGISTER_SPARE r11
#define REGISTER_RECORD rbx
#define SP_AT_ENTRY 8

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

#define PUSH_ONE "   push    rbx                     \n"
#define POP_ONE "   pop     rbx                     \n"
#define CALL(name) "   call    " SYMBOL(name) "\n"

/*
 *     void switch_context(struct context *old, const struct context *new);
 *                         rdi                  rsi
 *
 *     state kept             where              why
 *     rsp                    old->sp            it is the stack
 *     rbx rbp r12 … r15      old, by name       our caller was promised them
 *     rip                    on the old stack   `call switch_context` pushed it
 *
 *     a stack that waits              a new stack, as its maker forges it
 *
 *                                     top        ────────────────────
 *     … the frames of those           top - 8    nothing
 *       who called                    top - 16   guard
 *     … switch_context's caller       top - 24   skip
 *     return address  ← sp            top - 32   a function          ← sp
 *
 * Both look alike to `ret`, which is why one switch serves for both: it takes
 * the address at rsp and goes there. The function on a new stack finds
 * rsp = top - 24, that is 8 (mod 16) as after any `call`, and returns to skip.
 *
 * Not saved, and why the ABI allows it: rax rcx rdx rsi rdi r8 … r11, all of
 * xmm0 … xmm15 and the arithmetic flags belong to the caller, who has stored
 * what it needs before the call. The direction flag is clear at every call.
 * The control words of the floating-point units belong to the callee as well:
 * chapter 05 shows what it means that we leave them out. The 128 bytes of the
 * red zone need no care: whoever calls has nothing in them. It is those who
 * interrupt without being called who must spare them, a signal handler's frame
 * for one. An operating system cannot have its own interrupts do that, and so is
 * compiled without a red zone (-mno-red-zone).
 */
__asm__(ASM_FUNCTION(switch_context)
    "   mov     [rdi + " AT(CONTEXT_SP)  "], rsp    \n"
    "   mov     [rdi + " AT(CONTEXT_R15) "], r15    \n"
    "   mov     [rdi + " AT(CONTEXT_R14) "], r14    \n"
    "   mov     [rdi + " AT(CONTEXT_R13) "], r13    \n"
    "   mov     [rdi + " AT(CONTEXT_R12) "], r12    \n"
    "   mov     [rdi + " AT(CONTEXT_RBX) "], rbx    \n"
    "   mov     [rdi + " AT(CONTEXT_RBP) "], rbp    \n"
    "   mov     rsp, [rsi + " AT(CONTEXT_SP)  "]    \n" IN_NEW(nothing) // from here on the other stack
    "   mov     r15, [rsi + " AT(CONTEXT_R15) "]    \n"
    "   mov     r14, [rsi + " AT(CONTEXT_R14) "]    \n"
    "   mov     r13, [rsi + " AT(CONTEXT_R13) "]    \n"
    "   mov     r12, [rsi + " AT(CONTEXT_R12) "]    \n"
    "   mov     rbx, [rsi + " AT(CONTEXT_RBX) "]    \n"
    "   mov     rbp, [rsi + " AT(CONTEXT_RBP) "]    \n"
    "   ret                                         \n"
    ASM_END(switch_context)
);

/* The same switch, with one register left out of it; `all`: all but rsp. */
#define SWITCH_SAVE(forgotten, register, offset)                               \
    SWITCH_KEEP(forgotten, register, "   mov [rdi + " AT(offset) "], " #register "\n")
#define SWITCH_LOAD(forgotten, register, offset)                               \
    SWITCH_KEEP(forgotten, register, "   mov " #register ", [rsi + " AT(offset) "]\n")

#define SWITCH_WITHOUT(forgotten)                                              \
    __attribute__((visibility("hidden")))                                      \
    void switch_without_##forgotten(struct context *old, const struct context *new); \
    __asm__(ASM_FUNCTION(switch_without_##forgotten)                           \
        "   mov     [rdi + " AT(CONTEXT_SP) "], rsp\n"                         \
        SWITCH_SAVE(forgotten, r15, CONTEXT_R15)                               \
        SWITCH_SAVE(forgotten, r14, CONTEXT_R14)                               \
        SWITCH_SAVE(forgotten, r13, CONTEXT_R13)                               \
        SWITCH_SAVE(forgotten, r12, CONTEXT_R12)                               \
        SWITCH_SAVE(forgotten, rbx, CONTEXT_RBX)                               \
        SWITCH_SAVE(forgotten, rbp, CONTEXT_RBP)                               \
        "   mov     rsp, [rsi + " AT(CONTEXT_SP) "]\n" IN_NEW(forgotten)       \
        SWITCH_LOAD(forgotten, r15, CONTEXT_R15)                               \
        SWITCH_LOAD(forgotten, r14, CONTEXT_R14)                               \
        SWITCH_LOAD(forgotten, r13, CONTEXT_R13)                               \
        SWITCH_LOAD(forgotten, r12, CONTEXT_R12)                               \
        SWITCH_LOAD(forgotten, rbx, CONTEXT_RBX)                               \
        SWITCH_LOAD(forgotten, rbp, CONTEXT_RBP)                               \
        "   ret\n"                                                             \
        ASM_END(switch_without_##forgotten)                                    \
    );

/* On entry as a thread's function returned to it: rsp points at the word that
   it takes. One instruction, and on x86-64 it is there for its eight bytes. */
__asm__(ASM_RETURNED_TO(skip)
    "   ret                             \n"
    ASM_END(skip)
);

/* On entry rdi and rsi are still the arguments of the switch that came here:
   the other way round they lead back. r11 is the switch to take. */
__asm__(ASM_FUNCTION(overwrite_callee_saved)
    "   mov     rbx, -1                 \n"
    "   mov     rbp, -1                 \n"
    "   mov     r12, -1                 \n"
    "   mov     r13, -1                 \n"
    "   mov     r14, -1                 \n"
    "   mov     r15, -1                 \n"
    "   xchg    rdi, rsi                \n"
    "   jmp     r11                     \n"
    ASM_END(overwrite_callee_saved)
);

/* xmm0 … xmm15 all belong to the caller here. */
__asm__(ASM_FUNCTION(store_floats)
    "   ret                             \n"
    ASM_END(store_floats)
);

__asm__(ASM_FUNCTION(load_floats)
    "   ret                             \n"
    ASM_END(load_floats)
);

/*
 *     uint64_t control_words(void);        void load_control_words(uint64_t words);
 *     rax                                                          rdi
 *
 * Two units, two words. Bits 0 to 31 are mxcsr, which rules xmm0 … xmm15; its
 * lowest six bits are flags, not control. Bits 32 to 47 are the x87 control
 * word, which rules `long double`. Both have two bits for the rounding.
 */
__asm__(ASM_FUNCTION(control_words)
    "   mov     qword ptr [rsp - 8], 0  \n" // in the red zone: nothing is called
    "   stmxcsr [rsp - 8]               \n"
    "   fnstcw  [rsp - 4]               \n"
    "   mov     rax, [rsp - 8]          \n"
    "   ret                             \n"
    ASM_END(control_words)
);

__asm__(ASM_FUNCTION(load_control_words)
    "   mov     [rsp - 8], rdi          \n"
    "   ldmxcsr [rsp - 8]               \n"
    "   fldcw   [rsp - 4]               \n"
    "   ret                             \n"
    ASM_END(load_control_words)
);

#define ROUND_UPWARD(words)                                                    \
    (((words) & ~((UINT64_C(0x0c00) << 32) | 0x6000)) | (UINT64_C(0x0800) << 32) | 0x4000)

__asm__(ASM_FUNCTION(record_sp)
    "   mov     [rbx], rsp              \n"
    "   add     rbx, 8                  \n"
    "   ret                             \n"
    ASM_END(record_sp)
);

__asm__(ASM_FUNCTION(record_sp_and_leave)
    "   mov     [rbx], rsp              \n"
    "   xchg    rdi, rsi                \n" // nothing has touched them since the switch
    "   jmp     " SYMBOL(switch_context) "\n"
    ASM_END(record_sp_and_leave)
);

__asm__(ASM_FUNCTION(trampoline)
    "   mov     rdi, r12                \n"
    "   jmp     r13                     \n"
    ASM_END(trampoline)
);

#define TRAMPOLINE_ARGUMENT r12
#define TRAMPOLINE_FUNCTION r13

/* ---------------------------------------------------------------------------
 * Chapter 07: the runtime
 */

#define SAVED_WORDS 8
#define ENTRY_WORD 6

/*
 *     void switch_stack(void **old, void *const *new);
 *                       rdi         rsi
 *
 *     a stack that waits         a new stack, as its maker forges it
 *
 *     … the caller's frames      top        ────────────────────
 *                                top - 8    0: where its function would return to
 *     return address             top - 16   where it begins
 *     rbp                        top - 24   0
 *     rbx                        top - 32   0
 *     r12 r13 r14                …          0
 *     r15   ← *old               top - 64   0                    ← *new
 *
 * As switch_context, but for two things, which chapter 07 measures. The
 * registers wait on the stack, so the context is one pointer. And it looks where
 * it goes. The processor predicts that a `ret` leads behind the latest `call` that
 * has not come back: right, if both stacks wait behind the same call, and then
 * all returns of their callers are predicted right as well; wrong, if not. Then
 * a jump is better, which is predicted to lead where it led before.
 *
 * rdi and rsi are left alone: a new stack begins with them as its arguments,
 * and with rsp = top - 8, as after a `call`. rcx and rdx are the caller's to lose.
 */
__asm__(ASM_FUNCTION(switch_stack)
    "   mov     rdx, [rsp]              \n" // where we shall go on
    "   push    rbp                     \n" PUSHED(rbp)
    "   push    rbx                     \n" PUSHED(rbx)
    "   push    r12                     \n" PUSHED(r12)
    "   push    r13                     \n" PUSHED(r13)
    "   push    r14                     \n" PUSHED(r14)
    "   push    r15                     \n" PUSHED(r15)
    "   mov     [rdi], rsp              \n"
    "   mov     rsp, [rsi]              \n"
    "   pop     r15                     \n" POPPED(r15)
    "   pop     r14                     \n" POPPED(r14)
    "   pop     r13                     \n" POPPED(r13)
    "   pop     r12                     \n" POPPED(r12)
    "   pop     rbx                     \n" POPPED(rbx)
    "   pop     rbp                     \n" POPPED(rbp)
    "   mov     rcx, [rsp]              \n" // where the other one goes on
    "   cmp     rcx, rdx                \n"
    "   jne     1f                      \n"
    "   ret                             \n"
    "1: add     rsp, 8                  \n" RETURNS_BY(rcx)
    "   " NOTRACK "jmp     rcx          \n"
    ASM_END(switch_stack)
);

/* The same without a look: switch_stack_that_jumps and switch_stack_that_returns. */
#define SWITCH_STACK_THAT(way)                                                 \
    __attribute__((visibility("hidden")))                                      \
    void switch_stack_that_##way(void **old, void *const *new);                \
    __asm__(ASM_FUNCTION(switch_stack_that_##way)                              \
        "   push    rbp\n" PUSHED(rbp)                                         \
        "   push    rbx\n" PUSHED(rbx)                                         \
        "   push    r12\n" PUSHED(r12)                                         \
        "   push    r13\n" PUSHED(r13)                                         \
        "   push    r14\n" PUSHED(r14)                                         \
        "   push    r15\n" PUSHED(r15)                                         \
        "   mov     [rdi], rsp\n"                                              \
        "   mov     rsp, [rsi]\n"                                              \
        "   pop     r15\n" POPPED(r15)                                         \
        "   pop     r14\n" POPPED(r14)                                         \
        "   pop     r13\n" POPPED(r13)                                         \
        "   pop     r12\n" POPPED(r12)                                         \
        "   pop     rbx\n" POPPED(rbx)                                         \
        "   pop     rbp\n" POPPED(rbp)                                         \
        SWITCH_BY_##way                                                        \
        ASM_END(switch_stack_that_##way)                                       \
    )
#define SWITCH_BY_jumps "   pop rcx\n" RETURNS_BY(rcx) "   " NOTRACK "jmp rcx\n"
#define SWITCH_BY_returns "   ret\n"

#endif
