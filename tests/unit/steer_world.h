/*
 * steer_world.h: a simulated run, for test_steer: two sides whose throughput depends on their
 * streams, noise, stalls, and streams that come and go with a delay.
 */
#ifndef TESTS_STEER_WORLD_H
#define TESTS_STEER_WORLD_H

#include "base/clock.h"
#include "base/rng.h"
#include "job/steer.h"

#include <stdbool.h>
#include <stdint.h>

#define STEP_NS     ((uint64_t)STEER_SAMPLE_NS)
#define STEPS_PER_S 5
#define STREAMS_MAX 32
#define STREAM_RATE 0.01 /* bytes per ns of one stream alone: 10 MB/s */

/* How the throughput of one side grows with its streams, in units of one stream. */
enum shape {
    KNEE,       /* linear up to at, then flat */
    CONTENTION, /* linear up to at, then falling */
    SOFT,       /* half of the most that there can be with at streams */
    COSTS,      /* every further stream costs all others something; the peak is at at */
    FLAT,       /* one stream gives as much as many */
};

struct curve {
    enum shape shape;
    double at;
    double scale; /* 0: 1 */
};

struct scene {
    const char *label;
    struct curve source;
    struct curve destination;
    unsigned max;
};

#define AMPLE         \
    {                 \
        FLAT, 1000, 0 \
    }
#define AS_FAST       \
    {                 \
        KNEE, 1000, 0 \
    }

static const struct scene scenes[] = {
    {"knee at 1",                     AMPLE,              {KNEE, 1, 0},        16},
    {"knee at 2",                     AMPLE,              {KNEE, 2, 0},        16},
    {"knee at 4",                     AS_FAST,            {KNEE, 4, 0},        16},
    {"knee at 6",                     AMPLE,              {KNEE, 6, 0},        16},
    {"knee at 8",                     AS_FAST,            {KNEE, 8, 0},        16},
    {"knee at 16 of 32",              AMPLE,              {KNEE, 16, 0},       32},
    {"knee at 24 of 32",              AS_FAST,            {KNEE, 24, 0},       32},
    {"falling after 1",               AMPLE,              {CONTENTION, 1, 0},  16},
    {"falling after 2",               AMPLE,              {CONTENTION, 2, 0},  16},
    {"falling after 4",               AMPLE,              {CONTENTION, 4, 0},  16},
    {"falling after 8",               AS_FAST,            {CONTENTION, 8, 0},  32},
    {"falling after 16",              AMPLE,              {CONTENTION, 16, 0}, 32},
    {"flat",                          AMPLE,              {FLAT, 4, 0},        16},
    {"linear to 16",                  AMPLE,              {KNEE, 1000, 0},     16},
    {"linear to 32",                  AS_FAST,            {KNEE, 1000, 0},     32},
    {"soft, half at 4",               AMPLE,              {SOFT, 4, 0},        16},
    {"soft, half at 16",              AMPLE,              {SOFT, 16, 0},       32},
    {"costs, peak at 5",              AMPLE,              {COSTS, 5, 0},       16},
    {"costs, peak at 12",             AMPLE,              {COSTS, 12, 0},      32},
    {"source: flat",                  {FLAT, 2, 0},       AMPLE,               16},
    {"source: knee at 2",             {KNEE, 2, 0},       AMPLE,               16},
    {"source: knee at 8",             {KNEE, 8, 0},       AMPLE,               16},
    {"source: falling after 3",       {CONTENTION, 3, 0}, AMPLE,               16},
    {"source: soft, writers linear",  {SOFT, 6, 0},       AS_FAST,             16},
    {"both: falling after 8",         {CONTENTION, 8, 0}, {CONTENTION, 8, 0},  16},
    {"both: 6 and 3",                 {KNEE, 6, 0},       {KNEE, 3, 0},        16},
    {"slow readers, falling writers", {KNEE, 1000, 0},    {CONTENTION, 8, 2},  16},
    {"fast readers, linear writers",  {KNEE, 1000, 3},    {KNEE, 1000, 0},     16},
};

struct noise {
    const char *label;
    double share; /* of the rate, both from sample to sample and over a second or so */
    bool stalls;  /* of 1 to 2 s, every 10 to 20 s */
};

static const struct noise noises[] = {
    {"none", 0,    false},
    {"10 %", 0.10, true },
    {"20 %", 0.20, true },
};

static double streams_worth(const struct curve *c, unsigned n)
{
    double over = n > c->at ? n - c->at : 0;
    double scale = c->scale > 0 ? c->scale : 1;
    switch (c->shape) {
    case CONTENTION:
        return scale * (n - over) / (1 + 0.5 * over / c->at);
    case SOFT:
        return scale * n / (1 + n / c->at);
    case COSTS:
        return scale * n / (1 + (double)n * n / (c->at * c->at));
    case FLAT:
        return scale * c->at;
    case KNEE:
    default:
        return scale * (n - over);
    }
}

/* A run under way. Streams come within 0.4 s and go within 0.6 s. */
struct world {
    const struct scene *scene;
    const struct noise *noise;
    struct rng rng;
    double drift;
    uint64_t now_ns;
    uint64_t stall_from_ns;
    uint64_t stall_to_ns;
    double bytes;
    unsigned readers;
    unsigned writers;
    bool lumpy; /* bytes are counted at commits, one a second and writer */
    double told;
};

/* Evenly between -1 and 1. */
static double random_share(struct rng *rng)
{
    return (double)rng_between(rng, 0, 2000000) / 1000000 - 1;
}

static void plan_stall(struct world *w)
{
    w->stall_from_ns = w->now_ns + rng_between(&w->rng, 10, 20) * NS_PER_S;
    w->stall_to_ns = w->stall_from_ns + rng_between(&w->rng, 1000, 2000) * NS_PER_MS;
}

static struct world world_new(const struct scene *scene, const struct noise *noise, uint64_t seed)
{
    struct world w = {.scene = scene, .noise = noise, .now_ns = NS_PER_S};
    rng_seed(&w.rng, seed);
    plan_stall(&w);
    return w;
}

static double noise_factor(struct world *w)
{
    double drift = random_share(&w->rng);
    double white = random_share(&w->rng);
    if (w->now_ns >= w->stall_to_ns) {
        plan_stall(w);
    }
    /* sqrt(3) makes the share a standard deviation; the drift forgets a fifth a step. */
    w->drift = 0.8 * w->drift + 0.6 * drift;
    bool stall = w->noise->stalls && w->now_ns >= w->stall_from_ns;
    double factor = 1 + 1.73 * w->noise->share * (0.7 * w->drift + 0.7 * white);
    factor = factor < 0.1 ? 0.1 : factor;
    return stall ? 0.05 * factor : factor;
}

static unsigned nearer(unsigned now, unsigned wanted)
{
    if (wanted > now) {
        unsigned half = now + (wanted - now + 1) / 2;
        return wanted - now <= 2 ? wanted : half;
    }
    return now - (now - wanted + 1) / 2;
}

/* One step with the streams that are there; what a sample of it would say. */
static struct steer_sample world_step(struct world *w, unsigned readers, unsigned writers)
{
    w->readers = nearer(w->readers, readers);
    w->writers = nearer(w->writers, writers);
    double source = streams_worth(&w->scene->source, w->readers);
    double destination = streams_worth(&w->scene->destination, w->writers);
    double rate = source < destination ? source : destination;
    double moved = rate * noise_factor(w) * STREAM_RATE * (double)STEP_NS;
    w->bytes += moved;
    w->now_ns += STEP_NS;
    double part = w->lumpy ? (double)rng_between(&w->rng, 0, w->writers) / w->writers : 1;
    w->told += part * (w->bytes - w->told);
    double latency = 20e6 * (w->writers / destination > 1 ? w->writers / destination : 1);
    return (struct steer_sample){
        .now_ns = w->now_ns,
        .bytes_total = (uint64_t)w->told,
        .remaining_bytes = UINT64_MAX,
        .readers_active = w->readers,
        .writers_active = w->writers,
        .writers_starved = 1 - rate / destination,
        .readers_blocked = 1 - rate / source,
        .commit_ns = (uint64_t)latency,
    };
}

#endif
