/*
 * source_pg.h: rows out of PostgreSQL: a source (flow/ends.h) that reads groups of chunks by COPY
 * TO.
 *
 * A task's work is a struct group_work (ends/work.h), and its parts are the chunks of the group:
 * one query with a COPY for each, under one savepoint, so that a failed or cancelled COPY costs
 * neither the snapshot nor the locks.
 *
 * How a connection gets into the job's snapshot is the job's business; this end asks for one when
 * it has none, and gives a lost one back.
 */
#ifndef ENDS_SOURCE_PG_H
#define ENDS_SOURCE_PG_H

#include "base/err.h"
#include "flow/ends.h"
#include "pg/pg.h"

struct source_pg;
struct chunk_work;
struct table_work;
struct buf;

struct source_pg_config {
    void *self; /* for the functions below */
    unsigned stream;
    /* A connection inside the job's snapshot, with retries done. False: no use to try again. */
    bool (*attach)(void *self, unsigned stream, struct pg **out, struct err *err);
    /* pg is closed by the callee. */
    void (*detach)(void *self, unsigned stream, struct pg *pg);
    /* Called before each group of chunks, with an idle connection in the snapshot's transaction:
     * the moment to take the table's lock, and to look whether it still is the table that was
     * planned.
     */
    bool (*prepare)(void *self, struct pg *pg, const struct table_work *table, struct err *err);
};

struct source_pg *source_pg_new(const struct source_pg_config *config); /* NULL: no memory */
struct source source_pg_ops(struct source_pg *s);
void source_pg_free(struct source_pg *s); /* closes the connection; NULL is allowed */

/* The statement that reads a chunk. Pure; out is SQL text. */
void source_pg_statement(const struct chunk_work *chunk, struct buf *out);

#endif
