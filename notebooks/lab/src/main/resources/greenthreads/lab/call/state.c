/*
 * state: what native code can spoil for the Java virtual machine that called it, looked at and put back.
 * A library, loaded into the kernel's process.
 *
 * What belongs to a thread, and what can be seen at little cost, is looked at after each call; what
 * belongs to the process, at the end of each cell. Both return a bit for each thing that was changed;
 * ProcessState.java has the same order.
 */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#else
#define _GNU_SOURCE
#endif

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <xlocale.h>
#endif

enum change {
    CONTROL_WORD = 1 << 0,
    FLAGS = 1 << 1,
    SIGNAL_MASK = 1 << 2,
    THREAD_LOCALE = 1 << 3,
    DESCRIPTORS = 1 << 4,
    HANDLERS = 1 << 5,
    LOCALE = 1 << 6,
    FOLDER = 1 << 7,
    UMASK = 1 << 8,
    TIMERS = 1 << 9,
    LIMITS = 1 << 10,
    OUT_OF_REACH = 1 << 11, /* descriptors that could not be put back */
    OUTPUT = 1 << 16,       /* no change: something was printed, and is to be read */
};

enum { STANDARD = 3, ITIMERS = 3, SIGNALS = 12, COPIES_MAX = 10000 };

static const int USED[SIGNALS] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL, SIGPIPE, SIGXFSZ,
                                  SIGQUIT, SIGUSR2, SIGHUP, SIGINT, SIGTERM, SIGCHLD};
static const int LIMITED[] = {RLIMIT_NOFILE, RLIMIT_AS,    RLIMIT_DATA, RLIMIT_FSIZE,
                              RLIMIT_CPU,    RLIMIT_STACK, RLIMIT_CORE};
enum { LIMITS_KEPT = sizeof LIMITED / sizeof *LIMITED };

/* How it was when the kernel began; of descriptors 0 to 2 there is a second one each. */
static struct {
    uint64_t control[2];
    sigset_t mask;
    struct sigaction handlers[SIGNALS];
    const void *machine; /* where the virtual machine's own handlers lie */
    int spare[STANDARD];
    struct stat standard[STANDARD];
    char *locale;
    int folder;
    mode_t umask;
    struct rlimit limits[LIMITS_KEPT];
} before;

static int outputs[2];
static atomic_uint forks;             /* that this process has made */
static volatile sig_atomic_t is_copy; /* this process is a copy that fork has made */

/* Shared with all copies. Their numbers in the order of their making; the oldest thousands are enough. */
static struct copies {
    atomic_uint count;
    atomic_uint seen; /* all that there ever were */
    int process[COPIES_MAX];
} *copies;

/* ---- The processor ---- */

#if defined(__x86_64__)

enum { EXCEPTIONS_SEEN = 0x3f }; /* of MXCSR: not how it computes, but what has happened */

static void read_control(uint64_t words[2]) {
    uint32_t mxcsr;
    uint16_t x87;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    words[0] = mxcsr & ~(uint32_t)EXCEPTIONS_SEEN;
    words[1] = x87;
}

static void write_control(const uint64_t words[2]) {
    uint32_t mxcsr = (uint32_t)words[0];
    uint16_t x87 = (uint16_t)words[1];
    __asm__ volatile("fnclex\n\tldmxcsr %0\n\tfldcw %1" : : "m"(mxcsr), "m"(x87));
}

/* The direction flag is clear between functions: copying relies on it. */
static int clear_flags(void) {
    uint64_t flags;
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tpopq %0\n\tlea 128(%%rsp), %%rsp\n\tcld"
                     : "=r"(flags) : : "memory", "cc");
    return (flags & (UINT64_C(1) << 10)) != 0;
}

#else

static void read_control(uint64_t words[2]) {
    __asm__ volatile("mrs %0, fpcr" : "=r"(words[0]));
    words[1] = 0;
}

static void write_control(const uint64_t words[2]) {
    __asm__ volatile("msr fpcr, %0" : : "r"(words[0]));
}

static int clear_flags(void) {
    return 0;
}

#endif

/* ---- After each call, in the thread that made it ---- */

static unsigned look_at_signals(void) {
    /* A set has room for signals that no system has; the first ones are all that there are. */
    const size_t size = sizeof(sigset_t) < 8 ? sizeof(sigset_t) : 8;
    sigset_t found;
    pthread_sigmask(SIG_SETMASK, NULL, &found);
    if (memcmp(&found, &before.mask, size) == 0) {
        return 0;
    }
    pthread_sigmask(SIG_SETMASK, &before.mask, NULL);
    return SIGNAL_MASK;
}

/* The code has come back to Java in a copy of the kernel that fork has made. */
static _Noreturn void end_copy(void) {
    static const char told[] = "fork has made a copy of the kernel, and the copy was about to go on as "
                               "the kernel. It was ended.\n";
    (void)!write(STDERR_FILENO, told, sizeof told - 1);
    _exit(0);
}

__attribute__((noinline)) static unsigned look_at_thread(void) {
    unsigned changes = 0;
    uint64_t control[2];
    struct pollfd fds[2] = {{.fd = outputs[0], .events = POLLIN},
                            {.fd = outputs[1], .events = POLLIN}};
    const int saved_errno = errno;
    read_control(control);
    if (control[0] != before.control[0] || control[1] != before.control[1]) {
        write_control(before.control);
        changes |= CONTROL_WORD;
    }
    if (is_copy) {
        end_copy();
    }
    changes |= look_at_signals();
    if (uselocale((locale_t)0) != LC_GLOBAL_LOCALE) {
        uselocale(LC_GLOBAL_LOCALE);
        changes |= THREAD_LOCALE;
    }
    if (poll(fds, 2, 0) > 0) {
        changes |= OUTPUT;
    }
    errno = saved_errno;
    return changes;
}

/* The flags first, and apart: what a compiler makes of the rest may rely on them. */
unsigned state_after_call(void) {
    unsigned flags = clear_flags() ? FLAGS : 0;
    return flags | look_at_thread();
}

/* ---- At the end of each cell ---- */

static const void *module_of(const void *address) {
    Dl_info place;
    return address != NULL && dladdr(address, &place) != 0 ? place.dli_fbase : NULL;
}

static int same_handler(const struct sigaction *a, const struct sigaction *b) {
    return a->sa_sigaction == b->sa_sigaction && a->sa_flags == b->sa_flags;
}

static unsigned look_at_handlers(void) {
    unsigned changes = 0;
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction found;
        sigaction(USED[i], NULL, &found);
        if (same_handler(&found, &before.handlers[i])) {
            continue;
        }
        /* Java code may ask the virtual machine for another handler of its own. */
        if (before.machine != NULL && module_of((const void *)(uintptr_t)found.sa_sigaction) == before.machine) {
            before.handlers[i] = found;
            continue;
        }
        sigaction(USED[i], &before.handlers[i], NULL);
        changes |= HANDLERS;
    }
    return changes;
}

static int put_back(int number) {
    if (before.spare[number] >= 0 && dup2(before.spare[number], number) == number) {
        return DESCRIPTORS;
    }
    return DESCRIPTORS | OUT_OF_REACH;
}

static unsigned look_at_descriptors(void) {
    unsigned changes = 0;
    for (int i = 0; i < STANDARD; i++) {
        struct stat found;
        if (fstat(i, &found) != 0 || found.st_ino != before.standard[i].st_ino ||
            found.st_dev != before.standard[i].st_dev) {
            changes |= (unsigned)put_back(i);
        }
    }
    return changes;
}

static unsigned look_at_timers(void) {
    static const int timers[ITIMERS] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
    unsigned changes = 0;
    for (int i = 0; i < ITIMERS; i++) {
        struct itimerval found;
        if (getitimer(timers[i], &found) == 0 &&
            (found.it_value.tv_sec != 0 || found.it_value.tv_usec != 0)) {
            memset(&found, 0, sizeof found);
            setitimer(timers[i], &found, NULL);
            changes |= TIMERS;
        }
    }
    return changes;
}

static unsigned look_at_limits(void) {
    unsigned changes = 0;
    for (int i = 0; i < LIMITS_KEPT; i++) {
        struct rlimit found;
        if (getrlimit(LIMITED[i], &found) == 0 && found.rlim_cur != before.limits[i].rlim_cur) {
            found.rlim_cur = before.limits[i].rlim_cur;
            if (found.rlim_max < found.rlim_cur) {
                found.rlim_max = before.limits[i].rlim_max;
            }
            setrlimit(LIMITED[i], &found);
            changes |= LIMITS;
        }
    }
    return changes;
}

static unsigned look_at_places(void) {
    unsigned changes = 0;
    struct stat there;
    struct stat here;
    if (before.folder >= 0 && fstat(before.folder, &there) == 0 &&
        (stat(".", &here) != 0 || here.st_ino != there.st_ino || here.st_dev != there.st_dev)) {
        (void)!fchdir(before.folder);
        changes |= FOLDER;
    }
    if (umask(before.umask) != before.umask) {
        changes |= UMASK;
    }
    const char *locale = setlocale(LC_ALL, NULL);
    if (before.locale != NULL && (locale == NULL || strcmp(locale, before.locale) != 0)) {
        setlocale(LC_ALL, before.locale);
        changes |= LOCALE;
    }
    return changes;
}

unsigned state_after_cell(void) {
    return look_at_handlers() | look_at_descriptors() | look_at_timers() | look_at_limits() |
           look_at_places();
}

/* The number of a process that fork has made of this one, or of such a one, and that was not asked for
 * before; 0 if there is none. It may run another program by now, or have ended. */
int state_take_copy(void) {
    /* One that was made this moment has not said yet that it is there. */
    for (int i = 0; i < 1000 && copies != NULL && atomic_load(&copies->seen) < forks; i++) {
        poll(NULL, 0, 1);
    }
    if (copies != NULL && atomic_load(&copies->seen) < forks) {
        atomic_store(&copies->seen, forks); /* it was killed before: it is not waited for again */
    }
    unsigned count = copies == NULL ? 0 : atomic_load(&copies->count);
    return count == 0 ? 0 : copies->process[atomic_fetch_sub(&copies->count, 1) - 1];
}

/* A copy has ended, or is about to: nothing is to be left of it. */
void state_bury(int process) {
    for (int i = 0; i < 2000 && waitpid(process, NULL, WNOHANG) == 0; i++) {
        poll(NULL, 0, 1);
    }
}

/* ---- The beginning ---- */

static void after_fork_there(void) {
    is_copy = 1;
    unsigned number = copies == NULL ? COPIES_MAX : atomic_load(&copies->count);
    while (number < COPIES_MAX &&
           !atomic_compare_exchange_weak(&copies->count, &number, number + 1)) {
    }
    if (number < COPIES_MAX) {
        copies->process[number] = getpid();
    }
    if (copies != NULL) {
        atomic_fetch_add(&copies->seen, 1);
    }
}

static void after_fork_here(void) {
    atomic_fetch_add(&forks, 1);
}

/* Of the handlers only: the lab has installed one of its own. */
void state_keep_handlers(void) {
    for (int i = 0; i < SIGNALS; i++) {
        sigaction(USED[i], NULL, &before.handlers[i]);
    }
}

/* Takes down how it is. To be called once, in a thread of Java's, before native code of the reader's runs.
 * out, err: where what is printed can be read, or -1 */
void state_begin(int out, int err) {
    outputs[0] = out;
    outputs[1] = err;
    read_control(before.control);
    pthread_sigmask(SIG_SETMASK, NULL, &before.mask);
    state_keep_handlers();
    /* The lab may have put a handler of its own before that for SIGSEGV. */
    before.machine = module_of((const void *)(uintptr_t)before.handlers[1].sa_sigaction);
    for (int i = 0; i < STANDARD; i++) {
        if (fcntl(i, F_GETFD) < 0) { /* a kernel that was started without: nothing is found nowhere */
            int nothing = open("/dev/null", O_RDWR);
            if (nothing != i && nothing >= 0) {
                dup2(nothing, i);
                close(nothing);
            }
        }
        before.spare[i] = fcntl(i, F_DUPFD_CLOEXEC, 100);
        fstat(i, &before.standard[i]);
    }
    const char *locale = setlocale(LC_ALL, NULL);
    before.locale = locale == NULL ? NULL : strdup(locale);
    before.folder = open(".", O_RDONLY | O_CLOEXEC);
    before.umask = umask(0);
    umask(before.umask);
    for (int i = 0; i < LIMITS_KEPT; i++) {
        getrlimit(LIMITED[i], &before.limits[i]);
    }
    copies = mmap(NULL, sizeof *copies, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    if (copies == MAP_FAILED) {
        copies = NULL;
    }
    pthread_atfork(NULL, after_fork_here, after_fork_there);
}
