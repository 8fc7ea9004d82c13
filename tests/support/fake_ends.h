/*
 * fake_ends.h: sources, sinks and a feed that only pretend, for tests of the pipeline.
 *
 * A chunk is a number of rows of a pattern that follows from the chunk's number and the byte's
 * place, so a sink knows byte for byte what has to come, and a batch that is lost, doubled or out
 * of order is seen. A task takes some neighbouring chunks; they are committed together. Failed
 * tasks are sent again, or their chunks are handed out again one by one, until all are committed.
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

struct fake_chunk {
    size_t rows; /* the first three are for the test to set */
    size_t row_bytes;
    bool committed; /* what the destination has; true at the start: an earlier run did it */

    enum fake_state state; /* DONE at the start: known to be committed */
    bool read;             /* running, and all of it has left the source */
    bool again;            /* failed, so it goes alone */
    unsigned commits;      /* by this job */
    unsigned done;         /* reports to the feed */
    bool already;          /* that was the report */
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
    struct fake_chunk *chunks; /* borrowed */
    size_t count;
    unsigned readers;
    unsigned writers;
    unsigned group; /* a task takes at most so many chunks; 0 counts as 1 */
    uint64_t seed;
    struct fake_faults faults;
    unsigned resend;         /* of a thousand failures that allow it */
    uint64_t resend_wait_ms; /* at most */
    unsigned slow_source;    /* times that a fill, or a write, gives its turn away */
    unsigned slow_sink;
    bool hold_source; /* every fill, or every write, waits: a server that does not answer */
    bool hold_sink;
    bool hold_commit;
};

struct fake_job;

/* The work of a task. */
struct fake_group {
    size_t first;
    unsigned count;
    uint64_t serial;
    bool reported;
    struct fake_group *next;
};

struct fake_job *fake_job_new(const struct fake_config *config); /* NULL without memory */
void fake_job_free(struct fake_job *j);                          /* NULL is allowed */

struct feed fake_feed(struct fake_job *j);
const struct source *fake_sources(const struct fake_job *j); /* one for each reader */
const struct sink *fake_sinks(const struct fake_job *j);     /* and writer */

/* Whoever is held goes on. */
void fake_release(struct fake_job *j);
/* Whoever is held gets ERR_CANCELLED, and the feed hands nothing out any more. */
void fake_abort(struct fake_job *j);
/* The source is given back: nothing more is handed out, and to give a task up is wrong. */
void fake_give_source_back(struct fake_job *j);
/* A task for these chunks, which are pending, without a reader. */
bool fake_adopt(struct fake_job *j, size_t first, unsigned count, struct task *out);

/* Every chunk is done, or has left the source. Waits for at most wait_ms until it is so. */
bool fake_all_read(struct fake_job *j, unsigned wait_ms);
/* False when it has not come to that after 20 seconds. */
bool fake_wait_held(struct fake_job *j, unsigned threads);
bool fake_wait_reports(struct fake_job *j, size_t reports); /* done, failed and sent again */

struct fake_sums {
    uint64_t bytes_read; /* put into batches so far, of all attempts */
    size_t done;         /* chunks */
    size_t reports;
    unsigned failed;
    unsigned resends;
};
struct fake_sums fake_sums(struct fake_job *j);

/* Once all threads have ended: the first broken promise, "" for none. Ends must be closed, every
 * task reported. */
const char *fake_wrong(struct fake_job *j);

#endif
