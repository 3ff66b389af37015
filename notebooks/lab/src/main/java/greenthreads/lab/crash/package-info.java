/**
 * Why a process ended: the scene as it was reported, the likely cause in words, the report to be
 * shown. It may know the packages up to {@code isolate}.
 */
package greenthreads.lab.crash;
