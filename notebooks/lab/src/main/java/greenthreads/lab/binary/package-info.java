/**
 * What a compiled file says of itself: symbols, prototypes and layouts, read from ELF, Mach-O, PE
 * and DWARF 4. It may know the packages up to {@code compile}.
 */
package greenthreads.lab.binary;
