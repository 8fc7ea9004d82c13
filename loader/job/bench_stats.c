#include "job/bench_stats.h"

#include "base/clock.h"

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
    for (size_t i = 0; i < count; i++) {
        const struct bench_point *p = &points[i];
        double rate = median_of(p, bytes_rate);
        if (p->stage != stage || p->run_count == 0 || rate < enough) {
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
    const struct bench_point *both = bench_knee(points, count, BENCH_BOTH);
    const struct bench_point *destination = bench_knee(points, count, BENCH_DESTINATION);
    const struct bench_point *source = bench_knee(points, count, BENCH_SOURCE);
    return both != NULL ? both : destination != NULL ? destination : source;
}
