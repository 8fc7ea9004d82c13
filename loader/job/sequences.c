#include "job/sequences.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "limitless/limitless.h"
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
    bool shard_group; /* the destination */
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

/* On a shard group the sequence itself shows what this router has handed out; the last value of all
 * of them is in a view, where there is one. Whichever is further counts. */
static bool read_group_state(struct mover *m, const struct column_sequence *s,
                             struct sequence_state *out, struct err *err)
{
    const char *const params[] = {s->schema, s->name};
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    struct err why = {.kind = ERR_NONE};
    if (!pg_query(m->destination,
                  "SELECT lastval FROM rds_aurora.limitless_distributed_sequence"
                  " WHERE schema_name::text = $1 AND sequence_name::text = $2",
                  2, params, &r, &why)) {
        if (pg_is_dead(m->destination) || why.kind == ERR_CANCELLED) {
            *err = why;
            return false;
        }
        return true;
    }
    if (pg_rows_count(r) == 1) {
        struct sequence_state all = {
            .last = pg_int(r, 0, 0), .called = true, .ascending = out->ascending};
        if (!pg_null(r, 0, 0) && sequence_is_ahead(&all, out)) {
            out->last = all.last;
            out->called = true;
        }
    }
    return true;
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

/* A column of the destination that rows of a source table filled, and that a sequence feeds. */
struct filled {
    const struct relation *table;
    const struct relation *there;
    const struct column_sequence *to;
    const char *from; /* the source's column; "": computed, and only the destination tells */
};

/* A column may own several: the one of the destination's name goes before others. */
static const struct column_sequence *source_sequence(const struct mover *m, const struct filled *f)
{
    const struct column_sequence *found = NULL;
    for (size_t i = 0; i < m->source_sequences.count; i++) {
        const struct column_sequence *s = &m->source_sequences.items[i];
        if (s->rel_oid != f->table->oid || strcmp(s->column, f->from) != 0) {
            continue;
        }
        if (strcmp(s->name, f->to->name) == 0 && strcmp(s->schema, f->to->schema) == 0) {
            return s;
        }
        found = found == NULL ? s : found;
    }
    return found;
}

static bool source_state(struct mover *m, const struct filled *f, struct sequence_state *out,
                         bool *found, struct err *err)
{
    if (f->from[0] == '\0') {
        return read_column(m->destination, f->there, f->to->column, out, found, err);
    }
    const struct column_sequence *s = source_sequence(m, f);
    if (s == NULL || !s->can_read) {
        return read_column(m->source, f->table, f->from, out, found, err);
    }
    struct buf quoted;
    buf_init(&quoted, 1024);
    pg_add_name(&quoted, s->schema, s->name);
    *found = true;
    bool ok = read_state(m->source, buf_str(&quoted), out, err);
    buf_free(&quoted);
    return ok;
}

/*
 * A shard group has no setval: its sequences are handed to the routers in chunks. RESTART WITH
 * names the next value, so a used one is stepped over; where that would leave the sequence's range,
 * it is used up, and stays where the server keeps it.
 */
static bool restart(struct mover *m, const char *quoted, const struct sequence_state *to,
                    struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    const char *const params[] = {quoted};
    struct buf sql;
    int64_t next = to->last;
    if (!pg_query_row(m->destination,
                      "SELECT seqincrement FROM pg_sequence WHERE seqrelid = $1::regclass", 1,
                      params, &r, err)) {
        return false;
    }
    if (to->called && __builtin_add_overflow(next, pg_int(r, 0, 0), &next)) {
        return err_set(err, ERR_DATA, "it is used up");
    }
    buf_init(&sql, 1024);
    buf_printf(&sql, "ALTER SEQUENCE %s RESTART WITH %lld", quoted, (long long)next);
    bool ok = buf_ok(&sql, err) && pg_exec(m->destination, buf_str(&sql), err);
    buf_free(&sql);
    return ok;
}

static bool set_value(struct mover *m, const char *quoted, const struct sequence_state *to,
                      struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    char value[24];
    (void)snprintf(value, sizeof value, "%lld", (long long)to->last);
    const char *const params[] = {quoted, value, to->called ? "t" : "f"};
    return m->shard_group
               ? restart(m, quoted, to, err)
               : pg_query(m->destination, "SELECT setval($1::regclass, $2::bigint, $3::boolean)", 3,
                          params, &r, err);
}

static bool set_state(struct mover *m, const char *quoted, const char *name,
                      const struct sequence_state *to, struct err *err)
{
    char value[24];
    (void)snprintf(value, sizeof value, "%lld", (long long)to->last);
    if (!set_value(m, quoted, to, err)) {
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

static bool move(struct mover *m, const struct filled *f, const char *quoted, const char *name,
                 struct err *err)
{
    const struct column_sequence *to = f->to;
    struct sequence_state here = {.ascending = to->ascending};
    struct sequence_state there = {.ascending = to->ascending};
    struct err why;
    bool found = false;
    if (!source_state(m, f, &there, &found, &why)) {
        return tolerate(m, f->from[0] == '\0' ? m->destination : m->source, name, &why, err);
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
        (m->shard_group && !read_group_state(m, to, &here, &why))) {
        return tolerate(m, m->destination, name, &why, err);
    }
    if (sequence_is_ahead(&there, &here) && !set_state(m, quoted, name, &there, &why)) {
        return tolerate(m, m->destination, name, &why, err);
    }
    return true;
}

/* The next name of a list that match.c wrote, without its quotes, into out; false where an
 * expression stands, or at the end. */
static bool next_name(const char **at, struct buf *out)
{
    const char *p = *at + strspn(*at, ", ");
    buf_clear(out);
    if (*p != '"') {
        return false;
    }
    for (p++; *p != '\0' && (p[0] != '"' || p[1] == '"'); p++) {
        p += p[0] == '"';
        buf_add(out, p, 1);
    }
    *at = p + (*p == '"');
    return true;
}

/* Which column of the source fills it; "" when it is computed, and computed ones come last. False:
 * none does, or no memory is left. */
static bool find_filler(const struct plan_table *t, const char *column, struct buf *from,
                        struct buf *name)
{
    const char *source = t->source_columns;
    const char *destination = t->destination_columns;
    bool own = true;
    while (next_name(&destination, name)) {
        own = own && next_name(&source, from);
        if (!own) {
            buf_clear(from);
        }
        if (!name->failed && !from->failed && strcmp(buf_str(name), column) == 0) {
            return true;
        }
    }
    return false;
}

static bool move_filled(struct mover *m, const struct filled *f, struct err *err)
{
    struct buf quoted;
    struct buf plain;
    buf_init(&quoted, 1024);
    buf_init(&plain, 1024);
    pg_add_name(&quoted, f->to->schema, f->to->name);
    buf_printf(&plain, "%s.%s", f->to->schema, f->to->name);
    bool ok = move(m, f, buf_str(&quoted), buf_str(&plain), err);
    buf_free(&quoted);
    buf_free(&plain);
    return ok;
}

static bool move_for_table(struct mover *m, const struct plan_table *t, struct err *err)
{
    const struct relation *from =
        relation_list_find(&m->source_tables, t->source_schema, t->source_name);
    const struct relation *to =
        relation_list_find(&m->destination_tables, t->destination_schema, t->destination_name);
    struct buf filler;
    struct buf name;
    bool ok = true;
    buf_init(&filler, 1024);
    buf_init(&name, 1024);
    for (size_t i = 0; ok && from != NULL && to != NULL && i < m->destination_sequences.count;
         i++) {
        const struct column_sequence *s = &m->destination_sequences.items[i];
        if (s->rel_oid == to->oid && find_filler(t, s->column, &filler, &name)) {
            struct filled f = {.table = from, .there = to, .to = s, .from = buf_str(&filler)};
            ok = move_filled(m, &f, err);
        }
    }
    buf_free(&filler);
    buf_free(&name);
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
    struct limitless_group group = {.is_limitless = false};
    bool ok = limitless_detect(destination, &group, err) && read_catalogs(&m, err);
    m.shard_group = group.is_limitless;
    for (size_t i = 0; ok && i < plan->table_count; i++) {
        ok = move_for_table(&m, &plan->tables[i], err);
    }
    relation_list_free(&m.source_tables);
    relation_list_free(&m.destination_tables);
    column_sequence_list_free(&m.source_sequences);
    column_sequence_list_free(&m.destination_sequences);
    return ok;
}
