/* json_text.h: what jansson would refuse or spread over lines, made to fit. For the files of ui/.
 */
#ifndef UI_JSON_TEXT_H
#define UI_JSON_TEXT_H

#include "base/buf.h"

#include <jansson.h>
#include <stdint.h>

/* A JSON string; bytes that are not UTF-8 become U+FFFD; null for NULL. NULL = no memory. */
json_t *json_text(const char *text);

/* JSON numbers end at 2^63 - 1 in jansson, and so does this. */
json_t *json_count(uint64_t count);

/* Sets a member and takes the value over. False, and nothing else, when value is NULL or memory
 * ends; the caller collects the results of a row of calls. */
bool json_put(json_t *object, const char *key, json_t *value);

/* Adds the object in one line and releases it. When ok is false or memory ends, the buffer fails.
 */
void json_line(json_t *object, bool ok, struct buf *out);

#endif
