/* refusal.h: what an AWS error means: a sorted table from code to kind, and readers of both forms
 * in which errors come. Pure. Sources: the services' API references and botocore's retry lists. */
#ifndef AWS_REFUSAL_H
#define AWS_REFUSAL_H

#include "aws/call.h"
#include "aws/http.h"
#include "base/err.h"

enum refusal_class {
    REFUSAL_DENIED,      /* not allowed: ERR_AUTH */
    REFUSAL_CREDENTIALS, /* keys unknown or signature wrong: ERR_AUTH */
    REFUSAL_EXPIRED,     /* the session token has expired: fetch new ones once, then ERR_AUTH */
    REFUSAL_CLOCK,       /* our clock is off: correct it once, then ERR_AUTH */
    REFUSAL_THROTTLED,   /* ERR_TRANSIENT */
    REFUSAL_TRANSIENT,   /* ERR_TRANSIENT */
    REFUSAL_MISSING,     /* what is named does not exist or cannot be used so: ERR_USAGE */
    REFUSAL_DISABLED,    /* a key that is disabled or pending deletion: ERR_AUTH */
    REFUSAL_OTHER,       /* ERR_USAGE for a 4xx */
};

/* Reads the code and message from a reply's headers and JSON or XML body; leaves "" what it cannot
 * find; never fails. */
void refusal_read(const struct http_reply *reply, struct aws_refusal *out);
/* skew_ms: how far the reply's Date is from ours; a signature refusal is about the clock when that
 * is more than four minutes. */
enum refusal_class refusal_class(const struct aws_refusal *refusal, int64_t skew_ms);
enum err_kind refusal_kind(enum refusal_class c);

#endif
