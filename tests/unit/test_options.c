/*
 * options: every option with good values, where values come from, and what is hidden in argv.
 */
#include "unit.h"

#include "tests/unit/options_line.h"

#include "cli/options.h"
#include "cli/options_table.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void defaults_are_those_of_the_contract(void **state)
{
    struct parsed p;

    parse_good(&p, "--source|s");
    assert_int_equal(p.verdict, OPTIONS_RUN);
    assert_string_equal(secret_reveal(&p.spec.source), "s");
    assert_false(secret_is_set(&p.spec.destination));
    assert_int_equal(p.spec.jobs, 4);
    assert_int_equal(p.spec.memory_bytes, 256u << 20);
    assert_int_equal(p.spec.chunk_bytes, 8u << 20);
    assert_false(p.spec.jobs_auto || p.spec.release_early);
    assert_int_equal(p.spec.compression, COMPRESSION_AUTO);
    assert_int_equal(p.spec.compression_level, 0);
    assert_int_equal(p.spec.jobs_max + p.spec.spill_limit_bytes + p.spec.max_rate_bytes_s, 0);
    assert_null(p.spec.spill_dir);
    assert_null(p.spec.spill_key_file);
    assert_null(p.spec.spill_kms_key);
    assert_int_equal(p.spec.chunk_by, CHUNK_BY_AUTO);
    assert_int_equal(p.spec.format, FORMAT_AUTO);
    assert_int_equal(p.spec.mode, MODE_ERROR);
    assert_int_equal(p.spec.triggers, TRIGGERS_DEFAULT);
    assert_int_equal(p.spec.on_lost_snapshot, LOST_FAIL);
    assert_int_equal(p.spec.progress, PROGRESS_AUTO);
    assert_int_equal(p.spec.hold_snapshot_ms, 3600 * 1000);
    assert_int_equal(p.spec.retry_budget_ms, 300 * 1000);
    assert_string_equal(p.spec.ledger_schema, "sluice");
    assert_null(p.spec.job);
    assert_true(p.spec.sequences && p.spec.analyze);
    assert_false(p.spec.restart || p.spec.dry_run || p.spec.print_sql || p.spec.quiet ||
                 p.spec.verbose || p.spec.log_json);
    assert_int_equal(p.spec.tables.count + p.spec.tables_out.count + p.spec.schemas.count +
                         p.spec.schemas_out.count + p.spec.where_count,
                     0);
    spec_free(&p.spec);
    (void)state;
}

/* What an option changed, as a number that is read from the spec. */
typedef uint64_t (*reader)(const struct spec *spec);

#define READER(name, field)                       \
    static uint64_t name(const struct spec *spec) \
    {                                             \
        return (uint64_t)spec->field;             \
    }

READER(jobs, jobs)
READER(jobs_auto, jobs_auto)
READER(compression, compression_level)
READER(max_rate, max_rate_bytes_s)
READER(memory, memory_bytes)
READER(chunk_size, chunk_bytes)
READER(chunk_by, chunk_by)
READER(format, format)
READER(mode, mode)
READER(triggers, triggers)
READER(lost, on_lost_snapshot)
READER(hold, hold_snapshot_ms)
READER(retry, retry_budget_ms)
READER(progress, progress)
READER(log_json, log_json)
READER(restart, restart)
READER(dry_run, dry_run)
READER(print_sql, print_sql)
READER(sequences, sequences)
READER(analyze, analyze)
READER(verbose, verbose)
READER(quiet, quiet)

struct good_row {
    const char *line;
    reader read;
    uint64_t want;
};

static void good_values(void **state)
{
    static const struct good_row rows[] = {
        {"-j|8",                                jobs,       8                          },
        {"-j8",                                 jobs,       8                          },
        {"--jobs|1",                            jobs,       1                          },
        {"--jobs=256",                          jobs,       256                        },
        {"-vj8",                                jobs,       8                          },
        {"-j|3|--jobs=5|-j7",                   jobs,       7                          },
        {"--memory|16MB",                       memory,     16u << 20                  },
        {"--memory=1TB",                        memory,     UINT64_C(1) << 40          },
        {"--chunk-size|64kB",                   chunk_size, 65536                      },
        {"--chunk-size|1TB",                    chunk_size, UINT64_C(1) << 40          },
        {"--chunk-size=65536",                  chunk_size, 65536                      },
        {"--chunk-by|auto",                     chunk_by,   CHUNK_BY_AUTO              },
        {"--chunk-by|tid",                      chunk_by,   CHUNK_BY_TID               },
        {"--chunk-by=key",                      chunk_by,   CHUNK_BY_KEY               },
        {"--format|auto",                       format,     FORMAT_AUTO                },
        {"--format|binary",                     format,     FORMAT_BINARY              },
        {"--format|text",                       format,     FORMAT_TEXT                },
        {"--format|text|--format|binary",       format,     FORMAT_BINARY              },
        {"--mode|error",                        mode,       MODE_ERROR                 },
        {"--mode|append",                       mode,       MODE_APPEND                },
        {"--mode|truncate",                     mode,       MODE_TRUNCATE              },
        {"--triggers|keep",                     triggers,   TRIGGERS_KEEP              },
        {"--triggers|disable",                  triggers,   TRIGGERS_DISABLE           },
        {"--on-lost-snapshot|fail",             lost,       LOST_FAIL                  },
        {"--on-lost-snapshot|restart-tables",   lost,       LOST_RESTART_TABLES        },
        {"--hold-snapshot|0",                   hold,       0                          },
        {"--hold-snapshot|30d",                 hold,       UINT64_C(30) * 86400 * 1000},
        {"--retry-for|90s",                     retry,      90000                      },
        {"--retry-for|0",                       retry,      0                          },
        {"--progress|auto",                     progress,   PROGRESS_AUTO              },
        {"--progress|tty",                      progress,   PROGRESS_TTY               },
        {"--progress|plain",                    progress,   PROGRESS_PLAIN             },
        {"--progress|json",                     progress,   PROGRESS_JSON              },
        {"--progress|none",                     progress,   PROGRESS_NONE              },
        {"--log-format|json",                   log_json,   true                       },
        {"--log-format|json|--log-format|text", log_json,   false                      },
        {"--restart",                           restart,    true                       },
        {"--dry-run",                           dry_run,    true                       },
        {"--print-sql",                         print_sql,  true                       },
        {"--no-sequences",                      sequences,  false                      },
        {"--no-analyze",                        analyze,    false                      },
        {"-v",                                  verbose,    true                       },
        {"--verbose",                           verbose,    true                       },
        {"-q",                                  quiet,      true                       },
        {"--quiet",                             quiet,      true                       },
        {"-vq",                                 verbose,    false                      },
        {"-qv",                                 quiet,      false                      },
        {"-qv",                                 verbose,    true                       },
        {"-j|9|--",                             jobs,       9                          },
    };
    char line[256];
    struct parsed p;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        (void)snprintf(line, sizeof(line), SERVERS "%s", rows[i].line);
        parse_good(&p, line);
        if (rows[i].read(&p.spec) != rows[i].want) {
            fail_msg("%s gave %llu", rows[i].line, (unsigned long long)rows[i].read(&p.spec));
        }
        spec_free(&p.spec);
    }
    (void)state;
}

static void lists_keep_every_value_in_order(void **state)
{
    struct parsed p;

    parse_good(&p, SERVERS "-t|a.*|--table|b c|--table=d|-Te|-n|f|-N|g|--schema=h|-t-x");
    assert_int_equal(p.spec.tables.count, 4);
    assert_string_equal(p.spec.tables.items[0], "a.*");
    assert_string_equal(p.spec.tables.items[1], "b c");
    assert_string_equal(p.spec.tables.items[2], "d");
    assert_string_equal(p.spec.tables.items[3], "-x");
    assert_int_equal(p.spec.tables_out.count, 1);
    assert_string_equal(p.spec.tables_out.items[0], "e");
    assert_int_equal(p.spec.schemas.count, 2);
    assert_string_equal(p.spec.schemas.items[1], "h");
    assert_int_equal(p.spec.schemas_out.count, 1);
    assert_string_equal(p.spec.schemas_out.items[0], "g");
    spec_free(&p.spec);
    assert_null(p.spec.tables.items);
    (void)state;
}

static void where_is_cut_at_the_first_unquoted_equals(void **state)
{
    struct parsed p;

    parse_good(&p, SERVERS "--where|public.a=x = '1'|--where=\"b=c\".\"d\"=y>=2");
    assert_int_equal(p.spec.where_count, 2);
    assert_string_equal(p.spec.where[0].table, "public.a");
    assert_string_equal(p.spec.where[0].expression, "x = '1'");
    assert_string_equal(p.spec.where[1].table, "\"b=c\".\"d\"");
    assert_string_equal(p.spec.where[1].expression, "y>=2");
    spec_free(&p.spec);
    (void)state;
}

static void texts_are_kept_and_the_last_wins(void **state)
{
    struct parsed p;

    parse_good(&p, "--source|a|--source=b|--job|one|--job|zw\xC3\xB6lf \xF0\x9F\x90\x98|"
                   "--ledger-schema|x|--ledger-schema|Load \"er");
    assert_string_equal(secret_reveal(&p.spec.source), "b");
    assert_string_equal(p.spec.job, "zw\xC3\xB6lf \xF0\x9F\x90\x98");
    assert_string_equal(p.spec.ledger_schema, "Load \"er");
    spec_free(&p.spec);
    (void)state;
}

/* count characters of two bytes each, after prefix. */
static void parse_long(struct parsed *p, const char *prefix, size_t count, bool want)
{
    char line[600];
    size_t len = strlen(prefix);

    memcpy(line, prefix, len);
    for (size_t i = 0; i < count; i++) {
        memcpy(line + len + 2 * i, "\xC3\xA4", 2);
    }
    line[len + 2 * count] = '\0';
    parse(p, line);
    assert_int_equal(p->ok, want);
    spec_free(&p->spec);
}

static void names_have_a_length(void **state)
{
    struct parsed p;

    parse_long(&p, SERVERS "--job|", 100, true);
    parse_long(&p, SERVERS "--job|", 101, false);
    assert_non_null(strstr(p.err.msg, "at most 100 characters, not 101"));
    parse_long(&p, SERVERS "--ledger-schema|x", 31, true);
    parse_long(&p, SERVERS "--ledger-schema|", 32, false);
    assert_non_null(strstr(p.err.msg, "63 bytes"));
    (void)state;
}

static void help_needs_nothing_else(void **state)
{
    static const struct {
        const char *line;
        enum options_verdict want;
    } rows[] = {
        {"-h",                     OPTIONS_HELP    },
        {"--help",                 OPTIONS_HELP    },
        {"-vh",                    OPTIONS_HELP    },
        {"-j|2|--help|--nonsense", OPTIONS_HELP    },
        {"--help-markdown",        OPTIONS_MARKDOWN}
    };
    struct parsed p;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        parse_good(&p, rows[i].line);
        assert_int_equal(p.verdict, rows[i].want);
        spec_free(&p.spec);
    }
    (void)state;
}

/* Environment. */

static void command_line_beats_variable_beats_default(void **state)
{
    struct parsed p;

    put_variable("SLUICE_SOURCE", "env-source");
    put_variable("SLUICE_JOBS", "6");
    put_variable("SLUICE_MEMORY", "");
    put_variable("SLUICE_CHUNK_SIZE", "nonsense");
    parse_good(&p, "--jobs|7|--chunk-size|1MB");
    assert_string_equal(secret_reveal(&p.spec.source), "env-source");
    assert_int_equal(p.spec.jobs, 7);
    assert_int_equal(p.spec.chunk_bytes, 1u << 20); /* the bad variable is not asked */
    assert_int_equal(p.spec.memory_bytes, 256u << 20);
    spec_free(&p.spec);

    parse_good(&p, "--source|mine|--chunk-size|1MB");
    assert_string_equal(secret_reveal(&p.spec.source), "mine");
    assert_int_equal(p.spec.jobs, 6);
    spec_free(&p.spec);

    parse(&p, "-v");
    assert_false(p.ok);
    assert_non_null(strstr(p.err.msg, "SLUICE_CHUNK_SIZE: \"nonsense\" is not a size"));
    spec_free(&p.spec);
    (void)state;
}

static void every_variable_is_read(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        reader read;
        uint64_t want;
    } rows[] = {
        {"SLUICE_JOBS",             "9",              jobs,        9                  },
        {"SLUICE_JOBS",             "auto",           jobs_auto,   true               },
        {"SLUICE_COMPRESSION",      "7",              compression, 7                  },
        {"SLUICE_MAX_RATE",         "1MB/s",          max_rate,    1u << 20           },
        {"SLUICE_MEMORY",           "32MB",           memory,      32u << 20          },
        {"SLUICE_CHUNK_SIZE",       "1MB",            chunk_size,  1u << 20           },
        {"SLUICE_CHUNK_BY",         "key",            chunk_by,    CHUNK_BY_KEY       },
        {"SLUICE_FORMAT",           "text",           format,      FORMAT_TEXT        },
        {"SLUICE_ON_LOST_SNAPSHOT", "restart-tables", lost,        LOST_RESTART_TABLES},
        {"SLUICE_HOLD_SNAPSHOT",    "2h",             hold,        7200000            },
        {"SLUICE_RETRY_FOR",        "1s",             retry,       1000               },
        {"SLUICE_PROGRESS",         "none",           progress,    PROGRESS_NONE      },
        {"SLUICE_LOG_FORMAT",       "json",           log_json,    true               },
    };
    struct parsed p;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        put_variable(rows[i].name, rows[i].value);
        parse_good(&p, SERVERS "-v");
        assert_int_equal(rows[i].read(&p.spec), rows[i].want);
        spec_free(&p.spec);
        put_variable(rows[i].name, "?");
        parse(&p, SERVERS "-v");
        assert_false(p.ok);
        assert_int_equal(strncmp(p.err.msg, rows[i].name, strlen(rows[i].name)), 0);
        spec_free(&p.spec);
        put_variable(rows[i].name, NULL);
    }
    put_variable("SLUICE_DESTINATION", "d");
    put_variable("SLUICE_LEDGER_SCHEMA", "led");
    put_variable("SLUICE_SPILL_DIR", "/spill");
    put_variable("SLUICE_SPILL_LIMIT", "64MB");
    put_variable("SLUICE_RELEASE_SOURCE", "early");
    parse_good(&p, "--spill-key-file|k");
    assert_string_equal(secret_reveal(&p.spec.destination), "d");
    assert_string_equal(p.spec.spill_dir, "/spill");
    assert_int_equal(p.spec.spill_limit_bytes, 64u << 20);
    assert_true(p.spec.release_early);
    assert_string_equal(p.spec.ledger_schema, "led");
    spec_free(&p.spec);
    (void)state;
}

/* Secrets. */

static void servers_are_hidden_in_argv(void **state)
{
    struct parsed p;

    parse_good(&p, "--source|host=a password=hunter2|--destination=pg://u:hunter2@b/c|-t|orders");
    assert_string_equal(p.words[1], "***********************");
    assert_string_equal(p.words[2], "--destination=******************");
    assert_string_equal(p.words[4], "orders");
    assert_string_equal(secret_reveal(&p.spec.source), "host=a password=hunter2");
    assert_string_equal(secret_reveal(&p.spec.destination), "pg://u:hunter2@b/c");
    spec_free(&p.spec);
    (void)state;
}

/* The table and what is printed from it. */

static void print_load_help(FILE *out)
{
    options_help(FOR_LOAD, out);
}

static char *printed(void (*print)(FILE *out))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    print(out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void help_and_page_hold_every_option(void **state)
{
    char *help = printed(print_load_help);
    char *page = printed(options_markdown);
    assert_in_range(options_count(), 30, OPTIONS_MAX);
    assert_null(option_at(options_count()));
    for (size_t i = 0; i < options_count(); i++) {
        const struct option_row *row = option_at(i);
        char in_help[80];
        char in_page[64];
        const char *gap = row->argument == NULL ? "" : " ";
        const char *argument = row->argument == NULL ? "" : row->argument;
        (void)snprintf(in_help, sizeof(in_help), "--%s%s%s%s\n", row->name, gap, argument,
                       row->repeatable ? "   (may be repeated)" : "");
        (void)snprintf(in_page, sizeof(in_page), "### `--%s%s%s`", row->name, gap, argument);
        bool helped = !row->hidden && option_is_for(row, FOR_LOAD);
        assert_int_equal(strstr(help, in_help) != NULL, helped);
        assert_int_equal(strstr(page, in_page) == NULL, row->hidden);
        assert_true(!helped || row->variable == NULL || strstr(help, row->variable) != NULL);
        assert_true(i == 0 || row->group >= option_at(i - 1)->group);
    }
    assert_non_null(strstr(help, "\nExit status:\n\n  0  Done.\n"));
    assert_non_null(strstr(page, "| 8 | This job is already running. |\n"));
    free(help);
    free(page);
    (void)state;
}

static void help_fits_a_terminal(void **state)
{
    char *help = printed(print_load_help);

    for (const char *line = help; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        if (len > 88) { /* the examples are not wrapped */
            fail_msg("%zu columns: %.*s", len, (int)len, line);
        }
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    free(help);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_contract),
        cmocka_unit_test(good_values),
        cmocka_unit_test(lists_keep_every_value_in_order),
        cmocka_unit_test(where_is_cut_at_the_first_unquoted_equals),
        cmocka_unit_test(texts_are_kept_and_the_last_wins),
        cmocka_unit_test(names_have_a_length),
        cmocka_unit_test(help_needs_nothing_else),
        cmocka_unit_test_setup(command_line_beats_variable_beats_default, clear_environment),
        cmocka_unit_test_setup(every_variable_is_read, clear_environment),
        cmocka_unit_test_setup(servers_are_hidden_in_argv, clear_environment),
        cmocka_unit_test(help_and_page_hold_every_option),
        cmocka_unit_test(help_fits_a_terminal),
    };

    return cmocka_run_group_tests_name("options", tests, clear_environment, NULL);
}
