/**
 * What a call from Java to C consists of: the types on both sides, where code and memory lie in
 * this process, what the call prints, how C calls back. It may know the packages up to {@code
 * binary}.
 */
package greenthreads.lab.call;
