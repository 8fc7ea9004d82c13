/* Keys and foreign keys. */
#include "base/cleanup.h"
#include "pg/catalog_read.h"
#include "pg/survey_read.h"

#include <stdlib.h>
#include <string.h>

/* ---- keys ---- */

/* One row a column of a key. An expression has no name. */
#define KEYS_SQL                                                                         \
    "SELECT i.indrelid, i.indexrelid, x.relname, i.indisprimary, i.indpred IS NOT NULL," \
    " NOT i.indimmediate, a.attname FROM pg_index i"                                     \
    " JOIN pg_class x ON x.oid = i.indexrelid"                                           \
    " CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) p"                        \
    " LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[p]"    \
    " AND i.indkey[p] <> 0"                                                              \
    " WHERE i.indrelid = ANY ($1::oid[]) AND i.indisunique AND i.indisvalid"             \
    " ORDER BY i.indrelid, i.indisprimary DESC, x.relname::text COLLATE \"C\", i.indexrelid, p"

static size_t keys_of(const struct pg_rows *r, size_t first, size_t rows)
{
    size_t count = 0;
    for (size_t i = first; i < first + rows; i++) {
        count += i == first || pg_int(r, i, 1) != pg_int(r, i - 1, 1);
    }
    return count;
}

static bool fill_key(const struct survey_table *t, struct survey_key *k, const struct pg_rows *r,
                     size_t first, struct err *err)
{
    size_t count = survey_run_length(r, first, 1);
    k->columns = catalog_items(count, sizeof k->columns[0], err);
    if (k->columns == NULL) {
        return false;
    }
    for (; k->count < count; k->count++) {
        bool plain = !pg_null(r, first + k->count, 6);
        k->columns[k->count] =
            plain ? survey_column_of(t, pg_text(r, first + k->count, 6)) : SURVEY_NONE;
    }
    k->primary = pg_bool(r, first, 3);
    k->partial = pg_bool(r, first, 4);
    k->deferrable = pg_bool(r, first, 5);
    return catalog_value(&k->name, r, first, 2) || catalog_no_memory(err);
}

static bool fill_keys(struct survey_table *t, const struct pg_rows *r, size_t first, size_t rows,
                      struct err *err)
{
    size_t count = keys_of(r, first, rows);
    if (t->keys != NULL) {
        return true;
    }
    t->keys = catalog_items(count, sizeof t->keys[0], err);
    if (t->keys == NULL) {
        return false;
    }
    while (t->key_count < count) {
        struct survey_key *k = &t->keys[t->key_count++];
        if (!fill_key(t, k, r, first, err)) {
            return false;
        }
        first += k->count;
    }
    return true;
}

bool survey_read_keys(struct pg *pg, const struct survey_places *places, struct err *err)
{
    return survey_fill_tables(pg, KEYS_SQL, places->roots, places, fill_keys, err);
}

/* ---- foreign keys ---- */

/* One row a column. Clones at partitions stand at the constraint they were made from. */
#define LINKS_SQL                                                                           \
    "SELECT k.oid, k.conname, k.conrelid, k.confrelid, n.nspname || '.' || c.relname,"      \
    " k.confdeltype, k.confupdtype, k.convalidated, k.confmatchtype <> 's', a.attname,"     \
    " b.attname FROM pg_constraint k"                                                       \
    " JOIN pg_class c ON c.oid = k.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace" \
    " CROSS JOIN LATERAL generate_subscripts(k.conkey, 1) p"                                \
    " JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[p]"            \
    " JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[p]"          \
    " WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = ANY ($1::oid[])"         \
    " ORDER BY k.conrelid, k.conname::text COLLATE \"C\", k.oid, p"

static bool fill_pair(const struct survey *s, struct survey_link *l, const struct pg_rows *r,
                      size_t row)
{
    size_t own = survey_column_of(&s->tables[l->child], pg_text(r, row, 9));
    size_t other = l->parent == SURVEY_NONE
                       ? SURVEY_NONE
                       : survey_column_of(&s->tables[l->parent], pg_text(r, row, 10));
    l->child_columns[l->count] = own;
    l->parent_columns[l->count++] = other;
    return own != SURVEY_NONE && (l->parent == SURVEY_NONE || other != SURVEY_NONE);
}

/* Leaves may have the same foreign key each, made one by one. */
static bool is_repeated(const struct survey *s, const struct survey_link *l)
{
    for (size_t i = 0; s->tables[l->child].kind == 'p' && i < s->link_count; i++) {
        const struct survey_link *o = &s->links[i];
        if (o->child == l->child && o->parent == l->parent && o->count == l->count &&
            strcmp(o->parent_name, l->parent_name) == 0 &&
            memcmp(o->child_columns, l->child_columns, l->count * sizeof(size_t)) == 0 &&
            memcmp(o->parent_columns, l->parent_columns, l->count * sizeof(size_t)) == 0) {
            return true;
        }
    }
    return false;
}

/* A foreign key that is not one of these tables' as a whole is not counted. */
static bool fill_link(const struct survey_places *places, struct survey *s, struct survey_link *l,
                      const struct pg_rows *r, size_t first, struct err *err)
{
    size_t count = survey_run_length(r, first, 0);
    bool whole = true;
    l->child = survey_place_of(places, (uint32_t)pg_int(r, first, 2));
    l->parent = survey_place_of(places, (uint32_t)pg_int(r, first, 3));
    l->on_delete = pg_text(r, first, 5)[0];
    l->on_update = pg_text(r, first, 6)[0];
    l->validated = pg_bool(r, first, 7);
    l->partial_match = pg_bool(r, first, 8);
    l->child_columns = catalog_items(count, sizeof l->child_columns[0], err);
    l->parent_columns = catalog_items(count, sizeof l->parent_columns[0], err);
    if (l->child_columns == NULL || l->parent_columns == NULL) {
        return false;
    }
    if (!catalog_value(&l->name, r, first, 1) || !catalog_value(&l->parent_name, r, first, 4)) {
        return catalog_no_memory(err);
    }
    for (size_t i = 0; l->child != SURVEY_NONE && i < count; i++) {
        whole = fill_pair(s, l, r, first + i) && whole;
    }
    s->link_count += l->child != SURVEY_NONE && whole && !is_repeated(s, l);
    return true;
}

static void drop_link(struct survey_link *l)
{
    free(l->name);
    free(l->parent_name);
    free(l->child_columns);
    free(l->parent_columns);
    *l = (struct survey_link){0};
}

bool survey_read_links(struct pg *pg, const struct survey_places *places, struct survey *s,
                       struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    const char *params[] = {places->all};
    if (!pg_query(pg, LINKS_SQL, 1, params, &r, err)) {
        return false;
    }
    s->links = catalog_items(pg_rows_count(r), sizeof s->links[0], err);
    if (s->links == NULL) {
        return false;
    }
    for (size_t i = 0; i < pg_rows_count(r); i += survey_run_length(r, i, 0)) {
        size_t before = s->link_count;
        if (!fill_link(places, s, &s->links[before], r, i, err)) {
            drop_link(&s->links[before]);
            return false;
        }
        if (s->link_count == before) {
            drop_link(&s->links[before]);
        }
    }
    return true;
}
