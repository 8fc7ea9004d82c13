/*
 * spent.h: where time went, by activity. Plain values; the atomic ones are in counters.h.
 */
#ifndef FLOW_SPENT_H
#define FLOW_SPENT_H

#include <stdint.h>

enum activity {
    /* of readers */
    SPENT_READ,        /* the source was asked for rows, and gave them */
    SPENT_WAIT_MEMORY, /* no room for more: the destination, or the spill file, is slower */
    SPENT_THROTTLE,    /* --max-rate */
    /* of writers */
    SPENT_WAIT_ROWS, /* nothing to send: the source is slower */
    SPENT_BEGIN,     /* opening a transaction */
    SPENT_SEND,      /* the destination took rows */
    SPENT_COMMIT,
    SPENT_UNPACK,
    SPENT_SPILL_READ,
    /* of packers */
    SPENT_PACK,
    SPENT_SPILL_WRITE,
    SPENT_SPILL_FULL, /* waited for space on disk */
    SPENT_PACK_IDLE,  /* had nothing to do */
    SPENT_KINDS
};

struct spent {
    uint64_t ns[SPENT_KINDS];
};

static inline void spent_add(struct spent *to, const struct spent *more)
{
    for (int i = 0; i < SPENT_KINDS; i++) {
        to->ns[i] += more->ns[i];
    }
}

#endif
