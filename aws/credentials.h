/*
 * credentials.h: a set of AWS keys, as a value. Immutable once filled; one owner; copy to share.
 */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include "base/err.h"
#include "base/secret.h"

#include <stdint.h>

#define AWS_IDENTITY_MAX 512

struct aws_credentials {
    char access_key_id[132]; /* at most 128 characters by IAM's API reference */
    struct secret secret_access_key;
    struct secret session_token; /* not set for long-term keys */
    int64_t expires_s;           /* Unix time; 0: they do not expire */
    char account_id[16];         /* "" when the source does not say */
    /* Where they come from, in words for a message and without a secret: "the environment",
     * "profile dev", "role arn:aws:iam::1:role/x (from profile dev)". */
    char identity[AWS_IDENTITY_MAX];
};

void aws_credentials_free(struct aws_credentials *c); /* wipes; NULL and zeroed are allowed */
/* Replaces what to holds, so to is zeroed or filled before. ERR_SYSTEM without memory. */
bool aws_credentials_copy(const struct aws_credentials *from, struct aws_credentials *to,
                          struct err *err) MUST_CHECK;

/* Checks and sets the three texts, and nothing else; session_token may be NULL or empty. ERR_USAGE
 * naming where when the key id or the secret is empty, or one of the three is too long or has
 * control characters, blanks or what is not ASCII (the values themselves are not shown). */
bool aws_credentials_set(struct aws_credentials *c, const char *where, const char *access_key_id,
                         const char *secret_access_key, const char *session_token,
                         struct err *err) MUST_CHECK;

#endif
