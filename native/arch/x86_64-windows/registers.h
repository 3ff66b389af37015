/*
 * registers.h: the registers, captured and planted. Chapter 02, x86-64 Windows.
 *
 * Read x86_64-sysv/registers.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_WINDOWS_REGISTERS_H
#define GREEN_THREADS_ARCH_X86_64_WINDOWS_REGISTERS_H

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

#endif
