#include "job/secret_body.h"

#include "base/cleanup.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void decref(json_t **j)
{
    json_decref(*j);
}

/* A text member into a fixed place; a missing one, or null, leaves it "". */
static bool take_text(const json_t *body, const char *key, const char *name, char *out, size_t size,
                      struct err *err)
{
    const json_t *value = json_object_get(body, key);
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    size_t len = json_string_length(value);
    if (!json_is_string(value) || len >= size || strlen(json_string_value(value)) != len) {
        return err_set(err, ERR_USAGE, "secret %s: \"%s\" has to be a text of fewer than %zu bytes",
                       name, key, size);
    }
    (void)snprintf(out, size, "%s", json_string_value(value));
    return true;
}

static bool take_port(const json_t *body, const char *name, char port[8], struct err *err)
{
    const json_t *value = json_object_get(body, "port");
    if (json_is_real(value)) {
        return err_set(err, ERR_USAGE, "secret %s: \"port\" is not a port, 1 to 65535", name);
    }
    if (!json_is_integer(value)) {
        if (!take_text(body, "port", name, port, 8, err)) {
            return false;
        }
    } else if (json_integer_value(value) >= 1 && json_integer_value(value) <= 65535) {
        (void)snprintf(port, 8, "%d", (int)json_integer_value(value));
    } else {
        (void)snprintf(port, 8, "0");
    }
    unsigned number = 0;
    for (const char *p = port; *p != '\0'; p++) {
        number = *p < '0' || *p > '9' ? 70000 : number * 10 + (unsigned)(*p - '0');
        if (number > 65535) {
            break;
        }
    }
    if (port[0] != '\0' && (number == 0 || number > 65535)) {
        port[0] = '\0';
        return err_set(err, ERR_USAGE, "secret %s: \"port\" is not a port, 1 to 65535", name);
    }
    return true;
}

static bool take_secret(const json_t *body, const char *key, const char *name, struct secret *out,
                        struct err *err)
{
    const json_t *value = json_object_get(body, key);
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    size_t len = json_string_length(value);
    if (!json_is_string(value) || memchr(json_string_value(value), '\0', len) != NULL) {
        return err_set(err, ERR_USAGE, "secret %s: \"%s\" has to be a text without a zero byte",
                       name, key);
    }
    return secret_set_bytes(out, json_string_value(value), len, err);
}

static bool check_engine(const json_t *body, const char *name, struct err *err)
{
    static const char *const known[] = {"postgres", "postgresql", "aurora-postgresql"};
    char engine[64] = "";
    if (!take_text(body, "engine", name, engine, sizeof engine, err)) {
        return false;
    }
    bool ok = engine[0] == '\0';
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        ok = ok || strcmp(engine, known[i]) == 0;
    }
    return ok || err_set(err, ERR_USAGE,
                         "secret %s is for the engine \"%.40s\", not for PostgreSQL", name, engine);
}

static bool take_all(const json_t *body, const char *name, struct secret_body *out, struct err *err)
{
    if (!check_engine(body, name, err) || !take_secret(body, "username", name, &out->user, err) ||
        !take_secret(body, "password", name, &out->password, err) ||
        !take_text(body, "host", name, out->host, sizeof out->host, err) ||
        !take_port(body, name, out->port, err) ||
        !take_text(body, "dbname", name, out->dbname, sizeof out->dbname, err) ||
        !take_text(body, "dbClusterIdentifier", name, out->database_id, sizeof out->database_id,
                   err) ||
        (out->database_id[0] == '\0' &&
         !take_text(body, "dbInstanceIdentifier", name, out->database_id, sizeof out->database_id,
                    err))) {
        return false;
    }
    return secret_is_set(&out->password) ||
           err_set(
               err, ERR_USAGE,
               "secret %s has no \"password\"; it has to be a JSON object with \"username\" and "
               "\"password\", as RDS writes them",
               name);
}

bool secret_body_read(const struct secret *text, const char *name, struct secret_body *out,
                      struct err *err)
{
    struct secret_body fresh = {.host = ""};
    CLEANUP(decref)
    json_t *body = text->len > SECRET_BODY_MAX
                       ? NULL
                       : json_loadb(secret_reveal(text), text->len,
                                    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (!json_is_object(body)) {
        return err_set(err, ERR_USAGE,
                       "secret %s is not a JSON object; it has to be one with \"username\" and "
                       "\"password\", as RDS writes them",
                       name);
    }
    if (!take_all(body, name, &fresh, err)) {
        secret_body_free(&fresh);
        return false;
    }
    secret_body_free(out);
    *out = fresh;
    return true;
}

bool secret_body_copy(const struct secret_body *from, struct secret_body *to, struct err *err)
{
    struct secret_body fresh = *from;
    fresh.user = (struct secret){0};
    fresh.password = (struct secret){0};
    if (!secret_set_bytes(&fresh.user, from->user.bytes, from->user.len, err) ||
        !secret_set_bytes(&fresh.password, from->password.bytes, from->password.len, err)) {
        secret_body_free(&fresh);
        return false;
    }
    secret_body_free(to);
    *to = fresh;
    return true;
}

void secret_body_free(struct secret_body *b)
{
    secret_free(&b->user);
    secret_free(&b->password);
    *b = (struct secret_body){.host = ""};
}
