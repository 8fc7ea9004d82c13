#include "aws/kms.h"

#include "aws/base64.h"
#include "aws/json.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

#define BASE64_MAX     (KMS_CIPHERTEXT_MAX / 3 * 4 + 1)
#define RESOURCE_MAX   512
#define DATA_KEY_BYTES 32

static const struct aws_service kms = {.id = "kms",
                                       .name = "kms",
                                       .prefix = "kms",
                                       .protocol = AWS_JSON_1_1,
                                       .target = "TrentService"};

void aws_data_key_free(struct aws_data_key *k)
{
    if (k == NULL) {
        return;
    }
    secret_free(&k->plaintext);
    *k = (struct aws_data_key){0};
}

/* --- what is asked --------------------------------------------------------------------------- */

struct question {
    const char *operation;
    const char *action;
    const char *key_id; /* may be NULL */
    json_t *request;
    aws_read read;
    void *read_arg;
};

/* A statement names keys by their ARN, never by an alias. */
static const char *resource_of(const struct aws_caller *caller, const char *key_id,
                               char out[RESOURCE_MAX])
{
    char resource[RESOURCE_MAX];

    if (key_id != NULL && aws_is_arn(key_id) && strstr(key_id, ":alias/") == NULL) {
        return key_id;
    }
    bool is_id = key_id != NULL && strpbrk(key_id, ":/") == NULL;
    (void)snprintf(resource, sizeof resource, "key/%.256s", is_id ? key_id : "*");
    return aws_caller_resource(caller, "kms", resource, out, RESOURCE_MAX);
}

static bool ask(const struct aws_caller *caller, const struct question *q, struct err *err)
{
    CLEANUP(secret_free) struct secret body = {0};
    struct aws_arn arn;
    char resource[RESOURCE_MAX];
    const struct aws_caller there = aws_caller_for(caller, q->key_id, &arn);

    if (!aws_json_put(q->request, "KeyId", q->key_id, err) ||
        !aws_json_write(q->request, &body, err)) {
        return false;
    }
    const struct aws_call call = {
        .service = &kms,
        .operation = q->operation,
        .body = secret_reveal(&body),
        .action = q->action,
        .resource = resource_of(&there, q->key_id, resource),
        .hint = "the key's own policy must let this account's IAM decide, or name the caller",
        .read = q->read,
        .read_arg = q->read_arg,
    };
    if (aws_call_send(&there, &call, NULL, NULL, err)) {
        return true;
    }
    return q->key_id == NULL || err->kind == ERR_AUTH ? false
                                                      : err_wrap(err, "key %.200s", q->key_id);
}

static bool put_context(json_t *request, const struct aws_tag *context, size_t count,
                        struct err *err)
{
    json_t *pairs = json_object();

    if (pairs == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        if (!aws_json_put(pairs, context[i].key, context[i].value, err)) {
            json_decref(pairs);
            return false;
        }
    }
    if (count == 0) {
        json_decref(pairs);
        return true;
    }
    if (json_object_set_new(request, "EncryptionContext", pairs) != 0) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    return true;
}

static bool put_ciphertext(json_t *request, const void *ciphertext, size_t len, struct err *err)
{
    char encoded[BASE64_MAX];

    if (len == 0 || len > KMS_CIPHERTEXT_MAX ||
        !base64_encode(ciphertext, len, encoded, sizeof encoded)) {
        return err_set(err, ERR_USAGE, "%zu bytes are no ciphertext of KMS: it has 1 to %d", len,
                       KMS_CIPHERTEXT_MAX);
    }
    return aws_json_put(request, "CiphertextBlob", encoded, err);
}

/* --- Decrypt --------------------------------------------------------------------------------- */

static bool read_plaintext(void *arg, const struct secret *body, struct err *err)
{
    CLEANUP(aws_json_free) json_t *root = NULL;
    CLEANUP(secret_free) struct secret fresh = {0};
    struct secret *out = arg;
    bool found = false;

    if (!aws_json_parse(secret_reveal(body), body->len, &root, err) ||
        !aws_json_base64(root, "Plaintext", &fresh, &found, err)) {
        return false;
    }
    if (!found) {
        return err_set(err, ERR_TRANSIENT, "it has no Plaintext");
    }
    secret_free(out);
    *out = fresh;
    fresh = (struct secret){0};
    return true;
}

/* NOLINTNEXTLINE(readability-function-size): two of them are lengths. */
bool aws_kms_decrypt(const struct aws_caller *caller, const char *key_id, const void *ciphertext,
                     size_t len, const struct aws_tag *context, size_t context_count,
                     struct secret *plaintext, struct err *err)
{
    CLEANUP(aws_json_free) json_t *request = json_object();

    if (request == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    if (!put_ciphertext(request, ciphertext, len, err) ||
        !put_context(request, context, context_count, err)) {
        return false;
    }
    const struct question q = {"Decrypt", "kms:Decrypt",  key_id,
                               request,   read_plaintext, plaintext};
    return ask(caller, &q, err);
}

/* --- GenerateDataKey ------------------------------------------------------------------------- */

static bool read_ciphertext(const json_t *root, struct aws_data_key *out, struct err *err)
{
    CLEANUP(secret_free) struct secret ciphertext = {0};
    bool found = false;

    if (!aws_json_base64(root, "CiphertextBlob", &ciphertext, &found, err)) {
        return false;
    }
    if (!found || ciphertext.len == 0 || ciphertext.len > sizeof out->ciphertext) {
        return err_set(err, ERR_TRANSIENT, "it has no usable CiphertextBlob");
    }
    memcpy(out->ciphertext, ciphertext.bytes, ciphertext.len);
    out->ciphertext_len = ciphertext.len;
    return true;
}

static bool read_data_key(void *arg, const struct secret *body, struct err *err)
{
    CLEANUP(aws_json_free) json_t *root = NULL;
    CLEANUP(aws_data_key_free) struct aws_data_key fresh = {0};
    struct aws_data_key *out = arg;

    if (!aws_json_parse(secret_reveal(body), body->len, &root, err) ||
        !aws_json_base64(root, "Plaintext", &fresh.plaintext, NULL, err) ||
        !aws_json_text(root, "KeyId", fresh.key_arn, sizeof fresh.key_arn, err) ||
        !read_ciphertext(root, &fresh, err)) {
        return false;
    }
    if (fresh.plaintext.len != DATA_KEY_BYTES) {
        return err_set(err, ERR_TRANSIENT, "its Plaintext is not a key of %d bytes",
                       DATA_KEY_BYTES);
    }
    aws_data_key_free(out);
    *out = fresh;
    fresh.plaintext = (struct secret){0};
    return true;
}

bool aws_kms_generate_data_key(const struct aws_caller *caller, const char *key_id,
                               const struct aws_tag *context, size_t context_count,
                               struct aws_data_key *out, struct err *err)
{
    CLEANUP(aws_json_free) json_t *request = json_object();

    if (request == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    if (!aws_json_put(request, "KeySpec", "AES_256", err) ||
        !put_context(request, context, context_count, err)) {
        return false;
    }
    const struct question q = {"GenerateDataKey", "kms:GenerateDataKey", key_id,
                               request,           read_data_key,         out};
    return ask(caller, &q, err);
}

/* --- DescribeKey ----------------------------------------------------------------------------- */

static bool read_key(void *arg, const struct secret *body, struct err *err)
{
    CLEANUP(aws_json_free) json_t *root = NULL;
    struct aws_key_description fresh = {0};
    char manager[32];

    if (!aws_json_parse(secret_reveal(body), body->len, &root, err)) {
        return false;
    }
    const json_t *key = json_object_get(root, "KeyMetadata");
    if (!aws_json_text(key, "Arn", fresh.arn, sizeof fresh.arn, err) ||
        !aws_json_text(key, "KeyState", fresh.state, sizeof fresh.state, err) ||
        !aws_json_text(key, "KeyUsage", fresh.usage, sizeof fresh.usage, err) ||
        !aws_json_text(key, "KeyManager", manager, sizeof manager, err) ||
        !aws_json_flag(key, "Enabled", &fresh.enabled, err)) {
        return false;
    }
    if (fresh.arn[0] == '\0' || fresh.state[0] == '\0') {
        return err_set(err, ERR_TRANSIENT, "it has no usable KeyMetadata");
    }
    fresh.managed_by_aws = strcmp(manager, "AWS") == 0;
    *(struct aws_key_description *)arg = fresh;
    return true;
}

bool aws_kms_describe_key(const struct aws_caller *caller, const char *key_id,
                          struct aws_key_description *out, struct err *err)
{
    CLEANUP(aws_json_free) json_t *request = json_object();

    if (request == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    const struct question q = {"DescribeKey", "kms:DescribeKey", key_id, request, read_key, out};
    return ask(caller, &q, err);
}
