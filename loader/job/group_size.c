#include "job/group_size.h"

#include "base/clock.h"

#include <assert.h>

#define MB 1000000.0
/* Before anything was measured: two chunks, and this at the most. A destination that takes minutes
 * for it would show no progress meanwhile. */
#define START_BYTES (16 * MB)
#define FADE        0.8 /* a transaction counts a tenth after ten others */
#define OVERHEADS   25  /* 1 / 25 = 4 % */
#define TIME_MIN_NS (0.3 * NS_PER_S)
#define TIME_MAX_NS (10.0 * NS_PER_S)
#define GROWTH_MAX  4 /* an average of few small transactions says little of a huge one */
#define OUTLIER     4 /* one commit behind a checkpoint must not size the next ten */
#define ROWS_KEPT   4 /* a transaction takes at least so many of the widest rows */
#define FACTOR_STEP 1.5
#define FACTOR_MAX  4.0
#define FACTOR_FADE 0.95 /* per transaction: half forgotten after 14 */

void group_size_init(struct group_size *g)
{
    *g = (struct group_size){.factor = 1};
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

void group_size_note(struct group_size *g, uint64_t bytes, uint64_t busy_ns, uint64_t overhead_ns)
{
    assert(g->factor > 0);

    g->factor = 1 + (g->factor - 1) * FACTOR_FADE;
    if (bytes == 0) {
        return;
    }
    double overhead = (double)overhead_ns;
    if (g->weight > 1) {
        overhead = smaller(overhead, OUTLIER * g->overhead_ns / g->weight);
    }
    g->weight = g->weight * FADE + 1;
    g->bytes = g->bytes * FADE + (double)bytes;
    g->busy_ns = g->busy_ns * FADE + (double)(busy_ns > 0 ? busy_ns : 1);
    g->overhead_ns = g->overhead_ns * FADE + overhead;
}

void group_size_throttled(struct group_size *g)
{
    g->factor = smaller(g->factor * FACTOR_STEP, FACTOR_MAX);
}

void group_size_conflict(struct group_size *g)
{
    g->factor = larger(g->factor / FACTOR_STEP, 1 / FACTOR_MAX);
}

static double stretch(const struct group_limits *l)
{
    return l->stretch > 0 ? l->stretch : 1;
}

static double start_bytes(const struct group_limits *l)
{
    return smaller(START_BYTES, 2.0 * (double)l->chunk_bytes);
}

/* By time alone: what keeps the overhead small, at the rate of late. */
static double wanted_bytes(const struct group_size *g, const struct group_limits *l,
                           double time_max_ns)
{
    if (g->weight <= 0) {
        return start_bytes(l) * g->factor * stretch(l);
    }
    double rate = g->bytes / g->busy_ns;
    double time_ns = larger(OVERHEADS * g->overhead_ns / g->weight, TIME_MIN_NS) * g->factor;
    double seen = larger(g->bytes / g->weight, start_bytes(l) * stretch(l));
    time_ns *= stretch(l);
    return smaller(rate * smaller(time_ns, time_max_ns), GROWTH_MAX * seen);
}

uint64_t group_size_bytes(const struct group_size *g, const struct group_limits *l)
{
    assert(g->factor > 0);

    double time_max = TIME_MAX_NS * stretch(l);
    if (l->time_ns_max > 0) {
        time_max = smaller(time_max, (double)l->time_ns_max);
    }
    double share = 2.0 * (l->streams > 0 ? l->streams : 1);
    double wanted = larger(wanted_bytes(g, l, time_max), ROWS_KEPT * (double)l->row_bytes);
    if (l->memory_bytes > 0) {
        wanted = smaller(wanted, (double)l->memory_bytes / share);
    }
    wanted = smaller(wanted, (double)l->unclaimed_bytes / share);
    /* Every term is below 2^64 here but for a rate no wire has. */
    uint64_t bytes = wanted < (double)(UINT64_MAX / 2) ? (uint64_t)wanted : UINT64_MAX / 2;
    return bytes > l->chunk_bytes ? bytes : l->chunk_bytes;
}
