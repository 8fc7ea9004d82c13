/* call_error.h: what a person reads when a call of AWS failed: the operation, who called, what was
 * answered, and what to do about it. Private to call.c. Pure. */
#ifndef AWS_CALL_ERROR_H
#define AWS_CALL_ERROR_H

#include "aws/call.h"
#include "aws/refusal.h"
#include "base/err.h"

#include <stdint.h>

struct call_failure {
    const struct aws_call *call;
    const char *identity; /* NULL: the call is not signed */
    const char *account;  /* of the caller, "" unknown */
    const char *region;
    const char *host;
    unsigned attempts;
    int64_t skew_ms; /* AWS's clock minus ours, 0 unknown */
};

/* These return false, as err_set does. */
bool call_error_refused(const struct call_failure *f, const struct aws_refusal *refusal,
                        enum refusal_class class, struct err *err);
/* why: what http_send said. */
bool call_error_unreached(const struct call_failure *f, const struct err *why, struct err *err);
/* why: what the reader said of a 2xx answer. */
bool call_error_no_answer(const struct call_failure *f, const struct aws_refusal *reply,
                          const struct err *why, struct err *err);

#endif
