#include "pg/catalog_read.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

bool catalog_no_memory(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "out of memory");
}

bool catalog_value(char **out, const struct pg_rows *rows, size_t row, int column)
{
    if (pg_null(rows, row, column)) {
        *out = NULL;
        return true;
    }
    *out = str_copy(pg_text(rows, row, column));
    return *out != NULL;
}

void *catalog_items(size_t count, size_t size, struct err *err)
{
    void *items = calloc(count == 0 ? 1 : count, size);

    if (items == NULL) {
        (void)catalog_no_memory(err);
    }
    return items;
}

void catalog_columns_free(struct relation *rel)
{
    for (size_t i = 0; i < rel->column_count; i++) {
        free(rel->columns[i].name);
        free(rel->columns[i].type_name);
    }
    free(rel->columns);
    rel->columns = NULL;
    rel->column_count = 0;
}

static void relation_free(struct relation *rel)
{
    catalog_columns_free(rel);
    free(rel->schema);
    free(rel->name);
    free(rel->root_schema);
    free(rel->root_name);
    free(rel->bound);
    free(rel->partition_by);
}

void relation_list_free(struct relation_list *list)
{
    if (list == NULL) {
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        relation_free(&list->items[i]);
    }
    free(list->items);
    *list = (struct relation_list){0};
}

const struct relation *relation_list_find(const struct relation_list *list, const char *schema,
                                          const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].schema, schema) == 0 && strcmp(list->items[i].name, name) == 0) {
            return &list->items[i];
        }
    }
    return NULL;
}

char *catalog_oids(const struct relation_list *list)
{
    struct buf b;

    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "{");
    for (size_t i = 0; i < list->count; i++) {
        buf_printf(&b, i == 0 ? "%u" : ",%u", list->items[i].oid);
    }
    buf_puts(&b, "}");
    return buf_take(&b);
}

/* Sizes are asked only of what has storage: views have none, and partitioned tables only leaves. */
#define HAS_STORAGE "c.relkind IN ('r', 'm', 't', 'i', 'S')"

/* The first %s says what a heap is, the second what a row count is, in words of the version. */
#define DESCRIBE_SQL                                                                          \
    "WITH RECURSIVE chain(oid, anc, depth) AS"                                                \
    " (SELECT o, o, 0 FROM unnest($1::oid[]) o" CATALOG_CHAIN_STEP "),"                       \
    " top AS (SELECT DISTINCT ON (oid) oid, anc FROM chain ORDER BY oid, depth DESC)"         \
    " SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, %s, c.relispartition," \
    " c.relkind <> 'p' AND EXISTS (SELECT FROM pg_catalog.pg_inherits k"                      \
    "   WHERE k.inhparent = c.oid),"                                                          \
    " CASE WHEN c.relispartition THEN (SELECT k.inhparent FROM pg_catalog.pg_inherits k"      \
    "   WHERE k.inhrelid = c.oid LIMIT 1) ELSE 0 END,"                                        \
    " r.oid, rn.nspname, r.relname,"                                                          \
    " (SELECT string_agg(pg_get_partkeydef(k.inhparent) || ' '"                               \
    "    || pg_get_expr(b.relpartbound, b.oid), ' in ' ORDER BY h.depth)"                     \
    "   FROM chain h JOIN pg_catalog.pg_class b ON b.oid = h.anc AND b.relispartition"        \
    "   JOIN pg_catalog.pg_inherits k ON k.inhrelid = b.oid WHERE h.oid = c.oid),"            \
    " CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,"                           \
    " c.relfilenode,"                                                                         \
    " CASE WHEN " HAS_STORAGE " THEN pg_relation_size(c.oid)"                                 \
    "   / current_setting('block_size')::bigint ELSE 0 END,"                                  \
    " CASE WHEN " HAS_STORAGE " THEN pg_table_size(c.oid) ELSE 0 END,"                        \
    " %s, row_security_active(c.oid),"                                                        \
    " has_table_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'INSERT'),"            \
    " has_table_privilege(c.oid, 'TRUNCATE'), has_schema_privilege(n.oid, 'USAGE'),"          \
    " c.oid IN (SELECT d.objid FROM pg_catalog.pg_depend d"                                   \
    "   WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'e')"               \
    " FROM top JOIN pg_catalog.pg_class c ON c.oid = top.oid"                                 \
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"                               \
    " JOIN pg_catalog.pg_class r ON r.oid = top.anc"                                          \
    " JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace"                             \
    " ORDER BY n.nspname::text COLLATE \"C\", c.relname::text COLLATE \"C\""

/* The columns of DESCRIBE_SQL. */
enum describe_column {
    COL_OID,
    COL_SCHEMA,
    COL_NAME,
    COL_KIND,
    COL_PERSISTENCE,
    COL_HEAP,
    COL_PARTITION,
    COL_CHILDREN,
    COL_PARENT,
    COL_ROOT,
    COL_ROOT_SCHEMA,
    COL_ROOT_NAME,
    COL_BOUND,
    COL_PARTITION_BY,
    COL_FILENODE,
    COL_PAGES,
    COL_BYTES,
    COL_ROWS,
    COL_ROW_SECURITY,
    COL_SELECT,
    COL_INSERT,
    COL_TRUNCATE,
    COL_USAGE,
    COL_EXTENSION,
};

/* Access methods came with 12, where heap is number 2 for ever; "never counted" came with 14. */
static void add_describe_sql(struct buf *sql, int version)
{
    const char *heap =
        version >= 120000 ? "c.relkind IN ('r', 'm') AND c.relam = 2" : "c.relkind IN ('r', 'm')";
    const char *rows = version >= 140000 ? "c.reltuples"
                                         : "CASE WHEN c.relpages = 0 AND c.reltuples = 0 THEN -1"
                                           " ELSE c.reltuples END";

    buf_printf(sql, DESCRIBE_SQL, heap, rows);
}

static bool fill_names(struct relation *rel, const struct pg_rows *r, size_t row)
{
    return catalog_value(&rel->schema, r, row, COL_SCHEMA) &&
           catalog_value(&rel->name, r, row, COL_NAME) &&
           catalog_value(&rel->root_schema, r, row, COL_ROOT_SCHEMA) &&
           catalog_value(&rel->root_name, r, row, COL_ROOT_NAME) &&
           catalog_value(&rel->bound, r, row, COL_BOUND) &&
           catalog_value(&rel->partition_by, r, row, COL_PARTITION_BY);
}

static void fill_facts(struct relation *rel, const struct pg_rows *r, size_t row)
{
    rel->oid = (uint32_t)pg_int(r, row, COL_OID);
    rel->kind = pg_text(r, row, COL_KIND)[0];
    rel->persistence = pg_text(r, row, COL_PERSISTENCE)[0];
    rel->is_heap = pg_bool(r, row, COL_HEAP);
    rel->is_partition = pg_bool(r, row, COL_PARTITION);
    rel->has_children = pg_bool(r, row, COL_CHILDREN);
    rel->parent_oid = (uint32_t)pg_int(r, row, COL_PARENT);
    rel->root_oid = (uint32_t)pg_int(r, row, COL_ROOT);
    rel->filenode = (uint32_t)pg_int(r, row, COL_FILENODE);
    rel->heap_pages = (uint64_t)pg_int(r, row, COL_PAGES);
    rel->table_bytes = (uint64_t)pg_int(r, row, COL_BYTES);
    rel->row_estimate = pg_double(r, row, COL_ROWS);
    rel->row_security = pg_bool(r, row, COL_ROW_SECURITY);
    rel->can_select = pg_bool(r, row, COL_SELECT);
    rel->can_insert = pg_bool(r, row, COL_INSERT);
    rel->can_truncate = pg_bool(r, row, COL_TRUNCATE);
    rel->can_use_schema = pg_bool(r, row, COL_USAGE);
    rel->extension_member = pg_bool(r, row, COL_EXTENSION);
}

static bool fill_list(struct relation_list *list, const struct pg_rows *rows, struct err *err)
{
    size_t count = pg_rows_count(rows);

    list->items = catalog_items(count, sizeof list->items[0], err);
    if (list->items == NULL) {
        return false;
    }
    while (list->count < count) {
        size_t i = list->count++;
        fill_facts(&list->items[i], rows, i);
        if (!fill_names(&list->items[i], rows, i)) {
            return catalog_no_memory(err);
        }
    }
    return true;
}

bool catalog_describe(struct pg *pg, const char *oids, struct relation_list *out, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;
    CLEANUP(relation_list_free) struct relation_list list = {0};
    CLEANUP(buf_free) struct buf sql = {0};

    buf_init(&sql, BUF_SQL_MAX);
    add_describe_sql(&sql, pg_version(pg));
    if (!buf_ok(&sql, err) || !pg_query(pg, buf_str(&sql), 1, &oids, &rows, err) ||
        !fill_list(&list, rows, err)) {
        return false;
    }
    *out = list;
    list = (struct relation_list){0};
    return true;
}

/* The names as two arrays, and from them the oids as a third. */
static bool find_oids(struct pg *pg, const char *schemas, const char *names, struct pg_rows **rows,
                      struct err *err)
{
    const char *params[] = {schemas, names};

    if (schemas == NULL || names == NULL) {
        return catalog_no_memory(err);
    }
    return pg_query_row(pg,
                        "SELECT coalesce(array_agg(DISTINCT c.oid), '{}')"
                        " FROM unnest($1::text[], $2::text[]) AS w(s, t)"
                        " JOIN pg_catalog.pg_namespace n ON n.nspname::text = w.s"
                        " JOIN pg_catalog.pg_class c"
                        " ON c.relnamespace = n.oid AND c.relname::text = w.t",
                        2, params, rows, err);
}

bool catalog_find(struct pg *pg, const struct relation_name *names, size_t count,
                  struct relation_list *out, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;
    CLEANUP_FREE const char **parts = catalog_items(2 * count, sizeof *parts, err);

    if (parts == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        parts[i] = names[i].schema;
        parts[count + i] = names[i].name;
    }
    CLEANUP_FREE char *schemas = pg_array(parts, count);
    CLEANUP_FREE char *tables = pg_array(parts + count, count);
    return find_oids(pg, schemas, tables, &rows, err) &&
           catalog_describe(pg, pg_text(rows, 0, 0), out, err);
}
