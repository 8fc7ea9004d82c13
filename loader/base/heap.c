/* For explicit_bzero and RTLD_NEXT. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "base/heap.h"

#include "base/sanitizers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GLIBC__) && !SANITIZER_HEAP
#define OWN_FREE 1
#include <dlfcn.h>
#include <malloc.h>
#include <stdatomic.h>
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

#if OWN_FREE

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): glibc's names for its
 * own functions, which stay reachable under them when a program defines the usual ones. */
void *__libc_malloc(size_t size);
void __libc_free(void *p);
void *__libc_realloc(void *p, size_t size);
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the system's are reserved. */

/* LD_PRELOAD can bring another heap, whose blocks glibc must not get; how long they are is not
 * asked either. The pointers are volatile because a compiler takes two names for two functions. */
static bool is_glibcs(void)
{
    void *(*volatile in_use)(size_t) = malloc;
    void *(*volatile own)(size_t) = __libc_malloc;
    return in_use == own;
}

bool heap_wipes(void)
{
    return is_glibcs();
}

/* The other heap's function of this name; cache keeps it. */
static void *foreign(const char *name, _Atomic(void *) *cache)
{
    void *known = atomic_load_explicit(cache, memory_order_relaxed);
    if (known == NULL) {
        known = dlsym(RTLD_NEXT, name);
        atomic_store_explicit(cache, known, memory_order_relaxed);
    }
    return known;
}

static void foreign_free(void *p)
{
    static _Atomic(void *) cache;
    void (*next)(void *) = NULL;
    void *known = foreign("free", &cache);
    memcpy(&next, &known, sizeof next); /* C has no cast for it */
    next(p);
}

static void *foreign_realloc(void *p, size_t size)
{
    static _Atomic(void *) cache;
    void *(*next)(void *, size_t) = NULL;
    void *known = foreign("realloc", &cache);
    memcpy(&next, &known, sizeof next);
    return next(p, size);
}

/* The whole block, not only what was asked for: no caller says how much that was. */
static void wipe(void *p)
{
    explicit_bzero(p, malloc_usable_size(p));
}

void free(void *p)
{
    if (!is_glibcs()) {
        foreign_free(p);
        return;
    }
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
    if (!is_glibcs()) {
        return foreign_realloc(p, size);
    }
    if (depth > 0 && p != NULL && size > 0) {
        return move(p, size);
    }
    if (depth > 0 && p != NULL) {
        wipe(p);
    }
    return __libc_realloc(p, size);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

#else

bool heap_wipes(void)
{
    return false;
}

#endif
