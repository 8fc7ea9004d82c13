/* pool: lazily allocated, last in first out, a limit, and what is left of it. */
#include "unit.h"

#include "flow/pool.h"

#define BATCHES 3
#define BYTES   1000

static struct pool pool;

static int setup(void **state)
{
    pool_init(&pool, BATCHES, BYTES);
    *state = &pool;
    return 0;
}

static int teardown(void **state)
{
    pool_fini(*state);
    return 0;
}

static void take_all(struct pool *p, struct batch *out[BATCHES])
{
    for (size_t i = 0; i < BATCHES; i++) {
        out[i] = pool_take(p);
        assert_non_null(out[i]);
    }
}

static void give_all(struct pool *p, struct batch *out[BATCHES])
{
    for (size_t i = 0; i < BATCHES; i++) {
        pool_give(p, out[i]);
    }
}

static void gives_room_to_fill(void **state)
{
    struct batch *b = pool_take(*state);
    assert_non_null(b);
    assert_int_equal(b->state, BATCH_FILLING);
    assert_int_equal(b->room, BYTES);
    assert_int_equal(b->content.bytes, 0);
    assert_null(b->next);
    b->content.bytes = 7;
    b->content.rows = 1;
    pool_give(*state, b);
    assert_int_equal(b->state, BATCH_EMPTY);
    assert_ptr_equal(pool_take(*state), b);
    assert_int_equal(b->content.bytes, 0);
    assert_int_equal(b->content.rows, 0);
    pool_give(*state, b);
}

static void allocates_only_what_is_out_at_once(void **state)
{
    struct pool *p = *state;
    assert_int_equal(pool_allocated_bytes(p), 0);
    struct batch *first = pool_take(p);
    size_t one = pool_allocated_bytes(p);
    assert_int_equal(one, batch_memory_bytes(BYTES));
    for (int i = 0; i < 10; i++) {
        pool_give(p, first);
        assert_ptr_equal(pool_take(p), first);
    }
    assert_int_equal(pool_allocated_bytes(p), one);
    pool_give(p, first);

    struct batch *all[BATCHES];
    take_all(p, all);
    assert_int_equal(pool_allocated_bytes(p), BATCHES * one);
    give_all(p, all);
    assert_int_equal(pool_allocated_bytes(p), BATCHES * one);
}

static void last_in_is_first_out(void **state)
{
    struct pool *p = *state;
    struct batch *all[BATCHES];
    take_all(p, all);
    pool_give(p, all[1]);
    pool_give(p, all[0]);
    pool_give(p, all[2]);
    assert_ptr_equal(pool_take(p), all[2]);
    assert_ptr_equal(pool_take(p), all[0]);
    assert_ptr_equal(pool_take(p), all[1]);
    give_all(p, all);
}

static void an_empty_pool_gives_nothing(void **state)
{
    struct pool *p = *state;
    struct batch *all[BATCHES];
    assert_int_equal(pool_left(p), BATCHES);
    take_all(p, all);
    assert_int_equal(pool_left(p), 0);
    assert_null(pool_take(p));
    assert_int_equal(pool_allocated_bytes(p), BATCHES * batch_memory_bytes(BYTES));
    pool_give(p, all[1]);
    assert_int_equal(pool_left(p), 1);
    assert_ptr_equal(pool_take(p), all[1]);
    assert_null(pool_take(p));
    give_all(p, all);
    assert_int_equal(pool_left(p), BATCHES);
}

/* From every state that an owner can leave a batch in. */
static void takes_batches_back_in_any_state(void **state)
{
    struct pool *p = *state;
    for (int to = BATCH_FILLING; to < BATCH_STATES; to++) {
        struct batch *b = pool_take(p);
        if (to != BATCH_FILLING) {
            batch_seal(b);
        }
        if (to == BATCH_PACKING || to == BATCH_SENDING) {
            batch_move(b, (enum batch_state)to);
        }
        pool_give(p, b);
        assert_int_equal(b->state, BATCH_EMPTY);
    }
}

#define POOL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(gives_room_to_fill),
        POOL_TEST(allocates_only_what_is_out_at_once),
        POOL_TEST(last_in_is_first_out),
        POOL_TEST(an_empty_pool_gives_nothing),
        POOL_TEST(takes_batches_back_in_any_state),
    };

    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
