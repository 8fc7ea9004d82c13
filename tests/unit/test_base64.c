/* base64: one value, one spelling. */
#include "unit.h"

#include "aws/base64.h"

#include <string.h>

struct base64_row {
    const char *text;
    const char *bytes;
    size_t len;
};

static const struct base64_row rows[] = {
    {"",         "",                 0}, /* the first seven: RFC 4648, section 10 */
    {"Zg==",     "f",                1},
    {"Zm8=",     "fo",               2},
    {"Zm9v",     "foo",              3},
    {"Zm9vYg==", "foob",             4},
    {"Zm9vYmE=", "fooba",            5},
    {"Zm9vYmFy", "foobar",           6},
    {"AAD/+/8=", "\0\0\xff\xfb\xff", 5},
};

static void both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct secret decoded = {0};
        struct err err = {0};
        char text[16];
        assert_true(base64_decode(rows[i].text, strlen(rows[i].text), &decoded, &err));
        assert_int_equal(decoded.len, rows[i].len);
        assert_memory_equal(secret_reveal(&decoded), rows[i].bytes, rows[i].len);
        assert_true(base64_encode(rows[i].bytes, rows[i].len, text, sizeof text));
        assert_string_equal(text, rows[i].text);
        secret_free(&decoded);
    }
}

static void what_is_not_base64_is_refused(void **state)
{
    static const char *const texts[] = {
        "Z",     "Zg",   "Zg=",  "Zm9",  "Zg==Zg==", "Z===", "====",  "Zh==",       "Zm9=",
        "Zm9\n", "Zm 9", "Zm9-", "Zm9_", "=Zm9",     "Zg=v", "Zm9v=", "Zm9vZg==\n",
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct secret decoded = {0};
        struct err err = {0};
        assert_true(secret_set(&decoded, "before", &err));
        assert_false(base64_decode(texts[i], strlen(texts[i]), &decoded, &err));
        assert_int_equal(err.kind, ERR_DATA);
        assert_string_equal(secret_reveal(&decoded), "before");
        secret_free(&decoded);
    }
}

static void a_zero_byte_is_no_digit(void **state)
{
    struct secret decoded = {0};
    struct err err = {0};
    (void)state;

    assert_false(base64_decode("Zm9\0", 4, &decoded, &err));
    assert_int_equal(err.kind, ERR_DATA);
}

/* Longer than what is decoded at a time, in all three remainders. */
static void long_values_survive(void **state)
{
    static unsigned char bytes[10000];
    static char text[20000];
    (void)state;

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 7 + i / 256);
    }
    for (size_t len = sizeof bytes - 3; len < sizeof bytes; len++) {
        struct secret decoded = {0};
        struct err err = {0};
        assert_true(base64_encode(bytes, len, text, sizeof text));
        assert_true(base64_decode(text, strlen(text), &decoded, &err));
        assert_int_equal(decoded.len, len);
        assert_memory_equal(secret_reveal(&decoded), bytes, len);
        secret_free(&decoded);
    }
}

static void room_is_looked_at(void **state)
{
    char text[9];
    (void)state;

    assert_true(base64_encode("foobar", 6, text, 9));
    assert_false(base64_encode("foobar", 6, text, 8));
    assert_false(base64_encode("foobarb", 7, text, 9));
    assert_true(base64_encode("", 0, text, 1));
    assert_false(base64_encode("", 0, text, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(what_is_not_base64_is_refused),
        cmocka_unit_test(a_zero_byte_is_no_digit),
        cmocka_unit_test(long_values_survive),
        cmocka_unit_test(room_is_looked_at),
    };
    return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
