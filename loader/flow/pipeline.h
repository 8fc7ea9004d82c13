/*
 * pipeline.h: the streams. A stream is a reader thread and a writer thread with a queue between
 * them and a pool of batches of their own; nothing is shared between streams but the feed. Here,
 * and nowhere else, threads are made.
 *
 *   reader: claim a task, fill batches from the source, push them
 *   writer: pop, send; at the task's last batch commit, and report to the feed
 *
 * Only the writer reports a task, so each is reported exactly once: done or failed. When the writer
 * has failed a task it says so to its reader (the discarded serial), which stops reading it; when
 * the reader has failed one it sends a BATCH_BROKEN and the writer rolls back and reports.
 *
 * A normal end: the feed has no more tasks, readers close their queues, writers drain them. A stop
 * at once: pipeline_cancel. The threads have signals blocked; the calling thread handles them.
 */
#ifndef FLOW_PIPELINE_H
#define FLOW_PIPELINE_H

#include "base/err.h"
#include "flow/counters.h"
#include "flow/ends.h"

#include <stddef.h>

struct pipeline;

#define PIPELINE_STREAMS_MAX 256

/* Batches are this large at the most, smaller when the budget is tight. Larger ones gained nothing
 * (they leave the second-level cache), smaller ones cost more wake-ups. */
#define PIPELINE_BATCH_BYTES     (256u << 10)
#define PIPELINE_BATCH_BYTES_MIN (16u << 10)

struct pipeline_options {
    unsigned streams;      /* 1..PIPELINE_STREAMS_MAX */
    uint64_t memory_bytes; /* for all batches of all streams */
    struct feed feed;
    const struct source *sources; /* one for each stream; borrowed until pipeline_free */
    const struct sink *sinks;
};

/* Starts the threads. ERR_SYSTEM when that fails; nothing runs then. */
bool pipeline_start(const struct pipeline_options *options, struct pipeline **out,
                    struct err *err) MUST_CHECK;

/* Wakes whoever waits for a batch. Whoever waits for a server is woken by STOP_ABORT. */
void pipeline_cancel(struct pipeline *p);

/* A descriptor that becomes readable when every thread has ended. */
int pipeline_done_fd(const struct pipeline *p);

/* Waits for every thread to end; false when some still run after timeout_ms. */
bool pipeline_join(struct pipeline *p, unsigned timeout_ms) MUST_CHECK;

void pipeline_free(struct pipeline *p); /* after a successful join; NULL is allowed */

const struct counters *pipeline_counters(const struct pipeline *p, unsigned stream);
unsigned pipeline_busy(const struct pipeline *p); /* streams with a task in flight */
size_t pipeline_memory_bytes(struct pipeline *p); /* of all batches allocated so far */

#endif
