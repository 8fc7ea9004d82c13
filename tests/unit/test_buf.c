/* buf: growth, the cap, and what is left after a failure. */
#include "unit.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

static void grows_and_stays_terminated(void **state)
{
    (void)state;
    struct buf b;
    struct err err = {0};
    buf_init(&b, 1u << 20);

    for (int i = 0; i < 10000; i++) {
        buf_printf(&b, "%d,", i % 10);
    }
    assert_true(buf_ok(&b, &err));
    assert_int_equal(b.len, 20000);
    assert_int_equal(strlen(buf_str(&b)), 20000);
    assert_memory_equal(b.data + 19998, "9,", 3);
    buf_free(&b);
}

static void keeps_zero_bytes(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);

    buf_add(&b, "a\0b", 3);
    buf_puts(&b, "c");
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data, "a\0bc", 5);
    buf_free(&b);
}

/* The cap counts bytes without the NUL, and is the same for each way to append. */
static void add_at(struct buf *b, size_t len)
{
    char text[] = "0123456789";
    buf_add(b, text, len);
}
static void puts_at(struct buf *b, size_t len)
{
    const char *text = "0123456789";
    buf_puts(b, text + 10 - len);
}
static void printf_at(struct buf *b, size_t len)
{
    buf_printf(b, "%.*s", (int)len, "0123456789");
}

static void takes_what_fits_and_no_more(void **state)
{
    (void)state;
    void (*const appends[])(struct buf *, size_t) = {add_at, puts_at, printf_at};

    for (size_t i = 0; i < ARRAY_LEN(appends); i++) {
        struct buf b;
        struct err err = {0};
        buf_init(&b, 9);
        buf_puts(&b, "abc");
        appends[i](&b, 6);
        assert_true(buf_ok(&b, &err));
        assert_int_equal(b.len, 9);

        appends[i](&b, 1);
        assert_false(buf_ok(&b, &err));
        assert_int_equal(err.kind, ERR_SYSTEM);
        assert_int_equal(b.len, 0);
        assert_string_equal(buf_str(&b), "");

        buf_puts(&b, "x"); /* ignored: half a statement must not look like a whole one */
        assert_string_equal(buf_str(&b), "");
        assert_null(buf_take(&b));
        buf_free(&b);
    }
}

static void clear_forgets_a_failure(void **state)
{
    (void)state;
    struct buf b;
    struct err err = {0};
    buf_init(&b, 4);

    buf_puts(&b, "too long");
    assert_false(buf_ok(&b, &err));
    buf_clear(&b);
    buf_puts(&b, "fits");
    assert_true(buf_ok(&b, &err));
    assert_string_equal(buf_str(&b), "fits");
    buf_clear(&b);
    assert_string_equal(buf_str(&b), "");
    assert_int_equal(b.len, 0);
    buf_free(&b);
}

static void take_hands_the_text_over(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);

    char *empty = buf_take(&b);
    assert_non_null(empty);
    assert_string_equal(empty, "");
    buf_puts(&b, "text");
    char *text = buf_take(&b);
    assert_string_equal(text, "text");
    assert_string_equal(buf_str(&b), "");
    buf_puts(&b, "another"); /* usable still, with the same cap */
    assert_string_equal(text, "text");
    free(empty);
    free(text);
    buf_free(&b);
    buf_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_stays_terminated),  cmocka_unit_test(keeps_zero_bytes),
        cmocka_unit_test(takes_what_fits_and_no_more), cmocka_unit_test(clear_forgets_a_failure),
        cmocka_unit_test(take_hands_the_text_over),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
