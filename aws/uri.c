#include "aws/uri.h"

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void uri_encode(struct buf *out, const char *in, size_t len, enum uri_slash slash)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)in[i];
        if (is_unreserved(in[i]) || (in[i] == '/' && slash == URI_KEEP_SLASH)) {
            buf_add(out, &in[i], 1);
        } else {
            const char coded[] = {'%', digits[byte >> 4], digits[byte & 15]};
            buf_add(out, coded, sizeof(coded));
        }
    }
}

/* -1 when it is no hexadecimal digit. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void uri_decode(struct buf *out, const char *in, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int high = in[i] == '%' && len - i > 2 ? hex_value(in[i + 1]) : -1;
        int low = high >= 0 ? hex_value(in[i + 2]) : -1;
        if (low < 0) {
            buf_add(out, &in[i], 1);
        } else {
            char byte = (char)(high * 16 + low);
            buf_add(out, &byte, 1);
            i += 2;
        }
    }
}
