/* For explicit_bzero. */
#define _DEFAULT_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "base/heap.h"

#include "base/sanitizers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GLIBC__) && !SANITIZER_HEAP
#define OWN_FREE 1
#include <malloc.h>
#else
#define OWN_FREE 0
#endif

/* How many windows this thread is in. The program's own thread-local memory exists before the first
 * library runs, so free can look at it at any time. */
static _Thread_local unsigned depth;

void heap_wipe_begin(void)
{
    depth++;
}

void heap_wipe_end(void)
{
    assert(depth > 0);
    depth--;
}

bool heap_wipes(void)
{
    return OWN_FREE != 0;
}

#if OWN_FREE

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): glibc's names for its
 * own functions, which stay reachable under them when a program defines the usual ones. */
void __libc_free(void *p);
void *__libc_realloc(void *p, size_t size);
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the system's are reserved. */

/* The whole block, not only what was asked for: no caller says how much that was. */
static void wipe(void *p)
{
    explicit_bzero(p, malloc_usable_size(p));
}

void free(void *p)
{
    if (depth > 0 && p != NULL) {
        wipe(p);
    }
    __libc_free(p);
}

/* glibc would free the old block, or the end of one that shrinks, by itself. */
static void *move(void *p, size_t size)
{
    void *fresh = malloc(size);
    if (fresh != NULL) {
        size_t old = malloc_usable_size(p);
        memcpy(fresh, p, old < size ? old : size);
        wipe(p);
        __libc_free(p);
    }
    return fresh;
}

void *realloc(void *p, size_t size)
{
    if (depth > 0 && p != NULL && size > 0) {
        return move(p, size);
    }
    if (depth > 0 && p != NULL) {
        wipe(p);
    }
    return __libc_realloc(p, size);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

#endif
