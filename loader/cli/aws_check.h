/*
 * aws_check.h: what a load needs of AWS, looked at for "sluice check": identity, clock, roles,
 * secrets, keys, and the databases as RDS knows them. Reads only; a secret is never shown.
 */
#ifndef CLI_AWS_CHECK_H
#define CLI_AWS_CHECK_H

#include "job/preflight.h"
#include "job/spec.h"

/* Adds nothing when no side asks for AWS. p->aws_refused: what the side needs to log in cannot be
 * had, so that there is no point in trying. */
void aws_check(struct preflight *p);

/* ---- for the files aws_check*.c ---- */

struct aws_caller;

/* One side that asks for AWS. */
struct aws_side {
    struct auth *auth;
    struct check_list *list;
    enum auth_side side;
    const char *name; /* "source" */
    const struct side_auth *wish;
    const struct secret *text;       /* its connection string */
    const struct aws_caller *caller; /* as its role, if it has one */
    char host[256];                  /* as far as string and secret say; "" unknown */
    bool refused;
};

/* What is checked for a side. */
enum aws_check_id { ID_ROLE, ID_SECRET, ID_KEY, ID_PASSWORD, ID_DATABASE, ID_IAM, ID_COUNT };

struct check_note aws_note(const struct aws_side *s, enum check_level level, enum aws_check_id id,
                           const char *fix);
/* A blocker, after which the side cannot log in. */
void aws_refuse(struct aws_side *s, enum aws_check_id id, const struct err *err, const char *fix);

void aws_check_secret(struct aws_side *s);   /* and its key */
void aws_check_password(struct aws_side *s); /* --...-password-kms */
void aws_check_database(struct aws_side *s); /* and IAM authentication on it */

#endif
