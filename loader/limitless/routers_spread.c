/* How many writers each router should have; pure. */
#include "limitless/routers_internal.h"

#include <assert.h>

double routers_sane_load(double load)
{
    return load >= 0 && load <= 1 ? load : 1; /* also for what is no number */
}

unsigned router_weight(double load)
{
    unsigned rounded = (unsigned)(10.5 - 10 * routers_sane_load(load));
    return rounded < 1 ? 1 : rounded;
}

/* The router with the largest remainder gets the next writer that whole shares left over. */
static void give_rest(const unsigned *weights, size_t count, uint64_t n, uint64_t sum,
                      unsigned *out)
{
    uint64_t rest = n;
    bool given[ROUTERS_MAX] = {false};
    for (size_t i = 0; i < count; i++) {
        out[i] = (unsigned)(n * weights[i] / sum);
        rest -= out[i];
    }
    for (; rest > 0; rest--) {
        size_t best = count;
        for (size_t i = 0; i < count; i++) {
            if (!given[i] && weights[i] > 0 &&
                (best == count || n * weights[i] % sum > n * weights[best] % sum)) {
                best = i;
            }
        }
        assert(best < count); /* fewer are left over than there are remainders */
        given[best] = true;
        out[best]++;
    }
}

/* From the one with the most to one with none. */
static bool take_one(size_t count, unsigned *out, size_t to)
{
    size_t most = 0;
    for (size_t i = 1; i < count; i++) {
        most = out[i] > out[most] ? i : most;
    }
    if (out[most] < 2) {
        return false;
    }
    out[most]--;
    out[to]++;
    return true;
}

void routers_spread(const unsigned *weights, size_t count, unsigned n, unsigned *out)
{
    uint64_t sum = 0;
    assert(count <= ROUTERS_MAX);
    for (size_t i = 0; i < count; i++) {
        out[i] = 0;
        sum += weights[i];
    }
    if (sum == 0) {
        return;
    }
    give_rest(weights, count, n, sum, out);
    for (size_t i = 0; i < count; i++) {
        if (weights[i] > 0 && out[i] == 0 && !take_one(count, out, i)) {
            break;
        }
    }
}
