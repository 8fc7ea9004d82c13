#include "job/writers.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/rng.h"
#include "flow/stop.h"
#include "job/readers.h"
#include "pg/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct writers {
    struct writers_config config; /* set once */
    struct {
        bool had_one; /* used by that stream's writer only */
        char name[SESSION_NAME_MAX];
    } stream[];
};

struct writers *writers_new(const struct writers_config *config)
{
    struct writers *w = calloc(1, sizeof *w + config->streams * sizeof w->stream[0]);
    if (w == NULL) {
        return NULL;
    }
    w->config = *config;
    for (unsigned i = 0; i < config->streams; i++) {
        char what[32];
        (void)snprintf(what, sizeof what, "writer-%u", i);
        session_name(config->tag, what, w->stream[i].name);
    }
    return w;
}

void writers_free(struct writers *w)
{
    free(w);
}

static bool check_server(const struct writers *w, struct pg *pg, struct err *err)
{
    struct server_identity got;
    if (!session_identity(pg, &got, err)) {
        return false;
    }
    if (strcmp(got.system, w->config.system) != 0) {
        return err_set(err, ERR_USAGE,
                       "two connections to the destination reached two servers (system identifiers "
                       "%s and %s); name one server, not a load-balanced endpoint",
                       w->config.system, got.system);
    }
    return true;
}

static bool read_ledger_again(const struct writers *w, struct pg *pg, struct err *err)
{
    CLEANUP_FREE struct board_done *done = NULL;
    size_t count = 0;
    if (!ledger_read_done(w->config.ledger, pg, &done, &count, err)) {
        return false;
    }
    board_resync(w->config.board, done, count);
    return true;
}

static bool connect_once(struct writers *w, unsigned stream, struct pg **out, struct err *err)
{
    struct pg *pg = NULL;
    if (!pg_open(w->config.target, w->stream[stream].name, stop_abort_fd(), &pg, err)) {
        return false;
    }
    bool ok = session_pin(pg, w->config.encoding, err) &&
              pg_exec(pg,
                      w->config.commits_wait ? "SET synchronous_commit = on"
                                             : "SET synchronous_commit = off",
                      err) &&
              check_server(w, pg, err) &&
              (!w->config.disable_triggers ||
               pg_exec(pg, "SET session_replication_role = replica", err)) &&
              (!w->stream[stream].had_one || read_ledger_again(w, pg, err));
    if (!ok) {
        pg_close(pg);
        return false;
    }
    w->stream[stream].had_one = true;
    *out = pg;
    return true;
}

static bool attach(void *self, unsigned stream, struct pg **out, struct err *err)
{
    struct writers *w = self;
    struct retry retry = {.attempts = 0};
    struct rng rng;
    rng_seed(&rng, rng_entropy());
    while (!connect_once(w, stream, out, err)) {
        uint64_t wait_ms = 0;
        if (err->kind != ERR_TRANSIENT) {
            return false;
        }
        board_note_retry(w->config.board, err->msg);
        uint64_t left_ms = board_patience_ms(w->config.board);
        if (left_ms == 0 || retry_failed(&retry, &w->config.policy, err->kind, clock_mono_ns(),
                                         &rng, &wait_ms) == RETRY_GIVE_UP) {
            return false;
        }
        board_note_waiting(w->config.board, err->msg);
        if (!stop_wait(stop_drain_fd(), (unsigned)(wait_ms < left_ms ? wait_ms : left_ms))) {
            return err_set(err, ERR_CANCELLED, "stopped by a signal");
        }
    }
    return true;
}

static void detach(void *self, unsigned stream, struct pg *pg)
{
    (void)self;
    (void)stream;
    if (stop_level() == STOP_ABORT) {
        pg_cancel(pg); /* so that no long statement is left running */
    }
    pg_close(pg);
}

struct sink_pg_config writers_sink(struct writers *w, unsigned stream)
{
    assert(stream < w->config.streams);
    return (struct sink_pg_config){.self = w,
                                   .stream = stream,
                                   .job = w->config.ledger->job,
                                   .ledger_schema = w->config.ledger->schema,
                                   .worker = w->stream[stream].name,
                                   .attach = attach,
                                   .detach = detach};
}
