/* assess: keys that do not stay as they are, and tables that cannot be in a shard group. */
#include "assess_fixture.h"

/* What becomes of keys that do not hold the shard key is what load --with-schema does. */
static void test_keys_without_the_shard_key(void **state)
{
    (void)state;
    struct survey s = world_new();
    struct survey_table *t = world_table(&s, "orders", 50000);
    (void)world_column(t, "id", 50000);
    (void)world_column(t, "tenant_id", 500);
    (void)world_column(t, "number", 50000);
    world_key(t, "id", true);
    world_key(t, "number", false);
    world_key(t, "tenant_id,number", false);
    struct survey_table *p = world_table(&s, "tenants", 500);
    (void)world_column(p, "id", 500);
    world_key(p, "id", true);
    world_link(&s, "orders", "tenant_id", "tenants", "id");
    struct assessment a = world_assess(&s);
    const struct assess_notes *n = &a.tables[0].notes;
    assert_string_equal(a.tables[0].key, "tenant_id");
    assert_true(world_has_note(n, ASSESS_COST, "primary key k1 (id) grows by tenant_id"));
    assert_true(world_has_note(n, ASSESS_COST,
                               "unique key k2 (number) becomes an index that is "
                               "not unique"));
    assert_false(world_has_note(n, ASSESS_COST, "k3"));
    assessment_free(&a);
    survey_free(&s);
}

/* A key that is computed in the place of its own column takes what holds it along. */
static void test_keys_with_a_computed_column(void **state)
{
    (void)state;
    struct survey s = world_new();
    struct survey_table *t = world_table(&s, "orders", 50000);
    (void)world_column(t, "id", 50000);
    world_column(t, "tenant_id", 500)->not_null = false;
    world_key(t, "id", true);
    world_key(t, "tenant_id,id", false);
    struct survey_table *p = world_table(&s, "tenants", 500);
    (void)world_column(p, "id", 500);
    world_key(p, "id", true);
    world_link(&s, "orders", "tenant_id", "tenants", "id");
    struct assessment a = world_assess(&s);
    assert_non_null(a.tables[0].expression);
    assert_true(world_has_note(&a.tables[0].notes, ASSESS_COST,
                               "unique key k2 (tenant_id, id) is left out"));
    assessment_free(&a);
    survey_free(&s);
}

static void add_type(struct survey_table *t, size_t column, const char *name, const char *extension)
{
    t->types = t->types == NULL ? calloc(4, sizeof *t->types) : t->types;
    t->types[t->type_count++] = (struct survey_type){
        .column = column,
        .name = str_copy(name),
        .extension = extension == NULL ? NULL : str_copy(extension),
    };
}

/* It is in no group, nobody's parent there, and not counted. */
static void test_tables_that_cannot_be_there(void **state)
{
    static const struct {
        const char *type;
        const char *extension;
        bool left_out;
    } cases[] = {
        {"public.widget", NULL,     true },
        {"public.lo",     "lo",     true },
        {"public.citext", "citext", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct survey s = world_new();
        struct survey_table *t = world_table(&s, "aa", 50000);
        (void)world_column(t, "id", 50000);
        (void)world_column(t, "tenant_id", 500);
        world_key(t, "id", true);
        add_type(t, 1, cases[i].type, cases[i].extension);
        t = world_table(&s, "bb", 60000);
        (void)world_column(t, "id", 60000);
        (void)world_column(t, "tenant_id", 500);
        (void)world_column(t, "aa_id", 50000);
        world_key(t, "id", true);
        world_link(&s, "bb", "aa_id", "aa", "id");
        t = world_table(&s, "small", 10);
        (void)world_column(t, "aa_id", 10);
        world_link(&s, "small", "aa_id", "aa", "id");
        struct assessment a = world_assess(&s);
        assert_int_equal(a.tables[0].is_left_out, cases[i].left_out);
        assert_int_equal(a.tables[0].mode, cases[i].left_out ? TABLE_STANDARD : TABLE_SHARDED);
        assert_int_equal(a.topics[ASSESS_BLOCKER], cases[i].left_out ? 1 : 0);
        assert_int_equal(a.tables[1].mode, TABLE_SHARDED);
        assert_false(a.tables[1].is_left_out);
        assert_int_equal(a.load.bytes, cases[i].left_out ? 3000500 : 5500500);
        if (cases[i].left_out) {
            assert_true(world_has_note(&a.tables[0].notes, ASSESS_BLOCKER, cases[i].type));
            assert_int_equal(a.groups[a.tables[1].group].head, 1);
            assert_int_equal(a.tables[2].mode, TABLE_STANDARD);
            assert_int_equal(a.links[0], ASSESS_LINK_LOST);
            assert_int_equal(a.links[1], ASSESS_LINK_LOST);
            assert_true(world_has_note(&a.tables[1].notes, ASSESS_COST, "cannot be there"));
        }
        assessment_free(&a);
        survey_free(&s);
    }
}

/* Whether a shard group takes it is written nowhere; a load moves it. */
static void test_a_table_without_columns(void **state)
{
    (void)state;
    struct survey s = world_new();
    (void)world_table(&s, "nothing", 5);
    struct assessment a = world_assess(&s);
    assert_false(a.tables[0].is_left_out);
    assert_int_equal(a.topics[ASSESS_BLOCKER], 0);
    assert_true(world_has_note(&a.tables[0].notes, ASSESS_UNSURE, "no columns"));
    assessment_free(&a);
    survey_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_without_the_shard_key),
        cmocka_unit_test(test_keys_with_a_computed_column),
        cmocka_unit_test(test_tables_that_cannot_be_there),
        cmocka_unit_test(test_a_table_without_columns),
    };
    return cmocka_run_group_tests_name("assess stand", tests, NULL, NULL);
}
