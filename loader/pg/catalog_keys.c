/*
 * What a table can be cut by, and where. Bounds are compared by the operators of pg_catalog
 * (that is all the session's search_path has) but sorted by the type's default operator class.
 * The two agree only where that class is pg_catalog's own: citext, for one, sorts by its own rules
 * and would be compared as text, so that rows came twice. Such keys are not offered.
 */
#include "pg/catalog_read.h"

#include "base/cleanup.h"

#include <stdlib.h>

/*
 * The columns of the best index. The types have no length: a literal must never be cut by its
 * cast, and 'abc'::character would be. A NOT NULL constraint of PostgreSQL 18 may be not valid yet.
 * Arrays and composite types are left out (their parts may sort by foreign rules), and so are
 * regclass and its kin, whose text changes when something is renamed.
 */
#define SPLIT_KEY_SQL                                                                             \
    "WITH part AS (SELECT i.indexrelid, i.indisprimary, i.indnkeyatts, k.n, a.attname,"           \
    "  format_type(a.atttypid, -1) AS type,"                                                      \
    "  a.attnotnull AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint v WHERE"                 \
    "   v.conrelid = a.attrelid AND v.contype = 'n' AND NOT v.convalidated"                       \
    "   AND a.attnum = ANY (v.conkey)) AS filled,"                                                \
    "  o.opcdefault AND o.opcnamespace = 'pg_catalog'::regnamespace"                              \
    "   AND i.indcollation[k.n] = a.attcollation AND t.typcategory NOT IN ('A', 'C', 'P')"        \
    "   AND NOT (t.typname ~ '^reg' AND t.typnamespace = 'pg_catalog'::regnamespace)"             \
    "   AND has_column_privilege(a.attrelid, a.attnum, 'SELECT') AS usable"                       \
    " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"              \
    " JOIN pg_catalog.pg_am m ON m.oid = x.relam AND m.amname = 'btree'"                          \
    " CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS k(n)"                           \
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n]"     \
    " JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"                                            \
    " JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[k.n]"                                    \
    " WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indisready"             \
    "  AND i.indpred IS NULL AND i.indexprs IS NULL),"                                            \
    " best AS (SELECT p.indexrelid, bool_and(p.filled) AS filled FROM part p"                     \
    "  GROUP BY p.indexrelid, p.indisprimary, p.indnkeyatts"                                      \
    "  HAVING bool_and(p.usable) AND count(*) = p.indnkeyatts"                                    \
    "   AND (bool_and(p.filled) OR p.indnkeyatts = 1)"                                            \
    "  ORDER BY p.indisprimary DESC, bool_and(p.filled) DESC, p.indnkeyatts, p.indexrelid LIMIT " \
    "1)"                                                                                          \
    " SELECT p.attname, p.type, NOT b.filled FROM best b JOIN part p USING (indexrelid)"          \
    " ORDER BY p.n"

void split_key_free(struct split_key *key)
{
    if (key == NULL) {
        return;
    }
    for (size_t i = 0; i < key->count; i++) {
        free(key->columns[i]);
        free(key->types[i]);
    }
    free(key->columns);
    free(key->types);
    *key = (struct split_key){0};
}

static bool fill_key(struct split_key *key, const struct pg_rows *rows, struct err *err)
{
    size_t count = pg_rows_count(rows);

    key->columns = catalog_items(count, sizeof key->columns[0], err);
    key->types = catalog_items(count, sizeof key->types[0], err);
    if (key->columns == NULL || key->types == NULL) {
        return false;
    }
    key->nullable = count > 0 && pg_bool(rows, 0, 2);
    while (key->count < count) {
        size_t i = key->count++;
        if (!catalog_value(&key->columns[i], rows, i, 0) ||
            !catalog_value(&key->types[i], rows, i, 1)) {
            return catalog_no_memory(err);
        }
    }
    return true;
}

bool catalog_split_key(struct pg *pg, const struct relation *rel, struct split_key *out,
                       struct err *err)
{
    CLEANUP(split_key_free) struct split_key key = {0};
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;
    CLEANUP(buf_free) struct buf oid = {0};

    buf_init(&oid, 32);
    buf_printf(&oid, "%u", rel->oid);
    const char *params[] = {buf_str(&oid)};
    if (!buf_ok(&oid, err) || !pg_query(pg, SPLIT_KEY_SQL, 1, params, &rows, err) ||
        !fill_key(&key, rows, err)) {
        return false;
    }
    *out = key;
    key = (struct split_key){0};
    return true;
}

#define SAMPLE_PAGES_WHOLE 2000   /* 16 MB: reading it whole takes no time worth saving */
#define SAMPLE_ROWS_MAX    300000 /* what a server sorts in a second */
#define SAMPLE_CANDIDATES  20     /* for each wanted row, and at least */
#define SAMPLE_PAGES_MIN   400
#define ROWS_A_PAGE_GUESS  50.0

/*
 * The share of pages to read, in percent. The candidates are pages where a page has many rows,
 * because neighbours on it often have neighbouring keys and so count for one.
 */
static double sample_percent(const struct relation *rel, size_t wanted)
{
    double pages = (double)rel->heap_pages;
    double rows_a_page = rel->row_estimate > 0 ? rel->row_estimate / pages : ROWS_A_PAGE_GUESS;
    double most = SAMPLE_ROWS_MAX / rows_a_page;
    double read = SAMPLE_CANDIDATES * (double)wanted;

    if (rows_a_page < 1) {
        read = read / rows_a_page;
    }
    if (read < SAMPLE_PAGES_MIN) {
        read = SAMPLE_PAGES_MIN;
    }
    if (read > most) {
        read = most;
    }
    return read >= pages ? 100 : 100 * read / pages;
}

static void add_source(struct buf *sql, const struct relation *rel, const struct sample_spec *spec)
{
    bool has_pages = rel->kind == 'r' || rel->kind == 'm';

    buf_puts(sql, " FROM ONLY ");
    pg_add_name(sql, rel->schema, rel->name);
    if (has_pages && rel->heap_pages >= SAMPLE_PAGES_WHOLE) {
        buf_printf(sql, " TABLESAMPLE SYSTEM (%.6f) REPEATABLE (1)",
                   sample_percent(rel, spec->wanted));
    }
    buf_puts(sql, " WHERE true");
    if (spec->where != NULL) {
        buf_printf(sql, " AND (%s\n)", spec->where); /* the line end closes a comment in it */
    }
}

static void add_list(struct buf *sql, const struct split_key *key)
{
    for (size_t i = 0; i < key->count; i++) {
        buf_printf(sql, "%sq.k%zu", i == 0 ? "" : ", ", i);
    }
}

/* %L is the type's own output, not a cast to text, which somebody may have defined otherwise. */
static void add_literals(struct buf *sql, const struct split_key *key)
{
    buf_puts(sql, "SELECT ");
    for (size_t i = 0; i < key->count; i++) {
        CLEANUP(buf_free) struct buf text = {0};
        buf_init(&text, 1024);
        buf_printf(&text, "::%s%s", key->types[i], i + 1 == key->count ? "" : ",");
        buf_printf(sql, "%sformat('%%L', q.k%zu) || ", i == 0 ? "" : " || ", i);
        pg_add_literal(sql, buf_str(&text));
        sql->failed = sql->failed || text.failed;
    }
}

/*
 * The rows are numbered in the key's order and those are taken whose number is nearest to an even
 * spread: the n where n * (wanted + 1) / total, cut to a whole number, steps up, but for the
 * last step, which would only ever cut off the greatest row.
 */
static void add_sample_sql(struct buf *sql, const struct relation *rel,
                           const struct sample_spec *spec)
{
    const struct split_key *key = spec->key;
    size_t steps = spec->wanted + 1;

    add_literals(sql, key);
    buf_puts(sql, " FROM (SELECT q.*, count(*) OVER () AS total, row_number() OVER (ORDER BY ");
    add_list(sql, key);
    buf_puts(sql, ") AS n FROM (SELECT ");
    for (size_t i = 0; i < key->count; i++) {
        buf_puts(sql, i == 0 ? "" : ", ");
        pg_add_ident(sql, key->columns[i]);
        buf_printf(sql, " AS k%zu", i);
    }
    add_source(sql, rel, spec);
    buf_puts(sql, ") q WHERE ");
    for (size_t i = 0; i < key->count; i++) {
        buf_printf(sql, "%sq.k%zu IS NOT NULL", i == 0 ? "" : " AND ", i);
    }
    buf_printf(sql,
               ") q WHERE n * %zu / total > (n - 1) * %zu / total"
               " AND (n < total OR total <= %zu) ORDER BY n",
               steps, steps, spec->wanted);
}

void sample_free(struct sample *sample)
{
    if (sample == NULL) {
        return;
    }
    for (size_t i = 0; i < sample->count; i++) {
        free(sample->items[i]);
    }
    free(sample->items);
    *sample = (struct sample){0};
}

static bool fill_sample(struct sample *sample, const struct pg_rows *rows, struct err *err)
{
    size_t count = pg_rows_count(rows);

    sample->items = catalog_items(count, sizeof sample->items[0], err);
    if (sample->items == NULL) {
        return false;
    }
    while (sample->count < count) {
        size_t i = sample->count++;
        if (!catalog_value(&sample->items[i], rows, i, 0)) {
            return catalog_no_memory(err);
        }
    }
    return true;
}

bool catalog_sample(struct pg *pg, const struct relation *rel, const struct sample_spec *spec,
                    struct sample *out, struct err *err)
{
    CLEANUP(buf_free) struct buf sql = {0};
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;
    CLEANUP(sample_free) struct sample made = {0};

    buf_init(&sql, BUF_SQL_MAX);
    add_sample_sql(&sql, rel, spec);
    if (!buf_ok(&sql, err) || !pg_query(pg, buf_str(&sql), 0, NULL, &rows, err) ||
        !fill_sample(&made, rows, err)) {
        return false;
    }
    *out = made;
    made = (struct sample){0};
    return true;
}
