/* depot_fixture.h: a small depot without threads, whose batches are told by their number. */
#ifndef TESTS_DEPOT_FIXTURE_H
#define TESTS_DEPOT_FIXTURE_H

#include "unit.h"

#include "base/clock.h"
#include "flow/depot.h"

#include <string.h>

#define ROOM       ((size_t)1000)
#define BATCHES(n) ((uint64_t)(n)*batch_memory_bytes(ROOM))

static const struct task depot_task = {.serial = 1, .parts = 1};

static inline struct depot *open_depot(unsigned readers, unsigned writers, unsigned packers,
                                       size_t batches)
{
    struct depot_options o = {.memory_bytes = BATCHES(batches),
                              .room = ROOM,
                              .readers = readers,
                              .writers = writers,
                              .packers = packers,
                              .pack = packers > 0,
                              .pack_early = true};
    struct depot *d = depot_new(&o);
    assert_non_null(d);
    return d;
}

/* A batch from the reader of p, with rows that are told by their number. */
static inline void put(struct depot *d, struct parcel *p, int number)
{
    uint64_t wait_ns = 0;
    struct batch *b = depot_take(d, p, &wait_ns);
    assert_non_null(b);
    memset(b->bytes, number, 100);
    b->content.bytes = 100;
    b->content.rows = 1;
    batch_seal(b);
    assert_true(depot_put(d, p, b));
}

static inline void put_many(struct depot *d, struct parcel *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(d, p, 'a' + (int)i);
    }
}

static inline struct parcel *next(struct depot *d, unsigned writer)
{
    uint64_t wait_ns = 0;
    return depot_next(d, writer, &wait_ns);
}

/* The number of the batch that was sent; 0 at the end, '!' when the reader failed. */
static inline char send(struct depot *d, struct parcel *p)
{
    struct piece piece;
    uint64_t wait_ns = 0;
    enum depot_got got = depot_get(d, p, &piece, &wait_ns);
    if (got == DEPOT_BROKEN) {
        return '!';
    }
    if (got == DEPOT_END) {
        return 0;
    }
    assert_int_equal(got, DEPOT_PIECE);
    char number = piece.batch->bytes[0];
    depot_sent(d, p);
    return number;
}

static inline struct depot_view look(struct depot *d)
{
    struct depot_view v;
    depot_look(d, &v);
    return v;
}

static inline void end_readers(struct depot *d, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        depot_reader_ended(d);
    }
}

#endif
