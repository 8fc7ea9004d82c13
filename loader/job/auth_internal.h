/*
 * auth_internal.h: what the files of auth share. Nobody else but their unit tests includes it.
 *
 *   auth.c         opening, closing, the pg_auth functions
 *   auth_base.c    the string that does not change: rds: names, TLS, what a secret fills in
 *   auth_secret.c  a secret's versions, in rotation
 *   auth_iam.c     tokens, and what a refused one means
 */
#ifndef JOB_AUTH_INTERNAL_H
#define JOB_AUTH_INTERNAL_H

#include "aws/call.h"
#include "aws/identity.h"
#include "aws/platform.h"
#include "aws/rds.h"
#include "aws/session.h"
#include "aws/token_source.h"
#include "base/thread.h"
#include "job/auth.h"
#include "job/secret_body.h"
#include "pg/conninfo.h"

#include <stdatomic.h>

#define SECRET_REUSE_S 300 /* a secret is read again for a login after so long */
#define SECRET_PAUSE_S 30  /* and after this, when AWS did not give it; the known one is used */

/* A token is for one host and port: the given endpoint, or a router of a shard group. */
struct auth_signing {
    char host[256];
    uint16_t port;
    struct aws_token_source *tokens;
    struct auth_signing *next; /* of a router; set once, when it is put into the list */
};
#define AUTH_ROUTERS_MAX 256 /* hosts with tokens of their own, in the life of a process */

struct auth_party {
    struct auth *auth;
    const char *name; /* "source", "destination" */
    const struct side_auth *wish;
    struct pg_auth ops;
    struct conninfo *base;     /* set once at the start: everything but what changes */
    struct aws_identity *role; /* owned; NULL: the chain */
    char region[AWS_REGION_MAX];
    atomic_bool was_let_in; /* by its token, in this process; ordered by nothing */

    /* IAM. Set once. */
    struct auth_signing signing;  /* for the given endpoint */
    uint16_t dial_port;           /* as dialled: a router's */
    struct aws_database database; /* of an rds: name; id "" otherwise */

    struct mutex lock;            /* over what follows */
    struct auth_signing *routers; /* never taken out before the end */
    unsigned router_count;

    /* Secrets Manager and KMS. */
    struct secret_body current;   /* the version to try first */
    uint64_t current_ns;          /* when it was read; 0: never */
    uint64_t failed_ns;           /* when it could not be read again; 0: it could */
    struct secret fixed_password; /* from KMS; set once */
    struct secret kept_password;  /* auth_keep_password's; set once */
};

struct auth {
    const struct spec *spec; /* borrowed */
    bool aws_open;
    struct aws_platform platform;
    struct aws_session session;
    struct aws_identity *chain;
    struct auth_party party[AUTH_SIDES];
    int64_t told_skew_s; /* of the controlling thread */
};

struct aws_identity *auth_party_identity(const struct auth_party *p);
struct aws_caller auth_party_caller(const struct auth_party *p, const char *region);

/* Does this side ask for anything of AWS? */
bool auth_wants_aws(const struct side_auth *wish, const struct secret *text);

/* auth_base.c. Reads a secret the first time, if there is one. */
bool auth_base_make(struct auth_party *p, const struct secret *text, struct err *err) MUST_CHECK;

/* auth_secret.c */
bool auth_secret_first(struct auth_party *p, struct secret_body *out, struct err *err) MUST_CHECK;
bool auth_secret_next(struct auth_party *p, struct pg_login *login, struct secret_body *out,
                      bool *more, struct err *err) MUST_CHECK;
void auth_secret_accepted(struct auth_party *p, const struct pg_login *login);

/* auth_iam.c */
bool auth_iam_open(struct auth_party *p, struct err *err) MUST_CHECK;
bool auth_iam_next(struct auth_party *p, struct pg_login *login, struct secret *token, bool *more,
                   struct err *err) MUST_CHECK;
void auth_iam_explain(struct auth_party *p, const struct pg_login *login, struct err *err);
void auth_iam_close(struct auth_party *p);

#endif
