/* choice: what several rules come to for one table, as far as no server has to be asked. */
#include "unit.h"

#include "job/choice.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static char schema_name[] = "s";
static char table_name[] = "t";
static char key[] = "tenant";
static char note[] = "note";
static char one[] = "1";
static char everything[] = "*.*";
static char filter[] = "a > 1";
static char other_filter[] = "a > 2";
static char place[] = "other";

static struct column_rule computed_rule = {.column = key, .expression = one, .line = 3};
static struct column_rule left_rule = {.column = note, .leave_out = true, .line = 4};

static void columns_are_found_by_what_is_done_with_them(void **state)
{
    const struct column_rule *columns[] = {&computed_rule, &left_rule};
    struct choice c = {.columns = columns, .column_count = 2};
    (void)state;
    assert_ptr_equal(choice_column(&c, note), &left_rule);
    assert_null(choice_column(&c, key));
    assert_null(choice_column(&c, "Note"));
    assert_ptr_equal(choice_computed(&c, key), &computed_rule);
    assert_null(choice_computed(&c, note));
    assert_null(choice_column(NULL, note));
    assert_null(choice_computed(NULL, key));
}

static void without_rules_nothing_is_asked(void **state)
{
    struct relation items[2] = {
        {.schema = schema_name, .name = table_name, .oid = 1},
        {.schema = place,       .name = table_name, .oid = 2}
    };
    struct relation_list list = {.items = items, .count = 2};
    struct spec spec = {.format = FORMAT_TEXT, .chunk_bytes = 4096};
    struct findings findings = {0};
    struct choice *choices = NULL;
    struct err err = {.kind = ERR_NONE};
    (void)state;
    assert_true(choices_make(NULL, &spec, &list, &findings, &choices, &err));
    assert_non_null(choices);
    for (size_t i = 0; i < list.count; i++) {
        assert_ptr_equal(choices[i].to_schema, items[i].schema);
        assert_ptr_equal(choices[i].to_table, items[i].name);
        assert_false(choices[i].renamed);
        assert_int_equal(choices[i].format, FORMAT_TEXT);
        assert_int_equal(choices[i].chunk_bytes, 4096);
        assert_int_equal(choices[i].line, 0);
        assert_null(choices[i].where);
        assert_int_equal(choices[i].column_count, 0);
    }
    assert_int_equal(findings.count, 0);
    choices_free(choices, list.count);
    choices_free(NULL, 0);
}

static void fresh(struct choice *c)
{
    *c = (struct choice){.to_schema = schema_name, .to_table = table_name};
}

static void a_later_rule_wins_wish_by_wish(void **state)
{
    static char *keys[] = {key};
    struct column_rule first_columns[] = {
        {.column = note, .rename = place,   .line = 11},
        {.column = key,  .leave_out = true, .line = 12},
    };
    struct column_rule second_columns[] = {
        {.column = note, .leave_out = true, .line = 21},
    };
    const struct table_rule rules[] = {
        {.pattern = everything,
         .line = 10,
         .where = filter,
         .to_schema = place,
         .mode = TABLE_SHARDED,
         .shard_key = {.items = keys, .count = 1},
         .columns = first_columns,
         .column_count = 2},
        {.pattern = everything,
         .line = 20,
         .where = other_filter,
         .has_format = true,
         .format = FORMAT_BINARY,
         .columns = second_columns,
         .column_count = 1},
        {.pattern = everything,                     .line = 30,                  .mode = TABLE_REFERENCE              },
    };
    struct choice c;
    struct err err;
    (void)state;
    fresh(&c);
    assert_true(choice_add_rule(&c, &rules[0], &err));
    assert_true(choice_add_rule(&c, &rules[1], &err));
    assert_string_equal(c.where, other_filter);
    assert_int_equal(c.where_line, 20);
    assert_string_equal(c.to_schema, place);
    assert_string_equal(c.to_table, table_name);
    assert_true(c.renamed && c.schema_said && !c.table_said);
    assert_true(c.format_said);
    assert_int_equal(c.format, FORMAT_BINARY);
    assert_int_equal(c.mode, TABLE_SHARDED);
    assert_int_equal(c.mode_line, 10);
    assert_non_null(c.shard_key);
    assert_int_equal(c.column_count, 2);
    assert_ptr_equal(c.columns[0], &second_columns[0]);
    assert_ptr_equal(c.columns[1], &first_columns[1]);
    assert_int_equal(c.line, 20);
    /* Another mode has no use for an earlier rule's shard key. */
    assert_true(choice_add_rule(&c, &rules[2], &err));
    assert_int_equal(c.mode, TABLE_REFERENCE);
    assert_null(c.shard_key);
    assert_int_equal(c.mode_line, 30);
    free(c.columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_found_by_what_is_done_with_them),
        cmocka_unit_test(without_rules_nothing_is_asked),
        cmocka_unit_test(a_later_rule_wins_wish_by_wish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
