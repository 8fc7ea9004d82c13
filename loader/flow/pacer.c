#include "flow/pacer.h"

#include "base/clock.h"

#define BUCKET_NS (NS_PER_S / 10) /* what an idle pacer may grant without a wait */

/* Whole seconds apart from the rest, so that no product overflows at any rate up to 16 GB/s; more
 * than that much rest is less than a nanosecond a byte, and may be rounded. */
static uint64_t cost_ns(uint64_t bytes, uint64_t bytes_per_s)
{
    uint64_t seconds = bytes / bytes_per_s;
    uint64_t rest = bytes % bytes_per_s;

    if (seconds > UINT64_MAX / NS_PER_S / 4) {
        return UINT64_MAX / 4; /* for ever, and still addable */
    }
    if (rest > UINT64_MAX / NS_PER_S) {
        return seconds * NS_PER_S + rest / (bytes_per_s / NS_PER_S);
    }
    return seconds * NS_PER_S + rest * NS_PER_S / bytes_per_s;
}

uint64_t pacer_take(struct pacer *p, uint64_t bytes, uint64_t now_ns)
{
    if (p->bytes_per_s == 0) {
        return 0;
    }
    /* An idle time longer than the bucket is forgotten. */
    uint64_t floor_ns = now_ns > BUCKET_NS ? now_ns - BUCKET_NS : 0;
    uint64_t from_ns = p->free_at_ns > floor_ns ? p->free_at_ns : floor_ns;
    uint64_t cost = cost_ns(bytes, p->bytes_per_s);

    p->free_at_ns = from_ns > UINT64_MAX - cost ? UINT64_MAX : from_ns + cost;
    return p->free_at_ns > now_ns ? p->free_at_ns - now_ns : 0;
}
