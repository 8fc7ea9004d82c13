/*
 * token_source.h: where logins of one user on one host get their IAM token: made locally, used by
 * all who connect, at most ten minutes old, never past the life of the credentials it was signed
 * with. AWS throttles at 200 new connections a second, but not those that share a token.
 * Thread-safe; one thread makes a token while the others wait for it.
 */
#ifndef AWS_TOKEN_SOURCE_H
#define AWS_TOKEN_SOURCE_H

#include "aws/identity.h"
#include "aws/session.h"
#include "base/err.h"
#include "base/secret.h"

#include <stdint.h>

#define TOKEN_REUSE_S 600

struct aws_token_source;

struct aws_token_params {
    struct aws_session *session;   /* borrowed; its clock correction is applied */
    struct aws_identity *identity; /* borrowed */
    const char *host;              /* to sign for; copied, like region and user */
    uint16_t port;
    const char *region;
    const char *user;
    unsigned reuse_s; /* 0: TOKEN_REUSE_S */
};

bool aws_token_source_open(const struct aws_token_params *params, struct aws_token_source **out,
                           struct err *err) MUST_CHECK;
void aws_token_source_close(struct aws_token_source *s); /* NULL is allowed; wipes */

/*
 * refused: NULL, or a token that a server refused: while it is still the one at hand, a fresh one
 * is made, which is another text also within the same second, and fetched credentials behind it are
 * asked for anew as well. The caller counts how often it does that. A token is not used again in
 * the last minute of its credentials. Errors as aws_identity_get and rds_token_make; who waited for
 * another thread's token gets that thread's error.
 */
bool aws_token_source_get(struct aws_token_source *s, const struct secret *refused,
                          struct secret *token, struct err *err) MUST_CHECK;

/* How many tokens were made. */
unsigned aws_token_source_made(const struct aws_token_source *s);

#endif
