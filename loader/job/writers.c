#include "job/writers.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/rng.h"
#include "flow/stop.h"
#include "job/readers.h"
#include "limitless/limitless.h"
#include "pg/session.h"
#include "pg/sqlstate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUTER_CONNECT_MS 5000u /* there are others */
/* A router that hangs closes nothing, and TCP alone gives it up only after a quarter of an hour. */
#define ROUTER_PROBE_MS 30000u

struct seat { /* used by that stream's writer only */
    const struct writers *writers;
    bool had_one;
    char host[ROUTER_HOST_MAX]; /* of the router it is at */
    uint64_t full_until_ns;     /* of the last attach: it was parked until then; 0: it was not */
    char name[SESSION_NAME_MAX];
};

struct writers {
    struct writers_config config; /* set once */
    struct places *places;
    struct seat stream[];
};

struct writers *writers_new(const struct writers_config *config)
{
    struct writers *w = calloc(1, sizeof *w + config->streams * sizeof w->stream[0]);
    if (w == NULL) {
        return NULL;
    }
    w->config = *config;
    w->places = places_new(config->streams);
    if (w->places == NULL) {
        free(w);
        return NULL;
    }
    for (unsigned i = 0; i < config->streams; i++) {
        char what[32];
        (void)snprintf(what, sizeof what, "writer-%u", i);
        w->stream[i].writers = w;
        session_name(config->tag, what, w->stream[i].name);
    }
    return w;
}

void writers_free(struct writers *w)
{
    if (w != NULL) {
        places_free(w->places);
        free(w);
    }
}

struct places *writers_places(struct writers *w)
{
    return w->places;
}

static bool check_system(const struct writers *w, struct pg *pg, struct err *err)
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

/*
 * Each router of a shard group may be a server with a system identifier of its own, and the numbers
 * in limitless_subclusters are the same in every group. What no other group or database has is this
 * process's lease with its random token: where it can be seen, rows go to the right place. It is
 * renewed under the same token, so that it is always there while the load runs.
 */
static bool check_lease(const struct writers *w, struct pg *pg, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    const struct ledger_query q = {.text = "SELECT 1 FROM @lease WHERE job = $1 AND token = $2",
                                   .more = &w->config.token,
                                   .more_count = 1};
    if (!ledger_ask(w->config.ledger, pg, &q, &r, err)) {
        return false;
    }
    return pg_rows_count(r) == 1 ||
           err_set(err, ERR_USAGE,
                   "the lease of this job is not to be seen at %s: it belongs to another shard "
                   "group, or another loader took the job over",
                   pg_where(pg));
}

static bool check_server(const struct writers *w, struct pg *pg, struct err *err)
{
    return w->config.shard_group ? check_lease(w, pg, err) : check_system(w, pg, err);
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

/* What a shard group does not let us set stays as it is; a lost connection is no such refusal. */
static bool set_or_leave(const struct writers *w, struct pg *pg, const char *sql, struct err *err)
{
    return pg_exec(pg, sql, err) || (w->config.shard_group && !pg_is_dead(pg) &&
                                     err->kind != ERR_CANCELLED && err->kind != ERR_TRANSIENT);
}

static bool prepare(struct writers *w, unsigned stream, struct pg *pg, struct err *err)
{
    return session_pin(pg, w->config.encoding, err) &&
           (!w->config.shard_group || limitless_pin(pg, err)) &&
           set_or_leave(w, pg,
                        w->config.commits_wait ? "SET synchronous_commit = on"
                                               : "SET synchronous_commit = off",
                        err) &&
           check_server(w, pg, err) &&
           (!w->config.disable_triggers ||
            pg_exec(pg, "SET session_replication_role = replica", err)) &&
           (!w->stream[stream].had_one || read_ledger_again(w, pg, err));
}

static bool connect_once(struct writers *w, unsigned stream, const char *host, struct pg **out,
                         struct err *err)
{
    struct pg *pg = NULL;
    struct pg_target target = *w->config.target;
    if (host != NULL) {
        target.host = host;
        target.connect_timeout_ms = ROUTER_CONNECT_MS;
    }
    if (!pg_open(&target, w->stream[stream].name, stop_abort_fd(), &pg, err)) {
        return false;
    }
    if (!prepare(w, stream, pg, err)) {
        pg_close(pg);
        return false;
    }
    w->stream[stream].had_one = true;
    *out = pg;
    return true;
}

static bool is_full(const struct err *err)
{
    return err->kind == ERR_TRANSIENT && sqlstate_plea(err->msg) == PLEA_REFUSED;
}

/* Does the router let somebody in, or say why not? Locks and slow statements are legal reasons to
 * wait; that nobody is there is none. */
static bool router_answers(void *self)
{
    const struct seat *seat = self;
    struct pg *pg = NULL;
    struct err err = {.kind = ERR_NONE};
    struct pg_target target = *seat->writers->config.target;
    target.host = seat->host;
    target.connect_timeout_ms = ROUTER_CONNECT_MS;
    bool in = pg_open(&target, seat->name, stop_abort_fd(), &pg, &err);
    pg_close(pg);
    return in || err.kind != ERR_TRANSIENT || is_full(&err);
}

/*
 * To a router if there are any. *next: there was one that should have been up, so whatever it said,
 * another one, or at last the given endpoint, is to be tried at once; only the endpoint's own word
 * on passwords and the like is final.
 */
static bool connect_somewhere(struct writers *w, unsigned stream, struct pg **out, bool *next,
                              struct err *err)
{
    char host[ROUTER_HOST_MAX];
    struct routers *routers = w->config.routers;
    *next = false;
    if (routers == NULL) {
        return connect_once(w, stream, NULL, out, err);
    }
    uint64_t now_ns = clock_mono_ns();
    bool up = routers_any_up(routers, now_ns);
    bool routed = routers_pick(routers, stream, now_ns, host);
    if (connect_once(w, stream, routed ? host : NULL, out, err)) {
        routers_connected(routers, stream, clock_mono_ns());
        if (routed) {
            struct seat *seat = &w->stream[stream];
            (void)snprintf(seat->host, sizeof seat->host, "%s", host);
            pg_set_probe(*out, ROUTER_PROBE_MS, router_answers, seat);
        }
        return true;
    }
    if (err->kind == ERR_CANCELLED || err->kind == ERR_SYSTEM) {
        routers_left(routers, stream);
        return false;
    }
    if (is_full(err)) {
        routers_refused(routers, stream, clock_mono_ns());
    } else {
        routers_failed(routers, stream, clock_mono_ns());
    }
    *next = up;
    if (routed && err->kind != ERR_TRANSIENT) {
        struct err why = *err;
        (void)err_set(err, ERR_TRANSIENT, "router %s: %.900s", host, why.msg);
    }
    return false;
}

/* Every place that should take us, once. *full: one of them has no room for more connections. */
static bool connect_anywhere(struct writers *w, unsigned stream, struct pg **out, bool *full,
                             struct err *err)
{
    bool next = false;
    *full = false;
    while (!connect_somewhere(w, stream, out, &next, err)) {
        if (err->kind != ERR_TRANSIENT) {
            return false;
        }
        *full = *full || is_full(err);
        board_note_retry(w->config.board, err->msg);
        if (!next || stop_level() != STOP_RUN) {
            return false;
        }
    }
    return true;
}

/* Is this writer to leave the rows to the others? */
static bool park(struct writers *w, unsigned stream, struct err *err)
{
    return places_may_dial(w->places, stream, clock_mono_ns(), &w->stream[stream].full_until_ns)
               ? false
               : !err_set(err, ERR_TRANSIENT, "the destination takes no more connections just now");
}

static bool attach(void *self, unsigned stream, struct pg **out, struct err *err)
{
    struct writers *w = self;
    struct retry retry = {.attempts = 0};
    struct rng rng;
    bool full = false;
    uint64_t *until_ns = &w->stream[stream].full_until_ns;
    *until_ns = 0;
    rng_seed(&rng, rng_entropy());
    if (park(w, stream, err)) {
        return false;
    }
    while (!connect_anywhere(w, stream, out, &full, err)) {
        uint64_t wait_ms = 0;
        if (full && stop_level() == STOP_RUN &&
            places_refused(w->places, stream, clock_mono_ns(), until_ns)) {
            return false;
        }
        places_failed(w->places, stream);
        if (err->kind != ERR_TRANSIENT) {
            return false;
        }
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
    places_taken(w->places, stream, clock_mono_ns());
    return true;
}

static uint64_t full_until(void *self, unsigned stream)
{
    const struct writers *w = self;
    return w->stream[stream].full_until_ns;
}

/* A session that was ended by its server with a word (57P01: terminated, as by the split of a
 * shard) says nothing about the router: if that one is going down, it will not let us in again. */
static bool broke(struct pg *pg)
{
    return pg_is_dead(pg) && stop_level() != STOP_ABORT && strcmp(pg_sqlstate(pg), "57P01") != 0;
}

static void detach(void *self, unsigned stream, struct pg *pg)
{
    struct writers *w = self;
    places_left(w->places, stream);
    if (w->config.routers != NULL) {
        if (broke(pg)) {
            routers_failed(w->config.routers, stream, clock_mono_ns());
        } else {
            routers_left(w->config.routers, stream);
        }
    }
    if (stop_level() == STOP_ABORT) {
        pg_cancel(pg); /* so that no long statement is left running */
    }
    pg_close(pg);
}

/* For the control connection, which has none, or for a better spread. */
static bool should_move(void *self, unsigned stream)
{
    struct writers *w = self;
    return places_should_leave(w->places, stream) ||
           (w->config.routers != NULL &&
            routers_should_move(w->config.routers, stream, clock_mono_ns()));
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
                                   .detach = detach,
                                   .full_until = full_until,
                                   .move = should_move};
}
