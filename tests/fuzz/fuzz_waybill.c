/*
 * fuzz_waybill: any bytes as a manifest's head or body are refused as damage, or give a head that
 * can be written again and entries within the limits.
 */
#include "job/waybill.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
    if (!ok) {
        abort();
    }
}

struct again {
    struct buf body;
};

static bool take(void *self, struct waybill_entry *e, struct err *err)
{
    struct again *a = self;
    (void)err;
    require(e->part_count >= 1 && e->part_count <= TASK_PARTS_MAX);
    for (uint32_t i = 0; i < e->piece_count; i++) {
        require(e->pieces[i].kind == PIECE_SPILLED && e->pieces[i].batch == NULL);
    }
    waybill_add(&a->body, e);
    free(e->pieces);
    return true;
}

/* A body that is accepted is what would be written. */
static void try_body(const struct buf *text)
{
    struct again a;
    struct err err = {0};
    buf_init(&a.body, text->len + 1024);
    waybill_begin_body(&a.body);
    if (waybill_read_body(text, take, &a, &err)) {
        require(a.body.len == text->len && memcmp(a.body.data, text->data, text->len) == 0);
    } else {
        require(err.kind == ERR_DATA && err.msg[0] != '\0');
    }
    buf_free(&a.body);
}

static void try_head(const struct buf *text)
{
    struct waybill_head head = {.room = 0};
    struct waybill_head back = {.room = 0};
    struct buf again;
    struct err err = {0};
    if (!waybill_read_head(text, &head, &err)) {
        require(err.kind == ERR_DATA && head.job == NULL);
        return;
    }
    buf_init(&again, BUF_SQL_MAX);
    require(waybill_write_head(&head, &again, &err) && waybill_read_head(&again, &back, &err));
    require(head.room == back.room && strcmp(head.command, back.command) == 0 &&
            strcmp(head.wrapped_key, back.wrapped_key) == 0);
    waybill_head_free(&head);
    waybill_head_free(&back);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text;
    buf_init(&text, BUF_SQL_MAX);
    buf_add(&text, (const char *)data, size);
    if (!text.failed) {
        try_body(&text);
        try_head(&text);
    }
    buf_free(&text);
    return 0;
}
