#include "signals.h"

#include "names.h"
#include "processor.h"
#include "report.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
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

static pid_t runner; /* a child that the code forks has inherited all of this, and reports nothing */
static volatile sig_atomic_t reported;
static _Thread_local int makes_calls;
static _Thread_local sigjmp_buf *fault_returns_to;

/* The threads that make calls. */
static struct caller {
    volatile long number;
    uintptr_t pointer; /* its thread pointer */
    void *aside;       /* the stack that its handlers run on */
} callers[LANES];
static atomic_uint caller_count;

static const struct caller *this_caller(void) {
    long number = thread_number();
    for (size_t i = 0; i < LANES; i++) {
        if (callers[i].number == number && number != 0) {
            return &callers[i];
        }
    }
    return NULL;
}

/* The signals whose default is to end the process. */
static const int ENDING[] = {
    SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,  SIGABRT, SIGTRAP, SIGSYS,  SIGXCPU,   SIGTERM, SIGINT,
    SIGQUIT, SIGHUP,  SIGALRM, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ, SIGVTALRM, SIGPROF,
#if defined(__linux__)
    SIGIO,   SIGPWR,  SIGSTKFLT,
#endif
};

static void for_each_ending(void (*what)(int signal, void *with), void *with) {
    for (size_t i = 0; i < sizeof ENDING / sizeof *ENDING; i++) {
        what(ENDING[i], with);
    }
#if defined(SIGRTMIN)
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++) {
        what(signal, with);
    }
#endif
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

static void on_signal(int number, siginfo_t *info, void *context);

static void put_line(const char *word, const char *value) {
    put(word);
    put_byte(' ');
    put(value);
    put_byte('\n');
}

static void put_number(const char *word, int64_t value) {
    put(word);
    put_byte(' ');
    put_decimal(value);
    put_byte('\n');
}

/* Whose signal it is: the processor's or the system's, that of this process, or another one's. */
static void put_sender(const siginfo_t *info) {
    const int sent = info->si_code == SI_USER || info->si_code == SI_QUEUE
#if defined(SI_TKILL)
                     || info->si_code == SI_TKILL
#endif
        ;
    put_line("sender", !sent ? "system" : info->si_pid == getpid() ? "self" : "other");
#if defined(__linux__)
    if (info->si_signo == SIGSYS && !sent) {
        put_number("syscall", info->si_syscall);
    }
#endif
}

/* Faults that the code handles itself. */
static void put_handled(void) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct sigaction now;
        if (sigaction(faults[i], NULL, &now) == 0 && now.sa_sigaction != on_signal &&
            now.sa_handler != SIG_DFL) {
            put_line("handles", signal_name(faults[i]));
        }
    }
}

/* The alternate signal stack, if it is one of the code's own. */
static void put_alternate_stack(const ucontext_t *context, const struct caller *caller) {
    const stack_t *stack = &context->uc_stack;
    if ((stack->ss_flags & SS_DISABLE) == 0 && stack->ss_size > 0 &&
        (caller == NULL || caller->aside != stack->ss_sp)) {
        const uintptr_t low = (uintptr_t)stack->ss_sp;
        put_stack(low, low + stack->ss_size, 0, "the alternate signal stack");
    }
}

static void put_report(int number, const siginfo_t *info, void *context,
                       const struct caller *caller, uintptr_t pointer, int error) {
    put_line("crash\nsignal", signal_name(number));
    put("code ");
    put_decimal(info->si_code);
    put_line("", code_name(number, info->si_code));
    put("address ");
    put_hex((uintptr_t)info->si_addr);
    put_byte('\n');
    put_sender(info);
    put_line("thread", makes_calls ? "main" : "other");
    put_line("phase", phase_name());
    put_number("errno", error);
    if (caller != NULL && caller->pointer != pointer) {
        put_words("threadpointer", pointer, caller->pointer);
    }
    struct place place = put_registers(context);
    flush_line();
    put_handled();
    put_alternate_stack(context, caller);
    put_stacks();
    put_maps(); /* first: where memory is read, Linux lets a stack grow */
    flush_line();
    put_dump("pc", place.pc - 16, 80);
    put_dump("sp", place.sp - 64, 512);
    put_dump_behind("return", place.sp);
    if (place.link != 0) {
        put_dump("link", place.link - 8, 8);
    }
    flush_line();
    put_caller(place.link);
    put_callers(place.sp);
    put("end\n");
    flush_line();
}

static _Noreturn void end_by(int number) {
    sigset_t set;
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    raise(number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    _exit(FATAL_EXIT);
}

static void on_signal(int number, siginfo_t *info, void *context) {
    const struct caller *caller = this_caller();
    const uintptr_t pointer = put_processor_right(caller == NULL ? 0 : caller->pointer);
    const int error = errno;
    sigjmp_buf *returns_to = fault_returns_to;
    if (getpid() != runner) {
        end_by(number);
    }
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
    begin_last_words();
    put_report(number, info, context, caller, pointer, error);
    flush_output();
    end_by(number);
}

static void on_exit_called(void) {
    if (!reported && shared->phase != DONE && getpid() == runner) {
        begin_last_words();
        put_line("exit", phase_name());
        put_callers((uintptr_t)__builtin_frame_address(0));
        flush_line();
    }
}

/* A thread that makes calls has called pthread_exit, or was cancelled: nobody would ever hear of its
 * call again. */
static void on_thread_exit(void *unused) {
    (void)unused;
    if (!reported && shared->phase == CALL && getpid() == runner) {
        begin_last_words();
        put("threadexit\n");
        flush_line();
        flush_output();
        _exit(0);
    }
}

void end_a_copy(void) {
    if (getpid() != runner) {
        shared->copy_returned = 1;
        flush_output();
        _exit(0);
    }
}

int take_signals_aside(void) {
    pthread_key_t key; /* one for each thread is few */
    stack_t stack = {.ss_size = ASIDE_STACK};
    if (makes_calls) {
        return 0;
    }
    stack.ss_sp = mmap(NULL, ASIDE_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) != 0 ||
        pthread_key_create(&key, on_thread_exit) != 0 || pthread_setspecific(key, "") != 0) {
        return -1;
    }
    struct caller *caller = &callers[atomic_fetch_add(&caller_count, 1) % LANES];
    caller->pointer = thread_pointer();
    caller->aside = stack.ss_sp;
    caller->number = thread_number();
    makes_calls = 1;
    return 0;
}

static void block_too(int signal, void *mask) {
    sigaddset(mask, signal);
}

static void catch_one(int signal, void *action) {
    sigaction(signal, action, NULL);
}

void catch_signals(void) {
    struct sigaction action;
    runner = getpid();
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for_each_ending(block_too, &action.sa_mask);
    for_each_ending(catch_one, &action);
    atexit(on_exit_called);
}

static void forget_one(int number, void *unused) {
    (void)unused;
    signal(number, SIG_DFL);
}

void forget_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for_each_ending(forget_one, NULL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGCONT, SIG_DFL);
}
