/* Why a key was chosen, and what else was weighed. */
#include "limitless/assess_internal.h"

#define SKEWED 0.2 /* of the rows have one value: somebody should know */

static bool is_kept(const struct assess_table *a, size_t class)
{
    for (size_t i = 0; i < a->candidate_count; i++) {
        if (a->candidates[i].class == class) {
            return true;
        }
    }
    return false;
}

/* What the candidate is called in this table. */
static const struct survey_column *seen_from(const struct work *w, size_t table,
                                             const struct candidate *c)
{
    const struct place *p = reach_of(w, table);
    return p->how == REACH_DIRECT || p->how == REACH_OWN ? column_of(w, table, p->column)
                                                         : column_of(w, c->table, c->column);
}

void keep_candidate(struct work *w, size_t table, const struct candidate *c)
{
    struct assess_table *a = &w->out->tables[table];
    const struct survey_column *column = seen_from(w, table, c);
    if (a->candidate_count == ASSESS_CANDIDATES_MAX || c->score <= 0 || is_kept(a, c->class)) {
        return;
    }
    struct assess_candidate *k = &a->candidates[a->candidate_count++];
    k->score = c->score;
    k->class = c->class;
    k->column = note_text(w, "%s", column->name);
    if (column->distinct < 0) {
        k->text = note_text(w,
                            "holds %zu large tables together, %zu by a computed key; no "
                            "statistics",
                            c->reached, c->computed);
        return;
    }
    k->text = note_text(w,
                        "holds %zu large tables together, %zu by a computed key; %.0f values, the "
                        "most common one in %.1f %% of the rows",
                        c->reached, c->computed, column->distinct, 100 * column->top_freq);
}

void tell_skew(struct work *w, size_t table, const struct survey_column *c)
{
    if (c->top_freq >= SKEWED) {
        note_add(w, table, ASSESS_UNSURE,
                 "one value of %s holds %.0f %% of the rows, which will all be on one shard; if "
                 "that does not fit, take another key, or one that splits this value",
                 c->name, 100 * c->top_freq);
    }
    if (c->has_stats && c->distinct >= 0 && c->distinct < 16) {
        note_add(w, table, ASSESS_UNSURE,
                 "%s has only %.0f values; with more shards than that some stay empty", c->name,
                 c->distinct);
    }
    if (!c->has_stats) {
        note_add(w, table, ASSESS_UNSURE,
                 c->can_select ? "there are no statistics of %s: run ANALYZE, or assess with "
                                 "--sample"
                               : "the role may not read %s, so that its statistics are hidden: "
                                 "GRANT SELECT",
                 c->name);
    }
}

/* A key that would have been the best one, were its values spread evenly. */
void tell_passed_over(struct work *w, size_t table, const struct candidate *c)
{
    const struct candidate *chosen = &w->chosen[table];
    const struct survey_column *column = seen_from(w, table, c);
    bool better = c->score_even > chosen->score_even || c->reached > chosen->reached;
    if (c->class != chosen->class && better && column->top_freq >= SKEWED) {
        note_add(w, table, ASSESS_UNSURE,
                 "%s would be the key, but one of its values holds %.0f %% of the rows",
                 column->name, 100 * column->top_freq);
    }
}

bool speaks_for_group(struct work *w, size_t table)
{
    struct assess_table *a = &w->out->tables[table];
    bool is_head = a->group == SURVEY_NONE || w->out->groups[a->group].head == table;
    a->is_unsure = a->is_unsure || !is_head;
    return is_head;
}

void tell_rival(struct work *w, size_t table, const struct candidate *c)
{
    const struct candidate *chosen = &w->chosen[table];
    struct assess_table *a = &w->out->tables[table];
    if (c->class == chosen->class || c->reached < chosen->reached ||
        c->score < chosen->score * ASSESS_CLOSE) {
        return;
    }
    a->is_unsure = true;
    if (w->has_rival[a->group]) {
        return;
    }
    w->has_rival[a->group] = true;
    note_add(w, table, ASSESS_UNSURE,
             "%s would do about as well (%.2f against %.2f): take the one that most queries ask by",
             seen_from(w, table, c)->name, c->score, chosen->score);
}

void tell_meaning(struct work *w, size_t table, const struct candidate *c)
{
    const char *name = column_of(w, c->table, c->column)->name;
    if (w->by_name[c->class] && w->member_count[c->class] > 1 && speaks_for_group(w, table)) {
        note_add(w, table, ASSESS_UNSURE,
                 "that %s means the same in other tables is told by its name only, not by foreign "
                 "keys",
                 name);
    }
}

void tell_reason(struct work *w, size_t table, const struct candidate *c)
{
    const struct place *p = reach_of(w, table);
    const struct survey_table *t = &w->survey->tables[table];
    const char *key = column_of(w, c->table, c->column)->name;
    if (p->how == REACH_COMPUTED) {
        const struct survey_link *l = &w->survey->links[p->link];
        note_add(w, table, ASSESS_REASON,
                 "follows %s by foreign key %s, and so belongs to the tables sharded by %s",
                 l->parent_name, l->name, key);
    } else if (c->reached > 1) {
        note_add(w, table, ASSESS_REASON, "%s holds %zu large tables together%s%s", key, c->reached,
                 is_large(w, table) ? "" : "; this small one goes with them",
                 p->how == REACH_OWN ? "; here it has another name" : "");
    } else if (t->columns[p->column].has_stats) {
        note_add(
            w, table, ASSESS_REASON,
            "%s spreads the rows best: %.0f values, the most common one in %.1f %% of the rows",
            t->columns[p->column].name, t->columns[p->column].distinct,
            100 * t->columns[p->column].top_freq);
    } else {
        note_add(w, table, ASSESS_REASON, "%s, by the keys of the table",
                 t->columns[p->column].name);
    }
}
