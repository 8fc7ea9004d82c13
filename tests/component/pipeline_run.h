/*
 * pipeline_run.h: a pipeline over fake ends, from its start to its end, for the tests of the
 * pipeline. Nothing is asserted while threads run; a run that hangs is ended by an alarm that says
 * its seed.
 */
#ifndef TESTS_PIPELINE_RUN_H
#define TESTS_PIPELINE_RUN_H

#include "tests/unit/unit.h"

#include "base/clock.h"
#include "base/rng.h"
#include "flow/pipeline.h"
#include "tests/support/fake_ends.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_ROOM    ((size_t)4096)
#define CHUNKS_MAX  100
#define LONG_MS     20000
#define WATCHDOG_S  60
#define MEMORY(n)   ((uint64_t)(n)*batch_memory_bytes(RUN_ROOM))
#define STREAMS_MAX 16u

struct run {
    struct fake_chunk chunks[CHUNKS_MAX];
    struct fake_config config;
    struct pipeline_options options;
    struct spill *spill;
    struct fake_job *job;
    struct pipeline *pipeline;
};

static char run_name[160]; /* of the run under way, for the alarm */

static inline void run_hangs(int signal)
{
    static const char text[] = "this run hangs: ";
    (void)signal;
    (void)!write(2, text, sizeof text - 1);
    (void)!write(2, run_name, strlen(run_name));
    (void)!write(2, "\n", 1);
    abort();
}

static inline void watch_run(const char *name)
{
    (void)snprintf(run_name, sizeof run_name, "%s", name);
    struct sigaction a = {.sa_handler = run_hangs};
    (void)sigaction(SIGALRM, &a, NULL);
    (void)alarm(WATCHDOG_S);
}

/* Sizes that meet the edges of a batch: none, one row, rows that fill a batch exactly, one more. */
static const struct {
    size_t rows;
    size_t row_bytes;
} run_shapes[] = {
    {0,   10           },
    {1,   1            },
    {300, 33           },
    {1,   RUN_ROOM     },
    {5,   RUN_ROOM     },
    {5,   2100         },
    {3,   9            },
    {100, 200          },
    {2,   RUN_ROOM + 1 },
    {1,   5 * RUN_ROOM },
    {0,   1            },
    {7,   RUN_ROOM - 90},
};

static inline void make_chunks(struct run *r, size_t count)
{
    r->config.chunks = r->chunks;
    r->config.count = count;
    for (size_t i = 0; i < count; i++) {
        size_t shape = (i * 7 + i / ARRAY_LEN(run_shapes)) % ARRAY_LEN(run_shapes);
        r->chunks[i] = (struct fake_chunk){.rows = run_shapes[shape].rows,
                                           .row_bytes = run_shapes[shape].row_bytes};
    }
}

static inline void make_run(struct run *r)
{
    struct err err = {.kind = ERR_NONE};
    r->config.chunks = r->chunks;
    r->job = fake_job_new(&r->config);
    assert_non_null(r->job);
    r->options.readers = r->config.readers;
    r->options.writers = r->config.writers;
    r->options.room = RUN_ROOM;
    r->options.spill = r->spill;
    r->options.feed = fake_feed(r->job);
    r->options.sources = fake_sources(r->job);
    r->options.sinks = fake_sinks(r->job);
    assert_true(pipeline_new(&r->options, &r->pipeline, &err));
}

static inline void start(struct run *r)
{
    struct err err = {.kind = ERR_NONE};
    make_run(r);
    assert_true(pipeline_start(r->pipeline, &err));
}

static inline bool has_ended(const struct run *r, int wait_ms)
{
    struct pollfd p = {.fd = pipeline_done_fd(r->pipeline), .events = POLLIN};
    return poll(&p, 1, wait_ms) == 1;
}

/* When the done descriptor becomes readable, joining takes no more than a moment. Nothing is
 * asserted before the threads are known to have ended. */
static inline void join(struct run *r)
{
    if (!has_ended(r, LONG_MS) || !pipeline_join(r->pipeline, 5000)) {
        print_error("the pipeline does not end: %s\n", run_name);
        abort();
    }
}

static inline struct depot_view look(struct run *r)
{
    struct depot_view v;
    depot_look(pipeline_depot(r->pipeline), &v);
    return v;
}

/* The budget, or what the threads need at the least. */
static inline size_t memory_max(const struct run *r)
{
    const struct pipeline_options *o = &r->options;
    size_t least = 4 * (size_t)o->writers + o->readers + o->packers + 1;
    size_t many = (size_t)(o->memory_bytes / batch_memory_bytes(RUN_ROOM));
    return (many > least ? many : least) * batch_memory_bytes(RUN_ROOM);
}

/* After join: the memory, the reports and the ends, and frees everything. */
static inline void finish(struct run *r)
{
    char wrong[300];
    size_t memory = look(r).memory_bytes;
    size_t most = memory_max(r);
    pipeline_free(r->pipeline); /* asserts that every batch is back */
    (void)snprintf(wrong, sizeof wrong, "%s", fake_wrong(r->job));
    fake_job_free(r->job);
    if (wrong[0] != '\0') {
        print_error("%s: %s\n", run_name, wrong);
    }
    assert_string_equal(wrong, "");
    assert_true(memory <= most);
}

static inline void check_all_done(struct run *r)
{
    for (size_t i = 0; i < r->config.count; i++) {
        assert_int_equal(r->chunks[i].state, FAKE_DONE);
        assert_true(r->chunks[i].committed);
        assert_int_equal(r->chunks[i].done, 1);
    }
    assert_int_equal(pipeline_busy(r->pipeline), 0);
    assert_int_equal(look(r).parcels, 0);
}

#endif
