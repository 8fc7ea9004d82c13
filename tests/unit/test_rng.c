/* rng: repeatable, never stuck, and fair between its limits. */
#include "unit.h"

#include "base/rng.h"

static void a_seed_repeats(void **state)
{
    (void)state;
    struct rng a;
    struct rng b;
    rng_seed(&a, 42);
    rng_seed(&b, 42);

    for (int i = 0; i < 100; i++) {
        assert_true(rng_next(&a) == rng_next(&b));
    }
}

/* Jitter of a hundred workers seeded 0, 1, 2, ... must not come out alike. */
static void neighbouring_seeds_differ_at_once(void **state)
{
    (void)state;
    unsigned seen[10] = {0};

    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct rng rng;
        rng_seed(&rng, seed);
        assert_true(rng.state != 0);
        seen[rng_between(&rng, 0, 9)]++;
    }
    for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
        assert_in_range(seen[i], 60, 140);
    }
    /* The one seed whose mixture is 0, where the generator would stay for ever. */
    struct rng rng;
    rng_seed(&rng, 0 - UINT64_C(0x9E3779B97F4A7C15));
    assert_true(rng.state != 0);
}

static void between_reaches_both_ends_and_no_further(void **state)
{
    (void)state;
    struct rng rng;
    unsigned seen[3] = {0};
    rng_seed(&rng, 7);

    for (int i = 0; i < 3000; i++) {
        uint64_t number = rng_between(&rng, 10, 12);
        assert_in_range(number, 10, 12);
        seen[number - 10]++;
    }
    for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
        assert_in_range(seen[i], 850, 1150);
    }
    assert_int_equal(rng_between(&rng, 5, 5), 5);
    assert_true(rng_between(&rng, UINT64_MAX, UINT64_MAX) == UINT64_MAX);
}

/* The plain remainder of a random number would fall into the lower third half of the time. */
static void a_wide_range_is_fair(void **state)
{
    (void)state;
    struct rng rng;
    uint64_t high = UINT64_MAX / 4 * 3;
    unsigned low_third = 0;
    rng_seed(&rng, 7);

    for (int i = 0; i < 3000; i++) {
        uint64_t number = rng_between(&rng, 0, high);
        assert_true(number <= high);
        low_third += number < high / 3;
    }
    assert_in_range(low_third, 850, 1150);
    (void)rng_between(&rng, 0, UINT64_MAX);
}

static void entropy_differs(void **state)
{
    (void)state;
    assert_true(rng_entropy() != rng_entropy());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_repeats),
        cmocka_unit_test(neighbouring_seeds_differ_at_once),
        cmocka_unit_test(between_reaches_both_ends_and_no_further),
        cmocka_unit_test(a_wide_range_is_fair),
        cmocka_unit_test(entropy_differs),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
