/*
 * pipeline: everything arrives, every task is reported once, memory is bounded, and it ends.
 *
 * The ends and the feed are those of tests/support/fake_ends.h, which look at every byte and at
 * the order of calls; a test only makes up works and looks at the outcome. Faults follow from a
 * seed, which is printed; SLUICE_TEST_SEED in the environment sets it.
 */
#include "tests/unit/unit.h"

#include "base/clock.h"
#include "base/rng.h"
#include "flow/batch.h"
#include "flow/pipeline.h"
#include "tests/support/fake_ends.h"

#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define KB          UINT64_C(1024)
#define STREAM_MEM  (64 * KB) /* four of the smallest batches */
#define WORKS_MAX   100
#define FAULT_WORKS 40
#define LONG_MS     20000

struct run {
    struct fake_work works[WORKS_MAX];
    struct fake_config config;
    struct fake_job *job;
    struct pipeline *pipeline;
};

static void start(struct run *r)
{
    struct err err = {.kind = ERR_NONE};
    r->config.works = r->works;
    r->job = fake_job_new(&r->config);
    assert_non_null(r->job);
    struct pipeline_options o = {
        .streams = r->config.streams,
        .memory_bytes = r->config.streams * STREAM_MEM,
        .feed = fake_feed(r->job),
        .sources = fake_sources(r->job),
        .sinks = fake_sinks(r->job),
    };
    assert_true(pipeline_start(&o, &r->pipeline, &err));
}

/* When the done descriptor becomes readable, joining takes no more than a moment. Nothing is
 * asserted before the threads are known to have ended. */
static void join(struct run *r)
{
    struct pollfd p = {.fd = pipeline_done_fd(r->pipeline), .events = POLLIN};
    int rang = poll(&p, 1, LONG_MS);
    if (rang != 1 || !pipeline_join(r->pipeline, 5000)) {
        print_error("the pipeline does not end\n");
        abort();
    }
}

static void finish(struct run *r)
{
    pipeline_free(r->pipeline); /* asserts that every batch is back */
    fake_job_free(r->job);
}

static uint64_t sum(const struct run *r, size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < r->config.streams; i++) {
        const char *counters = (const char *)pipeline_counters(r->pipeline, i);
        total += counter_get((const atomic_uint_fast64_t *)(const void *)(counters + offset));
    }
    return total;
}

#define SUM(r, field) sum((r), offsetof(struct counters, field))

/* The budget is for rows; the header of each batch comes on top. */
static size_t memory_max(unsigned streams)
{
    return (size_t)streams * 4 * (16 * KB + sizeof(struct batch));
}

static void check_all_done(const struct run *r)
{
    assert_string_equal(fake_wrong(r->job), "");
    for (size_t i = 0; i < r->config.count; i++) {
        const struct fake_work *w = &r->works[i];
        assert_int_equal(w->state, FAKE_DONE);
        assert_true(w->committed);
        assert_int_equal(w->done, 1);
        assert_int_equal(w->attempts, w->failed + 1);
        assert_int_equal(w->result.rows, w->rows);
        assert_int_equal(w->result.wire_bytes, w->rows * w->row_bytes);
    }
    assert_int_equal(pipeline_busy(r->pipeline), 0);
    assert_true(pipeline_memory_bytes(r->pipeline) <= memory_max(r->config.streams));
}

/* Sizes that meet the edges of a batch: none, one row, rows that fill a batch exactly, one more. */
static const struct {
    size_t rows;
    size_t row_bytes;
} shapes[] = {
    {0,                10     },
    {1,                1      },
    {1,                100    },
    {16 * KB / 64,     64     },
    {16 * KB / 64 + 1, 64     },
    {900,              33     },
    {1,                16 * KB},
    {5,                16 * KB},
    {5,                9 * KB },
    {200,              200    },
};

static void make_works(struct run *r, size_t count)
{
    r->config.count = count;
    for (size_t i = 0; i < count; i++) {
        r->works[i] = (struct fake_work){.rows = shapes[i % ARRAY_LEN(shapes)].rows,
                                         .row_bytes = shapes[i % ARRAY_LEN(shapes)].row_bytes};
    }
}

static const unsigned stream_counts[] = {1, 2, 16};

static void everything_arrives(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stream_counts); i++) {
        struct run r = {
            .config = {.streams = stream_counts[i], .seed = 1}
        };
        uint64_t rows = 0;
        uint64_t bytes = 0;
        make_works(&r, 60);
        start(&r);
        join(&r);
        check_all_done(&r);
        for (size_t w = 0; w < r.config.count; w++) {
            assert_int_equal(r.works[w].commits, 1);
            assert_int_equal(r.works[w].failed, 0);
            assert_false(r.works[w].result.already_done);
            rows += r.works[w].rows;
            bytes += r.works[w].rows * r.works[w].row_bytes;
        }
        assert_int_equal(SUM(&r, rows_read), rows);
        assert_int_equal(SUM(&r, bytes_read), bytes);
        assert_int_equal(SUM(&r, bytes_sent), bytes);
        finish(&r);
    }
}

static void nothing_to_do_ends_at_once(void **state)
{
    (void)state;
    struct run r = {.config = {.streams = 16}};
    start(&r);
    join(&r);
    check_all_done(&r);
    finish(&r);
}

static void already_done_tasks_are_reported_and_not_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stream_counts); i++) {
        struct run r = {
            .config = {.streams = stream_counts[i], .seed = 1}
        };
        uint64_t bytes = 0;
        make_works(&r, 60);
        for (size_t w = 0; w < r.config.count; w++) {
            r.works[w].committed = w % 3 != 0;
            bytes += w % 3 == 0 ? r.works[w].rows * r.works[w].row_bytes : 0;
        }
        start(&r);
        join(&r);
        check_all_done(&r);
        for (size_t w = 0; w < r.config.count; w++) {
            assert_int_equal(r.works[w].result.already_done, w % 3 != 0);
            assert_int_equal(r.works[w].commits, w % 3 == 0);
        }
        assert_int_equal(SUM(&r, bytes_sent), bytes);
        finish(&r);
    }
}

static void a_row_wider_than_all_batches_passes(void **state)
{
    (void)state;
    struct run r = {
        .config = {.streams = 2, .count = 3}
    };
    r.works[0] = (struct fake_work){.rows = 3, .row_bytes = 100 * KB};
    r.works[1] = (struct fake_work){.rows = 1, .row_bytes = 16 * KB + 1};
    r.works[2] = (struct fake_work){.rows = 2, .row_bytes = KB * KB};
    start(&r);
    join(&r);
    check_all_done(&r);
    uint64_t first = counter_get(&pipeline_counters(r.pipeline, 0)->row_widest_bytes);
    uint64_t second = counter_get(&pipeline_counters(r.pipeline, 1)->row_widest_bytes);
    assert_int_equal(first > second ? first : second, KB * KB);
    assert_int_equal(SUM(&r, rows_read), 6);
    finish(&r);
}

/* ---- faults ---- */

static uint64_t seed(void)
{
    const char *given = getenv("SLUICE_TEST_SEED"); /* NOLINT(concurrency-mt-unsafe): one thread */
    return given == NULL ? rng_entropy() : strtoull(given, NULL, 10);
}

static void run_with_faults(unsigned streams, const struct fake_faults *faults, uint64_t from)
{
    struct run r = {
        .config = {.streams = streams, .seed = from, .faults = *faults}
    };
    print_message("%u streams, SLUICE_TEST_SEED=%" PRIu64 "\n", streams, from);
    make_works(&r, FAULT_WORKS);
    for (size_t w = 0; w < r.config.count; w++) {
        r.works[w].committed = w % 7 == 0;
    }
    start(&r);
    join(&r);
    check_all_done(&r);
    for (size_t w = 0; w < r.config.count; w++) {
        assert_int_equal(r.works[w].commits, w % 7 == 0 ? 0 : 1);
    }
    finish(&r);
}

/* One kind of fault by itself is met at every place where it can be; then all of them together. */
static const struct fake_faults fault_rows[] = {
  /* source begin, fill; sink begin, write, commit; answer lost */
    {400, 0,   0,   0,   0,   0  },
    {0,   150, 0,   0,   0,   0  },
    {0,   0,   400, 0,   0,   0  },
    {0,   0,   0,   150, 0,   0  },
    {0,   0,   0,   0,   400, 0  },
    {0,   0,   0,   0,   0,   500},
    {100, 0,   100, 0,   0,   0  },
    {0,   100, 0,   100, 0,   0  },
    {50,  50,  50,  50,  50,  50 },
};

static void faults_lose_nothing_and_double_nothing(void **state)
{
    uint64_t from = seed();
    (void)state;
    for (size_t f = 0; f < ARRAY_LEN(fault_rows); f++) {
        for (size_t i = 0; i < ARRAY_LEN(stream_counts); i++) {
            run_with_faults(stream_counts[i], &fault_rows[f], from);
        }
    }
}

static void a_slow_sink_with_faults(void **state)
{
    struct fake_faults faults = {.source_fill = 30, .sink_write = 30, .lost_answer = 100};
    struct run r = {
        .config = {.streams = 4, .seed = seed(), .faults = faults, .slow_sink = 50}
    };
    (void)state;
    print_message("SLUICE_TEST_SEED=%" PRIu64 "\n", r.config.seed);
    make_works(&r, 40);
    start(&r);
    join(&r);
    check_all_done(&r);
    finish(&r);
}

/* ---- memory ---- */

static void make_large(struct run *r, unsigned streams)
{
    *r = (struct run){
        .config = {.streams = streams, .count = streams}
    };
    for (unsigned i = 0; i < streams; i++) {
        r->works[i] = (struct fake_work){.rows = 4000, .row_bytes = 100}; /* six times the budget */
    }
}

/* Every stream's reader comes to wait for a batch. */
static bool wait_full(struct run *r)
{
    uint64_t until_ns = clock_mono_ns() + LONG_MS * UINT64_C(1000000);
    size_t want = memory_max(r->config.streams);
    while (pipeline_memory_bytes(r->pipeline) < want && clock_mono_ns() < until_ns) {
        (void)sched_yield();
    }
    return pipeline_memory_bytes(r->pipeline) == want;
}

static void a_blocked_sink_holds_the_readers_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stream_counts); i++) {
        struct run r;
        make_large(&r, stream_counts[i]);
        r.config.hold_sink = true;
        start(&r);
        bool held = fake_wait_held(r.job, r.config.streams);
        bool full = wait_full(&r);
        for (int turn = 0; turn < 200; turn++) {
            (void)sched_yield(); /* time to read more, if something let them */
        }
        unsigned busy = pipeline_busy(r.pipeline);
        uint64_t read = fake_bytes_read(r.job);
        fake_release(r.job);
        join(&r);
        assert_true(held);
        assert_true(full);
        assert_int_equal(busy, r.config.streams);
        assert_true(read <= r.config.streams * STREAM_MEM);
        check_all_done(&r);
        finish(&r);
    }
}

/* ---- the other ends of a run ---- */

static void check_cancelled(struct run *r)
{
    assert_string_equal(fake_wrong(r->job), "");
    for (size_t i = 0; i < r->config.count; i++) {
        assert_true(r->works[i].commits <= 1);
        assert_true(r->works[i].commits >= r->works[i].done);
    }
    assert_true(pipeline_memory_bytes(r->pipeline) <= memory_max(r->config.streams));
}

static void cancel(struct run *r)
{
    fake_abort(r->job);
    pipeline_cancel(r->pipeline);
    join(r);
    pipeline_cancel(r->pipeline); /* once more does no harm */
    check_cancelled(r);
    finish(r);
}

static void cancel_wakes_writers_in_the_sink_and_readers_in_the_pool(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stream_counts); i++) {
        struct run r;
        make_large(&r, stream_counts[i]);
        r.config.hold_sink = true;
        start(&r);
        bool ready = fake_wait_held(r.job, r.config.streams) && wait_full(&r);
        cancel(&r);
        assert_true(ready);
        for (size_t w = 0; w < r.config.count; w++) {
            assert_int_equal(r.works[w].commits, 0);
        }
    }
}

static void cancel_wakes_readers_in_the_source_and_writers_in_the_queue(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stream_counts); i++) {
        struct run r;
        make_large(&r, stream_counts[i]);
        r.config.hold_source = true;
        start(&r);
        bool ready = fake_wait_held(r.job, r.config.streams);
        cancel(&r);
        assert_true(ready);
    }
}

/* Fewer works than streams: the readers of the others wait in the feed. */
static void cancel_with_idle_streams(void **state)
{
    (void)state;
    struct run r;
    make_large(&r, 16);
    r.config.count = 2;
    r.config.hold_sink = true;
    start(&r);
    bool ready = fake_wait_held(r.job, 2);
    cancel(&r);
    assert_true(ready);
}

static void cancel_at_any_moment(void **state)
{
    struct fake_faults faults = {.source_fill = 30, .sink_write = 30, .sink_commit = 30};
    struct rng rng;
    uint64_t from = seed();
    (void)state;
    print_message("SLUICE_TEST_SEED=%" PRIu64 "\n", from);
    rng_seed(&rng, from);
    for (unsigned round = 0; round < 30; round++) {
        struct run r = {
            .config = {.streams = stream_counts[round % ARRAY_LEN(stream_counts)],
                       .seed = from + round,
                       .faults = faults}
        };
        make_works(&r, WORKS_MAX);
        start(&r);
        bool ready = fake_wait_reports(r.job, rng_between(&rng, 0, WORKS_MAX - 1));
        cancel(&r);
        assert_true(ready);
    }
}

static void join_gives_up_after_its_time(void **state)
{
    (void)state;
    struct run r;
    make_large(&r, 1);
    r.config.hold_sink = true;
    start(&r);
    bool ready = fake_wait_held(r.job, 1);
    bool joined = pipeline_join(r.pipeline, 1);
    struct pollfd p = {.fd = pipeline_done_fd(r.pipeline), .events = POLLIN};
    int rang = poll(&p, 1, 0);
    fake_release(r.job);
    join(&r);
    assert_true(ready);
    assert_false(joined);
    assert_int_equal(rang, 0);
    check_all_done(&r);
    finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_arrives),
        cmocka_unit_test(nothing_to_do_ends_at_once),
        cmocka_unit_test(already_done_tasks_are_reported_and_not_written),
        cmocka_unit_test(a_row_wider_than_all_batches_passes),
        cmocka_unit_test(faults_lose_nothing_and_double_nothing),
        cmocka_unit_test(a_slow_sink_with_faults),
        cmocka_unit_test(a_blocked_sink_holds_the_readers_back),
        cmocka_unit_test(cancel_wakes_writers_in_the_sink_and_readers_in_the_pool),
        cmocka_unit_test(cancel_wakes_readers_in_the_source_and_writers_in_the_queue),
        cmocka_unit_test(cancel_with_idle_streams),
        cmocka_unit_test(cancel_at_any_moment),
        cmocka_unit_test(join_gives_up_after_its_time),
    };

    return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
