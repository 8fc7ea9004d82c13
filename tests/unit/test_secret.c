/* secret: the text is kept, replaced, extended and wiped. */
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

static void bytes_may_be_zeros(void **state)
{
    (void)state;
    static const char bytes[] = "a\0b\0";
    struct secret s = {0};
    struct err err = {0};

    assert_true(secret_set_bytes(&s, bytes, 4, &err));
    assert_int_equal(s.len, 4);
    assert_memory_equal(s.bytes, "a\0b\0", 5); /* and the NUL */
    assert_true(secret_append(&s, "\0c", 2, &err));
    assert_int_equal(s.len, 6);
    assert_memory_equal(s.bytes, "a\0b\0\0c", 7);
    assert_true(secret_set_bytes(&s, s.bytes + 2, 1, &err)); /* a part of itself */
    assert_int_equal(s.len, 1);
    assert_string_equal(secret_reveal(&s), "b");
    assert_true(secret_set_bytes(&s, NULL, 0, &err));
    assert_false(secret_is_set(&s));
    assert_null(s.bytes);
}

/* Byte by byte through every growth, and in one piece. */
static void append_keeps_what_is_there(void **state)
{
    (void)state;
    struct secret s = {0};
    struct err err = {0};

    assert_true(secret_append(&s, NULL, 0, &err));
    assert_false(secret_is_set(&s));
    for (size_t i = 0; i < 1000; i++) {
        char letter = (char)('a' + i % 26);
        assert_true(secret_append(&s, &letter, 1, &err));
        assert_int_equal(s.len, i + 1);
        assert_in_range(s.room, s.len, 4 * s.len);
        assert_int_equal(s.bytes[s.len], '\0');
    }
    assert_int_equal(strspn(secret_reveal(&s), "abcdefghijklmnopqrstuvwxyz"), 1000);
    assert_memory_equal(s.bytes + (size_t)26 * 37, "abcdefghijklmnopqrstuvwxyz", 26);
    secret_free(&s);
    assert_int_equal(s.room, 0);
}

static void append_may_be_a_part_of_itself(void **state)
{
    (void)state;
    struct secret s = {0};
    struct err err = {0};

    assert_true(secret_set(&s, "abc", &err));
    assert_true(secret_append(&s, s.bytes, s.len, &err)); /* has to move */
    assert_true(secret_append(&s, s.bytes + 4, 2, &err)); /* has room */
    assert_string_equal(secret_reveal(&s), "abcabcbc");
    secret_free(&s);
}

static void a_failed_append_changes_nothing(void **state)
{
    (void)state;
    struct secret s = {0};
    struct err err = {0};

    assert_true(secret_set(&s, "abc", &err));
    assert_false(secret_append(&s, "x", SIZE_MAX - 1, &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_string_equal(secret_reveal(&s), "abc");
    assert_int_equal(s.len, 3);
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
        cmocka_unit_test(bytes_may_be_zeros),
        cmocka_unit_test(append_keeps_what_is_there),
        cmocka_unit_test(append_may_be_a_part_of_itself),
        cmocka_unit_test(a_failed_append_changes_nothing),
        cmocka_unit_test(wipe_leaves_nothing_and_no_more),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
