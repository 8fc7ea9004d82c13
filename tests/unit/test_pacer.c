/* pacer: the rate that comes out over time, the burst after idling, and extreme numbers. */
#include "unit.h"

#include "base/clock.h"
#include "flow/pacer.h"

#define START (UINT64_C(5) * NS_PER_S)

static void no_rate_never_waits(void **state)
{
    (void)state;
    struct pacer p = {0};
    assert_int_equal(pacer_take(&p, UINT64_MAX, 0), 0);
    assert_int_equal(pacer_take(&p, UINT64_MAX, START), 0);
}

static void a_burst_of_a_tenth_is_free(void **state)
{
    (void)state;
    struct pacer p = {.bytes_per_s = 1000};
    assert_int_equal(pacer_take(&p, 60, START), 0);
    assert_int_equal(pacer_take(&p, 40, START), 0);
    assert_int_equal(pacer_take(&p, 1, START), NS_PER_S / 1000);
}

/* However long the pause before. */
static void idling_earns_no_more_than_the_bucket(void **state)
{
    (void)state;
    struct pacer p = {.bytes_per_s = 1000};
    assert_int_equal(pacer_take(&p, 1000, START), NS_PER_S - NS_PER_S / 10);
    assert_int_equal(pacer_take(&p, 1000, 100 * START), NS_PER_S - NS_PER_S / 10);
}

static void a_short_pause_earns_its_share(void **state)
{
    (void)state;
    struct pacer p = {.bytes_per_s = 1000};
    assert_int_equal(pacer_take(&p, 100, START), 0);
    assert_int_equal(pacer_take(&p, 50, START + NS_PER_S / 20), 0);
    assert_int_equal(pacer_take(&p, 1, START + NS_PER_S / 20), NS_PER_S / 1000);
}

/* Who waits as told gets the rate, and only the first bucket more. */
static void keeps_the_rate(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1, 999, 1u << 20, 123456789, UINT64_C(40) << 30};
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        struct pacer p = {.bytes_per_s = rates[i]};
        uint64_t now = START;
        uint64_t piece = rates[i] / 64 + 1;
        for (int n = 0; n < 6400; n++) {
            now += pacer_take(&p, piece, now);
        }
        double seconds = (double)(now - START) / NS_PER_S + 0.1;
        double rate = (double)piece * 6400 / seconds;
        assert_true(rate > 0.99 * (double)rates[i] && rate < 1.01 * (double)rates[i]);
    }
}

static void works_near_time_zero(void **state)
{
    (void)state;
    struct pacer p = {.bytes_per_s = 1000};
    assert_int_equal(pacer_take(&p, 10, 0), NS_PER_S / 100);
    assert_int_equal(pacer_take(&p, 0, NS_PER_S / 100), 0);
}

static void huge_numbers_do_not_wrap(void **state)
{
    (void)state;
    struct pacer slow = {.bytes_per_s = 1};
    uint64_t wait = pacer_take(&slow, UINT64_MAX, START);
    assert_true(wait >= UINT64_MAX / 8);
    for (int i = 0; i < 8; i++) {
        uint64_t longer = pacer_take(&slow, UINT64_MAX, START);
        assert_true(longer >= wait);
        wait = longer;
    }

    struct pacer fast = {.bytes_per_s = UINT64_MAX};
    assert_int_equal(pacer_take(&fast, UINT64_MAX - 1, START), NS_PER_S - NS_PER_S / 10);
}

static void nothing_costs_nothing(void **state)
{
    (void)state;
    struct pacer p = {.bytes_per_s = 7};
    for (int i = 0; i < 100; i++) {
        assert_int_equal(pacer_take(&p, 0, START), 0);
    }
    assert_int_equal(p.free_at_ns, START - NS_PER_S / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rate_never_waits),
        cmocka_unit_test(a_burst_of_a_tenth_is_free),
        cmocka_unit_test(idling_earns_no_more_than_the_bucket),
        cmocka_unit_test(a_short_pause_earns_its_share),
        cmocka_unit_test(keeps_the_rate),
        cmocka_unit_test(works_near_time_zero),
        cmocka_unit_test(huge_numbers_do_not_wrap),
        cmocka_unit_test(nothing_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
