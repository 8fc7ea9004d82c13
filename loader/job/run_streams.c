#include "job/run_streams.h"

#include "base/clock.h"
#include "flow/stop.h"
#include "job/lease.h"
#include "job/run_internal.h"
#include "pg/sqlstate.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define TICK_MS 200
/* For the chunks in flight after a first signal or a fatal error, then they are rolled back. */
#define GRACE_NS (UINT64_C(4) * NS_PER_S)
/* For threads to come back after STOP_ABORT before they are given up. */
#define ABORT_WAIT_MS 5000u
/* The wait doubles: a refused login is some logins and calls of AWS each time. */
#define CONTROL_RETRY_NS     (UINT64_C(1) * NS_PER_S)
#define CONTROL_RETRY_MAX_NS (UINT64_C(8) * NS_PER_S)
#define CONTROL_PATIENCE_MS  8000u /* of a lease's 30 s */

/* ---- the control connection ---- */

/* The next place is tried at once; a pause comes after all of them. */
static bool reconnect_control(struct watch *w)
{
    struct run_streams *r = w->run;
    struct err err;
    if (control_open(&r->control_places, stop_abort_fd(), r->control, &err)) {
        w->pause_ns = CONTROL_RETRY_NS;
        w->places = 0;
        places_have_control(writers_places(r->writers));
        return true;
    }
    board_note_retry(r->board, err.msg);
    if (err.kind == ERR_TRANSIENT && sqlstate_plea(err.msg) == PLEA_REFUSED) {
        places_want_control(writers_places(r->writers), clock_mono_ns());
    }
    if (++w->places < control_places_count(&r->control_places)) {
        w->renew_ns = clock_mono_ns();
        return false;
    }
    w->places = 0;
    w->renew_ns = clock_mono_ns() + w->pause_ns;
    w->pause_ns = 2 * w->pause_ns < CONTROL_RETRY_MAX_NS ? 2 * w->pause_ns : CONTROL_RETRY_MAX_NS;
    return false;
}

/* A router that hangs must not cost the lease, nor the watch over the streams: there are others. */
static void set_patience(const struct watch *w)
{
    const struct run_streams *r = w->run;
    pg_set_patience(*r->control, r->control_places.shard_group ? CONTROL_PATIENCE_MS : 0);
}

/* The lease shows that we live; a lost connection is opened again, for ever: the streams decide
 * whether the destination is lost. Somebody else's lease ends this run. */
static void renew(struct watch *w)
{
    struct run_streams *r = w->run;
    struct err err = {.kind = ERR_NONE};
    char id[SNAPSHOT_ID_MAX];
    int pid = 0;
    if (*r->control == NULL && !reconnect_control(w)) {
        return;
    }
    set_patience(w);
    bool ok = lease_renew(r->ledger, *r->control, r->token, &err);
    if (ok && r->readers != NULL && readers_holder_changed(r->readers, id, &pid)) {
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

/* ---- giving the source back early ---- */

static void note(const struct watch *w, const char *text)
{
    w->run->observer->note(w->run->observer->self, text);
}

static void try_release(struct watch *w)
{
    struct run_streams *r = w->run;
    struct depot *depot = pipeline_depot(w->pipeline);
    struct err err;
    if (!w->sealing && board_all_read(r->board)) {
        w->sealing = true;
        depot_seal(depot);
    }
    if (!w->sealing || clock_mono_ns() < w->release_ns || !board_all_read(r->board) ||
        !depot_sealed(depot, NULL, NULL)) {
        return;
    }
    if (r->hooks.release(r->hooks.self, depot, &err)) {
        w->released = true;
        r->result->totals.released_ms = (clock_mono_ns() - r->began_ns) / NS_PER_MS;
        board_release(r->board);
        return;
    }
    if (err.kind == ERR_TRANSIENT) {
        w->release_ns = clock_mono_ns() + CONTROL_RETRY_NS;
        return;
    }
    w->early = false;
    char text[ERR_MSG_MAX + 64];
    (void)snprintf(text, sizeof text, "the source is kept to the end after all: %s", err.msg);
    note(w, text);
}

static void tend_source(struct watch *w)
{
    if (w->early && !w->released && stop_level() == STOP_RUN) {
        try_release(w);
    }
    if (w->released && !w->given_back && pipeline_readers_ended(w->pipeline)) {
        run_ends_free_sources(&w->ends, w->run->streams);
        w->run->hooks.give_back(w->run->hooks.self);
        w->run->readers = NULL;
        w->given_back = true;
    }
}

static void tell_spill_error(struct watch *w)
{
    struct err err;
    if (!w->told_spill_error && pipeline_spill_error(w->pipeline, &err)) {
        char text[ERR_MSG_MAX + 64];
        (void)snprintf(text, sizeof text, "nothing more is spilled: %s", err.msg);
        note(w, text);
        w->told_spill_error = true;
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
        run_look(w);
        run_steer(w);
        run_routers(w);
        run_places(w);
        run_show(w);
        tell_spill_error(w);
        tend_source(w);
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
        return stop_level() != STOP_RUN
                   ? err_set(err, ERR_CANCELLED, "stopped by a signal")
                   : err_set(err, ERR_DATA, "the streams ended before the last row was committed");
    }
    return true;
}

static unsigned packers_for(const struct run_streams *r)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (r->spill == NULL && r->spec->compression != COMPRESSION_LEVEL) {
        return 0;
    }
    return cores < 4                          ? 1
           : cores / 2 > PIPELINE_PACKERS_MAX ? PIPELINE_PACKERS_MAX
                                              : (unsigned)cores / 2;
}

static int compression_of(const struct spec *spec)
{
    switch (spec->compression) {
    case COMPRESSION_OFF:
        return PIPELINE_COMPRESS_OFF;
    case COMPRESSION_LEVEL:
        return spec->compression_level;
    case COMPRESSION_AUTO:
    default:
        return PIPELINE_COMPRESS_AUTO;
    }
}

static bool start(struct watch *w, struct err *err)
{
    struct run_streams *r = w->run;
    w->packers = packers_for(r);
    w->has_readers = r->readers != NULL;
    struct pipeline_options options = {
        .readers = r->readers == NULL ? 0 : r->streams,
        .writers = r->streams,
        .packers = w->packers,
        .memory_bytes = r->spec->memory_bytes,
        .room = r->spill_room != 0
                    ? r->spill_room
                    : pipeline_batch_room(r->spec->memory_bytes, r->streams, r->streams),
        .compression = compression_of(r->spec),
        .spill = r->spill,
        .keep_all = r->release_early,
        .max_rate_bytes_s = r->spec->max_rate_bytes_s,
        .feed = board_feed(r->board),
        .sources = w->ends.source_ops,
        .sinks = w->ends.sink_ops};
    if (!pipeline_new(&options, &w->pipeline, err)) {
        return false;
    }
    run_steer_open(w);
    if (r->readers == NULL &&
        !r->hooks.restore(r->hooks.self, pipeline_depot(w->pipeline), r->board, err)) {
        return false;
    }
    return pipeline_start(w->pipeline, err);
}

static void close_watch(struct watch *w)
{
    pipeline_free(w->pipeline);
    run_ends_free(&w->ends, w->run->streams);
    run_look_close(w);
}

bool run_streams(struct run_streams *r, struct err *err)
{
    struct watch w = {
        .run = r, .pause_ns = CONTROL_RETRY_NS, .routers_ns = clock_mono_ns() + ROUTERS_LOOK_NS};
    w.early = r->release_early && r->readers != NULL;
    if (!run_look_open(&w, err) || !run_ends_make(r, &w.ends, err) || !start(&w, err)) {
        close_watch(&w);
        return false;
    }
    watch_all(&w);
    if (!pipeline_join(w.pipeline, 100)) {
        r->result->abandon_threads = true; /* nothing that they use may be freed */
        return err_set(err, ERR_CANCELLED, "stopped; some connections did not end in time");
    }
    run_look(&w);
    run_routers(&w);
    run_places_end(&w);
    tend_source(&w);
    if (*r->control != NULL) {
        pg_set_patience(*r->control, 0); /* long statements may follow */
    }
    close_watch(&w);
    return verdict(r, err);
}
