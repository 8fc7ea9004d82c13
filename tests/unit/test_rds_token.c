/* rds_token: the text of a token, what its signature covers, and what gets none. */
#include "unit.h"

#include "aws/rds_token.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define HOST  "mydb.cluster-abc123.us-east-1.rds.amazonaws.com"
#define NOW_S INT64_C(1440938160) /* 2015-08-30T12:36:00Z */
#define REST                                                                               \
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1" \
    "%2Frds-db%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=900"               \
    "&X-Amz-SignedHeaders=host"

static const struct rds_token_params usual = {
    .host = HOST, .port = 5432, .region = "us-east-1", .user = "iam_user", .now_s = NOW_S};

static struct aws_credentials some_keys(const char *session_token)
{
    struct aws_credentials keys = {.identity = "profile dev"};
    struct err err = {0};

    assert_true(aws_credentials_set(&keys, "a test", "AKIDEXAMPLE",
                                    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", session_token,
                                    &err));
    return keys;
}

static struct secret make(const struct rds_token_params *params, const char *session_token)
{
    struct aws_credentials keys = some_keys(session_token);
    struct secret token = {0};
    struct err err = {0};

    assert_true(secret_set(&token, "an old token", &err));
    if (!rds_token_make(&keys, params, &token, &err)) {
        fail_msg("%s", err.msg);
    }
    aws_credentials_free(&keys);
    return token;
}

static const char *signature(const struct secret *token)
{
    const char *at = strstr(secret_reveal(token), "&X-Amz-Signature=");

    assert_non_null(at);
    at = strchr(at, '=') + 1;
    assert_int_equal(strlen(at), 64);
    return at;
}

/* The signature is what seven other programs make of the same login. */
static void a_token_equals_those_of_others(void **state)
{
    struct secret token = make(&usual, NULL);

    assert_string_equal(secret_reveal(&token),
                        HOST ":5432/?Action=connect&DBUser=iam_user&" REST "&X-Amz-Signature="
                             "8e66f5db38b6afca31a6d65174eb2d3c9606db062a324b7d7bacbe7f9e188821");
    secret_free(&token);
    (void)state;
}

static void a_session_token_is_signed_too(void **state)
{
    struct secret with = make(&usual, "AQoD/+=");
    struct secret without = make(&usual, NULL);

    assert_non_null(strstr(secret_reveal(&with),
                           "/?Action=connect&DBUser=iam_user&" REST
                           "&X-Amz-Security-Token=AQoD%2F%2B%3D&X-Amz-Signature="));
    assert_string_not_equal(signature(&with), signature(&without));
    secret_free(&with);
    secret_free(&without);
    (void)state;
}

/* Host names are the same in any case; what goes over the wire is what was given. */
static void the_case_of_a_host_is_kept_and_not_signed(void **state)
{
    struct rds_token_params params = usual;
    struct secret lower = make(&params, NULL);

    params.host = "MyDB.Cluster-ABC123.us-east-1.RDS.amazonaws.com";
    struct secret mixed = make(&params, NULL);
    assert_memory_equal(secret_reveal(&mixed), "MyDB.Cluster-ABC123", 19);
    assert_string_equal(signature(&mixed), signature(&lower));
    secret_free(&lower);
    secret_free(&mixed);
    (void)state;
}

/* As in a URL's Host header, whose port is left out when the scheme has it; others do so too. */
static void the_port_of_https_is_not_signed(void **state)
{
    struct rds_token_params params = usual;

    params.port = 443;
    struct secret token = make(&params, NULL);
    assert_memory_equal(secret_reveal(&token), HOST ":443/?", strlen(HOST ":443/?"));
    assert_string_equal(signature(&token),
                        "3cdbce64ae52e3a44870d4c293e44ed6cb53fe4c071ec9b06c6c8140d793c198");
    secret_free(&token);
    (void)state;
}

static void a_user_is_encoded(void **state)
{
    struct rds_token_params params = usual;

    params.user = "j\xC3\xA4nner @/+%&=~*";
    struct secret token = make(&params, NULL);
    assert_non_null(strstr(secret_reveal(&token),
                           "&DBUser=j%C3%A4nner%20%40%2F%2B%25%26%3D~%2A&X-Amz-Algorithm="));
    secret_free(&token);
    (void)state;
}

/* Each of them changes the signature: a token for one login is none for another. */
static void everything_is_signed(void **state)
{
    struct rds_token_params rows[7] = {usual, usual, usual, usual, usual, usual, usual};
    struct secret tokens[ARRAY_LEN(rows)];

    rows[1].host = "mydc.cluster-abc123.us-east-1.rds.amazonaws.com";
    rows[2].port = 5433;
    rows[3].region = "us-east-2";
    rows[4].user = "iam_uses";
    rows[5].now_s++;
    rows[6].port = 443;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        tokens[i] = make(&rows[i], NULL);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(signature(&tokens[i]), signature(&tokens[k]));
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        secret_free(&tokens[i]);
    }
    (void)state;
}

enum field { FIELD_HOST, FIELD_REGION, FIELD_USER };

struct text_case {
    const char *name;
    const char *text; /* NULL: missing */
    enum field field;
    bool want;
};

static char long_text[256 + 1]; /* of x */
#define XS(n) (long_text + sizeof(long_text) - 1 - (n))

static struct text_case text_cases[] = {
    {"an address",                 "10.0.0.1",         FIELD_HOST,   true },
    {"an IPv6 address",            "[fd00::1:AB]",     FIELD_HOST,   true },
    {"a name with an underscore",  "my_db",            FIELD_HOST,   true },
    {"a dot at the end",           "db.example.",      FIELD_HOST,   true },
    {"the longest host",           XS(255),            FIELD_HOST,   true },
    {"too long a host",            XS(256),            FIELD_HOST,   false},
    {"no host",                    NULL,               FIELD_HOST,   false},
    {"an empty host",              "",                 FIELD_HOST,   false},
    {"a port in the host",         "db.example:5432",  FIELD_HOST,   false},
    {"IPv6 without brackets",      "::1",              FIELD_HOST,   false},
    {"empty brackets",             "[]",               FIELD_HOST,   false},
    {"an open bracket",            "[::1",             FIELD_HOST,   false},
    {"something behind brackets",  "[::1].x]",         FIELD_HOST,   false},
    {"a URL",                      "https://db",       FIELD_HOST,   false},
    {"a question mark in a host",  "db?x",             FIELD_HOST,   false},
    {"a blank in a host",          "db example",       FIELD_HOST,   false},
    {"a line end in a host",       "db\n",             FIELD_HOST,   false},
    {"not ASCII in a host",        "h\xC3\xB6st",      FIELD_HOST,   false},
    {"a socket directory",         "/run/postgresql",  FIELD_HOST,   false},
    {"China",                      "cn-northwest-1",   FIELD_REGION, true },
    {"GovCloud",                   "us-gov-west-1",    FIELD_REGION, true },
    {"no Region",                  NULL,               FIELD_REGION, false},
    {"an empty Region",            "",                 FIELD_REGION, false},
    {"a slash in a Region",        "us-east-1/x",      FIELD_REGION, false},
    {"a Region in capitals",       "US-EAST-1",        FIELD_REGION, false},
    {"a letter",                   "u",                FIELD_USER,   true },
    {"the longest user",           XS(255),            FIELD_USER,   true },
    {"too long a user",            XS(256),            FIELD_USER,   false},
    {"no user",                    NULL,               FIELD_USER,   false},
    {"an empty user",              "",                 FIELD_USER,   false},
    {"a line end behind the user", "u\n",              FIELD_USER,   false},
    {"a tab in the user",          "u\tv",             FIELD_USER,   false},
    {"DEL in the user",            "u\x7F",            FIELD_USER,   false},
    {"two bytes, the first",       "\xC2\x80",         FIELD_USER,   true },
    {"two bytes too many",         "\xC1\xBF",         FIELD_USER,   false},
    {"three bytes, the first",     "\xE0\xA0\x80",     FIELD_USER,   true },
    {"three bytes too many",       "\xE0\x9F\xBF",     FIELD_USER,   false},
    {"before the surrogates",      "\xED\x9F\xBF",     FIELD_USER,   true },
    {"a surrogate",                "\xED\xA0\x80",     FIELD_USER,   false},
    {"four bytes, the first",      "\xF0\x90\x80\x80", FIELD_USER,   true },
    {"four bytes too many",        "\xF0\x8F\xBF\xBF", FIELD_USER,   false},
    {"the last character",         "\xF4\x8F\xBF\xBF", FIELD_USER,   true },
    {"past the last",              "\xF4\x90\x80\x80", FIELD_USER,   false},
    {"no first byte",              "\xF5\x80\x80\x80", FIELD_USER,   false},
    {"Latin-1",                    "j\xE4nner",        FIELD_USER,   false},
    {"a continuation alone",       "\x80",             FIELD_USER,   false},
    {"cut short",                  "u\xE4\xB8",        FIELD_USER,   false},
    {"cut short by a letter",      "\xF0\x90\x80z",    FIELD_USER,   false},
};

static void check_text(void **state)
{
    const struct text_case *c = *state;
    static const char *const named[] = {"host", "Region", "user"};
    struct aws_credentials keys = some_keys(NULL);
    struct rds_token_params params = usual;
    struct secret token = {0};
    struct err err = {0};

    params.host = c->field == FIELD_HOST ? c->text : params.host;
    params.region = c->field == FIELD_REGION ? c->text : params.region;
    params.user = c->field == FIELD_USER ? c->text : params.user;
    assert_int_equal(rds_token_make(&keys, &params, &token, &err), c->want);
    assert_int_equal(secret_is_set(&token), c->want);
    if (!c->want) {
        assert_int_equal(err.kind, ERR_USAGE);
        assert_non_null(strstr(err.msg, named[c->field]));
    }
    secret_free(&token);
    aws_credentials_free(&keys);
}

static void a_port_is_needed(void **state)
{
    struct aws_credentials keys = some_keys(NULL);
    struct rds_token_params params = usual;
    struct secret token = {0};
    struct err err = {0};

    params.port = 0;
    assert_false(rds_token_make(&keys, &params, &token, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.msg, "port"));
    aws_credentials_free(&keys);
    (void)state;
}

static void expired_credentials_sign_nothing(void **state)
{
    struct aws_credentials keys = some_keys("AQoD");
    struct secret token = {0};
    struct err err = {0};

    keys.expires_s = NOW_S + 1;
    assert_true(rds_token_make(&keys, &usual, &token, &err));
    struct secret before = token;
    keys.expires_s = NOW_S;
    assert_false(rds_token_make(&keys, &usual, &token, &err));
    assert_int_equal(err.kind, ERR_AUTH);
    assert_non_null(strstr(err.msg, "profile dev"));
    assert_null(strstr(err.msg, "AQoD"));
    assert_memory_equal(&token, &before, sizeof(token));
    secret_free(&token);
    aws_credentials_free(&keys);
    (void)state;
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(text_cases) + 8];
    size_t count = 0;

    memset(long_text, 'x', sizeof(long_text) - 1);
    for (; count < ARRAY_LEN(text_cases); count++) {
        tests[count] = (struct CMUnitTest){.name = text_cases[count].name,
                                           .test_func = check_text,
                                           .initial_state = &text_cases[count]};
    }
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_token_equals_those_of_others);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_session_token_is_signed_too);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(the_case_of_a_host_is_kept_and_not_signed);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(the_port_of_https_is_not_signed);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_user_is_encoded);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(everything_is_signed);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_port_is_needed);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(expired_credentials_sign_nothing);
    return cmocka_run_group_tests_name("rds_token", tests, NULL, NULL);
}
