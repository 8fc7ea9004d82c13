/* The JSON in which containers and instances answer. */
#include "unit.h"

#include "aws/credentials_json.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS    "\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"hidden\""
#define EXPIRES 1440959760 /* 2015-08-30T18:36:00Z */

/* Exactly len bytes, so that ASan sees one byte too many. */
static bool read_bytes(const char *bytes, size_t len, struct aws_credentials *out, struct err *err)
{
    char *exact = malloc(len + (len == 0));

    assert_non_null(exact);
    memcpy(exact, bytes, len);
    bool ok = credentials_json_read("the tester", exact, len, out, err);
    free(exact);
    return ok;
}

static void everything(void **state)
{
    static const char text[] = "{" KEYS ",\"Token\":\"t\",\"Expiration\":\"2015-08-30T18:36:00Z\","
                               "\"AccountId\":\"123456789012\",\"Code\":\"Success\",\"More\":[1]}";
    CLEANUP(aws_credentials_free) struct aws_credentials got = {0};
    struct err err = {0};

    assert_true(read_bytes(text, strlen(text), &got, &err));
    assert_string_equal(got.access_key_id, "ASIA1");
    assert_string_equal(secret_reveal(&got.secret_access_key), "hidden");
    assert_string_equal(secret_reveal(&got.session_token), "t");
    assert_string_equal(got.account_id, "123456789012");
    assert_int_equal(got.expires_s, EXPIRES);
    (void)state;
}

static void the_least(void **state)
{
    static const char text[] = "{" KEYS ",\"Token\":null}";
    CLEANUP(aws_credentials_free) struct aws_credentials got = {.expires_s = 5, .account_id = "1"};
    struct err err = {0};

    assert_true(read_bytes(text, strlen(text), &got, &err));
    assert_false(secret_is_set(&got.session_token));
    assert_string_equal(got.account_id, "");
    assert_int_equal(got.expires_s, 0);
    (void)state;
}

struct bad_row {
    const char *text;
    enum err_kind kind;
    const char *part;
};

static void what_is_no_answer(void **state)
{
    static const struct bad_row rows[] = {
        {"",                                                               ERR_TRANSIENT, "not a JSON document"},
        {"[]",                                                             ERR_TRANSIENT, "not an object"      },
        {"{" KEYS,                                                         ERR_TRANSIENT, "not a JSON document"},
        {"{" KEYS "} x",                                                   ERR_TRANSIENT, "not a JSON document"},
        {"{" KEYS ",\"AccessKeyId\":\"x\"}",                               ERR_TRANSIENT, "not a JSON document"},
        {"{\"SecretAccessKey\":\"hidden\"}",                               ERR_TRANSIENT, "access key id"      },
        {"{\"AccessKeyId\":\"ASIA1\"}",                                    ERR_TRANSIENT, "secret access key"  },
        {"{\"AccessKeyId\":\"\",\"SecretAccessKey\":\"x\"}",               ERR_TRANSIENT, "access key id"      },
        {"{\"AccessKeyId\":1,\"SecretAccessKey\":\"x\"}",                  ERR_TRANSIENT, "AccessKeyId"        },
        {"{\"AccessKeyId\":\"a\",\"SecretAccessKey\":[]}",                 ERR_TRANSIENT, "SecretAccessKey"    },
        {"{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"hidden\\u0000x\"}", ERR_TRANSIENT,
         "SecretAccessKey"                                                                                     },
        {"{\"AccessKeyId\":\"a b\",\"SecretAccessKey\":\"x\"}",            ERR_TRANSIENT, "access key id"      },
        {"{" KEYS ",\"Token\":\"hidden\\nX: 1\"}",                         ERR_TRANSIENT, "session token"      },
        {"{" KEYS ",\"Expiration\":\"soon\"}",                             ERR_TRANSIENT, "\"Expiration\""     },
        {"{" KEYS ",\"Expiration\":1440959760}",                           ERR_TRANSIENT, "\"Expiration\""     },
        {"{" KEYS ",\"AccountId\":\"12345678901234567\"}",                 ERR_TRANSIENT, "\"AccountId\""      },
        {"{" KEYS ",\"Code\":\"Failed\",\"Message\":\"why\"}",             ERR_AUTH,      "Failed: why"        },
        {"{\"Code\":\"Failed\"}",                                          ERR_AUTH,      "Failed"             },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct aws_credentials got = {.expires_s = 5, .account_id = "1"};
        const struct aws_credentials before = got;
        struct err err = {0};
        assert_false(read_bytes(rows[i].text, strlen(rows[i].text), &got, &err));
        assert_int_equal(err.kind, rows[i].kind);
        if (strstr(err.msg, rows[i].part) == NULL || strstr(err.msg, "the tester") == NULL ||
            strstr(err.msg, "hidden") != NULL) {
            fail_msg("row %zu: %s", i, err.msg);
        }
        assert_memory_equal(&got, &before, sizeof(got));
    }
    (void)state;
}

static void larger_than_any_answer(void **state)
{
    size_t len = CREDENTIALS_JSON_MAX;
    CLEANUP_FREE char *text = malloc(len + 1);
    CLEANUP(aws_credentials_free) struct aws_credentials got = {0};
    struct err err = {0};

    assert_non_null(text);
    memset(text, ' ', len + 1);
    int written = snprintf(text, len, "{" KEYS "}");
    text[written] = ' ';
    assert_true(read_bytes(text, len, &got, &err));
    assert_false(read_bytes(text, len + 1, &got, &err));
    assert_int_equal(err.kind, ERR_TRANSIENT);
    (void)state;
}

struct error_row {
    const char *text;
    const char *said;
};

static void what_a_refusal_says(void **state)
{
    static const struct error_row rows[] = {
        {"{\"code\":\"C\",\"message\":\"m\"}", "C: m" },
        {"{\"Code\":\"C\",\"Message\":\"m\"}", "C: m" },
        {"{\"code\":\"C\"}",                   "C"    },
        {"{\"message\":\"m\"}",                "m"    },
        {"{\"message\":\"a\\r\\n\\u0007b\"}",  "a   b"},
        {"{\"message\":5}",                    ""     },
        {"{}",                                 ""     },
        {"<html>",                             ""     },
        {"",                                   ""     },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char said[CREDENTIALS_JSON_ERROR_MAX] = "?";
        credentials_json_error(rows[i].text, strlen(rows[i].text), said);
        assert_string_equal(said, rows[i].said);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything),          cmocka_unit_test(the_least),
        cmocka_unit_test(what_is_no_answer),   cmocka_unit_test(larger_than_any_answer),
        cmocka_unit_test(what_a_refusal_says),
    };

    return cmocka_run_group_tests_name("credentials_json", tests, NULL, NULL);
}
