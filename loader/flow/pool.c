#include "flow/pool.h"

#include <assert.h>

void pool_init(struct pool *p, size_t batches_max, size_t room)
{
    assert(batches_max >= 1);
    *p = (struct pool){.batches_max = batches_max, .room = room};
}

void pool_fini(struct pool *p)
{
    assert(p->out == 0);
    while (p->free != NULL) {
        struct batch *b = p->free;
        p->free = b->next;
        batch_free(b);
    }
    p->allocated = 0;
}

size_t pool_left(const struct pool *p)
{
    return p->batches_max - p->out;
}

struct batch *pool_take(struct pool *p)
{
    if (pool_left(p) == 0) {
        return NULL;
    }
    struct batch *b = p->free;
    if (b != NULL) {
        p->free = b->next;
    } else {
        b = batch_new(p->room);
        if (b == NULL) {
            return NULL;
        }
        p->allocated++;
    }
    p->out++;
    b->next = NULL;
    batch_move(b, BATCH_FILLING);
    return b;
}

void pool_give(struct pool *p, struct batch *b)
{
    assert(p->out > 0);
    batch_move(b, BATCH_EMPTY);
    b->next = p->free;
    p->free = b;
    p->out--;
}

size_t pool_allocated_bytes(const struct pool *p)
{
    return p->allocated * batch_memory_bytes(p->room);
}
