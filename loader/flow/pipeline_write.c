/* What a writer does. */
#include "flow/pipeline_internal.h"
#include "flow/stop.h"
#include "flow/unload.h"

#include <assert.h>

struct writing {
    struct worker *w;
    const struct sink *sink;
    const struct feed *feed;
    struct depot *depot;
    struct unload unload;
    struct parcel *parcel;
    uint64_t begin_ns; /* what opening the transaction took */
};

static void fail(struct writing *s, const struct err *err)
{
    uint64_t wait_ms = 0;
    s->sink->rollback(s->sink->self);
    bool resendable = depot_resendable(s->depot, s->parcel);
    enum after_failure what =
        s->feed->failed(s->feed->self, &s->parcel->task, err, resendable, &wait_ms);
    assert(what == TASK_REREAD || resendable);
    if (what == TASK_RESEND) {
        depot_resend(s->depot, s->parcel, clock_mono_ns() + wait_ms * NS_PER_MS);
    } else {
        depot_done(s->depot, s->parcel);
    }
}

static void report(struct writing *s, const struct part *parts, uint64_t commit_ns, bool already)
{
    struct parcel *p = s->parcel;
    struct task_result result = {.parts = parts,
                                 .spent = p->writing,
                                 .busy_ns = clock_mono_ns() - p->since_ns,
                                 .commit_ns = s->begin_ns + commit_ns,
                                 .already_done = already};
    if (!already) {
        spent_add(&result.spent, &p->reading); /* the reader has left */
    }
    depot_settle(s->depot, p);
    s->feed->done(s->feed->self, &p->task, &result);
    depot_done(s->depot, p);
}

/* ---- rows ---- */

static bool send_batches(struct writing *s, struct err *err)
{
    struct counters *c = &s->w->counters;
    const struct batch *rows = NULL;
    bool ok = true;
    while ((ok = unload_next(&s->unload, &rows, err)) && rows != NULL) {
        uint64_t began_ns = clock_mono_ns();
        ok = s->sink->write(s->sink->self, rows->bytes, rows->content.bytes, err);
        (void)worker_spent(s->w, &s->parcel->writing, SPENT_SEND, began_ns);
        if (!ok) {
            break;
        }
        counter_add(&c->rows, rows->content.rows);
        counter_add(&c->bytes, rows->content.bytes);
        counter_add(&c->task_sent_bytes, rows->content.bytes);
        if (s->sink->unsent != NULL) {
            counter_set(&c->unsent_bytes, s->sink->unsent(s->sink->self));
        }
    }
    return ok;
}

static void note_unloading(struct writing *s)
{
    struct spent more = {.ns = {[SPENT_UNPACK] = s->unload.unpack_ns}};
    more.ns[SPENT_SPILL_READ] = s->unload.read_ns;
    spent_add(&s->parcel->writing, &more);
    counter_add(&s->w->counters.spent_ns[SPENT_UNPACK], s->unload.unpack_ns);
    counter_add(&s->w->counters.spent_ns[SPENT_SPILL_READ], s->unload.read_ns);
    s->unload.unpack_ns = 0;
    s->unload.read_ns = 0;
}

static bool send_piece(struct writing *s, struct piece *piece, struct err *err)
{
    bool raw = piece->kind == PIECE_RAW;
    if (raw) {
        batch_move(piece->batch, BATCH_SENDING);
    }
    bool ok = unload_open(&s->unload, piece, err) && send_batches(s, err);
    unload_close(&s->unload);
    note_unloading(s);
    if (raw) {
        batch_move(piece->batch, BATCH_SEALED); /* kept until the commit */
    }
    return ok;
}

/* ---- a transaction ---- */

static void commit(struct writing *s)
{
    struct err err = {.kind = ERR_NONE};
    struct parcel *p = s->parcel;
    uint64_t commit_ns = 0;
    uint64_t began_ns = clock_mono_ns();
    worker_doing(s->w, SPENT_COMMIT);
    bool ok = s->sink->commit(s->sink->self, &p->task, p->parts, &commit_ns, &err);
    uint64_t took_ns = clock_mono_ns() - began_ns;
    commit_ns = commit_ns < took_ns ? commit_ns : took_ns;
    counter_add(&s->w->counters.spent_ns[SPENT_COMMIT], commit_ns);
    counter_add(&s->w->counters.spent_ns[SPENT_SEND], took_ns - commit_ns);
    p->writing.ns[SPENT_COMMIT] += commit_ns;
    p->writing.ns[SPENT_SEND] += took_ns - commit_ns;
    if (ok) {
        report(s, p->parts, commit_ns, false);
    } else {
        fail(s, &err);
    }
}

static void send_all(struct writing *s)
{
    for (;;) {
        struct err err = {.kind = ERR_NONE};
        struct piece piece;
        uint64_t wait_ns = 0;
        worker_doing(s->w, SPENT_WAIT_ROWS);
        enum depot_got got = depot_get(s->depot, s->parcel, &piece, &wait_ns);
        counter_add(&s->w->counters.spent_ns[SPENT_WAIT_ROWS], wait_ns);
        s->parcel->writing.ns[SPENT_WAIT_ROWS] += wait_ns;
        worker_doing(s->w, SPENT_SEND);
        if (got == DEPOT_END) {
            commit(s);
            return;
        }
        if (got == DEPOT_BROKEN) {
            err = s->parcel->why;
            fail(s, &err);
            return;
        }
        if (got == DEPOT_CANCELLED) { /* its reader may be writing why just now */
            (void)err_set(&err, ERR_CANCELLED, "stopped by a signal");
            fail(s, &err);
            return;
        }
        if (!send_piece(s, &piece, &err)) {
            fail(s, &err);
            return;
        }
        depot_sent(s->depot, s->parcel);
    }
}

static void refuse(struct writing *s, const struct err *err)
{
    const struct sink *sink = s->sink;
    uint64_t until_ns = sink->full_until == NULL ? 0 : sink->full_until(sink->self);
    if (until_ns != 0) {
        depot_decline(s->depot, s->parcel, until_ns);
    } else {
        fail(s, err);
    }
}

static void write_parcel(struct writing *s)
{
    struct err err = {.kind = ERR_NONE};
    struct part already_parts[TASK_PARTS_MAX];
    bool already = false;
    if (stop_level() != STOP_RUN) {
        /* Read ahead but not begun: a stop finishes only what the destination already has. */
        (void)err_set(&err, ERR_CANCELLED, "stopped before it began");
        fail(s, &err);
        return;
    }
    worker_doing(s->w, SPENT_BEGIN);
    uint64_t began_ns = clock_mono_ns();
    bool ok = s->sink->begin(s->sink->self, &s->parcel->task, &already, already_parts, &err);
    s->begin_ns = worker_spent(s->w, &s->parcel->writing, SPENT_BEGIN, began_ns) - began_ns;
    if (!ok) {
        refuse(s, &err);
    } else if (already) {
        report(s, already_parts, 0, true);
    } else {
        send_all(s);
    }
}

void writer_run(struct worker *w)
{
    struct pipeline *p = w->owner;
    struct counters *c = &w->counters;
    struct writing s = {
        .w = w, .sink = &p->options.sinks[w->no], .feed = &p->options.feed, .depot = p->depot};
    unload_init(&s.unload, p->depot, p->options.spill);
    for (;;) {
        uint64_t wait_ns = 0;
        worker_doing(w, SPENT_WAIT_ROWS);
        s.parcel = depot_next(p->depot, w->no, &wait_ns);
        counter_add(&c->spent_ns[SPENT_WAIT_ROWS], wait_ns);
        if (s.parcel == NULL) {
            break;
        }
        counter_set(&c->task_sent_bytes, 0);
        counter_set(&c->task_weight_bytes, s.parcel->task.weight_bytes + 1);
        write_parcel(&s);
        counter_set(&c->task_weight_bytes, 0);
        counter_set(&c->unsent_bytes, 0);
    }
    counter_set(&c->activity, 0);
    unload_fini(&s.unload);
}
