/* Writing batches to a spill file and reading them back. The directory is the first argument, "."
 * without one; 256 MB are written there. */
#include "bench/micro/micro.h"

#include "flow/spill.h"

#include <stdio.h>
#include <string.h>

#define SLOTS 1024

static const unsigned char key[SPILL_KEY_BYTES] = "a key for measuring, no secret";

struct bench {
    struct spill *spill;
    struct batch *rows;
    struct batch *work;
    struct spill_slot slots[SLOTS];
};

/* The rows are encrypted in place, so each write needs a copy: that is a part of the figure. */
static void write_slots(void *context, uint64_t ops)
{
    struct bench *b = context;
    struct err err;
    for (uint64_t i = 0; i < ops; i++) {
        if (b->slots[i].nonce != 0) {
            spill_free_slot(b->spill, &b->slots[i]);
        }
        micro_reuse(b->work);
        memcpy(b->work->bytes, b->rows->bytes, b->rows->content.bytes);
        b->work->content = b->rows->content;
        batch_move(b->work, BATCH_SEALED);
        batch_move(b->work, BATCH_PACKING);
        micro_require(spill_write(b->spill, b->work, &b->slots[i], &err) == SPILL_WRITTEN,
                      "writing");
    }
}

static void read_slots(void *context, uint64_t ops)
{
    struct bench *b = context;
    struct err err;
    for (uint64_t i = 0; i < ops; i++) {
        micro_reuse(b->work);
        micro_require(spill_read(b->spill, &b->slots[i], b->work, &err), "reading");
    }
}

static void copy(void *context, uint64_t ops)
{
    struct bench *b = context;
    for (uint64_t i = 0; i < ops; i++) {
        memcpy(b->work->bytes, b->rows->bytes, b->rows->content.bytes);
        __asm__ volatile("" ::: "memory");
    }
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct err err;
    const struct spill_options options = {.dir = argc > 1 ? argv[1] : ".",
                                          .name = "bench",
                                          .limit_bytes = UINT64_C(1) << 30,
                                          .batch_room = MICRO_ROOM,
                                          .keep = false,
                                          .key = key};
    b.rows = micro_rows(1);
    b.work = batch_new(MICRO_ROOM);
    micro_require(b.work != NULL, "memory");
    micro_require(spill_open(&options, &b.spill, &err), "opening a spill file");
    uint64_t bytes = b.rows->content.bytes;

    micro_title();
    micro_measure(&(struct micro){"memcpy of a batch", SLOTS, bytes, copy, &b});
    micro_measure(&(struct micro){"memcpy and spill_write, 32 slots", 32, bytes, write_slots, &b});
    micro_measure(&(struct micro){"spill_read, 32 slots", 32, bytes, read_slots, &b});
    micro_measure(&(struct micro){"memcpy and spill_write, 256 MB", SLOTS, bytes, write_slots, &b});
    micro_measure(&(struct micro){"spill_read, 256 MB", SLOTS, bytes, read_slots, &b});
    spill_close(b.spill, false);
    batch_free(b.rows);
    batch_free(b.work);
    return 0;
}
