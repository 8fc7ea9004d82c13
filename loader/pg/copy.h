/*
 * copy.h: COPY in both directions on a struct pg. Threads, waiting and errors as in pg.h.
 */
#ifndef PG_COPY_H
#define PG_COPY_H

#include "base/err.h"
#include "pg/pg.h"

#include <stddef.h>
#include <stdint.h>

/* Sends statements of which the last is COPY ... TO STDOUT, and waits until it starts. */
bool pg_copy_out_begin(struct pg *pg, const char *sql, struct err *err) MUST_CHECK;

/* The next CopyData message, which for PostgreSQL's own COPY TO is one row (binary: the file header
 * comes in front of the first message and the trailer is a message of its own). The bytes belong
 * to pg and last until the next call. *row NULL: the end; call pg_copy_out_end. */
bool pg_copy_read(struct pg *pg, const char **row, size_t *len, struct err *err) MUST_CHECK;

/* The count of COPY's command tag; leaves the connection ready for the next statement. */
bool pg_copy_out_end(struct pg *pg, uint64_t *rows, struct err *err) MUST_CHECK;

/* Sends statements of which the last is COPY ... FROM STDIN, and waits until it wants data. */
bool pg_copy_in_begin(struct pg *pg, const char *sql, struct err *err) MUST_CHECK;

/* One CopyData message of any cut of the stream; returns when the kernel has it all. */
bool pg_copy_write(struct pg *pg, const char *bytes, size_t len, struct err *err) MUST_CHECK;

/* Ends the data and waits for the tag. */
bool pg_copy_in_end(struct pg *pg, uint64_t *rows, struct err *err) MUST_CHECK;

/* Gives the data up: the server ends the COPY with an error, which is expected and not reported.
 * Afterwards the transaction is aborted and waits for ROLLBACK. */
bool pg_copy_in_abort(struct pg *pg, struct err *err) MUST_CHECK;

#endif
