#include "base/cleanup.h"
#include "flow/stop.h"
#include "job/load_internal.h"

#include <stdio.h>
#include <string.h>

#define OLDEST_VERSION 110000

static bool connect_one(const struct pg_target *target, const char *name, struct pg **out,
                        struct server_identity *identity, struct err *err)
{
    if (!pg_open(target, name, stop_drain_fd(), out, err)) {
        return false;
    }
    if (pg_version(*out) < OLDEST_VERSION) {
        return err_set(err, ERR_USAGE, "the %s is PostgreSQL %d; 11 or newer is needed",
                       target->side, pg_version(*out) / 10000);
    }
    /* First of all: a role's search_path may put functions of its own before the server's. */
    return pg_exec(*out, "SET search_path = pg_catalog", err) &&
           session_identity(*out, identity, err);
}

/* A pooler answers the start of a session itself, with a process id of its own making. */
static bool check_direct(struct pg *pg, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(pg, "SELECT pg_backend_pid()", 0, NULL, &r, err)) {
        return false;
    }
    if (pg_int(r, 0, 0) != pg_backend_pid(pg)) {
        return err_set(err, ERR_USAGE,
                       "a connection pooler stands between Sluice and the %s (%s); connect to the "
                       "server itself: snapshots and settings do not survive a pooler",
                       pg_side(pg), pg_where(pg));
    }
    return true;
}

/* A standby shares its primary's identifiers but not its start time; its timeline gives it away. */
static bool check_different(const struct load *l, struct err *err)
{
    const struct server_identity *s = &l->source_identity;
    const struct server_identity *d = &l->destination_identity;
    bool same_database =
        strcmp(s->system, d->system) == 0 && strcmp(s->database_oid, d->database_oid) == 0;
    bool same_server =
        strcmp(s->started, d->started) == 0 ||
        ((s->in_recovery || d->in_recovery) && strcmp(s->timeline, d->timeline) == 0);
    if (same_database && same_server) {
        return err_set(err, ERR_USAGE,
                       "source and destination are the same database (%s); nothing was changed",
                       pg_where(l->destination));
    }
    if (d->in_recovery) {
        return err_set(err, ERR_USAGE, "the destination (%s) is a read-only replica",
                       pg_where(l->destination));
    }
    return true;
}

/* A role without pg_monitor sees of others' sessions that they are there, not of which kind. */
static bool check_slots(struct pg *pg, unsigned needed, struct findings *findings, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(pg,
                      "SELECT current_setting('max_connections')::int"
                      " - current_setting('superuser_reserved_connections')::int"
                      " - (SELECT count(*) FROM pg_stat_activity"
                      "    WHERE datid IS NOT NULL"
                      "    AND coalesce(backend_type, 'client backend') = 'client backend')",
                      0, NULL, &r, err)) {
        return false;
    }
    int64_t left = pg_int(r, 0, 0) + 1; /* ours counts as used */
    if (left < (int64_t)needed) {
        findings_add(findings, FINDING_BLOCKER, ERR_USAGE,
                     "the %s has %lld free connections, this load needs %u; use a smaller --jobs",
                     pg_side(pg), (long long)(left < 0 ? 0 : left), needed);
    }
    return true;
}

/* The source's own encoding saves the source the work. Where the destination has no conversion from
 * it, UTF8 is the bridge that every server has. */
static bool choose_encoding(struct load *l, struct err *err)
{
    struct err why;
    const char *const params[] = {l->encoding};
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query(l->destination, "SELECT set_config('client_encoding', $1, false)", 1, params, &r,
                  &why)) {
        if (pg_is_dead(l->destination) || why.kind == ERR_CANCELLED) {
            *err = why;
            return false;
        }
        (void)snprintf(l->encoding, sizeof l->encoding, "UTF8");
    }
    return session_pin(l->source, l->encoding, err) &&
           session_pin(l->destination, l->encoding, err);
}

bool load_connect_destination(struct load *l, const char *encoding, struct err *err)
{
    if (!connect_one(&l->destination_target, "sluice", &l->destination, &l->destination_identity,
                     err)) {
        return false;
    }
    (void)snprintf(l->encoding, sizeof l->encoding, "%s", encoding);
    (void)snprintf(l->result->destination, sizeof l->result->destination, "%s",
                   pg_where(l->destination));
    load_auth_notes(l);
    return check_direct(l->destination, err) && session_pin(l->destination, l->encoding, err) &&
           ledger_keep_commits(l->destination, err) &&
           check_slots(l->destination, l->spec->jobs + 1, &l->result->findings, err);
}

bool load_connect(struct load *l, struct err *err)
{
    if (!connect_one(&l->source_target, "sluice", &l->source, &l->source_identity, err) ||
        !session_encoding(l->source, l->encoding, err) ||
        !connect_one(&l->destination_target, "sluice", &l->destination, &l->destination_identity,
                     err) ||
        !choose_encoding(l, err)) {
        return false;
    }
    load_auth_notes(l);
    (void)snprintf(l->result->source, sizeof l->result->source, "%s", pg_where(l->source));
    (void)snprintf(l->result->destination, sizeof l->result->destination, "%s",
                   pg_where(l->destination));
    return check_direct(l->source, err) && check_direct(l->destination, err) &&
           check_different(l, err) && pg_exec(l->source, LOAD_LOCK_TIMEOUT, err) &&
           ledger_keep_commits(l->destination, err) &&
           check_slots(l->source, l->spec->jobs + 1, &l->result->findings, err) &&
           check_slots(l->destination, l->spec->jobs + 1, &l->result->findings, err);
}
