/* env: secrets leave the environment and are given still. */
#include "unit.h"

#include "aws/env.h"

#include <stdlib.h>
#include <string.h>

static const char *const moved[] = {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                                    "AWS_CONTAINER_AUTHORIZATION_TOKEN"};

/* There is one thread here, so the environment may be changed. */
static void put(const char *name, const char *value)
{
    int rc = value == NULL ? unsetenv(name)          /* NOLINT(concurrency-mt-unsafe) */
                           : setenv(name, value, 1); /* NOLINT(concurrency-mt-unsafe) */
    assert_int_equal(rc, 0);
}

static const char *look(const char *name)
{
    return getenv(name); /* NOLINT(concurrency-mt-unsafe) */
}

static int clear(void **state)
{
    (void)state;
    aws_env_close();
    for (size_t i = 0; i < ARRAY_LEN(moved); i++) {
        put(moved[i], NULL);
    }
    put("AWS_REGION", NULL);
    return 0;
}

static void secrets_are_moved_and_overwritten(void **state)
{
    (void)state;
    static const char zeros[8] = {0};

    for (size_t i = 0; i < ARRAY_LEN(moved); i++) {
        put(moved[i], "s3cr3t!");
        /* The environment keeps this memory for good, so it can be looked at afterwards. */
        const char *where = look(moved[i]);
        aws_env_open();
        assert_memory_equal(where, zeros, sizeof zeros);
        assert_null(look(moved[i]));
        assert_string_equal(aws_env_get(moved[i]), "s3cr3t!");
    }
    aws_env_close();
    for (size_t i = 0; i < ARRAY_LEN(moved); i++) {
        assert_null(aws_env_get(moved[i]));
    }
}

static void others_stay_where_they_are(void **state)
{
    (void)state;
    put("AWS_REGION", "us-east-1");
    put("AWS_ACCESS_KEY_ID", "AKID");
    aws_env_open();
    assert_string_equal(look("AWS_REGION"), "us-east-1");
    assert_string_equal(aws_env_get("AWS_REGION"), "us-east-1");
    assert_string_equal(aws_env_get("AWS_ACCESS_KEY_ID"), "AKID");
    assert_null(aws_env_get("AWS_NO_SUCH_VARIABLE"));
    assert_null(aws_env_get("AWS_SESSION_TOKEN"));
}

static void opening_again_keeps_and_renews(void **state)
{
    (void)state;
    put(moved[0], "first");
    put(moved[1], "token");
    aws_env_open();
    aws_env_open();
    assert_string_equal(aws_env_get(moved[0]), "first");
    put(moved[0], "second");
    aws_env_open();
    assert_string_equal(aws_env_get(moved[0]), "second");
    assert_string_equal(aws_env_get(moved[1]), "token");
    assert_null(look(moved[0]));
}

static void empty_is_set_and_empty(void **state)
{
    (void)state;
    put(moved[1], "");
    aws_env_open();
    assert_string_equal(aws_env_get(moved[1]), "");
    assert_null(look(moved[1]));
}

static void large_value_is_kept_whole(void **state)
{
    (void)state;
    static char large[200001];

    memset(large, 'x', sizeof large - 1);
    put(moved[1], large);
    aws_env_open();
    assert_string_equal(aws_env_get(moved[1]), large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(secrets_are_moved_and_overwritten, clear, clear),
        cmocka_unit_test_setup_teardown(others_stay_where_they_are, clear, clear),
        cmocka_unit_test_setup_teardown(opening_again_keeps_and_renews, clear, clear),
        cmocka_unit_test_setup_teardown(empty_is_set_and_empty, clear, clear),
        cmocka_unit_test_setup_teardown(large_value_is_kept_whole, clear, clear),
    };

    return cmocka_run_group_tests_name("env", tests, NULL, NULL);
}
