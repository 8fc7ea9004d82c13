#include "pg/definition_read.h"

#include "base/cleanup.h"

#include <stdlib.h>

static const char *const exists[] = {
    [DEFINITION_SCHEMA] = "true",
    [DEFINITION_RELATION] = "EXISTS (SELECT FROM pg_catalog.pg_class o"
                            " WHERE o.relnamespace = n.oid AND o.relname::text = w.t)",
    [DEFINITION_TYPE] = "EXISTS (SELECT FROM pg_catalog.pg_type o"
                        " WHERE o.typnamespace = n.oid AND o.typname::text = w.t)",
    [DEFINITION_FUNCTION] = "EXISTS (SELECT FROM pg_catalog.pg_proc o"
                            " WHERE o.pronamespace = n.oid AND o.proname::text = w.t)",
    [DEFINITION_COLLATION] =
        "EXISTS (SELECT FROM pg_catalog.pg_collation o"
        " WHERE o.collnamespace = n.oid AND o.collname::text = w.t"
        " AND o.collencoding IN (-1, (SELECT d.encoding"
        " FROM pg_catalog.pg_database d WHERE d.datname = current_database())))",
};

/* One row for each name, in their order. */
static bool ask(struct pg *pg, const char *what, const struct relation_name *names, size_t count,
                struct pg_rows **rows, struct err *err)
{
    CLEANUP(buf_free) struct buf sql = {0};
    CLEANUP_FREE const char **parts = catalog_items(2 * count, sizeof *parts, err);

    if (parts == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        parts[i] = names[i].schema;
        parts[count + i] = names[i].name == NULL ? "" : names[i].name;
    }
    CLEANUP_FREE char *schemas = pg_array(parts, count);
    CLEANUP_FREE char *objects = pg_array(parts + count, count);
    if (schemas == NULL || objects == NULL) {
        return catalog_no_memory(err);
    }
    buf_init(&sql, BUF_SQL_MAX);
    buf_printf(&sql,
               "SELECT n.oid IS NOT NULL AND (%s),"
               " has_database_privilege(current_database(), 'CREATE')"
               " FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(s, t, i)"
               " LEFT JOIN pg_catalog.pg_namespace n ON n.nspname::text = w.s ORDER BY w.i",
               what);
    const char *params[] = {schemas, objects};
    return buf_ok(&sql, err) && pg_query(pg, buf_str(&sql), 2, params, rows, err);
}

bool definition_present(struct pg *pg, enum definition_object what,
                        const struct relation_name *names, size_t count, bool *present,
                        struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;

    if (count == 0) {
        return true;
    }
    if (!ask(pg, exists[what], names, count, &r, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        present[i] = pg_bool(r, i, 0);
    }
    return true;
}

bool definition_may_create(struct pg *pg, const struct relation_name *schemas, size_t count,
                           bool *in_database, bool *in_schema, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;

    if (count == 0) {
        *in_database = true;
        return true;
    }
    if (!ask(pg, "has_schema_privilege(n.oid, 'CREATE')", schemas, count, &r, err)) {
        return false;
    }
    *in_database = pg_bool(r, 0, 1);
    for (size_t i = 0; i < count; i++) {
        in_schema[i] = pg_bool(r, i, 0);
    }
    return true;
}
