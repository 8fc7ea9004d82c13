/* depot_internal.h: what the files depot*.c share. Nobody else includes it. */
#ifndef FLOW_DEPOT_INTERNAL_H
#define FLOW_DEPOT_INTERNAL_H

#include "base/thread.h"
#include "flow/depot.h"
#include "flow/pacer.h"
#include "flow/pool.h"

/* Batches for each writer that nobody else may take: one that was read from disk, and one for the
 * rows unpacked from it. */
#define WRITER_RESERVE 2u
/* And for the reader of the parcel that it writes. */
#define HOT_RESERVE 2u
/* How far a reader may be ahead of the writers at first. */
#define AHEAD_START     4u
#define AHEAD_UNLIMITED SIZE_MAX

struct reader_seat {
    struct cond go;
    bool waits_memory;
    bool waits_ahead;
    struct parcel *parcel;
    uint64_t held_back_ns; /* when the distance last held it back */
};

struct writer_seat {
    struct cond rows;
    bool waits;
    uint64_t away_until_ns; /* takes nothing until then; 0: it is here */
};

/* Seats are found from a parcel by these; NO_SEAT: nobody. */
#define NO_SEAT UINT32_MAX

struct lot {              /* a parcel with what only the depot knows of it */
    struct parcel parcel; /* must be first: parcels are handed out, and come back, as these */
    uint32_t reader;
    uint32_t writer;
};

struct depot {
    struct mutex lock;            /* guards everything below but options */
    struct depot_options options; /* set once */
    bool cancelled;
    struct pool pool;
    size_t ahead_max; /* batches */
    size_t ahead_limit;
    struct pacer pacer;
    unsigned throttled; /* readers that wait for it */

    struct parcel *first, *last; /* all, oldest first */
    size_t parcels;
    size_t cold;         /* not being written */
    size_t cold_batches; /* of them, in memory */
    unsigned readers_left;
    unsigned readers_active, writers_active;
    unsigned memory_waiting;
    bool held_up; /* a writer left a parcel alone for want of memory */

    struct cond line; /* writers that wait for a parcel, readers for their turn, the pacer */
    struct cond work; /* packers */
    bool packing;     /* batches are packed before they go to disk */
    bool sealing;
    bool spill_full;
    bool spill_broken;
    uint64_t slots_freed;
    uint64_t raw_bytes_packed, packed_bytes;

    struct reader_seat *readers;
    struct writer_seat *writers;
};

static inline struct lot *lot_of(struct parcel *p)
{
    return (struct lot *)(void *)p;
}

static inline bool depot_can_spill(const struct depot *d)
{
    return d->options.spill != NULL && !d->spill_broken && !d->spill_full;
}

/* ---- depot_write.c ---- */

/* Is this writer one of the active ones? Those that are away do not count. */
bool depot_writer_active_locked(const struct depot *d, unsigned writer, uint64_t now_ns)
    REQUIRES(d->lock);

/* ---- depot_memory.c ---- */

bool depot_hot_may_take(const struct depot *d); /* the reader of a parcel that is being written */
bool depot_may_take_locked(const struct depot *d, const struct parcel *p) REQUIRES(d->lock);
/* For the reader of p, which is being written: frees sent batches of some parcel. */
bool depot_drop_sent_locked(struct depot *d) REQUIRES(d->lock);
void depot_return_locked(struct depot *d, struct batch *b) REQUIRES(d->lock);
/* Frees what a piece holds, in memory or on disk. */
void depot_free_piece_locked(struct depot *d, struct parcel *p, struct piece *piece)
    REQUIRES(d->lock);
void depot_wake_readers_locked(struct depot *d) REQUIRES(d->lock);

/* ---- depot_pack.c ---- */

/* Is there enough pressure for packers to look? */
void depot_call_packers_locked(struct depot *d) REQUIRES(d->lock);

/* ---- depot.c ---- */

/* Takes p, of which nothing is left, out of the list. */
void depot_remove_locked(struct depot *d, struct parcel *p) REQUIRES(d->lock);
/* Frees p if neither reader, writer nor packer has it any more. */
void depot_release_locked(struct depot *d, struct parcel *p) REQUIRES(d->lock);
void depot_link_locked(struct depot *d, struct parcel *p) REQUIRES(d->lock);
size_t depot_batches_in_memory(const struct parcel *p);

#endif
