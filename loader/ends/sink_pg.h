/*
 * sink_pg.h: rows into PostgreSQL: a sink (flow/ends.h) that writes each group of chunks in one
 * transaction together with a ledger row for each chunk.
 *
 *   BEGIN; INSERT chunk_done; COPY FROM   ── one message, one round trip
 *   CopyData ...
 *   UPDATE chunk_done (the counts); COMMIT
 *
 * The ledger rows go first: another attempt at the same chunk, even one whose COMMIT is still
 * on its way, holds the key, so this one waits and then gets a unique violation, which means
 * "done".
 */
#ifndef ENDS_SINK_PG_H
#define ENDS_SINK_PG_H

#include "base/err.h"
#include "flow/ends.h"
#include "pg/pg.h"

struct sink_pg;

struct sink_pg_config {
    void *self; /* for the functions below */
    unsigned stream;
    const char *job;           /* as it is in the ledger */
    const char *ledger_schema; /* unquoted; borrowed */
    const char *worker;        /* what chunk_done.worker says */
    bool (*attach)(void *self, unsigned stream, struct pg **out, struct err *err);
    void (*detach)(void *self, unsigned stream, struct pg *pg);
    /* After a failed attach: as full_until of struct sink. May be NULL. */
    uint64_t (*full_until)(void *self, unsigned stream);
    /* Between two transactions: should this stream take another connection? May be NULL. */
    bool (*move)(void *self, unsigned stream);
};

struct sink_pg *sink_pg_new(const struct sink_pg_config *config); /* NULL: no memory */
struct sink sink_pg_ops(struct sink_pg *s);
void sink_pg_free(struct sink_pg *s);

#endif
