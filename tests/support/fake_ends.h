/*
 * fake_ends.h: sources, sinks and a feed that only pretend, for tests of the pipeline.
 *
 * A work is a number of rows of a pattern that follows from the work's number and the byte's
 * place, so a sink knows byte for byte what has to come, and a batch that is lost, doubled or out
 * of order is seen. Failed tasks are handed out again until their work is done.
 *
 * cmocka fails a test by longjmp, which must not leave the thread it started in, so nothing here
 * asserts: the first thing that was wrong is kept as a text, for the test to look at.
 */
#ifndef TESTS_FAKE_ENDS_H
#define TESTS_FAKE_ENDS_H

#include "flow/ends.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fake_state { FAKE_PENDING, FAKE_RUNNING, FAKE_DONE };

struct fake_work {
    size_t rows; /* the first three are for the test to set */
    size_t row_bytes;
    bool committed; /* true at the start: an earlier run has done it */

    enum fake_state state;
    uint64_t serial;   /* of the attempt in flight; 0: none */
    unsigned attempts; /* handed out */
    unsigned commits;  /* in this run */
    unsigned done;     /* reports to the feed */
    unsigned failed;
    struct task_result result; /* of the report */
};

/* How many calls of a thousand fail. */
struct fake_faults {
    unsigned source_begin;
    unsigned source_fill;
    unsigned sink_begin;
    unsigned sink_write;
    unsigned sink_commit;
    unsigned lost_answer; /* committed, and nobody hears of it */
};

struct fake_config {
    struct fake_work *works; /* borrowed */
    size_t count;
    unsigned streams;
    uint64_t seed;
    struct fake_faults faults;
    unsigned slow_sink; /* times that a write gives its turn away */
    bool hold_source;   /* every fill, or every write, waits: a server that does not answer */
    bool hold_sink;
};

struct fake_job;

struct fake_job *fake_job_new(const struct fake_config *config); /* NULL without memory */
void fake_job_free(struct fake_job *j);                          /* NULL is allowed */

struct feed fake_feed(struct fake_job *j);
const struct source *fake_sources(const struct fake_job *j); /* one for each stream */
const struct sink *fake_sinks(const struct fake_job *j);

/* Whoever is held goes on. */
void fake_release(struct fake_job *j);
/* Whoever is held gets ERR_CANCELLED, and the feed hands nothing out any more. */
void fake_abort(struct fake_job *j);

/* False when it has not come to that after 20 seconds. */
bool fake_wait_held(struct fake_job *j, unsigned threads);
bool fake_wait_reports(struct fake_job *j, size_t reports); /* done and failed */

uint64_t fake_bytes_read(struct fake_job *j); /* put into batches so far */

/* Once all threads have ended: the first broken promise, "" for none. Ends must be closed, and
 * every work that is not done must be without a trace at the destination. */
const char *fake_wrong(struct fake_job *j);

#endif
