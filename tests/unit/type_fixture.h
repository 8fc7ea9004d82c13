/*
 * type_fixture.h: hand-made types for the tests of the comparison, and the check of one direction.
 * Own names for the OIDs, so that a wrong number in the product is found.
 */
#ifndef TESTS_TYPE_FIXTURE_H
#define TESTS_TYPE_FIXTURE_H

#include "unit.h"

#include "pg/types.h"

#include <stdio.h>
#include <string.h>

#define NO (-1) /* the type modifier of a type without a limit */

#define NUMERIC_LIMIT(precision, scale) ((((precision) << 16) | ((scale)&0x7ff)) + 4)
#define INTERVAL_LIMIT(fields, digits)  (((fields) << 16) | (digits))
#define ALL_FIELDS                      0x7fff
#define DAY_TO_HOUR                     1032
#define NO_DIGITS                       0xffff

enum own_oid {
    BYTEA = 17,
    NAME = 19,
    INT8 = 20,
    INT2 = 21,
    INT4 = 23,
    REGPROC = 24,
    TEXT = 25,
    OID = 26,
    JSON = 114,
    XML = 142,
    NODE_TREE = 194,
    FLOAT4 = 700,
    FLOAT8 = 701,
    UNKNOWN = 705,
    MONEY = 790,
    INT4_ARRAY = 1007,
    TEXT_ARRAY = 1009,
    BPCHAR_ARRAY = 1014,
    VARCHAR_ARRAY = 1015,
    INT8_ARRAY = 1016,
    ACLITEM = 1033,
    ACLITEM_ARRAY = 1034,
    BPCHAR = 1042,
    VARCHAR = 1043,
    DATE = 1082,
    TIME = 1083,
    TIMESTAMP = 1114,
    TIMESTAMPTZ = 1184,
    INTERVAL = 1186,
    TIMETZ = 1266,
    BIT = 1560,
    VARBIT = 1562,
    NUMERIC = 1700,
    REGCLASS = 2205,
    REGCLASS_ARRAY = 2210,
    JSONB = 3802,
    INT4RANGE = 3904,
    INT8RANGE = 3926,
    INT4MULTIRANGE = 4451,
};

#define BASE(o, n)                                                                      \
    {                                                                                   \
        .oid = (o), .schema = "pg_catalog", .name = (n), .kind = 'b', .has_send = true, \
        .has_receive = true                                                             \
    }
#define ARRAY(o, n, e)                                                                 \
    {                                                                                  \
        .oid = (o), .schema = "pg_catalog", .name = (n), .kind = 'b', .category = 'A', \
        .has_send = true, .has_receive = true, .element_oid = (e)                      \
    }
#define RANGE(o, s, n, k, sub)                                                 \
    {                                                                          \
        .oid = (o), .schema = (s), .name = (n), .kind = (k), .has_send = true, \
        .has_receive = true, .subtype_oid = (sub)                              \
    }
#define DOMAIN(o, n, b, m)                                                        \
    {                                                                             \
        .oid = (o), .schema = "shop", .name = (n), .kind = 'd', .has_send = true, \
        .has_receive = true, .base_oid = (b), .base_typmod = (m)                  \
    }
#define ENUM(o, s, n, l)                                                       \
    {                                                                          \
        .oid = (o), .schema = (s), .name = (n), .kind = 'e', .has_send = true, \
        .has_receive = true, .labels = (l), .label_count = ARRAY_LEN(l)        \
    }
#define COMPOSITE(o, n, a)                                                        \
    {                                                                             \
        .oid = (o), .schema = "shop", .name = (n), .kind = 'c', .has_send = true, \
        .has_receive = true, .attributes = (a), .attribute_count = ARRAY_LEN(a)   \
    }
#define USER_BASE(o, s, n, x, v)                                               \
    {                                                                          \
        .oid = (o), .schema = (s), .name = (n), .kind = 'b', .has_send = true, \
        .has_receive = true, .extension = (x), .extension_version = (v)        \
    }

static const struct type_info builtins[] = {
    BASE(BYTEA, "bytea"),
    BASE(NAME, "name"),
    BASE(INT8, "int8"),
    BASE(INT2, "int2"),
    BASE(INT4, "int4"),
    BASE(REGPROC, "regproc"),
    BASE(TEXT, "text"),
    BASE(OID, "oid"),
    BASE(JSON, "json"),
    BASE(XML, "xml"),
    BASE(NODE_TREE, "pg_node_tree"),
    BASE(FLOAT4, "float4"),
    BASE(FLOAT8, "float8"),
    {.oid = UNKNOWN, .schema = "pg_catalog", .name = "unknown", .kind = 'p'},
    BASE(MONEY, "money"),
    ARRAY(INT4_ARRAY, "_int4", INT4),
    ARRAY(TEXT_ARRAY, "_text", TEXT),
    ARRAY(BPCHAR_ARRAY, "_bpchar", BPCHAR),
    ARRAY(VARCHAR_ARRAY, "_varchar", VARCHAR),
    ARRAY(INT8_ARRAY, "_int8", INT8),
    {.oid = ACLITEM, .schema = "pg_catalog", .name = "aclitem", .kind = 'b'},
    ARRAY(ACLITEM_ARRAY, "_aclitem", ACLITEM),
    BASE(BPCHAR, "bpchar"),
    BASE(VARCHAR, "varchar"),
    BASE(DATE, "date"),
    BASE(TIME, "time"),
    BASE(TIMESTAMP, "timestamp"),
    BASE(TIMESTAMPTZ, "timestamptz"),
    BASE(INTERVAL, "interval"),
    BASE(TIMETZ, "timetz"),
    BASE(BIT, "bit"),
    BASE(VARBIT, "varbit"),
    BASE(NUMERIC, "numeric"),
    BASE(REGCLASS, "regclass"),
    ARRAY(REGCLASS_ARRAY, "_regclass", REGCLASS),
    BASE(JSONB, "jsonb"),
    RANGE(INT4RANGE, "pg_catalog", "int4range", 'r', INT4),
    RANGE(INT8RANGE, "pg_catalog", "int8range", 'r', INT8),
    RANGE(INT4MULTIRANGE, "pg_catalog", "int4multirange", 'm', INT4RANGE),
};

#define NOWHERE 15000 /* no type has it */

struct compare_case {
    const char *name;
    uint32_t source;
    int32_t source_typmod;
    uint32_t destination;
    int32_t destination_typmod;
    enum type_match there;
    enum type_match back;
    const char *why; /* a part of what there says; NULL: do not look */
};

/* The same between servers of certain versions; the others are between two of version 15. */
struct version_case {
    struct compare_case c;
    int source_version;
    int destination_version;
};

#define BIN TYPE_BINARY
#define TXT TYPE_TEXT
#define REF TYPE_REFUSED

static inline void check_match(const struct type_use *from, const struct type_use *to,
                               enum type_match want, const char *part)
{
    char why[TYPE_WHY_MAX];

    memset(why, '#', sizeof why);
    enum type_match got = type_compare(from, to, why);

    if (got != want || (part != NULL && strstr(why, part) == NULL)) {
        print_message("got %d (%s)\n", (int)got, why);
    }
    assert_int_equal(got, want);
    assert_true(part == NULL || strstr(why, part) != NULL);
    assert_true((got == TYPE_BINARY) == (why[0] == '\0'));
}

#endif
