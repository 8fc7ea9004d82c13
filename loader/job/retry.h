/*
 * retry.h: when to try again, as a value. Pure: time and randomness come in as arguments.
 *
 * Waits grow with decorrelated jitter (each between base and three times the last one, capped), so
 * that streams that failed together do not come back together. A job gives up when it has met
 * nothing but failures for budget_ms; any success starts the budget afresh.
 */
#ifndef JOB_RETRY_H
#define JOB_RETRY_H

#include "base/err.h"
#include "base/rng.h"

#include <stddef.h>
#include <stdint.h>

struct retry_policy {
    unsigned attempts_max; /* for one chunk */
    uint64_t base_ms;
    uint64_t cap_ms;
    uint64_t budget_ms;
};

/* One thing that is being retried. Zeroed at the start. */
struct retry {
    unsigned attempts;      /* failed ones */
    uint64_t first_fail_ns; /* monotonic */
    uint64_t last_wait_ms;
};

enum retry_verdict { RETRY_AGAIN, RETRY_GIVE_UP };

/* Counts a failure of this kind at now_ns. AGAIN sets *wait_ms. Only ERR_TRANSIENT is tried again.
 */
enum retry_verdict retry_failed(struct retry *r, const struct retry_policy *policy,
                                enum err_kind kind, uint64_t now_ns, struct rng *rng,
                                uint64_t *wait_ms);
void retry_succeeded(struct retry *r);

/* The different reasons met, with how often: "5 x connection refused, 1 x timeout". */
#define RETRY_REASONS_MAX 8
struct retry_reasons {
    struct {
        char text[160];
        unsigned count;
    } items[RETRY_REASONS_MAX];
    unsigned others; /* of reasons past the first eight */
};
void retry_reason_add(struct retry_reasons *reasons, const char *text); /* cut at 159 bytes */
void retry_reasons_say(const struct retry_reasons *reasons, char *out, size_t size);

#endif
