/* For explicit_bzero. */
#define _DEFAULT_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

bool secret_set(struct secret *s, const char *text, struct err *err)
{
    struct secret fresh = {0};

    if (text != NULL && text[0] != '\0') {
        fresh.len = strlen(text);
        fresh.bytes = malloc(fresh.len + 1);
        if (fresh.bytes == NULL) {
            return err_set(err, ERR_SYSTEM, "out of memory");
        }
        memcpy(fresh.bytes, text, fresh.len + 1);
    }
    /* Only now: text may be the old content, or a part of it. */
    secret_free(s);
    *s = fresh;
    return true;
}

void secret_free(struct secret *s)
{
    if (s == NULL) {
        return;
    }
    if (s->bytes != NULL) {
        secret_wipe(s->bytes, s->len);
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
