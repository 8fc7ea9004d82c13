/*
 * board.h: the state of every chunk of a running job, and the feed (flow/ends.h) of its streams.
 *
 * Hands out the largest tables first, spread over the streams as long as there are enough of them,
 * a table's chunks in order, tables of a level only when all lower levels are done. A task takes as
 * many neighbouring chunks of a table as job/group_size.h says. A failed task is sent again from
 * its batches, or its chunks come back after their wait, one by one; a failure that no retry cures
 * is kept as the fatal error, the first one, and nothing more is handed out.
 *
 * Thread-safe; one mutex, held for moments only and never together with another.
 */
#ifndef JOB_BOARD_H
#define JOB_BOARD_H

#include "base/err.h"
#include "flow/ends.h"
#include "job/plan.h"
#include "job/retry.h"

struct board;

/* plan is borrowed, its chunk states must be set; NULL without memory. */
struct board *board_new(struct plan *plan, const struct retry_policy *policy);
void board_free(struct board *b);

struct feed board_feed(struct board *b);

/* What bounds a task, besides what was measured. Before the first claim, and whenever it changes.
 */
struct board_limits {
    uint64_t chunk_bytes;
    uint64_t memory_bytes;
    unsigned streams;
    uint64_t row_widest_bytes;
    unsigned stretch; /* as in group_limits */
};
void board_set_limits(struct board *b, const struct board_limits *limits);

/* Every chunk is committed, or its rows have all left the source. */
bool board_all_read(struct board *b);
/* The same; and when it is so, nothing is read again from now on, until board_unseal: what fails is
 * sent again, whatever it takes. */
bool board_seal(struct board *b) MUST_CHECK;
void board_unseal(struct board *b);
/* No claim succeeds from now on, and nothing is read again: the source is given back. */
void board_release(struct board *b);
/* A task for these chunks, whose rows are there already, from an earlier process. False: they are
 * not all pending, or not in the plan, or there is no memory. */
bool board_adopt(struct board *b, unsigned table_no, unsigned chunk_no, unsigned count,
                 struct task *out);
/* Nothing is pending. */
bool board_all_out(struct board *b);

/* Wakes everybody who waits for work, to look at the stop level. */
void board_wake(struct board *b);

/* Makes err the fatal error unless there is one already. */
void board_fail(struct board *b, const struct err *err);
bool board_failed(struct board *b, struct err *out); /* false: there is none */

/* What the ledger says is committed. Everything else that the board took for done, and that
 * is not in flight, goes back to pending: after a lost destination connection its memory is void.
 */
struct board_done {
    unsigned table_no;
    unsigned chunk_no;
    uint64_t rows;
    uint64_t wire_bytes;
};
void board_resync(struct board *b, const struct board_done *done, size_t count);

/* Counts a failed attempt to connect or the like, for the folded message of the summary. */
void board_note_retry(struct board *b, const char *reason);
/* How much longer failures are borne: the budget since the first one that no success followed; 0
 * when it is used up, or when the run is ending anyway. */
uint64_t board_patience_ms(struct board *b);
void board_note_waiting(struct board *b, const char *reason); /* "" ends it */

struct board_view {
    size_t chunks_done;
    size_t chunks_total;
    size_t tables_done;
    size_t tables_total;
    uint64_t planned_bytes;
    uint64_t done_bytes;
    uint64_t rows_run; /* committed since board_new */
    uint64_t wire_bytes_run;
    uint64_t transactions; /* committed since board_new */
    uint64_t group_bytes;  /* what a transaction should take now, of the relation */
    unsigned retries;
    unsigned resends; /* failed transactions that were sent again from memory or disk */
    unsigned rereads; /* that had to be read again from the source */
    unsigned conflicts, throttled, refused; /* among the retries */
    uint64_t last_success_ns;               /* 0: none yet */
    char waiting_for[256];                  /* "" when nothing is known to wait */
    char last_reason[256];                  /* of the newest retry */
};
void board_look(struct board *b, struct board_view *out);
void board_retry_reasons(struct board *b, char *out, size_t size);

#endif
