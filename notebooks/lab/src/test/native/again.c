/*
 * again.c: places of chapter 11 that are used again.
 *
 *     again           lives many threads long, three at once, in three places: each runs
 *                     what it was spawned with, once; begins where the first one in its
 *                     place began; and can be walked to its end. Some yield by a call,
 *                     some where they stand. Now and then a place's memory is given back.
 *                     Prints what is wrong, a line each. Ends with 1 if there was something
 *     again mistake   resumes a thread that has finished. Meant to be its end
 */
#include "11-how-fast-how-many.c"
#include <unwind.h>

enum { PLACES = 3, ROUNDS = 300, FORGET_EACH = 7 };

static int wrong, inlined_lives, called_lives;
/* Of each place and each of two functions, from the first life: where its frame was, and how
   many frames a walk met. */
enum kind { INLINED, CALLED, KINDS };
static char *first_frame[PLACES + 1][KINDS];
static int first_depth[PLACES + 1][KINDS];

static void expect(bool holds, const char *what) {
    if (!holds) {
        printf("%s\n", what);
        wrong++;
    }
}

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *count) {
    (void)context;
    return ++*(int *)count < 50 ? _URC_NO_REASON : _URC_END_OF_STACK;
}

__attribute__((noinline)) static void look_around(enum kind kind, char *frame) {
    int id = (int)(current - running->threads), depth = 0;

    _Unwind_Backtrace(count_frame, &depth);
    if (first_frame[id][kind] == NULL) {
        first_frame[id][kind] = frame;
        first_depth[id][kind] = depth;
    }
    expect(first_frame[id][kind] == frame, "the stack does not begin where it did");
    expect(depth == first_depth[id][kind] && depth < 50, "the walk does not end where it did");
}

/* Remembers numbers on its stack over three turns, far enough down to use a second page. */
__attribute__((noinline)) static bool remembers(void (*yield)(void), int seed) {
    volatile int numbers[1200];
    bool same = true;

    for (int i = 0; i < 1200; i++)
        numbers[i] = seed + i;
    for (int turn = 0; turn < 3; turn++)
        yield();
    for (int i = 0; i < 1200; i++)
        same &= numbers[i] == seed + i;
    return same;
}

static void yield_here(void) {
    yield_thread();
}

static void live_inlined(void) {
    look_around(INLINED, __builtin_frame_address(0));
    inlined_lives++;
    expect(remembers(yield_here, inlined_lives), "a thread has forgotten something");
    yield_thread();
}

static void live_called(void) {
    look_around(CALLED, __builtin_frame_address(0));
    called_lives++;
    expect(remembers(yield_by_call, -called_lives), "a thread has forgotten something");
    yield_by_call();
}

/* The memory of all stacks that nobody uses, as exercise 11.3 gives it back. */
static void forget_available(struct runtime *r) {
    for (struct thread *t = r->available; t != NULL; t = t->next) {
        int id = (int)(t - r->threads);
        expect(t->function == NULL, "a thread has finished, and its function is still there");
        expect(t->place.pc != NULL, "nobody waits in a place that was used");
        forget(t, stack_of(r, id), stack_bytes(r));
        expect(t->place.pc == NULL, "somebody waits on memory that was given back");
    }
}

static int live_again(void) {
    struct runtime *r = new_runtime(PLACES, small_shape());
    int spawned[KINDS] = {0, 0};

    if (r == NULL)
        return 2;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < PLACES; i++) {
            enum kind kind = (round + i) % 3 == 0 ? CALLED : INLINED;
            expect(spawn(r, kind == CALLED ? live_called : live_inlined) > 0, "a place is missing");
            spawned[kind]++;
        }
        expect(spawn(r, live_called) == NO_PLACE, "a place too many");
        run(r);
        if (round % FORGET_EACH == 0)
            forget_available(r);
    }
    expect(inlined_lives == spawned[INLINED] && called_lives == spawned[CALLED],
           "not each has run what it was spawned with, once");
    expect(r->threads_made == PLACES, "a used place was not taken again");
    free_runtime(r);
    return wrong > 0;
}

static void run_once(void) {
    puts("runs");
    fflush(stdout);
}

static int resume_a_finished_one(void) {
    struct runtime *r = new_runtime(1, small_shape());

    if (r == NULL)
        return 2;
    spawn(r, run_once);
    run(r);
    running = r;
    current = r->current;
    resume(&r->threads[1]);
    return 1;
}

int main(int argc, char **argv) {
    return argc > 1 && strcmp(argv[1], "mistake") == 0 ? resume_a_finished_one() : live_again();
}
