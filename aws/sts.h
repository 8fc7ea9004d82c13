/* sts.h: AWS Security Token Service, API version 2011-06-15. Thread-safe; errors as call.h has
 * them. */
#ifndef AWS_STS_H
#define AWS_STS_H

#include "aws/call.h"
#include "aws/credentials.h"
#include "aws/identity.h"

/* Fills everything but identity. caller->identity is the base. */
bool aws_sts_assume_role(const struct aws_caller *caller, const struct aws_role *role,
                         struct aws_credentials *out, struct err *err) MUST_CHECK;

/* Not signed: caller->identity is not looked at. */
bool aws_sts_assume_role_with_web_identity(const struct aws_caller *caller,
                                           const struct aws_role *role, const struct secret *token,
                                           struct aws_credentials *out, struct err *err) MUST_CHECK;

struct aws_caller_identity {
    char arn[AWS_IDENTITY_MAX];
    char account[16];
    char user_id[160];
};
bool aws_sts_get_caller_identity(const struct aws_caller *caller, struct aws_caller_identity *out,
                                 struct err *err) MUST_CHECK;

#endif
