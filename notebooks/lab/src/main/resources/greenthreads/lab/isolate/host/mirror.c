/*
 * mirror: lets this process look into the memory of another one. A library, loaded into the kernel's
 * process; Linux only.
 *
 * A range of the other's addresses is reserved here, at the same place, and nothing may touch it. When
 * Java does, the processor's fault brings the page over, and the access is made again. Before the other
 * process runs on, what was changed in such pages is written back, and all of them are dropped.
 *
 * A fault at an address where nothing is, here or there, is handed on to the Java virtual machine as
 * SIGBUS: this it turns into an exception, where SIGSEGV would be the end of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    RANGES_MAX = 4096,
    NEAR_NULL = 1 << 16, /* the virtual machine's own null checks fault below */
};

/* The handler reads a range as soon as it is counted: it is complete by then. */
struct range {
    uintptr_t low, high;
    _Atomic pid_t pid;          /* -1: it has ended, and its number may be another's */
    unsigned char *twin;        /* the pages as they came over */
    unsigned char *is_here;     /* for each page, whether it did */
    uint32_t *brought;          /* the numbers of those that did */
    _Atomic uint32_t brought_count;
};

static struct range ranges[RANGES_MAX];
static _Atomic unsigned range_count;
static atomic_flag bringing = ATOMIC_FLAG_INIT;
static size_t page_size;
static struct sigaction machine; /* the virtual machine's handler */

static void *reserve(size_t size) {
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
}

static struct range *range_at(uintptr_t address) {
    for (unsigned i = atomic_load(&range_count); i > 0; i--) {
        struct range *range = &ranges[i - 1];
        if (address >= range->low && address < range->high) {
            return range;
        }
    }
    return NULL;
}

/* Brings a page over: whether it could be read there. */
static int bring(struct range *range, uintptr_t page) {
    uint32_t number = (uint32_t)((page - range->low) / page_size);
    unsigned char *twin = range->twin + (page - range->low);
    struct iovec here = {twin, page_size};
    struct iovec there = {(void *)page, page_size};
    while (atomic_flag_test_and_set(&bringing)) {
    }
    int found = 1;
    if (!range->is_here[number]) { /* else another thread was faster */
        found = process_vm_readv(range->pid, &here, 1, &there, 1, 0) == (ssize_t)page_size &&
                mprotect((void *)page, page_size, PROT_READ | PROT_WRITE) == 0;
        if (found) {
            memcpy((void *)page, twin, page_size);
            range->is_here[number] = 1;
            range->brought[range->brought_count] = number;
            atomic_fetch_add(&range->brought_count, 1);
        }
    }
    atomic_flag_clear(&bringing);
    return found;
}

/* Java has called an address of the other process, by a handle of its own making: the code is not
 * here. The call returns 0, and it is told. */
static int refuse_call(uintptr_t address, void *opaque) {
    ucontext_t *context = opaque;
    static const char told[] = "A function of another process was called by its address: nothing was "
                               "called, and the result is 0.\nCall it through an interface, or take its "
                               "address from Lab.inKernel(library).\n";
#if defined(__x86_64__)
    greg_t *registers = context->uc_mcontext.gregs;
    if ((uintptr_t)registers[REG_RIP] != address) {
        return 0;
    }
    registers[REG_RIP] = *(greg_t *)registers[REG_RSP];
    registers[REG_RSP] += (greg_t)sizeof(greg_t);
    registers[REG_RAX] = 0;
#else
    if (context->uc_mcontext.pc != address) {
        return 0;
    }
    context->uc_mcontext.pc = context->uc_mcontext.regs[30];
    context->uc_mcontext.regs[0] = 0;
#endif
    (void)!write(STDERR_FILENO, told, sizeof told - 1);
    return 1;
}

static void on_fault(int number, siginfo_t *info, void *context) {
    const int saved_errno = errno;
    const uintptr_t address = (uintptr_t)info->si_addr;
    struct range *range = info->si_code > 0 ? range_at(address) : NULL;
    if (range != NULL && refuse_call(address, context)) {
        errno = saved_errno;
        return;
    }
    if (range != NULL && bring(range, address & ~(page_size - 1))) {
        errno = saved_errno;
        return;
    }
    errno = saved_errno;
    /* SI_KERNEL: an address that the processor has no place for; it does not say which. */
    if (range != NULL || (info->si_code == SEGV_MAPERR && address >= NEAR_NULL) ||
        info->si_code == SI_KERNEL) {
        number = SIGBUS;
        info->si_signo = SIGBUS;
        info->si_code = BUS_ADRERR;
    }
    machine.sa_sigaction(number, info, context);
}

/* To be called once: 0, or -1 if there is no handler to hand faults on to. */
int mirror_start(void) {
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    if (sigaction(SIGSEGV, NULL, &machine) != 0 || (machine.sa_flags & SA_SIGINFO) == 0) {
        return -1;
    }
    struct sigaction ours = machine;
    ours.sa_sigaction = on_fault;
    return sigaction(SIGSEGV, &ours, NULL);
}

/* Mirrors a range of a process's addresses, whole pages. 0; -1 if this process has something there, or
 * may not read there. Not from two threads at once. */
int mirror_add(int pid, uintptr_t low, uintptr_t high) {
    unsigned char probe;
    struct iovec here = {&probe, 1};
    struct iovec there = {(void *)low, 1};
    unsigned count = atomic_load(&range_count);
    if (count == RANGES_MAX || (process_vm_readv(pid, &here, 1, &there, 1, 0) < 0 && errno != EFAULT)) {
        return -1;
    }
    size_t size = high - low;
    struct range *range = &ranges[count];
    void *place = mmap((void *)low, size, PROT_NONE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
    if (place != (void *)low) {
        if (place != MAP_FAILED) {
            munmap(place, size);
        }
        return -1;
    }
    range->low = low;
    range->high = high;
    range->pid = pid;
    range->twin = reserve(size);
    range->is_here = reserve(size / page_size);
    range->brought = reserve(size / page_size * sizeof *range->brought);
    atomic_store(&range->brought_count, 0);
    if (range->twin == MAP_FAILED || range->is_here == MAP_FAILED || range->brought == MAP_FAILED) {
        return -1;
    }
    atomic_store(&range_count, count + 1);
    return 0;
}

/* Writes back the bytes of a page that were changed here. */
static void give_back(const struct range *range, uintptr_t page) {
    const unsigned char *now = (const unsigned char *)page;
    const unsigned char *twin = range->twin + (page - range->low);
    for (size_t from = 0; from < page_size;) {
        size_t to = from;
        while (to < page_size && now[to] != twin[to]) {
            to++;
        }
        if (to > from) {
            struct iovec here = {(void *)(page + from), to - from};
            struct iovec there = {(void *)(page + from), to - from};
            (void)!process_vm_writev(range->pid, &here, 1, &there, 1, 0);
        }
        from = to + 1;
    }
}

/* Before a process runs on: nothing of it is here any more, and it has what was changed here. */
void mirror_collect(int pid) {
    for (unsigned i = 0; i < atomic_load(&range_count); i++) {
        struct range *range = &ranges[i];
        if (range->pid != pid || atomic_load(&range->brought_count) == 0) {
            continue;
        }
        while (atomic_flag_test_and_set(&bringing)) {
        }
        for (uint32_t k = 0; k < atomic_load(&range->brought_count); k++) {
            uintptr_t page = range->low + (uintptr_t)range->brought[k] * page_size;
            give_back(range, page);
            range->is_here[range->brought[k]] = 0;
            madvise((void *)page, page_size, MADV_DONTNEED);
            mprotect((void *)page, page_size, PROT_NONE);
        }
        atomic_store(&range->brought_count, 0);
        atomic_flag_clear(&bringing);
    }
}

/* A process has ended: what it had is out of reach from now on. */
void mirror_forget(int pid) {
    mirror_collect(pid);
    for (unsigned i = 0; i < atomic_load(&range_count); i++) {
        if (ranges[i].pid == pid) {
            ranges[i].pid = -1;
        }
    }
}
