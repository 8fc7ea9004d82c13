/*
 * session.h: one process's view of AWS: settings, and the clock as AWS sees it. Made once, shared
 * by all threads, freed last.
 */
#ifndef AWS_SESSION_H
#define AWS_SESSION_H

#include "aws/platform.h"
#include "aws/settings.h"
#include "base/err.h"

#include <stdatomic.h>
#include <stdint.h>

struct aws_session {
    const struct aws_platform *platform; /* borrowed */
    struct aws_settings settings;
    /* AWS's clock minus ours, learned from a refused request; 0 while they agree within limits. A
     * single word that needs no order with anything else. */
    _Atomic int64_t skew_ms;
};

/* Fills *out in its place: it is not to be moved or copied afterwards. Errors as
 * aws_settings_read. */
bool aws_session_open(const struct aws_platform *platform, const char *profile, const char *region,
                      struct aws_session *out, struct err *err) MUST_CHECK;
void aws_session_close(struct aws_session *s); /* NULL and zeroed are allowed */

/* Unix time as AWS sees it. */
int64_t aws_session_now_s(const struct aws_session *s);
/* How far AWS's clock is ahead of ours, in seconds; 0 when nothing was noticed. */
int64_t aws_session_skew_s(const struct aws_session *s);

#endif
