/* For explicit_bzero. */
#define _DEFAULT_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "base/secret.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool secret_set(struct secret *s, const char *text, struct err *err)
{
    return secret_set_bytes(s, text, text == NULL ? 0 : strlen(text), err);
}

/* A copy of the first len bytes with room for more. */
static bool make(const void *bytes, size_t len, size_t room, struct secret *out, struct err *err)
{
    struct secret fresh = {.bytes = malloc(room + 1), .len = len, .room = room};
    if (fresh.bytes == NULL) {
        (void)err_set(err, ERR_SYSTEM, "out of memory");
        return false;
    }
    if (bytes != NULL && len > 0) {
        memcpy(fresh.bytes, bytes, len);
    }
    fresh.bytes[len] = '\0';
    *out = fresh;
    return true;
}

bool secret_set_bytes(struct secret *s, const void *bytes, size_t len, struct err *err)
{
    struct secret fresh = {0};

    if (len > 0 && !make(bytes, len, len, &fresh, err)) {
        return false;
    }
    /* Only now: bytes may be the old content, or a part of it. */
    secret_free(s);
    *s = fresh;
    return true;
}

static void add(struct secret *s, const void *bytes, size_t len)
{
    memcpy(s->bytes + s->len, bytes, len);
    s->len += len;
    s->bytes[s->len] = '\0';
}

bool secret_append(struct secret *s, const void *bytes, size_t len, struct err *err)
{
    struct secret grown = {0};

    if (len == 0) {
        return true;
    }
    if (s->bytes != NULL && len <= s->room - s->len) {
        add(s, bytes, len);
        return true;
    }
    if (len > SIZE_MAX / 4 - s->len) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    if (!make(s->bytes, s->len, 2 * (s->len + len), &grown, err)) {
        return false;
    }
    add(&grown, bytes, len);
    secret_free(s); /* only now: bytes may be a part of it */
    *s = grown;
    return true;
}

void secret_free(struct secret *s)
{
    if (s == NULL) {
        return;
    }
    if (s->bytes != NULL) {
        secret_wipe(s->bytes, s->room);
        free(s->bytes);
    }
    *s = (struct secret){0};
}

bool secret_is_set(const struct secret *s)
{
    return s->len > 0;
}

const char *secret_reveal(const struct secret *s)
{
    return s->bytes == NULL ? "" : s->bytes;
}

void secret_wipe(void *bytes, size_t len)
{
    if (len > 0) {
        explicit_bzero(bytes, len);
    }
}
