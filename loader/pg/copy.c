#include "pg/copy.h"

#include "pg/pg_internal.h"

#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

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
static bool begin(struct pg *pg, const char *sql, ExecStatusType want, struct err *err)
{
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
        if (status == want) {
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

bool pg_copy_out_begin(struct pg *pg, const char *sql, struct err *err)
{
    return begin(pg, sql, PGRES_COPY_OUT, err);
}

bool pg_copy_read(struct pg *pg, const char **row, size_t *len, struct err *err)
{
    PQfreemem(pg->copy_row);
    pg->copy_row = NULL;
    for (;;) {
        int n = PQgetCopyData(pg->conn, &pg->copy_row, 1);
        if (n > 0) {
            *row = pg->copy_row;
            *len = (size_t)n;
            return true;
        }
        if (n == -1) {
            *row = NULL;
            *len = 0;
            return true;
        }
        if (n < -1) {
            return pg_fail(pg, NULL, err);
        }
        if (!pg_wait(pg, POLLIN, -1, err)) {
            return false;
        }
        if (PQconsumeInput(pg->conn) == 0) {
            return pg_fail(pg, NULL, err);
        }
    }
}

/* One result that must be a command's, its row count, and the closing NULL result. */
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

bool pg_copy_out_end(struct pg *pg, uint64_t *rows, struct err *err)
{
    return read_tag(pg, rows, err);
}

bool pg_copy_in_begin(struct pg *pg, const char *sql, struct err *err)
{
    return begin(pg, sql, PGRES_COPY_IN, err);
}

bool pg_copy_write(struct pg *pg, const char *bytes, size_t len, struct err *err)
{
    if (len > INT_MAX) {
        return err_set(err, ERR_SYSTEM, "a CopyData message of %zu bytes", len);
    }
    int rc;
    while ((rc = PQputCopyData(pg->conn, bytes, (int)len)) == 0) {
        if (!pg_flush(pg, err)) {
            return false;
        }
    }
    return rc < 0 ? pg_fail(pg, NULL, err) : pg_flush(pg, err);
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

bool pg_copy_in_end(struct pg *pg, uint64_t *rows, struct err *err)
{
    return end(pg, NULL, err) && read_tag(pg, rows, err);
}

bool pg_copy_in_abort(struct pg *pg, struct err *err)
{
    struct err expected = {.kind = ERR_NONE};
    if (!end(pg, "given up by the loader", err)) {
        return false;
    }
    if (!pg_collect(pg, NULL, &expected) && (pg->dead || expected.kind == ERR_CANCELLED)) {
        *err = expected;
        return false;
    }
    return true;
}
