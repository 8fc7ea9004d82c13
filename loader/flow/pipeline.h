/*
 * pipeline.h: the threads. Readers fill parcels from their sources, writers send parcels to their
 * sinks, packers make room in between; the depot (flow/depot.h) is where they meet. Here, and
 * nowhere else, threads are made.
 *
 *   reader: claim a task, fill batches from the source, put them into its parcel
 *   writer: take a parcel, send it; at its end commit, and report to the feed
 *   packer: compress and spill what waits, when there is need
 *
 * Only writers report tasks, so each attempt is reported exactly once: done or failed. A parcel
 * whose transaction failed is sent again from its batches, if the feed wants that; else its rows
 * are forgotten and its reader, if it still reads them, stops.
 *
 * A normal end: the feed has no more tasks, readers end, writers finish what there is. A stop at
 * once: pipeline_cancel. The threads have signals blocked; the calling thread handles them.
 */
#ifndef FLOW_PIPELINE_H
#define FLOW_PIPELINE_H

#include "base/err.h"
#include "flow/counters.h"
#include "flow/depot.h"
#include "flow/ends.h"
#include "flow/spill.h"

#include <stddef.h>

struct pipeline;

#define PIPELINE_STREAMS_MAX 256
#define PIPELINE_PACKERS_MAX 4

/* Batches are this large at the most, smaller when the budget is tight. Larger ones gained nothing
 * (they leave the second-level cache), smaller ones cost more wake-ups. */
#define PIPELINE_BATCH_BYTES     (256u << 10)
#define PIPELINE_BATCH_BYTES_MIN (16u << 10)

#define PIPELINE_COMPRESS_OFF  (-2)
#define PIPELINE_COMPRESS_AUTO (-1)

struct pipeline_options {
    unsigned readers;          /* 0..PIPELINE_STREAMS_MAX; 0: only what is restored */
    unsigned writers;          /* 1..PIPELINE_STREAMS_MAX */
    unsigned packers;          /* 0..PIPELINE_PACKERS_MAX */
    uint64_t memory_bytes;     /* for all batches */
    size_t room;               /* of each: pipeline_batch_room */
    int compression;           /* PIPELINE_COMPRESS_..., or a level */
    struct spill *spill;       /* NULL: none; borrowed until pipeline_free */
    bool keep_all;             /* see depot.h */
    uint64_t max_rate_bytes_s; /* 0: none */
    struct feed feed;
    const struct source *sources; /* one for each reader; borrowed until pipeline_free */
    const struct sink *sinks;     /* one for each writer */
};

/* How large batches are with so much memory and so many threads. */
size_t pipeline_batch_room(uint64_t memory_bytes, unsigned readers, unsigned writers);

/* Makes everything but the threads, so that parcels can be restored first. ERR_SYSTEM. */
bool pipeline_new(const struct pipeline_options *options, struct pipeline **out,
                  struct err *err) MUST_CHECK;
struct depot *pipeline_depot(struct pipeline *p);
/* ERR_SYSTEM when it fails; nothing runs then, and pipeline_free is all that is left. */
bool pipeline_start(struct pipeline *p, struct err *err) MUST_CHECK;

/* Wakes whoever waits for a batch. Whoever waits for a server is woken by STOP_ABORT. */
void pipeline_cancel(struct pipeline *p);

/* A descriptor that becomes readable when every thread has ended. */
int pipeline_done_fd(const struct pipeline *p);

/* Every reader has ended: nobody uses the sources any more. */
bool pipeline_readers_ended(const struct pipeline *p);

/* Waits for every thread to end; false when some still run after timeout_ms. */
bool pipeline_join(struct pipeline *p, unsigned timeout_ms) MUST_CHECK;

void pipeline_free(struct pipeline *p); /* after a successful join; NULL is allowed */

const struct counters *pipeline_reader(const struct pipeline *p, unsigned reader);
const struct counters *pipeline_writer(const struct pipeline *p, unsigned writer);
const struct counters *pipeline_packer(const struct pipeline *p, unsigned packer);
unsigned pipeline_busy(const struct pipeline *p); /* writers with a task in flight */
int pipeline_level(const struct pipeline *p);     /* at which packers compress now */
/* The disk failed under the spill file: what and how often is in *err. False: it did not. */
bool pipeline_spill_error(struct pipeline *p, struct err *err);

#endif
