/* pg_internal.h: what the files of pg/ that speak libpq share. Nobody else includes it. */
#ifndef PG_INTERNAL_H
#define PG_INTERNAL_H

#include "pg/pg.h"
#include "pg/wire.h"

#include <libpq-fe.h>

/* Who moves the bytes of a COPY; decided at the connection's first one. */
enum copy_way {
    COPY_WAY_UNKNOWN,
    COPY_BY_SOCKET, /* pg/wire_socket.c */
    COPY_BY_TLS,    /* pg/wire_tls.c, in libpq's TLS session */
    COPY_BY_LIBPQ,  /* pg/wire_libpq.c, where neither will do: GSSAPI */
};

struct ssl_st;
struct wire_relay; /* pg/wire_libpq.c */

struct pg {
    PGconn *conn;
    PGcancel *cancel;
    const char *side;
    int wake_fd;
    int patience_ms; /* pg_set_patience; 0: no limit */
    int probe_ms;    /* pg_set_probe; 0: nobody is asked */
    bool (*answers)(void *self);
    void *answers_self;
    bool dead; /* the connection is lost; only pg_close is useful */
    bool cut;  /* dead only because the wait was ended within a message: the server is at work */
    enum copy_way copy_way;
    struct wire wire;         /* its buffer is there from the first COPY on */
    int low_water;            /* SO_RCVLOWAT; 0: as it was */
    bool stalled;             /* nothing came for a while */
    struct ssl_st *tls;       /* libpq's, for COPY_BY_TLS */
    struct wire_relay *relay; /* for COPY_BY_LIBPQ */
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
 * limit); *got is what it is ready for, 0 when the time is over. ERR_CANCELLED when the wake
 * descriptor came first. */
bool pg_poll(struct pg *pg, short events, int timeout_ms, short *got, struct err *err) MUST_CHECK;
/* The same, where the end of the time is ERR_TRANSIENT. */
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

/* Every COPY on pg is to go through libpq, as with GSSAPI. Before the first one; for tests. */
bool pg_copy_through_libpq(struct pg *pg, struct err *err) MUST_CHECK;

#endif
