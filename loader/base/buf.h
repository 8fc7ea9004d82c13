/*
 * buf.h: growable bytes with a cap that is given at the start.
 *
 * Appending past the cap, or without memory, empties the buffer and marks it failed;
 * every later append is then ignored. So a caller builds a text in a row of calls and
 * checks once, with buf_ok, at the end. The bytes are always followed by a NUL that is
 * not counted. Not thread-safe; one owner.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"

#include <stddef.h>

struct buf {
    char *data; /* NULL until the first append; use buf_str to read */
    size_t len;
    size_t room;
    size_t max_bytes;
    bool failed;
};

#define BUF_SQL_MAX (64u << 20) /* a statement naming some 100,000 tables */

void buf_init(struct buf *b, size_t max_bytes);
void buf_free(struct buf *b);  /* NULL and a zeroed buf are allowed; leaves b empty and usable */
void buf_clear(struct buf *b); /* keeps the memory, forgets the content and the failure */

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

const char *buf_str(const struct buf *b); /* "" when empty; valid until the next append */
char *buf_take(struct buf *b);            /* the caller frees; NULL when the buffer failed */

/* False with ERR_SYSTEM when an append failed. */
bool buf_ok(const struct buf *b, struct err *err) MUST_CHECK;

#endif
