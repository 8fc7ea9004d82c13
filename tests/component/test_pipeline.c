/*
 * pipeline: everything arrives, every task is reported once, memory is bounded, and it ends.
 *
 * The ends and the feed are those of tests/support/fake_ends.h, which look at every byte and at
 * the order of calls; a test only makes up chunks and looks at the outcome.
 */
#include "pipeline_run.h"

#include "flow/stop.h"

#include <sched.h>

static const struct {
    unsigned readers;
    unsigned writers;
} threads[] = {
    {1,  1 },
    {2,  2 },
    {1,  16},
    {16, 1 },
    {16, 16},
};

static struct run with_threads(size_t i)
{
    return (struct run){
        .config = {.readers = threads[i].readers, .writers = threads[i].writers, .seed = 1},
        .options = {.memory_bytes = MEMORY(64),                             .compression = PIPELINE_COMPRESS_OFF                                }
    };
}

static uint64_t sum(const struct run *r, bool readers, size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < (readers ? r->config.readers : r->config.writers); i++) {
        const char *counters = (const char *)(readers ? pipeline_reader(r->pipeline, i)
                                                      : pipeline_writer(r->pipeline, i));
        total += counter_get((const atomic_uint_fast64_t *)(const void *)(counters + offset));
    }
    return total;
}

#define SUM(r, readers, field) sum((r), (readers), offsetof(struct counters, field))

static void everything_arrives(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        struct run r = with_threads(i);
        uint64_t rows = 0;
        uint64_t bytes = 0;
        make_chunks(&r, 60);
        r.config.group = 1 + (unsigned)i;
        start(&r);
        join(&r);
        check_all_done(&r);
        for (size_t c = 0; c < r.config.count; c++) {
            assert_int_equal(r.chunks[c].commits, 1);
            assert_false(r.chunks[c].already);
            rows += r.chunks[c].rows;
            bytes += r.chunks[c].rows * r.chunks[c].row_bytes;
        }
        assert_int_equal(fake_sums(r.job).failed, 0);
        assert_int_equal(SUM(&r, true, rows), rows);
        assert_int_equal(SUM(&r, true, bytes), bytes);
        assert_int_equal(SUM(&r, false, rows), rows);
        assert_int_equal(SUM(&r, false, bytes), bytes);
        assert_true(pipeline_readers_ended(r.pipeline));
        finish(&r);
    }
}

static void nothing_to_do_ends_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        struct run r = with_threads(i);
        r.options.packers = 2;
        start(&r);
        join(&r);
        check_all_done(&r);
        finish(&r);
    }
}

static void already_done_tasks_are_reported_and_not_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        struct run r = with_threads(i);
        uint64_t bytes = 0;
        make_chunks(&r, 60);
        for (size_t c = 0; c < r.config.count; c++) {
            r.chunks[c].committed = c % 3 != 0;
            bytes += c % 3 == 0 ? r.chunks[c].rows * r.chunks[c].row_bytes : 0;
        }
        start(&r);
        join(&r);
        check_all_done(&r);
        for (size_t c = 0; c < r.config.count; c++) {
            assert_int_equal(r.chunks[c].already, c % 3 != 0);
            assert_int_equal(r.chunks[c].commits, c % 3 == 0);
        }
        assert_int_equal(SUM(&r, false, bytes), bytes);
        finish(&r);
    }
}

static void a_row_wider_than_all_batches_passes(void **state)
{
    (void)state;
    struct run r = with_threads(1);
    r.options.memory_bytes = 0;
    r.config.count = 3;
    r.chunks[0] = (struct fake_chunk){.rows = 3, .row_bytes = 25 * RUN_ROOM};
    r.chunks[1] = (struct fake_chunk){.rows = 1, .row_bytes = RUN_ROOM + 1};
    r.chunks[2] = (struct fake_chunk){.rows = 2, .row_bytes = 250 * RUN_ROOM};
    start(&r);
    join(&r);
    check_all_done(&r);
    uint64_t first = counter_get(&pipeline_reader(r.pipeline, 0)->row_widest_bytes);
    uint64_t second = counter_get(&pipeline_reader(r.pipeline, 1)->row_widest_bytes);
    assert_int_equal(first > second ? first : second, 250 * RUN_ROOM);
    assert_int_equal(SUM(&r, true, rows), 6);
    finish(&r);
}

static void a_rate_is_kept(void **state)
{
    (void)state;
    struct run r = with_threads(1);
    make_chunks(&r, 24);
    r.options.max_rate_bytes_s = 1000000;
    uint64_t began_ns = clock_mono_ns();
    start(&r);
    join(&r);
    uint64_t took_ns = clock_mono_ns() - began_ns;
    check_all_done(&r);
    /* A tenth of a second's worth is free at the start. */
    uint64_t least_ns = SUM(&r, true, bytes) * 1000 - NS_PER_S / 10;
    finish(&r);
    assert_true(took_ns >= least_ns);
}

/* ---- memory ---- */

static void make_large(struct run *r, unsigned readers, unsigned writers)
{
    *r = (struct run){
        .config = {.readers = readers,            .writers = writers, .count = 2 * (size_t)writers},
        .options = {.memory_bytes = MEMORY(8 * writers)}
    };
    for (unsigned i = 0; i < r->config.count; i++) {
        r->chunks[i] = (struct fake_chunk){.rows = 2000, .row_bytes = 100}; /* 49 batches */
    }
}

/* n of each kind of thread; true once every writer stands in its sink. */
static bool start_held(struct run *r, unsigned n)
{
    make_large(r, n, n);
    r->config.hold_sink = true;
    start(r);
    return fake_wait_held(r->job, n);
}

/* Every reader comes to stand still. */
static bool wait_still(struct run *r)
{
    uint64_t until_ns = clock_mono_ns() + (uint64_t)LONG_MS * NS_PER_MS;
    uint64_t before = 0;
    uint64_t read = 1;
    while (read != before && clock_mono_ns() < until_ns) {
        before = read;
        for (int turn = 0; turn < 300; turn++) {
            (void)sched_yield();
        }
        read = fake_sums(r->job).bytes_read;
    }
    return read == before;
}

static void a_blocked_sink_holds_the_readers_back(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 16; n *= 4) {
        struct run r;
        bool held = start_held(&r, n);
        bool still = wait_still(&r);
        unsigned busy = pipeline_busy(r.pipeline);
        uint64_t read = fake_sums(r.job).bytes_read;
        fake_release(r.job);
        join(&r);
        assert_true(held);
        assert_true(still);
        assert_int_equal(busy, n);
        assert_true(read <= memory_max(&r));
        check_all_done(&r);
        finish(&r);
    }
}

/* ---- the other ends of a run ---- */

static void cancel(struct run *r)
{
    fake_abort(r->job);
    pipeline_cancel(r->pipeline);
    join(r);
    pipeline_cancel(r->pipeline); /* once more does no harm */
    finish(r);
}

static void cancel_wakes_writers_in_the_sink_and_readers_without_memory(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 16; n *= 4) {
        struct run r;
        bool ready = start_held(&r, n) && wait_still(&r);
        cancel(&r);
        assert_true(ready);
        for (size_t c = 0; c < r.config.count; c++) {
            assert_int_equal(r.chunks[c].commits, 0);
        }
    }
}

static void cancel_wakes_readers_in_the_source_and_writers_without_rows(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 16; n *= 4) {
        struct run r;
        make_large(&r, n, n);
        r.config.hold_source = true;
        start(&r);
        bool ready = fake_wait_held(r.job, n);
        cancel(&r);
        assert_true(ready);
    }
}

/* Fewer tasks than threads: the other readers wait in the feed, and some are not active. */
static void cancel_with_idle_threads(void **state)
{
    (void)state;
    struct run r;
    make_large(&r, 16, 16);
    r.config.count = 2;
    r.config.hold_sink = true;
    make_run(&r);
    depot_set_active(pipeline_depot(r.pipeline), 8, 8);
    struct err err;
    bool started = pipeline_start(r.pipeline, &err);
    bool ready = started && fake_wait_held(r.job, 2);
    cancel(&r);
    assert_true(ready);
}

/* Who is not active at the end must end, too. */
static void parked_threads_end_with_the_others(void **state)
{
    (void)state;
    struct run r = with_threads(4);
    struct err err;
    make_chunks(&r, 30);
    make_run(&r);
    depot_set_active(pipeline_depot(r.pipeline), 2, 1);
    bool started = pipeline_start(r.pipeline, &err);
    join(&r);
    assert_true(started);
    check_all_done(&r);
    for (unsigned i = 2; i < 16; i++) {
        assert_int_equal(counter_get(&pipeline_reader(r.pipeline, i)->rows), 0);
    }
    for (unsigned i = 1; i < 16; i++) {
        assert_int_equal(counter_get(&pipeline_writer(r.pipeline, i)->rows), 0);
    }
    finish(&r);
}

static void join_gives_up_after_its_time(void **state)
{
    (void)state;
    struct run r;
    bool ready = start_held(&r, 1);
    bool joined = pipeline_join(r.pipeline, 1);
    bool rang = has_ended(&r, 0);
    fake_release(r.job);
    join(&r);
    assert_true(ready);
    assert_false(joined);
    assert_false(rang);
    check_all_done(&r);
    finish(&r);
}

/* Made, and then given up before it has threads. */
static void a_pipeline_that_never_starts(void **state)
{
    (void)state;
    struct run r = with_threads(1);
    make_chunks(&r, 5);
    make_run(&r);
    finish(&r);
}

/* The stop level only rises, and it is the process's: this is the last test. What the destination
 * has begun is finished, the rest is not begun. */
static void a_stop_finishes_what_has_begun(void **state)
{
    (void)state;
    struct run r;
    make_large(&r, 8, 2);
    r.config.hold_commit = true;
    r.config.count = 8;
    r.options.memory_bytes = MEMORY(1000);
    start(&r);
    bool ready = fake_wait_held(r.job, 2) && wait_still(&r);
    stop_raise(STOP_DRAIN);
    fake_give_source_back(r.job); /* hands nothing out any more, as the real one */
    fake_release(r.job);
    bool ended = has_ended(&r, LONG_MS);
    join(&r);
    size_t done = fake_sums(r.job).done;
    pipeline_free(r.pipeline);
    fake_job_free(r.job);
    assert_true(ready);
    assert_true(ended);
    assert_int_equal(done, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_arrives),
        cmocka_unit_test(nothing_to_do_ends_at_once),
        cmocka_unit_test(already_done_tasks_are_reported_and_not_written),
        cmocka_unit_test(a_row_wider_than_all_batches_passes),
        cmocka_unit_test(a_rate_is_kept),
        cmocka_unit_test(a_blocked_sink_holds_the_readers_back),
        cmocka_unit_test(cancel_wakes_writers_in_the_sink_and_readers_without_memory),
        cmocka_unit_test(cancel_wakes_readers_in_the_source_and_writers_without_rows),
        cmocka_unit_test(cancel_with_idle_threads),
        cmocka_unit_test(parked_threads_end_with_the_others),
        cmocka_unit_test(join_gives_up_after_its_time),
        cmocka_unit_test(a_pipeline_that_never_starts),
        cmocka_unit_test(a_stop_finishes_what_has_begun),
    };

    watch_run("pipeline");
    return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
