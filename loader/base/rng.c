/* For getrandom, which is younger than POSIX 2008. */
#define _DEFAULT_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "base/rng.h"

#include "base/clock.h"

#include <assert.h>
#include <sys/random.h>
#include <unistd.h>

#define GOLDEN_RATIO 0x9E3779B97F4A7C15u

/* The finisher of SplitMix64: neighbouring seeds give unrelated numbers. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

void rng_seed(struct rng *rng, uint64_t seed)
{
    uint64_t state = mix(seed + GOLDEN_RATIO);
    rng->state = state == 0 ? GOLDEN_RATIO : state;
}

/* xorshift64*: its state never becomes 0 unless it was, and its period is 2^64 - 1. */
uint64_t rng_next(struct rng *rng)
{
    assert(rng->state != 0);

    uint64_t x = rng->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    rng->state = x;
    return x * 0x2545F4914F6CDD1Du;
}

uint64_t rng_between(struct rng *rng, uint64_t low, uint64_t high)
{
    assert(low <= high);

    uint64_t span = high - low;
    if (span == UINT64_MAX) {
        return rng_next(rng);
    }
    /* Numbers above the last whole multiple would favour the low results. */
    uint64_t count = span + 1;
    uint64_t unfair = UINT64_MAX - UINT64_MAX % count;
    uint64_t number = rng_next(rng);
    while (number >= unfair) {
        number = rng_next(rng);
    }
    return low + number % count;
}

uint64_t rng_entropy(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed) {
        return seed;
    }
    /* Early at boot the kernel has none to give: jitter only has to differ by process. */
    return mix(clock_mono_ns() ^ ((uint64_t)getpid() << 32));
}
