/*
 * assess_internal.h: what the files behind assess.h share. Nobody else includes it.
 *
 * A node is a column of a table: the table's first node and the column's number. Nodes are joined
 * into classes of one meaning; tables are reached from others through links in both directions.
 */
#ifndef LIMITLESS_ASSESS_INTERNAL_H
#define LIMITLESS_ASSESS_INTERNAL_H

#include "limitless/assess.h"

#define ASSESS_NAME_MAX 54 /* characters of a sharded table's name */

/* How a candidate comes to a table. */
enum reach { REACH_NOT, REACH_DIRECT, REACH_OWN, REACH_COMPUTED };
/* REACH_OWN: the table has the meaning under another name; sharded by it, but on its own. */

struct place {
    enum reach how;
    unsigned mark;  /* of the visit that this belongs to; another one: REACH_NOT */
    size_t column;  /* DIRECT, OWN */
    size_t link;    /* COMPUTED: the foreign key that is followed */
    unsigned steps; /* COMPUTED */
};

struct candidate {
    size_t table; /* where it was seen first */
    size_t column;
    size_t class; /* a node */
    double score;
    double score_even; /* the score if its values were spread evenly */
    size_t reached;    /* large tables */
    size_t computed;   /* of them, those with a computed key */
    int hint;          /* what the name promises: 0 nothing, 1, 2 */
};

struct links_of {
    size_t *items;
    size_t count;
};

struct work {
    const struct survey *survey;
    const struct assess_request *request;
    struct assessment *out;
    double large_rows;
    size_t *first_node; /* of each table, and one more */
    size_t *class_of;   /* union-find over nodes */
    bool *by_name;      /* of a class's root: some of it was joined by names only */
    size_t *members;    /* nodes ordered by class */
    size_t *member_at;  /* of each class's root: where its members begin */
    size_t *member_count;
    struct links_of *up; /* of each table: links to parents, from children */
    struct links_of *down;
    size_t *link_items;
    bool *may_refer; /* of each table: small beside what points at it */
    bool *is_settled;
    struct place *places; /* of each table, for the candidate that is looked at */
    size_t *queue;
    size_t queued; /* tables that the candidate reaches, in the order in which it did */
    unsigned mark;
    struct candidate *candidates; /* of the tables that are looked at */
    struct candidate *chosen;     /* of each large table that has a key */
    bool *has_rival;              /* of each group: one of its tables was told of one */
    size_t candidate_count;
    bool no_links; /* no foreign key at all among the tables */
    bool failed;   /* without memory; told at the end */
};

/* assess_notes.c: notes of one table, or with table SURVEY_NONE of the database. */
void note_add(struct work *w, size_t table, enum assess_topic topic, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* "TEXT\nFIX" in one format. */
void note_fix(struct work *w, size_t table, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* For one text of a table. */
char *note_text(struct work *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
void *work_items(struct work *w, size_t count, size_t size);

/* assess_graph.c */
bool graph_build(struct work *w);
void graph_free(struct work *w);
size_t class_of(const struct work *w, size_t table, size_t column);
size_t table_of_node(const struct work *w, size_t node);
const struct survey_column *column_of(const struct work *w, size_t table, size_t column);
bool is_whole_key(const struct survey_table *t, size_t column); /* unique on its own */
bool key_has(const struct survey_key *k, size_t column);
bool has_primary_key(const struct survey_table *t);
bool in_primary_key(const struct survey_table *t, size_t column);
bool is_large(const struct work *w, size_t table);
bool is_stored(const struct survey_table *t); /* a table, not a view */

/* assess_stand.c */
bool can_stand(const struct survey_table *t);       /* can a shard group have it? */
bool may_stand(const struct work *w, size_t table); /* it can, and it is no view */
void tell_left_out(struct work *w, size_t table);

/* assess_key.c: one column as a shard key, for itself. */
bool key_type_fits(const struct survey_column *c);
bool key_is_time(const struct survey_column *c);
/* NULL, or why this column cannot be this table's key. Static text. */
const char *key_refused(const struct survey_table *t, size_t column);
/* 0..1; even: as if no value stood out. */
double key_quality(const struct survey_table *t, size_t column, bool even);
int key_hint(const struct survey_column *c);

/* assess_reach.c: fills places and queue for a candidate. */
void reach_from(struct work *w, const struct candidate *c);
const struct place *reach_of(const struct work *w, size_t table);
/* The SQL for a computed key; to be freed; NULL when memory ends. */
char *reach_expression(struct work *w, size_t table);

/* assess_score.c */
struct choosing {
    struct work *w;
    size_t *tables; /* of one component: those of one choice */
    size_t count;
    double all;         /* weight of its large tables that have no key yet */
    size_t first_group; /* of this round */
};
bool is_wanted(const struct work *w, size_t table); /* large, and without a key */
bool is_grouped(const struct place *p);
/* All of the component, with their scores. */
void make_candidates(struct choosing *ch);
void score_candidate(const struct choosing *ch, struct candidate *c);

/* assess_tell.c; the table is reached by the candidate that was looked at last. */
void keep_candidate(struct work *w, size_t table, const struct candidate *c);
void tell_reason(struct work *w, size_t table, const struct candidate *c);
void tell_skew(struct work *w, size_t table, const struct survey_column *c);
void tell_passed_over(struct work *w, size_t table, const struct candidate *c);
void tell_rival(struct work *w, size_t table, const struct candidate *c);
/* What is so for all of a group is said once: by its first table. The others are unsure with it. */
bool speaks_for_group(struct work *w, size_t table);
void tell_meaning(struct work *w, size_t table, const struct candidate *c);

/* assess_choose.c: shards the large tables, and small ones that belong to them. */
void choose_large(struct work *w);

/* assess_modes.c: the other tables, and what becomes of foreign keys. */
void modes_settle(struct work *w);
enum assess_link_fate link_fate(const struct work *w, size_t link);

/* assess_explain.c: costs, changes, blockers, and AWS's utility. */
void explain_all(struct work *w);
/* assess_size.c: loading and capacity. */
void size_up(struct work *w);

#endif
