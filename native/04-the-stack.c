/*
 * 04-the-stack.c: the memory that a function runs on, looked at from outside.
 *
 * Functions run on a stack that the caller owns, by the swap of chapter 03, so
 * that the caller can read every byte of it before and afterwards.
 *
 * Alone:  cc -std=c17 -O2 -DMAIN 04-the-stack.c -o demo && ./demo
 */
#define _GNU_SOURCE /* Linux: mincore, MAP_NORESERVE, the registers in a ucontext */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/arch.h"
#include "arch/watch.h"

enum {
    /* printf needs a few KiB the first time, when the dynamic linker looks it
       up, and a signal may want its frame on top of that. */
    SMALLEST_STACK = 16 * 1024,

    /* An untouched byte of a new stack holds this. */
    PAINT = 0xa5,
};

/* What can go wrong, as the functions below return it. */
enum {
    DONE = 0,
    NO_STACK = -1,         /* a null pointer in place of memory */
    STACK_TOO_SMALL = -2,  /* less than SMALLEST_STACK bytes */
    OUT_OF_MEMORY = -3,    /* the system had none to give */
    NO_SUCH_FUNCTION = -4, /* nothing in the table has this number */
    NO_GUARD = -5,         /* the system does not forbid memory in this way */
    NOT_SHOWN = -6,        /* the system does not show what was asked for */
};

/* AddressSanitizer is a checker that compilers build in on demand. It objects
   when a function reads memory of another one's frame. Here some functions do
   so on purpose; they say it with this word, and it lets them. */
#define LOOKS_AT_STACKS __attribute__((no_sanitize("address"), noinline))

/* ---------------------------------------------------------------------------
 * Bytes and words
 */

/* The nearest multiple of `alignment`, a power of two, at or below `address`. */
uint64_t align_down(uint64_t address, uint64_t alignment) {
    return address & ~(alignment - 1);
}

/* The nearest multiple of `alignment`, a power of two, at or above `address`. */
uint64_t align_up(uint64_t address, uint64_t alignment) {
    return align_down(address + alignment - 1, alignment);
}

/* The byte that lies `index` bytes above the lowest one of `word` in memory,
   0 to 7. On a little-endian machine byte 0 is the least significant one. */
int byte_of_word(uint64_t word, int index) {
    unsigned char bytes[sizeof word];

    memcpy(bytes, &word, sizeof word);
    return bytes[index & 7];
}

/* The eight bytes from `memory` on, as one number. */
uint64_t word_at(const void *memory) {
    uint64_t word;

    memcpy(&word, memory, sizeof word);
    return word;
}

/* Prints `size` bytes from `low` on, one a line, the highest address first. */
void print_bytes(const void *low, size_t size) {
    const unsigned char *bytes = low;

    for (size_t i = size; i-- > 0;)
        printf("mem: %p, val: %d\n", (const void *)&bytes[i], bytes[i]);
}

/* ---------------------------------------------------------------------------
 * Functions to run on a stack
 *
 * Each takes no arguments and returns nothing, so what they find out goes into
 * variables of this file. One run at a time: nothing here is made for two.
 */

static void nothing(void) {
}

static void hello(void) {
    printf("I LOVE WAKING UP ON A NEW STACK!\n");
}

/* Prints into memory, so that a run shows on its stack and nowhere else. */
static void format_integer(void) {
    char line[32];

    snprintf(line, sizeof line, "%d", 42);
}

static void format_float(void) {
    char line[32];

    snprintf(line, sizeof line, "%.17g", 0.1);
}

/* 64 words that nobody can mistake: 0x1111111111111100 to …113f. */
static void recognizable(void) {
    volatile uint64_t words[64];

    for (uint64_t i = 0; i < 64; i++)
        words[i] = UINT64_C(0x1111111111111100) + i;
    (void)words[0];
}

static volatile long depth = 1;

/* Calls itself until `left` is used up. Each call has a frame of its own, and
   the compiler can make no loop of it: the local variable is really there. */
__attribute__((noinline)) static long deeper(long left) {
    volatile long here = left;

    if (left > 1)
        deeper(left - 1);
    return here;
}

static void recurse(void) {
    deeper(depth);
}

/* How many frames deep `recurse` goes from now on. */
void set_depth(long frames) {
    depth = frames;
}

static const struct {
    const char *name;
    void (*function)(void);
} functions[] = {
    {"nothing", nothing},
    {"hello", hello},
    {"format_integer", format_integer},
    {"format_float", format_float},
    {"recognizable", recognizable},
    {"recurse", recurse},
};

enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* The name of the function with this number, from 0 on; NULL: there is none. */
const char *function_name(int which) {
    return which >= 0 && which < FUNCTIONS ? functions[which].name : NULL;
}

/* ---------------------------------------------------------------------------
 * Running on a stack of the caller's
 */

/* What one run looked like. Addresses, and one number of bytes. */
struct run_report {
    uint64_t stack_low; /* lowest address of the stack */
    uint64_t stack_top; /* its end, rounded down to STACK_ALIGNMENT */
    uint64_t function;  /* the first forged return address, at stack_top - 32 */
    uint64_t way_home;  /* the second one, at stack_top - 24 */
    uint64_t old_sp;    /* where the old stack stood: left at stack_top - 16 */
    uint64_t new_sp;    /* what the swap put into sp: stack_top - 32 */
    uint64_t used;      /* bytes from stack_top to the lowest one written */
};

/* The slots of a forged stack, in words of eight bytes below its top. */
enum { OLD_CONTEXT = -2, WAY_HOME = -3, FUNCTION = -4 };

static uint64_t *top_of(const void *stack, size_t size) {
    return (uint64_t *)(uintptr_t)align_down((uintptr_t)stack + size, STACK_ALIGNMENT);
}

/* Fills `size` bytes of the caller's memory with paint. */
void paint(void *stack, size_t size) {
    memset(stack, PAINT, size);
}

/*
 * The high-water mark: how many bytes lie between the top of a painted stack
 * and the lowest byte that is no longer paint. A function that leaves a hole
 * in its frame is counted with the hole. (LOOKS_AT_STACKS is for a checker:
 * this function reads frames that are not its own.)
 */
LOOKS_AT_STACKS uint64_t bytes_used(const void *stack, size_t size) {
    const unsigned char *low = stack;
    const unsigned char *top = (const unsigned char *)top_of(stack, size);

    while (low < top && *low == PAINT)
        low++;
    return (uint64_t)(top - low);
}

/* Forges the stack, as chapter 03 does, swaps, and comes back. Paints nothing.
   Nobody may touch the `off_limits` bytes below the stack. */
static void swap_to(void (*function)(void), void *stack, size_t size, size_t off_limits,
                    struct run_report *report) {
    uint64_t *top = top_of(stack, size);
    struct swap_context *old = (struct swap_context *)&top[OLD_CONTEXT];
    struct swap_context new = {.sp = (uintptr_t)&top[FUNCTION]};

    top[FUNCTION] = (uintptr_t)function;
    top[WAY_HOME] = (uintptr_t)way_home;
    unsigned watch = watch_stack("the stack of chapter 04", stack, size, off_limits);
    swap(old, &new);
    unwatch_stack(watch, stack, size);
    if (report != NULL)
        *report = (struct run_report){
            .stack_low = (uintptr_t)stack,
            .stack_top = (uintptr_t)top,
            .function = (uintptr_t)function,
            .way_home = (uintptr_t)way_home,
            .old_sp = old->sp,
            .new_sp = new.sp,
            .used = bytes_used(stack, size),
        };
}

/*
 * Paints the caller's stack, runs the function with this number on it, and
 * comes back. The stack stays the caller's, with all that the run left on it.
 * *report is filled in, unless it is NULL. Returns DONE, NO_STACK,
 * STACK_TOO_SMALL or NO_SUCH_FUNCTION; of these, only DONE has written.
 */
int run_on(void *stack, size_t size, int which, struct run_report *report) {
    if (stack == NULL)
        return NO_STACK;
    if (size < SMALLEST_STACK)
        return STACK_TOO_SMALL;
    if (function_name(which) == NULL)
        return NO_SUCH_FUNCTION;

    paint(stack, size);
    swap_to(functions[which].function, stack, size, 0, report);
    return DONE;
}

/* How many bytes of a stack the function with this number uses, from its
   top. The first run in a process may need more than later ones. Returns one
   of the errors above instead, or OUT_OF_MEMORY. */
long stack_used_by(int which) {
    enum { SIZE = 256 * 1024 };
    struct run_report report;

    void *stack = malloc(SIZE);
    if (stack == NULL)
        return OUT_OF_MEMORY;
    int result = run_on(stack, SIZE, which, &report);
    free(stack);
    return result == DONE ? (long)report.used : result;
}

/* The least that run_on accepts, in bytes. */
size_t smallest_stack(void) {
    return SMALLEST_STACK;
}

/* ---------------------------------------------------------------------------
 * Frames
 */

/* One frame, as it was while its function ran. */
struct frame {
    uint64_t base;           /* where the frame pointer pointed */
    uint64_t caller;         /* the word there: where the caller's points */
    uint64_t return_address; /* the word above it */
    uint64_t local;          /* the address of a local variable of it */
};

enum { FRAMES = 3 };
static struct frame frames[FRAMES]; /* innermost first */

/* __builtin_frame_address makes the compiler keep a frame pointer in the
   function that asks. There lies a chain of pairs, the caller's frame pointer
   and the return address; on RISC-V not there, but right below. */
#define NOTE_FRAME(index, variable)                                                                \
    note_frame(&frames[index], __builtin_frame_address(0), (const void *)&(variable))

LOOKS_AT_STACKS static void note_frame(struct frame *out, const void *base, const void *local) {
    *out = (struct frame){
        .base = (uintptr_t)base,
        .caller = word_at((const char *)base + FRAME_PAIR),
        .return_address = word_at((const char *)base + FRAME_PAIR + 8),
        .local = (uintptr_t)local,
    };
}

__attribute__((noinline)) static long innermost(long value) {
    volatile long local = value;

    NOTE_FRAME(0, local);
    return local + 1;
}

__attribute__((noinline)) static long middle(long value) {
    volatile long local = value;

    NOTE_FRAME(1, local);
    return innermost(local + 1) + 1;
}

__attribute__((noinline)) static long outermost(long value) {
    volatile long local = value;

    NOTE_FRAME(2, local);
    return middle(local + 1) + 1;
}

static void call_three_deep(void) {
    outermost(40);
}

/*
 * Runs three functions that call one another on the caller's stack, and stores
 * their frames in out[0] (the innermost) to out[2]. Returns how many of them
 * the chain of frame pointers leads through, from the innermost on: 3, if
 * everybody kept to the layout. Or an error, as run_on.
 */
int three_frames(void *stack, size_t size, struct frame *out) {
    if (stack == NULL)
        return NO_STACK;
    if (size < SMALLEST_STACK)
        return STACK_TOO_SMALL;
    paint(stack, size);
    swap_to(call_three_deep, stack, size, 0, NULL);
    memcpy(out, frames, sizeof frames);

    int linked = 1;
    while (linked < FRAMES && frames[linked - 1].caller == frames[linked].base)
        linked++;
    return linked;
}

/* ---------------------------------------------------------------------------
 * The red zone
 */

/* What a leaf function and a signal did to the memory below sp. */
struct red_zone_report {
    uint64_t size;        /* RED_ZONE: what the ABI grants */
    uint64_t sp;          /* in the leaf, all the time */
    uint64_t local;       /* the address of its lowest local variable */
    uint64_t signal_sp;   /* sp as the system handed it to the handler */
    uint64_t signal_high; /* the highest byte written below the red zone */
    uint64_t survived;    /* 1 if the local variables were still right */
};

static struct red_zone_report red_zone_seen;

/* Runs on the stack of the leaf, below whatever the system has put there. */
static void on_trap(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)info;
    red_zone_seen.signal_sp = SIGNAL_SP(context);
    SIGNAL_PC(context) += TRAP_LENGTH;
}

/* Many compilers add a check to each function with an array, and with it a call.
   Such a function is no leaf; here the check is left out, where that can be said. */
#if defined __has_attribute
#if __has_attribute(no_stack_protector)
#define A_LEAF __attribute__((noinline, no_stack_protector))
#endif
#endif
#if !defined A_LEAF
#define A_LEAF __attribute__((noinline))
#endif

/* A leaf: it calls nothing, so the compiler need not move sp for its local
   variables where the ABI has a red zone. In the middle of it a signal comes. */
A_LEAF static uint64_t leaf(volatile uint64_t *lowest) {
    volatile uint64_t local[4];
    uint64_t sp;

    for (uint64_t i = 0; i < 4; i++)
        local[i] = UINT64_C(0x1eaf000000000000) + i;
    READ_SP(sp);
    *lowest = (uintptr_t)&local[0];
    TRAP();
    for (uint64_t i = 0; i < 4; i++)
        if (local[i] != UINT64_C(0x1eaf000000000000) + i)
            return 0;
    return sp;
}

static void interrupt_a_leaf(void) {
    uint64_t sp = leaf(&red_zone_seen.local);

    red_zone_seen.sp = sp != 0 ? sp : red_zone_seen.signal_sp;
    red_zone_seen.survived = sp != 0;
}

/*
 * Runs a leaf function on the caller's stack, and interrupts it by a signal
 * whose handler runs on the same stack. Takes SIGTRAP for as long as it runs,
 * which a debugger uses too: better in a process of its own. Returns DONE, or
 * an error as run_on.
 */
LOOKS_AT_STACKS int red_zone(void *stack, size_t size, struct red_zone_report *report) {
    struct sigaction trap = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO}, before;

    if (stack == NULL)
        return NO_STACK;
    if (size < SMALLEST_STACK)
        return STACK_TOO_SMALL;
    paint(stack, size);
    sigemptyset(&trap.sa_mask);
    sigaction(SIGTRAP, &trap, &before);
    red_zone_seen = (struct red_zone_report){.size = RED_ZONE};
    swap_to(interrupt_a_leaf, stack, size, 0, NULL);
    sigaction(SIGTRAP, &before, NULL);

    const unsigned char *low = stack;
    const unsigned char *high = low + (red_zone_seen.sp - (uintptr_t)low) - RED_ZONE - 1;
    while (high > low && *high == PAINT)
        high--;
    red_zone_seen.signal_high = (uintptr_t)high;
    *report = red_zone_seen;
    return DONE;
}

/* ---------------------------------------------------------------------------
 * Sizes, and what a large reservation costs
 */

/* What is reserved just now: nothing else is ever released. */
struct reservation {
    void *memory;
    size_t size;
    struct reservation *next;
};

static struct reservation *reservations;

/* `size` bytes of address space, readable and writable, from the system; NULL
   if it refuses. They are the caller's, until release. */
void *reserve(size_t size) {
    struct reservation *mine = malloc(sizeof *mine);
    void *memory = MAP_FAILED;

    if (mine != NULL)
        memory =
            mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        free(mine);
        return NULL;
    }
    *mine = (struct reservation){memory, size, reservations};
    reservations = mine;
    return memory;
}

/* Gives back what reserve gave, as a whole. With another size, or anywhere else,
   this would take memory from somebody who is using it. */
void release(void *memory, size_t size) {
    struct reservation **at = &reservations;

    while (*at != NULL && ((*at)->memory != memory || (*at)->size != size))
        at = &(*at)->next;
    struct reservation *found = *at;
    if (found == NULL) {
        fprintf(stderr, "Not released: at %p no %zu bytes are reserved.\n", memory, size);
        return;
    }
    *at = found->next;
    free(found);
    munmap(memory, size);
}

/* The size of a page of memory, in bytes. */
size_t page_size(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* How many bytes of `size`, from `memory` at the beginning of a page, are
   really in memory: only the pages that somebody has touched. */
long resident(void *memory, size_t size) {
    size_t pages = align_up(size, page_size()) / page_size();
    unsigned char *in_memory = malloc(pages);
    long bytes = OUT_OF_MEMORY;

    if (in_memory != NULL && mincore(memory, size, (void *)in_memory) == 0) {
        bytes = 0;
        for (size_t i = 0; i < pages; i++)
            bytes += in_memory[i] & 1 ? (long)page_size() : 0;
    }
    free(in_memory);
    return bytes;
}

/* ---------------------------------------------------------------------------
 * A guard page
 */

/* Ways to make a guard page, weakest first. */
enum {
    GUARD_NONE = 0,
    GUARD_MPROTECT = 1, /* takes the page's permissions: every system has it */
    GUARD_INSTALL = 2,  /* a mark in the page table: Linux 6.13 and newer */
};

#if defined __linux__ && !defined MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* older headers do not know it yet */
#endif

/* Makes `size` bytes at `low`, whole pages, such that any access faults.
   Returns whether the system did it. */
static int guard_memory(void *low, size_t size, int guard) {
    switch (guard) {
    case GUARD_NONE:
        return 1;
    case GUARD_MPROTECT:
        return mprotect(low, size, PROT_NONE) == 0;
#if defined __linux__
    case GUARD_INSTALL:
        return madvise(low, size, MADV_GUARD_INSTALL) == 0;
#endif
    default:
        return 0;
    }
}

/* A stack with a guard page below it. The memory is the system's. */
struct stack {
    uint64_t low;   /* lowest usable byte */
    uint64_t size;  /* usable bytes, whole pages */
    uint64_t guard; /* bytes of guard page below `low`; 0: none */
};

/* Makes a stack of at least `size` bytes, with a guard page of the given way. Returns
   DONE, OUT_OF_MEMORY or NO_GUARD; only after DONE is *out to be freed. */
int new_stack(size_t size, int guard, struct stack *out) {
    size_t page = page_size();

    size = align_up(size, page);
    char *memory = reserve(page + size);
    if (memory == NULL)
        return OUT_OF_MEMORY;
    if (!guard_memory(memory, page, guard)) {
        release(memory, page + size);
        return NO_GUARD;
    }
    *out = (struct stack){
        .low = (uintptr_t)memory + page,
        .size = size,
        .guard = guard == GUARD_NONE ? 0 : page,
    };
    return DONE;
}

/* Gives the stack back, with its guard page. */
void free_stack(const struct stack *stack) {
    size_t page = page_size();

    release((void *)(uintptr_t)(stack->low - page), page + stack->size);
}

/* Whether nobody may touch this byte: the system itself is asked to read it. */
static bool is_guarded(const char *at) {
    int ends[2];

    if (pipe(ends) != 0)
        return false;
    bool refused = write(ends[1], at, 1) < 0;
    close(ends[0]);
    close(ends[1]);
    return refused;
}

/* The best way that this system has. An emulator may take the mark for mere advice, and say
   that it has made one: so it is tried. */
int best_guard(void) {
    struct stack stack;

    for (int guard = GUARD_INSTALL; guard > GUARD_NONE; guard--)
        if (new_stack(1, guard, &stack) == DONE) {
            bool works = is_guarded((const char *)(uintptr_t)(stack.low - 1));
            free_stack(&stack);
            if (works)
                return guard;
        }
    return GUARD_NONE;
}

/*
 * Recurses `frames` deep on a stack of `size` bytes with a guard page. Where they
 * do not fit, it walks into that page and the process gets its signal, without a
 * byte written outside: call it in a process of its own. Returns how many bytes
 * were used if they did fit, or an error.
 */
long overflow(size_t size, long frames, int guard) {
    struct stack stack;
    struct run_report report;

    if (size < SMALLEST_STACK)
        return STACK_TOO_SMALL;
    int result = new_stack(size, guard, &stack);
    if (result != DONE)
        return result;
    void *low = (void *)(uintptr_t)stack.low;
    paint(low, stack.size);
    set_depth(frames);
    swap_to(recurse, low, stack.size, stack.guard, &report);
    free_stack(&stack);
    return (long)report.used;
}

/* What the system keeps for guard pages, beside the addresses. */
struct guard_bill {
    uint64_t page_tables; /* bytes of page tables */
    uint64_t mappings;    /* pieces of memory that it keeps a list of */
};

/* Both as they are now, from /proc, as only Linux has it; 0 elsewhere. */
static struct guard_bill bill_now(void) {
    struct guard_bill bill = {0, 0};
    unsigned long long kib;
    char line[512];

    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "VmPTE: %llu kB", &kib) == 1)
            bill.page_tables = 1024 * kib;
    if (status != NULL)
        fclose(status);
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        bill.mappings += strchr(line, '\n') != NULL;
    if (maps != NULL)
        fclose(maps);
    return bill;
}

/*
 * Makes `count` guard pages, the first page of every `apart` bytes, and stores in
 * *bill what they cost the system; then gives all of it back. Returns DONE,
 * OUT_OF_MEMORY, NO_GUARD, or NOT_SHOWN where there is nothing to read it from.
 */
int price_guards(size_t count, size_t apart, int guard, struct guard_bill *bill) {
    char *memory = reserve(count * apart);
    if (memory == NULL)
        return OUT_OF_MEMORY;

    bill_now(); /* the first look costs something itself */
    struct guard_bill before = bill_now();
    int result = before.mappings == 0 ? NOT_SHOWN : DONE;
    for (size_t i = 0; i < count && result == DONE; i++)
        if (!guard_memory(memory + i * apart, page_size(), guard))
            result = NO_GUARD;
    struct guard_bill after = bill_now();
    *bill = (struct guard_bill){
        .page_tables = after.page_tables - before.page_tables,
        .mappings = after.mappings - before.mappings,
    };
    release(memory, count * apart);
    return result;
}

/* ---------------------------------------------------------------------------
 * Why a stack must not move
 */

/* A stack and a copy of it, taken while a function was running on it. */
struct move_report {
    uint64_t variable;        /* the address of the function's variable */
    uint64_t pointer;         /* the address of its pointer to that variable */
    uint64_t copied_variable; /* the same two in the copy: as far from its low */
    uint64_t copied_pointer;
    uint64_t pointer_value;        /* what the pointer holds, in the stack … */
    uint64_t copied_pointer_value; /* … and in the copy */
    uint64_t into_stack;           /* words of that frame's copy that point into the stack … */
    uint64_t into_copy;            /* … and into the copy */
};

static struct {
    void *stack;
    void *copy;
    size_t size;
    struct move_report report;
} move;

/* Copies a stack while a function runs on it: byte by byte, since memcpy
   would have AddressSanitizer check each frame for what is off limits. */
LOOKS_AT_STACKS static void copy_stack(void) {
    const volatile unsigned char *from = move.stack;
    volatile unsigned char *to = move.copy;

    for (size_t i = 0; i < move.size; i++)
        to[i] = from[i];
}

LOOKS_AT_STACKS static void hold_a_pointer(void) {
    volatile uint64_t variable = 42;
    volatile uint64_t *volatile pointer = &variable;

    move.report.variable = (uintptr_t)&variable;
    move.report.pointer = (uintptr_t)&pointer;
    copy_stack();
    *pointer += 1; /* and so the variable is in use until here */
}

/* Counts the words from `from` to `end` that are addresses within `size` bytes
   of `low`. */
static uint64_t words_into(const void *low, size_t size, const char *from, const char *end) {
    uint64_t found = 0;

    for (; from + 8 <= end; from += 8)
        found += word_at(from) - (uintptr_t)low < size;
    return found;
}

/*
 * Runs a function on the caller's stack that holds a pointer to a variable of
 * its own, and copies the stack into the caller's `copy`, of the same size,
 * while it runs. Returns DONE, or an error as run_on.
 */
LOOKS_AT_STACKS int copy_while_running(void *stack, void *copy, size_t size,
                                       struct move_report *report) {
    if (stack == NULL || copy == NULL)
        return NO_STACK;
    if (size < SMALLEST_STACK)
        return STACK_TOO_SMALL;
    paint(stack, size);
    move.stack = stack;
    move.copy = copy;
    move.size = size;
    swap_to(hold_a_pointer, stack, size, 0, NULL);
    now_data(copy, size);

    struct move_report *r = &move.report;
    r->copied_variable = r->variable - (uintptr_t)stack + (uintptr_t)copy;
    r->copied_pointer = r->pointer - (uintptr_t)stack + (uintptr_t)copy;
    r->pointer_value = word_at((const void *)(uintptr_t)r->pointer);
    r->copied_pointer_value = word_at((const void *)(uintptr_t)r->copied_pointer);
    bool first = r->copied_variable < r->copied_pointer;
    const char *end = (const char *)copy + size;
    const char *frame =
        (const char *)copy + ((first ? r->copied_variable : r->copied_pointer) - (uintptr_t)copy);
    r->into_stack = words_into(stack, size, frame, end);
    r->into_copy = words_into(copy, size, frame, end);
    *report = *r;
    return DONE;
}

#ifdef MAIN
static void show_bytes(void) {
    printf("0x1122334455667788 in memory:");
    for (int i = 0; i < 8; i++)
        printf(" %02x", (unsigned)byte_of_word(0x1122334455667788, i));
    printf("\n0x1237 aligned to 16: down 0x%llx, up 0x%llx\n",
           (unsigned long long)align_down(0x1237, 16), (unsigned long long)align_up(0x1237, 16));
}

static void show_use(void) {
    for (int which = 0; function_name(which) != NULL; which++)
        printf("%-15s uses %ld bytes\n", function_name(which), stack_used_by(which));

    const int recurse = FUNCTIONS - 1;
    set_depth(100);
    long shallow = stack_used_by(recurse);
    set_depth(200);
    printf("a frame of the recursion: %ld bytes\n", (stack_used_by(recurse) - shallow) / 100);
}

static void show_top(void *stack, size_t size) {
    struct run_report report;

    run_on(stack, size, 0, &report);
    const char *top = (const char *)(uintptr_t)report.stack_top;
    printf("at the top, afterwards: way home %s, old sp %s\n",
           word_at(top - 24) == report.way_home ? "there" : "gone",
           word_at(top - 16) == report.old_sp ? "there" : "gone");
}

static void show_frames(void *stack, size_t size) {
    struct frame seen[FRAMES];

    int linked = three_frames(stack, size, seen);
    printf("frames linked by their frame pointers: %d\n", linked);
    printf("the innermost is the lowest: %s\n",
           seen[0].base < seen[1].base && seen[1].base < seen[2].base ? "yes" : "no");
}

static void show_red_zone(void *stack, size_t size) {
    struct red_zone_report seen;

    red_zone(stack, size, &seen);
    long distance = (long)(seen.sp - seen.local);
    printf("red zone: %d bytes; a leaf's variables begin %ld bytes %s sp\n", RED_ZONE,
           distance < 0 ? -distance : distance, distance < 0 ? "above" : "below");
    printf("the signal's frame begins %ld bytes below sp; the variables survived: %s\n",
           (long)(seen.sp - seen.signal_high), seen.survived ? "yes" : "no");
}

static void show_reservation(void) {
    const size_t size = (size_t)1 << 30;
    char *memory = reserve(size);

    if (memory == NULL) {
        printf("no address space left\n");
        return;
    }
    long before = resident(memory, size);
    memory[size / 2] = 1;
    printf("1 GiB reserved: %ld bytes in memory, after one byte was written %ld pages\n", before,
           (resident(memory, size) - before) / (long)page_size());
    release(memory, size);
}

static void show_move(void *stack, void *copy, size_t size) {
    struct move_report seen;

    copy_while_running(stack, copy, size, &seen);
    printf("the copied pointer points to %s variable\n",
           seen.copied_pointer_value == seen.variable          ? "the old stack's"
           : seen.copied_pointer_value == seen.copied_variable ? "the copy's"
                                                               : "no");
    printf("pointers into the copy: %llu\n", (unsigned long long)seen.into_copy);
}

int main(void) {
    enum { SIZE = 64 * 1024 };
    char *memory = malloc(2 * SIZE);

    if (memory == NULL)
        return 1;
    show_bytes();
    show_use();
    show_top(memory, SIZE);
    show_frames(memory, SIZE);
    show_red_zone(memory, SIZE);
    show_reservation();
    printf("1000 frames on a stack of 256 KiB with a guard page: %s\n",
           overflow(256 * 1024, 1000, best_guard()) > 0 ? "fit" : "no");
    show_move(memory, memory + SIZE, SIZE);
    free(memory);
    return 0;
}
#endif
