#include "job/choice_modes.h"

#include <string.h>

struct settling {
    const struct spec *spec;
    const struct relation_list *list;
    struct findings *findings;
};

static const char *file_of(const struct settling *w)
{
    return w->spec->config == NULL ? "job file" : w->spec->config;
}

static const char *said_mode(enum table_mode mode)
{
    return mode == TABLE_REFERENCE  ? "and another rule says mode: reference of it"
           : mode == TABLE_STANDARD ? "and another rule says mode: standard of it"
                                    : "and no rule says mode: sharded of it";
}

static bool is_unshardable(const struct choice *c)
{
    return c->mode != TABLE_SHARDED && (c->shard_key != NULL || c->collocate_with != NULL);
}

/* One rule may speak for many tables, and is told about once. */
static bool told_before(const struct choice *choices, size_t no)
{
    for (size_t i = 0; i < no; i++) {
        if (is_unshardable(&choices[i]) && choices[i].mode_line == choices[no].mode_line) {
            return true;
        }
    }
    return false;
}

/* By name; a leaf without a table of its own in a rule goes where its root's rule says. */
static bool same_target(const struct settling *w, const struct choice *choices, size_t a, size_t b)
{
    const struct choice *x = &choices[a];
    const struct choice *y = &choices[b];
    return (x->table_said || !w->list->items[a].is_partition) &&
           (y->table_said || !w->list->items[b].is_partition) &&
           strcmp(x->to_table, y->to_table) == 0 && strcmp(x->to_schema, y->to_schema) == 0;
}

static bool same_key(const struct text_list *a, const struct text_list *b)
{
    bool same = (a == NULL) == (b == NULL) && (a == NULL || a->count == b->count);
    for (size_t i = 0; same && a != NULL && i < a->count; i++) {
        same = strcmp(a->items[i], b->items[i]) == 0;
    }
    return same;
}

static bool same_sharding(const struct choice *a, const struct choice *b)
{
    return a->mode == b->mode && same_key(a->shard_key, b->shard_key) &&
           (a->collocate_with == NULL) == (b->collocate_with == NULL) &&
           (a->collocate_with == NULL || strcmp(a->collocate_with, b->collocate_with) == 0);
}

static bool is_silent(const struct choice *c)
{
    return c->mode == TABLE_MODE_UNSAID && c->shard_key == NULL && c->collocate_with == NULL;
}

/* What is said for one of them is said for the target. */
static void take_sharding(struct choice *to, const struct choice *from)
{
    to->mode = from->mode;
    to->shard_key = from->shard_key;
    to->collocate_with = from->collocate_with;
    to->mode_line = from->mode_line;
}

static void settle_pair(struct settling *w, struct choice *choices, size_t a, size_t b)
{
    const struct relation *x = &w->list->items[a];
    const struct relation *y = &w->list->items[b];
    if (is_silent(&choices[b])) {
        take_sharding(&choices[b], &choices[a]);
    } else if (is_silent(&choices[a])) {
        take_sharding(&choices[a], &choices[b]);
    } else if (!same_sharding(&choices[a], &choices[b])) {
        findings_add(w->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%s:%u: tables %s.%s and %s.%s go to %s.%s, and line %u wishes another mode, "
                     "shard key or collocation for it; say it once",
                     file_of(w), choices[b].mode_line, x->schema, x->name, y->schema, y->name,
                     choices[b].to_schema, choices[b].to_table, choices[a].mode_line);
    }
}

/* Each against the first of its target; a second round tells those before the one that spoke. */
static void settle_targets(struct settling *w, struct choice *choices)
{
    for (size_t b = 1; b < w->list->count; b++) {
        for (size_t a = 0; a < b; a++) {
            if ((choices[a].renamed || choices[b].renamed) && same_target(w, choices, a, b)) {
                settle_pair(w, choices, a, b);
                break;
            }
        }
    }
    for (size_t b = 1; b < w->list->count; b++) {
        for (size_t a = 0; a < b && is_silent(&choices[b]) && choices[b].renamed; a++) {
            if (!is_silent(&choices[a]) && same_target(w, choices, a, b)) {
                take_sharding(&choices[b], &choices[a]);
            }
        }
    }
}

static void check_sharding(struct settling *w, const struct choice *choices)
{
    for (size_t i = 0; i < w->list->count; i++) {
        const struct choice *c = &choices[i];
        if (is_unshardable(c) && !told_before(choices, i)) {
            findings_add(w->findings, FINDING_BLOCKER, ERR_USAGE,
                         "%s:%u: table %s.%s: %s is about sharded tables, %s; add mode: sharded, or"
                         " leave it out",
                         file_of(w), c->mode_line, w->list->items[i].schema, w->list->items[i].name,
                         c->shard_key != NULL ? "shard-key" : "collocate-with", said_mode(c->mode));
        }
    }
}

void choices_check_modes(const struct spec *spec, const struct relation_list *list,
                         struct choice *choices, struct findings *findings)
{
    struct settling w = {.spec = spec, .list = list, .findings = findings};
    settle_targets(&w, choices);
    check_sharding(&w, choices);
}
