/*
 * match_fixture.h: two tables of few types, for the tests of match.
 *
 * Three types are enough, the comparison itself has tests of its own: int4 goes to int4 in
 * binary, to int8 as text, and to bytea not at all.
 */
#ifndef TESTS_MATCH_FIXTURE_H
#define TESTS_MATCH_FIXTURE_H

#include "unit.h"

#include "base/findings.h"
#include "job/match.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum own_oid { BYTEA = 17, INT8 = 20, INT4 = 23 };

#define COLUMNS_MAX 4
#define SAY_MAX     4

static char pg_catalog[] = "pg_catalog";
static char bytea[] = "bytea";
static char int8[] = "int8";
static char int4[] = "int4";

/* A column as a row of a table tells it. */
struct col {
    const char *name; /* NULL: no more */
    uint32_t type;
    const char *is; /* any of: g generated, n NOT NULL, d default, s no SELECT, i no INSERT */
};

struct fixture {
    struct type_info types[3];
    struct type_set set;
    struct column columns[2][COLUMNS_MAX];
    struct relation source;
    struct relation destination;
    struct spec spec;
    struct findings findings;
    struct match match;
    struct plan_table table;
};

static char *text(const char *constant)
{
    /* Nothing here writes to or frees the names; the product's structs own theirs elsewhere. */
    union {
        const char *in;
        char *out;
    } u = {.in = constant};
    return u.out;
}

static void make_columns(const struct col *from, struct column *to, struct relation *rel)
{
    rel->columns = to;
    for (; rel->column_count < COLUMNS_MAX && from[rel->column_count].name != NULL;
         rel->column_count++) {
        const struct col *c = &from[rel->column_count];
        to[rel->column_count] = (struct column){.name = text(c->name),
                                                .type_name = c->type == INT4   ? int4
                                                             : c->type == INT8 ? int8
                                                                               : bytea,
                                                .type_oid = c->type,
                                                .typmod = -1,
                                                .generated = strchr(c->is, 'g') != NULL,
                                                .not_null = strchr(c->is, 'n') != NULL,
                                                .has_default = strchr(c->is, 'd') != NULL,
                                                .can_select = strchr(c->is, 's') == NULL,
                                                .can_insert = strchr(c->is, 'i') == NULL};
    }
}

static void open_fixture(struct fixture *f, const struct col *source, const struct col *destination)
{
    *f = (struct fixture){
        .types = {{.oid = BYTEA, .name = bytea},
                  {.oid = INT8, .name = int8},
                  {.oid = INT4, .name = int4}},
        .source = {.schema = text("s"),                             .name = text("t")      },
        .destination = {.schema = text("d"),                             .name = text("u")},
    };
    for (size_t i = 0; i < ARRAY_LEN(f->types); i++) {
        f->types[i].schema = pg_catalog;
        f->types[i].kind = 'b';
        f->types[i].has_send = true;
        f->types[i].has_receive = true;
    }
    f->set = (struct type_set){.items = f->types, .count = 3, .server_version = 150000};
    make_columns(source, f->columns[0], &f->source);
    make_columns(destination, f->columns[1], &f->destination);
    f->match = (struct match){.spec = &f->spec,
                              .source_types = &f->set,
                              .destination_types = &f->set,
                              .findings = &f->findings};
}

static void close_fixture(struct fixture *f)
{
    struct plan_table *t = &f->table;
    char *const texts[] = {t->source_schema,    t->source_name,    t->destination_schema,
                           t->destination_name, t->source_columns, t->destination_columns,
                           t->format_why};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        free(texts[i]);
    }
    findings_free(&f->findings);
}

static void check_findings(const char *name, const char *const *say, const struct findings *f)
{
    size_t wanted = 0;
    while (wanted < SAY_MAX && say[wanted] != NULL) {
        wanted++;
    }
    if (f->count != wanted) {
        print_message("%s: %zu findings, the first: %s\n", name, f->count,
                      f->count == 0 ? "" : f->items[0].text);
    }
    assert_int_equal(f->count, wanted);
    assert_int_equal(f->blockers, wanted);
    assert_true(wanted == 0 || f->items != NULL);
    for (size_t i = 0; f->items != NULL && i < wanted; i++) {
        if (strstr(f->items[i].text, say[i]) == NULL) {
            print_message("%s: %s\n", name, f->items[i].text);
        }
        assert_non_null(strstr(f->items[i].text, say[i]));
    }
}

/* Roots are public.r; a leaf is a partition with bounds. */
struct rel {
    const char *schema; /* NULL: none */
    const char *name;
    const char *bound; /* NULL: not a partition */
    const char *root;
};

static struct relation relation_of(const struct rel *r)
{
    bool leaf = r->bound != NULL;
    return (struct relation){.schema = text(r->schema),
                             .name = text(r->name),
                             .is_partition = leaf,
                             .bound = leaf ? text(r->bound) : NULL,
                             .root_schema = leaf ? text("public") : text(r->schema),
                             .root_name = leaf ? text(r->root) : text(r->name)};
}

#define ONE   "FOR VALUES FROM (1) TO (10)"
#define TWO   "FOR VALUES FROM (1) TO (20)"
#define HASH1 "HASH (id) FOR VALUES WITH (modulus 2, remainder 0)"

#endif
