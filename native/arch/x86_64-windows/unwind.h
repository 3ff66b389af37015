/*
 * unwind.h: for those who walk the stack, x86-64 Windows.
 *
 * Who walks the stack, here the system itself for each exception, asks another
 * table: for each function that moves rsp, what its first instructions do, its
 * prologue. From anywhere behind that the walk undoes all of it. The end of a
 * function it knows by its instructions: `add rsp`, then `pop`, then `ret`. A
 * function that is in no table is a leaf: its return address lies at rsp.
 *
 *     UNWIND_BEGIN(name)  in front of the first instruction
 *     PUSHED(register)    behind a `push`
 *     LOWERED(bytes)      behind what lowers rsp
 *     SAVED_XMM(number)   behind what stores xmm6 … xmm15 in the place that
 *                         switch_stack has for it
 *     UNWIND_BODY         the prologue ends here
 *     UNWIND_END          behind the last instruction
 *
 * switch_context is a leaf, and that is true at each of its instructions: on
 * either stack, the return address lies at rsp. What such a table cannot say
 * is that a caller's registers lie in a struct. So a walk from inside the
 * switch finds all callers, but in its second half takes registers that are not
 * yet loaded for those of the stack that goes on. An exception cannot come from
 * there, only a debugger's step or a profiler's sample.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_WINDOWS_UNWIND_H
#define GREEN_THREADS_ARCH_X86_64_WINDOWS_UNWIND_H

/* clang-format off: the columns are aligned by hand. */

#if defined PLAIN
#define UNWIND_BEGIN(name)
#define PUSHED(register)
#define LOWERED(bytes)
#define SAVED_XMM(number)
#define UNWIND_BODY
#define UNWIND_END
#else
#define UNWIND_BEGIN(name) "   .seh_proc " SYMBOL(name) "\n"
#define PUSHED(register) "   .seh_pushreg " #register "\n"
#define LOWERED(bytes) "   .seh_stackalloc " #bytes "\n"
#define SAVED_XMM(number)                                                      \
    "   .seh_savexmm xmm" #number ", 16*" #number " - 0x60\n"
#define UNWIND_BODY "   .seh_endprologue\n"
#define UNWIND_END "   .seh_endproc\n"
#endif

#endif
