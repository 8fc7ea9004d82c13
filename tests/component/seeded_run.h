/*
 * seeded_run.h: runs of which all follows from a seed, which is printed when one goes wrong, and a
 * directory for their spill files. SLUICE_TEST_SEED in the environment sets the first seed,
 * SLUICE_TEST_ROUNDS multiplies the number of runs.
 */
#ifndef TESTS_SEEDED_RUN_H
#define TESTS_SEEDED_RUN_H

#include "pipeline_run.h"

static inline uint64_t run_seed(void)
{
    const char *given = getenv("SLUICE_TEST_SEED"); /* NOLINT(concurrency-mt-unsafe): one thread */
    return given == NULL ? rng_entropy() : strtoull(given, NULL, 10);
}

/* SLUICE_TEST_ROUNDS: so many times as many. */
static inline unsigned run_rounds(unsigned usual)
{
    const char *given = getenv("SLUICE_TEST_ROUNDS"); /* NOLINT(concurrency-mt-unsafe) */
    return given == NULL ? usual : usual * (unsigned)strtoul(given, NULL, 10);
}

static inline unsigned run_up_to(struct rng *rng, unsigned n)
{
    return (unsigned)rng_between(rng, 0, n);
}

/* Empty, with the seed's name for the alarm. Never NULL; the caller frees. */
static inline struct run *new_run(uint64_t seed, struct rng *rng)
{
    char name[60];
    struct run *r = calloc(1, sizeof *r);
    assert_non_null(r);
    rng_seed(rng, seed);
    (void)snprintf(name, sizeof name, "SLUICE_TEST_SEED=%" PRIu64, seed);
    watch_run(name);
    return r;
}

/* One run for each seed from the first one on; how many of them say true. At least so many runs are
 * usual; *all says how many there were. */
static inline unsigned run_seeds(unsigned usual, bool (*one)(uint64_t seed), unsigned *all)
{
    uint64_t seed = run_seed();
    unsigned said_true = 0;
    *all = run_rounds(usual);
    print_message("SLUICE_TEST_SEED=%" PRIu64 ", %u runs\n", seed, *all);
    for (unsigned i = 0; i < *all; i++) {
        said_true += one(seed + i);
    }
    return said_true;
}

/* ---- a directory for a spill file, for the time of one test ---- */

static inline char *run_dir(void)
{
    static char dir[64];
    return dir;
}

static inline int make_run_dir(void **state)
{
    (void)state;
    (void)snprintf(run_dir(), 64, "/tmp/sluice-pipeline-XXXXXX");
    return mkdtemp(run_dir()) == NULL ? -1 : 0;
}

/* Fails where something was left in it. */
static inline int remove_run_dir(void **state)
{
    (void)state;
    return rmdir(run_dir());
}

static inline struct spill_options run_spill(uint64_t limit_bytes, bool keep)
{
    static const unsigned char key[SPILL_KEY_BYTES] = "0123456789abcdef0123456789abcde";
    return (struct spill_options){.dir = run_dir(),
                                  .name = "run",
                                  .limit_bytes = limit_bytes,
                                  .batch_room = RUN_ROOM,
                                  .keep = keep,
                                  .key = key};
}

#endif
