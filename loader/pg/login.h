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

/* One try with this connection string, an error told as it is to be read. *refused, false before,
 * becomes true when the server did not take the login. */
typedef bool pg_login_once(void *self, const struct secret *conninfo, bool *refused,
                           struct err *err);

/* A refused password is not the end while there is another: it may be in rotation. Tries until one
 * is taken, a try fails otherwise, or auth has no other; err is then the last refusal's, explained.
 * host: pg_login's. */
bool pg_login_each(const struct pg_auth *auth, const char *host, pg_login_once *once, void *self,
                   struct err *err) MUST_CHECK;

void pg_login_free(struct pg_login *login); /* wipes */

/* Was it the password? */
bool pg_login_refused(const char *sqlstate);

#endif
