#include "job/snapshot.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN_SNAPSHOT "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

void snapshot_identity_free(struct snapshot_identity *s)
{
    free(s->visible);
    *s = (struct snapshot_identity){0};
}

bool snapshot_identity_copy(const struct snapshot_identity *from, struct snapshot_identity *to,
                            struct err *err)
{
    char *visible = str_copy(from->visible);
    if (visible == NULL && from->visible != NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    *to = *from;
    to->visible = visible;
    return true;
}

static const char *visible_function(const struct pg *pg)
{
    return pg_version(pg) >= 130000 ? "pg_current_snapshot()" : "txid_current_snapshot()";
}

static bool read_visible(struct pg *pg, char **out, struct err *err)
{
    char sql[64];
    (void)snprintf(sql, sizeof sql, "SELECT %s::text", visible_function(pg));
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(pg, sql, 0, NULL, &r, err)) {
        return false;
    }
    *out = str_copy(pg_text(r, 0, 0));
    return *out != NULL || err_set(err, ERR_SYSTEM, "out of memory");
}

static bool describe(struct pg *pg, struct snapshot_identity *s, struct err *err)
{
    struct server_identity server;
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!session_identity(pg, &server, err) ||
        !pg_query_row(pg, "SELECT to_char(now(), 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')", 0, NULL, &r,
                      err) ||
        !read_visible(pg, &s->visible, err)) {
        return false;
    }
    (void)snprintf(s->system, sizeof s->system, "%s", server.system);
    (void)snprintf(s->started, sizeof s->started, "%s", server.started);
    (void)snprintf(s->taken_at, sizeof s->taken_at, "%s", pg_text(r, 0, 0));
    return true;
}

bool snapshot_export(struct pg *pg, char id[SNAPSHOT_ID_MAX], struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(pg, "SELECT pg_export_snapshot()", 0, NULL, &r, err)) {
        return err_wrap(err, "exporting the snapshot");
    }
    (void)snprintf(id, SNAPSHOT_ID_MAX, "%s", pg_text(r, 0, 0));
    return true;
}

bool snapshot_take(struct pg *pg, struct snapshot_identity *out, struct err *err)
{
    struct snapshot_identity s = {.no = 1};
    if (!pg_exec(pg, BEGIN_SNAPSHOT, err) || !snapshot_export(pg, s.id, err) ||
        !describe(pg, &s, err)) {
        snapshot_identity_free(&s);
        return false;
    }
    *out = s;
    return true;
}

/* A server says "no such snapshot" in three ways: 22023 up to 15, 42704 from 16, and 55000 when the
 * exporting transaction ends in this very moment. */
static bool says_gone(const struct pg *pg)
{
    const char *state = pg_sqlstate(pg);
    return strcmp(state, "22023") == 0 || strcmp(state, "42704") == 0 ||
           strcmp(state, "55000") == 0;
}

static bool compare(const struct snapshot_identity *want, const struct snapshot_identity *got,
                    struct err *err)
{
    if (strcmp(want->system, got->system) != 0) {
        return err_set(
            err, ERR_LOST_SNAPSHOT,
            "this connection reached another server (system identifier %s instead of %s):"
            " is the source a load-balanced endpoint? name one server",
            got->system, want->system);
    }
    if (strcmp(want->started, got->started) != 0) {
        return err_set(err, ERR_LOST_SNAPSHOT,
                       "the source was restarted at %s, which ended the job's snapshot (or this"
                       " connection reached another server behind the same name)",
                       got->started);
    }
    if (strcmp(want->visible, got->visible) != 0) {
        return err_set(err, ERR_LOST_SNAPSHOT, "the snapshot %s is another one now", want->id);
    }
    return true;
}

bool snapshot_import(struct pg *pg, const struct snapshot_identity *s, struct err *err)
{
    struct buf sql;
    buf_init(&sql, 1024);
    buf_puts(&sql, BEGIN_SNAPSHOT "; SET TRANSACTION SNAPSHOT ");
    pg_add_literal(&sql, s->id);
    bool ok = pg_exec(pg, buf_str(&sql), err);
    buf_free(&sql);
    if (!ok) {
        return says_gone(pg) ? err_set(err, ERR_LOST_SNAPSHOT,
                                       "the source no longer has the job's snapshot %s", s->id)
                             : err_wrap(err, "importing the snapshot");
    }
    struct snapshot_identity got = {0};
    ok = describe(pg, &got, err) && compare(s, &got, err);
    snapshot_identity_free(&got);
    return ok;
}

/* LOCK TABLE takes tables and views only; the plainest query locks the other kinds as well. */
static bool lockable(const struct locked_table *t)
{
    return !t->by_query && (t->kind == 'r' || t->kind == 'p' || t->kind == 'v');
}

/* Names in one LOCK statement: enough to make it rare, few enough to keep a statement readable
 * in the server's log. */
#define LOCK_NAMES_MAX 200u

char *snapshot_lock_sql(const struct locked_table *tables, size_t count)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    size_t open = 0;
    for (size_t i = 0; i < count; i++) {
        if (!lockable(&tables[i])) {
            continue;
        }
        buf_puts(&b, open == 0 ? "LOCK TABLE " : ", ");
        buf_puts(&b, tables[i].kind == 'v' ? "" : "ONLY ");
        pg_add_name(&b, tables[i].schema, tables[i].name);
        if (++open == LOCK_NAMES_MAX) {
            buf_puts(&b, " IN ACCESS SHARE MODE; ");
            open = 0;
        }
    }
    buf_puts(&b, open > 0 ? " IN ACCESS SHARE MODE; " : "");
    for (size_t i = 0; i < count; i++) {
        if (!lockable(&tables[i])) {
            buf_puts(&b, "SELECT FROM ONLY ");
            pg_add_name(&b, tables[i].schema, tables[i].name);
            buf_puts(&b, " LIMIT 0; ");
        }
    }
    buf_puts(&b, ""); /* so that there is a text to take, also an empty one */
    return buf_take(&b);
}

static bool compare_filenode(const struct locked_table *t, const struct pg_rows *r, size_t row,
                             struct err *err)
{
    if (pg_null(r, row, 0) || pg_int(r, row, 0) != (int64_t)t->filenode) {
        return err_set(err, ERR_LOST_SNAPSHOT,
                       "table %s.%s was truncated, rewritten or dropped on the source while no lock"
                       " protected it; its rows can no longer be read as of the snapshot",
                       t->schema, t->name);
    }
    return true;
}

bool snapshot_check_filenodes(struct pg *pg, const struct locked_table *tables, size_t count,
                              struct err *err)
{
    struct buf oids;
    buf_init(&oids, BUF_SQL_MAX);
    buf_puts(&oids, "{");
    for (size_t i = 0; i < count; i++) {
        buf_printf(&oids, "%s%u", i == 0 ? "" : ",", tables[i].oid);
    }
    buf_puts(&oids, "}");
    const char *const params[] = {buf_str(&oids)};
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    bool ok = buf_ok(&oids, err) &&
              pg_query(pg,
                       "SELECT pg_relation_filenode(u.oid::regclass)"
                       " FROM unnest($1::oid[]) WITH ORDINALITY u(oid, n) ORDER BY u.n",
                       1, params, &r, err);
    for (size_t i = 0; ok && i < count; i++) {
        ok = tables[i].filenode == 0 || compare_filenode(&tables[i], r, i, err);
    }
    buf_free(&oids);
    return ok;
}
