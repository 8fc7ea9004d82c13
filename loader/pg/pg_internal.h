/* pg_internal.h: what the files of pg/ that speak libpq share. Nobody else includes it. */
#ifndef PG_INTERNAL_H
#define PG_INTERNAL_H

#include "pg/pg.h"

#include <libpq-fe.h>

struct pg {
    PGconn *conn;
    PGcancel *cancel;
    const char *side;
    int wake_fd;
    bool dead;      /* the connection is lost; only pg_close is useful */
    char *copy_row; /* the row that pg_copy_read gave out last; libpq's memory */
    char where[192];
    char sqlstate[6];
    char error_schema[64];
    char error_table[64];
};

struct pg_rows {
    PGresult *res;
};

/* Frees what PQconninfoParse or PQconninfo gave, values wiped. NULL is allowed. */
void conninfo_wipe_options(PQconninfoOption *options);

/* Waits until the socket is ready for events (POLLIN, POLLOUT), for at most timeout_ms (-1: no
 * limit). ERR_CANCELLED when the wake descriptor came first, ERR_TRANSIENT when the time is over.
 */
bool pg_wait(struct pg *pg, short events, int timeout_ms, struct err *err) MUST_CHECK;

/* Sends what libpq still holds back. */
bool pg_flush(struct pg *pg, struct err *err) MUST_CHECK;

/* The next result, NULL at the end. False: lost or woken. */
bool pg_next_result(struct pg *pg, PGresult **res, struct err *err) MUST_CHECK;

/* Turns an error result, or with res NULL the connection's own error, into *err; returns false. */
bool pg_fail(struct pg *pg, const PGresult *res, struct err *err);

/* Reads all results of what was sent. Keeps the last one with rows in *rows when rows is not NULL.
 * After a server error the rest is read too and the connection stays usable. */
bool pg_collect(struct pg *pg, PGresult **rows, struct err *err) MUST_CHECK;

#endif
