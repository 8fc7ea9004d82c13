/*
 * copy.h: COPY in both directions on a struct pg. Threads, waiting and errors as in pg.h.
 *
 * Rows do not go through libpq, whose interface costs an allocation and two copies a row: while a
 * COPY runs, the frontend/backend protocol's messages are read from and written to the
 * connection's socket (or, with TLS, its TLS session) here (pg/wire_way.h); libpq is idle meanwhile
 * and takes over again at the end. Source of the formats: the PostgreSQL manual, "Frontend/Backend
 * Protocol", "Message Formats", and the COPY page, "Binary Format". A connection that is encrypted
 * by GSSAPI goes through libpq after all.
 */
#ifndef PG_COPY_H
#define PG_COPY_H

#include "base/err.h"
#include "pg/pg.h"

#include <stddef.h>
#include <stdint.h>

/* Sends statements, of which one or more are COPY ... TO STDOUT, all binary or all text, and waits
 * until the first starts. Rows come without the binary format's header and trailer. */
bool pg_copy_out_begin(struct pg *pg, const char *sql, bool binary, struct err *err) MUST_CHECK;

struct pg_copied {
    size_t len;
    uint64_t rows;     /* that begin in these bytes */
    size_t row_widest; /* bytes of the widest row of which something is in here */
    bool copy_ended;   /* one COPY ended behind these bytes ... */
    uint64_t copy_tag; /* ... and this is the count of its command tag */
    bool all_ended;    /* all statements are done; the connection is ready for the next ones */
};

/* Rows into to[0..room), room > 0: whole ones, until the next does not fit or a COPY ends. A row
 * wider than row_room is cut: it fills what is left, and goes on at the next call. Returns with at
 * least a byte, or with copy_ended, or with nothing because the next row is wider than room and not
 * wider than row_room: so never when room is row_room. At the end of the last COPY all_ended too;
 * do not call again after that or after a failure. After a server error the connection is ready
 * again (ERR_DATA, ERR_TRANSIENT by SQLSTATE), or dead; after ERR_CANCELLED only
 * pg_copy_out_abandon and pg_close are useful. */
bool pg_copy_out_fill(struct pg *pg, char *to, size_t room, size_t row_room, struct pg_copied *out,
                      struct err *err) MUST_CHECK;

/* Cancels, and reads on to the end. The transaction is aborted afterwards, or, when pg_sqlstate is
 * "", all statements were complete just before. False: the connection is of no use any more. */
bool pg_copy_out_abandon(struct pg *pg, struct err *err) MUST_CHECK;

/* Sends statements of which the last is COPY ... FROM STDIN, and waits until it wants data. */
bool pg_copy_in_begin(struct pg *pg, const char *sql, struct err *err) MUST_CHECK;

/* CopyData of any cut of the stream; returns when the kernel has it all. A server's error is seen
 * at the end; a lost connection at once. */
bool pg_copy_write(struct pg *pg, const char *bytes, size_t len, struct err *err) MUST_CHECK;

/* Ends the data and waits for the tag. */
bool pg_copy_in_end(struct pg *pg, uint64_t *rows, struct err *err) MUST_CHECK;

/* Gives the data up: the server ends the COPY with an error, which is expected and not reported.
 * Afterwards the transaction is aborted and waits for ROLLBACK. */
bool pg_copy_in_abort(struct pg *pg, struct err *err) MUST_CHECK;

/* The binary format's signature, flags and empty header extension, and its trailer: for those who
 * write a binary COPY. */
#define PG_BINARY_HEADER        "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
#define PG_BINARY_HEADER_BYTES  19u
#define PG_BINARY_TRAILER       "\377\377"
#define PG_BINARY_TRAILER_BYTES 2u

#endif
