/* Packing and unpacking rows, by level: batches one after the other into one until it is full. */
#include "bench/micro/micro.h"

#include "flow/codec.h"

#include <stdio.h>

#define RAW 16

struct bench {
    struct codec *codec;
    int level;
    struct batch *raw[RAW];
    struct batch *packed;
    struct batch *rows;
    uint64_t raw_bytes; /* what went in, and what it came to */
    uint64_t packed_bytes;
};

static void pack(void *context, uint64_t ops)
{
    struct bench *b = context;
    struct err err;
    b->raw_bytes = b->packed_bytes = 0;
    micro_reuse(b->packed);
    for (uint64_t i = 0; i < ops; i++) {
        const struct batch *from = b->raw[i % RAW];
        enum codec_status status = codec_pack(b->codec, b->level, from, b->packed, &err);
        if (status == CODEC_NO_ROOM) {
            b->packed_bytes += b->packed->content.bytes;
            micro_reuse(b->packed);
            status = codec_pack(b->codec, b->level, from, b->packed, &err);
        }
        micro_require(status == CODEC_PACKED, "packing");
        b->raw_bytes += from->content.bytes;
    }
    b->packed_bytes += b->packed->content.bytes;
}

static void unpack(void *context, uint64_t ops)
{
    struct bench *b = context;
    struct err err;
    for (uint64_t i = 0; i < ops; i++) {
        size_t at = 0;
        micro_reuse(b->rows);
        micro_require(codec_unpack(b->codec, b->packed, &at, b->rows, &err), "unpacking");
    }
}

int main(void)
{
    static const int levels[] = {CODEC_LEVEL_STORED, 1, 3, 6, 9};
    struct bench b = {codec_new(), 0, {0}, batch_new(MICRO_ROOM), batch_new(MICRO_ROOM), 0, 0};
    micro_require(b.codec != NULL && b.packed != NULL && b.rows != NULL, "memory");
    for (unsigned i = 0; i < RAW; i++) {
        b.raw[i] = micro_rows(i);
    }
    micro_title();
    for (unsigned i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        char name[96];
        b.level = levels[i];
        uint64_t bytes = b.raw[0]->content.bytes;
        (void)snprintf(name, sizeof name, "codec_pack, level %d", b.level);
        micro_measure(&(struct micro){name, RAW, bytes, pack, &b});
        double ratio = (double)b.raw_bytes / (double)b.packed_bytes;
        size_t memory = codec_memory_bytes(b.codec);
        (void)snprintf(name, sizeof name, "codec_unpack (shrunk %.2f times, %zu kB)", ratio,
                       memory >> 10);
        micro_measure(&(struct micro){name, RAW, bytes, unpack, &b});
    }
    codec_free(b.codec);
    batch_free(b.packed);
    batch_free(b.rows);
    for (unsigned i = 0; i < RAW; i++) {
        batch_free(b.raw[i]);
    }
    return 0;
}
