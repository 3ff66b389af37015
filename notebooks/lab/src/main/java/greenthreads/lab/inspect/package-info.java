/**
 * Pictures of the machine at work: registers, stacks, a call step by step, a timeline of switches,
 * source beside assembly. It may know the packages up to {@code bind}.
 */
package greenthreads.lab.inspect;
