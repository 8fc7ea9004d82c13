/* What else the database has, and samples in place of statistics. */
#include "base/cleanup.h"
#include "pg/catalog_read.h"
#include "pg/survey_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_ROWS    30000.0
#define SAMPLE_COLUMNS 32 /* of a table, in its order: keys come first in practice */

/* ---- the database ---- */

#define USERS_OWN                                                               \
    " n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS" \
    " (SELECT FROM pg_depend d WHERE d.objid = o.oid AND d.deptype = 'e')"

#define OTHERS_SQL                                                                              \
    "SELECT (SELECT count(*) FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace"     \
    "  WHERE o.relkind = 'v' AND" USERS_OWN "),"                                                \
    " (SELECT count(*) FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace"           \
    "  WHERE o.relkind = 'm' AND" USERS_OWN "),"                                                \
    " (SELECT count(*) FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace"           \
    "  WHERE o.relkind = 'f' AND" USERS_OWN "),"                                                \
    " (SELECT count(*) FROM pg_proc o JOIN pg_namespace n ON n.oid = o.pronamespace"            \
    "  WHERE" USERS_OWN "),"                                                                    \
    " (SELECT count(*) FROM pg_event_trigger), (SELECT count(*) FROM pg_publication),"          \
    " (SELECT count(*) FROM pg_largeobject_metadata), (SELECT count(*) FROM pg_statistic_ext)," \
    " EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_superuser'),"                           \
    " to_char(coalesce(d.stats_reset, pg_postmaster_start_time()) AT TIME ZONE 'UTC',"          \
    "  'YYYY-MM-DD HH24:MI'),"                                                                  \
    " extract(epoch FROM clock_timestamp() - coalesce(d.stats_reset,"                           \
    "  pg_postmaster_start_time())), d.stats_reset IS NULL,"                                    \
    " CASE WHEN has_database_privilege(d.datid, 'CONNECT')"                                     \
    "  THEN pg_database_size(d.datid) ELSE 0 END"                                               \
    " FROM pg_stat_database d WHERE d.datname = current_database()"

static bool read_counts(struct pg *pg, struct survey *s, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(pg, OTHERS_SQL, 0, NULL, &r, err)) {
        return false;
    }
    s->counts = (struct survey_counts){.views = (uint64_t)pg_int(r, 0, 0),
                                       .materialized_views = (uint64_t)pg_int(r, 0, 1),
                                       .foreign_tables = (uint64_t)pg_int(r, 0, 2),
                                       .functions = (uint64_t)pg_int(r, 0, 3),
                                       .event_triggers = (uint64_t)pg_int(r, 0, 4),
                                       .publications = (uint64_t)pg_int(r, 0, 5),
                                       .large_objects = (uint64_t)pg_int(r, 0, 6),
                                       .statistics = (uint64_t)pg_int(r, 0, 7)};
    s->is_aws = pg_bool(r, 0, 8);
    (void)snprintf(s->stats_since, sizeof s->stats_since, "%s", pg_text(r, 0, 9));
    s->stats_age_s = pg_double(r, 0, 10);
    s->stats_since_start = pg_bool(r, 0, 11);
    s->database_bytes = (uint64_t)pg_int(r, 0, 12);
    return true;
}

static bool read_extensions(struct pg *pg, struct survey *s, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query(pg, "SELECT extname, extversion FROM pg_extension ORDER BY 1", 0, NULL, &r,
                  err)) {
        return false;
    }
    s->extensions = catalog_items(pg_rows_count(r), sizeof s->extensions[0], err);
    if (s->extensions == NULL) {
        return false;
    }
    while (s->extension_count < pg_rows_count(r)) {
        size_t i = s->extension_count++;
        if (!catalog_value(&s->extensions[i].name, r, i, 0) ||
            !catalog_value(&s->extensions[i].version, r, i, 1)) {
            return catalog_no_memory(err);
        }
    }
    return true;
}

bool survey_read_others(struct pg *pg, struct survey *s, struct err *err)
{
    return read_counts(pg, s, err) && read_extensions(pg, s, err);
}

/* ---- samples ---- */

/* Types whose values can be told apart and counted, and that a shard key may have. */
static bool is_countable(const struct survey_column *c)
{
    static const char *const types[] = {"int2", "int4",      "int8",       "uuid",
                                        "text", "varchar",   "bpchar",     "numeric",
                                        "date", "timestamp", "timestamptz"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(c->base_type, types[i]) == 0) {
            return true;
        }
    }
    return c->base_kind == 'e';
}

/* A part of the pages so large that it should hold enough rows; no more than that in any case. */
static void add_sample(const struct survey_table *t, const struct survey_column *c, struct buf *sql)
{
    double percent = t->rows > SAMPLE_ROWS ? 100.0 * SAMPLE_ROWS / t->rows : 100.0;
    buf_puts(sql, "WITH s AS (SELECT ");
    pg_add_ident(sql, c->name);
    buf_puts(sql, " AS v FROM ");
    pg_add_name(sql, t->schema, t->name);
    if (percent < 100.0) {
        buf_printf(sql, " TABLESAMPLE SYSTEM (%.6f)", percent);
    }
    buf_printf(sql, " LIMIT %.0f),", SAMPLE_ROWS);
    buf_puts(sql, " g AS (SELECT count(*) AS n FROM s WHERE v IS NOT NULL GROUP BY v)"
                  " SELECT (SELECT count(*) FROM s), (SELECT count(v) FROM s),"
                  " (SELECT count(*) FROM g), (SELECT count(*) FROM g WHERE n = 1),"
                  " (SELECT coalesce(max(n), 0) FROM g)");
}

/* Haas and Stokes' Duj1, as ANALYZE has it too: n·d / (n − f1 + f1·n/N). */
static double all_distinct(double rows, double seen, double distinct, double once)
{
    if (seen >= rows || seen <= 0) {
        return distinct;
    }
    double estimate = seen * distinct / (seen - once + once * seen / rows);
    return estimate < distinct ? distinct : estimate > rows ? rows : estimate;
}

static bool sample_column(struct pg *pg, const struct survey_table *t, struct survey_column *c,
                          struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    CLEANUP(buf_free) struct buf sql = {0};
    buf_init(&sql, BUF_SQL_MAX);
    add_sample(t, c, &sql);
    if (!buf_ok(&sql, err) || !pg_query_row(pg, buf_str(&sql), 0, NULL, &r, err)) {
        return false;
    }
    double rows = pg_double(r, 0, 0);
    double seen = pg_double(r, 0, 1);
    if (rows > 0) {
        double top = pg_double(r, 0, 4);
        c->has_stats = true;
        c->sampled = true;
        c->null_frac = 1 - seen / rows;
        c->distinct =
            all_distinct(t->rows * seen / rows, seen, pg_double(r, 0, 2), pg_double(r, 0, 3));
        c->top_freq = top > 1 ? top / rows : 0;
    }
    return true;
}

static bool sample_table(struct pg *pg, struct survey_table *t, struct err *err)
{
    size_t taken = 0;
    for (size_t i = 0; i < t->column_count && taken < SAMPLE_COLUMNS; i++) {
        struct survey_column *c = &t->columns[i];
        if (c->has_stats || !c->can_select || !is_countable(c)) {
            continue;
        }
        taken++;
        if (!sample_column(pg, t, c, err)) {
            return err_wrap(err, "a sample of %s.%s", t->schema, t->name);
        }
    }
    return true;
}

bool survey_sample(struct pg *pg, struct survey *s, struct err *err)
{
    for (size_t i = 0; i < s->table_count; i++) {
        struct survey_table *t = &s->tables[i];
        bool stored = t->kind == 'r' || t->kind == 'p';
        if (stored && t->can_select && t->bytes > 0 && !sample_table(pg, t, err)) {
            return false;
        }
    }
    return true;
}
