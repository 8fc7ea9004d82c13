/*
 * plan.h: which chunks of which tables go where. Made once from both catalogs, written to the
 * ledger, and from then on only read back: bounds are never computed again.
 *
 * The plan owns every string and array in it. While streams run it is immutable but for the chunk
 * fields that the board guards (state and below).
 */
#ifndef JOB_PLAN_H
#define JOB_PLAN_H

#include "base/err.h"
#include "ends/work.h"
#include "flow/spent.h"
#include "job/retry.h"

#include <stddef.h>
#include <stdint.h>

/* Chunks grow rather than be more than this in one job. */
#define PLAN_CHUNKS_MAX 2000000u

enum chunk_state { CHUNK_PENDING, CHUNK_RUNNING, CHUNK_DONE };

struct plan_chunk {
    struct chunk_work work;
    char *lower; /* what work borrows */
    char *upper;
    enum chunk_state state;
    bool again;       /* pending and in the board's list of chunks to do again */
    bool read;        /* running, and all its rows have left the source */
    bool done_before; /* by an earlier run of the job */
    struct retry retry;
    uint64_t not_before_ns;
    uint64_t rows; /* once DONE */
    uint64_t wire_bytes;
    uint64_t busy_ns;
};

struct plan_table {
    struct table_work work; /* borrows the strings below */
    char *source_schema;
    char *source_name;
    char *destination_schema;
    char *destination_name;
    char *label;
    char *target;
    char *source_columns;      /* quoted list, "" for none */
    char *destination_columns; /* likewise, in the same order */
    char *select;
    char *copy_from;
    char *filter;
    char *key;
    char *triggers;
    char *computed;     /* of source_columns */
    char *format_why;   /* why not binary; "" */
    char *split_by;     /* for people: "tid", "key (id)", "whole" */
    char source_kind;   /* relkind */
    bool lock_by_query; /* see struct locked_table */
    uint32_t source_oid;
    uint32_t filenode; /* 0: has no storage of its own */
    uint64_t bytes;
    uint64_t chunk_bytes; /* wished for, in planning; 0: the spec's */
    double row_estimate;
    unsigned level; /* loaded after all tables of lower levels */
    bool found_empty;
    size_t chunks_left; /* guarded by the board, as spent is */
    struct spent spent; /* by the tasks that are done */
    size_t next_new;    /* chunks before it have been handed out, or were done */
    unsigned groups_out;
    struct plan_chunk *chunks;
    size_t chunk_count;
};

struct plan {
    struct plan_table *tables;
    size_t table_count;
    size_t chunk_count;
    uint64_t bytes;
    unsigned level_count; /* at least 1 */
};

void plan_free(struct plan *plan); /* zeroed is allowed; leaves it zeroed */

/* Makes select, copy_from, label, target and work from the names and columns of t. */
bool plan_table_finish(struct plan_table *t, struct err *err) MUST_CHECK;

/* Gives t this many zeroed chunks, numbered, tied to t. */
bool plan_table_chunks(struct plan_table *t, size_t count, struct err *err) MUST_CHECK;

/* All its chunks are; one without chunks is too. */
bool plan_table_is_done(const struct plan_table *t);

/* Counts chunks, bytes and levels, and points each chunk's work at its table; call after any move.
 */
void plan_total(struct plan *plan);

#endif
