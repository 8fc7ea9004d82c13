/*
 * pool: lazily allocated, last in first out, a limit that blocks, and the end of waiting.
 *
 * cmocka fails a test by longjmp, which must not leave the thread it started in: the helper
 * threads only record.
 */
#include "unit.h"

#include "flow/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define BATCHES 3
#define BYTES   1000

static int setup(void **state)
{
    *state = pool_new(BATCHES, BYTES);
    return *state == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    pool_free(*state);
    return 0;
}

static void take_all(struct pool *p, struct batch *out[BATCHES])
{
    uint64_t wait_ns = 0;
    for (size_t i = 0; i < BATCHES; i++) {
        out[i] = pool_take(p, &wait_ns);
        assert_non_null(out[i]);
    }
    assert_int_equal(wait_ns, 0);
}

static void gives_room_to_fill(void **state)
{
    uint64_t wait_ns = 5;
    struct batch *b = pool_take(*state, &wait_ns);
    assert_non_null(b);
    assert_int_equal(b->state, BATCH_FILLING);
    assert_int_equal(b->room, BYTES);
    assert_int_equal(b->len, 0);
    assert_int_equal(wait_ns, 5);
    pool_give(*state, b);
    assert_int_equal(b->state, BATCH_EMPTY);
}

static void allocates_only_what_is_out_at_once(void **state)
{
    struct pool *p = *state;
    uint64_t wait_ns = 0;
    struct batch *first = pool_take(p, &wait_ns);
    size_t one = pool_allocated_bytes(p);
    assert_true(one >= BYTES);
    for (int i = 0; i < 10; i++) {
        pool_give(p, first);
        assert_ptr_equal(pool_take(p, &wait_ns), first);
    }
    assert_int_equal(pool_allocated_bytes(p), one);
    pool_give(p, first);

    struct batch *all[BATCHES];
    take_all(p, all);
    assert_int_equal(pool_allocated_bytes(p), BATCHES * one);
    for (size_t i = 0; i < BATCHES; i++) {
        pool_give(p, all[i]);
    }
    assert_int_equal(pool_allocated_bytes(p), BATCHES * one);
}

static void last_in_is_first_out(void **state)
{
    struct pool *p = *state;
    uint64_t wait_ns = 0;
    struct batch *all[BATCHES];
    take_all(p, all);
    pool_give(p, all[1]);
    pool_give(p, all[0]);
    pool_give(p, all[2]);
    assert_ptr_equal(pool_take(p, &wait_ns), all[2]);
    assert_ptr_equal(pool_take(p, &wait_ns), all[0]);
    assert_ptr_equal(pool_take(p, &wait_ns), all[1]);
    for (size_t i = 0; i < BATCHES; i++) {
        pool_give(p, all[i]);
    }
}

struct taker {
    struct pool *p;
    pthread_t thread;
    struct batch *got;
    uint64_t wait_ns;
    atomic_bool ended;
};

static void *take_one(void *arg)
{
    struct taker *t = arg;
    t->got = pool_take(t->p, &t->wait_ns);
    atomic_store(&t->ended, true);
    return NULL;
}

/* That a thread is blocked cannot be seen; a few turns given away make it all but sure. */
static void start(struct taker *t, struct pool *p)
{
    *t = (struct taker){.p = p};
    assert_int_equal(pthread_create(&t->thread, NULL, take_one, t), 0);
    for (int i = 0; i < 200; i++) {
        (void)sched_yield();
    }
}

static void an_empty_pool_waits_for_a_batch(void **state)
{
    struct pool *p = *state;
    struct batch *all[BATCHES];
    struct taker t;
    take_all(p, all);
    start(&t, p);
    bool early = atomic_load(&t.ended);
    pool_give(p, all[1]);
    assert_int_equal(pthread_join(t.thread, NULL), 0);
    assert_false(early);
    assert_ptr_equal(t.got, all[1]);
    assert_int_equal(t.got->state, BATCH_FILLING);
    assert_true(t.wait_ns > 0);
    for (size_t i = 0; i < BATCHES; i++) {
        pool_give(p, all[i]);
    }
}

static void cancel_wakes_every_taker(void **state)
{
    struct pool *p = *state;
    struct batch *all[BATCHES];
    struct taker takers[2];
    take_all(p, all);
    start(&takers[0], p);
    start(&takers[1], p);
    pool_cancel(p);
    for (size_t i = 0; i < ARRAY_LEN(takers); i++) {
        assert_int_equal(pthread_join(takers[i].thread, NULL), 0);
        assert_null(takers[i].got);
    }
    pool_cancel(p); /* once more does no harm */
    for (size_t i = 0; i < BATCHES; i++) {
        pool_give(p, all[i]); /* what is out still comes back */
    }
}

static void a_cancelled_pool_gives_nothing(void **state)
{
    uint64_t wait_ns = 0;
    pool_cancel(*state);
    assert_null(pool_take(*state, &wait_ns));
    assert_int_equal(wait_ns, 0);
}

#define POOL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(gives_room_to_fill),       POOL_TEST(allocates_only_what_is_out_at_once),
        POOL_TEST(last_in_is_first_out),     POOL_TEST(an_empty_pool_waits_for_a_batch),
        POOL_TEST(cancel_wakes_every_taker), POOL_TEST(a_cancelled_pool_gives_nothing),
    };

    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
