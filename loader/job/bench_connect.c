/* eventfd: Linux. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "base/cleanup.h"
#include "flow/stop.h"
#include "job/bench_internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A lock that somebody's DDL stands in front of is not waited for for long. */
#define LOCK_TIMEOUT "SET lock_timeout = '5s'"

/* ---- the controlling thread's ---- */

static bool check_writable(struct pg *pg, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(pg, "SELECT pg_is_in_recovery()", 0, NULL, &r, err)) {
        return false;
    }
    return !pg_bool(r, 0, 0) ||
           err_set(err, ERR_USAGE, "the destination (%s) is a read-only replica", pg_where(pg));
}

static bool connect_one(struct bench *b, enum auth_side side, struct err *err)
{
    struct pg *pg = NULL;
    if (!session_open(&b->targets[side], "sluice/bench", stop_drain_fd(), &pg, err)) {
        return false;
    }
    b->control[side] = pg;
    char *where = side == AUTH_SOURCE ? b->result->source : b->result->destination;
    (void)snprintf(where, sizeof b->result->source, "%s", pg_where(pg));
    return side == AUTH_SOURCE || check_writable(pg, err);
}

bool bench_connect(struct bench *b, struct err *err)
{
    for (int side = 0; side < AUTH_SIDES; side++) {
        if (b->used[side] && !connect_one(b, (enum auth_side)side, err)) {
            return false;
        }
    }
    if (!session_encoding(b->control[b->shape], b->control[AUTH_DESTINATION], b->encoding, err)) {
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

bool bench_free_slots(struct bench *b, unsigned *streams_max, struct err *err)
{
    uint64_t least = PIPELINE_STREAMS_MAX;
    for (int side = 0; side < AUTH_SIDES; side++) {
        uint64_t left = least;
        if (b->used[side] && !session_free_slots(b->control[side], &left, err)) {
            return false;
        }
        left = left == 0 ? 0 : left - 1; /* one is for dropping the scratch schema */
        least = b->used[side] && left < least ? left : least;
    }
    *streams_max = (unsigned)least;
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
