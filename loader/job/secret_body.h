/*
 * secret_body.h: what stands in a secret of Secrets Manager: {"username", "password"}, or the form
 * that RDS and its rotation functions write, with engine, host, port (a number or a string), dbname
 * and the like. Pure. Source: Secrets Manager user guide, "JSON structure of secrets".
 */
#ifndef JOB_SECRET_BODY_H
#define JOB_SECRET_BODY_H

#include "base/err.h"
#include "base/secret.h"

#define SECRET_BODY_MAX 65536 /* what Secrets Manager stores */

struct secret_body {
    struct secret user;
    struct secret password;
    char host[256]; /* "" where it does not say */
    char port[8];
    char dbname[256];
    char database_id[256]; /* dbClusterIdentifier, else dbInstanceIdentifier */
};

/* name is for messages. ERR_USAGE when it is not a JSON object, has no password, is for another
 * kind of database, or holds a value that cannot be one; no value is shown. */
bool secret_body_read(const struct secret *text, const char *name, struct secret_body *out,
                      struct err *err) MUST_CHECK;
bool secret_body_copy(const struct secret_body *from, struct secret_body *to,
                      struct err *err) MUST_CHECK;
void secret_body_free(struct secret_body *b); /* wipes */

#endif
