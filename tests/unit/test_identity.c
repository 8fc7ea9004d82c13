/* identity: which commands are the same job, and which options must not change half-way. */
#include "unit.h"

#include "job/identity.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static char public_t[] = "public.t";
static char other_t[] = "public.u";
static char condition[] = "id > 10 -- \"new\"\n";
static char other_condition[] = "id > 11";
static char named[] = "nightly";

/* Everything that is a part of a job, each at another value than default_spec's. */
struct change {
    const char *name;
    void (*make)(struct spec *spec);
};

static char *one_table[] = {public_t};
static char *another_table[] = {other_t};
static char *both_tables[] = {public_t, other_t};
static struct where_filter one_filter[] = {
    {public_t, condition}
};
static struct where_filter another_filter[] = {
    {public_t, other_condition}
};

static struct spec default_spec(void)
{
    return (struct spec){
        .jobs = 4, .memory_bytes = 256u << 20, .chunk_bytes = 64u << 20, .sequences = true};
}

static void set_table(struct spec *s)
{
    s->tables = (struct text_list){one_table, 1};
}
static void set_another_table(struct spec *s)
{
    s->tables = (struct text_list){another_table, 1};
}
static void set_both_tables(struct spec *s)
{
    s->tables = (struct text_list){both_tables, 2};
}
static void set_exclude_table(struct spec *s)
{
    s->tables_out = (struct text_list){one_table, 1};
}
static void set_schema(struct spec *s)
{
    s->schemas = (struct text_list){one_table, 1};
}
static void set_exclude_schema(struct spec *s)
{
    s->schemas_out = (struct text_list){one_table, 1};
}
static void set_where(struct spec *s)
{
    s->where = one_filter;
    s->where_count = 1;
}
static void set_another_where(struct spec *s)
{
    s->where = another_filter;
    s->where_count = 1;
}
/* ---- rules of a job file ---- */

static char filter_text[] = "a > 1";
static char other_name[] = "u";
static char key_name[] = "tenant_id";
static char expression_text[] = "(SELECT 1)";
static char *key_items[] = {key_name};

static struct column_rule leave_one[] = {
    {.column = key_name, .leave_out = true, .line = 4}
};
static struct column_rule compute_one[] = {
    {.column = key_name, .expression = expression_text, .line = 5}
};
static struct column_rule rename_one[] = {
    {.column = key_name, .rename = other_name, .line = 6}
};
static struct table_rule filter_rule = {.pattern = public_t, .where = filter_text, .line = 3};
static struct table_rule rule_schema_rule = {.pattern = public_t, .to_schema = other_name};
static struct table_rule rule_table_rule = {.pattern = public_t, .to_table = other_name};
static struct table_rule rule_mode_rule = {.pattern = public_t, .mode = TABLE_REFERENCE};
static struct table_rule key_rule = {
    .pattern = public_t, .shard_key = {.items = key_items, .count = 1}
};
static struct table_rule collocate_rule = {.pattern = public_t, .collocate_with = other_t};
static struct table_rule leave_rule = {
    .pattern = public_t, .columns = leave_one, .column_count = 1};
static struct table_rule compute_rule = {
    .pattern = public_t, .columns = compute_one, .column_count = 1};
static struct table_rule rename_rule = {
    .pattern = public_t, .columns = rename_one, .column_count = 1};
static struct table_rule rule_format_rule = {
    .pattern = public_t, .has_format = true, .format = FORMAT_TEXT};
static struct table_rule chunk_rule = {.pattern = public_t, .chunk_bytes = 1u << 20};

#define RULE_SETTER(which)                                                   \
    static void set_##which(struct spec *s)                                  \
    {                                                                        \
        s->rules = (struct table_rules){.items = &which##_rule, .count = 1}; \
    }
RULE_SETTER(filter)
RULE_SETTER(rule_schema)
RULE_SETTER(rule_table)
RULE_SETTER(rule_mode)
RULE_SETTER(key)
RULE_SETTER(collocate)
RULE_SETTER(leave)
RULE_SETTER(compute)
RULE_SETTER(rename)
RULE_SETTER(rule_format)
RULE_SETTER(chunk)

static void set_mode(struct spec *s)
{
    s->mode = MODE_TRUNCATE;
}
static void set_format(struct spec *s)
{
    s->format = FORMAT_TEXT;
}
static void set_chunk_by(struct spec *s)
{
    s->chunk_by = CHUNK_BY_KEY;
}
static void set_chunk_size(struct spec *s)
{
    s->chunk_bytes = 1u << 20;
}
static void set_triggers(struct spec *s)
{
    s->triggers = TRIGGERS_KEEP;
}
static void set_streams_and_display(struct spec *s)
{
    s->jobs = 16;
    s->memory_bytes = 1u << 30;
    s->verbose = true;
    s->quiet = true;
    s->log_json = true;
    s->progress = PROGRESS_JSON;
    s->retry_budget_ms = 5;
    s->hold_snapshot_ms = 5;
    s->restart = true;
    s->analyze = true;
    s->sequences = false;
}

/* The first ones choose rows, so they are another job; the others change how it is done. */
#define SELECTIONS 11
static const struct change changes[] = {
    {"tables",         set_table         },
    {"tables",         set_another_table },
    {"tables",         set_both_tables   },
    {"exclude-table",  set_exclude_table },
    {"schemas",        set_schema        },
    {"exclude-schema", set_exclude_schema},
    {"where",          set_where         },
    {"where",          set_another_where },
    {"rule",           set_filter        },
    {"rule",           set_rule_schema   },
    {"rule",           set_rule_table    },
    {"mode",           set_mode          },
    {"format",         set_format        },
    {"chunk-by",       set_chunk_by      },
    {"chunk-size",     set_chunk_size    },
    {"triggers",       set_triggers      },
    {"rule",           set_rule_mode     },
    {"rule",           set_key           },
    {"rule",           set_collocate     },
    {"rule",           set_leave         },
    {"rule",           set_compute       },
    {"rule",           set_rename        },
    {"rule",           set_rule_format   },
    {"rule",           set_chunk         },
};

static void name_of(const struct spec *spec, char out[JOB_NAME_MAX])
{
    identity_name(spec, "7000000000000000001", "shop", "shop_new", out);
}

static void a_name_tells_selections_apart(void **state)
{
    char name[ARRAY_LEN(changes) + 1][JOB_NAME_MAX];
    struct spec spec = default_spec();
    (void)state;
    name_of(&spec, name[ARRAY_LEN(changes)]);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        spec = default_spec();
        changes[i].make(&spec);
        name_of(&spec, name[i]);
        if (i >= SELECTIONS) {
            assert_string_equal(name[i], name[ARRAY_LEN(changes)]);
            continue;
        }
        assert_string_not_equal(name[i], name[ARRAY_LEN(changes)]);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(name[i], name[k]);
        }
    }
    spec = default_spec();
    set_streams_and_display(&spec);
    name_of(&spec, name[0]);
    assert_string_equal(name[0], name[ARRAY_LEN(changes)]);
}

static void a_name_tells_servers_apart(void **state)
{
    static const struct {
        const char *system;
        const char *from;
        const char *to;
        const char *begin;
    } rows[] = {
        {"7",  "shop",                      "shop_new", "shop-to-shop_new-"  },
        {"8",  "shop",                      "shop_new", "shop-to-shop_new-"  },
        {"7",  "shop_",                     "shop_new", "shop_-to-shop_new-" },
        {"7",  "shop",                      "shop_old", "shop-to-shop_old-"  },
        {"7s", "hop",                       "shop_new", "hop-to-shop_new-"   },
        {"7",  "sh op",                     "a/b",      "sh_op-to-a_b-"      },
        {"7",  "a_very_long_database_name", "x",        "a_very_long_d-to-x-"},
        {"7",  "a_very_long_database_nama", "x",        "a_very_long_d-to-x-"},
        {"7",  "\xc3\xa9",                  "y",        "__-to-y-"           },
        {"7",  "",                          "",         "-to--"              },
    };
    char name[ARRAY_LEN(rows)][JOB_NAME_MAX];
    struct spec spec = default_spec();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        identity_name(&spec, rows[i].system, rows[i].from, rows[i].to, name[i]);
        size_t len = strlen(rows[i].begin);
        assert_memory_equal(name[i], rows[i].begin, len);
        assert_int_equal(strspn(name[i] + len, "0123456789abcdef"), 8);
        assert_int_equal(strlen(name[i]), len + 8);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(name[i], name[k]);
        }
    }
}

static void a_given_name_is_the_name(void **state)
{
    struct spec spec = default_spec();
    char name[JOB_NAME_MAX];
    (void)state;
    spec.job = named;
    name_of(&spec, name);
    assert_string_equal(name, "nightly");
}

/* The command line takes a hundred characters, which are up to four bytes each. */
static void a_given_name_is_kept_whole(void **state)
{
    struct spec spec = default_spec();
    char long_name[2 * 100 + 1];
    char name[JOB_NAME_MAX];
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        memcpy(long_name + 2 * i, "\xc3\xa9", 3);
    }
    spec.job = long_name;
    name_of(&spec, name);
    assert_string_equal(name, long_name);
}

static void a_stored_spec_is_the_same_command(void **state)
{
    struct err err;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        struct spec spec = default_spec();
        changes[i].make(&spec);
        char *stored = identity_spec(&spec, i % 2 == 0);
        assert_non_null(stored);
        assert_int_equal(identity_triggers_disabled(stored), i % 2 == 0);
        set_streams_and_display(&spec);
        assert_true(identity_compare("j", stored, &spec, &err));
        free(stored);
    }
}

static void each_difference_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        struct err err = {.kind = ERR_NONE};
        struct spec spec = default_spec();
        char *stored = identity_spec(&spec, true);
        assert_non_null(stored);
        changes[i].make(&spec);
        assert_false(identity_compare("nightly", stored, &spec, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_non_null(strstr(err.msg, "\"nightly\""));
        assert_non_null(strstr(err.msg, changes[i].name));
        assert_non_null(strstr(err.msg, "--restart"));
        free(stored);
    }
}

static void all_differences_are_named(void **state)
{
    static const size_t some[] = {0, 6, 8, 9, 11};
    struct err err = {.kind = ERR_NONE};
    struct spec spec = default_spec();
    char *stored = identity_spec(&spec, false);
    (void)state;
    assert_non_null(stored);
    for (size_t i = 0; i < ARRAY_LEN(some); i++) {
        changes[some[i]].make(&spec);
    }
    assert_false(identity_compare("j", stored, &spec, &err));
    for (size_t i = 0; i < ARRAY_LEN(some); i++) {
        assert_non_null(strstr(err.msg, changes[some[i]].name));
    }
    assert_non_null(strstr(err.msg, "was \"error\" and is now \"truncate\""));
    assert_null(strstr(err.msg, "chunk-by"));
    free(stored);
}

/* jsonb gives keys back in its own order, with blanks. */
static void the_form_of_the_record_does_not_matter(void **state)
{
    static const char stored[] =
        "{\"mode\": \"error\", \"where\": [], \"format\": \"auto\", \"tables\": [],"
        " \"schemas\": [], \"chunk-by\": \"auto\", \"triggers\": \"default\", \"chunk-size\": "
        "67108864,"
        " \"exclude-table\": [], \"exclude-schema\": [], \"triggers-disabled\": true}";
    struct err err;
    struct spec spec = default_spec();
    (void)state;
    assert_true(identity_compare("j", stored, &spec, &err));
    assert_true(identity_triggers_disabled(stored));
}

static void a_record_that_cannot_be_read_is_no_match(void **state)
{
    static const char *const stored[] = {"", "nonsense", "{", "[]", "{}", "null"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stored); i++) {
        struct err err = {.kind = ERR_NONE};
        struct spec spec = default_spec();
        assert_false(identity_compare("j", stored[i], &spec, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_false(identity_triggers_disabled(stored[i]));
    }
}

static void no_secret_is_stored(void **state)
{
    struct err err;
    struct spec spec = default_spec();
    (void)state;
    assert_true(secret_set(&spec.source, "password=hunter2", &err));
    char *stored = identity_spec(&spec, false);
    assert_non_null(stored);
    assert_null(strstr(stored, "hunter2"));
    secret_free(&spec.source);
    free(stored);
}

static void a_changed_rule_is_named(void **state)
{
    static const struct {
        void (*before)(struct spec *spec);
        void (*now)(struct spec *spec);
        const char *say;
    } rows[] = {
        {set_leave,               set_compute,
         "the rule for public.t: column \"tenant_id\" was "
         "{\"column\":\"tenant_id\",\"leave-out\":true} and is now "
         "{\"column\":\"tenant_id\",\"expression\":\"(SELECT 1)\"}"                                            },
        {set_leave,               set_filter,              "where was not given and is now \"a > 1\""          },
        {set_leave,               set_filter,              "column \"tenant_id\" was {"                        },
        {set_rule_mode,           set_key,                 "mode was \"reference\" and is now not given; "     },
        {set_key,                 set_chunk,               "shard-key was [\"tenant_id\"] and is now not given"},
        {set_chunk,               set_rule_format,         "chunk-size was 1048576 and is now not given"       },
        {set_streams_and_display, set_leave,
         "rule 1 of the job file was not there and is now for public.t"                                        },
        {set_leave,               set_streams_and_display,
         "rule 1 of the job file was for public.t and is now not there"                                        },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {.kind = ERR_NONE};
        struct spec spec = default_spec();
        rows[i].before(&spec);
        char *stored = identity_spec(&spec, false);
        assert_non_null(stored);
        spec = default_spec();
        rows[i].now(&spec);
        assert_false(identity_compare("j", stored, &spec, &err));
        if (strstr(err.msg, rows[i].say) == NULL) {
            print_message("%zu: %s\n", i, err.msg);
        }
        assert_non_null(strstr(err.msg, rows[i].say));
        assert_null(strstr(err.msg, "was not given and is now not given"));
        free(stored);
    }
}

/* The lines of a job file are no part of a job. */
static void a_moved_rule_is_the_same(void **state)
{
    struct err err = {.kind = ERR_NONE};
    struct spec spec = default_spec();
    (void)state;
    set_compute(&spec);
    char *stored = identity_spec(&spec, false);
    assert_non_null(stored);
    compute_rule.line += 100;
    compute_one[0].line += 100;
    assert_true(identity_compare("j", stored, &spec, &err));
    free(stored);
}

/* What was planned by a version that knew no rules goes on. */
static void a_job_from_before_rules_goes_on(void **state)
{
    static const char rules[] = "\"rules\":[],";
    struct err err = {.kind = ERR_NONE};
    struct spec spec = default_spec();
    (void)state;
    char *stored = identity_spec(&spec, false);
    assert_non_null(stored);
    char *at = strstr(stored, rules);
    assert_non_null(at);
    memmove(at, at + strlen(rules), strlen(at + strlen(rules)) + 1);
    assert_true(identity_compare("j", stored, &spec, &err));
    set_leave(&spec);
    assert_false(identity_compare("j", stored, &spec, &err));
    free(stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_rule_is_named),
        cmocka_unit_test(a_moved_rule_is_the_same),
        cmocka_unit_test(a_job_from_before_rules_goes_on),
        cmocka_unit_test(a_name_tells_selections_apart),
        cmocka_unit_test(a_name_tells_servers_apart),
        cmocka_unit_test(a_given_name_is_the_name),
        cmocka_unit_test(a_given_name_is_kept_whole),
        cmocka_unit_test(a_stored_spec_is_the_same_command),
        cmocka_unit_test(each_difference_is_named),
        cmocka_unit_test(all_differences_are_named),
        cmocka_unit_test(the_form_of_the_record_does_not_matter),
        cmocka_unit_test(a_record_that_cannot_be_read_is_no_match),
        cmocka_unit_test(no_secret_is_stored),
    };

    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
