/*
 * batch.h: a buffer of COPY rows, the unit that moves between threads.
 *
 * A batch has one owner at a time: the pool, a reader, the depot, a packer, a writer. Nobody else
 * looks at it, so it needs no lock; only batch_move changes its state, by a table of legal moves.
 *
 *   EMPTY ─▶ FILLING ─▶ SEALED ─▶ SENDING ─▶ EMPTY
 *                        │ ▲ ▲        │
 *                        │ │ └────────┘  kept until the commit, in case it has to be sent again
 *                        ▼ │
 *                      PACKING ─▶ EMPTY   packed into another batch, or spilled; back to SEALED
 *                                         when there was no room for that
 *
 * Every state may end in EMPTY, when its rows are no longer wanted. A batch holds whole rows
 * without the framing of messages or files, except that a row wider than a batch is cut over
 * several; or, when packed, frames that the codec made of such batches. Sealing notes the rows'
 * checksum; it is verified before they go to the destination.
 */
#ifndef FLOW_BATCH_H
#define FLOW_BATCH_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum batch_state {
    BATCH_EMPTY,
    BATCH_FILLING,
    BATCH_SEALED,
    BATCH_PACKING,
    BATCH_SENDING,
    BATCH_STATES
};

/* What a batch, or a slot of a spill file, has in it. */
struct content {
    uint64_t rows;      /* that begin in it */
    uint64_t raw_bytes; /* of rows, before packing */
    uint64_t checksum;  /* of all bytes as they are here, packed or not */
    uint32_t bytes;     /* as they are here */
    uint32_t frames;    /* 0: the rows themselves; else packed, in so many frames */
};

struct batch {
    enum batch_state state;
    struct content content; /* complete once SEALED; content.bytes counts while FILLING */
    size_t room;            /* bytes that the rows of a batch may take */
    struct batch *next;     /* for the owner's lists */
    _Alignas(64) char bytes[];
};

/* Beyond room: for the frame's header around a full batch that does not compress, and for the
 * authentication tag of the spill file. */
#define BATCH_SLACK_BYTES 64u

struct batch *batch_new(size_t room); /* NULL without memory; EMPTY; room at most 16 MB */
void batch_free(struct batch *b);
size_t batch_memory_bytes(size_t room); /* what one takes */

void batch_move(struct batch *b, enum batch_state to); /* to EMPTY clears the content */

/* FILLING to SEALED, with the checksum; and raw_bytes, unless it is packed. */
void batch_seal(struct batch *b);
/* ERR_DATA when the bytes are no longer those that were sealed. */
bool batch_verify(const struct batch *b, struct err *err) MUST_CHECK;

uint64_t batch_checksum(const void *bytes, size_t len); /* XXH3, 64 bits */

#endif
