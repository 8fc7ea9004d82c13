/* err: the text that is built, and what happens when it does not fit. */
#include "unit.h"

#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void set_fills_kind_and_text(void **state)
{
    (void)state;
    struct err err = {0};

    assert_false(err_set(&err, ERR_DATA, "table %s has %d rows", "t", 3));
    assert_int_equal(err.kind, ERR_DATA);
    assert_string_equal(err.msg, "table t has 3 rows");
}

static void wrap_keeps_kind_and_cause(void **state)
{
    (void)state;
    struct err err = {0};

    (void)err_set(&err, ERR_AUTH, "permission denied");
    assert_false(err_wrap(&err, "reading table \"%s\"", "a"));
    assert_false(err_wrap(&err, "source"));
    assert_int_equal(err.kind, ERR_AUTH);
    assert_string_equal(err.msg, "source: reading table \"a\": permission denied");
}

static void set_errno_says_what_errno_means(void **state)
{
    (void)state;
    struct err err = {0};

    errno = ENOENT;
    assert_false(err_set_errno(&err, "cannot open %s", "x"));
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_string_equal(err.msg, "cannot open x: No such file or directory");
}

static void a_long_message_is_cut_and_terminated(void **state)
{
    (void)state;
    char big[ERR_MSG_MAX + 100];
    struct err err = {0};
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = '\0';

    (void)err_set(&err, ERR_DATA, "%s", big);
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
}

/* With n bytes of context the cause has to be there, whole or cut at the end. */
static void a_long_context_never_hides_the_cause(void **state)
{
    (void)state;
    char context[ERR_MSG_MAX + 10];

    for (size_t n = ERR_MSG_MAX - 10; n < sizeof context - 1; n++) {
        struct err err = {0};
        memset(context, 'c', n);
        context[n] = '\0';

        (void)err_set(&err, ERR_DATA, "why");
        (void)err_wrap(&err, "%s", context);
        assert_true(strlen(err.msg) < ERR_MSG_MAX);
        if (n + 2 >= ERR_MSG_MAX) {
            assert_string_equal(err.msg, "why");
        } else {
            assert_memory_equal(err.msg + n, ": why", strlen(err.msg) - n);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_fills_kind_and_text),
        cmocka_unit_test(wrap_keeps_kind_and_cause),
        cmocka_unit_test(set_errno_says_what_errno_means),
        cmocka_unit_test(a_long_message_is_cut_and_terminated),
        cmocka_unit_test(a_long_context_never_hides_the_cause),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
