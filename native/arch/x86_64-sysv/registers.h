/*
 * registers.h: the registers, captured and planted. Chapter 02, x86-64 System V.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_SYSV_REGISTERS_H
#define GREEN_THREADS_ARCH_X86_64_SYSV_REGISTERS_H

/* clang-format off: the columns are aligned by hand. */

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

#endif
