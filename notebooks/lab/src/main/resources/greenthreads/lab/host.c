/*
 * host: runs one native function in a process of its own.
 *
 *     host LIBRARY FUNCTION SIGNATURE LIMIT-MS [STEPS START-END ...] <arguments >frames
 *
 * Two processes. The watcher (the one that is started) reads the arguments, forks, and from then on
 * only copies: what the runner prints and reports goes to the watcher's standard output as frames.
 * The runner loads the library and calls the function. It may do whatever it likes to itself; the
 * watcher still knows how it ended, ends it at the time limit, and ends everything it started.
 * When the watcher's standard input closes (the caller has stopped waiting, or has died), so does
 * everything else.
 *
 * A frame is a byte for its kind, the length as 4 bytes, lowest first, and the bytes:
 *     o  what the runner wrote to its standard output       r  a part of the runner's report
 *     e  what it wrote to its standard error                x  how it ended, the last frame
 *     t  a part of the trace, if there is one: comes after all of the report
 *
 * SIGNATURE is a letter for the result and then one for each parameter:
 *     v void   z _Bool   b h w l integers of 8, 16, 32, 64 bits, extended to 64
 *     f float  d double  p pointer   s string (const char *)
 *
 * Arguments, on standard input: 8 bytes each for numbers (a float in the low 4). A pointer or a
 * string is a byte for its kind: 0 null; 1 memory (a pointer's is copied back at the end); 2 memory,
 * read only (both followed by 8 bytes for the size, and the bytes); 3 an offset into the library
 * (8 bytes).
 *
 * STEPS and the rest ask for a trace (Linux only): whenever the call enters one of the functions that
 * lie at these offsets in the library, each instruction is recorded until the function is left, at
 * most STEPS instructions in all.
 */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#else
#define _GNU_SOURCE
#endif

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <libproc.h>
#include <mach-o/dyld.h>
#include <mach-o/getsect.h>
#include <mach/mach.h>
#include <sys/ucontext.h>
#define SYMBOL(name) "_" #name
#else
#include <dirent.h>
#include <elf.h>
#include <link.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <ucontext.h>
#define SYMBOL(name) #name
#endif

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "The host knows x86-64 and AArch64 only."
#endif

enum {
    REGISTER_ARGUMENTS_MAX = 12, /* integers and pointers; the assembly below knows the number */
    FLOAT_ARGUMENTS_MAX = 8,
    SAVED_MAX = 20,
    STACKS_MAX = 4096,
    NAME_MAX_LENGTH = 48,
    MAIN_STACK_MAX = 64 << 20,
    ANSWER_MS = 3000, /* a busy machine may need a while to run a handler */
    FATAL_EXIT = 127,
};

/* ------------------------------------------------------------------------------------------------
 * The call. The callee-saved registers get values of our own before it, and are looked at after it:
 * a function that does not restore one is found out, and cannot take the host with it.
 */

struct call {
    void *function;
    uint64_t integers[REGISTER_ARGUMENTS_MAX];
    uint64_t floats[FLOAT_ARGUMENTS_MAX];
    uint64_t stack_arguments; /* not zero: some integers go on the stack */
    uint64_t float_count;
    uint64_t result;
    uint64_t float_result;
    uint64_t expected[SAVED_MAX]; /* callee-saved registers before the call ... */
    uint64_t found[SAVED_MAX];    /* ... and after it */
};

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

/* Makes the call. Not reentrant: where it stands is kept in host_frame, not on the stack, since the
 * function may come back with any stack pointer. */
void host_call(struct call *call);

/* The stack pointer inside host_call, and its argument. */
__attribute__((visibility("hidden"))) uint64_t host_frame[2];

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

#if defined(__x86_64__)

static const char *const SAVED[SAVED_MAX] = {"rbx", "r12", "r13", "r14", "r15", "rbp", "rsp"};
enum { SAVED_OWN = 5, SAVED_COUNT = 7 };

__asm__(".intel_syntax noprefix\n"
        ".text\n"
        ".p2align 4\n"
        ".globl " SYMBOL(host_call) "\n"
        SYMBOL(host_call) ":\n"
        "    push    rbp\n"
        "    mov     rbp, rsp\n"
        "    push    rbx\n"
        "    push    r12\n"
        "    push    r13\n"
        "    push    r14\n"
        "    push    r15\n"
        "    push    rdi\n" /* seven pushes: rsp is a multiple of 16 again */
        "    mov     [rip + " SYMBOL(host_frame) "], rsp\n"
        "    mov     [rip + " SYMBOL(host_frame) " + 8], rdi\n"
        "    mov     r10, rdi\n"
        "    cmp     qword ptr [r10 + " TEXT(CALL_STACK_ARGUMENTS) "], 0\n"
        "    je      1f\n"
        "    push    qword ptr [r10 + " TEXT(CALL_INTEGERS) " + 88]\n"
        "    push    qword ptr [r10 + " TEXT(CALL_INTEGERS) " + 80]\n"
        "    push    qword ptr [r10 + " TEXT(CALL_INTEGERS) " + 72]\n"
        "    push    qword ptr [r10 + " TEXT(CALL_INTEGERS) " + 64]\n"
        "    push    qword ptr [r10 + " TEXT(CALL_INTEGERS) " + 56]\n"
        "    push    qword ptr [r10 + " TEXT(CALL_INTEGERS) " + 48]\n"
        "1:\n"
        "    movsd   xmm0, [r10 + " TEXT(CALL_FLOATS) " +  0]\n"
        "    movsd   xmm1, [r10 + " TEXT(CALL_FLOATS) " +  8]\n"
        "    movsd   xmm2, [r10 + " TEXT(CALL_FLOATS) " + 16]\n"
        "    movsd   xmm3, [r10 + " TEXT(CALL_FLOATS) " + 24]\n"
        "    movsd   xmm4, [r10 + " TEXT(CALL_FLOATS) " + 32]\n"
        "    movsd   xmm5, [r10 + " TEXT(CALL_FLOATS) " + 40]\n"
        "    movsd   xmm6, [r10 + " TEXT(CALL_FLOATS) " + 48]\n"
        "    movsd   xmm7, [r10 + " TEXT(CALL_FLOATS) " + 56]\n"
        "    mov     rbx, [r10 + " TEXT(CALL_EXPECTED) " +  0]\n"
        "    mov     r12, [r10 + " TEXT(CALL_EXPECTED) " +  8]\n"
        "    mov     r13, [r10 + " TEXT(CALL_EXPECTED) " + 16]\n"
        "    mov     r14, [r10 + " TEXT(CALL_EXPECTED) " + 24]\n"
        "    mov     r15, [r10 + " TEXT(CALL_EXPECTED) " + 32]\n"
        "    mov     [r10 + " TEXT(CALL_EXPECTED) " + 40], rbp\n"
        "    mov     [r10 + " TEXT(CALL_EXPECTED) " + 48], rsp\n"
        "    mov     rdi, [r10 + " TEXT(CALL_INTEGERS) " +  0]\n"
        "    mov     rsi, [r10 + " TEXT(CALL_INTEGERS) " +  8]\n"
        "    mov     rdx, [r10 + " TEXT(CALL_INTEGERS) " + 16]\n"
        "    mov     rcx, [r10 + " TEXT(CALL_INTEGERS) " + 24]\n"
        "    mov     r8,  [r10 + " TEXT(CALL_INTEGERS) " + 32]\n"
        "    mov     r9,  [r10 + " TEXT(CALL_INTEGERS) " + 40]\n"
        "    mov     rax, [r10 + " TEXT(CALL_FLOAT_COUNT) "]\n"
        "    call    [r10 + " TEXT(CALL_FUNCTION) "]\n"
        "    cld\n"
        "    mov     r10, [rip + " SYMBOL(host_frame) " + 8]\n"
        "    mov     [r10 + " TEXT(CALL_FOUND) " +  0], rbx\n"
        "    mov     [r10 + " TEXT(CALL_FOUND) " +  8], r12\n"
        "    mov     [r10 + " TEXT(CALL_FOUND) " + 16], r13\n"
        "    mov     [r10 + " TEXT(CALL_FOUND) " + 24], r14\n"
        "    mov     [r10 + " TEXT(CALL_FOUND) " + 32], r15\n"
        "    mov     [r10 + " TEXT(CALL_FOUND) " + 40], rbp\n"
        "    mov     [r10 + " TEXT(CALL_FOUND) " + 48], rsp\n"
        "    mov     [r10 + " TEXT(CALL_RESULT) "], rax\n"
        "    movsd   [r10 + " TEXT(CALL_FLOAT_RESULT) "], xmm0\n"
        "    mov     rsp, [rip + " SYMBOL(host_frame) "]\n"
        "    pop     rdi\n"
        "    pop     r15\n"
        "    pop     r14\n"
        "    pop     r13\n"
        "    pop     r12\n"
        "    pop     rbx\n"
        "    pop     rbp\n"
        "    ret\n"
        ".att_syntax prefix\n");

#else

static const char *const SAVED[SAVED_MAX] = {"x19", "x20", "x21", "x22", "x23", "x24", "x25",
                                             "x26", "x27", "x28", "d8",  "d9",  "d10", "d11",
                                             "d12", "d13", "d14", "d15", "x29", "sp"};
enum { SAVED_OWN = 18, SAVED_COUNT = 20 };

#if defined(__APPLE__)
#define LOAD_HOST_FRAME(r)                                                                         \
    "    adrp    " r ", _host_frame@PAGE\n"                                                        \
    "    add     " r ", " r ", _host_frame@PAGEOFF\n"
#else
#define LOAD_HOST_FRAME(r)                                                                         \
    "    adrp    " r ", host_frame\n"                                                              \
    "    add     " r ", " r ", :lo12:host_frame\n"
#endif

__asm__(".text\n"
        ".p2align 4\n"
        ".globl " SYMBOL(host_call) "\n"
        SYMBOL(host_call) ":\n"
        "    stp     x29, x30, [sp, #-160]!\n"
        "    mov     x29, sp\n"
        "    stp     x19, x20, [sp, #16]\n"
        "    stp     x21, x22, [sp, #32]\n"
        "    stp     x23, x24, [sp, #48]\n"
        "    stp     x25, x26, [sp, #64]\n"
        "    stp     x27, x28, [sp, #80]\n"
        "    stp     d8,  d9,  [sp, #96]\n"
        "    stp     d10, d11, [sp, #112]\n"
        "    stp     d12, d13, [sp, #128]\n"
        "    stp     d14, d15, [sp, #144]\n"
        LOAD_HOST_FRAME("x9")
        "    mov     x10, sp\n"
        "    stp     x10, x0, [x9]\n"
        "    mov     x9, x0\n"
        "    ldr     x10, [x9, #" TEXT(CALL_STACK_ARGUMENTS) "]\n"
        "    cbz     x10, 1f\n"
        "    sub     sp, sp, #32\n"
        "    ldr     x10, [x9, #(" TEXT(CALL_INTEGERS) " + 64)]\n"
        "    ldr     x11, [x9, #(" TEXT(CALL_INTEGERS) " + 72)]\n"
        "    stp     x10, x11, [sp]\n"
        "    ldr     x10, [x9, #(" TEXT(CALL_INTEGERS) " + 80)]\n"
        "    ldr     x11, [x9, #(" TEXT(CALL_INTEGERS) " + 88)]\n"
        "    stp     x10, x11, [sp, #16]\n"
        "1:\n"
        "    add     x10, x9, #" TEXT(CALL_FLOATS) "\n"
        "    ldp     d0,  d1,  [x10]\n"
        "    ldp     d2,  d3,  [x10, #16]\n"
        "    ldp     d4,  d5,  [x10, #32]\n"
        "    ldp     d6,  d7,  [x10, #48]\n"
        "    add     x10, x9, #" TEXT(CALL_EXPECTED) "\n"
        "    ldp     x19, x20, [x10]\n"
        "    ldp     x21, x22, [x10, #16]\n"
        "    ldp     x23, x24, [x10, #32]\n"
        "    ldp     x25, x26, [x10, #48]\n"
        "    ldp     x27, x28, [x10, #64]\n"
        "    ldp     d8,  d9,  [x10, #80]\n"
        "    ldp     d10, d11, [x10, #96]\n"
        "    ldp     d12, d13, [x10, #112]\n"
        "    ldp     d14, d15, [x10, #128]\n"
        "    mov     x11, sp\n"
        "    stp     x29, x11, [x10, #144]\n"
        "    ldr     x16, [x9, #" TEXT(CALL_FUNCTION) "]\n"
        "    ldp     x0,  x1,  [x9, #(" TEXT(CALL_INTEGERS) " +  0)]\n"
        "    ldp     x2,  x3,  [x9, #(" TEXT(CALL_INTEGERS) " + 16)]\n"
        "    ldp     x4,  x5,  [x9, #(" TEXT(CALL_INTEGERS) " + 32)]\n"
        "    ldp     x6,  x7,  [x9, #(" TEXT(CALL_INTEGERS) " + 48)]\n"
        "    blr     x16\n"
        LOAD_HOST_FRAME("x9")
        "    ldr     x10, [x9, #8]\n"
        "    str     x0, [x10, #" TEXT(CALL_RESULT) "]\n"
        "    str     d0, [x10, #" TEXT(CALL_FLOAT_RESULT) "]\n"
        "    add     x10, x10, #" TEXT(CALL_FOUND) "\n"
        "    stp     x19, x20, [x10]\n"
        "    stp     x21, x22, [x10, #16]\n"
        "    stp     x23, x24, [x10, #32]\n"
        "    stp     x25, x26, [x10, #48]\n"
        "    stp     x27, x28, [x10, #64]\n"
        "    stp     d8,  d9,  [x10, #80]\n"
        "    stp     d10, d11, [x10, #96]\n"
        "    stp     d12, d13, [x10, #112]\n"
        "    stp     d14, d15, [x10, #128]\n"
        "    mov     x11, sp\n"
        "    stp     x29, x11, [x10, #144]\n"
        "    ldr     x11, [x9]\n"
        "    mov     sp, x11\n"
        "    mov     x29, x11\n"
        "    ldp     x19, x20, [sp, #16]\n"
        "    ldp     x21, x22, [sp, #32]\n"
        "    ldp     x23, x24, [sp, #48]\n"
        "    ldp     x25, x26, [sp, #64]\n"
        "    ldp     x27, x28, [sp, #80]\n"
        "    ldp     d8,  d9,  [sp, #96]\n"
        "    ldp     d10, d11, [sp, #112]\n"
        "    ldp     d12, d13, [sp, #128]\n"
        "    ldp     d14, d15, [sp, #144]\n"
        "    ldp     x29, x30, [sp], #160\n"
        "    ret\n");

#endif

#if defined(__ELF__)
__asm__(".section .note.GNU-stack,\"\",%progbits\n.text\n");
#endif

/* ------------------------------------------------------------------------------------------------
 * What the runner knows about itself, and its report. The report is written from a signal handler,
 * on a stack of its own: nothing here may allocate, lock or use stdio.
 */

struct stack {
    uintptr_t low;
    uintptr_t high;
    size_t guard;
    char name[NAME_MAX_LENGTH];
};

struct argument {
    char kind;          /* as on standard input: 0 null, 1 and 2 memory, 3 an offset */
    char *memory;       /* 1, 2: the copy */
    size_t size;        /* 1, 2 */
    uint64_t value;     /* anything else: the number, or the offset */
};

static int report_fd = -1;
static int probe[2] = {-1, -1}; /* a pipe: the kernel says whether memory can be read */
static const char *volatile phase = "start";
static volatile sig_atomic_t reported;
static pthread_t runner_thread;
static uintptr_t library_base, text_low, text_high, entry_address;
static struct stack stacks[STACKS_MAX];
static volatile unsigned stack_count;
static char alternate_stack[1 << 17] __attribute__((aligned(64)));

/* What a runner that is to be traced tells its watcher; null if there is no trace. */
static struct traced {
    uintptr_t base, text_low, text_high;
} *traced;

static char line[4096];
static size_t line_length;

static void flush_line(void) {
    size_t done = 0;
    while (done < line_length) {
        ssize_t n = write(report_fd, line + done, line_length - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        done += (size_t)n;
    }
    line_length = 0;
}

static void put_byte(char c) {
    if (line_length == sizeof line) {
        flush_line();
    }
    line[line_length++] = c;
}

static void put(const char *text) {
    while (*text != '\0') {
        put_byte(*text++);
    }
}

static void put_hex(uint64_t value) {
    char digits[16];
    int n = 0;
    do {
        digits[n++] = "0123456789abcdef"[value & 15];
        value >>= 4;
    } while (value != 0);
    while (n > 0) {
        put_byte(digits[--n]);
    }
}

static void put_decimal(int64_t value) {
    char digits[20];
    int n = 0;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    if (value < 0) {
        put_byte('-');
    }
    do {
        digits[n++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    while (n > 0) {
        put_byte(digits[--n]);
    }
}

static void put_words(const char *word, uint64_t a, uint64_t b) {
    put(word);
    put_byte(' ');
    put_hex(a);
    put_byte(' ');
    put_hex(b);
    put_byte('\n');
}

/* Chapter code says with this where its stacks are, so that a report can name them:
 *     void lab_stack(const char *name, void *low, size_t size, size_t guard) __attribute__((weak));
 *     if (lab_stack) { lab_stack("thread 1", low, size, guard); }
 * low is the lowest usable byte, guard the size of the guard page or pages below it. Size 0 forgets it. */
__attribute__((visibility("default"))) void lab_stack(const char *name, void *low, size_t size,
                                                      size_t guard) {
    unsigned count = stack_count;
    unsigned at = 0;
    while (at < count && stacks[at].low != (uintptr_t)low) {
        at++;
    }
    if (size == 0) {
        if (at < count) {
            stacks[at].high = stacks[at].low; /* empty: not reported, and free for this address */
        }
        return;
    }
    if (at == STACKS_MAX) {
        return;
    }
    struct stack *stack = &stacks[at];
    size_t n = 0;
    while (name != NULL && name[n] != '\0' && n < NAME_MAX_LENGTH - 1) {
        stack->name[n] = name[n] == '\n' ? ' ' : name[n];
        n++;
    }
    stack->name[n] = '\0';
    stack->low = (uintptr_t)low;
    stack->high = (uintptr_t)low + size;
    stack->guard = guard;
    if (at == count) {
        stack_count = count + 1;
    }
}

/* Copies memory that may not be readable: the number of bytes that could be read. In steps that do
 * not cross a page, so that a step is readable or is not. */
static size_t safe_read(void *to, uintptr_t from, size_t size) {
    size_t done = 0;
    while (done < size) {
        size_t step = 16 - ((from + done) & 15);
        if (step > size - done) {
            step = size - done;
        }
        ssize_t n = write(probe[1], (const void *)(from + done), step);
        if (n != (ssize_t)step || read(probe[0], (char *)to + done, step) != n) {
            break;
        }
        done += step;
    }
    return done;
}

static void put_dump(const char *what, uintptr_t from, size_t size) {
    for (size_t at = 0; at < size;) {
        unsigned char bytes[16];
        size_t step = 16 - ((from + at) & 15);
        if (step > size - at) {
            step = size - at;
        }
        if (safe_read(bytes, from + at, step) == step) {
            put("dump ");
            put(what);
            put_byte(' ');
            put_hex(from + at);
            put_byte(' ');
            for (size_t i = 0; i < step; i++) {
                put_byte("0123456789abcdef"[bytes[i] >> 4]);
                put_byte("0123456789abcdef"[bytes[i] & 15]);
            }
            put_byte('\n');
        }
        at += step;
    }
}

static int follows_a_call(uintptr_t address) {
#if defined(__x86_64__)
    unsigned char b[7];
    if (safe_read(b, address - 7, 7) != 7) {
        return 0;
    }
    return b[2] == 0xe8                                 /* call near */
           || (b[5] == 0xff && (b[6] & 0xf8) == 0xd0)   /* call register */
           || (b[5] == 0xff && (b[6] & 0xf8) == 0x10)   /* call [register] */
           || (b[4] == 0xff && (b[5] & 0xf8) == 0x50)   /* call [register + 8 bits] */
           || (b[1] == 0xff && (b[2] & 0xf8) == 0x90)   /* call [register + 32 bits] */
           || (b[1] == 0xff && b[2] == 0x15);           /* call [rip + 32 bits] */
#else
    uint32_t instruction;
    if ((address & 3) != 0 || safe_read(&instruction, address - 4, 4) != 4) {
        return 0;
    }
    return (instruction & 0xfc000000) == 0x94000000     /* bl */
           || (instruction & 0xfffffc1f) == 0xd63f0000; /* blr */
#endif
}

static int put_caller(uintptr_t address) {
    if (address < text_low || address >= text_high || !follows_a_call(address)) {
        return 0;
    }
    put("caller ");
    put_hex(address);
    put_byte('\n');
    return 1;
}

/* Words on the stack that look like return addresses into the library: where the code may have come
 * from. Old ones may lie among them. */
static void put_callers(uintptr_t sp) {
    int found = 0;
    sp = (sp + 7) & ~(uintptr_t)7;
    for (int i = 0; i < 1024 && found < 8; i++) {
        uintptr_t word;
        if (safe_read(&word, sp + (uintptr_t)i * 8, sizeof word) != sizeof word) {
            break;
        }
        found += put_caller(word);
    }
}

static void put_stacks(void) {
    for (unsigned i = 0; i < stack_count; i++) {
        const struct stack *stack = &stacks[i];
        if (stack->high > stack->low) {
            put("stack ");
            put_hex(stack->low);
            put_byte(' ');
            put_hex(stack->high);
            put_byte(' ');
            put_hex(stack->guard);
            put_byte(' ');
            put(stack->name);
            put_byte('\n');
        }
    }
}

#if defined(__APPLE__)

static void put_maps(void) {
    vm_address_t address = 0;
    for (int i = 0; i < 2048; i++) {
        vm_size_t size = 0;
        vm_region_basic_info_data_64_t info;
        mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
        mach_port_t object;
        if (vm_region_64(mach_task_self(), &address, &size, VM_REGION_BASIC_INFO_64,
                         (vm_region_info_t)&info, &count, &object) != KERN_SUCCESS) {
            break;
        }
        put("map ");
        put_hex(address);
        put_byte('-');
        put_hex(address + size);
        put_byte(' ');
        put_byte((info.protection & VM_PROT_READ) != 0 ? 'r' : '-');
        put_byte((info.protection & VM_PROT_WRITE) != 0 ? 'w' : '-');
        put_byte((info.protection & VM_PROT_EXECUTE) != 0 ? 'x' : '-');
        put("p ");
        put_hex(info.offset);
        put(" 00:00 0 ");
        if ((info.protection & VM_PROT_EXECUTE) != 0) {
            char path[PATH_MAX];
            int n = proc_regionfilename(getpid(), address, path, sizeof path - 1);
            if (n > 0) {
                path[n] = '\0';
                put(path);
            }
        }
        put_byte('\n');
        address += size;
    }
}

#else

static void put_maps(void) {
    int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (maps < 0) {
        return;
    }
    char block[1024];
    int at_start = 1;
    for (;;) {
        ssize_t n = read(maps, block, sizeof block);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        for (ssize_t i = 0; i < n; i++) {
            if (at_start) {
                put("map ");
            }
            put_byte(block[i]);
            at_start = block[i] == '\n';
        }
    }
    close(maps);
}

#endif

static void put_register(const char *name, uint64_t value) {
    put("reg ");
    put(name);
    put_byte(' ');
    put_hex(value);
    put_byte('\n');
}

struct place {
    uintptr_t pc;
    uintptr_t sp;
    uintptr_t link; /* AArch64: the link register */
};

#if defined(__x86_64__)

static struct place put_registers(void *opaque) {
    ucontext_t *context = opaque;
#if defined(__APPLE__)
    const __typeof__(context->uc_mcontext->__ss) *s = &context->uc_mcontext->__ss;
    const uint64_t values[] = {s->__rax, s->__rbx, s->__rcx, s->__rdx, s->__rsi,   s->__rdi,
                               s->__rbp, s->__rsp, s->__r8,  s->__r9,  s->__r10,   s->__r11,
                               s->__r12, s->__r13, s->__r14, s->__r15, s->__rip,   s->__rflags};
    put_words("trap", context->uc_mcontext->__es.__trapno, context->uc_mcontext->__es.__err);
#else
    const greg_t *g = context->uc_mcontext.gregs;
    const uint64_t values[] = {
        (uint64_t)g[REG_RAX], (uint64_t)g[REG_RBX], (uint64_t)g[REG_RCX], (uint64_t)g[REG_RDX],
        (uint64_t)g[REG_RSI], (uint64_t)g[REG_RDI], (uint64_t)g[REG_RBP], (uint64_t)g[REG_RSP],
        (uint64_t)g[REG_R8],  (uint64_t)g[REG_R9],  (uint64_t)g[REG_R10], (uint64_t)g[REG_R11],
        (uint64_t)g[REG_R12], (uint64_t)g[REG_R13], (uint64_t)g[REG_R14], (uint64_t)g[REG_R15],
        (uint64_t)g[REG_RIP], (uint64_t)g[REG_EFL]};
    put_words("trap", (uint64_t)g[REG_TRAPNO], (uint64_t)g[REG_ERR]);
#endif
    static const char *const names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi",
                                        "rbp", "rsp", "r8",  "r9",  "r10", "r11",
                                        "r12", "r13", "r14", "r15", "rip", "rflags"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        put_register(names[i], values[i]);
    }
    return (struct place){.pc = values[16], .sp = values[7], .link = 0};
}

#else

static struct place put_registers(void *opaque) {
    ucontext_t *context = opaque;
    uint64_t values[34];
#if defined(__APPLE__)
    const __typeof__(context->uc_mcontext->__ss) *s = &context->uc_mcontext->__ss;
    for (int i = 0; i < 29; i++) {
        values[i] = s->__x[i];
    }
    values[29] = (uint64_t)__darwin_arm_thread_state64_get_fp(*s);
    values[30] = (uint64_t)__darwin_arm_thread_state64_get_lr(*s);
    values[31] = (uint64_t)__darwin_arm_thread_state64_get_sp(*s);
    values[32] = (uint64_t)__darwin_arm_thread_state64_get_pc(*s);
    values[33] = s->__cpsr;
    put_words("esr", context->uc_mcontext->__es.__esr, 0);
#else
    const mcontext_t *m = &context->uc_mcontext;
    for (int i = 0; i < 31; i++) {
        values[i] = m->regs[i];
    }
    values[31] = m->sp;
    values[32] = m->pc;
    values[33] = m->pstate;
    /* The kernel's records of further state: one of them says why the access failed. */
    const unsigned char *record = (const unsigned char *)m->__reserved;
    const unsigned char *end = record + sizeof m->__reserved;
    while (end - record >= 16) {
        uint32_t magic;
        uint32_t size;
        memcpy(&magic, record, sizeof magic);
        memcpy(&size, record + 4, sizeof size);
        if (magic == 0x45535201) {
            uint64_t esr;
            memcpy(&esr, record + 8, sizeof esr);
            put_words("esr", esr, 0);
            break;
        }
        if (magic == 0 || size == 0 || size > (size_t)(end - record)) {
            break;
        }
        record += size;
    }
#endif
    static const char *const names[] = {"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",
                                        "x7",  "x8",  "x9",  "x10", "x11", "x12", "x13",
                                        "x14", "x15", "x16", "x17", "x18", "x19", "x20",
                                        "x21", "x22", "x23", "x24", "x25", "x26", "x27",
                                        "x28", "x29", "x30", "sp",  "pc",  "pstate"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        put_register(names[i], values[i]);
    }
    return (struct place){.pc = values[32], .sp = values[31], .link = values[30]};
}

#endif

/* Numbers differ between systems; names do not. */
static const struct {
    int number;
    const char *name;
} SIGNALS[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGILL, "SIGILL"},   {SIGFPE, "SIGFPE"},
    {SIGABRT, "SIGABRT"}, {SIGTRAP, "SIGTRAP"}, {SIGSYS, "SIGSYS"},   {SIGXCPU, "SIGXCPU"},
    {SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"}, {SIGHUP, "SIGHUP"},
    {SIGALRM, "SIGALRM"}, {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"}, {SIGPIPE, "SIGPIPE"},
    {SIGKILL, "SIGKILL"}, {SIGSTOP, "SIGSTOP"}, {SIGXFSZ, "SIGXFSZ"}, {SIGVTALRM, "SIGVTALRM"},
    {SIGPROF, "SIGPROF"},
};
enum { HANDLED_SIGNALS = 16 }; /* the first ones: those whose default is to end the process */

static const char *signal_name(int number) {
    for (size_t i = 0; i < sizeof SIGNALS / sizeof *SIGNALS; i++) {
        if (SIGNALS[i].number == number) {
            return SIGNALS[i].name;
        }
    }
    return "unknown";
}

static const char *code_name(int signal, int code) {
    static const struct {
        int signal;
        int code;
        const char *name;
    } codes[] = {
        {0, SI_USER, "SI_USER"},
#if defined(SI_TKILL)
        {0, SI_TKILL, "SI_TKILL"},
#endif
#if defined(SI_KERNEL)
        {0, SI_KERNEL, "SI_KERNEL"},
#endif
        {SIGSEGV, SEGV_MAPERR, "SEGV_MAPERR"}, {SIGSEGV, SEGV_ACCERR, "SEGV_ACCERR"},
        {SIGBUS, BUS_ADRALN, "BUS_ADRALN"},    {SIGBUS, BUS_ADRERR, "BUS_ADRERR"},
        {SIGBUS, BUS_OBJERR, "BUS_OBJERR"},    {SIGFPE, FPE_INTDIV, "FPE_INTDIV"},
        {SIGFPE, FPE_INTOVF, "FPE_INTOVF"},    {SIGFPE, FPE_FLTDIV, "FPE_FLTDIV"},
        {SIGFPE, FPE_FLTOVF, "FPE_FLTOVF"},    {SIGFPE, FPE_FLTUND, "FPE_FLTUND"},
        {SIGFPE, FPE_FLTRES, "FPE_FLTRES"},    {SIGFPE, FPE_FLTINV, "FPE_FLTINV"},
        {SIGILL, ILL_ILLOPC, "ILL_ILLOPC"},    {SIGILL, ILL_ILLOPN, "ILL_ILLOPN"},
        {SIGILL, ILL_PRVOPC, "ILL_PRVOPC"},    {SIGTRAP, TRAP_BRKPT, "TRAP_BRKPT"},
        {SIGTRAP, TRAP_TRACE, "TRAP_TRACE"},
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if ((codes[i].signal == 0 || codes[i].signal == signal) && codes[i].code == code) {
            return codes[i].name;
        }
    }
    return "unknown";
}

/* What was printed and not yet written. stdio may be in any state here: the report is out already,
 * and a fault in a handler ends the process at once. */
static void flush_output(void) {
    if (ftrylockfile(stdout) == 0) {
        fflush(stdout);
        funlockfile(stdout);
    }
}

static void on_signal(int number, siginfo_t *info, void *context) {
    int saved_errno = errno;
    if (reported) { /* a second thread: the first one's report stands */
        for (;;) {
            pause();
        }
    }
    reported = 1;
    put("crash\nsignal ");
    put(signal_name(number));
    put("\ncode ");
    put_decimal(info->si_code);
    put_byte(' ');
    put(code_name(number, info->si_code));
    put("\naddress ");
    put_hex((uintptr_t)info->si_addr);
    put("\nsender ");
    put(info->si_code <= 0 && info->si_pid == getpid() ? "self" : "other");
    put("\nthread ");
    put(pthread_equal(pthread_self(), runner_thread) ? "main" : "other");
    put("\nphase ");
    put(phase);
    put("\nerrno ");
    put_decimal(saved_errno);
    put_byte('\n');
    struct place place = put_registers(context);
    flush_line();
    put_stacks();
    put_dump("pc", place.pc - 16, 80);
    put_dump("sp", place.sp - 64, 512);
    flush_line();
    put_maps();
    flush_line();
    put_caller(place.link);
    put_callers(place.sp);
    put("end\n");
    flush_line();
    flush_output();
    signal(number, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    raise(number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    _exit(FATAL_EXIT);
}

static void on_exit_called(void) {
    if (!reported && strcmp(phase, "done") != 0) {
        put("exit ");
        put(phase);
        put_byte('\n');
        put_callers((uintptr_t)__builtin_frame_address(0));
        flush_line();
    }
}

static void catch_signals(void) {
    stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof alternate_stack};
    sigaltstack(&stack, NULL);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < HANDLED_SIGNALS; i++) {
        sigaddset(&action.sa_mask, SIGNALS[i].number);
    }
    for (int i = 0; i < HANDLED_SIGNALS; i++) {
        sigaction(SIGNALS[i].number, &action, NULL);
    }
}

/* ------------------------------------------------------------------------------------------------
 * The runner.
 */

static _Noreturn void fail(const char *text) {
    put("failed ");
    put(text);
    put_byte('\n');
    flush_line();
    phase = "done";
    _exit(FATAL_EXIT);
}

/* Writes memory to the report, zeros where it can no longer be read. */
static void put_memory(const char *from, size_t size) {
    static const char zeros[4096];
    flush_line();
    while (size > 0) {
        size_t step = 4096 - ((uintptr_t)from & 4095);
        if (step > size) {
            step = size;
        }
        ssize_t n = write(report_fd, from, step);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EFAULT) {
            n = write(report_fd, zeros, step);
        }
        if (n <= 0) {
            return;
        }
        from += n;
        size -= (size_t)n;
    }
}

static void main_stack(void) {
    uintptr_t low = 0;
    size_t size = 0;
#if defined(__APPLE__)
    size = pthread_get_stacksize_np(pthread_self());
    low = (uintptr_t)pthread_get_stackaddr_np(pthread_self()) - size;
#else
    pthread_attr_t attributes;
    void *address = NULL;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &address, &size);
        pthread_attr_destroy(&attributes);
    }
    low = (uintptr_t)address;
#endif
    if (size != 0) {
        lab_stack("the process's main stack", (void *)low, size, (size_t)1 << 20);
    }
}

#if defined(__APPLE__)

static void find_text(void) {
    const struct mach_header_64 *header = (const struct mach_header_64 *)library_base;
    unsigned long size = 0;
    text_low = (uintptr_t)getsectiondata(header, "__TEXT", "__text", &size);
    text_high = text_low + size;
}

static unsigned count_threads(void) {
    return 1;
}

#else

static int find_segment(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)size;
    (void)unused;
    if (info->dlpi_addr != library_base) {
        return 0;
    }
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0) {
            text_low = info->dlpi_addr + segment->p_vaddr;
            text_high = text_low + segment->p_memsz;
        }
    }
    return 1;
}

static void find_text(void) {
    dl_iterate_phdr(find_segment, NULL);
}

static unsigned count_threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL) {
        return 1;
    }
    unsigned count = 0;
    for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(tasks);
    return count;
}

#endif

/* Lets the watcher trace this process, and stops until it has set its breakpoints. */
static void offer_trace(void) {
#if defined(__linux__)
    *traced = (struct traced){library_base, text_low, text_high};
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0) {
        put("traced\n");
        put_maps();
        flush_line();
        raise(SIGSTOP);
        return;
    }
    put("untraced ");
    put(errno == EPERM ? "the system does not allow it" : strerror(errno));
    put_byte('\n');
#endif
}

static _Noreturn void run(const char *library, const char *function, const char *signature,
                          const struct argument *arguments) {
    runner_thread = pthread_self();
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    struct rlimit stack_limit;
    if (getrlimit(RLIMIT_STACK, &stack_limit) == 0 && stack_limit.rlim_cur > MAIN_STACK_MAX) {
        stack_limit.rlim_cur = MAIN_STACK_MAX; /* endless recursion is to end soon */
        setrlimit(RLIMIT_STACK, &stack_limit);
    }
#if defined(__linux__)
    /* If memory runs out, this process is the one to go. */
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score >= 0) {
        (void)!write(score, "1000", 4);
        close(score);
    }
#endif
    /* As on a terminal: a line is written when it is complete. (Unbuffered, glibc's printf needs
     * 8 KiB more of the stack it is called on.) */
    static char buffer[BUFSIZ];
    setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
    if (pipe(probe) != 0) {
        fail("no pipe");
    }
    for (int i = 0; i < 2; i++) { /* out of the way of what the function opens */
        int high = fcntl(probe[i], F_DUPFD_CLOEXEC, 200);
        if (high >= 0) {
            close(probe[i]);
            probe[i] = high;
        }
        fcntl(probe[i], F_SETFL, O_NONBLOCK);
    }
    main_stack();
    catch_signals();
    atexit(on_exit_called);

    phase = "load";
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        fail(dlerror());
    }
    void *symbol = dlsym(handle, function);
    Dl_info place;
    if (symbol == NULL || dladdr(symbol, &place) == 0) {
        fail("no such function in the library");
    }
    library_base = (uintptr_t)place.dli_fbase;
    entry_address = (uintptr_t)symbol;
    find_text();
    put_words("library", library_base, entry_address);
    put_words("text", text_low, text_high);

    if (traced != NULL) {
        offer_trace();
    }

    static struct call call;
    call.function = symbol;
    unsigned integers = 0;
    unsigned floats = 0;
    for (int i = 0; signature[1 + i] != '\0'; i++) {
        const struct argument *argument = &arguments[i];
        uint64_t value = argument->value;
        if (argument->memory != NULL) {
            value = (uintptr_t)argument->memory;
            put("argument ");
            put_hex((uint64_t)i);
            put_words("", value, argument->size);
        } else if (argument->kind == 3) {
            value += library_base;
        }
        char kind = signature[1 + i];
        if (kind == 'f' || kind == 'd') {
            call.floats[floats++] = value;
        } else {
            call.integers[integers++] = value;
        }
    }
    flush_line();
#if defined(__x86_64__)
    call.stack_arguments = integers > 6;
#else
    call.stack_arguments = integers > 8;
#endif
    call.float_count = floats;
    for (unsigned i = 0; i < SAVED_OWN; i++) {
        call.expected[i] = UINT64_C(0x5afe5afe5afe5a00) + i;
    }

    unsigned threads_before = count_threads();
    phase = "call";
    errno = 0;
    host_call(&call);
    phase = "result";

    unsigned threads = count_threads();
    put_words("returned", call.result, call.float_result);
    for (unsigned i = 0; i < SAVED_COUNT; i++) {
        if (call.found[i] != call.expected[i]) {
            put("changed ");
            put_words(SAVED[i], call.expected[i], call.found[i]);
        }
    }
    put("threads ");
    put_decimal((int64_t)threads - threads_before);
    put_byte('\n');
    if (signature[0] == 's' && call.result != 0) {
        size_t size = strlen((const char *)(uintptr_t)call.result);
        put("string ");
        put_decimal((int64_t)size);
        put_byte('\n');
        put_memory((const char *)(uintptr_t)call.result, size);
    }
    for (int i = 0; signature[1 + i] != '\0'; i++) {
        if (arguments[i].kind == 1 && signature[1 + i] == 'p') {
            put("memory ");
            put_decimal(i);
            put_byte(' ');
            put_decimal((int64_t)arguments[i].size);
            put_byte('\n');
            put_memory(arguments[i].memory, arguments[i].size);
        }
    }
    fflush(stdout);
    put("done\n");
    flush_line();
    phase = "done";
    _exit(0);
}

/* ------------------------------------------------------------------------------------------------
 * The watcher.
 */

enum { OUT, ERR, REPORT, CHANNELS };

static const char CHANNEL_KIND[CHANNELS] = {'o', 'e', 'r'};
static int child_changed[2]; /* a pipe that SIGCHLD writes to, so that poll wakes */
static unsigned char frame[5 + (1 << 16)];
static size_t frame_length, frame_done;

static void on_child(int number) {
    (void)number;
    int saved_errno = errno;
    (void)!write(child_changed[1], "", 1);
    errno = saved_errno;
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void begin_frame(char kind, size_t length) {
    frame[0] = (unsigned char)kind;
    for (int i = 0; i < 4; i++) {
        frame[1 + i] = (unsigned char)(length >> (8 * i));
    }
    frame_length = 5 + length;
    frame_done = 0;
}

/* Writes what it can of the frame; -1 if nobody reads any more. */
static int send_frame(void) {
    while (frame_done < frame_length) {
        ssize_t n = write(STDOUT_FILENO, frame + frame_done, frame_length - frame_done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
        }
        frame_done += (size_t)n;
    }
    return 0;
}

static void send_last(const char *text) {
    size_t length = strlen(text);
    memcpy(frame + 5, text, length);
    begin_frame('x', length);
    fcntl(STDOUT_FILENO, F_SETFL, 0);
    send_frame();
}

static _Noreturn void refuse(const char *text) {
    char message[256];
    snprintf(message, sizeof message, "failed %s\n", text);
    send_last(message);
    exit(FATAL_EXIT);
}

static void read_input(void *to, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t n = read(STDIN_FILENO, (char *)to + done, size - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            exit(FATAL_EXIT);
        }
        done += (size_t)n;
    }
}

/* Memory for an argument starts right above an unmapped page, and another follows it: what is
 * written below it (by a stack that overflows, say) is noticed at once. */
static char *allocate(size_t size, int read_only) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inner = (size + page - 1) / page * page;
    if (inner == 0) {
        inner = page;
    }
    char *area = mmap(NULL, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (area == MAP_FAILED || mprotect(area + page, inner, PROT_READ | PROT_WRITE) != 0) {
        refuse("not enough memory for the arguments");
    }
    read_input(area + page, size);
    if (read_only) {
        mprotect(area + page, inner, PROT_READ);
    }
    return area + page;
}

static void read_arguments(const char *kinds, struct argument *arguments) {
    for (int i = 0; kinds[i] != '\0'; i++) {
        struct argument *argument = &arguments[i];
        if (kinds[i] == 'p' || kinds[i] == 's') {
            read_input(&argument->kind, 1);
            if (argument->kind == 0) {
                continue;
            }
        }
        uint64_t value;
        read_input(&value, sizeof value);
        if (argument->kind == 1 || argument->kind == 2) {
            argument->size = (size_t)value;
            argument->memory = allocate(argument->size, argument->kind == 2);
        } else {
            argument->value = value;
        }
    }
}

/* ------------------------------------------------------------------------------------------------
 * The trace: the watcher steps the runner. Nothing runs in the runner for it, and until a traced
 * function is entered it runs at full speed. The trace is lines of a word and its values, numbers in
 * hexadecimal:
 *     enter N                 a traced function is entered, the N-th on the command line
 *     state CODE              the next instruction's bytes; then its registers, and what memory
 *     reg NAME VALUE          holds that it did not hold before
 *     region LOW HIGH N BYTES memory from now on watched: argument N's, or (N = ffff) around sp
 *     maybe LOW HIGH N BYTES  the same, of memory that a register leads to
 *     write ADDRESS VALUE     a word of watched memory has changed
 *     through ADDRESS         a call of code outside the library; it runs on its own until there
 *     leave                   the last state is the first one outside the function
 *     cut WHY                 there would have been more
 */

#if defined(__linux__)

enum {
    FUNCTIONS_MAX = 16,
    REGIONS_MAX = 64,
    WINDOW = 1 << 10,
    ARGUMENT_WINDOW = 1 << 18,
    AROUND_SP = 0xffff,
};

struct breakpoint {
    uintptr_t start, end; /* offsets until the runner has told its base */
    long original;
    int armed;
};

struct region {
    uintptr_t low, high;
    unsigned char *copy;
};

static struct tracer {
    struct breakpoint functions[FUNCTIONS_MAX];
    struct breakpoint back; /* where a call of other code comes back */
    unsigned function_count;
    uint64_t left;                           /* instructions that may still be recorded */
    enum { WAITING, RUNNING, STEPPING, THROUGH, DONE } state;
    const struct breakpoint *function;       /* that is being stepped */
    uintptr_t call_returns_to;               /* 0: not in a call that the function made */
    struct region regions[REGIONS_MAX];
    unsigned region_count;
    const struct argument *arguments;
    unsigned argument_count;
    char *text;
    size_t length, capacity;
} tracer;

static void trace_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void trace_room(size_t more) {
    if (tracer.length + more > tracer.capacity) {
        tracer.capacity = 2 * (tracer.length + more);
        tracer.text = realloc(tracer.text, tracer.capacity);
        if (tracer.text == NULL) {
            abort();
        }
    }
}

static void trace_text(const char *format, ...) {
    va_list values;
    trace_room(256);
    va_start(values, format);
    tracer.length += (size_t)vsnprintf(tracer.text + tracer.length, 256, format, values);
    va_end(values);
}

static void trace_bytes(const unsigned char *bytes, size_t size) {
    trace_room(2 * size + 1);
    for (size_t i = 0; i < size; i++) {
        tracer.text[tracer.length++] = "0123456789abcdef"[bytes[i] >> 4];
        tracer.text[tracer.length++] = "0123456789abcdef"[bytes[i] & 15];
    }
    tracer.text[tracer.length++] = '\n';
}

/* As much as can be read, up to the first page that cannot. */
static size_t peek(pid_t runner, uintptr_t from, void *to, size_t size) {
    size_t done = 0;
    while (done < size) {
        size_t step = 4096 - ((from + done) & 4095);
        if (step > size - done) {
            step = size - done;
        }
        struct iovec local = {(char *)to + done, step};
        struct iovec remote = {(void *)(from + done), step};
        if (process_vm_readv(runner, &local, 1, &remote, 1, 0) != (ssize_t)step) {
            break;
        }
        done += step;
    }
    return done;
}

static uint64_t peek_word(pid_t runner, uintptr_t from) {
    uint64_t word = 0;
    return peek(runner, from, &word, sizeof word) == sizeof word ? word : 0;
}

static int arm(pid_t runner, struct breakpoint *point) {
    errno = 0;
    long word = ptrace(PTRACE_PEEKTEXT, runner, (void *)point->start, NULL);
    if (errno != 0) {
        return -1;
    }
    point->original = word;
#if defined(__x86_64__)
    word = (long)(((uint64_t)word & ~UINT64_C(0xff)) | 0xcc); /* int3 */
#else
    word = (long)(((uint64_t)word & ~UINT64_C(0xffffffff)) | 0xd4200000); /* brk #0 */
#endif
    point->armed = ptrace(PTRACE_POKETEXT, runner, (void *)point->start, (void *)word) == 0;
    return point->armed ? 0 : -1;
}

static void disarm(pid_t runner, struct breakpoint *point) {
    if (point->armed) {
        ptrace(PTRACE_POKETEXT, runner, (void *)point->start, (void *)point->original);
        point->armed = 0;
    }
}

static void arm_functions(pid_t runner) {
    for (unsigned i = 0; i < tracer.function_count; i++) {
        arm(runner, &tracer.functions[i]);
    }
}

static void disarm_functions(pid_t runner) {
    for (unsigned i = tracer.function_count; i > 0; i--) {
        disarm(runner, &tracer.functions[i - 1]);
    }
}

struct machine {
    struct user_regs_struct all;
    uintptr_t pc, sp;
};

static int get_machine(pid_t runner, struct machine *machine) {
    struct iovec io = {&machine->all, sizeof machine->all};
    if (ptrace(PTRACE_GETREGSET, runner, (void *)(uintptr_t)NT_PRSTATUS, &io) != 0) {
        return -1;
    }
#if defined(__x86_64__)
    machine->pc = machine->all.rip;
    machine->sp = machine->all.rsp;
#else
    machine->pc = machine->all.pc;
    machine->sp = machine->all.sp;
#endif
    return 0;
}

static void set_pc(pid_t runner, struct machine *machine, uintptr_t pc) {
    struct iovec io = {&machine->all, sizeof machine->all};
    machine->pc = pc;
#if defined(__x86_64__)
    machine->all.rip = pc;
#else
    machine->all.pc = pc;
#endif
    ptrace(PTRACE_SETREGSET, runner, (void *)(uintptr_t)NT_PRSTATUS, &io);
}

static void trace_registers(const struct machine *machine) {
#if defined(__x86_64__)
    const struct user_regs_struct *r = &machine->all;
    const struct {
        const char *name;
        uint64_t value;
    } registers[] = {
        {"rax", r->rax}, {"rbx", r->rbx}, {"rcx", r->rcx}, {"rdx", r->rdx},
        {"rsi", r->rsi}, {"rdi", r->rdi}, {"rbp", r->rbp}, {"rsp", r->rsp},
        {"r8", r->r8},   {"r9", r->r9},   {"r10", r->r10}, {"r11", r->r11},
        {"r12", r->r12}, {"r13", r->r13}, {"r14", r->r14}, {"r15", r->r15},
        {"rip", r->rip}, {"rflags", r->eflags & ~UINT64_C(0x100)}, /* TF is ours */
    };
    for (size_t i = 0; i < sizeof registers / sizeof *registers; i++) {
        trace_text("reg %s %llx\n", registers[i].name, (unsigned long long)registers[i].value);
    }
#else
    for (int i = 0; i < 31; i++) {
        trace_text("reg x%d %llx\n", i, (unsigned long long)machine->all.regs[i]);
    }
    trace_text("reg sp %llx\nreg pc %llx\nreg nzcv %llx\n", (unsigned long long)machine->sp,
               (unsigned long long)machine->pc,
               (unsigned long long)machine->all.pstate & 0xf0000000);
#endif
}

static struct region *region_at(uintptr_t address) {
    for (unsigned i = 0; i < tracer.region_count; i++) {
        /* the end belongs to it: an empty stack's pointer stands there */
        if (address >= tracer.regions[i].low && address <= tracer.regions[i].high) {
            return &tracer.regions[i];
        }
    }
    return NULL;
}

/* Watches memory from now on: what of it can be read, and is not watched already. */
static void watch_memory(pid_t runner, const char *word, uintptr_t low, uintptr_t high,
                         unsigned owner) {
    if (tracer.region_count == REGIONS_MAX) {
        return;
    }
    for (unsigned i = 0; i < tracer.region_count; i++) {
        const struct region *other = &tracer.regions[i];
        if (other->low < high && other->high > low) {
            if (other->low <= low) {
                low = other->high;
            } else {
                high = other->low;
            }
        }
    }
    if (low >= high) {
        return;
    }
    unsigned char *copy = malloc(high - low);
    if (copy == NULL) {
        return;
    }
    size_t size = peek(runner, low, copy, high - low) & ~(size_t)7;
    if (size == 0) {
        free(copy);
        return;
    }
    tracer.regions[tracer.region_count++] = (struct region){low, low + size, copy};
    trace_text("%s %llx %llx %x ", word, (unsigned long long)low, (unsigned long long)low + size,
               owner);
    trace_bytes(copy, size);
}

/* The memory around an address, from its page on if the page before it cannot be read. */
static void watch_around(pid_t runner, const char *word, uintptr_t address) {
    uintptr_t low = (address - WINDOW) & ~(uintptr_t)15;
    char byte;
    if (address < 2 * WINDOW || peek(runner, address & ~(uintptr_t)7, &byte, 1) != 1) {
        /* nothing there, unless it is the top of something */
        if (address < 2 * WINDOW || peek(runner, address - 8, &byte, 1) != 1) {
            return;
        }
    }
    if (peek(runner, low, &byte, 1) != 1) {
        low = (low + 4095) & ~(uintptr_t)4095;
    }
    watch_memory(runner, word, low, ((address + WINDOW) & ~(uintptr_t)15) + 16, AROUND_SP);
}

/* At a function's entry: where its first two arguments lead. One of them is likely to be a context,
 * with another stack pointer in it. */
static void watch_pointers(pid_t runner, const struct machine *machine) {
#if defined(__x86_64__)
    const uint64_t pointers[] = {machine->all.rdi, machine->all.rsi};
#else
    const uint64_t pointers[] = {machine->all.regs[0], machine->all.regs[1]};
#endif
    for (int i = 0; i < 2; i++) {
        uintptr_t start = pointers[i] & ~UINT64_C(7);
        if (region_at(start) == NULL) {
            watch_memory(runner, "maybe", start, start + 128, AROUND_SP);
        }
        for (unsigned n = 0; n < 8; n++) {
            uintptr_t word = peek_word(runner, start + 8 * n);
            if ((word & 7) == 0 && region_at(word) == NULL) {
                watch_around(runner, "maybe", word);
            }
        }
    }
}

/* At the first entry: the arguments' memory, the running stack, and what the function is given. */
static void watch_first(pid_t runner, const struct machine *machine) {
    for (unsigned i = 0; i < tracer.argument_count; i++) {
        const struct argument *argument = &tracer.arguments[i];
        if (argument->kind == 1 && argument->size >= 8) {
            uintptr_t low = (uintptr_t)argument->memory;
            uintptr_t high = (low + argument->size) & ~(uintptr_t)7;
            if (high - low > ARGUMENT_WINDOW) {
                low = high - ARGUMENT_WINDOW;
            }
            watch_memory(runner, "region", low, high, i);
        }
    }
    watch_around(runner, "region", machine->sp);
    watch_pointers(runner, machine);
}

static void trace_writes(pid_t runner) {
    static unsigned char now[ARGUMENT_WINDOW];
    for (unsigned i = 0; i < tracer.region_count; i++) {
        struct region *region = &tracer.regions[i];
        size_t size = peek(runner, region->low, now, region->high - region->low) & ~(size_t)7;
        if (memcmp(now, region->copy, size) == 0) {
            continue;
        }
        for (size_t at = 0; at < size; at += 8) {
            if (memcmp(now + at, region->copy + at, 8) != 0) {
                uint64_t word;
                memcpy(&word, now + at, 8);
                trace_text("write %llx %llx\n", (unsigned long long)(region->low + at),
                           (unsigned long long)word);
            }
        }
        memcpy(region->copy, now, size);
    }
}

static void trace_state(pid_t runner, const struct machine *machine) {
    unsigned char code[16] = {0};
    size_t size = peek(runner, machine->pc, code, sizeof code);
    trace_text("state ");
    trace_bytes(code, size);
    trace_registers(machine);
    trace_writes(runner);
    if (region_at(machine->sp) == NULL) {
        watch_around(runner, "region", machine->sp);
    }
}

static void trace_cut(const char *why) {
    trace_text("cut %s\n", why);
    tracer.state = DONE;
}

/* Where the call that ran last comes back to; 0 if what ran last was no call. */
static uintptr_t called(pid_t runner, const struct machine *machine, const unsigned char *code) {
#if defined(__x86_64__)
    while ((*code & 0xf0) == 0x40 || *code == 0xf2 || *code == 0x3e) {
        code++; /* a prefix */
    }
    int call = *code == 0xe8 || (*code == 0xff && (code[1] & 0x38) == 0x10);
    return call ? peek_word(runner, machine->sp) : 0;
#else
    (void)runner;
    uint32_t instruction;
    memcpy(&instruction, code, sizeof instruction);
    int call = (instruction & 0xfc000000) == 0x94000000     /* bl */
               || (instruction & 0xfffffc1f) == 0xd63f0000; /* blr */
    return call ? machine->all.regs[30] : 0;
#endif
}

/* One more instruction has run. The request that lets the runner go on. */
static int stepped(pid_t runner, const struct machine *machine) {
    static unsigned char last_code[16]; /* what has run; nothing at an entry */
    const struct breakpoint *function = tracer.function;
    int inside = machine->pc >= function->start && machine->pc < function->end;
    uintptr_t call = called(runner, machine, last_code);
    memset(last_code, 0, sizeof last_code);
    peek(runner, machine->pc, last_code, sizeof last_code - 1);
    trace_state(runner, machine);
    if (machine->pc == tracer.call_returns_to) {
        tracer.call_returns_to = 0;
    }
    if (call != 0) {
        watch_pointers(runner, machine);
    }
    if (!inside && tracer.call_returns_to == 0) {
        tracer.call_returns_to = call;
        if (tracer.call_returns_to == 0) {
            trace_text("leave\n");
            memset(last_code, 0, sizeof last_code);
            tracer.state = RUNNING;
            arm_functions(runner);
            return PTRACE_CONT;
        }
    }
    if (--tracer.left == 0) {
        trace_cut("limit");
        return PTRACE_CONT;
    }
    if (machine->pc < traced->text_low || machine->pc >= traced->text_high) {
        /* In other code, by a call: through it at full speed. */
#if defined(__x86_64__)
        tracer.back.start = peek_word(runner, machine->sp);
#else
        tracer.back.start = machine->all.regs[30];
#endif
        if (tracer.back.start >= traced->text_low && tracer.back.start < traced->text_high &&
            arm(runner, &tracer.back) == 0) {
            trace_text("through %llx\n", (unsigned long long)tracer.back.start);
            memset(last_code, 0, sizeof last_code);
            tracer.state = THROUGH;
            return PTRACE_CONT;
        }
    }
    return PTRACE_SINGLESTEP;
}

static int hit(pid_t runner, struct machine *machine) {
#if defined(__x86_64__)
    uintptr_t at = machine->pc - 1;
#else
    uintptr_t at = machine->pc;
#endif
    if (tracer.state == THROUGH) {
        if (at != tracer.back.start) {
            return -1;
        }
        disarm(runner, &tracer.back);
        set_pc(runner, machine, at);
        tracer.state = STEPPING;
        return stepped(runner, machine);
    }
    for (unsigned i = 0; i < tracer.function_count; i++) {
        if (tracer.functions[i].armed && tracer.functions[i].start == at) {
            disarm_functions(runner);
            set_pc(runner, machine, at);
            trace_text("enter %x\n", i);
            tracer.function = &tracer.functions[i];
            tracer.call_returns_to = 0;
            tracer.state = STEPPING;
            if (tracer.region_count == 0) {
                watch_first(runner, machine);
            }
            return stepped(runner, machine);
        }
    }
    return -1;
}

/* The runner has stopped: what for, and on it goes. */
static void on_stop(pid_t runner, int number) {
    struct machine machine;
    int request = PTRACE_CONT;
    if (tracer.state == WAITING && number == SIGSTOP) {
        ptrace(PTRACE_SETOPTIONS, runner, NULL, (void *)(uintptr_t)PTRACE_O_EXITKILL);
        for (unsigned i = 0; i < tracer.function_count; i++) {
            tracer.functions[i].start += traced->base;
            tracer.functions[i].end += traced->base;
        }
        arm_functions(runner);
        tracer.state = RUNNING;
        number = 0;
    } else if (number == SIGTRAP && tracer.state != DONE && get_machine(runner, &machine) == 0) {
        request = tracer.state == STEPPING ? stepped(runner, &machine) : hit(runner, &machine);
        number = request < 0 ? SIGTRAP : 0;
        request = request < 0 ? PTRACE_CONT : request;
    } else if (tracer.state == STEPPING || tracer.state == THROUGH) {
        disarm(runner, &tracer.back);
        trace_cut(signal_name(number));
    }
    ptrace(request, runner, NULL, (void *)(uintptr_t)number);
}

static void send_trace(void) {
    for (size_t done = 0; done < tracer.length;) {
        size_t size = tracer.length - done;
        if (size > sizeof frame - 5) {
            size = sizeof frame - 5;
        }
        memcpy(frame + 5, tracer.text + done, size);
        begin_frame('t', size);
        if (send_frame() < 0) {
            return;
        }
        done += size;
    }
}

/* STEPS START-END ...: whether they make sense. */
static int ask_for_trace(char **words, int count, const struct argument *arguments,
                         unsigned argument_count) {
    tracer.left = strtoull(words[0], NULL, 10);
    tracer.arguments = arguments;
    tracer.argument_count = argument_count;
    for (int i = 1; i < count && tracer.function_count < FUNCTIONS_MAX; i++) {
        char *end = words[i];
        struct breakpoint *function = &tracer.functions[tracer.function_count++];
        function->start = strtoull(end, &end, 16);
        function->end = *end == '-' ? strtoull(end + 1, NULL, 16) : 0;
        if (function->end <= function->start) {
            return -1;
        }
    }
    traced = mmap(NULL, sizeof *traced, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    return tracer.left == 0 || traced == MAP_FAILED ? -1 : 0;
}

#else

static void on_stop(pid_t runner, int number) {
    (void)runner;
    (void)number;
}

static void send_trace(void) {
}

static int ask_for_trace(char **words, int count, const struct argument *arguments,
                         unsigned argument_count) {
    (void)words;
    (void)count;
    (void)arguments;
    (void)argument_count;
    return -1;
}

#endif

/* Ends the runner's process group and all that came from it; how many were still there. */
static unsigned end_all(pid_t runner) {
    unsigned left = 0;
    kill(-runner, SIGKILL);
#if defined(__linux__)
    /* Orphans become the watcher's own children (PR_SET_CHILD_SUBREAPER), whatever their group. */
    for (int round = 0; round < 1000; round++) {
        int children = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
        if (children >= 0) {
            char list[4096];
            ssize_t n = read(children, list, sizeof list - 1);
            close(children);
            list[n > 0 ? n : 0] = '\0';
            char *at = list;
            for (long pid; (pid = strtol(at, &at, 10)) > 1;) {
                kill((pid_t)pid, SIGKILL);
            }
        }
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid < 0) {
            break;
        }
        if (pid > 0) {
            left += pid != runner && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        } else {
            poll(NULL, 0, 1);
        }
    }
#else
    while (waitpid(-1, NULL, WNOHANG) > 0) {
        left++;
    }
#endif
    return left;
}

/* Whether the runner still handles the signal that asks where it is. */
#if defined(__linux__)
static int answers(pid_t runner) {
    char text[4096];
    snprintf(text, sizeof text, "/proc/%d/status", (int)runner);
    int status = open(text, O_RDONLY | O_CLOEXEC);
    ssize_t n = status < 0 ? -1 : read(status, text, sizeof text - 1);
    if (status >= 0) {
        close(status);
    }
    text[n > 0 ? n : 0] = '\0';
    const uint64_t bit = UINT64_C(1) << (SIGXCPU - 1);
    const char *blocked = strstr(text, "SigBlk:");
    const char *caught = strstr(text, "SigCgt:");
    return (blocked == NULL || (strtoull(blocked + 7, NULL, 16) & bit) == 0) &&
           (caught == NULL || (strtoull(caught + 7, NULL, 16) & bit) != 0);
}
#else
static int answers(pid_t runner) {
    (void)runner;
    return 1; /* nobody to ask */
}
#endif

static _Noreturn void give_up(pid_t runner) {
    end_all(runner);
    _exit(FATAL_EXIT);
}

/* Copies until the runner has ended, its pipes are empty, and everything is sent. */
static void watch(pid_t runner, const int channels[CHANNELS], int64_t limit) {
    const int64_t start = now_ms();
    int64_t deadline = start + limit;
    int open_channels[CHANNELS] = {1, 1, 1};
    int asked = 0; /* the time limit has passed, and the runner was asked where it is */
    int ended = 0;
    int status = 0;
    unsigned left = 0;
    struct rusage usage;
    memset(&usage, 0, sizeof usage);

    for (;;) {
        int sending = frame_done < frame_length;
        struct pollfd fds[3 + CHANNELS] = {
            {.fd = STDIN_FILENO, .events = POLLIN},
            {.fd = child_changed[0], .events = ended ? 0 : POLLIN},
            {.fd = sending ? STDOUT_FILENO : -1, .events = POLLOUT},
        };
        for (int i = 0; i < CHANNELS; i++) {
            fds[3 + i].fd = open_channels[i] && !sending ? channels[i] : -1;
            fds[3 + i].events = POLLIN;
        }
        int64_t wait = deadline - now_ms();
        if (wait < 0) {
            wait = 0;
        }
        if (ended) {
            wait = sending ? 5000 : 0;
        }
        int ready = poll(fds, 3 + CHANNELS, wait > INT_MAX ? INT_MAX : (int)wait);
        if (ready < 0 && errno != EINTR) {
            give_up(runner);
        }
        if (ready > 0 && fds[0].revents != 0) {
            char ignored[64];
            if (read(STDIN_FILENO, ignored, sizeof ignored) <= 0) {
                give_up(runner);
            }
        }
        if (sending) {
            if (send_frame() < 0 || (ended && ready == 0)) {
                give_up(runner);
            }
        } else if (ready > 0) {
            for (int i = 0; i < CHANNELS; i++) {
                if (fds[3 + i].revents != 0) {
                    ssize_t n = read(channels[i], frame + 5, sizeof frame - 5);
                    if (n > 0) {
                        begin_frame(CHANNEL_KIND[i], (size_t)n);
                        if (send_frame() < 0) {
                            give_up(runner);
                        }
                        break; /* one frame at a time */
                    }
                    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
                        open_channels[i] = 0;
                    }
                }
            }
        } else if (ready == 0 && ended) {
            break; /* nothing more to read, nothing left to send */
        }
        if (!ended) {
            char ignored[64];
            while (read(child_changed[0], ignored, sizeof ignored) > 0) {
            }
            pid_t pid;
            int one;
            struct rusage own;
            while ((pid = wait4(-1, &one, WNOHANG, &own)) > 0) {
                if (pid == runner && WIFSTOPPED(one)) {
                    on_stop(runner, WSTOPSIG(one));
                } else if (pid == runner) {
                    ended = 1;
                    status = one;
                    usage = own;
                }
            }
            if (ended) {
                left = end_all(runner);
            } else if (now_ms() >= deadline) {
                if (!asked) {
                    asked = 1;
                    deadline += answers(runner) ? ANSWER_MS : 0;
                    kill(runner, SIGXCPU);
                    kill(runner, SIGCONT);
                } else {
                    deadline += 1000000;
                    kill(-runner, SIGKILL);
                }
            }
        }
    }
    fcntl(STDOUT_FILENO, F_SETFL, 0);
    send_trace();
    char text[256];
    int64_t busy = ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                   (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
    snprintf(text, sizeof text, "%s %d %s\nlimit %d\nbusy %lld\ntook %lld\nleft %u\n",
             WIFSIGNALED(status) ? "signal" : "exit",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
             WIFSIGNALED(status) ? signal_name(WTERMSIG(status)) : "-", asked, (long long)busy,
             (long long)(now_ms() - start), left);
    send_last(text);
}

static int make_pipe(int fds[2]) {
    if (pipe(fds) != 0) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(fds[i], F_SETFD, FD_CLOEXEC);
    }
    return fcntl(fds[0], F_SETFL, O_NONBLOCK);
}

int main(int argc, char **argv) {
    if (argc < 5 || argc == 6) {
        fputs("usage: host LIBRARY FUNCTION SIGNATURE LIMIT-MS [STEPS START-END ...] "
              "<arguments >frames\n",
              stderr);
        return FATAL_EXIT;
    }
    const char *signature = argv[3];
    unsigned integers = 0;
    unsigned floats = 0;
    for (const char *kind = signature + 1; *kind != '\0'; kind++) {
        if (*kind == 'f' || *kind == 'd') {
            floats++;
        } else {
            integers++;
        }
    }
#if defined(__APPLE__) && defined(__aarch64__)
    /* Apple packs what goes on the stack by size: only what fits the registers is passed. */
    const unsigned integers_max = 8;
#else
    const unsigned integers_max = REGISTER_ARGUMENTS_MAX;
#endif
    if (integers > integers_max || floats > FLOAT_ARGUMENTS_MAX) {
        refuse("too many parameters");
    }
    struct argument arguments[REGISTER_ARGUMENTS_MAX + FLOAT_ARGUMENTS_MAX];
    memset(arguments, 0, sizeof arguments);
    read_arguments(signature + 1, arguments);
    if (argc > 5 && ask_for_trace(argv + 5, argc - 5, arguments, integers + floats) != 0) {
        refuse("there is no such trace on this system");
    }

    /* Whatever was blocked or ignored in the process that started this one, is not here. */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (size_t i = 0; i < sizeof SIGNALS / sizeof *SIGNALS; i++) {
        signal(SIGNALS[i].number, SIG_DFL);
    }
    int pipes[CHANNELS][2];
    for (int i = 0; i < CHANNELS; i++) {
        if (make_pipe(pipes[i]) != 0) {
            refuse("no pipe");
        }
    }
    if (make_pipe(child_changed) != 0) {
        refuse("no pipe");
    }
    fcntl(child_changed[1], F_SETFL, O_NONBLOCK);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_child;
    action.sa_flags = SA_RESTART;
    sigaction(SIGCHLD, &action, NULL);
#if defined(__linux__)
    prctl(PR_SET_CHILD_SUBREAPER, 1);
#endif
    const pid_t watcher = getpid();
    pid_t runner = fork();
    if (runner < 0) {
        refuse("no further process can be started");
    }
    if (runner == 0) {
        setpgid(0, 0);
#if defined(__linux__)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
        if (getppid() != watcher) {
            _exit(FATAL_EXIT);
        }
        signal(SIGCHLD, SIG_DFL);
        report_fd = fcntl(pipes[REPORT][1], F_DUPFD_CLOEXEC, 200);
        int empty = open("/dev/null", O_RDONLY);
        if (report_fd < 0 || dup2(empty, STDIN_FILENO) < 0 ||
            dup2(pipes[OUT][1], STDOUT_FILENO) < 0 || dup2(pipes[ERR][1], STDERR_FILENO) < 0) {
            _exit(FATAL_EXIT);
        }
        close(empty);
        for (int i = 0; i < CHANNELS; i++) {
            close(pipes[i][0]);
            close(pipes[i][1]);
        }
        close(child_changed[0]);
        close(child_changed[1]);
        run(argv[1], argv[2], signature, arguments);
    }
    setpgid(runner, runner);
    signal(SIGPIPE, SIG_IGN);
    fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
    int channels[CHANNELS];
    for (int i = 0; i < CHANNELS; i++) {
        close(pipes[i][1]);
        channels[i] = pipes[i][0];
    }
    watch(runner, channels, strtoll(argv[4], NULL, 10));
    return 0;
}
