/*
 * x86_64-windows.h: x86-64 with the ABI of Windows.
 *
 * Read x86_64-sysv.h first: here stands what differs.
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
 * Of the chapters, 00, 02, 05, 06 and 07 build here. 01 and 04 are about what
 * POSIX offers: its threads, signals and mmap. 03 forges the book's stack, which
 * has no room for a home space, and so no `swap` is made for it.
 *
 * COFF has no hidden symbols. An .exe or .dll shows others only what it exports.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_WINDOWS_H
#define GREEN_THREADS_ARCH_X86_64_WINDOWS_H

/* clang-format off: the columns are aligned by hand. */

#define ARCH_NAME "x86-64 Windows"
#define STACK_ALIGNMENT 16
#define RED_ZONE 0
#define ARGUMENT_REGISTERS 4
#define CALLEE_SAVED "rbx rsi rdi rbp r12 r13 r14 r15"
#define PART_NAMES "rax", "eax", "ax", "ah", "al"

/* As on System V. */
#define ASM_PROBE "771: push 1; 772: .set .Lgas, 773f\n"
#define ASM_DIALECT "   .intel_syntax noprefix\n"
#define ASM_DIALECT_BACK                                                       \
    "   .ifdef .Lgas; .if 772b - 771b > 2; .att_syntax prefix; .endif; .endif; 773:\n"
#define ASM_LANDING_PAD ""

/*
 * Who walks the stack, here the system itself for each exception, asks another
 * table: for each function that moves rsp, what its first instructions do, its
 * prologue. From anywhere behind that the walk undoes all of it. The end of a
 * function it knows by its instructions: `add rsp`, then `pop`, then `ret`. A
 * function that is in no table is a leaf: its return address lies at rsp.
 *
 *     UNWIND_BEGIN(name)  in front of the first instruction
 *     PUSHED(register)    behind a `push`
 *     LOWERED(bytes)      behind what lowers rsp
 *     SAVED_XMM(number)   behind what stores xmm6 … xmm15 in the place that
 *                         switch_stack has for it
 *     UNWIND_BODY         the prologue ends here
 *     UNWIND_END          behind the last instruction
 *
 * switch_context is a leaf, and that is true at each of its instructions: on
 * either stack, the return address lies at rsp. What such a table cannot say
 * is that a caller's registers lie in a struct. So a walk from inside the
 * switch finds all callers, but in its second half takes registers that are not
 * yet loaded for those of the stack that goes on. An exception cannot come from
 * there, only a debugger's step or a profiler's sample.
 */
#if defined PLAIN
#define UNWIND_BEGIN(name)
#define PUSHED(register)
#define LOWERED(bytes)
#define SAVED_XMM(number)
#define UNWIND_BODY
#define UNWIND_END
#else
#define UNWIND_BEGIN(name) "   .seh_proc " SYMBOL(name) "\n"
#define PUSHED(register) "   .seh_pushreg " #register "\n"
#define LOWERED(bytes) "   .seh_stackalloc " #bytes "\n"
#define SAVED_XMM(number)                                                      \
    "   .seh_savexmm xmm" #number ", 16*" #number " - 0x60\n"
#define UNWIND_BODY "   .seh_endprologue\n"
#define UNWIND_END "   .seh_endproc\n"
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
 *                  rcx
 */
__asm__(ASM_FUNCTION(capture) UNWIND_BEGIN(capture)
    "   pushfq                                        \n" LOWERED(8) UNWIND_BODY
    "   mov     [rcx + " AT(REGISTERS_RAX) "],    rax \n"
    "   mov     [rcx + " AT(REGISTERS_RBX) "],    rbx \n"
    "   mov     [rcx + " AT(REGISTERS_RCX) "],    rcx \n"
    "   mov     [rcx + " AT(REGISTERS_RDX) "],    rdx \n"
    "   mov     [rcx + " AT(REGISTERS_RSI) "],    rsi \n"
    "   mov     [rcx + " AT(REGISTERS_RDI) "],    rdi \n"
    "   mov     [rcx + " AT(REGISTERS_RBP) "],    rbp \n"
    "   mov     [rcx + " AT(REGISTERS_R8) "],     r8  \n"
    "   mov     [rcx + " AT(REGISTERS_R9) "],     r9  \n"
    "   mov     [rcx + " AT(REGISTERS_R10) "],    r10 \n"
    "   mov     [rcx + " AT(REGISTERS_R11) "],    r11 \n"
    "   mov     [rcx + " AT(REGISTERS_R12) "],    r12 \n"
    "   mov     [rcx + " AT(REGISTERS_R13) "],    r13 \n"
    "   mov     [rcx + " AT(REGISTERS_R14) "],    r14 \n"
    "   mov     [rcx + " AT(REGISTERS_R15) "],    r15 \n"
    "   lea     rax, [rsp + 16]                       \n" // without the flags and our return address
    "   mov     [rcx + " AT(REGISTERS_RSP) "],    rax \n"
    "   mov     rax, [rsp + 8]                        \n" // the return address itself
    "   mov     [rcx + " AT(REGISTERS_RIP) "],    rax \n"
    "   mov     rax, [rsp]                            \n"
    "   mov     [rcx + " AT(REGISTERS_RFLAGS) "], rax \n"
    "   mov     rax, [rcx + " AT(REGISTERS_RAX) "]    \n"
    "   add     rsp, 8                                \n"
    "   ret                                           \n"
    UNWIND_END
    ASM_END(capture)
);

/*
 *     void call_planted(function, before, after);
 *                       rcx       rdx     r8
 *
 *     rsp + 0x78   return address         rsp ≡ 8 (mod 16) on entry
 *     rsp + 0x38   the callee-saved registers of our caller, eight of them
 *     rsp + 0x30   after
 *     rsp + 0x28   function
 *     rsp + 0x20   rcx as the call left it, once it has returned
 *     rsp + 0x00   home space of the functions called
 */
__asm__(ASM_FUNCTION(call_planted) UNWIND_BEGIN(call_planted)
    "   push    rbx                                   \n" PUSHED(rbx)
    "   push    rbp                                   \n" PUSHED(rbp)
    "   push    rdi                                   \n" PUSHED(rdi)
    "   push    rsi                                   \n" PUSHED(rsi)
    "   push    r12                                   \n" PUSHED(r12)
    "   push    r13                                   \n" PUSHED(r13)
    "   push    r14                                   \n" PUSHED(r14)
    "   push    r15                                   \n" PUSHED(r15)
    "   sub     rsp, 0x38                             \n" LOWERED(0x38) UNWIND_BODY
    "   mov     [rsp + 0x30], r8                      \n"
    "   mov     [rsp + 0x28], rcx                     \n"
    "   mov     rax, [rdx + " AT(REGISTERS_RAX) "]    \n"
    "   mov     rbx, [rdx + " AT(REGISTERS_RBX) "]    \n"
    "   mov     rcx, [rdx + " AT(REGISTERS_RCX) "]    \n"
    "   mov     rsi, [rdx + " AT(REGISTERS_RSI) "]    \n"
    "   mov     rdi, [rdx + " AT(REGISTERS_RDI) "]    \n"
    "   mov     rbp, [rdx + " AT(REGISTERS_RBP) "]    \n"
    "   mov     r8,  [rdx + " AT(REGISTERS_R8) "]     \n"
    "   mov     r9,  [rdx + " AT(REGISTERS_R9) "]     \n"
    "   mov     r10, [rdx + " AT(REGISTERS_R10) "]    \n"
    "   mov     r11, [rdx + " AT(REGISTERS_R11) "]    \n"
    "   mov     r12, [rdx + " AT(REGISTERS_R12) "]    \n"
    "   mov     r13, [rdx + " AT(REGISTERS_R13) "]    \n"
    "   mov     r14, [rdx + " AT(REGISTERS_R14) "]    \n"
    "   mov     r15, [rdx + " AT(REGISTERS_R15) "]    \n"
    "   mov     rdx, [rdx + " AT(REGISTERS_RDX) "]    \n" // last: it was the address
    "   call    qword ptr [rsp + 0x28]                \n"
    "   mov     [rsp + 0x20], rcx                     \n"
    "   mov     rcx, [rsp + 0x30]                     \n"
    "   call    " SYMBOL(capture) "                  \n" // overwrites no register
    "   mov     rax, [rsp + 0x20]                     \n"
    "   mov     [rcx + " AT(REGISTERS_RCX) "], rax    \n"
    "   add     rsp, 0x38                             \n"
    "   pop     r15                                   \n"
    "   pop     r14                                   \n"
    "   pop     r13                                   \n"
    "   pop     r12                                   \n"
    "   pop     rsi                                   \n"
    "   pop     rdi                                   \n"
    "   pop     rbp                                   \n"
    "   pop     rbx                                   \n"
    "   ret                                           \n"
    UNWIND_END
    ASM_END(call_planted)
);

__asm__(ASM_FUNCTION(overwrite_caller_saved)
    "   mov     rax, -1               \n"
    "   mov     rcx, -1               \n"
    "   mov     rdx, -1               \n"
    "   mov     r8,  -1               \n"
    "   mov     r9,  -1               \n"
    "   mov     r10, -1               \n"
    "   mov     r11, -1               \n"
    "   ret                           \n"
    ASM_END(overwrite_caller_saved)
);

__asm__(ASM_FUNCTION(break_a_promise)
    "   mov     rbx, -1                 \n" // and nobody puts it back
    "   ret                             \n"
    ASM_END(break_a_promise)
);

/* One callee-saved register, rbx, to be worked in; rax is the result. */
#define SAVE_ONE "   push    rbx                     \n"
#define RESTORE_ONE "   pop     rbx                     \n"
#define DOUBLE_IN_ONE                                                          \
    "   mov     rbx, rcx                \n"                                   \
    "   lea     rax, [rbx + rbx]        \n"

/* Where the ten arguments of record_arguments were, on entry. All but the first
   are a `long`: whatever was in the upper half of their place is not told. */
struct arguments {
    uint64_t in_registers[ARGUMENT_REGISTERS];    /* rcx rdx r8 r9 */
    uint64_t on_stack[10 - ARGUMENT_REGISTERS];   /* rsp + 0x28, upwards */
    uint64_t return_address;                      /* rsp + 0x00 */
};

#define ARGUMENTS_IN_REGISTERS 0x00
#define ARGUMENTS_ON_STACK 0x20
#define ARGUMENTS_RETURN_ADDRESS 0x50
_Static_assert(offsetof(struct arguments, in_registers) == ARGUMENTS_IN_REGISTERS, "");
_Static_assert(offsetof(struct arguments, on_stack) == ARGUMENTS_ON_STACK, "");
_Static_assert(offsetof(struct arguments, return_address) == ARGUMENTS_RETURN_ADDRESS, "");

/*
 *     void record_arguments(out, b,   c,  d,  e,           f,           …  j);
 *                           rcx  rdx  r8  r9  [rsp+0x28]   [rsp+0x30]   …  [rsp+0x50]
 */
__asm__(ASM_FUNCTION(record_arguments)
    "   mov     [rcx + " AT(ARGUMENTS_IN_REGISTERS) " + 0x00], rcx  \n"
    "   movsxd  rax, edx                                            \n"
    "   mov     [rcx + " AT(ARGUMENTS_IN_REGISTERS) " + 0x08], rax  \n"
    "   movsxd  rax, r8d                                            \n"
    "   mov     [rcx + " AT(ARGUMENTS_IN_REGISTERS) " + 0x10], rax  \n"
    "   movsxd  rax, r9d                                            \n"
    "   mov     [rcx + " AT(ARGUMENTS_IN_REGISTERS) " + 0x18], rax  \n"
    "   movsxd  rax, dword ptr [rsp + 0x28]                      \n"
    "   mov     [rcx + " AT(ARGUMENTS_ON_STACK) " + 0x00], rax      \n"
    "   movsxd  rax, dword ptr [rsp + 0x30]                      \n"
    "   mov     [rcx + " AT(ARGUMENTS_ON_STACK) " + 0x08], rax      \n"
    "   movsxd  rax, dword ptr [rsp + 0x38]                      \n"
    "   mov     [rcx + " AT(ARGUMENTS_ON_STACK) " + 0x10], rax      \n"
    "   movsxd  rax, dword ptr [rsp + 0x40]                      \n"
    "   mov     [rcx + " AT(ARGUMENTS_ON_STACK) " + 0x18], rax      \n"
    "   movsxd  rax, dword ptr [rsp + 0x48]                      \n"
    "   mov     [rcx + " AT(ARGUMENTS_ON_STACK) " + 0x20], rax      \n"
    "   movsxd  rax, dword ptr [rsp + 0x50]                      \n"
    "   mov     [rcx + " AT(ARGUMENTS_ON_STACK) " + 0x28], rax      \n"
    "   mov     rax, [rsp]                                          \n"
    "   mov     [rcx + " AT(ARGUMENTS_RETURN_ADDRESS) "], rax       \n"
    "   ret                                                         \n"
    ASM_END(record_arguments)
);

/*
 *     long next_intel(const long *values, long index);      the same in AT&T
 *     eax             rcx                 edx
 */
__asm__(ASM_FUNCTION(next_intel)
    "   movsxd  rdx, edx                \n"
    "   mov     eax, [rcx + rdx*4]      \n"
    "   add     eax, 1                  \n"
    "   ret                             \n"
    ASM_END(next_intel)
);

__asm__(ASM_FUNCTION(next_att)
    "   .att_syntax prefix              \n"
    "   movslq  %edx, %rdx              \n"
    "   movl    (%rcx,%rdx,4), %eax     \n"
    "   addl    $1, %eax                \n"
    "   ret                             \n"
    "   .intel_syntax noprefix          \n" // as ASM_END expects
    ASM_END(next_att)
);

/*
 *     uint64_t write_64(uint64_t whole, uint64_t value);    and its four sisters
 *     rax               rcx             rdx
 */
__asm__(ASM_FUNCTION(write_64)
    "   mov     rax, rcx              \n"
    "   mov     rax, rdx              \n"
    "   ret                           \n"
    ASM_END(write_64)
);

__asm__(ASM_FUNCTION(write_32)
    "   mov     rax, rcx              \n"
    "   mov     eax, edx              \n"
    "   ret                           \n"
    ASM_END(write_32)
);

__asm__(ASM_FUNCTION(write_16)
    "   mov     rax, rcx              \n"
    "   mov     ax,  dx               \n"
    "   ret                           \n"
    ASM_END(write_16)
);

__asm__(ASM_FUNCTION(write_high_8)
    "   mov     rax, rcx              \n"
    "   mov     ah,  dl               \n"
    "   ret                           \n"
    ASM_END(write_high_8)
);

__asm__(ASM_FUNCTION(write_low_8)
    "   mov     rax, rcx              \n"
    "   mov     al,  dl               \n"
    "   ret                           \n"
    ASM_END(write_low_8)
);

/* ---------------------------------------------------------------------------
 * Chapter 03: a single stack swap, which is not for Windows; see above
 */

__asm__(ASM_FUNCTION(stack_pointer)
    "   lea     rax, [rsp + 8]          \n" // without our return address
    "   ret                             \n"
    ASM_END(stack_pointer)
);

struct swap_context {
    uint64_t sp;
};

#define swap(old, new)                                                         \
    _Static_assert(0, "chapters 03 and 04 do not build for Windows: x86_64-windows.h says why")

/* ---------------------------------------------------------------------------
 * Chapters 05 and 06: there and back
 */

/* What switch_context keeps of a stack that is not running. The instruction that
   stores all of an xmm register at once wants an address that is a multiple of
   16, so the struct has to be at one. */
struct context {
    _Alignas(16) uint64_t xmm6[2];
    uint64_t xmm7[2], xmm8[2], xmm9[2], xmm10[2], xmm11[2], xmm12[2], xmm13[2], xmm14[2], xmm15[2];
    uint64_t sp;
    uint64_t r15, r14, r13, r12, rbx, rbp, rdi, rsi;
    uint64_t stack_base, stack_limit, stack_allocation;
};

#define CONTEXT_XMM(n) (16 * (n) - 0x60)
#define CONTEXT_SP 0xa0
#define CONTEXT_R15 0xa8
#define CONTEXT_R14 0xb0
#define CONTEXT_R13 0xb8
#define CONTEXT_R12 0xc0
#define CONTEXT_RBX 0xc8
#define CONTEXT_RBP 0xd0
#define CONTEXT_RDI 0xd8
#define CONTEXT_RSI 0xe0
#define CONTEXT_STACK_BASE 0xe8
#define CONTEXT_STACK_LIMIT 0xf0
#define CONTEXT_STACK_ALLOCATION 0xf8

#define HOLDS(member, offset)                                                  \
    _Static_assert(offsetof(struct context, member) == (offset),               \
                   #member " is not where the switch looks for it")
HOLDS(xmm6, CONTEXT_XMM(6));
HOLDS(xmm7, CONTEXT_XMM(7));
HOLDS(xmm8, CONTEXT_XMM(8));
HOLDS(xmm9, CONTEXT_XMM(9));
HOLDS(xmm10, CONTEXT_XMM(10));
HOLDS(xmm11, CONTEXT_XMM(11));
HOLDS(xmm12, CONTEXT_XMM(12));
HOLDS(xmm13, CONTEXT_XMM(13));
HOLDS(xmm14, CONTEXT_XMM(14));
HOLDS(xmm15, CONTEXT_XMM(15));
HOLDS(sp, CONTEXT_SP);
HOLDS(r15, CONTEXT_R15);
HOLDS(r14, CONTEXT_R14);
HOLDS(r13, CONTEXT_R13);
HOLDS(r12, CONTEXT_R12);
HOLDS(rbx, CONTEXT_RBX);
HOLDS(rbp, CONTEXT_RBP);
HOLDS(rdi, CONTEXT_RDI);
HOLDS(rsi, CONTEXT_RSI);
HOLDS(stack_base, CONTEXT_STACK_BASE);
HOLDS(stack_limit, CONTEXT_STACK_LIMIT);
HOLDS(stack_allocation, CONTEXT_STACK_ALLOCATION);
#undef HOLDS
_Static_assert(sizeof(struct context) == 0x100, "no gap, nothing after stack_allocation");
_Static_assert(_Alignof(struct context) == 16, "movaps faults at any other address");

/*
 * Of the thread information block, where gs points: the words that say where
 * the stack is. They have to be those of the stack that runs.
 *
 *     gs + 0x08     the end of the stack: its base       kept
 *     gs + 0x10     its lowest byte that has memory:     kept
 *                   its limit
 *     gs + 0x1478   where its memory was reserved        kept
 *     gs + 0x20     the fiber's own data                 not kept
 *     gs + 0x1748   what SetThreadStackGuarantee has     not kept
 *                   set aside for an overflow
 *
 * Who looks at them: an exception, a longjmp and a debugger believe a frame only
 * if it is between base and limit, and so a program whose stack is elsewhere is
 * ended in place of its exception being handled; __chkstk probes from the limit
 * downwards; GetCurrentThreadStackLimits, which language runtimes ask, answers
 * with the reservation and the base.
 *
 * Not kept: the two that say nothing about the stack. The fiber's data belong to
 * the system's fibers, which our threads are not; they stay with the thread of
 * the system. The guarantee is for stacks that grow behind a marked page, and
 * ours have none.
 */
#define TIB_STACK_BASE 0x08
#define TIB_STACK_LIMIT 0x10
#define TIB_STACK_ALLOCATION 0x1478

/* All of a new stack has memory from the beginning: its limit is its lowest byte. */
static inline struct context new_context(const void *sp, const void *low, const void *high) {
    return (struct context){
        .sp = (uintptr_t)sp,
        .stack_base = (uintptr_t)high,
        .stack_limit = (uintptr_t)low,
        .stack_allocation = (uintptr_t)low,
    };
}

#define INTEGERS_SAVED(DO)                                                     \
    DO(r15) DO(r14) DO(r13) DO(r12) DO(rbx) DO(rbp) DO(rdi) DO(rsi)
#define CONTEXT_REGISTERS(DO)                                                  \
    INTEGERS_SAVED(DO)                                                         \
    DO(xmm6) DO(xmm7) DO(xmm8) DO(xmm9) DO(xmm10) DO(xmm11) DO(xmm12)          \
    DO(xmm13) DO(xmm14) DO(xmm15)
#define FLOATS_SAVED 20
#define FLOAT_NAMES                                                            \
    "xmm6.low", "xmm6.high", "xmm7.low", "xmm7.high", "xmm8.low", "xmm8.high", \
    "xmm9.low", "xmm9.high", "xmm10.low", "xmm10.high", "xmm11.low",           \
    "xmm11.high", "xmm12.low", "xmm12.high", "xmm13.low", "xmm13.high",        \
    "xmm14.low", "xmm14.high", "xmm15.low", "xmm15.high"
#define REGISTER_ARGUMENT_1 rcx
#define REGISTER_ARGUMENT_2 rdx
#define REGISTER_SPARE r11
#define REGISTER_RECORD rbx
#define SP_AT_ENTRY 8

#define PUSH_ONE "   push    rbx                     \n"
#define POP_ONE "   pop     rbx                     \n"
#define CALL(name) "   call    " SYMBOL(name) "\n"
#define HOME_WORDS 4

/*
 *     void switch_context(struct context *old, const struct context *new);
 *                         rcx                  rdx
 *
 *     state kept             where              why
 *     rsp                    old->sp            it is the stack
 *     rbx rbp rdi rsi        old, by name       our caller was promised them
 *     r12 … r15
 *     xmm6 … xmm15           old, by name       likewise, 128 bits of each
 *     base, limit and        old, by name       the system looks there
 *     reservation
 *     rip                    on the old stack   `call switch_context` pushed it
 *
 *     a new stack, as its maker forges it
 *
 *     top          ────────────────────
 *     top - 0x20   guard's home space
 *     top - 0x28   nothing: where guard would return to
 *     top - 0x30   guard
 *     top - 0x50   the function's home space
 *     top - 0x58   skip
 *     top - 0x60   a function          ← sp
 *
 * So skip is no longer there for its eight bytes alone: it also has to get over
 * the home space of the function that returned.
 *
 * rsp and the three words change one after the other. Nobody sees them disagree:
 * between these instructions nothing faults, and nothing waits.
 */
__asm__(ASM_FUNCTION(switch_context)
    "   movaps  [rcx + " AT(CONTEXT_XMM(6)) "], xmm6  \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(7)) "], xmm7  \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(8)) "], xmm8  \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(9)) "], xmm9  \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(10)) "], xmm10 \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(11)) "], xmm11 \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(12)) "], xmm12 \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(13)) "], xmm13 \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(14)) "], xmm14 \n"
    "   movaps  [rcx + " AT(CONTEXT_XMM(15)) "], xmm15 \n"
    "   mov     [rcx + " AT(CONTEXT_SP) "], rsp       \n"
    "   mov     [rcx + " AT(CONTEXT_R15) "], r15      \n"
    "   mov     [rcx + " AT(CONTEXT_R14) "], r14      \n"
    "   mov     [rcx + " AT(CONTEXT_R13) "], r13      \n"
    "   mov     [rcx + " AT(CONTEXT_R12) "], r12      \n"
    "   mov     [rcx + " AT(CONTEXT_RBX) "], rbx      \n"
    "   mov     [rcx + " AT(CONTEXT_RBP) "], rbp      \n"
    "   mov     [rcx + " AT(CONTEXT_RDI) "], rdi      \n"
    "   mov     [rcx + " AT(CONTEXT_RSI) "], rsi      \n"
    "   mov     rax, gs:[" AT(TIB_STACK_BASE) "]              \n"
    "   mov     [rcx + " AT(CONTEXT_STACK_BASE) "], rax       \n"
    "   mov     rax, gs:[" AT(TIB_STACK_LIMIT) "]             \n"
    "   mov     [rcx + " AT(CONTEXT_STACK_LIMIT) "], rax      \n"
    "   mov     rax, gs:[" AT(TIB_STACK_ALLOCATION) "]        \n"
    "   mov     [rcx + " AT(CONTEXT_STACK_ALLOCATION) "], rax \n"
    "   movaps  xmm6, [rdx + " AT(CONTEXT_XMM(6)) "]  \n"
    "   movaps  xmm7, [rdx + " AT(CONTEXT_XMM(7)) "]  \n"
    "   movaps  xmm8, [rdx + " AT(CONTEXT_XMM(8)) "]  \n"
    "   movaps  xmm9, [rdx + " AT(CONTEXT_XMM(9)) "]  \n"
    "   movaps  xmm10, [rdx + " AT(CONTEXT_XMM(10)) "] \n"
    "   movaps  xmm11, [rdx + " AT(CONTEXT_XMM(11)) "] \n"
    "   movaps  xmm12, [rdx + " AT(CONTEXT_XMM(12)) "] \n"
    "   movaps  xmm13, [rdx + " AT(CONTEXT_XMM(13)) "] \n"
    "   movaps  xmm14, [rdx + " AT(CONTEXT_XMM(14)) "] \n"
    "   movaps  xmm15, [rdx + " AT(CONTEXT_XMM(15)) "] \n"
    "   mov     rsp, [rdx + " AT(CONTEXT_SP) "]       \n" // from here on the other stack
    "   mov     r15, [rdx + " AT(CONTEXT_R15) "]      \n"
    "   mov     r14, [rdx + " AT(CONTEXT_R14) "]      \n"
    "   mov     r13, [rdx + " AT(CONTEXT_R13) "]      \n"
    "   mov     r12, [rdx + " AT(CONTEXT_R12) "]      \n"
    "   mov     rbx, [rdx + " AT(CONTEXT_RBX) "]      \n"
    "   mov     rbp, [rdx + " AT(CONTEXT_RBP) "]      \n"
    "   mov     rdi, [rdx + " AT(CONTEXT_RDI) "]      \n"
    "   mov     rsi, [rdx + " AT(CONTEXT_RSI) "]      \n"
    "   mov     rax, [rdx + " AT(CONTEXT_STACK_BASE) "]       \n"
    "   mov     gs:[" AT(TIB_STACK_BASE) "], rax              \n"
    "   mov     rax, [rdx + " AT(CONTEXT_STACK_LIMIT) "]      \n"
    "   mov     gs:[" AT(TIB_STACK_LIMIT) "], rax             \n"
    "   mov     rax, [rdx + " AT(CONTEXT_STACK_ALLOCATION) "] \n"
    "   mov     gs:[" AT(TIB_STACK_ALLOCATION) "], rax        \n"
    "   ret                                           \n"
    ASM_END(switch_context)
);

/* One register at a time, so that each can be left out. .irp repeats what
   stands between it and .endr, once for each number. */
#define SWITCH_KEEP(forgotten, register, instruction)                          \
    "   .ifnc " #forgotten ", " #register "\n"                                 \
    "   .ifnc " #forgotten ", all\n" instruction "   .endif\n   .endif\n"
#define SWITCH_SAVE(forgotten, register, offset)                               \
    SWITCH_KEEP(forgotten, register, "   mov [rcx + " AT(offset) "], " #register "\n")
#define SWITCH_LOAD(forgotten, register, offset)                               \
    SWITCH_KEEP(forgotten, register, "   mov " #register ", [rdx + " AT(offset) "]\n")
#define SWITCH_XMM(forgotten, instruction)                                     \
    "   .irp i, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"                          \
    SWITCH_KEEP(forgotten, xmm\\i, instruction)                                \
    "   .endr\n"
#define SWITCH_TIB(offset, tib_offset)                                         \
    "   mov rax, gs:[" AT(tib_offset) "]\n   mov [rcx + " AT(offset) "], rax\n" \
    "   mov rax, [rdx + " AT(offset) "]\n   mov gs:[" AT(tib_offset) "], rax\n"

#define SWITCH_WITHOUT(forgotten)                                              \
    void switch_without_##forgotten(struct context *old, const struct context *new); \
    __asm__(ASM_FUNCTION(switch_without_##forgotten)                           \
        SWITCH_XMM(forgotten, "   movaps [rcx + 16*\\i - 0x60], xmm\\i\n")     \
        "   mov     [rcx + " AT(CONTEXT_SP) "], rsp\n"                         \
        SWITCH_SAVE(forgotten, r15, CONTEXT_R15)                               \
        SWITCH_SAVE(forgotten, r14, CONTEXT_R14)                               \
        SWITCH_SAVE(forgotten, r13, CONTEXT_R13)                               \
        SWITCH_SAVE(forgotten, r12, CONTEXT_R12)                               \
        SWITCH_SAVE(forgotten, rbx, CONTEXT_RBX)                               \
        SWITCH_SAVE(forgotten, rbp, CONTEXT_RBP)                               \
        SWITCH_SAVE(forgotten, rdi, CONTEXT_RDI)                               \
        SWITCH_SAVE(forgotten, rsi, CONTEXT_RSI)                               \
        SWITCH_XMM(forgotten, "   movaps xmm\\i, [rdx + 16*\\i - 0x60]\n")     \
        "   mov     rsp, [rdx + " AT(CONTEXT_SP) "]\n"                         \
        SWITCH_LOAD(forgotten, r15, CONTEXT_R15)                               \
        SWITCH_LOAD(forgotten, r14, CONTEXT_R14)                               \
        SWITCH_LOAD(forgotten, r13, CONTEXT_R13)                               \
        SWITCH_LOAD(forgotten, r12, CONTEXT_R12)                               \
        SWITCH_LOAD(forgotten, rbx, CONTEXT_RBX)                               \
        SWITCH_LOAD(forgotten, rbp, CONTEXT_RBP)                               \
        SWITCH_LOAD(forgotten, rdi, CONTEXT_RDI)                               \
        SWITCH_LOAD(forgotten, rsi, CONTEXT_RSI)                               \
        SWITCH_TIB(CONTEXT_STACK_BASE, TIB_STACK_BASE)                         \
        SWITCH_TIB(CONTEXT_STACK_LIMIT, TIB_STACK_LIMIT)                       \
        SWITCH_TIB(CONTEXT_STACK_ALLOCATION, TIB_STACK_ALLOCATION)             \
        "   ret\n"                                                             \
        ASM_END(switch_without_##forgotten)                                    \
    );
_Static_assert(CONTEXT_XMM(6) == 0, "as the switches without a register count");

/* On entry as a thread's function returned to it: rsp points at the home space
   that the function had, and the address that skip takes lies above. */
__asm__(ASM_FUNCTION(skip)
    "   add     rsp, 0x20               \n"
    "   ret                             \n"
    ASM_END(skip)
);

__asm__(ASM_FUNCTION(overwrite_callee_saved)
    "   mov     rbx, -1               \n"
    "   mov     rbp, -1               \n"
    "   mov     rdi, -1               \n"
    "   mov     rsi, -1               \n"
    "   mov     r12, -1               \n"
    "   mov     r13, -1               \n"
    "   mov     r14, -1               \n"
    "   mov     r15, -1               \n"
    "   pcmpeqd xmm6, xmm6            \n" // equal to itself: all bits set
    "   pcmpeqd xmm7, xmm7            \n"
    "   pcmpeqd xmm8, xmm8            \n"
    "   pcmpeqd xmm9, xmm9            \n"
    "   pcmpeqd xmm10, xmm10          \n"
    "   pcmpeqd xmm11, xmm11          \n"
    "   pcmpeqd xmm12, xmm12          \n"
    "   pcmpeqd xmm13, xmm13          \n"
    "   pcmpeqd xmm14, xmm14          \n"
    "   pcmpeqd xmm15, xmm15          \n"
    "   xchg    rcx, rdx                \n"
    "   jmp     r11                     \n"
    ASM_END(overwrite_callee_saved)
);

/* Unaligned moves: an array of uint64_t is at a multiple of 8. */
__asm__(ASM_FUNCTION(store_floats)
    "   movups  [rcx + 0x00], xmm6    \n"
    "   movups  [rcx + 0x10], xmm7    \n"
    "   movups  [rcx + 0x20], xmm8    \n"
    "   movups  [rcx + 0x30], xmm9    \n"
    "   movups  [rcx + 0x40], xmm10   \n"
    "   movups  [rcx + 0x50], xmm11   \n"
    "   movups  [rcx + 0x60], xmm12   \n"
    "   movups  [rcx + 0x70], xmm13   \n"
    "   movups  [rcx + 0x80], xmm14   \n"
    "   movups  [rcx + 0x90], xmm15   \n"
    "   ret                           \n"
    ASM_END(store_floats)
);

__asm__(ASM_FUNCTION(load_floats)
    "   movups  xmm6, [rcx + 0x00]    \n"
    "   movups  xmm7, [rcx + 0x10]    \n"
    "   movups  xmm8, [rcx + 0x20]    \n"
    "   movups  xmm9, [rcx + 0x30]    \n"
    "   movups  xmm10, [rcx + 0x40]   \n"
    "   movups  xmm11, [rcx + 0x50]   \n"
    "   movups  xmm12, [rcx + 0x60]   \n"
    "   movups  xmm13, [rcx + 0x70]   \n"
    "   movups  xmm14, [rcx + 0x80]   \n"
    "   movups  xmm15, [rcx + 0x90]   \n"
    "   ret                           \n"
    ASM_END(load_floats)
);

/* The same two words as on System V. The place in memory that this takes is our
   home space: there is no red zone. */
__asm__(ASM_FUNCTION(control_words)
    "   mov     qword ptr [rsp + 8], 0  \n"
    "   stmxcsr [rsp + 8]               \n"
    "   fnstcw  [rsp + 12]              \n"
    "   mov     rax, [rsp + 8]          \n"
    "   ret                             \n"
    ASM_END(control_words)
);

__asm__(ASM_FUNCTION(load_control_words)
    "   mov     [rsp + 8], rcx          \n"
    "   ldmxcsr [rsp + 8]               \n"
    "   fldcw   [rsp + 12]              \n"
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
    "   xchg    rcx, rdx                \n"
    "   jmp     " SYMBOL(switch_context) "\n"
    ASM_END(record_sp_and_leave)
);

__asm__(ASM_FUNCTION(trampoline)
    "   mov     rcx, r12                \n"
    "   jmp     r13                     \n"
    ASM_END(trampoline)
);

#define TRAMPOLINE_ARGUMENT r12
#define TRAMPOLINE_FUNCTION r13

/* ---------------------------------------------------------------------------
 * Chapter 07: the runtime
 */

#define SAVED_WORDS 37
#define ENTRY_WORD 31

/* The words of a new stack that say where it is. */
#define ALLOCATION_WORD 20
#define LIMIT_WORD 21
#define BASE_WORD 22

/*
 *     void switch_stack(void **old, void *const *new);
 *                       rcx         rdx
 *
 *     a stack that waits, and a new one, as its maker forges it
 *
 *     top          ────────────────────
 *     sp + 0x108   its home space         the callers' frames
 *     sp + 0x100   0: no return
 *     sp + 0xf8    where it begins        return address
 *     sp + 0xb8    r15 … r12 rsi rdi      0
 *                  rbx rbp
 *     sp + 0xb0    base                   its end
 *     sp + 0xa8    limit                  its lowest byte
 *     sp + 0xa0    reservation            likewise
 *     sp + 0x00    xmm6 … xmm15           0
 *
 * A stack that waits has its sp at a multiple of 16. A new one must not: its
 * function is to find 8 (mod 16), like any. So the moves are the unaligned ones,
 * which cost nothing extra at an aligned address. With movaps, the first switch
 * to a new stack would fault.
 *
 * A walk that starts in here is right up to the exchange of rsp and, on the other
 * stack, until rsp begins to rise: the prologue is undone from there just as
 * well. Behind that it is not: words of the thread information block come off the
 * stack, and the system knows no end of a function that does so, nor one that
 * compares. Nothing there can fault.
 */
__asm__(ASM_FUNCTION(switch_stack) UNWIND_BEGIN(switch_stack)
    "   mov     r8, [rsp]               \n" // where we shall go on
    "   .irp    r, rbp, rbx, rdi, rsi, r12, r13, r14, r15 \n"
    "   push    \\r                     \n" PUSHED(\\r)
    "   .endr                           \n"
    "   push    qword ptr gs:[" AT(TIB_STACK_BASE) "]           \n" LOWERED(8)
    "   push    qword ptr gs:[" AT(TIB_STACK_LIMIT) "]          \n" LOWERED(8)
    "   push    qword ptr gs:[" AT(TIB_STACK_ALLOCATION) "]     \n" LOWERED(8)
    "   sub     rsp, 0xa0               \n" LOWERED(0xa0)
    "   .irp    i, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 \n"
    "   movups  [rsp + 16*\\i - 0x60], xmm\\i \n" SAVED_XMM(\\i)
    "   .endr                           \n" UNWIND_BODY
    "   mov     [rcx], rsp              \n"
    "   mov     rsp, [rdx]              \n"
    "   .irp    i, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 \n"
    "   movups  xmm\\i, [rsp + 16*\\i - 0x60] \n"
    "   .endr                           \n"
    "   add     rsp, 0xa0               \n"
    "   pop     qword ptr gs:[" AT(TIB_STACK_ALLOCATION) "]     \n"
    "   pop     qword ptr gs:[" AT(TIB_STACK_LIMIT) "]          \n"
    "   pop     qword ptr gs:[" AT(TIB_STACK_BASE) "]           \n"
    "   .irp    r, r15, r14, r13, r12, rsi, rdi, rbx, rbp \n"
    "   pop     \\r                     \n"
    "   .endr                           \n"
    "   cmp     r8, [rsp]               \n" // where the other one goes on
    "   jne     1f                      \n"
    "   ret                             \n"
    "1: pop     rax                     \n"
    "   jmp     rax                     \n"
    UNWIND_END
    ASM_END(switch_stack)
);

/* As on x86-64, without a look. */
#define SWITCH_STACK_THAT(way)                                                 \
    void switch_stack_that_##way(void **old, void *const *new);                \
    __asm__(ASM_FUNCTION(switch_stack_that_##way) UNWIND_BEGIN(switch_stack_that_##way)\
        "   .irp    r, rbp, rbx, rdi, rsi, r12, r13, r14, r15\n"               \
        "   push    \\r\n" PUSHED(\\r)                                         \
        "   .endr\n"                                                           \
        "   push    qword ptr gs:[" AT(TIB_STACK_BASE) "]\n" LOWERED(8)        \
        "   push    qword ptr gs:[" AT(TIB_STACK_LIMIT) "]\n" LOWERED(8)       \
        "   push    qword ptr gs:[" AT(TIB_STACK_ALLOCATION) "]\n" LOWERED(8)  \
        "   sub     rsp, 0xa0\n" LOWERED(0xa0)                                 \
        "   .irp    i, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"                   \
        "   movups  [rsp + 16*\\i - 0x60], xmm\\i\n" SAVED_XMM(\\i)            \
        "   .endr\n" UNWIND_BODY                                               \
        "   mov     [rcx], rsp\n"                                              \
        "   mov     rsp, [rdx]\n"                                              \
        "   .irp    i, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"                   \
        "   movups  xmm\\i, [rsp + 16*\\i - 0x60]\n"                           \
        "   .endr\n"                                                           \
        "   add     rsp, 0xa0\n"                                               \
        "   pop     qword ptr gs:[" AT(TIB_STACK_ALLOCATION) "]\n"             \
        "   pop     qword ptr gs:[" AT(TIB_STACK_LIMIT) "]\n"                  \
        "   pop     qword ptr gs:[" AT(TIB_STACK_BASE) "]\n"                   \
        "   .irp    r, r15, r14, r13, r12, rsi, rdi, rbx, rbp\n"               \
        "   pop     \\r\n"                                                     \
        "   .endr\n"                                                           \
        SWITCH_BY_##way UNWIND_END                                             \
        ASM_END(switch_stack_that_##way)                                       \
    )
#define SWITCH_BY_jumps "   pop rax\n   jmp rax\n"
#define SWITCH_BY_returns "   ret\n"

#endif
