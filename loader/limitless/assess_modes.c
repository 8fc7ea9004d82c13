/* The tables that are not sharded by their own size, and what becomes of foreign keys. */
#include "limitless/assess_internal.h"

#include <string.h>

#define BUSY_WRITES 20.0   /* a second; each goes to every shard */
#define OLD_ENOUGH  3600.0 /* seconds; what was counted in less says nothing */

static double writes_of(const struct work *w, size_t table)
{
    const struct survey_table *t = &w->survey->tables[table];
    double writes = (double)t->inserts + (double)t->updates + (double)t->deletes;
    return w->survey->stats_age_s > 0 ? writes / w->survey->stats_age_s : 0;
}

/* Beyond what once filled the table. */
static bool is_busy(const struct work *w, size_t table)
{
    const struct survey_table *t = &w->survey->tables[table];
    double inserts = (double)t->inserts - t->rows;
    double writes = (inserts < 0 ? 0 : inserts) + (double)t->updates + (double)t->deletes;
    double age = w->survey->stats_age_s;
    return age >= OLD_ENOUGH && writes / age >= BUSY_WRITES;
}

static bool is_mode(const struct work *w, size_t table, enum table_mode mode)
{
    return w->out->tables[table].mode == mode;
}

/* A large one that no key was found for may not be copied to every shard either. */
static bool can_refer(const struct work *w, size_t table)
{
    const struct survey_table *t = &w->survey->tables[table];
    return may_stand(w, table) && has_primary_key(t) && !w->is_settled[table];
}

static void make_reference(struct work *w, size_t table)
{
    w->out->tables[table].mode = TABLE_REFERENCE;
    w->is_settled[table] = true;
}

static const char *name_of(const struct work *w, size_t table)
{
    return w->survey->tables[table].name;
}

/* What sharded and reference tables point at has to be a copy beside them. True when one became so.
 */
static bool refer_parents(struct work *w)
{
    bool changed = false;
    for (size_t i = 0; i < w->survey->link_count; i++) {
        const struct survey_link *l = &w->survey->links[i];
        if (l->parent == SURVEY_NONE || is_mode(w, l->child, TABLE_STANDARD) ||
            !can_refer(w, l->parent)) {
            continue;
        }
        make_reference(w, l->parent);
        note_add(w, l->parent, ASSESS_REASON, "it is small, and the %s table %s points at it",
                 is_mode(w, l->child, TABLE_SHARDED) ? "sharded" : "reference",
                 name_of(w, l->child));
        changed = true;
    }
    return changed;
}

/* A standard table may not point at a reference table. */
static bool refer_children(struct work *w)
{
    bool changed = false;
    for (size_t i = 0; i < w->survey->link_count; i++) {
        const struct survey_link *l = &w->survey->links[i];
        if (l->parent != SURVEY_NONE && is_mode(w, l->parent, TABLE_REFERENCE) &&
            is_mode(w, l->child, TABLE_STANDARD) && can_refer(w, l->child) &&
            !is_busy(w, l->child)) {
            make_reference(w, l->child);
            note_add(w, l->child, ASSESS_REASON,
                     "it is small and points at the reference table %s, which a standard table may "
                     "not do",
                     name_of(w, l->parent));
            changed = true;
        }
    }
    return changed;
}

/* ---- foreign keys ---- */

static size_t key_column(const struct work *w, size_t table)
{
    const struct survey_table *t = &w->survey->tables[table];
    const char *key = w->out->tables[table].key;
    for (size_t i = 0; key != NULL && i < t->column_count; i++) {
        if (strcmp(t->columns[i].name, key) == 0) {
            return i;
        }
    }
    return SURVEY_NONE; /* computed */
}

/* Both sides in one group: the key is part of the foreign key, can become so, or stands for
 * somebody else there. */
static enum assess_link_fate fate_in_group(const struct work *w, const struct survey_link *l)
{
    size_t child_key = key_column(w, l->child);
    size_t parent_key = key_column(w, l->parent);
    for (size_t i = 0; i < l->count; i++) {
        bool own = child_key != SURVEY_NONE && l->child_columns[i] == child_key;
        bool other = parent_key != SURVEY_NONE && l->parent_columns[i] == parent_key;
        if (own && other) {
            return ASSESS_LINK_KEPT;
        }
        if (own || other) {
            return ASSESS_LINK_LOST;
        }
    }
    return ASSESS_LINK_GROWS;
}

enum assess_link_fate link_fate(const struct work *w, size_t link)
{
    const struct survey_link *l = &w->survey->links[link];
    if (l->parent == SURVEY_NONE) {
        return ASSESS_LINK_OUTSIDE;
    }
    const struct assess_table *child = &w->out->tables[l->child];
    const struct assess_table *parent = &w->out->tables[l->parent];
    if (child->is_left_out || parent->is_left_out) {
        return ASSESS_LINK_LOST;
    }
    if (child->mode == TABLE_SHARDED && parent->mode == TABLE_SHARDED) {
        return child->group == parent->group ? fate_in_group(w, l) : ASSESS_LINK_LOST;
    }
    bool fine = child->mode == parent->mode ||
                (child->mode == TABLE_SHARDED && parent->mode == TABLE_REFERENCE);
    return fine ? ASSESS_LINK_KEPT : ASSESS_LINK_LOST;
}

/* ---- all of it ---- */

static void tell_standard(struct work *w, size_t table)
{
    const struct survey_table *t = &w->survey->tables[table];
    if (w->out->tables[table].is_left_out) {
        note_add(w, table, ASSESS_REASON, "a shard group cannot have it");
        return;
    }
    if (!is_stored(t)) {
        note_add(w, table, ASSESS_REASON, "what it shows becomes an ordinary table");
    } else if (!w->is_settled[table]) {
        note_add(w, table, ASSESS_REASON,
                 w->up[table].count + w->down[table].count == 0
                     ? "it is small, and no foreign key connects it with a sharded table"
                     : "it is small, and no sharded table points at it");
    }
    if (!w->is_settled[table] && !has_primary_key(t) && is_stored(t)) {
        note_add(w, table, ASSESS_COST,
                 "without a primary key it cannot become a reference table later");
    }
}

void modes_settle(struct work *w)
{
    while (refer_parents(w) || refer_children(w)) {
    }
    for (size_t t = 0; t < w->survey->table_count; t++) {
        w->out->tables[t].writes_per_s = writes_of(w, t);
        if (is_mode(w, t, TABLE_STANDARD)) {
            tell_standard(w, t);
        }
        if (is_mode(w, t, TABLE_REFERENCE) && is_busy(w, t)) {
            note_add(w, t, ASSESS_UNSURE,
                     "it is small and pointed at, but has %.0f writes a second, each of which goes "
                     "to every shard",
                     writes_of(w, t));
        }
    }
    for (size_t i = 0; i < w->survey->link_count; i++) {
        w->out->links[i] = link_fate(w, i);
    }
}
