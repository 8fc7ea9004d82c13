/* The scratch schema: tables like the user's, and one like the ledger's, for the bench alone. */
#include "base/cleanup.h"
#include "flow/stop.h"
#include "job/bench_internal.h"

#include <stdio.h>
#include <string.h>

/* A session that ended has left its locks by then; a server takes a moment to notice. */
#define DROP_SETTINGS "SET lock_timeout = '20s'; SET statement_timeout = '60s'"
#define LEFT_SETTINGS "SET lock_timeout = '2s'"
#define SETTINGS      "SET lock_timeout = '20s'"

/* As sink_pg writes it; the columns are those of job/ledger_sql.h. */
static const char chunk_done[] = "(job text, table_no int, chunk_no int, rows bigint NOT NULL,"
                                 " bytes bigint NOT NULL, snapshot_no int NOT NULL,"
                                 " worker text NOT NULL, started_at timestamptz NOT NULL,"
                                 " finished_at timestamptz,"
                                 " PRIMARY KEY (job, table_no, chunk_no))";

/* The name says which session the schema belongs to. */
bool bench_scratch_name(struct bench *b, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(b->control[AUTH_DESTINATION],
                      "SELECT 'sluice_bench_' || pid || '_' ||"
                      " to_hex((extract(epoch FROM backend_start) * 1000)::bigint),"
                      " has_database_privilege(current_database(), 'CREATE'),"
                      " current_user, current_database()"
                      " FROM pg_stat_activity WHERE pid = pg_backend_pid()",
                      0, NULL, &r, err)) {
        return false;
    }
    if (!pg_bool(r, 0, 1)) {
        return err_set(err, ERR_AUTH,
                       "the destination role \"%.80s\" may not create a schema for scratch tables; "
                       "GRANT CREATE ON DATABASE \"%.80s\" to it, or measure with --only source",
                       pg_text(r, 0, 2), pg_text(r, 0, 3));
    }
    (void)snprintf(b->schema, sizeof b->schema, "%s", pg_text(r, 0, 0));
    return true;
}

/* ---- leftovers ---- */

/* A writer that was in the middle of something slow may not have noticed that its client has gone,
 * and holds its locks. schema has letters, digits and underscores only. */
static bool drop(struct pg *pg, const char *schema, struct err *err)
{
    return pg_execf(pg, err,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE usename = current_user AND starts_with(application_name, '%s/writer-')",
                    schema) &&
           pg_execf(pg, err, "DROP SCHEMA IF EXISTS %s CASCADE", schema);
}

static bool drop_left(struct bench *b, const char *schema, struct err *err)
{
    struct pg *pg = b->control[AUTH_DESTINATION];
    struct err why;
    if (drop(pg, schema, &why)) {
        bench_note(b, "dropped schema %s, which a bench that was killed had left", schema);
        return true;
    }
    if (pg_is_dead(pg) || why.kind == ERR_CANCELLED) {
        *err = why;
        return false;
    }
    bench_warn(b, "schema %s of an earlier bench could not be dropped: %s", schema, why.msg);
    return true;
}

/* Schemas of sessions that are gone. Where the start of a session is hidden its number must do. */
static bool drop_leftovers(struct bench *b, struct err *err)
{
    struct pg *pg = b->control[AUTH_DESTINATION];
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    bool ok = pg_exec(pg, LEFT_SETTINGS, err) &&
              pg_query(pg,
                       "SELECT nspname FROM pg_namespace n"
                       " WHERE nspname ~ '^sluice_bench_[0-9]+_[0-9a-f]+$'"
                       " AND pg_has_role(nspowner, 'USAGE') AND NOT EXISTS ("
                       "  SELECT FROM pg_stat_activity a WHERE a.pid::text ="
                       "   substring(nspname FROM '^sluice_bench_([0-9]+)_')"
                       "  AND (a.backend_start IS NULL OR"
                       "   to_hex((extract(epoch FROM a.backend_start) * 1000)::bigint) ="
                       "    substring(nspname FROM '_([0-9a-f]+)$')))"
                       " ORDER BY nspname",
                       0, NULL, &r, err);
    for (size_t i = 0; ok && i < pg_rows_count(r); i++) {
        ok = drop_left(b, pg_text(r, i, 0), err);
    }
    return ok && pg_exec(pg, SETTINGS, err);
}

/* ---- making ---- */

static void add_table_name(const struct bench *b, size_t i, struct buf *sql)
{
    char name[32];
    (void)snprintf(name, sizeof name, "t%zu", i);
    pg_add_name(sql, b->schema, name);
}

/* Defaults stay away: a sequence of the user's would move. Checks would refuse rows made up. */
static void add_create(const struct bench *b, size_t i, struct buf *sql)
{
    const struct relation *like = b->targets_of[i];
    bool generated = pg_version(b->control[AUTH_DESTINATION]) >= 120000;
    buf_printf(sql, "CREATE %sTABLE ", like->persistence == 'u' ? "UNLOGGED " : "");
    add_table_name(b, i, sql);
    buf_puts(sql, " (LIKE ");
    pg_add_name(sql, like->schema, like->name);
    buf_printf(sql, " INCLUDING STORAGE%s%s%s)", generated ? " INCLUDING GENERATED" : "",
               b->make_up ? "" : " INCLUDING CONSTRAINTS",
               b->spec->bench.with_indexes ? " INCLUDING INDEXES" : "");
}

static const char *drop_unique_sql(void)
{
    return "SELECT c.conname IS NOT NULL, coalesce(c.conname, i.relname)"
           " FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
           " LEFT JOIN pg_constraint c ON c.conindid = x.indexrelid AND c.conrelid = x.indrelid"
           "  AND c.contype IN ('p', 'u', 'x')"
           " WHERE x.indrelid = $1::regclass AND (x.indisunique OR x.indisexclusion)";
}

/* The same rows come again and again, so nothing can be unique. */
static bool drop_unique(struct bench *b, size_t i, size_t *dropped, struct err *err)
{
    struct pg *pg = b->control[AUTH_DESTINATION];
    struct buf name;
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    buf_init(&name, 4096);
    add_table_name(b, i, &name);
    const char *const params[] = {buf_str(&name)};
    bool ok = buf_ok(&name, err) && pg_query(pg, drop_unique_sql(), 1, params, &r, err);
    for (size_t k = 0; ok && k < pg_rows_count(r); k++) {
        struct buf sql;
        buf_init(&sql, 4096);
        if (pg_bool(r, k, 0)) {
            buf_printf(&sql, "ALTER TABLE %s DROP CONSTRAINT ", buf_str(&name));
            pg_add_ident(&sql, pg_text(r, k, 1));
        } else {
            buf_puts(&sql, "DROP INDEX ");
            pg_add_name(&sql, b->schema, pg_text(r, k, 1));
        }
        ok = buf_ok(&sql, err) && pg_exec(pg, buf_str(&sql), err);
        buf_free(&sql);
        ++*dropped;
    }
    buf_free(&name);
    return ok;
}

/* Is the column among those that COPY fills? */
static bool is_filled(const struct bench *b, size_t i, const struct column *c)
{
    const struct relation *t = &b->tables.items[i];
    for (size_t k = 0; k < t->column_count; k++) {
        if (strcmp(t->columns[k].name, c->name) == 0) {
            return true;
        }
    }
    return false;
}

/* Without its default a column that COPY leaves out is NULL, and so are some that are made up. */
static bool allow_nulls(struct bench *b, size_t i, struct err *err)
{
    const struct relation *like = b->targets_of[i];
    struct buf sql;
    bool some = false;
    buf_init(&sql, BUF_SQL_MAX);
    buf_puts(&sql, "ALTER TABLE ");
    add_table_name(b, i, &sql);
    for (size_t k = 0; k < like->column_count; k++) {
        const struct column *c = &like->columns[k];
        if (c->not_null && !c->generated && (b->make_up || !is_filled(b, i, c))) {
            buf_puts(&sql, some ? ", ALTER COLUMN " : " ALTER COLUMN ");
            pg_add_ident(&sql, c->name);
            buf_puts(&sql, " DROP NOT NULL");
            some = true;
        }
    }
    bool ok =
        buf_ok(&sql, err) && (!some || pg_exec(b->control[AUTH_DESTINATION], buf_str(&sql), err));
    buf_free(&sql);
    return ok;
}

static bool make_one(struct bench *b, size_t i, size_t *dropped, struct err *err)
{
    struct buf sql;
    buf_init(&sql, 8192);
    add_create(b, i, &sql);
    bool ok = buf_ok(&sql, err) && pg_exec(b->control[AUTH_DESTINATION], buf_str(&sql), err);
    buf_free(&sql);
    if (!ok && err->kind == ERR_AUTH) {
        return err_wrap(err, "making a table like %s.%s, which needs SELECT on it",
                        b->targets_of[i]->schema, b->targets_of[i]->name);
    }
    ok = ok && (!b->spec->bench.with_indexes || drop_unique(b, i, dropped, err)) &&
         allow_nulls(b, i, err);
    return ok || err_wrap(err, "making a table like %s.%s", b->targets_of[i]->schema,
                          b->targets_of[i]->name);
}

bool bench_scratch_make(struct bench *b, struct err *err)
{
    struct pg *pg = b->control[AUTH_DESTINATION];
    size_t dropped = 0;
    if (!drop_leftovers(b, err)) {
        return false;
    }
    b->scratch = true;
    bool ok = pg_execf(pg, err, "BEGIN; CREATE SCHEMA %s; CREATE TABLE %s.chunk_done %s", b->schema,
                       b->schema, chunk_done);
    for (size_t i = 0; ok && i < b->tables.count; i++) {
        ok = make_one(b, i, &dropped, err);
    }
    if (!ok || !pg_exec(pg, "COMMIT", err)) {
        return false;
    }
    if (dropped > 0) {
        bench_warn(b, "%zu unique index%s left out of the scratch tables", dropped,
                   dropped == 1 ? " is" : "es are");
    }
    return true;
}

bool bench_scratch_empty(struct bench *b, struct err *err)
{
    struct buf sql;
    buf_init(&sql, BUF_SQL_MAX);
    buf_printf(&sql, "TRUNCATE %s.chunk_done", b->schema);
    for (size_t i = 0; i < b->tables.count; i++) {
        buf_puts(&sql, ", ");
        add_table_name(b, i, &sql);
    }
    bool ok = buf_ok(&sql, err) && pg_exec(b->control[AUTH_DESTINATION], buf_str(&sql), err);
    buf_free(&sql);
    return ok || err_wrap(err, "emptying the scratch tables");
}

bool bench_scratch_drop(struct bench *b, struct err *err)
{
    struct pg *pg = NULL;
    bool ok = pg_open(&b->targets[AUTH_DESTINATION], "sluice/bench", stop_abort_fd(), &pg, err) &&
              pg_exec(pg, DROP_SETTINGS, err) && drop(pg, b->schema, err);
    pg_close(pg);
    b->scratch = b->scratch && !ok;
    return ok;
}
