/**
 * The notebook kernel's side: IJava with the habits that the chapters need, the magic {@code %%c},
 * errors as sentences. It may know all packages; none knows it.
 */
package greenthreads.lab.kernel;
