/* pg text: names, literals and arrays that hold the marks they are written with. */
#include "unit.h"

#include "pg/pg.h"

#include <stdlib.h>
#include <string.h>

static void identifiers_and_literals(void **state)
{
    static const struct {
        const char *text;
        const char *ident;
        const char *literal;
    } rows[] = {
        {"",                  "\"\"",                  "''"                 },
        {"t",                 "\"t\"",                 "'t'"                },
        {"Mixed Case",        "\"Mixed Case\"",        "'Mixed Case'"       },
        {"a\"b",              "\"a\"\"b\"",            "'a\"b'"             },
        {"\"\"",              "\"\"\"\"\"\"",          "'\"\"'"             },
        {"it's",              "\"it's\"",              "'it''s'"            },
        {"''",                "\"''\"",                "''''''"             },
        {"a\\b",              "\"a\\b\"",              "'a\\b'"             }, /* standard_conforming_strings is on */
        {"\\",                "\"\\\"",                "'\\'"               },
        {"two\nlines\t",      "\"two\nlines\t\"",      "'two\nlines\t'"     },
        {"; DROP TABLE t --", "\"; DROP TABLE t --\"", "'; DROP TABLE t --'"},
        {"%s%n",              "\"%s%n\"",              "'%s%n'"             },
        {"gr\xc3\xb6\xc3\x9f"
         "e",        "\"gr\xc3\xb6\xc3\x9f"
         "e\"",                  "'gr\xc3\xb6\xc3\x9f"
         "e'"                          },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b;
        buf_init(&b, 1000);
        pg_add_ident(&b, rows[i].text);
        assert_string_equal(buf_str(&b), rows[i].ident);
        buf_clear(&b);
        pg_add_literal(&b, rows[i].text);
        assert_string_equal(buf_str(&b), rows[i].literal);
        buf_free(&b);
    }
}

static void they_are_appended(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    buf_puts(&b, "x = ");
    pg_add_literal(&b, "1");
    buf_puts(&b, ", ");
    pg_add_name(&b, "my \"s\"", "t.u");
    assert_string_equal(buf_str(&b), "x = '1', \"my \"\"s\"\"\".\"t.u\"");
    buf_free(&b);
}

static void arrays(void **state)
{
    static const struct {
        const char *items[4];
        size_t count;
        const char *want;
    } rows[] = {
        {{NULL},              0, "{}"                      },
        {{""},                1, "{\"\"}"                  },
        {{"a"},               1, "{\"a\"}"                 },
        {{"a", "b", "", "c"}, 4, "{\"a\",\"b\",\"\",\"c\"}"},
        {{"NULL", "null"},    2, "{\"NULL\",\"null\"}"     }, /* in quotes it is a text */
        {{"a,b", "{c}"},      2, "{\"a,b\",\"{c}\"}"       },
        {{"a\"b", "c\\d"},    2, "{\"a\\\"b\",\"c\\\\d\"}" },
        {{"\\\""},            1, "{\"\\\\\\\"\"}"          },
        {{"it's", " x "},     2, "{\"it's\",\" x \"}"      },
        {{"two\nlines"},      1, "{\"two\nlines\"}"        },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *array = pg_array(rows[i].items, rows[i].count);
        assert_non_null(array);
        assert_string_equal(array, rows[i].want);
        free(array);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers_and_literals),
        cmocka_unit_test(they_are_appended),
        cmocka_unit_test(arrays),
    };

    return cmocka_run_group_tests_name("pg_text", tests, NULL, NULL);
}
