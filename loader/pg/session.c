#include "pg/session.h"

#include "base/cleanup.h"

#include <stdio.h>

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

bool session_encoding(struct pg *pg, char out[SESSION_ENCODING_MAX], struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(pg, "SELECT pg_catalog.getdatabaseencoding()", 0, NULL, &r, err)) {
        return false;
    }
    (void)snprintf(out, SESSION_ENCODING_MAX, "%s", pg_text(r, 0, 0));
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
