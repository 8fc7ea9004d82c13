/* ddl/marks: what becomes of every kind of object, on a plain server and on a shard group. */
#include "marks_fixture.h"

/* ---- a plain server ---- */

static void test_plain_keeps_everything(void **state)
{
    static char *types[] = {"TABLE", "TRIGGER", "COMMENT", "POLICY", "WIBBLE"};
    struct world w;
    struct err err;
    (void)state;
    world_open(&w);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        add(&w, types[i], "x", 1, (uint32_t)i, "CREATE SOMETHING");
    }
    struct plain_input in = {.toc = &w.toc, .facts = &w.facts, .roles = &w.roles};
    assert_true(schema_mark_plain(&in, &w.plan, &err));
    assert_int_equal(w.plan.entry_count, w.toc.count);
    assert_int_equal(w.plan.count, w.toc.count);
    for (size_t i = 0; i < w.toc.count; i++) {
        assert_mark(&w, &w.entries[i], SCHEMA_CARRIED);
        assert_string_equal(w.plan.items[i].statements[0], "CREATE SOMETHING");
    }
    schema_plan_free(&w.plan);
}

static void test_plain_roles(void **state)
{
    struct world w;
    struct err err;
    (void)state;
    world_open(&w);
    struct dump_entry *ours = add(&w, "TABLE", "a", 0, 0, "CREATE TABLE s.a ()");
    ours->statements[ours->statement_count++] = "ALTER TABLE s.a OWNER TO boss";
    struct dump_entry *strange = add(&w, "TABLE", "b", 0, 0, "CREATE TABLE s.b ()");
    strange->statements[strange->statement_count++] = "ALTER TABLE s.b OWNER TO nobody";
    struct dump_entry *foreign = add(&w, "TABLE", "c", 0, 0, "CREATE TABLE s.c ()");
    foreign->statements[foreign->statement_count++] = "ALTER TABLE s.c OWNER TO other";
    struct dump_entry *acl = add(&w, "ACL", "TABLE a", 0, 0, "GRANT SELECT ON TABLE s.a TO other");
    acl->statements[acl->statement_count++] = "GRANT SELECT ON TABLE s.a TO nobody";
    struct dump_entry *gone = add(&w, "ACL", "TABLE b", 0, 0, "GRANT ALL ON TABLE s.b TO nobody");
    struct dump_entry *defaults =
        add(&w, "DEFAULT ACL", "x", 0, 0,
            "ALTER DEFAULT PRIVILEGES FOR ROLE nobody GRANT SELECT ON TABLES TO other");
    struct dump_entry *alien =
        add(&w, "DEFAULT ACL", "y", 0, 0,
            "ALTER DEFAULT PRIVILEGES FOR ROLE other GRANT SELECT ON TABLES TO boss");
    struct dump_entry *kept =
        add(&w, "DEFAULT ACL", "z", 0, 0,
            "ALTER DEFAULT PRIVILEGES FOR ROLE boss GRANT SELECT ON TABLES TO other");
    struct plain_input in = {.toc = &w.toc, .facts = &w.facts, .roles = &w.roles};
    assert_true(schema_mark_plain(&in, &w.plan, &err));
    assert_mark(&w, ours, SCHEMA_CARRIED);
    assert_int_equal(item_of(&w, ours)->statement_count, 2);
    assert_false(item_of(&w, ours)->other_owner);
    assert_mark(&w, strange, SCHEMA_CARRIED);
    assert_int_equal(item_of(&w, strange)->statement_count, 1);
    assert_true(item_of(&w, strange)->other_owner);
    assert_non_null(strstr(item_of(&w, strange)->note, "nobody"));
    assert_int_equal(item_of(&w, foreign)->statement_count, 1);
    assert_mark(&w, acl, SCHEMA_CHANGED);
    assert_int_equal(item_of(&w, acl)->statement_count, 1);
    assert_mark(&w, gone, SCHEMA_LEFT_OUT);
    assert_mark(&w, defaults, SCHEMA_LEFT_OUT);
    assert_mark(&w, alien, SCHEMA_LEFT_OUT); /* the role is there, and loader may not act as it */
    assert_non_null(strstr(item_of(&w, alien)->note, "loader, which is no member of role other"));
    assert_mark(&w, kept, SCHEMA_CARRIED);
    schema_plan_free(&w.plan);
}

static void test_names_of_what_is_said_of_others(void **state)
{
    static char *const cases[][3] = {
        {"COMMENT",        "TABLE tickets",            "TABLE s.tickets"           },
        {"COMMENT",        "COLUMN tickets.id",        "COLUMN s.tickets.id"       },
        {"COMMENT",        "MATERIALIZED VIEW m",      "MATERIALIZED VIEW s.m"     },
        {"COMMENT",        "CONSTRAINT c ON tickets",  "CONSTRAINT c ON s.tickets" },
        {"COMMENT",        "CONSTRAINT c ON DOMAIN d", "CONSTRAINT c ON DOMAIN s.d"},
        {"COMMENT",        "TRIGGER t ON \"A ON b\"",  "TRIGGER t ON s.\"A ON b\"" },
        {"ACL",            "FUNCTION f(x integer)",    "FUNCTION s.f(x integer)"   },
        {"SECURITY LABEL", "TABLE t",                  "TABLE s.t"                 },
        {"TABLE",          "TABLE t",                  "s.TABLE t"                 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        struct err err;
        world_open(&w);
        struct dump_entry *e = add(&w, cases[i][0], cases[i][1], 0, 0, "SELECT");
        struct plain_input in = {.toc = &w.toc, .facts = &w.facts, .roles = &w.roles};
        assert_true(schema_mark_plain(&in, &w.plan, &err));
        assert_string_equal(item_of(&w, e)->name, cases[i][2]);
        schema_plan_free(&w.plan);
    }
}

/* Filled ones are refreshed, and then analysed, since ANALYZE of an empty one says nothing. */
static void test_plain_materialised_views(void **state)
{
    static struct fact_class classes[] = {
        {.oid = 7, .kind = 'm', .populated = true,  .schema = "s", .name = "filled"},
        {.oid = 8, .kind = 'm', .populated = false, .schema = "s", .name = "empty" },
    };
    (void)state;
    for (int analyze = 0; analyze < 2; analyze++) {
        struct world w;
        struct err err;
        world_open(&w);
        w.facts.classes = classes;
        w.facts.class_count = 2;
        add(&w, "MATERIALIZED VIEW", "filled", CATALOG_CLASS, 7, "CREATE MATERIALIZED VIEW filled");
        add(&w, "MATERIALIZED VIEW", "empty", CATALOG_CLASS, 8, "CREATE MATERIALIZED VIEW empty");
        struct plain_input in = {
            .toc = &w.toc, .facts = &w.facts, .roles = &w.roles, .analyze = analyze != 0};
        assert_true(schema_mark_plain(&in, &w.plan, &err));
        assert_int_equal(w.plan.count, 3 + (size_t)analyze);
        assert_string_equal(w.plan.items[2].statements[0],
                            "REFRESH MATERIALIZED VIEW \"s\".\"filled\"");
        if (analyze != 0) {
            assert_string_equal(w.plan.items[3].statements[0], "ANALYZE \"s\".\"filled\"");
            assert_int_equal(w.plan.items[3].work, WORK_ANALYZE);
            assert_int_equal(w.plan.items[3].part, SCHEMA_AFTER);
        }
        schema_plan_free(&w.plan);
    }
}

/* ---- a shard group ---- */

static void test_group_types(void **state)
{
    static char *refused[] = {
        "ACCESS METHOD",
        "AGGREGATE",
        "COMMENT",
        "DATABASE PROPERTIES",
        "DEFAULT ACL",
        "EVENT TRIGGER",
        "FOREIGN DATA WRAPPER",
        "FOREIGN TABLE",
        "INDEX ATTACH",
        "MATERIALIZED VIEW",
        "OPERATOR CLASS",
        "OPERATOR FAMILY",
        "POLICY",
        "PROCEDURAL LANGUAGE",
        "PUBLICATION",
        "PUBLICATION TABLE",
        "PUBLICATION TABLES IN SCHEMA",
        "ROW SECURITY",
        "RULE",
        "SECURITY LABEL",
        "SEQUENCE OWNED BY",
        "SERVER",
        "SHELL TYPE",
        "STATISTICS",
        "SUBSCRIPTION",
        "TABLE ATTACH",
        "TEXT SEARCH CONFIGURATION",
        "TEXT SEARCH DICTIONARY",
        "TEXT SEARCH PARSER",
        "TEXT SEARCH TEMPLATE",
        "TRANSFORM",
        "TRIGGER",
        "USER MAPPING",
        "WIBBLE",
        "BLOB",
    };
    static char *carried[] = {"SCHEMA", "DOMAIN", "COLLATION", "CONVERSION",
                              "CAST",   "TYPE",   "OPERATOR",  "VIEW"};
    struct group_world g;
    (void)state;
    group_open(&g);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        add(&g.w, refused[i], "x", 1, 1000 + (uint32_t)i, "CREATE SOMETHING");
    }
    size_t first = g.w.toc.count;
    for (size_t i = 0; i < ARRAY_LEN(carried); i++) {
        add(&g.w, carried[i], "x", 1, 2000 + (uint32_t)i, "CREATE SOMETHING");
    }
    mark(&g);
    for (size_t i = 2; i < g.w.toc.count; i++) {
        assert_mark(&g.w, &g.w.entries[i], i < first ? SCHEMA_LEFT_OUT : SCHEMA_CARRIED);
    }
    assert_int_equal(item_of(&g.w, &g.w.entries[g.w.toc.count - 1])->part, SCHEMA_AFTER);
    assert_string_equal(item_of(&g.w, g.entries[0])->statements[0], "CREATE TABLE made ()");
    schema_plan_free(&g.w.plan);
}

static void test_group_languages_and_extensions(void **state)
{
    static struct fact_word languages[] = {
        {5, "plpgsql"   },
        {6, "c"         },
        {7, "plpython3u"}
    };
    static struct fact_word kinds[] = {
        {8, "b"},
        {9, "e"}
    };
    struct group_world g;
    (void)state;
    group_open(&g);
    g.w.facts.functions = languages;
    g.w.facts.function_count = 3;
    g.w.facts.types = kinds;
    g.w.facts.type_count = 2;
    struct dump_entry *ours = add(&g.w, "FUNCTION", "f()", CATALOG_PROC, 5, "CREATE FUNCTION f");
    struct dump_entry *in_c = add(&g.w, "FUNCTION", "g()", CATALOG_PROC, 6, "CREATE FUNCTION g");
    struct dump_entry *python = add(&g.w, "PROCEDURE", "h()", CATALOG_PROC, 7, "CREATE PROCEDURE");
    struct dump_entry *base = add(&g.w, "TYPE", "b", CATALOG_TYPE, 8, "CREATE TYPE b");
    struct dump_entry *plain = add(&g.w, "TYPE", "e", CATALOG_TYPE, 9, "CREATE TYPE e");
    struct dump_entry *good = add(&g.w, "EXTENSION", "citext", 3079, 1, "CREATE EXTENSION citext");
    struct dump_entry *bad = add(&g.w, "EXTENSION", "file_fdw", 3079, 2, "CREATE EXTENSION x");
    struct dump_entry *view = add(&g.w, "VIEW", "v", CATALOG_CLASS, 3, "CREATE VIEW v");
    struct dump_entry *second = add(&g.w, "VIEW", "w", CATALOG_CLASS, 4, "CREATE VIEW w");
    needs(view, bad);
    needs(second, view);
    struct dump_entry *third = add(&g.w, "VIEW", "y", CATALOG_CLASS, 5, "CREATE VIEW y");
    struct dump_entry *routine = add(&g.w, "FUNCTION", "i()", CATALOG_PROC, 5, "CREATE FUNCTION i");
    needs(routine, third);
    mark(&g);
    assert_mark(&g.w, ours, SCHEMA_CARRIED);
    assert_int_equal(item_of(&g.w, ours)->part, SCHEMA_BEFORE);
    assert_mark(&g.w, in_c, SCHEMA_LEFT_OUT);
    assert_mark(&g.w, python, SCHEMA_LEFT_OUT);
    assert_mark(&g.w, base, SCHEMA_LEFT_OUT);
    assert_mark(&g.w, plain, SCHEMA_CARRIED);
    assert_mark(&g.w, good, SCHEMA_CARRIED);
    assert_mark(&g.w, bad, SCHEMA_LEFT_OUT);
    assert_mark(&g.w, view,
                SCHEMA_LEFT_OUT); /* it needs what is left out, and so does what needs it */
    assert_mark(&g.w, second, SCHEMA_LEFT_OUT);
    assert_mark(&g.w, third, SCHEMA_CARRIED);
    assert_mark(&g.w, routine, SCHEMA_CARRIED);
    assert_int_equal(item_of(&g.w, routine)->part, SCHEMA_AFTER); /* as the view that it needs */
    schema_plan_free(&g.w.plan);
}

/* ---- keys ---- */

static void test_group_unique(void **state)
{
    (void)state;
    for (int holds = 0; holds < 2; holds++) {
        struct group_world g;
        group_open(&g);
        set_mode(&g, 0, TABLE_SHARDED);
        g.constraints[0] =
            (struct fact_constraint){.oid = 50, .rel = REL, .type = 'u', .name = "k"};
        set_columns(&g.constraints[0].columns, g.own_columns, "x", holds ? "tenant" : NULL);
        g.w.facts.constraint_count = 1;
        struct dump_entry *e = add(&g.w, "CONSTRAINT", "own k", CATALOG_CONSTRAINT, 50,
                                   "ALTER TABLE ONLY s.own ADD CONSTRAINT k UNIQUE (x, tenant)");
        mark(&g);
        assert_mark(&g.w, e, holds ? SCHEMA_CARRIED : SCHEMA_CHANGED);
        assert_string_equal(item_of(&g.w, e)->statements[0],
                            holds ? "ALTER TABLE s.own ADD CONSTRAINT k UNIQUE (x, tenant)"
                                  : "CREATE INDEX \"k\" ON \"s\".\"own\" (\"x\")");
        assert_int_equal(item_of(&g.w, e)->part, SCHEMA_AFTER);
        schema_plan_free(&g.w.plan);
    }
}

struct key_case {
    enum table_mode own;
    enum table_mode other;
    bool collocated;
    bool whole; /* (tenant, id) and not (id) */
    char on_delete;
    char on_update;
    bool valid;
    bool possible;
};

static const struct key_case keys[] = {
    {TABLE_STANDARD,  TABLE_STANDARD,  false, true,  'a', 'a', true,  true },
    {TABLE_STANDARD,  TABLE_STANDARD,  false, true,  'n', 'c', false, true },
    {TABLE_STANDARD,  TABLE_STANDARD,  false, true,  'd', 'a', true,  false},
    {TABLE_STANDARD,  TABLE_STANDARD,  false, false, 'a', 'a', true,  false}, /* no key there */
    {TABLE_STANDARD,  TABLE_SHARDED,   false, true,  'a', 'a', true,  false},
    {TABLE_STANDARD,  TABLE_REFERENCE, false, true,  'a', 'a', true,  false},
    {TABLE_SHARDED,   TABLE_STANDARD,  false, true,  'a', 'a', true,  false},
    {TABLE_SHARDED,   TABLE_REFERENCE, false, true,  'a', 'a', true,  true },
    {TABLE_SHARDED,   TABLE_REFERENCE, false, true,  'c', 'a', true,  true },
    {TABLE_SHARDED,   TABLE_REFERENCE, false, true,  'n', 'a', true,  false},
    {TABLE_SHARDED,   TABLE_REFERENCE, false, true,  'a', 'a', false, false},
    {TABLE_SHARDED,   TABLE_SHARDED,   true,  true,  'a', 'a', true,  true },
    {TABLE_SHARDED,   TABLE_SHARDED,   true,  true,  'r', 'a', true,  true },
    {TABLE_SHARDED,   TABLE_SHARDED,   false, true,  'a', 'a', true,  false},
    {TABLE_SHARDED,   TABLE_SHARDED,   true,  false, 'a', 'a', true,  false},
    {TABLE_SHARDED,   TABLE_SHARDED,   true,  true,  'a', 'c', true,  false},
    {TABLE_SHARDED,   TABLE_SHARDED,   true,  true,  'n', 'a', true,  false},
    {TABLE_REFERENCE, TABLE_REFERENCE, false, true,  'n', 'a', true,  true },
    {TABLE_REFERENCE, TABLE_REFERENCE, false, true,  'a', 'a', false, true },
    {TABLE_REFERENCE, TABLE_REFERENCE, false, true,  'a', 'c', true,  false},
    {TABLE_REFERENCE, TABLE_SHARDED,   false, true,  'a', 'a', true,  false},
    {TABLE_REFERENCE, TABLE_STANDARD,  false, true,  'a', 'a', true,  false},
};

static void test_group_foreign_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct key_case *k = &keys[i];
        struct group_world g;
        group_open(&g);
        set_mode(&g, 0, k->own);
        set_mode(&g, 1, k->other);
        g.tables[0].group = k->collocated ? ELSE : REL;
        g.constraints[0] = (struct fact_constraint){.oid = 50,
                                                    .rel = REL,
                                                    .other = ELSE,
                                                    .type = 'f',
                                                    .on_delete = k->on_delete,
                                                    .on_update = k->on_update,
                                                    .match = 's',
                                                    .valid = k->valid,
                                                    .name = "f"};
        set_columns(&g.constraints[0].columns, g.own_columns, "id", k->whole ? "tenant" : NULL);
        set_columns(&g.constraints[0].other_columns, g.other_columns, "id",
                    k->whole ? "tenant" : NULL);
        g.w.facts.constraint_count = 1;
        struct dump_entry *e =
            add(&g.w, "FK CONSTRAINT", "own f", CATALOG_CONSTRAINT, 50,
                "ALTER TABLE ONLY s.own ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES s.other(id)");
        mark(&g);
        const struct schema_item *item = item_of(&g.w, e);
        if ((item->mark == SCHEMA_CARRIED) != k->possible) {
            fail_msg("case %zu is %s: %s", i, schema_mark_name(item->mark), item->note);
        }
        if (k->possible) {
            assert_string_equal(item->statements[0],
                                "ALTER TABLE s.own ADD CONSTRAINT f FOREIGN KEY"
                                " (id) REFERENCES s.other(id)");
            assert_int_equal(item->work, WORK_FOREIGN_KEY);
        }
        schema_plan_free(&g.w.plan);
    }
}

/* Checks stand within tables in a dump; they are items of their own, and only simple ones go. */
static void test_group_checks(void **state)
{
    struct group_world g;
    (void)state;
    group_open(&g);
    g.constraints[0] = (struct fact_constraint){.oid = 50,
                                                .rel = REL,
                                                .type = 'c',
                                                .valid = true,
                                                .name = "a",
                                                .definition = "CHECK ((x > 1))"};
    set_columns(&g.constraints[0].columns, g.own_columns, "x", NULL);
    g.constraints[1] = g.constraints[0];
    g.constraints[1].oid = 51;
    g.constraints[1].definition = "CHECK ((x > id))";
    g.w.facts.constraint_count = 2;
    mark(&g);
    assert_int_equal(g.w.plan.count, 4);
    assert_int_equal(g.w.plan.items[2].origin, SCHEMA_CHECK);
    assert_int_equal(g.w.plan.items[2].mark, SCHEMA_CARRIED);
    assert_string_equal(g.w.plan.items[2].statements[0],
                        "ALTER TABLE \"s\".\"own\" ADD CONSTRAINT \"a\" CHECK ((x > 1))");
    assert_int_equal(g.w.plan.items[3].mark, SCHEMA_LEFT_OUT);
    schema_plan_free(&g.w.plan);
}

/* A table comes after the one that it is collocated with, also where the dump has it before. */
static void test_group_order(void **state)
{
    struct group_world g;
    (void)state;
    group_open(&g);
    g.tables[0].collocated = ELSE;
    mark(&g);
    assert_ptr_equal(g.w.plan.items[0].entry, g.entries[1]);
    assert_ptr_equal(g.w.plan.items[1].entry, g.entries[0]);
    schema_plan_free(&g.w.plan);
    g.tables[1].collocated = REL; /* in a circle: both are there all the same */
    mark(&g);
    assert_int_equal(g.w.plan.count, 2);
    schema_plan_free(&g.w.plan);
}

/* Nothing is made on a table that is not. */
static void test_group_refused_table(void **state)
{
    struct group_world g;
    (void)state;
    group_open(&g);
    static char why[] = "it cannot be";
    g.tables[0].refused = why;
    struct dump_entry *view = add(&g.w, "VIEW", "v", CATALOG_CLASS, 9, "CREATE VIEW v");
    struct dump_entry *acl = add(&g.w, "ACL", "TABLE own", 0, 0, "GRANT SELECT ON s.own TO PUBLIC");
    needs(view, g.entries[0]);
    needs(acl, g.entries[0]);
    mark(&g);
    assert_mark(&g.w, g.entries[0], SCHEMA_LEFT_OUT);
    assert_mark(&g.w, view, SCHEMA_LEFT_OUT);
    assert_mark(&g.w, acl, SCHEMA_LEFT_OUT);
    schema_plan_free(&g.w.plan);
}

/* What patterns leave out is no entry, and so no need. */
static void test_group_views_of_what_is_outside(void **state)
{
    static struct fact_word uses[] = {
        {9, "s.outside"}
    };
    struct group_world g;
    (void)state;
    group_open(&g);
    g.w.facts.view_uses = uses;
    g.w.facts.view_use_count = 1;
    struct dump_entry *view = add(&g.w, "VIEW", "v", CATALOG_CLASS, 9, "CREATE VIEW v");
    struct dump_entry *on_it = add(&g.w, "VIEW", "w", CATALOG_CLASS, 10, "CREATE VIEW w");
    struct dump_entry *routine = add(&g.w, "FUNCTION", "f()", CATALOG_PROC, 9, "CREATE FUNCTION f");
    static struct fact_word language[] = {
        {9, "sql"}
    };
    g.w.facts.functions = language;
    g.w.facts.function_count = 1;
    needs(on_it, view);
    mark(&g);
    assert_mark(&g.w, view, SCHEMA_LEFT_OUT);
    assert_non_null(strstr(item_of(&g.w, view)->note, "s.outside"));
    assert_mark(&g.w, on_it, SCHEMA_LEFT_OUT);
    assert_mark(&g.w, routine, SCHEMA_CARRIED); /* the same number in another catalog */
    schema_plan_free(&g.w.plan);
    g.w.facts.function_uses = uses;
    g.w.facts.function_use_count = 1;
    mark(&g);
    assert_mark(&g.w, routine, SCHEMA_LEFT_OUT);
    schema_plan_free(&g.w.plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_keeps_everything),
        cmocka_unit_test(test_plain_roles),
        cmocka_unit_test(test_names_of_what_is_said_of_others),
        cmocka_unit_test(test_plain_materialised_views),
        cmocka_unit_test(test_group_types),
        cmocka_unit_test(test_group_languages_and_extensions),
        cmocka_unit_test(test_group_unique),
        cmocka_unit_test(test_group_foreign_keys),
        cmocka_unit_test(test_group_checks),
        cmocka_unit_test(test_group_order),
        cmocka_unit_test(test_group_refused_table),
        cmocka_unit_test(test_group_views_of_what_is_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
