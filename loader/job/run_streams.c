#include "job/run_streams.h"

#include "base/clock.h"
#include "flow/pipeline.h"
#include "flow/stop.h"
#include "job/lease.h"
#include "pg/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_MS 200
/* For the chunks in flight after a first signal or a fatal error, then they are rolled back. */
#define GRACE_NS (UINT64_C(4) * NS_PER_S)
/* For threads to come back after STOP_ABORT before they are given up. */
#define ABORT_WAIT_MS 5000u
/* The wait doubles: a refused login is some logins and calls of AWS each time. */
#define CONTROL_RETRY_NS     (UINT64_C(1) * NS_PER_S)
#define CONTROL_RETRY_MAX_NS (UINT64_C(8) * NS_PER_S)

struct ends {
    struct source_pg **sources;
    struct sink_pg **sinks;
    struct source *source_ops;
    struct sink *sink_ops;
};

struct watch {
    struct run_streams *run;
    struct pipeline *pipeline;
    struct load_totals before; /* of earlier rounds of the same run */
    uint64_t renew_ns;
    uint64_t pause_ns; /* before the control connection is tried again */
    uint64_t grace_ns; /* 0: not ending */
    bool cancelled;
};

/* ---- the ends ---- */

static void ends_free(struct ends *e, unsigned streams)
{
    for (unsigned i = 0; i < streams; i++) {
        if (e->sources != NULL) {
            source_pg_free(e->sources[i]);
        }
        if (e->sinks != NULL) {
            sink_pg_free(e->sinks[i]);
        }
    }
    free(e->sources);
    free(e->sinks);
    free(e->source_ops);
    free(e->sink_ops);
}

static bool ends_make(const struct run_streams *r, struct ends *e, struct err *err)
{
    e->sources = calloc(r->streams, sizeof(struct source_pg *));
    e->sinks = calloc(r->streams, sizeof(struct sink_pg *));
    e->source_ops = calloc(r->streams, sizeof *e->source_ops);
    e->sink_ops = calloc(r->streams, sizeof *e->sink_ops);
    bool ok =
        e->sources != NULL && e->sinks != NULL && e->source_ops != NULL && e->sink_ops != NULL;
    for (unsigned i = 0; ok && i < r->streams; i++) {
        struct source_pg_config from = readers_source(r->readers, i);
        struct sink_pg_config to = writers_sink(r->writers, i);
        e->sources[i] = source_pg_new(&from);
        e->sinks[i] = sink_pg_new(&to);
        ok = e->sources[i] != NULL && e->sinks[i] != NULL;
        if (ok) {
            e->source_ops[i] = source_pg_ops(e->sources[i]);
            e->sink_ops[i] = sink_pg_ops(e->sinks[i]);
        }
    }
    return ok || err_set(err, ERR_SYSTEM, "out of memory for %u streams", r->streams);
}

/* ---- looking ---- */

static void add_counters(const struct counters *c, struct load_totals *t)
{
    uint64_t weight = counter_get(&c->task_weight_bytes);
    uint64_t sent = counter_get(&c->task_sent_bytes);
    uint64_t widest = counter_get(&c->row_widest_bytes);
    t->source_wait_ns += counter_get(&c->queue_wait_ns);
    t->send_ns += counter_get(&c->send_ns);
    t->commit_ns += counter_get(&c->commit_ns);
    t->bytes_sent += counter_get(&c->bytes_sent);
    t->row_widest_bytes = widest > t->row_widest_bytes ? widest : t->row_widest_bytes;
    t->in_flight_bytes += sent < weight ? sent : weight;
}

static void look(const struct watch *w)
{
    struct run_streams *r = w->run;
    struct load_totals t = w->before;
    size_t memory = pipeline_memory_bytes(w->pipeline);
    t.in_flight_bytes = 0;
    for (unsigned i = 0; i < r->streams; i++) {
        add_counters(pipeline_counters(w->pipeline, i), &t);
    }
    t.elapsed_ms = (clock_mono_ns() - r->began_ns) / NS_PER_MS;
    t.memory_peak_bytes = memory > t.memory_peak_bytes ? memory : t.memory_peak_bytes;
    t.streams_busy = pipeline_busy(w->pipeline);
    r->result->totals = t;
    board_look(r->board, &r->result->board);
    board_retry_reasons(r->board, r->result->retry_reasons, sizeof r->result->retry_reasons);
}

static void show(const struct watch *w)
{
    const struct run_streams *r = w->run;
    struct load_progress p = {.board = r->result->board,
                              .totals = r->result->totals,
                              .done_bytes_at_start = r->done_bytes_at_start,
                              .draining = stop_level() != STOP_RUN};
    r->observer->progress(r->observer->self, &p);
}

/* ---- the control connection ---- */

static void reconnect_control(struct run_streams *r)
{
    struct err err;
    struct pg *pg = NULL;
    if (!pg_open(r->control_target, r->control_name, stop_abort_fd(), &pg, &err)) {
        board_note_retry(r->board, err.msg);
        return;
    }
    if (!session_pin(pg, r->encoding, &err) || !ledger_keep_commits(pg, &err)) {
        pg_close(pg);
        return;
    }
    *r->control = pg;
}

/* The lease shows that we live; a lost connection is opened again, for ever: the streams decide
 * whether the destination is lost. Somebody else's lease ends this run. */
static void renew(struct watch *w)
{
    struct run_streams *r = w->run;
    struct err err = {.kind = ERR_NONE};
    char id[SNAPSHOT_ID_MAX];
    int pid = 0;
    if (*r->control == NULL) {
        reconnect_control(r);
    }
    if (*r->control == NULL) {
        w->renew_ns = clock_mono_ns() + w->pause_ns;
        w->pause_ns =
            2 * w->pause_ns < CONTROL_RETRY_MAX_NS ? 2 * w->pause_ns : CONTROL_RETRY_MAX_NS;
        return;
    }
    w->pause_ns = CONTROL_RETRY_NS;
    bool ok = lease_renew(r->ledger, *r->control, r->token, &err);
    if (ok && readers_holder_changed(r->readers, id, &pid)) {
        ok = ledger_rename_snapshot(r->ledger, *r->control, r->snapshot_no, id, pid, &err);
    }
    if (!ok && err.kind == ERR_BUSY) {
        board_fail(r->board, &err);
    } else if (!ok) {
        pg_close(*r->control);
        *r->control = NULL;
    }
    w->renew_ns = clock_mono_ns() + (ok ? (uint64_t)LEASE_RENEW_MS * NS_PER_MS : CONTROL_RETRY_NS);
}

/* ---- ending ---- */

static void check_end(struct watch *w)
{
    struct err fatal;
    uint64_t now_ns = clock_mono_ns();
    /* A lost snapshot may be followed by another round, so it must not raise the stop level; the
     * streams end by themselves then, as nothing more is handed out. */
    bool ending = stop_level() != STOP_RUN ||
                  (board_failed(w->run->board, &fatal) && fatal.kind != ERR_LOST_SNAPSHOT);
    if (ending && w->grace_ns == 0) {
        w->grace_ns = now_ns + GRACE_NS;
        board_wake(w->run->board);
    }
    if (w->grace_ns != 0 && now_ns >= w->grace_ns) {
        stop_raise(STOP_ABORT);
    }
    if (stop_level() == STOP_ABORT && !w->cancelled) {
        w->cancelled = true;
        board_wake(w->run->board);
        pipeline_cancel(w->pipeline);
    }
}

/* Until every thread has ended, or did not in time after the abort. */
static void watch_all(struct watch *w)
{
    uint64_t give_up_ns = UINT64_MAX;
    bool ended = false;
    while (!ended && clock_mono_ns() < give_up_ns) {
        struct pollfd p[2] = {
            {.fd = pipeline_done_fd(w->pipeline),           .events = POLLIN},
 /* Once readable it stays so: then the tick is enough. */
            {.fd = w->grace_ns == 0 ? stop_drain_fd() : -1, .events = POLLIN},
        };
        if (poll(p, 2, TICK_MS) < 0 && errno != EINTR) {
            stop_raise(STOP_ABORT);
        }
        ended = p[0].revents != 0;
        check_end(w);
        if (w->cancelled && give_up_ns == UINT64_MAX) {
            give_up_ns = clock_mono_ns() + (uint64_t)ABORT_WAIT_MS * NS_PER_MS;
        }
        look(w);
        show(w);
        if (!ended && !w->cancelled && clock_mono_ns() >= w->renew_ns) {
            renew(w);
        }
    }
}

static bool verdict(const struct run_streams *r, struct err *err)
{
    if (board_failed(r->board, err)) {
        return false;
    }
    if (r->result->board.chunks_done < r->result->board.chunks_total) {
        return err_set(err, ERR_CANCELLED, "stopped by a signal");
    }
    return true;
}

bool run_streams(struct run_streams *r, struct err *err)
{
    struct ends ends = {0};
    struct watch w = {.run = r, .before = r->result->totals, .pause_ns = CONTROL_RETRY_NS};
    if (!ends_make(r, &ends, err)) {
        ends_free(&ends, r->streams);
        return false;
    }
    struct pipeline_options options = {.streams = r->streams,
                                       .memory_bytes = r->spec->memory_bytes,
                                       .feed = board_feed(r->board),
                                       .sources = ends.source_ops,
                                       .sinks = ends.sink_ops};
    if (!pipeline_start(&options, &w.pipeline, err)) {
        ends_free(&ends, r->streams);
        return false;
    }
    watch_all(&w);
    if (!pipeline_join(w.pipeline, 100)) {
        r->result->abandon_threads = true; /* nothing that they use may be freed */
        return err_set(err, ERR_CANCELLED, "stopped; some connections did not end in time");
    }
    look(&w);
    pipeline_free(w.pipeline);
    ends_free(&ends, r->streams);
    return verdict(r, err);
}
