/* match: which destination table takes a source table's rows, and which column takes which. */
#include "match_fixture.h"

struct column_row {
    const char *name;
    struct col source[COLUMNS_MAX + 1];
    struct col destination[COLUMNS_MAX + 1];
    enum format_choice format;
    bool binary;
    const char *columns;      /* both lists; NULL: do not look */
    const char *why;          /* a part of it */
    const char *say[SAY_MAX]; /* a part of each finding, in order */
};

static const struct column_row column_rows[] = {
    {"the same",
     {{"a", INT4, ""}, {"b", INT8, ""}},
     {{"a", INT4, ""}, {"b", INT8, ""}},
     FORMAT_AUTO,                                                                             true,
     "\"a\", \"b\"",                                                                                     "",
     {0}                                                                                                                     },
    {"another order: the source's counts",
     {{"a", INT4, ""}, {"b", INT8, ""}},
     {{"b", INT8, ""}, {"a", INT4, ""}},
     FORMAT_AUTO,                                                                             true,
     "\"a\", \"b\"",                                                                                     "",
     {0}                                                                                                                     },
    {"names are quoted and their case counts",
     {{"A \"x\"", INT4, ""}},
     {{"A \"x\"", INT4, ""}},
     FORMAT_AUTO,                                                                             true,
     "\"A \"\"x\"\"\"",                                                                                  "",
     {0}                                                                                                                     },
    {"--format text",
     {{"a", INT4, ""}},
     {{"a", INT4, ""}},
     FORMAT_TEXT,                                                                             false,
     "\"a\"",                                                                                            "--format text",
     {0}                                                                                                                     },
    {"a widening goes as text",
     {{"a", INT4, ""}, {"b", INT4, ""}},
     {{"a", INT4, ""}, {"b", INT8, ""}},
     FORMAT_AUTO,                                                                             false,
     "\"a\", \"b\"",                                                                                     "column \"b\"",
     {0}                                                                                                                     },
    {"--format binary and it cannot",
     {{"b", INT4, ""}},
     {{"b", INT8, ""}},
     FORMAT_BINARY,                                                                           false,
     "\"b\"",                                                                                            "column \"b\"",
     {"table s.t cannot go in binary"}                                                                                       },
    {"--format binary and it can",
     {{"b", INT4, ""}},
     {{"b", INT4, ""}},
     FORMAT_BINARY,                                                                           true,
     "\"b\"",                                                                                            "",
     {0}                                                                                                                     },
    {"a type that is refused",
     {{"a", INT4, ""}, {"b", INT4, ""}},
     {{"a", INT4, ""}, {"b", BYTEA, ""}},
     FORMAT_AUTO,                                                                             true,
     NULL,                                                                                               "",
     {"table s.t: column \"b\" is int4 on the source, and bytea"}                                                            },
    {"missing on the destination",
     {{"a", INT4, ""}, {"b", INT4, ""}},
     {{"a", INT4, ""}},
     FORMAT_AUTO,                                                                             true,
     NULL,                                                                                               "",
     {"table s.t: column \"b\" (int4) does not exist on the destination"}                                                    },
    {"several things are wrong",
     {{"a", INT4, ""}, {"b", INT4, ""}, {"c", INT4, ""}},
     {{"c", BYTEA, ""}, {"d", INT4, "n"}},
     FORMAT_AUTO,                                                                             false,
     NULL,                                                                                               "",
     {"column \"a\"", "column \"b\"", "column \"c\"", "column \"d\""}                                                        },
    {"generated on both sides",
     {{"a", INT4, ""}, {"g", INT4, "g"}},
     {{"a", INT4, ""}, {"g", INT4, "gn"}},
     FORMAT_AUTO,                                                                             true,
     "\"a\"",                                                                                            "",
     {0}                                                                                                                     },
    {"generated on the source only: a value",
     {{"a", INT4, ""}, {"g", INT4, "g"}},
     {{"a", INT4, ""}, {"g", INT4, ""}},
     FORMAT_AUTO,                                                                             true,
     "\"a\", \"g\"",                                                                                     "",
     {0}                                                                                                                     },
    {"generated on the destination only: computed there",
     {{"a", INT4, ""}, {"g", BYTEA, ""}},
     {{"a", INT4, ""}, {"g", INT4, "g"}},
     FORMAT_AUTO,                                                                             true,
     "\"a\"",                                                                                            "",
     {0}                                                                                                                     },
    {"generated on the source, missing on the destination",
     {{"a", INT4, ""}, {"g", INT4, "g"}},
     {{"a", INT4, ""}},
     FORMAT_AUTO,                                                                             true,
     "\"a\"",                                                                                            "",
     {0}                                                                                                                     },
    {"more on the destination",
     {{"a", INT4, ""}},
     {{"a", INT4, ""}, {"b", INT4, ""}, {"c", INT4, "nd"}, {"g", INT4, "gn"}},
     FORMAT_AUTO,                                                                             true,
     "\"a\"",                                                                                            "",
     {0}                                                                                                                     },
    {"NOT NULL without a default",
     {{"a", INT4, ""}},
     {{"a", INT4, ""}, {"b", INT4, "n"}},
     FORMAT_AUTO,                                                                             true,
     "\"a\"",                                                                                            "",
     {"table d.u: column \"b\" on the destination is NOT NULL without a default"}                                            },
    {"NOT NULL that the source has",
     {{"a", INT4, ""}},
     {{"a", INT4, "n"}},
     FORMAT_AUTO,                                                                             true,
     "\"a\"",                                                                                            "",
     {0}                                                                                                                     },
    {"no columns at all",                                   {{0}}, {{0}},      FORMAT_AUTO,   false, "", "no columns",    {0}},
    {"no columns, --format binary",                         {{0}}, {{0}},      FORMAT_BINARY, false, "", "no columns",    {0}},
    {"only generated ones",
     {{"g", INT4, "g"}},
     {{"g", INT4, "g"}},
     FORMAT_AUTO,                                                                             false,
     "",                                                                                                 "no columns",
     {0}                                                                                                                     },
    {"none in common, and one that would be left",
     {{0}},
     {{"b", INT4, "d"}},
     FORMAT_AUTO,                                                                             false,
     "",                                                                                                 "no columns",
     {"COPY cannot fill column \"b\" alone"}                                                                                 },
    {"the source may not be read",
     {{"a", INT4, "s"}},
     {{"a", INT4, ""}},
     FORMAT_AUTO,                                                                             true,
     NULL,                                                                                               "",
     {"may not read column \"a\" of table s.t"}                                                                              },
    {"the destination may not be written",
     {{"a", INT4, ""}},
     {{"a", INT4, "i"}},
     FORMAT_AUTO,                                                                             true,
     NULL,                                                                                               "",
     {"may not insert into column \"a\" of table d.u"}                                                                       },
};

static void columns_are_paired_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(column_rows); i++) {
        const struct column_row *row = &column_rows[i];
        struct fixture f;
        struct err err;
        open_fixture(&f, row->source, row->destination);
        f.spec.format = row->format;
        assert_true(match_columns(&f.match, &f.source, &f.destination, &f.table, &err));
        check_findings(row->name, row->say, &f.findings);
        if (row->columns != NULL) {
            assert_string_equal(f.table.source_columns, row->columns);
            assert_string_equal(f.table.destination_columns, row->columns);
        }
        if (f.findings.blockers == 0) {
            assert_int_equal(f.table.work.binary, row->binary);
            const char *why = f.table.format_why == NULL ? "?" : f.table.format_why;
            assert_non_null(strstr(why, row->why));
            assert_true(row->binary == (why[0] == '\0'));
        }
        assert_string_equal(f.table.source_schema, "s");
        assert_string_equal(f.table.source_name, "t");
        assert_string_equal(f.table.destination_schema, "d");
        assert_string_equal(f.table.destination_name, "u");
        close_fixture(&f);
    }
}

/* Rights are told apart from the rest: they decide the exit status. */
static void rights_are_their_own_kind(void **state)
{
    static const struct col none[] = {
        {"a",   INT4, "si"},
        {0}
    };
    struct fixture f;
    struct err err;
    (void)state;
    open_fixture(&f, none, none);
    assert_true(match_columns(&f.match, &f.source, &f.destination, &f.table, &err));
    assert_int_equal(f.findings.blockers, 2);
    assert_int_equal(findings_kind(&f.findings), ERR_AUTH);
    close_fixture(&f);
}

/* ---- the table ---- */

static void a_table_goes_to_its_target(void **state)
{
    static const struct {
        const char *name;
        struct rel source;
        struct rel destination[4];
        int want; /* index; -1: none */
    } rows[] = {
        {"its own name",
         {"s", "t", NULL, NULL},
         {{"s", "u", NULL, NULL}, {"s", "t", NULL, NULL}},
         1                                                                                                       },
        {"another schema is another table",
         {"s", "t", NULL, NULL},
         {{"public", "t", NULL, NULL}},
         -1                                                                                                      },
        {"nothing there",                               {"s", "t", NULL, NULL}, {{0}},                         -1},
        {"case counts",                                 {"s", "T", NULL, NULL}, {{"s", "t", NULL, NULL}},      -1},
        {"a plain table to a leaf that is named by it",
         {"s", "t", NULL, NULL},
         {{"s", "t", ONE, "r"}},
         0                                                                                                       },
        {"a leaf to the same leaf",
         {"s", "l", ONE, "r"},
         {{"public", "r", NULL, NULL}, {"s", "l", ONE, "r"}},
         1                                                                                                       },
        {"a default leaf",
         {"s", "l", "DEFAULT", "r"},
         {{"public", "r", NULL, NULL}, {"s", "l", "DEFAULT", "r"}},
         1                                                                                                       },
        {"a leaf with other bounds",
         {"s", "l", ONE, "r"},
         {{"public", "r", NULL, NULL}, {"s", "l", TWO, "r"}},
         0                                                                                                       },
        {"a leaf of another root",
         {"s", "l", ONE, "r"},
         {{"public", "r", NULL, NULL}, {"s", "l", ONE, "q"}},
         0                                                                                                       },
        {"hash bounds prove nothing",
         {"s", "l", HASH1, "r"},
         {{"public", "r", NULL, NULL}, {"s", "l", HASH1, "r"}},
         0                                                                                                       },
        {"no such leaf",                                {"s", "l", ONE, "r"},   {{"public", "r", NULL, NULL}}, 0 },
        {"a leaf to a plain table of its name",
         {"s", "l", ONE, "r"},
         {{"public", "r", NULL, NULL}, {"s", "l", NULL, NULL}},
         1                                                                                                       },
        {"neither leaf nor root",                       {"s", "l", ONE, "r"},   {{"s", "r", NULL, NULL}},      -1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct relation source = relation_of(&rows[i].source);
        struct relation *items = calloc(4, sizeof *items);
        struct relation_list list = {.items = items};
        assert_non_null(items);
        while (list.count < 4 && rows[i].destination[list.count].schema != NULL) {
            items[list.count] = relation_of(&rows[i].destination[list.count]);
            list.count++;
        }
        struct match match = {.destination = &list};
        const struct relation *got = match_target(&match, &source);
        const struct relation *want = rows[i].want < 0 ? NULL : &items[rows[i].want];
        if (got != want) {
            print_message("%s\n", rows[i].name);
        }
        free(items);
        assert_ptr_equal(got, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_paired_by_name),
        cmocka_unit_test(rights_are_their_own_kind),
        cmocka_unit_test(a_table_goes_to_its_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
