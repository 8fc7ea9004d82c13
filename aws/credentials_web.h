/*
 * credentials_web.h: a role that is assumed with a token that somebody else issued, as in a
 * Kubernetes service account. Source: STS's AssumeRoleWithWebIdentity. Thread-safe.
 */
#ifndef AWS_CREDENTIALS_WEB_H
#define AWS_CREDENTIALS_WEB_H

#include "aws/identity_source.h"

#define WEB_TOKEN_BYTES_MAX 20000 /* as STS takes it */

struct credentials_web_role {
    const char *role_arn;
    const char *token_file;   /* read anew at each call: whoever issues tokens replaces them */
    const char *session_name; /* NULL: one is made */
    unsigned duration_s;      /* 0: the service's default */
    const char *where;        /* for messages: "profile dev" */
};

/* ERR_USAGE: the file is not there, cannot be read, is empty or too long; else as sts.h. */
bool credentials_web_assume(struct aws_session *session, const struct credentials_web_role *role,
                            struct aws_credentials *out, struct err *err) MUST_CHECK;

/* By AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_SESSION_NAME. ERR_USAGE also for a
 * token file without a role. */
bool credentials_web(struct aws_session *session, struct aws_credentials *out,
                     struct credentials_answer *answer, struct err *err) MUST_CHECK;

#endif
