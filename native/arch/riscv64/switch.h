/*
 * switch.h: there and back. Chapters 05 and 06, RISC-V 64.
 *
 * Read x86_64-sysv/switch.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_RISCV64_SWITCH_H
#define GREEN_THREADS_ARCH_RISCV64_SWITCH_H

/* clang-format off: the columns are aligned by hand. */

/* Of the registers for floats, the callee owns twelve, and all of each. */
struct context {
    uint64_t sp;
    uint64_t s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11;
    uint64_t fs0, fs1, fs2, fs3, fs4, fs5, fs6, fs7, fs8, fs9, fs10, fs11;
};

/* Without brackets: registers.h says why. */
#define CONTEXT_SP 0x00
#define CONTEXT_S(n) 0x08 + 8 * (n)
#define CONTEXT_FS(n) 0x68 + 8 * (n)

#define HOLDS(member, offset)                                                  \
    _Static_assert(offsetof(struct context, member) == (offset),               \
                   #member " is not where the switch looks for it")
HOLDS(sp, CONTEXT_SP);
HOLDS(s0, CONTEXT_S(0));
HOLDS(s1, CONTEXT_S(1));
HOLDS(s2, CONTEXT_S(2));
HOLDS(s3, CONTEXT_S(3));
HOLDS(s4, CONTEXT_S(4));
HOLDS(s5, CONTEXT_S(5));
HOLDS(s6, CONTEXT_S(6));
HOLDS(s7, CONTEXT_S(7));
HOLDS(s8, CONTEXT_S(8));
HOLDS(s9, CONTEXT_S(9));
HOLDS(s10, CONTEXT_S(10));
HOLDS(s11, CONTEXT_S(11));
HOLDS(fs0, CONTEXT_FS(0));
HOLDS(fs1, CONTEXT_FS(1));
HOLDS(fs2, CONTEXT_FS(2));
HOLDS(fs3, CONTEXT_FS(3));
HOLDS(fs4, CONTEXT_FS(4));
HOLDS(fs5, CONTEXT_FS(5));
HOLDS(fs6, CONTEXT_FS(6));
HOLDS(fs7, CONTEXT_FS(7));
HOLDS(fs8, CONTEXT_FS(8));
HOLDS(fs9, CONTEXT_FS(9));
HOLDS(fs10, CONTEXT_FS(10));
HOLDS(fs11, CONTEXT_FS(11));
#undef HOLDS
_Static_assert(sizeof(struct context) == 0xc8, "no gap, nothing after fs11");

#define SP_AT_ENTRY 0

/*
 *     void switch_context(struct context *old, const struct context *new);
 *                         a0                   a1
 *
 *     state kept               where              why
 *     sp                       old->sp            it is the stack
 *     s0 … s11, fs0 … fs11     old, by name       our caller was promised them
 *     pc                       on the old stack   ra had it, and we put it there
 *
 * Two words wait at sp: where to go on, and what ra shall hold by then; who
 * comes back does not need the latter, so nobody stores it. The new stack is
 * the one of x86-64, word by word:
 *
 *     top        ────────────────────
 *     top - 8    nothing
 *     top - 16   guard
 *     top - 24   skip                  goes into ra
 *     top - 32   a function            ← sp: goes into t2, and is jumped to
 *
 *     switch_context   two words off, jr t2   →  in the function, sp = top - 16
 *     function         runs, ret              →  in skip,         sp = top - 16
 *     skip             two words off, jr t2   →  in guard,        sp = top
 *
 * Two words at a time keep sp a multiple of 16. The ABI asks for it; the
 * processor, unlike AArch64's, does not.
 *
 * Not saved: fcsr, the control word. The ABI does not name it among what a
 * callee preserves: it says that it has thread storage duration, one for each
 * thread of the system, and our threads share it. Chapter 05 shows what that
 * means. gp and tp stay what they are, all the time.
 */
__asm__(ASM_FUNCTION(switch_context)
    "   addi    sp,  sp, -0x10                        \n" LOWERED(0x10)
    "   sd      ra,  0x00(sp)                         \n" SAVED(ra, -0x10)
    "   sd      sp,   " AT(CONTEXT_SP) "(a0)          \n"
    "   sd      s0,   " AT(CONTEXT_S(0)) "(a0)        \n"
    "   sd      s1,   " AT(CONTEXT_S(1)) "(a0)        \n"
    "   sd      s2,   " AT(CONTEXT_S(2)) "(a0)        \n"
    "   sd      s3,   " AT(CONTEXT_S(3)) "(a0)        \n"
    "   sd      s4,   " AT(CONTEXT_S(4)) "(a0)        \n"
    "   sd      s5,   " AT(CONTEXT_S(5)) "(a0)        \n"
    "   sd      s6,   " AT(CONTEXT_S(6)) "(a0)        \n"
    "   sd      s7,   " AT(CONTEXT_S(7)) "(a0)        \n"
    "   sd      s8,   " AT(CONTEXT_S(8)) "(a0)        \n"
    "   sd      s9,   " AT(CONTEXT_S(9)) "(a0)        \n"
    "   sd      s10,  " AT(CONTEXT_S(10)) "(a0)       \n"
    "   sd      s11,  " AT(CONTEXT_S(11)) "(a0)       \n"
    "   fsd     fs0,  " AT(CONTEXT_FS(0)) "(a0)       \n"
    "   fsd     fs1,  " AT(CONTEXT_FS(1)) "(a0)       \n"
    "   fsd     fs2,  " AT(CONTEXT_FS(2)) "(a0)       \n"
    "   fsd     fs3,  " AT(CONTEXT_FS(3)) "(a0)       \n"
    "   fsd     fs4,  " AT(CONTEXT_FS(4)) "(a0)       \n"
    "   fsd     fs5,  " AT(CONTEXT_FS(5)) "(a0)       \n"
    "   fsd     fs6,  " AT(CONTEXT_FS(6)) "(a0)       \n"
    "   fsd     fs7,  " AT(CONTEXT_FS(7)) "(a0)       \n"
    "   fsd     fs8,  " AT(CONTEXT_FS(8)) "(a0)       \n"
    "   fsd     fs9,  " AT(CONTEXT_FS(9)) "(a0)       \n"
    "   fsd     fs10, " AT(CONTEXT_FS(10)) "(a0)      \n"
    "   fsd     fs11, " AT(CONTEXT_FS(11)) "(a0)      \n"
    "   ld      sp,   " AT(CONTEXT_SP) "(a1)          \n" IN_NEW(nothing) // from here on the other stack
    "   ld      s0,   " AT(CONTEXT_S(0)) "(a1)        \n"
    "   ld      s1,   " AT(CONTEXT_S(1)) "(a1)        \n"
    "   ld      s2,   " AT(CONTEXT_S(2)) "(a1)        \n"
    "   ld      s3,   " AT(CONTEXT_S(3)) "(a1)        \n"
    "   ld      s4,   " AT(CONTEXT_S(4)) "(a1)        \n"
    "   ld      s5,   " AT(CONTEXT_S(5)) "(a1)        \n"
    "   ld      s6,   " AT(CONTEXT_S(6)) "(a1)        \n"
    "   ld      s7,   " AT(CONTEXT_S(7)) "(a1)        \n"
    "   ld      s8,   " AT(CONTEXT_S(8)) "(a1)        \n"
    "   ld      s9,   " AT(CONTEXT_S(9)) "(a1)        \n"
    "   ld      s10,  " AT(CONTEXT_S(10)) "(a1)       \n"
    "   ld      s11,  " AT(CONTEXT_S(11)) "(a1)       \n"
    "   fld     fs0,  " AT(CONTEXT_FS(0)) "(a1)       \n"
    "   fld     fs1,  " AT(CONTEXT_FS(1)) "(a1)       \n"
    "   fld     fs2,  " AT(CONTEXT_FS(2)) "(a1)       \n"
    "   fld     fs3,  " AT(CONTEXT_FS(3)) "(a1)       \n"
    "   fld     fs4,  " AT(CONTEXT_FS(4)) "(a1)       \n"
    "   fld     fs5,  " AT(CONTEXT_FS(5)) "(a1)       \n"
    "   fld     fs6,  " AT(CONTEXT_FS(6)) "(a1)       \n"
    "   fld     fs7,  " AT(CONTEXT_FS(7)) "(a1)       \n"
    "   fld     fs8,  " AT(CONTEXT_FS(8)) "(a1)       \n"
    "   fld     fs9,  " AT(CONTEXT_FS(9)) "(a1)       \n"
    "   fld     fs10, " AT(CONTEXT_FS(10)) "(a1)      \n"
    "   fld     fs11, " AT(CONTEXT_FS(11)) "(a1)      \n"
    "   ld      t2,  0x00(sp)                         \n" GOES_ON_BY(t2)
    "   ld      ra,  0x08(sp)                         \n"
    "   addi    sp,  sp, 0x10                         \n" LOWERED(0)
    "   jr      t2                                    \n"
    ASM_END(switch_context)
);

/* Here it needs two: the address it takes comes with a companion. */
__asm__(ASM_RETURNED_TO(skip)
    "   ld      t2,  0x00(sp)           \n"
    "   ld      ra,  0x08(sp)           \n"
    "   addi    sp,  sp, 0x10           \n"
    "   jr      t2                      \n"
    ASM_END(skip)
);

__asm__(ASM_FUNCTION(trampoline)
    "   mv      a0,  s1                 \n"
    "   jr      s2                      \n"
    ASM_END(trampoline)
);

#define TRAMPOLINE_ARGUMENT s1
#define TRAMPOLINE_FUNCTION s2

#endif
