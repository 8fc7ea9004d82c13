/* The options that say how rows flow: their values, and which of them go together. */
#include "unit.h"

#include "tests/unit/options_line.h"

#include <string.h>

#define EARLY "--release-source|early|--spill-dir|/spill|"

static void parse_with_servers(struct parsed *p, const char *rest)
{
    char line[512];

    assert_in_range(snprintf(line, sizeof line, SERVERS "%s", rest), 0, sizeof line - 1);
    parse(p, line);
}

static void take(struct parsed *p, const char *rest)
{
    parse_with_servers(p, rest);
    if (!p->ok) {
        fail_msg("%s: %s", rest, p->err.msg);
    }
}

static void streams_are_a_number_or_auto(void **state)
{
    static const struct {
        const char *line;
        unsigned jobs;
        bool is_auto;
    } rows[] = {
        {"-j|5",                              5,   false},
        {"-j|auto",                           16,  true },
        {"--jobs=auto",                       16,  true },
        {"-jauto",                            16,  true },
        {"-j|auto|--jobs-max|1",              1,   true },
        {"--jobs-max|256|-j|auto",            256, true },
        {"-j|auto|--jobs-max|9|--jobs-max=7", 7,   true },
        {"--jobs-max|9|-j|3|-j|auto",         9,   true },
        {"-j|auto|--jobs|3",                  3,   false},
        {"-j|200|-j|auto",                    16,  true },
    };
    struct parsed p;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        take(&p, rows[i].line);
        if (p.spec.jobs != rows[i].jobs || p.spec.jobs_auto != rows[i].is_auto) {
            fail_msg("%s gave %u", rows[i].line, p.spec.jobs);
        }
        spec_free(&p.spec);
    }
    (void)state;
}

static void the_variable_may_say_auto(void **state)
{
    struct parsed p;

    put_variable("SLUICE_JOBS", "auto");
    take(&p, "--jobs-max|12");
    assert_true(p.spec.jobs_auto);
    assert_int_equal(p.spec.jobs, 12);
    spec_free(&p.spec);
    put_variable("SLUICE_JOBS", "12");
    parse_with_servers(&p, "--jobs-max|12");
    assert_false(p.ok);
    spec_free(&p.spec);
    (void)state;
}

static void compression_is_a_word_or_a_level(void **state)
{
    static const struct {
        const char *line;
        enum compression_choice choice;
        int level;
    } rows[] = {
        {"--compression|auto",                   COMPRESSION_AUTO,  0 },
        {"--compression|off",                    COMPRESSION_OFF,   0 },
        {"--compression|1",                      COMPRESSION_LEVEL, 1 },
        {"--compression=19",                     COMPRESSION_LEVEL, 19},
        {"--compression|19|--compression|off",   COMPRESSION_OFF,   0 },
        {"--compression|off|--compression|auto", COMPRESSION_AUTO,  0 },
    };
    struct parsed p;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        take(&p, rows[i].line);
        assert_int_equal(p.spec.compression, rows[i].choice);
        assert_int_equal(p.spec.compression_level, rows[i].level);
        spec_free(&p.spec);
    }
    (void)state;
}

static void a_rate_is_a_size_a_second(void **state)
{
    static const struct {
        const char *line;
        uint64_t want;
    } rows[] = {
        {"--max-rate|20MB",               UINT64_C(20) << 20},
        {"--max-rate|20MB/s",             UINT64_C(20) << 20},
        {"--max-rate=20 mb/s",            UINT64_C(20) << 20},
        {"--max-rate|65536",              65536             },
        {"--max-rate|65536/s",            65536             },
        {"--max-rate|1TB/s",              UINT64_C(1) << 40 },
        {"--max-rate|1GB|--max-rate|1MB", UINT64_C(1) << 20 },
    };
    struct parsed p;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        take(&p, rows[i].line);
        if (p.spec.max_rate_bytes_s != rows[i].want) {
            fail_msg("%s gave %llu", rows[i].line, (unsigned long long)p.spec.max_rate_bytes_s);
        }
        spec_free(&p.spec);
    }
    (void)state;
}

static void a_spill_has_a_place_and_a_limit(void **state)
{
    struct parsed p;

    take(&p, "--spill-dir|a b");
    assert_string_equal(p.spec.spill_dir, "a b");
    assert_int_equal(p.spec.spill_limit_bytes, 0);
    assert_false(p.spec.release_early);
    spec_free(&p.spec);
    take(&p, "--spill-limit|64MB|--spill-dir|/one|--spill-dir=/two");
    assert_string_equal(p.spec.spill_dir, "/two");
    assert_int_equal(p.spec.spill_limit_bytes, 64u << 20);
    spec_free(&p.spec);
    assert_null(p.spec.spill_dir);
    take(&p, "--spill-limit|1024TB|--spill-dir|/one|--compression|off");
    assert_int_equal(p.spec.spill_limit_bytes, UINT64_C(1) << 50);
    spec_free(&p.spec);
    take(&p, "--release-source|early|--release-source|at-end");
    assert_false(p.spec.release_early);
    spec_free(&p.spec);
    (void)state;
}

static void an_early_release_takes_one_key(void **state)
{
    static const char *const keys[] = {
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "mrk-1234abcd12ab34cd56ef1234567890ab",
        "alias/sluice",
        "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws-cn:kms:cn-north-1:111122223333:alias/sluice",
    };
    static const char *const also[] = {
        "--dry-run", "--mode|append", "--mode|truncate", "--mode|error", "--print-sql", "--restart",
    };
    char line[256];
    struct parsed p;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        (void)snprintf(line, sizeof line, EARLY "--spill-kms-key|%s", keys[i]);
        take(&p, line);
        assert_true(p.spec.release_early);
        assert_string_equal(p.spec.spill_kms_key, keys[i]);
        assert_null(p.spec.spill_key_file);
        spec_free(&p.spec);
    }
    for (size_t i = 0; i < ARRAY_LEN(also); i++) {
        (void)snprintf(line, sizeof line, EARLY "--spill-key-file|key|%s", also[i]);
        take(&p, line);
        assert_true(p.spec.release_early);
        assert_string_equal(p.spec.spill_key_file, "key");
        assert_null(p.spec.spill_kms_key);
        spec_free(&p.spec);
    }
    (void)state;
}

/* The two names, not the file system: no such directory exists. */
static void the_key_is_not_beside_the_spill(void **state)
{
    static const struct {
        const char *dir;
        const char *key;
        bool want;
    } rows[] = {
        {"/no/spill",     "/no/key",                 true },
        {"/no/spill",     "/no/spill.key",           true },
        {"/no/spill",     "/no/spil",                true },
        {"/no/spill",     "/elsewhere/no/spill/key", true },
        {"/no/spill",     "no/spill/key",            true },
        {"/no/spill",     "/no/spill/../key",        true },
        {"/no/spill",     "/no/spill/a/../../key",   true },
        {"spill",         "key",                     true },
        {".",             "../key",                  true },
        {"..",            "key",                     true },
        {"/no/spill",     "/no/spill/key",           false},
        {"/no/spill/",    "/no//spill/./key",        false},
        {"/no/./spill/.", "/no/spill/a/b/key",       false},
        {"/no/spill",     "/no/spill/..key",         false},
        {"/no/spill",     "/no/spill/.key",          false},
        {"/no/spill",     "/no/spill",               false},
        {"/",             "/etc/key",                false},
        {".",             "key",                     false},
        {"./spill",       "spill/key",               false},
        {"../spill",      "../spill/key",            false},
    };
    char line[256];
    struct parsed p;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        (void)snprintf(line, sizeof line,
                       "--release-source|early|--spill-dir|%s|--spill-key-file|%s", rows[i].dir,
                       rows[i].key);
        parse_with_servers(&p, line);
        if (p.ok != rows[i].want) {
            fail_msg("%s and %s: %s", rows[i].dir, rows[i].key, p.ok ? "taken" : p.err.msg);
        }
        assert_true(p.ok || strstr(p.err.msg, "outside the directory of --spill-dir") != NULL);
        spec_free(&p.spec);
    }
    (void)state;
}

struct bad_row {
    const char *line;
    const char *say;
};

static const struct bad_row bad_values[] = {
    {"-j|many",                                                     "--jobs: \"many\" is neither a number from 1 to 256 nor auto"},
    {"-j|AUTO",                                                     "nor auto"                                                   },
    {"-j|",                                                         "nor auto"                                                   },
    {"-j|99999999999999999999999",                                  "--jobs: "                                                   },
    {"-j|auto|--jobs-max|0",                                        "--jobs-max: 0 is not between 1 and 256"                     },
    {"-j|auto|--jobs-max|257",                                      "--jobs-max: 257 is not between 1 and 256"                   },
    {"-j|auto|--jobs-max|auto",                                     "--jobs-max: \"auto\" is not a whole number"                 },
    {"--compression|0",                                             "--compression: 0 is not between 1 and 19"                   },
    {"--compression|20",                                            "--compression: 20 is not between 1 and 19"                  },
    {"--compression|99999999999999999999999",                       "--compression: "                                            },
    {"--compression|-3",                                            "\"-3\" is neither auto, off nor a level from 1 to 19"       },
    {"--compression|1..19",                                         "\"1..19\" is neither auto, off"                             },
    {"--compression|zstd",                                          "\"zstd\" is neither auto, off"                              },
    {"--compression|",                                              "\"\" is neither auto, off"                                  },
    {"--max-rate|0",                                                "--max-rate: \"0\" is not between 64kB and 1TB"              },
    {"--max-rate|65535",                                            "64kB and 1TB"                                               },
    {"--max-rate|63kB/s",                                           "--max-rate: \"63kB\" is not between 64kB and 1TB"           },
    {"--max-rate|2TB/s",                                            "64kB and 1TB"                                               },
    {"--max-rate|20MB/min",                                         "\"20MB/min\" is not a size"                                 },
    {"--max-rate|20MB/s/s",                                         "is not a size"                                              },
    {"--max-rate|/s",                                               "is not a size"                                              },
    {"--max-rate|s",                                                "is not a size"                                              },
    {"--max-rate|",                                                 "is not a size"                                              },
    {"--spill-dir|",                                                "--spill-dir: the value is empty; it takes DIR"              },
    {"--spill-dir|a\x01",                                           "--spill-dir: the value has a control character"             },
    {"--spill-dir|d|--spill-limit|63MB",                            "--spill-limit: \"63MB\" is not between 64MB and 1024TB"     },
    {"--spill-dir|d|--spill-limit|1025TB",                          "64MB and 1024TB"                                            },
    {"--spill-dir|d|--spill-limit|all",                             "\"all\" is not a size"                                      },
    {"--release-source|late",                                       "--release-source: \"late\" is not one of at-end|early"      },
    {EARLY "--spill-key-file|",                                     "--spill-key-file: the value is empty; it takes FILE"        },
    {EARLY "--spill-key-file|keys/",                                "\"keys/\" names a directory"                                },
    {EARLY "--spill-kms-key|",                                      "--spill-kms-key: the value is empty; it takes KEY"          },
    {EARLY "--spill-kms-key|sluice",
     "\"sluice\" is not a KMS key: write its id, its ARN, or alias/"                                                             },
    {EARLY "--spill-kms-key|alias/",                                "is not a KMS key"                                           },
    {EARLY "--spill-kms-key|alias/a b",                             "is not a KMS key"                                           },
    {EARLY "--spill-kms-key|arn:aws:s3:::key/x",                    "is not a KMS key"                                           },
    {EARLY "--spill-kms-key|arn:aws:kms:eu-west-1:1:x",             "is not a KMS key"                                           },
    {EARLY "--spill-kms-key|1234abcd",                              "is not a KMS key"                                           },
    {EARLY "--spill-kms-key|1234abcd-12ab-34cd-56ef-1234567890abc", "is not a KMS key"                                           },
    {EARLY "--spill-kms-key|1234abcd-12ab-34cd-56ef-1234567890ag",  "is not a KMS key"                                           },
};

static const struct bad_row clashes[] = {
    {"--jobs-max|8",                                                  "--jobs-max is the bound of --jobs auto; add --jobs auto"},
    {"-j|4|--jobs-max|8",                                             "--jobs-max is the bound of --jobs auto"                 },
    {"-j|auto|--jobs-max|8|-j|4",                                     "--jobs-max is the bound of --jobs auto"                 },
    {"--spill-limit|1GB",                                             "--spill-limit is about the spill file; add --spill-dir" },
    {"--release-source|early",                                        "add --spill-dir"                                        },
    {"--release-source|early|--spill-key-file|k",                     "add --spill-dir"                                        },
    {"--release-source|early|--spill-kms-key|alias/k",                "add --spill-dir"                                        },
    {EARLY "-v",                                                      "add --spill-key-file or --spill-kms-key"                },
    {EARLY "--spill-key-file|k|--spill-kms-key|alias/k",              "leave one out"                                          },
    {"--spill-key-file|k",                                            "--spill-key-file is about a spill that outlives"        },
    {"--spill-kms-key|alias/k",                                       "--spill-kms-key is about a spill that outlives"         },
    {"--spill-dir|d|--spill-key-file|k",                              "add --release-source early"                             },
    {"--spill-dir|d|--release-source|at-end|--spill-kms-key|alias/k", "add --release-source early"                             },
};

static void refuse(const struct bad_row *rows, size_t count)
{
    struct parsed p;

    for (size_t i = 0; i < count; i++) {
        parse_with_servers(&p, rows[i].line);
        if (p.ok) {
            fail_msg("%s was taken", rows[i].line);
        }
        assert_int_equal(p.err.kind, ERR_USAGE);
        if (strstr(p.err.msg, rows[i].say) == NULL) {
            fail_msg("%s: said \"%s\", not \"%s\"", rows[i].line, p.err.msg, rows[i].say);
        }
        spec_free(&p.spec);
    }
}

static void bad_values_are_refused(void **state)
{
    refuse(bad_values, ARRAY_LEN(bad_values));
    (void)state;
}

static void what_does_not_go_together_is_refused(void **state)
{
    refuse(clashes, ARRAY_LEN(clashes));
    (void)state;
}

/* As the command line is the load's own, "check" knows how many streams there can be. */
static void check_takes_the_streams(void **state)
{
    char one[] = "--source=s";
    char two[] = "-jauto";
    char three[] = "--jobs-max=33";
    char *words[] = {one, two, three};
    struct spec spec;
    struct err err = {0};
    enum options_verdict verdict = OPTIONS_RUN;

    assert_true(options_parse(FOR_CHECK, 3, words, &verdict, &spec, &err));
    assert_int_equal(spec.jobs, 33);
    spec_free(&spec);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_a_number_or_auto),
        cmocka_unit_test_setup(the_variable_may_say_auto, clear_environment),
        cmocka_unit_test_setup(compression_is_a_word_or_a_level, clear_environment),
        cmocka_unit_test(a_rate_is_a_size_a_second),
        cmocka_unit_test(a_spill_has_a_place_and_a_limit),
        cmocka_unit_test(an_early_release_takes_one_key),
        cmocka_unit_test(the_key_is_not_beside_the_spill),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(what_does_not_go_together_is_refused),
        cmocka_unit_test(check_takes_the_streams),
    };

    return cmocka_run_group_tests_name("options flow", tests, clear_environment, NULL);
}
