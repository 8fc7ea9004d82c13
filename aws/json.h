/*
 * json.h: what Secrets Manager, KMS and the credential endpoints answer, and what the first two are
 * asked, over jansson. Everything but aws_json_open is thread-safe.
 *
 * Readers take a field that is absent or null for empty; one of another type, one that is too long
 * and one with a zero byte in it are ERR_TRANSIENT: what answered is not the service. No error text
 * has a value in it.
 */
#ifndef AWS_JSON_H
#define AWS_JSON_H

#include "base/err.h"
#include "base/secret.h"

#include <jansson.h>
#include <stddef.h>

/* Has jansson wipe what it frees, in the whole process. Before any thread. */
void aws_json_open(void);

/* One object of at most HTTP_REPLY_MAX bytes, no key twice. ERR_TRANSIENT when it is none. The
 * caller frees. */
bool aws_json_parse(const char *bytes, size_t len, json_t **object, struct err *err) MUST_CHECK;
void aws_json_free(json_t **value); /* for CLEANUP; NULL inside is allowed */

/* object NULL reads as an empty one. */
bool aws_json_text(const json_t *object, const char *name, char *out, size_t size,
                   struct err *err) MUST_CHECK;
/* May hold zero bytes. *found may be NULL; it tells "" from absent. */
bool aws_json_secret(const json_t *object, const char *name, struct secret *out, bool *found,
                     struct err *err) MUST_CHECK;
/* A string of base64, decoded. */
bool aws_json_base64(const json_t *object, const char *name, struct secret *out, bool *found,
                     struct err *err) MUST_CHECK;
bool aws_json_flag(const json_t *object, const char *name, bool *out, struct err *err) MUST_CHECK;

/* Sets a text; NULL sets nothing. ERR_USAGE when it is not UTF-8. */
bool aws_json_put(json_t *object, const char *name, const char *text, struct err *err) MUST_CHECK;
/* The object on one line. ERR_SYSTEM without memory. */
bool aws_json_write(const json_t *object, struct secret *out, struct err *err) MUST_CHECK;

#endif
