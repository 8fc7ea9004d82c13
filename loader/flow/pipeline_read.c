/* What a reader does. */
#include "flow/pipeline_internal.h"

#include <assert.h>

struct reading {
    struct worker *w;
    const struct source *source;
    struct parcel *parcel;
    struct part part; /* so far */
    bool ended;
    struct err err;
};

static struct batch *take(struct reading *r)
{
    uint64_t wait_ns = 0;
    worker_doing(r->w, SPENT_WAIT_MEMORY);
    struct batch *b = depot_take(r->w->owner->depot, r->parcel, &wait_ns);
    worker_doing(r->w, SPENT_READ);
    counter_add(&r->w->counters.spent_ns[SPENT_WAIT_MEMORY], wait_ns);
    r->parcel->reading.ns[SPENT_WAIT_MEMORY] += wait_ns;
    if (b == NULL) {
        (void)err_set(&r->err, ERR_TRANSIENT, "the destination gave this chunk up");
    }
    return b;
}

static void count(struct reading *r, struct batch *b, const struct filled *got)
{
    struct counters *c = &r->w->counters;
    b->content.bytes += (uint32_t)got->len;
    b->content.rows += got->rows;
    r->part.rows += got->rows;
    r->part.bytes += got->len;
    counter_add(&c->rows, got->rows);
    counter_add(&c->bytes, got->len);
    if (got->row_widest > counter_get(&c->row_widest_bytes)) {
        counter_set(&c->row_widest_bytes, got->row_widest);
    }
    if (got->part_ended) {
        assert(r->parcel->parts_done < r->parcel->task.parts);
        r->parcel->parts[r->parcel->parts_done++] = r->part;
        r->part = (struct part){.rows = 0};
    }
    r->ended = got->task_ended;
}

/* Until the batch is full or the task ended; parts may end in between. */
static bool fill(struct reading *r, struct batch *b)
{
    uint64_t began_ns = clock_mono_ns();
    bool more = true;
    bool ok = true;
    while (ok && more) {
        struct filled got = {.len = 0};
        ok = r->source->fill(r->source->self, b->bytes + b->content.bytes,
                             b->room - b->content.bytes, b->room, &got, &r->err);
        if (ok) {
            count(r, b, &got);
        }
        more = got.part_ended && !got.task_ended && b->content.bytes < b->room;
    }
    (void)worker_spent(r->w, &r->parcel->reading, SPENT_READ, began_ns);
    return ok;
}

static bool pass_on(struct reading *r, struct batch *b)
{
    struct depot *d = r->w->owner->depot;
    uint64_t bytes = b->content.bytes;
    uint64_t wait_ns = 0;
    if (bytes == 0) {
        depot_give(d, b);
        return true;
    }
    batch_seal(b);
    if (!depot_put(d, r->parcel, b)) {
        return err_set(&r->err, ERR_SYSTEM, "out of memory");
    }
    if (r->w->owner->options.max_rate_bytes_s == 0) {
        return true;
    }
    worker_doing(r->w, SPENT_THROTTLE);
    bool ok = depot_pace(d, bytes, &wait_ns);
    worker_doing(r->w, SPENT_READ);
    counter_add(&r->w->counters.spent_ns[SPENT_THROTTLE], wait_ns);
    r->parcel->reading.ns[SPENT_THROTTLE] += wait_ns;
    return ok || err_set(&r->err, ERR_CANCELLED, "stopped by a signal");
}

static bool read_batches(struct reading *r)
{
    while (!r->ended) {
        struct batch *b = take(r);
        if (b == NULL) {
            return false;
        }
        if (!fill(r, b)) {
            depot_give(r->w->owner->depot, b);
            return false;
        }
        if (!pass_on(r, b)) {
            return false;
        }
    }
    return true;
}

static void read_task(struct worker *w, const struct task *task)
{
    const struct feed *feed = &w->owner->options.feed;
    struct reading r = {.w = w, .source = &w->owner->options.sources[w->no]};
    uint64_t ignored = 0;
    r.parcel = depot_open(w->owner->depot, w->no, task);
    if (r.parcel == NULL) {
        (void)err_set(&r.err, ERR_SYSTEM, "out of memory");
        (void)feed->failed(feed->self, task, &r.err, false, &ignored);
        return;
    }
    worker_doing(w, SPENT_READ);
    uint64_t began_ns = clock_mono_ns();
    bool ok = r.source->begin(r.source->self, task, &r.err);
    (void)worker_spent(w, &r.parcel->reading, SPENT_READ, began_ns);
    ok = ok && read_batches(&r);
    if (ok && r.parcel->parts_done != task->parts) {
        ok = err_set(&r.err, ERR_DATA, "%u of %u parts were read", r.parcel->parts_done,
                     task->parts);
    }
    if (!ok) {
        r.source->abandon(r.source->self);
    }
    if (ok && feed->read != NULL) {
        feed->read(feed->self, task);
    }
    counter_set(&w->counters.activity, 0);
    depot_close(w->owner->depot, r.parcel, ok ? NULL : &r.err);
}

static bool wait_turn(struct worker *w)
{
    uint64_t wait_ns = 0;
    bool ok = depot_wait_turn(w->owner->depot, w->no, &wait_ns);
    counter_add(&w->counters.spent_ns[SPENT_WAIT_MEMORY], wait_ns);
    return ok;
}

void reader_run(struct worker *w)
{
    struct pipeline *p = w->owner;
    struct task task;
    while (wait_turn(w) && p->options.feed.claim(p->options.feed.self, w->no, &task)) {
        assert(task.serial != 0);
        read_task(w, &task);
    }
    depot_reader_ended(p->depot);
    atomic_fetch_sub(&p->readers_running, 1);
}
