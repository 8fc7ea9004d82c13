/* table_ddl: the SQL that makes a table, on a plain server and on a shard group. */
#include "ddl_fixture.h"

#include "base/buf.h"
#include "base/findings.h"

#include <stdio.h>
#include <stdlib.h>

static struct definition_sequence sequence = {.oid = 77,
                                              .schema = (char[]){"s"},
                                              .name = (char[]){"q"},
                                              .type = (char[]){"bigint"},
                                              .start = (char[]){"1"},
                                              .increment = (char[]){"1"},
                                              .min = (char[]){"1"},
                                              .max = (char[]){"99"},
                                              .cache = 1,
                                              .owner_oid = 5,
                                              .owner_column = (char[]){"id"}};

/* All statements in one text, line breaks and their indent as one blank. */
static char *joined(const struct ddl_script *s)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    for (size_t i = 0; i < s->count; i++) {
        buf_puts(&b, i == 0 ? "" : "; ");
        for (const char *p = s->statements[i]; *p != '\0'; p++) {
            if (*p == '\n') {
                p += strspn(p + 1, " ");
                buf_puts(&b, " ");
            } else {
                buf_add(&b, p, 1);
            }
        }
    }
    return buf_take(&b);
}

struct made {
    struct ddl_script script;
    struct ddl_changes changes;
    struct ddl_sequence sequence;
    char *text;
};

static void make(const struct ddl_table *t, const struct definition_sequence *s, bool limitless,
                 bool exists, struct made *out)
{
    struct err err = {.kind = ERR_NONE};
    struct definition_sequence mine = *s;
    mine.identity = t->from->column_count > 0 && t->from->columns[0].identity != '\0';
    struct definitions d = {.sequences = &mine, .sequence_count = 1};
    *out = (struct made){
        .sequence = {{"s", "q"}, exists}
    };
    struct ddl_context cx = {.definitions = &d,
                             .sequences = &out->sequence,
                             .is_limitless = limitless,
                             .server_version = 160000,
                             .changes = &out->changes};
    assert_true(ddl_table_make(t, &cx, &out->script, &err));
    out->text = joined(&out->script);
}

static void made_free(struct made *m)
{
    ddl_script_free(&m->script);
    free(m->text);
}

#define QUEUE                                                                      \
    "CREATE SEQUENCE \"s\".\"q\" AS bigint START WITH 1 INCREMENT BY 1 MINVALUE 1" \
    " MAXVALUE 99 CACHE 1; "
#define OPTIONS "START WITH 1 INCREMENT BY 1 MINVALUE 1 MAXVALUE 99 CACHE 1)"
#define SET     "SET LOCAL rds_aurora.limitless_create_table_"

struct row {
    const char *what;
    bool limitless;
    bool exists; /* the sequence */
    struct fix_table table;
    const char *want;
};

/* clang-format 14 crashes on rows of unequal length. */
/* clang-format off */
static const struct row rows[] = {
    {.what = "columns as they are",
     .table = {.name = "t",
               .columns = {{.name = "a", .type = "integer", .value = "5", .not_null = true},
                           {.name = "B \"x\"", .type = "text"}}},
     .want = "CREATE TABLE \"s\".\"t\" ( \"a\" integer DEFAULT 5 NOT NULL, \"B \"\"x\"\"\" text )"                                                              },
    {.what = "no column at all",                                                                  .table = {.name = "t"}, .want = "CREATE TABLE \"s\".\"t\" ( )"},
    {.what = "a key, storage parameters, UNLOGGED",
     .table = {.name = "t",
               .columns = {{.name = "a", .type = "int", .not_null = true}},
               .key = {"a"},
               .persistence = 'u',
               .options = "fillfactor='70'"},
     .want = "CREATE UNLOGGED TABLE \"s\".\"t\" ( \"a\" int NOT NULL, CONSTRAINT \"k\" PRIMARY KEY"
             " (\"a\") ) WITH (fillfactor='70')"                                                                                                                },
    {.what = "none of them on a group",
     .limitless = true,
     .table = {.name = "t",
               .columns = {{.name = "a", .type = "int", .not_null = true}},
               .key = {"a"},
               .mode = TABLE_STANDARD,
               .persistence = 'u',
               .options = "fillfactor='70'"},
     .want =
         SET "mode = 'standard'; CREATE TABLE \"s\".\"t\" ( \"a\" int NOT NULL, CONSTRAINT \"k\""
             " PRIMARY KEY (\"a\") )"},
    {.what = "serial",
     .table = {.name = "t",
               .columns = {{.name = "id", .type = "int", .value = "x", .serial = true}}},
     .want =
         QUEUE "CREATE TABLE \"s\".\"t\" ( \"id\" int DEFAULT nextval('\"s\".\"q\"'::regclass) );"
               " ALTER SEQUENCE \"s\".\"q\" OWNED BY \"s\".\"t\".\"id\""                                                                        },
    {.what = "serial whose sequence is there",
     .exists = true,
     .table = {.name = "t",
               .columns = {{.name = "id", .type = "int", .value = "x", .serial = true}}},
     .want = "CREATE TABLE \"s\".\"t\" ( \"id\" int DEFAULT nextval('\"s\".\"q\"'::regclass) )"},
    {.what = "identity",
     .table = {.name = "t",
               .columns = {{.name = "id", .type = "int", .identity = 'a', .not_null = true}}},
     .want = "CREATE TABLE \"s\".\"t\" ( \"id\" int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME"
             " \"s\".\"q\" " OPTIONS " NOT NULL )"                                            },
    {.what = "identity whose sequence's name is taken",
     .exists = true,
     .table = {.name = "t", .columns = {{.name = "id", .type = "int", .identity = 'd'}}},
     .want =
         "CREATE TABLE \"s\".\"t\" ( \"id\" int GENERATED BY DEFAULT AS IDENTITY (" OPTIONS " )"},
    {.what = "identity on a group",
     .limitless = true,
     .table = {.name = "t",
               .columns = {{.name = "id", .type = "int", .identity = 'a', .not_null = true}},
               .mode = TABLE_REFERENCE},
     .want = QUEUE SET "mode = 'reference'; CREATE TABLE \"s\".\"t\" ( \"id\" int DEFAULT"
                       " nextval('\"s\".\"q\"'::regclass) NOT NULL )"},
    {.what = "sharded and collocated, the key in the primary key",
     .limitless = true,
     .table = {.name = "t",
               .columns = {{.name = "a", .type = "int"}, {.name = "B b", .type = "int"}},
               .key = {"a", "B b"},
               .mode = TABLE_SHARDED,
               .shard_key = {"B b", "a"},
               .collocate_with = "s.Other"},
     .want =
         SET "mode = 'sharded'; " SET "shard_key = '{\"B b\",\"a\"}'; " SET
             "collocate_with = 's.\"Other\"'; CREATE TABLE \"s\".\"t\" ( \"a\" int, \"B b\" int,"
             " CONSTRAINT \"k\" PRIMARY KEY (\"a\", \"B b\") )"},
    {.what = "the primary key gets what it lacks",
     .limitless = true,
     .table = {.name = "t",
               .columns = {{.name = "a", .type = "int", .not_null = true}},
               .key = {"a"},
               .added = {"c", "bigint"},
               .mode = TABLE_SHARDED,
               .shard_key = {"c"},
               .collocate_with = "other"},
     .want =
         SET "mode = 'sharded'; " SET "shard_key = '{\"c\"}'; " SET "collocate_with = 's.other';"
             " CREATE TABLE \"s\".\"t\" ( \"a\" int NOT NULL, \"c\" bigint, CONSTRAINT \"k\""
             " PRIMARY KEY (\"a\", \"c\") )"},
    {.what = "renamed, left out, replaced, and a generated column that is none any more",
     .table = {.name = "t",
               .columns = {{.name = "a", .type = "int", .not_null = true, .rename = "z"},
                           {.name = "b", .type = "int", .left_out = true},
                           {.name = "c", .type = "int", .not_null = true, .computed = "text"},
                           {.name = "g", .type = "int", .value = "a + 1", .generated = 's'}},
               .key = {"a"}},
     .want = "CREATE TABLE \"s\".\"t\" ( \"z\" int NOT NULL, \"c\" text NOT NULL, \"g\" int,"
             " CONSTRAINT \"k\" PRIMARY KEY (\"z\") )"                                                                                                                                          },
    {.what = "a generated column beside an added one",
     .table = {.name = "t",
               .columns = {{.name = "g", .type = "int", .value = "1", .generated = 'v'}},
               .added = {"c", "text"}},
     .want = "CREATE TABLE \"s\".\"t\" ( \"g\" int GENERATED ALWAYS AS (1) STORED, \"c\" text )"                              },
    {.what = "a key that loses a column is none",
     .table = {.name = "t",
               .columns = {{.name = "a", .type = "int"},
                           {.name = "b", .type = "int", .left_out = true}},
               .key = {"a", "b"}},
     .want = "CREATE TABLE \"s\".\"t\" ( \"a\" int )"},
    {.what = "elsewhere the index finds its own name",
     .table =
         {.name = "t", .columns = {{.name = "a", .type = "int"}}, .key = {"a"}, .to_schema = "n"},
     .want = "CREATE TABLE \"n\".\"t\" ( \"a\" int, PRIMARY KEY (\"a\") )"},
};
/* clang-format on */

static void texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fix f;
        struct made m;
        fix_make(&rows[i].table, &f);
        make(&f.table, &sequence, rows[i].limitless, rows[i].exists, &m);
        if (strcmp(m.text, rows[i].want) != 0) {
            print_message("%s:\n  got  %s\n  want %s\n", rows[i].what, m.text, rows[i].want);
        }
        assert_string_equal(m.text, rows[i].want);
        made_free(&m);
    }
}

static void sequences_on_a_group(void **state)
{
    static const struct {
        int64_t cache;
        bool cycle;
        const char *end;
        size_t cycles, caches;
    } cases[] = {
        {249999, false, "CACHE 249999; ", 0, 0},
        {250000, false, "CACHE 249999; ", 0, 1},
        {1,      true,  "CACHE 1; ",      1, 0},
    };
    const struct fix_table table = {.name = "t",
                                    .columns = {{.name = "id", .type = "int", .serial = true}}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fix f;
        struct made m;
        struct definition_sequence s = sequence;
        s.cache = cases[i].cache;
        s.cycle = cases[i].cycle;
        fix_make(&table, &f);
        make(&f.table, &s, true, false, &m);
        assert_non_null(strstr(m.text, cases[i].end));
        assert_null(strstr(m.text, "OWNED BY"));
        assert_int_equal(m.changes.of[DDL_CYCLE].count, cases[i].cycles);
        assert_int_equal(m.changes.of[DDL_CACHE].count, cases[i].caches);
        assert_true(m.sequence.exists);
        made_free(&m);
        make(&f.table, &s, false, false, &m);
        assert_int_equal(strstr(m.text, " CYCLE;") != NULL, cases[i].cycle);
        assert_int_equal(m.changes.of[DDL_CACHE].count + m.changes.of[DDL_CYCLE].count, 0);
        made_free(&m);
    }
}

static void partitions_and_parents(void **state)
{
    const struct fix_table table = {
        .name = "t", .columns = {{.name = "a", .type = "int", .identity = 'a'}}, .kind = 'p'};
    struct fix root;
    struct fix leaf;
    struct made m;
    (void)state;
    fix_make(&table, &root);
    fix_make(&table, &leaf);
    root.from.partition_by = fix_text("LIST (a)");
    leaf.from.kind = 'r';
    leaf.from.bound = fix_text("FOR VALUES IN (1)");
    struct ddl_part part = {
        .from = &leaf.from, .name = {"s", "l"},
             .parent = root.table.name
    };
    root.table.parts = &part;
    root.table.part_count = 1;
    make(&root.table, &sequence, false, true, &m);
    assert_string_equal(m.text, "CREATE TABLE \"s\".\"t\" ( \"a\" int GENERATED ALWAYS AS IDENTITY"
                                " (" OPTIONS " ) PARTITION BY LIST (a); CREATE TABLE \"s\".\"l\" ("
                                " \"a\" int ); ALTER TABLE \"s\".\"t\" ATTACH PARTITION \"s\".\"l\""
                                " FOR VALUES IN (1)");
    assert_string_equal(m.script.note, "table s.t with its 1 partition");
    assert_int_equal(m.changes.of[DDL_PARTITIONS].count, 0);
    made_free(&m);

    root.table.part_count = 0;
    make(&root.table, &sequence, true, true, &m);
    assert_null(strstr(m.text, "PARTITION"));
    assert_int_equal(m.changes.of[DDL_PARTITIONS].count, 1);
    made_free(&m);

    struct relation_name parent = {"s", "p"};
    leaf.source[0].is_local = false;
    leaf.source[0].identity = '\0';
    leaf.source[0].default_sql = fix_text("4");
    leaf.source[0].not_null = true;
    leaf.table.inherits = &parent;
    leaf.table.inherit_count = 1;
    make(&leaf.table, &sequence, false, true, &m);
    assert_string_equal(m.text, "CREATE TABLE \"s\".\"t\" ( ) INHERITS (\"s\".\"p\"); ALTER TABLE"
                                " \"s\".\"t\" ALTER COLUMN \"a\" SET DEFAULT 4, ALTER COLUMN \"a\""
                                " SET NOT NULL");
    made_free(&m);
}

static void notes(void **state)
{
    const struct fix_table table = {
        .name = "t",
        .columns = {{.name = "a", .type = "int"}},
        .mode = TABLE_SHARDED,
        .shard_key = { "a",                         "b"},
        .collocate_with = "s.o",
        .triggers = "x"
    };
    struct findings findings = {0};
    struct ddl_changes changes = {0};
    struct fix f;
    struct made m;
    (void)state;
    fix_make(&table, &f);
    make(&f.table, &sequence, true, true, &m);
    assert_string_equal(m.script.label, "table s.t");
    assert_string_equal(m.script.note, "table s.t, sharded by a, b, collocated with s.o");
    assert_int_equal(m.changes.of[DDL_TRIGGERS].count, 1);
    made_free(&m);

    changes.of[DDL_IDENTITY].count = 7;
    (void)snprintf(changes.of[DDL_IDENTITY].names, DDL_NAMES_MAX, "s.t.a");
    ddl_changes_tell(&changes, &findings);
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.blockers, 0);
    assert_non_null(strstr(findings.items[0].text, ": s.t.a and 2 more"));
    findings_free(&findings);
}

/* Names as long as the server has them, more of them than are shown: none runs over. */
static void long_names(void **state)
{
    char name[64];
    struct fix_table table = {.name = name, .columns = {{.name = name, .type = "int"}}};
    struct fix f;
    struct err err = {.kind = ERR_NONE};
    struct ddl_changes changes = {0};
    struct definitions d = {0};
    struct ddl_context cx = {.definitions = &d, .is_limitless = true, .changes = &changes};
    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    table.options = "x";
    for (int i = 0; i < 9; i++) {
        struct ddl_script script = {0};
        fix_make(&table, &f);
        assert_true(ddl_table_make(&f.table, &cx, &script, &err));
        ddl_script_free(&script);
    }
    assert_int_equal(changes.of[DDL_OPTIONS].count, 9);
    assert_in_range(strlen(changes.of[DDL_OPTIONS].names), 100, DDL_NAMES_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(sequences_on_a_group),
        cmocka_unit_test(partitions_and_parents),
        cmocka_unit_test(notes),
        cmocka_unit_test(long_names),
    };

    return cmocka_run_group_tests_name("table_ddl", tests, NULL, NULL);
}
