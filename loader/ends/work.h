/*
 * work.h: what the two PostgreSQL ends need of a table, a chunk, and a group of neighbouring chunks
 * (the work of a task): texts that were made at planning. Immutable while streams run; tables and
 * chunks belong to the plan, groups to the board.
 */
#ifndef ENDS_WORK_H
#define ENDS_WORK_H

#include "ends/chunk_kind.h"

#include <stdbool.h>
#include <stdint.h>

struct table_work {
    unsigned no;           /* in the job */
    const char *label;     /* schema.name, for messages */
    const char *select;    /* "SELECT ... FROM ONLY ..." without WHERE */
    const char *filter;    /* the user's --where, "" for none */
    const char *key;       /* "a","b": the key columns of CHUNK_KEY; "" otherwise */
    const char *copy_from; /* "COPY ... FROM STDIN" without options */
    const char *target;    /* destination schema.name, for messages */
    const char *triggers;  /* BEFORE INSERT row triggers on the destination, "" for none */
    const char *computed;  /* "k", "l": its computed columns, for messages; "" or NULL for none */
    bool binary;
    unsigned snapshot_no;
};

struct chunk_work {
    const struct table_work *table;
    unsigned no; /* in the table */
    enum chunk_kind kind;
    const char *lower; /* NULL: open */
    const char *upper;
    uint64_t bytes; /* planned share of the relation */
};

/* Chunks of one table that are read one after another and committed together. */
struct group_work {
    const struct table_work *table;
    unsigned count; /* 1..TASK_PARTS_MAX (flow/ends.h): a task's parts */
    const struct chunk_work *const *chunks;
};

#endif
