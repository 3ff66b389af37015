#include "tracer.h"

#if defined(__linux__)

#include "frames.h"
#include "report.h"
#include "names.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

/* What a runner that is to be traced tells its watcher; null if there is no trace. */
static struct traced {
    uintptr_t base, text_low, text_high;
} *traced;

/* Nothing runs in the runner for a trace, and until a traced function is entered it runs at full
 * speed. The trace is lines of a word and its values, numbers in hexadecimal:
 *     enter N                 a traced function is entered, the N-th on the command line
 *     state CODE              the next instruction's bytes; then its registers, and what memory
 *     reg NAME VALUE          holds that it did not hold before
 *     region LOW HIGH N BYTES memory from now on watched: argument N's, or (N = ffff) around sp
 *     maybe LOW HIGH N BYTES  the same, of memory that a register leads to
 *     stack LOW HIGH          sp has come to a stack that lab_stack has named
 *     write ADDRESS VALUE     a word of watched memory has changed
 *     through ADDRESS         a call of code outside the library; it runs on its own until there
 *     leave                   the last state is the first one outside the function
 *     cut WHY                 there would have been more
 */

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
    enum { WAITING, RUNNING, STEPPING, THROUGH, FINISHED } state;
    const struct breakpoint *function;       /* that is being stepped */
    uintptr_t call_returns_to;               /* 0: not in a call that the function made */
    struct region regions[REGIONS_MAX];
    unsigned region_count;
    uintptr_t stack_low, stack_high;         /* the latest one that has a name */
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

/* Word by word: slow, but allowed wherever ptrace is. */
static size_t peek_words(pid_t runner, uintptr_t from, void *to, size_t size) {
    size_t done = 0;
    while (done < size) {
        uintptr_t start = (from + done) & ~(uintptr_t)7;
        errno = 0;
        long word = ptrace(PTRACE_PEEKDATA, runner, (void *)start, NULL);
        if (errno != 0) {
            break;
        }
        size_t skip = from + done - start;
        size_t step = sizeof word - skip < size - done ? sizeof word - skip : size - done;
        memcpy((char *)to + done, (char *)&word + skip, step);
        done += step;
    }
    return done;
}

/* As much as can be read, up to the first page that cannot. Some containers allow ptrace and not
 * process_vm_readv. */
static size_t peek(pid_t runner, uintptr_t from, void *to, size_t size) {
    size_t done = 0;
    while (done < size) {
        size_t step = 4096 - ((from + done) & 4095);
        if (step > size - done) {
            step = size - done;
        }
        struct iovec local = {(char *)to + done, step};
        struct iovec remote = {(void *)(from + done), step};
        ssize_t copied = process_vm_readv(runner, &local, 1, &remote, 1, 0);
        if (copied < 0 && errno != EFAULT) {
            return done + peek_words(runner, from + done, (char *)to + done, size - done);
        }
        if (copied != (ssize_t)step) {
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

/* Where the stack ends: it is often in the middle of memory that holds other things too. */
static void trace_stack(pid_t runner, uintptr_t sp) {
    unsigned count = 0;
    if (sp >= tracer.stack_low && sp <= tracer.stack_high) {
        return;
    }
    peek(runner, (uintptr_t)&stack_count, &count, sizeof count);
    for (unsigned i = 0; i < count && i < STACKS_MAX; i++) {
        struct stack one;
        if (peek(runner, (uintptr_t)&stacks[i], &one, sizeof one) == sizeof one && one.low < one.high
            && sp >= one.low && sp <= one.high) {
            tracer.stack_low = one.low;
            tracer.stack_high = one.high;
            trace_text("stack %llx %llx\n", (unsigned long long)one.low, (unsigned long long)one.high);
            return;
        }
    }
}

static void trace_state(pid_t runner, const struct machine *machine) {
    unsigned char code[16] = {0};
    size_t size = peek(runner, machine->pc, code, sizeof code);
    trace_text("state ");
    trace_bytes(code, size);
    trace_registers(machine);
    trace_writes(runner);
    trace_stack(runner, machine->sp);
    if (region_at(machine->sp) == NULL) {
        watch_around(runner, "region", machine->sp);
    }
}

static void trace_cut(const char *why) {
    trace_text("cut %s\n", why);
    tracer.state = FINISHED;
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
void on_stop(pid_t runner, int number) {
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
    } else if (number == SIGTRAP && tracer.state != FINISHED && get_machine(runner, &machine) == 0) {
        request = tracer.state == STEPPING ? stepped(runner, &machine) : hit(runner, &machine);
        number = request < 0 ? SIGTRAP : 0;
        request = request < 0 ? PTRACE_CONT : request;
    } else if (tracer.state == STEPPING || tracer.state == THROUGH) {
        disarm(runner, &tracer.back);
        trace_cut(signal_name(number));
    }
    ptrace(request, runner, NULL, (void *)(uintptr_t)number);
}

void send_trace(void) {
    for (size_t done = 0; done < tracer.length;) {
        size_t size = tracer.length - done;
        if (size > FRAME_MAX) {
            size = FRAME_MAX;
        }
        memcpy(frame_bytes, tracer.text + done, size);
        begin_frame('t', size);
        if (send_frame() < 0) {
            return;
        }
        done += size;
    }
}

void offer_trace(void) {
    if (traced == NULL) {
        return;
    }
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
    put_maps(); /* what the stack shows afterwards are addresses of this process */
}

int ask_for_trace(char **words, int count, const struct argument *arguments,
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

void on_stop(pid_t runner, int number) {
    (void)runner;
    (void)number;
}

void offer_trace(void) {
}

void send_trace(void) {
}

int ask_for_trace(char **words, int count, const struct argument *arguments,
                         unsigned argument_count) {
    (void)words;
    (void)count;
    (void)arguments;
    (void)argument_count;
    return -1;
}

#endif
