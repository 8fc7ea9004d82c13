/* report: the summary as a program reads it. */
#include "report_fixture.h"

static void summary_json_has_it_all(void **state)
{
    static const struct err error = {.kind = ERR_LOST_SNAPSHOT, .msg = "gone \"x\""};
    static const char *const problems[] = {"public.a holds rows", "public.b lacks column \"x\""};
    struct summary_view v = usual();
    struct buf out;

    v.exit_status = 1;
    v.error = &error;
    v.problems = problems;
    v.problem_count = 2;
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
        "\"row_widest_bytes\":4096,"
        "\"spent_ms\":{\"read\":250000,\"wait_memory\":5000,\"throttle\":0,\"wait_rows\":104000,"
        "\"begin\":0,\"send\":2600,\"commit\":7800,\"unpack\":0,\"spill_read\":0,\"pack\":0,"
        "\"spill_write\":0,\"spill_full\":0,\"pack_idle\":0},\"readers_active\":0,\"writers_"
        "active\":0,"
        "\"jobs_auto\":false,\"transactions\":48,\"group_bytes\":0,\"resends\":0,\"rereads\":0,"
        "\"max_rate_bytes_s\":0,\"throttled\":false,\"memory_bytes\":0,\"ahead_batches\":0,"
        "\"unpacked_bytes\":0,\"packed_bytes\":0,\"packed_ratio\":null,\"pack_level\":0,"
        "\"spill\":{\"written_bytes\":0,\"read_bytes\":0,\"used_bytes\":0,\"used_bytes_max\":0,"
        "\"limit_bytes\":0,\"full\":false},\"routers\":[],\"released_ms\":null,\"from_spill\":"
        "false,"
        "\"bottleneck\":\"source\",\"verdict\":\"the source is the slower side: writers waited for "
        "its rows 91% of their time; more streams or faster disks there help, a faster "
        "destination does not\",\"streams_list\":[],\"tables\":[{\"name\":\"public.customer\","
        "\"destination\":\"public.customer\",\"format\":\"binary\",\"rows\":1500,"
        "\"wire_bytes\":200000,\"busy_ms\":900,\"chunks_done\":1,\"chunks_total\":1,"
        "\"snapshot\":1,\"time_share\":1.0,\"bottleneck\":\"source\","
        "\"why\":\"75% waiting for rows\",\"spent_ms\":{\"read\":0,\"wait_memory\":0,"
        "\"throttle\":0,\"wait_rows\":600,\"begin\":0,\"send\":200,\"commit\":0,\"unpack\":0,"
        "\"spill_read\":0,\"pack\":0,\"spill_write\":0,\"spill_full\":0,\"pack_idle\":0}}],"
        "\"snapshots\":[{"
        "\"snapshot\":1,"
        "\"taken_at\":\"2026-01-02T03:04:05.678Z\",\"identity\":\"100:100:\"}],"
        "\"sequences_moved\":[\"public.orders_id_seq = 12345678\"],"
        "\"warnings\":[\"3 large objects are not copied\"],"
        "\"problems\":[\"public.a holds rows\",\"public.b lacks column \\\"x\\\"\"]}");
    buf_free(&out);
    (void)state;
}

static void summary_json_has_the_data_plane(void **state)
{
    static const struct stream_view streams[] = {
        {.rows_read = 3,    .bytes_read = 30, .rows_sent = 4, .bytes_sent = 40},
        {.reader = {{[SPENT_READ] = 5 * MS}}, .writer = {{[SPENT_SEND] = 6 * MS}}                },
    };
    static const struct router_line routers[] = {
        {.host = "a",  .state = "gone"},
        { .host = "b",
         .state = "used",
         .writers = 3,
         .down_at = "2026-01-02T03:04:05.678Z",
         .back = true,
         .down_ms = 41000},
    };
    struct summary_view v = usual();
    struct buf out;
    double share = 0;
    json_int_t ms = 0;

    v.stream_list = streams;
    v.stream_count = 2;
    v.flow.released_ms = 77;
    v.flow.packed_bytes = 25;
    v.flow.unpacked_bytes = 100;
    v.flow.spill_full = true;
    v.from_spill = true;
    v.flow.routers = routers;
    v.flow.router_count = 2;
    buf_init(&out, TEXT_MAX);
    report_summary_json(&v, &out);
    json_t *o = parsed(&out);
    json_t *router = json_array_get(json_object_get(o, "routers"), 1);
    assert_int_equal(json_unpack(router, "{s:I}", "back_after_ms", &ms), 0);
    assert_int_equal(ms, 41000);
    assert_int_equal(json_unpack(router, "{s:I}", "writers", &ms), 0);
    assert_int_equal(ms, 3);
    router = json_array_get(json_object_get(o, "routers"), 0);
    assert_true(json_is_null(json_object_get(router, "down_at")));
    assert_string_equal(json_string_value(json_object_get(router, "state")), "gone");
    json_t *list = json_object_get(o, "streams_list");
    assert_int_equal(json_array_size(list), 2);
    assert_int_equal(json_unpack(json_array_get(list, 1), "{s:{s:I}}", "writer_ms", "send", &ms),
                     0);
    assert_int_equal(ms, 6);
    assert_int_equal(json_unpack(json_array_get(list, 0), "{s:I}", "bytes_sent", &ms), 0);
    assert_int_equal(ms, 40);
    assert_int_equal(json_integer_value(json_object_get(o, "released_ms")), 77);
    assert_true(json_real_value(json_object_get(o, "packed_ratio")) == 0.25);
    assert_true(json_is_true(json_object_get(o, "from_spill")));
    assert_true(json_is_true(json_object_get(json_object_get(o, "spill"), "full")));
    json_t *table = json_array_get(json_object_get(o, "tables"), 1);
    assert_int_equal(json_unpack(table, "{s:F}", "time_share", &share), 0);
    assert_true(share > 0.666 && share < 0.667);
    json_decref(o);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(summary_json_has_it_all),
        cmocka_unit_test(summary_json_has_the_data_plane),
        cmocka_unit_test(summary_json_lists_every_table_and_mends_text),
        cmocka_unit_test(every_error_kind_has_a_name),
    };

    return cmocka_run_group_tests_name("report as JSON", tests, NULL, NULL);
}
