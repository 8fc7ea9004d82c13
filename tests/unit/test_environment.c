/* environment: secrets are moved out of it, and not a byte stays where they were. */
/* For putenv. */
#define _DEFAULT_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "unit.h"

#include "cli/environment.h"

#include <stdlib.h>
#include <string.h>

#define NAME "SLUICE_TEST_SECRET"

/* The memory of the process's environment is the block that putenv is given. */
static void put(char *entry)
{
    assert_int_equal(putenv(entry), 0); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static const char *get(const char *name)
{
    return getenv(name); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static void the_password_is_moved(void **state)
{
    static char entry[] = "PGPASSWORD=pass word=1";
    static const char gone[sizeof entry] = "PGPASSWORD=";
    struct secret password = {0};
    struct err err = {0};

    put(entry);
    assert_true(environment_take_password(&password, &err));
    assert_string_equal(secret_reveal(&password), "pass word=1");
    assert_null(get("PGPASSWORD"));
    assert_memory_equal(entry, gone, sizeof entry);
    secret_free(&password);
    (void)state;
}

static void without_one_the_secret_is_empty(void **state)
{
    static char empty[] = "PGPASSWORD=";
    struct secret password = {0};
    struct err err = {0};

    assert_null(get("PGPASSWORD"));
    assert_true(secret_set(&password, "old", &err));
    assert_true(environment_take_password(&password, &err));
    assert_false(secret_is_set(&password));
    put(empty);
    assert_true(environment_take_password(&password, &err));
    assert_false(secret_is_set(&password));
    assert_null(get("PGPASSWORD"));
    (void)state;
}

static void what_was_read_is_forgotten(void **state)
{
    static char entry[] = NAME "=host=x password=y";
    static char other[] = NAME "2=kept";
    static const char gone[sizeof entry] = NAME "=";

    put(entry);
    put(other);
    environment_forget(NAME);
    assert_null(get(NAME));
    assert_memory_equal(entry, gone, sizeof entry);
    assert_string_equal(get(NAME "2"), "kept");
    environment_forget(NAME); /* not there any more */
    environment_forget("SLUICE_TEST_NEVER_SET");
    assert_string_equal(get(NAME "2"), "kept");
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_password_is_moved),
        cmocka_unit_test(without_one_the_secret_is_empty),
        cmocka_unit_test(what_was_read_is_forgotten),
    };
    return cmocka_run_group_tests_name("environment", tests, NULL, NULL);
}
