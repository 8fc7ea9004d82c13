/* assess_report: the report of "assess" as a person and as a program read it. */
#include "unit.h"

#include "ui/assess_report.h"
#include "ui/plain.h"

#include <jansson.h>
#include <string.h>

static const struct err no_error = {.kind = ERR_NONE};

static const struct assess_note_view notes[] = {
    {"reason",  "customer_id holds 3 large tables together",                   NULL            },
    {"cost",
     "primary key orders_pkey (id) grows by customer_id: without it uniqueness is checked within a "
     "shard only, and some more words that make it longer than a line can be", NULL            },
    {"blocker", "its name is long\x1B[2J",                                     "call it\nshort"},
};
static const struct assess_candidate_view candidates[] = {
    {"customer_id", 0.9, "good"   },
    {"store_id",    0.8, "less so"}
};

static const struct assess_table_view tables[] = {
    {.name = "public.orders",
     .kind = "table",
     .bytes = 3u << 20,
     .rows = 12345,
     .row_bytes = 254,
     .writes_per_s = 0.01,
     .keys = "primary key (id)",
     .types = "p jsonb",
     .mode = "sharded",
     .key = "customer_id",
     .key_type = "bigint",
     .collocate_with = "public.customers",
     .unsure = true,
     .cluster = 0,
     .candidates = candidates,
     .candidate_count = 2,
     .notes = notes,
     .note_count = 3},
    {.name = "public.tiny",
     .kind = "table",
     .bytes = 8192,
     .rows = 3,
     .rows_guessed = true,
     .keys = "none",
     .types = "",
     .mode = "standard",
     .group = -1,
     .cluster = -1     },
};
static const struct assess_link_view links[] = {
    {"fk", "public.orders", "public.customers", "(customer_id) -> (id)", "kept", 0}
};
static const struct assess_group_view groups[] = {
    {"customer_id", "bigint", "public.orders", 1, 3u << 20}
};
static const struct assess_capacity_view capacity[] = {
    {16,  400, 2, 2},
    {401, 500, 2, 3}
};

static struct assess_view usual(void)
{
    return (struct assess_view){.source = "db1:5432/shop",
                                .version = "PostgreSQL 15.4",
                                .stats_since = "2024-01-01 00:00",
                                .tables = tables,
                                .table_count = 2,
                                .groups = groups,
                                .group_count = 1,
                                .links = links,
                                .link_count = 1,
                                .cluster_count = 1,
                                .load_bytes = 3u << 20,
                                .load_rate_bytes_s = 1u << 20,
                                .load_seconds = 3,
                                .load_streams = 1,
                                .load_connections = 4,
                                .capacity = capacity,
                                .capacity_count = 2,
                                .error = &no_error};
}

static const char *text_of(const struct assess_view *v, struct buf *out)
{
    buf_init(out, 1u << 20);
    assess_report_text(v, out);
    assert_false(out->failed);
    return buf_str(out);
}

static void test_text(void **state)
{
    static const char *const parts[] = {
        "~12,345",
        "?3",
        "<0.1",
        "public.orders: sharded by customer_id, collocated with public.customers",
        "keys      primary key (id)",
        "types     p jsonb",
        "why       customer_id holds 3",
        "fix:    call it\\nshort",
        "its name is long\\x1B[2J",
        "kept      public.orders (customer_id)",
        "3 MB at 1 MB/s: 3.0 s",
        "16 to 400 ACU",
        "from 401 ACU on: 2 routers, 3 shards",
        "1 sharded in 1 group, 0 reference, 1 standard; 1 blocker"};
    (void)state;
    struct buf out;
    struct assess_view v = usual();
    const char *text = text_of(&v, &out);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (strstr(text, parts[i]) == NULL) {
            fail_msg("\"%s\" is missing in\n%s", parts[i], text);
        }
    }
    buf_free(&out);
}

static void test_no_line_is_too_long(void **state)
{
    (void)state;
    struct buf out;
    struct assess_view v = usual();
    const char *line = text_of(&v, &out);
    while (*line != '\0') {
        size_t len = strcspn(line, "\n");
        assert_true(len <= ASSESS_REPORT_COLUMNS);
        assert_true(len == 0 || line[len - 1] != ' ');
        line += len + 1;
    }
    buf_free(&out);
}

static void test_json(void **state)
{
    (void)state;
    struct buf out;
    struct assess_view v = usual();
    buf_init(&out, 1u << 20);
    assess_report_json(&v, &out);
    json_t *root = json_loads(buf_str(&out), 0, NULL);
    assert_non_null(root);
    assert_null(strchr(buf_str(&out), '\n'));
    json_t *first = json_array_get(json_object_get(root, "tables"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "shard_key")), "customer_id");
    assert_string_equal(json_string_value(json_object_get(first, "rows_are")), "estimate");
    assert_int_equal(json_array_size(json_object_get(first, "notes")), 3);
    assert_int_equal(json_array_size(json_object_get(first, "candidates")), 2);
    json_t *second = json_array_get(json_object_get(root, "tables"), 1);
    assert_true(json_is_null(json_object_get(second, "shard_key")));
    assert_true(json_is_null(json_object_get(second, "cluster")));
    assert_int_equal(json_integer_value(json_object_get(root, "blockers")), 1);
    assert_true(json_is_null(json_object_get(root, "error")));
    json_decref(root);
    buf_free(&out);
}

static void test_an_error(void **state)
{
    (void)state;
    struct err err;
    struct buf out;
    struct assess_view v = {
        .source = "", .version = "", .stats_since = "", .error = &err, .exit_status = 4};
    (void)err_set(&err, ERR_TRANSIENT, "not there");
    assert_string_equal(text_of(&v, &out), "Not assessed: not there\n");
    buf_clear(&out);
    assess_report_json(&v, &out);
    assert_non_null(strstr(buf_str(&out), "\"error\":\"not there\""));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_no_line_is_too_long),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_an_error),
    };
    return cmocka_run_group_tests_name("assess report", tests, NULL, NULL);
}
