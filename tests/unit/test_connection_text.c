/* connection_text: passwords in every spelling, and what only looks like one. */
#include "unit.h"

#include "cli/connection_text.h"

#include <stdbool.h>
#include <string.h>

struct text_row {
    const char *name;
    const char *text;
    bool has;
};

static const struct text_row text_rows[] = {
    {"keyword",                     "host=h password=pw",                    true },
    {"keyword with blanks",         "host=h password = 'p w'",               true },
    {"of a key",                    "host=h sslpassword=pw",                 true },
    {"URI",                         "postgres://u:pw@h/d",                   true },
    {"URI, escaped",                "postgresql://u:%70w@h/d",               true },
    {"URI, query",                  "postgres://h/d?password=pw",            true },
    {"URI, escaped query",          "postgres://h/d?pass%77ord=pw",          true },
    {"behind an unknown service",   "service=nowhere password=pw",           true },
    {"RDS",                         "rds:id/d password=pw",                  true },
    {"RDS like a URI",              "rds:u:pw@id/d",                         true },
    {"RDS, query",                  "rds:id/d?password=pw",                  true },
    {"URI behind a blank",          " postgres://u:pw@h/d",                  true },
    {"URI in capitals",             "POSTGRES://u:pw@h/d",                   true },
    {"URI of another program",      "jdbc:postgresql://u:pw@h/d",            true },
    {"URI without slashes",         "postgres:u:pw@h/d",                     true },
    {"URI without its scheme",      "u:pw@h/d",                              true },
    {"URI in a database name",      "host=h dbname=postgres://u:pw@h/d",     true },
    {"keywords in a database name", "host=h dbname='host=x password=pw'",    true },
    {"URI with a / in it",          "postgres://u:pw/x@h/d",                 true },
    {"URI with an @ in it",         "postgres://u:@pw@h/d",                  true },
    {"URI cut off",                 "postgres://u:pw",                       true },
    {"empty",                       "",                                      false},
    {"a database",                  "shop",                                  false},
    {"a database, odd",             "shop:2@night",                          true },
    {"no password",                 "host=h user=u dbname=d port=5432",      false},
    {"empty password",              "host=h password=''",                    false},
    {"URI without",                 "postgres://u@h:5432,i:5433/d?user=a@b", false},
    {"URI, IPv6",                   "postgres://u@[::1]:5432/d",             false},
    {"a user of Azure",             "host=h user=me@server",                 false},
    {"a socket directory",          "postgres://%2Ftmp%2Fx/d",               false},
    {"abstract socket",             "host=@sock dbname=d",                   false},
    {"RDS without",                 "rds:id/d user=u",                       false},
    {"URI, unknown service",        "postgres://u@h/d?service=nowhere",      false},
    {"passfile",                    "host=h passfile=/home/u/.pgpass",       false},
};

static void passwords_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(text_rows); i++) {
        const struct text_row *row = &text_rows[i];
        struct secret text = {.bytes = NULL};
        struct err err = {.kind = ERR_NONE};
        bool has = !row->has;
        assert_true(secret_set(&text, row->text, &err));
        if (!connection_has_password(&text, &has, &err) || has != row->has) {
            fail_msg("%s: %s", row->name, err.msg);
        }
        secret_free(&text);
    }
}

static void what_libpq_cannot_read_is_refused(void **state)
{
    static const char *const texts[] = {"host=h passwd=pw", "host=h password='pw",
                                        "postgres://h/d?x=1"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct secret text = {.bytes = NULL};
        struct err err = {.kind = ERR_NONE};
        bool has = false;
        assert_true(secret_set(&text, texts[i], &err));
        assert_false(connection_has_password(&text, &has, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        secret_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords_are_found),
        cmocka_unit_test(what_libpq_cannot_read_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
