/* spill: many threads at once on few slots, so that each slot changes hands all the time. */
#include "spill_fixture.h"

#include <pthread.h>

#define THREADS 6
#define ROUNDS  400
#define HELD    4

struct worker {
    struct spill *spill;
    unsigned index;
    unsigned full;
    bool ok;
};

static void fill_quietly(struct batch *b, size_t len, unsigned seed)
{
    empty(b);
    memset(b->bytes, (int)(seed % 251), len);
    memcpy(b->bytes, &seed, sizeof seed);
    b->content.bytes = (uint32_t)len;
    b->content.rows = seed;
    batch_seal(b);
    batch_move(b, BATCH_PACKING);
}

static bool check(struct spill *s, const struct spill_slot *slot, struct batch *b)
{
    struct err err;
    unsigned seed = 0;
    empty(b);
    if (!spill_read(s, slot, b, &err) || !batch_verify(b, &err)) {
        return false;
    }
    memcpy(&seed, b->bytes, sizeof seed);
    return seed == slot->content.rows &&
           (unsigned char)b->bytes[b->content.bytes - 1] == seed % 251;
}

/* Holds up to HELD slots: writes one, reads the oldest back, frees it. False at the first wrong
 * thing; cmocka's asserts are for the main thread only. */
static bool hammer(struct worker *w, struct batch *b)
{
    struct spill_slot held[HELD];
    unsigned count = 0;
    struct err err;
    for (unsigned round = 0; round < ROUNDS; round++) {
        fill_quietly(b, 100 + (w->index * 977 + round * 31) % (ROOM - 100),
                     w->index * ROUNDS + round);
        enum spill_status status = spill_write(w->spill, b, &held[count], &err);
        if (status == SPILL_FAILED || (status == SPILL_FULL && !batch_verify(b, &err))) {
            return false;
        }
        w->full += status == SPILL_FULL;
        count += status == SPILL_WRITTEN;
        if (count == HELD || (count > 0 && status == SPILL_FULL)) {
            if (!check(w->spill, &held[0], b)) {
                return false;
            }
            spill_free_slot(w->spill, &held[0]);
            count--;
            memmove(held, held + 1, count * sizeof *held);
        }
        if (round % 100 == 99 && !spill_sync(w->spill, &err)) {
            return false;
        }
    }
    while (count > 0) {
        count--;
        if (!check(w->spill, &held[count], b)) {
            return false;
        }
        spill_free_slot(w->spill, &held[count]);
    }
    return true;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct batch *b = batch_new(ROOM);
    w->ok = b != NULL && hammer(w, b);
    batch_free(b);
    return NULL;
}

static void slots_change_hands(void **state)
{
    struct spill_fixture *f = *state;
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    unsigned full = 0;
    f->options.limit_bytes =
        (uint64_t)(THREADS * HELD - 4) * SLOT_BYTES; /* now and then there is none */
    struct spill *s = open_spill(f);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.spill = s, .index = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 20; i++) {
        write_slots(s, NULL, 0);
        struct spill_stats stats = spill_stats(s);
        assert_true(stats.bytes_used <= stats.bytes_used_max &&
                    stats.bytes_used_max <= stats.bytes_limit);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(workers[i].ok);
        full += workers[i].full;
    }
    struct spill_stats stats = spill_stats(s);
    assert_int_equal(stats.bytes_used, 0);
    assert_true(stats.bytes_read > 0 && full < THREADS * ROUNDS);
    spill_close(s, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(slots_change_hands, spill_setup, spill_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
