/*
 * 03-a-single-stack-swap.c: a function that nobody calls runs on a new stack.
 *
 * The swap itself is in arch/, with a drawing of the stack that is forged here.
 *
 * Alone:  cc -std=c17 -O2 -DMAIN 03-a-single-stack-swap.c -o demo && ./demo
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "arch/watch.h"

enum {
    /* hello needs a few KiB of stack the first time, when the dynamic linker
       looks up printf, and a signal may want its frame on top of that. */
    SMALLEST_STACK = 16 * 1024,

    /* An untouched byte of a new stack holds this. */
    PAINT = 0xa5,
};

/* What can go wrong, as the functions below return it. */
enum {
    OK = 0,
    NO_STACK = -1,        /* a null pointer in place of a stack */
    STACK_TOO_SMALL = -2, /* less than SMALLEST_STACK bytes */
    OUT_OF_MEMORY = -3,   /* malloc had no stack to give */
};

/* What one swap looked like. Addresses, and one number of bytes. */
struct swap_report {
    uint64_t stack_low;   /* lowest address of the new stack */
    uint64_t stack_top;   /* its end, rounded down to STACK_ALIGNMENT */
    uint64_t function;    /* hello: the first forged return address */
    uint64_t way_home;    /* the second one */
    uint64_t sp_before;   /* in swap_on, on the old stack */
    uint64_t sp_new;      /* what swap put into sp */
    uint64_t sp_in_hello; /* as hello found it at a call, on the new stack */
    uint64_t sp_after;    /* in swap_on again */
    uint64_t used;        /* bytes from stack_top to the lowest one written */
};

/* hello takes no arguments and returns nothing, so it reports here. One swap
   at a time: nothing in this chapter is made for two. */
static uint64_t sp_in_hello;

/* The function that nobody calls. It is an ordinary one, and cannot tell. */
void hello(void) {
    sp_in_hello = stack_pointer();
    printf("I LOVE WAKING UP ON A NEW STACK!\n");
}

/* The slots of a forged stack, in words of eight bytes below its top. */
enum { OLD_CONTEXT = -2, WAY_HOME = -3, FUNCTION = -4 };

static uint64_t *top_of(const void *stack, size_t size) {
    uintptr_t end = (uintptr_t)stack + size;

    return (uint64_t *)(end & ~(uintptr_t)(STACK_ALIGNMENT - 1));
}

/*
 * Makes a stack that looks as if hello had been interrupted before its first
 * instruction: paint everywhere, two forged return addresses at the top. The
 * stack stays the caller's, who may look at it before and after the swap.
 * Returns OK, NO_STACK or STACK_TOO_SMALL; then nothing was written.
 */
int forge(void *stack, size_t size) {
    if (stack == NULL)
        return NO_STACK;
    if (size < SMALLEST_STACK)
        return STACK_TOO_SMALL;

    memset(stack, PAINT, size);
    uint64_t *top = top_of(stack, size);
    top[FUNCTION] = (uintptr_t)hello;
    top[WAY_HOME] = (uintptr_t)way_home;
    return OK;
}

/* How many bytes lie between the top and the lowest one that is not paint. */
static uint64_t bytes_used(const void *stack, size_t size) {
    const unsigned char *low = stack;
    const unsigned char *top = (const unsigned char *)top_of(stack, size);

    while (low < top && *low == PAINT)
        low++;
    return (uint64_t)(top - low);
}

/* What is known of a swap that went well: what was measured, and the rest. */
static struct swap_report report_of(struct swap_report measured, const void *stack, size_t size) {
    measured.stack_low = (uintptr_t)stack;
    measured.stack_top = (uintptr_t)top_of(stack, size);
    measured.function = (uintptr_t)hello;
    measured.way_home = (uintptr_t)way_home;
    measured.sp_in_hello = sp_in_hello;
    measured.used = bytes_used(stack, size);
    return measured;
}

/*
 * Runs hello on the caller's stack of `size` bytes and comes back. The stack
 * stays the caller's, with all that hello left on it. *report is filled in,
 * unless it is NULL. Returns OK, NO_STACK or STACK_TOO_SMALL.
 */
int swap_on(void *stack, size_t size, struct swap_report *report) {
    int refused = forge(stack, size);
    if (refused)
        return refused;

    uint64_t *top = top_of(stack, size);
    struct swap_context *old = (struct swap_context *)&top[OLD_CONTEXT];
    struct swap_context new = {.sp = (uintptr_t)&top[FUNCTION]};
    struct swap_report measured = {.sp_new = new.sp};

    unsigned watch = watch_stack("the new stack", stack, size, 0); // see watch.h
    measured.sp_before = stack_pointer();
    swap(old, &new);
    measured.sp_after = stack_pointer();
    unwatch_stack(watch, stack, size);

    if (report != NULL)
        *report = report_of(measured, stack, size);
    return OK;
}

/* swap_on, on a stack from malloc that is freed before this returns: the
   report's addresses are then only numbers. Also returns OUT_OF_MEMORY. */
static int swap_on_fresh(size_t size, struct swap_report *report) {
    void *stack = malloc(size);
    if (stack == NULL)
        return OUT_OF_MEMORY;

    int result = swap_on(stack, size, report);
    free(stack);
    return result;
}

/* Runs hello once on a new stack of `size` bytes. Returns OK,
   STACK_TOO_SMALL or OUT_OF_MEMORY. */
int swap_once(size_t size) {
    return swap_on_fresh(size, NULL);
}

/* Runs hello once on a new stack of `size` bytes. Returns how many of them it
   used, counted from the top; or STACK_TOO_SMALL or OUT_OF_MEMORY. The first
   run in a process needs more than the later ones. */
long stack_used_by_hello(size_t size) {
    struct swap_report report;
    int result = swap_on_fresh(size, &report);

    return result == OK ? (long)report.used : result;
}

/* The least that the functions above accept, in bytes. */
size_t smallest_stack(void) {
    return SMALLEST_STACK;
}

/* ---------------------------------------------------------------------------
 * For the exercises: a reader's cell replaces forge_below or forge_two, and the
 * check asks the functions behind them. Nothing else in the chapter does.
 */

/* 03.1: puts hello and way_home into slots below top; returns what swap loads. */
static uint64_t *forge_below(uint64_t *top) {
    return top;
}

/* Forges, and runs nothing: the addresses to look for go to names[0] and [1].
   Returns how many bytes below the top sp would be. */
long look_below(void *stack, size_t size, uint64_t *names) {
    names[0] = (uintptr_t)hello;
    names[1] = (uintptr_t)way_home;
    return (intptr_t)top_of(stack, size) - (intptr_t)forge_below(top_of(stack, size));
}

/* Forges, swaps, and returns sp as hello found it. The old stack pointer is kept
   in the slot above way_home, wherever that is. */
uint64_t wake_up(void *stack, size_t size) {
    struct swap_context new = {.sp = (uintptr_t)forge_below(top_of(stack, size))};

    swap((struct swap_context *)(new.sp + 16), &new);
    return sp_in_hello;
}

/* What ran, in its order. */
static char said[64];

static void first(void) {
    strcat(said, stack_pointer() % STACK_ALIGNMENT ? "tilted first " : "first ");
}

static void second(void) {
    strcat(said, stack_pointer() % STACK_ALIGNMENT ? "tilted second " : "second ");
}

/* 03.2: puts first and second into slots too; returns what swap loads. */
static uint64_t *forge_two(uint64_t *top) {
    top[WAY_HOME] = (uintptr_t)way_home;
    return top;
}

/* As look_below, with four addresses. */
long look_two(void *stack, size_t size, uint64_t *names) {
    const uint64_t all[] = {(uintptr_t)first, (uintptr_t)skip, (uintptr_t)second,
                            (uintptr_t)way_home};

    memcpy(names, all, sizeof all);
    return (intptr_t)top_of(stack, size) - (intptr_t)forge_two(top_of(stack, size));
}

/* Forges, swaps, and returns what was said on the new stack. */
const char *run_two(void *stack, size_t size) {
    uint64_t *top = top_of(stack, size);
    struct swap_context new = {.sp = (uintptr_t)forge_two(top)};

    said[0] = 0;
    swap((struct swap_context *)&top[OLD_CONTEXT], &new);
    return said;
}

/* 03.3: forges with a mistake, and swaps: in a process of its own. The exercise
   shows what comes of each, so the mistakes are named nowhere. */
int swap_wrongly(void *stack, size_t size, int mistake) {
    int refused = forge(stack, size);
    if (refused)
        return refused;

    uint64_t *top = top_of(stack, size);
    struct swap_context new = {.sp = (uintptr_t)&top[FUNCTION]};
    if (mistake == 1)
        new.sp = (uintptr_t)hello;
    if (mistake == 2)
        top[WAY_HOME] = top[FUNCTION - 1];
    if (mistake == 3)
        top[FUNCTION] = (uintptr_t)&top[FUNCTION];
    swap((struct swap_context *)&top[OLD_CONTEXT], &new);
    return OK;
}

#ifdef MAIN
int main(void) {
    long used = stack_used_by_hello(64 * 1024);

    if (used < 0) {
        fprintf(stderr, "No swap: error %ld.\n", used);
        return 1;
    }
    printf("Back on the old stack.\n");
    printf("hello used %ld bytes of the new one. The book gave it 48.\n", used);
    return 0;
}
#endif
