#include "report.h"

#include "processor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <libproc.h>
#include <mach/mach.h>
#else
#include <sys/uio.h>
#endif

int report_fd = -1;
int report_lost;
static int probe[2] = {-1, -1}; /* a pipe: the kernel says whether memory can be read */
static int own_maps = -1;        /* for when the code has left no descriptor to open it with */
static int last_words;           /* what is said now goes into shared memory */
uintptr_t library_base, text_low, text_high;
struct stack stacks[STACKS_MAX];
volatile unsigned stack_count;
static char line[4096];
static size_t line_length;

void begin_last_words(void) {
    last_words = 1;
}

static void keep_line(void) {
    size_t kept = shared->last_words_size;
    if (kept <= LAST_WORDS_MAX && line_length <= LAST_WORDS_MAX - kept) {
        memcpy(shared->last_words + kept, line, line_length);
        shared->last_words_size = kept + line_length;
    }
}

int move_up(int descriptor) {
    int high = -1;
    for (int from = 200; high < 0 && from > STDERR_FILENO; from /= 2) { /* few may be allowed */
        high = fcntl(descriptor, F_DUPFD_CLOEXEC, from);
    }
    return high;
}

void flush_line(void) {
    size_t done = last_words ? line_length : 0;
    if (last_words) {
        keep_line();
    }
    while (done < line_length) {
        ssize_t n = write(report_fd, line + done, line_length - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            report_lost = 1;
            break;
        }
        done += (size_t)n;
    }
    line_length = 0;
}

void put_byte(char c) {
    if (line_length == sizeof line) {
        flush_line();
    }
    line[line_length++] = c;
}

void put(const char *text) {
    while (*text != '\0') {
        put_byte(*text++);
    }
}

void put_hex(uint64_t value) {
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

void put_decimal(int64_t value) {
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

void put_words(const char *word, uint64_t a, uint64_t b) {
    put(word);
    put_byte(' ');
    put_hex(a);
    put_byte(' ');
    put_hex(b);
    put_byte('\n');
}

void put_memory(const char *from, size_t size) {
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

void lab_stack(const char *name, void *low, size_t size, size_t guard) {
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
    if (at < count && guard == 0 && stack->guard > 0 && stack->high > stack->low) {
        return; /* who named it before knows more of it: a function that only uses it adds nothing */
    }
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

/* Out of the way of what the function opens. */
static int moved_up(int descriptor) {
    int high = move_up(descriptor);
    if (high >= 0) {
        close(descriptor);
    }
    return high >= 0 ? high : descriptor;
}

int prepare_report(void) {
    if (pipe(probe) != 0) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        probe[i] = moved_up(probe[i]);
        fcntl(probe[i], F_SETFL, O_NONBLOCK);
    }
    int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    own_maps = maps < 0 ? -1 : moved_up(maps);
    return 0;
}

/* Copies what lies within a page, and so can be read or cannot: whether it could. */
static int read_part(void *to, uintptr_t from, size_t size) {
#if defined(__linux__)
    struct iovec here = {to, size};
    struct iovec there = {(void *)from, size};
    ssize_t copied = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
    if (copied >= 0 || errno == EFAULT) {
        return copied == (ssize_t)size;
    }
#endif
    ssize_t n = write(probe[1], (const void *)from, size);
    if (n < 0 && errno == EBADF && prepare_report() == 0) { /* the code has closed it */
        n = write(probe[1], (const void *)from, size);
    }
    return n == (ssize_t)size && read(probe[0], to, size) == n;
}

/* Copies memory that may not be readable: the number of bytes that could be read. */
static size_t safe_read(void *to, uintptr_t from, size_t size) {
    size_t done = 0;
    while (done < size) {
        size_t step = 4096 - ((from + done) & 4095);
        if (step > size - done) {
            step = size - done;
        }
        if (!read_part((char *)to + done, from + done, step)) {
            break;
        }
        done += step;
    }
    return done;
}

void put_dump(const char *what, uintptr_t from, size_t size) {
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

int copy_readable(void *to, uintptr_t from, size_t size) {
    return safe_read(to, from, size) == size;
}

void put_dump_behind(const char *what, uintptr_t slot) {
    uintptr_t word;
    if (copy_readable(&word, slot, sizeof word)) {
        put_dump(what, word - 8, 8);
    }
}

int put_caller(uintptr_t address) {
    address = without_signature(address);
    if (address < text_low || address >= text_high || !follows_a_call(address)) {
        return 0;
    }
    put("caller ");
    put_hex(address);
    put_byte('\n');
    return 1;
}

/* Words on the stack that look like return addresses into the library: where the code may have come
 * from. Old ones may lie among them. Enough of them to see that they repeat. */
void put_callers(uintptr_t sp) {
    enum { FAR = 1 << 17, ENOUGH = 40, AT_ONCE = 512 };
    static uintptr_t words[AT_ONCE];
    int found = 0;
    sp = (sp + 7) & ~(uintptr_t)7;
    uintptr_t first;
    for (int pages = 0; pages < 64 && !copy_readable(&first, sp, sizeof first); pages++) {
        sp = (sp | 4095) + 1; /* in a guard page, say, below the frames */
    }
    for (const uintptr_t end = sp + FAR; sp < end && found < ENOUGH; sp += sizeof words) {
        size_t count = safe_read(words, sp, sizeof words) / sizeof *words;
        for (size_t i = 0; i < count && found < ENOUGH; i++) {
            found += put_caller(words[i]);
        }
        if (count < AT_ONCE) {
            break;
        }
    }
}

void put_stack(uintptr_t low, uintptr_t high, size_t guard, const char *name) {
    put("stack ");
    put_hex(low);
    put_byte(' ');
    put_hex(high);
    put_byte(' ');
    put_hex(guard);
    put_byte(' ');
    put(name);
    put_byte('\n');
}

/* The first one is the main stack: it ends where its limit is by now. */
void put_stacks(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && stack_count > 0 && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur < stacks[0].high - stacks[0].low) {
        stacks[0].low = stacks[0].high - limit.rlim_cur;
        put_words("stacklimit", limit.rlim_cur, 0);
    }
    for (unsigned i = 0; i < stack_count; i++) {
        const struct stack *stack = &stacks[i];
        if (stack->high > stack->low) {
            put_stack(stack->low, stack->high, stack->guard, stack->name);
        }
    }
}

#if defined(__APPLE__)

void put_maps(void) {
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

void put_maps(void) {
    int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (maps < 0) {
        maps = own_maps;
        lseek(maps, 0, SEEK_SET);
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
    if (maps != own_maps) {
        close(maps);
    }
}

#endif
