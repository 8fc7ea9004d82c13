/*
 * counters.h: what a stream has done so far, for the progress display and the summary.
 *
 * Each field has one writing thread, so a relaxed store after a relaxed load is enough; the
 * reporter reads values that may be a moment old and may not belong to the same instant. A
 * stream's counters have a cache line of their own, so that counting never makes two cores
 * pass a line to and fro.
 */
#ifndef FLOW_COUNTERS_H
#define FLOW_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

struct counters {
    _Alignas(64) atomic_uint_fast64_t rows_read; /* by the reader */
    atomic_uint_fast64_t bytes_read;
    atomic_uint_fast64_t pool_wait_ns; /* no free batch: the destination is the slow side */
    atomic_uint_fast64_t row_widest_bytes;
    _Alignas(64) atomic_uint_fast64_t bytes_sent; /* by the writer */
    atomic_uint_fast64_t queue_wait_ns;           /* no full batch: the source is the slow side */
    atomic_uint_fast64_t send_ns;                 /* the sink took rows */
    atomic_uint_fast64_t commit_ns;
    atomic_uint_fast64_t task_weight_bytes; /* of the task in flight; 0 between tasks */
    atomic_uint_fast64_t task_sent_bytes;
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
