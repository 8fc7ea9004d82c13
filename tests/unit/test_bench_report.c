/* bench_report: the report of "bench" as a person and as a program read it. */
#include "unit.h"

#include "ui/bench_report.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define MB (1024.0 * 1024.0)

static const struct bench_run_view two_runs[] = {
    {.seconds = 1, .rows = 10, .bytes = 100, .cpu_s = 0.5},
    {.seconds = 2, .rows = 20, .bytes = 200, .cpu_s = 0.7},
};

static const struct bench_row_view three_rows[] = {
    {.stage = "source",
     .streams = 1,
     .chunk_bytes = 8u << 20,
     .runs = two_runs,
     .run_count = 2,
     .bytes_per_s = 300 * MB,
     .bytes_per_s_min = 290 * MB,
     .bytes_per_s_max = 310 * MB,
     .rows_per_s = 1234567,
     .cpu_cores = 0.75,
     .waits_rows = 0.87,
     .knee = true},
    {.stage = "destination",
     .streams = 1,
     .chunk_bytes = 8u << 20,
     .runs = two_runs,
     .run_count = 1,
     .bytes_per_s = 100 * MB,
     .knee = true},
    {.stage = "destination", .streams = 2,       .chunk_bytes = 8u << 20         },
};

static const struct err no_error = {.kind = ERR_NONE};
static const char *const one_warning[] = {"a table is odd"};

static struct bench_view usual(void)
{
    return (struct bench_view){.source = "db1:5432/shop",
                               .destination = "db2:5432/shop",
                               .table_count = 3,
                               .tables_bytes = 2u << 20,
                               .part_bytes = 1u << 20,
                               .repeat = 2,
                               .rows = three_rows,
                               .row_count = 3,
                               .advice = &three_rows[1],
                               .command = "sluice load -j 1",
                               .warnings = one_warning,
                               .warning_count = 1,
                               .error = &no_error};
}

static void text_of(const struct bench_view *v, struct buf *out)
{
    buf_init(out, 1u << 20);
    bench_report_text(v, out);
    assert_false(out->failed);
}

static void the_text_has_a_table_for_each_stage(void **state)
{
    struct bench_view v = usual();
    struct buf out;
    static const char *const want[] = {
        "Source       db1:5432/shop\n",
        "Tables       3, 2 MB; each measurement moves 1 MB of them\n",
        "\nSource alone, chunks of 8 MB:\n",
        "300.0  290.0..310.0  1,234,567       0.75",
        "87 %           0 %  knee\n",
        "\nDestination alone, chunks of 8 MB:\n",
        "1 of 2 runs, knee\n",
        "\nThe destination is the slower side.\n",
        "Recommended: 1 stream, from \"Destination alone\"",
        "\n  sluice load -j 1\n",
        "\nwarning: a table is odd\n",
    };
    (void)state;
    text_of(&v, &out);
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        if (strstr(buf_str(&out), want[i]) == NULL) {
            fail_msg("no \"%s\" in:\n%s", want[i], buf_str(&out));
        }
    }
    assert_null(strstr(buf_str(&out), "Not complete"));
    buf_free(&out);
}

static void which_side_is_slower(void **state)
{
    static const struct {
        double source, destination;
        const char *want;
    } rows[] = {
        {100, 50,  "The destination is the slower side"},
        {50,  100, "The source is the slower side"     },
        {100, 95,  "Both sides are about as fast"      },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench_row_view two[] = {three_rows[0], three_rows[1]};
        struct bench_view v = usual();
        struct buf out;
        two[0].bytes_per_s = rows[i].source;
        two[1].bytes_per_s = rows[i].destination;
        v.rows = two;
        v.row_count = 2;
        text_of(&v, &out);
        assert_non_null(strstr(buf_str(&out), rows[i].want));
        buf_free(&out);
    }
}

static void a_stop_before_the_first_measurement(void **state)
{
    struct err err = {.kind = ERR_CANCELLED, .msg = "stopped\x1b[2J by a signal"};
    struct bench_view v = {.source = "", .destination = "", .command = "", .error = &err};
    struct buf out;
    (void)state;
    text_of(&v, &out);
    assert_string_equal(buf_str(&out), "\nNot complete: stopped\\x1B[2J by a signal\n");
    buf_free(&out);
}

static void json_has_what_was_measured(void **state)
{
    struct bench_view v = usual();
    struct buf out;
    (void)state;
    v.source = "";
    buf_init(&out, 1u << 20);
    bench_report_json(&v, &out);
    assert_null(strchr(buf_str(&out), '\n'));
    json_t *o = json_loads(buf_str(&out), 0, NULL);
    assert_non_null(o);
    assert_true(json_is_null(json_object_get(o, "source")));
    assert_string_equal(json_string_value(json_object_get(o, "destination")), "db2:5432/shop");
    const json_t *points = json_object_get(o, "points");
    assert_int_equal(json_array_size(points), 2); /* the third was not measured */
    const json_t *first = json_array_get(points, 0);
    assert_int_equal(json_array_size(json_object_get(first, "runs")), 2);
    assert_true(json_is_true(json_object_get(first, "knee")));
    assert_int_equal((uint64_t)json_number_value(json_object_get(first, "bytes_per_s")),
                     (uint64_t)(300 * MB));
    const json_t *advice = json_object_get(o, "recommended");
    assert_int_equal(json_integer_value(json_object_get(advice, "jobs")), 1);
    assert_int_equal(json_array_size(json_object_get(o, "warnings")), 1);
    assert_true(json_is_null(json_object_get(o, "error")));
    json_decref(o);
    buf_free(&out);
}

static void json_of_nothing(void **state)
{
    struct err err = {.kind = ERR_USAGE, .msg = "no \xff such"};
    struct bench_view v = {
        .source = "", .destination = "", .command = "", .error = &err, .exit_status = 2};
    struct buf out;
    (void)state;
    buf_init(&out, 1u << 20);
    bench_report_json(&v, &out);
    json_t *o = json_loads(buf_str(&out), 0, NULL);
    assert_non_null(o);
    assert_true(json_is_null(json_object_get(o, "recommended")));
    assert_string_equal(json_string_value(json_object_get(o, "error")), "no \xEF\xBF\xBD such");
    assert_int_equal(json_integer_value(json_object_get(o, "exit_status")), 2);
    json_decref(o);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_has_a_table_for_each_stage),
        cmocka_unit_test(which_side_is_slower),
        cmocka_unit_test(a_stop_before_the_first_measurement),
        cmocka_unit_test(json_has_what_was_measured),
        cmocka_unit_test(json_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
