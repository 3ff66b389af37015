/*
 * walked_by_windows.c: at each instruction of a switch, a walk of the stack, by the
 * functions that the system itself asks for an exception.
 *
 * The trap flag of the processor stops the program after each instruction. A handler
 * walks from there, writes down whom it met, and lets it go on. It prints a line for
 * each instruction of the two switches:
 *
 *     SWITCH OFFSET: SWITCH CALLER CALLER … END
 *
 * where END is "." if the walk came to an end: a caller at address 0, or main.
 */
#include "07-the-runtime-in-200-lines.c"
#include <stdio.h>

/* ---------------------------------------------------------------- the walk */

static void thread_a(void), thread_b(void), deep(void), leave(void), other_side(void);
int main(void);

static const struct {
    const char *name;
    void (*begins)(void);
} functions[] = {
    {"switch_stack", (void (*)(void))switch_stack},
    {"switch_context", (void (*)(void))switch_context},
    {"resume", (void (*)(void))resume},
    {"yield_thread", (void (*)(void))yield_thread},
    {"thread_entry", (void (*)(void))thread_entry},
    {"thread_a", (void (*)(void))thread_a},
    {"thread_b", (void (*)(void))thread_b},
    {"deep", (void (*)(void))deep},
    {"leave", (void (*)(void))leave},
    {"other_side", (void (*)(void))other_side},
    {"main", (void (*)(void))main},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions, MOST_CALLERS = 12 };

static char said[256 * 1024];
static size_t length;
static volatile bool stepping;

/* The function that pc is in: the last one of ours that begins at or below it; -1: none.
   switch_context is in no table, so the system cannot be asked. */
static int function_at(DWORD64 pc) {
    int at = -1;

    for (int i = 0; i < FUNCTIONS; i++) {
        DWORD64 begins = (uintptr_t)functions[i].begins;
        if (begins <= pc && (at < 0 || begins > (uintptr_t)functions[at].begins))
            at = i;
    }
    return at >= 0 && pc - (uintptr_t)functions[at].begins < 0x400 ? at : -1;
}

/* Goes from a function to its caller. */
static void walk_up(CONTEXT *c) {
    DWORD64 base, frame;
    void *data;
    RUNTIME_FUNCTION *table = RtlLookupFunctionEntry(c->Rip, &base, NULL);

    if (table != NULL) {
        RtlVirtualUnwind(UNW_FLAG_NHANDLER, base, c->Rip, table, c, &data, &frame, NULL);
    } else { /* a leaf */
        c->Rip = *(DWORD64 *)c->Rsp;
        c->Rsp += 8;
    }
}

static void write_down(CONTEXT c) {
    int at = function_at(c.Rip);

    length += sprintf(said + length, "%s %llx:", functions[at].name,
                      (unsigned long long)(c.Rip - (uintptr_t)functions[at].begins));
    for (int i = 0; i < MOST_CALLERS && c.Rip != 0; i++) {
        at = function_at(c.Rip);
        length += sprintf(said + length, " %s", at < 0 ? "?" : functions[at].name);
        if (at < 0 || functions[at].begins == (void (*)(void))main)
            break;
        walk_up(&c);
    }
    length += sprintf(said + length, c.Rip == 0 ? " .\n" : "\n");
}

static LONG CALLBACK after_each_instruction(EXCEPTION_POINTERS *e) {
    if (e->ExceptionRecord->ExceptionCode != EXCEPTION_SINGLE_STEP)
        return EXCEPTION_CONTINUE_SEARCH;
    if (stepping)
        e->ContextRecord->EFlags |= 0x100;
    int at = function_at(e->ContextRecord->Rip);
    if ((at == 0 || at == 1) && length < sizeof said - 1024)
        write_down(*e->ContextRecord);
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void begin_to_step(void) {
    stepping = true;
    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq" ::: "cc", "memory");
}

/* ---------------------------------------------------------------- what is walked */

static void deep(void) {
    begin_to_step();
    yield_thread();
}

static void thread_a(void) {
    deep();
    stepping = false;
}

static void thread_b(void) {
    yield_thread();
}

static struct context here, there;
static _Alignas(16) uint64_t stack[8 * 1024];

static void other_side(void) {
    switch_context(&there, &here);
}

static void leave(void) {
    begin_to_step();
    switch_context(&here, &there);
    stepping = false;
}

int main(void) {
    AddVectoredExceptionHandler(1, after_each_instruction);
    struct runtime *r = new_runtime(4, 0);
    if (r == NULL || spawn(r, thread_a) < 0 || spawn(r, thread_b) < 0)
        return 1;
    run(r);
    free_runtime(r);

    uint64_t *sp = stack + sizeof stack / sizeof *stack - 12; /* its home space is above */
    sp[0] = (uintptr_t)other_side;                            /* above it, 0: nobody called */
    there = new_context(sp, stack, stack + sizeof stack / sizeof *stack);
    leave();
    fputs(said, stdout);
}
