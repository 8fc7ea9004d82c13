/* report: the summary and the plan as a person and as a program read them. */
#include "unit.h"

#include "ui/report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (1u << 20)
#define MB       (UINT64_C(1) << 20)
#define GB       (UINT64_C(1) << 30)

static const struct table_view two_tables[] = {
    {.name = "public.customer",
     .destination = "public.customer",
     .format = "binary",
     .rows = 1500,
     .wire_bytes = 200000,
     .busy_ms = 900,
     .chunks_done = 1,
     .chunks_total = 1,
     .snapshot_no = 1},
    {.name = "public.orders",
     .destination = "archive.orders",
     .format = "text",
     .rows = 12345678,
     .wire_bytes = 3 * GB,
     .busy_ms = 125000,
     .chunks_done = 47,
     .chunks_total = 48,
     .snapshot_no = 2},
};

static const struct snapshot_view two_snapshots[] = {
    {.no = 1, .taken_at = "2026-01-02T03:04:05.678Z", .identity = "100:100:"       },
    {.no = 2, .taken_at = "2026-01-02T04:04:05.678Z", .identity = "200:210:201,205"},
};

static const char *const one_warning[] = {"3 large objects are not copied"};
static const char *const one_sequence[] = {"public.orders_id_seq = 12345678"};

static struct summary_view usual(void)
{
    static const struct err no_error = {.kind = ERR_NONE};

    return (struct summary_view){.job = "nightly",
                                 .source = "db1:5432/shop",
                                 .destination = "db2:5432/shop",
                                 .error = &no_error,
                                 .elapsed_ms = 65000,
                                 .streams = 4,
                                 .rows = 12347178,
                                 .rows_run = 12347178,
                                 .wire_bytes_run = 3 * GB,
                                 .chunks_done = 49,
                                 .chunks_total = 49,
                                 .retry_reasons = "",
                                 .source_wait_ms = 104000,
                                 .destination_wait_ms = 2600,
                                 .commit_ms = 7800,
                                 .memory_peak_bytes = 100 * MB,
                                 .memory_limit_bytes = 256 * MB,
                                 .row_widest_bytes = 4096,
                                 .tables = two_tables,
                                 .table_count = 2,
                                 .snapshots = two_snapshots,
                                 .snapshot_count = 1,
                                 .warnings = one_warning,
                                 .warning_count = 1,
                                 .sequences_moved = one_sequence,
                                 .sequence_count = 1};
}

/* The caller frees. */
static char *summary_text(const struct summary_view *v)
{
    struct buf out;
    buf_init(&out, TEXT_MAX);
    report_summary_text(v, &out);
    assert_false(out.failed);
    return buf_take(&out);
}

static void check_summary(const struct summary_view *v, const char *want)
{
    char *text = summary_text(v);
    assert_string_equal(text, want);
    free(text);
}

static void check_holds(const struct summary_view *v, const char *want)
{
    char *text = summary_text(v);
    if (strstr(text, want) == NULL) {
        fail_msg("no \"%s\" in\n%s", want, text);
    }
    free(text);
}

static void good_load(void **state)
{
    struct summary_view v = usual();

    check_summary(
        &v,
        "job          nightly: done\n"
        "source       db1:5432/shop\n"
        "destination  db2:5432/shop\n"
        "\n"
        "  table                                  rows     bytes  stream time       rate  chunks  "
        "format\n"
        "  public.orders -> archive.orders  12,345,678      3 GB   2 min 05 s  24.6 MB/s   47/48  "
        "text\n"
        "  public.customer                       1,500  195.3 kB       900 ms   217 kB/s       1  "
        "binary\n"
        "  total of 2 tables                12,347,178      3 GB   2 min 05 s  24.4 MB/s   48/49\n"
        "\n"
        "this run     12,347,178 rows, 3 GB in 1 min 05 s by 4 streams: 189,956 rows/s, 47.3 MB/s\n"
        "whole job    12,347,178 rows; 49 of 49 chunks committed\n"
        "time went    40% waiting for the source, 1% for the destination, 3% committing: the "
        "source is the slower side\n"
        "memory       100 MB at most of 256 MB; widest row 4 kB\n"
        "snapshot     1, taken 2026-01-02T03:04:05.678Z, 100:100:\n"
        "sequence     public.orders_id_seq = 12345678\n"
        "warning      3 large objects are not copied\n");
    (void)state;
}

static void stopped_load_says_how_to_resume(void **state)
{
    static const struct err error = {.kind = ERR_TRANSIENT, .msg = "destination:\nconnection lost"};
    struct summary_view v = usual();

    v.exit_status = 5;
    v.error = &error;
    v.hint = "run the same command again to resume";
    v.retries = 6;
    v.retry_reasons = "5 x connection refused, 1 x timeout";
    v.snapshot_count = 2;
    v.chunks_done = 48;
    v.warning_count = 0;
    v.sequence_count = 0;
    check_summary(
        &v,
        "job          nightly: stopped\n"
        "source       db1:5432/shop\n"
        "destination  db2:5432/shop\n"
        "\n"
        "  table                                  rows     bytes  stream time       rate  chunks  "
        "format  snapshot\n"
        "  public.orders -> archive.orders  12,345,678      3 GB   2 min 05 s  24.6 MB/s   47/48  "
        "text           2\n"
        "  public.customer                       1,500  195.3 kB       900 ms   217 kB/s       1  "
        "binary         1\n"
        "  total of 2 tables                12,347,178      3 GB   2 min 05 s  24.4 MB/s   48/49\n"
        "\n"
        "this run     12,347,178 rows, 3 GB in 1 min 05 s by 4 streams: 189,956 rows/s, 47.3 MB/s\n"
        "whole job    12,347,178 rows; 48 of 49 chunks committed\n"
        "time went    40% waiting for the source, 1% for the destination, 3% committing: the "
        "source is the slower side\n"
        "memory       100 MB at most of 256 MB; widest row 4 kB\n"
        "retries      6: 5 x connection refused, 1 x timeout\n"
        "snapshot     1, taken 2026-01-02T03:04:05.678Z, 100:100:\n"
        "snapshot     2, taken 2026-01-02T04:04:05.678Z, 200:210:201,205\n"
        "error        destination:\n"
        "             connection lost\n"
        "next         run the same command again to resume\n");
    (void)state;
}

static void nothing_was_loaded(void **state)
{
    static const struct err error = {.kind = ERR_USAGE, .msg = "-t x: no table matches"};
    struct summary_view v = {.job = "j",
                             .source = "a/s",
                             .destination = "b/d",
                             .exit_status = 2,
                             .error = &error,
                             .streams = 4,
                             .elapsed_ms = 3};

    check_summary(&v, "job          j: refused\n"
                      "source       a/s\n"
                      "destination  b/d\n"
                      "error        -t x: no table matches\n");
    (void)state;
}

static void title_names_every_outcome(void **state)
{
    static const struct {
        int status;
        const char *want;
    } rows[] = {
        {0,  "j: done\n"                   },
        {1,  "j: failed\n"                 },
        {2,  "j: refused\n"                },
        {3,  "j: permission refused\n"     },
        {4,  "j: server unreachable\n"     },
        {5,  "j: stopped\n"                },
        {6,  "j: done with rejected rows\n"},
        {7,  "j: difference found\n"       },
        {8,  "j: already running\n"        },
        {9,  "j: unknown\n"                },
        {-1, "j: unknown\n"                }
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct summary_view v = {
            .job = "j", .source = "s", .destination = "d", .exit_status = rows[i].status};
        check_holds(&v, rows[i].want);
    }
    struct summary_view before = {
        .job = "j", .source = "s", .destination = "d", .already_complete = true};
    check_holds(&before, "j: done before, nothing was left to do\n");
    (void)state;
}

static void time_line_names_the_slower_side(void **state)
{
    static const struct {
        uint64_t source, destination, commit;
        const char *want;
    } rows[] = {
        {104000, 2600,   0,
         "40% waiting for the source, 1% for the destination, 0% committing: "
         "the source is"                                            },
        {2600,   104000, 0,     "the destination is the slower side"},
        {60000,  60000,  0,
         "23% waiting for the source, 23% for the destination, 0% committing: "
         "neither"                                                  },
        {0,      0,      0,     "neither side"                      },
        {40000,  0,      0,
         "15% waiting for the source, 0% for the destination, 0% committing: "
         "neither"                                                  },
        {0,      0,      78000, "30% committing: commits take long" },
        {999999, 0,      0,     "100% waiting for the source"       },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct summary_view v = usual();
        v.source_wait_ms = rows[i].source;
        v.destination_wait_ms = rows[i].destination;
        v.commit_ms = rows[i].commit;
        check_holds(&v, rows[i].want);
    }
    (void)state;
}

/* Names may hold anything: what is shown keeps its columns and cannot move a cursor. */
static void names_cannot_break_the_table(void **state)
{
    static const struct table_view tables[] = {
        {.name = "a.two\nlines", .destination = "a.two\nlines", .format = "text", .rows = 1},
        {.name = "a.\x1B[2J",                      .format = "text",                                 .rows = 2           },
        {.name = "a.k\xC3\xA4se",                      .format = "text",                             .rows = 3},
        {.name = "a.\xE6\x9D\xB1",                      .format = "text",                            .rows = 4          },
        {.name = "a.\xFF",                      .format = "text",                                    .rows = 5    },
    };
    struct summary_view v = usual();
    v.tables = tables;
    v.table_count = ARRAY_LEN(tables);

    check_holds(&v, "  table              rows  bytes  stream time  rate  chunks  format\n"
                    "  a.two\\nlines          1    0 B         0 ms     -       0  text\n"
                    "  a.\\x1B[2J             2    0 B         0 ms     -       0  text\n"
                    "  a.k\xC3\xA4se                3    0 B         0 ms     -       0  text\n"
                    "  a.\xE6\x9D\xB1                  4    0 B         0 ms     -       0  text\n"
                    "  a.\\xFF                5    0 B         0 ms     -       0  text\n"
                    "  total of 5 tables    15    0 B         0 ms     -       0\n");
    (void)state;
}

#define MANY 100

static void make_many(struct table_view tables[MANY], char names[MANY][16])
{
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "s.t%02zu", i);
        /* The size goes up and down, so that order is put in, not found. */
        tables[i] = (struct table_view){.name = names[i],
                                        .format = "text",
                                        .rows = 1,
                                        .wire_bytes = (i * 37) % MANY + 1,
                                        .chunks_done = 1,
                                        .chunks_total = 1};
    }
}

static void largest_forty_are_listed_and_the_rest_summed(void **state)
{
    struct table_view tables[MANY];
    char names[MANY][16];
    struct summary_view v = usual();

    make_many(tables, names);
    v.tables = tables;
    v.table_count = MANY;
    char *text = summary_text(&v);
    const char *last = text;
    for (size_t size = MANY; size > MANY - 40; size--) {
        char want[32];
        size_t i = 0;
        while (tables[i].wire_bytes != size) {
            i++;
        }
        (void)snprintf(want, sizeof(want), "\n  %.15s ", names[i]);
        const char *found = strstr(text, want);
        assert_non_null(found);
        assert_true(found > last);
        last = found;
    }
    assert_non_null(strstr(last, "\n  (60 smaller tables)    60  1.8 kB"));
    assert_non_null(strstr(last, "\n  total of 100 tables   100  4.9 kB"));
    free(text);
    (void)state;
}

static void long_lists_are_cut(void **state)
{
    const char *sequences[50];
    struct summary_view v = usual();

    for (size_t i = 0; i < ARRAY_LEN(sequences); i++) {
        sequences[i] = "public.s = 1";
    }
    v.sequences_moved = sequences;
    v.sequence_count = ARRAY_LEN(sequences);
    check_holds(&v, "sequence     public.s = 1\nsequence     and 10 more\nwarning");
    (void)state;
}

static void too_little_room_fails_the_buffer(void **state)
{
    struct summary_view v = usual();

    for (size_t room = 0; room < 300; room += 50) {
        struct buf out;
        buf_init(&out, room);
        report_summary_text(&v, &out);
        assert_true(out.failed);
        buf_clear(&out);
        report_summary_json(&v, &out);
        assert_true(out.failed);
        buf_free(&out);
    }
    (void)state;
}

/* JSON. */

static json_t *parsed(const struct buf *out)
{
    json_error_t error;

    assert_false(out->failed);
    assert_null(strchr(buf_str(out), '\n'));
    json_t *o = json_loads(buf_str(out), JSON_REJECT_DUPLICATES, &error);
    if (o == NULL) {
        fail_msg("%s in %s", error.text, buf_str(out));
    }
    return o;
}

static void summary_json_has_it_all(void **state)
{
    static const struct err error = {.kind = ERR_LOST_SNAPSHOT, .msg = "gone \"x\""};
    struct summary_view v = usual();
    struct buf out;

    v.exit_status = 1;
    v.error = &error;
    v.table_count = 1;
    buf_init(&out, TEXT_MAX);
    report_summary_json(&v, &out);
    assert_string_equal(
        buf_str(&out),
        "{\"event\":\"summary\",\"job\":\"nightly\",\"source\":\"db1:5432/shop\","
        "\"destination\":\"db2:5432/shop\",\"exit_status\":1,\"outcome\":\"failed\","
        "\"already_complete\":false,"
        "\"error\":{\"kind\":\"lost_snapshot\",\"message\":\"gone \\\"x\\\"\"},\"hint\":null,"
        "\"elapsed_ms\":65000,\"streams\":4,\"rows\":12347178,\"rows_run\":12347178,"
        "\"wire_bytes_run\":3221225472,\"chunks_done\":49,\"chunks_total\":49,\"retries\":0,"
        "\"retry_reasons\":\"\",\"source_wait_ms\":104000,\"destination_wait_ms\":2600,"
        "\"commit_ms\":7800,\"memory_peak_bytes\":104857600,\"memory_limit_bytes\":268435456,"
        "\"row_widest_bytes\":4096,\"tables\":[{\"name\":\"public.customer\","
        "\"destination\":\"public.customer\",\"format\":\"binary\",\"rows\":1500,"
        "\"wire_bytes\":200000,\"busy_ms\":900,\"chunks_done\":1,\"chunks_total\":1,"
        "\"snapshot\":1}],\"snapshots\":[{\"snapshot\":1,"
        "\"taken_at\":\"2026-01-02T03:04:05.678Z\",\"identity\":\"100:100:\"}],"
        "\"sequences_moved\":[\"public.orders_id_seq = 12345678\"],"
        "\"warnings\":[\"3 large objects are not copied\"]}");
    buf_free(&out);
    (void)state;
}

static void summary_json_lists_every_table_and_mends_text(void **state)
{
    struct table_view tables[MANY];
    char names[MANY][16];
    struct summary_view v = usual();
    struct buf out;

    make_many(tables, names);
    tables[99].name = "bad \xFF\xC3\xA4\xE6\x9D";
    tables[99].rows = UINT64_MAX;
    v.tables = tables;
    v.table_count = MANY;
    buf_init(&out, TEXT_MAX);
    report_summary_json(&v, &out);
    json_t *o = parsed(&out);
    json_t *list = json_object_get(o, "tables");
    assert_int_equal(json_array_size(list), MANY);
    json_t *last = json_array_get(list, 99);
    assert_string_equal(json_string_value(json_object_get(last, "name")),
                        "bad \xEF\xBF\xBD\xC3\xA4\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_true(json_integer_value(json_object_get(last, "rows")) == INT64_MAX);
    assert_true(json_is_null(json_object_get(o, "error")));
    json_decref(o);
    buf_free(&out);
    (void)state;
}

static void every_error_kind_has_a_name(void **state)
{
    static const char *const names[] = {NULL,        "usage",  "auth", "transient",    "data",
                                        "cancelled", "system", "busy", "lost_snapshot"};

    for (size_t i = 1; i < ARRAY_LEN(names); i++) {
        struct err error = {.kind = (enum err_kind)i, .msg = "m"};
        struct summary_view v = usual();
        struct buf out;
        v.error = &error;
        buf_init(&out, TEXT_MAX);
        report_summary_json(&v, &out);
        json_t *o = parsed(&out);
        json_t *kind = json_object_get(json_object_get(o, "error"), "kind");
        assert_string_equal(json_string_value(kind), names[i]);
        json_decref(o);
        buf_free(&out);
    }
    (void)state;
}

/* The plan. */

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
        cmocka_unit_test(good_load),
        cmocka_unit_test(stopped_load_says_how_to_resume),
        cmocka_unit_test(nothing_was_loaded),
        cmocka_unit_test(title_names_every_outcome),
        cmocka_unit_test(time_line_names_the_slower_side),
        cmocka_unit_test(names_cannot_break_the_table),
        cmocka_unit_test(largest_forty_are_listed_and_the_rest_summed),
        cmocka_unit_test(long_lists_are_cut),
        cmocka_unit_test(too_little_room_fails_the_buffer),
        cmocka_unit_test(summary_json_has_it_all),
        cmocka_unit_test(summary_json_lists_every_table_and_mends_text),
        cmocka_unit_test(every_error_kind_has_a_name),
        cmocka_unit_test(plan_as_text),
        cmocka_unit_test(plan_of_many_tables_sums_the_rest),
        cmocka_unit_test(plan_as_json),
    };

    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
