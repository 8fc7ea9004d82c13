/* refusals: what a shard group cannot take, and that each has words for what to do. */
#include "ddl_fixture.h"

#include "limitless/refusals.h"

#define NAME_54 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

static struct limitless_table there_items[] = {
    {(char[]){"s"}, (char[]){"sharded"},   TABLE_SHARDED,   (char[]){"HASH (a, \"B \"\"x\")"}},
    {(char[]){"s"}, (char[]){"reference"}, TABLE_REFERENCE, (char[]){""}                     },
};
static struct column there_columns[] = {
    {.name = (char[]){"a"},     .type_name = (char[]){"int"} },
    {.name = (char[]){"B \"x"}, .type_name = (char[]){"text"}},
};
static struct relation there_relation = {.schema = (char[]){"s"},
                                         .name = (char[]){"sharded"},
                                         .columns = there_columns,
                                         .column_count = 2};

struct row {
    struct fix_table table;
    int version;     /* 0: 160008 */
    const char *say; /* a part of the one blocker; NULL: none */
};

#define INT(n)                                       \
    {                                                \
        .name = (n), .type = "int", .not_null = true \
    }
#define NULLABLE(n)                \
    {                              \
        .name = (n), .type = "int" \
    }
#define TYPED(n, t)                                \
    {                                              \
        .name = (n), .type = (t), .not_null = true \
    }

/* clang-format 14 crashes on rows of unequal length. */
/* clang-format off */
static const struct row rows[] = {
    {.table = {.name = "t", .columns = {INT("a")}, .mode = TABLE_STANDARD}},
    {.table = {.name = NAME_54, .columns = {INT("a")}, .mode = TABLE_SHARDED, .shard_key = {"a"}}},
    {.table = {.name = NAME_54 "n", .columns = {INT("a")}, .mode = TABLE_STANDARD}},
    {.table = {.name = NAME_54 "n", .columns = {INT("a")}, .mode = TABLE_SHARDED, .shard_key = {"a"}},
     .say = "may have 54 characters, and this one has 55"},
    {.table = {.name = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\xc3\xbc", .columns = {INT("a")}, .mode = TABLE_SHARDED,
               .shard_key = {"a"}},
     .say = "this one has 55"},
    {.table = {.name = "t", .columns = {INT("a")}, .mode = TABLE_SHARDED},
     .say = "no shard key is given; add shard-key:"},
    {.table = {.name = "t", .columns = {INT("a")}, .mode = TABLE_SHARDED, .shard_key = {"b"}},
     .say = "shard key column \"b\" does not exist"},
    {.table = {.name = "t", .columns = {INT("a"), {.name = "b", .type = "int", .left_out = true}},
               .mode = TABLE_SHARDED, .shard_key = {"b"}},
     .say = "\"b\" is renamed or left out"},
    {.table = {.name = "t", .columns = {{.name = "b", .type = "int", .rename = "c"}},
               .mode = TABLE_SHARDED, .shard_key = {"c"}}},
    {.table = {.name = "t", .columns = {TYPED("a", "hstore")}, .mode = TABLE_SHARDED, .shard_key = {"a"}},
     .say = "of type hstore, which cannot be a shard key"},
    {.table = {.name = "t", .columns = {TYPED("a", "ltree")}, .mode = TABLE_SHARDED, .shard_key = {"a"}},
     .say = "of type ltree"},
    {.table = {.name = "t", .columns = {TYPED("a", "ltree")}, .mode = TABLE_REFERENCE, .key = {"a"}}},
    {.table = {.name = "t", .columns = {{.name = "a", .type = "mood", .kind = 'e'}},
               .mode = TABLE_SHARDED, .shard_key = {"a"}}, .version = 160009,
     .say = "from version 16.10 on"},
    {.table = {.name = "t", .columns = {{.name = "a", .type = "mood", .kind = 'e'}},
               .mode = TABLE_SHARDED, .shard_key = {"a"}}, .version = 160010},
    {.table = {.name = "t", .columns = {INT("a")}, .added = {"c", "public.ltree"},
               .mode = TABLE_SHARDED, .shard_key = {"c"}},
     .say = "\"c\" is computed as public.ltree"},
    {.table = {.name = "t", .columns = {INT("a")}, .added = {"c", "bit varying(8)"},
               .mode = TABLE_SHARDED, .shard_key = {"c"}},
     .say = "\"c\" is computed as bit varying(8)"},
    {.table = {.name = "t", .columns = {INT("a")}, .to_schema = "shard_12", .mode = TABLE_STANDARD},
     .say = "in schema \"shard_12\""},
    {.table = {.name = "t", .columns = {INT("a")}, .to_schema = "shard_", .mode = TABLE_STANDARD}},
    {.table = {.name = "t", .columns = {INT("a")}, .to_schema = "shard_1x", .mode = TABLE_STANDARD}},
    {.table = {.name = "t", .columns = {INT("a")}, .to_schema = "my_shard_1", .mode = TABLE_STANDARD}},
    {.table = {.name = "t", .columns = {INT("a")}, .added = {"c", "int"}, .key = {"a"},
               .mode = TABLE_SHARDED, .shard_key = {"c"}}},
    {.table = {.name = "t", .columns = {{.name = "g", .type = "int", .generated = 's'}},
               .mode = TABLE_SHARDED, .shard_key = {"g"}},
     .say = "\"g\" is a generated one"},
    {.table = {.name = "t", .columns = {INT("a"), NULLABLE("b")}, .key = {"a"},
               .mode = TABLE_SHARDED, .shard_key = {"b"}},
     .say = "\"b\" may be NULL"},
    {.table = {.name = "t", .columns = {INT("a"), INT("b")}, .key = {"a"},
               .mode = TABLE_SHARDED, .shard_key = {"b"}}},
    {.table = {.name = "t", .columns = {NULLABLE("b")}, .mode = TABLE_SHARDED, .shard_key = {"b"}}},
    {.table = {.name = "t", .columns = {INT("a")}, .mode = TABLE_REFERENCE},
     .say = "there is none at the source"},
    {.table = {.name = "t", .columns = {INT("a"), {.name = "b", .type = "int", .left_out = true}},
               .key = {"a", "b"}, .mode = TABLE_REFERENCE},
     .say = "the job file leaves out a column of it"},
    {.table = {.name = "t", .columns = {INT("a")}, .exclusions = "x, y", .mode = TABLE_STANDARD},
     .say = "EXCLUDE constraints (x, y)"},
    {.table = {.name = "t", .columns = {INT("a")}, .mode = TABLE_SHARDED, .shard_key = {"a"},
               .collocate_with = "s.nobody"},
     .say = "does not exist, and is not made by this load"},
    {.table = {.name = "t", .columns = {INT("a")}, .mode = TABLE_SHARDED, .shard_key = {"a"},
               .collocate_with = "t"},
     .say = "is the table itself"},
    {.table = {.name = "t", .columns = {INT("a")}, .mode = TABLE_SHARDED, .shard_key = {"a"},
               .collocate_with = "s.reference"},
     .say = "is not sharded"},
    {.table = {.name = "t", .columns = {INT("a"), TYPED("B \"x", "text")}, .mode = TABLE_SHARDED,
               .shard_key = {"a", "B \"x"}, .collocate_with = "s.sharded"}},
    {.table = {.name = "t", .columns = {INT("a"), TYPED("b", "text")}, .mode = TABLE_SHARDED,
               .shard_key = {"a", "b"}, .collocate_with = "s.sharded"},
     .say = "of the same names and types"},
    {.table = {.name = "t", .columns = {INT("a")}, .mode = TABLE_SHARDED, .shard_key = {"a"},
               .collocate_with = "sharded"},
     .say = "\"B \"x\" of type text"},
    {.table = {.name = "t", .columns = {TYPED("a", "bigint"), TYPED("b", "text")},
               .mode = TABLE_SHARDED, .shard_key = {"a", "b"}, .collocate_with = "s.sharded"},
     .say = "\"a\" of type int, where this one has \"a\" of type bigint"},
    {.table = {.name = "t", .columns = {INT("a")}, .mode = TABLE_SHARDED, .shard_key = {"a"},
               .collocate_with = "s.sharded"},
     .say = "where this one has fewer columns"},
    {.table = {.name = "t", .columns = {INT("a"), TYPED("B \"x", "text"), INT("c")},
               .mode = TABLE_SHARDED, .shard_key = {"a", "B \"x", "c"}, .collocate_with = "s.sharded"},
     .say = "that is shorter"},
};
/* clang-format on */

static void check(const struct ddl_table *tables, size_t count, int version,
                  struct findings *findings)
{
    struct limitless_tables modes = {.items = there_items, .count = 2};
    struct relation_list there = {.items = &there_relation, .count = 1};
    struct refusal_facts facts = {.tables = tables,
                                  .count = count,
                                  .modes = &modes,
                                  .there = &there,
                                  .server_version = version,
                                  .config = "job.yaml"};
    refusals_check(&facts, findings);
}

static void one_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct findings findings = {0};
        struct fix f;
        fix_make(&rows[i].table, &f);
        check(&f.table, 1, rows[i].version == 0 ? 160008 : rows[i].version, &findings);
        const char *got = findings.count == 0 ? "" : findings.items[0].text;
        bool right = rows[i].say == NULL
                         ? findings.count == 0
                         : findings.blockers == 1 && strstr(got, rows[i].say) != NULL;
        if (!right) {
            print_message("row %zu: %zu findings: %s\n", i, findings.count, got);
        }
        assert_true(right);
        findings_free(&findings);
    }
}

static void tables_of_one_load(void **state)
{
    /* clang-format off */
    static const struct {
        struct fix_table other;
        const char *say;
    } cases[] = {
        {{.name = "o", .columns = {INT("a")}, .mode = TABLE_SHARDED, .shard_key = {"a"}}, NULL},
        {{.name = "o", .columns = {INT("x")}, .mode = TABLE_SHARDED, .shard_key = {"x"}},
         "\"x\" of type int"},
        {{.name = "o", .columns = {TYPED("a", "text")}, .mode = TABLE_SHARDED, .shard_key = {"a"}},
         "\"a\" of type text"},
        {{.name = "o", .columns = {INT("x"), INT("y")}, .mode = TABLE_SHARDED, .shard_key = {"x", "y"}},
         "1 column, and the other's 2"},
        {{.name = "o", .columns = {INT("x")}, .mode = TABLE_STANDARD}, "will not be sharded"},
    };
    /* clang-format on */
    const struct fix_table table = {.name = "t",
                                    .columns = {INT("a")},
                                    .mode = TABLE_SHARDED,
                                    .shard_key = {"a"},
                                    .collocate_with = "s.o"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct findings findings = {0};
        struct fix f;
        struct fix g;
        fix_make(&table, &f);
        fix_make(&cases[i].other, &g);
        struct ddl_table both[] = {f.table, g.table};
        check(both, 2, 160008, &findings);
        assert_int_equal(findings.blockers, cases[i].say == NULL ? 0 : 1);
        if (cases[i].say != NULL) {
            assert_non_null(strstr(findings.items[0].text, cases[i].say));
        }
        findings_free(&findings);
    }
}

/* Each letter's table names the next letter's; '-' is none. */
static void circles(void **state)
{
    /* clang-format off */
    static const struct {
        const char *with;
        const char *say;
    } cases[] = {
        {"ba-", "job.yaml:1: table s.a is to be collocated with s.b, and in the end job.yaml:2: table s.b with"},
        {"bca", "job.yaml:1: table s.a is to be collocated with s.b, and in the end job.yaml:3: table s.c with"},
        {"bcb", "job.yaml:2: table s.b is to be collocated with s.c, and in the end job.yaml:3: table s.c with"},
        {"bc-", NULL                                                                                      },
        {"-aa", NULL                                                                                      },
    };
    /* clang-format on */
    static const char *const names[] = {"s.a", "s.b", "s.c"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct findings findings = {0};
        struct fix_table t[3];
        struct fix f[3]; /* borrows from t */
        struct ddl_table tables[3];
        for (size_t k = 0; k < 3; k++) {
            char with = cases[i].with[k];
            t[k] = (struct fix_table){.name = names[k] + 2,
                                      .columns = {INT("k")},
                                      .mode = TABLE_SHARDED,
                                      .shard_key = {"k"},
                                      .collocate_with = with == '-' ? NULL : names[with - 'a'],
                                      .line = (unsigned)k + 1};
            fix_make(&t[k], &f[k]);
            tables[k] = f[k].table;
        }
        check(tables, 3, 160008, &findings);
        assert_int_equal(findings.blockers, cases[i].say == NULL ? 0 : 1);
        if (cases[i].say != NULL) {
            assert_non_null(strstr(findings.items[0].text, cases[i].say));
        }
        findings_free(&findings);
    }
}

static void all_of_it_with_its_line(void **state)
{
    const struct fix_table bad = {
        .name = NAME_54 "n",
        .columns = {TYPED("a", "money")},
        .exclusions = "x",
        .mode = TABLE_SHARDED,
        .shard_key = {"a",       "b"     },
        .collocate_with = "s.nobody",
        .line = 12
    };
    struct findings findings = {0};
    struct fix f;
    (void)state;
    fix_make(&bad, &f);
    check(&f.table, 1, 160008, &findings);
    assert_int_equal(findings.blockers, 5);
    for (size_t i = 0; i < findings.count; i++) {
        assert_ptr_equal(strstr(findings.items[i].text, "job.yaml:12: table s.n"),
                         findings.items[i].text);
        assert_int_equal(findings.items[i].kind, ERR_USAGE);
    }
    findings_free(&findings);
}

static void extensions(void **state)
{
    (void)state;
    assert_true(refusals_may_have_extension("citext"));
    assert_true(refusals_may_have_extension("vector"));
    assert_false(refusals_may_have_extension("seg"));
    assert_false(refusals_may_have_extension(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_table),  cmocka_unit_test(tables_of_one_load),
        cmocka_unit_test(circles),    cmocka_unit_test(all_of_it_with_its_line),
        cmocka_unit_test(extensions),
    };

    return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
