/**
 * What a cell can show: figures, tables, charts, listings and the verdict of a check, each as HTML
 * with a plain text beside it. It may know {@code base}.
 */
package greenthreads.lab.show;
