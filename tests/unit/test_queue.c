/*
 * queue: order, back-pressure, and the two ways to end.
 *
 * cmocka fails a test by longjmp, which must not leave the thread it started in:
 * the helper threads below only record, and the test asserts after joining them.
 */
#include "unit.h"

#include "flow/queue.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#define MS UINT64_C(1000000)

static int tokens[1000]; /* only their addresses matter */

static int setup(void **state)
{
    *state = queue_new(2);
    return *state == NULL ? -1 : 0;
}

static void forget(void *owner, void *item)
{
    (void)owner;
    (void)item;
}

static int teardown(void **state)
{
    (void)queue_drain(*state, forget, NULL);
    queue_free(*state);
    return 0;
}

static void keeps_order(void **state)
{
    struct queue *q = *state;
    void *item = NULL;

    assert_int_equal(queue_push(q, &tokens[0]), QUEUE_OK);
    assert_int_equal(queue_push(q, &tokens[1]), QUEUE_OK);
    assert_int_equal(queue_stats(q).depth_max, 2);
    assert_int_equal(queue_pop(q, 0, &item), QUEUE_OK);
    assert_ptr_equal(item, &tokens[0]);
    assert_int_equal(queue_pop(q, 0, &item), QUEUE_OK);
    assert_ptr_equal(item, &tokens[1]);
}

static void pop_times_out_and_leaves_item_alone(void **state)
{
    void *item = &tokens[7];

    assert_int_equal(queue_pop(*state, 1 * MS, &item), QUEUE_TIMEOUT);
    assert_ptr_equal(item, &tokens[7]);
}

static void close_drains_then_says_closed(void **state)
{
    struct queue *q = *state;
    void *item = NULL;

    assert_int_equal(queue_push(q, &tokens[0]), QUEUE_OK);
    queue_close(q);
    assert_int_equal(queue_push(q, &tokens[1]), QUEUE_CLOSED);
    assert_int_equal(queue_pop(q, QUEUE_WAIT_FOREVER, &item), QUEUE_OK);
    assert_int_equal(queue_pop(q, QUEUE_WAIT_FOREVER, &item), QUEUE_CLOSED);
}

static void cancel_hands_leftovers_back(void **state)
{
    struct queue *q = *state;
    void *item = NULL;

    assert_int_equal(queue_push(q, &tokens[0]), QUEUE_OK);
    queue_cancel(q);
    assert_int_equal(queue_pop(q, QUEUE_WAIT_FOREVER, &item), QUEUE_CANCELLED);
    assert_int_equal(queue_drain(q, forget, NULL), 1);
}

struct side {
    struct queue *q;
    enum queue_status last;
    size_t moved;
    bool in_order;
};

static void *produce_all(void *arg)
{
    struct side *side = arg;

    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        side->last = queue_push(side->q, &tokens[i]);
        if (side->last != QUEUE_OK) {
            return NULL;
        }
        side->moved++;
    }
    queue_close(side->q);
    return NULL;
}

static void *consume_all(void *arg)
{
    struct side *side = arg;
    int *before = NULL;
    void *item = NULL;

    while ((side->last = queue_pop(side->q, QUEUE_WAIT_FOREVER, &item)) == QUEUE_OK) {
        side->in_order = side->in_order && (before == NULL || (int *)item == before + 1);
        before = item;
        side->moved++;
    }
    return NULL;
}

static void moves_everything_through_a_small_queue(void **state)
{
    struct side in = {.q = *state};
    struct side out = {.q = *state, .in_order = true};
    pthread_t producer;
    pthread_t consumer;

    assert_int_equal(pthread_create(&producer, NULL, produce_all, &in), 0);
    assert_int_equal(pthread_create(&consumer, NULL, consume_all, &out), 0);
    assert_int_equal(pthread_join(producer, NULL), 0);
    assert_int_equal(pthread_join(consumer, NULL), 0);

    assert_int_equal(in.moved, ARRAY_LEN(tokens));
    assert_int_equal(out.moved, ARRAY_LEN(tokens));
    assert_int_equal(out.last, QUEUE_CLOSED);
    assert_true(out.in_order);
    assert_true(queue_stats(*state).depth_max <= 2);
}

/* Two of each, so that waking only one of them shows as a test that hangs. */
struct pair {
    struct side side[2];
    pthread_t thread[2];
};

static void start_pair(struct pair *pair, struct queue *q, void *(*run)(void *))
{
    for (size_t i = 0; i < 2; i++) {
        pair->side[i] = (struct side){.q = q};
        assert_int_equal(pthread_create(&pair->thread[i], NULL, run, &pair->side[i]), 0);
    }
}

static void join_pair(struct pair *pair, enum queue_status want)
{
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(pair->thread[i], NULL), 0);
        assert_int_equal(pair->side[i].last, want);
    }
}

static void wait_until_blocked(struct queue *q, unsigned push_waiting, unsigned pop_waiting)
{
    struct queue_stats stats = queue_stats(q);
    while (stats.push_waiting < push_waiting || stats.pop_waiting < pop_waiting) {
        (void)sched_yield();
        stats = queue_stats(q);
    }
}

static void cancel_wakes_every_producer(void **state)
{
    struct pair producers;

    start_pair(&producers, *state, produce_all);
    wait_until_blocked(*state, 2, 0);
    queue_cancel(*state);
    join_pair(&producers, QUEUE_CANCELLED);
}

static void cancel_wakes_every_consumer(void **state)
{
    struct pair consumers;

    start_pair(&consumers, *state, consume_all);
    wait_until_blocked(*state, 0, 2);
    queue_cancel(*state);
    join_pair(&consumers, QUEUE_CANCELLED);
}

static void close_wakes_every_consumer(void **state)
{
    struct pair consumers;

    start_pair(&consumers, *state, consume_all);
    wait_until_blocked(*state, 0, 2);
    queue_close(*state);
    join_pair(&consumers, QUEUE_CLOSED);
}

static void close_does_not_undo_cancel(void **state)
{
    queue_cancel(*state);
    queue_close(*state);
    assert_int_equal(queue_push(*state, &tokens[0]), QUEUE_CANCELLED);
}

#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(keeps_order),
        QUEUE_TEST(pop_times_out_and_leaves_item_alone),
        QUEUE_TEST(close_drains_then_says_closed),
        QUEUE_TEST(cancel_hands_leftovers_back),
        QUEUE_TEST(moves_everything_through_a_small_queue),
        QUEUE_TEST(cancel_wakes_every_producer),
        QUEUE_TEST(cancel_wakes_every_consumer),
        QUEUE_TEST(close_wakes_every_consumer),
        QUEUE_TEST(close_does_not_undo_cancel),
    };

    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
