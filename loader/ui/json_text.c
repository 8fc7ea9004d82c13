#include "ui/json_text.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"

/* Length of the UTF-8 character that jansson accepts at text, 0 when there is none. */
static size_t character_len(const char *text)
{
    char one[5] = {0};

    for (size_t len = 1; len <= 4 && text[len - 1] != '\0'; len++) {
        one[len - 1] = text[len - 1];
        json_t *probe = json_stringn(one, len);
        if (probe != NULL) {
            json_decref(probe);
            return len;
        }
    }
    return 0;
}

/* The slow way, for the rare text that is not UTF-8. */
static json_t *mended(const char *text)
{
    struct buf out;
    buf_init(&out, strlen(text) * 3 + 1);

    while (*text != '\0') {
        size_t len = character_len(text);
        buf_add(&out, len == 0 ? REPLACEMENT : text, len == 0 ? strlen(REPLACEMENT) : len);
        text += len == 0 ? 1 : len;
    }
    json_t *value = out.failed ? NULL : json_string(buf_str(&out));
    buf_free(&out);
    return value;
}

json_t *json_text(const char *text)
{
    if (text == NULL) {
        return json_null();
    }
    json_t *value = json_string(text);
    return value != NULL ? value : mended(text);
}

json_t *json_count(uint64_t count)
{
    return json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count);
}

bool json_put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

void json_line(json_t *object, bool ok, struct buf *out)
{
    char *text = ok ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;

    if (text != NULL) {
        buf_puts(out, text);
    } else {
        buf_clear(out);
        out->failed = true;
    }
    free(text);
    json_decref(object);
}
