#include "base/clock.h"
#include "flow/depot_internal.h"

#include <assert.h>
#include <stdlib.h>

/* ---- making and ending ---- */

static bool make_seats(struct depot *d)
{
    d->readers = calloc(d->options.readers + 1, sizeof *d->readers);
    d->writers = calloc(d->options.writers + 1, sizeof *d->writers);
    if (d->readers == NULL || d->writers == NULL) {
        return false;
    }
    for (unsigned i = 0; i < d->options.readers; i++) {
        cond_init(&d->readers[i].go);
    }
    for (unsigned i = 0; i < d->options.writers; i++) {
        cond_init(&d->writers[i].rows);
    }
    return true;
}

static size_t batches_max(const struct depot_options *o)
{
    size_t least =
        (size_t)o->writers * (WRITER_RESERVE + HOT_RESERVE) + o->readers + o->packers + 1;
    size_t many = (size_t)(o->memory_bytes / batch_memory_bytes(o->room));
    return many > least ? many : least;
}

struct depot *depot_new(const struct depot_options *o)
{
    struct depot *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return NULL;
    }
    mutex_init(&d->lock);
    cond_init(&d->line);
    cond_init(&d->work);
    d->options = *o;
    d->packing = o->pack;
    pool_init(&d->pool, batches_max(o), o->room);
    d->ahead_limit = d->pool.batches_max / 2 / (o->readers == 0 ? 1 : o->readers);
    d->ahead_limit = d->ahead_limit < AHEAD_START ? AHEAD_START : d->ahead_limit;
    d->ahead_max = o->spill != NULL || o->pack_early ? AHEAD_UNLIMITED : AHEAD_START;
    d->pacer.bytes_per_s = o->max_rate_bytes_s;
    d->readers_left = o->readers;
    d->readers_active = o->readers;
    d->writers_active = o->writers;
    if (!make_seats(d)) {
        depot_free(d);
        return NULL;
    }
    return d;
}

static void free_seats(struct depot *d)
{
    for (unsigned i = 0; d->readers != NULL && i < d->options.readers; i++) {
        cond_destroy(&d->readers[i].go);
    }
    for (unsigned i = 0; d->writers != NULL && i < d->options.writers; i++) {
        cond_destroy(&d->writers[i].rows);
    }
    free(d->readers);
    free(d->writers);
}

void depot_drain(struct depot *d, void (*each)(void *self, const struct task *task), void *self)
{
    mutex_lock(&d->lock);
    for (struct parcel *p = d->first; p != NULL; p = p->after) {
        if (!p->unwanted) {
            p->unwanted = true;
            each(self, &p->task);
        }
    }
    mutex_unlock(&d->lock);
}

void depot_free(struct depot *d)
{
    if (d == NULL) {
        return;
    }
    mutex_lock(&d->lock);
    while (d->first != NULL) {
        struct parcel *p = d->first;
        p->packers = 0;
        depot_remove_locked(d, p);
    }
    mutex_unlock(&d->lock);
    if (d->readers != NULL && d->writers != NULL) {
        free_seats(d);
    }
    pool_fini(&d->pool);
    cond_destroy(&d->line);
    cond_destroy(&d->work);
    mutex_destroy(&d->lock);
    free(d);
}

void depot_cancel(struct depot *d)
{
    mutex_lock(&d->lock);
    d->cancelled = true;
    cond_broadcast(&d->line);
    cond_broadcast(&d->work);
    for (unsigned i = 0; i < d->options.readers; i++) {
        cond_broadcast(&d->readers[i].go);
    }
    for (unsigned i = 0; i < d->options.writers; i++) {
        cond_broadcast(&d->writers[i].rows);
    }
    mutex_unlock(&d->lock);
}

/* ---- the list ---- */

size_t depot_batches_in_memory(const struct parcel *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++) {
        n += p->pieces[i].batch != NULL;
    }
    return n;
}

void depot_link_locked(struct depot *d, struct parcel *p)
{
    p->prev = d->last;
    p->after = NULL;
    if (d->last != NULL) {
        d->last->after = p;
    } else {
        d->first = p;
    }
    d->last = p;
    d->parcels++;
    d->cold++;
}

void depot_remove_locked(struct depot *d, struct parcel *p)
{
    assert(p->packers == 0);
    if (!p->hot) {
        d->cold--;
        d->cold_batches -= depot_batches_in_memory(p);
    }
    for (size_t i = 0; i < p->count; i++) {
        depot_free_piece_locked(d, NULL, &p->pieces[i]);
    }
    if (p->prev != NULL) {
        p->prev->after = p->after;
    } else {
        d->first = p->after;
    }
    if (p->after != NULL) {
        p->after->prev = p->prev;
    } else {
        d->last = p->prev;
    }
    d->parcels--;
    parcel_fini(p);
    free(lot_of(p));
    cond_broadcast(&d->line);
    if (d->parcels == 0 && d->readers_left == 0) {
        cond_broadcast(&d->work); /* that was all */
    }
}

void depot_release_locked(struct depot *d, struct parcel *p)
{
    if (p->unwanted && p->reader_left && p->packers == 0 && !p->hot) {
        depot_remove_locked(d, p);
    }
}

/* ---- the controlling thread ---- */

void depot_set_active(struct depot *d, unsigned readers, unsigned writers)
{
    mutex_lock(&d->lock);
    d->readers_active = readers;
    d->writers_active = writers;
    cond_broadcast(&d->line);
    mutex_unlock(&d->lock);
}

void depot_seal(struct depot *d)
{
    mutex_lock(&d->lock);
    d->sealing = true;
    cond_broadcast(&d->work);
    mutex_unlock(&d->lock);
}

bool depot_sealed(struct depot *d, bool (*each)(void *self, const struct parcel *p), void *self)
{
    mutex_lock(&d->lock);
    bool ok = !d->cancelled;
    for (const struct parcel *p = d->first; ok && p != NULL; p = p->after) {
        ok = p->unwanted || (!p->settling && parcel_is_spilled(p));
    }
    for (const struct parcel *p = d->first; ok && each != NULL && p != NULL; p = p->after) {
        ok = p->unwanted || each(self, p);
    }
    mutex_unlock(&d->lock);
    return ok;
}

void depot_set_packing(struct depot *d, bool pack)
{
    mutex_lock(&d->lock);
    d->packing = pack;
    mutex_unlock(&d->lock);
}

void depot_spill_broken(struct depot *d)
{
    mutex_lock(&d->lock);
    d->spill_broken = true;
    depot_wake_readers_locked(d);
    mutex_unlock(&d->lock);
}

bool depot_restore(struct depot *d, const struct task *task, const struct part *parts,
                   struct piece *pieces, size_t count)
{
    struct lot *lot = calloc(1, sizeof *lot);
    struct part *copy = calloc(task->parts, sizeof *copy);
    if (lot == NULL || copy == NULL) {
        free(lot);
        free(copy);
        return false;
    }
    for (unsigned i = 0; i < task->parts; i++) {
        copy[i] = parts[i];
    }
    lot->parcel = (struct parcel){.task = *task,
                                  .parts = copy,
                                  .parts_done = task->parts,
                                  .state = PARCEL_COMPLETE,
                                  .reader_left = true,
                                  .pieces = pieces,
                                  .count = count,
                                  .room = count};
    lot->reader = NO_SEAT;
    lot->writer = NO_SEAT;
    mutex_lock(&d->lock);
    depot_link_locked(d, &lot->parcel);
    mutex_unlock(&d->lock);
    return true;
}

/* Parked ones go on until their task ends. */
static void count_at_work_locked(const struct depot *d, struct depot_view *out) REQUIRES(d->lock);
static void count_at_work_locked(const struct depot *d, struct depot_view *out)
{
    uint64_t now_ns = clock_mono_ns();
    out->readers_at_work = d->readers_active;
    out->writers_at_work = 0;
    for (unsigned i = 0; i < d->options.writers; i++) {
        out->writers_at_work += depot_writer_active_locked(d, i, now_ns);
    }
    for (const struct parcel *p = d->first; p != NULL; p = p->after) {
        const struct lot *lot = (const struct lot *)(const void *)p;
        out->readers_at_work += lot->reader != NO_SEAT && lot->reader >= d->readers_active;
        out->writers_at_work +=
            lot->writer != NO_SEAT && !depot_writer_active_locked(d, lot->writer, now_ns);
    }
}

void depot_look(struct depot *d, struct depot_view *out)
{
    mutex_lock(&d->lock);
    *out = (struct depot_view){.memory_bytes = pool_allocated_bytes(&d->pool),
                               .parcels = d->parcels,
                               .cold_parcels = d->cold,
                               .raw_bytes_packed = d->raw_bytes_packed,
                               .packed_bytes = d->packed_bytes,
                               .ahead_batches = d->ahead_max,
                               .readers_waiting_memory = d->memory_waiting,
                               .spill_full = d->spill_full,
                               .throttled = d->throttled > 0,
                               .reading = d->readers_left > 0};
    count_at_work_locked(d, out);
    mutex_unlock(&d->lock);
}
