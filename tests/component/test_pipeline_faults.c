/*
 * pipeline_faults: whatever fails, is slow, is small or changes, every chunk is committed exactly
 * once with exactly its rows in order, memory stays within its bound, and everything ends.
 */
#include "seeded_run.h"

#define SPILL_SLOT ((uint64_t)8192) /* a batch of RUN_ROOM takes that much on disk */
#define ROUNDS     150u

struct plan_of_run {
    bool cancel;
    size_t cancel_after; /* reports */
    bool change_active;
    bool spill;
    uint64_t spill_bytes;
};

static bool one_of(struct rng *rng, unsigned n)
{
    return rng_between(rng, 1, n) == 1;
}

static void pick_faults(struct rng *rng, struct fake_config *c)
{
    unsigned often = one_of(rng, 3) ? 400 : 40;
    if (one_of(rng, 4)) {
        return; /* none at all */
    }
    unsigned *places[] = {&c->faults.source_begin, &c->faults.source_fill, &c->faults.sink_begin,
                          &c->faults.sink_write,   &c->faults.sink_commit, &c->faults.lost_answer};
    bool all = one_of(rng, 2);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        *places[i] = all || one_of(rng, 4) ? run_up_to(rng, often) : 0;
    }
    /* So that a task of many calls gets through now and then. */
    c->faults.source_fill /= 8;
    c->faults.sink_write /= 8;
    c->resend = one_of(rng, 4) ? 0 : one_of(rng, 3) ? 1000 : 700;
    c->resend_wait_ms = one_of(rng, 2) ? 0 : 3;
}

static const uint64_t memories[] = {0, 0, 12, 40, 400};
static const int compressions[] = {PIPELINE_COMPRESS_OFF, PIPELINE_COMPRESS_AUTO, 1, 3, 9};

static void pick(struct rng *rng, struct run *r, struct plan_of_run *p)
{
    unsigned most = one_of(rng, 3) ? STREAMS_MAX : 3;
    make_chunks(r, 5 + run_up_to(rng, 40));
    for (size_t i = 0; i < r->config.count; i++) {
        r->chunks[i].committed = one_of(rng, 20);
    }
    struct fake_config *c = &r->config;
    c->readers = 1 + run_up_to(rng, most - 1);
    c->writers = 1 + run_up_to(rng, most - 1);
    c->seed = rng_next(rng);
    /* What is committed already was so in groups, too. */
    c->group = 1;
    pick_faults(rng, c);
    c->slow_source = one_of(rng, 3) ? run_up_to(rng, 20) : 0;
    c->slow_sink = one_of(rng, 2) ? run_up_to(rng, 40) : 0;
    struct pipeline_options *o = &r->options;
    o->packers = run_up_to(rng, PIPELINE_PACKERS_MAX);
    o->memory_bytes = MEMORY(memories[run_up_to(rng, ARRAY_LEN(memories) - 1)]);
    o->compression = compressions[run_up_to(rng, ARRAY_LEN(compressions) - 1)];
    o->keep_all = one_of(rng, 3);
    o->max_rate_bytes_s = one_of(rng, 8) ? 20000000 : 0;
    p->spill = o->packers > 0 && one_of(rng, 2);
    p->spill_bytes = SPILL_SLOT * (one_of(rng, 2) ? 1 + run_up_to(rng, 20) : 100000);
    p->change_active = one_of(rng, 3);
    p->cancel = one_of(rng, 5);
    p->cancel_after = run_up_to(rng, (unsigned)c->count);
    if (one_of(rng, 2)) {
        c->group = 1 + run_up_to(rng, 7);
        for (size_t i = 0; i < c->count; i++) {
            r->chunks[i].committed = false;
        }
    }
}

static void open_spill(struct run *r, const struct plan_of_run *p)
{
    struct err err;
    struct spill_options o = run_spill(p->spill_bytes, false);
    assert_true(spill_open(&o, &r->spill, &err));
}

/* Until it ends by itself, or its time has come. */
static void watch(struct run *r, const struct plan_of_run *p, struct rng *rng)
{
    bool cancelled = false;
    while (!has_ended(r, p->change_active || p->cancel ? 1 : LONG_MS)) {
        if (p->change_active) {
            depot_set_active(pipeline_depot(r->pipeline), 1 + run_up_to(rng, r->config.readers - 1),
                             1 + run_up_to(rng, r->config.writers - 1));
        }
        if (!cancelled && p->cancel && fake_sums(r->job).reports >= p->cancel_after) {
            fake_abort(r->job);
            pipeline_cancel(r->pipeline);
            cancelled = true;
        }
    }
}

static bool one_run(uint64_t seed)
{
    struct plan_of_run p = {.cancel = false};
    struct rng rng;
    struct run *r = new_run(seed, &rng);
    pick(&rng, r, &p);
    if (p.spill) {
        open_spill(r, &p);
    }
    start(r);
    watch(r, &p, &rng);
    join(r);
    if (!p.cancel) {
        check_all_done(r);
    }
    finish(r);
    if (r->spill != NULL) {
        struct spill_stats stats = spill_stats(r->spill);
        spill_close(r->spill, false);
        assert_int_equal(stats.bytes_used, 0);
        assert_true(stats.bytes_used_max <= p.spill_bytes);
    }
    free(r);
    return true;
}

static void every_chunk_exactly_once(void **state)
{
    unsigned all = 0;
    (void)state;
    assert_true(run_seeds(ROUNDS, one_run, &all) == all);
}

/* One kind of fault by itself is met at every place where it can be. */
static const struct fake_faults fault_rows[] = {
  /* source begin, fill; sink begin, write, commit; answer lost */
    {400, 0,  0,   0,  0,   0  },
    {0,   60, 0,   0,  0,   0  },
    {0,   0,  400, 0,  0,   0  },
    {0,   0,  0,   60, 0,   0  },
    {0,   0,  0,   0,  400, 0  },
    {0,   0,  0,   0,  0,   500},
};

static void each_fault_by_itself(void **state)
{
    uint64_t seed = run_seed();
    (void)state;
    for (size_t f = 0; f < ARRAY_LEN(fault_rows); f++) {
        for (unsigned resend = 0; resend <= 1000; resend += 500) {
            struct run r = {
                .config = {.readers = 3,
                           .writers = 2,
                           .group = 3,
                           .seed = seed,
                           .resend = resend,
                           .faults = fault_rows[f]},
                .options = {.memory_bytes = MEMORY(40)  }
            };
            make_chunks(&r, 40);
            start(&r);
            join(&r);
            struct fake_sums sums = fake_sums(r.job);
            check_all_done(&r);
            finish(&r);
            assert_true(sums.failed + sums.resends > 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_by_itself),
        cmocka_unit_test_setup_teardown(every_chunk_exactly_once, make_run_dir, remove_run_dir),
    };

    return cmocka_run_group_tests_name("pipeline_faults", tests, NULL, NULL);
}
