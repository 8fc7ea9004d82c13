/* pipeline_internal.h: what the files pipeline*.c share. Nobody else includes it. */
#ifndef FLOW_PIPELINE_INTERNAL_H
#define FLOW_PIPELINE_INTERNAL_H

#include "base/clock.h"
#include "base/thread.h"
#include "flow/pipeline.h"

#include <pthread.h>
#include <stdatomic.h>

struct worker {
    struct counters counters;
    struct pipeline *owner;
    unsigned no;
    pthread_t thread;
    bool runs; /* started and not yet joined */
};

struct pipeline {
    struct pipeline_options options; /* set once, as the next two are */
    struct depot *depot;
    int done_fd;
    atomic_uint running;         /* threads that have not ended */
    atomic_uint readers_running; /* likewise, of readers */
    atomic_int level;
    struct mutex lock; /* guards spill_error */
    struct err spill_error;
    struct worker *readers;
    struct worker *writers;
    struct worker *packers;
};

/* The bodies of the threads. */
void reader_run(struct worker *w);
void writer_run(struct worker *w);
void packer_run(struct worker *w);

/* Adds the time since began_ns to the thread's counters and to spent (NULL: nowhere); returns now.
 */
uint64_t worker_spent(struct worker *w, struct spent *spent, enum activity what, uint64_t began_ns);
void worker_doing(struct worker *w, enum activity what);

#endif
