#include "flow/pool.h"

#include "base/clock.h"
#include "base/thread.h"

#include <assert.h>
#include <stdlib.h>

struct pool {
    struct mutex lock; /* guards everything below but the two sizes */
    struct cond returned;
    size_t batches_max; /* set once */
    size_t batch_bytes; /* set once */
    size_t allocated;
    size_t free_count;
    bool cancelled;
    struct batch *free_list[];
};

struct pool *pool_new(size_t batches, size_t batch_bytes)
{
    assert(batches >= 1);
    struct pool *p = calloc(1, sizeof *p + batches * sizeof(struct batch *));
    if (p == NULL) {
        return NULL;
    }
    mutex_init(&p->lock);
    cond_init(&p->returned);
    p->batches_max = batches;
    p->batch_bytes = batch_bytes;
    p->free_list[0] = batch_new(batch_bytes); /* with one there is always some way on */
    if (p->free_list[0] == NULL) {
        pool_free(p);
        return NULL;
    }
    p->allocated = 1;
    p->free_count = 1;
    return p;
}

void pool_free(struct pool *p)
{
    if (p == NULL) {
        return;
    }
    assert(p->free_count == p->allocated);
    for (size_t i = 0; i < p->free_count; i++) {
        batch_free(p->free_list[i]);
    }
    cond_destroy(&p->returned);
    mutex_destroy(&p->lock);
    free(p);
}

/* A new batch while the budget allows one and there is memory. */
static void grow_locked(struct pool *p) REQUIRES(p->lock);
static void grow_locked(struct pool *p)
{
    if (p->free_count == 0 && p->allocated < p->batches_max) {
        struct batch *b = batch_new(p->batch_bytes);
        if (b != NULL) {
            p->free_list[p->free_count++] = b;
            p->allocated++;
        }
    }
}

struct batch *pool_take(struct pool *p, uint64_t *wait_ns)
{
    struct batch *b = NULL;

    mutex_lock(&p->lock);
    grow_locked(p);
    if (p->free_count == 0 && !p->cancelled) {
        uint64_t began_ns = clock_mono_ns();
        while (p->free_count == 0 && !p->cancelled) {
            cond_wait(&p->returned, &p->lock);
        }
        *wait_ns += clock_mono_ns() - began_ns;
    }
    if (p->free_count > 0 && !p->cancelled) {
        b = p->free_list[--p->free_count];
    }
    mutex_unlock(&p->lock);
    if (b != NULL) {
        batch_move(b, BATCH_FILLING);
    }
    return b;
}

bool pool_wait_settled(struct pool *p, size_t out_max, uint64_t *wait_ns)
{
    mutex_lock(&p->lock);
    if (p->allocated - p->free_count > out_max && !p->cancelled) {
        uint64_t began_ns = clock_mono_ns();
        while (p->allocated - p->free_count > out_max && !p->cancelled) {
            cond_wait(&p->returned, &p->lock);
        }
        *wait_ns += clock_mono_ns() - began_ns;
    }
    bool ok = !p->cancelled;
    mutex_unlock(&p->lock);
    return ok;
}

void pool_give(struct pool *p, struct batch *b)
{
    batch_move(b, BATCH_EMPTY);
    mutex_lock(&p->lock);
    assert(p->free_count < p->allocated);
    p->free_list[p->free_count++] = b;
    cond_signal(&p->returned);
    mutex_unlock(&p->lock);
}

void pool_cancel(struct pool *p)
{
    mutex_lock(&p->lock);
    p->cancelled = true;
    cond_broadcast(&p->returned);
    mutex_unlock(&p->lock);
}

size_t pool_allocated_bytes(struct pool *p)
{
    mutex_lock(&p->lock);
    size_t bytes = p->allocated * (p->batch_bytes + sizeof(struct batch));
    mutex_unlock(&p->lock);
    return bytes;
}
