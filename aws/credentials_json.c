#include "aws/credentials_json.h"

#include "aws/date.h"
#include "aws/json.h"
#include "base/cleanup.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define CODE_MAX       128
#define MESSAGE_MAX    256
#define EXPIRATION_MAX 64

/* Empties *out unless the object has a text of that name which fits: for what is only shown. */
static void text_if_any(const json_t *object, const char *name, char *out, size_t size)
{
    struct err ignored = {0};

    out[0] = '\0';
    if (!aws_json_text(object, name, out, size, &ignored)) {
        out[0] = '\0';
    }
}

/* "code: message", what is missing left out. */
static void say_refusal(const json_t *object, const char *code_name, const char *message_name,
                        char out[CREDENTIALS_JSON_ERROR_MAX])
{
    char code[CODE_MAX];
    char message[MESSAGE_MAX];

    text_if_any(object, code_name, code, sizeof(code));
    text_if_any(object, message_name, message, sizeof(message));
    (void)snprintf(out, CREDENTIALS_JSON_ERROR_MAX, "%.100s%s%.190s", code,
                   code[0] != '\0' && message[0] != '\0' ? ": " : "", message);
    for (char *at = out; *at != '\0'; at++) {
        if (iscntrl((unsigned char)*at) != 0) {
            *at = ' ';
        }
    }
}

/* The whole answer, or what a part of it says. */
struct answer {
    json_t *root;
    char access_key_id[sizeof(((struct aws_credentials *)0)->access_key_id)];
    struct secret secret_access_key;
    struct secret token;
    char account_id[sizeof(((struct aws_credentials *)0)->account_id)];
    int64_t expires_s;
};

static void answer_free(struct answer *a)
{
    aws_json_free(&a->root);
    secret_free(&a->secret_access_key);
    secret_free(&a->token);
}

static bool check_code(const json_t *root, struct err *err)
{
    char said[CREDENTIALS_JSON_ERROR_MAX];
    char code[CODE_MAX];

    if (!aws_json_text(root, "Code", code, sizeof(code), err)) {
        return false;
    }
    if (code[0] == '\0' || strcmp(code, "Success") == 0) {
        return true;
    }
    say_refusal(root, "Code", "Message", said);
    return err_set(err, ERR_AUTH, "it has no credentials: %s", said);
}

static bool read_expiration(const json_t *root, int64_t *expires_s, struct err *err)
{
    char text[EXPIRATION_MAX];

    if (!aws_json_text(root, "Expiration", text, sizeof(text), err)) {
        return false;
    }
    if (text[0] != '\0' && !date_parse_iso(text, expires_s)) {
        return err_set(err, ERR_TRANSIENT, "\"Expiration\" is not a date");
    }
    return true;
}

/* A secret is handed on as a C string, so a zero byte would cut it short. */
static bool read_secret(const json_t *root, const char *name, struct secret *out, struct err *err)
{
    if (!aws_json_secret(root, name, out, NULL, err)) {
        return false;
    }
    return strlen(secret_reveal(out)) == out->len ||
           err_set(err, ERR_TRANSIENT, "\"%s\" is a text with a zero byte", name);
}

static bool read_answer(struct answer *a, struct err *err)
{
    return read_secret(a->root, "SecretAccessKey", &a->secret_access_key, err) &&
           read_secret(a->root, "Token", &a->token, err) &&
           aws_json_text(a->root, "AccessKeyId", a->access_key_id, sizeof(a->access_key_id), err) &&
           aws_json_text(a->root, "AccountId", a->account_id, sizeof(a->account_id), err) &&
           read_expiration(a->root, &a->expires_s, err);
}

/* A key that can be none is no fault of the user's when a service sent it. */
static bool set_keys(const struct answer *a, struct aws_credentials *out, struct err *err)
{
    if (aws_credentials_set(out, "the keys", a->access_key_id, secret_reveal(&a->secret_access_key),
                            secret_reveal(&a->token), err)) {
        return true;
    }
    err->kind = err->kind == ERR_USAGE ? ERR_TRANSIENT : err->kind;
    return false;
}

static bool parse(const char *bytes, size_t len, json_t **root, struct err *err)
{
    if (len > CREDENTIALS_JSON_MAX) {
        return err_set(err, ERR_TRANSIENT, "larger than %u bytes", CREDENTIALS_JSON_MAX);
    }
    return aws_json_parse(bytes, len, root, err);
}

bool credentials_json_read(const char *where, const char *bytes, size_t len,
                           struct aws_credentials *out, struct err *err)
{
    CLEANUP(answer_free) struct answer a = {0};

    if (!parse(bytes, len, &a.root, err) || !check_code(a.root, err) || !read_answer(&a, err) ||
        !set_keys(&a, out, err)) {
        return err_wrap(err, "the answer of %s", where);
    }
    out->expires_s = a.expires_s;
    memcpy(out->account_id, a.account_id, sizeof(out->account_id));
    return true;
}

void credentials_json_error(const char *bytes, size_t len, char out[CREDENTIALS_JSON_ERROR_MAX])
{
    CLEANUP(aws_json_free) json_t *root = NULL;
    struct err ignored = {0};

    out[0] = '\0';
    if (!parse(bytes, len, &root, &ignored)) {
        return;
    }
    say_refusal(root, "code", "message", out);
    if (out[0] == '\0') {
        say_refusal(root, "Code", "Message", out);
    }
}
