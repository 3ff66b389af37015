#include "call.h"

#include "signals.h"

#if defined(__APPLE__)
#define SYMBOL(name) "_" #name
#define HIDE(name) ".private_extern _" #name "\n"
#else
#define SYMBOL(name) #name
#define HIDE(name) ".hidden " #name "\n"
#endif

#define CALL_FUNCTION 0
#define CALL_INTEGERS 8
#define CALL_FLOATS 104
#define CALL_STACK_ARGUMENTS 168
#define CALL_FLOAT_COUNT 176
#define CALL_RESULT 184
#define CALL_FLOAT_RESULT 192
#define CALL_EXPECTED 200
#define CALL_FOUND 360

_Static_assert(offsetof(struct call, function) == CALL_FUNCTION, "function");
_Static_assert(offsetof(struct call, integers) == CALL_INTEGERS, "integers");
_Static_assert(offsetof(struct call, floats) == CALL_FLOATS, "floats");
_Static_assert(offsetof(struct call, stack_arguments) == CALL_STACK_ARGUMENTS, "stack_arguments");
_Static_assert(offsetof(struct call, float_count) == CALL_FLOAT_COUNT, "float_count");
_Static_assert(offsetof(struct call, result) == CALL_RESULT, "result");
_Static_assert(offsetof(struct call, float_result) == CALL_FLOAT_RESULT, "float_result");
_Static_assert(offsetof(struct call, expected) == CALL_EXPECTED, "expected");
_Static_assert(offsetof(struct call, found) == CALL_FOUND, "found");

/* For each lane, the stack pointer inside its call, and the call. */
__attribute__((visibility("hidden"))) uint64_t host_frames[LANES][2];

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

/* How each lane's call begins, and all of them. */
#define START(lane)                                                                                \
    ".text\n"                                                                                      \
    ".p2align 4\n"                                                                                 \
    ".globl " SYMBOL(host_call_##lane) "\n"                                                         \
    HIDE(host_call_##lane)                                                                         \
    SYMBOL(host_call_##lane) ":\n"
#define ALL_LANES                                                                                  \
    CALL_CODE(0) CALL_CODE(1) CALL_CODE(2) CALL_CODE(3)                                            \
    CALL_CODE(4) CALL_CODE(5) CALL_CODE(6) CALL_CODE(7)

#if defined(__x86_64__)

/* Where a lane keeps its own. */
#define FRAME(lane) SYMBOL(host_frames) " + 16 * " #lane

const char *const SAVED[SAVED_MAX] = {"rbx", "r12", "r13", "r14", "r15", "rbp", "rsp"};

#define CALL_CODE(lane)                                                                     \
    START(lane)                                                                             \
    "    push    rbp\n"                                                                     \
    "    mov     rbp, rsp\n"                                                                \
    "    push    rbx\n"                                                                     \
    "    push    r12\n"                                                                     \
    "    push    r13\n"                                                                     \
    "    push    r14\n"                                                                     \
    "    push    r15\n"                                                                     \
    "    push    rdi\n" /* seven pushes: rsp is a multiple of 16 again */                   \
    "    mov     [rip + " FRAME(lane) "], rsp\n"                                            \
    "    mov     [rip + " FRAME(lane) " + 8], rdi\n"                                        \
    "    mov     r10, rdi\n"                                                                \
    "    cmp     qword ptr [r10 + " TEXT(CALL_STACK_ARGUMENTS) "], 0\n"                     \
    "    je      1f\n"                                                                      \
    "    push    qword ptr [r10 + " TEXT(CALL_INTEGERS) " + 88]\n"                          \
    "    push    qword ptr [r10 + " TEXT(CALL_INTEGERS) " + 80]\n"                          \
    "    push    qword ptr [r10 + " TEXT(CALL_INTEGERS) " + 72]\n"                          \
    "    push    qword ptr [r10 + " TEXT(CALL_INTEGERS) " + 64]\n"                          \
    "    push    qword ptr [r10 + " TEXT(CALL_INTEGERS) " + 56]\n"                          \
    "    push    qword ptr [r10 + " TEXT(CALL_INTEGERS) " + 48]\n"                          \
    "1:\n"                                                                                  \
    "    movsd   xmm0, [r10 + " TEXT(CALL_FLOATS) " +  0]\n"                                \
    "    movsd   xmm1, [r10 + " TEXT(CALL_FLOATS) " +  8]\n"                                \
    "    movsd   xmm2, [r10 + " TEXT(CALL_FLOATS) " + 16]\n"                                \
    "    movsd   xmm3, [r10 + " TEXT(CALL_FLOATS) " + 24]\n"                                \
    "    movsd   xmm4, [r10 + " TEXT(CALL_FLOATS) " + 32]\n"                                \
    "    movsd   xmm5, [r10 + " TEXT(CALL_FLOATS) " + 40]\n"                                \
    "    movsd   xmm6, [r10 + " TEXT(CALL_FLOATS) " + 48]\n"                                \
    "    movsd   xmm7, [r10 + " TEXT(CALL_FLOATS) " + 56]\n"                                \
    "    mov     rbx, [r10 + " TEXT(CALL_EXPECTED) " +  0]\n"                               \
    "    mov     r12, [r10 + " TEXT(CALL_EXPECTED) " +  8]\n"                               \
    "    mov     r13, [r10 + " TEXT(CALL_EXPECTED) " + 16]\n"                               \
    "    mov     r14, [r10 + " TEXT(CALL_EXPECTED) " + 24]\n"                               \
    "    mov     r15, [r10 + " TEXT(CALL_EXPECTED) " + 32]\n"                               \
    "    mov     [r10 + " TEXT(CALL_EXPECTED) " + 40], rbp\n"                               \
    "    mov     [r10 + " TEXT(CALL_EXPECTED) " + 48], rsp\n"                               \
    "    mov     rdi, [r10 + " TEXT(CALL_INTEGERS) " +  0]\n"                               \
    "    mov     rsi, [r10 + " TEXT(CALL_INTEGERS) " +  8]\n"                               \
    "    mov     rdx, [r10 + " TEXT(CALL_INTEGERS) " + 16]\n"                               \
    "    mov     rcx, [r10 + " TEXT(CALL_INTEGERS) " + 24]\n"                               \
    "    mov     r8,  [r10 + " TEXT(CALL_INTEGERS) " + 32]\n"                               \
    "    mov     r9,  [r10 + " TEXT(CALL_INTEGERS) " + 40]\n"                               \
    "    mov     rax, [r10 + " TEXT(CALL_FLOAT_COUNT) "]\n"                                 \
    "    call    [r10 + " TEXT(CALL_FUNCTION) "]\n"                                         \
    "    cld\n"                                                                             \
    "    mov     r10, [rip + " FRAME(lane) " + 8]\n"                                        \
    "    mov     [r10 + " TEXT(CALL_FOUND) " +  0], rbx\n"                                  \
    "    mov     [r10 + " TEXT(CALL_FOUND) " +  8], r12\n"                                  \
    "    mov     [r10 + " TEXT(CALL_FOUND) " + 16], r13\n"                                  \
    "    mov     [r10 + " TEXT(CALL_FOUND) " + 24], r14\n"                                  \
    "    mov     [r10 + " TEXT(CALL_FOUND) " + 32], r15\n"                                  \
    "    mov     [r10 + " TEXT(CALL_FOUND) " + 40], rbp\n"                                  \
    "    mov     [r10 + " TEXT(CALL_FOUND) " + 48], rsp\n"                                  \
    "    mov     [r10 + " TEXT(CALL_RESULT) "], rax\n"                                      \
    "    movsd   [r10 + " TEXT(CALL_FLOAT_RESULT) "], xmm0\n"                               \
    "    mov     rsp, [rip + " FRAME(lane) "]\n"                                            \
    "    pop     rdi\n"                                                                     \
    "    pop     r15\n"                                                                     \
    "    pop     r14\n"                                                                     \
    "    pop     r13\n"                                                                     \
    "    pop     r12\n"                                                                     \
    "    pop     rbx\n"                                                                     \
    "    pop     rbp\n"                                                                     \
    "    ret\n"

__asm__(".intel_syntax noprefix\n" ALL_LANES ".att_syntax prefix\n");

#else

const char *const SAVED[SAVED_MAX] = {"x19", "x20", "x21", "x22", "x23", "x24", "x25",
                                             "x26", "x27", "x28", "d8",  "d9",  "d10", "d11",
                                             "d12", "d13", "d14", "d15", "x29", "sp"};

#if defined(__APPLE__)
#define LOAD_FRAME(r, lane)                                                                        \
    "    adrp    " r ", _host_frames@PAGE\n"                                                       \
    "    add     " r ", " r ", _host_frames@PAGEOFF\n"                                             \
    "    add     " r ", " r ", #(16 * " #lane ")\n"
#else
#define LOAD_FRAME(r, lane)                                                                        \
    "    adrp    " r ", host_frames + 16 * " #lane "\n"                                            \
    "    add     " r ", " r ", :lo12:(host_frames + 16 * " #lane ")\n"
#endif

#define CALL_CODE(lane)                                                                     \
    START(lane)                                                                             \
    "    stp     x29, x30, [sp, #-160]!\n"                                                  \
    "    mov     x29, sp\n"                                                                 \
    "    stp     x19, x20, [sp, #16]\n"                                                     \
    "    stp     x21, x22, [sp, #32]\n"                                                     \
    "    stp     x23, x24, [sp, #48]\n"                                                     \
    "    stp     x25, x26, [sp, #64]\n"                                                     \
    "    stp     x27, x28, [sp, #80]\n"                                                     \
    "    stp     d8,  d9,  [sp, #96]\n"                                                     \
    "    stp     d10, d11, [sp, #112]\n"                                                    \
    "    stp     d12, d13, [sp, #128]\n"                                                    \
    "    stp     d14, d15, [sp, #144]\n"                                                    \
    LOAD_FRAME("x9", lane)                                                                  \
    "    mov     x10, sp\n"                                                                 \
    "    stp     x10, x0, [x9]\n"                                                           \
    "    mov     x9, x0\n"                                                                  \
    "    ldr     x10, [x9, #" TEXT(CALL_STACK_ARGUMENTS) "]\n"                              \
    "    cbz     x10, 1f\n"                                                                 \
    "    sub     sp, sp, #32\n"                                                             \
    "    ldr     x10, [x9, #(" TEXT(CALL_INTEGERS) " + 64)]\n"                              \
    "    ldr     x11, [x9, #(" TEXT(CALL_INTEGERS) " + 72)]\n"                              \
    "    stp     x10, x11, [sp]\n"                                                          \
    "    ldr     x10, [x9, #(" TEXT(CALL_INTEGERS) " + 80)]\n"                              \
    "    ldr     x11, [x9, #(" TEXT(CALL_INTEGERS) " + 88)]\n"                              \
    "    stp     x10, x11, [sp, #16]\n"                                                     \
    "1:\n"                                                                                  \
    "    add     x10, x9, #" TEXT(CALL_FLOATS) "\n"                                         \
    "    ldp     d0,  d1,  [x10]\n"                                                         \
    "    ldp     d2,  d3,  [x10, #16]\n"                                                    \
    "    ldp     d4,  d5,  [x10, #32]\n"                                                    \
    "    ldp     d6,  d7,  [x10, #48]\n"                                                    \
    "    add     x10, x9, #" TEXT(CALL_EXPECTED) "\n"                                       \
    "    ldp     x19, x20, [x10]\n"                                                         \
    "    ldp     x21, x22, [x10, #16]\n"                                                    \
    "    ldp     x23, x24, [x10, #32]\n"                                                    \
    "    ldp     x25, x26, [x10, #48]\n"                                                    \
    "    ldp     x27, x28, [x10, #64]\n"                                                    \
    "    ldp     d8,  d9,  [x10, #80]\n"                                                    \
    "    ldp     d10, d11, [x10, #96]\n"                                                    \
    "    ldp     d12, d13, [x10, #112]\n"                                                   \
    "    ldp     d14, d15, [x10, #128]\n"                                                   \
    "    mov     x11, sp\n"                                                                 \
    "    stp     x29, x11, [x10, #144]\n"                                                   \
    "    ldr     x16, [x9, #" TEXT(CALL_FUNCTION) "]\n"                                     \
    "    ldp     x0,  x1,  [x9, #(" TEXT(CALL_INTEGERS) " +  0)]\n"                         \
    "    ldp     x2,  x3,  [x9, #(" TEXT(CALL_INTEGERS) " + 16)]\n"                         \
    "    ldp     x4,  x5,  [x9, #(" TEXT(CALL_INTEGERS) " + 32)]\n"                         \
    "    ldp     x6,  x7,  [x9, #(" TEXT(CALL_INTEGERS) " + 48)]\n"                         \
    "    blr     x16\n"                                                                     \
    LOAD_FRAME("x9", lane)                                                                  \
    "    ldr     x10, [x9, #8]\n"                                                           \
    "    str     x0, [x10, #" TEXT(CALL_RESULT) "]\n"                                       \
    "    str     d0, [x10, #" TEXT(CALL_FLOAT_RESULT) "]\n"                                 \
    "    add     x10, x10, #" TEXT(CALL_FOUND) "\n"                                         \
    "    stp     x19, x20, [x10]\n"                                                         \
    "    stp     x21, x22, [x10, #16]\n"                                                    \
    "    stp     x23, x24, [x10, #32]\n"                                                    \
    "    stp     x25, x26, [x10, #48]\n"                                                    \
    "    stp     x27, x28, [x10, #64]\n"                                                    \
    "    stp     d8,  d9,  [x10, #80]\n"                                                    \
    "    stp     d10, d11, [x10, #96]\n"                                                    \
    "    stp     d12, d13, [x10, #112]\n"                                                   \
    "    stp     d14, d15, [x10, #128]\n"                                                   \
    "    mov     x11, sp\n"                                                                 \
    "    stp     x29, x11, [x10, #144]\n"                                                   \
    "    ldr     x11, [x9]\n"                                                               \
    "    mov     sp, x11\n"                                                                 \
    "    mov     x29, x11\n"                                                                \
    "    ldp     x19, x20, [sp, #16]\n"                                                     \
    "    ldp     x21, x22, [sp, #32]\n"                                                     \
    "    ldp     x23, x24, [sp, #48]\n"                                                     \
    "    ldp     x25, x26, [sp, #64]\n"                                                     \
    "    ldp     x27, x28, [sp, #80]\n"                                                     \
    "    ldp     d8,  d9,  [sp, #96]\n"                                                     \
    "    ldp     d10, d11, [sp, #112]\n"                                                    \
    "    ldp     d12, d13, [sp, #128]\n"                                                    \
    "    ldp     d14, d15, [sp, #144]\n"                                                    \
    "    ldp     x29, x30, [sp], #160\n"                                                    \
    "    ret\n"

__asm__(ALL_LANES);

#endif

#if defined(__ELF__)
__asm__(".section .note.GNU-stack,\"\",%progbits\n.text\n");
#endif

void host_call_0(struct call *call);
void host_call_1(struct call *call);
void host_call_2(struct call *call);
void host_call_3(struct call *call);
void host_call_4(struct call *call);
void host_call_5(struct call *call);
void host_call_6(struct call *call);
void host_call_7(struct call *call);

void make_call(unsigned lane, struct call *call) {
    static void (*const calls[LANES])(struct call *) = {
        host_call_0, host_call_1, host_call_2, host_call_3,
        host_call_4, host_call_5, host_call_6, host_call_7,
    };
    for (unsigned i = 0; i < SAVED_OWN; i++) {
        call->expected[i] = UINT64_C(0x5afe5afe5afe5a00) + i;
    }
    calls[lane](call);
    end_a_copy();
}

void pass(struct call *call, char kind, uint64_t value) {
    if (kind == 'f' || kind == 'd') {
        call->floats[call->float_count++] = value;
        return;
    }
    call->integers[call->integer_count++] = value;
#if defined(__x86_64__)
    call->stack_arguments = call->integer_count > 6;
#else
    call->stack_arguments = call->integer_count > 8;
#endif
}
