/*
 * fuzz_frames: for any bytes as a packed batch, unpacking either gives sealed rows whose checksum
 * holds and moves on inside the bytes, or says ERR_DATA and leaves the empty batch as it was. What
 * came out packs again. The first byte of the input says whether checksums are mended first, so
 * that what they hide is reached.
 */
#include "flow/codec.h"
#include "flow/little.h"

#include <stdlib.h>
#include <string.h>

#define ROOM   65536u
#define HEADER 40u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
    if (!ok) {
        abort();
    }
}

static void empty(struct batch *b)
{
    if (b->state != BATCH_EMPTY) {
        batch_move(b, BATCH_EMPTY);
    }
    batch_move(b, BATCH_FILLING);
}

/* Of each header; and of rows that are stored as they are. */
static void mend(struct batch *packed)
{
    unsigned char *bytes = (unsigned char *)packed->bytes;
    for (size_t at = 0; at + HEADER <= packed->content.bytes;) {
        uint64_t len = little_get(bytes + at + 32, 4);
        if (len == little_get(bytes + at + 24, 4) && len <= packed->content.bytes - at - HEADER) {
            little_put(bytes + at + 16, batch_checksum(bytes + at + HEADER, (size_t)len), 8);
        }
        little_put(bytes + at + 36, batch_checksum(bytes + at, 36), 4);
        at += HEADER + (size_t)len;
    }
}

static void pack_again(struct codec *codec, const struct batch *rows, struct batch *into)
{
    struct err err = {0};
    empty(into);
    require(codec_pack(codec, 1, rows, into, &err) == CODEC_PACKED);
    require(into->content.rows == rows->content.rows);
}

static void unpack_all(struct codec *codec, const struct batch *packed, struct batch *rows,
                       struct batch *again)
{
    struct err err = {0};
    size_t at = 0;

    for (;;) {
        size_t before = at;
        empty(rows);
        if (!codec_unpack(codec, packed, &at, rows, &err)) {
            require(err.kind == ERR_DATA && at == before);
            require(rows->state == BATCH_FILLING && rows->content.bytes == 0);
            return;
        }
        require(at > before && at <= packed->content.bytes);
        require(rows->state == BATCH_SEALED && rows->content.bytes <= rows->room);
        require(batch_verify(rows, &err));
        pack_again(codec, rows, again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = size > ROOM ? ROOM : size;
    len -= len > 0;
    struct codec *codec = codec_new();
    struct batch *packed = batch_new(len > 0 ? len : 1); /* no larger, so that ASan sees the end */
    struct batch *rows = batch_new(ROOM);
    struct batch *again = batch_new(ROOM);
    require(codec != NULL && packed != NULL && rows != NULL && again != NULL);

    empty(packed);
    if (len > 0) {
        memcpy(packed->bytes, data + 1, len);
    }
    packed->content.bytes = (uint32_t)len;
    if (size > 0 && data[0] % 2 == 1) {
        mend(packed);
    }
    unpack_all(codec, packed, rows, again);
    codec_free(codec);
    batch_free(packed);
    batch_free(rows);
    batch_free(again);
    return 0;
}
