/* secrets_manager: both forms of a value, the stages, and what is no answer. */
#include "call_fixture.h"

#include "aws/secrets_manager.h"
#include "base/cleanup.h"

#define ARN "arn:aws:secretsmanager:eu-west-1:210987654321:secret:db-AbCdEf"
#define VALUE                                                                        \
    "{\"ARN\":\"" ARN "\",\"Name\":\"db\",\"VersionId\":\"v1\",\"SecretString\":\"{" \
    "\\\"password\\\":\\\"sesame\\\"}\",\"CreatedDate\":1.5E9}"

static bool get(struct call_world *w, const char *id, struct aws_secret_version *out, bool *found)
{
    return aws_secret_get(&w->caller, id, NULL, NULL, out, found, &w->err);
}

static void a_text_is_read(void **state)
{
    struct call_world w;
    CLEANUP(aws_secret_version_free) struct aws_secret_version v = {0};
    bool found = false;
    (void)state;

    world_start(&w);
    answer(&w, 200, VALUE);
    assert_fine(&w, get(&w, "db", &v, &found));
    assert_true(found);
    assert_string_equal(v.arn, ARN);
    assert_string_equal(v.version_id, "v1");
    assert_string_equal(secret_reveal(&v.value), "{\"password\":\"sesame\"}");
    const struct fake_request *r = fake_platform_request(w.fake, 0);
    assert_string_equal(r->url, "https://secretsmanager.us-east-1.amazonaws.com/");
    assert_string_equal(r->body, "{\"SecretId\":\"db\"}");
    world_end(&w);
}

static void an_arn_is_asked_for_where_it_is(void **state)
{
    struct call_world w;
    CLEANUP(aws_secret_version_free) struct aws_secret_version v = {0};
    bool found = false;
    (void)state;

    world_start(&w);
    w.caller.region = "us-west-2";
    answer_times(&w, 2, 200, VALUE);
    assert_fine(&w, aws_secret_get(&w.caller, ARN, "AWSPENDING", "v1", &v, &found, &w.err));
    const struct fake_request *r = fake_platform_request(w.fake, 0);
    assert_string_equal(r->url, "https://secretsmanager.eu-west-1.amazonaws.com/");
    assert_string_equal(r->body, "{\"SecretId\":\"" ARN "\",\"VersionStage\":\"AWSPENDING\","
                                 "\"VersionId\":\"v1\"}");
    assert_fine(&w, get(&w, "db", &v, &found));
    assert_string_equal(fake_platform_request(w.fake, 1)->url,
                        "https://secretsmanager.us-west-2.amazonaws.com/");
    world_end(&w);
}

struct value_case {
    const char *fields;
    const char *want;
    size_t len;
};

static void values_have_two_forms(void **state)
{
    static const struct value_case cases[] = {
        {"\"SecretBinary\":\"AGFi\"",                        "\0ab", 3},
        {"\"SecretString\":null,\"SecretBinary\":\"AGFi\"",  "\0ab", 3},
        {"\"SecretString\":\"s\",\"SecretBinary\":\"AGFi\"", "s",    1},
        {"\"SecretString\":\"\"",                            "",     0},
        {"\"SecretString\":\"a\\u0000b\"",                   "a\0b", 3},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct call_world w;
        CLEANUP(aws_secret_version_free) struct aws_secret_version v = {0};
        char body[256];
        bool found = false;
        world_start(&w);
        (void)snprintf(body, sizeof body, "{\"ARN\":\"a\",%s}", cases[i].fields);
        answer(&w, 200, body);
        assert_fine(&w, get(&w, "db", &v, &found));
        assert_int_equal(v.value.len, cases[i].len);
        assert_memory_equal(secret_reveal(&v.value), cases[i].want, cases[i].len);
        assert_string_equal(v.version_id, "");
        world_end(&w);
    }
}

#define NOT_THERE                                                                             \
    "{\"__type\":\"ResourceNotFoundException\",\"Message\":\"Secrets Manager can't find the " \
    "specified secret.\"}"

static void a_stage_without_a_version_is_no_error(void **state)
{
    struct call_world w;
    struct aws_secret_version v = {.version_id = "old"};
    bool found = true;
    (void)state;

    world_start(&w);
    answer(&w, 400,
           "{\"__type\":\"ResourceNotFoundException\",\"Message\":\"Secrets Manager can't find the "
           "specified secret value for staging label: AWSPENDING\"}");
    assert_fine(&w, aws_secret_get(&w.caller, "db", "AWSPENDING", NULL, &v, &found, &w.err));
    assert_false(found);
    assert_string_equal(v.version_id, "old");

    /* As some stand-ins for the service say it. */
    found = true;
    answer(&w, 400, NOT_THERE);
    assert_fine(&w, aws_secret_get(&w.caller, "db", "AWSPREVIOUS", NULL, &v, &found, &w.err));
    assert_false(found);
    answer(&w, 400, NOT_THERE);
    assert_failed(&w, aws_secret_get(&w.caller, "db", "AWSCURRENT", NULL, &v, &found, &w.err),
                  ERR_USAGE, "secret db");
    world_end(&w);
}

static void a_secret_that_is_not_there_is_a_mistake(void **state)
{
    struct call_world w;
    struct aws_secret_version v = {0};
    bool found = true;
    (void)state;

    world_start(&w);
    answer(&w, 400, NOT_THERE);
    assert_failed(&w, get(&w, "nodb", &v, &found), ERR_USAGE, "secret nodb: GetSecretValue");
    assert_says(&w, "Region (us-east-1)");
    assert_true(found);
    answer(
        &w, 400,
        "{\"__type\":\"InvalidRequestException\",\"Message\":\"You can't perform this operation on "
        "the secret because it was marked for deletion.\"}");
    assert_failed(&w, get(&w, "db", &v, &found), ERR_USAGE, "marked for deletion");
    /* Another code may speak of labels, too. */
    answer(&w, 400, "{\"__type\":\"InvalidParameterException\",\"Message\":\"staging label\"}");
    assert_failed(&w, get(&w, "db", &v, &found), ERR_USAGE, "staging label");
    world_end(&w);
}

static void denied_it_says_what_to_add(void **state)
{
    struct call_world w;
    struct aws_secret_version v = {0};
    struct aws_secret_description d;
    bool found = true;
    (void)state;

    world_start(&w);
    answer_times(&w, 3, 400,
                 "{\"__type\":\"AccessDeniedException\",\"Message\":\"not authorized\"}");
    assert_failed(
        &w, get(&w, "db", &v, &found), ERR_AUTH,
        "\"Resource\":\"arn:aws:secretsmanager:us-east-1:123456789012:secret:db-??????\"}");
    assert_failed(&w, get(&w, ARN, &v, &found), ERR_AUTH, "\"Resource\":\"" ARN "\"}");
    assert_failed(&w, aws_secret_describe(&w.caller, ARN, &d, &w.err), ERR_AUTH,
                  "\"Action\":\"secretsmanager:DescribeSecret\"");
    answer(&w, 400,
           "{\"__type\":\"AccessDeniedException\",\"Message\":\"Access to KMS is not allowed\"}");
    assert_failed(&w, get(&w, ARN, &v, &found), ERR_AUTH, "\"Action\":\"kms:Decrypt\"");
    answer(&w, 400, "{\"__type\":\"DecryptionFailure\"}");
    assert_failed(&w, get(&w, ARN, &v, &found), ERR_AUTH, "enable the KMS key");
    world_end(&w);
}

/* Everything is long: the statement is there to its last brace all the same. */
static void a_long_name_leaves_the_statement_whole(void **state)
{
    struct call_world w;
    struct aws_secret_version v = {0};
    char id[400];
    char body[600];
    bool found = true;
    (void)state;

    world_start(&w);
    (void)snprintf(id, sizeof id, "arn:aws:secretsmanager:us-east-1:123456789012:secret:%0330d", 7);
    (void)snprintf(body, sizeof body,
                   "{\"__type\":\"AccessDeniedException\",\"Message\":\"%0500d\"}", 9);
    answer(&w, 400, body);
    assert_failed(&w, get(&w, id, &v, &found), ERR_AUTH, id);
    assert_string_equal(w.err.msg + strlen(w.err.msg) - 4, "07\"}");
    answer(&w, 400, "{\"__type\":\"ResourceNotFoundException\"}");
    assert_failed(&w, get(&w, id, &v, &found), ERR_USAGE, "Region (us-east-1)");
    world_end(&w);
}

static const char *const no_answers[] = {
    "null",
    "[]",
    "{}",
    "{\"ARN\":\"a\"}",
    "{\"ARN\":\"a\",\"SecretString\":7}",
    "{\"ARN\":\"a\",\"SecretString\":[\"sesame\"]}",
    "{\"ARN\":\"a\",\"SecretBinary\":\"sesame!\"}",
    "{\"ARN\":\"a\",\"SecretBinary\":true}",
    "{\"ARN\":{},\"SecretString\":\"sesame\"}",
    "{\"SecretString\":\"sesame\"}",
    "{\"ARN\":\"a\\u0000\",\"SecretString\":\"sesame\"}",
    "{\"ARN\":\"a\",\"SecretString\":\"sesame\"",
    "{\"ARN\":\"a\",\"SecretString\":\"sesame\"} tail",
    "{\"ARN\":\"a\",\"SecretString\":\"sesame\",\"SecretString\":\"sesame\"}",
    "{\"ARN\":\"a\",\"SecretString\":sesame}",
    "<html>sesame</html>",
};

static void what_is_no_answer_is_asked_for_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(no_answers); i++) {
        struct call_world w;
        struct aws_secret_version v = {.version_id = "old"};
        bool found = false;
        world_start(&w);
        answer_times(&w, 3, 200, no_answers[i]);
        assert_failed(&w, get(&w, "db", &v, &found), ERR_TRANSIENT, "an answer that is none");
        assert_null(strstr(w.err.msg, "sesame"));
        assert_string_equal(v.version_id, "old");
        assert_false(found);
        world_end(&w);
    }
}

static void a_version_has_at_most_64_characters(void **state)
{
    (void)state;
    for (int len = 64; len <= 65; len++) {
        struct call_world w;
        struct aws_secret_version v = {0};
        char body[256];
        bool found = false;
        world_start(&w);
        (void)snprintf(body, sizeof body,
                       "{\"ARN\":\"a\",\"VersionId\":\"%0*d\",\"SecretString\":\"sesame\"}", len,
                       7);
        answer_times(&w, len == 64 ? 1 : 3, 200, body);
        if (len == 64) {
            assert_fine(&w, get(&w, "db", &v, &found));
        } else {
            assert_failed(&w, get(&w, "db", &v, &found), ERR_TRANSIENT, "VersionId");
        }
        aws_secret_version_free(&v);
        world_end(&w);
    }
}

static void after_no_answer_a_good_one_is_taken(void **state)
{
    struct call_world w;
    CLEANUP(aws_secret_version_free) struct aws_secret_version v = {0};
    bool found = false;
    (void)state;

    world_start(&w);
    answer(&w, 200, "");
    answer(&w, 200, "{");
    answer(&w, 200, VALUE);
    assert_fine(&w, get(&w, "db", &v, &found));
    assert_string_equal(v.version_id, "v1");
    world_end(&w);
}

static void a_description_is_read(void **state)
{
    struct call_world w;
    struct aws_secret_description d;
    (void)state;

    world_start(&w);
    answer(&w, 200,
           "{\"ARN\":\"" ARN "\",\"Name\":\"db\",\"KmsKeyId\":\"arn:aws:kms:eu-west-1:1:key/k\","
           "\"RotationEnabled\":true,\"DeletedDate\":1.6E9}");
    assert_fine(&w, aws_secret_describe(&w.caller, ARN, &d, &w.err));
    assert_string_equal(d.arn, ARN);
    assert_string_equal(d.name, "db");
    assert_string_equal(d.kms_key_id, "arn:aws:kms:eu-west-1:1:key/k");
    assert_true(d.rotates);
    assert_true(d.deleted);
    answer(&w, 200, "{\"ARN\":\"" ARN "\",\"Name\":\"db\",\"DeletedDate\":null}");
    assert_fine(&w, aws_secret_describe(&w.caller, "db", &d, &w.err));
    assert_string_equal(d.kms_key_id, "");
    assert_false(d.rotates);
    assert_false(d.deleted);
    answer_times(&w, 3, 200, "{\"ARN\":\"" ARN "\",\"RotationEnabled\":\"yes\"}");
    assert_failed(&w, aws_secret_describe(&w.caller, "db", &d, &w.err), ERR_TRANSIENT,
                  "RotationEnabled");
    assert_string_equal(d.name, "db");
    world_end(&w);
}

static void a_name_must_be_one(void **state)
{
    struct call_world w;
    struct aws_secret_version v = {0};
    bool found = false;
    (void)state;

    world_start(&w);
    assert_failed(&w, get(&w, "", &v, &found), ERR_USAGE, "name");
    assert_failed(&w, get(&w, "d\xff", &v, &found), ERR_USAGE, "UTF-8");
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_read),
        cmocka_unit_test(an_arn_is_asked_for_where_it_is),
        cmocka_unit_test(values_have_two_forms),
        cmocka_unit_test(a_stage_without_a_version_is_no_error),
        cmocka_unit_test(a_secret_that_is_not_there_is_a_mistake),
        cmocka_unit_test(denied_it_says_what_to_add),
        cmocka_unit_test(a_long_name_leaves_the_statement_whole),
        cmocka_unit_test(what_is_no_answer_is_asked_for_again),
        cmocka_unit_test(a_version_has_at_most_64_characters),
        cmocka_unit_test(after_no_answer_a_good_one_is_taken),
        cmocka_unit_test(a_description_is_read),
        cmocka_unit_test(a_name_must_be_one),
    };
    return cmocka_run_group_tests_name("secrets_manager", tests, NULL, NULL);
}
