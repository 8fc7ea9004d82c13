/* group_size: how many bytes a destination transaction takes. */
#include "unit.h"

#include "base/clock.h"
#include "base/rng.h"
#include "job/group_size.h"

#include <stdlib.h>

#define MS(n) ((uint64_t)(n)*NS_PER_MS)
#define MB(n) ((uint64_t)(n)*1000000)

static const struct group_limits roomy = {
    .chunk_bytes = MB(1), .streams = 1, .unclaimed_bytes = UINT64_MAX};

static struct group_size fresh(void)
{
    struct group_size g;
    group_size_init(&g);
    return g;
}

/* After many transactions, each as large as was wanted. */
static struct group_size settled(uint64_t bytes_per_ms, uint64_t overhead_ns)
{
    struct group_size g = fresh();
    for (unsigned i = 0; i < 60; i++) {
        uint64_t bytes = group_size_bytes(&g, &roomy);
        group_size_note(&g, bytes, bytes * NS_PER_MS / bytes_per_ms, overhead_ns);
    }
    return g;
}

static void about(uint64_t value, uint64_t wanted)
{
    assert_in_range(value, wanted - wanted / 50, wanted + wanted / 50);
}

static void the_first_transaction_is_of_a_sensible_size(void **state)
{
    struct group_size g = fresh();
    struct group_limits coarse = roomy;
    coarse.chunk_bytes = MB(8);
    assert_int_equal(group_size_bytes(&g, &roomy), MB(2));
    assert_in_range(group_size_bytes(&g, &coarse), MB(15), MB(17));
    (void)state;
}

static void the_overhead_becomes_a_twenty_fifth(void **state)
{
    static const struct {
        uint64_t bytes_per_ms;
        uint64_t overhead_ns;
        uint64_t bytes;
    } rows[] = {
        {100000, MS(20),   MB(50)  }, /* 100 MB/s, 20 ms: 0.5 s */
        {10000,  MS(80),   MB(20)  }, /* a slow line */
        {1000,   MS(80),   MB(2)   }, /* a slower one */
        {100000, MS(1),    MB(30)  }, /* never under 0.3 s */
        {100000, 0,        MB(30)  }, /* no overhead at all */
        {100000, MS(2000), MB(1000)}  /* never over 10 s */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct group_size g = settled(rows[i].bytes_per_ms, rows[i].overhead_ns);
        about(group_size_bytes(&g, &roomy), rows[i].bytes);
    }
    (void)state;
}

static void each_limit_holds(void **state)
{
    static const struct {
        struct group_limits limits;
        uint64_t bytes;
    } rows[] = {
        {{.chunk_bytes = MB(1), .streams = 1, .unclaimed_bytes = UINT64_MAX},     MB(50)    },
        {{.chunk_bytes = MB(1), .streams = 0, .unclaimed_bytes = UINT64_MAX},     MB(50)    },
        {{.chunk_bytes = MB(8), .streams = 4, .unclaimed_bytes = MB(200)},        MB(25)    },
        {{.chunk_bytes = MB(8), .streams = 4, .unclaimed_bytes = MB(10)},         MB(8)     },
        {{.chunk_bytes = MB(8), .streams = 4, .unclaimed_bytes = 0},              MB(8)     },
        {{.chunk_bytes = 0, .streams = 4, .unclaimed_bytes = 0},                  0         },
        {{.chunk_bytes = MB(64), .streams = 1, .unclaimed_bytes = UINT64_MAX},    MB(64)    },
        {{.memory_bytes = MB(256), .streams = 8, .unclaimed_bytes = UINT64_MAX},  MB(16)    },
        {{.memory_bytes = MB(256), .streams = 1, .unclaimed_bytes = UINT64_MAX},  MB(50)    },
        {{.memory_bytes = MB(60), .streams = 0, .unclaimed_bytes = UINT64_MAX},   MB(30)    },
        {{.memory_bytes = 1, .streams = 8, .unclaimed_bytes = UINT64_MAX},        0         },
        {{.row_bytes = MB(20), .streams = 1, .unclaimed_bytes = UINT64_MAX},      MB(80)    },
        {{.row_bytes = MB(20),
          .memory_bytes = MB(100),
          .streams = 1,
          .unclaimed_bytes = UINT64_MAX},
         MB(50)                                                                             },
        {{.time_ns_max = MS(200), .streams = 1, .unclaimed_bytes = UINT64_MAX},   MB(20)    },
        {{.time_ns_max = MS(60000), .streams = 1, .unclaimed_bytes = UINT64_MAX}, MB(50)    },
        {{.chunk_bytes = UINT64_MAX, .streams = 1},                               UINT64_MAX},
    };
    struct group_size g = settled(100000, MS(20));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].bytes == 0) {
            assert_int_equal(group_size_bytes(&g, &rows[i].limits), 0);
        } else if (rows[i].bytes == UINT64_MAX) {
            assert_true(group_size_bytes(&g, &rows[i].limits) == UINT64_MAX);
        } else {
            about(group_size_bytes(&g, &rows[i].limits), rows[i].bytes);
        }
    }
    (void)state;
}

/* Streams that claim what they are told to end within a chunk's time of one another. */
static void streams_end_together(void **state)
{
    struct group_size g = settled(100000, MS(400));
    uint64_t left = MB(4000);
    uint64_t busy_until[8] = {0};
    while (left > 0) {
        size_t first = 0;
        for (size_t i = 1; i < 8; i++) {
            first = busy_until[i] < busy_until[first] ? i : first;
        }
        uint64_t bytes = group_size_bytes(
            &g,
            &(struct group_limits){.chunk_bytes = MB(8), .streams = 8, .unclaimed_bytes = left});
        assert_true(bytes > 0);
        bytes = bytes < left ? bytes : left;
        left -= bytes;
        busy_until[first] += bytes;
    }
    uint64_t low = busy_until[0];
    uint64_t high = busy_until[0];
    for (size_t i = 1; i < 8; i++) {
        low = busy_until[i] < low ? busy_until[i] : low;
        high = busy_until[i] > high ? busy_until[i] : high;
    }
    assert_in_range(high - low, 0, MB(8));
    (void)state;
}

static void one_slow_commit_changes_little(void **state)
{
    struct group_size g = settled(100000, MS(20));
    uint64_t before = group_size_bytes(&g, &roomy);
    group_size_note(&g, before, MS(500), MS(5000));
    assert_in_range(group_size_bytes(&g, &roomy), before, 2 * before);
    for (unsigned i = 0; i < 20; i++) {
        group_size_note(&g, before, MS(500), MS(20));
    }
    about(group_size_bytes(&g, &roomy), before);
    (void)state;
}

static void a_change_that_lasts_is_followed(void **state)
{
    struct group_size g = settled(100000, MS(20));
    for (unsigned i = 0; i < 40; i++) {
        uint64_t bytes = group_size_bytes(&g, &roomy);
        group_size_note(&g, bytes, bytes * NS_PER_MS / 10000, MS(100));
    }
    about(group_size_bytes(&g, &roomy), MB(25));
    (void)state;
}

static void small_transactions_do_not_lead_to_a_huge_one(void **state)
{
    struct group_size g = fresh();
    group_size_note(&g, 1000, 1, MS(2000)); /* seems to be 1 TB/s */
    assert_in_range(group_size_bytes(&g, &roomy), MB(2), MB(64));
    (void)state;
}

static void errors_scale_and_fade(void **state)
{
    struct group_size g = settled(100000, MS(20));
    uint64_t usual = group_size_bytes(&g, &roomy);

    group_size_throttled(&g);
    about(group_size_bytes(&g, &roomy), usual * 3 / 2);
    for (unsigned i = 0; i < 10; i++) {
        group_size_throttled(&g);
    }
    about(group_size_bytes(&g, &roomy), usual * 4);
    for (unsigned i = 0; i < 100; i++) {
        group_size_note(&g, usual, usual * NS_PER_MS / 100000, MS(20));
    }
    about(group_size_bytes(&g, &roomy), usual);
    for (unsigned i = 0; i < 20; i++) {
        group_size_conflict(&g);
    }
    assert_in_range(group_size_bytes(&g, &roomy), usual / 5, usual / 3);
    (void)state;
}

static void conflicts_make_the_first_one_smaller_too(void **state)
{
    struct group_size g = fresh();
    group_size_conflict(&g);
    about(group_size_bytes(&g, &roomy), MB(2) * 2 / 3);
    (void)state;
}

static void an_empty_transaction_teaches_nothing(void **state)
{
    struct group_size g = settled(100000, MS(20));
    uint64_t before = group_size_bytes(&g, &roomy);
    for (unsigned i = 0; i < 100; i++) {
        group_size_note(&g, 0, MS(1000), MS(1000));
    }
    assert_int_equal(group_size_bytes(&g, &roomy), before);
    (void)state;
}

/* A shard group's are larger by the factor, from the first on, and its longest as well. */
static void a_shard_group_takes_more_at_once(void **state)
{
    struct group_limits sharded = roomy;
    struct group_size g = fresh();
    sharded.stretch = GROUP_STRETCH_SHARDED;
    about(group_size_bytes(&g, &sharded), 4 * group_size_bytes(&g, &roomy));
    g = settled(10000, MS(80));
    about(group_size_bytes(&g, &sharded), 4 * group_size_bytes(&g, &roomy));
    g = settled(1000, MS(2000)); /* 50 s for a twenty-fifth: over the longest */
    about(group_size_bytes(&g, &roomy), MB(10));
    about(group_size_bytes(&g, &sharded), MB(40));
    sharded.memory_bytes = MB(30); /* other limits stay */
    about(group_size_bytes(&g, &sharded), MB(15));
    (void)state;
}

/* Whatever is noted, the limits hold. */
static void absurd_measurements_stay_within_the_limits(void **state)
{
    struct rng rng;
    rng_seed(&rng, 3);
    struct group_size g = fresh();
    const struct group_limits l = {.chunk_bytes = MB(8),
                                   .memory_bytes = MB(1024),
                                   .streams = 8,
                                   .unclaimed_bytes = UINT64_MAX};
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t bits = rng_between(&rng, 0, 63);
        group_size_note(&g, rng_next(&rng) >> bits, rng_next(&rng) >> (63 - bits),
                        rng_next(&rng) >> (bits / 2));
        if (rng_between(&rng, 0, 3) == 0) {
            group_size_throttled(&g);
        }
        assert_in_range(group_size_bytes(&g, &l), MB(8), MB(64));
        (void)group_size_bytes(&g, &roomy);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_transaction_is_of_a_sensible_size),
        cmocka_unit_test(the_overhead_becomes_a_twenty_fifth),
        cmocka_unit_test(each_limit_holds),
        cmocka_unit_test(streams_end_together),
        cmocka_unit_test(one_slow_commit_changes_little),
        cmocka_unit_test(a_change_that_lasts_is_followed),
        cmocka_unit_test(small_transactions_do_not_lead_to_a_huge_one),
        cmocka_unit_test(errors_scale_and_fade),
        cmocka_unit_test(conflicts_make_the_first_one_smaller_too),
        cmocka_unit_test(an_empty_transaction_teaches_nothing),
        cmocka_unit_test(a_shard_group_takes_more_at_once),
        cmocka_unit_test(absurd_measurements_stay_within_the_limits),
    };
    return cmocka_run_group_tests_name("group_size", tests, NULL, NULL);
}
