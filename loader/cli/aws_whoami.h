/* aws_whoami.h: what "sluice aws whoami" has found out, and how it is said. Pure. */
#ifndef CLI_AWS_WHOAMI_H
#define CLI_AWS_WHOAMI_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

struct whoami {
    const char *arn, *account, *user_id; /* as STS says them */
    const char *credentials;             /* where they come from, in words */
    int64_t expires_s;                   /* Unix time; 0: they do not expire */
    int64_t now_s;                       /* as AWS sees it */
    const char *region;                  /* "" when none is set */
    const char *endpoint;                /* of STS */
    int64_t skew_s;                      /* AWS's clock minus ours; 0: nothing was noticed */
};

void whoami_text(const struct whoami *w, struct buf *out);
/* ERR_SYSTEM without memory. */
bool whoami_json(const struct whoami *w, struct buf *out, struct err *err) MUST_CHECK;

#endif
