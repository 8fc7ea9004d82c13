/*
 * view.h: what the user interface is given to show: plain values, copied from the counters by
 * the controlling thread. ui/ turns them into text and touches nothing else.
 */
#ifndef UI_VIEW_H
#define UI_VIEW_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One moment of a running load. */
struct progress_view {
    uint64_t elapsed_ms;    /* of this run */
    uint64_t planned_bytes; /* relation bytes of all chunks, also those done by earlier runs */
    uint64_t done_bytes;    /* relation bytes committed, plus the share of chunks in flight */
    uint64_t done_bytes_at_start; /* what earlier runs had committed */
    uint64_t rows_committed;      /* by this run */
    uint64_t rows_per_s;          /* now: over the last few seconds */
    uint64_t wire_bytes_per_s;
    size_t chunks_done;
    size_t chunks_total;
    size_t tables_done;
    size_t tables_total;
    unsigned streams_busy;
    unsigned retries; /* so far */
    bool draining;    /* a signal was received */
    const char
        *waiting_for; /* NULL, or why nothing moves: "destination: connection refused, ..." */
};

struct table_view {
    const char *name;        /* schema.name on the source */
    const char *destination; /* the same, or where it went when that differs */
    const char *format;      /* "binary" or "text" */
    uint64_t rows;
    uint64_t wire_bytes;
    uint64_t busy_ms; /* summed over its chunks */
    size_t chunks_done;
    size_t chunks_total;
    unsigned snapshot_no; /* which snapshot its rows are from, 1 is the job's first */
};

struct snapshot_view {
    unsigned no;
    const char *taken_at; /* ISO time */
    const char *identity; /* pg_current_snapshot */
};

/* The end of a run, whatever the end was. */
struct summary_view {
    const char *job;
    const char *source; /* host:port/database */
    const char *destination;
    int exit_status;
    const struct err *error; /* kind ERR_NONE when there is none */
    const char *hint;        /* NULL, or what to do next, such as how to resume */
    bool already_complete;   /* nothing was left to do */
    uint64_t elapsed_ms;
    unsigned streams;
    uint64_t rows;     /* of the job: all runs together */
    uint64_t rows_run; /* of this run */
    uint64_t wire_bytes_run;
    size_t chunks_done;
    size_t chunks_total;
    unsigned retries;
    const char *retry_reasons; /* folded, "" when there were none */
    /* Where the streams' time went, summed over them. */
    uint64_t source_wait_ms;      /* writers waited for rows */
    uint64_t destination_wait_ms; /* writers waited for the destination to take rows */
    uint64_t commit_ms;
    uint64_t memory_peak_bytes; /* of our batches */
    uint64_t memory_limit_bytes;
    uint64_t row_widest_bytes;
    const struct table_view *tables;
    size_t table_count;
    const struct snapshot_view *snapshots;
    size_t snapshot_count;
    const char *const *warnings;
    size_t warning_count;
    const char *const *sequences_moved; /* "public.t_id_seq = 42" */
    size_t sequence_count;
};

/* The plan of --dry-run. */
struct plan_table_view {
    const char *name;
    const char *destination;
    const char *format;
    const char *format_why; /* "" for binary */
    const char *split_by;   /* "whole", "tid", "key (id)" */
    uint64_t bytes;
    double row_estimate; /* -1 unknown */
    size_t chunks;
};

struct plan_view {
    const char *job;
    const char *source;
    const char *destination;
    const char *mode;
    const char *triggers; /* "disable" or "keep" and why */
    unsigned streams;
    uint64_t bytes;
    size_t chunks;
    const struct plan_table_view *tables;
    size_t table_count;
    const char *const *warnings;
    size_t warning_count;
};

#endif
