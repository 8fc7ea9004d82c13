/* board_internal.h: what the files board*.c share. Nobody else includes it. */
#ifndef JOB_BOARD_INTERNAL_H
#define JOB_BOARD_INTERNAL_H

#include "job/board.h"

#include "base/rng.h"
#include "base/thread.h"
#include "flow/pipeline.h"
#include "job/group_size.h"

/* A task that is out: what it is made of. Its reader may still look at it when its writer has
 * reported it, and has let go of it when it claims the next one. */
struct group {
    struct group_work work;    /* must be first: the task's work */
    struct group *prev, *next; /* of all */
    bool reported;
    bool at_reader;
    bool adopted; /* cannot be read again */
    unsigned resends;
    const struct chunk_work *chunks[];
};

struct board {
    struct mutex lock; /* guards all below but plan's pointer and policy */
    struct cond changed;
    struct plan *plan;
    struct retry_policy policy;
    struct rng rng;
    struct plan_table **tables; /* by level, then by size; never changes */
    size_t open;                /* tables[0..open) have no chunk that was never handed out */
    size_t chunk_count;
    struct plan_chunk **again; /* handed out before and pending once more; no order */
    size_t again_count;
    size_t *left_in_level; /* chunks that are not done */
    size_t running;
    size_t done;
    size_t tables_done;
    uint64_t serial;
    struct err fatal;
    struct board_view sums;
    struct retry_reasons reasons;
    struct retry_policy
        chunk_policy;          /* attempts only: a chunk that waited long has not failed long */
    uint64_t failing_since_ns; /* the first failure that no success followed; 0: none */
    struct group_size size;
    struct group_limits limits;
    size_t read;   /* chunks of tasks that are out and completely read */
    bool sealed;   /* nothing is read again: the source is given back, or about to be */
    bool released; /* nothing is handed out any more: the source is given back */
    struct group *groups;
    struct group *at_reader[PIPELINE_STREAMS_MAX]; /* what each claimed last */
};

const struct plan_table *board_table_of(const struct board *b, const struct plan_chunk *c);
struct plan_chunk *board_chunk_at(const struct board *b, const struct chunk_work *w);

/* ---- board.c; all under the lock ---- */

void board_fail_locked(struct board *b, const struct err *err);
/* Takes again[i] out of the list. */
void board_take_again_locked(struct board *b, size_t i);
/* Its writer has reported it. */
void board_reported_locked(struct board *b, struct group *g);

/* ---- board_pick.c ---- */

/* NULL: none now. again: it failed before. *wake_ns becomes the earliest end of a wait. */
const struct plan_chunk *board_pick_locked(struct board *b, uint64_t now_ns, bool *again,
                                           uint64_t *wake_ns) REQUIRES(b->lock);

/* ---- board_result.c ---- */

/* The feed's functions. */
void board_task_read(void *self, const struct task *task);
void board_task_done(void *self, const struct task *task, const struct task_result *result);
enum after_failure board_task_failed(void *self, const struct task *task, const struct err *err,
                                     bool resendable, uint64_t *wait_ms);

/* All under the lock. */
void board_set_done_locked(struct board *b, struct plan_chunk *c, uint64_t rows,
                           uint64_t wire_bytes);
void board_read_locked(struct board *b, const struct group_work *g);
void board_again_locked(struct board *b, struct plan_chunk *c, uint64_t not_before_ns);
uint64_t board_patience_locked(const struct board *b);
void board_note_retry_locked(struct board *b, const char *reason);

#endif
