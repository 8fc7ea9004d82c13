/*
 * group_size.h: how many bytes the next destination transaction should take. Pure.
 *
 * A transaction has a fixed cost: the round trips of its begin and its commit. The size is chosen
 * so that this cost is about 4 % of it, from what earlier transactions took, and is then bounded
 * by memory, by what is left to do, and by the hints of the destination.
 *
 * A plain struct without a lock: the owner has one when several writers note into it.
 */
#ifndef JOB_GROUP_SIZE_H
#define JOB_GROUP_SIZE_H

#include <stdint.h>

struct group_size {
    /* Sums that fade with each transaction, so that their quotients are recent averages. */
    double weight; /* of transactions; 0: nothing measured */
    double bytes;
    double busy_ns;
    double overhead_ns;
    double factor; /* 1/4..4: what errors taught; fades back to 1 */
};

/*
 * For a shard group: the rows of a transaction go to every shard, so each commit is a two-phase one
 * over all of them, and how many may be under way at once is capped (the wait event
 * DistributedCommitPrepareThrottle; AWS's advice is fewer transactions over many nodes). Its cost
 * is not all in the commit's own time, which group_size_note sees, so transactions are larger by
 * this factor from the start.
 */
#define GROUP_STRETCH_SHARDED 4u

struct group_limits {
    uint64_t chunk_bytes;     /* never less than this, whatever the other limits say */
    uint64_t memory_bytes;    /* of all batches together; 0: no limit */
    unsigned streams;         /* writers; 0 counts as 1 */
    uint64_t unclaimed_bytes; /* not yet claimed by any reader */
    uint64_t row_bytes;       /* the widest row seen, 0: unknown; room for a few is kept */
    uint64_t time_ns_max;     /* the longest a transaction may take, 0: no limit but 10 s */
    unsigned stretch;         /* so many times larger, and the 10 s as well; 0 counts as 1 */
};

void group_size_init(struct group_size *g);

/*
 * After each committed transaction. busy_ns: from the first row to the last, without waiting for
 * rows; overhead_ns: the round trips of begin and commit. One without bytes teaches nothing.
 */
void group_size_note(struct group_size *g, uint64_t bytes, uint64_t busy_ns, uint64_t overhead_ns);

/* The destination throttled a commit: fewer, larger transactions for a while. */
void group_size_throttled(struct group_size *g);

/* A deadlock or a serialization failure: shorter transactions for a while. */
void group_size_conflict(struct group_size *g);

uint64_t group_size_bytes(const struct group_size *g, const struct group_limits *l);

#endif
