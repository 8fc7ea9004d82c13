/* ddl/marks on a shard group: what goes because of something else, and in which order the rest
 * comes. */
#include "marks_fixture.h"

/* An action that is not possible there goes, the key stays. */
static void test_group_lost_actions(void **state)
{
    struct group_world g;
    (void)state;
    group_open(&g);
    set_mode(&g, 0, TABLE_SHARDED);
    set_mode(&g, 1, TABLE_REFERENCE);
    g.constraints[0] = (struct fact_constraint){.oid = 50,
                                                .rel = REL,
                                                .other = ELSE,
                                                .type = 'f',
                                                .on_delete = 'n',
                                                .on_update = 'a',
                                                .match = 's',
                                                .valid = true,
                                                .name = "f"};
    set_columns(&g.constraints[0].columns, g.own_columns, "id", "tenant");
    set_columns(&g.constraints[0].other_columns, g.other_columns, "id", "tenant");
    g.w.facts.constraint_count = 1;
    struct dump_entry *e =
        add(&g.w, "FK CONSTRAINT", "own f", CATALOG_CONSTRAINT, 50,
            "ALTER TABLE ONLY s.own ADD CONSTRAINT f FOREIGN KEY (id, tenant) REFERENCES "
            "s.other(id, tenant) ON DELETE SET NULL (id)");
    mark(&g);
    assert_mark(&g.w, e, SCHEMA_CHANGED);
    assert_string_equal(item_of(&g.w, e)->statements[0],
                        "ALTER TABLE s.own ADD CONSTRAINT f FOREIGN KEY (id, tenant) REFERENCES "
                        "s.other(id, tenant)");
    assert_non_null(strstr(item_of(&g.w, e)->note, "ON DELETE"));
    assert_null(strstr(item_of(&g.w, e)->note, "ON UPDATE"));
    schema_plan_free(&g.w.plan);
}

/* GROUP BY a primary key that grows: the view goes, with its stand-in and what is on it. */
static void test_group_view_on_a_grown_key(void **state)
{
    for (int grown = 0; grown < 2; grown++) {
        struct group_world g;
        (void)state;
        group_open(&g);
        set_mode(&g, 0, TABLE_SHARDED);
        g.definitions[0].key.count = grown ? 1 : 2; /* (id), to which the shard key comes */
        g.constraints[0] =
            (struct fact_constraint){.oid = 50, .rel = REL, .type = 'p', .name = "pkey"};
        g.w.facts.constraint_count = 1;
        struct dump_entry *stand_in = add(&g.w, "VIEW", "v", CATALOG_CLASS, 9, "CREATE VIEW s.v");
        struct dump_entry *on_it = add(&g.w, "VIEW", "w", CATALOG_CLASS, 10, "CREATE VIEW s.w");
        struct dump_entry *key = add(&g.w, "CONSTRAINT", "own pkey", CATALOG_CONSTRAINT, 50,
                                     "ALTER TABLE ONLY s.own ADD CONSTRAINT pkey");
        struct dump_entry *rule =
            add(&g.w, "RULE", "v _RETURN", 0, 0, "CREATE OR REPLACE VIEW s.v AS SELECT");
        needs(on_it, stand_in);
        needs(rule, stand_in);
        needs(rule, key);
        mark(&g);
        enum schema_mark there = grown ? SCHEMA_LEFT_OUT : SCHEMA_CARRIED;
        assert_mark(&g.w, key, grown ? SCHEMA_CHANGED : SCHEMA_CARRIED);
        assert_mark(&g.w, stand_in, there);
        assert_mark(&g.w, on_it, there);
        assert_mark(&g.w, rule, there);
        schema_plan_free(&g.w.plan);
    }
}

/* A function with a row of a table in its arguments waits with that table. */
static void test_group_order_of_functions(void **state)
{
    static struct fact_word languages[] = {
        {.oid = 70, .word = "sql"}
    };
    struct group_world g;
    (void)state;
    group_open(&g);
    g.w.facts.functions = languages;
    g.w.facts.function_count = 1;
    struct dump_entry *f =
        add(&g.w, "FUNCTION", "f(s.own)", 1255, 70, "CREATE FUNCTION s.f(s.own) LEAKPROOF AS ''");
    needs(f, g.entries[0]);
    struct dump_entry last = g.w.entries[1]; /* own, f, other */
    g.w.entries[1] = g.w.entries[2];
    g.w.entries[2] = last;
    g.w.by_id[2] = 3;
    g.w.by_id[3] = 2;
    g.tables[0].collocated = ELSE;
    mark(&g);
    assert_int_equal(g.w.plan.items[0].entry->oid, ELSE);
    assert_int_equal(g.w.plan.items[1].entry->oid, REL);
    assert_int_equal(g.w.plan.items[2].entry->oid, 70);
    assert_int_equal(g.w.plan.items[2].mark, SCHEMA_CHANGED);
    assert_null(strstr(g.w.plan.items[2].statements[0], "LEAKPROOF"));
    schema_plan_free(&g.w.plan);
}

/* What a partition has of its own is told, what it inherits is its table's. */
static void test_group_partitions(void **state)
{
    struct group_world g;
    (void)state;
    group_open(&g);
    g.classes[2] =
        (struct fact_class){.oid = 17000, .root = REL, .kind = 'r', .schema = "s", .name = "part"};
    g.w.facts.class_count = 3;
    g.constraints[0] = (struct fact_constraint){.oid = 50,
                                                .rel = 17000,
                                                .type = 'c',
                                                .valid = true,
                                                .name = "a",
                                                .definition = "CHECK (x)"};
    g.constraints[1] = g.constraints[0];
    g.constraints[1].oid = 51;
    g.constraints[1].child = true;
    g.w.facts.constraint_count = 2;
    struct dump_entry *part = add(&g.w, "TABLE", "part", CATALOG_CLASS, 17000, "CREATE TABLE");
    mark(&g);
    assert_int_equal(g.w.plan.count, 4);
    assert_non_null(strstr(item_of(&g.w, part)->note, "s.own"));
    assert_int_equal(g.w.plan.items[3].origin, SCHEMA_CHECK);
    assert_int_equal(g.w.plan.items[3].mark, SCHEMA_LEFT_OUT);
    schema_plan_free(&g.w.plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_lost_actions),
        cmocka_unit_test(test_group_view_on_a_grown_key),
        cmocka_unit_test(test_group_order_of_functions),
        cmocka_unit_test(test_group_partitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
