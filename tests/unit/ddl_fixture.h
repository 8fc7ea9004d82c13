/* ddl_fixture.h: tables for the tests of table_ddl and refusals, from a few words each. */
#ifndef UNIT_DDL_FIXTURE_H
#define UNIT_DDL_FIXTURE_H

#include "unit.h"

#include "limitless/table_ddl.h"

#include <string.h>

#define FIX_COLUMNS 6

/* One column of the source, and what the rules make of it. */
struct fix_column {
    const char *name;
    const char *type;
    const char *value; /* default or generated expression */
    char identity;
    char generated;
    bool not_null;
    bool serial; /* its default is the next value of sequence 77 */
    const char *rename;
    bool left_out;
    const char *computed; /* type of the expression that replaces it */
    char kind;            /* typtype of the base type; 0: 'b' */
};

struct fix_table {
    const char *name; /* in schema s */
    struct fix_column columns[FIX_COLUMNS];
    const char *key[4];   /* of the source, by the source's names */
    const char *added[2]; /* a computed column: name, type */
    enum table_mode mode;
    const char *shard_key[3];
    const char *collocate_with;
    char kind; /* 0: 'r' */
    char persistence;
    const char *options;
    const char *exclusions;
    const char *triggers;
    const char *to_schema;
    unsigned line;
};

struct fix {
    struct definition_table from;
    struct definition_column source[FIX_COLUMNS];
    struct ddl_column columns[FIX_COLUMNS + 1];
    char *key[4];
    struct ddl_table table;
};

/* The structs own their texts as a rule; here they borrow constants, and nobody frees them. */
static inline char *fix_text(const char *text)
{
    char *out = NULL;
    memcpy(&out, &text, sizeof out);
    return out;
}

static inline char fix_or(char given, char otherwise)
{
    if (given != '\0') {
        return given;
    }
    return otherwise;
}

static inline void fix_take(struct fix *f, const struct fix_column *c)
{
    struct definition_column *s = &f->source[f->from.column_count++];
    *s = (struct definition_column){.name = fix_text(c->name),
                                    .type = fix_text(c->type),
                                    .base_type = fix_text(c->type),
                                    .base_kind = fix_or(c->kind, 'b'),
                                    .default_sql = fix_text(c->value),
                                    .generated = c->generated,
                                    .identity = c->identity,
                                    .not_null = c->not_null,
                                    .plain_nextval = c->serial,
                                    .is_local = true,
                                    .sequence_oid = c->serial || c->identity != '\0' ? 77 : 0};
    f->table.is_reshaped =
        f->table.is_reshaped || c->rename != NULL || c->left_out || c->computed != NULL;
    if (!c->left_out) {
        f->columns[f->table.column_count++] =
            (struct ddl_column){.name = c->rename == NULL ? c->name : c->rename,
                                .from = s,
                                .type = c->computed,
                                .is_computed = c->computed != NULL};
    }
}

static inline void fix_make(const struct fix_table *t, struct fix *f)
{
    *f = (struct fix){0};
    f->from = (struct definition_table){.oid = 5,
                                        .schema = fix_text("s"),
                                        .name = fix_text(t->name),
                                        .kind = fix_or(t->kind, 'r'),
                                        .persistence = fix_or(t->persistence, 'p'),
                                        .options = fix_text(t->options),
                                        .exclusions = fix_text(t->exclusions),
                                        .triggers = fix_text(t->triggers),
                                        .columns = f->source};
    for (size_t i = 0; i < FIX_COLUMNS && t->columns[i].name != NULL; i++) {
        fix_take(f, &t->columns[i]);
    }
    if (t->added[0] != NULL) {
        f->columns[f->table.column_count++] =
            (struct ddl_column){.name = t->added[0], .type = t->added[1], .is_computed = true};
    }
    for (size_t i = 0; i < 4 && t->key[i] != NULL; i++) {
        f->key[f->from.key.count++] = fix_text(t->key[i]);
        f->from.key.name = fix_text("k");
        f->from.key.columns = f->key;
    }
    f->table.name = (struct relation_name){t->to_schema == NULL ? "s" : t->to_schema, t->name};
    f->table.is_renamed = t->to_schema != NULL;
    f->table.from = &f->from;
    f->table.columns = f->columns;
    f->table.mode = t->mode;
    f->table.shard_key = t->shard_key;
    f->table.collocate_with = t->collocate_with;
    f->table.line = t->line;
    while (f->table.shard_key_count < 3 && t->shard_key[f->table.shard_key_count] != NULL) {
        f->table.shard_key_count++;
    }
}

#endif
