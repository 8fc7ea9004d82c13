/* job_file: what a file fills in, what is stronger, and what is refused where. */
#include "unit.h"

#include "base/str.h"
#include "cli/job_file.h"
#include "cli/options_result.h"
#include "tests/unit/options_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V "version: 1\n"

struct world {
    struct options_result r;
    struct err err;
    bool ok;
};

static void read_text(struct world *w, enum option_command command, const char *text)
{
    *w = (struct world){.r = {.verdict = OPTIONS_RUN}};
    struct job_file file = {.path = "f.yaml",
                            .command = command,
                            .spec = &w->r.spec,
                            .origins = &w->r.origins,
                            .findings = &w->r.findings};
    assert_true(options_defaults(&w->r.spec, &w->err));
    w->ok = job_file_read_bytes(&file, text, strlen(text), &w->err);
}

static void read_good(struct world *w, const char *text)
{
    read_text(w, FOR_LOAD, text);
    if (!w->ok) {
        fail_msg("%s: %s", text, w->err.msg);
    }
    assert_int_equal(w->r.findings.count, 0);
}

static void values_reach_the_spec(void **state)
{
    struct world w;
    put_variable("JOB_FILE_TEST_URI", "postgresql://u:pw@h/d");
    read_good(&w, V "source:\n  connection: host=a\n  secret: s/x\n  iam: false\n"
                    "  role-arn: arn:aws:iam::111122223333:role/r\n  role_tags: {a: b, c: 5}\n"
                    "destination: {connection: {env: JOB_FILE_TEST_URI}, iam: true}\n"
                    "options: {jobs: 7, memory: 32MB, mode: truncate, create-tables: true,\n"
                    "  routers: \"off\", where: [\"a.b=x > 1\", \"c=y\"], no_analyze: true,\n"
                    "  restart: false}\n"
                    "select: {tables: [a.b, \"*.c\"], exclude_schemas: [d]}\n");
    const struct spec *s = &w.r.spec;
    assert_string_equal(secret_reveal(&s->source), "host=a");
    assert_string_equal(secret_reveal(&s->destination), "postgresql://u:pw@h/d");
    assert_string_equal(s->source_auth.secret, "s/x");
    assert_false(s->source_auth.iam);
    assert_true(s->destination_auth.iam);
    assert_int_equal(s->source_auth.tags.count, 2);
    assert_string_equal(s->source_auth.tags.items[1], "c=5");
    assert_int_equal(s->jobs, 7);
    assert_int_equal(s->memory_bytes, 32u << 20);
    assert_int_equal(s->mode, MODE_TRUNCATE);
    assert_int_equal(s->routers, ROUTERS_OFF);
    assert_true(s->create_tables && !s->analyze && !s->restart && s->sequences);
    assert_int_equal(s->where_count, 2);
    assert_string_equal(s->where[1].expression, "y");
    assert_int_equal(s->tables.count, 2);
    assert_string_equal(s->schemas_out.items[0], "d");
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a unit test has one thread. */
    assert_null(getenv("JOB_FILE_TEST_URI"));
    options_result_free(&w.r);
    (void)state;
}

static void rules_reach_the_spec_in_order(void **state)
{
    struct world w;
    read_good(&w, V "tables:\n"
                    "  \"*.a\": {mode: reference}\n"
                    "  b.items:\n"
                    "    mode: sharded\n"
                    "    shard-key: [k, l]\n"
                    "    collocate-with: x.y\n"
                    "    where: \"a > 1\"\n"
                    "    to: {schema: s, table: t}\n"
                    "    format: binary\n"
                    "    chunk-size: 1MB\n"
                    "    columns:\n"
                    "      k: {expression: \"1 + 1\", type: int}\n"
                    "      m: {leave-out: true}\n"
                    "      n: {rename: o}\n"
                    "defaults: {mode: standard, to-schema: z, format: text, chunk-size: 65536}\n");
    const struct table_rules *rules = &w.r.spec.rules;
    assert_int_equal(rules->count, 3);
    const struct table_rule *d = &rules->items[0];
    assert_true(d->is_default && d->has_format && d->format == FORMAT_TEXT);
    assert_string_equal(d->pattern, "*.*");
    assert_string_equal(d->to_schema, "z");
    assert_int_equal(d->line, 16);
    assert_int_equal(d->mode, TABLE_STANDARD);
    assert_int_equal(d->chunk_bytes, 65536);
    const struct table_rule *a = &rules->items[1];
    assert_string_equal(a->pattern, "*.a");
    assert_true(!a->is_default && !a->has_format && a->mode == TABLE_REFERENCE && a->line == 3);
    const struct table_rule *b = &rules->items[2];
    assert_int_equal(b->line, 4);
    assert_int_equal(b->mode, TABLE_SHARDED);
    assert_int_equal(b->shard_key.count, 2);
    assert_string_equal(b->shard_key.items[1], "l");
    assert_string_equal(b->collocate_with, "x.y");
    assert_string_equal(b->where, "a > 1");
    assert_string_equal(b->to_schema, "s");
    assert_string_equal(b->to_table, "t");
    assert_true(b->has_format && b->format == FORMAT_BINARY);
    assert_int_equal(b->chunk_bytes, 1u << 20);
    assert_int_equal(b->column_count, 3);
    assert_string_equal(b->columns[0].expression, "1 + 1");
    assert_string_equal(b->columns[0].type, "int");
    assert_true(b->columns[1].leave_out && b->columns[1].line == 14);
    assert_string_equal(b->columns[2].rename, "o");
    assert_int_equal(w.r.origins.rule_count, 3);
    assert_int_equal(w.r.origins.rules[2].where, 8);
    assert_int_equal(w.r.origins.rules[0].to_schema, 16);
    options_result_free(&w.r);
    (void)state;
}

/* One line each; the last field is the whole of "LINE:COLUMN: " and a part of the text. */
static const struct {
    const char *text;
    const char *place;
    const char *say;
} bad_rows[] = {
    {"",                                                                "1:1: ",  "empty"                       },
    {"\xEF\xBB\xBFversion: 1\nx: 1\n",                                  "2:1: ",  "unknown key"                 },
    {"source: {}\n",                                                    "1:1: ",  "version of the format"       },
    {V "options: {jobs: 300}\n",                                        "2:17: ", "between 1 and 256"           },
    {V "options: {jobs: -1}\n",                                         "2:17: ", "jobs"                        },
    {V "options: {job: [a]}\n",                                         "2:16: ", "not a list"                  },
    {V "options: {config: a}\n",                                        "2:11: ", "unknown key \"config\""      },
    {V "options: {print-config: true}\n",                               "2:11: ", "unknown key"                 },
    {V "options: {help: true}\n",                                       "2:11: ", "unknown key"                 },
    {V "options: {repeat: 3}\n",                                        "2:11: ", "unknown key"                 },
    {V "options: {source-iam: true}\n",                                 "2:11: ", "under source:"               },
    {V "options: {where: [a=1, b]}\n",                                  "2:24: ", "TABLE=EXPR"                  },
    {V "select: {tables: [[a]]}\n",                                     "2:19: ", "not a list"                  },
    {V "select: {tables: [\" \"]}\n",                                   "2:19: ", "the value is empty"          },
    {V "source: {role-tags: {a: 1, a: 2}}\n",                           "2:28: ", "first in line 2"             },
    {V "source: {role-tags: {\"a=b\": 1}}\n",                           "2:22: ", "no = may stand"              },
    {V "source: {role-tags: [a]}\n",                                    "2:21: ", "role-tags has to be a map"   },
    {V "source: {secret: 1e3}\n",                                       "2:18: ", "this is a number with"       },
    {V "source: {region: \"\"}\n",                                      "2:18: ", "is not a Region"             },
    {V "source: {iam: \"true\"}\n",                                     "2:15: ", "true or false is wanted"     },
    {V "tables: {a.b: {shard-key: [x]}}\n",                             "2:16: ", "add mode: sharded"           },
    {V "tables: {a.b: {mode: sharded, shard-key: [x, x]}}\n",           "2:46: ", "twice"                       },
    {V "tables: {a.b: {mode: sharded, shard-key: []}}\n",               "2:42: ", "a list of columns"           },
    {V "tables: {a.b: {where: \" \"}}\n",                               "2:23: ", "SQL condition"               },
    {V "tables: {a.b: {to: {}, to: {table: x}}}\n",                     "2:24: ", "first in line 2"             },
    {V "tables: {a.b: {columns: {c: {}}}}\n",                           "2:26: ", "nothing is said"             },
    {V "tables: {a.b: {columns: {c: {expression: x, rename: y}}}}\n",   "2:26: ", "only one of"                 },
    {V "tables: {a.b: {columns: {c: {leave-out: true, rename: y}}}}\n", "2:26: ", "only one of"                 },
    {V "tables: {a.b: {columns: {c: {rename: x}, d: {rename: x}}}}\n",
     "2:42: ",                                                                    "two columns would be named x"},
    {V "tables: {a.b: {columns: {c: {rename: \"\"}}}}\n",               "2:38: ", "a name is wanted"            },
    {V "tables: {1: {mode: standard}}\n",                               "2:10: ", "1 is a number"               },
    {V "tables: {a..b: {mode: standard}}\n",                            "2:10: ", "pattern"                     },
    {V "defaults: {columns: {}}\n",                                     "2:12: ", "known are mode, format"      },
    {V "\xC3\xA9t\xC3\xA9: 1\n",                                        "2:1: ",  "unknown key"                 },
    {V "# \xC3\xA9\n\xC3: 1\n",                                         "3:1: ",  "not UTF-8"                   },
    {V "options: {\xC3\xA9: 1, jobs: 0}\n",                             "2:11: ", "unknown key"                 },
};

static void wrong_files_say_where(void **state)
{
    struct world w;
    for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++) {
        char want[64];
        read_text(&w, FOR_LOAD, bad_rows[i].text);
        (void)snprintf(want, sizeof want, "f.yaml:%s", bad_rows[i].place);
        if (w.ok || w.err.kind != ERR_USAGE || w.r.findings.count == 0 ||
            strncmp(w.r.findings.items[0].text, want, strlen(want)) != 0 ||
            strstr(w.r.findings.items[0].text, bad_rows[i].say) == NULL) {
            fail_msg("row %zu, %s: %s", i, bad_rows[i].text, w.ok ? "taken" : w.err.msg);
        }
        options_result_free(&w.r);
    }
    (void)state;
}

static void what_is_near_to_wrong_is_taken(void **state)
{
    static const char *const texts[] = {
        V,
        "\xEF\xBB\xBF" V,
        "--- # one document\n" V "...\n",
        V "options: {job: \"1e3\", compression: \"off\", retry-for: 5min, jobs: 08x}\n",
        V "tables: {a.b: {columns: {x: {rename: y}, y: {rename: x}, Y: {rename: z}}}}\n",
        V "tables: {a.b: {columns: {x: {leave-out: false}, y: {leave-out: true}}}}\n",
        V "tables: {a.b: {columns: {x: {rename: z, leave-out: false}}}}\n",
        V "defaults: {mode: sharded}\ntables: {a.b: {shard-key: [x]}}\n",
        V "tables: {\"a*\": {mode: sharded}, a.b: {shard-key: [x], collocate-with: a.c}}\n",
        V "tables: {t_*.e: {to: {schema: s, table: e}}, \"db.s.t\": {mode: standard}}\n",
        V "source: {connection: \"service=no_such_service_here\"}\n",
        V "source: {connection: \"rds:a/b user=c\"}\n",
        V "source: {connection: \"host=a passfile=/x\"}\n",
        V "source: {connection: justadatabase}\n",
        V "select: {tables: [\"NO\", 'on', v1.5.x, a-b, 1x, 12-30]}\n",
        V "tables:\n  a.b:\n    where: |\n      a = 'x: y' # z\n      AND b\n",
    };
    struct world w;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        read_text(&w, FOR_LOAD, texts[i]);
        bool bad = strstr(texts[i], "08x") != NULL; /* the one that shows that rows can fail */
        if (w.ok == bad) {
            fail_msg("%s: %s", texts[i], w.err.msg);
        }
        options_result_free(&w.r);
    }
    (void)state;
}

static void all_problems_come_together(void **state)
{
    struct world w;
    read_text(&w, FOR_LOAD, V "x: 1\noptions: {jobs: 0, y: 1}\nselect: {tables: [NO]}\n");
    assert_false(w.ok);
    assert_int_equal(w.r.findings.count, 4);
    assert_string_equal(w.err.msg, "f.yaml: 4 problems; nothing was done");
    options_result_free(&w.r);
    (void)state;
}

/* The name of a variable may be shown, whatever it is. */
static void assert_hidden(const char *text, const struct findings *findings)
{
    bool is_name = strstr(text, "{env: hunter2 }") != NULL;
    for (size_t i = 0; i < findings->count; i++) {
        if (!is_name && strstr(findings->items[i].text, "hunter") != NULL) {
            fail_msg("%s", findings->items[i].text);
        }
    }
}

static void secrets_are_refused_and_not_shown(void **state)
{
    static const char *const texts[] = {
        V "source: {connection: \"host=a password=hunter2\"}\n",
        V "source: {connection: \"host=a sslpassword=hunter2\"}\n",
        V "source: {connection: \"postgresql://u:hunter2@h/d\"}\n",
        V "source: {connection: \"postgres://h/d?password=hunter2\"}\n",
        V "source: {connection: \"service=nowhere password=hunter2\"}\n",
        V "source: {connection: \"rds:a/b password=hunter2\"}\n",
        V "source: {connection: \"host=a password='hunter2\"}\n",
        V "source: {connection: \"host=a password=x hunter2=y\"}\n",
        V "source: {connection: [hunter2]}\n",
        V "source: {password: hunter2}\n",
        V "source: {PGPASSWORD: hunter2}\n",
        V "source: hunter2\n",
        V "source: {hunter2: x}\n",
        V "source: {connection: {env: hunter2 }, region: {env: \"hunter 2\"}}\n",
        V "hunter2: x\n",
    };
    struct world w;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        read_text(&w, FOR_LOAD, texts[i]);
        assert_false(w.ok);
        assert_hidden(texts[i], &w.r.findings);
        options_result_free(&w.r);
    }
    (void)state;
}

/* ---- with the command line ---- */

static const char *put_file(const char *text)
{
    static char path[] = "/tmp/sluice-test-job-XXXXXX";
    (void)snprintf(path, sizeof path, "%s", "/tmp/sluice-test-job-XXXXXX");
    int fd = mkstemp(path);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    return path;
}

static void parse_with(struct world *w, const char *text, const char *line)
{
    const char *path = put_file(text);
    char words[1024];
    char *argv[WORDS_MAX];
    int argc = 0;
    *w = (struct world){.ok = false};
    assert_in_range(
        snprintf(words, sizeof words, "--config|%s%s%s", path, *line == '\0' ? "" : "|", line), 1,
        sizeof words - 1);
    for (char *at = words; at != NULL && argc < WORDS_MAX; argc++) {
        argv[argc] = at;
        at = strchr(at, '|');
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    w->ok = options_read(FOR_LOAD, argc, argv, &w->r, &w->err);
    assert_int_equal(remove(path), 0);
}

static void words_and_variables_are_stronger(void **state)
{
    struct world w;
    put_variable("SLUICE_MEMORY", "64MB");
    parse_with(&w,
               V "source: {connection: host=a, kms-context: {a: b}, password-kms: f}\n"
                 "options: {jobs: auto, jobs-max: 9, memory: 1GB, quiet: true, chunk-size: 1MB,\n"
                 "  where: [\"a=1\"]}\n"
                 "select: {tables: [x], schemas: [y]}\n",
               "-j|3|-v|-t|p|-t|q|--kms-context|c=d|--where|b=2");
    if (!w.ok) {
        fail_msg("%s", w.err.msg);
    }
    const struct spec *s = &w.r.spec;
    assert_true(s->jobs == 3 && !s->jobs_auto && s->jobs_max == 0);
    assert_int_equal(s->memory_bytes, 64u << 20);
    assert_int_equal(s->chunk_bytes, 1u << 20);
    assert_true(s->verbose && !s->quiet);
    assert_int_equal(s->tables.count, 2);
    assert_string_equal(s->tables.items[0], "p");
    assert_string_equal(s->schemas.items[0], "y");
    assert_int_equal(s->source_auth.context.count, 1);
    assert_string_equal(s->source_auth.context.items[0], "c=d");
    assert_int_equal(s->where_count, 1);
    assert_string_equal(s->where[0].table, "b");
    options_result_free(&w.r);
    put_variable("SLUICE_MEMORY", NULL);
    (void)state;
}

static void what_is_weaker_is_checked(void **state)
{
    struct world w;
    parse_with(&w, V "source: {connection: host=a}\noptions: {jobs: 0}\n", "-j|3");
    assert_false(w.ok);
    assert_non_null(strstr(w.err.msg, ":3:17: jobs: 0"));
    options_result_free(&w.r);
    (void)state;
}

static void options_of_a_file_have_to_fit_together(void **state)
{
    struct world w;
    parse_with(&w, V "source: {connection: host=a}\noptions: {release-source: early}\n", "");
    assert_false(w.ok);
    assert_non_null(strstr(w.err.msg, "add --spill-dir"));
    options_result_free(&w.r);
    parse_with(&w, V, "");
    assert_false(w.ok);
    assert_non_null(strstr(w.err.msg, "neither --source nor --destination"));
    options_result_free(&w.r);
    (void)state;
}

/* bench has no --mode: it is checked, and left aside. */
static void options_of_load_do_not_hurt_another_command(void **state)
{
    struct world w;
    read_text(&w, FOR_BENCH, V "options: {mode: truncate, jobs: 9, format: text}\n");
    assert_true(w.ok);
    assert_int_equal(w.r.spec.mode, MODE_ERROR);
    assert_int_equal(w.r.spec.format, FORMAT_TEXT);
    options_result_free(&w.r);
    read_text(&w, FOR_BENCH, V "options: {mode: replace}\n");
    assert_false(w.ok);
    options_result_free(&w.r);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_reach_the_spec),
        cmocka_unit_test(rules_reach_the_spec_in_order),
        cmocka_unit_test(wrong_files_say_where),
        cmocka_unit_test(what_is_near_to_wrong_is_taken),
        cmocka_unit_test(all_problems_come_together),
        cmocka_unit_test(secrets_are_refused_and_not_shown),
        cmocka_unit_test(words_and_variables_are_stronger),
        cmocka_unit_test(what_is_weaker_is_checked),
        cmocka_unit_test(options_of_a_file_have_to_fit_together),
        cmocka_unit_test(options_of_load_do_not_hurt_another_command),
    };
    return cmocka_run_group_tests(tests, clear_environment, NULL);
}
