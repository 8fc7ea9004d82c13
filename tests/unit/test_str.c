/* str: what a size, a duration and a count may look like, and how they are shown. */
#include "unit.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define REFUSED UINT64_C(77) /* what the result held before, and must hold still */

enum reader { SIZE, DURATION, COUNT };

struct parse_case {
    const char *name;
    enum reader reader;
    const char *text;
    const char *want_msg; /* NULL: accepted; else part of the message */
    uint64_t want;
};

/* Sizes and counts are read with the limits 0 and UINT64_MAX. */
static struct parse_case parse_cases[] = {
    {"a bare size is bytes",       SIZE,     "512",                  NULL,             512              },
    {"B",                          SIZE,     "512B",                 NULL,             512              },
    {"kB",                         SIZE,     "64kB",                 NULL,             65536            },
    {"case does not matter",       SIZE,     "64KB",                 NULL,             65536            },
    {"a space before the unit",    SIZE,     "8 MB",                 NULL,             8388608          },
    {"GB",                         SIZE,     "1GB",                  NULL,             1073741824       },
    {"TB",                         SIZE,     "2tb",                  NULL,             2199023255552    },
    {"the greatest size",          SIZE,     "18446744073709551615", NULL,             UINT64_MAX       },
    {"one more",                   SIZE,     "18446744073709551616", "is not a size",  REFUSED          },
    {"too many TB",                SIZE,     "16777216TB",           "is not a size",  REFUSED          },
    {"just enough TB",             SIZE,     "16777215TB",           NULL,             16777215ULL << 40},
    {"no size",                    SIZE,     "",                     "is not a size",  REFUSED          },
    {"a unit alone",               SIZE,     "MB",                   "is not a size",  REFUSED          },
    {"an unknown unit",            SIZE,     "5PB",                  "is not a size",  REFUSED          },
    {"M is not a unit",            SIZE,     "5M",                   "is not a size",  REFUSED          },
    {"a negative size",            SIZE,     "-1",                   "is not a size",  REFUSED          },
    {"a plus sign",                SIZE,     "+1",                   "is not a size",  REFUSED          },
    {"a fraction",                 SIZE,     "1.5GB",                "is not a size",  REFUSED          },
    {"a space in front",           SIZE,     " 1GB",                 "is not a size",  REFUSED          },
    {"a space behind",             SIZE,     "1 ",                   "is not a size",  REFUSED          },
    {"two spaces",                 SIZE,     "1  GB",                "is not a size",  REFUSED          },
    {"something behind",           SIZE,     "1GBx",                 "is not a size",  REFUSED          },
    {"a bare duration is seconds", DURATION, "30",                   NULL,             30000            },
    {"nothing",                    DURATION, "0",                    NULL,             0                },
    {"ms",                         DURATION, "500ms",                NULL,             500              },
    {"s",                          DURATION, "30s",                  NULL,             30000            },
    {"min",                        DURATION, "5min",                 NULL,             300000           },
    {"m",                          DURATION, "5m",                   NULL,             300000           },
    {"h",                          DURATION, "1h",                   NULL,             3600000          },
    {"d",                          DURATION, "2d",                   NULL,             172800000        },
    {"too long a duration",        DURATION, "99999999999999999d",   "not a duration", REFUSED          },
    {"an unknown unit of time",    DURATION, "5y",                   "not a duration", REFUSED          },
    {"no duration",                DURATION, "",                     "not a duration", REFUSED          },
    {"two parts",                  DURATION, "1h30m",                "not a duration", REFUSED          },
    {"a count",                    COUNT,    "42",                   NULL,             42               },
    {"leading zeros are decimal",  COUNT,    "010",                  NULL,             10               },
    {"a count with a unit",        COUNT,    "4k",                   "whole number",   REFUSED          },
    {"a negative count",           COUNT,    "-4",                   "whole number",   REFUSED          },
    {"hexadecimal",                COUNT,    "0x10",                 "whole number",   REFUSED          },
    {"no count",                   COUNT,    "",                     "whole number",   REFUSED          },
    {"too large a count",          COUNT,    "18446744073709551616", "whole number",   REFUSED          },
};

static bool parse(const struct parse_case *c, uint64_t *result, struct err *err)
{
    switch (c->reader) {
    case SIZE:
        return parse_size(c->text, "--what", 0, UINT64_MAX, result, err);
    case DURATION:
        return parse_duration(c->text, "--what", result, err);
    case COUNT:
        return parse_count(c->text, "--what", 0, UINT64_MAX, result, err);
    }
    return false;
}

static void check_parse(void **state)
{
    const struct parse_case *c = *state;
    uint64_t result = REFUSED;
    struct err err = {0};

    assert_int_equal(parse(c, &result, &err), c->want_msg == NULL);
    assert_int_equal(result, c->want);
    if (c->want_msg != NULL) {
        assert_int_equal(err.kind, ERR_USAGE);
        assert_non_null(strstr(err.msg, c->want_msg));
        assert_memory_equal(err.msg, "--what: ", 8);
    }
}

static void limits_are_inclusive_and_named(void **state)
{
    (void)state;
    uint64_t value = REFUSED;
    struct err err = {0};

    assert_true(parse_size("64kB", "--memory", 65536, 1u << 30, &value, &err));
    assert_true(parse_size("1GB", "--memory", 65536, 1u << 30, &value, &err));
    assert_true(parse_count("1", "--jobs", 1, 8, &value, &err));
    assert_true(parse_count("8", "--jobs", 1, 8, &value, &err));
    assert_int_equal(err.kind, ERR_NONE);

    assert_false(parse_size("65535", "--memory", 65536, 1u << 30, &value, &err));
    assert_string_equal(err.msg, "--memory: \"65535\" is not between 64kB and 1GB");
    assert_false(parse_size("0", "--memory", 1, 1500, &value, &err));
    assert_string_equal(err.msg, "--memory: \"0\" is not between 1 bytes and 1500 bytes");
    assert_false(parse_size("1025MB", "--memory", 65536, 1u << 30, &value, &err));
    assert_false(parse_count("9", "--jobs", 1, 8, &value, &err));
    assert_string_equal(err.msg, "--jobs: 9 is not between 1 and 8");
    assert_false(parse_count("0", "--jobs", 1, 8, &value, &err));
    assert_int_equal(value, 8);
}

struct human_case {
    const char *(*write)(uint64_t value, char out[STR_HUMAN_MAX]);
    uint64_t value;
    const char *want;
};

static void shows_numbers_to_people(void **state)
{
    (void)state;
    static const struct human_case cases[] = {
        {human_bytes,    0,                       "0 B"                       },
        {human_bytes,    17,                      "17 B"                      },
        {human_bytes,    1023,                    "1023 B"                    },
        {human_bytes,    1024,                    "1 kB"                      },
        {human_bytes,    65536,                   "64 kB"                     },
        {human_bytes,    1536,                    "1.5 kB"                    },
        {human_bytes,    (3u << 30) / 2,          "1.5 GB"                    },
        {human_bytes,    (1u << 20) - 1,          "1 MB"                      },
        {human_bytes,    UINT64_MAX,              "16777216 TB"               },
        {human_count,    0,                       "0"                         },
        {human_count,    999,                     "999"                       },
        {human_count,    1000,                    "1,000"                     },
        {human_count,    1234567,                 "1,234,567"                 },
        {human_count,    UINT64_MAX,              "18,446,744,073,709,551,615"},
        {human_duration, 850,                     "850 ms"                    },
        {human_duration, 12345,                   "12.3 s"                    },
        {human_duration, 59999,                   "59.9 s"                    },
        {human_duration, 200000,                  "3 min 20 s"                },
        {human_duration, UINT64_C(7500) * 1000,   "2 h 05 min"                },
        {human_duration, UINT64_C(360000) * 1000, "100 h 00 min"              },
    };
    char out[STR_HUMAN_MAX];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_ptr_equal(cases[i].write(cases[i].value, out), out);
        assert_string_equal(out, cases[i].want);
    }
}

static void hash_tells_where_a_name_ends(void **state)
{
    (void)state;
    uint64_t a_bc = str_hash(str_hash(STR_HASH_START, "a"), "bc");
    uint64_t ab_c = str_hash(str_hash(STR_HASH_START, "ab"), "c");

    assert_true(a_bc != ab_c);
    /* FNV-1a of "a" is published as af63dc4c8601ec8c; one more step takes in the zero byte. */
    assert_true(str_hash(STR_HASH_START, "a") ==
                UINT64_C(0xaf63dc4c8601ec8c) * UINT64_C(1099511628211));
    /* Bytes above 127 must not depend on whether char is signed. */
    assert_true(str_hash(STR_HASH_START, "\xff") ==
                (STR_HASH_START ^ 0xFFu) * UINT64_C(1099511628211) * UINT64_C(1099511628211));
}

static void copy_of_nothing_is_nothing(void **state)
{
    (void)state;
    char *copy = str_copy("text");

    assert_null(str_copy(NULL));
    assert_string_equal(copy, "text");
    free(copy);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(parse_cases) + 4];
    size_t count = 0;

    for (; count < ARRAY_LEN(parse_cases); count++) {
        tests[count] = (struct CMUnitTest){
            .name = parse_cases[count].name,
            .test_func = check_parse,
            .initial_state = &parse_cases[count],
        };
    }
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(limits_are_inclusive_and_named);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(shows_numbers_to_people);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(hash_tells_where_a_name_ends);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(copy_of_nothing_is_nothing);
    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
