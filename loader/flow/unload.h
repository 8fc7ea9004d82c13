/*
 * unload.h: from a piece of a parcel to the batches of rows that it stands for: back from disk,
 * unpacked, verified. One per writer; used by its thread only.
 */
#ifndef FLOW_UNLOAD_H
#define FLOW_UNLOAD_H

#include "base/err.h"
#include "flow/codec.h"
#include "flow/depot.h"

struct unload {
    struct depot *depot;
    struct spill *spill; /* NULL: there is none */
    struct codec *codec; /* made at the first packed piece */
    struct piece piece;
    struct batch *disk; /* what was read from the piece's slot */
    struct batch *rows; /* what was unpacked last */
    const struct batch *packed;
    size_t at;        /* in packed */
    bool given;       /* a raw batch was handed out */
    uint64_t read_ns; /* spent reading from disk, and unpacking; the caller clears them */
    uint64_t unpack_ns;
};

void unload_init(struct unload *u, struct depot *depot, struct spill *spill);
void unload_fini(struct unload *u);

/* piece: as depot_get gave it, busy until unload_close. ERR_DATA: not what was put aside.
 * ERR_CANCELLED: depot_cancel. */
bool unload_open(struct unload *u, const struct piece *piece, struct err *err) MUST_CHECK;
/* The next batch of rows, verified; *rows NULL at the end. It lasts until the next call. */
bool unload_next(struct unload *u, const struct batch **rows, struct err *err) MUST_CHECK;
void unload_close(struct unload *u); /* gives the memory back; also after a failure */

#endif
