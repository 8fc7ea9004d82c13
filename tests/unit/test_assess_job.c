/* assess_job: the job file of a proposal is read again as what was meant, whatever names there are.
 */
#include "assess_fixture.h"

#include "cli/assess_job.h"
#include "cli/job_file.h"

static const struct table_rule *rule_of(const struct spec *spec, const char *pattern)
{
    for (size_t i = 0; i < spec->rules.count; i++) {
        if (strcmp(spec->rules.items[i].pattern, pattern) == 0) {
            return &spec->rules.items[i];
        }
    }
    fail_msg("no rule for %s", pattern);
    return NULL;
}

/* Writes the file and reads it back. */
static void round_trip(const struct spec *given, struct survey *s, struct spec *back)
{
    struct assess_result r = {.survey = *s, .source = "db1:5432/x\n  evil: true"};
    struct config_origins origins = {0};
    struct findings findings = {0};
    struct buf text;
    struct err err = {.kind = ERR_NONE};
    r.proposal = world_assess(s);
    buf_init(&text, BUF_SQL_MAX);
    assess_job_text(given, &r, &text);
    assert_true(buf_ok(&text, &err));
    struct job_file file = {.path = "x.yaml",
                            .command = FOR_LOAD,
                            .spec = back,
                            .origins = &origins,
                            .findings = &findings};
    if (!job_file_read_bytes(&file, buf_str(&text), text.len, &err)) {
        fail_msg("%s\n%s", err.msg, buf_str(&text));
    }
    buf_free(&text);
    assessment_free(&r.proposal);
    config_origins_free(&origins);
    findings_free(&findings);
}

static void test_rules(void **state)
{
    (void)state;
    struct spec given = {0};
    struct spec back = {0};
    struct survey s = world_new();
    struct survey_table *t = world_table(&s, "orders", 50000);
    (void)world_column(t, "id", 50000);
    (void)world_column(t, "tenant_id", 500);
    world_key(t, "id", true);
    t = world_table(&s, "items", 90000);
    (void)world_column(t, "order_id", 50000);
    t = world_table(&s, "tenants", 500);
    (void)world_column(t, "id", 500);
    world_key(t, "id", true);
    world_link(&s, "orders", "tenant_id", "tenants", "id");
    world_link(&s, "items", "order_id", "orders", "id");
    round_trip(&given, &s, &back);
    const struct table_rule *items = rule_of(&back, "public.items");
    const struct table_rule *orders = rule_of(&back, "public.orders");
    assert_int_equal(items->mode, TABLE_SHARDED);
    assert_string_equal(items->shard_key.items[0], "tenant_id");
    assert_string_equal(items->columns[0].column, "tenant_id");
    assert_string_equal(items->columns[0].type, "integer");
    assert_non_null(strstr(items->columns[0].expression, "FROM public.orders p"));
    assert_true((items->collocate_with == NULL) != (orders->collocate_with == NULL));
    assert_int_equal(rule_of(&back, "public.tenants")->mode, TABLE_REFERENCE);
    spec_free(&back);
    survey_free(&s);
}

static void test_names(void **state)
{
    static const char *const names[][2] = {
        {"plain_1",           "public.plain_1"              },
        {"Big",               "public.\"Big\""              },
        {"a.b",               "public.\"a.b\""              },
        {"a*?$",              "public.\"a*?$\""             },
        {"quo\"te",           "public.\"quo\"\"te\""        },
        {"line\nend: x",      "public.\"line\nend: x\""     },
        {"#no: {}",           "public.\"#no: {}\""          },
        {"no",                "public.no"                   },
        {"\xC3\xA9t\xC3\xA9", "public.\"\xC3\xA9t\xC3\xA9\""},
        {"back\\slash",       "public.\"back\\slash\""      },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct spec given = {0};
        struct spec back = {0};
        struct survey s = world_new();
        struct survey_table *t = world_table(&s, names[i][0], 50000);
        (void)world_column(t, names[i][0], 50000);
        world_key(t, names[i][0], true);
        (void)world_table(&s, "other", 5);
        world_column(&s.tables[1], "k", 5);
        world_key(&s.tables[1], "k", true);
        world_link(&s, names[i][0], names[i][0], "other", "k");
        round_trip(&given, &s, &back);
        const struct table_rule *rule = rule_of(&back, names[i][1]);
        assert_int_equal(rule->mode, TABLE_SHARDED);
        assert_string_equal(rule->shard_key.items[0], names[i][0]);
        assert_int_equal(rule_of(&back, "public.other")->mode, TABLE_REFERENCE);
        spec_free(&back);
        survey_free(&s);
    }
}

static void test_patterns_go_along(void **state)
{
    static char *tables[] = {"*.a*", "-x: y"};
    static char *schemas[] = {"NO"};
    (void)state;
    struct spec given = {
        .tables = {tables,  2},
          .schemas_out = {schemas, 1}
    };
    struct spec back = {0};
    struct survey s = world_new();
    (void)world_table(&s, "t", 5);
    round_trip(&given, &s, &back);
    assert_int_equal(back.tables.count, 2);
    assert_string_equal(back.tables.items[0], "*.a*");
    assert_string_equal(back.tables.items[1], "-x: y");
    assert_string_equal(back.schemas_out.items[0], "NO");
    spec_free(&back);
    survey_free(&s);
}

/* A table that a shard group cannot have has no rule, and is left out beside those of the caller.
 */
static void test_tables_left_out(void **state)
{
    static char *given_out[] = {"other"};
    static const char *const names[][2] = {
        {"plain",     "public.plain"        },
        {"Odd: - #x", "public.\"Odd: - #x\""},
    };
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(names); i++) {
        struct spec given = {
            .tables_out = {given_out, i / ARRAY_LEN(names)}
        };
        struct spec back = {0};
        struct survey s = world_new();
        struct survey_table *t = world_table(&s, names[i % ARRAY_LEN(names)][0], 50000);
        (void)world_column(t, "id", 50000);
        t->types = calloc(1, sizeof *t->types);
        t->types[0].name = str_copy("public.widget\nx: y");
        t->type_count = 1;
        t = world_table(&s, "too", 0);
        t->types = calloc(1, sizeof *t->types);
        t->types[0].name = str_copy("s.b");
        t->type_count = 1;
        (void)world_column(t, "id", 5);
        (void)world_table(&s, "kept", 5);
        round_trip(&given, &s, &back);
        size_t own = given.tables_out.count;
        assert_int_equal(back.tables_out.count, own + 2);
        assert_string_equal(back.tables_out.items[own], names[i % ARRAY_LEN(names)][1]);
        assert_string_equal(back.tables_out.items[own + 1], "public.too");
        assert_int_equal(back.rules.count, 1);
        assert_int_equal(rule_of(&back, "public.kept")->mode, TABLE_STANDARD);
        spec_free(&back);
        survey_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_patterns_go_along),
        cmocka_unit_test(test_tables_left_out),
    };
    return cmocka_run_group_tests_name("assess job", tests, NULL, NULL);
}
