#include "aws/secrets_manager.h"

#include "aws/json.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

#define RESOURCE_MAX 768

static const struct aws_service secrets_manager = {.id = "secrets_manager",
                                                   .name = "secretsmanager",
                                                   .prefix = "secretsmanager",
                                                   .protocol = AWS_JSON_1_1,
                                                   .target = "secretsmanager"};

void aws_secret_version_free(struct aws_secret_version *v)
{
    if (v == NULL) {
        return;
    }
    secret_free(&v->value);
    *v = (struct aws_secret_version){0};
}

/* --- what is asked --------------------------------------------------------------------------- */

static bool write_request(const char *id, const char *stage, const char *version,
                          struct secret *body, struct err *err)
{
    CLEANUP(aws_json_free) json_t *request = json_object();

    if (id == NULL || id[0] == '\0') {
        return err_set(err, ERR_USAGE, "a secret without a name");
    }
    if (request == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    return aws_json_put(request, "SecretId", id, err) &&
           aws_json_put(request, "VersionStage", stage, err) &&
           aws_json_put(request, "VersionId", version, err) && aws_json_write(request, body, err);
}

/* AWS ends a secret's ARN with six characters of its own, which the name alone does not tell. */
static const char *resource_of(const struct aws_caller *caller, const char *id,
                               char out[RESOURCE_MAX])
{
    char resource[RESOURCE_MAX];

    if (aws_is_arn(id)) {
        return id;
    }
    (void)snprintf(resource, sizeof resource, "secret:%.512s-??????", id);
    return aws_caller_resource(caller, "secretsmanager", resource, out, RESOURCE_MAX);
}

struct question {
    const char *operation;
    const char *action;
    const char *id;
    const char *body;
    aws_read read;
    void *read_arg;
};

static bool ask(const struct aws_caller *caller, const struct question *q,
                struct aws_refusal *refusal, struct err *err)
{
    struct aws_arn arn;
    char resource[RESOURCE_MAX];
    const struct aws_caller there = aws_caller_for(caller, q->id, &arn);
    const struct aws_call call = {
        .service = &secrets_manager,
        .operation = q->operation,
        .body = q->body,
        .action = q->action,
        .resource = resource_of(&there, q->id, resource),
        .read = q->read,
        .read_arg = q->read_arg,
    };

    if (aws_call_send(&there, &call, NULL, refusal, err)) {
        return true;
    }
    /* Where permission is missing the statement names it, and must not be pushed over the end. */
    return err->kind == ERR_AUTH ? false : err_wrap(err, "secret %.200s", q->id);
}

/* --- GetSecretValue -------------------------------------------------------------------------- */

static bool read_value(const json_t *root, struct secret *value, struct err *err)
{
    bool found = false;

    if (!aws_json_secret(root, "SecretString", value, &found, err)) {
        return false;
    }
    if (!found && !aws_json_base64(root, "SecretBinary", value, &found, err)) {
        return false;
    }
    return found || err_set(err, ERR_TRANSIENT, "it has neither SecretString nor SecretBinary");
}

static bool read_version(void *arg, const struct secret *body, struct err *err)
{
    CLEANUP(aws_json_free) json_t *root = NULL;
    CLEANUP(aws_secret_version_free) struct aws_secret_version fresh = {0};
    struct aws_secret_version *out = arg;

    if (!aws_json_parse(secret_reveal(body), body->len, &root, err) ||
        !aws_json_text(root, "ARN", fresh.arn, sizeof fresh.arn, err) ||
        !aws_json_text(root, "VersionId", fresh.version_id, sizeof fresh.version_id, err) ||
        !read_value(root, &fresh.value, err)) {
        return false;
    }
    if (fresh.arn[0] == '\0') {
        return err_set(err, ERR_TRANSIENT, "it has no ARN");
    }
    aws_secret_version_free(out);
    *out = fresh;
    fresh.value = (struct secret){0};
    return true;
}

/* The service has one code for a secret that is not there and for a stage that no version has, and
 * not all that stand in for it tell the two apart. A secret always has a current version; whoever
 * asks for another stage gets the same answer for a secret that is not there. */
static bool is_stage_missing(const struct aws_refusal *refusal, const char *stage)
{
    bool other_stage = stage != NULL && strcmp(stage, "AWSCURRENT") != 0;

    return strcmp(refusal->code, "ResourceNotFoundException") == 0 &&
           (other_stage || strstr(refusal->message, "staging label") != NULL);
}

/* NOLINTNEXTLINE(readability-function-size): the three that name a version are the service's. */
bool aws_secret_get(const struct aws_caller *caller, const char *id, const char *stage,
                    const char *version, struct aws_secret_version *out, bool *found,
                    struct err *err)
{
    CLEANUP(secret_free) struct secret body = {0};
    struct aws_refusal refusal = {0};
    struct err why = {0};

    if (!write_request(id, stage, version, &body, err)) {
        return false;
    }
    const struct question q = {"GetSecretValue",
                               "secretsmanager:GetSecretValue",
                               id,
                               secret_reveal(&body),
                               read_version,
                               out};
    bool got = ask(caller, &q, &refusal, &why);
    if (!got && !is_stage_missing(&refusal, stage)) {
        *err = why;
        return false;
    }
    *found = got;
    return true;
}

/* --- DescribeSecret -------------------------------------------------------------------------- */

static bool read_description(void *arg, const struct secret *body, struct err *err)
{
    CLEANUP(aws_json_free) json_t *root = NULL;
    struct aws_secret_description fresh = {0};

    if (!aws_json_parse(secret_reveal(body), body->len, &root, err) ||
        !aws_json_text(root, "ARN", fresh.arn, sizeof fresh.arn, err) ||
        !aws_json_text(root, "Name", fresh.name, sizeof fresh.name, err) ||
        !aws_json_text(root, "KmsKeyId", fresh.kms_key_id, sizeof fresh.kms_key_id, err) ||
        !aws_json_flag(root, "RotationEnabled", &fresh.rotates, err)) {
        return false;
    }
    if (fresh.arn[0] == '\0') {
        return err_set(err, ERR_TRANSIENT, "it has no ARN");
    }
    const json_t *deleted = json_object_get(root, "DeletedDate");
    fresh.deleted = deleted != NULL && !json_is_null(deleted);
    *(struct aws_secret_description *)arg = fresh;
    return true;
}

bool aws_secret_describe(const struct aws_caller *caller, const char *id,
                         struct aws_secret_description *out, struct err *err)
{
    CLEANUP(secret_free) struct secret body = {0};

    if (!write_request(id, NULL, NULL, &body, err)) {
        return false;
    }
    const struct question q = {"DescribeSecret",
                               "secretsmanager:DescribeSecret",
                               id,
                               secret_reveal(&body),
                               read_description,
                               out};
    return ask(caller, &q, NULL, err);
}
