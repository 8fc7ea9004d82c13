/* Shard keys for the large tables: the candidate that reaches most of them, again and again. */
#include "limitless/assess_internal.h"

#include <stdlib.h>

#define SAME 1e-9

static double distance(double a, double b)
{
    return a < b ? b - a : a - b;
}

static int by_score(const void *a, const void *b)
{
    const struct candidate *x = a;
    const struct candidate *y = b;
    if (x->score != y->score) {
        return x->score < y->score ? 1 : -1;
    }
    return x->class != y->class ? (x->class > y->class) - (x->class < y->class)
                                : (x->table > y->table) - (x->table < y->table);
}

/* ---- settling ---- */

static size_t new_group(struct work *w, const struct survey_column *key)
{
    struct assess_group *g = &w->out->groups[w->out->group_count];
    *g = (struct assess_group){.head = SURVEY_NONE,
                               .key = note_text(w, "%s", key->name),
                               .key_type = note_text(w, "%s", key->type)};
    return w->out->group_count++;
}

static void join_group(struct work *w, size_t table, size_t group)
{
    struct assess_group *g = &w->out->groups[group];
    struct assess_table *a = &w->out->tables[table];
    a->mode = TABLE_SHARDED;
    a->group = group;
    a->key = note_text(w, "%s", g->key);
    a->key_type = note_text(w, "%s", g->key_type);
    a->collocate_with = g->head;
    g->head = g->head == SURVEY_NONE ? table : g->head;
    g->table_count++;
    g->bytes += w->survey->tables[table].bytes;
    w->is_settled[table] = true;
}

/* A column that joins a primary key must be NOT NULL there; a computed one is. */
static bool needs_copy(const struct work *w, size_t table, size_t column)
{
    const struct survey_table *t = &w->survey->tables[table];
    return has_primary_key(t) && !t->columns[column].not_null && !in_primary_key(t, column);
}

static void settle_table(struct work *w, const struct candidate *c, size_t table, size_t group)
{
    const struct place *p = reach_of(w, table);
    struct assess_table *a = &w->out->tables[table];
    join_group(w, table, group);
    tell_reason(w, table, c);
    a->steps = p->steps;
    if (p->how == REACH_COMPUTED || needs_copy(w, table, p->column)) {
        a->expression = reach_expression(w, table);
    }
    if (p->how != REACH_COMPUTED) {
        tell_skew(w, table, column_of(w, table, p->column));
    }
}

/* Small tables come along where the key is the group's own, by a foreign key or by its meaning. */
static bool comes_along(const struct work *w, size_t table, const struct candidate *c)
{
    const struct place *p = reach_of(w, table);
    if (w->is_settled[table] || is_large(w, table) || !may_stand(w, table)) {
        return false;
    }
    if (p->how == REACH_DIRECT) {
        return !w->by_name[c->class] || w->up[table].count + w->down[table].count > 0 ||
               w->no_links;
    }
    return p->how == REACH_COMPUTED && w->is_settled[w->survey->links[p->link].parent];
}

static void settle(const struct choosing *ch, const struct candidate *c)
{
    struct work *w = ch->w;
    size_t group = SURVEY_NONE;
    reach_from(w, c);
    for (int large = 1; large >= 0; large--) {
        for (size_t i = 0; i < w->queued; i++) {
            size_t t = w->queue[i];
            if (is_grouped(reach_of(w, t)) &&
                (large == 1 ? is_wanted(w, t) : comes_along(w, t, c))) {
                group =
                    group == SURVEY_NONE ? new_group(w, column_of(w, c->table, c->column)) : group;
                settle_table(w, c, t, group);
            }
        }
    }
    for (size_t i = 0; i < w->queued; i++) {
        size_t t = w->queue[i];
        if (reach_of(w, t)->how == REACH_OWN && is_wanted(w, t)) {
            settle_table(w, c, t, new_group(w, column_of(w, t, reach_of(w, t)->column)));
        }
    }
}

/* ---- choosing ---- */

/* Among scores that are as good as equal a name may decide. */
static const struct candidate *better_named(const struct choosing *ch, size_t at)
{
    struct work *w = ch->w;
    const struct candidate *top = &w->candidates[at];
    const struct candidate *found = top;
    for (size_t i = at + 1;
         i < w->candidate_count && w->candidates[i].score >= top->score * ASSESS_CLOSE; i++) {
        const struct candidate *c = &w->candidates[i];
        if (c->reached < top->reached || c->hint <= found->hint || c->class == top->class) {
            continue;
        }
        reach_from(w, c);
        found = reach_of(w, top->table)->how == REACH_NOT ? found : c;
    }
    return found;
}

/* Has a choice of this round taken some of its tables away? */
static bool is_stale(const struct choosing *ch, const struct candidate *c)
{
    struct candidate again = *c;
    score_candidate(ch, &again);
    return distance(again.score, c->score) > SAME;
}

static bool is_new(const struct choosing *ch, size_t table)
{
    const struct assess_table *a = &ch->w->out->tables[table];
    return a->group != SURVEY_NONE && a->group >= ch->first_group && is_large(ch->w, table);
}

static void choose(const struct choosing *ch, size_t at)
{
    struct work *w = ch->w;
    size_t group = w->out->group_count;
    const struct candidate *top = &w->candidates[at];
    const struct candidate *named = better_named(ch, at);
    struct candidate chosen = is_stale(ch, named) ? *top : *named;
    settle(ch, &chosen);
    for (size_t i = 0; i < w->queued; i++) {
        size_t t = w->queue[i];
        if (is_new(ch, t) && w->out->tables[t].group >= group) {
            w->chosen[t] = chosen;
            tell_meaning(w, t, &chosen);
            if (chosen.class != top->class && speaks_for_group(w, t)) {
                note_add(w, t, ASSESS_UNSURE, "scores are close, and the name %s decided",
                         column_of(w, chosen.table, chosen.column)->name);
            }
        }
    }
}

/* What else was weighed for the tables of this round. */
static void tell_others(const struct choosing *ch)
{
    struct work *w = ch->w;
    for (size_t i = 0; i < w->candidate_count; i++) {
        const struct candidate *c = &w->candidates[i];
        reach_from(w, c);
        for (size_t k = 0; k < w->queued; k++) {
            size_t t = w->queue[k];
            if (is_new(ch, t)) {
                keep_candidate(w, t, c);
                tell_passed_over(w, t, c);
                tell_rival(w, t, c);
            }
        }
    }
}

/* One list of scores may do for several choices, as long as they do not touch each other. */
static bool choose_round(struct choosing *ch)
{
    struct work *w = ch->w;
    make_candidates(ch);
    ch->first_group = w->out->group_count;
    if (w->candidate_count > 0) {
        qsort(w->candidates, w->candidate_count, sizeof w->candidates[0], by_score);
    }
    for (size_t i = 0; i < w->candidate_count && w->candidates[i].score > 0; i++) {
        if (!is_stale(ch, &w->candidates[i])) {
            choose(ch, i);
        }
    }
    tell_others(ch);
    return w->out->group_count > ch->first_group;
}

static bool any_wanted(const struct choosing *ch)
{
    for (size_t i = 0; i < ch->count; i++) {
        if (is_wanted(ch->w, ch->tables[i])) {
            return true;
        }
    }
    return false;
}

static void give_up(const struct choosing *ch)
{
    struct work *w = ch->w;
    for (size_t i = 0; i < ch->count; i++) {
        size_t t = ch->tables[i];
        if (is_wanted(w, t)) {
            w->is_settled[t] = true;
            w->out->tables[t].mode = TABLE_STANDARD;
            note_add(w, t, ASSESS_UNSURE,
                     "it is large, but no column can be its shard key: none has a fitting type, "
                     "many values and no NULLs; add one, or compute one with an expression");
        }
    }
}

/* Tables that share some meaning, directly or through others. */
static size_t find_root(size_t *root, size_t t)
{
    while (root[t] != t) {
        root[t] = root[root[t]];
        t = root[t];
    }
    return t;
}

static void find_components(const struct work *w, size_t *root)
{
    for (size_t t = 0; t < w->survey->table_count; t++) {
        root[t] = t;
    }
    for (size_t t = 0; t < w->survey->table_count; t++) {
        for (size_t c = 0; c < w->survey->tables[t].column_count; c++) {
            size_t a = find_root(root, t);
            size_t b = find_root(root, table_of_node(w, class_of(w, t, c)));
            root[a > b ? a : b] = a > b ? b : a;
        }
    }
}

struct rooted {
    size_t root;
    size_t table;
};

static int by_component(const void *a, const void *b)
{
    const struct rooted *x = a;
    const struct rooted *y = b;
    return x->root != y->root ? (x->root > y->root) - (x->root < y->root)
                              : (x->table > y->table) - (x->table < y->table);
}

/* The tables, those of a component together. */
static size_t *sort_components(struct work *w, size_t *root)
{
    size_t count = w->survey->table_count;
    struct rooted *all = work_items(w, count, sizeof *all);
    size_t *tables = work_items(w, count, sizeof *tables);
    for (size_t t = 0; all != NULL && t < count; t++) {
        all[t] = (struct rooted){find_root(root, t), t};
    }
    if (all != NULL && tables != NULL && count > 0) {
        qsort(all, count, sizeof *all, by_component);
        for (size_t t = 0; t < count; t++) {
            tables[t] = all[t].table;
        }
    }
    free(all);
    return tables;
}

void choose_large(struct work *w)
{
    size_t count = w->survey->table_count;
    size_t *root = work_items(w, count, sizeof *root);
    size_t *tables = NULL;
    if (root != NULL) {
        find_components(w, root);
        tables = sort_components(w, root);
    }
    for (size_t i = 0, end = 0; tables != NULL && i < count; i = end) {
        while (end < count && find_root(root, tables[end]) == find_root(root, tables[i])) {
            end++;
        }
        struct choosing ch = {.w = w, .tables = tables + i, .count = end - i};
        while (!w->failed && any_wanted(&ch) && choose_round(&ch)) {
        }
        give_up(&ch);
    }
    free(root);
    free(tables);
}
