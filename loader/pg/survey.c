#include "pg/survey.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "pg/catalog_read.h"
#include "pg/survey_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES     8192.0
#define ROW_GUESS      100.0  /* bytes of a row that nothing is known of */
#define VERSION_UNSURE 140000 /* before it, reltuples is 0 for a table that was never counted */

/* ---- memory ---- */

static void free_table(struct survey_table *t)
{
    for (size_t i = 0; i < t->column_count; i++) {
        free(t->columns[i].name);
        free(t->columns[i].type);
        free(t->columns[i].base_type);
    }
    for (size_t i = 0; i < t->key_count; i++) {
        free(t->keys[i].name);
        free(t->keys[i].columns);
    }
    for (size_t i = 0; i < t->type_count; i++) {
        free(t->types[i].name);
        free(t->types[i].extension);
    }
    free(t->columns);
    free(t->types);
    free(t->keys);
    free(t->schema);
    free(t->name);
    free(t->partition_by);
    free(t->exclusions);
    free(t->triggers);
    free(t->options);
}

void survey_free(struct survey *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->table_count; i++) {
        free_table(&s->tables[i]);
    }
    for (size_t i = 0; i < s->link_count; i++) {
        free(s->links[i].name);
        free(s->links[i].parent_name);
        free(s->links[i].child_columns);
        free(s->links[i].parent_columns);
    }
    for (size_t i = 0; i < s->extension_count; i++) {
        free(s->extensions[i].name);
        free(s->extensions[i].version);
    }
    free(s->tables);
    free(s->links);
    free(s->extensions);
    *s = (struct survey){0};
}

static void places_free(struct survey_places *p)
{
    free(p->items);
    free(p->roots);
    free(p->all);
}

/* ---- which tables there are ---- */

static int by_oid(const void *a, const void *b)
{
    const struct survey_place *x = a;
    const struct survey_place *y = b;
    return (x->oid > y->oid) - (x->oid < y->oid);
}

size_t survey_place_of(const struct survey_places *places, uint32_t oid)
{
    struct survey_place key = {.oid = oid};
    const struct survey_place *found =
        bsearch(&key, places->items, places->count, sizeof key, by_oid);
    return found == NULL ? SURVEY_NONE : found->table;
}

size_t survey_run_length(const struct pg_rows *r, size_t first, int column)
{
    size_t end = first;
    while (end < pg_rows_count(r) && pg_int(r, end, column) == pg_int(r, first, column)) {
        end++;
    }
    return end - first;
}

bool survey_fill_tables(struct pg *pg, const char *sql, const char *oids,
                        const struct survey_places *places, survey_fill *fill, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    const char *params[] = {oids};
    if (!pg_query(pg, sql, 1, params, &r, err)) {
        return false;
    }
    for (size_t i = 0, count = 0; i < pg_rows_count(r); i += count) {
        size_t at = survey_place_of(places, (uint32_t)pg_int(r, i, 0));
        count = survey_run_length(r, i, 0);
        if (at != SURVEY_NONE && !fill(&places->tables[at], r, i, count, err)) {
            return false;
        }
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct survey_table *x = a;
    const struct survey_table *y = b;
    int order = strcmp(x->schema, y->schema);
    return order != 0 ? order : strcmp(x->name, y->name);
}

struct leaf {
    const struct relation *rel;
};

static int by_root(const void *a, const void *b)
{
    const struct leaf *x = a;
    const struct leaf *y = b;
    return (x->rel->root_oid > y->rel->root_oid) - (x->rel->root_oid < y->rel->root_oid);
}

/* Leaves are added up into the table that they are of. */
static void add_leaf(struct survey_table *t, const struct relation *rel, int version)
{
    bool counted = rel->row_estimate > 0 ||
                   (rel->row_estimate == 0 && (version >= VERSION_UNSURE || rel->table_bytes == 0));
    double heap_bytes = (double)rel->heap_pages * PAGE_BYTES;
    t->bytes += rel->table_bytes;
    t->rows += counted ? rel->row_estimate : heap_bytes / ROW_GUESS;
    t->rows_guessed = t->rows_guessed || (!counted && heap_bytes > 0);
    t->leaves++;
    t->can_select = t->can_select && rel->can_select;
    t->has_children = t->has_children || rel->has_children;
}

static bool begin_table(struct survey_table *t, const struct relation *rel, struct err *err)
{
    t->oid = rel->root_oid;
    t->schema = str_copy(rel->root_schema);
    t->name = str_copy(rel->root_name);
    t->kind = rel->kind;
    if (rel->is_partition) {
        t->kind = 'p';
    }
    t->persistence = rel->persistence;
    t->can_select = true;
    return (t->schema != NULL && t->name != NULL) || catalog_no_memory(err);
}

static bool make_tables(struct pg *pg, const struct relation_list *selected, struct survey *s,
                        struct err *err)
{
    CLEANUP_FREE struct leaf *sorted = catalog_items(selected->count, sizeof *sorted, err);
    s->tables = catalog_items(selected->count, sizeof s->tables[0], err);
    if (sorted == NULL || s->tables == NULL) {
        return false;
    }
    for (size_t i = 0; i < selected->count; i++) {
        sorted[i].rel = &selected->items[i];
    }
    qsort(sorted, selected->count, sizeof *sorted, by_root);
    for (size_t i = 0; i < selected->count; i++) {
        bool is_new = i == 0 || sorted[i].rel->root_oid != sorted[i - 1].rel->root_oid;
        if (is_new && !begin_table(&s->tables[s->table_count++], sorted[i].rel, err)) {
            return false;
        }
        add_leaf(&s->tables[s->table_count - 1], sorted[i].rel, pg_version(pg));
    }
    qsort(s->tables, s->table_count, sizeof s->tables[0], by_name);
    return true;
}

static void add_oid(struct buf *b, uint32_t oid)
{
    buf_printf(b, "%s%u", b->len == 0 ? "{" : ",", (unsigned)oid);
}

/* Of a partitioned table in several levels, those in the middle are not asked for. */
static bool make_places(const struct relation_list *selected, const struct survey *s,
                        struct survey_places *p, struct err *err)
{
    CLEANUP(buf_free) struct buf roots = {0};
    CLEANUP(buf_free) struct buf all = {0};
    buf_init(&roots, BUF_SQL_MAX);
    buf_init(&all, BUF_SQL_MAX);
    p->tables = s->tables;
    p->items = catalog_items(s->table_count + selected->count, sizeof p->items[0], err);
    if (p->items == NULL) {
        return false;
    }
    for (size_t i = 0; i < s->table_count; i++) {
        add_oid(&roots, s->tables[i].oid);
        add_oid(&all, s->tables[i].oid);
        p->items[p->count++] = (struct survey_place){s->tables[i].oid, i};
    }
    qsort(p->items, p->count, sizeof p->items[0], by_oid);
    size_t table_count = p->count;
    struct survey_places tables = {.items = p->items, .count = table_count};
    for (size_t i = 0; i < selected->count; i++) {
        const struct relation *rel = &selected->items[i];
        if (rel->oid != rel->root_oid) {
            add_oid(&all, rel->oid);
            p->items[p->count++] =
                (struct survey_place){rel->oid, survey_place_of(&tables, rel->root_oid)};
        }
    }
    qsort(p->items, p->count, sizeof p->items[0], by_oid);
    buf_puts(&roots, roots.len == 0 ? "{}" : "}");
    buf_puts(&all, all.len == 0 ? "{}" : "}");
    p->roots = buf_take(&roots);
    p->all = buf_take(&all);
    return (p->roots != NULL && p->all != NULL) || catalog_no_memory(err);
}

/* ---- more of each ---- */

#define ABOUT_SQL                                                                               \
    "SELECT c.oid, c.relkind, CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,"     \
    " (SELECT string_agg(k.conname::text, ', ' ORDER BY k.conname)"                             \
    "  FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'x'),"                     \
    " (SELECT string_agg(g.tgname::text, ', ' ORDER BY g.tgname)"                               \
    "  FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal),"                      \
    " array_to_string(c.reloptions, ', '),"                                                     \
    " (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid),"                             \
    " (SELECT count(*) FROM pg_rewrite w WHERE w.ev_class = c.oid AND c.relkind IN ('r','p'))," \
    " EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid AND NOT c.relispartition)"     \
    " FROM pg_class c WHERE c.oid = ANY ($1::oid[])"

static bool fill_about(struct survey_table *t, const struct pg_rows *r, size_t first, size_t count,
                       struct err *err)
{
    (void)count; /* one row a table */
    t->kind = pg_text(r, first, 1)[0];
    t->policies = (unsigned)pg_int(r, first, 6);
    t->rules = (unsigned)pg_int(r, first, 7);
    t->inherits = pg_bool(r, first, 8);
    return (catalog_value(&t->partition_by, r, first, 2) &&
            catalog_value(&t->exclusions, r, first, 3) &&
            catalog_value(&t->triggers, r, first, 4) && catalog_value(&t->options, r, first, 5)) ||
           catalog_no_memory(err);
}

/* The collector's own functions need no join, and see a table that was never touched as 0. */
#define WRITES_SQL                                                                      \
    "SELECT o, pg_stat_get_tuples_inserted(o), pg_stat_get_tuples_updated(o),"          \
    " pg_stat_get_tuples_deleted(o), coalesce(pg_indexes_size(c.oid), 0),"              \
    " pg_stat_get_live_tuples(o) FROM unnest($1::oid[]) o JOIN pg_class c ON c.oid = o" \
    " WHERE c.relkind IN ('r', 'm', 'p')"

static bool add_writes(struct survey_table *t, const struct pg_rows *r, size_t first, size_t count,
                       struct err *err)
{
    (void)err;
    for (size_t i = first; i < first + count; i++) {
        t->inserts += (uint64_t)pg_int(r, i, 1);
        t->updates += (uint64_t)pg_int(r, i, 2);
        t->deletes += (uint64_t)pg_int(r, i, 3);
        t->index_bytes += (uint64_t)pg_int(r, i, 4);
        if (t->rows_guessed && t->kind != 'p' && pg_int(r, i, 5) > 0) {
            t->rows = (double)pg_int(r, i, 5); /* what the counters say beats a guess */
        }
    }
    return true;
}

bool survey_read(struct pg *pg, const struct relation_list *selected, struct survey *out,
                 struct err *err)
{
    CLEANUP(survey_free) struct survey s = {.server_version = pg_version(pg)};
    CLEANUP(places_free) struct survey_places places = {0};
    if (!make_tables(pg, selected, &s, err) || !make_places(selected, &s, &places, err) ||
        !survey_fill_tables(pg, ABOUT_SQL, places.roots, &places, fill_about, err) ||
        !survey_fill_tables(pg, WRITES_SQL, places.all, &places, add_writes, err) ||
        !survey_read_columns(pg, &places, err) || !survey_read_types(pg, &places, err) ||
        !survey_read_stats(pg, &places, err) || !survey_read_keys(pg, &places, err) ||
        !survey_read_links(pg, &places, &s, err) || !survey_read_others(pg, &s, err)) {
        return err_wrap(err, "looking at the catalogs");
    }
    *out = s;
    s = (struct survey){0};
    return true;
}
