#include "runner.h"

#include "call.h"
#include "report.h"
#include "signals.h"
#include "tracer.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <mach-o/dyld.h>
#include <mach-o/getsect.h>
#else
#include <dirent.h>
#include <link.h>
#endif

enum { MAIN_STACK_MAX = 64 << 20 };

_Noreturn void fail(const char *text) {
    put("failed ");
    put(text);
    put_byte('\n');
    flush_line();
    shared->phase = DONE;
    _exit(FATAL_EXIT);
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

/* Which number this process has where the caller is: in a namespace of its own it has another here. */
static int known_as(void) {
#if defined(__linux__)
    char number[32];
    ssize_t n = readlink("/proc/self", number, sizeof number - 1);
    if (n > 0) {
        number[n] = '\0';
        return atoi(number);
    }
#endif
    return getpid();
}

struct loaded load(int report, const char *library, const char *function) {
    report_fd = report;
    shared->known_as = known_as();
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
    if (prepare_report() != 0) {
        fail("no pipe");
    }
    main_stack();
    if (take_signals_aside() != 0) {
        fail("not enough memory");
    }
    catch_signals();

    shared->phase = LOAD;
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
    find_text();
    put_words("library", library_base, (uintptr_t)symbol);
    put_words("text", text_low, text_high);
    return (struct loaded){handle, symbol};
}

_Noreturn void run(int report, const char *library, const char *function, const char *signature,
                   const struct argument *arguments) {
    struct loaded loaded = load(report, library, function);
    offer_trace();

    static struct call call;
    call.function = loaded.function;
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
        pass(&call, signature[1 + i], value);
    }
    flush_line();
    unsigned threads_before = count_threads();
    shared->phase = CALL;
    errno = 0;
    make_call(0, &call);
    shared->phase = RESULT;

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
        put("reads\n"); /* a crash from here on is one over the string */
        flush_line();
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
    if (!report_lost) { /* else the watcher tells how far it came */
        shared->phase = DONE;
    }
    _exit(0);
}
