/*
 * table_rule.h: what a job file says of tables: a rule has a pattern and wishes for each table that
 * it matches. Later rules win over earlier ones, wish by wish. Owned by the spec.
 */
#ifndef JOB_TABLE_RULE_H
#define JOB_TABLE_RULE_H

#include "limitless/table_mode.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum format_choice { FORMAT_AUTO, FORMAT_BINARY, FORMAT_TEXT };

struct text_list {
    char **items;
    size_t count;
};

/* One column; at most one of rename, expression and leave_out is given. */
struct column_rule {
    char *column;     /* of the source; with expression: the destination's name */
    char *rename;     /* its name on the destination; NULL: the same */
    char *expression; /* SQL over the source's row, evaluated there; NULL: a column as it is */
    char *type;       /* of a computed column that --create-tables makes; NULL: the expression's */
    bool leave_out;
    unsigned line; /* in the job file */
};

struct table_rule {
    char *pattern;              /* as for --table; "*.*" for the file's defaults */
    bool is_default;            /* need not match anything */
    unsigned line;              /* in the job file */
    enum table_mode mode;       /* UNSAID: no wish */
    struct text_list shard_key; /* the destination's columns, in order; empty: no wish */
    char *collocate_with;       /* SCHEMA.TABLE on the destination; NULL: no wish */
    char *where;                /* NULL: no wish; with --where for the same table: an error */
    char *to_schema;            /* NULL: the same */
    char *to_table;
    bool has_format;
    enum format_choice format;
    uint64_t chunk_bytes; /* 0: no wish */
    struct column_rule *columns;
    size_t column_count;
};

struct table_rules {
    struct table_rule *items;
    size_t count;
};

void table_rules_free(struct table_rules *rules); /* zeroed is allowed */
void text_list_free(struct text_list *list);

#endif
