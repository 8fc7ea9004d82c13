/*
 * credentials_env.h: keys given by variables: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 * AWS_SESSION_TOKEN, AWS_ACCOUNT_ID, AWS_CREDENTIAL_EXPIRATION. Thread-safe.
 */
#ifndef AWS_CREDENTIALS_ENV_H
#define AWS_CREDENTIALS_ENV_H

#include "aws/identity_source.h"

/* ERR_USAGE: one of the pair without the other, a value that can be no key, an expiry that is no
 * date. */
bool credentials_env(const struct aws_session *session, struct aws_credentials *out,
                     struct credentials_answer *answer, struct err *err) MUST_CHECK;

#endif
