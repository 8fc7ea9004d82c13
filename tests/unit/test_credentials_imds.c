/* An instance's credentials: where its metadata service is, and the conversation with it. */
#include "aws_fixture.h"

#include "aws/credentials_imds.h"
#include "base/cleanup.h"

#define VECTORS    "tests/vectors/imds/imds-endpoint-tests.json"
#define ENDPOINT   "AWS_EC2_METADATA_SERVICE_ENDPOINT"
#define HOST       "http://169.254.169.254"
#define TOKEN_URL  HOST "/latest/api/token"
#define ROLE_URL   HOST "/latest/meta-data/iam/security-credentials/"
#define TTL_HEADER "x-aws-ec2-metadata-token-ttl-seconds: 21600"
#define BODY                                                                 \
    "{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"ASIA1\"," \
    "\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"2015-08-30T18:36:00Z\"}"

/* ---- the vectors: which URL ---- */

static const struct {
    const char *theirs;
    const char *ours; /* of an ERR_USAGE */
} errors[] = {
    {"`error` is not a valid endpoint mode", "is IPv4 or IPv6, not \"error\""},
    {"`IPv7` is not a valid endpoint mode",  "is IPv4 or IPv6, not \"IPv7\"" },
    {"invalid uri character",                ENDPOINT                        },
};

static void check_vector_error(const char *theirs, const struct aws_world *w, bool ok)
{
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        if (strcmp(errors[i].theirs, theirs) == 0) {
            assert_failed(w, ok, ERR_USAGE, errors[i].ours);
            return;
        }
    }
    fail_msg("an error that the table does not know: %s", theirs);
}

/* What a program may say in those vectors, our user says by variable: that is our strongest word.
 */
static void set_up_vector(struct aws_world *w, json_t *test)
{
    const char *endpoint = vector_text(test, "endpoint_override");
    const char *mode = vector_text(test, "mode_override");
    const char *name;
    json_t *text;

    json_object_foreach(json_object_get(test, "env"), name, text)
    {
        fake_platform_variable(w->fake, name, json_string_value(text));
    }
    json_object_foreach(json_object_get(test, "fs"), name, text)
    {
        fake_platform_file(w->fake, name, json_string_value(text));
    }
    if (endpoint != NULL) {
        fake_platform_variable(w->fake, ENDPOINT, endpoint);
    }
    if (mode != NULL) {
        fake_platform_variable(w->fake, ENDPOINT "_MODE", mode);
    }
}

static void check_vector(void **state)
{
    json_t *result = json_object_get(*state, "result");
    char url[HTTP_URL_MAX] = "";
    struct aws_world w;

    world_begin(&w);
    set_up_vector(&w, *state);
    world_open(&w, NULL);
    bool ok = credentials_imds_url(&w.session, "/latest/api/token", url, &w.err);
    if (vector_text(result, "Ok") != NULL) {
        assert_true(ok);
        assert_string_equal(url, vector_text(result, "Ok"));
    } else {
        check_vector_error(vector_text(result, "Err"), &w, ok);
    }
    world_end(&w);
}

struct url_row {
    const char *endpoint;
    const char *url; /* NULL: refused */
};

static void endpoints_beyond_the_vectors(void **state)
{
    static const struct url_row rows[] = {
        {"http://127.0.0.1:99/",      "http://127.0.0.1:99/p"     },
        {"http://127.0.0.1:99//",     "http://127.0.0.1:99/p"     },
        {"http://127.0.0.1:99/base/", "http://127.0.0.1:99/base/p"},
        {"http://[::1]:99",           "http://[::1]:99/p"         },
        {"http://127.0.0.1/?x=1",     NULL                        },
        {"http://u:p@127.0.0.1/",     NULL                        },
        {"127.0.0.1",                 NULL                        },
        {"file:///etc/passwd",        NULL                        },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char url[HTTP_URL_MAX] = "";
        struct aws_world w;
        world_begin(&w);
        fake_platform_variable(w.fake, ENDPOINT, rows[i].endpoint);
        world_open(&w, NULL);
        bool ok = credentials_imds_url(&w.session, "/p", url, &w.err);
        if (rows[i].url != NULL) {
            assert_true(ok);
            assert_string_equal(url, rows[i].url);
        } else {
            assert_failed(&w, ok, ERR_USAGE, ENDPOINT);
        }
        world_end(&w);
    }
    (void)state;
}

/* ---- the conversation ---- */

static void begin(struct aws_world *w)
{
    world_begin(w);
    world_open(w, NULL);
}

static void expect(struct aws_world *w, const char *method, const char *url, const char *header,
                   int status, const char *body)
{
    fake_platform_expect(
        w->fake,
        &(struct fake_reply){
            .method = method, .url = url, .header = header, .status = status, .body = body});
}

static void expect_token(struct aws_world *w, const char *token)
{
    expect(w, "PUT", TOKEN_URL, TTL_HEADER, 200, token);
}

static void expect_get(struct aws_world *w, const char *url, const char *token, int status,
                       const char *body)
{
    char header[100];

    (void)snprintf(header, sizeof(header), "x-aws-ec2-metadata-token: %s", token);
    expect(w, "GET", url, header, status, body);
}

static void assert_found(struct aws_world *w)
{
    struct credentials_answer answer = {0};
    bool ok = credentials_imds(&w->session, &w->got, &answer, &w->err);

    assert_got(w, ok, "ASIA1");
    assert_true(answer.found);
}

static void assert_missing(struct aws_world *w, const char *why)
{
    struct credentials_answer answer = {.found = true};

    if (!credentials_imds(&w->session, &w->got, &answer, &w->err)) {
        fail_msg("%s", w->err.msg);
    }
    assert_false(answer.found);
    if (strstr(answer.missing, why) == NULL) {
        fail_msg("wanted \"%s\", got \"%s\"", why, answer.missing);
    }
    assert_string_equal(w->got.access_key_id, "");
}

static void assert_fails(struct aws_world *w, enum err_kind kind, const char *part)
{
    struct credentials_answer answer = {0};

    assert_failed(w, credentials_imds(&w->session, &w->got, &answer, &w->err), kind, part);
}

static void token_then_role_then_credentials(void **state)
{
    struct aws_world w;

    begin(&w);
    expect_token(&w, "tok==");
    expect_get(&w, ROLE_URL, "tok==", 200, "my.role\nother\n");
    expect_get(&w, ROLE_URL "my.role", "tok==", 200, BODY);
    assert_found(&w);
    assert_string_equal(secret_reveal(&w.got.session_token), "t");
    assert_int_equal(w.got.expires_s, FAKE_WALL_MS / 1000 + 21600);
    assert_string_equal(w.got.identity, "the instance's role my.role");
    for (size_t i = 0; i < 3; i++) {
        const struct fake_request *r = fake_platform_request(w.fake, i);
        assert_true(r->no_proxy);
        assert_int_equal(r->timeout_ms, 1000);
        assert_int_equal(r->connect_timeout_ms, 1000);
    }
    world_end(&w);
    (void)state;
}

static void unreachable_is_no_instance(void **state)
{
    struct aws_world w;

    begin(&w);
    fake_platform_expect(w.fake, &(struct fake_reply){.fails = ERR_TRANSIENT});
    assert_missing(&w, "not reached within 1 s");
    assert_int_equal(fake_platform_requests(w.fake), 1);
    world_end(&w);
    (void)state;
}

static void disabled_is_not_asked(void **state)
{
    struct aws_world w;

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_EC2_METADATA_DISABLED", "TRUE");
    world_open(&w, NULL);
    assert_missing(&w, "AWS_EC2_METADATA_DISABLED");
    assert_int_equal(fake_platform_requests(w.fake), 0);
    world_end(&w);
    (void)state;
}

struct token_row {
    int status;
    const char *why;
};

static void version_1_is_never_asked(void **state)
{
    static const struct token_row rows[] = {
        {403, "turned off for this instance"},
        {404, "IMDSv1 is not used"          },
        {405, "IMDSv1 is not used"          },
        {400, "HTTP 400"                    },
        {301, "HTTP 301"                    },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct aws_world w;
        begin(&w);
        expect(&w, "PUT", TOKEN_URL, NULL, rows[i].status, "x");
        assert_missing(&w, rows[i].why);
        assert_int_equal(fake_platform_requests(w.fake), 1);
        world_end(&w);
    }
    (void)state;
}

static void token_that_is_none_is_not_sent(void **state)
{
    static const char *const tokens[] = {"", "a b", "a\nX-Evil: 1", "a\x01", "\xC3\xA4"};
    char large[1026];

    memset(large, 'a', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    for (size_t i = 0; i <= ARRAY_LEN(tokens); i++) {
        struct aws_world w;
        begin(&w);
        expect_token(&w, i < ARRAY_LEN(tokens) ? tokens[i] : large);
        assert_fails(&w, ERR_TRANSIENT, "token");
        assert_int_equal(fake_platform_requests(w.fake), 1);
        world_end(&w);
    }
    (void)state;
}

static void role_that_is_none_is_not_asked_for(void **state)
{
    static const char *const roles[] = {"",    "\nx",   "a b",    "../../user-data",
                                        "a?b", "a\x01", "<html>", "\xC3\xA4"};
    char large[130];

    memset(large, 'a', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    for (size_t i = 0; i <= ARRAY_LEN(roles); i++) {
        struct aws_world w;
        begin(&w);
        expect_token(&w, "tok");
        expect_get(&w, ROLE_URL, "tok", 200, i < ARRAY_LEN(roles) ? roles[i] : large);
        assert_fails(&w, ERR_TRANSIENT, "the name of a role");
        assert_int_equal(fake_platform_requests(w.fake), 2);
        world_end(&w);
    }
    (void)state;
}

static void no_role_attached(void **state)
{
    struct aws_world w;

    begin(&w);
    expect_token(&w, "tok");
    expect_get(&w, ROLE_URL, "tok", 404, "<html>");
    assert_missing(&w, "no role is attached");
    expect_token(&w, "tok");
    expect_get(&w, ROLE_URL, "tok", 200, "r");
    expect_get(&w, ROLE_URL "r", "tok", 404, "<html>");
    assert_missing(&w, "no role is attached");
    world_end(&w);
    (void)state;
}

static void lost_token_is_replaced_once(void **state)
{
    struct aws_world w;

    begin(&w);
    expect_token(&w, "tok1");
    expect_get(&w, ROLE_URL, "tok1", 200, "r");
    expect_get(&w, ROLE_URL "r", "tok1", 401, "");
    expect_token(&w, "tok2");
    expect_get(&w, ROLE_URL "r", "tok2", 200, BODY);
    assert_found(&w);

    expect_token(&w, "tok1");
    expect_get(&w, ROLE_URL, "tok1", 401, "");
    expect_token(&w, "tok2");
    expect_get(&w, ROLE_URL, "tok2", 401, "");
    assert_fails(&w, ERR_AUTH, "HTTP 401");

    expect_token(&w, "tok1");
    expect_get(&w, ROLE_URL, "tok1", 401, "");
    fake_platform_expect(w.fake, &(struct fake_reply){.fails = ERR_TRANSIENT});
    assert_fails(&w, ERR_TRANSIENT, "not reached");
    world_end(&w);
    (void)state;
}

struct fault_row {
    const char *body;
    const char *part;
    int status;
    enum err_kind kind;
};

#define UNAUTHORIZED "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"cannot assume r\"}"
#define ANSWER       "the answer of the instance's metadata service"

static void answers_that_are_no_credentials(void **state)
{
    static const struct fault_row rows[] = {
        {UNAUTHORIZED,             "AssumeRoleUnauthorizedAccess: cannot assume r", 200, ERR_AUTH     },
        {"{\"Code\":\"Success\"}", "access key id",                                 200, ERR_TRANSIENT},
        {"not json",               ANSWER,                                          200, ERR_TRANSIENT},
        {"",                       "HTTP 500",                                      500, ERR_TRANSIENT},
        {"",                       "HTTP 429",                                      429, ERR_TRANSIENT},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct aws_world w;
        begin(&w);
        expect_token(&w, "tok");
        expect_get(&w, ROLE_URL, "tok", 200, "r");
        expect_get(&w, ROLE_URL "r", "tok", rows[i].status, rows[i].body);
        assert_fails(&w, rows[i].kind, rows[i].part);
        world_end(&w);
    }
    (void)state;
}

/* Once it has answered, silence is a fault and not a sign that there is no instance. */
static void silence_in_the_middle_is_a_fault(void **state)
{
    struct aws_world w;

    begin(&w);
    expect_token(&w, "tok");
    fake_platform_expect(w.fake, &(struct fake_reply){.fails = ERR_TRANSIENT});
    assert_fails(&w, ERR_TRANSIENT, "the instance's metadata service");
    world_end(&w);
    (void)state;
}

/* Who answers is there: the search does not end with "no credentials". */
static void service_that_stumbles_at_the_token_is_a_fault(void **state)
{
    struct aws_world w;

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "2");
    world_open(&w, NULL);
    expect(&w, "PUT", TOKEN_URL, NULL, 500, "<html>");
    expect(&w, "PUT", TOKEN_URL, NULL, 503, "");
    assert_fails(&w, ERR_TRANSIENT, "HTTP 503");

    expect(&w, "PUT", TOKEN_URL, NULL, 503, "");
    fake_platform_expect(w.fake, &(struct fake_reply){.fails = ERR_TRANSIENT});
    assert_fails(&w, ERR_TRANSIENT, "the instance's metadata service");
    world_end(&w);
    (void)state;
}

static void other_faults_are_no_absence(void **state)
{
    static const enum err_kind kinds[] = {ERR_USAGE, ERR_CANCELLED, ERR_SYSTEM, ERR_DATA};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct aws_world w;
        begin(&w);
        fake_platform_expect(w.fake, &(struct fake_reply){.fails = kinds[i]});
        assert_fails(&w, kinds[i], "the instance's metadata service");
        world_end(&w);
    }
    (void)state;
}

static void attempts_and_timeout_by_variable(void **state)
{
    struct aws_world w;

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_METADATA_SERVICE_TIMEOUT", "5");
    fake_platform_variable(w.fake, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "3");
    world_open(&w, NULL);
    fake_platform_expect(w.fake, &(struct fake_reply){.fails = ERR_TRANSIENT});
    expect(&w, "PUT", TOKEN_URL, NULL, 503, "");
    expect_token(&w, "tok");
    expect_get(&w, ROLE_URL, "tok", 500, "");
    expect_get(&w, ROLE_URL, "tok", 500, "");
    expect_get(&w, ROLE_URL, "tok", 500, "");
    assert_fails(&w, ERR_TRANSIENT, "HTTP 500");
    assert_int_equal(fake_platform_request(w.fake, 0)->timeout_ms, 5000);
    world_end(&w);
    (void)state;
}

static void attempts_and_timeout_by_profile(void **state)
{
    struct aws_world w;

    world_begin(&w);
    fake_platform_variable(w.fake, "HOME", "/home");
    fake_platform_file(w.fake, "/home/.aws/config",
                       "[default]\nmetadata_service_timeout = 7\n"
                       "metadata_service_num_attempts = 2\n");
    world_open(&w, NULL);
    fake_platform_expect(w.fake, &(struct fake_reply){.fails = ERR_TRANSIENT});
    fake_platform_expect(w.fake, &(struct fake_reply){.fails = ERR_TRANSIENT});
    assert_missing(&w, "not reached within 7 s");
    world_end(&w);
    (void)state;
}

static void numbers_out_of_range(void **state)
{
    static const char *const names[] = {"AWS_METADATA_SERVICE_TIMEOUT",
                                        "AWS_METADATA_SERVICE_NUM_ATTEMPTS"};
    static const char *const values[] = {"0", "-1", "61", "1.5", "x", "99999999999999999999"};

    for (size_t i = 0; i < ARRAY_LEN(names) * ARRAY_LEN(values); i++) {
        const char *name = names[i / ARRAY_LEN(values)];
        struct aws_world w;
        world_begin(&w);
        fake_platform_variable(w.fake, name, values[i % ARRAY_LEN(values)]);
        world_open(&w, NULL);
        assert_fails(&w, ERR_USAGE, name);
        assert_int_equal(fake_platform_requests(w.fake), 0);
        world_end(&w);
    }
    (void)state;
}

int main(void)
{
    CLEANUP(vectors_drop) json_t *root = vectors_load(VECTORS);
    struct CMUnitTest tests[VECTORS_MAX] = {
        cmocka_unit_test(endpoints_beyond_the_vectors),
        cmocka_unit_test(token_then_role_then_credentials),
        cmocka_unit_test(unreachable_is_no_instance),
        cmocka_unit_test(disabled_is_not_asked),
        cmocka_unit_test(version_1_is_never_asked),
        cmocka_unit_test(token_that_is_none_is_not_sent),
        cmocka_unit_test(role_that_is_none_is_not_asked_for),
        cmocka_unit_test(no_role_attached),
        cmocka_unit_test(lost_token_is_replaced_once),
        cmocka_unit_test(answers_that_are_no_credentials),
        cmocka_unit_test(silence_in_the_middle_is_a_fault),
        cmocka_unit_test(service_that_stumbles_at_the_token_is_a_fault),
        cmocka_unit_test(other_faults_are_no_absence),
        cmocka_unit_test(attempts_and_timeout_by_variable),
        cmocka_unit_test(attempts_and_timeout_by_profile),
        cmocka_unit_test(numbers_out_of_range),
    };

    (void)vectors_add(tests, 16, json_object_get(root, "tests"), check_vector);
    return cmocka_run_group_tests_name("credentials_imds", tests, NULL, NULL);
}
