/* A container's credentials: which agent may be asked, with which token, and what it answers. */
#include "aws_fixture.h"

#include "aws/credentials_container.h"
#include "base/cleanup.h"

#define URI_VECTORS    "tests/vectors/aws-config/ecs-tests.json"
#define LAMBDA_VECTORS "tests/vectors/aws-config/recursion-detection.json"
#define RELATIVE       "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL           "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN          "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE     "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
#define BODY                                                                \
    "{\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"s\",\"Token\":\"t\"," \
    "\"Expiration\":\"2015-08-30T18:36:00Z\",\"AccountId\":\"123456789012\"}"

static void set_variables(struct aws_world *w, json_t *env)
{
    const char *name;
    json_t *text;

    json_object_foreach(env, name, text)
    {
        fake_platform_variable(w->fake, name, json_string_value(text));
    }
}

/* ---- the vectors: which URL ---- */

/* What the vectors' errors are here; kind ERR_NONE: not configured. */
static const struct {
    const char *theirs;
    enum err_kind kind;
    const char *ours;
} errors[] = {
    {"No environment variables were set to configure ECS provider", ERR_NONE,  ""  },
    {"URI did not specify a host",                                  ERR_USAGE, FULL},
};

static void check_url_error(const char *theirs, bool ok, bool found, const struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        if (strcmp(errors[i].theirs, theirs) == 0) {
            assert_int_equal(ok ? ERR_NONE : err->kind, errors[i].kind);
            assert_non_null(strstr(err->msg, errors[i].ours));
            assert_false(found);
            return;
        }
    }
    fail_msg("an error that the table does not know: %s", theirs);
}

static void check_url_vector(void **state)
{
    json_t *result = json_object_get(*state, "result");
    char url[HTTP_URL_MAX] = "";
    bool found = false;
    struct aws_world w;

    world_begin(&w);
    set_variables(&w, json_object_get(*state, "env"));
    world_open(&w, NULL);
    bool ok = credentials_container_url(&w.session, url, &found, &w.err);
    if (vector_text(result, "Ok") != NULL) {
        assert_true(ok);
        assert_true(found);
        assert_string_equal(url, vector_text(result, "Ok"));
    } else {
        check_url_error(vector_text(result, "ErrorContains"), ok, found, &w.err);
    }
    world_end(&w);
}

struct url_row {
    const char *variable;
    const char *value;
    const char *error; /* NULL: allowed */
};

static void only_some_hosts_are_asked_in_clear(void **state)
{
    static const struct url_row rows[] = {
        {FULL,     "http://127.0.0.1:9/x",        NULL                    },
        {FULL,     "http://127.255.0.1/x",        NULL                    },
        {FULL,     "http://[::1]:80/x",           NULL                    },
        {FULL,     "http://[0:0:0:0:0:0:0:1]/x",  NULL                    },
        {FULL,     "http://[FD00:EC2:0:0::23]/",  NULL                    },
        {FULL,     "http://LOCALHOST/x",          NULL                    },
        {FULL,     "HTTP://169.254.170.23/x",     NULL                    },
        {FULL,     "https://10.0.0.1/x?y=1",      NULL                    },
        {FULL,     "http://10.0.0.1/x",           "may only be asked over"},
        {FULL,     "http://example.com/x",        "may only be asked over"},
        {FULL,     "http://169.254.170.2.evil/x", "may only be asked over"},
        {FULL,     "http://169.254.170.24/x",     "may only be asked over"},
        {FULL,     "http://169.254.169.254/x",    "may only be asked over"},
        {FULL,     "http://127.0.0.1.evil.com/",  "may only be asked over"},
        {FULL,     "http://localhost.evil.com/",  "may only be asked over"},
        {FULL,     "http://[fd00:ec2::24]/x",     "may only be asked over"},
        {FULL,     "http://[::2]/x",              "may only be asked over"},
        {FULL,     "http://u:p@localhost/x",      FULL                    },
        {FULL,     "ftp://localhost/x",           FULL                    },
        {FULL,     "localhost/x",                 FULL                    },
        {RELATIVE, "credentials",                 "begins with a slash"   },
        {RELATIVE, "@evil.com/",                  "begins with a slash"   },
        {RELATIVE, ":80@evil.com/",               "begins with a slash"   },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char url[HTTP_URL_MAX] = "";
        bool found = false;
        struct aws_world w;
        world_begin(&w);
        fake_platform_variable(w.fake, rows[i].variable, rows[i].value);
        world_open(&w, NULL);
        bool ok = credentials_container_url(&w.session, url, &found, &w.err);
        if (rows[i].error == NULL) {
            assert_true(ok && found);
            assert_string_equal(url, rows[i].value);
        } else {
            assert_failed(&w, ok, ERR_USAGE, rows[i].error);
        }
        world_end(&w);
    }
    (void)state;
}

static void long_relative_uri_is_refused(void **state)
{
    char uri[HTTP_URL_MAX];
    char url[HTTP_URL_MAX];
    bool found = false;
    struct aws_world w;

    memset(uri, 'a', sizeof(uri) - 1);
    uri[0] = '/';
    uri[sizeof(uri) - 1] = '\0';
    world_begin(&w);
    fake_platform_variable(w.fake, RELATIVE, uri);
    world_open(&w, NULL);
    assert_failed(&w, credentials_container_url(&w.session, url, &found, &w.err), ERR_USAGE,
                  RELATIVE);
    world_end(&w);
    (void)state;
}

/* ---- asking ---- */

static void begin_at(struct aws_world *w, const char *relative)
{
    world_begin(w);
    fake_platform_variable(w->fake, RELATIVE, relative);
}

static bool ask(struct aws_world *w)
{
    struct credentials_answer answer = {0};
    bool ok = credentials_container(&w->session, &w->got, &answer, &w->err);

    assert_true(!ok || answer.found);
    return ok;
}

static void expect(struct aws_world *w, const char *header, int status, const char *body)
{
    fake_platform_expect(w->fake, &(struct fake_reply){.method = "GET",
                                                       .url = "http://169.254.170.2/c",
                                                       .header = header,
                                                       .status = status,
                                                       .body = body});
}

static void agent_is_asked_for_the_credentials(void **state)
{
    struct aws_world w;

    begin_at(&w, "/c");
    world_open(&w, NULL);
    expect(&w, "!Authorization", 200, BODY);
    assert_got(&w, ask(&w), "ASIA1");
    assert_string_equal(secret_reveal(&w.got.secret_access_key), "s");
    assert_string_equal(secret_reveal(&w.got.session_token), "t");
    assert_string_equal(w.got.account_id, "123456789012");
    assert_string_equal(w.got.identity, "the container's role");
    assert_int_equal(w.got.expires_s, FAKE_WALL_MS / 1000 + 21600);

    const struct fake_request *r = fake_platform_request(w.fake, 0);
    assert_true(r->no_proxy);
    assert_int_equal(r->timeout_ms, 2000);
    assert_int_equal(r->connect_timeout_ms, 2000);
    assert_int_equal(r->reply_bytes_max, 65536);
    world_end(&w);
    (void)state;
}

static void nothing_configured_is_not_found(void **state)
{
    struct credentials_answer answer = {.found = true};
    struct aws_world w;

    world_begin(&w);
    world_open(&w, NULL);
    assert_true(credentials_container(&w.session, &w.got, &answer, &w.err));
    assert_false(answer.found);
    assert_non_null(strstr(answer.missing, RELATIVE));
    assert_non_null(strstr(answer.missing, FULL));
    world_end(&w);
    (void)state;
}

static void token_is_sent(void **state)
{
    struct aws_world w;

    begin_at(&w, "/c");
    fake_platform_variable(w.fake, TOKEN, "Basic abc");
    world_open(&w, NULL);
    expect(&w, "Authorization: Basic abc", 200, BODY);
    assert_got(&w, ask(&w), "ASIA1");
    world_end(&w);
    (void)state;
}

static void token_file_wins_and_is_read_anew(void **state)
{
    struct aws_world w;

    begin_at(&w, "/c");
    fake_platform_variable(w.fake, TOKEN, "other");
    fake_platform_variable(w.fake, TOKEN_FILE, "/token");
    fake_platform_file(w.fake, "/token", "first");
    world_open(&w, NULL);
    expect(&w, "Authorization: first", 200, BODY);
    assert_got(&w, ask(&w), "ASIA1");
    fake_platform_file(w.fake, "/token", "second");
    expect(&w, "Authorization: second", 200, BODY);
    assert_got(&w, ask(&w), "ASIA1");
    world_end(&w);
    (void)state;
}

struct token_row {
    const char *file; /* its content, or NULL: the variable */
    const char *token;
    const char *error;
};

static void tokens_that_are_none_are_not_sent(void **state)
{
    static const struct token_row rows[] = {
        {NULL,         "abc\nX: y", TOKEN ": the token has a line end"           },
        {NULL,         "abc\r",     TOKEN ": the token has a line end"           },
        {NULL,         "a\x7F",     TOKEN ": the token has a line end"           },
        {"hidden\n",   NULL,        TOKEN_FILE ": the token has a line end"      },
        {"hid\r\nden", NULL,        TOKEN_FILE ": the token has a line end"      },
        {"",           NULL,        TOKEN_FILE ": the file /token is empty"      },
        {NULL,         NULL,        TOKEN_FILE ": the file /token does not exist"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct aws_world w;
        begin_at(&w, "/c");
        fake_platform_variable(w.fake, TOKEN, rows[i].token);
        fake_platform_variable(w.fake, TOKEN_FILE, rows[i].token == NULL ? "/token" : NULL);
        fake_platform_file(w.fake, "/token", rows[i].file);
        world_open(&w, NULL);
        assert_failed(&w, ask(&w), ERR_USAGE, rows[i].error);
        assert_null(strstr(w.err.msg, "hid"));
        assert_int_equal(fake_platform_requests(w.fake), 0);
        world_end(&w);
    }
    (void)state;
}

static void token_file_that_cannot_be_used(void **state)
{
    struct aws_world w;
    char large[16386];

    begin_at(&w, "/c");
    fake_platform_variable(w.fake, TOKEN_FILE, "/token");
    fake_platform_file_forbidden(w.fake, "/token");
    world_open(&w, NULL);
    assert_failed(&w, ask(&w), ERR_USAGE, TOKEN_FILE);
    memset(large, 'a', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    fake_platform_file(w.fake, "/token", large);
    assert_failed(&w, ask(&w), ERR_USAGE, TOKEN_FILE);
    assert_int_equal(fake_platform_requests(w.fake), 0);
    world_end(&w);
    (void)state;
}

struct refusal_row {
    const char *body;
    const char *part;
    int status;
    enum err_kind kind;
    unsigned attempts;
};

#define INVALID "{\"code\":\"InvalidToken\",\"message\":\"bad\\ntoken\"}"
#define DENIED  "{\"Code\":\"AccessDenied\",\"Message\":\"no\"}"
#define ANSWER  "the answer of the container's agent"

static void refusals(void **state)
{
    static const struct refusal_row rows[] = {
        {INVALID,                  "HTTP 400, InvalidToken: bad token", 400, ERR_AUTH,      1},
        {"<html>",                 "HTTP 403",                          403, ERR_AUTH,      1},
        {"",                       "HTTP 302",                          302, ERR_AUTH,      1},
        {"",                       "HTTP 429",                          429, ERR_TRANSIENT, 3},
        {"{\"message\":\"oops\"}", "HTTP 500, oops",                    500, ERR_TRANSIENT, 3},
        {"",                       ANSWER,                              200, ERR_TRANSIENT, 3},
        {"{}",                     "access key id",                     200, ERR_TRANSIENT, 3},
        {DENIED,                   "AccessDenied: no",                  200, ERR_AUTH,      1},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct aws_world w;
        begin_at(&w, "/c");
        world_open(&w, NULL);
        for (unsigned attempt = 0; attempt < rows[i].attempts; attempt++) {
            expect(&w, NULL, rows[i].status, rows[i].body);
        }
        assert_failed(&w, ask(&w), rows[i].kind, rows[i].part);
        assert_int_equal(fake_platform_waits(w.fake), rows[i].attempts - 1);
        world_end(&w);
    }
    (void)state;
}

static void token_that_is_sent_back_is_left_out(void **state)
{
    struct aws_world w;

    begin_at(&w, "/c");
    fake_platform_variable(w.fake, TOKEN, "Basic open-sesame-open-sesame");
    world_open(&w, NULL);
    expect(&w, NULL, 403, "{\"message\":\"bad token: Basic open-sesame-open-sesame\"}");
    assert_failed(&w, ask(&w), ERR_AUTH, "HTTP 403");
    assert_null(strstr(w.err.msg, "sesame"));
    world_end(&w);
    (void)state;
}

static void agent_that_stumbles_is_asked_again(void **state)
{
    struct aws_world w;

    begin_at(&w, "/c");
    world_open(&w, NULL);
    fake_platform_expect(w.fake, &(struct fake_reply){.fails = ERR_TRANSIENT});
    expect(&w, NULL, 503, "");
    expect(&w, NULL, 200, BODY);
    assert_got(&w, ask(&w), "ASIA1");
    assert_int_equal(w.err.kind, ERR_NONE);
    assert_int_equal(fake_platform_waits(w.fake), 2);
    assert_int_equal(fake_platform_wait_ms(w.fake, 0), 1000);
    world_end(&w);
    (void)state;
}

static void other_faults_are_not_tried_again(void **state)
{
    static const enum err_kind kinds[] = {ERR_USAGE, ERR_DATA, ERR_CANCELLED, ERR_SYSTEM};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct aws_world w;
        begin_at(&w, "/c");
        world_open(&w, NULL);
        fake_platform_expect(w.fake, &(struct fake_reply){.fails = kinds[i]});
        assert_failed(&w, ask(&w), kinds[i], "the container's agent");
        assert_int_equal(fake_platform_requests(w.fake), 1);
        world_end(&w);
    }
    (void)state;
}

static void stop_ends_the_wait(void **state)
{
    struct aws_world w;

    begin_at(&w, "/c");
    world_open(&w, NULL);
    expect(&w, NULL, 503, "");
    fake_platform_stop(w.fake);
    assert_failed(&w, ask(&w), ERR_CANCELLED, "the container's agent");
    world_end(&w);
    (void)state;
}

/* The vectors for a trace header within AWS Lambda do not apply: Sluice does not run there. So the
 * header, which would tell a stranger's trace, is never sent, whatever a vector says. */
static void check_lambda_vector(void **state)
{
    struct aws_world w;

    begin_at(&w, "/c");
    set_variables(&w, json_object_get(*state, "env"));
    world_open(&w, NULL);
    expect(&w, "!X-Amzn-Trace-Id", 200, BODY);
    assert_got(&w, ask(&w), "ASIA1");
    world_end(&w);
}

int main(void)
{
    CLEANUP(vectors_drop) json_t *uris = vectors_load(URI_VECTORS);
    CLEANUP(vectors_drop) json_t *lambda = vectors_load(LAMBDA_VECTORS);
    struct CMUnitTest tests[VECTORS_MAX] = {
        cmocka_unit_test(only_some_hosts_are_asked_in_clear),
        cmocka_unit_test(long_relative_uri_is_refused),
        cmocka_unit_test(agent_is_asked_for_the_credentials),
        cmocka_unit_test(nothing_configured_is_not_found),
        cmocka_unit_test(token_is_sent),
        cmocka_unit_test(token_file_wins_and_is_read_anew),
        cmocka_unit_test(tokens_that_are_none_are_not_sent),
        cmocka_unit_test(token_file_that_cannot_be_used),
        cmocka_unit_test(refusals),
        cmocka_unit_test(token_that_is_sent_back_is_left_out),
        cmocka_unit_test(agent_that_stumbles_is_asked_again),
        cmocka_unit_test(other_faults_are_not_tried_again),
        cmocka_unit_test(stop_ends_the_wait),
    };
    size_t count = vectors_add(tests, 13, json_object_get(uris, "tests"), check_url_vector);

    (void)vectors_add(tests, count, lambda, check_lambda_vector);
    return cmocka_run_group_tests_name("credentials_container", tests, NULL, NULL);
}
