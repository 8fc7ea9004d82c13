/* uri: what is encoded and how, and that decoding takes it back. */
#include "unit.h"

#include "aws/uri.h"
#include "base/rng.h"

#include <string.h>

struct uri_case {
    const char *name;
    const char *in;
    enum uri_slash slash;
    const char *want;
};

static struct uri_case encode_cases[] = {
    {"nothing",                "",                URI_ENCODE_SLASH, ""                  },
    {"unreserved characters",  "AZaz09-._~",      URI_ENCODE_SLASH, "AZaz09-._~"        },
    {"a slash stays",          "/a/b",            URI_KEEP_SLASH,   "/a/b"              },
    {"a slash is encoded",     "/a/b",            URI_ENCODE_SLASH, "%2Fa%2Fb"          },
    {"a blank is no plus",     "a b",             URI_ENCODE_SLASH, "a%20b"             },
    {"a plus and an asterisk", "+*",              URI_ENCODE_SLASH, "%2B%2A"            },
    {"what is encoded",        "%20",             URI_KEEP_SLASH,   "%2520"             },
    {"UTF-8 byte by byte",     "\xE1\x88\xB4",    URI_ENCODE_SLASH, "%E1%88%B4"         },
    {"not UTF-8",              "\xFF\x80",        URI_ENCODE_SLASH, "%FF%80"            },
    {"control characters",     "\x01\n\x7F",      URI_ENCODE_SLASH, "%01%0A%7F"         },
    {"neighbours of ranges",   "@[`{:^",          URI_ENCODE_SLASH, "%40%5B%60%7B%3A%5E"},
    {"all that URLs reserve",  "!#$&'()*,;=?@[]", URI_KEEP_SLASH,
     "%21%23%24%26%27%28%29%2A%2C%3B%3D%3F%40%5B%5D"                                    },
};

static struct uri_case decode_cases[] = {
    {"nothing encoded",         "a/b~",            URI_KEEP_SLASH, "a/b~"           },
    {"both cases of digits",    "%e1%88%B4",       URI_KEEP_SLASH, "\xE1\x88\xB4"   },
    {"a plus is a plus",        "a+b",             URI_KEEP_SLASH, "a+b"            },
    {"once only",               "%2520",           URI_KEEP_SLASH, "%20"            },
    {"a percent sign alone",    "%",               URI_KEEP_SLASH, "%"              },
    {"one digit",               "%4",              URI_KEEP_SLASH, "%4"             },
    {"one digit and a letter",  "%4g",             URI_KEEP_SLASH, "%4g"            },
    {"a letter and a digit",    "%g4",             URI_KEEP_SLASH, "%g4"            },
    {"a percent sign in front", "%%41",            URI_KEEP_SLASH, "%A"             },
    {"digits behind",           "%411",            URI_KEEP_SLASH, "A1"             },
    {"at the very end",         "x%41",            URI_KEEP_SLASH, "xA"             },
    {"neighbours of digits",    "%4:%4@%4`%4G%4/", URI_KEEP_SLASH, "%4:%4@%4`%4G%4/"},
};

static void check_encode(void **state)
{
    const struct uri_case *c = *state;
    struct buf out;

    buf_init(&out, 1000);
    buf_puts(&out, ">");
    uri_encode(&out, c->in, strlen(c->in), c->slash);
    assert_string_equal(buf_str(&out) + 1, c->want);
    buf_free(&out);
}

static void check_decode(void **state)
{
    const struct uri_case *c = *state;
    struct buf out;

    buf_init(&out, 1000);
    buf_puts(&out, ">");
    uri_decode(&out, c->in, strlen(c->in));
    assert_string_equal(buf_str(&out) + 1, c->want);
    buf_free(&out);
}

/* A length is a length: digits behind it are not read, and zero bytes count. */
static void lengths_are_kept(void **state)
{
    struct buf out;

    buf_init(&out, 1000);
    uri_decode(&out, "a%41", 3);
    assert_string_equal(buf_str(&out), "a%4");
    buf_clear(&out);
    uri_decode(&out, "%00x", 4);
    assert_int_equal(out.len, 2);
    assert_memory_equal(out.data, "\0x", 2);
    buf_clear(&out);
    uri_encode(&out, "\0x/y", 3, URI_KEEP_SLASH);
    assert_string_equal(buf_str(&out), "%00x/");
    buf_free(&out);
    (void)state;
}

static void decoding_takes_encoding_back(void **state)
{
    struct rng rng;

    rng_seed(&rng, 11);
    for (unsigned turn = 0; turn < 2000; turn++) {
        char bytes[40];
        size_t len = (size_t)rng_between(&rng, 0, sizeof(bytes));
        struct buf coded;
        struct buf back;
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (char)rng_between(&rng, 0, 255);
        }
        buf_init(&coded, 1000);
        buf_init(&back, 1000);
        uri_encode(&coded, bytes, len, turn % 2 == 0 ? URI_KEEP_SLASH : URI_ENCODE_SLASH);
        uri_decode(&back, buf_str(&coded), coded.len);
        assert_int_equal(back.len, len);
        assert_memory_equal(buf_str(&back), bytes, len);
        buf_free(&coded);
        buf_free(&back);
    }
    (void)state;
}

static size_t add_cases(struct CMUnitTest *tests, size_t count, struct uri_case *cases, size_t rows,
                        CMUnitTestFunction check)
{
    for (size_t i = 0; i < rows; i++) {
        tests[count++] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = check, .initial_state = &cases[i]};
    }
    return count;
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(encode_cases) + ARRAY_LEN(decode_cases) + 2];
    size_t count = add_cases(tests, 0, encode_cases, ARRAY_LEN(encode_cases), check_encode);

    count = add_cases(tests, count, decode_cases, ARRAY_LEN(decode_cases), check_decode);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(lengths_are_kept);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(decoding_takes_encoding_back);
    return cmocka_run_group_tests_name("uri", tests, NULL, NULL);
}
