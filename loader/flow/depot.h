/*
 * depot.h: what lies between readers and writers: the parcels, and all the memory there is for
 * them.
 *
 *   readers ──open, put──▶ [ parcels in order ] ──next, get──▶ writers
 *                               │       ▲
 *                               ▼       │
 *                              packers: pack, spill
 *
 * Any free writer takes the oldest parcel that has something to send. Sent batches are kept until
 * the commit, so that a failed transaction is sent again without the source; when a parcel that is
 * being written needs memory, they are dropped, and a failure then means reading again. Who may
 * take memory: a writer always; the reader of a parcel that is being written as long as the
 * writers' reserve is left; readers of other parcels as long as both reserves are left. So whatever
 * is being written can always be finished, whoever else waits.
 *
 * Without a spill file a reader gets only so far ahead of the writers as they need (measured: the
 * distance grows when a writer had to wait for rows), which keeps the rows in the caches. With one
 * it reads on until memory is used up.
 *
 * One lock, taken a few times a batch. Blocking calls return false or NULL after depot_cancel.
 */
#ifndef FLOW_DEPOT_H
#define FLOW_DEPOT_H

#include "flow/batch.h"
#include "flow/ends.h"
#include "flow/parcel.h"
#include "flow/spill.h"

#include <stddef.h>
#include <stdint.h>

struct depot;

struct depot_options {
    uint64_t memory_bytes; /* for all batches */
    size_t room;           /* of each */
    unsigned readers;      /* threads that may come */
    unsigned writers;
    unsigned packers;
    struct spill *spill; /* NULL: none; borrowed */
    bool pack;           /* packers compress at first (else they only spill) */
    bool pack_early;     /* whenever batches wait, not only when there is a spill file */
    bool keep_all;       /* rather wait for the disk than drop what was sent */
    uint64_t max_rate_bytes_s;
};

/* NULL without memory. */
struct depot *depot_new(const struct depot_options *options);
/* When the threads have ended: each task that was not reported yet. */
void depot_drain(struct depot *d, void (*each)(void *self, const struct task *task), void *self);
void depot_free(struct depot *d); /* when nobody uses it any more; frees what is left in it */
void depot_cancel(struct depot *d);

/* ---- readers ---- */

/* Before a task is claimed: waits while this reader is not among the active ones, or while enough
 * parcels wait for writers. False: cancelled. wait_ns, here and below, is increased by the time
 * spent waiting; that of one that is not active does not count. */
bool depot_wait_turn(struct depot *d, unsigned reader, uint64_t *wait_ns);

/* The parcel for a claimed task. NULL without memory: give the task back to the feed. */
struct parcel *depot_open(struct depot *d, unsigned reader, const struct task *task);

/* A batch to fill, FILLING. NULL: cancelled, or the parcel's rows are no longer wanted. */
struct batch *depot_take(struct depot *d, struct parcel *p, uint64_t *wait_ns);

/* Rows for the parcel; b is SEALED and has some. False without memory to note it. */
bool depot_put(struct depot *d, struct parcel *p, struct batch *b);
void depot_give(struct depot *d, struct batch *b); /* back, unused */

/* The reader's last word on p: complete, or why not. p must not be used by the reader after it. */
void depot_close(struct depot *d, struct parcel *p, const struct err *broken);

/* Waits as --max-rate wants after so many bytes. False: cancelled. */
bool depot_pace(struct depot *d, uint64_t bytes, uint64_t *wait_ns);

void depot_reader_ended(struct depot *d);

/* ---- writers ---- */

/* The next parcel to write. NULL: there is none and none will come, or cancelled. */
struct parcel *depot_next(struct depot *d, unsigned writer, uint64_t *wait_ns);

enum depot_got {
    DEPOT_PIECE,  /* *out is to be sent; it is busy until depot_sent */
    DEPOT_END,    /* everything is sent: commit */
    DEPOT_BROKEN, /* the reader failed: p->why */
    DEPOT_CANCELLED,
};
enum depot_got depot_get(struct depot *d, struct parcel *p, struct piece *out, uint64_t *wait_ns);
void depot_sent(struct depot *d, struct parcel *p);

/* Memory to unpack into, FILLING. NULL: cancelled. */
struct batch *depot_take_for_writer(struct depot *d);

/* Before the feed hears how the task ended: from then on p is not for depot_sealed to show.
 * depot_resendable does it too. */
void depot_settle(struct depot *d, struct parcel *p);
/* Each ends the writer's use of p. done: committed, or not wanted any more. resend: to be taken
 * again, not before that moment; only when depot_resendable, which ends the sending. */
void depot_done(struct depot *d, struct parcel *p);
bool depot_resendable(struct depot *d, struct parcel *p);
void depot_resend(struct depot *d, struct parcel *p, uint64_t not_before_ns);
/* p, of which nothing was asked for yet, goes back for other writers; its own gets none until then.
 * Who is not among the active ones only because this one was, is. */
void depot_decline(struct depot *d, struct parcel *p, uint64_t until_ns);

/* ---- packers ---- */

#define PACK_RUN_MAX 32u

enum pack_work {
    PACK_ROWS,  /* raw[0..count) into packed */
    PACK_SPILL, /* raw[0], packed or not, to the spill file */
    PACK_END,
};
struct pack_job {
    enum pack_work work;
    struct parcel *parcel;
    size_t first; /* piece */
    size_t count;
    struct batch *raw[PACK_RUN_MAX];
    struct batch *packed;
    uint64_t slots_freed; /* the depot's */
    uint64_t full_ns;     /* of the wait for this job: while the disk was full */
    uint64_t idle_ns;     /* the rest of it */
};
/* Waits for something to do. */
enum pack_work depot_pack_next(struct depot *d, struct pack_job *out);
/* taken: of raw, how many are in packed now (and can go); 0: none, packed goes back. */
void depot_packed(struct depot *d, struct pack_job *job, size_t taken);
/* slot NULL: could not be written; full: because there is no space. */
void depot_spilled(struct depot *d, struct pack_job *job, const struct spill_slot *slot, bool full);

/* ---- the controlling thread ---- */

void depot_set_active(struct depot *d, unsigned readers, unsigned writers);

/* From now on packers bring everything to disk that is not committed. */
void depot_seal(struct depot *d);
/* True when all that is not committed is complete and on disk, and no writer is just telling the
 * feed how a task ended. each, if not NULL, is then called
 * for each parcel, under the lock; it returns false to end the list. */
bool depot_sealed(struct depot *d, bool (*each)(void *self, const struct parcel *p), void *self);
/* Whether batches are packed before they go to disk. */
void depot_set_packing(struct depot *d, bool pack);
/* No spilling any more: the disk failed. */
void depot_spill_broken(struct depot *d);

/* A parcel from an earlier process's spill file, before the threads start. Takes the pieces over
 * (malloc), not on failure. */
bool depot_restore(struct depot *d, const struct task *task, const struct part *parts,
                   struct piece *pieces, size_t count);

struct depot_view {
    size_t memory_bytes; /* allocated so far */
    size_t parcels;      /* not committed */
    size_t cold_parcels; /* of these, not being written */
    uint64_t raw_bytes_packed, packed_bytes;
    size_t ahead_batches; /* how far a reader may be ahead */
    unsigned readers_waiting_memory;
    bool spill_full;
    bool throttled;           /* a reader waits for --max-rate */
    bool reading;             /* some reader has not ended */
    unsigned readers_at_work; /* the active ones, and others that have not ended their task yet */
    unsigned writers_at_work;
};
void depot_look(struct depot *d, struct depot_view *out);

#endif
