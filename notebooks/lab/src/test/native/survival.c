/*
 * survival.c: what comes back from a switch, and what does not.
 *
 *     survival FIRST LAST
 *
 * The tests write switches.h, a list of switches: those of native/arch/, and
 * copies from which one save or one load has been left out. For each of number
 * FIRST to LAST - 1: plants a value in every register that the callee owns, goes
 * to another stack, where all of them are overwritten, and comes back, both ways
 * by that switch. Prints a line for each: its number, and what was lost. Ends
 * with 1 if anything was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"

/* Where the system believes the stack to be; it has an opinion on Windows only. */
struct bounds {
    uint64_t base, limit, allocation;
};

enum { KEEPS_CONTEXT, KEEPS_STACK }; /* as switch_context; as switch_stack */

#include "switches.h" /* struct { int kind; void (*function)(void); } switches[] */

enum { SWITCHES = sizeof switches / sizeof *switches, WORDS = 1024 };

static _Alignas(16) uint64_t stack[WORDS];
static struct bounds on_the_stack; /* as they were over there */
static int lost;

static void compare(const char *name, uint64_t before, uint64_t after) {
    if (before != after) {
        printf(" %s", name);
        lost++;
    }
}

#if defined _WIN32
void get_bounds(struct bounds *out);
void set_bounds(const struct bounds *bounds);
void arrive(void); /* where the other stack begins; r10 is the address to note them at */

/* clang-format off */
__asm__(ASM_FUNCTION(get_bounds)
    "   mov     rax, gs:[0x08]      \n"
    "   mov     [rcx], rax          \n"
    "   mov     rax, gs:[0x10]      \n"
    "   mov     [rcx + 0x08], rax   \n"
    "   mov     rax, gs:[0x1478]    \n"
    "   mov     [rcx + 0x10], rax   \n"
    "   ret                         \n"
    ASM_END(get_bounds)
);

__asm__(ASM_FUNCTION(set_bounds)
    "   mov     rax, [rcx]          \n"
    "   mov     gs:[0x08], rax      \n"
    "   mov     rax, [rcx + 0x08]   \n"
    "   mov     gs:[0x10], rax      \n"
    "   mov     rax, [rcx + 0x10]   \n"
    "   mov     gs:[0x1478], rax    \n"
    "   ret                         \n"
    ASM_END(set_bounds)
);

__asm__(ASM_FUNCTION(arrive)
    "   xchg    rcx, r10            \n"
    "   call    " SYMBOL(get_bounds) " \n"
    "   xchg    rcx, r10            \n"
    "   jmp     " SYMBOL(overwrite_callee_saved) " \n"
    ASM_END(arrive)
);
/* clang-format on */
#else
#define arrive overwrite_callee_saved

static void get_bounds(struct bounds *out) {
    *out = (struct bounds){0};
}

static void set_bounds(const struct bounds *bounds) {
    (void)bounds;
}
#endif

/* The number of a visit is part of each value: what an earlier one has left
   somewhere in memory is not taken for this one's. */
static uint64_t planted(int visit, int place) {
    return UINT64_C(0xfeed000000000000) + ((uint64_t)visit << 16) + (uint64_t)place;
}

static void visit(int number) {
    static const char *const float_names[] = {FLOAT_NAMES};
    struct registers before, after;
    struct context home = {0}, other;
    void *home_sp = NULL, *other_sp;
    uint64_t floats[FLOATS_SAVED + 1], floats_before[FLOATS_SAVED + 1],
        floats_after[FLOATS_SAVED + 1];
    struct bounds mine, brought, there = {0};

#if defined _WIN32
    there = (struct bounds){(uintptr_t)&stack[WORDS], (uintptr_t)stack, (uintptr_t)stack};
#endif
    memset(stack, 0, sizeof stack);
    on_the_stack = (struct bounds){0};
    for (int i = 0; i < (int)(sizeof before / sizeof(uint64_t)); i++) {
        uint64_t value = planted(number, i);
        memcpy((char *)&before + i * (int)sizeof value, &value, sizeof value);
    }
    for (int i = 0; i < FLOATS_SAVED; i++)
        floats_before[i] = planted(number, 0x100 + i);

    uint64_t here, over_there;
    if (switches[number].kind == KEEPS_CONTEXT) {
        int top = WORDS - 4 - 2 * HOME_WORDS;
        stack[top] = (uintptr_t)arrive;
        other = new_context(&stack[top], stack, &stack[WORDS]);
        here = (uintptr_t)&home;
        over_there = (uintptr_t)&other;
    } else {
        uint64_t *sp = &stack[WORDS - SAVED_WORDS];
        sp[ENTRY_WORD] = (uintptr_t)arrive;
#if defined _WIN32
        sp[BASE_WORD] = there.base;
        sp[LIMIT_WORD] = there.limit;
        sp[ALLOCATION_WORD] = there.allocation;
#endif
        other_sp = sp;
        here = (uintptr_t)&home_sp;
        over_there = (uintptr_t)&other_sp;
    }
    before.REGISTER_ARGUMENT_1 = here;
    before.REGISTER_ARGUMENT_2 = over_there;
    before.REGISTER_SPARE = (uintptr_t)switches[number].function;
#if defined _WIN32
    before.r10 = (uintptr_t)&on_the_stack;
#endif

    get_bounds(&mine);
    store_floats(floats);
    load_floats(floats_before);
    call_planted(switches[number].function, &before, &after);
    store_floats(floats_after);
    load_floats(floats);
    get_bounds(&brought);
    set_bounds(&mine);

    printf("%d:", number);
#define COMPARE(name) compare(#name, before.name, after.name);
    INTEGERS_SAVED(COMPARE)
#undef COMPARE
    for (int i = 0; i < FLOATS_SAVED; i++)
        compare(float_names[i], floats_before[i], floats_after[i]);
    compare("base", mine.base, brought.base);
    compare("limit", mine.limit, brought.limit);
    compare("allocation", mine.allocation, brought.allocation);
    compare("base-there", there.base, on_the_stack.base);
    compare("limit-there", there.limit, on_the_stack.limit);
    compare("allocation-there", there.allocation, on_the_stack.allocation);
    /* Over there the arguments have changed places: so somebody has been there. */
    compare("visit", over_there, after.REGISTER_ARGUMENT_1);
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv) {
    int last = argc > 2 ? atoi(argv[2]) : SWITCHES;

    for (int i = argc > 1 ? atoi(argv[1]) : 0; i < last && i < SWITCHES; i++)
        visit(i);
    return lost > 0;
}
