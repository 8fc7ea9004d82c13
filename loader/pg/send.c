#include "pg/send.h"

#include "pg/pg_internal.h"

bool pg_send(struct pg *pg, const char *sql, struct err *err)
{
    if (PQsendQuery(pg->conn, sql) == 0) {
        return pg_fail(pg, NULL, err);
    }
    return pg_flush(pg, err);
}

bool pg_sent(struct pg *pg, bool *done, struct err *err)
{
    if (PQconsumeInput(pg->conn) == 0) {
        return pg_fail(pg, NULL, err);
    }
    while (PQisBusy(pg->conn) == 0) {
        PGresult *res = PQgetResult(pg->conn);
        ExecStatusType status = res == NULL ? PGRES_COMMAND_OK : PQresultStatus(res);
        if (res == NULL) {
            *done = true;
            return true;
        }
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
            status != PGRES_EMPTY_QUERY) {
            struct err ignored;
            (void)pg_fail(pg, res, err);
            PQclear(res);
            /* After an error the server sends no more than the end of it. */
            if (!pg->dead && !pg_collect(pg, NULL, &ignored)) {
                pg->dead = true;
            }
            return false;
        }
        PQclear(res);
    }
    *done = false;
    return true;
}
