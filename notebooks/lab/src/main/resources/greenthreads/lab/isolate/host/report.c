#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <libproc.h>
#include <mach/mach.h>
#endif

int report_fd = -1;
int report_lost;
static int probe[2] = {-1, -1}; /* a pipe: the kernel says whether memory can be read */
uintptr_t library_base, text_low, text_high;
struct stack stacks[STACKS_MAX];
volatile unsigned stack_count;
static char line[4096];
static size_t line_length;

void flush_line(void) {
    size_t done = 0;
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

int prepare_report(void) {
    if (pipe(probe) != 0) {
        return -1;
    }
    for (int i = 0; i < 2; i++) { /* out of the way of what the function opens */
        int high = fcntl(probe[i], F_DUPFD_CLOEXEC, 200);
        if (high >= 0) {
            close(probe[i]);
            probe[i] = high;
        }
        fcntl(probe[i], F_SETFL, O_NONBLOCK);
    }
    return 0;
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

int put_caller(uintptr_t address) {
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
void put_callers(uintptr_t sp) {
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

void put_stacks(void) {
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
