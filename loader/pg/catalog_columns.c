#include "pg/catalog_read.h"

#include "base/cleanup.h"

/*
 * A domain's NOT NULL and default count as the column's, because they act on what is written
 * to it. The %s is what attgenerated was called: nothing at all before 12.
 */
#define COLUMNS_SQL                                                                   \
    "SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), a.atttypid," \
    " a.atttypmod, a.attnum, a.attnotnull OR t.typnotnull,"                           \
    " NOT %s AND (a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL),"   \
    " %s, a.attidentity <> '',"                                                       \
    " has_column_privilege(a.attrelid, a.attnum, 'SELECT'),"                          \
    " has_column_privilege(a.attrelid, a.attnum, 'INSERT')"                           \
    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid" \
    " WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped"     \
    " ORDER BY a.attrelid, a.attnum"

enum columns_column {
    COL_REL,
    COL_NAME,
    COL_TYPE_NAME,
    COL_TYPE,
    COL_TYPMOD,
    COL_ATTNUM,
    COL_NOT_NULL,
    COL_DEFAULT,
    COL_GENERATED,
    COL_IDENTITY,
    COL_SELECT,
    COL_INSERT,
};

static bool fill_column(struct column *c, const struct pg_rows *r, size_t row)
{
    c->type_oid = (uint32_t)pg_int(r, row, COL_TYPE);
    c->typmod = (int32_t)pg_int(r, row, COL_TYPMOD);
    c->attnum = (int)pg_int(r, row, COL_ATTNUM);
    c->not_null = pg_bool(r, row, COL_NOT_NULL);
    c->has_default = pg_bool(r, row, COL_DEFAULT);
    c->generated = pg_bool(r, row, COL_GENERATED);
    c->identity = pg_bool(r, row, COL_IDENTITY);
    c->can_select = pg_bool(r, row, COL_SELECT);
    c->can_insert = pg_bool(r, row, COL_INSERT);
    return catalog_value(&c->name, r, row, COL_NAME) &&
           catalog_value(&c->type_name, r, row, COL_TYPE_NAME);
}

/* The rows come ordered by relation: first is where a relation's begin. */
static bool fill_relation(struct relation *rel, const struct pg_rows *r, size_t first, size_t count,
                          struct err *err)
{
    rel->columns = catalog_items(count, sizeof rel->columns[0], err);
    if (rel->columns == NULL) {
        return false;
    }
    rel->column_count = count;
    for (size_t i = 0; i < count; i++) {
        if (!fill_column(&rel->columns[i], r, first + i)) {
            return catalog_no_memory(err);
        }
    }
    return true;
}

/* The first row that is of this oid or a greater one. */
static size_t lower_bound(const struct pg_rows *r, uint32_t oid)
{
    size_t low = 0;
    size_t high = pg_rows_count(r);

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if ((uint32_t)pg_int(r, mid, COL_REL) < oid) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static size_t rows_of(const struct pg_rows *r, size_t first, uint32_t oid)
{
    size_t end = first;

    while (end < pg_rows_count(r) && (uint32_t)pg_int(r, end, COL_REL) == oid) {
        end++;
    }
    return end - first;
}

static bool query_columns(struct pg *pg, const struct relation_list *list, struct pg_rows **rows,
                          struct err *err)
{
    const char *generated = pg_version(pg) >= 120000 ? "a.attgenerated <> ''" : "false";
    CLEANUP_FREE char *oids = catalog_oids(list);
    CLEANUP(buf_free) struct buf sql = {0};

    buf_init(&sql, BUF_SQL_MAX);
    buf_printf(&sql, COLUMNS_SQL, generated, generated);
    if (oids == NULL) {
        return catalog_no_memory(err);
    }
    const char *params[] = {oids};
    return buf_ok(&sql, err) && pg_query(pg, buf_str(&sql), 1, params, rows, err);
}

bool catalog_columns(struct pg *pg, struct relation_list *list, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;

    if (!query_columns(pg, list, &rows, err)) {
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct relation *rel = &list->items[i];
        size_t first = lower_bound(rows, rel->oid);
        catalog_columns_free(rel);
        if (!fill_relation(rel, rows, first, rows_of(rows, first, rel->oid), err)) {
            return false;
        }
    }
    return true;
}

/* textsend gives the bytes without a conversion that could fail; md5 may be forbidden. */
#define FINGERPRINT_SQL                                                                        \
    "SELECT encode(sha256(coalesce(string_agg(f.hash, ''::bytea ORDER BY f.oid), '')), 'hex')" \
    " FROM (SELECT c.oid, sha256(textsend(concat_ws(':', c.oid, c.relfilenode,"                \
    "   string_agg(format('%s %L %s %s', a.attnum, a.attname, a.atttypid, a.atttypmod), ','"   \
    "     ORDER BY a.attnum)))) AS hash"                                                       \
    "  FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_attribute a"                         \
    "   ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"                         \
    "  WHERE c.oid = ANY ($1::oid[]) GROUP BY c.oid, c.relfilenode) f"

bool catalog_fingerprint(struct pg *pg, const struct relation_list *list, char **out,
                         struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;
    CLEANUP_FREE char *oids = catalog_oids(list);
    char *made = NULL;

    if (oids == NULL) {
        return catalog_no_memory(err);
    }
    const char *params[] = {oids};
    if (!pg_query_row(pg, FINGERPRINT_SQL, 1, params, &rows, err)) {
        return false;
    }
    if (!catalog_value(&made, rows, 0, 0)) {
        return catalog_no_memory(err);
    }
    *out = made;
    return true;
}
