/*
 * 00-start-here.c: the first native code that the notebooks call.
 *
 * Alone:  cc -std=c17 -O2 -DMAIN 00-start-here.c -o demo && ./demo
 */
#include <stdio.h>

/* The macros of macros turn the compiler's version numbers into text. */
#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)
#if defined __apple_build_version__
#define COMPILER                                                                                   \
    "Apple clang " TEXT(__clang_major__) "." TEXT(__clang_minor__) "." TEXT(__clang_patchlevel__)
#elif defined __clang__
#define COMPILER                                                                                   \
    "clang " TEXT(__clang_major__) "." TEXT(__clang_minor__) "." TEXT(__clang_patchlevel__)
#elif defined __GNUC__
#define COMPILER "gcc " TEXT(__GNUC__) "." TEXT(__GNUC_MINOR__) "." TEXT(__GNUC_PATCHLEVEL__)
#else
#define COMPILER "a C compiler that does not give its name"
#endif

/* The sum. Like Java's + it must fit: but where Java wraps, C makes no promise. */
int add(int a, int b) {
    return a + b;
}

/* One line on C's standard output. */
void hello(void) {
    printf("Hello from C.\n");
}

/* The mean of `count` values; of none, 0. The caller owns the values. C cannot
   ask how many there are: a count that is too large reads what lies behind. */
double mean(const int *values, int count) {
    double sum = 0;

    for (int i = 0; i < count; i++)
        sum += values[i];
    return count > 0 ? sum / count : 0;
}

/* Who made the machine code that is running. The text is part of the library:
   valid while it is loaded, and not to be freed. */
const char *compiled_by(void) {
    return COMPILER;
}

#ifdef MAIN
int main(void) {
    const int values[] = {3, 1, 4, 1, 5, 9};

    hello();
    printf("add(40, 2) is %d.\n", add(40, 2));
    printf("The mean of 3 1 4 1 5 9 is %.3f.\n", mean(values, 6));
    printf("Compiled by %s.\n", compiled_by());
    return 0;
}
#endif
