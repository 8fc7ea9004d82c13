/* report: the plan of a dry run. */
#include "report_fixture.h"

static const struct plan_table_view plan_tables[] = {
    {.name = "public.tag",
     .destination = "public.tag",
     .format = "binary",
     .format_why = "",
     .split_by = "whole",
     .bytes = 8192,
     .row_estimate = -1,
     .chunks = 1 },
    {.name = "public.orders",
     .destination = "public.orders",
     .format = "text",
     .format_why = "column kind is a regclass",
     .split_by = "key (id)",
     .bytes = 3 * GB,
     .row_estimate = 12345678.4,
     .chunks = 48},
};

static struct plan_view usual_plan(void)
{
    return (struct plan_view){.job = "nightly",
                              .source = "db1:5432/shop",
                              .destination = "db2:5432/shop",
                              .mode = "truncate",
                              .triggers = "keep: the role may not disable them",
                              .streams = 4,
                              .bytes = 3 * GB + 8192,
                              .chunks = 49,
                              .tables = plan_tables,
                              .table_count = 2,
                              .warnings = one_warning,
                              .warning_count = 1};
}

static void check_plan(const struct plan_view *v, const char *want)
{
    struct buf out;
    buf_init(&out, TEXT_MAX);
    report_plan_text(v, &out);
    if (strstr(buf_str(&out), want) == NULL) {
        fail_msg("no \"%s\" in\n%s", want, buf_str(&out));
    }
    buf_free(&out);
}

static void plan_as_text(void **state)
{
    struct plan_view v = usual_plan();

    check_plan(&v, "plan of job  nightly\n"
                   "source       db1:5432/shop\n"
                   "destination  db2:5432/shop\n"
                   "mode         truncate\n"
                   "triggers     keep: the role may not disable them\n"
                   "streams      4\n"
                   "\n"
                   "  table              bytes  rows (estimate)  chunks  cut by    format\n"
                   "  public.orders       3 GB       12,345,678      48  key (id)  text: column "
                   "kind is a regclass\n"
                   "  public.tag          8 kB                -       1  whole     binary\n"
                   "  total of 2 tables   3 GB       12,345,678      49\n"
                   "\n"
                   "warning      3 large objects are not copied\n"
                   "Nothing was changed on either side.\n");
    v.table_count = 0;
    check_plan(&v, "\n\n  no table\n\n");
    (void)state;
}

static void plan_of_many_tables_sums_the_rest(void **state)
{
    struct plan_table_view tables[41];
    struct plan_view v = usual_plan();

    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        tables[i] = plan_tables[1];
    }
    tables[40].bytes = 8192;
    tables[40].row_estimate = 1e300;
    v.tables = tables;
    v.table_count = ARRAY_LEN(tables);
    check_plan(&v, "\n  (1 smaller table)     8 kB  1,000,000,000,000,000,000      48\n"
                   "  total of 41 tables  120 GB  1,000,000,000,000,000,000   1,968\n");
    (void)state;
}

static void plan_as_json(void **state)
{
    struct plan_view v = usual_plan();
    struct buf out;

    buf_init(&out, TEXT_MAX);
    report_plan_json(&v, &out);
    assert_string_equal(
        buf_str(&out),
        "{\"event\":\"plan\",\"job\":\"nightly\",\"source\":\"db1:5432/shop\","
        "\"destination\":\"db2:5432/shop\",\"mode\":\"truncate\","
        "\"triggers\":\"keep: the role may not disable them\",\"streams\":4,"
        "\"bytes\":3221233664,\"chunks\":49,\"tables\":[{\"name\":\"public.tag\","
        "\"destination\":\"public.tag\",\"format\":\"binary\",\"format_why\":\"\","
        "\"split_by\":\"whole\",\"bytes\":8192,\"row_estimate\":null,\"chunks\":1},"
        "{\"name\":\"public.orders\",\"destination\":\"public.orders\",\"format\":\"text\","
        "\"format_why\":\"column kind is a regclass\",\"split_by\":\"key (id)\","
        "\"bytes\":3221225472,\"row_estimate\":12345678,\"chunks\":48}],"
        "\"warnings\":[\"3 large objects are not copied\"]}");
    buf_free(&out);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan_as_text),
        cmocka_unit_test(plan_of_many_tables_sums_the_rest),
        cmocka_unit_test(plan_as_json),
    };

    return cmocka_run_group_tests_name("report of a plan", tests, NULL, NULL);
}
