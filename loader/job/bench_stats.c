#include "job/bench_stats.h"

#include "base/clock.h"
#include "base/str.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

/* Sorts values. */
static double median(double *values, unsigned count)
{
    if (count == 0) {
        return 0;
    }
    qsort(values, count, sizeof *values, ascending);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double per_second(double amount, double seconds)
{
    return seconds > 0 ? amount / seconds : 0;
}

typedef double figure(const struct bench_point *p, const struct bench_run *r);

static double bytes_rate(const struct bench_point *p, const struct bench_run *r)
{
    (void)p;
    return per_second((double)r->bytes, r->seconds);
}

static double rows_rate(const struct bench_point *p, const struct bench_run *r)
{
    (void)p;
    return per_second((double)r->rows, r->seconds);
}

static double took(const struct bench_point *p, const struct bench_run *r)
{
    (void)p;
    return r->seconds;
}

static double cores(const struct bench_point *p, const struct bench_run *r)
{
    (void)p;
    return per_second(r->cpu_s, r->seconds);
}

/* Of the time that all readers, or all writers, had. */
static double share(const struct bench_point *p, const struct bench_run *r, uint64_t ns)
{
    double all = r->seconds * (double)NS_PER_S * p->streams;
    double part = all > 0 ? (double)ns / all : 0;
    return part > 1 ? 1 : part;
}

static double reading(const struct bench_point *p, const struct bench_run *r)
{
    return share(p, r, r->spent.ns[SPENT_READ]);
}

static double waits_memory(const struct bench_point *p, const struct bench_run *r)
{
    return share(p, r, r->spent.ns[SPENT_WAIT_MEMORY]);
}

static double waits_rows(const struct bench_point *p, const struct bench_run *r)
{
    return share(p, r, r->spent.ns[SPENT_WAIT_ROWS]);
}

static double commits(const struct bench_point *p, const struct bench_run *r)
{
    return share(p, r, r->spent.ns[SPENT_BEGIN] + r->spent.ns[SPENT_COMMIT]);
}

static double median_of(const struct bench_point *p, figure *f)
{
    double values[BENCH_REPEAT_MAX];
    for (unsigned i = 0; i < p->run_count; i++) {
        values[i] = f(p, &p->runs[i]);
    }
    return median(values, p->run_count);
}

void bench_figures(const struct bench_point *p, struct bench_figures *out)
{
    *out = (struct bench_figures){.bytes_per_s = median_of(p, bytes_rate),
                                  .rows_per_s = median_of(p, rows_rate),
                                  .seconds = median_of(p, took),
                                  .cpu_cores = median_of(p, cores),
                                  .reading = median_of(p, reading),
                                  .waits_memory = median_of(p, waits_memory),
                                  .waits_rows = median_of(p, waits_rows),
                                  .commits = median_of(p, commits)};
    for (unsigned i = 0; i < p->run_count; i++) {
        double rate = bytes_rate(p, &p->runs[i]);
        out->bytes_per_s_min = i == 0 || rate < out->bytes_per_s_min ? rate : out->bytes_per_s_min;
        out->bytes_per_s_max = rate > out->bytes_per_s_max ? rate : out->bytes_per_s_max;
    }
}

/* ---- what was measured ---- */

static bool is_missing(const struct bench_point *p, enum bench_stage stage)
{
    return p->stage == stage && p->run_count == 0;
}

static size_t missing_of(const struct bench_point *points, size_t count, enum bench_stage stage)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += is_missing(&points[i], stage);
    }
    return n;
}

static size_t points_of(const struct bench_point *points, size_t count, enum bench_stage stage)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += points[i].stage == stage;
    }
    return n;
}

/* points[at] is missing: it and those behind it that differ from it in their streams alone.
 * Returns the first that is none of them. */
static size_t name_streams(const struct bench_point *points, size_t count, size_t at,
                           struct buf *out)
{
    const struct bench_point *first = &points[at];
    char chunk[STR_HUMAN_MAX];
    size_t end = at;
    while (end < count && is_missing(&points[end], first->stage) &&
           points[end].chunk_bytes == first->chunk_bytes) {
        end++;
    }
    buf_printf(out, "%s with ", bench_stage_name(first->stage));
    for (size_t i = at; i < end; i++) {
        buf_printf(out, "%s%u", i == at ? "" : i + 1 < end ? ", " : " and ", points[i].streams);
    }
    buf_printf(out, " stream%s in chunks of %s", end == at + 1 && first->streams == 1 ? "" : "s",
               human_bytes(first->chunk_bytes, chunk));
    return end;
}

static void name_missing(const struct bench_point *points, size_t count, enum bench_stage stage,
                         struct buf *out)
{
    for (size_t i = 0; i < count;) {
        if (!is_missing(&points[i], stage)) {
            i++;
            continue;
        }
        buf_puts(out, out->len > 0 ? ", " : "");
        i = name_streams(points, count, i, out);
    }
}

void bench_unmeasured(const struct bench_point *points, size_t count, struct buf *out)
{
    for (int s = 0; s < BENCH_STAGES; s++) {
        enum bench_stage stage = (enum bench_stage)s;
        size_t missing = missing_of(points, count, stage);
        if (missing > 0 && missing == points_of(points, count, stage)) {
            buf_printf(out, "%sall of %s", out->len > 0 ? ", " : "", bench_stage_name(stage));
        } else {
            name_missing(points, count, stage, out);
        }
    }
}

/* ---- the knee ---- */

static double best_rate(const struct bench_point *points, size_t count, enum bench_stage stage)
{
    double best = 0;
    for (size_t i = 0; i < count; i++) {
        double rate = median_of(&points[i], bytes_rate);
        best = points[i].stage == stage && rate > best ? rate : best;
    }
    return best;
}

const struct bench_point *bench_knee(const struct bench_point *points, size_t count,
                                     enum bench_stage stage)
{
    double enough = best_rate(points, count, stage) * (1 - BENCH_KNEE_SHARE);
    const struct bench_point *knee = NULL;
    if (missing_of(points, count, stage) > 0) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const struct bench_point *p = &points[i];
        double rate = median_of(p, bytes_rate);
        if (p->stage != stage || rate < enough) {
            continue;
        }
        if (knee == NULL || p->streams < knee->streams ||
            (p->streams == knee->streams && rate > median_of(knee, bytes_rate))) {
            knee = p;
        }
    }
    return knee;
}

const struct bench_point *bench_advice(const struct bench_point *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (points[i].run_count == 0) {
            return NULL;
        }
    }
    const struct bench_point *both = bench_knee(points, count, BENCH_BOTH);
    const struct bench_point *destination = bench_knee(points, count, BENCH_DESTINATION);
    const struct bench_point *source = bench_knee(points, count, BENCH_SOURCE);
    return both != NULL ? both : destination != NULL ? destination : source;
}
