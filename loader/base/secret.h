/*
 * secret.h: text that must not be seen: passwords, and connection strings that may hold one.
 *
 * The bytes are wiped before their memory is given back. There is no conversion to a plain
 * string but secret_reveal, which is easy to grep for. One owner; copying makes a second secret.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/err.h"

#include <stddef.h>

struct secret {
    char *bytes; /* NUL-terminated; NULL when empty */
    size_t len;
    size_t room; /* bytes that fit, the NUL not counted */
};

/* Replaces the content by a copy of text (NULL empties it). ERR_SYSTEM without memory. */
bool secret_set(struct secret *s, const char *text, struct err *err) MUST_CHECK;
/* The same for len bytes, which may hold zeros. */
bool secret_set_bytes(struct secret *s, const void *bytes, size_t len, struct err *err) MUST_CHECK;
/* Adds len bytes at the end, which may be a part of s; whatever had to move is wiped where it was.
 * On failure s is as before. ERR_SYSTEM without memory. */
bool secret_append(struct secret *s, const void *bytes, size_t len, struct err *err) MUST_CHECK;
void secret_free(struct secret *s); /* wipes; NULL and a zeroed secret are allowed */
bool secret_is_set(const struct secret *s);
const char *secret_reveal(const struct secret *s); /* "" when empty; borrowed */

/* Wipes any memory, in a way that the compiler does not remove. */
void secret_wipe(void *bytes, size_t len);

#endif
