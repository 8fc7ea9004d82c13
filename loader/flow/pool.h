/*
 * pool.h: a fixed number of batches, which is the memory budget of a stream.
 *
 * Batches are allocated when first needed and reused last in, first out, so a stream whose writer
 * keeps up touches only a few of them and they stay in the cache. pool_take blocking is the
 * back-pressure on a reader. Any thread may call, but pool_free is for the owner at the end.
 */
#ifndef FLOW_POOL_H
#define FLOW_POOL_H

#include "flow/batch.h"

struct pool;

struct pool *pool_new(size_t batches, size_t batch_bytes); /* NULL without memory */
void pool_free(struct pool *p);                            /* every batch must be back */

/* An EMPTY batch, moved to FILLING. NULL when the pool was cancelled. wait_ns is increased by the
 * time spent waiting for a batch. Without memory for more it makes do with what there is. */
struct batch *pool_take(struct pool *p, uint64_t *wait_ns);
/* Waits until at most this many batches are out. False when the pool was cancelled. wait_ns as
 * above. */
bool pool_wait_settled(struct pool *p, size_t out_max, uint64_t *wait_ns);
void pool_give(struct pool *p, struct batch *b); /* moves it to EMPTY */

void pool_cancel(struct pool *p);            /* wakes every taker; may be called twice */
size_t pool_allocated_bytes(struct pool *p); /* memory of all batches so far */

#endif
