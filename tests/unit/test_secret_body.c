/* secret_body: the forms in which a database's secret is written, and those that are refused. */
#include "tests/unit/unit.h"

#include "job/secret_body.h"

#include <stdio.h>
#include <string.h>

static bool read_text(const char *text, size_t len, struct secret_body *out, struct err *err)
{
    struct secret s = {0};
    assert_true(secret_set_bytes(&s, text, len, err));
    bool ok = secret_body_read(&s, "prod/shop", out, err);
    secret_free(&s);
    return ok;
}

static void the_short_form(void **state)
{
    struct secret_body b = {.host = ""};
    struct err err = {0};
    static const char text[] = "{\"username\":\"u\",\"password\":\"p\\\"\\\\ '\\u00e9\"}";
    assert_true(read_text(text, strlen(text), &b, &err));
    assert_string_equal(secret_reveal(&b.user), "u");
    assert_string_equal(secret_reveal(&b.password), "p\"\\ '\xc3\xa9");
    assert_string_equal(b.host, "");
    assert_string_equal(b.port, "");
    secret_body_free(&b);
    (void)state;
}

static void the_form_of_rds(void **state)
{
    struct secret_body b = {.host = ""};
    struct err err = {0};
    static const char text[] =
        "{\"engine\":\"postgres\",\"host\":\"h\",\"port\":6000,\"dbname\":\"d\",\"username\":\"u\","
        "\"password\":\"p\",\"dbClusterIdentifier\":\"c\",\"masterarn\":null,\"more\":[1]}";
    assert_true(read_text(text, strlen(text), &b, &err));
    assert_string_equal(b.host, "h");
    assert_string_equal(b.port, "6000");
    assert_string_equal(b.dbname, "d");
    assert_string_equal(b.database_id, "c");
    static const char text_port[] =
        "{\"port\":\"5433\",\"dbInstanceIdentifier\":\"i\",\"password\":\"p\"}";
    assert_true(read_text(text_port, strlen(text_port), &b, &err));
    assert_string_equal(b.port, "5433");
    assert_string_equal(b.database_id, "i");
    assert_false(secret_is_set(&b.user)); /* nothing is left of the last one */
    assert_string_equal(b.host, "");
    secret_body_free(&b);
    (void)state;
}

struct bad {
    const char *text;
    const char *needle;
};

static void wrong_forms(void **state)
{
    static const struct bad cases[] = {
        {"",                                                 "not a JSON object"            },
        {"hunter2",                                          "not a JSON object"            },
        {"\"hunter2\"",                                      "not a JSON object"            },
        {"[]",                                               "not a JSON object"            },
        {"{\"password\":\"hunter2\"",                        "not a JSON object"            },
        {"{\"password\":\"hunter2\"} x",                     "not a JSON object"            },
        {"{\"password\":\"hunter2\",\"password\":\"x\"}",    "not a JSON object"            },
        {"{\"username\":\"hunter2\"}",                       "no \"password\""              },
        {"{\"password\":\"\"}",                              "no \"password\""              },
        {"{\"password\":null}",                              "no \"password\""              },
        {"{\"password\":17}",                                "\"password\" has to be a text"},
        {"{\"password\":\"hunter2\\u0000x\"}",               "\"password\" has to be a text"},
        {"{\"password\":\"hunter2\",\"engine\":\"mysql\"}",  "for the engine \"mysql\""     },
        {"{\"password\":\"hunter2\",\"port\":0}",            "\"port\" is not a port"       },
        {"{\"password\":\"hunter2\",\"port\":65536}",        "\"port\" is not a port"       },
        {"{\"password\":\"hunter2\",\"port\":\"5432x\"}",    "\"port\" is not a port"       },
        {"{\"password\":\"hunter2\",\"port\":\"99999999\"}", "\"port\""                     },
        {"{\"password\":\"hunter2\",\"port\":5432.5}",       "\"port\" is not a port"       },
        {"{\"password\":\"hunter2\",\"host\":[\"a\"]}",      "\"host\" has to be a text"    },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct secret_body b = {.host = "before"};
        struct err err = {0};
        assert_false(read_text(cases[i].text, strlen(cases[i].text), &b, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_string_equal(b.host, "before");
        if (strstr(err.msg, cases[i].needle) == NULL || strstr(err.msg, "hunter2") != NULL) {
            fail_msg("%s: %s", cases[i].text, err.msg);
        }
    }
    (void)state;
}

static void a_copy_stands_alone(void **state)
{
    struct secret_body a = {.host = ""};
    struct secret_body b = {.host = ""};
    struct err err = {0};
    static const char text[] = "{\"username\":\"u\",\"password\":\"p\",\"host\":\"h\"}";
    assert_true(read_text(text, strlen(text), &a, &err));
    assert_true(secret_body_copy(&a, &b, &err));
    assert_string_equal(secret_reveal(&b.user), "u");
    assert_string_equal(secret_reveal(&b.password), "p");
    assert_string_equal(b.host, "h");
    assert_true(secret_set(&b.password, "q", &err));
    assert_string_equal(secret_reveal(&a.password), "p");
    secret_body_free(&a);
    secret_body_free(&b);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_short_form),
        cmocka_unit_test(the_form_of_rds),
        cmocka_unit_test(wrong_forms),
        cmocka_unit_test(a_copy_stands_alone),
    };
    return cmocka_run_group_tests_name("secret_body", tests, NULL, NULL);
}
