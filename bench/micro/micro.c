#include "bench/micro/micro.h"

#include "base/clock.h"
#include "base/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void micro_require(int ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "bench-micro: %s failed\n", what);
        abort();
    }
}

void micro_title(void)
{
    (void)printf("%-44s %12s %10s %8s\n", "", "ns/op", "MB/s", "spread");
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void micro_measure(const struct micro *m)
{
    uint64_t took[MICRO_REPEATS];
    m->run(m->context, m->ops);
    for (int i = 0; i < MICRO_REPEATS; i++) {
        uint64_t start = clock_mono_ns();
        m->run(m->context, m->ops);
        took[i] = clock_mono_ns() - start;
    }
    qsort(took, MICRO_REPEATS, sizeof took[0], by_value);
    uint64_t middle = took[MICRO_REPEATS / 2];
    double median = (double)middle;
    double spread = (double)(took[MICRO_REPEATS - 1] - took[0]) * 100.0 / median;
    double rate = (double)m->bytes * (double)m->ops / median * 1000.0; /* of 10^6 bytes a second */

    (void)printf("%-44s %12.1f ", m->name, median / (double)m->ops);
    if (m->bytes > 0) {
        (void)printf("%10.0f ", rate);
    } else {
        (void)printf("%10s ", "");
    }
    (void)printf("%7.0f%%\n", spread);
    (void)fflush(stdout);
}

static size_t put_field(char *to, const void *bytes, uint32_t len)
{
    for (unsigned i = 0; i < 4; i++) {
        to[i] = (char)(len >> (8 * (3 - i)));
    }
    memcpy(to + 4, bytes, len);
    return 4 + len;
}

static size_t put_number(char *to, uint64_t value, unsigned bytes)
{
    char number[8];
    for (unsigned i = 0; i < bytes; i++) {
        number[i] = (char)(value >> (8 * (bytes - 1 - i)));
    }
    return put_field(to, number, bytes);
}

static size_t put_words(char *to, struct rng *rng)
{
    static const char *const words[] = {
        "order",    "blue",  "the", "express", "pending", "carefully", "package", "final",
        "accounts", "sleep", "of",  "regular", "deposit", "across",    "quick",   "ironic"};
    char text[128];
    size_t len = 0;
    for (uint64_t left = rng_between(rng, 2, 8); left > 0; left--) {
        const char *word = words[rng_between(rng, 0, 15)];
        size_t n = strlen(word);
        memcpy(text + len, word, n); /* NOLINT(bugprone-not-null-terminated-result) */
        len += n;
        text[len++] = ' ';
    }
    return put_field(to, text, (uint32_t)len);
}

static size_t put_row(char *to, struct rng *rng, uint64_t key)
{
    size_t len = 2;
    char code[6];
    to[0] = 0;
    to[1] = 5;
    len += put_number(to + len, key, 8);
    len += put_number(to + len, rng_between(rng, 1, 100000), 4);
    len += put_number(to + len,
                      UINT64_C(700000000000000) + key * 1000000 + rng_between(rng, 0, 999999), 8);
    len += put_words(to + len, rng);
    for (size_t i = 0; i < sizeof code; i++) {
        code[i] = (char)('A' + rng_between(rng, 0, 25));
    }
    return len + put_field(to + len, code, sizeof code);
}

struct batch *micro_rows(uint64_t seed)
{
    struct batch *b = batch_new(MICRO_ROOM);
    struct rng rng;
    micro_require(b != NULL, "memory");
    rng_seed(&rng, seed);
    batch_move(b, BATCH_FILLING);
    while (b->content.bytes + 256 < b->room) {
        size_t len = put_row(b->bytes + b->content.bytes, &rng, seed * 100000 + b->content.rows);
        b->content.bytes += (uint32_t)len;
        b->content.rows++;
    }
    batch_seal(b);
    return b;
}

void micro_reuse(struct batch *b)
{
    if (b->state != BATCH_EMPTY) {
        batch_move(b, BATCH_EMPTY);
    }
    batch_move(b, BATCH_FILLING);
}
