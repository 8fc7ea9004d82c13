/*
 * batch.h: a buffer of COPY rows, the unit that moves between threads.
 *
 * A batch has one owner at a time: the pool, the reader, the queue, the writer. Nobody else looks
 * at it, so it needs no lock; only batch_move changes its state, by a table of legal moves.
 *
 *   EMPTY ─▶ FILLING ─▶ SEALED ─▶ SENDING ─▶ EMPTY        (FILLING ─▶ EMPTY when the run is
 * cancelled)
 *
 * It holds whole rows, except that a row wider than a batch is cut over several. The packed states
 * of compression and spill come between SEALED and SENDING.
 */
#ifndef FLOW_BATCH_H
#define FLOW_BATCH_H

#include "base/err.h"
#include "flow/ends.h"

#include <stddef.h>
#include <stdint.h>

enum batch_state { BATCH_EMPTY, BATCH_FILLING, BATCH_SEALED, BATCH_SENDING, BATCH_STATES };

/* What the writer is to do after the bytes. */
enum batch_mark {
    BATCH_MORE,   /* go on: more batches of this task follow */
    BATCH_LAST,   /* commit: the source read the whole task, rows_total of them */
    BATCH_BROKEN, /* roll back: the source failed, broken says how */
};

struct batch {
    enum batch_state state;
    enum batch_mark mark;
    struct task task;
    uint64_t rows;       /* that begin in this batch */
    size_t row_widest;   /* bytes of the widest of them */
    uint64_t rows_total; /* BATCH_LAST: of the whole task, as the source's tag says */
    struct err broken;
    size_t len;
    size_t room;
    char bytes[];
};

struct batch *batch_new(size_t room); /* NULL without memory; EMPTY */
void batch_free(struct batch *b);

void batch_move(struct batch *b, enum batch_state to);

/* FILLING only. Copies as much as fits and returns how much that was. */
size_t batch_append(struct batch *b, const char *bytes, size_t len);

#endif
