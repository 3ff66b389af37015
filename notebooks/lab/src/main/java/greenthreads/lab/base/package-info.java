/**
 * Errors in words, the checkout's folders, the cache of what was built, this machine's system. It
 * knows no other package of the lab.
 */
package greenthreads.lab.base;
