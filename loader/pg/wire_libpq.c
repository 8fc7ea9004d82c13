/*
 * COPY TO STDOUT through libpq, for connections whose bytes are not ours to read: what libpq says
 * is put into the protocol's messages again, so that one parser serves every way. Costs what
 * libpq costs, and memory of a few times the widest row.
 */
#include "base/buf.h"
#include "pg/wire_way.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct wire_relay {
    struct buf text;   /* messages, the last one perhaps without its payload, which is the row */
    size_t text_given; /* bytes of text that the wire has got */
    char *row;         /* libpq's */
    size_t row_bytes;
    size_t row_given;
    bool copying;
    bool rows_ended; /* the result that confirms it is next */
};

#define TEXT_BYTES_MAX (64u << 10)

bool wire_relay_open(struct pg *pg, struct err *err)
{
    if (pg->relay == NULL) {
        pg->relay = calloc(1, sizeof *pg->relay);
        if (pg->relay == NULL) {
            return err_set(err, ERR_SYSTEM, "out of memory");
        }
        buf_init(&pg->relay->text, TEXT_BYTES_MAX);
    }
    return true;
}

void wire_relay_close(struct pg *pg)
{
    if (pg->relay != NULL) {
        PQfreemem(pg->relay->row);
        buf_free(&pg->relay->text);
        free(pg->relay);
        pg->relay = NULL;
    }
}

static void say_head(struct wire_relay *r, char type, size_t payload)
{
    char head[WIRE_HEAD_BYTES];
    wire_put_head(head, type, payload);
    buf_add(&r->text, head, sizeof head);
}

static void say(struct wire_relay *r, char type, const void *payload, size_t len)
{
    say_head(r, type, len);
    buf_add(&r->text, payload, len);
}

static void say_error(struct wire_relay *r, const PGresult *res)
{
    static const int codes[] = {
        PG_DIAG_SQLSTATE, PG_DIAG_MESSAGE_PRIMARY, PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT,
        PG_DIAG_CONTEXT,  PG_DIAG_SCHEMA_NAME,     PG_DIAG_TABLE_NAME,
    };
    struct buf fields;
    buf_init(&fields, TEXT_BYTES_MAX / 2);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        const char *value = PQresultErrorField(res, codes[i]);
        if (value != NULL) {
            buf_printf(&fields, "%c%.4000s", (char)codes[i], value);
            buf_add(&fields, "", 1);
        }
    }
    buf_add(&fields, "", 1);
    say(r, 'E', buf_str(&fields), fields.len);
    buf_free(&fields);
}

/* False: an error that is the connection's and not a statement's. */
static bool say_result(struct pg *pg, PGresult *res, struct err *err)
{
    struct wire_relay *r = pg->relay;
    char format[3] = {0};
    const char *tag;
    switch ((int)PQresultStatus(res)) {
    case PGRES_COPY_OUT:
        format[0] = (char)PQbinaryTuples(res);
        say(r, 'H', format, sizeof format);
        r->copying = true;
        return true;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        if (r->rows_ended) {
            say_head(r, 'c', 0);
        }
        tag = PQcmdStatus(res);
        say(r, 'C', tag, strlen(tag) + 1);
        r->rows_ended = false;
        return true;
    default:
        break;
    }
    r->rows_ended = false;
    if (PQresultErrorField(res, PG_DIAG_SQLSTATE) == NULL) {
        return pg_fail(pg, res, err);
    }
    say_error(r, res);
    pg->dead = pg->dead || PQstatus(pg->conn) == CONNECTION_BAD; /* it would say so for ever */
    return true;
}

static bool next_result(struct pg *pg, struct err *err)
{
    PGresult *res = NULL;
    if (!pg_next_result(pg, &res, err)) {
        return false;
    }
    if (res == NULL) {
        say(pg->relay, 'Z', "I", 1);
        return true;
    }
    bool ok = say_result(pg, res, err);
    PQclear(res);
    return ok;
}

static bool next_row(struct pg *pg, struct err *err)
{
    struct wire_relay *r = pg->relay;
    int n;
    while ((n = PQgetCopyData(pg->conn, &r->row, 1)) == 0) {
        if (!pg_wait(pg, POLLIN, -1, err)) {
            return false;
        }
        if (PQconsumeInput(pg->conn) == 0) {
            return pg_fail(pg, NULL, err);
        }
    }
    if (n == -2) {
        return pg_fail(pg, NULL, err);
    }
    if (n == -1) {
        r->copying = false;
        r->rows_ended = true;
        return true;
    }
    r->row_bytes = (size_t)n;
    r->row_given = 0;
    say_head(r, 'd', r->row_bytes);
    return true;
}

static size_t give(char *to, size_t room, const char *from, size_t left)
{
    size_t len = left < room ? left : room;
    memcpy(to, from, len);
    return len;
}

bool wire_relay_read(void *self, char *to, size_t room, size_t *len, struct err *err)
{
    struct pg *pg = self;
    struct wire_relay *r = pg->relay;
    for (;;) {
        if (r->text_given < r->text.len) {
            *len = give(to, room, r->text.data + r->text_given, r->text.len - r->text_given);
            r->text_given += *len;
            return true;
        }
        buf_clear(&r->text);
        r->text_given = 0;
        if (r->row != NULL && r->row_given < r->row_bytes) {
            *len = give(to, room, r->row + r->row_given, r->row_bytes - r->row_given);
            r->row_given += *len;
            return true;
        }
        PQfreemem(r->row);
        r->row = NULL;
        if (pg->dead) {
            return wire_lost(pg, "receive data from", 0, err);
        }
        bool ok = r->copying ? next_row(pg, err) : next_result(pg, err);
        if (!ok || !buf_ok(&r->text, err)) {
            return false;
        }
    }
}
