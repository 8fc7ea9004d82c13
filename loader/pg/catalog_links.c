#include "pg/catalog_read.h"

#include "base/cleanup.h"

#include <stdlib.h>

void foreign_key_list_free(struct foreign_key_list *list)
{
    if (list == NULL) {
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].name);
        free(list->items[i].child);
        free(list->items[i].parent);
    }
    free(list->items);
    *list = (struct foreign_key_list){0};
}

/* The %s leaves out what is NOT ENFORCED, which came with 18. */
#define FOREIGN_KEYS_SQL                                                                          \
    "WITH RECURSIVE chain(oid, anc, depth) AS (SELECT c.oid, c.oid, 0 FROM pg_catalog.pg_class c" \
    "  WHERE c.relkind IN ('r', 'p', 'f')" CATALOG_CHAIN_STEP "),"                                \
    " top AS (SELECT DISTINCT ON (oid) oid, anc FROM chain ORDER BY oid, depth DESC)"             \
    " SELECT child.anc, parent.anc, k.conname, format('%%I.%%I', cn.nspname, c.relname),"         \
    "  format('%%I.%%I', pn.nspname, p.relname)"                                                  \
    " FROM pg_catalog.pg_constraint k"                                                            \
    " JOIN top child ON child.oid = k.conrelid JOIN top parent ON parent.oid = k.confrelid"       \
    " JOIN pg_catalog.pg_class c ON c.oid = k.conrelid"                                           \
    " JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace"                                 \
    " JOIN pg_catalog.pg_class p ON p.oid = k.confrelid"                                          \
    " JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace"                                 \
    " WHERE k.contype = 'f' AND k.conparentid = 0%s"                                              \
    " ORDER BY k.conname, k.oid"

static bool fill_keys(struct foreign_key_list *list, const struct pg_rows *rows, struct err *err)
{
    size_t count = pg_rows_count(rows);

    list->items = catalog_items(count, sizeof list->items[0], err);
    if (list->items == NULL) {
        return false;
    }
    while (list->count < count) {
        size_t i = list->count++;
        struct foreign_key *key = &list->items[i];
        key->child_oid = (uint32_t)pg_int(rows, i, 0);
        key->parent_oid = (uint32_t)pg_int(rows, i, 1);
        if (!catalog_value(&key->name, rows, i, 2) || !catalog_value(&key->child, rows, i, 3) ||
            !catalog_value(&key->parent, rows, i, 4)) {
            return catalog_no_memory(err);
        }
    }
    return true;
}

bool catalog_foreign_keys(struct pg *pg, struct foreign_key_list *out, struct err *err)
{
    CLEANUP(foreign_key_list_free) struct foreign_key_list list = {0};
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;
    CLEANUP(buf_free) struct buf sql = {0};

    buf_init(&sql, BUF_SQL_MAX);
    buf_printf(&sql, FOREIGN_KEYS_SQL, pg_version(pg) >= 180000 ? " AND k.conenforced" : "");
    if (!buf_ok(&sql, err) || !pg_query(pg, buf_str(&sql), 0, NULL, &rows, err) ||
        !fill_keys(&list, rows, err)) {
        return false;
    }
    *out = list;
    list = (struct foreign_key_list){0};
    return true;
}

/* In tgtype 1 is for each row, 2 is before, 4 is insert. 'O' and 'A' fire in an ordinary session.
 */
#define TRIGGERS_SQL                                                                        \
    "WITH RECURSIVE below(oid) AS (SELECT $1::oid UNION"                                    \
    "  SELECT i.inhrelid FROM below b JOIN pg_catalog.pg_inherits i ON i.inhparent = b.oid" \
    "  JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition)"              \
    " SELECT coalesce(string_agg(DISTINCT t.tgname::text, ', '), '')"                       \
    " FROM below b JOIN pg_catalog.pg_trigger t ON t.tgrelid = b.oid"                       \
    " WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype & 7 = 7"

bool catalog_insert_triggers(struct pg *pg, uint32_t rel_oid, char **out, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;
    CLEANUP(buf_free) struct buf oid = {0};
    char *made = NULL;

    buf_init(&oid, 32);
    buf_printf(&oid, "%u", rel_oid);
    const char *params[] = {buf_str(&oid)};
    if (!buf_ok(&oid, err) || !pg_query_row(pg, TRIGGERS_SQL, 1, params, &rows, err)) {
        return false;
    }
    if (!catalog_value(&made, rows, 0, 0)) {
        return catalog_no_memory(err);
    }
    *out = made;
    return true;
}

void column_sequence_list_free(struct column_sequence_list *list)
{
    if (list == NULL) {
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].column);
        free(list->items[i].schema);
        free(list->items[i].name);
    }
    free(list->items);
    *list = (struct column_sequence_list){0};
}

/*
 * Owned sequences depend on their column; defaults depend on the sequence that they name. Those
 * of a partitioned table serve its partitions too, where the column goes by the same name.
 */
#define SEQUENCES_SQL                                                                      \
    "WITH RECURSIVE chain(oid, anc, depth) AS"                                             \
    " (SELECT o, o, 0 FROM unnest($1::oid[]) o" CATALOG_CHAIN_STEP "),"                    \
    " used AS (SELECT d.refobjid AS rel, d.refobjsubid AS col, d.objid AS seq"             \
    "   FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass"     \
    "   AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')"    \
    "  UNION SELECT f.adrelid, f.adnum, d.refobjid"                                        \
    "   FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attrdef f ON f.oid = d.objid"       \
    "   WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass"                               \
    "   AND d.refclassid = 'pg_catalog.pg_class'::regclass)"                               \
    " SELECT DISTINCT h.oid, a.attname, n.nspname, c.relname,"                             \
    "  has_sequence_privilege(c.oid, 'SELECT') OR has_sequence_privilege(c.oid, 'USAGE')," \
    "  has_sequence_privilege(c.oid, 'UPDATE'), s.seqincrement > 0"                        \
    " FROM chain h JOIN used u ON u.rel = h.anc AND u.col > 0"                             \
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = u.rel AND a.attnum = u.col"           \
    "  AND NOT a.attisdropped"                                                             \
    " JOIN pg_catalog.pg_class c ON c.oid = u.seq AND c.relkind = 'S'"                     \
    " JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid"                                 \
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"                            \
    " ORDER BY 1, 2, 3, 4"

static bool fill_sequence(struct column_sequence *s, const struct pg_rows *r, size_t row)
{
    s->rel_oid = (uint32_t)pg_int(r, row, 0);
    s->can_read = pg_bool(r, row, 4);
    s->can_update = pg_bool(r, row, 5);
    s->ascending = pg_bool(r, row, 6);
    return catalog_value(&s->column, r, row, 1) && catalog_value(&s->schema, r, row, 2) &&
           catalog_value(&s->name, r, row, 3);
}

static bool fill_sequences(struct column_sequence_list *list, const struct pg_rows *rows,
                           struct err *err)
{
    size_t count = pg_rows_count(rows);

    list->items = catalog_items(count, sizeof list->items[0], err);
    if (list->items == NULL) {
        return false;
    }
    while (list->count < count) {
        size_t i = list->count++;
        if (!fill_sequence(&list->items[i], rows, i)) {
            return catalog_no_memory(err);
        }
    }
    return true;
}

bool catalog_sequences(struct pg *pg, const struct relation_list *tables,
                       struct column_sequence_list *out, struct err *err)
{
    CLEANUP(column_sequence_list_free) struct column_sequence_list list = {0};
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;
    CLEANUP_FREE char *oids = catalog_oids(tables);

    if (oids == NULL) {
        return catalog_no_memory(err);
    }
    const char *params[] = {oids};
    if (!pg_query(pg, SEQUENCES_SQL, 1, params, &rows, err) || !fill_sequences(&list, rows, err)) {
        return false;
    }
    *out = list;
    list = (struct column_sequence_list){0};
    return true;
}

bool catalog_left_behind(struct pg *pg, struct left_behind *out, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_query_row(pg,
                      "SELECT (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata),"
                      " (SELECT count(*) FROM pg_catalog.pg_class WHERE relkind = 'm'),"
                      " (SELECT count(*) FROM pg_catalog.pg_statistic_ext)",
                      0, NULL, &rows, err)) {
        return false;
    }
    *out = (struct left_behind){
        .large_objects = (uint64_t)pg_int(rows, 0, 0),
        .materialized_views = (uint64_t)pg_int(rows, 0, 1),
        .extended_statistics = (uint64_t)pg_int(rows, 0, 2),
    };
    return true;
}
