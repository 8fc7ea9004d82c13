#include "limitless/assess.h"

#include "limitless/assess_internal.h"

#include <stdlib.h>
#include <string.h>

/* Of a database without large tables: what would be the key if all of them were. */
#define GROWN_ROWS 2.0

const char *assess_topic_name(enum assess_topic topic)
{
    static const char *const names[ASSESS_TOPICS] = {"reason", "unsure",  "cost",
                                                     "change", "blocker", "aws-utility"};
    return names[topic];
}

const char *assess_link_fate_name(enum assess_link_fate fate)
{
    static const char *const names[] = {"kept", "grows", "lost", "outside"};
    return names[fate];
}

/* ---- memory ---- */

static void free_notes(struct assess_notes *n)
{
    for (size_t i = 0; i < n->count; i++) {
        free(n->items[i].text);
        free(n->items[i].fix);
    }
    free(n->items);
}

static void free_table(struct assess_table *t)
{
    for (size_t i = 0; i < t->candidate_count; i++) {
        free(t->candidates[i].column);
        free(t->candidates[i].text);
    }
    free(t->key);
    free(t->key_type);
    free(t->expression);
    free(t->rename);
    free_notes(&t->notes);
}

void assessment_free(struct assessment *a)
{
    if (a == NULL) {
        return;
    }
    for (size_t i = 0; i < a->table_count; i++) {
        free_table(&a->tables[i]);
    }
    for (size_t i = 0; i < a->group_count; i++) {
        free(a->groups[i].key);
        free(a->groups[i].key_type);
    }
    free(a->tables);
    free(a->groups);
    free(a->links);
    free_notes(&a->notes);
    *a = (struct assessment){0};
}

static bool take_memory(struct work *w)
{
    struct assessment *a = w->out;
    a->tables = work_items(w, w->survey->table_count, sizeof a->tables[0]);
    a->groups = work_items(w, w->survey->table_count, sizeof a->groups[0]);
    a->links = work_items(w, w->survey->link_count, sizeof a->links[0]);
    if (w->failed) {
        return false;
    }
    a->table_count = w->survey->table_count;
    for (size_t t = 0; t < a->table_count; t++) {
        a->tables[t].mode = TABLE_STANDARD;
        a->tables[t].is_left_out = !can_stand(&w->survey->tables[t]);
        a->tables[t].group = SURVEY_NONE;
        a->tables[t].collocate_with = SURVEY_NONE;
        a->tables[t].cluster = SURVEY_NONE;
    }
    return true;
}

/* ---- the proposal ---- */

static void propose(struct work *w)
{
    for (size_t t = 0; t < w->survey->table_count; t++) {
        w->out->tables[t].is_large = is_large(w, t);
    }
    choose_large(w);
    modes_settle(w);
}

static bool run(struct work *w)
{
    if (take_memory(w) && graph_build(w)) {
        propose(w);
    }
    return !w->failed;
}

/* The same tables, were they large; only the key of the largest group is of interest. */
static void tell_growth(struct work *w)
{
    struct assessment grown = {.table_count = 0};
    struct work again = {
        .survey = w->survey, .request = w->request, .out = &grown, .large_rows = GROWN_ROWS};
    const struct assess_group *top = NULL;
    (void)run(&again);
    for (size_t i = 0; i < grown.group_count; i++) {
        const struct assess_group *g = &grown.groups[i];
        top = top == NULL || g->table_count > top->table_count ? g : top;
    }
    if (!again.failed && top != NULL && top->key != NULL) {
        note_add(w, SURVEY_NONE, ASSESS_REASON,
                 "if it grows, %s would be the shard key of %zu of its tables", top->key,
                 top->table_count);
    }
    w->failed = w->failed || again.failed;
    graph_free(&again);
    assessment_free(&grown);
}

bool assess(const struct survey *survey, const struct assess_request *request,
            struct assessment *out, struct err *err)
{
    struct assessment made = {.table_count = 0};
    double large = request->large_rows > 0 ? request->large_rows : ASSESS_LARGE_ROWS;
    struct work w = {.survey = survey, .request = request, .out = &made, .large_rows = large};
    if (run(&w)) {
        explain_all(&w);
        size_up(&w);
        if (made.group_count == 0) {
            tell_growth(&w);
        }
    }
    graph_free(&w);
    if (w.failed) {
        assessment_free(&made);
        return err_set(err, ERR_SYSTEM, "out of memory for the assessment");
    }
    *out = made;
    return true;
}
