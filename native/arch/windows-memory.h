/*
 * windows-memory.h: what chapter 07 asks the system for, in the words of Windows.
 *
 * On the left what POSIX calls it, as the chapter does; on the right the same for
 * the purposes of the chapter, and for no others. What the system promises is
 * counted here when it is promised, so all stacks together must fit into memory
 * and the paging file, touched or not. It still becomes memory page by page.
 */
#ifndef GREEN_THREADS_ARCH_WINDOWS_MEMORY_H
#define GREEN_THREADS_ARCH_WINDOWS_MEMORY_H

/* clang-format off: a line each. */

#define MAP_FAILED NULL
#define mmap(at, size, ...) VirtualAlloc(at, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)
#define munmap(memory, size) VirtualFree(memory, 0, MEM_RELEASE)

/* No marks in the page table here: a guard page allows nothing. */
#define mark_guard(low, size) (-1)
#define mprotect(low, size, none) (VirtualProtect(low, size, PAGE_NOACCESS, &(DWORD){0}) ? 0 : -1)

/* The only number that the chapter asks for is the size of a page. */
#define sysconf(name) 4096

#endif
