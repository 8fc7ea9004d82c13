/*
 * survey.h: what the catalogs and the statistics of one side say about its tables, for an
 * assessment: sizes, writes, columns and how their values are spread, keys, foreign keys, and what
 * else the database has. A handful of queries for any number of tables; no table is read, but by
 * survey_sample.
 *
 * Works on PostgreSQL 11 to 18 in the caller's transaction on a pinned session (search_path =
 * pg_catalog), as any role: pg_stats hides the columns that the role may not read. Errors are
 * pg.h's.
 */
#ifndef PG_SURVEY_H
#define PG_SURVEY_H

#include "base/err.h"
#include "pg/catalog.h"
#include "pg/pg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SURVEY_NONE ((size_t)-1)

struct survey_column {
    char *name;
    char *type;      /* format_type, with schema where it is not pg_catalog */
    char *base_type; /* pg_type.typname under all domains */
    char base_kind;  /* its typtype: b c d e m p r */
    char category;   /* its typcategory: A is an array */
    bool not_null;
    bool identity;
    bool generated;
    bool default_sequence; /* its default takes a value from a sequence */
    bool can_select;       /* by the current role; else there are no statistics */
    bool has_stats;
    bool sampled;     /* by survey_sample */
    double null_frac; /* 0..1 */
    double distinct;  /* how many values the table has; -1: unknown */
    double top_freq;  /* 0..1, of the most common value; 0: none stands out */
    double width;     /* average bytes */
};

/* A type that somebody has to have made before the table, in a column or within its domain, array,
 * range or composite type: a base type made at the source, or any type of an extension. */
struct survey_type {
    size_t column;
    char *name;      /* format_type */
    char *extension; /* NULL: of none */
};

/* A unique index or primary key. */
struct survey_key {
    char *name;
    size_t *columns; /* into the table's; SURVEY_NONE for an expression. Without INCLUDE columns */
    size_t count;
    bool primary;
    bool partial;
    bool deferrable;
};

/* One table; a partitioned one stands for all of its leaves. */
struct survey_table {
    uint32_t oid;
    char *schema;
    char *name;
    char kind;        /* r or p; f v m when named */
    char persistence; /* p u */
    size_t leaves;    /* of a partitioned table, those selected */
    uint64_t bytes;   /* heap and TOAST */
    uint64_t index_bytes;
    double rows;
    bool rows_guessed; /* there is no estimate: guessed from the size */
    uint64_t inserts;  /* since survey.stats_since */
    uint64_t updates;
    uint64_t deletes;
    char *partition_by; /* NULL: not partitioned */
    char *exclusions;   /* names of EXCLUDE constraints, NULL: none */
    char *triggers;     /* names of the user's, NULL: none */
    char *options;      /* storage parameters, NULL: none */
    unsigned policies;
    unsigned rules;
    bool inherits; /* from an ordinary table */
    bool has_children;
    bool can_select;
    bool hidden_stats; /* the role may not read some column, so that pg_stats hides it */
    struct survey_column *columns;
    size_t column_count;
    struct survey_type *types; /* by column */
    size_t type_count;
    struct survey_key *keys;
    size_t key_count;
};

/* A foreign key of a table of the survey. */
struct survey_link {
    char *name;
    size_t child;
    size_t parent;     /* SURVEY_NONE: not one of the survey's tables */
    char *parent_name; /* schema.name */
    size_t *child_columns;
    size_t *parent_columns; /* of a parent outside: not set */
    size_t count;
    char on_delete; /* a no action, r restrict, c cascade, n set null, d set default */
    char on_update;
    bool validated;
    bool partial_match; /* MATCH FULL or PARTIAL */
};

struct survey_extension {
    char *name;
    char *version;
};

/* How many of what a shard group does not take, or a load does not move. */
struct survey_counts {
    uint64_t views;
    uint64_t materialized_views;
    uint64_t foreign_tables;
    uint64_t functions;
    uint64_t event_triggers;
    uint64_t publications;
    uint64_t large_objects;
    uint64_t statistics; /* extended ones */
};

struct survey {
    struct survey_table *tables; /* by schema and name */
    size_t table_count;
    struct survey_link *links;
    size_t link_count;
    struct survey_extension *extensions;
    size_t extension_count;
    struct survey_counts counts;
    int server_version;
    bool is_aws;             /* RDS or Aurora */
    char stats_since[32];    /* UTC; when the counters began */
    double stats_age_s;      /* seconds since then */
    bool stats_since_start;  /* never reset: the server's start stands in for it */
    uint64_t database_bytes; /* 0: the role may not ask */
};

void survey_free(struct survey *s); /* NULL and zeroed are allowed */

/* selected: as catalog_select gives it. */
bool survey_read(struct pg *pg, const struct relation_list *selected, struct survey *out,
                 struct err *err) MUST_CHECK;

/* Reads some 30,000 rows of each table that has no statistics and may be read, in place of them.
 * Takes an ACCESS SHARE lock on each. */
bool survey_sample(struct pg *pg, struct survey *s, struct err *err) MUST_CHECK;

#endif
