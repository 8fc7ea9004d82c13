/* retry: what is tried again and when, and how the reasons are folded. */
#include "unit.h"

#include "base/clock.h"
#include "job/retry.h"

#include <stdbool.h>
#include <string.h>

#define MS(n) ((uint64_t)(n)*NS_PER_MS)

static const struct retry_policy usual = {
    .attempts_max = 1000, .base_ms = 100, .cap_ms = 30000, .budget_ms = 300000};

static struct rng seeded(uint64_t seed)
{
    struct rng rng;
    rng_seed(&rng, seed);
    return rng;
}

static void only_transient_errors_are_tried_again(void **state)
{
    static const enum err_kind kinds[] = {ERR_NONE,   ERR_USAGE, ERR_AUTH,          ERR_DATA,
                                          ERR_SYSTEM, ERR_BUSY,  ERR_LOST_SNAPSHOT, ERR_CANCELLED};
    struct rng rng = seeded(1);
    struct retry r = {0};
    uint64_t wait_ms = 77;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        r = (struct retry){0};
        assert_int_equal(retry_failed(&r, &usual, kinds[i], MS(5), &rng, &wait_ms), RETRY_GIVE_UP);
        assert_int_equal(wait_ms, 77);
    }
    r = (struct retry){0};
    assert_int_equal(retry_failed(&r, &usual, ERR_TRANSIENT, MS(5), &rng, &wait_ms), RETRY_AGAIN);
    assert_in_range(wait_ms, 100, 300);
    (void)state;
}

static void waits_stay_between_base_and_three_times_the_last(void **state)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct rng rng = seeded(seed);
        struct retry r = {0};
        uint64_t last = usual.base_ms;
        for (unsigned i = 0; i < 50; i++) {
            uint64_t wait_ms = 0;
            assert_int_equal(retry_failed(&r, &usual, ERR_TRANSIENT, MS(1), &rng, &wait_ms),
                             RETRY_AGAIN);
            uint64_t high = 3 * last < usual.cap_ms ? 3 * last : usual.cap_ms;
            assert_in_range(wait_ms, usual.base_ms, high);
            last = wait_ms;
        }
    }
    (void)state;
}

/* Streams that failed together must not come back together, and waits must really grow. */
static void waits_spread_and_grow(void **state)
{
    uint64_t seen_max = 0;
    uint64_t first_min = UINT64_MAX;
    uint64_t first_max = 0;

    for (uint64_t seed = 0; seed < 50; seed++) {
        struct rng rng = seeded(seed);
        struct retry r = {0};
        for (unsigned i = 0; i < 20; i++) {
            uint64_t wait_ms = 0;
            (void)retry_failed(&r, &usual, ERR_TRANSIENT, MS(1), &rng, &wait_ms);
            seen_max = wait_ms > seen_max ? wait_ms : seen_max;
            if (i == 0) {
                first_min = wait_ms < first_min ? wait_ms : first_min;
                first_max = wait_ms > first_max ? wait_ms : first_max;
            }
        }
    }
    assert_true(first_max - first_min > 100);
    assert_true(seen_max > usual.cap_ms / 2);
    (void)state;
}

static void attempts_are_counted(void **state)
{
    struct retry_policy policy = usual;
    struct rng rng = seeded(3);
    struct retry r = {0};
    uint64_t wait_ms = 0;

    policy.attempts_max = 3;
    assert_int_equal(retry_failed(&r, &policy, ERR_TRANSIENT, MS(1), &rng, &wait_ms), RETRY_AGAIN);
    assert_int_equal(retry_failed(&r, &policy, ERR_TRANSIENT, MS(1), &rng, &wait_ms), RETRY_AGAIN);
    assert_int_equal(retry_failed(&r, &policy, ERR_TRANSIENT, MS(1), &rng, &wait_ms),
                     RETRY_GIVE_UP);
    assert_int_equal(r.attempts, 3);
    (void)state;
}

struct budget_row {
    uint64_t budget_ms;
    uint64_t first_ms;
    uint64_t now_ms;
    enum retry_verdict want;
    uint64_t wait_ms_max;
};

static void budget_counts_from_the_first_failure(void **state)
{
    static const struct budget_row rows[] = {
        {1000, 5000, 5000, RETRY_AGAIN,   300 },
        {1000, 5000, 5990, RETRY_AGAIN,   10  }, /* the last attempt comes when the budget ends */
        {1000, 5000, 5999, RETRY_AGAIN,   1   },
        {1000, 5000, 6000, RETRY_GIVE_UP, 0   },
        {1000, 5000, 9000, RETRY_GIVE_UP, 0   },
        {1000, 5000, 4000, RETRY_AGAIN,   1000}, /* a clock that went back */
        {0,    5000, 5000, RETRY_GIVE_UP, 0   }, /* --retry-for 0 */
        {1000, 0,    999,  RETRY_AGAIN,   1   }, /* a failure at the clock's zero is a failure */
        {1000, 0,    1000, RETRY_GIVE_UP, 0   },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct retry_policy policy = usual;
        struct rng rng = seeded(i);
        struct retry r = {0};
        uint64_t wait_ms = 0;
        policy.budget_ms = rows[i].budget_ms;
        (void)retry_failed(&r, &policy, ERR_TRANSIENT, MS(rows[i].first_ms), &rng, &wait_ms);
        wait_ms = 0;
        assert_int_equal(
            retry_failed(&r, &policy, ERR_TRANSIENT, MS(rows[i].now_ms), &rng, &wait_ms),
            rows[i].want);
        assert_in_range(wait_ms, 0, rows[i].wait_ms_max);
        assert_true(rows[i].want == RETRY_GIVE_UP || wait_ms > 0);
    }
    (void)state;
}

static void success_starts_afresh(void **state)
{
    struct rng rng = seeded(4);
    struct retry r = {0};
    uint64_t wait_ms = 0;

    for (unsigned i = 0; i < 20; i++) {
        (void)retry_failed(&r, &usual, ERR_TRANSIENT, MS(1), &rng, &wait_ms);
    }
    retry_succeeded(&r);
    assert_int_equal(r.attempts, 0);
    /* Long after the first budget, with a short wait again. */
    assert_int_equal(retry_failed(&r, &usual, ERR_TRANSIENT, MS(9000000), &rng, &wait_ms),
                     RETRY_AGAIN);
    assert_in_range(wait_ms, 100, 300);
    (void)state;
}

static void odd_policies_do_not_overflow(void **state)
{
    static const struct retry_policy rows[] = {
        {.attempts_max = 9, .base_ms = 0,          .cap_ms = 0,          .budget_ms = 1000      },
        {.attempts_max = 9, .base_ms = 500,        .cap_ms = 10,         .budget_ms = 1000      },
        {.attempts_max = 9, .base_ms = UINT64_MAX, .cap_ms = UINT64_MAX, .budget_ms = UINT64_MAX},
    };
    static const uint64_t wait_want[] = {0, 10, UINT64_MAX};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rng rng = seeded(i);
        struct retry r = {0};
        uint64_t wait_ms = 1;
        for (unsigned turn = 0; turn < 3; turn++) {
            assert_int_equal(retry_failed(&r, &rows[i], ERR_TRANSIENT, MS(1), &rng, &wait_ms),
                             RETRY_AGAIN);
            assert_true(wait_ms == wait_want[i]);
        }
    }
    (void)state;
}

static void reasons_are_folded_in_the_order_met(void **state)
{
    struct retry_reasons reasons = {0};
    char out[200];

    retry_reasons_say(&reasons, out, sizeof(out));
    assert_string_equal(out, "");
    for (unsigned i = 0; i < 5; i++) {
        retry_reason_add(&reasons, "connection refused");
    }
    retry_reason_add(&reasons, "timeout\n\tIs the server running?\n");
    retry_reason_add(&reasons, "connection");
    retry_reason_add(&reasons, "timeout");
    retry_reasons_say(&reasons, out, sizeof(out));
    assert_string_equal(out, "5 x connection refused, 2 x timeout, 1 x connection");
    (void)state;
}

static void ninth_reason_is_only_counted(void **state)
{
    struct retry_reasons reasons = {0};
    char name[] = "reason a";
    char out[400];

    for (unsigned i = 0; i < 11; i++) {
        name[sizeof(name) - 2] = (char)('a' + i);
        retry_reason_add(&reasons, name);
    }
    retry_reason_add(&reasons, "reason h");
    retry_reasons_say(&reasons, out, sizeof(out));
    assert_int_equal(reasons.others, 3);
    assert_non_null(strstr(out, "1 x reason g, 2 x reason h, 3 x another reason"));
    (void)state;
}

static void long_reasons_and_short_room_are_cut(void **state)
{
    struct retry_reasons reasons = {0};
    char text[400];
    char out[20];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memcpy(text + 158, "\xC3\xA4", 2); /* a character across byte 159 */
    retry_reason_add(&reasons, text);
    retry_reason_add(&reasons, text);
    assert_int_equal(reasons.items[0].count, 2);
    assert_int_equal(strlen(reasons.items[0].text), 158);

    for (size_t size = 1; size <= sizeof(out); size++) {
        memset(out, '#', sizeof(out));
        retry_reasons_say(&reasons, out, size);
        assert_int_equal(strlen(out), size - 1);
    }
    out[0] = '#';
    retry_reasons_say(&reasons, out, 0);
    assert_int_equal(out[0], '#');
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_transient_errors_are_tried_again),
        cmocka_unit_test(waits_stay_between_base_and_three_times_the_last),
        cmocka_unit_test(waits_spread_and_grow),
        cmocka_unit_test(attempts_are_counted),
        cmocka_unit_test(budget_counts_from_the_first_failure),
        cmocka_unit_test(success_starts_afresh),
        cmocka_unit_test(odd_policies_do_not_overflow),
        cmocka_unit_test(reasons_are_folded_in_the_order_met),
        cmocka_unit_test(ninth_reason_is_only_counted),
        cmocka_unit_test(long_reasons_and_short_room_are_cut),
    };

    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
