/* What packers are to do, and what becomes of it. */
#include "base/clock.h"
#include "flow/depot_internal.h"

#include <assert.h>

/* Pieces that a writer is about to send are left to it. */
#define NEAR_WRITER 8u
/* A parcel that still grows is packed in runs of at least this many. */
#define RUN_MIN 8u

/* ---- pressure ---- */

static size_t scarce(const struct depot *d)
{
    size_t quarter = d->pool.batches_max / 4;
    size_t reserves = (size_t)d->options.writers * (WRITER_RESERVE + HOT_RESERVE) +
                      d->options.packers + d->options.readers;
    return quarter > reserves ? quarter : reserves;
}

static bool wants_packing(const struct depot *d)
{
    if (!d->packing || (d->spill_broken && !d->options.pack_early)) {
        return false;
    }
    return d->sealing || d->pool.out >= d->pool.batches_max / 2 || pool_left(&d->pool) <= scarce(d);
}

static bool wants_spilling(const struct depot *d)
{
    return depot_can_spill(d) && (d->sealing || pool_left(&d->pool) <= scarce(d));
}

void depot_call_packers_locked(struct depot *d)
{
    if (d->options.packers > 0 && (wants_packing(d) || wants_spilling(d))) {
        cond_signal(&d->work);
    }
}

/* ---- choosing ---- */

/* What is being written is left alone, unless it has to be kept at any price. */
static bool may_touch(const struct depot *d, const struct parcel *p)
{
    return !p->unwanted && !p->dropped && p->state != PARCEL_BROKEN &&
           (!p->hot || d->sealing || d->options.keep_all);
}

static size_t kept_for_writer(const struct depot *d, const struct parcel *p)
{
    return p->hot && !d->sealing ? NEAR_WRITER : 0;
}

static bool find_run(const struct depot *d, const struct parcel *p, struct pack_job *out)
{
    struct raw_run_limits limits = {
        .max = PACK_RUN_MAX, .keep_from = p->next, .keep = kept_for_writer(d, p)};
    size_t least = p->state == PARCEL_READING && !d->sealing ? RUN_MIN : 1;
    size_t first = 0;
    size_t n = 0;
    while ((n = parcel_raw_run(p, &first, &limits)) > 0 && n < least) {
        first += n;
    }
    out->first = first;
    out->count = n;
    return n > 0;
}

static bool find_piece(const struct depot *d, const struct parcel *p, bool raw_too,
                       struct pack_job *out)
{
    size_t keep = kept_for_writer(d, p);
    for (size_t i = 0; i < p->count; i++) {
        const struct piece *piece = &p->pieces[i];
        bool near = i >= p->next && i - p->next < keep;
        if (!piece->busy && !near &&
            (piece->kind == PIECE_PACKED || (raw_too && piece->kind == PIECE_RAW))) {
            out->first = i;
            out->count = 1;
            return true;
        }
    }
    return false;
}

static bool fits(const struct depot *d, struct parcel *p, enum pack_work work, bool raw_too,
                 struct pack_job *out)
{
    bool found = may_touch(d, p) &&
                 (work == PACK_ROWS ? find_run(d, p, out) : find_piece(d, p, raw_too, out));
    if (found) {
        out->work = work;
        out->parcel = p;
    }
    return found;
}

/* The newest parcels first: they are written last. Ends when all batches in memory were looked at.
 */
static bool search(struct depot *d, enum pack_work work, bool raw_too, struct pack_job *out)
{
    size_t seen = 0;
    for (struct parcel *p = d->last; p != NULL; p = p->prev) {
        if (fits(d, p, work, raw_too, out)) {
            return true;
        }
        seen += depot_batches_in_memory(p);
        if (seen >= d->pool.out) {
            break;
        }
    }
    return false;
}

static void claim_locked(struct depot *d, struct pack_job *job) REQUIRES(d->lock);
static void claim_locked(struct depot *d, struct pack_job *job)
{
    job->parcel->packers++;
    job->slots_freed = d->slots_freed;
    for (size_t i = 0; i < job->count; i++) {
        struct piece *piece = &job->parcel->pieces[job->first + i];
        piece->busy = true;
        job->raw[i] = piece->batch;
        batch_move(piece->batch, BATCH_PACKING);
    }
    if (job->work == PACK_ROWS) {
        job->packed = pool_take(&d->pool);
    }
}

static bool choose_locked(struct depot *d, struct pack_job *out) REQUIRES(d->lock);
static bool choose_locked(struct depot *d, struct pack_job *out)
{
    /* What writers unpack into is not to be had, not even for a moment. */
    size_t each = d->options.spill == NULL ? 1 : WRITER_RESERVE;
    bool room = pool_left(&d->pool) > d->options.writers * each;
    if (wants_spilling(d) && search(d, PACK_SPILL, !d->packing || !room, out)) {
        return true;
    }
    return wants_packing(d) && room && search(d, PACK_ROWS, false, out);
}

enum pack_work depot_pack_next(struct depot *d, struct pack_job *out)
{
    enum pack_work work = PACK_END;
    uint64_t full_ns = 0;
    uint64_t idle_ns = 0;
    mutex_lock(&d->lock);
    while (!d->cancelled && (d->readers_left > 0 || d->parcels > 0)) {
        *out = (struct pack_job){.work = PACK_END, .full_ns = full_ns, .idle_ns = idle_ns};
        if (choose_locked(d, out)) {
            claim_locked(d, out);
            if (out->work == PACK_SPILL || out->packed != NULL) {
                work = out->work;
                break;
            }
            mutex_unlock(&d->lock);
            depot_packed(d, out, 0); /* the machine has no memory for another batch */
            mutex_lock(&d->lock);
        }
        bool full = d->spill_full;
        uint64_t began_ns = clock_mono_ns();
        cond_wait(&d->work, &d->lock);
        uint64_t waited_ns = clock_mono_ns() - began_ns;
        full_ns += full ? waited_ns : 0;
        idle_ns += full ? 0 : waited_ns;
    }
    mutex_unlock(&d->lock);
    return work;
}

/* ---- done ---- */

static void wake_writer_locked(struct depot *d, struct parcel *p) REQUIRES(d->lock);
static void wake_writer_locked(struct depot *d, struct parcel *p)
{
    uint32_t writer = lot_of(p)->writer;
    if (writer != NO_SEAT) {
        cond_signal(&d->writers[writer].rows); /* it may wait for just this piece */
    }
}

static void end_locked(struct depot *d, struct pack_job *job) REQUIRES(d->lock);
static void end_locked(struct depot *d, struct pack_job *job)
{
    struct parcel *p = job->parcel;
    p->packers--;
    for (size_t i = job->first; i < job->first + job->count; i++) {
        if (p->unwanted || (p->dropped && i < p->next)) {
            depot_free_piece_locked(d, p, &p->pieces[i]);
        }
    }
    wake_writer_locked(d, p);
    depot_release_locked(d, p);
    depot_wake_readers_locked(d);
}

static void replace_locked(struct depot *d, struct pack_job *job, size_t taken) REQUIRES(d->lock);
static void replace_locked(struct depot *d, struct pack_job *job, size_t taken)
{
    struct parcel *p = job->parcel;
    for (size_t i = 0; i < taken; i++) {
        struct piece *piece = &p->pieces[job->first + i];
        d->raw_bytes_packed += piece->batch->content.raw_bytes;
        p->ahead -= job->first + i >= p->next;
        depot_return_locked(d, piece->batch);
        piece->batch = NULL;
        piece->kind = PIECE_MERGED;
    }
    d->packed_bytes += job->packed->content.bytes;
    p->pieces[job->first].kind = PIECE_PACKED;
    p->pieces[job->first].batch = job->packed;
    d->cold_batches -= p->hot ? 0 : taken - 1;
}

void depot_packed(struct depot *d, struct pack_job *job, size_t taken)
{
    mutex_lock(&d->lock);
    for (size_t i = 0; i < job->count; i++) {
        struct piece *piece = &job->parcel->pieces[job->first + i];
        piece->busy = false;
        if (i >= taken) {
            batch_move(piece->batch, BATCH_SEALED);
        }
    }
    if (taken > 0) {
        replace_locked(d, job, taken);
    } else if (job->packed != NULL) {
        depot_return_locked(d, job->packed);
    }
    end_locked(d, job);
    mutex_unlock(&d->lock);
}

void depot_spilled(struct depot *d, struct pack_job *job, const struct spill_slot *slot, bool full)
{
    mutex_lock(&d->lock);
    struct parcel *p = job->parcel;
    struct piece *piece = &p->pieces[job->first];
    piece->busy = false;
    if (slot != NULL) {
        p->ahead -= piece->kind == PIECE_RAW && job->first >= p->next;
        piece->kind = PIECE_SPILLED;
        piece->slot = *slot;
        depot_return_locked(d, piece->batch);
        piece->batch = NULL;
        d->cold_batches -= !p->hot;
    } else {
        batch_move(piece->batch, BATCH_SEALED);
        /* Unless something was freed meanwhile: that may have been the last that ever is. */
        d->spill_full = d->spill_full || (full && job->slots_freed == d->slots_freed);
    }
    end_locked(d, job);
    mutex_unlock(&d->lock);
}
