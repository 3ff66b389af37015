/**
 * What the chapters' cells start from: {@link greenthreads.lab.Lab}. It knows all packages below
 * but {@code kernel}.
 */
package greenthreads.lab;
