/*
 * asm.h: how assembly stands among C. Every function is wrapped in
 *
 *     __asm__(ASM_FUNCTION(name)
 *         "   instruction     \n"
 *         ASM_END(name)
 *     );
 *
 * macOS puts an underscore before each C name and has other words for
 * "hidden"; it knows neither a symbol's type nor its size. Windows on x86-64 has
 * no underscore, and no word for "hidden" either. The compiler marks the stack
 * as not executable in the same file, so nothing is to be said here.
 *
 * ASM_RETURNED_TO(name) in place of ASM_FUNCTION(name) is for a function that
 * nobody calls: its address stands on a stack as a return address.
 *
 * A machine says which dialect its assembly is in: ASM_DIALECT begins it,
 * ASM_DIALECT_BACK ends it. ASM_LANDING_PAD is the first instruction of a function,
 * where the compiler marks its own so. What CFI_BEGIN and its sisters are for is
 * said in unwind.h.
 */
#ifndef GREEN_THREADS_ARCH_ASM_H
#define GREEN_THREADS_ARCH_ASM_H

/* clang-format off: the columns are aligned by hand. */

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)
#define SYMBOL(name) STRING(__USER_LABEL_PREFIX__) #name

/* An offset, named in a macro, as the text of an operand: the same number that
   _Static_assert compares with offsetof. */
#define AT(offset) STRING(offset)

#if defined __APPLE__
#define ASM_FUNCTION(name)                                                     \
    "   .text\n"                                                               \
    "   .p2align 4\n"                                                          \
    "   .globl " SYMBOL(name) "\n"                                             \
    "   .private_extern " SYMBOL(name) "\n" ASM_DIALECT                        \
    SYMBOL(name) ":\n" CFI_BEGIN ASM_LANDING_PAD
#define ASM_RETURNED_TO(name) ASM_FUNCTION(name) CFI_NO_CALLER
#define ASM_END(name) CFI_END ASM_DIALECT_BACK
#elif defined _WIN32
#define ASM_FUNCTION(name)                                                     \
    "   .text\n" ASM_PROBE                                                     \
    "   .p2align 4\n"                                                          \
    "   .globl " SYMBOL(name) "\n" ASM_DIALECT                                 \
    SYMBOL(name) ":\n" ASM_LANDING_PAD
#define ASM_RETURNED_TO(name) ASM_FUNCTION(name)
#define ASM_END(name) ASM_DIALECT_BACK
#elif defined __ELF__
#define ASM_HEAD(name)                                                         \
    "   .pushsection .text\n" ASM_PROBE                                        \
    "   .p2align 4\n"                                                          \
    "   .globl " SYMBOL(name) "\n"                                             \
    "   .hidden " SYMBOL(name) "\n"                                            \
    "   .type " SYMBOL(name) ", %function\n" ASM_DIALECT
#define ASM_FUNCTION(name)                                                     \
    ASM_HEAD(name)                                                             \
    SYMBOL(name) ":\n" CFI_BEGIN ASM_LANDING_PAD
#if defined PLAIN
#define ASM_RETURNED_TO(name) ASM_FUNCTION(name)
#else
#define ASM_RETURNED_TO(name)                                                  \
    ASM_HEAD(name)                                                             \
    "   .type before_" #name ", %function\n"                                   \
    "before_" #name ":\n" CFI_BEGIN CFI_NO_CALLER                              \
    "   nop\n"                                                                 \
    "   .size before_" #name ", . - before_" #name "\n"                        \
    SYMBOL(name) ":\n" ASM_LANDING_PAD
#endif
#define ASM_END(name)                                                          \
    CFI_END ASM_DIALECT_BACK                                                   \
    "   .size " SYMBOL(name) ", . - " SYMBOL(name) "\n"                        \
    "   .popsection\n"
#else
#error "Not ELF, Mach-O or COFF: asm.h does not know this object format yet."
#endif

#endif
