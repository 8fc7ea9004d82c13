/*
 * identity.h: somebody who can call AWS: where credentials come from, with a cache in front.
 *
 * Refreshed early and by one thread while the others go on with what they have, or wait when it has
 * nearly expired, so that 64 threads make one call. Thread-safe. An identity outlives what was made
 * from it.
 *
 *   the default chain   environment, profile (keys, source_profile, credential_source, role_arn,
 *                       web_identity_token_file), web identity by variables, container, instance
 *   a role              assumed with another identity's credentials
 *
 * When, for credentials with a life of L as counted when they arrived: from min(15 min, L / 3)
 * before they expire whoever comes first fetches new ones; from min(2 min, L / 6) on the others
 * wait for that. A fetch that failed is not tried again for min(60 s, L / 10) while the credentials
 * at hand live. Credentials that arrive expired are used all the same, and fetched anew after 60 s:
 * an instance whose metadata service cannot renew them hands them out, and the services go on
 * taking them meanwhile. Expiry is by the session's corrected clock, pauses by the one that never
 * goes back.
 */
#ifndef AWS_IDENTITY_H
#define AWS_IDENTITY_H

#include "aws/credentials.h"
#include "aws/session.h"
#include "base/err.h"

#include <stddef.h>

struct aws_identity;

struct aws_tag {
    const char *key;
    const char *value;
};

struct aws_role {
    const char *arn;
    const char *session_name;   /* NULL: one is made */
    const char *external_id;    /* NULL: none */
    const struct aws_tag *tags; /* session tags; copied */
    size_t tag_count;
    unsigned duration_s; /* 0: the service's default */
    const char *region;  /* of the STS endpoint; NULL: the session's, else us-east-1 or its like */
};

/*
 * By botocore's order, but as the vectors have it where they say (sources are named in the table at
 * the head of identity_chain.c). Nothing is asked yet. The session is borrowed. A profile that the
 * caller gave to the session leaves out the environment's keys and its web identity.
 */
bool aws_identity_chain(struct aws_session *session, struct aws_identity **out,
                        struct err *err) MUST_CHECK;
/* base is borrowed and used for each refresh. */
bool aws_identity_role(struct aws_session *session, struct aws_identity *base,
                       const struct aws_role *role, struct aws_identity **out,
                       struct err *err) MUST_CHECK;
/* Any other source, for tests and for callers with a source of their own: fetch is called by one
 * thread at a time; arg is borrowed. */
typedef bool (*aws_fetch)(void *arg, struct aws_credentials *out, struct err *err);
bool aws_identity_custom(struct aws_session *session, aws_fetch fetch, void *arg,
                         struct aws_identity **out, struct err *err) MUST_CHECK;
void aws_identity_free(struct aws_identity *identity); /* NULL is allowed */

/*
 * A copy for the caller, who frees it with aws_credentials_free. ERR_AUTH when there are no
 * credentials at all (the message lists what was tried and found missing) or a source refused;
 * ERR_TRANSIENT, ERR_USAGE, ERR_DATA, ERR_CANCELLED as the source's call says.
 *
 * When an early refresh fails, for whatever reason but ERR_CANCELLED, the credentials at hand are
 * given. When a late one fails with ERR_TRANSIENT and they still live, those are given too; another
 * error is handed to all who waited.
 */
bool aws_identity_get(struct aws_identity *identity, struct aws_credentials *out,
                      struct err *err) MUST_CHECK;

/* The service said that these have expired or are not known: the next get fetches anew, unless
 * somebody has done so since. */
void aws_identity_refused(struct aws_identity *identity, const struct aws_credentials *refused);

/* How often the source was really asked. */
unsigned aws_identity_fetches(const struct aws_identity *identity);

#endif
