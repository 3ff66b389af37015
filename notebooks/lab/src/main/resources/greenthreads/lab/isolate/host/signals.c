#include "signals.h"

#include "report.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <sys/ucontext.h>
#else
#include <ucontext.h>
#endif

enum { ASIDE_STACK = 1 << 17 };

static volatile sig_atomic_t reported;
static _Thread_local int makes_calls;
static _Thread_local sigjmp_buf *fault_returns_to;

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

const char *signal_name(int number) {
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
#if defined(__linux__)
        {SIGSEGV, 10, "SEGV_CPERR"}, /* a shadow stack; many headers are older than it */
#endif
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

void return_on_fault(sigjmp_buf *to) {
    fault_returns_to = to;
}

static void on_signal(int number, siginfo_t *info, void *context) {
    int saved_errno = errno;
    sigjmp_buf *returns_to = fault_returns_to;
    if (returns_to != NULL && (number == SIGSEGV || number == SIGBUS)) {
        fault_returns_to = NULL;
        siglongjmp(*returns_to, 1);
    }
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
    put(makes_calls ? "main" : "other");
    put("\nphase ");
    put(phase_name());
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
    if (!reported && shared->phase != DONE) {
        put("exit ");
        put(phase_name());
        put_byte('\n');
        put_callers((uintptr_t)__builtin_frame_address(0));
        flush_line();
    }
}

/* A thread that makes calls has called pthread_exit: nobody would ever hear of its call again. */
static void on_thread_exit(void *unused) {
    (void)unused;
    if (!reported && shared->phase == CALL) {
        put("threadexit\n");
        flush_line();
        flush_output();
        _exit(0);
    }
}

int take_signals_aside(void) {
    pthread_key_t key; /* one for each thread is few */
    void *memory = mmap(NULL, ASIDE_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    stack_t stack = {.ss_sp = memory, .ss_size = ASIDE_STACK};
    makes_calls = 1;
    if (pthread_key_create(&key, on_thread_exit) != 0 || pthread_setspecific(key, "") != 0) {
        return -1;
    }
    return memory == MAP_FAILED ? -1 : sigaltstack(&stack, NULL);
}

void catch_signals(void) {
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
    atexit(on_exit_called);
}

void forget_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (size_t i = 0; i < sizeof SIGNALS / sizeof *SIGNALS; i++) {
        signal(SIGNALS[i].number, SIG_DFL);
    }
}
