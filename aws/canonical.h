/*
 * canonical.h: the three parts of a request in the form that Signature Version 4 compares. Pure;
 * for sigv4.c only. Source: "Create a signed AWS API request" (AWS IAM user guide).
 *
 * A session token passes through here, so texts are kept in buffers that never move.
 */
#ifndef AWS_CANONICAL_H
#define AWS_CANONICAL_H

#include "aws/http.h"
#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>

/* An empty buffer that holds up to max_bytes without moving; one with more than that fails. */
void text_open(struct buf *b, size_t max_bytes);
void text_free(struct buf *b); /* wipes; for CLEANUP */

enum canonical_path { PATH_NORMALISED, PATH_KEPT, PATH_RAW };

/* Appends path without dot segments and double slashes and then encoded, or only encoded, or as it
 * is. What is encoded already is encoded again. */
void canonical_path(struct buf *out, const char *path, enum canonical_path how);

/* Appends the parameters of query, decoded and encoded anew, sorted by encoded name and then by
 * encoded value. A name alone gets a "="; nothing between two "&" is no parameter. ERR_SYSTEM. */
bool canonical_query(struct buf *out, const char *query, struct err *err) MUST_CHECK;

/* Appends "name:value\n" for each name in lower case, sorted, to lines and "name;name" to names.
 * Values of one name are joined by commas in the order given; runs of blanks and line ends are one
 * blank, and none at the ends. Headers that proxies and clients change on the way are left out.
 * ERR_SYSTEM. */
bool canonical_headers(struct buf *lines, struct buf *names, const struct http_header *headers,
                       size_t count, struct err *err) MUST_CHECK;

/* Do two header names mean the same? No locale is asked. */
bool same_header(const char *a, const char *b);

#endif
