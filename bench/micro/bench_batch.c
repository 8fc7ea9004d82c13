/* Sealing and verifying a batch, in the cache and out of it. */
#include "bench/micro/micro.h"

#include "base/err.h"

#define MANY 256 /* 64 MB: more than a cache */

static void seal(void *context, uint64_t ops)
{
    struct batch **b = context;
    for (uint64_t i = 0; i < ops; i++) {
        struct batch *one = b[i % MANY];
        one->state = BATCH_FILLING;
        batch_seal(one);
    }
}

static void verify(void *context, uint64_t ops)
{
    struct batch **b = context;
    struct err err;
    for (uint64_t i = 0; i < ops; i++) {
        micro_require(batch_verify(b[i % MANY], &err), "verify");
    }
}

static void verify_hot(void *context, uint64_t ops)
{
    struct batch **b = context;
    struct err err;
    for (uint64_t i = 0; i < ops; i++) {
        micro_require(batch_verify(b[0], &err), "verify");
    }
}

static void make_and_free(void *context, uint64_t ops)
{
    (void)context;
    for (uint64_t i = 0; i < ops; i++) {
        struct batch *b = batch_new(MICRO_ROOM);
        micro_require(b != NULL, "memory");
        batch_free(b);
    }
}

int main(void)
{
    static struct batch *many[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        many[i] = micro_rows(i);
    }
    uint64_t bytes = many[0]->content.bytes;
    micro_title();
    micro_measure(&(struct micro){"batch_seal, cold", 4096, bytes, seal, many});
    micro_measure(&(struct micro){"batch_verify, cold", 4096, bytes, verify, many});
    micro_measure(&(struct micro){"batch_verify, hot", 4096, bytes, verify_hot, many});
    micro_measure(&(struct micro){"batch_new and batch_free", 4096, 0, make_and_free, NULL});
    for (unsigned i = 0; i < MANY; i++) {
        batch_free(many[i]);
    }
    return 0;
}
