/* Who may have a batch, and what is given up for it. */
#include "flow/depot_internal.h"

#include <assert.h>

static size_t writers_reserve(const struct depot *d)
{
    bool unpacks = d->options.packers > 0 || d->options.spill != NULL;
    return unpacks ? (size_t)d->options.writers * WRITER_RESERVE : 0;
}

/* Without a spill file half of the memory is for what was sent and may have to be sent again. */
static bool cold_is_full(const struct depot *d)
{
    return d->options.spill == NULL && d->cold_batches >= d->pool.batches_max / 2;
}

bool depot_hot_may_take(const struct depot *d)
{
    return pool_left(&d->pool) > writers_reserve(d);
}

bool depot_may_take_locked(const struct depot *d, const struct parcel *p)
{
    size_t left = pool_left(&d->pool);
    if (p->hot) {
        return depot_hot_may_take(d);
    }
    return left > writers_reserve(d) + (size_t)d->options.writers * HOT_RESERVE && !cold_is_full(d);
}

void depot_wake_readers_locked(struct depot *d)
{
    for (unsigned i = 0; d->memory_waiting > 0 && i < d->options.readers; i++) {
        if (d->readers[i].waits_memory) {
            cond_signal(&d->readers[i].go);
        }
    }
}

void depot_return_locked(struct depot *d, struct batch *b)
{
    pool_give(&d->pool, b);
    depot_wake_readers_locked(d);
    if (d->held_up) {
        d->held_up = false;
        cond_broadcast(&d->line);
    }
}

/* p NULL: the caller keeps the counts of cold batches. */
void depot_free_piece_locked(struct depot *d, struct parcel *p, struct piece *piece)
{
    assert(!piece->busy);
    if (piece->batch != NULL) {
        depot_return_locked(d, piece->batch);
        piece->batch = NULL;
        d->cold_batches -= p != NULL && !p->hot;
    }
    if (piece->kind == PIECE_SPILLED) {
        spill_free_slot(d->options.spill, &piece->slot);
        d->slots_freed++;
        if (d->spill_full) {
            d->spill_full = false;
            cond_broadcast(&d->work);
        }
    }
    piece->kind = PIECE_DROPPED;
}

static size_t droppable(const struct parcel *p)
{
    size_t n = 0;
    for (size_t i = 0; p->hot && i < p->next; i++) {
        n += p->pieces[i].batch != NULL && !p->pieces[i].busy;
    }
    return n;
}

/* All that one parcel has sent: with one piece gone the others are no use either. */
bool depot_drop_sent_locked(struct depot *d)
{
    struct parcel *victim = NULL;
    size_t most = 0;
    for (struct parcel *p = d->first; p != NULL; p = p->after) {
        size_t n = droppable(p);
        if (n > 0 && (n > most || p->dropped)) {
            victim = p;
            most = p->dropped ? SIZE_MAX : n;
        }
    }
    if (victim == NULL) {
        return false;
    }
    victim->dropped = true;
    for (size_t i = 0; i < victim->next; i++) {
        if (!victim->pieces[i].busy) {
            depot_free_piece_locked(d, victim, &victim->pieces[i]);
        }
    }
    return true;
}
