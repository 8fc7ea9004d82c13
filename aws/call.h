/*
 * call.h: one call of one service: sign, send, read the error if there is one, try again as the
 * standard retry mode does, correct the clock.
 *
 * Retries: three attempts that fail otherwise than by throttling, eight in all (AWS_MAX_ATTEMPTS
 * stands for both); a wait of random * min(2^i, 20) seconds before each, which a stop request ends.
 * A refusal because of our clock sets the session's skew from the reply's Date and is tried again
 * once; one because of expired credentials has the identity fetch new ones, once; neither counts as
 * an attempt. Retry-After is not looked at: standard mode does not know it.
 * Source: botocore's and the SDK reference's "Retry behavior", standard mode.
 */
#ifndef AWS_CALL_H
#define AWS_CALL_H

#include "aws/arn.h"
#include "aws/identity.h"
#include "aws/session.h"
#include "base/err.h"
#include "base/secret.h"

enum aws_protocol { AWS_JSON_1_1, AWS_QUERY_XML };

struct aws_service {
    const char *id;     /* for endpoints: "secrets_manager" */
    const char *name;   /* for people, policies and signing: "secretsmanager" */
    const char *prefix; /* of the host: "secretsmanager" */
    enum aws_protocol protocol;
    const char *target; /* JSON: what stands before the operation in X-Amz-Target */
};

/* Who calls, and where. */
struct aws_caller {
    struct aws_session *session;
    struct aws_identity *identity; /* NULL: the call is not signed */
    const char *region;            /* "" or NULL: the session's */
};

/* The Region in force; "" when none is known. */
const char *aws_caller_region(const struct aws_caller *caller);
/* The same caller in the Region of an ARN; as it was when id is none. The result borrows from arn,
 * which this fills. */
struct aws_caller aws_caller_for(const struct aws_caller *caller, const char *id,
                                 struct aws_arn *arn);
/* "arn:aws:rds:us-east-1:*:db:x" for a policy's statement, of service "rds" and resource "db:x"
 * where the caller calls; "*" when it does not fit. Returns out. */
const char *aws_caller_resource(const struct aws_caller *caller, const char *service,
                                const char *resource, char *out, size_t size);

/* Reads a 2xx answer's body, which is borrowed, while the call can still be tried again. False with
 * ERR_TRANSIENT when it is not the answer of the service: the call is then repeated, as after a
 * 5xx. Called once for each such answer, so it must leave arg alone when it fails. */
typedef bool (*aws_read)(void *arg, const struct secret *body, struct err *err);

struct aws_call {
    const struct aws_service *service;
    const char *operation; /* "GetSecretValue" */
    const char *body;      /* JSON, or a form that begins with "Action=" */
    /* For the message when permission is missing: the policy action and the resource's ARN, in
     * which an account that is not known is "*". resource may be NULL: "*". hint: what else to look
     * at then, or NULL. */
    const char *action;
    const char *resource;
    const char *hint;
    const struct secret *concealed; /* in body, and in no message; NULL: there is none */
    aws_read read;                  /* NULL: only an empty body is no answer */
    void *read_arg;
};

/* What the service answered when it refused. */
struct aws_refusal {
    int status;
    char code[128]; /* without namespace or URL: "AccessDeniedException"; "" when none was
                       understood */
    char message[512];
    char request_id[128];
};

/*
 * reply: the body of a 2xx answer; NULL when only call->read wants it. refusal may be NULL; filled
 * when the service answered with an error. The message of err has the operation, the AWS code, the
 * request id, who called, and what to do; for a missing permission the statement to add. Kinds
 * (aws/refusal.h has the table): ERR_AUTH access denied, unknown or expired keys; ERR_USAGE what is
 * named does not exist or cannot be asked that way; ERR_TRANSIENT throttled, 5xx, not reached, an
 * answer that is none; ERR_DATA a reply too large; ERR_CANCELLED. Thread-safe.
 */
bool aws_call_send(const struct aws_caller *caller, const struct aws_call *call,
                   struct secret *reply, struct aws_refusal *refusal, struct err *err) MUST_CHECK;

#endif
