/* conceal: what of a secret stands in a text, and that no message of a call has it. */
#include "usual_call.h"

#include "aws/conceal.h"
#include "base/cleanup.h"

struct part_row {
    const char *secret;
    const char *text;
    bool found;
};

static void sixteen_bytes_in_a_row_are_a_part(void **state)
{
    static const struct part_row rows[] = {
        {"",                     "",                            false},
        {"",                     "text",                        false},
        {"short",                "a short one",                 true },
        {"short",                "a shor one",                  false},
        {"0123456789abcdef",     "x0123456789abcdefx",          true },
        {"0123456789abcdef",     "0123456789abcde",             false},
        {"0123456789abcdefghij", "0123456789abcdef",            true },
        {"0123456789abcdefghij", "at the end 456789abcdefghij", true },
        {"0123456789abcdefghij", "456789abcdefghi",             false},
        {"0123456789abcdefghij", "",                            false},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(secret_free) struct secret secret = {0};
        struct err err;
        assert_true(secret_set(&secret, rows[i].secret, &err));
        if (conceal_found(rows[i].text, &secret) != rows[i].found) {
            fail_msg("row %zu", i);
        }
    }
}

struct echo_case {
    const char *label;
    const char *headers;
    const char *body;
    int status;
};

#define INNER "IQoJb3JpZ2luX2VjEXAMPLEtokenEXAMPLEto" /* of TOKEN */

static struct echo_case echo_cases[] = {
    {"a session token in a message",  "X: y",                     "{\"__type\":\"X\",\"message\":\"got " TOKEN "\"}",
     400                                                                                                                           },
    {"the end of one",                "X: y",                     "{\"__type\":\"X\",\"message\":\"XAMPLEtokenEXAMPLEtoken\"}", 400},
    {"a secret key as a code",        "X: y",                     "{\"__type\":\"" SECRET_KEY "\"}",                            400},
    {"a token as a request's id",     "x-amzn-requestid: " INNER, "{\"__type\":\"X\"}",                                         400},
    {"with an answer that is none",   "x-amzn-requestid: " INNER, "",                                                           200},
    {"what the body has of a secret", "X: y",
     "{\"__type\":\"X\",\"message\":\"open-sesame-open-sesame\"}",                                                              400},
};

static void secrets_that_are_sent_back_are_left_out(void **state)
{
    const struct echo_case *c = *state;
    struct call_world w;
    CLEANUP(secret_free) struct secret hidden = {0};
    struct aws_call call = usual;

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_MAX_ATTEMPTS", "1");
    world_open(&w);
    assert_true(secret_set(&hidden, "open-sesame-open-sesame!", &w.err));
    call.concealed = &hidden;
    fake_platform_expect(
        w.fake, &(struct fake_reply){.status = c->status, .headers = c->headers, .body = c->body});
    assert_false(send_call(&w, &call));
    assert_null(strstr(w.err.msg, "sesame"));
    assert_null(strstr(w.err.msg, "EXAMPLEtok"));
    assert_null(strstr(w.err.msg, "EXAMPLEKEY"));
    world_end(&w);
}

int main(void)
{
    struct CMUnitTest tests[16] = {cmocka_unit_test(sixteen_bytes_in_a_row_are_a_part)};
    size_t count = 1;

    for (size_t i = 0; i < ARRAY_LEN(echo_cases); i++) {
        tests[count++] =
            (struct CMUnitTest){echo_cases[i].label, secrets_that_are_sent_back_are_left_out, NULL,
                                NULL, &echo_cases[i]};
    }
    return _cmocka_run_group_tests("conceal", tests, count, NULL, NULL);
}
