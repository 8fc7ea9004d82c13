/* The plan's way into the ledger and out of it. */
#include "base/cleanup.h"
#include "base/str.h"
#include "job/ledger.h"
#include "job/ledger_sql.h"
#include "pg/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
    [CHUNK_WHOLE] = "whole",
    [CHUNK_TID] = "tid",
    [CHUNK_KEY] = "key",
    [CHUNK_KEY_NULL] = "key_null",
};

static enum chunk_kind kind_named(const char *name)
{
    for (size_t i = 0; i < sizeof kind_names / sizeof kind_names[0]; i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            return (enum chunk_kind)i;
        }
    }
    return CHUNK_WHOLE;
}

/* ---- writing ---- */

/* A field of COPY's text format, with the separator in front of all but the first. */
static void add_field(struct buf *b, bool first, const char *text)
{
    buf_puts(b, first ? "" : "\t");
    if (text == NULL) {
        buf_puts(b, "\\N");
        return;
    }
    for (const char *p = text; *p != '\0'; p++) {
        const char *escaped = *p == '\\'   ? "\\\\"
                              : *p == '\t' ? "\\t"
                              : *p == '\n' ? "\\n"
                              : *p == '\r' ? "\\r"
                                           : NULL;
        if (escaped != NULL) {
            buf_puts(b, escaped);
        } else {
            buf_add(b, p, 1);
        }
    }
}

static void add_table(const struct ledger *l, const struct plan_table *t, struct buf *b)
{
    const char *const texts[] = {t->source_schema,    t->source_name,    t->destination_schema,
                                 t->destination_name, t->source_columns, t->destination_columns};
    add_field(b, true, l->job);
    buf_printf(b, "\t%u", t->work.no);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        add_field(b, false, texts[i]);
    }
    add_field(b, false, t->work.binary ? "binary" : "text");
    add_field(b, false, t->key);
    add_field(b, false, t->filter);
    buf_printf(b, "\t%u\t%llu\t%u\t%s\t%u\n", t->filenode, (unsigned long long)t->bytes, t->level,
               t->found_empty ? "t" : "f", t->work.snapshot_no);
}

static void add_chunks(const struct ledger *l, const struct plan_table *t, struct buf *b)
{
    for (size_t i = 0; i < t->chunk_count; i++) {
        const struct chunk_work *w = &t->chunks[i].work;
        add_field(b, true, l->job);
        buf_printf(b, "\t%u\t%u\t%s", t->work.no, w->no, kind_names[w->kind]);
        add_field(b, false, w->lower);
        add_field(b, false, w->upper);
        buf_printf(b, "\t%llu\n", (unsigned long long)w->bytes);
    }
}

struct row_set {
    const char *table;
    void (*add)(const struct ledger *l, const struct plan_table *t, struct buf *b);
};

/* COPY of what add appends for each chosen table (NULL: all), in pieces of about a table. */
static bool copy_rows(const struct ledger *l, struct pg *pg, const struct row_set *set,
                      const struct plan *plan, const bool *chosen, struct err *err)
{
    struct buf b;
    uint64_t rows = 0;
    buf_init(&b, (size_t)BUF_SQL_MAX * 4);
    buf_printf(&b, "COPY %s%s FROM STDIN", buf_str(&l->prefix), set->table);
    bool ok = pg_copy_in_begin(pg, buf_str(&b), err);
    for (size_t i = 0; ok && i < plan->table_count; i++) {
        if (chosen == NULL || chosen[i]) {
            buf_clear(&b);
            set->add(l, &plan->tables[i], &b);
            ok = buf_ok(&b, err) && pg_copy_write(pg, buf_str(&b), b.len, err);
        }
    }
    buf_free(&b);
    return ok && pg_copy_in_end(pg, &rows, err);
}

static void add_snapshot(const struct ledger *l, const struct snapshot_identity *s, int holder_pid,
                         struct buf *b)
{
    buf_printf(b, "INSERT INTO %ssnapshot VALUES (", buf_str(&l->prefix));
    pg_add_literal(b, l->job);
    buf_printf(b, ", %u, ", s->no);
    const char *const texts[] = {s->id, s->visible, s->system, s->started};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        pg_add_literal(b, texts[i]);
        buf_puts(b, ", ");
    }
    buf_printf(b, "%d, ", holder_pid);
    pg_add_literal(b, s->taken_at);
    buf_puts(b, "); ");
}

static void add_job(const struct ledger *l, const struct job_start *start, unsigned snapshot_no,
                    struct buf *b)
{
    const char *const texts[] = {start->source_system, start->source_database,
                                 start->destination_database};
    buf_printf(b, "INSERT INTO %sjob VALUES (", buf_str(&l->prefix));
    pg_add_literal(b, l->job);
    buf_printf(b, ", %d, ", LEDGER_VERSION);
    pg_add_literal(b, start->spec);
    buf_puts(b, ", 'planned', ");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        pg_add_literal(b, texts[i]);
        buf_puts(b, ", ");
    }
    buf_printf(b, "%u, %s, clock_timestamp(), NULL); ", snapshot_no,
               start->truncate_pending ? "false" : "true");
}

struct plan_write {
    const char *sql; /* what goes first, with BEGIN */
    const struct plan *plan;
    const bool *chosen;            /* tables; NULL: all */
    const struct job_start *start; /* of a new job, else NULL */
};

/* Two jobs that both found a table empty would both fill it. */
static bool check_rivals(const struct ledger *l, struct pg *pg, const struct job_start *start,
                         struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    struct ledger_query q = {
        .text = "SELECT o.job, m.destination_schema || '.' || m.destination_name"
                " FROM @job_table m JOIN @job_table o ON o.job <> m.job"
                "  AND o.destination_schema = m.destination_schema"
                "  AND o.destination_name = m.destination_name"
                " JOIN @job j ON j.job = o.job AND j.state = 'planned'"
                " JOIN @lease e ON e.job = o.job AND e.expires_at > clock_timestamp()"
                " WHERE m.job = $1"
                "  AND EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.pid = e.pid) LIMIT 1"};
    if (!ledger_ask(l, pg, &q, &r, err)) {
        return false;
    }
    if (pg_rows_count(r) > 0) {
        return err_set(err, ERR_USAGE,
                       "table %s is being loaded by job \"%s\"; wait for it, or use --mode append",
                       pg_text(r, 0, 1), pg_text(r, 0, 0));
    }
    return start->confirm(start->self, err);
}

static bool write_plan(const struct ledger *l, struct pg *pg, const struct plan_write *w,
                       struct err *err)
{
    static const struct row_set tables = {.table = "job_table", .add = add_table};
    static const struct row_set chunks = {.table = "chunk", .add = add_chunks};
    return pg_exec(pg, w->sql, err) && copy_rows(l, pg, &tables, w->plan, w->chosen, err) &&
           (w->start == NULL || !w->start->exclusive || check_rivals(l, pg, w->start, err)) &&
           copy_rows(l, pg, &chunks, w->plan, w->chosen, err) && pg_exec(pg, "COMMIT", err);
}

static bool in_transaction(const struct ledger *l, struct pg *pg, const struct plan_write *w,
                           struct err *err)
{
    bool ok = write_plan(l, pg, w, err);
    struct err ignored;
    if (!ok && !pg_is_dead(pg) && !pg_exec(pg, "ROLLBACK", &ignored)) {
        return false;
    }
    return ok || err->kind == ERR_USAGE ? ok : err_wrap(err, "writing the plan to the ledger");
}

bool ledger_plan(const struct ledger *l, struct pg *pg, const struct job_start *start,
                 const struct snapshot_identity *snapshot, const struct plan *plan, struct err *err)
{
    struct buf sql;
    buf_init(&sql, BUF_SQL_MAX);
    buf_printf(&sql, "BEGIN; LOCK TABLE %sjob IN SHARE ROW EXCLUSIVE MODE; ", buf_str(&l->prefix));
    add_job(l, start, snapshot->no, &sql);
    add_snapshot(l, snapshot, start->holder_pid, &sql);
    struct plan_write w = {.sql = buf_str(&sql), .plan = plan, .start = start};
    bool ok = buf_ok(&sql, err) && in_transaction(l, pg, &w, err);
    buf_free(&sql);
    return ok;
}

bool ledger_restart_tables(const struct ledger *l, struct pg *pg, const struct ledger_restart *r,
                           struct err *err)
{
    static const char *const tables[] = {"chunk_done", "chunk", "job_table"};
    struct buf sql;
    buf_init(&sql, BUF_SQL_MAX);
    buf_printf(&sql, "BEGIN; %s", r->empty_sql);
    for (size_t i = 0; i < r->plan->table_count; i++) {
        for (size_t k = 0; r->restart[i] && k < sizeof tables / sizeof tables[0]; k++) {
            buf_printf(&sql,
                       "DELETE FROM %s%s WHERE table_no = %zu AND job = ", buf_str(&l->prefix),
                       tables[k], i);
            pg_add_literal(&sql, l->job);
            buf_puts(&sql, "; ");
        }
    }
    buf_printf(&sql, "UPDATE %sjob SET snapshot_no = %u WHERE job = ", buf_str(&l->prefix),
               r->snapshot->no);
    pg_add_literal(&sql, l->job);
    buf_puts(&sql, "; ");
    add_snapshot(l, r->snapshot, r->holder_pid, &sql);
    struct plan_write w = {.sql = buf_str(&sql), .plan = r->plan, .chosen = r->restart};
    bool ok = buf_ok(&sql, err) && in_transaction(l, pg, &w, err);
    buf_free(&sql);
    return ok;
}

/* ---- reading ---- */

static bool ask(const struct ledger *l, struct pg *pg, const char *text, struct pg_rows **out,
                struct err *err)
{
    return ledger_ask(l, pg, &(struct ledger_query){.text = text}, out, err) ||
           err_wrap(err, "reading the ledger");
}

static bool read_table(const struct pg_rows *r, size_t row, struct plan_table *t, struct err *err)
{
    char **const texts[] = {&t->source_schema,    &t->source_name,    &t->destination_schema,
                            &t->destination_name, &t->source_columns, &t->destination_columns};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i] = str_copy(pg_text(r, row, (int)i));
        if (*texts[i] == NULL) {
            return err_set(err, ERR_SYSTEM, "out of memory");
        }
    }
    t->work.binary = strcmp(pg_text(r, row, 6), "binary") == 0;
    t->key = str_copy(pg_text(r, row, 7));
    t->filter = str_copy(pg_text(r, row, 8));
    if (t->key == NULL || t->filter == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    t->filenode = (uint32_t)pg_int(r, row, 9);
    t->bytes = (uint64_t)pg_int(r, row, 10);
    t->level = (unsigned)pg_int(r, row, 11);
    t->found_empty = pg_bool(r, row, 12);
    t->work.snapshot_no = (unsigned)pg_int(r, row, 13);
    t->work.no = (unsigned)row;
    t->row_estimate = -1;
    return plan_table_finish(t, err);
}

static bool read_tables(const struct ledger *l, struct pg *pg, struct plan *plan, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!ask(l, pg,
             "SELECT source_schema, source_name, destination_schema, destination_name,"
             " source_columns, destination_columns, format, split_key, filter, filenode, bytes,"
             " level, found_empty, snapshot_no FROM @job_table WHERE job = $1 ORDER BY table_no",
             &r, err)) {
        return false;
    }
    plan->tables = calloc(pg_rows_count(r) + 1, sizeof *plan->tables);
    if (plan->tables == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    plan->table_count = pg_rows_count(r);
    for (size_t i = 0; i < plan->table_count; i++) {
        if (!read_table(r, i, &plan->tables[i], err)) {
            return false;
        }
    }
    return true;
}

static bool read_chunk(const struct pg_rows *r, size_t row, struct plan_chunk *c, struct err *err)
{
    c->work.kind = kind_named(pg_text(r, row, 2));
    c->lower = pg_null(r, row, 3) ? NULL : str_copy(pg_text(r, row, 3));
    c->upper = pg_null(r, row, 4) ? NULL : str_copy(pg_text(r, row, 4));
    c->work.bytes = (uint64_t)pg_int(r, row, 5);
    if ((c->lower == NULL && !pg_null(r, row, 3)) || (c->upper == NULL && !pg_null(r, row, 4))) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    return true;
}

/* The rows come ordered by table and chunk, so each table's are together. */
static bool read_chunks(const struct ledger *l, struct pg *pg, struct plan *plan, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!ask(l, pg,
             "SELECT table_no, chunk_no, kind, lower_bound, upper_bound, bytes FROM @chunk"
             " WHERE job = $1 ORDER BY table_no, chunk_no",
             &r, err)) {
        return false;
    }
    size_t row = 0;
    for (size_t i = 0; i < plan->table_count; i++) {
        size_t end = row;
        while (end < pg_rows_count(r) && (size_t)pg_int(r, end, 0) == i) {
            end++;
        }
        if (!plan_table_chunks(&plan->tables[i], end - row, err)) {
            return false;
        }
        for (size_t c = 0; row < end; row++, c++) {
            if (!read_chunk(r, row, &plan->tables[i].chunks[c], err)) {
                return false;
            }
        }
    }
    return row == pg_rows_count(r) ||
           err_set(err, ERR_DATA, "the ledger is damaged: it has chunks of unknown tables");
}

bool ledger_read_done(const struct ledger *l, struct pg *pg, struct board_done **out, size_t *count,
                      struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!ask(l, pg, "SELECT table_no, chunk_no, rows, bytes FROM @chunk_done WHERE job = $1", &r,
             err)) {
        return false;
    }
    struct board_done *done = calloc(pg_rows_count(r) + 1, sizeof *done);
    if (done == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < pg_rows_count(r); i++) {
        done[i] = (struct board_done){.table_no = (unsigned)pg_int(r, i, 0),
                                      .chunk_no = (unsigned)pg_int(r, i, 1),
                                      .rows = (uint64_t)pg_int(r, i, 2),
                                      .wire_bytes = (uint64_t)pg_int(r, i, 3)};
    }
    *out = done;
    *count = pg_rows_count(r);
    return true;
}

static bool mark_done(const struct ledger *l, struct pg *pg, struct plan *plan, struct err *err)
{
    CLEANUP_FREE struct board_done *done = NULL;
    size_t count = 0;
    if (!ledger_read_done(l, pg, &done, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (done[i].table_no >= plan->table_count ||
            done[i].chunk_no >= plan->tables[done[i].table_no].chunk_count) {
            return err_set(err, ERR_DATA, "the ledger is damaged: a chunk is done that never was");
        }
        struct plan_chunk *c = &plan->tables[done[i].table_no].chunks[done[i].chunk_no];
        c->state = CHUNK_DONE;
        c->done_before = true;
        c->rows = done[i].rows;
        c->wire_bytes = done[i].wire_bytes;
    }
    return true;
}

bool ledger_read_plan(const struct ledger *l, struct pg *pg, struct plan *out, struct err *err)
{
    struct plan plan = {0};
    if (!read_tables(l, pg, &plan, err) || !read_chunks(l, pg, &plan, err) ||
        !mark_done(l, pg, &plan, err)) {
        plan_free(&plan);
        return false;
    }
    plan_total(&plan);
    *out = plan;
    return true;
}

static bool read_snapshot(const struct pg_rows *r, size_t row, struct snapshot_identity *s,
                          struct err *err)
{
    s->no = (unsigned)pg_int(r, row, 0);
    (void)snprintf(s->id, sizeof s->id, "%s", pg_text(r, row, 1));
    (void)snprintf(s->system, sizeof s->system, "%s", pg_text(r, row, 3));
    (void)snprintf(s->started, sizeof s->started, "%s", pg_text(r, row, 4));
    (void)snprintf(s->taken_at, sizeof s->taken_at, "%s", pg_text(r, row, 6));
    s->visible = str_copy(pg_text(r, row, 2));
    return s->visible != NULL || err_set(err, ERR_SYSTEM, "out of memory");
}

bool ledger_read_snapshots(const struct ledger *l, struct pg *pg, struct snapshot_identity **out,
                           size_t *count, int *holder_pid, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!ask(l, pg,
             "SELECT snapshot_no, snapshot_id, visible, system_identifier, server_started,"
             " holder_pid, to_char(taken_at AT TIME ZONE 'UTC',"
             " 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') FROM @snapshot WHERE job = $1"
             " ORDER BY snapshot_no",
             &r, err)) {
        return false;
    }
    size_t n = pg_rows_count(r);
    struct snapshot_identity *list = calloc(n + 1, sizeof *list);
    if (list == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    bool ok = n > 0 || err_set(err, ERR_DATA, "the ledger is damaged: the job has no snapshot");
    for (size_t i = 0; ok && i < n; i++) {
        ok = read_snapshot(r, i, &list[i], err);
        *holder_pid = (int)pg_int(r, i, 5);
    }
    if (!ok) {
        for (size_t i = 0; i < n; i++) {
            snapshot_identity_free(&list[i]);
        }
        free(list);
        return false;
    }
    *out = list;
    *count = n;
    return true;
}
