#include "job/ledger.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "job/ledger_sql.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ledger_init(struct ledger *l, const char *schema, const char *job)
{
    *l = (struct ledger){.schema = schema, .job = job};
    buf_init(&l->prefix, 512);
    pg_add_ident(&l->prefix, schema);
    buf_puts(&l->prefix, ".");
}

/* The last commit of a job has to be on disk, and with it are all those before it. */
bool ledger_keep_commits(struct pg *pg, struct err *err)
{
    return pg_exec(pg,
                   "SELECT set_config('synchronous_commit', 'on', false)"
                   " WHERE current_setting('synchronous_commit') = 'off'",
                   err);
}

void ledger_fini(struct ledger *l)
{
    buf_free(&l->prefix);
}

/* ---- the tables ---- */

bool ledger_exists(const struct ledger *l, struct pg *pg, bool *exists, struct err *err)
{
    const char *const params[] = {l->schema};
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query(pg,
                  "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                  " WHERE n.nspname = $1 AND c.relname IN ('job', 'snapshot', 'job_table', 'chunk',"
                  " 'chunk_done', 'lease', 'event')",
                  1, params, &r, err)) {
        return false;
    }
    *exists = pg_rows_count(r) == 7;
    return true;
}

/* LEDGER_DDL names the schema as %1$s, which is for printf only. */
static void add_ddl(const char *quoted_schema, struct buf *out)
{
    const char *at = LEDGER_DDL;
    for (const char *mark = strstr(at, "%1$s"); mark != NULL; mark = strstr(at, "%1$s")) {
        buf_add(out, at, (size_t)(mark - at));
        buf_puts(out, quoted_schema);
        at = mark + 4;
    }
    buf_puts(out, at);
}

void ledger_ddl(const char *schema, struct buf *out)
{
    struct buf quoted;
    buf_init(&quoted, 512);
    pg_add_ident(&quoted, schema);
    add_ddl(buf_str(&quoted), out);
    buf_free(&quoted);
}

static bool schema_exists(const struct ledger *l, struct pg *pg, bool *exists, struct err *err)
{
    const char *const params[] = {l->schema};
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query(pg, "SELECT 1 FROM pg_namespace WHERE nspname = $1", 1, params, &r, err)) {
        return false;
    }
    *exists = pg_rows_count(r) == 1;
    return true;
}

/* CREATE SCHEMA IF NOT EXISTS wants the right to create one even where it exists. */
static bool create_once(const struct ledger *l, struct pg *pg, struct err *err)
{
    bool exists = false;
    if (!schema_exists(l, pg, &exists, err)) {
        return false;
    }
    struct buf sql;
    buf_init(&sql, BUF_SQL_MAX);
    if (!exists) {
        buf_puts(&sql, "CREATE SCHEMA IF NOT EXISTS ");
        pg_add_ident(&sql, l->schema);
        buf_puts(&sql, "; ");
    }
    ledger_ddl(l->schema, &sql);
    bool ok =
        buf_ok(&sql, err) && pg_exec(pg, buf_str(&sql), err); /* one message, one transaction */
    buf_free(&sql);
    return ok;
}

/* Two loaders may create it at the same moment: one of them then meets a duplicate name or key. */
static bool is_race(const struct pg *pg)
{
    const char *state = pg_sqlstate(pg);
    return strcmp(state, "23505") == 0 || strcmp(state, "42P06") == 0 ||
           strcmp(state, "42P07") == 0 || strcmp(state, "42710") == 0;
}

#define CREATE_ATTEMPTS 5

bool ledger_create(const struct ledger *l, struct pg *pg, struct err *err)
{
    for (int i = 0; i < CREATE_ATTEMPTS; i++) {
        bool exists = false;
        if (!ledger_exists(l, pg, &exists, err)) {
            return false;
        }
        if (exists || create_once(l, pg, err)) {
            return true;
        }
        if (err->kind == ERR_AUTH) {
            return err_wrap(
                err,
                "cannot create the ledger (schema \"%s\"); let an administrator run the "
                "destination part of \"sluice load --print-sql\"",
                l->schema);
        }
        if (!is_race(pg)) {
            break;
        }
    }
    return err_wrap(err, "creating the ledger");
}

/* ---- helpers ---- */

bool ledger_ask(const struct ledger *l, struct pg *pg, const struct ledger_query *q,
                struct pg_rows **out, struct err *err)
{
    const char *params[1 + LEDGER_PARAMS_MAX] = {l->job};
    assert(q->more_count <= LEDGER_PARAMS_MAX);
    for (int i = 0; i < q->more_count; i++) {
        params[i + 1] = q->more[i];
    }
    struct buf sql;
    buf_init(&sql, BUF_SQL_MAX);
    for (const char *p = q->text; *p != '\0'; p++) {
        if (*p == '@') {
            buf_puts(&sql, buf_str(&l->prefix));
        } else {
            buf_add(&sql, p, 1);
        }
    }
    struct pg_rows *ignored = NULL;
    bool ok = buf_ok(&sql, err) && pg_query(pg, buf_str(&sql), q->more_count + 1, params,
                                            out == NULL ? &ignored : out, err);
    pg_rows_free(&ignored);
    buf_free(&sql);
    return ok;
}

/* ---- the job ---- */

void job_record_free(struct job_record *r)
{
    free(r->spec);
    free(r->source_system);
    free(r->source_database);
    *r = (struct job_record){.state = JOB_NONE};
}

bool ledger_find(const struct ledger *l, struct pg *pg, struct job_record *out, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!ledger_ask(l, pg,
                    &(struct ledger_query){.text = "SELECT state, spec, source_system, "
                                                   "source_database, truncate_done, snapshot_no,"
                                                   " version FROM @job WHERE job = $1"},
                    &r, err)) {
        return err_wrap(err, "reading the ledger");
    }
    if (pg_rows_count(r) == 0) {
        *out = (struct job_record){.state = JOB_NONE};
        return true;
    }
    if (pg_int(r, 0, 6) != LEDGER_VERSION) {
        return err_set(err, ERR_USAGE,
                       "job \"%s\" was started by another version of Sluice (ledger version %lld, "
                       "this one writes %d); finish it with that one, or use --restart",
                       l->job, (long long)pg_int(r, 0, 6), LEDGER_VERSION);
    }
    struct job_record found = {
        .state = strcmp(pg_text(r, 0, 0), "finished") == 0 ? JOB_FINISHED : JOB_PLANNED,
        .spec = str_copy(pg_text(r, 0, 1)),
        .source_system = str_copy(pg_text(r, 0, 2)),
        .source_database = str_copy(pg_text(r, 0, 3)),
        .truncate_done = pg_bool(r, 0, 4),
        .snapshot_no = (unsigned)pg_int(r, 0, 5),
    };
    if (found.spec == NULL || found.source_system == NULL || found.source_database == NULL) {
        job_record_free(&found);
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    *out = found;
    return true;
}

bool ledger_finish(const struct ledger *l, struct pg *pg, struct err *err)
{
    return ledger_ask(l, pg,
                      &(struct ledger_query){
                          .text =
                              "UPDATE @job SET state = 'finished', finished_at = clock_timestamp()"
                              " WHERE job = $1 RETURNING 1"},
                      NULL, err) ||
           err_wrap(err, "marking the job as finished");
}

bool ledger_forget(const struct ledger *l, struct pg *pg, struct err *err)
{
    static const char *const tables[] = {"chunk_done", "chunk", "job_table", "snapshot", "job"};
    struct buf sql;
    buf_init(&sql, BUF_SQL_MAX);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        buf_printf(&sql, "DELETE FROM %s%s WHERE job = ", buf_str(&l->prefix), tables[i]);
        pg_add_literal(&sql, l->job);
        buf_puts(&sql, "; ");
    }
    bool ok =
        buf_ok(&sql, err) && pg_exec(pg, buf_str(&sql), err); /* one message, one transaction */
    buf_free(&sql);
    return ok || err_wrap(err, "forgetting the job");
}

bool ledger_event(const struct ledger *l, struct pg *pg, const char *token, const char *what,
                  const char *detail, struct err *err)
{
    const char *const more[] = {token, what, detail};
    return ledger_ask(
        l, pg,
        &(struct ledger_query){.text = "INSERT INTO @event (job, at, token, what, detail)"
                                       " VALUES ($1, clock_timestamp(), $2, $3, $4) RETURNING 1",
                               .more = more,
                               .more_count = 3},
        NULL, err);
}

bool ledger_rename_snapshot(const struct ledger *l, struct pg *pg, unsigned snapshot_no,
                            const char *id, int holder_pid, struct err *err)
{
    char no[16];
    char pid[16];
    (void)snprintf(no, sizeof no, "%u", snapshot_no);
    (void)snprintf(pid, sizeof pid, "%d", holder_pid);
    const char *const more[] = {no, id, pid};
    return ledger_ask(l, pg,
                      &(struct ledger_query){
                          .text = "UPDATE @snapshot SET snapshot_id = $3, holder_pid = $4::int"
                                  " WHERE job = $1 AND snapshot_no = $2::int RETURNING 1",
                          .more = more,
                          .more_count = 3},
                      NULL, err) ||
           err_wrap(err, "recording the snapshot's holder");
}

bool ledger_truncate(const struct ledger *l, struct pg *pg, const char *sql, struct err *err)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_printf(&b, "%s; UPDATE %sjob SET truncate_done = true WHERE job = ", sql,
               buf_str(&l->prefix));
    pg_add_literal(&b, l->job);
    bool ok = buf_ok(&b, err) && pg_exec(pg, buf_str(&b), err); /* one message, one transaction */
    buf_free(&b);
    return ok || err_wrap(err, "emptying the destination's tables");
}
