/* Which columns may be a shard key, and how well each would do. */
#include "limitless/assess_internal.h"

#include <assert.h>
#include <string.h>

#define OWN         0.90 /* of the quality: sharded, but not with the others */
#define STEP        0.06 /* each foreign key that has to be followed for the value */
#define LINK_LOST   0.15 /* of the child's weight */
#define LINK_ACROSS 0.10
#define MANY_VALUES 64.0
#define FEW_VALUES  4.0

/* The size of a table hardly matters: ten times the rows weigh one more. The logarithm to 10, by
 * straight lines between its powers. */
static double weight(const struct work *w, size_t table)
{
    double rows = w->survey->tables[table].rows;
    double digits = 0;
    while (rows >= 10) {
        rows /= 10;
        digits++;
    }
    double sum = rows < 1 ? digits : digits + (rows - 1) / 9;
    return sum < 1 ? 1 : sum;
}

bool is_wanted(const struct work *w, size_t table)
{
    return is_large(w, table) && !w->is_settled[table];
}

bool is_grouped(const struct place *p)
{
    return p->how == REACH_DIRECT || p->how == REACH_COMPUTED;
}

/* ---- scores ---- */

/* The table and column that a computed key comes from in the end. */
static size_t origin(const struct work *w, size_t table)
{
    while (reach_of(w, table)->how == REACH_COMPUTED) {
        table = w->survey->links[reach_of(w, table)->link].parent;
    }
    return table;
}

static double fit(const struct work *w, size_t table, bool even)
{
    const struct place *p = reach_of(w, table);
    size_t from = origin(w, table);
    double quality = key_quality(&w->survey->tables[from], reach_of(w, from)->column, even);
    return p->how == REACH_OWN ? quality * OWN : quality * (1 - STEP * p->steps);
}

/* Does the foreign key stay within the group, with the group's key on both sides? */
static bool is_across(const struct work *w, const struct survey_link *l)
{
    const struct place *child = reach_of(w, l->child);
    const struct place *parent = reach_of(w, l->parent);
    if (parent->how != REACH_DIRECT && parent->how != REACH_OWN) {
        return false;
    }
    for (size_t i = 0; i < l->count; i++) {
        if (l->parent_columns[i] == parent->column) {
            return child->how != REACH_COMPUTED && l->child_columns[i] != child->column;
        }
    }
    return false;
}

static double lost_links(const struct work *w, size_t table)
{
    double lost = 0;
    for (size_t i = 0; i < w->up[table].count; i++) {
        const struct survey_link *l = &w->survey->links[w->up[table].items[i]];
        if (l->parent == SURVEY_NONE || w->may_refer[l->parent]) {
            continue;
        }
        if (reach_of(w, l->parent)->how == REACH_NOT) {
            lost += is_large(w, l->parent) ? LINK_LOST : 0;
        } else {
            lost += is_across(w, l) ? LINK_ACROSS : 0;
        }
    }
    lost = lost > 0.5 ? 0.5 : lost;
    return lost * weight(w, table);
}

static double left_children(const struct work *w, size_t table)
{
    double lost = 0;
    for (size_t i = 0; i < w->down[table].count; i++) {
        size_t child = w->survey->links[w->down[table].items[i]].child;
        if (is_wanted(w, child) && reach_of(w, child)->how == REACH_NOT) {
            lost += LINK_LOST * weight(w, child);
        }
    }
    return lost;
}

void score_candidate(const struct choosing *ch, struct candidate *c)
{
    struct work *w = ch->w;
    double sum = 0;
    double sum_even = 0;
    c->reached = 0;
    c->computed = 0;
    reach_from(w, c);
    for (size_t i = 0; i < w->queued; i++) {
        size_t t = w->queue[i];
        if (!is_wanted(w, t)) {
            continue;
        }
        double lost = lost_links(w, t) + left_children(w, t);
        sum += weight(w, t) * fit(w, t, false) - lost;
        sum_even += weight(w, t) * fit(w, t, true) - lost;
        c->reached += is_grouped(reach_of(w, t));
        c->computed += reach_of(w, t)->how == REACH_COMPUTED;
    }
    c->score = ch->all > 0 ? sum / ch->all : 0;
    c->score_even = ch->all > 0 ? sum_even / ch->all : 0;
}

/* ---- candidates ---- */

static bool is_known(const struct work *w, const struct candidate *c)
{
    const struct survey_column *a = column_of(w, c->table, c->column);
    for (size_t i = 0; i < w->candidate_count; i++) {
        const struct candidate *o = &w->candidates[i];
        const struct survey_column *b = column_of(w, o->table, o->column);
        if (o->class == c->class && strcmp(a->name, b->name) == 0 &&
            strcmp(a->type, b->type) == 0) {
            return true;
        }
    }
    return false;
}

static void offer(struct work *w, size_t table, size_t column)
{
    struct candidate c = {.table = table,
                          .column = column,
                          .class = class_of(w, table, column),
                          .hint = key_hint(column_of(w, table, column))};
    bool shared = w->member_count[c.class] > 1;
    double distinct = column_of(w, table, column)->distinct;
    if (!shared && distinct >= 0 && distinct < FEW_VALUES) {
        return;
    }
    if (key_refused(&w->survey->tables[table], column) == NULL && !(shared && is_known(w, &c))) {
        w->candidates[w->candidate_count++] = c;
    }
}

static bool is_keyed(const struct survey_table *t, size_t column)
{
    for (size_t i = 0; i < t->key_count; i++) {
        if (!t->keys[i].partial && key_has(&t->keys[i], column)) {
            return true;
        }
    }
    return false;
}

/* Columns that mean something elsewhere, that are keys, or whose name says so; without any, all
 * that have many values. */
static void offer_columns(struct work *w, size_t table, bool shared_only)
{
    const struct survey_table *t = &w->survey->tables[table];
    size_t before = w->candidate_count;
    for (size_t c = 0; c < t->column_count; c++) {
        bool shared = w->member_count[class_of(w, table, c)] > 1;
        if (shared || (!shared_only && (is_keyed(t, c) || key_hint(&t->columns[c]) > 0))) {
            offer(w, table, c);
        }
    }
    for (size_t c = 0; before == w->candidate_count && !shared_only && c < t->column_count; c++) {
        if (t->columns[c].distinct >= MANY_VALUES) {
            offer(w, table, c);
        }
    }
}

static void offer_above(struct work *w, size_t table)
{
    for (size_t i = 0; i < w->up[table].count; i++) {
        size_t parent = w->survey->links[w->up[table].items[i]].parent;
        if (parent != SURVEY_NONE && parent != table) {
            offer_columns(w, parent, true);
        }
    }
}

/* Keys that may be computed along foreign keys. */
static void offer_parents(struct work *w, size_t table)
{
    static_assert(ASSESS_STEPS_MAX == 2, "one loop a step");
    offer_above(w, table);
    for (size_t i = 0; i < w->up[table].count; i++) {
        size_t parent = w->survey->links[w->up[table].items[i]].parent;
        if (parent != SURVEY_NONE && parent != table) {
            offer_above(w, parent);
        }
    }
}

void make_candidates(struct choosing *ch)
{
    struct work *w = ch->w;
    w->candidate_count = 0;
    ch->all = 0;
    for (size_t i = 0; i < ch->count; i++) {
        if (is_wanted(w, ch->tables[i])) {
            ch->all += weight(w, ch->tables[i]);
            offer_columns(w, ch->tables[i], false);
        }
    }
    for (size_t i = 0; i < ch->count; i++) {
        if (is_wanted(w, ch->tables[i])) {
            offer_parents(w, ch->tables[i]);
        }
    }
    for (size_t i = 0; i < w->candidate_count; i++) {
        score_candidate(ch, &w->candidates[i]);
    }
}
