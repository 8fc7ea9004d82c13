#include "cli/yaml_text.h"

#include "cli/job_file_keys.h"
#include "cli/utf8.h"

#include <string.h>

#define REPLACEMENT 0xFFFDu

/* What libyaml would not read, or would fold as a line's end. */
static bool needs_escape(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || c == 0xFEFF ||
           c == 0xFFFE || c == 0xFFFF;
}

static void add_quoted(struct buf *out, const char *text)
{
    size_t left = strlen(text);
    buf_puts(out, "\"");
    while (left > 0) {
        uint32_t c = REPLACEMENT;
        size_t len = utf8_next(text, left, &c);
        len = len == 0 ? 1 : len;
        if (c == '"' || c == '\\') {
            buf_printf(out, "\\%c", (int)c);
        } else if (c == '\n') {
            buf_puts(out, "\\n");
        } else if (needs_escape(c) || c == REPLACEMENT) {
            buf_printf(out, "\\u%04X", (unsigned)c);
        } else {
            buf_add(out, text, len);
        }
        text += len;
        left -= len;
    }
    buf_puts(out, "\"");
}

void yaml_add_text(struct buf *out, const char *text, bool number_is_fine)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
    bool number = false;
    const char *kind = job_yaml_kind(text, &number);
    bool plain = text[strspn(text, safe)] == '\0' && text[0] != '-' && text[0] != '.' &&
                 (kind[0] == '\0' || (number && number_is_fine));
    if (plain) {
        buf_puts(out, text);
    } else {
        add_quoted(out, text);
    }
}
