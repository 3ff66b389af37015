#include "processor.h"

#include "report.h"

#include <signal.h>
#include <string.h>

#if defined(__APPLE__)
#include <sys/ucontext.h>
#else
#include <sys/syscall.h>
#include <ucontext.h>
#endif

static void put_register(const char *name, uint64_t value) {
    put("reg ");
    put(name);
    put_byte(' ');
    put_hex(value);
    put_byte('\n');
}

#if defined(__x86_64__)

struct place put_registers(void *opaque) {
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

struct place put_registers(void *opaque) {
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

uintptr_t without_signature(uintptr_t address) {
#if defined(__aarch64__)
    /* xpaclri; a processor that does not sign takes it for a hint, and does nothing */
    __asm__("mov x30, %0\n\thint #7\n\tmov %0, x30" : "+r"(address) : : "x30");
#endif
    return address;
}

int follows_a_call(uintptr_t address) {
#if defined(__x86_64__)
    unsigned char b[7];
    if (!copy_readable(b, address - 7, 7)) {
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
    if ((address & 3) != 0 || !copy_readable(&instruction, address - 4, 4)) {
        return 0;
    }
    return (instruction & 0xfc000000) == 0x94000000     /* bl */
           || (instruction & 0xfffffc1f) == 0xd63f0000; /* blr */
#endif
}

#if defined(__x86_64__)

static void end_alignment_checks(void) {
    /* AC is bit 18 of the flags. First over the red zone. */
    __asm__ volatile("lea     -128(%%rsp), %%rsp\n\t"
                     "pushfq\n\t"
                     "andl    $0xfffbffff, (%%rsp)\n\t"
                     "popfq\n\t"
                     "lea     128(%%rsp), %%rsp"
                     :
                     :
                     : "cc", "memory");
}

#else

static void end_alignment_checks(void) {
}

#endif

#if defined(__linux__) && defined(__x86_64__)

enum { SET_FS = 0x1002, GET_FS = 0x1003 }; /* of arch_prctl */

/* The C library's own would keep errno, which is a variable of the thread's. */
static long system_call(long number, long a, long b) {
    long result = number;
    __asm__ volatile("syscall" : "+a"(result) : "D"(a), "S"(b) : "rcx", "r11", "memory");
    return result;
}

uintptr_t thread_pointer(void) {
    uintptr_t pointer = 0;
    system_call(SYS_arch_prctl, GET_FS, (long)&pointer);
    return pointer;
}

static void set_thread_pointer(uintptr_t pointer) {
    system_call(SYS_arch_prctl, SET_FS, (long)pointer);
}

long thread_number(void) {
    return system_call(SYS_gettid, 0, 0);
}

#elif defined(__linux__)

uintptr_t thread_pointer(void) {
    uintptr_t pointer;
    __asm__ volatile("mrs     %0, tpidr_el0" : "=r"(pointer));
    return pointer;
}

static void set_thread_pointer(uintptr_t pointer) {
    __asm__ volatile("msr     tpidr_el0, %0" : : "r"(pointer));
}

long thread_number(void) {
    register long number __asm__("x8") = SYS_gettid;
    register long result __asm__("x0");
    __asm__ volatile("svc     #0" : "=r"(result) : "r"(number) : "memory");
    return result;
}

#else

/* macOS does not let a process change it. */
uintptr_t thread_pointer(void) {
    return 0;
}

static void set_thread_pointer(uintptr_t pointer) {
    (void)pointer;
}

long thread_number(void) {
    return 0;
}

#endif

uintptr_t put_processor_right(uintptr_t expected) {
    end_alignment_checks();
    uintptr_t found = thread_pointer();
    if (expected != 0 && found != expected) {
        set_thread_pointer(expected);
    }
    return found;
}
