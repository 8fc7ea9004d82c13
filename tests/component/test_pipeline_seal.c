/*
 * pipeline_seal: the source is given back while rows wait on disk; the process dies at any moment
 * after that, and another one goes on from the disk. Every chunk is committed exactly once.
 *
 * The destination (what is committed) outlives both; the second run has no readers.
 */
#include "seeded_run.h"

#define ROUNDS      12u
#define PARCELS_MAX CHUNKS_MAX
#define SPILL_BYTES (UINT64_C(1) << 30)

struct kept {
    size_t first;
    unsigned count;
    struct part parts[8];
    size_t pieces;
    struct spill_slot *slots;
};

struct manifest {
    struct kept parcels[PARCELS_MAX];
    size_t count;
    bool failed;
};

/* ---- the first process ---- */

static bool keep_parcel(void *self, const struct parcel *p)
{
    struct manifest *m = self;
    const struct fake_group *g = p->task.work;
    struct kept *k = &m->parcels[m->count++];
    *k = (struct kept){.first = g->first, .count = g->count};
    k->slots = calloc(p->count + 1, sizeof *k->slots);
    m->failed = m->failed || k->slots == NULL;
    for (unsigned i = 0; i < g->count; i++) {
        k->parts[i] = p->parts[i];
    }
    for (size_t i = 0; i < p->count && k->slots != NULL; i++) {
        if (p->pieces[i].kind == PIECE_SPILLED) {
            k->slots[k->pieces++] = p->pieces[i].slot;
        }
    }
    return !m->failed;
}

static void forget(struct manifest *m)
{
    for (size_t i = 0; i < m->count; i++) {
        free(m->parcels[i].slots);
    }
    *m = (struct manifest){.count = 0};
}

static void pick(struct rng *rng, struct run *r)
{
    static const int compressions[] = {PIPELINE_COMPRESS_OFF, PIPELINE_COMPRESS_AUTO, 1, 9};
    static const uint64_t memories[] = {0, 20, 60};
    make_chunks(r, 10 + run_up_to(rng, 40));
    r->config.readers = 1 + run_up_to(rng, 4);
    r->config.writers = 1 + run_up_to(rng, 4);
    r->config.group = 1 + run_up_to(rng, 7);
    r->config.seed = rng_next(rng);
    r->config.slow_sink = 20 + run_up_to(rng, 60);
    r->config.resend = 800;
    r->config.resend_wait_ms = 2;
    r->config.faults = (struct fake_faults){.source_fill = run_up_to(rng, 20),
                                            .sink_begin = run_up_to(rng, 100),
                                            .sink_write = run_up_to(rng, 20),
                                            .sink_commit = run_up_to(rng, 100),
                                            .lost_answer = run_up_to(rng, 100)};
    r->options.packers = 1 + run_up_to(rng, PIPELINE_PACKERS_MAX - 1);
    r->options.keep_all = true;
    r->options.compression = compressions[run_up_to(rng, ARRAY_LEN(compressions) - 1)];
    r->options.memory_bytes = MEMORY(memories[run_up_to(rng, ARRAY_LEN(memories) - 1)]);
}

/* As the real run does it: everything is read, then sealed, then the source is given back. False
 * when all was committed before it came to that. */
static bool give_back(struct run *r, struct manifest *m)
{
    struct depot *d = pipeline_depot(r->pipeline);
    bool sealing = false;
    while (!has_ended(r, sealing ? 1 : 0)) {
        if (!sealing && fake_all_read(r->job, 1)) {
            depot_seal(d);
            sealing = true;
        }
        if (sealing && depot_sealed(d, NULL, NULL) && depot_sealed(d, keep_parcel, m)) {
            fake_give_source_back(r->job);
            return true;
        }
    }
    return false;
}

static void die_at_some_moment(struct run *r, struct rng *rng)
{
    size_t after = fake_sums(r->job).reports + run_up_to(rng, 10);
    while (fake_sums(r->job).reports < after && !has_ended(r, 1)) {
    }
    fake_abort(r->job);
    pipeline_cancel(r->pipeline);
}

/* ---- the second ---- */

/* Returns what is wrong, or NULL. */
static const char *restore(struct run *r, struct kept *k)
{
    struct err err;
    struct task task;
    struct piece *pieces = calloc(k->pieces + 1, sizeof *pieces);
    if (pieces == NULL || !fake_adopt(r->job, k->first, k->count, &task)) {
        free(pieces);
        return "no memory";
    }
    for (size_t i = 0; i < k->pieces; i++) {
        pieces[i] = (struct piece){.kind = PIECE_SPILLED, .slot = k->slots[i]};
        if (!spill_claim(r->spill, &k->slots[i], &err)) {
            free(pieces);
            return "a slot cannot be claimed";
        }
    }
    if (!depot_restore(pipeline_depot(r->pipeline), &task, k->parts, pieces, k->pieces)) {
        free(pieces);
        return "no memory";
    }
    return NULL;
}

static void forget_what_ran(struct run *r)
{
    for (size_t i = 0; i < r->config.count; i++) {
        struct fake_chunk *c = &r->chunks[i];
        bool committed = c->committed;
        c->state = committed ? FAKE_DONE : FAKE_PENDING;
        c->done = committed;
        c->read = false;
        c->again = false;
    }
}

static void go_on(struct run *r, struct manifest *m, struct rng *rng)
{
    struct err err;
    struct buf body;
    const char *trouble = NULL;
    forget_what_ran(r);
    buf_init(&body, 4096);
    struct spill_options o = run_spill(SPILL_BYTES, true);
    assert_true(spill_reopen(&o, &r->spill, &body, &err));
    assert_string_equal(buf_str(&body), "body");
    buf_free(&body);
    r->config.readers = 0;
    r->config.writers = 1 + run_up_to(rng, 4);
    r->config.seed++;
    r->options.packers = run_up_to(rng, 1);
    make_run(r);
    for (size_t i = 0; i < m->count && trouble == NULL; i++) {
        if (!r->chunks[m->parcels[i].first].committed) {
            trouble = restore(r, &m->parcels[i]);
        }
    }
    fake_give_source_back(r->job);
    assert_null(trouble);
    assert_true(pipeline_start(r->pipeline, &err));
    join(r);
    check_all_done(r);
    for (size_t i = 0; i < r->config.count; i++) {
        assert_int_equal(r->chunks[i].commits, 1);
    }
    finish(r);
    assert_int_equal(spill_stats(r->spill).bytes_used, 0);
    spill_close(r->spill, false);
}

static void write_manifest(struct spill *s)
{
    struct err err;
    struct buf text;
    buf_init(&text, 100);
    buf_puts(&text, "body");
    assert_true(spill_sync(s, &err));
    assert_true(spill_write_manifest(s, &text, &text, &err));
    buf_free(&text);
}

static bool one_run(uint64_t seed)
{
    struct manifest *m = calloc(1, sizeof *m);
    struct spill_options o = run_spill(SPILL_BYTES, true);
    struct err err;
    struct rng rng;
    struct run *r = new_run(seed, &rng);
    assert_non_null(m);
    pick(&rng, r);
    assert_true(spill_open(&o, &r->spill, &err));
    start(r);
    bool given_back = give_back(r, m);
    if (given_back) {
        write_manifest(r->spill);
        die_at_some_moment(r, &rng);
    }
    join(r);
    if (!given_back) {
        check_all_done(r);
    }
    bool memory_lost = m->failed;
    finish(r);
    spill_close(r->spill, given_back);
    if (given_back && !memory_lost) {
        go_on(r, m, &rng);
    }
    forget(m);
    free(m);
    free(r);
    return given_back;
}

static void what_is_sealed_survives(void **state)
{
    unsigned rounds = 0;
    (void)state;
    unsigned given_back = run_seeds(ROUNDS, one_run, &rounds);
    assert_true(rounds < ROUNDS || given_back > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_sealed_survives, make_run_dir, remove_run_dir),
    };

    return cmocka_run_group_tests_name("pipeline_seal", tests, NULL, NULL);
}
