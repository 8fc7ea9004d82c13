/* uri.h: percent-encoding as SigV4 wants it. Pure. */
#ifndef AWS_URI_H
#define AWS_URI_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum uri_slash { URI_KEEP_SLASH, URI_ENCODE_SLASH };

/* Appends in[0..len), everything but RFC 3986's unreserved characters as %XX in upper case. */
void uri_encode(struct buf *out, const char *in, size_t len, enum uri_slash slash);

/* Appends in[0..len) with %XX decoded; a % that is not followed by two hex digits stays. A plus is
 * a plus. The result may hold zero bytes. */
void uri_decode(struct buf *out, const char *in, size_t len);

#endif
