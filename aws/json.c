#include "aws/json.h"

#include "aws/base64.h"
#include "aws/http.h"
#include "aws/wipe.h"

#include <stdlib.h>
#include <string.h>

void aws_json_open(void)
{
    json_set_alloc_funcs(malloc, wipe_free);
}

void aws_json_free(json_t **value)
{
    json_decref(*value);
    *value = NULL;
}

bool aws_json_parse(const char *bytes, size_t len, json_t **object, struct err *err)
{
    json_error_t why;

    if (len > HTTP_REPLY_MAX) {
        return err_set(err, ERR_TRANSIENT, "JSON of %zu bytes", len);
    }
    json_t *root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (root == NULL) {
        /* jansson's own text quotes what it stumbled over, which may be a secret. */
        return err_set(err, ERR_TRANSIENT, "not a JSON document (line %d, column %d)", why.line,
                       why.column);
    }
    if (!json_is_object(root)) {
        json_decref(root);
        return err_set(err, ERR_TRANSIENT, "JSON, but not an object");
    }
    *object = root;
    return true;
}

static bool wrong(const char *name, const char *what, struct err *err)
{
    return err_set(err, ERR_TRANSIENT, "\"%s\" is %s", name, what);
}

/* *text stays NULL when the field is absent. */
static bool string_field(const json_t *object, const char *name, const char **text, size_t *len,
                         struct err *err)
{
    const json_t *field = object == NULL ? NULL : json_object_get(object, name);

    if (field == NULL || json_is_null(field)) {
        return true;
    }
    if (!json_is_string(field)) {
        return wrong(name, "not a string", err);
    }
    *text = json_string_value(field);
    *len = json_string_length(field);
    return true;
}

bool aws_json_text(const json_t *object, const char *name, char *out, size_t size, struct err *err)
{
    const char *text = "";
    size_t len = 0;

    if (!string_field(object, name, &text, &len, err)) {
        return false;
    }
    if (len >= size) {
        return wrong(name, "too long", err);
    }
    if (memchr(text, '\0', len) != NULL) {
        return wrong(name, "a text with a zero byte", err);
    }
    memcpy(out, text, len + 1);
    return true;
}

bool aws_json_secret(const json_t *object, const char *name, struct secret *out, bool *found,
                     struct err *err)
{
    const char *text = NULL;
    size_t len = 0;

    if (!string_field(object, name, &text, &len, err) || !secret_set_bytes(out, text, len, err)) {
        return false;
    }
    if (found != NULL) {
        *found = text != NULL;
    }
    return true;
}

bool aws_json_base64(const json_t *object, const char *name, struct secret *out, bool *found,
                     struct err *err)
{
    const char *text = NULL;
    size_t len = 0;

    if (!string_field(object, name, &text, &len, err)) {
        return false;
    }
    if (!base64_decode(text, len, out, err)) {
        return err->kind == ERR_SYSTEM ? false : wrong(name, "not base64", err);
    }
    if (found != NULL) {
        *found = text != NULL;
    }
    return true;
}

bool aws_json_flag(const json_t *object, const char *name, bool *out, struct err *err)
{
    const json_t *field = object == NULL ? NULL : json_object_get(object, name);

    if (field != NULL && !json_is_null(field) && !json_is_boolean(field)) {
        return wrong(name, "neither true nor false", err);
    }
    *out = json_is_true(field);
    return true;
}

bool aws_json_put(json_t *object, const char *name, const char *text, struct err *err)
{
    if (text == NULL) {
        return true;
    }
    json_t *value = json_string(text);
    if (value == NULL) {
        return err_set(err, ERR_USAGE, "%s is not UTF-8", name);
    }
    if (json_object_set_new(object, name, value) != 0) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    return true;
}

bool aws_json_write(const json_t *object, struct secret *out, struct err *err)
{
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);

    if (text == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    bool set = secret_set(out, text, err);
    wipe_free(text);
    return set;
}
