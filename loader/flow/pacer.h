/*
 * pacer.h: keeps a rate, for --max-rate. Pure: time comes in as an argument, and the caller waits.
 *
 * A token bucket that holds a tenth of a second's worth. Not thread-safe; the owner has a lock.
 */
#ifndef FLOW_PACER_H
#define FLOW_PACER_H

#include <stdint.h>

struct pacer {
    uint64_t bytes_per_s; /* 0: no limit */
    uint64_t free_at_ns;  /* when everything granted so far is paid for */
};

/* Grants bytes and returns how long to wait before using them, in ns. */
uint64_t pacer_take(struct pacer *p, uint64_t bytes, uint64_t now_ns);

#endif
