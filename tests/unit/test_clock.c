/* clock: how a time is written, and that the clocks go on. */
#include "unit.h"

#include "base/clock.h"

struct iso_case {
    const char *name;
    int64_t wall_ms;
    const char *want;
};

static struct iso_case iso_cases[] = {
    {"the epoch",         0,             "1970-01-01T00:00:00.000Z"},
    {"milliseconds",      1,             "1970-01-01T00:00:00.001Z"},
    {"before the epoch",  -1,            "1969-12-31T23:59:59.999Z"},
    {"a leap day",        1709164800000, "2024-02-29T00:00:00.000Z"},
    {"beyond 32 bits",    4102444799500, "2099-12-31T23:59:59.500Z"},
    {"a billion seconds", 1000000000042, "2001-09-09T01:46:40.042Z"},
};

static void check_iso(void **state)
{
    const struct iso_case *c = *state;
    char out[CLOCK_ISO_MAX];

    assert_ptr_equal(clock_iso(c->wall_ms, out), out);
    assert_string_equal(out, c->want);
}

static void clocks_go_on(void **state)
{
    (void)state;
    uint64_t began_ns = clock_mono_ns();
    uint64_t now_ns = clock_mono_ns();

    assert_true(now_ns >= began_ns);
    assert_true(now_ns - began_ns < 60 * UINT64_C(1000000000));
    assert_true(clock_wall_ms() > INT64_C(1700000000000)); /* November 2023 */
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(iso_cases) + 1];

    for (size_t i = 0; i < ARRAY_LEN(iso_cases); i++) {
        tests[i] = (struct CMUnitTest){
            .name = iso_cases[i].name,
            .test_func = check_iso,
            .initial_state = &iso_cases[i],
        };
    }
    tests[ARRAY_LEN(iso_cases)] = (struct CMUnitTest)cmocka_unit_test(clocks_go_on);
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
