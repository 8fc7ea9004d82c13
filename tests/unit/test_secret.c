/* secret: the text is kept, replaced and wiped. */
#include "unit.h"

#include "base/secret.h"

#include <string.h>

static void keeps_a_copy(void **state)
{
    (void)state;
    char typed[] = "hunter2";
    struct secret s = {0};
    struct err err = {0};

    assert_false(secret_is_set(&s));
    assert_string_equal(secret_reveal(&s), "");
    assert_true(secret_set(&s, typed, &err));
    memset(typed, 'x', sizeof typed - 1);
    assert_true(secret_is_set(&s));
    assert_string_equal(secret_reveal(&s), "hunter2");
    assert_int_equal(s.len, 7);
    secret_free(&s);
    assert_false(secret_is_set(&s));
    assert_null(s.bytes);
    secret_free(&s);
    secret_free(NULL);
}

static void set_replaces(void **state)
{
    (void)state;
    struct secret s = {0};
    struct err err = {0};

    assert_true(secret_set(&s, "first", &err));
    assert_true(secret_set(&s, "second", &err));
    assert_string_equal(secret_reveal(&s), "second");
    assert_true(secret_set(&s, secret_reveal(&s) + 3, &err)); /* a part of itself */
    assert_string_equal(secret_reveal(&s), "ond");
    assert_true(secret_set(&s, NULL, &err));
    assert_false(secret_is_set(&s));
    assert_true(secret_set(&s, "", &err));
    assert_false(secret_is_set(&s));
    secret_free(&s);
}

static void wipe_leaves_nothing_and_no_more(void **state)
{
    (void)state;
    char bytes[] = "keep secret keep";

    secret_wipe(bytes + 5, 6);
    assert_memory_equal(bytes, "keep \0\0\0\0\0\0 keep", sizeof bytes);
    secret_wipe(bytes, 0);
    assert_int_equal(bytes[0], 'k');
    secret_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_a_copy),
        cmocka_unit_test(set_replaces),
        cmocka_unit_test(wipe_leaves_nothing_and_no_more),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
