/**
 * The C compiler and its companions: from a source to a shared library in the cache, to assembly,
 * and from machine code back to instructions. It may know the packages up to {@code source}.
 */
package greenthreads.lab.compile;
