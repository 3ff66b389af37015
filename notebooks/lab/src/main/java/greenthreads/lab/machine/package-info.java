/**
 * Processors and their ABIs: which registers there are, who owns each, what this machine is. It may
 * know {@code base} and {@code show}.
 */
package greenthreads.lab.machine;
