/* job_file_text and yaml_text: what YAML takes plain texts for, and texts that come through. */
#include "unit.h"

#include "cli/job_file_keys.h"
#include "cli/nearest.h"
#include "cli/yaml_text.h"

#include <string.h>

static void plain_texts_have_kinds(void **state)
{
    static const struct {
        const char *text;
        const char *kind; /* a part of it; "": a text to all */
    } rows[] = {
        {"abc",                  ""        },
        {"a.b",                  ""        },
        {"y",                    ""        },
        {"n",                    ""        },
        {"nO",                   ""        },
        {"1x",                   ""        },
        {"1.2.3",                ""        },
        {"12-30",                ""        },
        {"e3",                   ""        },
        {"1e",                   ""        },
        {"-",                    ""        },
        {".",                    ""        },
        {"_1",                   ""        },
        {"0x",                   ""        },
        {"0xfg",                 ""        },
        {"12:",                  ""        },
        {":30",                  ""        },
        {"12:a",                 ""        },
        {"2024-01",              ""        },
        {"2024-01-01x",          ""        },
        {"24-01-01",             ""        },
        {"",                     "nothing" },
        {"~",                    "nothing" },
        {"Null",                 "nothing" },
        {"NO",                   "truth"   },
        {"off",                  "truth"   },
        {"Yes",                  "truth"   },
        {"TRUE",                 "truth"   },
        {"0",                    "a number"},
        {"-42",                  "a number"},
        {"+1",                   "a number"},
        {"010",                  "base 8"  },
        {"00",                   "base 8"  },
        {"0x1F",                 "base 8"  },
        {"0o17",                 "base 8"  },
        {"0b1",                  "base 8"  },
        {"1_000",                "base 8"  },
        {"1e3",                  "exponent"},
        {"1.5",                  "fraction"},
        {".5",                   "fraction"},
        {"1.",                   "fraction"},
        {"-1.5E-3",              "exponent"},
        {".inf",                 "fraction"},
        {"-.INF",                "fraction"},
        {".nan",                 "fraction"},
        {"12:30",                "base 60" },
        {"1:30:00",              "base 60" },
        {"1:30.5",               "base 60" },
        {"2024-01-01",           "a date"  },
        {"2024-1-1",             "a date"  },
        {"2024-01-01T00:00:00Z", "a date"  },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool number = false;
        const char *kind = job_yaml_kind(rows[i].text, &number);
        if ((rows[i].kind[0] == '\0') != (kind[0] == '\0') || strstr(kind, rows[i].kind) == NULL) {
            fail_msg("%s: %s", rows[i].text, kind);
        }
        assert_int_equal(number, strcmp(kind, "a number") == 0);
    }
    (void)state;
}

static void texts_are_written_so_that_they_come_back(void **state)
{
    static const struct {
        const char *text;
        const char *yaml;
    } rows[] = {
        {"abc",              "abc"                      },
        {"public.orders",    "public.orders"            },
        {"a b",              "\"a b\""                  },
        {"NO",               "\"NO\""                   },
        {"42",               "\"42\""                   },
        {"",                 "\"\""                     },
        {"-a",               "\"-a\""                   },
        {"*.a",              "\"*.a\""                  },
        {"a\"b\\c",          "\"a\\\"b\\\\c\""          },
        {"a\nb\tc",          "\"a\\nb\\u0009c\""        },
        {"\x7F",             "\"\\u007F\""              },
        {"caf\xC3\xA9",      "\"caf\xC3\xA9\""          },
        {"\xC2\x85",         "\"\\u0085\""              },
        {"\xE2\x80\xA8",     "\"\\u2028\""              },
        {"\xEF\xBB\xBF",     "\"\\uFEFF\""              },
        {"\xF0\x9F\x98\x80", "\"\xF0\x9F\x98\x80\""     },
        {"a\xFF",            "\"a\\uFFFD\""             },
        {"a\xE2\x80",        "\"a\\uFFFD\\uFFFD\""      },
        {"\xED\xA0\x80",     "\"\\uFFFD\\uFFFD\\uFFFD\""},
    };
    struct buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_clear(&out);
        yaml_add_text(&out, rows[i].text, false);
        assert_string_equal(buf_str(&out), rows[i].yaml);
    }
    buf_clear(&out);
    yaml_add_text(&out, "42", true);
    assert_string_equal(buf_str(&out), "42");
    buf_free(&out);
    (void)state;
}

static void shown_texts_are_cut_between_characters(void **state)
{
    char out[JOB_SHOWN_MAX + 4];
    char text[JOB_SHOWN_MAX + 10];
    assert_string_equal(job_shown("a\nb", out), "a b");
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(strlen(job_shown(text, out)), JOB_SHOWN_MAX + 3);
    text[JOB_SHOWN_MAX - 1] = '\xC3';
    text[JOB_SHOWN_MAX] = '\xA9';
    assert_int_equal(strlen(job_shown(text, out)), JOB_SHOWN_MAX - 1 + 3);
    (void)state;
}

static void places_count_characters(void **state)
{
    unsigned line = 0;
    unsigned column = 0;
    tree_place("a\n\xC3\xA9x", 4, &line, &column);
    assert_int_equal(line, 2);
    assert_int_equal(column, 2);
    tree_place("", 0, &line, &column);
    assert_int_equal(line, 1);
    assert_int_equal(column, 1);
    (void)state;
}

static void near_names_are_near(void **state)
{
    assert_int_equal(nearest_distance("memroy", 6, "memory"), 2);
    assert_int_equal(nearest_distance("mem", 3, "memory"), 0);
    assert_int_equal(nearest_distance("me", 2, "memory"), 4);
    assert_int_equal(nearest_limit(2), 2);
    assert_int_equal(nearest_limit(6), 3);
    assert_int_equal(nearest_limit(12), 5);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_texts_have_kinds),
        cmocka_unit_test(texts_are_written_so_that_they_come_back),
        cmocka_unit_test(shown_texts_are_cut_between_characters),
        cmocka_unit_test(places_count_characters),
        cmocka_unit_test(near_names_are_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
