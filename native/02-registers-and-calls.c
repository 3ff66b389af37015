/*
 * 02-registers-and-calls.c: the registers seen, and who owns them in a call.
 *
 * The assembly is in arch/, one file per architecture.
 *
 * Alone:  cc -std=c17 -O2 -DMAIN 02-registers-and-calls.c -o demo && ./demo
 */
#include <stdio.h>
#include <string.h>

#include "arch/arch.h"

static const char *const register_names[] = {REGISTER_NAMES};
static const char *const part_names[] = {PART_NAMES};

enum {
    REGISTERS = sizeof register_names / sizeof *register_names,
    PARTS = sizeof part_names / sizeof *part_names,
};
_Static_assert(sizeof(struct registers) == REGISTERS * sizeof(uint64_t),
               "REGISTER_NAMES and struct registers count differently");
_Static_assert(PARTS == 5, "write_part knows five parts");

/* ---------------------------------------------------------------------------
 * The registers, as they are
 */

/* Every register in the middle of this function. The caller owns *out. */
void registers_now(struct registers *out) {
    capture(out);
    /* Without an instruction after the call, the compiler would turn it into a
       jump, and pc would be our caller's instead of ours. */
    __asm__ volatile("");
}

/* ---------------------------------------------------------------------------
 * Parts of a register
 */

/* What part 0 … 4 of the result register is called here; NULL: no such part. */
const char *part_name(int part) {
    return part >= 0 && part < PARTS ? part_names[part] : NULL;
}

/* Writes `value` into a part of a register that held `whole`. Returns all of
   that register; for a part that there is not, `whole` unchanged. */
uint64_t write_part(int part, uint64_t whole, uint64_t value) {
    switch (part) {
    case 0:
        return write_64(whole, value);
    case 1:
        return write_32(whole, value);
    case 2:
        return write_16(whole, value);
    case 3:
        return write_high_8(whole, value);
    case 4:
        return write_low_8(whole, value);
    default:
        return whole;
    }
}

/* ---------------------------------------------------------------------------
 * Where arguments travel
 */

/* Passes its ten arguments on, to a function that stores where it found them.
   The caller owns *out. */
void ten_arguments(struct arguments *out, long b, long c, long d, long e, long f, long g, long h,
                   long i, long j) {
    record_arguments(out, b, c, d, e, f, g, h, i, j);
    __asm__ volatile(""); /* as above: it is to return here */
}

/* How many of them travelled in registers. */
int argument_registers(void) {
    return ARGUMENT_REGISTERS;
}

/* ---------------------------------------------------------------------------
 * Who may overwrite what
 */

/* The names of the callee-saved registers, with a space between them. */
const char *callee_saved(void) {
    return CALLEE_SAVED;
}

/* A value for each register that no accident produces: 0xfeed0000 and its
   number, in the order of struct registers. The caller owns *values. */
void plant(struct registers *values) {
    for (uint64_t i = 0; i < REGISTERS; i++) {
        uint64_t value = 0xfeed0000 + i;
        memcpy((char *)values + i * sizeof value, &value, sizeof value);
    }
}

static void do_nothing(void) {
}

/* An ordinary function with ordinary work: the library behind it uses every
   register it can get. */
static void do_ordinary_work(void) {
    volatile int answer = 42; /* or the compiler would do the work instead */
    char line[64];

    snprintf(line, sizeof line, "%d %s %g", answer, "is not", 6.28);
}

/* Four calls with planted registers. *before goes into the registers, what the
   call left of them comes out in *after. The caller owns both. */
void after_nothing(const struct registers *before, struct registers *after) {
    call_planted(do_nothing, before, after);
}

void after_ordinary_work(const struct registers *before, struct registers *after) {
    call_planted(do_ordinary_work, before, after);
}

void after_overwriting(const struct registers *before, struct registers *after) {
    call_planted(overwrite_caller_saved, before, after);
}

/* The one that breaks the rules. call_planted puts the register back, or our
   own caller would go on with a wrong value and not know why. */
void after_a_broken_promise(const struct registers *before, struct registers *after) {
    call_planted(break_a_promise, before, after);
}

/* Writes the names of the registers that are the same in both, with a space
   between them, into the caller's `names`: as many as fit into `size` bytes.
   Returns how many registers are the same. */
int survivors(const struct registers *before, const struct registers *after, char *names,
              int size) {
    int same = 0;
    int used = 0;

    if (size > 0)
        names[0] = '\0';
    for (size_t i = 0; i < REGISTERS; i++) {
        size_t at = i * sizeof(uint64_t);
        if (memcmp((const char *)before + at, (const char *)after + at, sizeof(uint64_t)) != 0)
            continue;
        int needed = (int)strlen(register_names[i]) + (same > 0);
        if (used + needed < size)
            used += snprintf(names + used, (size_t)(size - used), "%s%s", same > 0 ? " " : "",
                             register_names[i]);
        same++;
    }
    return same;
}

/* ---------------------------------------------------------------------------
 * Small functions whose assembly is read
 */

/* To be compiled at -O0 and at -O2, and compared. */
long square_sum(long a, long b) {
    return a * a + b * b;
}

/* values[index] + 1, by hand, in both dialects of x86-64. */
long successor_intel(const long *values, long index) {
    return next_intel(values, index);
}

long successor_att(const long *values, long index) {
    return next_att(values, index);
}

/* Where the machine code of the two begins, to be read up to its `ret`. */
const void *code_intel(void) {
    return (const void *)(uintptr_t)next_intel;
}

const void *code_att(void) {
    return (const void *)(uintptr_t)next_att;
}

#ifdef MAIN
typedef void planted_call(const struct registers *before, struct registers *after);

/* The ordinary function may leave any caller-saved register alone, and which
   ones depends on the compiler: so only the promise is shown. */
static void show_promise(void) {
    struct registers before, after;
    char names[256], promised[] = CALLEE_SAVED;
    int kept = 0, broken = 0;

    plant(&before);
    after_ordinary_work(&before, &after);
    survivors(&before, &after, names, sizeof names);
    strcat(names, " ");
    for (char *name = strtok(promised, " "); name != NULL; name = strtok(NULL, " ")) {
        char word[8];
        snprintf(word, sizeof word, "%s ", name);
        strstr(names, word) ? kept++ : broken++;
    }
    printf("after ordinary work: %d promises kept, %d broken\n", kept, broken);
}

static void show_survivors(const char *what, planted_call *call) {
    struct registers before, after;
    char names[256];

    plant(&before);
    call(&before, &after);
    int count = survivors(&before, &after, names, sizeof names);
    printf("%s: %d survive: %s\n", what, count, names);
}

static void show_parts(void) {
    for (int part = 0; part < PARTS; part++)
        printf("write %-8s %016llx\n", part_name(part),
               (unsigned long long)write_part(part, 0x1111111111111111, 0x2222222222222222));
}

static void show_arguments(void) {
    struct arguments found;

    ten_arguments(&found, 102, 103, 104, 105, 106, 107, 108, 109, 110);
    printf("in registers: &found");
    for (int i = 1; i < ARGUMENT_REGISTERS; i++)
        printf(" %d", (int)found.in_registers[i]);
    printf("\non the stack:");
    for (int i = 0; i < 10 - ARGUMENT_REGISTERS; i++)
        printf(" %d", (int)found.on_stack[i]);
    printf("\n");
}

int main(void) {
    const long values[] = {10, 20, 30};

    printf("%s\n", ARCH_NAME);
    show_parts();
    show_arguments();
    show_survivors("after nothing", after_nothing);
    show_survivors("after overwriting", after_overwriting);
    show_promise();
    show_survivors("after a broken promise", after_a_broken_promise);
    printf("callee-saved: %s\n", callee_saved());
    printf("square_sum(3, 4) is %ld\n", square_sum(3, 4));
    printf("successor of values[1]: %ld, %ld\n", successor_intel(values, 1),
           successor_att(values, 1));
    return 0;
}
#endif
