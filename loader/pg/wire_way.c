#include "pg/wire_way.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* What goes into one TLS record. */
#define TLS_RECORD_BYTES (16u << 10)

static bool choose(struct pg *pg, struct err *err)
{
    if (pg->copy_way != COPY_WAY_UNKNOWN) {
        return true;
    }
    enum copy_way way = COPY_BY_SOCKET;
    if (PQgssEncInUse(pg->conn) != 0) {
        way = COPY_BY_LIBPQ;
    } else if (PQsslInUse(pg->conn) != 0) {
        way = wire_tls_open(pg) ? COPY_BY_TLS : COPY_BY_LIBPQ;
    }
    if (way == COPY_BY_LIBPQ && !wire_relay_open(pg, err)) {
        return false;
    }
    pg->copy_way = way;
    return true;
}

bool wire_open(struct pg *pg, struct err *err)
{
    struct wire *w = &pg->wire;
    if (w->bytes != NULL) {
        return true;
    }
    char *bytes = malloc(WIRE_ROOM_BYTES);
    if (bytes == NULL || !choose(pg, err)) {
        free(bytes);
        return bytes != NULL ? false : err_set(err, ERR_SYSTEM, "out of memory");
    }
    *w = (struct wire){.read = pg->copy_way == COPY_BY_LIBPQ ? wire_relay_read
                               : pg->copy_way == COPY_BY_TLS ? wire_tls_read
                                                             : wire_socket_read,
                       .self = pg,
                       .side = pg->side,
                       .bytes = bytes,
                       .room = WIRE_ROOM_BYTES};
    return true;
}

void wire_close(struct pg *pg)
{
    wire_relay_close(pg);
    free(pg->wire.bytes);
    pg->wire.bytes = NULL;
}

void wire_rest(struct pg *pg)
{
    if (pg->copy_way == COPY_BY_TLS) {
        wire_tls_rest(pg);
    }
    wire_socket_rest(pg);
}

static bool relay_query(struct pg *pg, const char *sql, struct err *err)
{
    if (PQsendQuery(pg->conn, sql) == 0) {
        return pg_fail(pg, NULL, err);
    }
    return pg_flush(pg, err);
}

bool wire_send_query(struct pg *pg, const char *sql, struct err *err)
{
    if (pg->copy_way == COPY_BY_LIBPQ) {
        return relay_query(pg, sql, err);
    }
    size_t len = strlen(sql) + 1;
    if (len > (size_t)INT_MAX - WIRE_HEAD_BYTES) {
        return err_set(err, ERR_SYSTEM, "a statement of %zu bytes", len);
    }
    char *message = malloc(WIRE_HEAD_BYTES + len);
    if (message == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    wire_put_head(message, 'Q', len);
    memcpy(message + WIRE_HEAD_BYTES, sql, len);
    struct iovec v = {.iov_base = message, .iov_len = WIRE_HEAD_BYTES + len};
    bool ok = pg->copy_way == COPY_BY_TLS ? wire_tls_send(pg, message, v.iov_len, false, err)
                                          : wire_socket_send(pg, &v, 1, false, err);
    free(message);
    return ok;
}

/* sendmsg only reads what the vectors point at, but they cannot say so. */
static void *unconst(const char *bytes)
{
    union {
        const char *from;
        void *to;
    } u = {.from = bytes};
    return u.to;
}

/* One message: cutting it made no difference to the server's work. */
static bool send_by_socket(struct pg *pg, const char *bytes, size_t len, struct err *err)
{
    char head[WIRE_HEAD_BYTES];
    wire_put_head(head, 'd', len);
    struct iovec v[2] = {
        {.iov_base = head,           .iov_len = sizeof head},
        {.iov_base = unconst(bytes), .iov_len = len        },
    };
    return wire_socket_send(pg, v, 2, true, err);
}

/* To OpenSSL libpq claims that what a lost connection does not take were sent. */
static bool look_for_loss(struct pg *pg, struct err *err)
{
    short got = 0;
    if (!pg_poll(pg, 0, 0, &got, err)) {
        return false;
    }
    return (got & (POLLERR | POLLHUP)) == 0 || wire_lost(pg, "send data to", 0, err);
}

/* A message a record, so that no five bytes travel alone. The receive buffer is free meanwhile. */
static bool send_by_tls(struct pg *pg, const char *bytes, size_t len, struct err *err)
{
    char *record = pg->wire.bytes;
    if (!look_for_loss(pg, err)) {
        return false;
    }
    while (len > 0) {
        size_t part = TLS_RECORD_BYTES - WIRE_HEAD_BYTES;
        part = len < part ? len : part;
        wire_put_head(record, 'd', part);
        memcpy(record + WIRE_HEAD_BYTES, bytes, part);
        if (!wire_tls_send(pg, record, WIRE_HEAD_BYTES + part, true, err)) {
            return false;
        }
        bytes += part;
        len -= part;
    }
    return true;
}

static bool send_by_libpq(struct pg *pg, const char *bytes, size_t len, struct err *err)
{
    int rc;
    while ((rc = PQputCopyData(pg->conn, bytes, (int)len)) == 0) {
        if (!pg_flush(pg, err)) {
            return false;
        }
    }
    return rc < 0 ? pg_fail(pg, NULL, err) : pg_flush(pg, err);
}

bool wire_send_rows(struct pg *pg, const char *bytes, size_t len, struct err *err)
{
    if (len > (size_t)INT_MAX - WIRE_HEAD_BYTES) {
        return err_set(err, ERR_SYSTEM, "a CopyData message of %zu bytes", len);
    }
    switch (pg->copy_way) {
    case COPY_BY_SOCKET:
        return send_by_socket(pg, bytes, len, err);
    case COPY_BY_TLS:
        return send_by_tls(pg, bytes, len, err);
    case COPY_BY_LIBPQ:
    case COPY_WAY_UNKNOWN:
        break;
    }
    return send_by_libpq(pg, bytes, len, err);
}

bool pg_copy_through_libpq(struct pg *pg, struct err *err)
{
    assert(pg->wire.bytes == NULL);
    pg->copy_way = COPY_BY_LIBPQ;
    return wire_relay_open(pg, err);
}
