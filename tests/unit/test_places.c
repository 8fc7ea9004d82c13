/* Who goes on when the destination takes fewer connections than there are writers. */
#include "job/places.h"

#include "base/clock.h"

#include "unit.h"

#define S     ((uint64_t)NS_PER_S)
#define START (1000 * S)

static bool may_dial(struct places *p, unsigned writer, uint64_t now_ns)
{
    uint64_t until = 0;
    bool may = places_may_dial(p, writer, now_ns, &until);
    assert_true(may ? until == 0 : until > now_ns);
    return may;
}

static void take(struct places *p, unsigned writer, uint64_t now_ns)
{
    assert_true(may_dial(p, writer, now_ns));
    places_taken(p, writer, now_ns);
}

static uint64_t refuse(struct places *p, unsigned writer, uint64_t now_ns)
{
    uint64_t until = 0;
    assert_true(places_refused(p, writer, now_ns, &until));
    assert_int_equal(until, now_ns + PLACES_RETRY_NS);
    return until;
}

static struct places_view look(struct places *p)
{
    struct places_view v;
    places_look(p, &v);
    return v;
}

/* Four writers, two places: 2 and 3 are parked. */
static struct places *two_of_four(void)
{
    struct places *p = places_new(4);
    assert_non_null(p);
    take(p, 0, START);
    take(p, 1, START);
    assert_true(may_dial(p, 2, START));
    (void)refuse(p, 2, START);
    assert_false(may_dial(p, 3, START)); /* it is known by now */
    return p;
}

static void test_room_for_all(void **state)
{
    (void)state;
    struct places *p = places_new(3);
    for (unsigned i = 0; i < 3; i++) {
        take(p, i, START);
    }
    places_left(p, 1);
    take(p, 1, START + S);
    struct places_view v = look(p);
    assert_int_equal(v.connected, 3);
    assert_int_equal(v.parked, 0);
    assert_false(v.ever_full);
    assert_int_equal(v.full_ns, 0);
    places_free(p);
}

static void test_the_last_one_is_not_parked(void **state)
{
    (void)state;
    struct places *p = places_new(2);
    uint64_t until = 0;
    for (unsigned i = 0; i < 2; i++) {
        assert_true(may_dial(p, i, START));
        assert_false(places_refused(p, i, START, &until));
        assert_int_equal(until, 0);
    }
    assert_int_equal(look(p).parked, 0);
    take(p, 1, START);
    (void)refuse(p, 0, START);
    places_left(p, 1); /* now nobody is connected: both may try, and go on trying */
    assert_true(may_dial(p, 0, START));
    assert_true(may_dial(p, 1, START));
    assert_false(places_refused(p, 1, START, &until));
    take(p, 1, START);
    assert_true(may_dial(p, 0, START)); /* much may have changed: no waiting for the next try */
    places_free(p);
}

static void test_one_tries_at_a_time(void **state)
{
    (void)state;
    struct places *p = two_of_four();
    struct places_view v = look(p);
    assert_int_equal(v.connected, 2);
    assert_int_equal(v.parked, 2);
    assert_int_equal(v.fewest, 2);
    assert_int_equal(v.full_ns, START);
    assert_false(may_dial(p, 2, START + PLACES_RETRY_NS - 1));

    uint64_t now = START + PLACES_RETRY_NS;
    uint64_t until = 0;
    assert_true(may_dial(p, 3, now));
    assert_false(places_may_dial(p, 2, now, &until));
    assert_int_equal(until, now + PLACES_LOOK_NS);
    now = refuse(p, 3, now);
    assert_true(may_dial(p, 2, now));
    places_failed(p, 2); /* for another reason: the next may try */
    assert_true(may_dial(p, 3, now));
    places_taken(p, 3, now);
    assert_int_equal(look(p).parked, 0);
    assert_int_equal(look(p).full_ns, 0);
    assert_true(look(p).ever_full);
    places_free(p);
}

static void test_room_comes_back(void **state)
{
    (void)state;
    struct places *p = two_of_four();
    uint64_t now = START + PLACES_RETRY_NS;
    take(p, 2, now);
    assert_int_equal(look(p).parked, 1);
    take(p, 3, now); /* at once */
    assert_int_equal(look(p).parked, 0);
    assert_int_equal(look(p).full_ns, 0);
    places_free(p);
}

static void test_control_goes_first(void **state)
{
    (void)state;
    struct places *p = places_new(3);
    uint64_t until = 0;
    take(p, 0, START);
    take(p, 1, START);
    assert_false(places_should_leave(p, 0));
    places_want_control(p, START);
    assert_true(places_should_leave(p, 1));
    assert_false(places_should_leave(p, 0)); /* one is enough */
    places_left(p, 1);
    assert_false(places_may_dial(p, 1, START, &until));
    assert_int_equal(until, START + PLACES_LOOK_NS);
    places_want_control(p, START + S);       /* refused again */
    assert_false(places_should_leave(p, 0)); /* the last one stays */
    places_have_control(p);
    assert_false(places_should_leave(p, 0));
    assert_false(may_dial(p, 1, START + 2 * S)); /* it was full a moment ago */
    take(p, 1, START + S + PLACES_RETRY_NS);
    assert_int_equal(look(p).full_ns, 0);

    places_want_control(p, START + 100 * S);
    places_left(p, 0);
    places_left(p, 1);
    assert_true(may_dial(p, 0, START + 100 * S)); /* rows go before all if nobody sends any */
    places_have_control(p);
    assert_int_equal(look(p).full_ns, 0);
    places_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_for_all),
        cmocka_unit_test(test_the_last_one_is_not_parked),
        cmocka_unit_test(test_one_tries_at_a_time),
        cmocka_unit_test(test_room_comes_back),
        cmocka_unit_test(test_control_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
