/*
 * credentials_json.h: the credentials that a container's agent and an instance's metadata service
 * answer: {"AccessKeyId", "SecretAccessKey", "Token", "Expiration", "AccountId", "Code",
 * "Message"}. Source: "Amazon ECS task IAM role" and "Retrieve security credentials from instance
 * metadata". Pure.
 */
#ifndef AWS_CREDENTIALS_JSON_H
#define AWS_CREDENTIALS_JSON_H

#include "aws/credentials.h"
#include "base/err.h"

#include <stddef.h>

#define CREDENTIALS_JSON_MAX (1u << 16) /* of the whole answer */

/*
 * Fills everything but identity. Without Expiration they do not expire. ERR_AUTH when there is a
 * Code and it is not "Success"; ERR_TRANSIENT when it is not JSON, is larger than
 * CREDENTIALS_JSON_MAX, or lacks a key: what answered is not the service. where: for messages, "the
 * instance's metadata". No message has a part of the answer but Code and Message.
 */
bool credentials_json_read(const char *where, const char *bytes, size_t len,
                           struct aws_credentials *out, struct err *err) MUST_CHECK;

/* What a refusal says: "code: message", or "" when it is no JSON that we know. Control characters
 * become blanks. */
#define CREDENTIALS_JSON_ERROR_MAX 300
void credentials_json_error(const char *bytes, size_t len, char out[CREDENTIALS_JSON_ERROR_MAX]);

#endif
