/* One measurement: a pipeline between the two ends that the stage has. */
/* getrusage. */
#define _DEFAULT_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "base/clock.h"
#include "ends/sink_null.h"
#include "ends/sink_pg.h"
#include "ends/source_pg.h"
#include "flow/stop.h"
#include "job/bench_internal.h"
#include "job/board.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>

#define TICK_MS 200
/* For threads to come back after they were told to before they are given up. */
#define HALT_WAIT_NS (UINT64_C(5) * NS_PER_S)

struct measure {
    struct bench *bench;
    enum bench_stage stage;
    unsigned streams;
    struct board *board;
    struct pipeline *pipeline;
    struct source_pg *readers[PIPELINE_STREAMS_MAX];
    struct source_rows *makers[PIPELINE_STREAMS_MAX];
    struct sink_pg *writers[PIPELINE_STREAMS_MAX];
    struct source sources[PIPELINE_STREAMS_MAX];
    struct sink sinks[PIPELINE_STREAMS_MAX];
    bool abandoned; /* some thread still runs: nothing of this may be freed */
};

/* ---- ends ---- */

/* The first connection has the tables' locks; the readers need none beside it. */
static bool prepare(void *self, struct pg *pg, const struct table_work *table, struct err *err)
{
    (void)self;
    (void)pg;
    (void)table;
    (void)err;
    return true;
}

static bool make_source(struct measure *m, unsigned i)
{
    if (m->stage == BENCH_DESTINATION) {
        m->makers[i] = source_rows_new(m->bench->samples);
        m->sources[i] = source_rows_ops(m->makers[i]);
        return m->makers[i] != NULL;
    }
    struct source_pg_config config = {.self = m->bench,
                                      .stream = i,
                                      .attach = bench_attach_source,
                                      .detach = bench_detach,
                                      .prepare = prepare};
    m->readers[i] = source_pg_new(&config);
    m->sources[i] = source_pg_ops(m->readers[i]);
    return m->readers[i] != NULL;
}

static bool make_sink(struct measure *m, unsigned i)
{
    if (m->stage == BENCH_SOURCE) {
        m->sinks[i] = sink_null_ops();
        return true;
    }
    struct sink_pg_config config = {.self = m->bench,
                                    .stream = i,
                                    .job = "bench",
                                    .ledger_schema = m->bench->schema,
                                    .worker = "bench",
                                    .attach = bench_attach_destination,
                                    .detach = bench_detach};
    m->writers[i] = sink_pg_new(&config);
    if (m->writers[i] == NULL) {
        return false;
    }
    m->sinks[i] = sink_pg_ops(m->writers[i]);
    return true;
}

static bool open_ends(struct measure *m, struct err *err)
{
    bool reads = m->stage != BENCH_DESTINATION;
    bool writes = m->stage != BENCH_SOURCE;
    if ((reads && !bench_open_streams(m->bench, AUTH_SOURCE, m->streams, err)) ||
        (writes && (!bench_open_streams(m->bench, AUTH_DESTINATION, m->streams, err) ||
                    !bench_scratch_empty(m->bench, err)))) {
        return false;
    }
    for (unsigned i = 0; i < m->streams; i++) {
        if (!make_source(m, i) || !make_sink(m, i)) {
            return err_set(err, ERR_SYSTEM, "out of memory for %u streams", m->streams);
        }
    }
    return true;
}

static void close_all(struct measure *m)
{
    pipeline_free(m->pipeline);
    for (unsigned i = 0; i < m->streams; i++) {
        source_pg_free(m->readers[i]);
        source_rows_free(m->makers[i]);
        sink_pg_free(m->writers[i]);
    }
    board_free(m->board);
}

/* ---- running ---- */

static bool make_pipeline(struct measure *m, struct plan *plan, uint64_t chunk_bytes,
                          struct err *err)
{
    const struct spec *spec = m->bench->spec;
    /* A measurement with a failure in it is none, so nothing is tried again. */
    struct retry_policy policy = {.attempts_max = 1};
    bench_plan_reset(plan);
    m->board = board_new(plan, &policy);
    if (m->board == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    struct board_limits limits = {
        .chunk_bytes = chunk_bytes, .memory_bytes = spec->memory_bytes, .streams = m->streams};
    board_set_limits(m->board, &limits);
    struct pipeline_options options = {
        .readers = m->streams,
        .writers = m->streams,
        .memory_bytes = spec->memory_bytes,
        .room = pipeline_batch_room(spec->memory_bytes, m->streams, m->streams),
        .compression = PIPELINE_COMPRESS_OFF,
        .feed = board_feed(m->board),
        .sources = m->sources,
        .sinks = m->sinks};
    return pipeline_new(&options, &m->pipeline, err);
}

static double cpu_seconds(void)
{
    struct rusage use = {.ru_utime = {.tv_sec = 0}};
    (void)getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

/* Until every thread has ended. After a signal or a failure what they do is ended. */
static void watch(struct measure *m)
{
    uint64_t give_up_ns = UINT64_MAX;
    bool ended = false;
    while (!ended && clock_mono_ns() < give_up_ns) {
        struct err ignored;
        bool halting = give_up_ns != UINT64_MAX;
        struct pollfd p[2] = {
            {.fd = pipeline_done_fd(m->pipeline),  .events = POLLIN},
            {.fd = halting ? -1 : stop_drain_fd(), .events = POLLIN},
        };
        int n = poll(p, 2, TICK_MS);
        ended = n > 0 && p[0].revents != 0;
        bool end = stop_level() != STOP_RUN || board_failed(m->board, &ignored) ||
                   (n < 0 && errno != EINTR);
        if (end && !ended && !halting) {
            give_up_ns = clock_mono_ns() + HALT_WAIT_NS;
            bench_halt(m->bench);
            board_wake(m->board);
            pipeline_cancel(m->pipeline);
        }
    }
    m->abandoned = !pipeline_join(m->pipeline, 100);
}

static void add_thread(struct bench_run *run, const struct counters *c)
{
    for (int i = 0; i < SPENT_KINDS; i++) {
        run->spent.ns[i] += counter_get(&c->spent_ns[i]);
    }
}

static bool verdict(struct measure *m, struct bench_run *run, struct err *err)
{
    struct board_view view;
    if (stop_level() != STOP_RUN) {
        return err_set(err, ERR_CANCELLED, "stopped by a signal");
    }
    if (board_failed(m->board, err)) {
        return false;
    }
    board_look(m->board, &view);
    if (view.chunks_done < view.chunks_total) {
        return err_set(err, ERR_SYSTEM, "%zu of %zu chunks were moved", view.chunks_done,
                       view.chunks_total);
    }
    run->rows = view.rows_run;
    run->bytes = view.wire_bytes_run;
    for (unsigned i = 0; i < m->streams; i++) {
        add_thread(run, pipeline_reader(m->pipeline, i));
        add_thread(run, pipeline_writer(m->pipeline, i));
    }
    return true;
}

static bool run_pipeline(struct measure *m, struct bench_run *run, struct err *err)
{
    double cpu_s = cpu_seconds();
    uint64_t began_ns = clock_mono_ns();
    if (!pipeline_start(m->pipeline, err)) {
        return false;
    }
    watch(m);
    run->seconds = (double)(clock_mono_ns() - began_ns) / (double)NS_PER_S;
    run->cpu_s = cpu_seconds() - cpu_s;
    if (m->abandoned) {
        return err_set(err, ERR_CANCELLED, "stopped; some connections did not end in time");
    }
    return verdict(m, run, err);
}

bool bench_run_once(struct bench *b, struct bench_point *point, struct plan *plan, struct err *err)
{
    struct bench_run run = {.seconds = 0};
    struct measure *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    m->bench = b;
    m->stage = point->stage;
    m->streams = point->streams;
    bool ok = open_ends(m, err) && make_pipeline(m, plan, point->chunk_bytes, err) &&
              run_pipeline(m, &run, err);
    if (m->abandoned) {
        b->result->abandon_threads = true;
        return false;
    }
    close_all(m);
    free(m);
    if (ok) {
        point->runs[point->run_count++] = run;
    }
    return ok;
}
