#include "job/climb.h"

#include "base/clock.h"

#include <assert.h>

#define STRIDE_FIRST      2.0
#define STRIDE_PROBE      1.25
#define STRIDE_FASTER     1.6                /* of the stride, with each gain */
#define SETTLE_NS         (12ull * NS_PER_S) /* a stream parks when its transaction ends */
#define HOLD_MIN_NS       (12ull * NS_PER_S)
#define HOLD_MAX_NS       (30ull * NS_PER_S)
#define SAMPLES_MIN       3
#define SAMPLES_MAX       12 /* a window that is still not clear is decided by its mean */
#define SAMPLES_NOISY     6  /* of a base whose samples differ by NOISY, once it is not the first */
#define JUMPY             0.4 /* samples that differ so much are lumps */
#define SAMPLES_JUMPY     25
#define NOISY             0.08
#define STALLED_MAX       12   /* longer than a checkpoint's pause: it is no pause */
#define STALL_SHARE       0.3  /* of the base's rate */
#define BASE_FADE         0.97 /* about 33 samples count */
#define CLEAR_GAIN        2.0  /* standard errors between the gain and what is asked */
#define CLEAR_LOSS        1.5  /* a trial that loses costs throughput while it is measured */
#define CLEAR_PROBE       1.0  /* a held base is not left for a chance */
#define DEPENDENCE        2.0  /* neighbouring samples are alike: they count as half as many */
#define SPREAD_MIN        0.04 /* relative; few samples can be alike by chance */
#define GAIN_ASKED        0.02
#define GAIN_ASKED_SLOWER 0.06  /* when commits take twice as long */
#define LOSS_GRANTED      0.005 /* for fewer streams */
#define BETWEEN_WORTH     1.1   /* what a number between trial and base must promise */
#define CLOSE_ENOUGH      8     /* bounds within an eighth of the base are near enough */

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

void climb_init(struct climb *c, unsigned max, unsigned start)
{
    *c = (struct climb){.max = max > 0 ? max : 1, .hold_ns = HOLD_MIN_NS};
    c->ceiling = c->max;
    climb_restart(c, start, 0);
}

static void window_clear(struct climb_window *w)
{
    *w = (struct climb_window){0};
}

static void window_add(struct climb_window *w, const struct climb_sample *in, double fade)
{
    w->weight = w->weight * fade + 1;
    double off = in->rate - w->mean;
    w->mean += off / w->weight;
    w->spread = w->spread * fade + off * (in->rate - w->mean);
    if (in->latency_ns > 0) {
        double share = w->latency_ns > 0 ? 0.2 : 1;
        w->latency_ns += share * (in->latency_ns - w->latency_ns);
    }
    w->samples++;
}

/* Of one sample, relative to the mean. */
static double window_variance(const struct climb_window *w)
{
    if (w->weight < 2 || w->mean <= 0) {
        return 0;
    }
    return w->spread / (w->weight - 1) / (w->mean * w->mean);
}

/* Whether a difference is more than so many standard errors. Both windows are taken to be as noisy
 * as the noisier. */
static bool clear(const struct climb *c, double difference, double errors)
{
    double variance = larger(window_variance(&c->base), window_variance(&c->trial));
    variance = larger(variance, SPREAD_MIN * SPREAD_MIN);
    double error2 = DEPENDENCE * variance * (1 / c->base.weight + 1 / c->trial.weight);
    return difference * difference >= errors * errors * error2;
}

static unsigned top(const struct climb *c)
{
    return c->ceiling < c->max ? c->ceiling : c->max;
}

static void move_to(struct climb *c, unsigned count, uint64_t now_ns)
{
    c->count = count;
    c->settled = false;
    c->settle_until_ns = now_ns + SETTLE_NS;
}

void climb_restart(struct climb *c, unsigned count, uint64_t now_ns)
{
    unsigned limit = top(c);
    c->best = count < 1 ? 1 : count;
    c->best = c->best > limit ? limit : c->best;
    c->low = 0;
    c->high = 0;
    c->down = false;
    c->stride = STRIDE_FIRST;
    c->probing = false;
    c->phase = CLIMB_BASE;
    window_clear(&c->base);
    move_to(c, c->best, now_ns);
}

static unsigned nearest(double count)
{
    return (unsigned)(count + 0.5);
}

/* The middle of two numbers where ratios count, rounded. Both are small. */
static unsigned between(unsigned a, unsigned b)
{
    unsigned mid = a < b ? a : b;
    while ((double)mid * mid + mid + 0.25 < (double)a * b) {
        mid++;
    }
    return mid;
}

/* The next number in one direction; 0: nothing worth a trial is left there. */
static unsigned candidate_up(const struct climb *c)
{
    unsigned last = c->high > 0 && c->high <= top(c) ? c->high - 1 : top(c);
    unsigned near = c->best / CLOSE_ENOUGH;
    if (c->best >= last || (c->high > 0 && c->high - c->best <= near)) {
        return 0;
    }
    unsigned count = nearest(c->best * c->stride);
    if (c->high > 0 && between(c->best, c->high) < count) {
        count = between(c->best, c->high);
    }
    count = count > c->best ? count : c->best + 1;
    return count < last ? count : last;
}

static unsigned candidate_down(const struct climb *c)
{
    if (c->best <= c->low + 1 || (c->low > 0 && c->best - c->low <= c->best / CLOSE_ENOUGH)) {
        return 0;
    }
    unsigned count = nearest(c->best / c->stride);
    if (c->low > 0 && between(c->best, c->low) > count) {
        count = between(c->best, c->low);
    }
    count = count < c->best ? count : c->best - 1;
    return count > c->low ? count : c->low + 1;
}

static void hold(struct climb *c, uint64_t now_ns)
{
    c->phase = CLIMB_HOLD;
    c->hold_until_ns = now_ns + c->hold_ns;
    if (c->count != c->best) {
        move_to(c, c->best, now_ns);
    }
}

/* True: a trial begins. */
static bool next_trial(struct climb *c, uint64_t now_ns)
{
    for (int turn = 0; turn < 2; turn++) {
        unsigned count = c->down ? candidate_down(c) : candidate_up(c);
        if (count > 0) {
            c->phase = CLIMB_TRIAL;
            window_clear(&c->trial);
            move_to(c, count, now_ns);
            return true;
        }
        c->down = !c->down;
    }
    c->down = false;
    hold(c, now_ns);
    return false;
}

/* Whether bytes come in lumps, so that a sample without any is nothing special. */
static bool jumpy(const struct climb *c)
{
    return window_variance(&c->base) > JUMPY * JUMPY;
}

static unsigned samples_max(const struct climb *c)
{
    return jumpy(c) ? SAMPLES_JUMPY : SAMPLES_MAX;
}

/* True: left out. A pause of the destination says nothing of the number of streams. */
static bool stalled(const struct climb *c, struct climb_window *w, double rate)
{
    if (rate >= STALL_SHARE * c->base.mean || jumpy(c)) {
        return false;
    }
    return w->stalled++ < STALLED_MAX;
}

static bool settling(struct climb *c, const struct climb_sample *in)
{
    if (c->settled) {
        return false;
    }
    /* The sample in which the last stream came or went is mixed, so it is left out, too. */
    c->settled = in->active == c->count || in->now_ns >= c->settle_until_ns;
    return true;
}

static double gain_asked(const struct climb *c)
{
    if (c->count < c->best) {
        return -LOSS_GRANTED;
    }
    bool slower = c->base.latency_ns > 0 && c->trial.latency_ns > 2 * c->base.latency_ns;
    return slower ? GAIN_ASKED_SLOWER : GAIN_ASKED;
}

static enum climb_verdict accept(struct climb *c, uint64_t now_ns)
{
    if (c->count > c->best) {
        c->low = c->best;
    } else {
        c->high = c->best;
    }
    c->best = c->count;
    c->base = c->trial;
    c->stride = smaller(c->stride * STRIDE_FASTER, STRIDE_FIRST);
    c->hold_ns = HOLD_MIN_NS;
    c->probing = false;
    next_trial(c, now_ns);
    return CLIMB_GAIN;
}

/*
 * Throughput hardly ever grows faster than the number of streams does. If a number in between were
 * the best, then the trial would have come within its share of that; so this loss bounds its gain.
 */
static bool nothing_between(const struct climb *c)
{
    return (c->gain + 1) * c->best / c->count < BETWEEN_WORTH;
}

static enum climb_verdict reject(struct climb *c, uint64_t now_ns)
{
    if (c->count > c->best) {
        c->high = c->count;
    } else {
        c->low = nothing_between(c) ? c->best - 1 : c->count;
    }
    c->down = !c->down;
    c->base.samples = 0;
    c->base.stalled = 0;
    if (c->probing) {
        hold(c, now_ns);
    } else {
        c->phase = CLIMB_BASE;
        move_to(c, c->best, now_ns);
    }
    return CLIMB_NO_GAIN;
}

static enum climb_verdict sample_trial(struct climb *c, const struct climb_sample *in)
{
    c->from = c->best;
    c->to = c->count;
    c->gain = 0;
    if (c->count < c->best && in->active > c->count) {
        /* The streams that were to go are still there, so nothing was learnt. */
        return reject(c, in->now_ns);
    }
    if (stalled(c, &c->trial, in->rate)) {
        return CLIMB_NOTHING;
    }
    window_add(&c->trial, in, 1);
    if (c->trial.samples < SAMPLES_MIN || c->base.mean <= 0) {
        return c->trial.samples < samples_max(c) ? CLIMB_NOTHING : reject(c, in->now_ns);
    }
    c->gain = c->trial.mean / c->base.mean - 1;
    double over = c->gain - gain_asked(c);
    if (!clear(c, over, over < 0 ? CLEAR_LOSS : CLEAR_GAIN) && c->trial.samples < samples_max(c)) {
        return CLIMB_NOTHING;
    }
    bool better = over >= 0;
    if (c->probing && c->count > c->best) {
        better = over > 0 && clear(c, over, CLEAR_PROBE);
    }
    return better ? accept(c, in->now_ns) : reject(c, in->now_ns);
}

static void add_to_base(struct climb *c, const struct climb_sample *in)
{
    if (c->base.weight >= SAMPLES_MIN && stalled(c, &c->base, in->rate)) {
        return;
    }
    window_add(&c->base, in, BASE_FADE);
}

static enum climb_verdict sample_base(struct climb *c, const struct climb_sample *in)
{
    add_to_base(c, in);
    bool noisy = window_variance(&c->base) > NOISY * NOISY && (c->low > 0 || c->high > 0);
    if (c->base.samples < (noisy ? SAMPLES_NOISY : SAMPLES_MIN) || c->base.mean <= 0) {
        return CLIMB_NOTHING;
    }
    return next_trial(c, in->now_ns) ? CLIMB_TRY : CLIMB_NOTHING;
}

/* One step to one side, the other side the next time. A gain begins a new search. */
static void begin_probe(struct climb *c)
{
    c->probing = true;
    c->stride = STRIDE_PROBE;
    c->hold_ns = c->hold_ns * 3 / 2 < HOLD_MAX_NS ? c->hold_ns * 3 / 2 : HOLD_MAX_NS;
    c->low = 0;
    c->high = 0;
}

static enum climb_verdict sample_hold(struct climb *c, const struct climb_sample *in)
{
    add_to_base(c, in);
    if (in->now_ns < c->hold_until_ns) {
        return CLIMB_NOTHING;
    }
    begin_probe(c);
    return next_trial(c, in->now_ns) ? CLIMB_TRY : CLIMB_NOTHING;
}

enum climb_verdict climb_sample(struct climb *c, const struct climb_sample *in)
{
    assert(c->count >= 1 && c->count <= c->max);

    if (settling(c, in)) {
        return CLIMB_NOTHING;
    }
    switch (c->phase) {
    case CLIMB_TRIAL:
        return sample_trial(c, in);
    case CLIMB_HOLD:
        return sample_hold(c, in);
    case CLIMB_BASE:
    default:
        return sample_base(c, in);
    }
}

void climb_limit(struct climb *c, unsigned ceiling, uint64_t now_ns)
{
    c->ceiling = ceiling < 1 ? 1 : ceiling;
    climb_restart(c, c->best, now_ns);
    hold(c, now_ns);
}

void climb_cap(struct climb *c, unsigned max, uint64_t now_ns)
{
    unsigned cap = max < 1 ? 1 : max;
    if (cap >= c->max) {
        return;
    }
    c->max = cap;
    if (c->best > cap) {
        climb_restart(c, cap, now_ns);
    } else if (c->count > cap) {
        c->high = 0;
        c->phase = CLIMB_BASE;
        c->base.samples = 0;
        move_to(c, c->best, now_ns);
    }
}

void climb_raise(struct climb *c, uint64_t now_ns)
{
    bool at_ceiling = c->best == c->ceiling;
    unsigned step = c->ceiling / 4 > 0 ? c->ceiling / 4 : 1;
    c->ceiling = c->max - c->ceiling < step ? c->max : c->ceiling + step;
    if (c->phase == CLIMB_HOLD && at_ceiling) {
        c->hold_until_ns = now_ns;
        c->down = false;
    }
}
