/**
 * Other machines: compiling for them, running there, and what was recorded where that cannot be
 * done. It may know the packages up to {@code inspect}.
 */
package greenthreads.lab.cross;
