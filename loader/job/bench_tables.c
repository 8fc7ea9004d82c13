/* Which tables are measured, what their columns are, and samples of their rows. */
#include "base/str.h"
#include "job/bench_internal.h"
#include "job/match.h"
#include "job/plan_build.h"

#include <stdlib.h>

#define SAMPLES_BYTES    (64u << 20) /* of all tables together, as long as each gets the least */
#define SAMPLE_BYTES_MAX (8u << 20)
#define SAMPLE_BYTES_MIN (256u << 10)
#define MADE_UP_ROWS     20000u

/* ---- selecting ---- */

static void check_readable(const struct relation *t, const char *side, struct findings *f)
{
    if (!t->can_use_schema) {
        findings_add(f, FINDING_BLOCKER, ERR_AUTH,
                     "the %s role may not use schema \"%s\" (table %s); GRANT USAGE on it", side,
                     t->schema, t->name);
    } else if (!t->can_select && t->column_count == 0) {
        findings_add(f, FINDING_BLOCKER, ERR_AUTH,
                     "the %s role may not read table %s.%s; GRANT SELECT on it", side, t->schema,
                     t->name);
    }
    if (t->row_security) {
        findings_add(f, FINDING_BLOCKER, ERR_AUTH,
                     "row-level security hides rows of %s.%s from the %s role; use a role with "
                     "BYPASSRLS or the table's owner",
                     t->schema, t->name, side);
    }
}

/* Scratch tables belong to the role that writes them. */
static void allow_inserts(struct relation_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        for (size_t c = 0; c < list->items[i].column_count; c++) {
            list->items[i].columns[c].can_insert = true;
        }
    }
}

static bool find_targets(struct bench *b, struct err *err)
{
    struct pg *pg = b->control[AUTH_DESTINATION];
    struct relation_name *names = calloc(b->tables.count * 2 + 1, sizeof *names);
    if (names == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    size_t n = 0;
    for (size_t i = 0; i < b->tables.count; i++) {
        struct match_names m = match_names(&b->choices[i], &b->tables.items[i]);
        names[n++] = m.own;
        if (m.root.name != NULL) {
            names[n++] = m.root;
        }
    }
    bool ok = catalog_find(pg, names, n, &b->found, err) && catalog_columns(pg, &b->found, err) &&
              type_set_load(pg, &b->types[AUTH_DESTINATION], err);
    free(names);
    return ok;
}

static bool select_tables(struct bench *b, struct err *err)
{
    struct pg *pg = b->control[b->shape];
    struct findings *f = &b->result->findings;
    if (!snapshot_take(pg, &b->snapshot, err) || !plan_select(pg, b->spec, f, &b->tables, err) ||
        !catalog_columns(pg, &b->tables, err) || !type_set_load(pg, &b->types[b->shape], err) ||
        (b->shape == AUTH_SOURCE && b->used[AUTH_DESTINATION] &&
         (!choices_make(pg, b->spec, &b->tables, f, &b->choices, err) || !find_targets(b, err)))) {
        return false;
    }
    for (size_t i = 0; i < b->tables.count; i++) {
        check_readable(&b->tables.items[i], pg_side(pg), f);
        b->result->tables_bytes += b->tables.items[i].table_bytes;
    }
    allow_inserts(&b->tables);
    allow_inserts(&b->found);
    b->result->table_count = b->tables.count;
    b->targets_of = calloc(b->tables.count + 1, sizeof(struct relation *));
    return b->targets_of != NULL || err_set(err, ERR_SYSTEM, "out of memory");
}

static bool refuse(const struct findings *f, struct err *err)
{
    return err_set(err, findings_kind(f), "%zu problem%s; nothing was measured", f->blockers,
                   f->blockers == 1 ? "" : "s");
}

/* Until the end: a table that is dropped or rewritten half-way would end the bench. */
static bool lock_tables(struct bench *b, struct err *err)
{
    struct locked_table *locks = plan_locks(&b->tables);
    char *sql = locks == NULL ? NULL : snapshot_lock_sql(locks, b->tables.count);
    bool ok = sql != NULL ? sql[0] == '\0' || pg_exec(b->control[b->shape], sql, err)
                          : err_set(err, ERR_SYSTEM, "out of memory");
    free(sql);
    free(locks);
    return ok || err_wrap(err, "locking the tables");
}

/* ---- samples ---- */

static size_t sample_room(size_t tables)
{
    size_t room = SAMPLES_BYTES / (tables == 0 ? 1 : tables);
    return room > SAMPLE_BYTES_MAX   ? SAMPLE_BYTES_MAX
           : room < SAMPLE_BYTES_MIN ? SAMPLE_BYTES_MIN
                                     : room;
}

static bool make_up_rows(struct bench *b, struct plan_table *t, size_t room, struct err *err)
{
    struct buf select;
    struct table_work work = t->work;
    buf_init(&select, BUF_SQL_MAX);
    bench_made_up(&b->tables.items[t->work.no], &b->types[b->shape], MADE_UP_ROWS, &select);
    work.select = buf_str(&select);
    bool ok = buf_ok(&select, err) &&
              rows_sample_take(b->control[b->shape], &work, room, &b->samples[t->work.no], err);
    buf_free(&select);
    return ok || err_wrap(err, "making up rows for table %s", t->label);
}

/* Beside tables with rows; where all are empty their rows are made up. */
static void warn_empty(struct bench *b)
{
    for (size_t i = 0; i < b->tables.count; i++) {
        if (b->samples[i].count == 0) {
            bench_warn(b, "table %s.%s is empty and is left out", b->tables.items[i].schema,
                       b->tables.items[i].name);
        }
    }
}

static bool take_samples(struct bench *b, struct plan *plan, struct err *err)
{
    size_t room = sample_room(plan->table_count);
    size_t rows = 0;
    b->samples = calloc(plan->table_count + 1, sizeof *b->samples);
    if (b->samples == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < plan->table_count; i++) {
        if (!rows_sample_take(b->control[b->shape], &plan->tables[i].work, room, &b->samples[i],
                              err)) {
            return false;
        }
        rows += b->samples[i].count;
    }
    b->make_up = rows == 0 && b->shape == AUTH_DESTINATION;
    b->result->made_up = b->make_up;
    if (b->shape == AUTH_DESTINATION && !b->make_up) {
        warn_empty(b);
    }
    for (size_t i = 0; b->make_up && i < plan->table_count; i++) {
        rows_sample_free(&b->samples[i]);
        if (!make_up_rows(b, &plan->tables[i], room, err)) {
            return false;
        }
    }
    return true;
}

bool bench_tables(struct bench *b, struct err *err)
{
    const struct findings *f = &b->result->findings;
    struct plan shape = {.table_count = 0};
    if (!select_tables(b, err)) {
        return false;
    }
    bool ok = bench_plan_tables(b, &b->result->findings, &shape, err) &&
              (f->blockers == 0 || refuse(f, err)) && lock_tables(b, err);
    if (ok && bench_wants(b, BENCH_DESTINATION)) {
        ok = take_samples(b, &shape, err);
    }
    plan_free(&shape);
    return ok;
}
