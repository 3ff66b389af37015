/**
 * Processes of their own: the program that runs native code apart from the kernel (its C lies in
 * this package's resources), what it reports, and memory that both sides share; and JVMs of their
 * own. It may know the packages up to {@code call}.
 */
package greenthreads.lab.isolate;
