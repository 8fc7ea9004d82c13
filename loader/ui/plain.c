#include "ui/plain.h"

#include <stdio.h>
#include <string.h>

#define ELLIPSIS     "..."
#define ELLIPSIS_LEN 3
#define WIDE_FROM                                                                  \
    0x1100 /* Hangul; what is above is taken for wide, which errs on the safe side \
            */
#define SHOWN_MAX 8

/* One character as it will be shown. */
struct piece {
    char shown[SHOWN_MAX];
    size_t bytes;
    size_t columns;
    size_t used; /* bytes of the text that it stands for */
};

static struct piece escape(unsigned char byte)
{
    struct piece piece = {.used = 1};
    const char *names = "\n\t\r";
    const char *found = byte == 0 ? NULL : strchr(names, byte);
    int len = found != NULL
                  ? snprintf(piece.shown, sizeof(piece.shown), "\\%c", "ntr"[found - names])
                  : snprintf(piece.shown, sizeof(piece.shown), "\\x%02X", (unsigned)byte);

    piece.bytes = (size_t)len;
    piece.columns = (size_t)len;
    return piece;
}

/* Length by the lead byte; 0 for a byte that starts no character or whose rest is missing. */
static size_t sequence_len(const unsigned char *at)
{
    size_t len = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;

    if (at[0] < 0xC2 || at[0] > 0xF4) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return len;
}

static struct piece next_piece(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    struct piece piece = {.bytes = 1, .columns = 1, .used = 1};

    if (at[0] >= 0x20 && at[0] < 0x7F) {
        piece.shown[0] = *text;
        return piece;
    }
    size_t len = at[0] < 0x80 ? 0 : sequence_len(at);
    if (len == 0 || (at[0] == 0xC2 && at[1] < 0xA0)) {
        return escape(at[0]); /* control characters of both kinds, and broken UTF-8 */
    }
    memcpy(piece.shown, text, len);
    unsigned code = len == 2 ? (at[0] & 0x1Fu) << 6 | (at[1] & 0x3Fu) : WIDE_FROM;
    if (len == 3) {
        code = (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
    }
    piece.bytes = len;
    piece.used = len;
    piece.columns = code >= WIDE_FROM ? 2 : 1;
    return piece;
}

size_t plain_columns(const char *text)
{
    size_t columns = 0;

    while (*text != '\0') {
        struct piece piece = next_piece(text);
        columns += piece.columns;
        text += piece.used;
    }
    return columns;
}

size_t plain_add(struct buf *out, const char *text, size_t columns)
{
    bool cut = plain_columns(text) > columns;
    size_t tail = !cut ? 0 : columns < ELLIPSIS_LEN ? columns : ELLIPSIS_LEN;
    size_t taken = 0;

    while (*text != '\0') {
        struct piece piece = next_piece(text);
        if (taken + piece.columns > columns - tail) {
            break;
        }
        buf_add(out, piece.shown, piece.bytes);
        taken += piece.columns;
        text += piece.used;
    }
    buf_add(out, ELLIPSIS, tail);
    return taken + tail;
}

char *plain_first_line(const char *text)
{
    return strndup(text, strcspn(text, "\r\n"));
}
