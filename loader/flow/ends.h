/*
 * ends.h: what the pipeline knows of its two ends and of where its work comes from: three tables of
 * functions. The real ends are in ends/, the real feed is job/board; tests bring their own.
 *
 * A task is one attempt at one piece of work (for Sluice: a few neighbouring chunks of a table). It
 * has parts (for Sluice: the chunks), which are read in order and counted one by one; all are
 * committed together. The pipeline never looks into a task. Every function may block on its own
 * connection, and returns soon after STOP_ABORT.
 */
#ifndef FLOW_ENDS_H
#define FLOW_ENDS_H

#include "base/err.h"
#include "flow/spent.h"

#include <stddef.h>
#include <stdint.h>

#define TASK_PARTS_MAX 256u

struct task {
    const void *work;      /* belongs to the feed and outlives the pipeline */
    uint64_t serial;       /* different for each task; never 0 */
    uint64_t weight_bytes; /* for progress only */
    unsigned parts;        /* 1..TASK_PARTS_MAX */
};

struct part {
    uint64_t rows;
    uint64_t bytes;
};

struct task_result {
    const struct part *parts; /* task.parts of them; valid during the call */
    struct spent spent;       /* by reader and writer, for this task */
    uint64_t busy_ns;         /* from the begin on the sink to the commit */
    uint64_t commit_ns;       /* the begin and the commit, without the rows */
    bool already_done;        /* an earlier attempt had committed it; parts are that one's */
};

enum after_failure {
    TASK_REREAD, /* forget the rows: the feed hands the work out again, or not */
    TASK_RESEND, /* keep them and try again after the wait */
};

/* Where tasks come from. Called from every reader and writer; the feed does its own locking. */
struct feed {
    void *self;
    /* Blocks until there is a task for this reader. False: no more for it, now or later. */
    bool (*claim)(void *self, unsigned reader, struct task *out);
    /* The source has given all rows of the task; it is not done yet. May be NULL. */
    void (*read)(void *self, const struct task *task);
    void (*done)(void *self, const struct task *task, const struct task_result *result);
    /* The attempt failed and left nothing behind. resendable: its rows are still here, and
     * TASK_RESEND is a legal answer, with *wait_ms set. The feed decides what the failure means. */
    enum after_failure (*failed)(void *self, const struct task *task, const struct err *err,
                                 bool resendable, uint64_t *wait_ms);
};

/* What one call of fill has put into the buffer. */
struct filled {
    size_t len;
    uint64_t rows;     /* that begin in it */
    size_t row_widest; /* bytes of the widest row seen so far in this call */
    bool part_ended;   /* a part ended behind these bytes, its rows counted and confirmed */
    bool task_ended;   /* with the last part */
};

/* One per reader; used by that reader's thread only. */
struct source {
    void *self;
    bool (*begin)(void *self, const struct task *task, struct err *err);
    /* Whole rows into to[0..room), until the next one does not fit (a row that is wider than
     * row_room is cut, and fills the room), or a part ends. */
    bool (*fill)(void *self, char *to, size_t room, size_t row_room, struct filled *out,
                 struct err *err);
    /* After a failed begin or fill, or when the task's rows are no longer wanted. */
    void (*abandon)(void *self);
};

/* One per writer; used by that writer's thread only. */
struct sink {
    void *self;
    /* *already: committed by an earlier attempt; no rows are wanted, and parts says how many there
     * were (task.parts of them; untouched otherwise). */
    bool (*begin)(void *self, const struct task *task, bool *already, struct part *parts,
                  struct err *err);
    /* After a failed begin: the sink has no place for this writer, but has one for another. Until
     * then (monotonic) it is to take no task; this one goes to whoever is free, and is not reported
     * as failed. 0: it is not so. May be NULL. */
    uint64_t (*full_until)(void *self);
    bool (*write)(void *self, const char *bytes, size_t len, struct err *err);
    /* Bytes taken by write that have not left this machine yet; 0 when it is not known. May be
     * NULL.
     */
    uint64_t (*unsent)(void *self);
    /* parts: what the source says it sent; anything else at the sink is an error. *commit_ns: what
     * the commit itself took, without the rows' last stretch. */
    bool (*commit)(void *self, const struct task *task, const struct part *parts,
                   uint64_t *commit_ns, struct err *err);
    /* Takes back what the open task wrote, also after a failure. */
    void (*rollback)(void *self);
};

#endif
