/*
 * view.h: what the user interface is given to show: plain values, copied from the counters by
 * the controlling thread. ui/ turns them into text and touches nothing else.
 */
#ifndef UI_VIEW_H
#define UI_VIEW_H

#include "base/clock.h"
#include "base/err.h"
#include "flow/spent.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A router of a shard group, as the writers see it. */
struct router_line {
    const char *host;
    const char *state; /* "used", "avoided", "gone" */
    double load;       /* 0..1, as the group last said */
    unsigned writers;  /* at it now, or at the end */
    uint64_t connects;
    unsigned failures;
    char down_at[CLOCK_ISO_MAX]; /* when it last stopped answering; "" never */
    bool back;                   /* and was used again, */
    uint64_t down_ms;            /* after so long; else how long ago that is */
};

/* What the data plane does and has put aside: one moment of it, or the end. */
struct flow_view {
    struct spent spent; /* since the run began, by all threads */
    unsigned readers_active;
    unsigned writers_active;
    bool jobs_auto;            /* the two above change */
    uint64_t transactions;     /* committed */
    uint64_t group_bytes;      /* what the next one would take, of the relation; 0 unknown */
    unsigned resends;          /* failed transactions that were sent again from memory or disk */
    unsigned rereads;          /* that had to be read again */
    uint64_t max_rate_bytes_s; /* --max-rate; 0: none */
    uint64_t memory_bytes;     /* of batches, now; a summary has the peak elsewhere */
    size_t ahead_batches;      /* how far a reader may be ahead */
    uint64_t unpacked_bytes;   /* what was compressed, before */
    uint64_t packed_bytes;     /* and after */
    int pack_level;
    uint64_t spill_written_bytes;
    uint64_t spill_read_bytes;
    uint64_t spill_used_bytes; /* now */
    uint64_t spill_used_bytes_max;
    uint64_t spill_limit_bytes;
    bool spill_full;
    bool throttled;       /* a reader waits for --max-rate */
    uint64_t released_ms; /* when the source was given back, since the start; 0: it was not */
    const struct router_line *routers;
    size_t router_count; /* 0: the destination has none, or they are not used */
};

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
    struct flow_view flow;
    struct spent recent; /* of the last seconds, by all threads */
    uint64_t stalled_ms; /* for how long the destination has taken nothing */
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
    struct spent spent;   /* by what this run committed of it */
};

/* A reader and the writer of the same number; they need not have had the same rows. */
struct stream_view {
    struct spent reader;
    struct spent writer;
    uint64_t rows_read;
    uint64_t bytes_read;
    uint64_t rows_sent;
    uint64_t bytes_sent;
};

struct snapshot_view {
    unsigned no;
    const char *taken_at; /* ISO time */
    const char *identity; /* pg_current_snapshot */
};

struct schema_view; /* ui/schema_report.h */

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
    struct flow_view flow;
    bool from_spill; /* the rest of an earlier run, from its spill: the source was not used */
    bool verbose;    /* text: with a line for each stream */
    const struct stream_view *stream_list;
    size_t stream_count;        /* 0 before the streams began */
    uint64_t memory_peak_bytes; /* of our batches */
    uint64_t memory_limit_bytes;
    uint64_t row_widest_bytes;
    const struct table_view *tables;
    size_t table_count;
    const struct snapshot_view *snapshots;
    size_t snapshot_count;
    const char *const *warnings;
    size_t warning_count;
    const char *const *problems; /* what stood in the way, each in a sentence; JSON only */
    size_t problem_count;
    const char *const *sequences_moved; /* "public.t_id_seq = 42" */
    size_t sequence_count;
    const struct schema_view *schema; /* that was made around the rows; NULL: none. JSON only */
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
    const struct schema_view *schema; /* as in a summary */
};

#endif
