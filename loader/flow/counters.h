/*
 * counters.h: what a thread has done so far, for the progress display and the summary.
 *
 * Each has one writing thread, so a relaxed store after a relaxed load is enough; the reporter
 * reads values that may be a moment old and may not belong to the same instant. A thread's
 * counters have cache lines of their own, so that counting never makes two cores pass one to and
 * fro.
 */
#ifndef FLOW_COUNTERS_H
#define FLOW_COUNTERS_H

#include "flow/spent.h"

#include <stdatomic.h>
#include <stdint.h>

struct counters {
    _Alignas(64) atomic_uint_fast64_t spent_ns[SPENT_KINDS];
    atomic_uint_fast64_t rows; /* read or sent */
    atomic_uint_fast64_t bytes;
    atomic_uint_fast64_t row_widest_bytes;
    atomic_uint_fast64_t task_weight_bytes; /* writers: of the task in flight; 0 between tasks */
    atomic_uint_fast64_t task_sent_bytes;
    atomic_uint_fast64_t unsent_bytes; /* writers: of bytes, still in the kernel's buffers */
    atomic_uint_fast64_t activity;     /* what it does now: an activity + 1; 0: nothing */
};

static inline void counter_add(atomic_uint_fast64_t *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline void counter_set(atomic_uint_fast64_t *c, uint64_t value)
{
    atomic_store_explicit(c, value, memory_order_relaxed);
}

static inline uint64_t counter_get(const atomic_uint_fast64_t *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

#endif
