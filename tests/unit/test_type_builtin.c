/*
 * type_compare on PostgreSQL's own types, one row a rule: what is the same type, what text carries,
 * which wider type or limit holds every value. Each row is compared there and back, because most
 * rules hold in one direction only.
 */
#include "type_fixture.h"

#include "pg/type_builtin.h"

/* clang-format off */
static struct compare_case compare_cases[] = {
    /* built-in types */
    {"int4 is int4", INT4, NO, INT4, NO, BIN, BIN, ""},
    {"money is money", MONEY, NO, MONEY, NO, BIN, BIN, ""},
    {"oid is a number", OID, NO, OID, NO, BIN, BIN, ""},
    {"int4multirange", INT4MULTIRANGE, NO, INT4MULTIRANGE, NO, BIN, BIN, ""},
    {"regclass", REGCLASS, NO, REGCLASS, NO, TXT, TXT, "regclass names an object"},
    {"regproc", REGPROC, NO, REGPROC, NO, TXT, TXT, "regproc"},
    {"regclass[]", REGCLASS_ARRAY, NO, REGCLASS_ARRAY, NO, TXT, TXT, "in array element"},
    {"aclitem has no receive", ACLITEM, NO, ACLITEM, NO, TXT, TXT, "aclitem has no binary"},
    {"aclitem[]", ACLITEM_ARRAY, NO, ACLITEM_ARRAY, NO, TXT, TXT, "aclitem"},
    {"xml declares its encoding", XML, NO, XML, NO, TXT, TXT, "encoding"},
    {"pg_node_tree cannot be read", NODE_TREE, NO, NODE_TREE, NO, TXT, TXT, "pg_node_tree"},
    {"pseudo-type", UNKNOWN, NO, UNKNOWN, NO, REF, REF, "pseudo"},
    {"unknown OID at the source", NOWHERE, NO, INT4, NO, REF, REF, "the source has no type"},
    {"unknown OID at both", NOWHERE, NO, NOWHERE, NO, REF, REF, "OID 15000"},

    /* widenings */
    {"int2 to int4", INT2, NO, INT4, NO, TXT, REF, "int2 becomes int4"},
    {"int2 to int8", INT2, NO, INT8, NO, TXT, REF, ""},
    {"int2 to float4", INT2, NO, FLOAT4, NO, TXT, REF, ""},
    {"int2 to float8", INT2, NO, FLOAT8, NO, TXT, REF, ""},
    {"int4 to int8", INT4, NO, INT8, NO, TXT, REF, ""},
    {"int4 to float8", INT4, NO, FLOAT8, NO, TXT, REF, ""},
    {"int4 to float4 is not exact", INT4, NO, FLOAT4, NO, REF, REF, "int4 is not carried"},
    {"int8 to float8 is not exact", INT8, NO, FLOAT8, NO, REF, REF, ""},
    {"int8 to numeric", INT8, NO, NUMERIC, NO, TXT, REF, ""},
    {"int2 to numeric(5)", INT2, NO, NUMERIC, NUMERIC_LIMIT(5, 0), TXT, REF, ""},
    {"int2 to numeric(4)", INT2, NO, NUMERIC, NUMERIC_LIMIT(4, 0), REF, REF, "(4,0)"},
    {"int4 to numeric(9)", INT4, NO, NUMERIC, NUMERIC_LIMIT(9, 0), REF, REF, ""},
    {"int8 to numeric(19)", INT8, NO, NUMERIC, NUMERIC_LIMIT(19, 0), TXT, REF, ""},
    {"int8 to numeric(30,2)", INT8, NO, NUMERIC, NUMERIC_LIMIT(30, 2), REF, REF, ""},
    {"int8 to numeric(30,-2)", INT8, NO, NUMERIC, NUMERIC_LIMIT(30, -2), REF, REF, ""},
    {"float4 to float8", FLOAT4, NO, FLOAT8, NO, REF, REF, ""},
    {"float8 to numeric", FLOAT8, NO, NUMERIC, NO, REF, REF, ""},
    {"oid to int8", OID, NO, INT8, NO, TXT, REF, ""},
    {"oid and int4", OID, NO, INT4, NO, REF, REF, ""},
    {"date to timestamp", DATE, NO, TIMESTAMP, NO, REF, REF, ""},
    {"timestamp to timestamptz", TIMESTAMP, NO, TIMESTAMPTZ, NO, REF, REF, ""},
    {"json to jsonb", JSON, NO, JSONB, NO, REF, TXT, ""},
    {"bit(3) to varbit", BIT, 3, VARBIT, NO, TXT, REF, ""},
    {"bit(3) to varbit(3)", BIT, 3, VARBIT, 3, TXT, REF, ""},
    {"bit(3) to varbit(2)", BIT, 3, VARBIT, 2, REF, REF, "bit(3)"},
    {"bytea and text", BYTEA, NO, TEXT, NO, TXT, REF, ""},
    {"int4[] to int8[]", INT4_ARRAY, NO, INT8_ARRAY, NO, TXT, REF, "int4 becomes int8"},

    /* to text */
    {"varchar(10) to text", VARCHAR, 14, TEXT, NO, TXT, REF, "varchar becomes text"},
    {"varchar and text", VARCHAR, NO, TEXT, NO, TXT, TXT, ""},
    {"name to text", NAME, NO, TEXT, NO, TXT, REF, ""},
    {"int4 to varchar", INT4, NO, VARCHAR, NO, TXT, REF, ""},
    {"int4 to varchar(20)", INT4, NO, VARCHAR, 24, REF, REF, "varchar(20)"},
    {"json to text", JSON, NO, TEXT, NO, TXT, REF, ""},
    {"range to text", INT4RANGE, NO, TEXT, NO, TXT, REF, ""},
    {"array to text", INT4_ARRAY, NO, TEXT, NO, TXT, REF, ""},
    {"varchar[] to text[]", VARCHAR_ARRAY, 14, TEXT_ARRAY, NO, TXT, REF, "array element"},
    {"char(5) to text", BPCHAR, 9, TEXT, NO, REF, REF, "bpchar(5)"},
    {"char(5)[] to text", BPCHAR_ARRAY, 9, TEXT, NO, REF, REF, ""},
    {"xml to text", XML, NO, TEXT, NO, REF, REF, ""},
    {"regclass to text", REGCLASS, NO, TEXT, NO, REF, REF, ""},
    {"unknown to text", UNKNOWN, NO, TEXT, NO, REF, REF, ""},

    /* type modifiers */
    {"varchar(10) to (20)", VARCHAR, 14, VARCHAR, 24, BIN, REF, ""},
    {"varchar(20) to (10)", VARCHAR, 24, VARCHAR, 14, REF, BIN,
     "varchar(20) does not fit varchar(10)"},
    {"varchar(10) and varchar", VARCHAR, 14, VARCHAR, NO, BIN, REF, ""},
    {"varchar(10)[] to (20)[]", VARCHAR_ARRAY, 14, VARCHAR_ARRAY, 24, BIN, REF, ""},
    {"char(5) is char(5)", BPCHAR, 9, BPCHAR, 9, BIN, BIN, ""},
    {"char(5) and char(6)", BPCHAR, 9, BPCHAR, 10, REF, REF, ""},
    {"char(5) to bpchar", BPCHAR, 9, BPCHAR, NO, BIN, REF, ""},
    {"bit(3) and bit(4)", BIT, 3, BIT, 4, REF, REF, ""},
    {"varbit(3) to varbit(4)", VARBIT, 3, VARBIT, 4, BIN, REF, ""},
    {"numeric(10,2) to (12,4)", NUMERIC, NUMERIC_LIMIT(10, 2), NUMERIC, NUMERIC_LIMIT(12, 4),
     BIN, REF, ""},
    {"numeric(10,2) to (12,1)", NUMERIC, NUMERIC_LIMIT(10, 2), NUMERIC, NUMERIC_LIMIT(12, 1),
     REF, REF, "numeric(10,2) does not fit numeric(12,1)"},
    {"numeric(10,2) to (11,4)", NUMERIC, NUMERIC_LIMIT(10, 2), NUMERIC, NUMERIC_LIMIT(11, 4),
     REF, REF, ""},
    {"numeric(10,-2) to (12,0)", NUMERIC, NUMERIC_LIMIT(10, -2), NUMERIC, NUMERIC_LIMIT(12, 0),
     BIN, REF, ""},
    {"numeric(10,2) and numeric", NUMERIC, NUMERIC_LIMIT(10, 2), NUMERIC, NO, BIN, REF, ""},
    {"timestamp(3) to (6)", TIMESTAMP, 3, TIMESTAMP, 6, BIN, REF, ""},
    {"timestamp is timestamp(6)", TIMESTAMP, NO, TIMESTAMP, 6, BIN, BIN, ""},
    {"timestamptz(0) to (1)", TIMESTAMPTZ, 0, TIMESTAMPTZ, 1, BIN, REF, ""},
    {"time(3) to time", TIME, 3, TIME, NO, BIN, REF, ""},
    {"timetz(3) to (4)", TIMETZ, 3, TIMETZ, 4, BIN, REF, ""},
    {"interval(3) to (4)", INTERVAL, INTERVAL_LIMIT(ALL_FIELDS, 3), INTERVAL,
     INTERVAL_LIMIT(ALL_FIELDS, 4), BIN, REF, ""},
    {"interval to (6)", INTERVAL, NO, INTERVAL, INTERVAL_LIMIT(ALL_FIELDS, 6), BIN, BIN, ""},
    {"interval fields to all", INTERVAL, INTERVAL_LIMIT(DAY_TO_HOUR, NO_DIGITS), INTERVAL,
     INTERVAL_LIMIT(ALL_FIELDS, NO_DIGITS), BIN, REF, ""},
};

static struct version_case version_cases[] = {
    {{"int4[] is int4[]", INT4_ARRAY, NO, INT4_ARRAY, NO, BIN, BIN, ""}, 110000, 110000},
    {{"int4range is int4range", INT4RANGE, NO, INT4RANGE, NO, BIN, BIN, ""}, 110000, 180000},
    {{"interval, 16 to 17", INTERVAL, NO, INTERVAL, NO, TXT, TXT, "infinite"}, 160000, 170000},
    {{"interval, 17 to 18", INTERVAL, NO, INTERVAL, NO, BIN, BIN, ""}, 170000, 180000},
};
/* clang-format on */

static void check_both_ways(const struct compare_case *c, int source_version,
                            int destination_version)
{
    struct type_info items[ARRAY_LEN(builtins)];
    memcpy(items, builtins, sizeof items);
    struct type_set source = {items, ARRAY_LEN(items), source_version};
    struct type_set destination = {items, ARRAY_LEN(items), destination_version};
    struct type_use from = {&source, c->source, c->source_typmod};
    struct type_use to = {&destination, c->destination, c->destination_typmod};

    check_match(&from, &to, c->there, c->why);
    check_match(&to, &from, c->back, NULL);
}

static void check_case(void **state)
{
    check_both_ways(*state, 150000, 150000);
}

static void check_version_case(void **state)
{
    const struct version_case *v = *state;

    check_both_ways(&v->c, v->source_version, v->destination_version);
}

/* An OID below 10000 that has another name, as a type of a version to come would have. */
static void same_oid_of_another_name_is_refused(void **state)
{
    (void)state;
    struct type_info past = BASE(4999, "was");
    struct type_info future = BASE(4999, "will_be");
    struct type_set a = {&past, 1, 110000};
    struct type_set b = {&future, 1, 180000};

    check_match(&(struct type_use){&a, 4999, NO}, &(struct type_use){&b, 4999, NO}, TYPE_REFUSED,
                "will_be");
}

static void limits_are_written_for_people(void **state)
{
    (void)state;
    char out[TYPE_LIMIT_MAX];

    assert_string_equal(type_limit_text(VARCHAR, NO, out), "");
    assert_string_equal(type_limit_text(BPCHAR, 9, out), "(5)");
    assert_string_equal(type_limit_text(NUMERIC, NUMERIC_LIMIT(10, -2), out), "(10,-2)");
    assert_string_equal(type_limit_text(TIMESTAMP, 3, out), "(3)");
    assert_string_equal(type_limit_text(INTERVAL, INTERVAL_LIMIT(ALL_FIELDS, 2), out), "(2)");
    assert_string_equal(type_limit_text(INTERVAL, INTERVAL_LIMIT(DAY_TO_HOUR, NO_DIGITS), out),
                        "(6) of some fields");
}

int main(void)
{
    const struct CMUnitTest single[] = {
        cmocka_unit_test(same_oid_of_another_name_is_refused),
        cmocka_unit_test(limits_are_written_for_people),
    };
    struct CMUnitTest
        tests[ARRAY_LEN(compare_cases) + ARRAY_LEN(version_cases) + ARRAY_LEN(single)];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(compare_cases); i++) {
        tests[count++] = (struct CMUnitTest){.name = compare_cases[i].name,
                                             .test_func = check_case,
                                             .initial_state = &compare_cases[i]};
    }
    for (size_t i = 0; i < ARRAY_LEN(version_cases); i++) {
        tests[count++] = (struct CMUnitTest){.name = version_cases[i].c.name,
                                             .test_func = check_version_case,
                                             .initial_state = &version_cases[i]};
    }
    memcpy(tests + count, single, sizeof single);

    return cmocka_run_group_tests_name("type_builtin", tests, NULL, NULL);
}
