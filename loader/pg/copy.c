#include "pg/copy.h"

#include "pg/pg_internal.h"
#include "pg/wire_way.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool refuse_dead(const struct pg *pg, struct err *err)
{
    return err_set(err, ERR_TRANSIENT, "%s: the connection is lost", pg->side);
}

/* ---- out ---- */

/* What a step of the wire means for the connection; gives ok back. */
static bool settle(struct pg *pg, bool ok)
{
    const struct wire *w = &pg->wire;
    pg->sqlstate[0] = '\0';
    if (w->fault.set) {
        memcpy(pg->sqlstate, w->fault.sqlstate, sizeof pg->sqlstate);
        memcpy(pg->error_schema, w->fault.schema, sizeof pg->error_schema);
        memcpy(pg->error_table, w->fault.table, sizeof pg->error_table);
    }
    if (w->state == WIRE_READY) {
        wire_rest(pg);
    }
    pg->dead = pg->dead || w->state == WIRE_BROKEN;
    return ok;
}

bool pg_copy_out_begin(struct pg *pg, const char *sql, bool binary, struct err *err)
{
    if (pg->dead) {
        return refuse_dead(pg, err);
    }
    if (!wire_open(pg, err) || !pg_flush(pg, err)) {
        return false;
    }
    struct err unsent = {.kind = ERR_NONE};
    bool sent = wire_send_query(pg, sql, &unsent);
    if (!sent && (!pg->dead || unsent.kind == ERR_CANCELLED || pg->copy_way == COPY_BY_LIBPQ)) {
        *err = unsent;
        return false;
    }
    wire_expect(&pg->wire, binary);
    bool ok = settle(pg, wire_await_copy(&pg->wire, err));
    if (!sent && !pg->wire.fault.set) {
        *err = unsent; /* a server that goes away often says why; this one did not */
    }
    return ok && sent;
}

bool pg_copy_out_fill(struct pg *pg, char *to, size_t room, size_t row_room, struct pg_copied *out,
                      struct err *err)
{
    return settle(pg, wire_fill(&pg->wire, to, room, row_room, out, err));
}

bool pg_copy_out_abandon(struct pg *pg, struct err *err)
{
    if (pg->dead) {
        return refuse_dead(pg, err);
    }
    if (pg->wire.state == WIRE_READY) {
        return true;
    }
    pg_cancel(pg);
    return settle(pg, wire_drain(&pg->wire, err));
}

/* ---- in ---- */

/* Reads what is left after a failure, so that the connection can be used again. Returns false. */
static bool drain(struct pg *pg)
{
    char state[sizeof pg->sqlstate];
    struct err ignored;
    memcpy(state, pg->sqlstate, sizeof state);
    bool clean = pg->dead || pg_collect(pg, NULL, &ignored);
    (void)clean; /* a second error says no more than the first */
    memcpy(pg->sqlstate, state, sizeof state);
    return false;
}

/* Reads results until the COPY starts. When a statement fails instead, reads the rest too. */
bool pg_copy_in_begin(struct pg *pg, const char *sql, struct err *err)
{
    pg->sqlstate[0] = '\0'; /* of an earlier failure: this one may not be the server's */
    if (!wire_open(pg, err)) {
        return false;
    }
    if (PQsendQuery(pg->conn, sql) == 0) {
        return pg_fail(pg, NULL, err);
    }
    if (!pg_flush(pg, err)) {
        return false;
    }
    for (;;) {
        PGresult *res = NULL;
        if (!pg_next_result(pg, &res, err)) {
            return false;
        }
        ExecStatusType status = PQresultStatus(res);
        if (status == PGRES_COPY_IN) {
            PQclear(res);
            return true;
        }
        if (res == NULL || (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)) {
            (void)pg_fail(pg, res, err);
            PQclear(res);
            return drain(pg);
        }
        PQclear(res);
    }
}

/* The result of the COPY, which must be a command's, and the closing NULL result. */
static bool read_tag(struct pg *pg, uint64_t *rows, struct err *err)
{
    PGresult *res = NULL;
    if (!pg_next_result(pg, &res, err)) {
        return false;
    }
    if (PQresultStatus(res) != PGRES_COMMAND_OK) {
        (void)pg_fail(pg, res, err);
        PQclear(res);
        return drain(pg);
    }
    uint64_t tag = strtoull(PQcmdTuples(res), NULL, 10);
    PQclear(res);
    if (!pg_collect(pg, NULL, err)) {
        return false;
    }
    *rows = tag;
    return true;
}

static bool end(struct pg *pg, const char *why, struct err *err)
{
    int rc;
    while ((rc = PQputCopyEnd(pg->conn, why)) == 0) {
        if (!pg_flush(pg, err)) {
            return false;
        }
    }
    return rc < 0 ? pg_fail(pg, NULL, err) : pg_flush(pg, err);
}

/* A server that goes away says why before it does, and libpq may have that by now, or find it. */
static bool explain_loss(struct pg *pg, struct err *err)
{
    struct err said;
    uint64_t rows = 0;
    if (!end(pg, "the connection is lost", &said) || !read_tag(pg, &rows, &said)) {
        *err = said.kind == ERR_CANCELLED ? *err : said;
    }
    pg->dead = true;
    return false;
}

bool pg_copy_write(struct pg *pg, const char *bytes, size_t len, struct err *err)
{
    if (pg->dead) {
        return refuse_dead(pg, err);
    }
    if (!pg_flush(pg, err)) {
        return false;
    }
    if (wire_send_rows(pg, bytes, len, err)) {
        return true;
    }
    bool unexplained =
        pg->dead && err->kind != ERR_CANCELLED && PQstatus(pg->conn) == CONNECTION_OK;
    return unexplained ? explain_loss(pg, err) : false;
}

bool pg_copy_in_end(struct pg *pg, uint64_t *rows, struct err *err)
{
    return end(pg, NULL, err) && read_tag(pg, rows, err);
}

bool pg_copy_in_abort(struct pg *pg, struct err *err)
{
    struct err expected = {.kind = ERR_NONE};
    if (pg->dead) {
        return refuse_dead(pg, err);
    }
    if (!end(pg, "given up by the loader", err)) {
        return false;
    }
    if (!pg_collect(pg, NULL, &expected) && (pg->dead || expected.kind == ERR_CANCELLED)) {
        *err = expected;
        return false;
    }
    return true;
}
