/* conninfo: what a string says, what libpq would make of it, and the way back to a string. */
#include "tests/unit/unit.h"

#include "base/cleanup.h"
#include "base/rng.h"
#include "pg/conninfo.h"

#include <libpq-fe.h>
#include <stdio.h>
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

/* An empty value keeps libpq from taking the variable or the service's word. */
static void what_is_empty_stays_so(void **state)
{
    (void)setenv("PGHOST", "from-env", 1); /* NOLINT(concurrency-mt-unsafe) */
    (void)setenv("PGUSER", "env-user", 1); /* NOLINT(concurrency-mt-unsafe) */
    struct conninfo *c = parsed("host='' user=me");
    struct conninfo *copy = NULL;
    struct secret text = {0};
    struct err err = {0};
    assert_null(conninfo_given(c, "host"));
    assert_string_equal(conninfo_effective(c, "host"), "");
    assert_true(conninfo_copy(c, &copy, &err) && conninfo_text(copy, &text, &err));
    struct conninfo *again = parsed(secret_reveal(&text));
    assert_string_equal(conninfo_effective(again, "host"), "");
    assert_string_equal(conninfo_effective(again, "user"), "me");
    assert_true(conninfo_set(again, "user", "", &err) && conninfo_text(again, &text, &err));
    conninfo_free(&again);
    again = parsed(secret_reveal(&text)); /* taken away, it is libpq's to fill in */
    assert_string_equal(conninfo_effective(again, "user"), "env-user");
    secret_free(&text);
    conninfo_free(&again);
    conninfo_free(&copy);
    conninfo_free(&c);
    (void)state;
}

/* ---- all that this libpq knows, with random values ---- */

#define VALUE_MAX 40

/* Bytes of all kinds, and more often those that mean something in a string. */
static void random_value(struct rng *rng, char out[VALUE_MAX + 1])
{
    static const char odd[] = "'\\ =\t\n\"%&@:/?#[]";
    size_t len = (size_t)rng_between(rng, 0, VALUE_MAX);
    for (size_t i = 0; i < len; i++) {
        bool is_odd = rng_between(rng, 0, 2) == 0;
        unsigned char byte = (unsigned char)rng_between(rng, 1, 255);
        memcpy(out + i, is_odd ? &odd[rng_between(rng, 0, sizeof odd - 2)] : (char *)&byte, 1);
    }
    out[len] = '\0';
}

/* Nothing is in the string but what is in the list, and that as it is there. */
static void assert_string_has(const char *text, const PQconninfoOption *keywords,
                              char (*values)[VALUE_MAX + 1])
{
    PQconninfoOption *got = PQconninfoParse(text, NULL);
    assert_non_null(got);
    for (size_t i = 0; keywords[i].keyword != NULL; i++) {
        assert_string_equal(got[i].keyword, keywords[i].keyword);
        assert_string_equal(got[i].val == NULL ? "" : got[i].val, values[i]);
    }
    PQconninfoFree(got);
}

static void every_keyword_comes_back(void **state)
{
    static char values[128][VALUE_MAX + 1];
    uint64_t seed = rng_entropy();
    PQconninfoOption *keywords = PQconndefaults();
    struct rng rng;
    struct err err = {0};
    print_message("seed %llu\n", (unsigned long long)seed);
    rng_seed(&rng, seed);
    for (int round = 0; round < 50; round++) {
        struct conninfo *c = parsed("");
        struct secret text = {0};
        for (size_t i = 0; keywords[i].keyword != NULL; i++) {
            assert_in_range(i, 0, 127);
            random_value(&rng, values[i]);
            assert_true(conninfo_set(c, keywords[i].keyword, values[i], &err));
        }
        assert_true(conninfo_text(c, &text, &err));
        assert_string_has(secret_reveal(&text), keywords, values);
        secret_free(&text);
        conninfo_free(&c);
    }
    PQconninfoFree(keywords);
    (void)state;
}

/* Through conninfo_parse, one keyword at a time, as libpq does not take any value for any. */
static void what_libpq_takes_comes_back(void **state)
{
    uint64_t seed = rng_entropy();
    unsigned taken = 0;
    PQconninfoOption *keywords = PQconndefaults();
    struct rng rng;
    struct err err = {0};
    print_message("seed %llu\n", (unsigned long long)seed);
    rng_seed(&rng, seed);
    for (size_t i = 0; keywords[i].keyword != NULL; i++) {
        char value[VALUE_MAX + 1];
        struct secret text = {0};
        struct conninfo *one = parsed("");
        struct conninfo *c = NULL;
        random_value(&rng, value);
        assert_true(conninfo_set(one, keywords[i].keyword, value, &err));
        assert_true(conninfo_text(one, &text, &err));
        if (conninfo_parse(&text, "source", &c, &err)) {
            const char *given = conninfo_given(c, keywords[i].keyword);
            assert_string_equal(given == NULL ? "" : given, value);
            taken++;
        }
        secret_free(&text);
        conninfo_free(&one);
        conninfo_free(&c);
    }
    assert_true(taken >= 20);
    PQconninfoFree(keywords);
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

static void another_host_takes_its_place(void **state)
{
    static const struct {
        const char *text;
        const char *port;
    } rows[] = {
        {"host=a hostaddr=10.0.0.1 port=6000 dbname=d user=u password=hunter2",                 "6000"},
        {"host=a,b,c port=6001,6002,6003 target_session_attrs=read-write dbname=d",             "6001"},
        {"postgresql://u:hunter2@a:6000,b:6001/d?target_session_attrs=primary&sslmode=require",
         "6000"                                                                                       },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};
        struct secret text = {0};
        struct conninfo *c = parsed(rows[i].text);
        assert_true(conninfo_redirect(c, "destination", "2600:1f18::1", &err));
        assert_true(conninfo_text(c, &text, &err));
        struct conninfo *again = parsed(secret_reveal(&text));
        assert_string_equal(conninfo_effective(again, "host"), "2600:1f18::1");
        assert_string_equal(conninfo_effective(again, "hostaddr"), "");
        assert_string_equal(conninfo_effective(again, "port"), rows[i].port);
        assert_string_equal(conninfo_effective(again, "dbname"), "d");
        assert_string_equal(conninfo_given(again, "target_session_attrs"), "any");
        secret_free(&text);
        conninfo_free(&again);
        conninfo_free(&c);
    }
    (void)state;
}

static void an_address_from_elsewhere_stands_in_the_way(void **state)
{
    struct err err = {0};
    struct conninfo *c = parsed("host=a dbname=d password=hunter2");
    assert_int_equal(setenv("PGHOSTADDR", "10.0.0.1", 1), 0); /* NOLINT(concurrency-mt-unsafe) */
    assert_false(conninfo_redirect(c, "destination", "router-1", &err));
    assert_int_equal(unsetenv("PGHOSTADDR"), 0); /* NOLINT(concurrency-mt-unsafe) */
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.msg, "PGHOSTADDR"));
    assert_null(strstr(err.msg, "hunter2"));
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
        cmocka_unit_test_setup(what_is_empty_stays_so, clear_environment),
        cmocka_unit_test_setup(every_keyword_comes_back, clear_environment),
        cmocka_unit_test_setup(what_libpq_takes_comes_back, clear_environment),
        cmocka_unit_test_setup(a_copy_stands_alone, clear_environment),
        cmocka_unit_test_setup(another_host_takes_its_place, clear_environment),
        cmocka_unit_test_setup(an_address_from_elsewhere_stands_in_the_way, clear_environment),
        cmocka_unit_test_setup(wrong_strings_are_refused_without_their_secrets, clear_environment),
    };
    return cmocka_run_group_tests_name("conninfo", tests, NULL, NULL);
}
