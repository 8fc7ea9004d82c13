#include "pg/session.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

/*
 * Each line is there because a default of some role, database or server would change a text form,
 * hide rows, or end a long transaction. lc_monetary makes the text of money mean the same integer
 * on both sides; array_nulls off would read NULL in an array as a word.
 */
static const char pinned[] = "SET standard_conforming_strings = on;"
                             "SET DateStyle = 'ISO, YMD';"
                             "SET IntervalStyle = postgres;"
                             "SET extra_float_digits = 3;"
                             "SET bytea_output = hex;"
                             "SET xmloption = content;"
                             "SET array_nulls = on;"
                             "SET lc_monetary = 'C';"
                             "SET search_path = pg_catalog;"
                             "SET row_security = off;"
                             "SET TimeZone = 'UTC';"
                             "SET quote_all_identifiers = off;"
                             "SET jit = off;"
                             "SET statement_timeout = 0;"
                             "SET lock_timeout = 0;"
                             "SET idle_in_transaction_session_timeout = 0;"
                             "SET default_transaction_isolation = 'read committed';"
                             "SET default_transaction_read_only = off;";

/* A pooler answers the start of a session itself, with a process id of its own making. */
static bool check_direct(struct pg *pg, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(pg, "SELECT pg_backend_pid()", 0, NULL, &r, err)) {
        return false;
    }
    return pg_int(r, 0, 0) == pg_backend_pid(pg) ||
           err_set(err, ERR_USAGE,
                   "a connection pooler stands between Sluice and the %s (%s); connect to the "
                   "server itself: snapshots and settings do not survive a pooler",
                   pg_side(pg), pg_where(pg));
}

static bool check_version(struct pg *pg, struct err *err)
{
    return pg_version(pg) >= SESSION_OLDEST_VERSION ||
           err_set(err, ERR_USAGE, "the %s is PostgreSQL %d; %d or newer is needed", pg_side(pg),
                   pg_version(pg) / 10000, SESSION_OLDEST_VERSION / 10000);
}

bool session_open(const struct pg_target *target, const char *application_name, int wake_fd,
                  struct pg **out, struct err *err)
{
    struct pg *pg = NULL;
    if (!pg_open(target, application_name, wake_fd, &pg, err)) {
        return false;
    }
    /* The path first: a role's own may put its functions before the server's. */
    if (!check_version(pg, err) || !pg_exec(pg, "SET search_path = pg_catalog", err) ||
        !check_direct(pg, err)) {
        pg_close(pg);
        return false;
    }
    *out = pg;
    return true;
}

/* A role without pg_monitor sees of others' sessions that they are there, not of which kind. */
bool session_free_slots(struct pg *pg, uint64_t *left, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(pg,
                      "SELECT greatest(0, current_setting('max_connections')::int"
                      " - current_setting('superuser_reserved_connections')::int"
                      " - (SELECT count(*) FROM pg_stat_activity"
                      "    WHERE datid IS NOT NULL"
                      "    AND coalesce(backend_type, 'client backend') = 'client backend'))",
                      0, NULL, &r, err)) {
        return false;
    }
    *left = (uint64_t)pg_int(r, 0, 0);
    return true;
}

bool session_pin(struct pg *pg, const char *encoding, struct err *err)
{
    if (!pg_exec(pg, pinned, err)) {
        return err_wrap(err, "pinning the session");
    }
    if (pg_version(pg) >= 140000 && !pg_exec(pg, "SET idle_session_timeout = 0", err)) {
        return false;
    }
    if (pg_version(pg) >= 170000 && !pg_exec(pg, "SET transaction_timeout = 0", err)) {
        return false;
    }
    const char *const params[] = {encoding};
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    return pg_query(pg, "SELECT set_config('client_encoding', $1, false)", 1, params, &r, err);
}

static bool speaks(struct pg *pg, const char *encoding, bool *speaks, struct err *err)
{
    struct err why;
    const char *const params[] = {encoding};
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    *speaks = pg_query(pg, "SELECT set_config('client_encoding', $1, false)", 1, params, &r, &why);
    if (!*speaks && (pg_is_dead(pg) || why.kind == ERR_CANCELLED)) {
        *err = why;
        return false;
    }
    return true;
}

/* UTF8 is the bridge that every server has. */
bool session_encoding(struct pg *source, struct pg *destination, char out[SESSION_ENCODING_MAX],
                      struct err *err)
{
    bool spoken = true;
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(source, "SELECT pg_catalog.getdatabaseencoding()", 0, NULL, &r, err) ||
        (destination != NULL && !speaks(destination, pg_text(r, 0, 0), &spoken, err))) {
        return false;
    }
    (void)snprintf(out, SESSION_ENCODING_MAX, "%s", spoken ? pg_text(r, 0, 0) : "UTF8");
    return true;
}

bool session_identity(struct pg *pg, struct server_identity *out, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(pg,
                      "SELECT s.system_identifier, pg_postmaster_start_time() AT TIME ZONE 'UTC',"
                      " d.datname, d.oid, c.timeline_id, pg_is_in_recovery()"
                      " FROM pg_control_system() s, pg_control_checkpoint() c, pg_database d"
                      " WHERE d.datname = current_database()",
                      0, NULL, &r, err)) {
        return err_wrap(err, "asking the %s who it is", pg_side(pg));
    }
    (void)snprintf(out->system, sizeof out->system, "%s", pg_text(r, 0, 0));
    (void)snprintf(out->started, sizeof out->started, "%s", pg_text(r, 0, 1));
    (void)snprintf(out->database, sizeof out->database, "%s", pg_text(r, 0, 2));
    (void)snprintf(out->database_oid, sizeof out->database_oid, "%s", pg_text(r, 0, 3));
    (void)snprintf(out->timeline, sizeof out->timeline, "%s", pg_text(r, 0, 4));
    out->in_recovery = pg_bool(r, 0, 5);
    return true;
}

/* A standby shares its primary's identifiers but not its start time; its timeline gives it away. */
static bool is_same(const struct server_identity *x, const struct server_identity *y)
{
    bool standby = x->in_recovery || y->in_recovery;
    return strcmp(x->system, y->system) == 0 && strcmp(x->database_oid, y->database_oid) == 0 &&
           (strcmp(x->started, y->started) == 0 ||
            (standby && strcmp(x->timeline, y->timeline) == 0));
}

bool session_check_different(const struct server_identity *source,
                             const struct server_identity *destination, const struct pg *pg,
                             struct err *err)
{
    return !is_same(source, destination) ||
           err_set(err, ERR_USAGE,
                   "source and destination are the same database (%s); nothing was changed",
                   pg_where(pg));
}

bool session_check_writable(const struct server_identity *destination, const struct pg *pg,
                            struct err *err)
{
    return !destination->in_recovery ||
           err_set(err, ERR_USAGE, "the destination (%s) is a read-only replica", pg_where(pg));
}
