/*
 * wire_way.h: the ways in which a COPY's bytes get to the server and from it: straight through the
 * socket, through libpq's TLS session, or through libpq. Inside pg/ only; threads, waiting and
 * errors as in pg/pg.h.
 *
 * The first two go behind libpq's back, and may: libpq has no thread of its own, reads and writes
 * only when it is called, and is idle or in a COPY FROM meanwhile, with nothing in its buffers.
 */
#ifndef PG_WIRE_WAY_H
#define PG_WIRE_WAY_H

#include "base/err.h"
#include "pg/pg_internal.h"

#include <poll.h>
#include <stddef.h>

/* Chooses the way and gets the buffer, once a connection; ERR_SYSTEM without memory. */
bool wire_open(struct pg *pg, struct err *err) MUST_CHECK;
/* Frees what wire_open got. Does not touch libpq. */
void wire_close(struct pg *pg);

/* A Query message. A connection that has taken only a part of it is dead. */
bool wire_send_query(struct pg *pg, const char *sql, struct err *err) MUST_CHECK;

/* CopyData messages; libpq is in a COPY FROM and gets what the server says meanwhile. */
bool wire_send_rows(struct pg *pg, const char *bytes, size_t len, struct err *err) MUST_CHECK;

/* The answer to a query is read, libpq takes over. */
void wire_rest(struct pg *pg);

/* ---- between the files behind this header ---- */

/* Waits for input, and while a COPY streams for a good deal of it. May return without any. */
bool wire_wait_input(struct pg *pg, struct err *err) MUST_CHECK;

/* Waits until the socket takes bytes. libpq_reads: what the server says meanwhile is libpq's. */
bool wire_wait_output(struct pg *pg, bool libpq_reads, struct err *err) MUST_CHECK;

/* The connection is lost; what has arrived may still be read. number: errno, or 0 for an end of
 * file. Returns false. */
bool wire_lost(struct pg *pg, const char *doing, int number, struct err *err);

/* Sending ended with *err; with begun a part of a message is sent, which cannot be taken back: the
 * connection is dead then. Returns false. */
bool wire_cut(struct pg *pg, bool begun, const struct err *err);

struct iovec;
void wire_socket_rest(struct pg *pg);
bool wire_socket_read(void *pg, char *to, size_t room, size_t *len, struct err *err) MUST_CHECK;
/* Changes the vectors. */
bool wire_socket_send(struct pg *pg, struct iovec *v, size_t count, bool libpq_reads,
                      struct err *err) MUST_CHECK;

/* False: libpq has no OpenSSL session to offer. */
bool wire_tls_open(struct pg *pg) MUST_CHECK;
void wire_tls_rest(struct pg *pg);
bool wire_tls_read(void *pg, char *to, size_t room, size_t *len, struct err *err) MUST_CHECK;
bool wire_tls_send(struct pg *pg, const char *bytes, size_t len, bool libpq_reads,
                   struct err *err) MUST_CHECK;

bool wire_relay_open(struct pg *pg, struct err *err) MUST_CHECK;
void wire_relay_close(struct pg *pg);
bool wire_relay_read(void *pg, char *to, size_t room, size_t *len, struct err *err) MUST_CHECK;

#endif
