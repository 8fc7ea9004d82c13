#include "base/cleanup.h"
#include "flow/stop.h"
#include "job/load_internal.h"

#include <stdio.h>
#include <string.h>

static bool connect_one(const struct pg_target *target, struct pg **out,
                        struct server_identity *identity, struct err *err)
{
    return session_open(target, "sluice", stop_drain_fd(), out, err) &&
           session_identity(*out, identity, err);
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

static bool check_slots(struct pg *pg, unsigned needed, struct findings *findings, struct err *err)
{
    uint64_t left = 0;
    if (!session_free_slots(pg, &left, err)) {
        return false;
    }
    if (left + 1 < needed) { /* ours counts as used */
        findings_add(findings, FINDING_BLOCKER, ERR_USAGE,
                     "the %s has %llu free connections, this load needs %u; use a smaller --jobs",
                     pg_side(pg), (unsigned long long)left + 1, needed);
    }
    return true;
}

static bool pin_both(struct load *l, struct err *err)
{
    return session_encoding(l->source, l->destination, l->encoding, err) &&
           session_pin(l->source, l->encoding, err) &&
           session_pin(l->destination, l->encoding, err);
}

bool load_connect_destination(struct load *l, const char *encoding, struct err *err)
{
    if (!connect_one(&l->destination_target, &l->destination, &l->destination_identity, err)) {
        return false;
    }
    (void)snprintf(l->encoding, sizeof l->encoding, "%s", encoding);
    (void)snprintf(l->result->destination, sizeof l->result->destination, "%s",
                   pg_where(l->destination));
    load_auth_notes(l);
    return session_pin(l->destination, l->encoding, err) &&
           ledger_keep_commits(l->destination, err) &&
           check_slots(l->destination, l->spec->jobs + 1, &l->result->findings, err);
}

bool load_connect(struct load *l, struct err *err)
{
    if (!connect_one(&l->source_target, &l->source, &l->source_identity, err) ||
        !connect_one(&l->destination_target, &l->destination, &l->destination_identity, err) ||
        !pin_both(l, err)) {
        return false;
    }
    load_auth_notes(l);
    (void)snprintf(l->result->source, sizeof l->result->source, "%s", pg_where(l->source));
    (void)snprintf(l->result->destination, sizeof l->result->destination, "%s",
                   pg_where(l->destination));
    return check_different(l, err) && pg_exec(l->source, LOAD_LOCK_TIMEOUT, err) &&
           ledger_keep_commits(l->destination, err) &&
           check_slots(l->source, l->spec->jobs + 1, &l->result->findings, err) &&
           check_slots(l->destination, l->spec->jobs + 1, &l->result->findings, err);
}
