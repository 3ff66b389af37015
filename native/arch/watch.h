/*
 * watch.h: tells those who watch a program which of its memory is a stack.
 *
 * Nothing here changes what a program does, and no chapter is about it.
 *
 *     Valgrind            takes memory below sp for dead. A program of its own
 *                         (-DMAIN) tells it, if its header is there: a few
 *                         instructions that do nothing where it does not watch.
 *                         -DVALGRIND: a library tells it as well.
 *     AddressSanitizer    marks what no pointer may touch, around the variables
 *                         of each frame. A frame that never returns leaves its
 *                         marks behind: they are cleared away up to the end of
 *                         the stack, so it has to know which one runs. If it
 *                         keeps variables elsewhere, they belong to one stack
 *                         as well.
 *     ThreadSanitizer     keeps a list of the functions that have been entered,
 *                         one for each stack.
 *     the lab             names the stacks in its report of a crash. It defines
 *                         lab_stack in the process that may crash, and nowhere
 *                         else.
 */
#ifndef GREEN_THREADS_ARCH_WATCH_H
#define GREEN_THREADS_ARCH_WATCH_H

#include <stddef.h>
#include <stdint.h>

#if defined MAIN && !defined VALGRIND && defined __has_include
#if __has_include(<valgrind/memcheck.h>)
#define VALGRIND
#endif
#endif
#if defined VALGRIND
#include <valgrind/memcheck.h>
#if defined __x86_64__ && !defined NVALGRIND
/* What it calls a request, in both dialects: the header knows only AT&T's, and the
   compiler may write Intel's (-masm=intel). */
#undef VALGRIND_DO_CLIENT_REQUEST_EXPR
#define VALGRIND_DO_CLIENT_REQUEST_EXPR(otherwise, request, a, b, c, d, e)                         \
    __extension__({                                                                                \
        volatile uint64_t watch_words[] = {(uint64_t)(request), (uint64_t)(a), (uint64_t)(b),      \
                                           (uint64_t)(c), (uint64_t)(d), (uint64_t)(e)};           \
        volatile uint64_t watch_answer;                                                            \
        __asm__ volatile("{rolq $3, %%rdi; rolq $13, %%rdi; rolq $61, %%rdi; rolq $51, %%rdi|"     \
                         "rol rdi, 3; rol rdi, 13; rol rdi, 61; rol rdi, 51}\n"                    \
                         "{xchgq %%rbx, %%rbx|xchg rbx, rbx}"                                      \
                         : "=d"(watch_answer)                                                      \
                         : "a"(watch_words), "0"((uint64_t)(otherwise))                            \
                         : "cc", "memory");                                                        \
        watch_answer;                                                                              \
    })
#endif
#endif

#if defined __SANITIZE_ADDRESS__
#define WATCHED_BY_ADDRESS_SANITIZER
#elif defined __SANITIZE_THREAD__
#define WATCHED_BY_THREAD_SANITIZER
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define WATCHED_BY_ADDRESS_SANITIZER
#elif __has_feature(thread_sanitizer)
#define WATCHED_BY_THREAD_SANITIZER
#endif
#endif
#if defined WATCHED_BY_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#elif defined WATCHED_BY_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

#if defined __ELF__
__attribute__((weak)) void lab_stack(const char *name, void *low, size_t size, size_t guard);
#define LAB_STACK lab_stack
#elif defined _WIN32 /* where the lab does not run */
#define LAB_STACK ((void (*)(const char *, void *, size_t, size_t))0)
#else
#include <dlfcn.h>
typedef void lab_stack_function(const char *name, void *low, size_t size, size_t guard);
#define LAB_STACK ((lab_stack_function *)dlsym(RTLD_DEFAULT, "lab_stack"))
#endif

/* ---------------------------------------------------------------------------
 * Switches, for the two sanitizers. To them a stack that the system did not make
 * is a fiber, and they are told of each switch. Without them these are nothing,
 * and no instruction stands behind a switch.
 *
 *     switch_context(old, new), switch_stack(old, new), give_stack(old, new),
 *     switch_here(old, new)
 *                     from here on they tell, and switch. Called by way of a
 *                     pointer, or by assembly, they tell nobody; if that was the
 *                     way back only, it is made good for on arrival
 *     arrived()       first on a stack that has never run. If it is missing, the
 *                     next switch makes good for it; until then AddressSanitizer
 *                     does not see who uses a variable of a function that has
 *                     returned
 *     last_switch()   on a stack that the next switch leaves for ever
 */
#if defined WATCHED_BY_ADDRESS_SANITIZER || defined WATCHED_BY_THREAD_SANITIZER
#include <stdbool.h>
#include <stdlib.h>

/* A stack: one that watch_stack was told of; or the one that the program came
   with, which is wherever no other one is. Only one OS thread may switch. What
   AddressSanitizer has kept for a thread that never finishes is never freed. */
struct watched {
    uintptr_t low;
    size_t size;
    void *fiber;          /* ThreadSanitizer's; NULL: not yet made */
    void *kept;           /* AddressSanitizer's variables; NULL: none */
    bool ends;            /* by the next switch */
    struct watched *next; /* a list, searched from its beginning */
};
static struct watched watched_home, *watched_all, *watched_now = &watched_home,
                                                  *watched_before;
static bool watched_arrives;

static inline struct watched *watched_at(uintptr_t sp) {
    struct watched *at = watched_all;

    while (at != NULL && (sp < at->low || sp > at->low + at->size))
        at = at->next;
    return at != NULL ? at : &watched_home;
}

static inline void begin_watch(void *low, size_t size) {
    struct watched *new = calloc(1, sizeof *new);

    if (new == NULL)
        abort();
    *new = (struct watched){.low = (uintptr_t)low, .size = size, .next = watched_all};
    watched_all = new;
}

static inline void end_watch(void *low) {
    struct watched **at = &watched_all, *old;

    while (*at != NULL && (*at)->low != (uintptr_t)low)
        at = &(*at)->next;
    if ((old = *at) == NULL)
        return;
    *at = old->next;
#if defined WATCHED_BY_THREAD_SANITIZER
    if (old->fiber != NULL)
        __tsan_destroy_fiber(old->fiber);
#endif
    free(old);
}

/* Not a part of who calls it: the marks around its variables would be a part of that
   frame, and a frame that is left for ever is never cleared of them. */
__attribute__((noinline, unused)) static void arrived(void) {
    if (!watched_arrives)
        return;
    watched_arrives = false;
#if defined WATCHED_BY_ADDRESS_SANITIZER
    const void *low;
    size_t size;

    __sanitizer_finish_switch_fiber(watched_now->kept, &low, &size);
    if (watched_before == &watched_home) {
        watched_home.low = (uintptr_t)low;
        watched_home.size = size;
    }
#else
    if (watched_before->ends)
        __tsan_destroy_fiber(watched_before->fiber);
#endif
    if (watched_before->ends) {
#if defined WATCHED_BY_ADDRESS_SANITIZER
        __asan_unpoison_memory_region((const void *)watched_before->low, watched_before->size);
#endif
        watched_before->fiber = watched_before->kept = NULL;
        watched_before->ends = false;
    }
}

static inline void last_switch(void) {
    watched_now->ends = watched_now != &watched_home;
}

/* Right before a switch, in the function that switches: what stands behind it is
   then told of the new stack. */
__attribute__((always_inline)) static inline void go_to(struct watched *next) {
    arrived();
    if (next == watched_now)
        return;
    watched_before = watched_now;
    watched_now = next;
    watched_arrives = true;
#if defined WATCHED_BY_ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(watched_before->ends ? NULL : &watched_before->kept,
                                   (const void *)next->low, next->size);
#else
    if (watched_before->fiber == NULL)
        watched_before->fiber = __tsan_get_current_fiber();
    if (next->fiber == NULL)
        next->fiber = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(next->fiber, 0);
#endif
}

/* Behind a switch: on the stack that was left then. */
__attribute__((always_inline)) static inline void back_on(struct watched *mine) {
    arrived();
    if (watched_now != mine)
        go_to(mine);
    arrived();
}

#define TELL_AND(a_switch, old, new, sp)                                                           \
    do {                                                                                           \
        struct watched *watched_here = watched_now;                                                \
        go_to(watched_at((uintptr_t)(sp)));                                                        \
        (a_switch)(old, new);                                                                      \
        back_on(watched_here);                                                                     \
    } while (0)
#define switch_context(old, new) TELL_AND(switch_context, old, new, (new)->sp)
#define switch_stack(old, new) TELL_AND(switch_stack, old, new, *(new))
#define give_stack(old, new) TELL_AND(give_stack, old, new, *(new))
#define switch_here(old, new)                                                                      \
    __extension__({                                                                                \
        struct place *watched_me = (old); /* who comes back is who left */                         \
        TELL_AND(switch_here, watched_me, new, (new)->sp);                                         \
        watched_me;                                                                                \
    })
#else
#define begin_watch(low, size) ((void)0)
#define end_watch(low) ((void)0)
#define arrived() ((void)0)
#define last_switch() ((void)0)
#endif

/* ---------------------------------------------------------------------------
 * Stacks
 */

/* The `size` bytes from `low` on are a stack from now on; below it lie `guard`
   bytes that nobody may touch. Returns what unwatch_stack wants back. */
static inline unsigned watch_stack(const char *name, void *low, size_t size, size_t guard) {
    if (LAB_STACK)
        LAB_STACK(name, low, size, guard);
    begin_watch(low, size);
#if defined VALGRIND
    return VALGRIND_STACK_REGISTER(low, (char *)low + size);
#else
    return 0;
#endif
}

/* They may be read as data, whatever a stack has left there. */
static inline void now_data(void *low, size_t size) {
#if defined VALGRIND
    VALGRIND_MAKE_MEM_DEFINED(low, size);
#endif
#if defined WATCHED_BY_ADDRESS_SANITIZER
    __asan_unpoison_memory_region(low, size);
#endif
    (void)low;
    (void)size;
}

/* They are a stack no longer: to be read, written or given back. */
static inline void unwatch_stack(unsigned watch, void *low, size_t size) {
    if (LAB_STACK)
        LAB_STACK("", low, 0, 0);
    end_watch(low);
#if defined VALGRIND
    VALGRIND_STACK_DEREGISTER(watch);
#endif
    (void)watch;
    now_data(low, size);
}

#endif
