/* marks_fixture.h: a dump made by hand, and two tables of a shard group, for the tests of
 * ddl/marks. */
#ifndef UNIT_MARKS_FIXTURE_H
#define UNIT_MARKS_FIXTURE_H

#include "unit.h"

#include "ddl/marks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 80

/* ---- a dump made by hand ---- */

struct world {
    struct dump_entry entries[ENTRIES_MAX];
    size_t by_id[ENTRIES_MAX + 1];
    char *statements[ENTRIES_MAX][3];
    unsigned needs[ENTRIES_MAX][2];
    struct dump_toc toc;
    struct schema_facts facts;
    struct role_facts roles;
    struct schema_plan plan;
};

static char *names[] = {"boss", "loader", "other"};
static bool members[] = {true, true, false};

static inline void world_open(struct world *w)
{
    *w = (struct world){
        .roles = {.names = names, .member = members, .count = 3}
    };
    static char current[] = "loader";
    w->roles.current = current;
    w->toc = (struct dump_toc){.entries = w->entries, .by_id = w->by_id, .id_max = ENTRIES_MAX};
}

/* Entry ids count from 1. */
static inline struct dump_entry *add(struct world *w, char *type, char *name, uint32_t class_oid,
                                     uint32_t oid, char *sql)
{
    static char schema[] = "s";
    static char owner[] = "loader";
    static char nothing[] = "";
    size_t n = w->toc.count++;
    assert_true(n < ENTRIES_MAX);
    w->entries[n] = (struct dump_entry){.id = (unsigned)n + 1,
                                        .class_oid = class_oid,
                                        .oid = oid,
                                        .type = type,
                                        .schema = schema,
                                        .name = name,
                                        .owner = owner,
                                        .tablespace = nothing,
                                        .access_method = nothing,
                                        .statements = w->statements[n],
                                        .needs = w->needs[n]};
    w->by_id[n + 1] = n + 1;
    if (sql != NULL) {
        w->statements[n][w->entries[n].statement_count++] = sql;
    }
    return &w->entries[n];
}

static inline void needs(struct dump_entry *e, const struct dump_entry *other)
{
    e->needs[e->need_count++] = other->id;
}

static inline const struct schema_item *item_of(const struct world *w, const struct dump_entry *e)
{
    for (size_t i = 0; i < w->plan.count; i++) {
        if (w->plan.items[i].entry == e) {
            return &w->plan.items[i];
        }
    }
    static const struct schema_item none;
    fail_msg("no item for %s %s", e->type, e->name);
    return &none;
}

static inline void assert_mark(const struct world *w, const struct dump_entry *e,
                               enum schema_mark mark)
{
    const struct schema_item *item = item_of(w, e);
    if (item->mark != mark) {
        fail_msg("%s %s is %s: %s", e->type, e->name, schema_mark_name(item->mark),
                 item->note == NULL ? "" : item->note);
    }
    assert_true(mark == SCHEMA_CARRIED || item->note != NULL);
    assert_true(mark != SCHEMA_LEFT_OUT || item->statement_count == 0);
}

/* ---- a shard group ---- */

#define REL  16384u /* oids of the tables: own, other */
#define ELSE 16385u

struct group_world {
    struct world w;
    struct definition_column columns[2][3];
    struct definition_table definitions[2];
    struct ddl_column ddl_columns[2][3];
    struct ddl_table ddl[2];
    struct group_table tables[2];
    struct fact_class classes[3];
    struct fact_constraint constraints[2];
    char *own_columns[2];
    char *other_columns[2];
    char *statements[2][1];
    struct dump_entry *entries[2];
};

static char *columns[] = {"id", "tenant", "x"};
static char *key_columns[] = {"id", "tenant"};
static const char *const shard_key[] = {"tenant"};

static inline void open_table(struct group_world *g, size_t no, uint32_t oid, char *name)
{
    static char schema[] = "s";
    static char key[] = "pkey";
    for (size_t i = 0; i < 3; i++) {
        g->columns[no][i] = (struct definition_column){.name = columns[i]};
        g->ddl_columns[no][i] = (struct ddl_column){.name = columns[i], .from = &g->columns[no][i]};
    }
    g->definitions[no] = (struct definition_table){
        .oid = oid,
        .schema = schema,
        .name = name,
        .columns = g->columns[no],
        .column_count = 3,
        .key = {.name = key, .columns = key_columns, .count = 2}
    };
    g->ddl[no] = (struct ddl_table){
        .name = {schema, name},
        .from = &g->definitions[no],
        .columns = g->ddl_columns[no],
        .column_count = 3,
        .mode = TABLE_STANDARD
    };
    g->statements[no][0] = "CREATE TABLE made ()";
    g->tables[no] = (struct group_table){
        .oid = oid,
        .ddl = &g->ddl[no],
        .script = {.statements = g->statements[no], .count = 1},
        .group = oid
    };
    g->classes[no] = (struct fact_class){.oid = oid, .kind = 'r', .schema = schema, .name = name};
    g->entries[no] = add(&g->w, "TABLE", name, CATALOG_CLASS, oid, "CREATE TABLE theirs ()");
}

static inline void set_mode(struct group_world *g, size_t no, enum table_mode mode)
{
    g->ddl[no].mode = mode;
    g->ddl[no].shard_key = mode == TABLE_SHARDED ? shard_key : NULL;
    g->ddl[no].shard_key_count = mode == TABLE_SHARDED;
}

static inline void group_open(struct group_world *g)
{
    memset(g, 0, sizeof *g);
    world_open(&g->w);
    open_table(g, 0, REL, "own");
    open_table(g, 1, ELSE, "other");
    g->w.facts = (struct schema_facts){
        .classes = g->classes, .class_count = 2, .constraints = g->constraints};
}

static inline void mark(struct group_world *g)
{
    struct err err;
    struct group_input in = {.toc = &g->w.toc,
                             .facts = &g->w.facts,
                             .roles = &g->w.roles,
                             .tables = g->tables,
                             .table_count = 2,
                             .server_version = 160009};
    assert_true(schema_mark_group(&in, &g->w.plan, &err));
    assert_int_equal(g->w.plan.entry_count, g->w.toc.count); /* nothing disappears */
}

static inline void set_columns(struct fact_names *names_of, char **items, char *a, char *b)
{
    items[0] = a;
    items[1] = b;
    *names_of = (struct fact_names){.items = items, .count = b == NULL ? 1 : 2};
}

#endif
