/* call: what is sent, what is tried again and when, and what a person reads in the end. */
#include "usual_call.h"

#include <stdlib.h>

#define ENDPOINT_URL "https://secretsmanager.us-east-1.amazonaws.com/"
#define THROTTLED    "{\"__type\":\"ThrottlingException\",\"message\":\"Rate exceeded\"}"
#define EXPIRED                                                                                  \
    "{\"__type\":\"com.amazon.coral.service#ExpiredTokenException\",\"message\":\"The security " \
    "token included in the request is expired\"}"

/* --- what is sent ------------------------------------------------------------------------- */

static void assert_header(const struct fake_request *r, const char *name, const char *want)
{
    char value[512] = "(none)";

    (void)fake_request_header(r, name, value, sizeof value);
    assert_string_equal(value, want);
}

static void a_call_is_signed_as_it_is_sent(void **state)
{
    struct call_world w;
    char authorization[512];
    (void)state;

    world_start(&w);
    answer(&w, 200, "{}");
    assert_fine(&w, send_usual(&w));
    const struct fake_request *r = fake_platform_request(w.fake, 0);
    assert_string_equal(r->method, "POST");
    assert_string_equal(r->url, ENDPOINT_URL);
    assert_string_equal(r->body, usual.body);
    assert_header(r, "Host", "secretsmanager.us-east-1.amazonaws.com");
    assert_header(r, "Content-Type", "application/x-amz-json-1.1");
    assert_header(r, "X-Amz-Target", "secretsmanager.GetSecretValue");
    assert_header(r, "X-Amz-Date", "20150830T123600Z");
    assert_header(r, "X-Amz-Security-Token", TOKEN);
    assert_true(fake_request_header(r, "Authorization", authorization, sizeof authorization));
    assert_non_null(strstr(authorization, "Credential=AKIDEXAMPLE1/20150830/us-east-1/"
                                          "secretsmanager/aws4_request"));
    assert_non_null(strstr(authorization, "SignedHeaders=content-type;host;x-amz-date;"
                                          "x-amz-security-token;x-amz-target"));
    world_end(&w);
}

static void a_call_without_identity_is_not_signed(void **state)
{
    struct call_world w;
    char value[64];
    (void)state;

    world_start(&w);
    w.caller.identity = NULL;
    answer(&w, 200, "{}");
    answer(&w, 400, EXPIRED);
    assert_fine(&w, send_usual(&w));
    const struct fake_request *r = fake_platform_request(w.fake, 0);
    assert_false(fake_request_header(r, "Authorization", value, sizeof value));
    assert_false(fake_request_header(r, "X-Amz-Date", value, sizeof value));
    assert_failed(&w, send_usual(&w), ERR_AUTH, "web identity token");
    assert_says(&w, "not signed");
    assert_int_equal(w.fetches, 0);
    world_end(&w);
}

static void endpoint_and_bundle_are_the_settings(void **state)
{
    struct call_world w;
    (void)state;

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_ENDPOINT_URL", "http://localhost:4566/aws");
    fake_platform_variable(w.fake, "AWS_CA_BUNDLE", "/ca.pem");
    world_open(&w);
    w.caller.region = "eu-west-1";
    answer(&w, 200, "{}");
    assert_fine(&w, send_usual(&w));
    const struct fake_request *r = fake_platform_request(w.fake, 0);
    char authorization[512];
    assert_string_equal(r->url, "http://localhost:4566/aws/");
    assert_string_equal(r->ca_bundle, "/ca.pem");
    assert_header(r, "Host", "localhost:4566");
    assert_true(fake_request_header(r, "Authorization", authorization, sizeof authorization));
    assert_non_null(strstr(authorization, "/eu-west-1/"));
    world_end(&w);
}

static void a_port_that_is_implied_is_not_in_the_host(void **state)
{
    struct call_world w;
    (void)state;

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_ENDPOINT_URL", "https://vpce.test:443");
    world_open(&w);
    answer(&w, 200, "{}");
    assert_fine(&w, send_usual(&w));
    assert_header(fake_platform_request(w.fake, 0), "Host", "vpce.test");
    world_end(&w);
}

static void without_a_region_nothing_is_sent(void **state)
{
    struct call_world w;
    (void)state;

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_REGION", NULL);
    world_open(&w);
    assert_failed(&w, send_usual(&w), ERR_USAGE, "GetSecretValue");
    assert_says(&w, "Region");
    world_end(&w);

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_REGION", NULL);
    fake_platform_variable(w.fake, "AWS_ENDPOINT_URL", "http://localhost:1");
    world_open(&w);
    assert_failed(&w, send_usual(&w), ERR_USAGE, "Region");
    world_end(&w);
}

static bool no_keys(void *arg, struct aws_credentials *out, struct err *err)
{
    (void)arg;
    (void)out;
    return err_set(err, ERR_AUTH, "there are no keys anywhere");
}

static void without_credentials_nothing_is_sent(void **state)
{
    struct call_world w;
    struct aws_identity *nobody = NULL;
    (void)state;

    world_start(&w);
    assert_true(aws_identity_custom(&w.session, no_keys, NULL, &nobody, &w.err));
    w.caller.identity = nobody;
    assert_failed(&w, send_usual(&w), ERR_AUTH, "GetSecretValue: there are no keys");
    aws_identity_free(nobody);
    world_end(&w);
}

/* --- what is tried again ------------------------------------------------------------------ */

static void throttled_seven_times_it_goes_on(void **state)
{
    struct call_world w;
    (void)state;

    world_start(&w);
    /* Minus one modulo 1001, 2001, 4001, 8001 and 16001: as long as each wait may be. */
    fake_platform_set_random(w.fake, UINT64_C(1001) * 2001 * 4001 * (8001 / 21) * 16001 - 1);
    answer_times(&w, 7, 400, THROTTLED);
    answer(&w, 200, "{}");
    assert_fine(&w, send_usual(&w));
    assert_int_equal(fake_platform_waits(w.fake), 7);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(fake_platform_wait_ms(w.fake, i), 1000u << i);
    }
    assert_in_range(fake_platform_wait_ms(w.fake, 5), 0, 20000);
    assert_in_range(fake_platform_wait_ms(w.fake, 6), 0, 20000);
    world_end(&w);
}

static void waits_are_spread_from_nothing_on(void **state)
{
    struct call_world w;
    (void)state;

    world_start(&w);
    fake_platform_set_random(w.fake, 0);
    answer_times(&w, 2, 503, "busy");
    answer(&w, 200, "{}");
    assert_fine(&w, send_usual(&w));
    assert_int_equal(fake_platform_waits(w.fake), 2);
    assert_int_equal(fake_platform_wait_ms(w.fake, 1), 0);
    world_end(&w);
}

struct attempts_case {
    const char *label;
    const char *told; /* AWS_MAX_ATTEMPTS */
    const char *body;
    int status;
    unsigned attempts;
    const char *says;
};

static struct attempts_case attempts_cases[] = {
    {.label = "gives up throttled",

     .body = THROTTLED,

     .status = 400,

     .attempts = 8,

     .says = "after 8 attempts"                    },
    {.label = "gives up at 429",

     .body = "slow down",

     .status = 429,

     .attempts = 8,

     .says = "after 8 attempts"                    },
    {.label = "gives up at 503",

     .body = "<html>busy",

     .status = 503,

     .attempts = 3,

     .says = "HTTP status 503"                     },
    {.label = "gives up at 500",

     .body = "{}",

     .status = 500,

     .attempts = 3,

     .says = "after 3 attempts"                    },
    {.label = "gives up at no answer",

     .body = "",

     .status = 200,

     .attempts = 3,

     .says = "an answer that is none"              },
    {.label = "throttled, told once",

     .told = "1",

     .body = THROTTLED,

     .status = 400,

     .attempts = 1,

     .says = "ThrottlingException"},
    {.label = "throttled, told twice",

     .told = "2",

     .body = THROTTLED,

     .status = 400,

     .attempts = 2,

     .says = "after 2 attempts"},
    {.label = "503, told five times",

     .told = "5",

     .body = "",

     .status = 503,

     .attempts = 5,

     .says = "after 5 attempts"},
    {.label = "a mistake is not tried again",

     .body = "{\"__type\":\"ValidationException\"}",

     .status = 400,

     .attempts = 1,

     .says = "ValidationException"},
};

static void it_gives_up_in_the_end(void **state)
{
    const struct attempts_case *c = *state;
    struct call_world w;

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_MAX_ATTEMPTS", c->told);
    world_open(&w);
    answer_times(&w, c->attempts, c->status, c->body);
    assert_failed(&w, send_usual(&w),
                  c->status == 400 && c->attempts == 1 && c->told == NULL ? ERR_USAGE
                                                                          : ERR_TRANSIENT,
                  c->says);
    assert_says(&w, REQUEST_ID);
    assert_int_equal(fake_platform_requests(w.fake), c->attempts);
    assert_int_equal(fake_platform_waits(w.fake), c->attempts - 1);
    world_end(&w);
}

static void throttling_leaves_the_other_attempts(void **state)
{
    struct call_world w;
    (void)state;

    world_start(&w);
    answer_times(&w, 4, 400, THROTTLED);
    answer_times(&w, 2, 503, "");
    answer(&w, 200, "{}");
    assert_fine(&w, send_usual(&w));
    answer(&w, 503, "");
    answer_times(&w, 4, 400, THROTTLED);
    answer_times(&w, 2, 503, "");
    assert_failed(&w, send_usual(&w), ERR_TRANSIENT, "after 7 attempts");
    world_end(&w);
}

static void not_reached_it_says_what_to_look_at(void **state)
{
    struct call_world w;
    (void)state;

    world_start(&w);
    for (int i = 0; i < 3; i++) {
        fake_platform_expect(w.fake, &(struct fake_reply){.fails = ERR_TRANSIENT});
    }
    assert_failed(&w, send_usual(&w), ERR_TRANSIENT, "the fake network fails, after 3 attempts");
    assert_says(&w, "secretsmanager.us-east-1.amazonaws.com");
    assert_says(&w, "VPC endpoint");
    assert_says(&w, "AWS_ENDPOINT_URL");
    assert_says(&w, "HTTPS_PROXY");
    world_end(&w);
}

static void what_will_not_go_better_is_told_at_once(void **state)
{
    static const enum err_kind kinds[] = {ERR_DATA, ERR_USAGE, ERR_CANCELLED, ERR_SYSTEM};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct call_world w;
        world_start(&w);
        fake_platform_expect(w.fake, &(struct fake_reply){.fails = kinds[i]});
        assert_failed(&w, send_usual(&w), kinds[i], "GetSecretValue: the fake network fails");
        assert_int_equal(fake_platform_waits(w.fake), 0);
        world_end(&w);
    }
}

static void a_stop_ends_the_wait(void **state)
{
    struct call_world w;
    (void)state;

    world_start(&w);
    fake_platform_stop(w.fake);
    answer(&w, 503, "");
    assert_failed(&w, send_usual(&w), ERR_CANCELLED, "GetSecretValue");
    assert_int_equal(fake_platform_requests(w.fake), 1);
    world_end(&w);
}

struct reading {
    unsigned calls;
    unsigned refused;
    enum err_kind kind;
};

static bool read_it(void *arg, const struct secret *body, struct err *err)
{
    struct reading *r = arg;

    r->calls++;
    assert_string_equal(secret_reveal(body), "{\"a\":1}");
    return r->calls > r->refused || err_set(err, r->kind, "it is odd");
}

static void an_answer_that_is_none_is_asked_for_again(void **state)
{
    struct call_world w;
    struct reading reading = {.refused = 2, .kind = ERR_TRANSIENT};
    struct aws_call call = usual;
    (void)state;

    world_start(&w);
    call.read = read_it;
    call.read_arg = &reading;
    answer(&w, 200, "");
    answer_times(&w, 2, 200, "{\"a\":1}");
    assert_failed(&w, send_call(&w, &call), ERR_TRANSIENT, "it is odd");
    assert_says(&w, "proxy");
    assert_int_equal(reading.calls, 2);

    w.err = (struct err){0};
    reading.calls = 0;
    answer_times(&w, 3, 200, "{\"a\":1}");
    assert_true(aws_call_send(&w.caller, &call, NULL, NULL, &w.err));
    assert_int_equal(reading.calls, 3);

    reading = (struct reading){.refused = 1, .kind = ERR_SYSTEM};
    answer(&w, 200, "{\"a\":1}");
    assert_failed(&w, send_call(&w, &call), ERR_SYSTEM, "it is odd");
    world_end(&w);
}

/* --- the keys --------------------------------------------------------------------------- */

static void expired_keys_are_fetched_anew_once(void **state)
{
    struct call_world w;
    (void)state;

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_MAX_ATTEMPTS", "1");
    world_open(&w);
    answer(&w, 400, EXPIRED);
    answer(&w, 200, "{}");
    assert_fine(&w, send_usual(&w));
    assert_int_equal(w.fetches, 2);
    char authorization[512];
    assert_true(fake_request_header(fake_platform_request(w.fake, 1), "Authorization",
                                    authorization, sizeof authorization));
    assert_non_null(strstr(authorization, "AKIDEXAMPLE2/"));

    answer_times(&w, 2, 400, EXPIRED);
    assert_failed(&w, send_usual(&w), ERR_AUTH, "ExpiredTokenException: The security token");
    assert_says(&w, "renew");
    assert_int_equal(w.fetches, 3);
    assert_int_equal(fake_platform_waits(w.fake), 0);
    world_end(&w);
}

/* What was put right at once does not use up an attempt. */
static void what_was_put_right_is_not_counted(void **state)
{
    struct call_world w;
    (void)state;

    world_start(&w);
    answer(&w, 400, EXPIRED);
    answer_times(&w, 2, 503, "");
    answer(&w, 200, "{}");
    assert_fine(&w, send_usual(&w));
    answer_times(&w, 3, 503, "");
    assert_failed(&w, send_usual(&w), ERR_TRANSIENT, "after 3 attempts");
    world_end(&w);
}

/* --- small ones --------------------------------------------------------------------------- */

static void an_arn_says_where(void **state)
{
    struct call_world w;
    struct aws_arn arn;
    char out[100];
    (void)state;

    world_start(&w);
    assert_string_equal(aws_caller_region(&w.caller), "us-east-1");
    struct aws_caller there = aws_caller_for(&w.caller, "arn:aws-cn:kms:cn-north-1:1:key/x", &arn);
    assert_string_equal(aws_caller_region(&there), "cn-north-1");
    there = aws_caller_for(&w.caller, "x", &arn);
    assert_string_equal(aws_caller_region(&there), "us-east-1");
    there = aws_caller_for(&w.caller, NULL, &arn);
    assert_string_equal(aws_caller_region(&there), "us-east-1");
    there.region = "us-gov-west-1";
    assert_string_equal(aws_caller_resource(&there, "rds", "db:x", out, sizeof out),
                        "arn:aws-us-gov:rds:us-gov-west-1:*:db:x");
    assert_string_equal(aws_caller_resource(&there, "rds", "db:x", out, 20), "*");
    world_end(&w);
}

#define ADD(test, rows)                                                                      \
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {                                           \
        tests[count++] = (struct CMUnitTest){(rows)[i].label, test, NULL, NULL, &(rows)[i]}; \
    }

int main(void)
{
    struct CMUnitTest tests[64] = {
        cmocka_unit_test(a_call_is_signed_as_it_is_sent),
        cmocka_unit_test(a_call_without_identity_is_not_signed),
        cmocka_unit_test(endpoint_and_bundle_are_the_settings),
        cmocka_unit_test(a_port_that_is_implied_is_not_in_the_host),
        cmocka_unit_test(without_a_region_nothing_is_sent),
        cmocka_unit_test(without_credentials_nothing_is_sent),
        cmocka_unit_test(throttled_seven_times_it_goes_on),
        cmocka_unit_test(waits_are_spread_from_nothing_on),
        cmocka_unit_test(throttling_leaves_the_other_attempts),
        cmocka_unit_test(not_reached_it_says_what_to_look_at),
        cmocka_unit_test(what_will_not_go_better_is_told_at_once),
        cmocka_unit_test(a_stop_ends_the_wait),
        cmocka_unit_test(an_answer_that_is_none_is_asked_for_again),
        cmocka_unit_test(expired_keys_are_fetched_anew_once),
        cmocka_unit_test(what_was_put_right_is_not_counted),
        cmocka_unit_test(an_arn_says_where),
    };
    size_t count = 16;

    ADD(it_gives_up_in_the_end, attempts_cases)
    return _cmocka_run_group_tests("call", tests, count, NULL, NULL);
}
