/* pattern: what psql's names mean, and that no text can slip out of its anchors. */
#include "unit.h"

#include "pg/pattern.h"

#include <stdlib.h>
#include <string.h>

struct parse_case {
    const char *text;
    const char *schema; /* NULL: none */
    const char *name;   /* NULL: refused */
    bool wildcard;
};

static const struct parse_case tables[] = {
    {"orders",                  NULL,         "^(orders)$",                                false},
    {"Orders",                  NULL,         "^(orders)$",                                false},
    {"\"Orders\"",              NULL,         "^(Orders)$",                                false},
    {"FOO\"BAR\"Baz",           NULL,         "^(fooBARbaz)$",                             false},
    {"public.orders",           "^(public)$", "^(orders)$",                                false},
    {"*.orders",                "^(.*)$",     "^(orders)$",                                false},
    {"public.*",                "^(public)$", "^(.*)$",                                    true },
    {"order?",                  NULL,         "^(order.)$",                                true },
    {"o*s",                     NULL,         "^(o.*s)$",                                  true },
    {"a$b",                     NULL,         "^(a\\$b)$",                                 false},
    {"\"a.b\".\"c*d\"",         "^(a\\.b)$",  "^(c\\*d)$",                                 false},
    {"\"say \"\"hi\"\"\"",      NULL,         "^(say \"hi\")$",                            false},
    {"\"two\nlines\"",          NULL,         "^(two\nlines)$",                            false},
    {"\"(|)[]{}+?^$\\\"",       NULL,         "^(\\(\\|\\)\\[\\]\\{\\}\\+\\?\\^\\$\\\\)$", false},
    {"t[0-9]+",                 NULL,         "^(t[0-9]+)$",                               true },
    {"t[A-C]",                  NULL,         "^(t[a-c])$",                                true },
    {"t[^]x]",                  NULL,         "^(t[^]x])$",                                true },
    {"t[[:digit:]_]",           NULL,         "^(t[[:digit:]_])$",                         true },
    {"t[*?(]",                  NULL,         "^(t[*?(])$",                                true },
    {"t[]",                     NULL,         "^(t\\[\\])$",                               false},
    {"(a|\"B\")c",              NULL,         "^((a|B)c)$",                                true },
    {"a{2}",                    NULL,         "^(a{2})$",                                  true },
    {"log_\\d+",                NULL,         "^(log_\\d+)$",                              true },
    {"a\\.b",                   NULL,         "^(a\\.b)$",                                 true },
    {"shop.public.orders",      "^(public)$", "^(orders)$",                                false},
    {"SHOP.Public.\"O\"",       "^(public)$", "^(O)$",                                     false},
    {"\xc3\x84pfel",            NULL,         "^(\xc3\x84pfel)$",                          false},
 /* refused */
    {"",                        NULL,         NULL,                                        false},
    {"\"\"",                    NULL,         NULL,                                        false},
    {".orders",                 NULL,         NULL,                                        false},
    {"public.",                 NULL,         NULL,                                        false},
    {"public..orders",          NULL,         NULL,                                        false},
    {"\"orders",                NULL,         NULL,                                        false},
    {"\"orders\"\"",            NULL,         NULL,                                        false},
    {"other.public.orders",     NULL,         NULL,                                        false},
    {"sho?.public.orders",      NULL,         NULL,                                        false},
    {"shop*.public.orders",     NULL,         NULL,                                        false},
    {"shop.shop.public.orders", NULL,         NULL,                                        false},
    {"a)|(b",                   NULL,         NULL,                                        false},
    {"(a",                      NULL,         NULL,                                        false},
    {"(a.b)",                   NULL,         NULL,                                        false},
    {"[a",                      NULL,         NULL,                                        false},
    {"[a.b]",                   NULL,         NULL,                                        false},
    {"[\"a\"]",                 NULL,         NULL,                                        false},
    {"[[.x.]]",                 NULL,         NULL,                                        false},
    {"[[=x=]]",                 NULL,         NULL,                                        false},
    {"[[:alpha",                NULL,         NULL,                                        false},
    {"[[:al.pha:]]",            NULL,         NULL,                                        false},
    {"[[:al\"pha:]]",           NULL,         NULL,                                        false},
    {"[",                       NULL,         NULL,                                        false},
    {"[^",                      NULL,         NULL,                                        false},
    {"a\\",                     NULL,         NULL,                                        false},
    {"[a\\",                    NULL,         NULL,                                        false},
    {"(\\c)|x(\\c)",            NULL,         NULL,                                        false},
};

static void parses_table_patterns(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        const struct parse_case *c = &tables[i];
        struct pattern p = {0};
        struct err err = {0};

        print_message("    %s\n", c->text);
        bool ok = pattern_parse(c->text, "shop", &p, &err);
        assert_int_equal(ok, c->name != NULL);
        if (!ok) {
            assert_int_equal(err.kind, ERR_USAGE);
            assert_null(p.name);
            continue;
        }
        assert_string_equal(p.name, c->name);
        assert_int_equal(p.schema != NULL, c->schema != NULL);
        if (c->schema != NULL) {
            assert_string_equal(p.schema, c->schema);
        }
        assert_int_equal(p.wildcard, c->wildcard);
        pattern_free(&p);
        assert_null(p.name);
    }
}

static const struct parse_case schemas[] = {
    {"public",      NULL, "^(public)$",   false},
    {"Sales_*",     NULL, "^(sales_.*)$", true },
    {"\"a.b\"",     NULL, "^(a\\.b)$",    false},
    {"a.b",         NULL, NULL,           false},
    {"shop.public", NULL, NULL,           false},
    {"",            NULL, NULL,           false},
};

static void parses_schema_patterns(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(schemas); i++) {
        const struct parse_case *c = &schemas[i];
        struct pattern p = {0};
        struct err err = {0};

        print_message("    %s\n", c->text);
        assert_int_equal(pattern_parse_schema(c->text, &p, &err), c->name != NULL);
        if (c->name == NULL) {
            assert_int_equal(err.kind, ERR_USAGE);
            continue;
        }
        assert_null(p.schema);
        assert_string_equal(p.name, c->name);
        assert_int_equal(p.wildcard, c->wildcard);
        pattern_free(&p);
    }
}

static void refuses_a_pattern_without_end(void **state)
{
    char *text = malloc(100001);
    struct pattern p = {0};
    struct err err = {0};

    (void)state;
    assert_non_null(text);
    memset(text, 'a', 100000);
    text[100000] = '\0';
    assert_false(pattern_parse(text, "shop", &p, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    text[4097] = '\0';
    assert_false(pattern_parse(text, "shop", &p, &err));
    text[4096] = '\0';
    assert_true(pattern_parse(text, "shop", &p, &err));
    assert_int_equal(strlen(p.name), 4096 + 4);
    pattern_free(&p);
    free(text);
}

static void three_names_need_a_known_database(void **state)
{
    struct pattern p = {0};
    struct err err = {0};

    (void)state;
    assert_false(pattern_parse("a.b.c", NULL, &p, &err));
    assert_int_equal(err.kind, ERR_USAGE);
}

static void free_takes_nothing(void **state)
{
    struct pattern p = {0};

    (void)state;
    pattern_free(NULL);
    pattern_free(&p);
    assert_null(p.name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_table_patterns),
        cmocka_unit_test(parses_schema_patterns),
        cmocka_unit_test(refuses_a_pattern_without_end),
        cmocka_unit_test(three_names_need_a_known_database),
        cmocka_unit_test(free_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
