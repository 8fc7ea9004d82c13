/* What of a table's surroundings decides whether triggers may be left aside. */
#include "base/cleanup.h"
#include "pg/catalog.h"

#include <stdio.h>
#include <stdlib.h>

bool catalog_deferrable(struct pg *pg, struct oid_list *out, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query(pg, "SELECT DISTINCT indrelid FROM pg_catalog.pg_index WHERE NOT indimmediate", 0,
                  NULL, &r, err)) {
        return false;
    }
    uint32_t *oids = calloc(pg_rows_count(r) + 1, sizeof *oids);
    if (oids == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < pg_rows_count(r); i++) {
        oids[i] = (uint32_t)pg_int(r, i, 0);
    }
    *out = (struct oid_list){.items = oids, .count = pg_rows_count(r)};
    return true;
}

bool oid_list_has(const struct oid_list *list, uint32_t oid)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i] == oid) {
            return true;
        }
    }
    return false;
}

void oid_list_free(struct oid_list *list)
{
    free(list->items);
    *list = (struct oid_list){0};
}

bool catalog_leaf_count(struct pg *pg, uint32_t root_oid, size_t *leaves, struct err *err)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u", root_oid);
    const char *const params[] = {text};
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(pg,
                      "WITH RECURSIVE tree(oid) AS (SELECT $1::oid UNION ALL SELECT i.inhrelid"
                      " FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid)"
                      " SELECT count(*) FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid"
                      " WHERE c.relkind <> 'p'",
                      1, params, &r, err)) {
        return false;
    }
    *leaves = (size_t)pg_int(r, 0, 0);
    return true;
}
