/*
 * pool.h: a fixed number of batches, which is the memory budget of a run.
 *
 * Batches are allocated when first needed and reused last in, first out, so a run whose writers
 * keep up touches only a few of them and they stay in the cache. No lock of its own: the depot,
 * which owns it, has one, and does the waiting.
 */
#ifndef FLOW_POOL_H
#define FLOW_POOL_H

#include "flow/batch.h"

#include <stddef.h>

struct pool {
    size_t batches_max;
    size_t room; /* of each batch */
    size_t allocated;
    size_t out; /* not in the pool */
    struct batch *free;
};

void pool_init(struct pool *p, size_t batches_max, size_t room);
void pool_fini(struct pool *p); /* every batch must be back */

/* Batches that may still be taken. */
size_t pool_left(const struct pool *p);

/* An EMPTY batch, moved to FILLING; NULL when none is left, or without memory for a new one. */
struct batch *pool_take(struct pool *p);
void pool_give(struct pool *p, struct batch *b); /* moves it to EMPTY */

size_t pool_allocated_bytes(const struct pool *p); /* memory of all batches so far */

#endif
