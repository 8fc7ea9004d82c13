#include "flow/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>

#define ROOM_MAX (16u << 20)
#define ALIGN    _Alignof(struct batch)

/* The states that each may move to, one bit a state. */
#define TO(state) (1u << (state))
static const unsigned legal[BATCH_STATES] = {
    [BATCH_EMPTY] = TO(BATCH_FILLING),
    [BATCH_FILLING] = TO(BATCH_SEALED) | TO(BATCH_EMPTY),
    [BATCH_SEALED] = TO(BATCH_PACKING) | TO(BATCH_SENDING) | TO(BATCH_EMPTY),
    [BATCH_PACKING] = TO(BATCH_SEALED) | TO(BATCH_EMPTY),
    [BATCH_SENDING] = TO(BATCH_SEALED) | TO(BATCH_EMPTY),
};

size_t batch_memory_bytes(size_t room)
{
    return (sizeof(struct batch) + room + BATCH_SLACK_BYTES + ALIGN - 1) / ALIGN * ALIGN;
}

struct batch *batch_new(size_t room)
{
    assert(room > 0 && room <= ROOM_MAX);
    struct batch *b = aligned_alloc(ALIGN, batch_memory_bytes(room));
    if (b != NULL) {
        *b = (struct batch){.state = BATCH_EMPTY, .room = room};
    }
    return b;
}

void batch_free(struct batch *b)
{
    free(b);
}

void batch_move(struct batch *b, enum batch_state to)
{
    assert((legal[b->state] & TO(to)) != 0);
    if (to == BATCH_EMPTY) {
        b->content = (struct content){0};
    }
    b->state = to;
}

void batch_seal(struct batch *b)
{
    assert(b->state == BATCH_FILLING && b->content.bytes <= b->room + BATCH_SLACK_BYTES);
    batch_move(b, BATCH_SEALED);
    if (b->content.frames == 0) {
        b->content.raw_bytes = b->content.bytes;
    }
    b->content.checksum = batch_checksum(b->bytes, b->content.bytes);
}

bool batch_verify(const struct batch *b, struct err *err)
{
    assert(b->state != BATCH_EMPTY && b->state != BATCH_FILLING);
    if (batch_checksum(b->bytes, b->content.bytes) == b->content.checksum) {
        return true;
    }
    return err_set(
        err, ERR_DATA,
        "%u bytes of rows are no longer as they were read: the memory or the disk of this "
        "machine is damaged",
        (unsigned)b->content.bytes);
}

uint64_t batch_checksum(const void *bytes, size_t len)
{
    return XXH3_64bits(bytes, len);
}
