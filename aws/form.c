#include "aws/form.h"

#include "aws/uri.h"
#include "base/buf.h"

#include <string.h>

#define ENCODED_MAX 4 /* "%2F" and its NUL */

void form_free(struct form *f)
{
    if (f == NULL) {
        return;
    }
    secret_free(&f->body);
    *f = (struct form){0};
}

static void add(struct form *f, const void *bytes, size_t len)
{
    if (f->err.kind != ERR_NONE || secret_append(&f->body, bytes, len, &f->err)) {
        return;
    }
    secret_free(&f->body); /* half a request must not be sent */
}

/* One byte at a time, so that the buffer between, which is not wiped, never holds more. */
static void add_encoded(struct form *f, const char *text)
{
    struct buf encoded;
    buf_init(&encoded, ENCODED_MAX);

    for (; *text != '\0' && f->err.kind == ERR_NONE; text++) {
        buf_clear(&encoded);
        uri_encode(&encoded, text, 1, URI_ENCODE_SLASH);
        if (buf_ok(&encoded, &f->err)) {
            add(f, buf_str(&encoded), encoded.len);
        }
    }
    buf_free(&encoded);
}

void form_add(struct form *f, const char *name, const char *value)
{
    if (value == NULL) {
        return;
    }
    if (secret_is_set(&f->body)) {
        add(f, "&", 1);
    }
    add(f, name, strlen(name));
    add(f, "=", 1);
    add_encoded(f, value);
}

bool form_ok(const struct form *f, struct err *err)
{
    if (f->err.kind == ERR_NONE) {
        return true;
    }
    *err = f->err;
    return false;
}
