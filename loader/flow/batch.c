#include "flow/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const bool legal[BATCH_STATES][BATCH_STATES] = {
    [BATCH_EMPTY] = {[BATCH_FILLING] = true},
    [BATCH_FILLING] = {[BATCH_SEALED] = true,  [BATCH_EMPTY] = true},
    [BATCH_SEALED] = {[BATCH_SENDING] = true,                      [BATCH_EMPTY] = true},
    [BATCH_SENDING] = {[BATCH_EMPTY] = true},
};

struct batch *batch_new(size_t room)
{
    assert(room > 0);
    struct batch *b = malloc(sizeof *b + room);
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
    assert(legal[b->state][to]);
    if (to == BATCH_EMPTY) {
        b->len = 0;
        b->rows = 0;
        b->row_widest = 0;
        b->rows_total = 0;
        b->mark = BATCH_MORE;
        b->task = (struct task){0};
    }
    b->state = to;
}

size_t batch_append(struct batch *b, const char *bytes, size_t len)
{
    assert(b->state == BATCH_FILLING);
    assert(b->len <= b->room);
    size_t n = len < b->room - b->len ? len : b->room - b->len;
    memcpy(b->bytes + b->len, bytes, n);
    b->len += n;
    return n;
}
