/* Which router each writer works on: shares, moves, failures. */
#include "routers_fixture.h"

#include <math.h>

/* ---- weights and shares ---- */

static void test_weights(void **state)
{
    (void)state;
    static const struct {
        double load;
        unsigned weight;
    } rows[] = {
        {0,      10},
        {0.04,   10},
        {0.1,    9 },
        {0.5,    5 },
        {0.8,    2 },
        {0.94,   1 },
        {0.96,   1 },
        {1,      1 },
        {-0.1,   1 },
        {1.01,   1 },
        {1e300,  1 },
        {-1e300, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(router_weight(rows[i].load), rows[i].weight);
    }
    assert_int_equal(router_weight((double)NAN), 1);
    assert_int_equal(router_weight((double)INFINITY), 1);
}

static void test_spread(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        unsigned n;
        unsigned weights[4];
        unsigned out[4];
    } rows[] = {
        {2, 8,  {9, 2},       {7, 1}      },
        {2, 8,  {2, 9},       {1, 7}      },
        {2, 8,  {1, 1},       {4, 4}      },
        {2, 1,  {9, 2},       {1, 0}      },
        {2, 2,  {10, 1},      {1, 1}      },
        {2, 0,  {9, 2},       {0, 0}      },
        {4, 3,  {5, 5, 5, 5}, {1, 1, 1, 0}},
        {4, 10, {9, 0, 0, 1}, {9, 0, 0, 1}},
        {3, 10, {10, 1, 1},   {8, 1, 1}   },
        {2, 8,  {0, 0},       {0, 0}      },
        {0, 8,  {0},          {0}         },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned out[4] = {0};
        routers_spread(rows[i].weights, rows[i].count, rows[i].n, out);
        assert_memory_equal(out, rows[i].out, sizeof out);
    }
}

/* ---- the life of a load ---- */

static void test_eight_writers(void **state)
{
    (void)state;
    struct routers *r = pair_of(8, 0.1, 0.8);
    connect_all(r, 8, START);
    assert_int_equal(at(r, "127.0.0.2", START), 7);
    assert_int_equal(at(r, "127.0.0.3", START), 1);
    assert_int_equal(settle(r, 8, START), 0);
    assert_false(update_pair(r, 0.1, 0.8, START + 15 * S));

    assert_true(update_pair(r, 0.8, 0.1, START + 30 * S));
    assert_int_equal(settle(r, 8, START + 30 * S), 6);
    assert_int_equal(at(r, "127.0.0.2", START), 1);
    assert_int_equal(at(r, "127.0.0.3", START), 7);
    routers_free(r);
}

static void test_one_leaves_at_a_time(void **state)
{
    (void)state;
    char text[ROUTER_EVENT_MAX];
    bool important = true;
    struct routers *r = pair_of(8, 0.1, 0.8);
    connect_all(r, 8, START);
    assert_true(update_pair(r, 0.8, 0.1, START));
    unsigned first = 8;
    for (unsigned i = 0; i < 8; i++) {
        if (routers_should_move(r, i, START)) {
            assert_int_equal(first, 8);
            first = i;
        }
    }
    assert_true(first < 8);
    assert_true(routers_should_move(r, first, START)); /* it is still to go */
    routers_left(r, first);
    for (unsigned i = 0; i < 8; i++) {
        assert_true(i == first || !routers_should_move(r, i, START));
    }
    assert_string_equal(pick(r, first, START), "127.0.0.3");
    assert_int_equal(settle(r, 8, START), 5);
    assert_true(routers_event(r, text, &important));
    assert_false(important);
    assert_non_null(strstr(text, "from 127.0.0.2 to 127.0.0.3: another router"));
    routers_free(r);
}

/* Nobody is sent to it, nobody has to leave it, and it counts as no failure. */
static void test_full_router(void **state)
{
    (void)state;
    char text[ROUTER_EVENT_MAX];
    bool important = false;
    struct routers *r = pair_of(8, 0.1, 0.1);
    connect_all(r, 6, START);
    assert_int_equal(at(r, "127.0.0.2", START), 3);
    const char *full = strcmp(pick(r, 6, START), "127.0.0.2") == 0 ? "127.0.0.2" : "127.0.0.3";
    const char *other = strcmp(full, "127.0.0.2") == 0 ? "127.0.0.3" : "127.0.0.2";
    routers_refused(r, 6, START);
    assert_true(routers_event(r, text, &important) && important);
    assert_non_null(strstr(text, "takes no more connections"));
    assert_int_equal(at(r, full, START), 3);
    assert_int_equal(settle(r, 6, START), 0);
    assert_true(routers_any_up(r, START));

    assert_string_equal(pick(r, 6, START), other);
    routers_connected(r, 6, START);
    bool first = strcmp(full, "127.0.0.2") == 0;
    (void)update_pair(r, first ? 0 : 0.9, first ? 0.9 : 0, START); /* it should have more */
    assert_false(routers_should_move(r, 6, START));
    (void)update_pair(r, 0.1, 0.1, START);
    assert_string_equal(pick(r, 7, START), other);
    routers_refused(r, 7, START);
    assert_false(routers_any_up(r, START));
    assert_string_equal(pick(r, 7, START), ""); /* the endpoint is left */
    routers_refused(r, 7, START);
    assert_int_equal(settle(r, 7, START), 0);
    assert_int_equal(view_of(r, full, START).failures, 0);
    assert_int_equal(view_of(r, full, START).state, ROUTER_USED);

    uint64_t later = START + ROUTERS_AVOID_NS;
    assert_true(routers_any_up(r, later));
    assert_string_not_equal(pick(r, 7, later), "");
    routers_connected(r, 7, later);
    routers_free(r);
}

static void test_avoid_and_come_back(void **state)
{
    (void)state;
    char text[ROUTER_EVENT_MAX];
    bool important = false;
    struct routers *r = pair_of(8, 0.1, 0.8);
    unsigned there = connect_and_tell(r, 8, "127.0.0.2");
    uint64_t t = START + 5 * S;
    for (unsigned i = 0; i < 8; i++) {
        if ((there >> i & 1) != 0) {
            routers_failed(r, i, t++);
        }
    }
    t = START + 5 * S;
    assert_int_equal(at(r, "127.0.0.2", t), 0);
    struct router_view v = view_of(r, "127.0.0.2", t);
    assert_int_equal(v.state, ROUTER_AVOIDED);
    assert_int_equal(v.failures, 7);
    assert_true(v.down_ns == t && v.back_ns == 0);
    assert_true(routers_event(r, text, &important));
    assert_true(important);
    assert_non_null(strstr(text, "127.0.0.2 stopped answering"));
    assert_false(routers_event(r, text, &important)); /* one outage, one sentence */
    for (unsigned i = 0; i < 8; i++) {
        assert_string_equal(pick(r, i, t), "127.0.0.3");
        routers_connected(r, i, t);
    }
    /* Seven at once are one failure: the wait is the first one's. */
    assert_int_equal(settle(r, 8, t + ROUTERS_AVOID_NS - 1), 0);
    t += ROUTERS_AVOID_NS;
    /* One tries; while it does, nobody else goes there. */
    unsigned one = 8;
    for (unsigned i = 0; i < 8 && one == 8; i++) {
        one = routers_should_move(r, i, t) ? i : 8;
    }
    assert_true(one < 8);
    routers_left(r, one);
    assert_string_equal(pick(r, one, t), "127.0.0.2");
    for (unsigned i = 0; i < 8; i++) {
        assert_true(i == one || !routers_should_move(r, i, t));
    }
    routers_connected(r, one, t + 1);
    assert_true(view_of(r, "127.0.0.2", t).back_ns == t + 1);
    assert_int_equal(settle(r, 8, t + 1), 6);
    assert_int_equal(at(r, "127.0.0.2", t), 7);
    routers_free(r);
}

/* Two routers have one too many, and the third takes only one. */
static void test_no_more_leave_than_there_is_room(void **state)
{
    (void)state;
    struct router_load list[3];
    struct routers *r = routers_new(6);
    set(&list[0], "a", 0.5);
    set(&list[1], "b", 0.5);
    set(&list[2], "c", 0.5);
    assert_true(routers_update(r, list, 3, START));
    unsigned there = connect_and_tell(r, 6, "c");
    for (unsigned i = 0; i < 6; i++) {
        if ((there >> i & 1) != 0) {
            routers_failed(r, i, START + i);
        }
    }
    for (unsigned i = 0; i < 6; i++) {
        if ((there >> i & 1) != 0) {
            (void)pick(r, i, START + S);
            routers_connected(r, i, START + S);
        }
    }
    assert_true(at(r, "a", START) == 3 && at(r, "b", START) == 3);
    unsigned leaving = 0;
    for (unsigned i = 0; i < 6; i++) {
        leaving += routers_should_move(r, i, START + 20 * S);
    }
    assert_int_equal(leaving, 1);
    routers_free(r);
}

static void test_waits_double(void **state)
{
    (void)state;
    struct routers *r = pair_of(1, 0.1, 0.9);
    static const unsigned waits_s[] = {10, 20, 40, 80, 120, 120};
    uint64_t t = START;
    for (size_t i = 0; i < ARRAY_LEN(waits_s); i++) {
        assert_string_equal(pick(r, 0, t), "127.0.0.2");
        routers_failed(r, 0, t);
        assert_string_equal(pick(r, 0, t + waits_s[i] * S - 1), "127.0.0.3");
        t += waits_s[i] * S;
    }
    assert_string_equal(pick(r, 0, t), "127.0.0.2");
    routers_connected(r, 0, t);
    routers_failed(r, 0, t); /* it had answered, so it begins again */
    assert_string_equal(pick(r, 0, t + 10 * S), "127.0.0.2");
    routers_free(r);
}

static void test_gone(void **state)
{
    (void)state;
    char text[ROUTER_EVENT_MAX];
    bool important = false;
    struct routers *r = pair_of(4, 0.5, 0.5);
    struct router_load one;
    connect_all(r, 4, START);
    set(&one, "127.0.0.3", 0.5);
    assert_false(routers_update(r, &one, 0, START)); /* an empty list says nothing */
    assert_int_equal(view_of(r, "127.0.0.2", START).state, ROUTER_USED);
    assert_true(routers_update(r, &one, 1, START));
    assert_int_equal(view_of(r, "127.0.0.2", START).state, ROUTER_GONE);
    assert_true(routers_event(r, text, &important));
    assert_true(important && strstr(text, "127.0.0.2 is no longer") != NULL);
    assert_int_equal(settle(r, 4, START), 2);
    assert_int_equal(at(r, "127.0.0.3", START), 4);
    assert_true(update_pair(r, 0.5, 0.5, START)); /* and back */
    assert_int_equal(settle(r, 4, START), 2);
    routers_free(r);
}

static void test_all_avoided(void **state)
{
    (void)state;
    struct routers *r = pair_of(2, 0.5, 0.5);
    connect_all(r, 2, START);
    assert_true(routers_any_up(r, START));
    routers_failed(r, 0, START);
    routers_failed(r, 1, START + S);
    assert_false(routers_any_up(r, START + S));
    assert_string_equal(pick(r, 0, START + S), ""); /* the endpoint */
    routers_connected(r, 0, START + S);
    assert_false(routers_should_move(r, 0, START + S));
    assert_string_equal(pick(r, 1, START + S), "");
    routers_failed(r, 1, START + 2 * S); /* now the endpoint is avoided as well */
    assert_string_equal(pick(r, 1, START + 2 * S), "127.0.0.2");
    routers_failed(r, 1, START + 2 * S);
    assert_string_equal(pick(r, 1, START + 2 * S), "127.0.0.3"); /* its time is over first */
    routers_connected(r, 1, START + 2 * S);
    /* The one at the endpoint goes where it belongs once a router is there. */
    assert_int_equal(settle(r, 2, START + 40 * S), 1);
    assert_int_equal(at(r, "127.0.0.2", START), 1);
    routers_free(r);
}

static void test_working_connection_stays(void **state)
{
    (void)state;
    struct routers *r = pair_of(4, 0.5, 0.5);
    connect_all(r, 4, START);
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(pick(r, i, START), "127.0.0.2") == 0) {
            routers_failed(r, i, START); /* one of two */
            assert_string_equal(pick(r, i, START), "127.0.0.3");
            routers_connected(r, i, START);
            break;
        }
    }
    assert_int_equal(at(r, "127.0.0.2", START), 1);
    assert_int_equal(settle(r, 4, START), 0);
    routers_free(r);
}

static void test_no_list(void **state)
{
    (void)state;
    struct routers *r = routers_new(3);
    connect_all(r, 3, START);
    assert_string_equal(pick(r, 0, START), "");
    routers_failed(r, 0, START);
    assert_string_equal(pick(r, 0, START), "");
    assert_false(routers_should_move(r, 1, START));
    assert_false(routers_any_up(r, START));
    routers_free(r);
    routers_free(NULL);
}

static void test_odd_lists(void **state)
{
    (void)state;
    struct router_load list[6];
    struct routers *r = routers_new(6);
    set(&list[0], "2600:1f18::1", (double)NAN);
    set(&list[1], "::1", -3);
    set(&list[2], "", 0);
    set(&list[3], "router-1.limitless.example", 7);
    set(&list[4], "::1", 0); /* said twice: the last one counts */
    set(&list[5], "fe80::1%eth0", 0.3);
    assert_true(routers_update(r, list, 6, START));
    connect_all(r, 6, START);
    assert_int_equal(at(r, "2600:1f18::1", START), 1);
    assert_int_equal(at(r, "router-1.limitless.example", START), 1);
    assert_int_equal(at(r, "::1", START) + at(r, "fe80::1%eth0", START), 4);
    assert_true(view_of(r, "2600:1f18::1", START).load >= 1);
    routers_free(r);
}

static void test_more_routers_than_writers(void **state)
{
    (void)state;
    static struct router_load list[ROUTERS_MAX + 10];
    struct router_view v[ROUTERS_MAX];
    struct routers *r = routers_new(3);
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        char host[64];
        (void)snprintf(host, sizeof host, "router-%zu", i);
        set(&list[i], host, 0.2);
    }
    (void)routers_update(r, list, ARRAY_LEN(list), START);
    assert_int_equal(routers_look(r, v, START), ROUTERS_MAX);
    connect_all(r, 3, START);
    unsigned busy = 0;
    for (size_t i = 0; i < ROUTERS_MAX; i++) {
        assert_true(view_of(r, list[i].host, START).writers <= 1);
        busy += view_of(r, list[i].host, START).writers;
    }
    assert_int_equal(busy, 3);
    assert_int_equal(settle(r, 3, START), 0);
    /* Those that are gone make room for new ones. */
    (void)routers_update(r, &list[10], ROUTERS_MAX, START);
    (void)settle(r, 3, START);
    (void)routers_update(r, &list[10], ROUTERS_MAX, START);
    assert_int_equal(view_of(r, "router-73", START).state, ROUTER_USED);
    routers_free(r);
}

static void test_events_are_bounded(void **state)
{
    (void)state;
    char text[ROUTER_EVENT_MAX];
    bool important;
    struct routers *r = pair_of(1, 0.1, 0.9);
    uint64_t t = START;
    for (unsigned i = 0; i < 3 * ROUTERS_EVENTS_MAX; i++, t += 200 * S) {
        (void)pick(r, 0, t);
        routers_connected(r, 0, t);
        routers_failed(r, 0, t + 1);
    }
    unsigned n = 0;
    while (routers_event(r, text, &important)) {
        n++;
    }
    assert_int_equal(n, ROUTERS_EVENTS_MAX);
    routers_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_eight_writers),
        cmocka_unit_test(test_one_leaves_at_a_time),
        cmocka_unit_test(test_full_router),
        cmocka_unit_test(test_avoid_and_come_back),
        cmocka_unit_test(test_no_more_leave_than_there_is_room),
        cmocka_unit_test(test_waits_double),
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_all_avoided),
        cmocka_unit_test(test_working_connection_stays),
        cmocka_unit_test(test_no_list),
        cmocka_unit_test(test_odd_lists),
        cmocka_unit_test(test_more_routers_than_writers),
        cmocka_unit_test(test_events_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
