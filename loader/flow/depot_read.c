/* The readers' side. */
#include "base/clock.h"
#include "flow/depot_internal.h"

#include <assert.h>
#include <stdlib.h>

/* More parcels than this in line bring nothing while nothing can be put aside on disk. */
static bool line_is_full(const struct depot *d)
{
    return d->options.spill == NULL && d->cold >= (size_t)d->options.readers + d->options.writers;
}

/* One that ended has heard that there is no more work; so may those that are not active, who would
 * keep the run from ending. */
static bool is_parked(const struct depot *d, unsigned reader)
{
    return reader >= d->readers_active && d->readers_left == d->options.readers;
}

bool depot_wait_turn(struct depot *d, unsigned reader, uint64_t *wait_ns)
{
    mutex_lock(&d->lock);
    while (!d->cancelled && (is_parked(d, reader) || line_is_full(d))) {
        bool active = !is_parked(d, reader);
        uint64_t began_ns = clock_mono_ns();
        cond_wait(&d->line, &d->lock);
        *wait_ns += active ? clock_mono_ns() - began_ns : 0;
    }
    bool ok = !d->cancelled;
    mutex_unlock(&d->lock);
    return ok;
}

struct parcel *depot_open(struct depot *d, unsigned reader, const struct task *task)
{
    struct lot *lot = calloc(1, sizeof *lot);
    if (lot == NULL || !parcel_init(&lot->parcel, task)) {
        free(lot);
        return NULL;
    }
    lot->reader = reader;
    lot->writer = NO_SEAT;
    mutex_lock(&d->lock);
    d->readers[reader].parcel = &lot->parcel;
    depot_link_locked(d, &lot->parcel);
    cond_broadcast(&d->line);
    mutex_unlock(&d->lock);
    return &lot->parcel;
}

/* ---- memory ---- */

/* Far enough ahead; held back until half of that is sent, so that a reader that overtakes its
 * writer is not woken for each batch. */
static bool too_far(const struct depot *d, const struct reader_seat *seat, const struct parcel *p)
{
    size_t max = seat->waits_ahead ? d->ahead_max / 2 : d->ahead_max - 1;
    return d->ahead_max != AHEAD_UNLIMITED && p->ahead > max;
}

static bool must_wait_locked(struct depot *d, struct reader_seat *seat, struct parcel *p)
    REQUIRES(d->lock);
static bool must_wait_locked(struct depot *d, struct reader_seat *seat, struct parcel *p)
{
    if (too_far(d, seat, p)) {
        seat->waits_ahead = true;
        return true;
    }
    seat->waits_ahead = false;
    if (depot_may_take_locked(d, p)) {
        return false;
    }
    depot_call_packers_locked(d);
    bool may_drop = p->hot && !(d->options.keep_all && depot_can_spill(d));
    return !may_drop || !depot_drop_sent_locked(d);
}

static void wait_locked(struct depot *d, struct reader_seat *seat, uint64_t *wait_ns)
    REQUIRES(d->lock);
static void wait_locked(struct depot *d, struct reader_seat *seat, uint64_t *wait_ns)
{
    uint64_t began_ns = clock_mono_ns();
    seat->waits_memory = !seat->waits_ahead;
    d->memory_waiting += seat->waits_memory;
    cond_wait(&seat->go, &d->lock);
    d->memory_waiting -= seat->waits_memory;
    seat->waits_memory = false;
    uint64_t now_ns = clock_mono_ns();
    seat->held_back_ns = now_ns;
    *wait_ns += now_ns - began_ns;
}

struct batch *depot_take(struct depot *d, struct parcel *p, uint64_t *wait_ns)
{
    struct reader_seat *seat = &d->readers[lot_of(p)->reader];
    struct batch *b = NULL;
    mutex_lock(&d->lock);
    while (b == NULL && !d->cancelled && !p->unwanted) {
        if (must_wait_locked(d, seat, p)) {
            wait_locked(d, seat, wait_ns);
        } else {
            b = pool_take(&d->pool);
            if (b == NULL && d->pool.out == 0) {
                break; /* no memory at all */
            }
            if (b == NULL) { /* the machine has less than the budget: make do with what there is */
                d->pool.batches_max = d->pool.allocated;
            }
        }
    }
    seat->waits_ahead = false;
    mutex_unlock(&d->lock);
    return b;
}

void depot_give(struct depot *d, struct batch *b)
{
    mutex_lock(&d->lock);
    depot_return_locked(d, b);
    mutex_unlock(&d->lock);
}

/* ---- rows ---- */

static void wake_writer(struct depot *d, const struct parcel *p)
{
    uint32_t writer = ((const struct lot *)(const void *)p)->writer;
    if (writer != NO_SEAT && d->writers[writer].waits) {
        cond_signal(&d->writers[writer].rows);
    }
}

bool depot_put(struct depot *d, struct parcel *p, struct batch *b)
{
    assert(b->state == BATCH_SEALED && p->state == PARCEL_READING);
    mutex_lock(&d->lock);
    bool ok = parcel_reserve(p);
    if (ok) {
        parcel_append(p, &(struct piece){.kind = PIECE_RAW, .batch = b});
        p->ahead++;
        d->cold_batches += !p->hot;
        if (!p->hot && p->count == 1) {
            cond_broadcast(&d->line); /* a writer may prefer a parcel that has rows */
        }
        wake_writer(d, p);
        depot_call_packers_locked(d);
    } else {
        depot_return_locked(d, b);
    }
    mutex_unlock(&d->lock);
    return ok;
}

void depot_close(struct depot *d, struct parcel *p, const struct err *broken)
{
    mutex_lock(&d->lock);
    p->state = broken == NULL ? PARCEL_COMPLETE : PARCEL_BROKEN;
    if (broken != NULL) {
        p->why = *broken;
    }
    p->reader_left = true;
    d->readers[lot_of(p)->reader].parcel = NULL;
    lot_of(p)->reader = NO_SEAT;
    wake_writer(d, p);
    if (!p->hot) {
        cond_broadcast(&d->line);
    }
    depot_call_packers_locked(d);
    depot_release_locked(d, p);
    mutex_unlock(&d->lock);
}

bool depot_pace(struct depot *d, uint64_t bytes, uint64_t *wait_ns)
{
    mutex_lock(&d->lock);
    uint64_t began_ns = clock_mono_ns();
    uint64_t pause_ns = pacer_take(&d->pacer, bytes, began_ns);
    if (pause_ns > 0) {
        d->throttled++;
        while (!d->cancelled && clock_mono_ns() < began_ns + pause_ns) {
            (void)cond_wait_until(&d->line, &d->lock, began_ns + pause_ns);
        }
        d->throttled--;
        *wait_ns += clock_mono_ns() - began_ns;
    }
    bool ok = !d->cancelled;
    mutex_unlock(&d->lock);
    return ok;
}

void depot_reader_ended(struct depot *d)
{
    mutex_lock(&d->lock);
    d->readers_left--;
    cond_broadcast(&d->line);
    cond_broadcast(&d->work);
    mutex_unlock(&d->lock);
}
