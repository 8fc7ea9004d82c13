/* Why a table could not be locked on the source: whose statement stands in front of us. */
#include "base/cleanup.h"
#include "job/load_internal.h"

#include <string.h>

/* The strongest lock that somebody waits for or has; everybody who comes later queues behind it. */
#define ASK                                                                             \
    "SELECT l.pid, left(regexp_replace(coalesce(a.query, ''), '\\s+', ' ', 'g'), 100)," \
    " l.relation::regclass::text, l.granted,"                                           \
    " coalesce((SELECT b.pid FROM unnest(pg_blocking_pids(l.pid)) u(pid)"               \
    "   JOIN pg_stat_activity b ON b.pid = u.pid"                                       \
    "   WHERE starts_with(b.application_name, 'sluice/') LIMIT 1), 0)"                  \
    " FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid"                    \
    " WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'"                 \
    " AND l.pid <> pg_backend_pid() AND l.database ="                                   \
    " (SELECT oid FROM pg_database WHERE datname = current_database())"                 \
    " ORDER BY l.granted, l.pid LIMIT 1"

void load_explain_lock(struct load *l, struct err *err)
{
    struct err ignored;
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (strstr(err->msg, "55P03") == NULL || l->source == NULL || pg_is_dead(l->source) ||
        !pg_exec(l->source, "ROLLBACK", &ignored) ||
        !pg_query(l->source, ASK, 0, NULL, &r, &ignored) || pg_rows_count(r) == 0) {
        return;
    }
    if (pg_int(r, 0, 4) != 0 && l->forget) {
        load_end_old_holders(l); /* --restart has no use for the old snapshot: let them go first */
    }
    if (pg_int(r, 0, 4) != 0) {
        (void)err_set(
            err, err->kind,
            "table %s cannot be locked: on the source, process %s waits for this job's own "
            "snapshot holder (process %s) with \"%s\", and everybody else waits behind it; "
            "end that statement (SELECT pg_cancel_backend(%s)) to let the load go on, or "
            "end the holder to let the statement go first",
            pg_text(r, 0, 2), pg_text(r, 0, 0), pg_text(r, 0, 4), pg_text(r, 0, 1),
            pg_text(r, 0, 0));
        return;
    }
    (void)err_set(err, err->kind,
                  "table %s cannot be locked: on the source, process %s %s it with \"%s\"",
                  pg_text(r, 0, 2), pg_text(r, 0, 0), pg_bool(r, 0, 3) ? "has locked" : "waits for",
                  pg_text(r, 0, 1));
}
