#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "flow/stop.h"
#include "job/load_internal.h"
#include "job/router_list.h"

#include <stdio.h>

static bool connect_one(const struct pg_target *target, struct pg **out,
                        struct server_identity *identity, struct err *err)
{
    return session_open(target, "sluice", stop_drain_fd(), out, err) &&
           session_identity(*out, identity, err);
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

/* ---- a shard group ---- */

/* What libpq found in a password file for the endpoint is for the routers as well. */
static bool share_password(struct load *l, struct err *err)
{
    CLEANUP(secret_free) struct secret password = {0};
    return pg_password(l->destination, &password, err) &&
           auth_keep_password(l->auth, AUTH_DESTINATION, &password, err);
}

static void do_without_routers(struct load *l, const char *why)
{
    load_warn(l,
              "the routers of the shard group cannot be used one by one: %s; all connections "
              "go to the given endpoint (--routers off says so without this warning)",
              why);
    routers_free(l->routers);
    l->routers = NULL;
}

static bool open_routers(struct load *l, unsigned *most, struct err *err)
{
    struct router_load list[ROUTERS_MAX];
    size_t count = 0;
    char left_out[ERR_MSG_MAX];
    char spread[ERR_MSG_MAX];
    struct err why = {.kind = ERR_NONE};
    l->routers = routers_new(l->spec->jobs);
    if (l->routers == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    if (!router_list_read(l->destination, &l->destination_target, list, &count, left_out, &why)) {
        if (pg_is_dead(l->destination) || why.kind == ERR_CANCELLED) {
            *err = why;
            return false;
        }
        do_without_routers(l, why.msg);
        return true;
    }
    if (count == 0) {
        do_without_routers(l, left_out[0] == '\0' ? "the group names none" : left_out);
        return true;
    }
    if (left_out[0] != '\0') {
        load_warn(l, "not every router can be used: %s", left_out);
    }
    (void)routers_update(l->routers, list, count, clock_mono_ns());
    *most = router_list_most(list, count, l->spec->jobs);
    router_list_say(list, count, l->spec->jobs, spread, sizeof spread);
    load_note(l, "a shard group of %u routers and %u shards; writers by router: %.800s",
              l->group.routers, l->group.shards, spread);
    return true;
}

/* *needed: connections at one router. Control is one of them, wherever it is. */
static bool look_at_group(struct load *l, unsigned *needed, struct err *err)
{
    unsigned most = l->spec->jobs;
    if (!limitless_detect(l->destination, &l->group, err)) {
        return false;
    }
    if (l->group.is_limitless) {
        if (!limitless_pin(l->destination, err)) {
            return false;
        }
        if (l->spec->routers != ROUTERS_OFF &&
            (!share_password(l, err) || !open_routers(l, &most, err))) {
            return false;
        }
    }
    *needed = most + 1;
    return true;
}

/* Whose rows a spill file has: a router's system identifier need not be the next one's. The place
 * that was given stands for the group. */
static void name_group(struct load *l)
{
    struct server_identity *d = &l->destination_identity;
    const char *where = pg_where(l->destination);
    if (l->group.is_limitless) {
        (void)snprintf(d->system, sizeof d->system, "limitless-%016llx",
                       (unsigned long long)str_hash(STR_HASH_START, where));
    }
}

/* ---- all of it ---- */

static bool fit_destination(struct load *l, struct err *err)
{
    unsigned needed = 0;
    if (!look_at_group(l, &needed, err) ||
        !control_keep_commits(l->destination, l->group.is_limitless, err) ||
        !check_slots(l->destination, needed, &l->result->findings, err)) {
        return false;
    }
    name_group(l);
    return true;
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
    return session_pin(l->destination, l->encoding, err) && fit_destination(l, err);
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
    return session_check_different(&l->source_identity, &l->destination_identity, l->destination,
                                   err) &&
           session_check_writable(&l->destination_identity, l->destination, err) &&
           pg_exec(l->source, LOAD_LOCK_TIMEOUT, err) &&
           check_slots(l->source, l->spec->jobs + 1, &l->result->findings, err) &&
           fit_destination(l, err);
}
