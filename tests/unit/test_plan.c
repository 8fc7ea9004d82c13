/* plan: the texts of a table, and the sums. */
#include "unit.h"

#include "base/str.h"
#include "job/plan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct names {
    const char *source_schema;
    const char *source_name;
    const char *destination_schema;
    const char *destination_name;
    const char *source_columns;
    const char *destination_columns;
};

static struct plan_table table_of(const struct names *n)
{
    return (struct plan_table){
        .source_schema = str_copy(n->source_schema),
        .source_name = str_copy(n->source_name),
        .destination_schema = str_copy(n->destination_schema),
        .destination_name = str_copy(n->destination_name),
        .source_columns = str_copy(n->source_columns),
        .destination_columns = str_copy(n->destination_columns),
        .filter = str_copy("a > 1"),
        .key = str_copy("\"a\""),
    };
}

static void free_table(struct plan_table *t)
{
    struct plan plan = {.tables = malloc(sizeof *t), .table_count = 1};
    assert_non_null(plan.tables);
    plan.tables[0] = *t;
    plan_free(&plan);
    assert_null(plan.tables);
    assert_int_equal(plan.table_count, 0);
}

static void texts_are_made_from_names_and_columns(void **state)
{
    static const struct {
        struct names names;
        const char *label;
        const char *target;
        const char *select;
        const char *copy_from;
    } rows[] = {
        {{"public", "t", "public", "t", "\"a\", \"b\"", "\"a\", \"b\""},
         "public.t",     "public.t",
         "SELECT \"a\", \"b\" FROM ONLY \"public\".\"t\"",   "COPY \"public\".\"t\" (\"a\", \"b\") FROM STDIN"},
        {{"s", "leaf", "d", "root", "\"a\"", "\"a\""},
         "s.leaf",       "d.root",
         "SELECT \"a\" FROM ONLY \"s\".\"leaf\"",            "COPY \"d\".\"root\" (\"a\") FROM STDIN"         },
        {{"s", "none", "d", "none", "", ""},
         "s.none",       "d.none",
         "SELECT  FROM ONLY \"s\".\"none\"",                 "COPY \"d\".\"none\" FROM STDIN"                 },
        {{"My \"s\"", "T.x", "a b", "%s", "\"%d\"", "\"%n\""},
         "My \"s\".T.x", "a b.%s",
         "SELECT \"%d\" FROM ONLY \"My \"\"s\"\"\".\"T.x\"", "COPY \"a b\".\"%s\" (\"%n\") FROM STDIN"        },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err;
        struct plan_table t = table_of(&rows[i].names);
        assert_true(plan_table_finish(&t, &err));
        assert_string_equal(t.work.label, rows[i].label);
        assert_string_equal(t.work.target, rows[i].target);
        assert_string_equal(t.work.select, rows[i].select);
        assert_string_equal(t.work.copy_from, rows[i].copy_from);
        assert_string_equal(t.work.filter, "a > 1");
        assert_string_equal(t.work.key, "\"a\"");
        assert_string_equal(t.work.triggers, "");
        free_table(&t);
    }
}

static void a_long_name_is_kept_whole(void **state)
{
    char name[64];
    char want[200];
    struct err err;
    (void)state;
    memset(name, '"', sizeof name - 1); /* the longest when it is quoted */
    name[sizeof name - 1] = '\0';
    struct names n = {name, name, name, name, "", ""};
    struct plan_table t = table_of(&n);
    assert_true(plan_table_finish(&t, &err));
    assert_int_equal(strlen(t.label), 2 * 63 + 1);
    memset(want, '"', sizeof want);
    assert_memory_equal(t.select + strlen("SELECT  FROM ONLY "), want, 128);
    assert_int_equal(strlen(t.copy_from), strlen("COPY . FROM STDIN") + 256);
    free_table(&t);
}

static void chunks_are_numbered(void **state)
{
    struct plan_table t = {0};
    struct err err;
    (void)state;
    assert_true(plan_table_chunks(&t, 3, &err));
    assert_int_equal(t.chunk_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(t.chunks[i].work.no, i);
        assert_int_equal(t.chunks[i].state, CHUNK_PENDING);
        assert_null(t.chunks[i].lower);
    }
    t.chunks[1].lower = str_copy("(1,0)"); /* goes with the plan */
    free_table(&t);
    t = (struct plan_table){0};
    assert_true(plan_table_chunks(&t, 0, &err));
    assert_int_equal(t.chunk_count, 0);
    free_table(&t);
}

static void total_counts_and_ties(void **state)
{
    struct plan plan = {.tables = calloc(3, sizeof(struct plan_table)), .table_count = 3};
    struct err err;
    (void)state;
    assert_non_null(plan.tables);
    assert_true(plan_table_chunks(&plan.tables[0], 2, &err));
    assert_true(plan_table_chunks(&plan.tables[2], 1, &err));
    plan.tables[0].bytes = 100;
    plan.tables[1].bytes = 20;
    plan.tables[2].bytes = 3;
    plan.tables[0].level = 2;
    plan.tables[0].chunks[0].upper = str_copy("(7,0)");
    plan.tables[0].chunks[1].lower = str_copy("(7,0)");

    for (int round = 0; round < 2; round++) { /* twice gives the same */
        plan_total(&plan);
        assert_int_equal(plan.chunk_count, 3);
        assert_int_equal(plan.bytes, 123);
        assert_int_equal(plan.level_count, 3);
        assert_ptr_equal(plan.tables[0].chunks[1].work.table, &plan.tables[0].work);
        assert_ptr_equal(plan.tables[2].chunks[0].work.table, &plan.tables[2].work);
        assert_null(plan.tables[0].chunks[0].work.lower);
        assert_string_equal(plan.tables[0].chunks[0].work.upper, "(7,0)");
        assert_string_equal(plan.tables[0].chunks[1].work.lower, "(7,0)");
        assert_null(plan.tables[0].chunks[1].work.upper);
    }
    plan_free(&plan);
}

static void an_empty_plan_has_one_level(void **state)
{
    struct plan plan = {0};
    (void)state;
    plan_total(&plan);
    assert_int_equal(plan.level_count, 1);
    assert_int_equal(plan.chunk_count, 0);
    plan_free(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_made_from_names_and_columns),
        cmocka_unit_test(a_long_name_is_kept_whole),
        cmocka_unit_test(chunks_are_numbered),
        cmocka_unit_test(total_counts_and_ties),
        cmocka_unit_test(an_empty_plan_has_one_level),
    };

    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
