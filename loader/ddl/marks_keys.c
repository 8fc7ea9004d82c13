/* Keys, indexes, foreign keys and checks on a shard group. */
#include "ddl/marks_group.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "ddl/edit.h"
#include "limitless/limitless.h"

#include <stdlib.h>
#include <string.h>

#define WEAKER \
    "an index that is not unique, since on a sharded table a unique one has to hold the shard key"

static const struct fact_constraint *fact_of(const struct group_input *in,
                                             const struct schema_item *item)
{
    return fact_constraint_of(in->facts, item->entry->oid);
}

static bool leave_gone(struct schema_item *item)
{
    return schema_item_leave(item,
                             "it is gone from the source, or belongs to nothing that is made");
}

/* The table on which it can be made; else it is left out, or memory is. */
static const struct group_table *table_for(const struct group_input *in, uint32_t rel,
                                           struct schema_item *item, bool *ok)
{
    const struct group_table *t = group_table_of(in, rel);
    item->part = SCHEMA_AFTER;
    item->rel = rel;
    *ok = true;
    if (t == NULL) {
        const struct fact_class *c = fact_class_of(in->facts, rel);
        *ok = schema_item_leave(item, "%s",
                                c != NULL && c->root != 0
                                    ? "it is of a partition, and a shard group has no "
                                      "partitions of the user's"
                                    : "its table is left out");
        return NULL;
    }
    if (t->refused != NULL) {
        *ok = schema_item_leave(item, "its table is left out");
        return NULL;
    }
    return t;
}

/* The entry's first statement with the names and without the words that a shard group has not;
 * what edit wishes besides, the caller tells. */
static bool edited(struct schema_item *item, const struct group_table *t,
                   const struct group_table *other, struct edit edit)
{
    const struct dump_entry *e = item->entry;
    CLEANUP_FREE char *name = t->ddl->is_renamed ? group_table_name(t->ddl) : NULL;
    CLEANUP_FREE char *to =
        other != NULL && other->ddl->is_renamed ? group_table_name(other->ddl) : NULL;
    bool told = edit.drop_unique || edit.drop_on_delete || edit.drop_on_update;
    edit.drop_only = true;
    edit.drop_parameters = true;
    edit.table = name;
    edit.other = to;
    bool dropped = false;
    if (e->statement_count == 0) {
        return leave_gone(item);
    }
    if (!schema_item_take(item, edit_statement(e->statements[0], &edit, &dropped))) {
        return false;
    }
    if (dropped && !told && !schema_item_change(item, "without storage parameters")) {
        return false;
    }
    return e->statement_count == 1 ||
           schema_item_change(item, "without CLUSTER, REPLICA IDENTITY or SET STATISTICS");
}

/* ---- indexes ---- */

bool group_mark_index(const struct group_input *in, struct schema_item *item)
{
    const struct fact_index *x = fact_index_of(in->facts, item->entry->oid);
    bool ok = false;
    item->work = WORK_INDEX;
    if (x == NULL) {
        return leave_gone(item);
    }
    const struct group_table *t = table_for(in, x->rel, item, &ok);
    if (t == NULL) {
        return ok;
    }
    if (!group_keeps_columns(t->ddl, &x->columns) ||
        (t->ddl->is_reshaped && (x->expressions || x->partial))) {
        return schema_item_leave(item, "the job file changes columns that it may hold");
    }
    bool weaker = x->unique && !group_has_shard_key(t->ddl, &x->columns);
    return edited(item, t, NULL, (struct edit){.drop_unique = weaker}) &&
           (!weaker || schema_item_change(item, WEAKER));
}

/* ---- primary keys and unique constraints ---- */

static bool mark_primary(const struct group_table *t, struct schema_item *item)
{
    const char *key[DDL_KEY_MAX];
    size_t count = 0;
    item->part = SCHEMA_BEFORE;
    item->work = WORK_ALONE;
    if (t->ddl->is_renamed && !schema_item_change(item, "by a name that the server chooses")) {
        return false;
    }
    switch (ddl_primary_key(t->ddl, key, &count)) {
    case DDL_KEY_EXTENDED:
        return schema_item_change(item, "made with its table, with the shard key added to it, so "
                                        "that what it was alone is not checked to be unique");
    case DDL_KEY_LOST:
        return schema_item_leave(item, "the job file leaves out a column of it");
    case DDL_KEY_KEPT:
    case DDL_KEY_NONE:
    default:
        return schema_item_say(item, "made with its table");
    }
}

/* In the place of a unique constraint that cannot be. */
static bool plain_index(const struct fact_constraint *c, const struct group_table *t,
                        struct schema_item *item)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "CREATE INDEX ");
    pg_add_ident(&b, c->name);
    buf_puts(&b, " ON ");
    pg_add_name(&b, t->ddl->name.schema, t->ddl->name.name);
    for (size_t i = 0; i < c->columns.count; i++) {
        buf_puts(&b, i == 0 ? " (" : ", ");
        pg_add_ident(&b, c->columns.items[i]);
    }
    buf_puts(&b, ")");
    item->work = WORK_INDEX;
    return schema_item_take(item, buf_take(&b)) && schema_item_change(item, WEAKER);
}

bool group_mark_key(const struct group_input *in, struct schema_item *item)
{
    const struct fact_constraint *c = fact_of(in, item);
    bool ok = false;
    item->work = WORK_KEY;
    if (c == NULL) {
        return leave_gone(item);
    }
    const struct group_table *t = table_for(in, c->rel, item, &ok);
    if (t == NULL) {
        return ok;
    }
    if (c->type == 'p') {
        return mark_primary(t, item);
    }
    if (c->type != 'u') {
        return schema_item_leave(item, "a shard group takes no EXCLUDE constraints");
    }
    if (!group_keeps_columns(t->ddl, &c->columns)) {
        return schema_item_leave(item, "the job file changes a column of it");
    }
    return group_has_shard_key(t->ddl, &c->columns) ? edited(item, t, NULL, (struct edit){0})
                                                    : plain_index(c, t, item);
}

bool group_mark_check(const struct group_input *in, struct schema_item *item)
{
    const struct fact_constraint *c = fact_of(in, item);
    if (c == NULL) {
        return leave_gone(item);
    }
    if (c->rel == 0) { /* of a domain, which ALTER DOMAIN would add */
        return schema_item_leave(item, "a shard group does not take ALTER DOMAIN");
    }
    return group_fill_check(in, c, item);
}

/* ---- foreign keys ---- */

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_primary_key(const struct group_table *t, const struct fact_names *columns)
{
    const char *key[DDL_KEY_MAX];
    size_t count = 0;
    (void)ddl_primary_key(t->ddl, key, &count);
    if (count == 0 || count != columns->count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = group_column(t->ddl, columns->items[i]);
        if (name == NULL || !is_among(name, key, count)) {
            return false;
        }
    }
    return true;
}

static bool same_columns(const struct fact_names *a, const struct fact_names *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (!is_among(a->items[i], (const char *const *)b->items, b->count)) {
            return false;
        }
    }
    return a->count == b->count;
}

/* Will the columns that it refers to be a key there? */
static bool refers_to_key(const struct group_input *in, const struct fact_constraint *c,
                          const struct group_table *other)
{
    const struct fact_names *columns = &c->other_columns;
    bool unique = is_primary_key(other, columns);
    for (size_t i = 0; !unique && i < in->facts->constraint_count; i++) {
        const struct fact_constraint *k = &in->facts->constraints[i];
        unique = k->type == 'u' && k->rel == c->other && same_columns(&k->columns, columns) &&
                 group_has_shard_key(other->ddl, &k->columns);
    }
    for (size_t i = 0; !unique && i < in->facts->index_count; i++) {
        const struct fact_index *x = &in->facts->indexes[i];
        unique = x->unique && x->rel == c->other && !x->partial && !x->expressions &&
                 same_columns(&x->columns, columns) && group_has_shard_key(other->ddl, &x->columns);
    }
    return unique;
}

/* Each column of the shard key has to refer to the other's, place by place. */
static bool holds_both_keys(const struct fact_constraint *c, const struct ddl_table *own,
                            const struct ddl_table *other)
{
    if (own->shard_key_count != other->shard_key_count) {
        return false;
    }
    for (size_t k = 0; k < own->shard_key_count; k++) {
        bool found = false;
        for (size_t i = 0; i < c->columns.count && i < c->other_columns.count; i++) {
            const char *a = group_column(own, c->columns.items[i]);
            const char *b = group_column(other, c->other_columns.items[i]);
            found = found || (a != NULL && b != NULL && strcmp(a, own->shard_key[k]) == 0 &&
                              strcmp(b, other->shard_key[k]) == 0);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

/* NULL: the two kinds of table may. */
static const char *why_not_modes(const struct fact_constraint *c, const struct group_table *own,
                                 const struct group_table *other)
{
    enum table_mode from = own->ddl->mode;
    enum table_mode to = other->ddl->mode;
    if (from == TABLE_SHARDED && to == TABLE_SHARDED) {
        if (own->group != other->group) {
            return "the two sharded tables are not collocated";
        }
        return holds_both_keys(c, own->ddl, other->ddl)
                   ? NULL
                   : "between sharded tables it has to hold the shard key; where rows and their "
                     "parents share it, add one by hand that holds it on both sides";
    }
    if (to == TABLE_REFERENCE && (from == TABLE_SHARDED || from == TABLE_REFERENCE)) {
        return NULL;
    }
    return from == TABLE_STANDARD && to == TABLE_STANDARD ? NULL : "";
}

/* Without an action that is not possible there it still refuses rows without a parent. */
static struct edit lost_actions(const struct fact_constraint *c, enum table_mode from,
                                enum table_mode to)
{
    bool standard = from == TABLE_STANDARD && to == TABLE_STANDARD;
    bool same = standard || (from == TABLE_REFERENCE && to == TABLE_REFERENCE);
    return (struct edit){
        .drop_on_delete = c->on_delete == 'd' || (c->on_delete == 'n' && !same),
        .drop_on_update =
            c->on_update == 'd' || c->on_update == 'n' || (c->on_update == 'c' && !standard),
    };
}

static const char *why_not_kind(const struct fact_constraint *c, enum table_mode from,
                                enum table_mode to)
{
    bool same = from == to && from != TABLE_SHARDED;
    if (c->match == 'p') {
        return "MATCH PARTIAL is not possible";
    }
    if (!c->valid && !same) {
        return "NOT VALID is possible only between reference or between standard tables";
    }
    return NULL;
}

static bool check_foreign_key(const struct group_input *in, const struct fact_constraint *c,
                              const struct group_table *own, const struct group_table *other,
                              struct schema_item *item, bool *fits)
{
    const char *why = why_not_modes(c, own, other);
    *fits = false;
    if (why != NULL && why[0] == '\0') {
        return schema_item_leave(item, "a %s table may not refer to a %s table",
                                 table_mode_name(own->ddl->mode),
                                 table_mode_name(other->ddl->mode));
    }
    if (why == NULL) {
        why = why_not_kind(c, own->ddl->mode, other->ddl->mode);
    }
    if (why == NULL && (!group_keeps_columns(own->ddl, &c->columns) ||
                        !group_keeps_columns(other->ddl, &c->other_columns))) {
        why = "the job file changes a column of it";
    }
    if (why == NULL && !refers_to_key(in, c, other)) {
        why = "the columns that it refers to are no key there: the shard key was added to it";
    }
    *fits = why == NULL;
    return *fits || schema_item_leave(item, "%s", why);
}

bool group_mark_foreign_key(const struct group_input *in, struct schema_item *item)
{
    const struct fact_constraint *c = fact_of(in, item);
    bool ok = false;
    bool fits = false;
    item->work = WORK_FOREIGN_KEY;
    if (c == NULL) {
        return leave_gone(item);
    }
    const struct group_table *t = table_for(in, c->rel, item, &ok);
    if (t == NULL) {
        return ok;
    }
    const struct group_table *other = group_table_of(in, c->other);
    item->other = c->other;
    if (other == NULL || other->refused != NULL) {
        return schema_item_leave(item, "the table that it refers to is left out");
    }
    if (!check_foreign_key(in, c, t, other, item, &fits) || !fits) {
        return !fits && item->note != NULL;
    }
    const struct edit lost = lost_actions(c, t->ddl->mode, other->ddl->mode);
    return edited(item, t, other, lost) &&
           (!lost.drop_on_delete ||
            schema_item_change(item, "without its ON DELETE action, which is not possible there: "
                                     "the parents of rows cannot be deleted")) &&
           (!lost.drop_on_update ||
            schema_item_change(item, "without its ON UPDATE action, which is not possible there: "
                                     "the keys of rows' parents cannot be changed"));
}
