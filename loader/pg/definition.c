#include "pg/definition_read.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

static void texts_free(char **items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(items[i]);
    }
    free(items);
}

static void column_free(struct definition_column *c)
{
    free(c->name);
    free(c->type);
    free(c->collation_schema);
    free(c->collation_name);
    free(c->default_sql);
    free(c->base_type);
}

static void table_free(struct definition_table *t)
{
    for (size_t i = 0; i < t->column_count; i++) {
        column_free(&t->columns[i]);
    }
    free(t->columns);
    texts_free(t->key.columns, t->key.count);
    texts_free(t->key.include, t->key.include_count);
    free(t->key.name);
    free(t->schema);
    free(t->name);
    free(t->partition_by);
    free(t->bound);
    free(t->options);
    free(t->exclusions);
    free(t->triggers);
    free(t->inherits);
}

static void sequence_free(struct definition_sequence *s)
{
    free(s->schema);
    free(s->name);
    free(s->type);
    free(s->start);
    free(s->increment);
    free(s->min);
    free(s->max);
    free(s->owner_column);
}

static void free_others(struct definitions *d)
{
    for (size_t i = 0; i < d->type_count; i++) {
        free(d->types[i].schema);
        free(d->types[i].name);
        free(d->types[i].extension);
        free(d->types[i].create);
        free(d->types[i].reference);
    }
    for (size_t i = 0; i < d->function_count; i++) {
        free(d->functions[i].column);
        free(d->functions[i].schema);
        free(d->functions[i].name);
        free(d->functions[i].extension);
    }
    free(d->types);
    free(d->functions);
}

void definitions_free(struct definitions *d)
{
    if (d == NULL) {
        return;
    }
    for (size_t i = 0; i < d->table_count; i++) {
        table_free(&d->tables[i]);
    }
    for (size_t i = 0; i < d->sequence_count; i++) {
        sequence_free(&d->sequences[i]);
    }
    free(d->tables);
    free(d->sequences);
    free_others(d);
    *d = (struct definitions){0};
}

const struct definition_table *definitions_table(const struct definitions *d, uint32_t oid)
{
    for (size_t i = 0; i < d->table_count; i++) {
        if (d->tables[i].oid == oid) {
            return &d->tables[i];
        }
    }
    return NULL;
}

const struct definition_sequence *definitions_sequence(const struct definitions *d, uint32_t oid)
{
    for (size_t i = 0; i < d->sequence_count; i++) {
        if (d->sequences[i].oid == oid) {
            return &d->sequences[i];
        }
    }
    return NULL;
}

const struct definition_column *definition_column(const struct definition_table *t,
                                                  const char *name)
{
    for (size_t i = 0; i < t->column_count; i++) {
        if (strcmp(t->columns[i].name, name) == 0) {
            return &t->columns[i];
        }
    }
    return NULL;
}

/* Rows of one table stand together. A walk through the tables for each run is cheap: thousands of
 * tables are some million comparisons. */
bool definition_next_run(struct definitions *d, const struct pg_rows *r, size_t *row,
                         struct definition_run *out)
{
    size_t end = *row;
    if (end >= pg_rows_count(r)) {
        return false;
    }
    uint32_t oid = (uint32_t)pg_int(r, *row, 0);
    while (end < pg_rows_count(r) && (uint32_t)pg_int(r, end, 0) == oid) {
        end++;
    }
    *out = (struct definition_run){.first = *row, .count = end - *row};
    for (size_t i = 0; i < d->table_count; i++) {
        if (d->tables[i].oid == oid) {
            out->table = &d->tables[i];
        }
    }
    *row = end;
    return true;
}

static char *list_of(const uint32_t *oids, size_t count)
{
    struct buf b;

    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "{");
    for (size_t i = 0; i < count; i++) {
        buf_printf(&b, i == 0 ? "%u" : ",%u", oids[i]);
    }
    buf_puts(&b, "}");
    return buf_take(&b);
}

/* The tables that were asked for and the partitions below them. */
static char *list_of_tables(const struct definitions *d)
{
    struct buf b;

    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "{");
    for (size_t i = 0; i < d->table_count; i++) {
        buf_printf(&b, i == 0 ? "%u" : ",%u", d->tables[i].oid);
    }
    buf_puts(&b, "}");
    return buf_take(&b);
}

bool definitions_read(struct pg *pg, const uint32_t *oids, size_t count, struct definitions *out,
                      struct err *err)
{
    CLEANUP(definitions_free) struct definitions d = {.server_version = pg_version(pg)};
    CLEANUP_FREE char *asked = list_of(oids, count);

    if (asked == NULL) {
        return catalog_no_memory(err);
    }
    if (!definition_read_tables(pg, asked, &d, err)) {
        return false;
    }
    CLEANUP_FREE char *all = list_of_tables(&d);
    if (all == NULL) {
        return catalog_no_memory(err);
    }
    if (!definition_read_columns(pg, all, &d, err) || !definition_read_keys(pg, all, &d, err) ||
        !definition_read_sequences(pg, all, &d, err) || !definition_read_types(pg, all, &d, err) ||
        !definition_read_functions(pg, all, &d, err)) {
        return false;
    }
    *out = d;
    d = (struct definitions){0};
    return true;
}
