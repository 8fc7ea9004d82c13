/* assess_fixture.h: surveys made by hand. */
#ifndef TESTS_ASSESS_FIXTURE_H
#define TESTS_ASSESS_FIXTURE_H

#include "unit.h"

#include "base/str.h"
#include "limitless/assess.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORLD_TABLES  64
#define WORLD_COLUMNS 16
#define WORLD_KEYS    4
#define WORLD_LINKS   128

/* Freed by survey_free. */
static inline struct survey world_new(void)
{
    struct survey s = {.server_version = 150004, .stats_age_s = 86400};
    s.tables = calloc(WORLD_TABLES, sizeof *s.tables);
    s.links = calloc(WORLD_LINKS, sizeof *s.links);
    s.extensions = calloc(4, sizeof *s.extensions);
    return s;
}

static inline struct survey_table *world_table(struct survey *s, const char *name, double rows)
{
    struct survey_table *t = &s->tables[s->table_count++];
    assert_true(s->table_count <= WORLD_TABLES);
    *t = (struct survey_table){.oid = (uint32_t)s->table_count,
                               .schema = str_copy("public"),
                               .name = str_copy(name),
                               .kind = 'r',
                               .persistence = 'p',
                               .rows = rows,
                               .bytes = (uint64_t)(rows * 50),
                               .can_select = true};
    t->columns = calloc(WORLD_COLUMNS, sizeof *t->columns);
    t->keys = calloc(WORLD_KEYS, sizeof *t->keys);
    return t;
}

/* NOT NULL; distinct -1: no statistics. */
static inline struct survey_column *world_column(struct survey_table *t, const char *name,
                                                 double distinct)
{
    struct survey_column *c = &t->columns[t->column_count++];
    assert_true(t->column_count <= WORLD_COLUMNS);
    *c = (struct survey_column){.name = str_copy(name),
                                .type = str_copy("integer"),
                                .base_type = str_copy("int4"),
                                .base_kind = 'b',
                                .category = 'N',
                                .not_null = true,
                                .can_select = true,
                                .has_stats = distinct >= 0,
                                .distinct = distinct};
    return c;
}

static inline size_t world_find(const struct survey_table *t, const char *name, size_t len)
{
    for (size_t i = 0; i < t->column_count; i++) {
        if (strlen(t->columns[i].name) == len && strncmp(t->columns[i].name, name, len) == 0) {
            return i;
        }
    }
    fail_msg("no column %.*s", (int)len, name);
    return 0;
}

/* "a,b" */
static inline size_t *world_columns(const struct survey_table *t, const char *names, size_t *count)
{
    size_t *out = calloc(WORLD_COLUMNS, sizeof *out);
    *count = 0;
    for (;;) {
        size_t len = strcspn(names, ",");
        out[(*count)++] = world_find(t, names, len);
        if (names[len] == '\0') {
            return out;
        }
        names += len + 1;
    }
}

/* The primary key has to come first. */
static inline void world_key(struct survey_table *t, const char *columns, bool primary)
{
    struct survey_key *k = &t->keys[t->key_count++];
    char name[64];
    assert_true(t->key_count <= WORLD_KEYS);
    (void)snprintf(name, sizeof name, "k%zu", t->key_count);
    k->name = str_copy(name);
    k->primary = primary;
    k->columns = world_columns(t, columns, &k->count);
}

static inline size_t world_index(const struct survey *s, const char *name)
{
    for (size_t i = 0; i < s->table_count; i++) {
        if (strcmp(s->tables[i].name, name) == 0) {
            return i;
        }
    }
    fail_msg("no table %s", name);
    return 0;
}

static inline void world_link(struct survey *s, const char *child, const char *columns,
                              const char *parent, const char *targets)
{
    struct survey_link *l = &s->links[s->link_count++];
    char name[160];
    assert_true(s->link_count <= WORLD_LINKS);
    *l = (struct survey_link){.child = world_index(s, child),
                              .parent = world_index(s, parent),
                              .on_delete = 'a',
                              .on_update = 'a',
                              .validated = true};
    (void)snprintf(name, sizeof name, "public.%s", parent);
    l->parent_name = str_copy(name);
    (void)snprintf(name, sizeof name, "%s_fk%zu", child, s->link_count);
    l->name = str_copy(name);
    l->child_columns = world_columns(&s->tables[l->child], columns, &l->count);
    l->parent_columns = world_columns(&s->tables[l->parent], targets, &l->count);
}

static inline struct assessment world_assess(const struct survey *s)
{
    struct assess_request request = {.rate_bytes_s = 0};
    struct assessment a;
    struct err err;
    assert_true(assess(s, &request, &a, &err));
    return a;
}

static inline bool world_has_note(const struct assess_notes *n, enum assess_topic topic,
                                  const char *text)
{
    for (size_t i = 0; i < n->count; i++) {
        if (n->items[i].topic == topic && strstr(n->items[i].text, text) != NULL) {
            return true;
        }
    }
    return false;
}

#endif
