/*
 * swap.h: a single stack swap. Chapter 03, x86-64 Windows.
 *
 * Read x86_64-sysv/swap.h first: here stands what differs.
 */
#ifndef GREEN_THREADS_ARCH_X86_64_WINDOWS_SWAP_H
#define GREEN_THREADS_ARCH_X86_64_WINDOWS_SWAP_H

/* clang-format off: the columns are aligned by hand. */

__asm__(ASM_FUNCTION(stack_pointer)
    "   lea     rax, [rsp + 8]          \n" // without our return address
    "   ret                             \n"
    ASM_END(stack_pointer)
);

struct swap_context {
    uint64_t sp;
};

#define swap(old, new)                                                         \
    _Static_assert(0, "chapters 03 and 04 do not build for Windows: x86_64-windows/machine.h says why")

#endif
