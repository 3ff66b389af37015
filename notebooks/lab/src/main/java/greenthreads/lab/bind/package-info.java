/**
 * From a name to typed calls: finds the source, has it compiled, and binds an interface to it,
 * whose calls run in this process, in one that lives on, or in one of their own; follows the source
 * when it changes. It may know the packages up to {@code crash}.
 */
package greenthreads.lab.bind;
