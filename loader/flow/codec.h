/*
 * codec.h: packs the rows of several batches into one, by zstd. The only file that knows zstd.
 *
 * A packed batch is a row of frames, each made of one batch: its content as it was sealed (struct
 * content, fixed-width little-endian), the length of what follows, 32 bits of a checksum of these,
 * and that: a zstd frame, or the bytes themselves where zstd would not make them smaller. A frame
 * of a full batch that does not shrink fits an empty batch (BATCH_SLACK_BYTES is for its header).
 *
 * A codec belongs to one thread; its zstd contexts are made at the first use and reused. Their
 * memory is bounded: the window is never larger than a batch.
 */
#ifndef FLOW_CODEC_H
#define FLOW_CODEC_H

#include "base/err.h"
#include "flow/batch.h"

#include <stddef.h>

#define CODEC_LEVEL_STORED 0 /* packs without compressing */
#define CODEC_LEVEL_MIN    1
#define CODEC_LEVEL_MAX    19

struct codec;

struct codec *codec_new(void); /* NULL without memory */
void codec_free(struct codec *c);
size_t codec_memory_bytes(const struct codec *c); /* of its contexts, now */

enum codec_status {
    CODEC_PACKED,
    CODEC_NO_ROOM, /* into is as it was; an empty one takes any batch of the same room */
    CODEC_FAILED,
};

/* Appends from (SEALED or PACKING, not packed) to into (FILLING; empty or packed) as one frame.
 * FAILED: ERR_SYSTEM without memory, ERR_DATA when from is not what was sealed. */
enum codec_status codec_pack(struct codec *c, int level, const struct batch *from,
                             struct batch *into, struct err *err) MUST_CHECK;

/* The frame at *at of packed, into an empty batch (FILLING) of the same room, which comes out
 * SEALED; *at moves behind it. ERR_DATA when the frame is damaged: every length is checked, nothing
 * is read or written outside the two batches. */
bool codec_unpack(struct codec *c, const struct batch *packed, size_t *at, struct batch *into,
                  struct err *err) MUST_CHECK;

#endif
