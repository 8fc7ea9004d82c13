/*
 * identity_source.h: what stands behind an identity's cache. Private to aws/identity*.c and
 * aws/credentials_*.c.
 */
#ifndef AWS_IDENTITY_SOURCE_H
#define AWS_IDENTITY_SOURCE_H

#include "aws/identity.h"

#define CREDENTIALS_MISSING_MAX 200

/*
 * What a source of the default chain has to say besides its credentials. found false: it is not
 * configured or does not exist here, and the chain goes on; missing says what was looked for, as
 * part of a sentence. An error ends the search: a source that was chosen and then fails is not
 * passed over for another identity.
 */
struct credentials_answer {
    bool found;
    char missing[CREDENTIALS_MISSING_MAX];
};

/* Sets both and returns true, so that a source ends in one line. */
bool credentials_missing(struct credentials_answer *answer, const char *fmt, ...) PRINTF_LIKE(2, 3);

struct aws_source {
    aws_fetch fetch; /* called by one thread at a time */
    void *arg;
    void (*release)(void *arg); /* NULL: arg is borrowed */
};

/* The source becomes the identity's; on failure it stays the caller's. */
bool aws_identity_make(struct aws_session *session, const struct aws_source *source,
                       struct aws_identity **out, struct err *err) MUST_CHECK;

/* Asks the source itself, past the cache, which is neither read nor filled. Only for an identity
 * that nobody else uses. */
bool aws_identity_ask(struct aws_identity *identity, struct aws_credentials *out,
                      struct err *err) MUST_CHECK;

#endif
