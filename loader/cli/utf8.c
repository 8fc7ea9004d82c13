#include "cli/utf8.h"

#include <stdbool.h>

static size_t length_of(unsigned char lead)
{
    return lead < 0x80   ? 1
           : lead < 0xC2 ? 0
           : lead < 0xE0 ? 2
           : lead < 0xF0 ? 3
           : lead < 0xF5 ? 4
                         : 0;
}

size_t utf8_next(const char *text, size_t left, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *c = (const unsigned char *)text;
    size_t len = left == 0 ? 0 : length_of(c[0]);
    if (len == 0 || len > left) {
        return 0;
    }
    uint32_t value = len == 1 ? c[0] : c[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((c[i] & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (c[i] & 0x3Fu);
    }
    bool surrogate = value >= 0xD800 && value < 0xE000;
    if (value < least[len] || value > 0x10FFFF || surrogate) {
        return 0;
    }
    *character = value;
    return len;
}
