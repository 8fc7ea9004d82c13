/*
 * heap.h: memory that libraries free is wiped first, in a window that a thread opens.
 *
 * libpq copies passwords into option arrays, a connection's fields and its password file's buffer,
 * and frees most of them as they are. Between heap_wipe_begin and heap_wipe_end whatever the
 * calling thread frees, or moves by realloc, is overwritten first, whoever allocated it and when.
 * This works by defining the program's own free and realloc, which shared libraries then call too;
 * outside a window they cost a few loads and two branches.
 *
 * Only with glibc's own heap, in a program built with -pie: not when LD_PRELOAD brings another
 * heap, and not under AddressSanitizer, ThreadSanitizer or MemorySanitizer, which have their own;
 * there windows do nothing and heap_wipes says so.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>

/* Windows nest. Each thread has its own; both calls of a pair belong to one thread. */
void heap_wipe_begin(void);
void heap_wipe_end(void);

bool heap_wipes(void); /* false where this build, C library or heap cannot */

#endif
