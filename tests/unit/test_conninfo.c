/* conninfo: what a string says, what libpq would make of it, and the way back to a string. */
#include "tests/unit/unit.h"

#include "base/cleanup.h"
#include "pg/conninfo.h"

#include <stdlib.h>
#include <string.h>

static struct conninfo *parsed(const char *text)
{
    struct secret s = {0};
    struct conninfo *c = NULL;
    struct err err = {0};
    assert_true(secret_set(&s, text, &err));
    if (!conninfo_parse(&s, "source", &c, &err)) {
        fail_msg("%s", err.msg);
    }
    secret_free(&s);
    return c;
}

static void refused(const char *text, const char *needle)
{
    struct secret s = {0};
    struct conninfo *c = NULL;
    struct err err = {0};
    assert_true(secret_set(&s, text, &err));
    assert_false(conninfo_parse(&s, "source", &c, &err));
    assert_null(c);
    assert_int_equal(err.kind, ERR_USAGE);
    if (strstr(err.msg, needle) == NULL || strstr(err.msg, "hunter2") != NULL) {
        fail_msg("\"%s\" should hold \"%s\" and no password", err.msg, needle);
    }
    secret_free(&s);
}

static int clear_environment(void **state)
{
    static const char *const names[] = {"PGHOST",     "PGPORT",    "PGUSER",    "PGDATABASE",
                                        "PGPASSWORD", "PGSSLMODE", "PGSERVICE", "PGSERVICEFILE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)unsetenv(names[i]); /* NOLINT(concurrency-mt-unsafe): a unit test has one thread. */
    }
    (void)state;
    return 0;
}

static void a_string_says_what_it_says(void **state)
{
    struct conninfo *c = parsed("postgresql://u%40x:p%27w@db1:6000/shop?sslmode=require");
    assert_string_equal(conninfo_given(c, "user"), "u@x");
    assert_string_equal(conninfo_given(c, "password"), "p'w");
    assert_string_equal(conninfo_given(c, "host"), "db1");
    assert_string_equal(conninfo_given(c, "port"), "6000");
    assert_string_equal(conninfo_given(c, "dbname"), "shop");
    assert_null(conninfo_given(c, "sslrootcert"));
    assert_string_equal(conninfo_effective(c, "sslmode"), "require");
    conninfo_free(&c);
    (void)state;
}

static void a_plain_word_is_a_database(void **state)
{
    struct conninfo *c = parsed("shop");
    assert_string_equal(conninfo_given(c, "dbname"), "shop");
    conninfo_free(&c);
    c = parsed("");
    assert_null(conninfo_given(c, "dbname"));
    conninfo_free(&c);
    (void)state;
}

static void variables_and_defaults_are_effective_but_not_given(void **state)
{
    (void)setenv("PGHOST", "from-env", 1); /* NOLINT(concurrency-mt-unsafe) */
    (void)setenv("PGUSER", "env-user", 1); /* NOLINT(concurrency-mt-unsafe) */
    struct conninfo *c = parsed("user=me");
    assert_null(conninfo_given(c, "host"));
    assert_string_equal(conninfo_effective(c, "host"), "from-env");
    assert_string_equal(conninfo_effective(c, "user"), "me");
    assert_string_equal(conninfo_effective(c, "port"), "5432");
    assert_string_equal(conninfo_effective(c, "sslmode"), "prefer");
    assert_string_not_equal(conninfo_effective(c, "target_session_attrs"),
                            "nothing that libpq knows");
    conninfo_free(&c);
    (void)state;
}

static void what_is_set_wins_and_comes_back(void **state)
{
    static const char odd[] = "a'b\\c d=e\xc3\xa9\"$(x);%";
    struct conninfo *c = parsed("host=db1 password=old");
    struct secret text = {0};
    struct err err = {0};
    assert_true(conninfo_set(c, "password", odd, &err));
    assert_true(conninfo_set(c, "sslmode", "verify-full", &err));
    assert_true(conninfo_text(c, &text, &err));
    struct conninfo *again = parsed(secret_reveal(&text));
    assert_string_equal(conninfo_given(again, "password"), odd);
    assert_string_equal(conninfo_given(again, "host"), "db1");
    assert_string_equal(conninfo_effective(again, "sslmode"), "verify-full");
    assert_true(conninfo_set(c, "password", "", &err));
    assert_null(conninfo_given(c, "password"));
    secret_free(&text);
    conninfo_free(&again);
    conninfo_free(&c);
    (void)state;
}

static void a_copy_stands_alone(void **state)
{
    struct conninfo *c = parsed("host=db1 dbname=d");
    struct conninfo *copy = NULL;
    struct err err = {0};
    assert_true(conninfo_copy(c, &copy, &err));
    assert_true(conninfo_set(copy, "host", "db2", &err));
    assert_string_equal(conninfo_given(c, "host"), "db1");
    assert_string_equal(conninfo_given(copy, "host"), "db2");
    assert_string_equal(conninfo_given(copy, "dbname"), "d");
    conninfo_free(&copy);
    conninfo_free(&c);
    (void)state;
}

static void wrong_strings_are_refused_without_their_secrets(void **state)
{
    refused("host=x pasword=hunter2",
            "not a valid libpq connection string: invalid connection option");
    refused("postgresql://u:hunter2@[h/db", "not a valid libpq connection string");
    refused("host=a password='hunter2", "not a valid libpq connection string");
    refused("service=there-is-none password=hunter2", "there-is-none");
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_string_says_what_it_says, clear_environment),
        cmocka_unit_test_setup(a_plain_word_is_a_database, clear_environment),
        cmocka_unit_test_setup(variables_and_defaults_are_effective_but_not_given,
                               clear_environment),
        cmocka_unit_test_setup(what_is_set_wins_and_comes_back, clear_environment),
        cmocka_unit_test_setup(a_copy_stands_alone, clear_environment),
        cmocka_unit_test_setup(wrong_strings_are_refused_without_their_secrets, clear_environment),
    };
    return cmocka_run_group_tests_name("conninfo", tests, NULL, NULL);
}
