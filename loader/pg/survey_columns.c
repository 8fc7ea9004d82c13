/* Columns, and how their values are spread. */
#include "base/cleanup.h"
#include "pg/catalog_read.h"
#include "pg/survey_read.h"

#include <string.h>

#define VERSION_GENERATED  120000
#define VERSION_MULTIRANGE 140000

size_t survey_column_of(const struct survey_table *t, const char *name)
{
    for (size_t i = 0; i < t->column_count; i++) {
        if (strcmp(t->columns[i].name, name) == 0) {
            return i;
        }
    }
    return SURVEY_NONE;
}

/* ---- columns ---- */

/* The %s is attgenerated, which came with 12. */
#define COLUMNS_SQL                                                                           \
    "WITH RECURSIVE base(oid, b) AS (SELECT oid, oid FROM pg_type WHERE typtype = 'd'"        \
    "  UNION ALL SELECT x.oid, t.typbasetype FROM base x"                                     \
    "  JOIN pg_type t ON t.oid = x.b AND t.typtype = 'd'),"                                   \
    " plain AS (SELECT x.oid, x.b FROM base x"                                                \
    "  JOIN pg_type t ON t.oid = x.b AND t.typtype <> 'd')"                                   \
    " SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), b.typname,"         \
    " b.typtype, b.typcategory, a.attnotnull OR t.typnotnull, a.attidentity <> '', %s <> ''," \
    " coalesce(pg_get_expr(f.adbin, f.adrelid) LIKE 'nextval(%%', false),"                    \
    " has_column_privilege(a.attrelid, a.attnum, 'SELECT')"                                   \
    " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"                               \
    " LEFT JOIN plain x ON x.oid = t.oid JOIN pg_type b ON b.oid = coalesce(x.b, t.oid)"      \
    " LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum"                \
    " WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped"             \
    " ORDER BY a.attrelid, a.attnum"

static bool fill_column(struct survey_column *c, const struct pg_rows *r, size_t row)
{
    c->base_kind = pg_text(r, row, 4)[0];
    c->category = pg_text(r, row, 5)[0];
    c->not_null = pg_bool(r, row, 6);
    c->identity = pg_bool(r, row, 7);
    c->generated = pg_bool(r, row, 8);
    c->default_sequence = pg_bool(r, row, 9) && !c->generated;
    c->can_select = pg_bool(r, row, 10);
    c->distinct = -1;
    return catalog_value(&c->name, r, row, 1) && catalog_value(&c->type, r, row, 2) &&
           catalog_value(&c->base_type, r, row, 3);
}

static bool fill_columns(struct survey_table *t, const struct pg_rows *r, size_t first,
                         size_t count, struct err *err)
{
    if (t->columns != NULL) {
        return true;
    }
    t->columns = catalog_items(count, sizeof t->columns[0], err);
    if (t->columns == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        t->column_count++;
        if (!fill_column(&t->columns[i], r, first + i)) {
            return catalog_no_memory(err);
        }
        t->hidden_stats = t->hidden_stats || !t->columns[i].can_select;
    }
    return true;
}

bool survey_read_columns(struct pg *pg, const struct survey_places *places, struct err *err)
{
    CLEANUP(buf_free) struct buf sql = {0};
    buf_init(&sql, BUF_SQL_MAX);
    buf_printf(&sql, COLUMNS_SQL, pg_version(pg) >= VERSION_GENERATED ? "a.attgenerated" : "''");
    return buf_ok(&sql, err) &&
           survey_fill_tables(pg, buf_str(&sql), places->roots, places, fill_columns, err);
}

/* ---- types that somebody has made ---- */

/*
 * From the columns' types to what they are made of; what initdb made holds nobody's types. The %s
 * is what a multirange is made of, which came with 14.
 */
#define TYPES_SQL                                                                                 \
    "WITH RECURSIVE made(oid, used) AS (SELECT oid, typbasetype FROM pg_type WHERE typtype = 'd'" \
    "  UNION ALL SELECT oid, typelem FROM pg_type"                                                \
    "   WHERE typelem <> 0 AND typlen = -1 AND typcategory = 'A'"                                 \
    "  UNION ALL SELECT rngtypid, rngsubtype FROM pg_range%s"                                     \
    "  UNION ALL SELECT t.oid, a.atttypid FROM pg_type t JOIN pg_attribute a"                     \
    "   ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped"                       \
    "   WHERE t.typtype = 'c'),"                                                                  \
    " own AS (SELECT a.attrelid, a.attname, a.attnum, a.atttypid FROM pg_attribute a"             \
    "  WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped"                \
    "  AND a.atttypid >= 16384),"                                                                 \
    " need(seed, oid) AS (SELECT DISTINCT atttypid, atttypid FROM own"                            \
    "  UNION SELECT n.seed, m.used FROM need n JOIN made m ON m.oid = n.oid WHERE m.used >= "     \
    "16384)"                                                                                      \
    " SELECT o.attrelid, o.attname, format_type(t.oid, NULL), e.extname FROM own o"               \
    " JOIN need n ON n.seed = o.atttypid JOIN pg_type t ON t.oid = n.oid"                         \
    " LEFT JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid"               \
    "  AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'"                           \
    " LEFT JOIN pg_extension e ON e.oid = d.refobjid"                                             \
    " WHERE e.oid IS NOT NULL OR t.typtype = 'b'"                                                 \
    "  AND NOT (t.typelem <> 0 AND t.typlen = -1 AND t.typcategory = 'A')"                        \
    " ORDER BY o.attrelid, o.attnum, 3"

static bool fill_types(struct survey_table *t, const struct pg_rows *r, size_t first, size_t count,
                       struct err *err)
{
    if (t->types != NULL) {
        return true;
    }
    t->types = catalog_items(count, sizeof t->types[0], err);
    if (t->types == NULL) {
        return false;
    }
    for (size_t i = first; i < first + count; i++) {
        size_t column = survey_column_of(t, pg_text(r, i, 1));
        struct survey_type *type = &t->types[t->type_count];
        if (column == SURVEY_NONE) {
            continue; /* it came after the columns were read */
        }
        type->column = column;
        t->type_count++;
        if (!catalog_value(&type->name, r, i, 2) || !catalog_value(&type->extension, r, i, 3)) {
            return catalog_no_memory(err);
        }
    }
    return true;
}

bool survey_read_types(struct pg *pg, const struct survey_places *places, struct err *err)
{
    CLEANUP(buf_free) struct buf sql = {0};
    buf_init(&sql, BUF_SQL_MAX);
    buf_printf(&sql, TYPES_SQL,
               pg_version(pg) >= VERSION_MULTIRANGE
                   ? " UNION ALL SELECT rngmultitypid, rngtypid FROM pg_range"
                   : "");
    return buf_ok(&sql, err) &&
           survey_fill_tables(pg, buf_str(&sql), places->roots, places, fill_types, err);
}

/* ---- statistics ---- */

/*
 * A partitioned table has statistics of its own when somebody has analyzed it (autovacuum does
 * not); otherwise its largest leaf speaks for it. Those over a table and its children come last, so
 * that they win.
 */
#define STATS_SQL                                                            \
    "SELECT c.oid, s.attname, s.null_frac, s.n_distinct, s.avg_width,"       \
    " (s.most_common_freqs)[1], c.reltuples, c.relkind = 'p'"                \
    " FROM pg_stats s JOIN pg_namespace n ON n.nspname = s.schemaname"       \
    " JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename" \
    " WHERE c.oid = ANY ($1::oid[])"                                         \
    " ORDER BY c.relkind = 'p', c.reltuples, c.oid, s.inherited"

static void fill_column_stats(const struct survey_table *t, struct survey_column *c,
                              const struct pg_rows *r, size_t row)
{
    double distinct = pg_double(r, row, 3);
    c->has_stats = true;
    c->null_frac = pg_double(r, row, 2);
    c->width = pg_double(r, row, 4);
    c->top_freq = pg_double(r, row, 5);
    /* A share of the rows is of those that are not NULL in the end; the whole table's count here.
     */
    c->distinct = distinct < 0 ? -distinct * t->rows : distinct > 0 ? distinct : -1;
}

static bool fill_stats(struct survey_table *t, const struct pg_rows *r, size_t first, size_t count,
                       struct err *err)
{
    (void)err;
    for (size_t i = first; i < first + count; i++) {
        size_t column = survey_column_of(t, pg_text(r, i, 1));
        if (column != SURVEY_NONE) {
            fill_column_stats(t, &t->columns[column], r, i);
        }
    }
    return true;
}

bool survey_read_stats(struct pg *pg, const struct survey_places *places, struct err *err)
{
    return survey_fill_tables(pg, STATS_SQL, places->all, places, fill_stats, err);
}
