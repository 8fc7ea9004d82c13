#include "job/sequences.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "pg/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sequence_is_ahead(const struct sequence_state *from, const struct sequence_state *to)
{
    if (from->last != to->last) {
        return (from->last > to->last) == from->ascending;
    }
    return from->called && !to->called;
}

struct mover {
    struct pg *source;
    struct pg *destination;
    const struct plan *plan;
    struct text_list *moved;
    struct findings *findings;
    struct relation_list source_tables;
    struct relation_list destination_tables;
    struct column_sequence_list source_sequences;
    struct column_sequence_list destination_sequences;
};

/* A connection that is gone ends the work; any other trouble with one sequence is a warning. */
static bool tolerate(struct mover *m, const struct pg *pg, const char *name, const struct err *why,
                     struct err *err)
{
    if (pg_is_dead(pg) || why->kind == ERR_CANCELLED) {
        *err = *why;
        return false;
    }
    findings_add(m->findings, FINDING_WARNING, ERR_NONE, "sequence %s was not moved: %s", name,
                 why->msg);
    return true;
}

static bool read_state(struct pg *pg, const char *quoted, struct sequence_state *out,
                       struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    struct buf sql;
    buf_init(&sql, 1024);
    buf_printf(&sql, "SELECT last_value, is_called FROM %s", quoted);
    bool ok = pg_query_row(pg, buf_str(&sql), 0, NULL, &r, err);
    buf_free(&sql);
    if (ok) {
        out->last = pg_int(r, 0, 0);
        out->called = pg_bool(r, 0, 1);
    }
    return ok;
}

/* Where the source's sequence may not be read, or there is none, the column itself tells how far it
 * has come. *found false: it holds nothing. */
static bool read_column(struct pg *pg, const struct relation *rel, const char *column,
                        struct sequence_state *out, bool *found, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    struct buf sql;
    buf_init(&sql, 4096);
    buf_printf(&sql, "SELECT %s(", out->ascending ? "max" : "min");
    pg_add_ident(&sql, column);
    buf_puts(&sql, ")::bigint FROM ");
    pg_add_name(&sql, rel->schema, rel->name);
    bool ok = pg_query_row(pg, buf_str(&sql), 0, NULL, &r, err);
    buf_free(&sql);
    *found = ok && !pg_null(r, 0, 0);
    if (*found) {
        out->last = pg_int(r, 0, 0);
        out->called = true;
    }
    return ok;
}

static const struct column_sequence *source_sequence(const struct mover *m, uint32_t rel_oid,
                                                     const char *column)
{
    for (size_t i = 0; i < m->source_sequences.count; i++) {
        const struct column_sequence *s = &m->source_sequences.items[i];
        if (s->rel_oid == rel_oid && strcmp(s->column, column) == 0) {
            return s;
        }
    }
    return NULL;
}

static bool source_state(struct mover *m, const struct relation *table,
                         const struct column_sequence *to, struct sequence_state *out, bool *found,
                         struct err *err)
{
    const struct column_sequence *s = source_sequence(m, table->oid, to->column);
    if (s == NULL || !s->can_read) {
        return read_column(m->source, table, to->column, out, found, err);
    }
    struct buf quoted;
    buf_init(&quoted, 1024);
    pg_add_name(&quoted, s->schema, s->name);
    *found = true;
    bool ok = read_state(m->source, buf_str(&quoted), out, err);
    buf_free(&quoted);
    return ok;
}

static bool set_state(struct mover *m, const char *quoted, const char *name,
                      const struct sequence_state *to, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    char value[24];
    (void)snprintf(value, sizeof value, "%lld", (long long)to->last);
    const char *const params[] = {quoted, value, to->called ? "t" : "f"};
    if (!pg_query(m->destination, "SELECT setval($1::regclass, $2::bigint, $3::boolean)", 3, params,
                  &r, err)) {
        return false;
    }
    struct buf text;
    buf_init(&text, 1024);
    buf_printf(&text, "%s = %s%s", name, value, to->called ? "" : " (not used yet)");
    char **grown = realloc(m->moved->items, (m->moved->count + 1) * sizeof(char *));
    if (grown != NULL) {
        m->moved->items = grown;
        grown[m->moved->count] = buf_take(&text);
        m->moved->count += grown[m->moved->count] != NULL;
    }
    buf_free(&text);
    return grown != NULL || err_set(err, ERR_SYSTEM, "out of memory");
}

static bool move(struct mover *m, const struct relation *table, const struct column_sequence *to,
                 const char *quoted, const char *name, struct err *err)
{
    struct sequence_state here = {.ascending = to->ascending};
    struct sequence_state there = {.ascending = to->ascending};
    struct err why;
    bool found = false;
    if (!source_state(m, table, to, &there, &found, &why)) {
        return tolerate(m, m->source, name, &why, err);
    }
    if (!found) {
        return true;
    }
    if (!to->can_read || !to->can_update) {
        findings_add(
            m->findings, FINDING_WARNING, ERR_NONE,
            "sequence %s was not moved: the destination role needs SELECT and UPDATE on it;"
            " run: SELECT setval('%s', %lld, %s)",
            name, quoted, (long long)there.last, there.called ? "true" : "false");
        return true;
    }
    if (!read_state(m->destination, quoted, &here, &why) ||
        (sequence_is_ahead(&there, &here) && !set_state(m, quoted, name, &there, &why))) {
        return tolerate(m, m->destination, name, &why, err);
    }
    return true;
}

/* A loaded column of this plan table that the sequence feeds. */
static bool is_loaded(const struct plan_table *t, const char *column)
{
    struct buf quoted;
    buf_init(&quoted, 1024);
    pg_add_ident(&quoted, column);
    bool is = strstr(t->destination_columns, buf_str(&quoted)) != NULL;
    buf_free(&quoted);
    return is;
}

static bool move_for_table(struct mover *m, const struct plan_table *t, struct err *err)
{
    const struct relation *from =
        relation_list_find(&m->source_tables, t->source_schema, t->source_name);
    const struct relation *to =
        relation_list_find(&m->destination_tables, t->destination_schema, t->destination_name);
    bool ok = true;
    for (size_t i = 0; ok && from != NULL && to != NULL && i < m->destination_sequences.count;
         i++) {
        const struct column_sequence *s = &m->destination_sequences.items[i];
        if (s->rel_oid != to->oid || !is_loaded(t, s->column)) {
            continue;
        }
        struct buf quoted;
        struct buf plain;
        buf_init(&quoted, 1024);
        buf_init(&plain, 1024);
        pg_add_name(&quoted, s->schema, s->name);
        buf_printf(&plain, "%s.%s", s->schema, s->name);
        ok = move(m, from, s, buf_str(&quoted), buf_str(&plain), err);
        buf_free(&quoted);
        buf_free(&plain);
    }
    return ok;
}

static bool read_catalogs(struct mover *m, struct err *err)
{
    const struct plan *plan = m->plan;
    struct relation_name *from = calloc(plan->table_count + 1, sizeof *from);
    struct relation_name *to = calloc(plan->table_count + 1, sizeof *to);
    bool ok = from != NULL && to != NULL;
    for (size_t i = 0; ok && i < plan->table_count; i++) {
        const struct plan_table *t = &plan->tables[i];
        from[i] = (struct relation_name){t->source_schema, t->source_name};
        to[i] = (struct relation_name){t->destination_schema, t->destination_name};
    }
    ok =
        ok ? catalog_find(m->source, from, plan->table_count, &m->source_tables, err) &&
                 catalog_find(m->destination, to, plan->table_count, &m->destination_tables, err) &&
                 catalog_sequences(m->source, &m->source_tables, &m->source_sequences, err) &&
                 catalog_sequences(m->destination, &m->destination_tables,
                                   &m->destination_sequences, err)
           : err_set(err, ERR_SYSTEM, "out of memory");
    free(from);
    free(to);
    return ok;
}

bool sequences_move(struct pg *source, struct pg *destination, const struct plan *plan,
                    struct text_list *moved, struct findings *findings, struct err *err)
{
    struct mover m = {.source = source,
                      .destination = destination,
                      .plan = plan,
                      .moved = moved,
                      .findings = findings};
    bool ok = read_catalogs(&m, err);
    for (size_t i = 0; ok && i < plan->table_count; i++) {
        ok = move_for_table(&m, &plan->tables[i], err);
    }
    relation_list_free(&m.source_tables);
    relation_list_free(&m.destination_tables);
    column_sequence_list_free(&m.source_sequences);
    column_sequence_list_free(&m.destination_sequences);
    return ok;
}
