#include "base/buf.h"
#include "pg/pg_internal.h"
#include "pg/sqlstate.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool poll_once(struct pg *pg, short events, int timeout_ms, short *got, struct err *err)
{
    struct pollfd p[2] = {
        {.fd = PQsocket(pg->conn), .events = events},
        {.fd = pg->wake_fd,        .events = POLLIN},
    };
    int n;
    do {
        n = poll(p, 2, timeout_ms);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return err_set_errno(err, "poll");
    }
    if (p[1].revents != 0) {
        return err_set(err, ERR_CANCELLED, "stopped by a signal");
    }
    *got = p[0].revents;
    return true;
}

bool pg_poll(struct pg *pg, short events, int timeout_ms, short *got, struct err *err)
{
    if (timeout_ms >= 0 || pg->probe_ms == 0) {
        return poll_once(pg, events, timeout_ms, got, err);
    }
    for (;;) {
        short now = 0;
        if (!poll_once(pg, events, pg->probe_ms, &now, err)) {
            return false;
        }
        if (now != 0) {
            *got = now;
            return true;
        }
        if (!pg->answers(pg->answers_self)) {
            pg->dead = true;
            return err_set(err, ERR_TRANSIENT,
                           "the %s (%s) does not answer any more: nothing moved for %d s, and "
                           "another connection could not be made",
                           pg->side, pg->where, pg->probe_ms / 1000);
        }
    }
}

bool pg_wait(struct pg *pg, short events, int timeout_ms, struct err *err)
{
    short got = 0;
    return pg_poll(pg, events, timeout_ms, &got, err) &&
           (got != 0 || err_set(err, ERR_TRANSIENT, "the %s did not answer in time", pg->side));
}

static void remember(struct pg *pg, const PGresult *res)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *schema = PQresultErrorField(res, PG_DIAG_SCHEMA_NAME);
    const char *table = PQresultErrorField(res, PG_DIAG_TABLE_NAME);
    (void)snprintf(pg->sqlstate, sizeof pg->sqlstate, "%s", state == NULL ? "" : state);
    (void)snprintf(pg->error_schema, sizeof pg->error_schema, "%s", schema == NULL ? "" : schema);
    (void)snprintf(pg->error_table, sizeof pg->error_table, "%s", table == NULL ? "" : table);
}

static void describe(const PGresult *res, struct buf *b)
{
    static const struct {
        int field;
        const char *lead;
    } parts[] = {
        {PG_DIAG_MESSAGE_DETAIL, "; detail: " },
        {PG_DIAG_MESSAGE_HINT,   "; hint: "   },
        {PG_DIAG_CONTEXT,        "; context: "},
    };
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    buf_puts(b, text == NULL ? PQresultErrorMessage(res) : text);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        text = PQresultErrorField(res, parts[i].field);
        if (text != NULL) {
            buf_printf(b, "%s%.300s", parts[i].lead, text);
        }
    }
}

bool pg_fail(struct pg *pg, const PGresult *res, struct err *err)
{
    struct buf b;
    buf_init(&b, 8192);
    pg->sqlstate[0] = '\0';
    if (res != NULL && PQresultErrorField(res, PG_DIAG_SQLSTATE) != NULL) {
        remember(pg, res);
        describe(res, &b);
    } else {
        buf_puts(&b, PQerrorMessage(pg->conn));
    }
    while (b.len > 0 && b.data[b.len - 1] == '\n') {
        b.data[--b.len] = '\0';
    }
    for (size_t i = 0; i < b.len; i++) {
        /* libpq indents its own lines; a tab that the server quotes is data */
        if (b.data[i] == '\n' || (b.data[i] == '\t' && pg->sqlstate[0] == '\0')) {
            b.data[i] = ' ';
        }
    }
    bool lost = PQstatus(pg->conn) == CONNECTION_BAD;
    pg->dead = pg->dead || lost;
    (void)err_set(err, sqlstate_kind_said(pg->sqlstate, buf_str(&b), lost), "%s: %s%s%s%s",
                  pg->side, buf_str(&b), pg->sqlstate[0] == '\0' ? "" : " (SQLSTATE ", pg->sqlstate,
                  pg->sqlstate[0] == '\0' ? "" : ")");
    buf_free(&b);
    return false;
}

/* With a limit to the patience, its end is the end of the connection: what came later would be
 * taken for the answer to the next question. */
static bool await_server(struct pg *pg, short events, struct err *err)
{
    if (pg_wait(pg, events, pg->patience_ms > 0 ? pg->patience_ms : -1, err)) {
        return true;
    }
    pg->dead = pg->dead || (pg->patience_ms > 0 && err->kind == ERR_TRANSIENT);
    return false;
}

bool pg_flush(struct pg *pg, struct err *err)
{
    for (;;) {
        int rc = PQflush(pg->conn);
        if (rc == 0) {
            return true;
        }
        if (rc < 0) {
            return pg_fail(pg, NULL, err);
        }
        /* Reading as well keeps two full pipes from waiting for each other. */
        if (!await_server(pg, POLLIN | POLLOUT, err)) {
            return false;
        }
        if (PQconsumeInput(pg->conn) == 0) {
            return pg_fail(pg, NULL, err);
        }
    }
}

bool pg_next_result(struct pg *pg, PGresult **res, struct err *err)
{
    while (PQisBusy(pg->conn) != 0) {
        if (!await_server(pg, POLLIN, err)) {
            return false;
        }
        if (PQconsumeInput(pg->conn) == 0) {
            return pg_fail(pg, NULL, err);
        }
    }
    *res = PQgetResult(pg->conn);
    return true;
}

static bool is_error(const PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY;
}

bool pg_collect(struct pg *pg, PGresult **rows, struct err *err)
{
    PGresult *res = NULL;
    PGresult *kept = NULL;
    bool ok = true;

    while (pg_next_result(pg, &res, err)) {
        if (res == NULL) {
            if (ok && rows != NULL) {
                *rows = kept;
            } else {
                PQclear(kept);
            }
            return ok;
        }
        if (ok && is_error(res)) {
            ok = pg_fail(pg, res, err);
        }
        if (ok && rows != NULL && PQresultStatus(res) == PGRES_TUPLES_OK) {
            PQclear(kept);
            kept = res;
        } else {
            PQclear(res);
        }
        if (pg->dead) {
            break; /* PQgetResult would go on with the same error */
        }
    }
    PQclear(kept);
    return false;
}

bool pg_exec(struct pg *pg, const char *sql, struct err *err)
{
    if (PQsendQuery(pg->conn, sql) == 0) {
        return pg_fail(pg, NULL, err);
    }
    return pg_flush(pg, err) && pg_collect(pg, NULL, err);
}

bool pg_execf(struct pg *pg, struct err *err, const char *fmt, ...)
{
    char sql[1024];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(sql, sizeof sql, fmt, args);
    va_end(args);
    assert(len >= 0 && (size_t)len < sizeof sql);
    return pg_exec(pg, sql, err);
}

bool pg_query(struct pg *pg, const char *sql, int nparams, const char *const *params,
              struct pg_rows **out, struct err *err)
{
    if (PQsendQueryParams(pg->conn, sql, nparams, NULL, params, NULL, NULL, 0) == 0) {
        return pg_fail(pg, NULL, err);
    }
    PGresult *res = NULL;
    if (!pg_flush(pg, err) || !pg_collect(pg, &res, err)) {
        return false;
    }
    struct pg_rows *rows = calloc(1, sizeof *rows);
    if (rows == NULL || res == NULL) {
        free(rows);
        PQclear(res);
        return err_set(err, ERR_SYSTEM, "no result rows, or out of memory");
    }
    rows->res = res;
    *out = rows;
    return true;
}

bool pg_query_row(struct pg *pg, const char *sql, int nparams, const char *const *params,
                  struct pg_rows **out, struct err *err)
{
    struct pg_rows *rows = NULL;
    if (!pg_query(pg, sql, nparams, params, &rows, err)) {
        return false;
    }
    if (pg_rows_count(rows) != 1) {
        size_t count = pg_rows_count(rows);
        pg_rows_free(&rows);
        return err_set(err, ERR_DATA, "%s: expected one row, got %zu", pg->side, count);
    }
    *out = rows;
    return true;
}
