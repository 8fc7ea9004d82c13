#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 256u

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){.max_bytes = max_bytes};
}

void buf_free(struct buf *b)
{
    if (b == NULL) {
        return;
    }
    free(b->data);
    buf_init(b, b->max_bytes);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data != NULL) {
        b->data[0] = '\0';
    }
}

static void fail(struct buf *b)
{
    buf_free(b);
    b->failed = true;
}

/* Doubling keeps the copies few, whatever the size of the appends. */
static size_t room_for(size_t needed, size_t room)
{
    size_t doubled = room > SIZE_MAX / 2 ? needed : 2 * room;
    size_t wanted = doubled < ROOM_MIN ? ROOM_MIN : doubled;
    return wanted < needed ? needed : wanted;
}

/* Makes room for len more bytes and the NUL; false once the buffer has failed. */
static bool reserve(struct buf *b, size_t len)
{
    if (b->failed) {
        return false;
    }
    if (len > b->max_bytes - b->len || b->len + len == SIZE_MAX) {
        fail(b);
        return false;
    }

    size_t needed = b->len + len + 1;
    if (needed <= b->room) {
        return true;
    }
    size_t room = room_for(needed, b->room);
    char *data = realloc(b->data, room);
    if (data == NULL) {
        fail(b);
        return false;
    }
    b->data = data;
    b->room = room;
    return true;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (!reserve(b, len)) {
        return;
    }
    if (len > 0) {
        memcpy(b->data + b->len, bytes, len);
    }
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    if (len < 0) {
        fail(b);
        return;
    }
    if (!reserve(b, (size_t)len)) {
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(b->data + b->len, (size_t)len + 1, fmt, args);
    va_end(args);
    b->len += (size_t)len;
}

const char *buf_str(const struct buf *b)
{
    return b->data == NULL ? "" : b->data;
}

char *buf_take(struct buf *b)
{
    /* An empty text is a text too, and the caller must be able to free it. */
    buf_add(b, "", 0);
    char *taken = b->data;
    bool failed = b->failed;

    buf_init(b, b->max_bytes);
    b->failed = failed;
    return taken;
}

bool buf_ok(const struct buf *b, struct err *err)
{
    if (!b->failed) {
        return true;
    }
    return err_set(err, ERR_SYSTEM, "a text of more than %zu bytes, or out of memory",
                   b->max_bytes);
}
