/*
 * rds_token.h: IAM authentication tokens for RDS and Aurora.
 *
 * A token is what libpq sends as the password: a presigned "connect" URL for service rds-db with
 * the scheme cut off. Making one is arithmetic on the credentials, so this touches neither the
 * network nor a clock; the caller passes the time. The server looks at a token only when a
 * connection starts. Source: Aurora user guide, "Connecting to your DB cluster using IAM
 * authentication".
 */
#ifndef AWS_RDS_TOKEN_H
#define AWS_RDS_TOKEN_H

#include "aws/credentials.h"
#include "base/err.h"
#include "base/secret.h"

#include <stdint.h>

#define RDS_TOKEN_LIFETIME_S 900 /* what the service allows */

struct rds_token_params {
    const char *host; /* the name to sign for, no port; usually the one to dial */
    uint16_t port;
    const char *region;
    const char *user; /* the database role that was granted rds_iam; UTF-8 */
    int64_t now_s;    /* Unix time, as the service sees it */
};

/*
 * The host goes into the token as it is given; what is signed has it in lower case and without the
 * port when that is 443, as the other makers of such tokens have it. A host is a name, an IPv4
 * address, or an IPv6 address in brackets; a user is UTF-8 without control characters.
 *
 * ERR_AUTH when the credentials have expired at now_s, ERR_USAGE when a parameter is missing or has
 * characters that no host, Region or user can have. Thread-safe.
 */
bool rds_token_make(const struct aws_credentials *credentials,
                    const struct rds_token_params *params, struct secret *token,
                    struct err *err) MUST_CHECK;

#endif
