/* rng.h: a small seedable generator for jitter and for fault tests; not for secrets. One owner. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state; /* never 0 */
};

void rng_seed(struct rng *rng, uint64_t seed); /* any seed, 0 included */
uint64_t rng_next(struct rng *rng);
uint64_t rng_between(struct rng *rng, uint64_t low, uint64_t high); /* low <= result <= high */
uint64_t rng_entropy(void);                                         /* a seed from the kernel */

#endif
