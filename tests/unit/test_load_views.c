/* load_views: what a load's result becomes in the summary and the plan. */
#include "unit.h"

#include "cli/load_views.h"

#include <jansson.h>
#include <string.h>

#define TEXT_MAX (1u << 20)
#define MS       UINT64_C(1000000) /* in ns */

static struct plan_chunk chunks[] = {
    {.state = CHUNK_DONE,    .rows = 5,   .wire_bytes = 50,   .busy_ns = 7 * MS},
    {.state = CHUNK_DONE,    .rows = 6,   .wire_bytes = 60,   .busy_ns = 8 * MS},
    {.state = CHUNK_RUNNING, .rows = 100, .wire_bytes = 1000, .busy_ns = 9 * MS},
};
static struct plan_table table = {.label = "public.t",
                                  .target = "public.t",
                                  .bytes = 4096,
                                  .chunks = chunks,
                                  .chunk_count = 3,
                                  .spent = {{[SPENT_SEND] = 92 * MS}}};
static struct thread_totals readers[2] = {
    {.spent = {{[SPENT_READ] = 3 * MS}}, .rows = 11, .bytes = 110},
    {.spent = {{[SPENT_READ] = 5 * MS}}, .rows = 22, .bytes = 220},
};
static struct thread_totals writers[2] = {
    {.spent = {{[SPENT_SEND] = 4 * MS}}, .rows = 11, .bytes = 110},
    {.spent = {{[SPENT_SEND] = 6 * MS}}, .rows = 33, .bytes = 330},
};

static struct load_result usual(void)
{
    struct load_result r = {
        .job = "j",
        .source = "s",
        .destination = "d",
        .planned = true,
        .plan = {.tables = &table, .table_count = 1, .chunk_count = 3},
        .readers = readers,
        .writers = writers,
        .streams = 2
    };
    r.totals.elapsed_ms = 1000;
    r.totals.spent.ns[SPENT_SEND] = 92 * MS;
    r.totals.memory_peak_bytes = 123;
    r.board.rows_run = 11;
    r.board.transactions = 1;
    return r;
}

static json_t *report(const struct spec *spec, const struct load_result *r)
{
    struct buf out;
    json_error_t error;
    buf_init(&out, TEXT_MAX);
    assert_true(load_views_report(spec, r, true, &out));
    json_t *o = json_loads(buf_str(&out), JSON_REJECT_DUPLICATES, &error);
    assert_non_null(o);
    buf_free(&out);
    return o;
}

static json_int_t number(json_t *o, const char *name)
{
    json_t *value = json_object_get(o, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void summary_counts_what_is_done(void **state)
{
    struct spec spec = {.jobs = 2, .memory_bytes = 456, .max_rate_bytes_s = 789};
    struct load_result r = usual();
    json_t *o = report(&spec, &r);
    json_t *t = json_array_get(json_object_get(o, "tables"), 0);

    assert_int_equal(number(o, "rows"), 11);
    assert_int_equal(number(o, "chunks_done"), 2);
    assert_int_equal(number(o, "chunks_total"), 3);
    assert_int_equal(number(o, "memory_peak_bytes"), 123);
    assert_int_equal(number(o, "memory_limit_bytes"), 456);
    assert_int_equal(number(o, "max_rate_bytes_s"), 789);
    assert_int_equal(number(t, "wire_bytes"), 110);
    assert_int_equal(number(t, "busy_ms"), 15);
    assert_string_equal(json_string_value(json_object_get(t, "why")), "100% sending");
    assert_int_equal(number(json_object_get(t, "spent_ms"), "send"), 92);
    json_decref(o);
    (void)state;
}

static void streams_without_a_source_have_writers_only(void **state)
{
    struct spec spec = {.jobs = 2};
    struct load_result r = usual();
    json_t *o = report(&spec, &r);
    json_t *one = json_array_get(json_object_get(o, "streams_list"), 0);

    assert_int_equal(json_array_size(json_object_get(o, "streams_list")), 2);
    assert_int_equal(number(one, "rows_read"), 11);
    json_t *two = json_array_get(json_object_get(o, "streams_list"), 1);
    assert_int_equal(number(two, "rows_read"), 22);
    assert_int_equal(number(two, "rows_sent"), 33);
    assert_int_equal(number(json_object_get(one, "reader_ms"), "read"), 3);
    json_decref(o);
    r.readers = NULL;
    r.from_spill = true;
    o = report(&spec, &r);
    one = json_array_get(json_object_get(o, "streams_list"), 0);
    assert_true(json_is_true(json_object_get(o, "from_spill")));
    assert_int_equal(number(one, "rows_read"), 0);
    assert_int_equal(number(one, "rows_sent"), 11);
    assert_int_equal(number(json_object_get(one, "writer_ms"), "send"), 4);
    json_decref(o);
    (void)state;
}

static void nothing_began(void **state)
{
    struct spec spec = {.jobs = 4};
    struct load_result r = {.exit_status = 2, .streams = 4};
    json_t *o = report(&spec, &r);

    assert_int_equal(json_array_size(json_object_get(o, "streams_list")), 0);
    assert_int_equal(json_array_size(json_object_get(o, "tables")), 0);
    assert_string_equal(json_string_value(json_object_get(o, "bottleneck")), "none");
    json_decref(o);
    spec.dry_run = true;
    r = usual();
    o = report(&spec, &r);
    assert_string_equal(json_string_value(json_object_get(o, "event")), "plan");
    json_decref(o);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(summary_counts_what_is_done),
        cmocka_unit_test(streams_without_a_source_have_writers_only),
        cmocka_unit_test(nothing_began),
    };

    return cmocka_run_group_tests_name("load_views", tests, NULL, NULL);
}
