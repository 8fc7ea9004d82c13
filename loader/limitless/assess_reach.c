/* Which tables a candidate for a shard key comes to: directly, or along foreign keys. */
#include "base/buf.h"
#include "limitless/assess_internal.h"

#include "pg/pg.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const struct place *reach_of(const struct work *w, size_t table)
{
    static const struct place none = {.how = REACH_NOT};
    return w->places[table].mark == w->mark ? &w->places[table] : &none;
}

static bool is_same_key(const struct survey_column *a, const struct survey_column *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->type, b->type) == 0;
}

static void put(struct work *w, size_t table, struct place place)
{
    place.mark = w->mark;
    if (w->places[table].mark != w->mark) {
        w->queue[w->queued++] = table;
    }
    w->places[table] = place;
}

/* Better of two columns of one table that mean the same: one in the primary key, then the first. */
static bool is_better(const struct work *w, size_t table, size_t column, const struct place *now)
{
    const struct survey_table *t = &w->survey->tables[table];
    return now->how == REACH_NOT || (in_primary_key(t, column) && !in_primary_key(t, now->column));
}

static void reach_member(struct work *w, const struct candidate *c, size_t node)
{
    size_t table = table_of_node(w, node);
    size_t column = node - w->first_node[table];
    const struct survey_table *t = &w->survey->tables[table];
    const struct place *now = reach_of(w, table);
    if (!may_stand(w, table) || key_refused(t, column) != NULL) {
        return;
    }
    if (is_same_key(&t->columns[column], column_of(w, c->table, c->column))) {
        put(w, table, (struct place){.how = REACH_DIRECT, .column = column});
    } else if (now->how != REACH_DIRECT && is_better(w, table, column, now)) {
        put(w, table, (struct place){.how = REACH_OWN, .column = column});
    }
}

/* Every row has a parent, so that every row gets a key. */
static bool is_sure(const struct work *w, const struct survey_link *l)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct survey_column *c = column_of(w, l->child, l->child_columns[i]);
        if (!c->not_null && (!c->has_stats || c->null_frac > 0)) {
            return false;
        }
    }
    return true;
}

/* A sub-query sees columns by their names: both ends have to be readable, and the name free. */
static bool can_follow(const struct work *w, const struct candidate *c, size_t link)
{
    const struct survey_link *l = &w->survey->links[link];
    const struct survey_table *child = &w->survey->tables[l->child];
    const char *name = column_of(w, c->table, c->column)->name;
    for (size_t i = 0; i < child->column_count; i++) {
        if (strcmp(child->columns[i].name, name) == 0) {
            return false;
        }
    }
    return may_stand(w, l->child) && reach_of(w, l->child)->how == REACH_NOT && is_sure(w, l);
}

static void follow_children(struct work *w, const struct candidate *c, size_t table)
{
    const struct place from = *reach_of(w, table);
    if (from.how == REACH_OWN || from.steps >= ASSESS_STEPS_MAX) {
        return;
    }
    for (size_t i = 0; i < w->down[table].count; i++) {
        size_t link = w->down[table].items[i];
        if (can_follow(w, c, link)) {
            put(w, w->survey->links[link].child,
                (struct place){.how = REACH_COMPUTED, .link = link, .steps = from.steps + 1});
        }
    }
}

void reach_from(struct work *w, const struct candidate *c)
{
    w->mark++;
    w->queued = 0;
    for (size_t i = 0; i < w->member_count[c->class]; i++) {
        reach_member(w, c, w->members[w->member_at[c->class] + i]);
    }
    for (size_t i = 0; i < w->queued; i++) {
        follow_children(w, c, w->queue[i]);
    }
}

/* ---- the expression ---- */

/* Words that cannot stand for a column or a schema as they are: PostgreSQL's reserved ones. */
static bool is_reserved(const char *name)
{
    static const char words[] =
        " all analyse analyze and any array as asc asymmetric authorization binary both case cast"
        " check collate collation column concurrently constraint create cross current_catalog"
        " current_date current_role current_schema current_time current_timestamp current_user"
        " default deferrable desc distinct do else end except false fetch for foreign freeze from"
        " full grant group having ilike in initially inner intersect into is isnull join lateral"
        " leading left like limit localtime localtimestamp natural not notnull null offset on only"
        " or order outer overlaps placing primary references returning right select session_user"
        " similar some symmetric system_user table tablesample then to trailing true union unique"
        " user using variadic verbose when where window with ";
    char word[24];
    int len = snprintf(word, sizeof word, " %s ", name);
    return len > 0 && (size_t)len < sizeof word && strstr(words, word) != NULL;
}

/* In quotes only where it has to be, since people will read it. Behind a dot any word may stand. */
static void add_name(struct buf *out, const char *name, bool behind_dot)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    bool digit = name[0] >= '0' && name[0] <= '9';
    if (name[0] != '\0' && !digit && name[strspn(name, plain)] == '\0' &&
        (behind_dot || !is_reserved(name))) {
        buf_puts(out, name);
    } else {
        pg_add_ident(out, name);
    }
}

static void add_table(struct buf *out, const struct survey_table *t)
{
    add_name(out, t->schema, false);
    buf_puts(out, ".");
    add_name(out, t->name, true);
}

/* Would the parent's own column be taken for the child's in a sub-query? */
static bool is_hidden(const struct survey_table *parent, const char *name)
{
    for (size_t i = 0; i < parent->column_count; i++) {
        if (strcmp(parent->columns[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool any_hidden(const struct work *w, const struct survey_link *l)
{
    for (size_t i = 0; i < l->count; i++) {
        if (is_hidden(&w->survey->tables[l->parent],
                      column_of(w, l->child, l->child_columns[i])->name)) {
            return true;
        }
    }
    return false;
}

/* "p.id = order_id AND ...": own is the alias of the child, NULL for the row that is loaded. */
static void add_condition(const struct work *w, const struct survey_link *l, const char *alias,
                          const char *own, struct buf *out)
{
    for (size_t i = 0; i < l->count; i++) {
        buf_printf(out, "%s%s.", i == 0 ? "" : " AND ", alias);
        add_name(out, column_of(w, l->parent, l->parent_columns[i])->name, true);
        buf_puts(out, " = ");
        if (own != NULL) {
            buf_printf(out, "%s.", own);
        }
        add_name(out, column_of(w, l->child, l->child_columns[i])->name, own != NULL);
    }
}

static void add_key(const struct work *w, size_t table, const char *alias, struct buf *out)
{
    buf_printf(out, "%s.", alias);
    add_name(out, column_of(w, table, reach_of(w, table)->column)->name, true);
}

/* The key of a row of the table, which is called alias: its own, or its parent's, which has one. */
static void add_value(const struct work *w, size_t table, const char *alias, struct buf *out)
{
    static_assert(ASSESS_STEPS_MAX == 2, "what is looked up from within a look-up has its key");
    const struct place *p = reach_of(w, table);
    if (p->how != REACH_COMPUTED) {
        add_key(w, table, alias, out);
        return;
    }
    const struct survey_link *l = &w->survey->links[p->link];
    buf_puts(out, "(SELECT ");
    add_key(w, l->parent, "p", out);
    buf_puts(out, " FROM ");
    add_table(out, &w->survey->tables[l->parent]);
    buf_puts(out, " p WHERE ");
    add_condition(w, l, "p", alias, out);
    buf_puts(out, ")");
}

/* Where the parent has a column of the child's column's name, its columns get other names first, so
 * that the child's is the only one left. */
static void add_renamed(const struct work *w, const struct survey_link *l, struct buf *out)
{
    buf_puts(out, "(SELECT p.sluice_key FROM (SELECT ");
    add_value(w, l->parent, "q", out);
    buf_puts(out, " AS sluice_key");
    for (size_t i = 0; i < l->count; i++) {
        buf_puts(out, ", q.");
        add_name(out, column_of(w, l->parent, l->parent_columns[i])->name, true);
        buf_printf(out, " AS sluice_%zu", i + 1);
    }
    buf_puts(out, " FROM ");
    add_table(out, &w->survey->tables[l->parent]);
    buf_puts(out, " q) p WHERE ");
    for (size_t i = 0; i < l->count; i++) {
        buf_printf(out, "%sp.sluice_%zu = ", i == 0 ? "" : " AND ", i + 1);
        add_name(out, column_of(w, l->child, l->child_columns[i])->name, false);
    }
    buf_puts(out, ")");
}

static void add_lookup(const struct work *w, const struct survey_link *l, struct buf *out)
{
    const char *alias = reach_of(w, l->parent)->how == REACH_COMPUTED ? "q" : "p";
    if (any_hidden(w, l)) {
        add_renamed(w, l, out);
        return;
    }
    buf_puts(out, "(SELECT ");
    add_value(w, l->parent, alias, out);
    buf_puts(out, " FROM ");
    add_table(out, &w->survey->tables[l->parent]);
    buf_printf(out, " %s WHERE ", alias);
    add_condition(w, l, alias, NULL, out);
    buf_puts(out, ")");
}

char *reach_expression(struct work *w, size_t table)
{
    const struct place *p = reach_of(w, table);
    struct buf out;
    buf_init(&out, BUF_SQL_MAX);
    if (p->how == REACH_COMPUTED) {
        add_lookup(w, &w->survey->links[p->link], &out);
    } else {
        add_name(&out, column_of(w, table, p->column)->name, false);
    }
    char *text = buf_take(&out);
    w->failed = w->failed || text == NULL;
    return text;
}
