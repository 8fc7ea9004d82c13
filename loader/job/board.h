/*
 * board.h: the state of every chunk of a running job, and the feed (flow/ends.h) of its streams.
 *
 * Hands out the largest tables first, a table's chunks in order, tables of a level only when all
 * lower levels are done. A failed chunk comes back after its wait; a failure that no retry cures is
 * kept as the fatal error, the first one, and nothing more is handed out.
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
    unsigned retries;
    uint64_t last_success_ns; /* 0: none yet */
    char waiting_for[256];    /* "" when nothing is known to wait */
    char last_reason[256];    /* of the newest retry */
};
void board_look(struct board *b, struct board_view *out);
void board_retry_reasons(struct board *b, char *out, size_t size);

#endif
