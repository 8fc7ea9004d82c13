/* eventfd: Linux. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "job/bench.h"

#include "base/str.h"
#include "flow/stop.h"
#include "job/bench_internal.h"
#include "job/bench_stats.h"
#include "job/exit_status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DOUBLING_MAX 16u /* streams, unless --sweep-jobs says otherwise */

const char *bench_stage_name(enum bench_stage stage)
{
    static const char *const names[BENCH_STAGES] = {"source", "destination", "both"};
    return names[stage];
}

void bench_note(struct bench *b, const char *fmt, ...)
{
    char text[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    b->observer->note(b->observer->self, text);
}

void bench_warn(struct bench *b, const char *fmt, ...)
{
    char text[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    findings_add(&b->result->findings, FINDING_WARNING, ERR_NONE, "%s", text);
}

bool bench_wants(const struct bench *b, enum bench_stage stage)
{
    enum bench_only only = b->spec->bench.only;
    return only == BENCH_ALL || (int)only == (int)stage + 1;
}

/* ---- what is measured ---- */

/* --sweep-jobs, or 1, 2, 4, ... as far as there are connections. */
static bool choose_streams(struct bench *b, unsigned streams[BENCH_SWEEP_MAX], size_t *count,
                           struct err *err)
{
    const struct bench_request *q = &b->spec->bench;
    unsigned most = 0;
    if (!bench_free_slots(b, &most, err)) {
        return false;
    }
    *count = q->job_count;
    for (size_t i = 0; i < q->job_count; i++) {
        streams[i] = q->jobs[i];
    }
    for (unsigned n = 1; q->job_count == 0 && n <= DOUBLING_MAX && (n <= most || n == 1); n *= 2) {
        streams[(*count)++] = n;
    }
    if (streams[*count - 1] > most) {
        return err_set(err, ERR_USAGE,
                       "%u streams need %u free connections on each side, and there are %u; use "
                       "smaller --sweep-jobs",
                       streams[*count - 1], streams[*count - 1] + 1, most);
    }
    return true;
}

static bool make_points(struct bench *b, struct err *err)
{
    struct bench_result *r = b->result;
    const struct bench_request *q = &b->spec->bench;
    unsigned streams[BENCH_SWEEP_MAX];
    size_t count = 0;
    if (!choose_streams(b, streams, &count, err)) {
        return false;
    }
    r->points = calloc(BENCH_STAGES * b->plan_count * count, sizeof *r->points);
    if (r->points == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (int stage = 0; stage < BENCH_STAGES; stage++) {
        for (size_t c = 0; bench_wants(b, (enum bench_stage)stage) && c < b->plan_count; c++) {
            for (size_t s = 0; s < count; s++) {
                r->points[r->point_count++] = (struct bench_point){
                    .stage = (enum bench_stage)stage,
                    .streams = streams[s],
                    .chunk_bytes = q->chunk_count == 0 ? b->spec->chunk_bytes : q->chunk_bytes[c]};
            }
        }
    }
    return true;
}

static struct plan *plan_of(struct bench *b, const struct bench_point *p)
{
    const struct bench_request *q = &b->spec->bench;
    for (size_t c = 0; c < q->chunk_count; c++) {
        if (q->chunk_bytes[c] == p->chunk_bytes) {
            return &b->plans[c];
        }
    }
    return &b->plans[0];
}

static void tell(struct bench *b, const struct bench_point *p)
{
    char rate[STR_HUMAN_MAX];
    char chunk[STR_HUMAN_MAX];
    const struct bench_run *run = &p->runs[p->run_count - 1];
    (void)human_bytes((uint64_t)((double)run->bytes / run->seconds), rate);
    bench_note(b, "%s, %u stream%s, chunks of %s, %u of %u: %s/s", bench_stage_name(p->stage),
               p->streams, p->streams == 1 ? "" : "s", human_bytes(p->chunk_bytes, chunk),
               p->run_count, b->spec->bench.repeat, rate);
}

static bool in_turns(struct bench *b, struct err *err)
{
    struct bench_result *r = b->result;
    for (unsigned turn = 0; turn < b->spec->bench.repeat; turn++) {
        for (size_t i = 0; i < r->point_count; i++) {
            struct bench_point *p = &r->points[i];
            if (stop_level() != STOP_RUN) {
                return err_set(err, ERR_CANCELLED, "stopped by a signal");
            }
            if (!bench_run_once(b, p, plan_of(b, p), err)) {
                return err_wrap(err, "%s, %u streams", bench_stage_name(p->stage), p->streams);
            }
            if (p->runs[p->run_count - 1].rows == 0) {
                p->run_count--; /* a rate of nothing is none */
                return err_set(err, ERR_USAGE,
                               "the selected tables have no rows, so there is nothing to measure");
            }
            tell(b, p);
        }
    }
    return true;
}

/* A best of what was not compared with the rest would be no advice. */
static void tell_unmeasured(struct bench *b)
{
    struct buf left;
    buf_init(&left, ERR_MSG_MAX);
    bench_unmeasured(b->result->points, b->result->point_count, &left);
    if (left.len > 0) {
        bench_warn(b, "nothing is recommended, as not everything was measured; missing: %s",
                   buf_str(&left));
    }
    buf_free(&left);
}

/* ---- all of it ---- */

static bool run(struct bench *b, struct err *err)
{
    if (!bench_connect(b, err) || (b->used[AUTH_DESTINATION] && !bench_scratch_name(b, err)) ||
        !bench_tables(b, err) || !bench_plans(b, err) || !make_points(b, err)) {
        return false;
    }
    /* The destination's catalogs and samples have been read; the source's snapshot stays. */
    if (b->shape == AUTH_DESTINATION && !pg_exec(b->control[AUTH_DESTINATION], "ROLLBACK", err)) {
        return false;
    }
    return (!b->used[AUTH_DESTINATION] || bench_scratch_make(b, err)) && in_turns(b, err);
}

static void clean_up(struct bench *b)
{
    struct err why;
    bench_close_streams(b);
    for (int side = 0; side < AUTH_SIDES; side++) {
        if (b->control[side] != NULL && stop_level() != STOP_RUN) {
            pg_cancel(b->control[side]);
        }
        pg_close(b->control[side]);
        b->control[side] = NULL;
    }
    if (b->scratch && !bench_scratch_drop(b, &why)) {
        bench_warn(
            b,
            "schema %s may be left on the destination (%s): DROP SCHEMA %s CASCADE, or run a "
            "bench again, which drops it",
            b->schema, why.kind == ERR_CANCELLED ? "stopped by a second signal" : why.msg,
            b->schema);
        b->result->exit_status =
            b->result->exit_status == EXIT_DONE ? EXIT_FAILED : b->result->exit_status;
    }
}

static void free_all(struct bench *b)
{
    for (size_t i = 0; b->samples != NULL && i < b->tables.count; i++) {
        rows_sample_free(&b->samples[i]);
    }
    free(b->samples);
    for (size_t i = 0; i < b->plan_count; i++) {
        plan_free(&b->plans[i]);
    }
    for (int side = 0; side < AUTH_SIDES; side++) {
        type_set_free(&b->types[side]);
    }
    free(b->targets_of);
    choices_free(b->choices, b->tables.count);
    relation_list_free(&b->tables);
    relation_list_free(&b->found);
    snapshot_identity_free(&b->snapshot);
    auth_close(b->auth);
    if (b->halt_fd >= 0) {
        (void)close(b->halt_fd);
    }
    free(b);
}

static bool is_given(const struct secret *conninfo, const struct side_auth *a)
{
    return secret_is_set(conninfo) || a->secret != NULL;
}

static bool open_bench(struct bench *b, struct err *err)
{
    const struct spec *spec = b->spec;
    enum bench_only only = spec->bench.only;
    b->halt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (b->halt_fd < 0) {
        return err_set_errno(err, "cannot create an eventfd");
    }
    b->used[AUTH_SOURCE] =
        only != BENCH_ONLY_DESTINATION || is_given(&spec->source, &spec->source_auth);
    b->used[AUTH_DESTINATION] = only != BENCH_ONLY_SOURCE;
    b->shape = b->used[AUTH_SOURCE] ? AUTH_SOURCE : AUTH_DESTINATION;
    if (!auth_open(spec, stop_drain_fd(), &b->auth, err)) {
        return false;
    }
    b->targets[AUTH_SOURCE] =
        (struct pg_target){.side = "source", .auth = auth_of(b->auth, AUTH_SOURCE)};
    b->targets[AUTH_DESTINATION] =
        (struct pg_target){.side = "destination", .auth = auth_of(b->auth, AUTH_DESTINATION)};
    return true;
}

/* A connection that is lost when all was reached is not "could not be reached". */
static int status_of(const struct bench *b, const struct err *err)
{
    return err->kind == ERR_TRANSIENT && b->connected ? EXIT_STOPPED : exit_status_of(err->kind);
}

void bench_measure(const struct spec *spec, const struct bench_observer *observer,
                   struct bench_result *out)
{
    struct err err = {.kind = ERR_NONE};
    struct bench *b = calloc(1, sizeof *b);
    *out = (struct bench_result){.exit_status = EXIT_DONE};
    if (b == NULL) {
        (void)err_set(&out->error, ERR_SYSTEM, "out of memory");
        out->exit_status = EXIT_FAILED;
        return;
    }
    b->spec = spec;
    b->observer = observer;
    b->result = out;
    bool ok = open_bench(b, &err) && run(b, &err);
    if (!ok && (err.kind == ERR_CANCELLED || stop_level() != STOP_RUN)) {
        (void)err_set(&err, ERR_CANCELLED, "stopped by a signal"); /* where does not matter */
    }
    tell_unmeasured(b);
    out->error = ok ? (struct err){.kind = ERR_NONE} : err;
    out->exit_status = ok ? EXIT_DONE : status_of(b, &err);
    clean_up(b);
    if (!out->abandon_threads) {
        free_all(b);
    }
}

void bench_result_free(struct bench_result *r)
{
    free(r->points);
    findings_free(&r->findings);
}
