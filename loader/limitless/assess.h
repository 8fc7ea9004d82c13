/*
 * assess.h: what a database would look like in a shard group: for each table a mode, a shard key
 * and with whom it is collocated, why, what that costs, and what stands in the way. Pure: facts in,
 * proposal out; the same facts always give the same proposal.
 *
 * How it is decided (docs/assess.md has it for people):
 *   - Columns that foreign keys connect mean the same thing. A candidate for a shard key is such a
 *     meaning with a name and a type; it reaches a table that has the column, or from which foreign
 *     keys lead, in at most ASSESS_STEPS_MAX steps, to one that has it (the key is then computed).
 *   - Large tables get the candidate that reaches most of them with the least cost, again and
 * again.
 *   - Small tables follow: into the group where they have its key, to reference tables where
 * sharded ones point at them, else they stay standard.
 *
 * Collocated tables have key columns of the same name and type (Aurora User Guide, "Converting
 * standard tables"). Limits and lists are that guide's, "DDL limitations", "Limitless Database
 * requirements", "DB shard group capacity" and "data loading utility".
 */
#ifndef LIMITLESS_ASSESS_H
#define LIMITLESS_ASSESS_H

#include "base/err.h"
#include "limitless/table_mode.h"
#include "pg/survey.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASSESS_STEPS_MAX      2
#define ASSESS_CANDIDATES_MAX 4
#define ASSESS_LARGE_ROWS     10000.0     /* from here on a table is worth spreading ... */
#define ASSESS_LARGE_BYTES    (16u << 20) /* ... or from here on */
#define ASSESS_CLOSE          0.90        /* a score this near to the best one is as good */
#define ASSESS_UTILITY_TABLES 15          /* of a call of AWS's utility */

struct assess_request {
    uint64_t rate_bytes_s; /* of all streams together; 0: ASSESS_RATE */
    double large_rows;     /* 0: ASSESS_LARGE_ROWS */
    bool sampled;          /* survey_sample was called */
};
#define ASSESS_RATE (UINT64_C(50) << 20)

enum assess_topic {
    ASSESS_REASON,  /* why it is proposed */
    ASSESS_UNSURE,  /* why somebody should look at it */
    ASSESS_COST,    /* what follows for the schema and for queries */
    ASSESS_CHANGE,  /* what becomes of parts of the table there */
    ASSESS_BLOCKER, /* what cannot go there as it is */
    ASSESS_UTILITY, /* what AWS's own loading utility would refuse */
    ASSESS_TOPICS,
};

struct assess_note {
    enum assess_topic topic;
    char *text;
    char *fix; /* of a blocker; else NULL */
};
struct assess_notes {
    struct assess_note *items;
    size_t count;
};

/* A shard key that was weighed. */
struct assess_candidate {
    char *column;
    double score; /* 0..1 of what the best imaginable key of these tables would have */
    size_t class; /* those of one class mean the same */
    char *text;   /* "reaches 5 of 7 large tables, ..." */
};

/* One for each table of the survey, in its order. */
struct assess_table {
    enum table_mode mode;  /* never UNSAID */
    char *key;             /* of a sharded table: the column's name on the destination */
    char *key_type;        /* format_type */
    char *expression;      /* of a computed key; NULL: a column as it is */
    size_t steps;          /* foreign keys that the expression follows */
    size_t group;          /* of a sharded table; SURVEY_NONE */
    size_t collocate_with; /* a table; SURVEY_NONE: the group's first one, or not sharded */
    size_t cluster;        /* tables that foreign keys connect; SURVEY_NONE: none does */
    char *rename;          /* its name there when its own is too long; NULL: the same */
    bool is_left_out;      /* a shard group cannot have it: the job file leaves it out */
    bool is_large;
    bool is_unsure;
    double writes_per_s;                                       /* inserts, updates, deletes */
    struct assess_candidate candidates[ASSESS_CANDIDATES_MAX]; /* best first */
    size_t candidate_count;
    struct assess_notes notes;
};

/* Sharded tables that are collocated. */
struct assess_group {
    char *key;
    char *key_type;
    size_t head; /* the table that the others are collocated with */
    size_t table_count;
    uint64_t bytes;
};

enum assess_link_fate {
    ASSESS_LINK_KEPT,
    ASSESS_LINK_GROWS, /* kept when the shard key becomes part of it on both sides */
    ASSESS_LINK_LOST,
    ASSESS_LINK_OUTSIDE, /* its parent is not part of the assessment */
};

/* What a shard group has with a certain maximum capacity. */
struct assess_capacity {
    unsigned acu_from;
    unsigned acu_to;
    unsigned routers;
    unsigned shards;
};

struct assess_load {
    uint64_t bytes;
    uint64_t rate_bytes_s;
    uint64_t seconds;
    unsigned streams;
    unsigned connections;
};

struct assessment {
    struct assess_table *tables;
    size_t table_count;
    struct assess_group *groups;
    size_t group_count;
    enum assess_link_fate *links; /* one for each of the survey's */
    size_t cluster_count;
    struct assess_notes notes; /* about the database as a whole */
    struct assess_load load;
    const struct assess_capacity *capacity; /* of ASSESS_CAPACITIES rows, by acu_from */
    size_t capacity_fit;                    /* the row that holds a tenth of the data in memory */
    size_t topics[ASSESS_TOPICS];           /* how many notes there are of each, all tables */
};
#define ASSESS_CAPACITIES 21

void assessment_free(struct assessment *a); /* NULL and zeroed are allowed */

/* The survey is borrowed during the call only. ERR_SYSTEM. */
bool assess(const struct survey *survey, const struct assess_request *request,
            struct assessment *out, struct err *err) MUST_CHECK;

const char *assess_topic_name(enum assess_topic topic);        /* "reason" */
const char *assess_link_fate_name(enum assess_link_fate fate); /* "kept" */

/* Does AWS's utility refuse the type? The family's name, or NULL. */
const char *assess_utility_refuses(const struct survey_column *c);

#endif
