/*
 * 13-from-here-to-loom.c: what this file is for, in a sentence.
 *
 * Alone:  cc -std=c17 -O2 -DMAIN 13-from-here-to-loom.c -o demo && ./demo
 */
#include <stdio.h>

/* What the cells call: what it does, who owns what is passed, what cannot fail. */
int answer(void) {
    return 42;
}

/* Twice `n`, which has to fit. */
int twice(int n) {
    return 2 * n;
}

#ifdef MAIN
int main(void) {
    printf("The answer is %d.\n", answer());
    printf("Twice 21 is %d.\n", twice(21));
    return 0;
}
#endif
