/* call_error: what a person reads when a call failed, and what never stands there. */
#include "usual_call.h"

#define DENIED                                                                                    \
    "{\"__type\":\"AccessDeniedException\",\"Message\":\"User: arn:aws:iam::123456789012:user/x " \
    "is not authorized\"}"

static void denied_it_says_who_and_what_to_add(void **state)
{
    struct call_world w;
    (void)state;

    world_start(&w);
    answer(&w, 400, DENIED);
    assert_failed(&w, send_usual(&w), ERR_AUTH,
                  "GetSecretValue (as profile dev): AccessDeniedException: User: "
                  "arn:aws:iam::123456789012:user/x is not authorized (request " REQUEST_ID "); ");
    assert_says(&w, "{\"Effect\":\"Allow\",\"Action\":\"secretsmanager:GetSecretValue\","
                    "\"Resource\":\"arn:aws:secretsmanager:us-east-1:123456789012:secret:"
                    "db-??????\"}");
    assert_null(strstr(w.err.msg, "attempts"));
    world_end(&w);
}

static void denied_by_the_key_beneath_it_says_so(void **state)
{
    struct call_world w;
    struct aws_call call = usual;
    (void)state;

    world_start(&w);
    call.hint = "look there, too";
    answer(&w, 400,
           "{\"__type\":\"AccessDeniedException\",\"Message\":\"Access to KMS is not allowed\"}");
    assert_failed(&w, send_call(&w, &call), ERR_AUTH, "\"Action\":\"kms:Decrypt\"");
    assert_says(&w, "; look there, too");
    world_end(&w);
}

/* Whatever is long, the end of the text is what to do. */
static void the_useful_part_is_never_cut(void **state)
{
    struct call_world w;
    struct aws_call call = usual;
    char body[6000];
    char resource[300];
    (void)state;

    world_start(&w);
    memset(body, 'm', sizeof body);
    memcpy(body, "{\"__type\":\"AccessDenied\",\"message\":\"", 36);
    memcpy(body + sizeof body - 3, "\"}", 3);
    memset(resource, 'r', sizeof resource);
    memcpy(resource, "arn:aws:x:::", 12);
    resource[sizeof resource - 1] = '\0';
    call.resource = resource;
    call.hint = "and this";
    answer(&w, 400, body);
    assert_failed(&w, send_call(&w, &call), ERR_AUTH, resource);
    assert_says(&w, "rrr\"}; and this");
    assert_says(&w, REQUEST_ID);
    assert_says(&w, "mmmmmmmmmm");
    assert_in_range(strlen(w.err.msg), 400, ERR_MSG_MAX - 50);

    /* A name that is longer than any is not shown at all rather than half of it. */
    memset(body, 'r', 2000);
    body[2000] = '\0';
    call.resource = body;
    answer(&w, 403, "{\"__type\":\"AccessDenied\"}");
    assert_failed(&w, send_call(&w, &call), ERR_AUTH, "\"Resource\":\"the ARN of");
    world_end(&w);
}

static void what_comes_back_of_a_secret_is_not_shown(void **state)
{
    static const char *const bodies[] = {
        "{\"__type\":\"SignatureDoesNotMatch\",\"message\":\"You sent " TOKEN "\"}",
        "{\"__type\":\"SignatureDoesNotMatch\",\"message\":\"with " SECRET_KEY "\"}",
        "{\"__type\":\"SignatureDoesNotMatch\",\"message\":\"No match.\\n\\nThe Canonical String "
        "for this request should have been\\n'POST\\nx-amz-security-token:" TOKEN "\"}",
        "{\"__type\":\"" TOKEN "\",\"message\":\"\"}",
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct call_world w;
        world_start(&w);
        answer(&w, 403, bodies[i]);
        assert_failed(&w, send_usual(&w), ERR_AUTH, "GetSecretValue");
        assert_null(strstr(w.err.msg, "Canonical"));
        world_end(&w); /* looks for both in the text */
    }
}

static void what_is_not_text_is_not_shown(void **state)
{
    struct call_world w;
    (void)state;

    world_start(&w);
    answer(&w, 400, "{\"__type\":\"ValidationException\",\"message\":\"a\\u001b[31mb\\tc\"}");
    assert_failed(&w, send_usual(&w), ERR_USAGE, "a?[31mb?c");
    world_end(&w);
}

static void what_is_not_from_aws_is_told_so(void **state)
{
    struct call_world w;
    (void)state;

    world_start(&w);
    answer(&w, 403, "<html><body>Blocked by policy</body></html>");
    assert_failed(&w, send_usual(&w), ERR_AUTH, "HTTP status 403");
    assert_says(&w, "proxy");
    assert_null(strstr(w.err.msg, "Effect"));
    answer(&w, 404, "nothing here");
    assert_failed(&w, send_usual(&w), ERR_USAGE, "HTTP status 404");
    assert_says(&w, "endpoint URL");
    world_end(&w);
}

static void the_refusal_is_given_to_who_asks(void **state)
{
    struct call_world w;
    struct aws_refusal refusal = {0};
    struct secret reply = {0};
    (void)state;

    world_start(&w);
    answer(&w, 400, DENIED);
    assert_false(aws_call_send(&w.caller, &usual, &reply, &refusal, &w.err));
    assert_int_equal(refusal.status, 400);
    assert_string_equal(refusal.code, "AccessDeniedException");
    assert_string_equal(refusal.request_id, REQUEST_ID);
    answer(&w, 400, DENIED);
    assert_false(aws_call_send(&w.caller, &usual, NULL, NULL, &w.err));
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(denied_it_says_who_and_what_to_add),
        cmocka_unit_test(denied_by_the_key_beneath_it_says_so),
        cmocka_unit_test(the_useful_part_is_never_cut),
        cmocka_unit_test(what_comes_back_of_a_secret_is_not_shown),
        cmocka_unit_test(what_is_not_text_is_not_shown),
        cmocka_unit_test(what_is_not_from_aws_is_told_so),
        cmocka_unit_test(the_refusal_is_given_to_who_asks),
    };
    return cmocka_run_group_tests_name("call_error", tests, NULL, NULL);
}
