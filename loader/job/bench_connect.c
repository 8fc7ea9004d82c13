/* eventfd: Linux. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "base/cleanup.h"
#include "flow/stop.h"
#include "job/bench_internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OLDEST_VERSION 110000
/* A lock that somebody's DDL stands in front of is not waited for for long. */
#define LOCK_TIMEOUT "SET lock_timeout = '5s'"

/* ---- the controlling thread's ---- */

/* A pooler answers the start of a session itself, with a process id of its own making. */
static bool check_direct(struct pg *pg, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(pg, "SELECT pg_backend_pid(), pg_is_in_recovery()", 0, NULL, &r, err)) {
        return false;
    }
    if (pg_int(r, 0, 0) != pg_backend_pid(pg)) {
        return err_set(err, ERR_USAGE,
                       "a connection pooler stands between Sluice and the %s (%s); connect to the "
                       "server itself: snapshots and settings do not survive a pooler",
                       pg_side(pg), pg_where(pg));
    }
    if (strcmp(pg_side(pg), "destination") == 0 && pg_bool(r, 0, 1)) {
        return err_set(err, ERR_USAGE, "the destination (%s) is a read-only replica", pg_where(pg));
    }
    return true;
}

static bool connect_one(struct bench *b, enum auth_side side, struct err *err)
{
    const struct pg_target *target = &b->targets[side];
    struct pg *pg = NULL;
    if (!pg_open(target, "sluice/bench", stop_drain_fd(), &pg, err)) {
        return false;
    }
    b->control[side] = pg;
    char *where = side == AUTH_SOURCE ? b->result->source : b->result->destination;
    (void)snprintf(where, sizeof b->result->source, "%s", pg_where(pg));
    if (pg_version(pg) < OLDEST_VERSION) {
        return err_set(err, ERR_USAGE, "the %s is PostgreSQL %d; 11 or newer is needed",
                       target->side, pg_version(pg) / 10000);
    }
    /* First of all: a role's search_path may put functions of its own before the server's. */
    return pg_exec(pg, "SET search_path = pg_catalog", err) && check_direct(pg, err);
}

/* As in a load: the source's own encoding where the destination has a conversion from it. */
static bool choose_encoding(struct bench *b, struct err *err)
{
    struct err why;
    const char *const params[] = {b->encoding};
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    struct pg *destination = b->control[AUTH_DESTINATION];
    if (!session_encoding(b->control[b->shape], b->encoding, err)) {
        return false;
    }
    if (destination == NULL ||
        pg_query(destination, "SELECT set_config('client_encoding', $1, false)", 1, params, &r,
                 &why)) {
        return true;
    }
    if (pg_is_dead(destination) || why.kind == ERR_CANCELLED) {
        *err = why;
        return false;
    }
    (void)snprintf(b->encoding, sizeof b->encoding, "UTF8");
    return true;
}

bool bench_connect(struct bench *b, struct err *err)
{
    for (int side = 0; side < AUTH_SIDES; side++) {
        if (b->used[side] && !connect_one(b, (enum auth_side)side, err)) {
            return false;
        }
    }
    if (!choose_encoding(b, err)) {
        return false;
    }
    for (int side = 0; side < AUTH_SIDES; side++) {
        if (b->used[side] && (!session_pin(b->control[side], b->encoding, err) ||
                              !pg_exec(b->control[side], LOCK_TIMEOUT, err))) {
            return false;
        }
    }
    b->connected = true;
    return true;
}

/* A role without pg_monitor sees of others' sessions that they are there, not of which kind. */
bool bench_free_slots(struct bench *b, unsigned *streams_max, struct err *err)
{
    unsigned least = PIPELINE_STREAMS_MAX;
    for (int side = 0; side < AUTH_SIDES; side++) {
        CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
        if (!b->used[side]) {
            continue;
        }
        if (!pg_query_row(b->control[side],
                          "SELECT current_setting('max_connections')::int"
                          " - current_setting('superuser_reserved_connections')::int"
                          " - (SELECT count(*) FROM pg_stat_activity"
                          "    WHERE datid IS NOT NULL"
                          "    AND coalesce(backend_type, 'client backend') = 'client backend')",
                          0, NULL, &r, err)) {
            return false;
        }
        int64_t left = pg_int(r, 0, 0) - 1; /* one is for dropping the scratch schema */
        least = left < 0 ? 0 : left < (int64_t)least ? (unsigned)left : least;
    }
    *streams_max = least;
    return true;
}

/* ---- the streams' ---- */

static bool open_stream(struct bench *b, enum auth_side side, unsigned stream, struct err *err)
{
    char name[BENCH_SCHEMA_MAX + 32];
    struct pg *pg = NULL;
    /* A writer is named after its schema: what does not end by itself is ended by this name. */
    (void)snprintf(name, sizeof name, "%s/%s-%u", side == AUTH_SOURCE ? "sluice/bench" : b->schema,
                   side == AUTH_SOURCE ? "reader" : "writer", stream);
    /* Opened by the controlling thread, so a signal ends the wait; used by the stream. */
    if (!pg_open(&b->targets[side], name, stop_drain_fd(), &pg, err)) {
        return false;
    }
    bool ok = session_pin(pg, b->encoding, err) &&
              (side == AUTH_SOURCE ? snapshot_import(pg, &b->snapshot, err)
                                   : pg_exec(pg, "SET synchronous_commit = off", err));
    if (!ok) {
        pg_close(pg);
        return false;
    }
    pg_set_wake_fd(pg, b->halt_fd);
    b->streams[side][stream] = pg;
    return true;
}

bool bench_open_streams(struct bench *b, enum auth_side side, unsigned count, struct err *err)
{
    for (unsigned i = 0; i < count; i++) {
        if (b->streams[side][i] == NULL && !open_stream(b, side, i, err)) {
            return false;
        }
    }
    return true;
}

static bool attach(struct bench *b, enum auth_side side, unsigned stream, struct pg **out,
                   struct err *err)
{
    if (b->streams[side][stream] == NULL) {
        return err_set(err, ERR_TRANSIENT, "the connection was lost");
    }
    *out = b->streams[side][stream];
    b->streams[side][stream] = NULL; /* until it is detached */
    return true;
}

bool bench_attach_source(void *self, unsigned stream, struct pg **out, struct err *err)
{
    return attach(self, AUTH_SOURCE, stream, out, err);
}

bool bench_attach_destination(void *self, unsigned stream, struct pg **out, struct err *err)
{
    return attach(self, AUTH_DESTINATION, stream, out, err);
}

static void end_session(struct pg *pg)
{
    pg_cancel(pg); /* so that no long statement is left running */
    pg_close(pg);
}

void bench_detach(void *self, unsigned stream, struct pg *pg)
{
    struct bench *b = self;
    enum auth_side side = strcmp(pg_side(pg), "source") == 0 ? AUTH_SOURCE : AUTH_DESTINATION;
    if (pg_is_dead(pg) || atomic_load(&b->halted)) {
        end_session(pg);
        return;
    }
    b->streams[side][stream] = pg;
}

void bench_halt(struct bench *b)
{
    const uint64_t one = 1;
    atomic_store(&b->halted, true);
    ssize_t ignored = write(b->halt_fd, &one, sizeof one); /* full means already readable */
    (void)ignored;
}

void bench_close_streams(struct bench *b)
{
    for (int side = 0; side < AUTH_SIDES; side++) {
        for (unsigned i = 0; i < PIPELINE_STREAMS_MAX; i++) {
            if (b->streams[side][i] != NULL && atomic_load(&b->halted)) {
                end_session(b->streams[side][i]);
            } else {
                pg_close(b->streams[side][i]);
            }
            b->streams[side][i] = NULL;
        }
    }
}
