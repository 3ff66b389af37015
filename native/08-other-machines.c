/*
 * 08-other-machines.c: what one machine asks for and another does not.
 *
 * What is different from machine to machine stands in arch/, in a file for each.
 * Here are the few things that can be seen of it from outside: the numbers that
 * an ABI is made of, two moves of 128 bits that are not alike, and the words of
 * a new stack on Windows, as the book forges them and as we do.
 *
 * Alone:  cc -std=c17 -O2 -DMAIN 08-other-machines.c -o demo && ./demo
 */
#define _GNU_SOURCE /* Linux: MAP_NORESERVE, MAP_STACK */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <windows.h>

#include "arch/windows-memory.h"
#else
#include <pthread.h>
#include <sys/mman.h>
#endif

#include "arch/arch.h"
#include "arch/watch.h"

/* What can go wrong, as the functions below return it. */
enum {
    DONE = 0,
    OUT_OF_MEMORY = -1,
    NO_SUCH_MAKER = -2, /* the number of no maker of stacks */
    TOO_SMALL = -3,     /* a stack, or the memory for words of it */
};

/* ---------------------------------------------------------------------------
 * 128 bits at once
 *
 * Two instructions that load 128 bits. One insists on an address that is a
 * multiple of 16, the other takes any.
 *
 *                insists    takes any
 *     x86-64     movaps     movups
 *     AArch64    ldxp       ldp          ldxp is for memory that is shared: if
 *                                        the stxp that follows succeeds, both
 *                                        halves were of one moment
 *     RISC-V     none, and none: a register has 64 bits
 */

/* clang-format off */
#if defined __x86_64__
#define INSISTS "movaps"
#define TAKES_ANY "movups"
#define COPY(instruction)                                                      \
    "   " instruction "  xmm0, [" STRING(REGISTER_ARGUMENT_2) "]\n"            \
    "   movups  [" STRING(REGISTER_ARGUMENT_1) "], xmm0\n"
#elif defined __aarch64__
#define INSISTS "ldxp"
#define TAKES_ANY "ldp"
#define COPY(instruction)                                                      \
    "   " instruction "  x9, x10, [x1]\n"                                      \
    "   stp     x9, x10, [x0]\n"
#else
#define INSISTS NULL
#define TAKES_ANY NULL
#define COPY(instruction)                                                      \
    "   ld      t0, 0x00(a1)\n"                                                \
    "   ld      t1, 0x08(a1)\n"                                                \
    "   sd      t0, 0x00(a0)\n"                                                \
    "   sd      t1, 0x08(a0)\n"
#endif

/* Copies 16 bytes. The first one faults unless `from` is a multiple of 16. */
void copy_insisting(void *to, const void *from);
void copy_from_any(void *to, const void *from);

__asm__(ASM_FUNCTION(copy_insisting)
    COPY(INSISTS)
    "   ret                             \n"
    ASM_END(copy_insisting)
);

__asm__(ASM_FUNCTION(copy_from_any)
    COPY(TAKES_ANY)
    "   ret                             \n"
    ASM_END(copy_from_any)
);
/* clang-format on */

/* Its name; NULL where the machine has no such instruction. */
const char *instruction_128(int insists) {
    return insists ? INSISTS : TAKES_ANY;
}

/* Copies 16 of the bytes of an array of words 1, 2, 3 …, from `offset` on. The
   array is at a multiple of 16. Returns the first word of the copy. */
uint64_t copy_128(int insists, int offset) {
    static _Alignas(16) const uint64_t words[] = {1, 2, 3, 4};
    uint64_t copy[2];
    const char *from = (const char *)words + (unsigned)offset % 17;

    if (insists)
        copy_insisting(copy, from);
    else
        copy_from_any(copy, from);
    return copy[0];
}

/* ---------------------------------------------------------------------------
 * A new stack on Windows
 */

/* Three addresses that the words of a new stack hold. Nobody calls these. */
void the_function(void) {
}
void the_skip(void) {
}
void the_guard(void) {
}

/* Where they lie, and where the system is told that the stack is: counted from
   the stack's lowest byte. */
struct places {
    int64_t function, skip, guard;
    int64_t base, limit;
};

enum { BOOK_2022, OURS, MAKERS };

/* Who puts them there; NULL behind the last. */
const char *maker_name(int maker) {
    static const char *const names[MAKERS] = {"the book, 2022", "ours"};
    return maker >= 0 && maker < MAKERS ? names[maker] : NULL;
}

/* The arithmetic of both, for a stack of `size` bytes. The book's spawn for
   Windows adds the size to the lowest address, which gives the top, and then
   adds it once more, for each of the words; the two limits are one address. */
int find_places(int maker, int64_t size, struct places *out) {
    int64_t top = size & ~INT64_C(15);

    if (size < 4096)
        return TOO_SMALL;
    if (maker == BOOK_2022)
        *out = (struct places){top + size - 32, top + size - 24, top + size - 16, top, top};
    else if (maker == OURS)
        *out = (struct places){top - 0x60, top - 0x58, top - 0x30, top, 0};
    else
        return NO_SUCH_MAKER;
    return DONE;
}

static void store(char *low, const struct places *at) {
    uint64_t words[] = {(uintptr_t)the_function, (uintptr_t)the_skip, (uintptr_t)the_guard};

    memcpy(low + at->function, &words[0], 8);
    memcpy(low + at->skip, &words[1], 8);
    memcpy(low + at->guard, &words[2], 8);
}

/* Reserves two stacks, the second above the first, and above them three times as
   much where there is nothing. Then spawns a thread on one of them, which means
   here: stores its three words. Returns how many words that changed in the other
   stack. */
int spawn_on(int maker, int which, long size) {
    struct places at;
    int found = find_places(maker, size, &at);
    int changed = 0;

    if (found != DONE)
        return found;
    char *stacks =
        mmap(NULL, 5 * (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stacks == MAP_FAILED)
        return OUT_OF_MEMORY;
#ifndef _WIN32 /* which gives back all of it or nothing */
    munmap(stacks + 2 * size, 3 * (size_t)size);
#endif
    unsigned first = watch_stack("the first stack", stacks, (size_t)size, 0);
    unsigned second = watch_stack("the second stack", stacks + size, (size_t)size, 0);
    store(stacks + (which ? size : 0), &at);
    const uint64_t *other = (const uint64_t *)(void *)(stacks + (which ? 0 : size));
    for (long i = 0; i < size / 8; i++)
        changed += other[i] != 0;
    unwatch_stack(first, stacks, (size_t)size);
    unwatch_stack(second, stacks + size, (size_t)size);
    munmap(stacks, 2 * (size_t)size);
    return changed;
}

/* ---------------------------------------------------------------------------
 * Home space
 */

/* The upper end of a new stack, `count` words of it: function, skip and guard at
   these distances below its end, in bytes; all else is 0. Then, if `used`, what
   a function for Windows may do to it: the four words above its return address
   are its own, and it stores 1, 2, 3 and 4 there. */
int forge_words(uint64_t *words, int count, int function, int skip, int guard, int used) {
    const int below[] = {function, skip, guard};
    const uint64_t addresses[] = {(uintptr_t)the_function, (uintptr_t)the_skip,
                                  (uintptr_t)the_guard};

    memset(words, 0, (size_t)count * 8);
    for (int i = 0; i < 3; i++) {
        if (below[i] < 8 || below[i] > count * 8 || below[i] % 8 != 0)
            return TOO_SMALL;
        words[count - below[i] / 8] = addresses[i];
    }
    for (int home = 1; used && home <= 4; home++) {
        /* The function was entered by a `ret`, which took its own word off. So
           the next one is its return address, and its home begins above that. */
        int word = count - function / 8 + 1 + home;
        if (word < count)
            words[word] = (uint64_t)home;
    }
    return DONE;
}

/* ---------------------------------------------------------------------------
 * Stack probes
 */

/* Needs some 20,000 bytes at once, which is more than a page, and touches one. */
long touch_far_below(long at) {
    volatile char room[20000];

    room[at] = 1;
    return room[at];
}

/* ---------------------------------------------------------------------------
 * A return address
 */

/* Calls somebody, and has work left afterwards: so it has to know where to
   return to itself. */
int call_and_add(int (*function)(int), int n) {
    return function(n) + n;
}

/* ---------------------------------------------------------------------------
 * Who am I
 */

static struct context home, away;
static int found_there;

/* What the system takes for the stack of this OS thread, which is all it knows
   of: on Windows by the thread information block, elsewhere by what the thread
   library noted when the OS thread began. */
static void named_by_the_system(uintptr_t *low, uintptr_t *high) {
#if defined _WIN32
    ULONG_PTR from, to;
    GetCurrentThreadStackLimits(&from, &to);
    *low = from;
    *high = to;
#elif defined __APPLE__
    *high = (uintptr_t)pthread_get_stackaddr_np(pthread_self());
    *low = *high - pthread_get_stacksize_np(pthread_self());
#else
    pthread_attr_t told;
    void *from = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &told) == 0) {
        pthread_attr_getstack(&told, &from, &size);
        pthread_attr_destroy(&told);
    }
    *low = (uintptr_t)from;
    *high = *low + size;
#endif
}

/* On a stack of our own. Does the system name it? */
static _Noreturn void look_around(void) {
    STACK_BEGINS_HERE(); /* to those who walk the stack: there is no caller */
    uintptr_t low, high;
    named_by_the_system(&low, &high);
    found_there = low <= (uintptr_t)&low && (uintptr_t)&low < high;
    switch_context(&away, &home);
    abort(); /* nobody switches here a second time */
}

/* Whether the system knows which stack is running after a switch: 1 if it does,
   0 if it names another one; below 0, see above. */
int known_to_the_system(void) {
    const size_t size = 64 * 1024;
    char *stack = malloc(size);

    if (stack == NULL)
        return OUT_OF_MEMORY;
    unsigned watch = watch_stack("look_around", stack, size, 0);
    char *top = (char *)((uintptr_t)(stack + size) & ~(uintptr_t)15);
    uint64_t *sp = (uint64_t *)(void *)(top - 0x60);
    memset(sp, 0, 0x60);
    sp[0] = (uintptr_t)look_around;
    away = new_context(sp, stack, stack + size);
    switch_context(&home, &away);
    unwatch_stack(watch, stack, size);
    free(stack);
    return found_there;
}

#ifdef MAIN
#define ONE(member) 1 +

int main(void) {
    printf("machine: %s\n", ARCH_NAME);
    printf("bits of a long: %u\n", (unsigned)sizeof(long) * 8);
    printf("arguments in registers: %d\n", ARGUMENT_REGISTERS);
    printf("sp at a call, a multiple of: %d\n", STACK_ALIGNMENT);
    printf("sp at a beginning, modulo that: %d\n", SP_AT_ENTRY);
    printf("red zone, in bytes: %d\n", RED_ZONE);
    printf("home space, in bytes: %d\n", HOME_WORDS * 8);
    printf("registers in a context, besides sp: %d\n", CONTEXT_REGISTERS(ONE) 0);
    printf("bytes of a context: %u\n", (unsigned)sizeof(struct context));
    printf("a function named f is, in assembly: %s\n", SYMBOL(f));
    printf("the system knows which stack runs: %s\n", known_to_the_system() == 1 ? "yes" : "no");
    printf("copies from 0: %d %d\n", (int)copy_128(0, 0), (int)copy_128(1, 0));
    printf("copied from 8: %d\n", (int)copy_128(0, 8));
    for (int maker = 0; maker < MAKERS; maker++)
        printf("words in the other stack, by %s: %d\n", maker_name(maker),
               spawn_on(maker, 0, 64 * 1024));
    return 0;
}
#endif
