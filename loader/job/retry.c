#include "job/retry.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define GROWTH 3 /* a wait is at most so many times the last one */

static uint64_t times(uint64_t value, uint64_t factor)
{
    return value > UINT64_MAX / factor ? UINT64_MAX : value * factor;
}

/* Time that goes backwards counts as none. */
static uint64_t failing_ms(const struct retry *r, uint64_t now_ns)
{
    return now_ns > r->first_fail_ns ? (now_ns - r->first_fail_ns) / NS_PER_MS : 0;
}

static uint64_t next_wait_ms(const struct retry *r, const struct retry_policy *policy,
                             struct rng *rng)
{
    uint64_t last = r->last_wait_ms < policy->base_ms ? policy->base_ms : r->last_wait_ms;
    uint64_t high = times(last, GROWTH);

    high = high > policy->cap_ms ? policy->cap_ms : high;
    return high <= policy->base_ms ? high : rng_between(rng, policy->base_ms, high);
}

enum retry_verdict retry_failed(struct retry *r, const struct retry_policy *policy,
                                enum err_kind kind, uint64_t now_ns, struct rng *rng,
                                uint64_t *wait_ms)
{
    if (r->attempts == 0) {
        r->first_fail_ns = now_ns;
    }
    r->attempts++;

    uint64_t spent_ms = failing_ms(r, now_ns);
    if (kind != ERR_TRANSIENT || r->attempts >= policy->attempts_max ||
        spent_ms >= policy->budget_ms) {
        return RETRY_GIVE_UP;
    }
    r->last_wait_ms = next_wait_ms(r, policy, rng);
    /* The last attempt is made when the budget ends, not skipped because its wait passes that. */
    uint64_t left_ms = policy->budget_ms - spent_ms;
    *wait_ms = r->last_wait_ms < left_ms ? r->last_wait_ms : left_ms;
    return RETRY_AGAIN;
}

void retry_succeeded(struct retry *r)
{
    *r = (struct retry){0};
}

/* The first line of text, at most max bytes, no half of a UTF-8 character: libpq ends its messages
 * with a newline and adds lines of advice, which would tear a folded message apart. */
static size_t reason_len(const char *text, size_t max)
{
    size_t len = strcspn(text, "\r\n");

    if (len <= max) {
        return len;
    }
    while (max > 0 && ((unsigned char)text[max] & 0xC0) == 0x80) {
        max--;
    }
    return max;
}

void retry_reason_add(struct retry_reasons *reasons, const char *text)
{
    size_t len = reason_len(text, sizeof(reasons->items[0].text) - 1);

    for (size_t i = 0; i < RETRY_REASONS_MAX; i++) {
        char *have = reasons->items[i].text;
        if (reasons->items[i].count == 0) {
            memcpy(have, text, len);
            have[len] = '\0';
        } else if (strlen(have) != len || memcmp(have, text, len) != 0) {
            continue;
        }
        reasons->items[i].count++;
        return;
    }
    reasons->others++;
}

/* Adds "N x reason" at out + used and returns the new length; never past size. */
static size_t say_one(char *out, size_t size, size_t used, unsigned count, const char *reason)
{
    int len = snprintf(out + used, size - used, "%s%u x %s", used == 0 ? "" : ", ", count, reason);

    if (len < 0) {
        return used;
    }
    return (size_t)len < size - used ? used + (size_t)len : size - 1;
}

void retry_reasons_say(const struct retry_reasons *reasons, char *out, size_t size)
{
    size_t used = 0;

    if (size == 0) {
        return;
    }
    out[0] = '\0';
    for (size_t i = 0; i < RETRY_REASONS_MAX && reasons->items[i].count > 0; i++) {
        used = say_one(out, size, used, reasons->items[i].count, reasons->items[i].text);
    }
    if (reasons->others > 0) {
        (void)say_one(out, size, used, reasons->others, "another reason");
    }
}
