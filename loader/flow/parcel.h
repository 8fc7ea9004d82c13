/*
 * parcel.h: the rows of one task on their way: pieces in order, each a batch in memory, packed or
 * not, or a slot of the spill file. One reader appends, one writer at a time sends, packers replace
 * pieces by smaller ones. A parcel belongs to the depot and is only touched under its lock, but for
 * the bytes of a piece that is busy: those belong to whoever made it busy.
 */
#ifndef FLOW_PARCEL_H
#define FLOW_PARCEL_H

#include "flow/batch.h"
#include "flow/ends.h"
#include "flow/spill.h"

#include <stddef.h>
#include <stdint.h>

enum piece_kind {
    PIECE_RAW,     /* batch: the rows */
    PIECE_PACKED,  /* batch: frames, of this piece and the MERGED ones behind it */
    PIECE_SPILLED, /* slot: either of the two, on disk */
    PIECE_MERGED,  /* its rows are in the piece before it */
    PIECE_DROPPED, /* was sent, and its memory was needed */
};

struct piece {
    enum piece_kind kind;
    bool busy; /* somebody works on it outside the lock */
    struct batch *batch;
    struct spill_slot slot;
};

enum parcel_state {
    PARCEL_READING,  /* its reader appends */
    PARCEL_COMPLETE, /* all rows are here */
    PARCEL_BROKEN,   /* its reader failed; why says how */
};

struct parcel {
    struct task task;
    struct part *parts; /* task.parts; the reader's until COMPLETE */
    unsigned parts_done;
    enum parcel_state state;
    struct err why;
    bool hot;     /* a writer has it */
    bool sending; /* and the piece at next */
    bool
        unwanted; /* the rows are not needed: the reader may stop, and frees it if it is the last */
    bool settling; /* the feed hears what became of it: task.work may be gone at any moment */
    bool reader_left;
    unsigned packers; /* that work on it */
    bool dropped;     /* some piece is gone: cannot be sent again */
    struct piece *pieces;
    size_t count;
    size_t room;
    size_t next;  /* the first piece that is not sent in this attempt */
    size_t ahead; /* raw batches that are not sent */
    uint64_t not_before_ns;
    uint64_t since_ns;           /* when a writer took it */
    struct spent reading;        /* the reader's until it has left */
    struct spent writing;        /* the writers', one after the other */
    struct parcel *prev, *after; /* in the depot's list of all */
};

bool parcel_init(struct parcel *p, const struct task *task); /* false without memory */
void parcel_fini(struct parcel *p);                          /* its pieces must be gone */

/* Makes sure that the next parcel_append cannot fail. */
bool parcel_reserve(struct parcel *p);
void parcel_append(struct parcel *p, const struct piece *piece);

/* The first piece at or behind from that is not MERGED; count when there is none. */
size_t parcel_skip_merged(const struct parcel *p, size_t from);

/* The raw pieces that a packer may take from *from on: a run of at most max that are not busy,
 * outside of [keep_from, keep_from + keep), and all of them on one side of keep_from. Returns how
 * many; *from is where it begins. */
struct raw_run_limits {
    size_t max;
    size_t keep_from; /* where the writer is; pieces there are sent soon */
    size_t keep;
};
size_t parcel_raw_run(const struct parcel *p, size_t *from, const struct raw_run_limits *limits);

/* Every piece is on disk, and nothing is missing. */
bool parcel_is_spilled(const struct parcel *p);

#endif
