/*
 * inlined.c: what a function keeps across a switch that stands in it.
 *
 * For each register that a compiler may keep a value in: a function that has one there, as
 * far as a function can say so, then switches by switch_here, or with -DGIVES by
 * give_stack, and looks at the value when it is back. On the other side all registers are overwritten. Where the compiler believes
 * that one of them is safe, which is not, the value is lost.
 *
 * Besides: a function with more values than there are registers, integers and floats; one
 * with `alloca`, for which clang needs its other pointer; one that switches twice, as
 * loops that were unrolled do; and one whose variables may lie in the red zone. Prints the name of each register that was lost, a line each.
 * Ends with 1 if there was one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "arch/give.h"
#include "arch/inline.h"

static _Alignas(64) char stack[4096];
static int lost;

/* Where a stack begins, with the arguments of the switch: overwrites all registers and goes
   back to where it came from; in the end by BACK_X86, BACK_ARM, BACK_RISCV. */
void overwrite_all(void);

#if defined GIVES
static void *here, *there;
#define BACK_X86   "   jmp     " SYMBOL(switch_stack) " \n"
#define BACK_ARM   "   b       " SYMBOL(switch_stack) " \n"
#define BACK_RISCV "   tail    " SYMBOL(switch_stack) " \n"
#else
static struct place here, there;
#define BACK_X86                                                                                   \
    "   mov     rbp, [rsi + " AT(PLACE_FRAME) "] \n"                                               \
    "   mov     rbx, [rsi + " AT(PLACE_BASE) "]  \n"                                               \
    "   mov     rsp, [rsi + " AT(PLACE_SP) "]    \n"                                               \
    "   mov     rdi, rax                        \n"                                               \
    "   jmp     [rsi + " AT(PLACE_PC) "]         \n"
#define BACK_ARM                                                                                   \
    "   ldp     x10, x17, [x1, #" AT(PLACE_SP) "]    \n"                                           \
    "   ldp     x29, x19, [x1, #" AT(PLACE_FRAME) "] \n"                                           \
    "   mov     sp, x10             \n"                                                           \
    "   mov     x0, #-1             \n"                                                           \
    "   mov     x10, #-1            \n"                                                           \
    "   br      x17                 \n"
#define BACK_RISCV                                                                                 \
    "   mv      a0, t0              \n"                                                           \
    "   ld      t2, " AT(PLACE_PC) "(a1)    \n"                                                    \
    "   ld      s0, " AT(PLACE_FRAME) "(a1) \n"                                                    \
    "   ld      s1, " AT(PLACE_BASE) "(a1)  \n"                                                    \
    "   ld      sp, " AT(PLACE_SP) "(a1)    \n"                                                    \
    "   jr      t2                  \n"
#endif

/* clang-format off: the columns are aligned by hand. */
#if defined __x86_64__
#define INTEGERS(DO) DO(rax) DO(rbx) DO(rcx) DO(rdx) DO(rsi) DO(rdi) DO(rbp) DO(r8) DO(r9) \
    DO(r10) DO(r11) DO(r12) DO(r13) DO(r14) DO(r15)
#define FLOATS(DO) DO(xmm0) DO(xmm1) DO(xmm2) DO(xmm3) DO(xmm4) DO(xmm5) DO(xmm6) DO(xmm7) \
    DO(xmm8) DO(xmm9) DO(xmm10) DO(xmm11) DO(xmm12) DO(xmm13) DO(xmm14) DO(xmm15)
#define FLOAT_CLASS "x"

__asm__(ASM_FUNCTION(overwrite_all)
    "   mov     rax, -1             \n"
    "   mov     rcx, rax            \n"
    "   mov     rdx, rax            \n"
    "   mov     r8,  rax            \n"
    "   mov     r9,  rax            \n"
    "   mov     r10, rax            \n"
    "   mov     r11, rax            \n"
    "   mov     r12, rax            \n"
    "   mov     r13, rax            \n"
    "   mov     r14, rax            \n"
    "   mov     r15, rax            \n"
    "   mov     rbx, rax            \n"
    "   mov     rbp, rax            \n"
    "   fninit                      \n"
    "   .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 \n"
    "   pcmpeqd xmm\\i, xmm\\i      \n"
    "   .endr                       \n"
    "   xchg    rsi, rdi            \n" BACK_X86
    ASM_END(overwrite_all)
);

#elif defined __aarch64__
#define INTEGERS(DO) DO(x0) DO(x1) DO(x2) DO(x3) DO(x4) DO(x5) DO(x6) DO(x7) DO(x8) DO(x9)   \
    DO(x10) DO(x11) DO(x12) DO(x13) DO(x14) DO(x15) DO(x16) DO(x17) DO(x18) DO(x19) DO(x20)  \
    DO(x21) DO(x22) DO(x23) DO(x24) DO(x25) DO(x26) DO(x27) DO(x28) DO(x30)
#define FLOATS(DO) DO(v0) DO(v1) DO(v2) DO(v3) DO(v4) DO(v5) DO(v6) DO(v7) DO(v8) DO(v9)     \
    DO(v10) DO(v11) DO(v12) DO(v13) DO(v14) DO(v15) DO(v16) DO(v17) DO(v18) DO(v19) DO(v20)  \
    DO(v21) DO(v22) DO(v23) DO(v24) DO(v25) DO(v26) DO(v27) DO(v28) DO(v29) DO(v30) DO(v31)
#define FLOAT_CLASS "w"

__asm__(ASM_FUNCTION(overwrite_all)
    "   .irp    i, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 30 \n"
    "   mov     x\\i, #-1           \n"
    "   .endr                       \n"
    "   .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 \n"
    "   movi    v\\i\\().2d, #0xffffffffffffffff \n"
    "   .endr                       \n"
    "   mov     x10, x0             \n"
    "   mov     x0, x1              \n"
    "   mov     x1, x10             \n" BACK_ARM
    ASM_END(overwrite_all)
);

#else
#define INTEGERS(DO) DO(ra) DO(t0) DO(t1) DO(t2) DO(t3) DO(t4) DO(t5) DO(t6) DO(a0) DO(a1)   \
    DO(a2) DO(a3) DO(a4) DO(a5) DO(a6) DO(a7) DO(s0) DO(s1) DO(s2) DO(s3) DO(s4) DO(s5)      \
    DO(s6) DO(s7) DO(s8) DO(s9) DO(s10) DO(s11)
#define FLOATS(DO) DO(ft0) DO(ft1) DO(ft2) DO(ft3) DO(ft4) DO(ft5) DO(ft6) DO(ft7) DO(ft8)   \
    DO(ft9) DO(ft10) DO(ft11) DO(fa0) DO(fa1) DO(fa2) DO(fa3) DO(fa4) DO(fa5) DO(fa6)        \
    DO(fa7) DO(fs0) DO(fs1) DO(fs2) DO(fs3) DO(fs4) DO(fs5) DO(fs6) DO(fs7) DO(fs8) DO(fs9)  \
    DO(fs10) DO(fs11)
#define FLOAT_CLASS "f"

__asm__(ASM_FUNCTION(overwrite_all)
    "   li      t0, -1              \n"
    "   .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 \n"
    "   mv      s\\i, t0            \n"
    "   fmv.d.x fs\\i, t0           \n"
    "   fmv.d.x ft\\i, t0           \n"
    "   .endr                       \n"
    "   .irp    i, 0, 1, 2, 3, 4, 5, 6, 7 \n"
    "   fmv.d.x fa\\i, t0           \n"
    "   .endr                       \n"
    "   .irp    r, ra, t1, t3, t4, t5, t6, a2, a3, a4, a5, a6, a7 \n"
    "   mv      \\r, t0             \n"
    "   .endr                       \n"
    "   mv      t2, a0              \n"
    "   mv      a0, a1              \n"
    "   mv      a1, t2              \n" BACK_RISCV
    ASM_END(overwrite_all)
);
#endif
/* clang-format on */

/* The other side, before each visit. A loop whose counter was lost does not go on for ever. */
static void prepare(void) {
    static int visits;

    if (++visits > 1000)
        exit(1);
#if defined GIVES
    uint64_t *sp = (uint64_t *)(stack + sizeof stack) - SAVED_WORDS;

    memset(sp, 0, SAVED_WORDS * sizeof *sp);
    sp[ENTRY_WORD] = (uintptr_t)overwrite_all;
    there = sp;
#else
    there.sp = stack + sizeof stack - SP_AT_ENTRY;
    there.pc = (void *)(uintptr_t)overwrite_all;
#endif
}

#if defined GIVES
#define GO() give_stack(&here, &there)
#else
#define GO() ((void)switch_here(&here, &there))
#endif

static void compare(const char *name, uint64_t before, uint64_t after) {
    if (before != after) {
        printf("%s\n", name);
        lost++;
    }
}

static volatile uint64_t planted = UINT64_C(0x3ff123456789abcd); /* as a double: 1.07 */

/* A function of its own: it needs no address that was in a register before. */
__attribute__((noinline)) static void compare_held(const char *name, uint64_t after) {
    compare(name, planted, after);
}

/* In this register right before the switch, and wanted there right behind it: whoever
   believes it safe leaves it there. */
#define HOLD(name)                                                                                 \
    __attribute__((noinline)) static void hold_##name(void) {                                      \
        uint64_t value, before = planted;                                                          \
        prepare();                                                                                 \
        {                                                                                          \
            register uint64_t in __asm__(#name) = before;                                          \
            __asm__ volatile("" : "+r"(in));                                                       \
            value = in;                                                                            \
        }                                                                                          \
        GO();                                                                                      \
        {                                                                                          \
            register uint64_t out __asm__(#name) = value;                                          \
            __asm__ volatile("" : "+r"(out));                                                      \
            value = out;                                                                           \
        }                                                                                          \
        compare_held(#name, value);                                                            \
    }
#define HOLD_FLOAT(name)                                                                           \
    __attribute__((noinline)) static void hold_##name(void) {                                      \
        uint64_t bits = planted;                                                                   \
        double value;                                                                              \
        memcpy(&value, &bits, sizeof value);                                                       \
        prepare();                                                                                 \
        {                                                                                          \
            register double in __asm__(#name) = value;                                             \
            __asm__ volatile("" : "+" FLOAT_CLASS(in));                                            \
            value = in;                                                                            \
        }                                                                                          \
        GO();                                                                                      \
        {                                                                                          \
            register double out __asm__(#name) = value;                                            \
            __asm__ volatile("" : "+" FLOAT_CLASS(out));                                           \
            value = out;                                                                           \
        }                                                                                          \
        memcpy(&bits, &value, sizeof value);                                                       \
        compare_held(#name, bits);                                                             \
    }
#if !defined FRAME_POINTER_TAKEN
INTEGERS(HOLD)
FLOATS(HOLD_FLOAT)
#endif

#if defined __x86_64__
__attribute__((noinline)) static void hold_x87(void) {
    long double value = (long double)planted;

    prepare();
    __asm__ volatile("" : "+t"(value));
    GO();
    __asm__ volatile("" : "+t"(value));
    compare_held("x87", (uint64_t)value);
}
#endif

/* More than there are registers. */
__attribute__((noinline)) static uint64_t crowd(const volatile uint64_t *in) {
    uint64_t a[48];
    double b[48];
    uint64_t sum = 0;

    prepare();
    for (int i = 0; i < 48; i++) {
        a[i] = in[i % 8] * (uint64_t)(i + 1);
        b[i] = (double)in[(i + 3) % 8];
    }
    GO();
    for (int i = 0; i < 48; i++)
        sum += a[i] + (uint64_t)b[i];
    prepare();
    GO();
    return sum ^ (uint64_t)(b[7] + b[31]) ^ a[5];
}

/* Its variables lie at no fixed distance from sp. */
__attribute__((noinline)) static uint64_t with_alloca(const volatile uint64_t *in, size_t bytes) {
    _Alignas(64) uint64_t kept[8];
    char *more = __builtin_alloca(bytes);
    uint64_t sum = 0;

    prepare();
    memset(more, 1, bytes);
    for (int i = 0; i < 8; i++)
        kept[i] = in[i];
    __asm__ volatile("" : : "r"(kept), "r"(more) : "memory");
    GO();
    for (int i = 0; i < 8; i++)
        sum += kept[i] + (uint64_t)more[i];
    return sum;
}

/* A loop that may be unrolled: then the switch stands in the function more than once. */
__attribute__((noinline)) static uint64_t again_and_again(const volatile uint64_t *in) {
    uint64_t sum = in[0];

#if defined __clang__
#pragma clang loop unroll_count(4)
#else
#pragma GCC unroll 4
#endif
    for (int i = 0; i < 16; i++) {
        sum = sum * 3 + in[i % 8];
        prepare();
        GO();
    }
    return sum;
}

/* It calls nobody, as far as it knows. */
__attribute__((noinline)) static uint64_t leaf(const volatile uint64_t *in) {
    uint64_t kept[12], sum = 0;

    for (int i = 0; i < 12; i++)
        kept[i] = in[i % 8];
    __asm__ volatile("" : : "r"(kept) : "memory");
    GO();
    for (int i = 0; i < 12; i++)
        sum += kept[i] * (uint64_t)(i + 1);
    return sum;
}

static const volatile uint64_t numbers[8] = {1, 20, 300, 4000, 50000, 600000, 7000000, 80000000};

/* What the sums are, reckoned before the first switch: a register that it loses may be
   where a loop of main's counts. */
static volatile struct {
    uint64_t crowd, again, leaf;
} right;

static void reckon(void) {
    uint64_t sum = 0, product = numbers[0], leaf = 0;

    for (int i = 0; i < 48; i++)
        sum += numbers[i % 8] * (uint64_t)(i + 1) + numbers[(i + 3) % 8];
    for (int i = 0; i < 16; i++)
        product = product * 3 + numbers[i % 8];
    for (int i = 0; i < 12; i++)
        leaf += numbers[i % 8] * (uint64_t)(i + 1);
    right.crowd = sum ^ (numbers[2] + numbers[2]) ^ numbers[5] * 6;
    right.again = product;
    right.leaf = leaf;
}

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0); /* what was said before a crash is wanted too */
    reckon();

#if !defined FRAME_POINTER_TAKEN
/* Whoever loses one that belongs to its caller must not take main along. */
#define VISIT(name) call_planted(hold_##name, &anything, &anything);
    struct registers anything = {0};

    INTEGERS(VISIT)
    FLOATS(VISIT)
#endif
#if defined __x86_64__
    hold_x87();
#endif
#if !defined GIVES
    prepare();
    compare("who-am-i", (uintptr_t)&here, (uintptr_t)switch_here(&here, &there));
#endif
    compare("crowd", right.crowd, crowd(numbers));
    compare("alloca", 87654321 + 8, with_alloca(numbers, 100 + (numbers[0] << 3)));
    compare("again", right.again, again_and_again(numbers));
    prepare();
    compare("leaf", right.leaf, leaf(numbers));
    return lost > 0;
}
