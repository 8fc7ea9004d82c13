/*
 * ends.h: what the pipeline knows of its two ends and of where its work comes from: three tables of
 * functions. The real ends are in ends/, the real feed is job/board; tests bring their own.
 *
 * A task is one attempt at one piece of work (for Sluice: a chunk). The pipeline never looks into
 * it. Every function may block on its own connection, and returns soon after STOP_ABORT.
 */
#ifndef FLOW_ENDS_H
#define FLOW_ENDS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct batch;

struct task {
    const void *work;      /* belongs to the feed and outlives the pipeline */
    uint64_t serial;       /* different for each attempt; never 0 */
    uint64_t weight_bytes; /* for progress only */
};

struct task_result {
    uint64_t rows;
    uint64_t wire_bytes;
    uint64_t busy_ns;   /* from the begin on the sink to the commit; set by the pipeline */
    uint64_t commit_ns; /* of commit: what the commit itself took, without the rows' last stretch */
    bool already_done;  /* an earlier attempt had committed it; rows and bytes are that one's */
};

/* Where tasks come from. Called from every reader and writer; the feed does its own locking. */
struct feed {
    void *self;
    /* Blocks until there is a task for this stream. False: no more for it, now or later. */
    bool (*claim)(void *self, unsigned stream, struct task *out);
    void (*done)(void *self, const struct task *task, const struct task_result *result);
    /* The attempt failed and left nothing behind. The feed decides what that means. */
    void (*failed)(void *self, const struct task *task, const struct err *err);
};

/* One per stream; used by that stream's reader thread only. */
struct source {
    void *self;
    bool (*begin)(void *self, const struct task *task, struct err *err);
    /* Appends rows to the batch until it is full, or *end with *rows_total; counts batch->rows. */
    bool (*fill)(void *self, struct batch *batch, bool *end, uint64_t *rows_total, struct err *err);
    /* After a failed begin or fill, or when the sink no longer wants the task's rows. */
    void (*abandon)(void *self);
};

/* One per stream; used by that stream's writer thread only. */
struct sink {
    void *self;
    /* *already: committed by an earlier attempt, result says what; no rows are wanted. */
    bool (*begin)(void *self, const struct task *task, bool *already, struct task_result *result,
                  struct err *err);
    bool (*write)(void *self, const char *bytes, size_t len, struct err *err);
    /* rows_read: what the source says it sent; anything else at the sink is an error. */
    bool (*commit)(void *self, const struct task *task, uint64_t rows_read, uint64_t wire_bytes,
                   struct task_result *result, struct err *err);
    /* Takes back what the open task wrote, also after a failure. */
    void (*rollback)(void *self);
};

#endif
