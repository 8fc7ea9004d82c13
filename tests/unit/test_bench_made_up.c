/* bench_made_up: a query that makes rows up for the columns of a table. */
#include "unit.h"

#include "job/bench_internal.h"

#include <string.h>

static void one_expression_a_column(void **state)
{
    static char text[][32] = {
        "integer", "character varying(3)", "app.mood",     "integer",      "integer[]",
        "numeric", "numeric(4,2)",         "numeric(2,2)", "numeric(7,0)", "it's"};
    static const uint32_t oids[] = {23, 1043, 99999, 23, 1007, 1700, 1700, 1700, 1700};
    static const int32_t typmods[] = {
        -1, 7, -1, -1, -1, -1, (4 << 16 | 2) + 4, (2 << 16 | 2) + 4, (7 << 16) + 4};
    char *labels[] = {text[9]};
    struct type_info enums[1] = {
        {.oid = 99999, .kind = 'e', .labels = labels, .label_count = 1}
    };
    struct type_set types = {.items = enums, .count = 1};
    struct column columns[9];
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        columns[i] = (struct column){
            .type_name = text[i], .type_oid = oids[i], .typmod = typmods[i], .generated = i == 3};
    }
    struct relation table = {.columns = columns, .column_count = ARRAY_LEN(columns)};
    struct buf out;
    (void)state;
    buf_init(&out, 65536);
    bench_made_up(&table, &types, 20, &out);
    assert_string_equal(buf_str(&out),
                        "SELECT (g)::integer, (md5(g::text) || ' ' || md5((g + 1)::text))"
                        "::character varying(3), ('it''s')::app.mood, (NULL)::integer[], "
                        "(g % 1000000)::numeric, (g % 100)::numeric(4,2), (g % 1)::numeric(2,2), "
                        "(g % 1000000)::numeric(7,0) FROM generate_series(1, 20) AS g");
    buf_free(&out);
}

static void a_table_without_columns(void **state)
{
    struct type_set types = {.count = 0};
    struct relation table = {.column_count = 0};
    struct buf out;
    (void)state;
    buf_init(&out, 65536);
    bench_made_up(&table, &types, 3, &out);
    assert_string_equal(buf_str(&out), "SELECT  FROM generate_series(1, 3) AS g");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_expression_a_column),
        cmocka_unit_test(a_table_without_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
