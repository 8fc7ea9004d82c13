/* match: what the rules of a job file change: columns, format, and the target's name. */
#include "match_fixture.h"

#define RULES_MAX 4

/* A column rule as a row of a table tells it. */
struct rule {
    const char *column; /* NULL: no more */
    const char *rename;
    const char *expression;
    bool leave_out;
    uint32_t type; /* of the expression; 0: it does not work */
};

struct rules_row {
    const char *name;
    struct col source[COLUMNS_MAX + 1];
    struct col destination[COLUMNS_MAX + 1];
    struct rule rules[RULES_MAX + 1];
    const char *source_columns; /* NULL: do not look */
    const char *destination_columns;
    const char *say[SAY_MAX];
};

static const struct rules_row rules_rows[] = {
    {"a rename",
     {{"a", INT4, ""}, {"b", INT4, ""}},
     {{"x", INT4, ""}, {"b", INT4, ""}},
     {{"a", "x", NULL, false, 0}},
     "\"a\", \"b\"",                         "\"x\", \"b\"",
     {0}                                                                        },
    {"two that change names",
     {{"a", INT4, ""}, {"b", INT4, ""}},
     {{"a", INT4, ""}, {"b", INT4, ""}},
     {{"a", "b", NULL, false, 0}, {"b", "a", NULL, false, 0}},
     "\"a\", \"b\"",                         "\"b\", \"a\"",
     {0}                                                                        },
    {"left out",
     {{"a", INT4, ""}, {"b", BYTEA, "s"}},
     {{"a", INT4, ""}, {"b", INT4, "i"}},
     {{"b", NULL, NULL, true, 0}},
     "\"a\"",                                "\"a\"",
     {0}                                                                        },
    {"left out and missing there",
     {{"a", INT4, ""}, {"b", INT4, ""}},
     {{"a", INT4, ""}},
     {{"b", NULL, NULL, true, 0}},
     "\"a\"",                                "\"a\"",
     {0}                                                                        },
    {"computed, and closed against a comment at its end",
     {{"a", INT4, ""}},
     {{"a", INT4, ""}, {"n\"", INT4, "n"}},
     {{"n\"", NULL, "a + 1 -- one", false, INT4}},
     "\"a\", (a + 1 -- one\n) AS \"n\"\"\"", "\"a\", \"n\"\"\"",
     {0}                                                                        },
    {"computed in place of a column",
     {{"a", BYTEA, ""}, {"b", INT4, ""}},
     {{"a", INT4, ""}, {"b", INT4, ""}},
     {{"a", NULL, "length(a)", false, INT4}},
     "\"b\", (length(a)\n) AS \"a\"",        "\"b\", \"a\"",
     {0}                                                                        },
    {"computed of the wrong type",
     {{"a", INT4, ""}},
     {{"a", INT4, ""}, {"n", INT4, ""}},
     {{"n", NULL, "x", false, BYTEA}},
     NULL,                                   NULL,
     {"f.yaml:7: table s.t: column \"n\" is bytea as computed"}                 },
    {"computed and missing there",
     {{"a", INT4, ""}},
     {{"a", INT4, ""}},
     {{"n", NULL, "x", false, INT4}},
     NULL,                                   NULL,
     {"f.yaml:7: table s.t: column \"n\" (computed, int4) does not exist"}      },
    {"computed and generated there",
     {{"a", INT4, ""}},
     {{"a", INT4, ""}, {"n", INT4, "g"}},
     {{"n", NULL, "x", false, INT4}},
     NULL,                                   NULL,
     {"f.yaml:7: table d.u: column \"n\" on the destination is a generated one"}},
    {"what does not work is not said twice",
     {{"a", INT4, ""}},
     {{"a", INT4, ""}, {"n", INT4, "n"}},
     {{"n", NULL, "x", false, 0}},
     NULL,                                   NULL,
     {0}                                                                        },
    {"renamed and missing there",
     {{"a", INT4, ""}, {"b", INT4, ""}},
     {{"b", INT4, ""}},
     {{"a", "x", NULL, false, 0}},
     NULL,                                   NULL,
     {"f.yaml:7: table s.t: column \"a\" (\"x\" there) (int4) does not exist"}  },
    {"given twice",
     {{"a", INT4, ""}, {"b", INT4, ""}},
     {{"a", INT4, ""}, {"b", INT4, ""}},
     {{"a", "b", NULL, false, 0}},
     NULL,                                   NULL,
     {"f.yaml:7: table s.t: both \"a\" and \"b\" are to fill column \"b\""}     },
    {"given twice, by a computed one",
     {{"a", INT4, ""}},
     {{"n", INT4, ""}},
     {{"a", "n", NULL, false, 0}, {"n", NULL, "1", false, INT4}},
     NULL,                                   NULL,
     {"both \"a\" and \"n\" are to fill column \"n\""}                          },
    {"nothing left",
     {{"a", INT4, ""}, {"b", INT4, ""}},
     {{"a", INT4, ""}, {"b", INT4, ""}},
     {{"a", NULL, NULL, true, 0}, {"b", NULL, NULL, true, 0}},
     NULL,                                   NULL,
     {"f.yaml:7: table s.t: every column is left out"}                          },
    {"only a computed one is left",
     {{"a", INT4, ""}},
     {{"a", INT4, ""}, {"n", INT4, ""}},
     {{"a", NULL, NULL, true, 0}, {"n", NULL, "1", false, INT4}},
     "(1\n) AS \"n\"",                       "\"n\"",
     {0}                                                                        },
    {"left out, and NOT NULL there",
     {{"a", INT4, ""}, {"b", INT4, ""}},
     {{"a", INT4, ""}, {"b", INT4, "n"}},
     {{"b", NULL, NULL, true, 0}},
     NULL,                                   NULL,
     {"NOT NULL without a default, and the job file leaves it out"}             },
    {"a generated column that is asked for by name",
     {{"a", INT4, ""}, {"g", INT4, "g"}},
     {{"a", INT4, ""}, {"x", INT4, ""}},
     {{"g", "x", NULL, false, 0}},
     "\"a\", \"g\"",                         "\"a\", \"x\"",
     {0}                                                                        },
};

struct made {
    struct column_rule rules[RULES_MAX];
    const struct column_rule *columns[RULES_MAX];
    struct computed items[RULES_MAX];
    struct computed_list computed;
    struct choice choice;
};

static void make_rules(const struct rule *from, struct made *m)
{
    *m = (struct made){.computed = {.items = m->items}, .choice = {.columns = m->columns}};
    for (const struct rule *r = from; r->column != NULL; r++) {
        struct column_rule *to = &m->rules[m->choice.column_count];
        *to = (struct column_rule){.column = text(r->column),
                                   .rename = r->rename == NULL ? NULL : text(r->rename),
                                   .expression = r->expression == NULL ? NULL : text(r->expression),
                                   .leave_out = r->leave_out,
                                   .line = 7};
        m->columns[m->choice.column_count++] = to;
        if (r->expression != NULL) {
            m->items[m->computed.count++] =
                (struct computed){.rule = to, .type_oid = r->type, .typmod = -1};
        }
    }
}

static void rules_change_columns(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rules_rows); i++) {
        const struct rules_row *row = &rules_rows[i];
        struct made made;
        struct fixture f;
        struct err err;
        open_fixture(&f, row->source, row->destination);
        make_rules(row->rules, &made);
        f.spec.config = text("f.yaml");
        f.match.choice = &made.choice;
        f.match.computed = &made.computed;
        assert_true(match_columns(&f.match, &f.source, &f.destination, &f.table, &err));
        check_findings(row->name, row->say, &f.findings);
        if (row->source_columns != NULL) {
            assert_string_equal(f.table.source_columns, row->source_columns);
            assert_string_equal(f.table.destination_columns, row->destination_columns);
        }
        close_fixture(&f);
    }
}

static void a_rule_decides_the_format(void **state)
{
    static const struct col one[] = {
        {"a", INT4, ""},
        {0}
    };
    static const struct {
        enum format_choice global;
        enum format_choice own;
        bool said;
        const char *why;
    } rows[] = {
        {FORMAT_TEXT, FORMAT_BINARY, true,  ""                            },
        {FORMAT_AUTO, FORMAT_TEXT,   true,  "format: text in the job file"},
        {FORMAT_TEXT, FORMAT_TEXT,   false, "--format text"               },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct choice choice = {
            .format = rows[i].own, .format_said = rows[i].said, .chunk_bytes = 4096};
        struct fixture f;
        struct err err;
        open_fixture(&f, one, one);
        f.spec.format = rows[i].global;
        f.match.choice = &choice;
        assert_true(match_columns(&f.match, &f.source, &f.destination, &f.table, &err));
        assert_string_equal(f.table.format_why, rows[i].why);
        assert_int_equal(f.table.chunk_bytes, 4096);
        close_fixture(&f);
    }
}

static void a_rule_names_the_target(void **state)
{
    static const struct {
        const char *name;
        struct rel source;
        const char *to_schema; /* NULL: not said */
        const char *to_table;
        const char *own[2];
        const char *root[2]; /* NULL: none */
    } rows[] = {
        {"no rule",              {"s", "t", NULL, NULL}, NULL, NULL, {"s", "t"},      {NULL, NULL}   },
        {"a schema",             {"s", "t", NULL, NULL}, "o",  NULL, {"o", "t"},      {NULL, NULL}   },
        {"a table",              {"s", "t", NULL, NULL}, NULL, "u",  {"s", "u"},      {NULL, NULL}   },
        {"both",                 {"s", "t", NULL, NULL}, "o",  "u",  {"o", "u"},      {NULL, NULL}   },
        {"a leaf",               {"s", "l", ONE, "r"},   NULL, NULL, {"s", "l"},      {"public", "r"}},
        {"a leaf and a schema",  {"s", "l", ONE, "r"},   "o",  NULL, {"o", "l"},      {"o", "r"}     },
        {"a table for the root", {"s", "l", ONE, "r"},   NULL, "u",  {"public", "u"}, {NULL, NULL}   },
        {"both for the root",    {"s", "l", ONE, "r"},   "o",  "u",  {"o", "u"},      {NULL, NULL}   },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct relation source = relation_of(&rows[i].source);
        struct choice c = {.to_schema =
                               rows[i].to_schema == NULL ? source.schema : rows[i].to_schema,
                           .to_table = rows[i].to_table == NULL ? source.name : rows[i].to_table,
                           .schema_said = rows[i].to_schema != NULL,
                           .table_said = rows[i].to_table != NULL};
        struct match_names n = match_names(&c, &source);
        assert_string_equal(n.own.schema, rows[i].own[0]);
        assert_string_equal(n.own.name, rows[i].own[1]);
        assert_int_equal(n.root.name == NULL, rows[i].root[1] == NULL);
        if (rows[i].root[1] != NULL) {
            assert_string_equal(n.root.schema, rows[i].root[0]);
            assert_string_equal(n.root.name, rows[i].root[1]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_change_columns),
        cmocka_unit_test(a_rule_decides_the_format),
        cmocka_unit_test(a_rule_names_the_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
