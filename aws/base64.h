/* base64.h: RFC 4648 section 4, strictly: padded, nothing else in it, no stray bits at the end.
 * Pure. */
#ifndef AWS_BASE64_H
#define AWS_BASE64_H

#include "base/err.h"
#include "base/secret.h"

#include <stddef.h>

/* ERR_DATA when text is not base64; ERR_SYSTEM without memory. len 0 gives an empty secret. */
bool base64_decode(const char *text, size_t len, struct secret *out, struct err *err) MUST_CHECK;

/* For the caller's array; false when it does not fit, the NUL counted. */
bool base64_encode(const void *bytes, size_t len, char *out, size_t size);

#endif
