/* For gethostname. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "job/lease.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/rng.h"
#include "flow/stop.h"
#include "job/readers.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_AGAIN_MS        200u
#define LEASE_EXPIRY_WAIT_MS 33000u /* LEASE_LIFETIME, and a little */

void lease_token(char out[LEASE_TOKEN_MAX])
{
    (void)snprintf(out, LEASE_TOKEN_MAX, "%016llx%016llx", (unsigned long long)rng_entropy(),
                   (unsigned long long)rng_entropy());
}

#define SET_LEASE                                                                                  \
    "token = $2, pid = pg_backend_pid(), backend_start = (SELECT backend_start::text FROM"         \
    " pg_stat_activity WHERE pid = pg_backend_pid()), router = coalesce(inet_server_addr()::text," \
    " ''), client = $3, renewed_at = clock_timestamp(),"                                           \
    " expires_at = clock_timestamp() + interval '" LEASE_LIFETIME "'"

/*
 * Whose sessions one can see. On a shard group pg_stat_activity has only those of one's own router,
 * where another session may have the same process id; limitless_stat_activity has all of them.
 * Without it (an older build, no right to read it) a lease is alive until it expires.
 */
struct sight {
    const char *sessions; /* the view */
    const char *end;      /* what ends one of its sessions */
    bool whole;           /* every session of the destination is in it */
};

static const struct sight one_server = {
    .sessions = "pg_stat_activity", .end = "pg_terminate_backend(pid)", .whole = true};
static const struct sight whole_group = {
    .sessions = "rds_aurora.limitless_stat_activity",
    .end = "rds_aurora.limitless_terminate_session(distributed_session_id)",
    .whole = true};
static const struct sight one_router = {
    .sessions = "pg_stat_activity", .end = "pg_terminate_backend(pid)", .whole = false};

static bool find_sight(struct pg *pg, const struct sight **out, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    CLEANUP(pg_rows_free) struct pg_rows *probe = NULL;
    struct err why = {.kind = ERR_NONE};
    if (!pg_query_row(pg,
                      "SELECT to_regclass('rds_aurora.limitless_subclusters') IS NOT NULL,"
                      " to_regclass('rds_aurora.limitless_stat_activity') IS NOT NULL",
                      0, NULL, &r, err)) {
        return false;
    }
    *out = pg_bool(r, 0, 0) ? &one_router : &one_server;
    if (!pg_bool(r, 0, 0) || !pg_bool(r, 0, 1)) {
        return true;
    }
    if (pg_query(pg,
                 "SELECT pid, backend_start, application_name, datname, distributed_session_id"
                 " FROM rds_aurora.limitless_stat_activity WHERE pid = pg_backend_pid()",
                 0, NULL, &probe, &why)) {
        *out = pg_rows_count(probe) > 0 ? &whole_group : &one_router;
    } else if (pg_is_dead(pg) || why.kind == ERR_CANCELLED) {
        *err = why;
        return false;
    }
    return true;
}

struct owner {
    bool exists;
    bool alive;
    bool expired;
    char pid[16];
    char client[128];
    char renewed_at[48];
};

static bool look(const struct ledger *l, struct pg *pg, const struct sight *sight,
                 struct owner *out, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    struct buf sql;
    buf_init(&sql, 1024);
    buf_printf(&sql,
               "SELECT e.pid, e.client, e.renewed_at::text, e.expires_at < clock_timestamp(),"
               " %s EXISTS (SELECT 1 FROM %s a WHERE a.pid = e.pid AND"
               " coalesce(a.backend_start::text, e.backend_start) = e.backend_start)"
               " FROM @lease e WHERE e.job = $1",
               sight->whole ? "" : "true OR", sight->sessions);
    bool ok = ledger_ask(l, pg, &(struct ledger_query){.text = buf_str(&sql)}, &r, err);
    buf_free(&sql);
    if (!ok) {
        return false;
    }
    *out = (struct owner){.exists = pg_rows_count(r) == 1};
    if (out->exists) {
        (void)snprintf(out->pid, sizeof out->pid, "%s", pg_text(r, 0, 0));
        (void)snprintf(out->client, sizeof out->client, "%s", pg_text(r, 0, 1));
        (void)snprintf(out->renewed_at, sizeof out->renewed_at, "%s", pg_text(r, 0, 2));
        out->expired = pg_bool(r, 0, 3);
        out->alive = pg_bool(r, 0, 4) && !out->expired;
    }
    return true;
}

static void client_name(char out[160])
{
    char host[96] = "?";
    (void)gethostname(host, sizeof host - 1);
    (void)snprintf(out, 160, "%s, process %ld", host, (long)getpid());
}

/* Moves the lease from the owner that was seen to us. *taken false: somebody was faster. */
static bool grab(const struct ledger *l, struct pg *pg, const char *token, const struct owner *seen,
                 bool *taken, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    char client[160];
    client_name(client);
    const char *sql =
        seen->exists ? "UPDATE @lease SET " SET_LEASE " WHERE job = $1 AND renewed_at::text = $4"
                       " RETURNING 1"
                     : "INSERT INTO @lease (job, token, pid, backend_start, router, client,"
                       " renewed_at, expires_at) SELECT $1, $2, pid, backend_start::text,"
                       " coalesce(inet_server_addr()::text, ''), $3, clock_timestamp(),"
                       " clock_timestamp() + interval '" LEASE_LIFETIME "' FROM pg_stat_activity"
                       " WHERE pid = pg_backend_pid() AND $4 <> '-' RETURNING 1";
    const char *const more[] = {token, client, seen->renewed_at};
    struct ledger_query q = {.text = sql, .more = more, .more_count = 3};
    bool ok = ledger_ask(l, pg, &q, &r, err);
    if (!ok && strcmp(pg_sqlstate(pg), "23505") == 0) {
        *taken = false;
        return true;
    }
    *taken = ok && pg_rows_count(r) == 1;
    return ok;
}

static bool busy(const struct ledger *l, const struct owner *o, struct err *err)
{
    return err_set(err, ERR_BUSY,
                   "job \"%s\" is already running (%s; its destination session is %s); wait for it,"
                   " or stop it",
                   l->job, o->client, o->pid);
}

static bool ask_writers(struct pg *pg, const struct sight *sight, const char *prefix, bool end,
                        size_t *count, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    const char *const params[] = {prefix};
    struct buf sql;
    buf_init(&sql, 1024);
    buf_printf(&sql,
               "SELECT %s FROM %s WHERE starts_with(application_name, $1)"
               " AND datname = current_database()",
               end ? sight->end : "1", sight->sessions);
    bool ok = pg_query(pg, buf_str(&sql), 1, params, &r, err);
    buf_free(&sql);
    *count = ok ? pg_rows_count(r) : 0;
    return ok;
}

/* A dead loader's writers roll back by themselves when their server notices; one that still does
 * something after the patience is over is ended. */
static bool await_writers(struct pg *pg, const struct sight *sight, const char *tag,
                          struct err *err)
{
    char prefix[SESSION_NAME_MAX];
    session_name(tag, "writer-", prefix);
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)LEASE_PATIENCE_MS * NS_PER_MS;
    bool ended = false;
    for (;;) {
        size_t count = 0;
        bool late = clock_mono_ns() > deadline_ns;
        if (!ask_writers(pg, sight, prefix, late, &count, err)) {
            return false;
        }
        if (count == 0) {
            return true;
        }
        if (late && ended) {
            return err_set(err, ERR_BUSY,
                           "sessions of an earlier run of this job (%s...) do not end", prefix);
        }
        if (late) {
            ended = true;
            deadline_ns = clock_mono_ns() + (uint64_t)LEASE_PATIENCE_MS * NS_PER_MS;
        }
        if (!stop_wait(stop_drain_fd(), LOOK_AGAIN_MS)) {
            return err_set(err, ERR_CANCELLED, "stopped by a signal");
        }
    }
}

/* For as long as an owner is waited for that may be dead: where its session would be seen, the
 * patience; else until its lease must have expired. */
static uint64_t wait_until_ns(const struct sight *sight)
{
    return clock_mono_ns() +
           (uint64_t)(sight->whole ? LEASE_PATIENCE_MS : LEASE_EXPIRY_WAIT_MS) * NS_PER_MS;
}

bool lease_take(const struct ledger *l, struct pg *pg, const char *token, const char *tag,
                struct err *err)
{
    const struct sight *sight = NULL;
    struct owner first = {.exists = false};
    bool taken = false;
    if (!find_sight(pg, &sight, err)) {
        return err_wrap(err, "looking for the job's lease");
    }
    uint64_t deadline_ns = wait_until_ns(sight);

    for (bool again = false; !taken; again = true) {
        struct owner now;
        if (!look(l, pg, sight, &now, err)) {
            return err_wrap(err, "looking for the job's lease");
        }
        if (!now.exists || !now.alive) {
            if (!grab(l, pg, token, &now, &taken, err)) {
                return err_wrap(err, "taking the job's lease");
            }
            continue;
        }
        bool renewed = again && first.exists && strcmp(first.renewed_at, now.renewed_at) != 0;
        if (renewed || clock_mono_ns() > deadline_ns) {
            return busy(l, &now, err);
        }
        first = first.exists ? first : now;
        if (!stop_wait(stop_drain_fd(), LOOK_AGAIN_MS)) {
            return err_set(err, ERR_CANCELLED, "stopped by a signal");
        }
    }
    return await_writers(pg, sight, tag, err);
}

bool lease_renew(const struct ledger *l, struct pg *pg, const char *token, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    char client[160];
    client_name(client);
    const char *const more[] = {token, client};
    struct ledger_query q = {.text = "UPDATE @lease SET " SET_LEASE
                                     " WHERE job = $1 AND token = $2 RETURNING 1",
                             .more = more,
                             .more_count = 2};
    if (!ledger_ask(l, pg, &q, &r, err)) {
        return err_wrap(err, "renewing the job's lease");
    }
    if (pg_rows_count(r) == 0) {
        return err_set(err, ERR_BUSY, "another loader took over job \"%s\"; this one stops",
                       l->job);
    }
    return true;
}

bool lease_release(const struct ledger *l, struct pg *pg, const char *token, struct err *err)
{
    struct ledger_query q = {.text = "DELETE FROM @lease WHERE job = $1 AND token = $2 RETURNING 1",
                             .more = &token,
                             .more_count = 1};
    return ledger_ask(l, pg, &q, NULL, err);
}
