/*
 * bench_stats.h: from runs to figures: medians, spread, the knee. Pure.
 */
#ifndef JOB_BENCH_STATS_H
#define JOB_BENCH_STATS_H

#include "base/buf.h"
#include "job/bench.h"

/* Of one point. Medians over its runs, each figure for itself; zeroes without a run. */
struct bench_figures {
    double bytes_per_s;
    double bytes_per_s_min;
    double bytes_per_s_max;
    double rows_per_s;
    double seconds;
    double cpu_cores; /* busy in this process */
    /* Shares of the readers' and of the writers' time, 0..1. */
    double reading;      /* the source gives rows */
    double waits_memory; /* readers: the destination is slower */
    double waits_rows;   /* writers: the source is slower */
    double commits;      /* writers: begin and commit */
};

void bench_figures(const struct bench_point *p, struct bench_figures *out);

/* A stream count within this share of the best is as good. */
#define BENCH_KNEE_SHARE 0.05

/* The point of the stage with the fewest streams whose rate is within BENCH_KNEE_SHARE of the best
 * one's; among those with as many streams the fastest. NULL: some point of the stage has no run, so
 * that nobody knows which is best, or the stage has no point. */
const struct bench_point *bench_knee(const struct bench_point *points, size_t count,
                                     enum bench_stage stage);

/* What a load is advised to use: the knee of both sides together, else of what was measured. NULL:
 * some point, of whatever stage, has no run. */
const struct bench_point *bench_advice(const struct bench_point *points, size_t count);

/* Which points have no run, for people: "source with 4 and 8 streams, all of both". Nothing is
 * added where each has one. */
void bench_unmeasured(const struct bench_point *points, size_t count, struct buf *out);

#endif
