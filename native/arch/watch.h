/*
 * watch.h: tells those who watch a program which of its memory is a stack.
 *
 * Nothing here changes what a program does, and no chapter is about it.
 *
 *     Valgrind            takes memory below sp for dead. Compile with
 *                         -DVALGRIND, and it is told.
 *     AddressSanitizer    marks what no pointer may touch, around the variables
 *                         of each frame; a frame that never returns leaves its
 *                         marks behind.
 *     the lab             names the stacks in its report of a crash. It defines
 *                         lab_stack in the process that may crash, and nowhere
 *                         else.
 */
#ifndef GREEN_THREADS_ARCH_WATCH_H
#define GREEN_THREADS_ARCH_WATCH_H

#include <stddef.h>

#if defined VALGRIND
#include <valgrind/memcheck.h>
#endif

#if defined __SANITIZE_ADDRESS__
#define WATCHED_BY_ADDRESS_SANITIZER
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define WATCHED_BY_ADDRESS_SANITIZER
#endif
#endif
#if defined WATCHED_BY_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
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

/* The `size` bytes from `low` on are a stack from now on; below it lie `guard`
   bytes that nobody may touch. Returns what unwatch_stack wants back. */
static inline unsigned watch_stack(const char *name, void *low, size_t size, size_t guard) {
    if (LAB_STACK)
        LAB_STACK(name, low, size, guard);
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
#if defined VALGRIND
    VALGRIND_STACK_DEREGISTER(watch);
#endif
    (void)watch;
    now_data(low, size);
}

#endif
