#include "flow/codec.h"

#include "flow/little.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

/* Of a frame: rows, raw_bytes, checksum, bytes, frames (0), length of what follows; and half a
 * checksum of these, since rows are all that nothing else would prove. */
#define HEADER_BYTES 40u
#define SUM_AT       36u
/* A packed batch leaves the rest of the slack to the spill file's tag. */
#define BEYOND_ROOM_BYTES 48u
_Static_assert(HEADER_BYTES <= BEYOND_ROOM_BYTES && BEYOND_ROOM_BYTES + 16 <= BATCH_SLACK_BYTES,
               "a header and a tag fit behind a full batch");

#define WINDOW_LOG_MIN 10
#define WINDOW_LOG_MAX 24
#define SHRUNK_PERCENT 97u /* a frame that stays larger than this is stored */

struct codec {
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
    int level;         /* what pack is set to; 0: nothing yet */
    int window_log;    /* likewise */
    unsigned permille; /* what packing lately left of a batch; 0: not known */
};

struct codec *codec_new(void)
{
    return calloc(1, sizeof(struct codec));
}

void codec_free(struct codec *c)
{
    if (c == NULL) {
        return;
    }
    (void)ZSTD_freeCCtx(c->pack);
    (void)ZSTD_freeDCtx(c->unpack);
    free(c);
}

size_t codec_memory_bytes(const struct codec *c)
{
    return sizeof *c + ZSTD_sizeof_CCtx(c->pack) + ZSTD_sizeof_DCtx(c->unpack);
}

static uint32_t header_sum(const char *at)
{
    return (uint32_t)batch_checksum(at, SUM_AT);
}

static void put_header(char *at, const struct content *content, size_t len)
{
    unsigned char *to = (unsigned char *)at;
    little_put(to, content->rows, 8);
    little_put(to + 8, content->raw_bytes, 8);
    little_put(to + 16, content->checksum, 8);
    little_put(to + 24, content->bytes, 4);
    little_put(to + 28, content->frames, 4);
    little_put(to + 32, len, 4);
    little_put(to + SUM_AT, header_sum(at), 4);
}

static size_t get_header(const char *at, struct content *content)
{
    const unsigned char *from = (const unsigned char *)at;
    content->rows = little_get(from, 8);
    content->raw_bytes = little_get(from + 8, 8);
    content->checksum = little_get(from + 16, 8);
    content->bytes = (uint32_t)little_get(from + 24, 4);
    content->frames = (uint32_t)little_get(from + 28, 4);
    return (size_t)little_get(from + 32, 4);
}

/* The smallest window over all of a batch. */
static int window_log(size_t room)
{
    int log = WINDOW_LOG_MIN;
    while (log < WINDOW_LOG_MAX && ((size_t)1 << log) < room) {
        log++;
    }
    return log;
}

static bool zstd_failed(size_t code, struct err *err)
{
    return err_set(err, ERR_SYSTEM, "cannot compress: %s", ZSTD_getErrorName(code));
}

static bool set_pack_context(struct codec *c, int level, size_t room, struct err *err)
{
    int log = window_log(room);
    if (c->pack != NULL && c->level == level && c->window_log == log) {
        return true;
    }
    if (c->pack == NULL && (c->pack = ZSTD_createCCtx()) == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for compressing");
    }
    c->level = 0;
    c->permille = 0;
    /* After a frame that did not fit zstd is still in the middle of it, and takes no parameters. */
    (void)ZSTD_CCtx_reset(c->pack, ZSTD_reset_session_only);
    const int values[][2] = {
        {ZSTD_c_compressionLevel, level},
        {ZSTD_c_windowLog,        log  },
        {ZSTD_c_contentSizeFlag,  0    },
        {ZSTD_c_checksumFlag,     0    },
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        size_t code = ZSTD_CCtx_setParameter(c->pack, (ZSTD_cParameter)values[i][0], values[i][1]);
        if (ZSTD_isError(code)) {
            return zstd_failed(code, err);
        }
    }
    c->level = level;
    c->window_log = log;
    return true;
}

/* Whether from fits, going by the batches before it: a try in vain costs as much as packing does,
 * while ending a packed batch a little early costs a part of a frame. */
static bool seems_to_fit(const struct codec *c, const struct batch *from, size_t room)
{
    uint64_t guess = (uint64_t)from->content.bytes * c->permille / 1000;
    return guess + guess / 50 <= room;
}

static void remember(struct codec *c, size_t len, size_t bytes)
{
    unsigned permille = (unsigned)((uint64_t)len * 1000 / bytes);
    c->permille = c->permille == 0 ? permille : (3 * c->permille + permille) / 4;
}

struct space {
    char *at;
    size_t room;
};

static enum codec_status compress(struct codec *c, const struct batch *from, struct space to,
                                  size_t *len, struct err *err)
{
    size_t worth = (size_t)((uint64_t)from->content.bytes * SHRUNK_PERCENT / 100);
    size_t most = worth < to.room ? worth : to.room;
    size_t code = ZSTD_compress2(c->pack, to.at, most, from->bytes, from->content.bytes);

    if (!ZSTD_isError(code)) {
        remember(c, code, from->content.bytes);
        *len = code;
        return CODEC_PACKED;
    }
    if (ZSTD_getErrorCode(code) != ZSTD_error_dstSize_tooSmall) {
        (void)zstd_failed(code, err);
        return CODEC_FAILED;
    }
    if (worth <= to.room) {
        remember(c, from->content.bytes, from->content.bytes);
    }
    return CODEC_NO_ROOM;
}

/* The bytes of from, compressed or as they are. */
static enum codec_status put_bytes(struct codec *c, int level, const struct batch *from,
                                   struct space to, size_t *len, struct err *err)
{
    if (level != CODEC_LEVEL_STORED && from->content.bytes > 0) {
        enum codec_status status = compress(c, from, to, len, err);
        if (status != CODEC_NO_ROOM) {
            return status;
        }
    }
    if (from->content.bytes > to.room) {
        return CODEC_NO_ROOM;
    }
    memcpy(to.at, from->bytes, from->content.bytes);
    *len = from->content.bytes;
    return CODEC_PACKED;
}

enum codec_status codec_pack(struct codec *c, int level, const struct batch *from,
                             struct batch *into, struct err *err)
{
    struct content *sum = &into->content;
    assert(from->state == BATCH_SEALED || from->state == BATCH_PACKING);
    assert(from->content.frames == 0 && from->content.bytes <= from->room);
    assert(into->state == BATCH_FILLING && (sum->bytes == 0 || sum->frames > 0));
    assert(level >= CODEC_LEVEL_STORED && level <= CODEC_LEVEL_MAX);

    struct space to = {into->bytes + sum->bytes, into->room + BEYOND_ROOM_BYTES - sum->bytes};
    if (to.room < HEADER_BYTES) {
        return CODEC_NO_ROOM;
    }
    to.at += HEADER_BYTES;
    to.room -= HEADER_BYTES;
    if (level != CODEC_LEVEL_STORED && !set_pack_context(c, level, into->room, err)) {
        return CODEC_FAILED;
    }
    if (level != CODEC_LEVEL_STORED && sum->frames > 0 && !seems_to_fit(c, from, to.room)) {
        return CODEC_NO_ROOM;
    }
    if (!batch_verify(from, err)) {
        return CODEC_FAILED;
    }

    size_t len = 0;
    enum codec_status status = put_bytes(c, level, from, to, &len, err);
    if (status != CODEC_PACKED) {
        return status;
    }
    put_header(into->bytes + sum->bytes, &from->content, len);
    sum->rows += from->content.rows;
    sum->raw_bytes += from->content.raw_bytes;
    sum->bytes += (uint32_t)(HEADER_BYTES + len);
    sum->frames++;
    return CODEC_PACKED;
}

static bool damaged(struct err *err, size_t at, const char *what)
{
    return err_set(err, ERR_DATA, "packed rows are damaged at byte %zu: %s", at, what);
}

static bool header_is_intact(const char *at)
{
    return little_get((const unsigned char *)at + SUM_AT, 4) == header_sum(at);
}

/* Everything that the header says, against the two batches. */
static bool check_header(const struct content *content, size_t len, size_t left, size_t room)
{
    return content->frames == 0 && content->bytes <= room && content->raw_bytes == content->bytes &&
           content->rows <= content->bytes && len <= left && len <= content->bytes;
}

/* A frame as long as its rows holds them as they are; zstd's are always shorter. */
static bool get_bytes(struct codec *c, const char *from, size_t len, struct batch *into,
                      size_t bytes)
{
    if (len == bytes) {
        memcpy(into->bytes, from, len);
        return true;
    }
    return ZSTD_decompressDCtx(c->unpack, into->bytes, bytes, from, len) == bytes;
}

bool codec_unpack(struct codec *c, const struct batch *packed, size_t *at, struct batch *into,
                  struct err *err)
{
    size_t start = *at;
    size_t end = packed->content.bytes;
    struct content content;
    assert(into->state == BATCH_FILLING && into->content.bytes == 0);
    assert(end <= packed->room + BATCH_SLACK_BYTES);

    if (c->unpack == NULL && (c->unpack = ZSTD_createDCtx()) == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for decompressing");
    }
    if (start > end || end - start < HEADER_BYTES) {
        return damaged(err, start, "cut short");
    }
    size_t len = get_header(packed->bytes + start, &content);
    bool intact = header_is_intact(packed->bytes + start);
    start += HEADER_BYTES;
    if (!intact || !check_header(&content, len, end - start, into->room)) {
        return damaged(err, start, "its header cannot be");
    }
    if (!get_bytes(c, packed->bytes + start, len, into, content.bytes) ||
        batch_checksum(into->bytes, content.bytes) != content.checksum) {
        return damaged(err, start, "not the rows that were packed");
    }
    into->content = content;
    batch_move(into, BATCH_SEALED);
    *at = start + len;
    return true;
}
