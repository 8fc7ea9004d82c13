/*
 * login.h: who gives a connection what its connection string leaves open: a password that changes,
 * a token, a host name. Implemented in job/auth.c; NULL where the string says it all.
 *
 * A login is one connection being opened. Each try gets a whole connection string; after a refused
 * password (SQLSTATE 28P01, 28000) the next is asked for, until there is none. Thread-safe: many
 * threads log in at the same time, each with a struct of its own.
 */
#ifndef PG_LOGIN_H
#define PG_LOGIN_H

#include "base/err.h"
#include "base/secret.h"

struct pg_login {
    const char *host;       /* pg_target's, NULL for the string's own; set before the first try */
    struct secret conninfo; /* of this try */
    struct secret user;     /* the user in it, where the implementation chose it */
    struct secret password; /* the password in it, "" if none */
    unsigned tries;         /* that were refused so far */
    unsigned step;          /* private to the implementation, like tried */
    struct secret tried;
};

struct pg_auth {
    void *self;
    /* The next connection string; login->conninfo and ->password are those just refused. *more
     * false and true returned: there is nothing else to try. */
    bool (*next)(void *self, struct pg_login *login, bool *more, struct err *err);
    /* The server took it. */
    void (*accepted)(void *self, const struct pg_login *login);
    /* The last refusal: puts what to do about it into the message. */
    void (*explain)(void *self, const struct pg_login *login, struct err *err);
};

void pg_login_free(struct pg_login *login); /* wipes */

/* Was it the password? */
bool pg_login_refused(const char *sqlstate);

#endif
