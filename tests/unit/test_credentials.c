/* credentials: what a key may look like, copies of their own, and errors that show no value. */
#include "unit.h"

#include "aws/credentials.h"

#include <string.h>

#define KEY_ID "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

static char long_text[20000];
#define XS(n) (long_text + sizeof(long_text) - 1 - (n)) /* so many x */

struct set_case {
    const char *name;
    const char *key_id;
    const char *secret;
    const char *token;
    const char *want_msg; /* NULL: accepted */
};

static struct set_case set_cases[] = {
    {"long-term keys",            KEY_ID,      SECRET,         NULL,        NULL                                 },
    {"an empty token is none",    KEY_ID,      SECRET,         "",          NULL                                 },
    {"a session",                 KEY_ID,      SECRET,         "AQoD//+==", NULL                                 },
    {"no key id",                 NULL,        SECRET,         NULL,        "key id is missing"                  },
    {"an empty key id",           "",          SECRET,         NULL,        "key id is missing"                  },
    {"no secret",                 KEY_ID,      NULL,           NULL,        "secret access key is missing"       },
    {"an empty secret",           KEY_ID,      "",             NULL,        "secret access key is missing"       },
    {"a line end after the id",   KEY_ID "\n", SECRET,         NULL,        "access key id has a blank"          },
    {"a blank in the secret",     KEY_ID,      "wJal rXUt",    NULL,        "secret access key has a blank"      },
    {"a return after the secret", KEY_ID,      SECRET "\r",    NULL,        "secret access key has a blank"      },
    {"DEL in the secret",         KEY_ID,      "wJal\x7F",     NULL,        "secret access key has a blank"      },
    {"a no-break space",          KEY_ID,      "wJal\xC2\xA0", NULL,        "secret access key has a blank"      },
    {"a tab in the token",        KEY_ID,      SECRET,         "AQ\toD",    "session token has a blank"          },
    {"too long an id",            XS(132),     SECRET,         NULL,        "access key id has more than 131"    },
    {"too long a secret",         KEY_ID,      XS(257),        NULL,        "secret access key has more than 256"},
    {"too long a token",          KEY_ID,      SECRET,         long_text,   "session token has more than 16384"  },
    {"the longest",               XS(131),     XS(256),        XS(16384),   NULL                                 },
};

static struct aws_credentials filled(void)
{
    struct aws_credentials c = {
        .expires_s = 77, .account_id = "123456789012", .identity = "a test"};
    struct err err = {0};

    assert_true(aws_credentials_set(&c, "here", "OLDKEYID", "oldsecret", "oldtoken", &err));
    return c;
}

static void check_secret(const struct secret *s, const char *want)
{
    assert_string_equal(secret_reveal(s), want == NULL ? "" : want);
    assert_int_equal(s->len, want == NULL ? 0 : strlen(want));
}

static void check_set(void **state)
{
    const struct set_case *c = *state;
    struct aws_credentials got = filled();
    struct err err = {0};
    bool ok = aws_credentials_set(&got, "the profile x", c->key_id, c->secret, c->token, &err);

    assert_int_equal(ok, c->want_msg == NULL);
    assert_string_equal(got.access_key_id, ok ? c->key_id : "OLDKEYID");
    check_secret(&got.secret_access_key, ok ? c->secret : "oldsecret");
    check_secret(&got.session_token, ok ? c->token : "oldtoken");
    assert_int_equal(got.expires_s, 77);
    assert_string_equal(got.identity, "a test");
    if (!ok) {
        assert_int_equal(err.kind, ERR_USAGE);
        assert_non_null(strstr(err.msg, c->want_msg));
        assert_memory_equal(err.msg, "the profile x: ", 15);
        assert_null(strstr(err.msg, "wJal"));
        assert_null(strstr(err.msg, "AKID"));
        assert_null(strstr(err.msg, "AQ"));
        assert_null(strstr(err.msg, "xxx"));
    }
    aws_credentials_free(&got);
}

static void a_copy_has_its_own_memory(void **state)
{
    struct aws_credentials from = filled();
    struct aws_credentials to = filled();
    struct err err = {0};

    assert_true(aws_credentials_set(&from, "here", KEY_ID, SECRET, "AQoD", &err));
    assert_true(aws_credentials_copy(&from, &to, &err));
    assert_ptr_not_equal(from.secret_access_key.bytes, to.secret_access_key.bytes);
    aws_credentials_free(&from);
    assert_string_equal(to.access_key_id, KEY_ID);
    check_secret(&to.secret_access_key, SECRET);
    check_secret(&to.session_token, "AQoD");
    assert_int_equal(to.expires_s, 77);
    assert_string_equal(to.account_id, "123456789012");
    assert_string_equal(to.identity, "a test");
    assert_true(aws_credentials_copy(&to, &to, &err));
    check_secret(&to.secret_access_key, SECRET);
    aws_credentials_free(&to);
    (void)state;
}

static void freeing_wipes_and_may_be_repeated(void **state)
{
    static const struct aws_credentials nothing;
    struct aws_credentials c = filled();

    aws_credentials_free(&c);
    assert_memory_equal(&c, &nothing, sizeof(c));
    aws_credentials_free(&c);
    aws_credentials_free(NULL);
    (void)state;
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(set_cases) + 2];
    size_t count = 0;

    memset(long_text, 'x', sizeof(long_text) - 1);
    for (; count < ARRAY_LEN(set_cases); count++) {
        tests[count] = (struct CMUnitTest){.name = set_cases[count].name,
                                           .test_func = check_set,
                                           .initial_state = &set_cases[count]};
    }
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_copy_has_its_own_memory);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(freeing_wipes_and_may_be_repeated);
    return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
