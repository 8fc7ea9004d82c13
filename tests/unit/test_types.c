/*
 * type_compare and type_names_object on user types, over two hand-made sets, one row a rule. Each
 * row is compared there (source to destination) and back, because most rules hold in one direction
 * only. The user types of both sides have the same names and different OIDs, as on two real
 * servers.
 */
#include "type_fixture.h"

/* Source OIDs; the destination has each of these types, by name, at DEST(oid). */
enum user_oid {
    USER_FIRST = 20000,
    MOOD = USER_FIRST,
    MOOD_ARRAY,
    COLOUR,
    POSITIVE,
    POSITIVE_ARRAY,
    SHORT_NAME,
    TABLE_REF,
    TABLE_REF_ARRAY,
    NESTED_DOMAIN,
    PAIR,
    PAIR_ARRAY,
    ODD_PAIR,
    POINT_XY,
    GROWN,
    WIDENED,
    WITH_REGCLASS,
    WITH_LIMIT,
    NODE,
    NODE_ARRAY,
    BAD_NODE,
    BAD_NODE_ARRAY,
    DOCUMENT,
    FLOAT_RANGE,
    FLOAT_MULTIRANGE,
    ODD_RANGE,
    WIDE_RANGE,
    MY_INT_RANGE,
    MOOD_RANGE,
    HSTORE,
    HSTORE_ARRAY,
    CITEXT,
    HALF_PACKAGED,
    COMPLEX,
    LOOP_DOMAIN,
    USER_END,
};
#define DEST(oid) ((oid) + 10000)

static char *few_moods[] = {"sad", "ok"};
static char *more_moods[] = {"zero", "sad", "ok", "very, \"very\" glad"};
static char *colours[] = {"red", "green"};

static struct type_attribute pair_s[] = {
    {"a", POSITIVE, NO},
    {"b", TEXT,     NO}
};
static struct type_attribute pair_d[] = {
    {"a", DEST(POSITIVE), NO},
    {"b", TEXT,           NO}
};
static struct type_attribute odd_s[] = {
    {"b", TEXT,     NO},
    {"a", POSITIVE, NO}
};
static struct type_attribute odd_d[] = {
    {"b", TEXT,   NO},
    {"a", FLOAT4, NO}
};
static struct type_attribute xy_s[] = {
    {"x", INT4, NO},
    {"y", INT4, NO}
};
static struct type_attribute xy_d[] = {
    {"y", INT4, NO},
    {"x", INT4, NO}
};
static struct type_attribute grown_s[] = {
    {"a", INT4, NO}
};
static struct type_attribute grown_d[] = {
    {"a", INT4, NO},
    {"b", INT4, NO}
};
static struct type_attribute widened_s[] = {
    {"a", INT4, NO}
};
static struct type_attribute widened_d[] = {
    {"a", INT8, NO}
};
static struct type_attribute regclass_x[] = {
    {"a", INT4,     NO},
    {"r", REGCLASS, NO}
};
static struct type_attribute limit_s[] = {
    {"a", VARCHAR, 14}
};
static struct type_attribute limit_d[] = {
    {"a", VARCHAR, 24}
};
static struct type_attribute node_s[] = {
    {"l", NODE_ARRAY, NO},
    {"r", NODE_ARRAY, NO}
};
static struct type_attribute node_d[] = {
    {"l", DEST(NODE_ARRAY), NO},
    {"r", DEST(NODE_ARRAY), NO}
};
static struct type_attribute bad_s[] = {
    {"next", BAD_NODE_ARRAY, NO},
    {"v",    FLOAT8,         NO}
};
static struct type_attribute bad_d[] = {
    {"next", DEST(BAD_NODE_ARRAY), NO},
    {"v",    FLOAT4,               NO}
};
static struct type_attribute document_x[] = {
    {"body", XML, NO}
};

static struct type_info source_types[] = {
    ENUM(MOOD, "shop", "mood", few_moods),
    ARRAY(MOOD_ARRAY, "_mood", MOOD),
    ENUM(COLOUR, "shop", "colour", colours),
    DOMAIN(POSITIVE, "positive", INT4, NO),
    ARRAY(POSITIVE_ARRAY, "_positive", POSITIVE),
    DOMAIN(SHORT_NAME, "short_name", VARCHAR, 14),
    DOMAIN(TABLE_REF, "table_ref", REGCLASS, NO),
    ARRAY(TABLE_REF_ARRAY, "_table_ref", TABLE_REF),
    DOMAIN(NESTED_DOMAIN, "nested_domain", POSITIVE, NO),
    COMPOSITE(PAIR, "pair", pair_s),
    ARRAY(PAIR_ARRAY, "_pair", PAIR),
    COMPOSITE(ODD_PAIR, "odd_pair", odd_s),
    COMPOSITE(POINT_XY, "point_xy", xy_s),
    COMPOSITE(GROWN, "grown", grown_s),
    COMPOSITE(WIDENED, "widened", widened_s),
    COMPOSITE(WITH_REGCLASS, "with_regclass", regclass_x),
    COMPOSITE(WITH_LIMIT, "with_limit", limit_s),
    COMPOSITE(NODE, "node", node_s),
    ARRAY(NODE_ARRAY, "_node", NODE),
    COMPOSITE(BAD_NODE, "bad_node", bad_s),
    ARRAY(BAD_NODE_ARRAY, "_bad_node", BAD_NODE),
    COMPOSITE(DOCUMENT, "document", document_x),
    RANGE(FLOAT_RANGE, "shop", "float_range", 'r', FLOAT8),
    RANGE(FLOAT_MULTIRANGE, "shop", "float_multirange", 'm', FLOAT_RANGE),
    RANGE(ODD_RANGE, "shop", "odd_range", 'r', POSITIVE),
    RANGE(WIDE_RANGE, "shop", "wide_range", 'r', INT4),
    RANGE(MY_INT_RANGE, "shop", "my_int_range", 'r', INT4),
    RANGE(MOOD_RANGE, "shop", "mood_range", 'r', MOOD),
    USER_BASE(HSTORE, "public", "hstore", "hstore", "1.8"),
    ARRAY(HSTORE_ARRAY, "_hstore", HSTORE),
    USER_BASE(CITEXT, "public", "citext", "citext", "1.5"),
    USER_BASE(HALF_PACKAGED, "public", "seg", "seg", "1.4"),
    USER_BASE(COMPLEX, "shop", "complex", NULL, NULL),
    DOMAIN(LOOP_DOMAIN, "loop_domain", LOOP_DOMAIN, NO),
};

static struct type_info destination_types[] = {
    ENUM(DEST(MOOD), "shop", "mood", more_moods),
    ARRAY(DEST(MOOD_ARRAY), "_mood", DEST(MOOD)),
    ENUM(DEST(COLOUR), "shop", "color", colours),
    DOMAIN(DEST(POSITIVE), "positive", INT4, NO),
    ARRAY(DEST(POSITIVE_ARRAY), "_positive", DEST(POSITIVE)),
    DOMAIN(DEST(SHORT_NAME), "short_name", VARCHAR, 24),
    DOMAIN(DEST(TABLE_REF), "table_ref", REGCLASS, NO),
    ARRAY(DEST(TABLE_REF_ARRAY), "_table_ref", DEST(TABLE_REF)),
    DOMAIN(DEST(NESTED_DOMAIN), "nested_domain", DEST(POSITIVE), NO),
    COMPOSITE(DEST(PAIR), "pair", pair_d),
    ARRAY(DEST(PAIR_ARRAY), "_pair", DEST(PAIR)),
    COMPOSITE(DEST(ODD_PAIR), "odd_pair", odd_d),
    COMPOSITE(DEST(POINT_XY), "point_xy", xy_d),
    COMPOSITE(DEST(GROWN), "grown", grown_d),
    COMPOSITE(DEST(WIDENED), "widened", widened_d),
    COMPOSITE(DEST(WITH_REGCLASS), "with_regclass", regclass_x),
    COMPOSITE(DEST(WITH_LIMIT), "with_limit", limit_d),
    COMPOSITE(DEST(NODE), "node", node_d),
    ARRAY(DEST(NODE_ARRAY), "_node", DEST(NODE)),
    COMPOSITE(DEST(BAD_NODE), "bad_node", bad_d),
    ARRAY(DEST(BAD_NODE_ARRAY), "_bad_node", DEST(BAD_NODE)),
    COMPOSITE(DEST(DOCUMENT), "document", document_x),
    RANGE(DEST(FLOAT_RANGE), "shop", "float_range", 'r', FLOAT8),
    RANGE(DEST(FLOAT_MULTIRANGE), "shop", "float_multirange", 'm', DEST(FLOAT_RANGE)),
    RANGE(DEST(ODD_RANGE), "shop", "odd_range", 'r', FLOAT4),
    RANGE(DEST(WIDE_RANGE), "shop", "wide_range", 'r', INT8),
    RANGE(DEST(MY_INT_RANGE), "shop", "my_own_range", 'r', INT4),
    RANGE(DEST(MOOD_RANGE), "shop", "mood_range", 'r', DEST(MOOD)),
    USER_BASE(DEST(HSTORE), "ext", "hstore", "hstore", "1.8"),
    ARRAY(DEST(HSTORE_ARRAY), "_hstore", DEST(HSTORE)),
    USER_BASE(DEST(CITEXT), "public", "citext", "citext", "1.6"),
    USER_BASE(DEST(HALF_PACKAGED), "public", "seg", NULL, NULL),
    USER_BASE(DEST(COMPLEX), "shop", "complex", NULL, NULL),
    DOMAIN(DEST(LOOP_DOMAIN), "loop_domain", DEST(LOOP_DOMAIN), NO),
};

#define TYPES_PER_SIDE (ARRAY_LEN(builtins) + (USER_END - USER_FIRST))

struct side {
    struct type_info items[TYPES_PER_SIDE];
    struct type_set set;
};

static void fill(struct side *side, const struct type_info *users, int version)
{
    memcpy(side->items, builtins, sizeof builtins);
    memcpy(side->items + ARRAY_LEN(builtins), users,
           (USER_END - USER_FIRST) * sizeof side->items[0]);
    side->set = (struct type_set){side->items, TYPES_PER_SIDE, version};
}

/* clang-format off */
static struct compare_case compare_cases[] = {
    /* to text */
    {"enum to text", MOOD, NO, TEXT, NO, TXT, REF, "shop.mood becomes text"},
    {"composite to text", PAIR, NO, TEXT, NO, TXT, REF, ""},
    {"regclass domain[] to text", TABLE_REF_ARRAY, NO, TEXT, NO, REF, REF, ""},
    {"unknown modifier differs", COMPLEX, 3, DEST(COMPLEX), 4, REF, REF, "complex(3)"},

    /* domains */
    {"domain is domain", POSITIVE, NO, DEST(POSITIVE), NO, BIN, BIN, ""},
    {"domain over a domain", NESTED_DOMAIN, NO, INT4, NO, BIN, BIN, ""},
    {"domain to a wider base", POSITIVE, NO, INT8, NO, TXT, REF, ""},
    {"domain with a wider limit", SHORT_NAME, NO, DEST(SHORT_NAME), NO, BIN, REF, ""},
    {"domain over regclass", TABLE_REF, NO, DEST(TABLE_REF), NO, TXT, TXT, "regclass"},
    {"domain[] is base[]", POSITIVE_ARRAY, NO, INT4_ARRAY, NO, BIN, BIN, ""},
    {"domain that never ends", LOOP_DOMAIN, NO, INT4, NO, REF, REF, ""},

    /* enums */
    {"enum to more labels", MOOD, NO, DEST(MOOD), NO, BIN, REF, ""},
    {"enum[] to more labels", MOOD_ARRAY, NO, DEST(MOOD_ARRAY), NO, BIN, REF, ""},
    {"enum of another name", COLOUR, NO, DEST(COLOUR), NO, TXT, TXT, "shop.color"},
    {"enum of other labels", COLOUR, NO, DEST(MOOD), NO, REF, REF,
     "lacks 2 label(s): \"red\", \"green\""},
    {"enum and int4", MOOD, NO, INT4, NO, REF, REF, ""},

    /* composites */
    {"composite", PAIR, NO, DEST(PAIR), NO, BIN, BIN, ""},
    {"composite[]", PAIR_ARRAY, NO, DEST(PAIR_ARRAY), NO, BIN, BIN, ""},
    {"composite over domain int4 and float4", ODD_PAIR, NO, DEST(ODD_PAIR), NO, REF, REF,
     "int4 is not carried unchanged by float4, in attribute \"a\""},
    {"attributes in another order", POINT_XY, NO, DEST(POINT_XY), NO, REF, REF,
     "attribute 1 of shop.point_xy is \"x\" at the source and \"y\""},
    {"one attribute more", GROWN, NO, DEST(GROWN), NO, REF, REF, "1 attributes"},
    {"wider attribute", WIDENED, NO, DEST(WIDENED), NO, TXT, REF, ""},
    {"wider limit of an attribute", WITH_LIMIT, NO, DEST(WITH_LIMIT), NO, BIN, REF, ""},
    {"regclass in a composite", WITH_REGCLASS, NO, DEST(WITH_REGCLASS), NO, TXT, TXT,
     "in attribute \"r\""},
    {"xml in a composite", DOCUMENT, NO, DEST(DOCUMENT), NO, TXT, TXT, "xml"},
    {"composite of another name", WIDENED, NO, DEST(GROWN), NO, REF, REF, ""},
    {"composite of itself", NODE, NO, DEST(NODE), NO, BIN, BIN, ""},
    {"fault behind a cycle", BAD_NODE, NO, DEST(BAD_NODE), NO, REF, REF, "attribute \"v\""},
    {"fault behind a cycle, array first", BAD_NODE_ARRAY, NO, DEST(BAD_NODE_ARRAY), NO, REF, REF,
     "attribute \"v\""},

    /* ranges */
    {"multirange", FLOAT_MULTIRANGE, NO, DEST(FLOAT_MULTIRANGE), NO, BIN, BIN, ""},
    {"range of domain int4 and float4", ODD_RANGE, NO, DEST(ODD_RANGE), NO, REF, REF,
     "in subtype of the range"},
    {"range with a wider subtype", WIDE_RANGE, NO, DEST(WIDE_RANGE), NO, REF, REF,
     "int4 in a range is not int8"},
    {"range of an enum", MOOD_RANGE, NO, DEST(MOOD_RANGE), NO, BIN, REF, ""},
    {"range of another name", MY_INT_RANGE, NO, DEST(MY_INT_RANGE), NO, TXT, TXT, "name"},
    {"own range and int4range", MY_INT_RANGE, NO, INT4RANGE, NO, REF, REF, "another range"},
    {"int4range and int8range", INT4RANGE, NO, INT8RANGE, NO, REF, REF, "another range"},
    {"range and multirange", INT4RANGE, NO, INT4MULTIRANGE, NO, REF, REF, ""},

    /* extensions and types in C */
    {"extension in another schema", HSTORE, NO, DEST(HSTORE), NO, BIN, BIN, ""},
    {"extension type[]", HSTORE_ARRAY, NO, DEST(HSTORE_ARRAY), NO, BIN, BIN, ""},
    {"extension of another version", CITEXT, NO, DEST(CITEXT), NO, TXT, TXT,
     "citext has version 1.5 at the source and 1.6"},
    {"extension on one side", HALF_PACKAGED, NO, DEST(HALF_PACKAGED), NO, TXT, TXT, "seg"},
    {"two extension types", HSTORE, NO, DEST(CITEXT), NO, REF, REF, "another type"},
    {"type in C, no extension", COMPLEX, NO, DEST(COMPLEX), NO, TXT, TXT, "complex"},
    {"type in C and int4", COMPLEX, NO, INT4, NO, REF, REF, ""},
    {"extension type to text", CITEXT, NO, TEXT, NO, TXT, REF, ""},
};

static struct version_case version_cases[] = {
    {{"domain is its base", POSITIVE, NO, INT4, NO, BIN, BIN, ""}, 110000, 110000},
    {{"domain[] and base[] before 14", POSITIVE_ARRAY, NO, INT4_ARRAY, NO, TXT, TXT,
      "before 14"}, 130000, 130000},
    {{"enum[] to 13", MOOD_ARRAY, NO, DEST(MOOD_ARRAY), NO, TXT, REF, "before 14"}, 140000, 130000},
    {{"enum[] from 13", MOOD_ARRAY, NO, DEST(MOOD_ARRAY), NO, BIN, REF, ""}, 130000, 140000},
    {{"composite before 14", PAIR, NO, DEST(PAIR), NO, TXT, TXT,
      "before 14 wants its own type OIDs in binary, in attribute \"a\""}, 130000, 130000},
    {{"composite of itself before 14", NODE, NO, DEST(NODE), NO, TXT, TXT, ""}, 130000, 130000},
    {{"range", FLOAT_RANGE, NO, DEST(FLOAT_RANGE), NO, BIN, BIN, ""}, 110000, 110000},
};
/* clang-format on */

static void check_both_ways(const struct compare_case *c, int source_version,
                            int destination_version)
{
    struct side source;
    struct side destination;

    fill(&source, source_types, source_version);
    fill(&destination, destination_types, destination_version);
    struct type_use from = {&source.set, c->source, c->source_typmod};
    struct type_use to = {&destination.set, c->destination, c->destination_typmod};

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

/* Types of which the two sides hold nothing but one each. */
struct duo_case {
    const char *name;
    struct type_info source;
    struct type_info destination;
    enum type_match there;
    enum type_match back;
};

static char *one_label[] = {"ok"};
static char *two_labels[] = {"ok", "sad"};
static struct type_attribute twice_s[] = {
    {"a", VARCHAR, 14},
    {"b", VARCHAR, 14}
};
static struct type_attribute twice_d[] = {
    {"a", VARCHAR, 24},
    {"b", VARCHAR, 9 }
};

#define DUO 29000

static struct duo_case duo_cases[] = {
    {"enum lacking one label", ENUM(DUO, "shop",                                        "e",              two_labels),
     ENUM(DUO,                                                                                                                                                 "shop",                                           "e",                     one_label),                                          REF, BIN},
    {"enum of another schema",                     ENUM(DUO,                             "shop",                                                   "e",                                       one_label),                ENUM(DUO, "old", "e", one_label),
     TXT, TXT},
    {"type in C of another schema",              USER_BASE(DUO,                                "shop",                                                                          "c",                                                                                          NULL,                                                                         NULL),
     USER_BASE(DUO,                                                                                                "old",                                           "c", NULL, NULL), REF, REF},
    {"same name, other extension",            USER_BASE(DUO,               "public",                                                         "c",                                                                     "one",                                                                           "1.0"),
     USER_BASE(DUO,                                                            "public",                                         "c",                                                                 "two", "1.0"), REF, REF},
    {"base type named like an array",                USER_BASE(DUO,       "pg_catalog","_a",NULL,                                                                                                    NULL),
     ARRAY(DUO,                                                                                                                    "_a",                                                                                              INT4),                                                                           REF, REF},
    {"only the source cannot send",
     {.oid = 4000, .schema = "pg_catalog", .name = "b", .kind = 'b', .has_receive = true},
     BASE(4000,                                            "b"),
     TXT,                         BIN                                                                    },
    {"only the source cannot receive",
     {.oid = 4000, .schema = "pg_catalog", .name = "b", .kind = 'b', .has_send = true},
     BASE(4000,                                                                  "b"),
     BIN,                                                                 TXT                                                                    },
    {"two limits of one source type",                        COMPOSITE(DUO, "t", twice_s),                                                                                           COMPOSITE(DUO,                                 "t",                                                                                                                                                      twice_d),
     REF,                                                                                                    REF                                                                                                                                                                                                                                                                               },
};

static void check_duo(void **state)
{
    const struct duo_case *c = *state;
    struct type_info varchar = BASE(VARCHAR, "varchar");
    struct type_info from_items[] = {varchar, c->source};
    struct type_info to_items[] = {varchar, c->destination};
    struct type_set from_set = {from_items, 2, 150000};
    struct type_set to_set = {to_items, 2, 150000};
    struct type_use from = {&from_set, c->source.oid, NO};
    struct type_use to = {&to_set, c->destination.oid, NO};

    check_match(&from, &to, c->there, NULL);
    check_match(&to, &from, c->back, NULL);
}

#define TOWER     40
#define TOWER_OID 30000u

/* Each composite holds the one below twice: 2^40 leaves, but only 40 types. */
static void tower_of_composites_ends(void **state)
{
    (void)state;
    struct type_attribute attributes[TOWER][2];
    struct type_info types[TOWER + 1] = {BASE(INT4, "int4")};

    for (uint32_t i = 0; i < TOWER; i++) {
        uint32_t below = i == 0 ? (uint32_t)INT4 : TOWER_OID + i - 1;
        attributes[i][0] = (struct type_attribute){"l", below, NO};
        attributes[i][1] = (struct type_attribute){"r", below, NO};
        types[i + 1] = (struct type_info)COMPOSITE(TOWER_OID + i, "floor", attributes[i]);
    }
    struct type_set set = {types, TOWER + 1, 150000};

    check_match(&(struct type_use){&set, TOWER_OID + TOWER - 1, NO},
                &(struct type_use){&set, TOWER_OID + TOWER - 1, NO}, TYPE_BINARY, "");
}

#define WIDE 1100

/* More different parts than are compared: not proven, so refused. */
static void too_many_parts_are_refused(void **state)
{
    (void)state;
    static struct type_attribute attributes[WIDE];
    struct type_info types[] = {BASE(VARCHAR, "varchar"), COMPOSITE(TOWER_OID, "wide", attributes)};

    for (int32_t i = 0; i < WIDE; i++) {
        attributes[i] = (struct type_attribute){"a", VARCHAR, i + 5};
    }
    struct type_set set = {types, 2, 150000};

    check_match(&(struct type_use){&set, TOWER_OID, NO}, &(struct type_use){&set, TOWER_OID, NO},
                TYPE_REFUSED, "too many");
    types[1].attribute_count = 1000;
    check_match(&(struct type_use){&set, TOWER_OID, NO}, &(struct type_use){&set, TOWER_OID, NO},
                TYPE_BINARY, "");
}

/* Names as long as they can be must not run over why. */
static void long_names_are_cut(void **state)
{
    (void)state;
    char name[64];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    char *many[] = {name, name, name, name};
    char *none[] = {"other"};
    struct type_info a = ENUM(TOWER_OID, name, name, many);
    struct type_info b = ENUM(TOWER_OID, name, name, none);
    struct type_set from = {&a, 1, 150000};
    struct type_set to = {&b, 1, 150000};

    check_match(&(struct type_use){&from, TOWER_OID, NO}, &(struct type_use){&to, TOWER_OID, NO},
                TYPE_REFUSED, "lacks");
}

struct names_case {
    const char *name;
    uint32_t oid;
    uint32_t want;
    bool is_array;
};

static struct names_case names_cases[] = {
    {"regclass names",           REGCLASS,        REGCLASS, false},
    {"regproc names",            REGPROC,         REGPROC,  false},
    {"regclass[] names",         REGCLASS_ARRAY,  REGCLASS, true },
    {"domain names",             TABLE_REF,       REGCLASS, false},
    {"domain[] names",           TABLE_REF_ARRAY, REGCLASS, true },
    {"oid does not",             OID,             0,        false},
    {"composite is not entered", WITH_REGCLASS,   0,        false},
    {"endless domain does not",  LOOP_DOMAIN,     0,        false},
    {"unknown OID does not",     NOWHERE,         0,        false},
};

static void check_names(void **state)
{
    const struct names_case *c = *state;
    struct side source;
    bool is_array = false;

    fill(&source, source_types, 150000);

    assert_int_equal(type_names_object(&source.set, c->oid, &is_array), c->want);
    assert_int_equal(is_array, c->is_array);
}

static void find_knows_every_item_and_no_other(void **state)
{
    (void)state;
    struct side source;
    fill(&source, source_types, 150000);
    struct type_set empty = {0};

    for (size_t i = 0; i < source.set.count; i++) {
        assert_ptr_equal(type_set_find(&source.set, source.items[i].oid), &source.items[i]);
    }
    assert_null(type_set_find(&source.set, 0));
    assert_null(type_set_find(&source.set, NOWHERE));
    assert_null(type_set_find(&source.set, UINT32_MAX));
    assert_null(type_set_find(&empty, INT4));
}

static void free_takes_nothing(void **state)
{
    (void)state;
    struct type_set empty = {0};

    type_set_free(NULL);
    type_set_free(&empty);
}

int main(void)
{
    const struct CMUnitTest single[] = {
        cmocka_unit_test(tower_of_composites_ends),
        cmocka_unit_test(too_many_parts_are_refused),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(find_knows_every_item_and_no_other),
        cmocka_unit_test(free_takes_nothing),
    };
    struct CMUnitTest tests[ARRAY_LEN(compare_cases) + ARRAY_LEN(version_cases) +
                            ARRAY_LEN(duo_cases) + ARRAY_LEN(names_cases) + ARRAY_LEN(single)];
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
    for (size_t i = 0; i < ARRAY_LEN(duo_cases); i++) {
        tests[count++] = (struct CMUnitTest){
            .name = duo_cases[i].name, .test_func = check_duo, .initial_state = &duo_cases[i]};
    }
    for (size_t i = 0; i < ARRAY_LEN(names_cases); i++) {
        tests[count++] = (struct CMUnitTest){.name = names_cases[i].name,
                                             .test_func = check_names,
                                             .initial_state = &names_cases[i]};
    }
    memcpy(tests + count, single, sizeof single);

    return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
