/* What becomes of each entry on a shard group. Sources: Aurora User Guide, "DDL limitations" and
 * the release notes of Limitless Database. */
#include "ddl/marks.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "ddl/edit.h"
#include "ddl/marks_group.h"
#include "limitless/limitless.h"
#include "limitless/refusals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_EXPRESSIONS 160010 /* from this version on a CHECK may be any expression */
#define CACHE_MAX         "249999"

/* ---- what is known by its type alone ---- */

static const struct {
    const char *type;
    const char *why;
} refused[] = {
    {"ACCESS METHOD",                "a shard group has no access methods but its own"                          },
    {"AGGREGATE",                    "a shard group does not take CREATE AGGREGATE"                             },
    {"COMMENT",                      "a shard group does not take COMMENT"                                      },
    {"DATABASE PROPERTIES",          "settings of the database are the shard group's own"                       },
    {"DEFAULT ACL",                  "a shard group does not take ALTER DEFAULT PRIVILEGES"                     },
    {"EVENT TRIGGER",                "a shard group has no event triggers"                                      },
    {"FOREIGN DATA WRAPPER",         "a shard group has no foreign data wrappers but its own"                   },
    {"FOREIGN TABLE",                "a shard group does not take CREATE FOREIGN TABLE"                         },
    {"INDEX ATTACH",                 "a shard group has no partitions of the user's"                            },
    {"MATERIALIZED VIEW",            "a shard group does not take REFRESH MATERIALIZED VIEW"                    },
    {"OPERATOR CLASS",               "operator classes need a superuser"                                        },
    {"OPERATOR FAMILY",              "operator families need a superuser"                                       },
    {"POLICY",                       "a shard group does not take CREATE POLICY in every version"               },
    {"PROCEDURAL LANGUAGE",          "a shard group has the languages SQL and PL/pgSQL"                         },
    {"PUBLICATION",                  "a shard group has no logical replication"                                 },
    {"PUBLICATION TABLE",            "a shard group has no logical replication"                                 },
    {"PUBLICATION TABLES IN SCHEMA", "a shard group has no logical replication"                                 },
    {"ROW SECURITY",                 "without policies it would hide every row; who may SELECT sees all of them"},
    {"RULE",                         "a shard group does not take CREATE RULE"                                  },
    {"SECURITY LABEL",               "a shard group does not take SECURITY LABEL"                               },
    {"SEQUENCE OWNED BY",            "a sequence on a shard group is used by a column without being owned"      },
    {"SERVER",                       "a shard group does not take CREATE SERVER"                                },
    {"SHELL TYPE",                   "base types need a superuser"                                              },
    {"STATISTICS",                   "a shard group does not take CREATE STATISTICS"                            },
    {"SUBSCRIPTION",                 "a shard group has no logical replication"                                 },
    {"TABLE ATTACH",                 "a shard group has no partitions of the user's"                            },
    {"TEXT SEARCH CONFIGURATION",    "a shard group takes no text search objects"                               },
    {"TEXT SEARCH DICTIONARY",       "a shard group takes no text search objects"                               },
    {"TEXT SEARCH PARSER",           "a shard group takes no text search objects"                               },
    {"TEXT SEARCH TEMPLATE",         "a shard group takes no text search objects"                               },
    {"TRANSFORM",                    "transforms need a superuser"                                              },
    {"TRIGGER",                      "a shard group has no triggers"                                            },
    {"USER MAPPING",                 "a shard group does not take CREATE USER MAPPING"                          },
};

/* Carried as they are. */
static const char *const carried[] = {
    "SCHEMA", "DOMAIN", "COLLATION", "CONVERSION", "CAST", "OPERATOR", "VIEW", "DEFAULT", "ACL",
};

static const char *refusal_of(const char *type)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (strcmp(refused[i].type, type) == 0) {
            return refused[i].why;
        }
    }
    return NULL;
}

static bool is_carried(const char *type)
{
    for (size_t i = 0; i < sizeof carried / sizeof carried[0]; i++) {
        if (strcmp(carried[i], type) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- tables ---- */

static int compare_tables(const void *key, const void *item)
{
    uint32_t x = *(const uint32_t *)key;
    uint32_t y = ((const struct group_table *)item)->oid;
    return x < y ? -1 : x > y;
}

const struct group_table *group_table_of(const struct group_input *in, uint32_t oid)
{
    return in->table_count == 0
               ? NULL
               : bsearch(&oid, in->tables, in->table_count, sizeof *in->tables, compare_tables);
}

const char *group_column(const struct ddl_table *t, const char *source)
{
    for (size_t i = 0; i < t->column_count; i++) {
        const struct ddl_column *c = &t->columns[i];
        if (c->from != NULL && strcmp(c->from->name, source) == 0) {
            return c->is_computed ? NULL : c->name;
        }
    }
    return NULL;
}

bool group_keeps_columns(const struct ddl_table *t, const struct fact_names *columns)
{
    for (size_t i = 0; i < columns->count; i++) {
        const char *name = group_column(t, columns->items[i]);
        if (name == NULL || strcmp(name, columns->items[i]) != 0) {
            return false;
        }
    }
    return true;
}

bool group_has_shard_key(const struct ddl_table *t, const struct fact_names *columns)
{
    for (size_t k = 0; t->mode == TABLE_SHARDED && k < t->shard_key_count; k++) {
        bool found = false;
        for (size_t i = 0; i < columns->count; i++) {
            const char *name = group_column(t, columns->items[i]);
            found = found || (name != NULL && strcmp(name, t->shard_key[k]) == 0);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

char *group_table_name(const struct ddl_table *t)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    pg_add_name(&b, t->name.schema, t->name.name);
    return buf_take(&b);
}

/* ---- what an entry brings besides its first statement ---- */

/* The owner, when it is another role; everything else is said to be left out. */
static bool add_rest(const struct group_input *in, struct schema_item *item)
{
    const struct dump_entry *e = item->entry;
    size_t dropped = 0;
    const char *first = NULL;
    for (size_t i = 1; i < e->statement_count; i++) {
        CLEANUP_FREE char *owner = edit_owner(e->statements[i]);
        if (owner == NULL) {
            first = dropped++ == 0 ? e->statements[i] : first;
        } else if (strcmp(owner, in->roles->current) != 0 && strcmp(e->type, "DOMAIN") != 0 &&
                   !schema_item_owner(item, e->statements[i], in->roles)) {
            return false;
        }
    }
    return dropped == 0 ||
           schema_item_change(item,
                              "without %zu further statement%s, which a shard group does not "
                              "take: %.120s%s",
                              dropped, dropped == 1 ? "" : "s", first, dropped == 1 ? "" : ", ...");
}

static bool as_it_is(const struct group_input *in, struct schema_item *item)
{
    const struct dump_entry *e = item->entry;
    if (e->statement_count == 0) {
        return true;
    }
    CLEANUP_FREE char *owner = edit_owner(e->statements[0]);
    if (owner != NULL) {
        return strcmp(owner, in->roles->current) == 0 ||
               schema_item_owner(item, e->statements[0], in->roles);
    }
    return schema_item_statement(item, e->statements[0]) && add_rest(in, item);
}

/* ---- kind by kind ---- */

static bool mark_extension(const struct group_input *in, struct schema_item *item)
{
    return refusals_may_have_extension(item->entry->name)
               ? as_it_is(in, item)
               : schema_item_leave(item, "a shard group does not have this extension");
}

static bool mark_routine(const struct group_input *in, struct schema_item *item)
{
    const char *language = fact_language(in->facts, item->entry->oid);
    if (strcmp(language, "sql") != 0 && strcmp(language, "plpgsql") != 0) {
        return schema_item_leave(item,
                                 "it is written in %s, and a shard group has the languages "
                                 "SQL and PL/pgSQL",
                                 language);
    }
    const struct dump_entry *e = item->entry;
    const struct edit edit = {.drop_leakproof = true};
    bool changed = false;
    if (e->statement_count == 0 || !edit_begins(e->statements[0], "CREATE", NULL)) {
        return as_it_is(in, item);
    }
    return schema_item_take(item, edit_statement(e->statements[0], &edit, &changed)) &&
           (!changed || schema_item_change(item, "without LEAKPROOF, which needs a superuser")) &&
           add_rest(in, item);
}

static bool mark_type(const struct group_input *in, struct schema_item *item)
{
    const char *kind = fact_type_kind(in->facts, item->entry->oid);
    bool is_base = strcmp(kind, "b") == 0 || strcmp(kind, "p") == 0; /* p: a shell of one */
    return is_base ? schema_item_leave(item, "base types need a superuser") : as_it_is(in, item);
}

static bool mark_partition(const struct group_input *in, struct schema_item *item)
{
    const struct fact_class *c = fact_class_of(in->facts, item->entry->oid);
    const struct group_table *root = c == NULL ? NULL : group_table_of(in, c->root);
    if (root == NULL && c != NULL && c->kind == 'p' && c->root == 0) {
        return schema_item_leave(item, "it has no partitions and so no rows; where rows are "
                                       "to come, make it by hand");
    }
    if (root == NULL || root->refused != NULL) {
        return schema_item_leave(item, root == NULL
                                           ? "it is not among the tables that are to be made"
                                           : "the table that it is a partition of is left out");
    }
    return schema_item_leave(item,
                             "a shard group has no partitions of the user's; its rows go to "
                             "%s.%s",
                             root->ddl->name.schema, root->ddl->name.name);
}

/* Its statements come in an order of their own: see add_tables. */
static bool mark_table(const struct group_input *in, struct schema_item *item)
{
    const struct dump_entry *e = item->entry;
    const struct group_table *t = group_table_of(in, e->oid);
    if (t == NULL) {
        return mark_partition(in, item);
    }
    if (t->refused != NULL) {
        return schema_item_leave(item, "%s", t->refused);
    }
    item->rel = e->oid;
    for (size_t i = 0; i < t->script.count; i++) {
        if (!schema_item_statement(item, t->script.statements[i])) {
            return false;
        }
    }
    if (t->note != NULL && !schema_item_change(item, "%s", t->note)) {
        return false;
    }
    if (e->access_method[0] != '\0' && strcmp(e->access_method, "heap") != 0 &&
        !schema_item_change(item, "without its access method %s", e->access_method)) {
        return false;
    }
    return !t->ddl->is_renamed ? add_rest(in, item)
                               : schema_item_change(item, "it becomes %s.%s", t->ddl->name.schema,
                                                    t->ddl->name.name);
}

static const struct group_sequence *sequence_of(const struct group_input *in, uint32_t oid)
{
    size_t low = 0;
    size_t high = in->sequence_count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (in->sequences[mid].oid == oid) {
            return &in->sequences[mid];
        }
        low = in->sequences[mid].oid < oid ? mid + 1 : low;
        high = in->sequences[mid].oid < oid ? high : mid;
    }
    return NULL;
}

/* One kind of change after the other, so that each is told that happened. */
static bool edit_sequence(struct schema_item *item)
{
    static const struct {
        struct edit edit;
        const char *note;
    } steps[] = {
        {{.drop_unlogged = true},  "without UNLOGGED, which a shard group does not have"},
        {{.drop_cycle = true},     "without CYCLE, which a shard group does not have"   },
        {{.cache_max = CACHE_MAX}, "with a CACHE of less than the sequence chunk size"  },
    };
    char *sql = str_copy(item->entry->statements[0]);
    bool ok = sql != NULL;
    for (size_t i = 0; ok && i < sizeof steps / sizeof steps[0]; i++) {
        bool changed = false;
        char *next = edit_statement(sql, &steps[i].edit, &changed);
        free(sql);
        sql = next;
        ok = sql != NULL && (!changed || schema_item_change(item, "%s", steps[i].note));
    }
    if (!ok) {
        free(sql);
        return false;
    }
    return schema_item_take(item, sql);
}

static bool mark_sequence(const struct group_input *in, struct schema_item *item)
{
    const struct dump_entry *e = item->entry;
    const struct group_sequence *s = sequence_of(in, e->oid);
    if (s != NULL && s->with_table) {
        return schema_item_say(item, "made with its table");
    }
    if (e->statement_count == 0 || !edit_begins(e->statements[0], "CREATE", NULL)) {
        return schema_item_leave(item, "it belongs to an identity column that is not made");
    }
    return edit_sequence(item) && add_rest(in, item);
}

static bool mark_default(const struct group_input *in, struct schema_item *item)
{
    (void)in;
    return schema_item_say(item, "made with its table");
}

static bool mark_grants(const struct group_input *in, struct schema_item *item)
{
    const struct dump_entry *e = item->entry;
    item->part = SCHEMA_AFTER;
    if (strcmp(e->schema, "pg_catalog") == 0 || strcmp(e->schema, "information_schema") == 0) {
        return schema_item_leave(item, "what the server brings belongs to the shard group");
    }
    for (size_t i = 0; i < e->statement_count; i++) {
        if (!schema_item_grant(item, e->statements[i], in->roles)) {
            return false;
        }
    }
    CLEANUP_FREE char *note = item->statement_count == 0 ? str_copy(item->note) : NULL;
    return note == NULL || schema_item_leave(item, "%s", note);
}

static bool mark_view(const struct group_input *in, struct schema_item *item)
{
    item->part = SCHEMA_AFTER;
    return as_it_is(in, item);
}

static bool mark_rule(const struct group_input *in, struct schema_item *item)
{
    const struct dump_entry *e = item->entry;
    if (e->statement_count > 0 && edit_begins(e->statements[0], "CREATE", "OR")) {
        return mark_view(in, item); /* a view whose first form had to be a stand-in */
    }
    return schema_item_leave(item, "%s", refusal_of("RULE"));
}

typedef bool mark_function(const struct group_input *in, struct schema_item *item);

static const struct {
    const char *type;
    mark_function *mark;
} special[] = {
    {"ACL",              mark_grants           },
    {"CHECK CONSTRAINT", group_mark_check      },
    {"CONSTRAINT",       group_mark_key        },
    {"DEFAULT",          mark_default          },
    {"EXTENSION",        mark_extension        },
    {"FK CONSTRAINT",    group_mark_foreign_key},
    {"FUNCTION",         mark_routine          },
    {"INDEX",            group_mark_index      },
    {"PROCEDURE",        mark_routine          },
    {"RULE",             mark_rule             },
    {"SEQUENCE",         mark_sequence         },
    {"TABLE",            mark_table            },
    {"TYPE",             mark_type             },
    {"VIEW",             mark_view             },
};

static mark_function *special_of(const char *type)
{
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        if (strcmp(special[i].type, type) == 0) {
            return special[i].mark;
        }
    }
    return NULL;
}

/* ---- entry by entry ---- */

/* Its checks and its ANALYZE go with it. */
static bool refuse_table(const struct group_input *in, const struct schema_item *item)
{
    const struct dump_entry *e = item->entry;
    const struct group_table *t = strcmp(e->type, "TABLE") == 0 ? group_table_of(in, e->oid) : NULL;
    if (t == NULL || t->refused != NULL) {
        return true;
    }
    struct group_table *own = &in->tables[t - in->tables];
    own->refused = str_copy(item->note);
    return own->refused != NULL;
}

bool group_mark_entry(struct group_marking *m, size_t no)
{
    const struct dump_entry *e = &m->in->toc->entries[no];
    struct schema_item *item = schema_item_add(m->plan, e);
    bool failed = false;
    if (item == NULL) {
        return false;
    }
    m->item_of[no] = m->plan->count;
    if (m->doomed[no] != NULL) {
        return schema_item_leave(item, "%s", m->doomed[no]);
    }
    mark_function *mark = special_of(e->type);
    const char *why = refusal_of(e->type);
    const char *outside = fact_outside(m->in->facts, e);
    if (why != NULL && mark == NULL) {
        return schema_item_leave(item, "%s", why);
    }
    if (mark == NULL && !is_carried(e->type)) {
        return schema_item_leave(item, "it is not known whether a shard group takes it");
    }
    if (outside[0] != '\0') {
        return schema_item_leave(item, "it uses %s, which is not among what is to be made",
                                 outside);
    }
    if (!group_is_of_partition(m->in, e) && !group_has_needs(m, no, item, &failed)) {
        return !failed && refuse_table(m->in, item);
    }
    return mark == NULL ? as_it_is(m->in, item) : mark(m->in, item);
}

/* ---- checks within tables ---- */

static bool has_entry(const struct group_input *in, uint32_t oid)
{
    for (size_t i = 0; i < in->toc->count; i++) {
        if (in->toc->entries[i].class_oid == CATALOG_CONSTRAINT && in->toc->entries[i].oid == oid) {
            return true;
        }
    }
    return false;
}

bool group_fill_check(const struct group_input *in, const struct fact_constraint *c,
                      struct schema_item *item)
{
    const struct group_table *t = group_table_of(in, c->rel);
    item->part = SCHEMA_AFTER;
    item->work = WORK_CHECK;
    item->rel = c->rel;
    if (t == NULL || t->refused != NULL) {
        const struct fact_class *table = fact_class_of(in->facts, c->rel);
        return schema_item_leave(item, "%s",
                                 table != NULL && table->root != 0
                                     ? "it is of a partition, and a shard group has no "
                                       "partitions of the user's"
                                     : "its table is left out");
    }
    if (!group_keeps_columns(t->ddl, &c->columns)) {
        return schema_item_leave(item, "the job file changes a column that it looks at");
    }
    if (in->server_version < CHECK_EXPRESSIONS && !edit_is_simple_check(c->definition)) {
        return schema_item_leave(item,
                                 "before 16.10 a shard group takes only a column compared "
                                 "with a literal: %.200s",
                                 c->definition);
    }
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "ALTER TABLE ");
    pg_add_name(&b, t->ddl->name.schema, t->ddl->name.name);
    buf_puts(&b, " ADD CONSTRAINT ");
    pg_add_ident(&b, c->name);
    buf_printf(&b, " %s", c->definition);
    return schema_item_take(item, buf_take(&b));
}

static bool add_checks(const struct group_input *in, struct schema_plan *plan)
{
    for (size_t i = 0; i < in->facts->constraint_count; i++) {
        const struct fact_constraint *c = &in->facts->constraints[i];
        const struct fact_class *table = fact_class_of(in->facts, c->rel);
        if (c->type != 'c' || table == NULL || (table->root != 0 && c->child) ||
            has_entry(in, c->oid)) {
            continue;
        }
        struct schema_item *item = schema_item_add(plan, NULL);
        struct buf b;
        buf_init(&b, BUF_SQL_MAX);
        buf_printf(&b, "%s.%s %s", table->schema, table->name, c->name);
        if (item == NULL) {
            buf_free(&b);
            return false;
        }
        item->origin = SCHEMA_CHECK;
        item->type = str_copy("CHECK");
        item->name = buf_take(&b);
        if (item->type == NULL || item->name == NULL || !group_fill_check(in, c, item)) {
            return false;
        }
    }
    return true;
}

static bool add_analyze(const struct group_input *in, struct schema_plan *plan)
{
    for (size_t i = 0; in->analyze && i < in->table_count; i++) {
        const struct group_table *t = &in->tables[i];
        if (t->refused == NULL &&
            !schema_item_ours(plan, "ANALYZE", "ANALYZE ", &t->ddl->name, WORK_ANALYZE)) {
            return false;
        }
    }
    return true;
}

bool schema_mark_group(const struct group_input *in, struct schema_plan *out, struct err *err)
{
    struct schema_plan plan = {.count = 0};
    bool ok = group_mark_entries(in, &plan) && add_checks(in, &plan) &&
              group_order_tables(in, &plan) && add_analyze(in, &plan);
    if (!ok) {
        schema_plan_free(&plan);
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    *out = plan;
    return true;
}
