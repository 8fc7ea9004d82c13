/* The writers' side. */
#include "base/clock.h"
#include "flow/depot_internal.h"

#include <assert.h>

/* A reader that was held back this recently could have been further ahead. */
#define HELD_BACK_NS (UINT64_C(1) * NS_PER_S)

/* ---- taking a parcel ---- */

/* A parcel without a batch in memory needs one for its reader, and cannot free any by being sent:
 * a writer that took it while others lie on all the memory would wait for ever, and so would they
 * for a writer. */
static bool can_begin(const struct depot *d, const struct parcel *p)
{
    return p->state != PARCEL_READING || depot_batches_in_memory(p) > 0 || depot_hot_may_take(d);
}

/* The oldest that is due; among these, one that has something to send already. *wake_ns becomes the
 * time when the next one is due. */
static struct parcel *choose_locked(struct depot *d, uint64_t *wake_ns) REQUIRES(d->lock);
static struct parcel *choose_locked(struct depot *d, uint64_t *wake_ns)
{
    struct parcel *empty = NULL;
    uint64_t now_ns = clock_mono_ns();
    d->held_up = false;
    for (struct parcel *p = d->first; p != NULL; p = p->after) {
        if (p->hot || p->unwanted) {
            continue;
        }
        if (p->not_before_ns > now_ns) {
            *wake_ns = p->not_before_ns < *wake_ns ? p->not_before_ns : *wake_ns;
        } else if (!can_begin(d, p)) {
            d->held_up = true;
        } else if (p->count > 0 || p->state != PARCEL_READING) {
            return p;
        } else if (empty == NULL) {
            empty = p;
        }
    }
    return empty;
}

static void take_locked(struct depot *d, struct parcel *p, unsigned writer) REQUIRES(d->lock);
static void take_locked(struct depot *d, struct parcel *p, unsigned writer)
{
    p->hot = true;
    p->next = 0;
    p->since_ns = clock_mono_ns();
    d->cold--;
    d->cold_batches -= depot_batches_in_memory(p);
    lot_of(p)->writer = writer;
    if (lot_of(p)->reader != NO_SEAT) {
        cond_signal(&d->readers[lot_of(p)->reader].go); /* it may take more memory now */
    }
    depot_wake_readers_locked(d);
    cond_broadcast(&d->line); /* there is room in line */
}

bool depot_writer_active_locked(const struct depot *d, unsigned writer, uint64_t now_ns)
{
    unsigned before = 0;
    for (unsigned i = 0; i < writer; i++) {
        before += d->writers[i].away_until_ns <= now_ns;
    }
    return d->writers[writer].away_until_ns <= now_ns && before < d->writers_active;
}

struct parcel *depot_next(struct depot *d, unsigned writer, uint64_t *wait_ns)
{
    struct parcel *p = NULL;
    uint64_t waited_ns = 0;
    mutex_lock(&d->lock);
    while (!d->cancelled && (d->readers_left > 0 || d->parcels > 0)) {
        uint64_t now_ns = clock_mono_ns();
        uint64_t away_ns = d->writers[writer].away_until_ns;
        uint64_t wake_ns = away_ns > now_ns ? away_ns : UINT64_MAX;
        bool active = depot_writer_active_locked(d, writer, now_ns);
        p = active ? choose_locked(d, &wake_ns) : NULL;
        if (p != NULL) {
            take_locked(d, p, writer);
            break;
        }
        uint64_t began_ns = clock_mono_ns();
        if (wake_ns == UINT64_MAX) {
            cond_wait(&d->line, &d->lock);
        } else {
            (void)cond_wait_until(&d->line, &d->lock, wake_ns);
        }
        waited_ns += active ? clock_mono_ns() - began_ns : 0;
    }
    mutex_unlock(&d->lock);
    *wait_ns += p == NULL ? 0 : waited_ns; /* a wait for the end is no wait for rows */
    return p;
}

/* ---- sending it ---- */

/* A writer that waits for a reader that was held back: the reader may get further ahead. */
static void let_ahead_locked(struct depot *d, const struct parcel *p) REQUIRES(d->lock);
static void let_ahead_locked(struct depot *d, const struct parcel *p)
{
    uint32_t reader = ((const struct lot *)(const void *)p)->reader;
    if (reader == NO_SEAT || d->ahead_max == AHEAD_UNLIMITED || d->ahead_max >= d->ahead_limit) {
        return;
    }
    uint64_t held_ns = d->readers[reader].held_back_ns;
    if (held_ns != 0 && clock_mono_ns() - held_ns < HELD_BACK_NS) {
        d->ahead_max = 2 * d->ahead_max < d->ahead_limit ? 2 * d->ahead_max : d->ahead_limit;
    }
}

static void wait_rows_locked(struct depot *d, struct parcel *p, uint64_t *wait_ns)
    REQUIRES(d->lock);
static void wait_rows_locked(struct depot *d, struct parcel *p, uint64_t *wait_ns)
{
    struct writer_seat *seat = &d->writers[lot_of(p)->writer];
    uint64_t began_ns = clock_mono_ns();
    let_ahead_locked(d, p);
    seat->waits = true;
    cond_wait(&seat->rows, &d->lock);
    seat->waits = false;
    *wait_ns += clock_mono_ns() - began_ns;
}

enum depot_got depot_get(struct depot *d, struct parcel *p, struct piece *out, uint64_t *wait_ns)
{
    enum depot_got got = DEPOT_CANCELLED;
    mutex_lock(&d->lock);
    while (!d->cancelled) {
        p->next = parcel_skip_merged(p, p->next);
        if (p->state == PARCEL_BROKEN) {
            got = DEPOT_BROKEN;
            break;
        }
        if (p->next < p->count && !p->pieces[p->next].busy) {
            assert(p->pieces[p->next].kind != PIECE_DROPPED);
            p->pieces[p->next].busy = true;
            p->sending = true;
            *out = p->pieces[p->next];
            got = DEPOT_PIECE;
            break;
        }
        if (p->next == p->count && p->state == PARCEL_COMPLETE) {
            got = DEPOT_END;
            break;
        }
        wait_rows_locked(d, p, wait_ns);
    }
    mutex_unlock(&d->lock);
    return got;
}

void depot_sent(struct depot *d, struct parcel *p)
{
    mutex_lock(&d->lock);
    struct piece *piece = &p->pieces[p->next];
    uint32_t reader = lot_of(p)->reader;
    piece->busy = false;
    p->sending = false;
    if (piece->kind == PIECE_RAW) {
        p->ahead--;
    }
    p->next++;
    if (p->dropped) {
        depot_free_piece_locked(d, p, piece);
    }
    if (reader != NO_SEAT && d->readers[reader].waits_ahead && p->ahead <= d->ahead_max / 2) {
        cond_signal(&d->readers[reader].go);
    }
    depot_wake_readers_locked(d); /* one that waits for memory may drop this now */
    if (d->sealing) {
        depot_call_packers_locked(d); /* they passed over it while it was busy */
    }
    mutex_unlock(&d->lock);
}

struct batch *depot_take_for_writer(struct depot *d)
{
    mutex_lock(&d->lock);
    struct batch *b = d->cancelled ? NULL : pool_take(&d->pool);
    mutex_unlock(&d->lock);
    return b;
}

/* ---- the end of it ---- */

/* Nothing of it is sent any more, and so nothing of it is dropped from now on. */
static void rewind_parcel(struct parcel *p)
{
    if (p->sending) {
        p->pieces[p->next].busy = false;
        p->sending = false;
    }
    p->next = 0;
    p->ahead = 0;
    for (size_t i = 0; i < p->count; i++) {
        p->ahead += p->pieces[i].kind == PIECE_RAW;
    }
}

static void leave_locked(struct depot *d, struct parcel *p) REQUIRES(d->lock);
static void leave_locked(struct depot *d, struct parcel *p)
{
    rewind_parcel(p);
    p->hot = false;
    p->settling = false;
    d->cold++;
    d->cold_batches += depot_batches_in_memory(p);
    lot_of(p)->writer = NO_SEAT;
}

void depot_done(struct depot *d, struct parcel *p)
{
    mutex_lock(&d->lock);
    leave_locked(d, p);
    p->unwanted = true;
    for (size_t i = 0; i < p->count; i++) {
        if (!p->pieces[i].busy) {
            depot_free_piece_locked(d, p, &p->pieces[i]);
        }
    }
    if (lot_of(p)->reader != NO_SEAT) {
        cond_signal(&d->readers[lot_of(p)->reader].go);
    }
    depot_release_locked(d, p);
    cond_broadcast(&d->line);
    mutex_unlock(&d->lock);
}

void depot_settle(struct depot *d, struct parcel *p)
{
    mutex_lock(&d->lock);
    p->settling = true;
    mutex_unlock(&d->lock);
}

bool depot_resendable(struct depot *d, struct parcel *p)
{
    mutex_lock(&d->lock);
    bool can = !d->cancelled && !p->dropped && p->state != PARCEL_BROKEN;
    p->settling = true;
    rewind_parcel(p); /* the answer must still be true when the feed has decided */
    mutex_unlock(&d->lock);
    return can;
}

void depot_resend(struct depot *d, struct parcel *p, uint64_t not_before_ns)
{
    mutex_lock(&d->lock);
    leave_locked(d, p);
    assert(!p->dropped);
    p->not_before_ns = not_before_ns;
    depot_call_packers_locked(d);
    cond_broadcast(&d->line);
    mutex_unlock(&d->lock);
}

void depot_decline(struct depot *d, struct parcel *p, uint64_t until_ns)
{
    mutex_lock(&d->lock);
    assert(p->next == 0 && !p->sending);
    d->writers[lot_of(p)->writer].away_until_ns = until_ns;
    leave_locked(d, p);
    depot_call_packers_locked(d);
    cond_broadcast(&d->line);
    mutex_unlock(&d->lock);
}
