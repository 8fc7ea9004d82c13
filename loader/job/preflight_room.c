#include "base/buf.h"
#include "base/cleanup.h"
#include "job/preflight_internal.h"

#include <stdio.h>
#include <string.h>

#define FIX_MAX       1024
#define LEDGER_TABLES 7

/* ---- connections ---- */

/* A role without pg_monitor sees of others' sessions whose they are, not what kind. Ours is among
 * those that are counted. Superusers have no limits but the server's. */
#define ROOM_SQL                                                                                  \
    "WITH mine AS (SELECT r.oid AS role, r.rolconnlimit, r.rolsuper, d.oid AS db, d.datconnlimit" \
    "  FROM pg_roles r, pg_database d"                                                            \
    "  WHERE r.rolname = session_user AND d.datname = current_database()),"                       \
    " seen AS (SELECT usesysid, datid FROM pg_stat_activity"                                      \
    "  WHERE coalesce(backend_type, 'client backend') = 'client backend'"                         \
    "   AND datid IS NOT NULL AND usesysid IS NOT NULL)"                                          \
    " SELECT current_setting('max_connections')::bigint"                                          \
    "  - current_setting('superuser_reserved_connections')::bigint"                               \
    "  - coalesce(current_setting('reserved_connections', true), '0')::bigint"                    \
    "  - (SELECT count(*) FROM seen) + 1,"                                                        \
    " CASE WHEN rolsuper OR rolconnlimit < 0 THEN -1 ELSE greatest(0, rolconnlimit"               \
    "  - (SELECT count(*) FROM seen WHERE usesysid = role) + 1) END,"                             \
    " CASE WHEN rolsuper OR datconnlimit < 0 THEN -1 ELSE greatest(0, datconnlimit"               \
    "  - (SELECT count(*) FROM seen WHERE datid = db) + 1) END FROM mine"

static void add_limit(struct buf *out, const char *what, const char *name)
{
    buf_printf(out, "ALTER %s ", what);
    pg_add_ident(out, name);
    buf_puts(out, " CONNECTION LIMIT -1");
}

/* The tightest of the three, and what would widen it. */
static int64_t tightest(const struct server *s, const struct room *room, struct buf *wider)
{
    bool role = room->role != ROOM_UNLIMITED && room->role < room->server;
    int64_t left = role ? room->role : room->server;
    bool database = room->database != ROOM_UNLIMITED && room->database < left;
    left = database ? room->database : left;
    if (database) {
        add_limit(wider, "DATABASE", s->database);
    } else if (role) {
        add_limit(wider, "ROLE", s->user);
    } else {
        buf_puts(wider, "a larger max_connections on the server");
    }
    return left < 0 ? 0 : left;
}

void judge_room(const struct server *s, const struct room *room, unsigned needed)
{
    struct buf wider;
    char fix[FIX_MAX];
    unsigned jobs = s->p->spec->jobs;
    buf_init(&wider, FIX_MAX);
    int64_t left = tightest(s, room, &wider);
    if (left >= 2) {
        (void)snprintf(fix, sizeof fix, "--jobs %lld, or %s", (long long)left - 1, buf_str(&wider));
    } else {
        (void)snprintf(fix, sizeof fix, "end other sessions, or %s", buf_str(&wider));
    }
    buf_free(&wider);
    if (left >= (int64_t)needed) {
        server_ok(s, "slots", "%lld connections are free, a load with --jobs %u takes %u",
                  (long long)left, jobs, needed);
        return;
    }
    struct check_note note = server_note(s, CHECK_BLOCKER, "slots", fix);
    check_add(s->p->list, &note, "%lld connection%s free, a load with --jobs %u takes %u",
              (long long)left, left == 1 ? " is" : "s are", jobs, needed);
}

bool check_slots(struct server *s)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = server_ask(s, "slots", ROOM_SQL);
    if (r != NULL) {
        struct room room = {
            .server = pg_int(r, 0, 0), .role = pg_int(r, 0, 1), .database = pg_int(r, 0, 2)};
        judge_room(s, &room, s->p->spec->jobs + 1);
    }
    return true;
}

/* ---- the ledger ---- */

/* $1: the schema; $2: its tables. One row, whether it is there or not. */
static const char ledger_sql[] =
    "SELECT n.oid IS NOT NULL,"
    " coalesce(has_schema_privilege(n.oid, 'USAGE'), false),"
    " coalesce(has_schema_privilege(n.oid, 'CREATE'), false),"
    " has_database_privilege(current_database(), 'CREATE'),"
    " (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = ANY ($2)),"
    " (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = ANY ($2)"
    "   AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')"
    "   AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))"
    " FROM (SELECT 1) one LEFT JOIN pg_namespace n ON n.nspname = $1";

/* rights: "CREATE ON DATABASE", of the thing that is named. */
static void refuse_ledger(const struct server *s, const char *rights, const char *name,
                          const char *missing)
{
    struct buf fix;
    buf_init(&fix, FIX_MAX);
    buf_printf(&fix, "GRANT %s ", rights);
    pg_add_ident(&fix, name);
    buf_puts(&fix, " TO ");
    pg_add_ident(&fix, s->user);
    buf_puts(&fix, "; or let an administrator run the destination part of \"sluice load "
                   "--print-sql\"");
    struct check_note note = server_note(s, CHECK_BLOCKER, "ledger", buf_str(&fix));
    note.kind = ERR_AUTH;
    check_add(s->p->list, &note, "the role \"%s\" may not %s", s->user, missing);
    buf_free(&fix);
}

static void judge_ledger(const struct server *s, const struct pg_rows *r)
{
    const char *schema = s->p->spec->ledger_schema;
    bool there = pg_bool(r, 0, 0);
    bool usage = pg_bool(r, 0, 1);
    bool create = pg_bool(r, 0, 2);
    bool complete = pg_int(r, 0, 4) == LEDGER_TABLES;
    if (!there && pg_bool(r, 0, 3)) {
        server_ok(s, "ledger", "schema \"%s\" will be made by the load", schema);
    } else if (!there) {
        refuse_ledger(s, "CREATE ON DATABASE", s->database, "create the schema for the ledger");
    } else if (!complete && !(usage && create)) {
        refuse_ledger(s, "USAGE, CREATE ON SCHEMA", schema, "create the ledger's tables");
    } else if (!usage) {
        refuse_ledger(s, "USAGE ON SCHEMA", schema, "use the ledger's schema");
    } else if (pg_int(r, 0, 5) < pg_int(r, 0, 4)) {
        refuse_ledger(s, "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA", schema,
                      "read and write the ledger's tables");
    } else {
        server_ok(s, "ledger", "schema \"%s\" is there, with the rights it takes%s", schema,
                  complete ? "" : "; the load will make its tables");
    }
}

bool check_ledger(struct server *s)
{
    static const char tables[] = "{job,snapshot,job_table,chunk,chunk_done,lease,event}";
    const char *const params[] = {s->p->spec->ledger_schema, tables};
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    struct err err;
    if (s->side != CHECK_DESTINATION) {
        return true;
    }
    if (pg_query_row(s->pg, ledger_sql, 2, params, &r, &err)) {
        judge_ledger(s, r);
    } else if (err.kind != ERR_CANCELLED && !pg_is_dead(s->pg)) {
        struct check_note note =
            server_note(s, CHECK_WARNING, "ledger", "look at the rights on its schema by hand");
        check_add(s->p->list, &note, "the server does not say: %s", err.msg);
    }
    return true;
}
