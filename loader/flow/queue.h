/*
 * queue.h: bounded, blocking, first-in first-out hand-off between threads.
 *
 * A queue is how the pipeline stages meet, and its capacity is the only thing
 * that slows a fast stage down to the speed of the next one. Items are owned by
 * exactly one side at a time: by the caller before a push returns QUEUE_OK, by
 * the queue until a pop returns it, by the popping thread after that.
 *
 * There are two ways to end, and they are not the same:
 *
 *   queue_close    no more input; poppers drain what is left, then see CLOSED
 *   queue_cancel   stop now; everyone, blocked or not, sees CANCELLED and the
 *                  owner takes the leftovers back with queue_drain
 *
 * Every function may be called from any thread, save queue_free and queue_drain,
 * which are for the owner once the other threads have been joined.
 */
#ifndef FLOW_QUEUE_H
#define FLOW_QUEUE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct queue;

enum queue_status {
    QUEUE_OK,
    QUEUE_CLOSED,    /* push: closed.  pop: closed and empty */
    QUEUE_CANCELLED, /* the run is stopping */
    QUEUE_TIMEOUT,   /* pop only: nothing arrived in time */
};

#define QUEUE_WAIT_FOREVER UINT64_MAX

/* What the queue saw. Comparing the two waits tells which side is the slow one. */
struct queue_stats {
    uint64_t pushed;
    uint64_t push_wait_ns; /* time producers spent blocked on a full queue */
    uint64_t pop_wait_ns;  /* time consumers spent blocked on an empty one */
    size_t depth;
    size_t depth_max;
    unsigned push_waiting; /* threads blocked right now */
    unsigned pop_waiting;
};

/* capacity >= 1. Returns NULL when out of memory. */
struct queue *queue_new(size_t capacity) MUST_CHECK;

/* NULL is allowed. The queue must be empty: an item left inside is a leak. */
void queue_free(struct queue *q);

/* Blocks while full. Takes item only when it returns QUEUE_OK. */
enum queue_status queue_push(struct queue *q, void *item) MUST_CHECK;

/* Blocks for at most timeout_ns while empty. Sets *item only on QUEUE_OK. */
enum queue_status queue_pop(struct queue *q, uint64_t timeout_ns, void **item) MUST_CHECK;

void queue_close(struct queue *q);  /* may be called twice */
void queue_cancel(struct queue *q); /* may be called twice, and after close */

/* Passes each leftover to drop, oldest first, and returns how many there were. */
size_t queue_drain(struct queue *q, void (*drop)(void *owner, void *item), void *owner);

struct queue_stats queue_stats(struct queue *q);

#endif
