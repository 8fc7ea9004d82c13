/* bench_stats: medians, spread, shares, the knee. */
#include "unit.h"

#include "base/clock.h"
#include "job/bench_stats.h"

#define MB UINT64_C(1000000)

/* A point whose runs took a second each, at these rates in MB/s; 0 ends the list. */
static struct bench_point point(enum bench_stage stage, unsigned streams, const unsigned *rates)
{
    struct bench_point p = {.stage = stage, .streams = streams, .chunk_bytes = 8 * MB};
    for (; *rates != 0; rates++) {
        p.runs[p.run_count++] = (struct bench_run){
            .seconds = 1, .rows = *rates * UINT64_C(10), .bytes = *rates * MB, .cpu_s = 0.5};
    }
    return p;
}

static void medians_and_spread(void **state)
{
    static const struct {
        unsigned rates[6];
        unsigned median, min, max;
    } rows[] = {
        {{7, 0},             7, 7, 7},
        {{9, 1, 5, 0},       5, 1, 9},
        {{8, 2, 4, 6, 0},    5, 2, 8}, /* between the middle two */
        {{3, 3, 3, 3, 9, 0}, 3, 3, 9},
        {{0},                0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench_figures f;
        struct bench_point p = point(BENCH_SOURCE, 2, rows[i].rates);
        bench_figures(&p, &f);
        assert_int_equal((uint64_t)f.bytes_per_s, rows[i].median * MB);
        assert_int_equal((uint64_t)f.bytes_per_s_min, rows[i].min * MB);
        assert_int_equal((uint64_t)f.bytes_per_s_max, rows[i].max * MB);
        assert_int_equal((uint64_t)f.rows_per_s, (uint64_t)rows[i].median * 10);
    }
}

static void shares_are_of_all_threads_time(void **state)
{
    struct bench_figures f;
    struct bench_point p = {.stage = BENCH_BOTH, .streams = 4, .run_count = 1};
    (void)state;
    p.runs[0] = (struct bench_run){.seconds = 2, .rows = 10, .bytes = 100, .cpu_s = 3};
    p.runs[0].spent.ns[SPENT_READ] = (uint64_t)6 * NS_PER_S;
    p.runs[0].spent.ns[SPENT_WAIT_MEMORY] = (uint64_t)2 * NS_PER_S;
    p.runs[0].spent.ns[SPENT_WAIT_ROWS] = (uint64_t)4 * NS_PER_S;
    p.runs[0].spent.ns[SPENT_BEGIN] = (uint64_t)20 * NS_PER_S; /* more than there was */
    bench_figures(&p, &f);
    assert_int_equal((int)(f.reading * 100 + 0.5), 75);
    assert_int_equal((int)(f.waits_memory * 100 + 0.5), 25);
    assert_int_equal((int)(f.waits_rows * 100 + 0.5), 50);
    assert_int_equal((int)(f.commits * 100 + 0.5), 100);
    assert_int_equal((int)(f.cpu_cores * 10 + 0.5), 15);
    assert_int_equal((int)f.bytes_per_s, 50);
}

static void a_run_of_no_time_is_no_rate(void **state)
{
    struct bench_figures f;
    struct bench_point p = {.streams = 1, .run_count = 1};
    (void)state;
    p.runs[0] = (struct bench_run){.bytes = 100};
    bench_figures(&p, &f);
    assert_true(f.bytes_per_s == 0);
}

static void the_knee_is_the_fewest_streams_near_the_best(void **state)
{
    static const struct {
        unsigned rates[4]; /* with 1, 2, 4 and 8 streams; 0: not measured */
        unsigned knee;     /* 0: none */
    } rows[] = {
        {{100, 200, 212, 205}, 4}, /* 200 is 5.7 % below the best */
        {{100, 200, 208, 209}, 2},
        {{100, 95, 90, 80},    1},
        {{100, 120, 140, 160}, 8},
        {{95, 90, 80, 100},    1}, /* exactly 5 % */
        {{94, 90, 80, 100},    8},
        {{0, 0, 0, 0},         0},
        {{100, 50, 25, 0},     0}, /* the last might be the best */
        {{0, 50, 50, 50},      0},
        {{0, 50, 0, 0},        0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench_point points[5];
        for (unsigned k = 0; k < 4; k++) {
            unsigned rates[] = {rows[i].rates[k], 0};
            points[k] = point(BENCH_BOTH, 1u << k, rates);
        }
        unsigned fast[] = {5000, 0}; /* of another stage */
        points[4] = point(BENCH_SOURCE, 16, fast);
        const struct bench_point *knee = bench_knee(points, 5, BENCH_BOTH);
        assert_int_equal(knee == NULL ? 0 : knee->streams, rows[i].knee);
    }
}

static void among_chunk_sizes_the_fastest(void **state)
{
    unsigned slower[] = {98, 0};
    unsigned best[] = {100, 0};
    struct bench_point points[] = {point(BENCH_BOTH, 2, slower), point(BENCH_BOTH, 2, best),
                                   point(BENCH_BOTH, 4, best)};
    (void)state;
    points[1].chunk_bytes = 64 * MB;
    assert_ptr_equal(bench_knee(points, 3, BENCH_BOTH), &points[1]);
}

static void the_advice_is_of_both_together_where_that_is_asked_for(void **state)
{
    unsigned some[] = {10, 0};
    struct bench_point points[] = {point(BENCH_SOURCE, 1, some), point(BENCH_DESTINATION, 2, some),
                                   point(BENCH_BOTH, 4, some)};
    (void)state;
    assert_int_equal(bench_advice(points, 3)->streams, 4);
    assert_int_equal(bench_advice(points, 2)->streams, 2);
    assert_int_equal(bench_advice(points, 1)->streams, 1);
    assert_null(bench_advice(NULL, 0));
}

static void without_any_point_there_is_no_advice(void **state)
{
    unsigned some[] = {10, 0};
    unsigned none[] = {0};
    (void)state;
    for (size_t missing = 0; missing < 3; missing++) {
        struct bench_point points[] = {point(BENCH_SOURCE, 1, missing == 0 ? none : some),
                                       point(BENCH_DESTINATION, 2, missing == 1 ? none : some),
                                       point(BENCH_BOTH, 4, missing == 2 ? none : some)};
        assert_null(bench_advice(points, 3));
        /* A stage that is complete keeps its knee. */
        assert_int_equal(bench_knee(points, 3, BENCH_SOURCE) == NULL, missing == 0);
        assert_int_equal(bench_knee(points, 3, BENCH_BOTH) == NULL, missing == 2);
    }
}

/* So many of 2 stages x 2 chunk sizes x 3 numbers of streams are measured, from the first one on.
 */
static void what_is_missing_is_named(void **state)
{
    static const struct {
        size_t measured;
        const char *want;
    } rows[] = {
        {12, ""                                                                                 },
        {11, "both with 4 streams in chunks of 2 MB"                                            },
        {10, "both with 2 and 4 streams in chunks of 2 MB"                                      },
        {9,  "both with 1, 2 and 4 streams in chunks of 2 MB"                                   },
        {8,
         "both with 4 streams in chunks of 1 MB, both with 1, 2 and 4 streams in chunks of 2 MB"},
        {6,  "all of both"                                                                      },
        {5,  "source with 4 streams in chunks of 2 MB, all of both"                             },
        {0,  "all of source, all of both"                                                       },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench_point points[12];
        struct buf out;
        for (size_t k = 0; k < 12; k++) {
            points[k] = (struct bench_point){.stage = k < 6 ? BENCH_SOURCE : BENCH_BOTH,
                                             .streams = 1u << k % 3,
                                             .chunk_bytes = k / 3 % 2 == 0 ? 1u << 20 : 2u << 20,
                                             .run_count = k < rows[i].measured};
        }
        buf_init(&out, 1000);
        bench_unmeasured(points, 12, &out);
        assert_string_equal(buf_str(&out), rows[i].want);
        buf_free(&out);
    }
    struct bench_point one = {.stage = BENCH_DESTINATION, .streams = 1, .chunk_bytes = 1u << 20};
    struct bench_point two[] = {one, one};
    struct buf out;
    two[0].streams = 2;
    two[0].run_count = 1;
    buf_init(&out, 1000);
    bench_unmeasured(two, 2, &out);
    assert_string_equal(buf_str(&out), "destination with 1 stream in chunks of 1 MB");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(medians_and_spread),
        cmocka_unit_test(shares_are_of_all_threads_time),
        cmocka_unit_test(a_run_of_no_time_is_no_rate),
        cmocka_unit_test(the_knee_is_the_fewest_streams_near_the_best),
        cmocka_unit_test(among_chunk_sizes_the_fastest),
        cmocka_unit_test(the_advice_is_of_both_together_where_that_is_asked_for),
        cmocka_unit_test(without_any_point_there_is_no_advice),
        cmocka_unit_test(what_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
