/* assess_report.h: what "sluice assess" found and proposes, as text or JSON. Pure. */
#ifndef UI_ASSESS_REPORT_H
#define UI_ASSESS_REPORT_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASSESS_REPORT_COLUMNS 100
#define ASSESS_REPORT_TABLES  40 /* in the list, and explained; JSON has them all */
#define ASSESS_REPORT_LINKS   100

struct assess_note_view {
    const char *topic; /* "reason", "unsure", "cost", "change", "blocker", "aws-utility" */
    const char *text;
    const char *fix; /* NULL: none */
};

struct assess_candidate_view {
    const char *column;
    double score;
    const char *text;
};

struct assess_table_view {
    const char *name; /* schema.name */
    const char *kind; /* "table", "partitioned table", ... */
    uint64_t bytes;
    uint64_t index_bytes;
    uint64_t rows;
    bool rows_guessed; /* from the size: never analyzed; else the planner's estimate */
    uint64_t row_bytes;
    uint64_t inserts;
    uint64_t updates;
    uint64_t deletes;
    double writes_per_s;
    const char *keys;  /* "primary key (id); unique (email)", "" for none */
    const char *types; /* those worth a look, "" for none */
    const char *mode;  /* "sharded", "reference", "standard" */
    const char *key;   /* NULL: not sharded */
    const char *key_type;
    const char *expression;     /* of a computed key, else NULL */
    const char *collocate_with; /* NULL: none */
    const char *rename;         /* NULL: keeps its name */
    int group;                  /* -1: none */
    int cluster;                /* -1: none */
    bool large;
    bool unsure;
    const struct assess_candidate_view *candidates;
    size_t candidate_count;
    const struct assess_note_view *notes;
    size_t note_count;
};

struct assess_group_view {
    const char *key;
    const char *key_type;
    const char *head; /* a table's name */
    size_t table_count;
    uint64_t bytes;
};

struct assess_link_view {
    const char *name;
    const char *child;
    const char *parent;
    const char *columns; /* "(a, b) -> (x, y)" */
    const char *fate;    /* "kept", "grows", "lost", "outside" */
    int cluster;
};

struct assess_capacity_view {
    unsigned acu_from;
    unsigned acu_to;
    unsigned routers;
    unsigned shards;
};

struct assess_view {
    const char *source;      /* host:port/database; "" before it was reached */
    const char *version;     /* "PostgreSQL 15.4" */
    const char *stats_since; /* when writes began to be counted, UTC */
    double stats_age_s;
    bool stats_since_start; /* never reset: since the server's start at the latest */
    bool sampled;
    const struct assess_table_view *tables;
    size_t table_count;
    const struct assess_group_view *groups;
    size_t group_count;
    const struct assess_link_view *links;
    size_t link_count;
    size_t cluster_count;
    const struct assess_note_view *notes; /* about the database as a whole */
    size_t note_count;
    const char *const *warnings;
    size_t warning_count;
    uint64_t load_bytes;
    uint64_t load_rate_bytes_s;
    uint64_t load_seconds;
    unsigned load_streams;
    unsigned load_connections;
    uint64_t free_connections;
    const struct assess_capacity_view *capacity;
    size_t capacity_count;
    size_t capacity_fit;     /* the row for what there is */
    const char *file;        /* the job file that was written, NULL: none */
    const struct err *error; /* kind ERR_NONE when there is none */
    int exit_status;
};

/* The tables in a grid, groups, what is to be known of each table, foreign keys, the estimates; the
 * verdict last. Wrapped at ASSESS_REPORT_COLUMNS. */
void assess_report_text(const struct assess_view *v, struct buf *out);

/* {"event":"assess",...} in one line. */
void assess_report_json(const struct assess_view *v, struct buf *out);

#endif
