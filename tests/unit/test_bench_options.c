/* The options that only "bench" takes. */
#include "unit.h"

#include "cli/options.h"

#include <stdio.h>
#include <string.h>

static bool parse_one(char *option, char *value, struct spec *spec, struct err *err)
{
    char source[] = "--source=s";
    char *words[] = {source, option, value};
    enum options_verdict verdict = OPTIONS_RUN;
    *err = (struct err){.kind = ERR_NONE};
    return options_parse(FOR_BENCH, value == NULL ? 2 : 3, words, &verdict, spec, err);
}

static void defaults(void **state)
{
    struct spec spec;
    struct err err;
    char option[] = "--quiet";
    (void)state;
    assert_true(parse_one(option, NULL, &spec, &err));
    assert_int_equal(spec.bench.only, BENCH_ALL);
    assert_int_equal(spec.bench.bytes, 1u << 30);
    assert_int_equal(spec.bench.repeat, 3);
    assert_int_equal(spec.bench.job_count, 0);
    assert_int_equal(spec.bench.chunk_count, 0);
    assert_false(spec.bench.with_indexes);
    assert_int_equal(spec.chunk_bytes, 8u << 20);
    spec_free(&spec);
}

static void lists_come_out_in_order_and_once(void **state)
{
    struct spec spec;
    struct err err;
    char jobs[] = "--sweep-jobs";
    char job_list[] = "8,1,256,8,4";
    char chunk[] = "--sweep-chunk";
    char chunk_list[] = "64MB,64kB,8 MB";
    (void)state;
    assert_true(parse_one(jobs, job_list, &spec, &err));
    const unsigned want[] = {1, 4, 8, 256};
    assert_int_equal(spec.bench.job_count, ARRAY_LEN(want));
    assert_memory_equal(spec.bench.jobs, want, sizeof want);
    spec_free(&spec);
    assert_true(parse_one(chunk, chunk_list, &spec, &err));
    const uint64_t sizes[] = {64u << 10, 8u << 20, 64u << 20};
    assert_int_equal(spec.bench.chunk_count, ARRAY_LEN(sizes));
    assert_memory_equal(spec.bench.chunk_bytes, sizes, sizeof sizes);
    spec_free(&spec);
}

static void only_says_which(void **state)
{
    static const char *const words[] = {"all", "source", "destination", "both"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct spec spec;
        struct err err;
        char option[] = "--only";
        char value[16];
        (void)snprintf(value, sizeof value, "%s", words[i]);
        assert_true(parse_one(option, value, &spec, &err));
        assert_int_equal(spec.bench.only, i);
        spec_free(&spec);
    }
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *option, *value;
    } rows[] = {
        {"--sweep-jobs",  ""                                         },
        {"--sweep-jobs",  ","                                        },
        {"--sweep-jobs",  "1,"                                       },
        {"--sweep-jobs",  "0"                                        },
        {"--sweep-jobs",  "257"                                      },
        {"--sweep-jobs",  "1 2"                                      },
        {"--sweep-jobs",  "1,00000000000000000000000000000002"       },
        {"--sweep-jobs",  "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"},
        {"--sweep-chunk", "1kB"                                      },
        {"--sweep-chunk", "8MB,8"                                    },
        {"--repeat",      "0"                                        },
        {"--repeat",      "26"                                       },
        {"--bench-bytes", "1023kB"                                   },
        {"--bench-bytes", "2000GB"                                   },
        {"--only",        "neither"                                  },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct spec spec;
        struct err err;
        char option[32];
        char value[64];
        (void)snprintf(option, sizeof option, "%s", rows[i].option);
        (void)snprintf(value, sizeof value, "%s", rows[i].value);
        assert_false(parse_one(option, value, &spec, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_non_null(strstr(err.msg, rows[i].option));
        spec_free(&spec);
    }
}

static void load_takes_none_of_them_and_bench_no_mode(void **state)
{
    struct spec spec;
    struct err err;
    enum options_verdict verdict = OPTIONS_RUN;
    char source[] = "--source=s";
    char repeat[] = "--repeat=2";
    char mode[] = "--mode=append";
    char *words[] = {source, repeat};
    (void)state;
    assert_false(options_parse(FOR_LOAD, 2, words, &verdict, &spec, &err));
    spec_free(&spec);
    assert_false(parse_one(mode, NULL, &spec, &err));
    spec_free(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(lists_come_out_in_order_and_once),
        cmocka_unit_test(only_says_which),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(load_takes_none_of_them_and_bench_no_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
