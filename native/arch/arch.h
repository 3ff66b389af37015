/*
 * arch.h: what the chapters ask of a processor.
 *
 * A chapter includes this file and, to tell those who watch it of its stacks,
 * watch.h. Each machine, that is an architecture with an ABI, answers in a folder
 * of its own. Its files have the names of those here, which ask: what a function
 * is given, what it does, what must hold.
 *
 *     to read for       asked in                   answered in, for one machine
 *     chapter 02        registers.h, calls.h       x86_64-sysv/registers.h, calls.h
 *     chapter 03        swap.h                     x86_64-sysv/swap.h
 *     chapter 04        stack.h                    x86_64-sysv/stack.h
 *     chapters 05, 06   switch.h                   x86_64-sysv/switch.h
 *     chapter 05        pushes.h                   x86_64-sysv/pushes.h
 *     chapter 07        runtime.h                  x86_64-sysv/runtime.h
 *     chapter 09        give.h, which it           x86_64-sysv/give.h
 *                       includes itself
 *     chapter 11        inline.h, which it         x86_64-sysv/inline.h
 *                       includes itself
 *     any of them       asm.h: how assembly        x86_64-sysv/machine.h: the
 *                       stands among C             registers, and who owns them
 *     no chapter        probes.h: what 05 to 07    x86_64-sysv/probes.h
 *                       look into switches with
 *                       unwind.h: what debuggers   x86_64-sysv/unwind.h
 *                       are told
 *
 * x86_64-sysv is explained in full, the others explain what differs from it. So to
 * understand one chapter is to read two short files, and to compare two machines is
 * to lay two files of one name side by side. A fifth machine is a copy of the
 * nearest folder, and two lines at the end of this file.
 *
 * Besides, each machine.h defines
 *
 *     ARCH_NAME            what to call it, a string
 *     STACK_ALIGNMENT      sp is a multiple of this at every call, in bytes
 *     RED_ZONE             bytes below sp that a function may use without moving sp
 *     ARGUMENT_REGISTERS   how many integer arguments travel in registers
 *     CALLEE_SAVED         the registers that a function returns as it found them,
 *                          one string; those that hold integers
 *     PART_NAMES           the names of the parts that write_64 … write_low_8 write
 */
#ifndef GREEN_THREADS_ARCH_H
#define GREEN_THREADS_ARCH_H

#include <stddef.h>
#include <stdint.h>

#include "asm.h"
#include "unwind.h"

/*
 * The contract. All of these functions are written in assembly. They are hidden:
 * only the chapter's own C code calls them, directly and not through a table of
 * the dynamic linker. None of them allocates, keeps a pointer or can fail.
 */
#if !defined _WIN32
#pragma GCC visibility push(hidden)
#endif
#include "registers.h"
#include "calls.h"
#include "swap.h"
#include "stack.h"
#include "pushes.h"
#include "switch.h"
#include "probes.h"
#include "runtime.h"
#if !defined _WIN32
#pragma GCC visibility pop
#endif

/* The answers. */
#if defined __x86_64__ && defined _WIN32
#include "x86_64-windows/machine.h"
#elif defined __x86_64__
#include "x86_64-sysv/machine.h"
#elif defined __aarch64__ && !defined _WIN32
#include "aarch64/machine.h"
#elif defined __riscv && __riscv_xlen == 64
#include "riscv64/machine.h"
#else
#error "No folder in native/arch/ for this processor yet: copy the nearest one."
#endif

/* What switch.h asks for, where the machine does not say otherwise: no home space,
   and no wish to know where a stack's memory begins and ends. */
#if !defined HOME_WORDS
#define HOME_WORDS 0

static inline struct context new_context(const void *sp, const void *low, const void *high) {
    (void)low;
    (void)high;
    return (struct context){.sp = (uintptr_t)sp};
}
#endif

#endif
