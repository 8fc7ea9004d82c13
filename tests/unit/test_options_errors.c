/* options: what is refused, and what the message says. */
#include "unit.h"

#include "tests/unit/options_line.h"

#include <string.h>

struct bad_row {
    const char *line;
    const char *say; /* what the message must hold */
};

static const struct bad_row bad_rows[] = {
    {"-j|0",                                   "--jobs: 0 is not between 1 and 256"                           },
    {"-j|257",                                 "between 1 and 256"                                            },
    {"-j=8",                                   "--jobs"                                                       },
    {"-j|-1",                                  "--jobs"                                                       },
    {"-j|8x",                                  "--jobs"                                                       },
    {"-j",                                     "--jobs: a value is missing; it takes N|auto"                  },
    {"--jobs=",                                "--jobs"                                                       },
    {"--memory|1MB",                           "--memory: \"1MB\" is not between 16MB and 1TB"                },
    {"--memory|2TB",                           "16MB and 1TB"                                                 },
    {"--memory|lots",                          "\"lots\" is not a size"                                       },
    {"--chunk-size|0",                         "--chunk-size: \"0\" is not between 64kB and 1TB"              },
    {"--chunk-size|65535",                     "64kB and 1TB"                                                 },
    {"--chunk-size|1025GB",                    "64kB and 1TB"                                                 },
    {"--chunk-size|99999999999999999999999TB", "--chunk-size"                                                 },
    {"--chunk-by|ctid",                        "--chunk-by: \"ctid\" is not one of auto|tid|key"              },
    {"--chunk-by|au",                          "not one of"                                                   },
    {"--chunk-by|auto\x7Ctid",                 "belongs to no option"                                         },
    {"--format|csv",                           "not one of auto|binary|text"                                  },
    {"--format|",                              "\"\" is not one of"                                           },
    {"--mode|replace",                         "not one of error|append|truncate"                             },
    {"--mode|Truncate",                        "not one of"                                                   },
    {"--triggers|no",                          "not one of keep|disable"                                      },
    {"--on-lost-snapshot|retry",               "not one of fail|restart-tables"                               },
    {"--progress|yes",                         "not one of auto|tty|plain|json|none"                          },
    {"--log-format|xml",                       "not one of text|json"                                         },
    {"--hold-snapshot|31d",                    "--hold-snapshot: \"31d\" is too long; at most 30d"            },
    {"--hold-snapshot|soon",                   "\"soon\" is not a duration"                                   },
    {"--retry-for|-5",                         "--retry-for"                                                  },
    {"--retry-for|31d",                        "at most 30d"                                                  },
    {"-t|",                                    "--table: the value is empty; it takes PATTERN"                },
    {"-t| ",                                   "the value is empty"                                           },
    {"--table=",                               "the value is empty"                                           },
    {"-T|",                                    "--exclude-table: the value is empty"                          },
    {"-n|",                                    "--schema: the value is empty"                                 },
    {"-N|",                                    "--exclude-schema: the value is empty"                         },
    {"-t",                                     "--table: a value is missing; it takes PATTERN"                },
    {"-t|--restart",                           "a value is missing; it takes PATTERN, and what follows is the"},
    {"-t|--mode=append",                       "the option --mode"                                            },
    {"--where|orders",                         "--where: write TABLE=EXPR"                                    },
    {"--where|orders=",                        "write TABLE=EXPR"                                             },
    {"--where|orders= ",                       "write TABLE=EXPR"                                             },
    {"--where|=id > 5",                        "no table stands before the ="                                 },
    {"--where|\"a=b\"",                        "write TABLE=EXPR"                                             },
    {"--job|",                                 "--job: the value is empty; it takes NAME"                     },
    {"--job|a/b",                              "no slash"                                                     },
    {"--job|a\tb",                             "printable"                                                    },
    {"--job|a\xFF",                            "printable"                                                    },
    {"--job|\xC0\x80",                         "printable"                                                    },
    {"--job|\xC2\x80",                         "printable"                                                    },
    {"--job|\xE0\x80\x80",                     "printable"                                                    },
    {"--job|\xED\xA0\x80",                     "printable"                                                    },
    {"--job|\xF4\x90\x80\x80",                 "printable"                                                    },
    {"--job|\xF5\x80\x80\x80",                 "printable"                                                    },
    {"--job|\xC3",                             "printable"                                                    },
    {"--ledger-schema|",                       "--ledger-schema: the value is empty"                          },
    {"--restart=yes",                          "--restart takes no value"                                     },
    {"--dry-run=",                             "--dry-run takes no value"                                     },
    {"--source|",                              "--source: the value is empty; leave the option out"           },
    {"--destination=",                         "--destination: the value is empty"                            },
    {"-x",                                     "unknown option -x"                                            },
    {"-v\x01",                                 "unknown option -?"                                            },
    {"tables",                                 "word 5 of 5 after \"load\" belongs to no option"              },
    {"-",                                      "belongs to no option"                                         },
    {"",                                       "belongs to no option"                                         },
    {"--|-v",                                  "word 6 of 6 after"                                            },
};

static void bad_values_are_usage_errors(void **state)
{
    char line[256];
    struct parsed p;

    for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++) {
        (void)snprintf(line, sizeof(line), SERVERS "%s", bad_rows[i].line);
        parse(&p, line);
        if (p.ok) {
            fail_msg("%s was taken", bad_rows[i].line);
        }
        assert_int_equal(p.err.kind, ERR_USAGE);
        if (strstr(p.err.msg, bad_rows[i].say) == NULL) {
            fail_msg("%s: said \"%s\", not \"%s\"", bad_rows[i].line, p.err.msg, bad_rows[i].say);
        }
        spec_free(&p.spec);
    }
    (void)state;
}

static void unknown_options_name_the_nearest(void **state)
{
    static const struct {
        const char *line;
        const char *nearest; /* NULL: none */
    } rows[] = {
        {"--souce=x",        "--source"        },
        {"--destnation",     "--destination"   },
        {"--dest",           "--destination"   },
        {"--chunk_size=1",   "--chunk-size"    },
        {"--jbos",           "--jobs"          },
        {"--spil-dir",       "--spill-dir"     },
        {"--compress",       "--compression"   },
        {"--release",        "--release-source"},
        {"--tables",         "--table"         },
        {"--exclude-tables", "--exclude-table" },
        {"--no-analyse",     "--no-analyze"    },
        {"--dryrun",         "--dry-run"       },
        {"--help-markdow",   NULL              }, /* hidden options are not suggested */
        {"--confg",          "--config"        },
        {"--source-secrte",  "--source-secret" },
        {"--xyzzy",          NULL              },
    };
    struct parsed p;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char want[64];
        parse(&p, rows[i].line);
        assert_false(p.ok);
        assert_int_equal(p.err.kind, ERR_USAGE);
        assert_non_null(strstr(p.err.msg, "unknown option --"));
        (void)snprintf(want, sizeof(want), "did you mean %s?",
                       rows[i].nearest == NULL ? "" : rows[i].nearest);
        if ((strstr(p.err.msg, "did you mean") != NULL) != (rows[i].nearest != NULL) ||
            (rows[i].nearest != NULL && strstr(p.err.msg, want) == NULL)) {
            fail_msg("%s: %s", rows[i].line, p.err.msg);
        }
        spec_free(&p.spec);
    }
    (void)state;
}

static void long_unknown_options_are_cut(void **state)
{
    struct parsed p;
    char line[600] = "--";

    memset(line + 2, 'x', 500);
    parse(&p, line);
    assert_false(p.ok);
    assert_in_range(strlen(p.err.msg), 10, 120);
    spec_free(&p.spec);
    (void)state;
}

static void one_server_must_be_given(void **state)
{
    static const struct {
        const char *line;
        bool want;
    } rows[] = {
        {"-v",              false},
        {"",                false},
        {"--source|s",      true },
        {"--destination|d", true },
        {"--print-sql",     true },
        {"--dry-run",       false}
    };
    struct parsed p;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        parse(&p, rows[i].line);
        assert_int_equal(p.ok, rows[i].want);
        assert_true(p.ok || strstr(p.err.msg, "neither --source nor --destination") != NULL);
        spec_free(&p.spec);
    }
    (void)state;
}

static void errors_never_show_a_server(void **state)
{
    static const char *const lines[] = {
        "--souce=host=a password=hunter2",  "postgresql://u:hunter2@b/c",
        "--source|host=a|password=hunter2", "--source|hunter2|-x",
        "--source|s|--where|hunter2",
    };
    struct parsed p;

    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        parse(&p, lines[i]);
        assert_false(p.ok);
        assert_null(strstr(p.err.msg, "hunter2"));
        spec_free(&p.spec);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_values_are_usage_errors),
        cmocka_unit_test(unknown_options_name_the_nearest),
        cmocka_unit_test(long_unknown_options_are_cut),
        cmocka_unit_test(one_server_must_be_given),
        cmocka_unit_test(errors_never_show_a_server),
    };

    return cmocka_run_group_tests_name("options errors", tests, clear_environment, NULL);
}
