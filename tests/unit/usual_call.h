/* usual_call.h: one call of Secrets Manager, as good as any other, for the tests of calls. */
#ifndef TESTS_USUAL_CALL_H
#define TESTS_USUAL_CALL_H

#include "call_fixture.h"

static const struct aws_service service = {.id = "secrets_manager",
                                           .name = "secretsmanager",
                                           .prefix = "secretsmanager",
                                           .protocol = AWS_JSON_1_1,
                                           .target = "secretsmanager"};

static const struct aws_call usual = {
    .service = &service,
    .operation = "GetSecretValue",
    .body = "{\"SecretId\":\"db\"}",
    .action = "secretsmanager:GetSecretValue",
    .resource = "arn:aws:secretsmanager:us-east-1:*:secret:db-??????",
};

static inline bool send_call(struct call_world *w, const struct aws_call *call)
{
    struct secret reply = {0};
    struct aws_refusal refusal = {0};
    bool ok = aws_call_send(&w->caller, call, &reply, &refusal, &w->err);

    assert_int_equal(secret_is_set(&reply), ok);
    secret_free(&reply);
    return ok;
}

static inline bool send_usual(struct call_world *w)
{
    return send_call(w, &usual);
}

#endif
