/* secrets_manager.h: AWS Secrets Manager, API version 2017-10-17. Thread-safe; errors as in call.h.
 */
#ifndef AWS_SECRETS_MANAGER_H
#define AWS_SECRETS_MANAGER_H

#include "aws/call.h"
#include "base/err.h"
#include "base/secret.h"

struct aws_secret_version {
    char arn[2048 + 1];
    char version_id[65];
    struct secret value; /* SecretString, or SecretBinary decoded */
};
void aws_secret_version_free(struct aws_secret_version *v);

/* id: name or ARN. stage: NULL is AWSCURRENT. version: NULL unless a certain one is wanted.
 * *found false and true returned when the secret has no version with that stage, which is also so
 * when there is no secret and the stage is not AWSCURRENT. */
bool aws_secret_get(const struct aws_caller *caller, const char *id, const char *stage,
                    const char *version, struct aws_secret_version *out, bool *found,
                    struct err *err) MUST_CHECK;

struct aws_secret_description {
    char arn[2048 + 1];
    char name[512 + 1];
    char kms_key_id[2048 + 1]; /* "" for the account's default key */
    bool rotates;
    bool deleted; /* it is scheduled for deletion */
};
bool aws_secret_describe(const struct aws_caller *caller, const char *id,
                         struct aws_secret_description *out, struct err *err) MUST_CHECK;

#endif
