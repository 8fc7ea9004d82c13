#include "aws/call.h"
#include "aws/kms.h"
#include "aws/secrets_manager.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/aws_check.h"
#include "job/secret_body.h"

#include <stdio.h>
#include <string.h>

#define FIX_MAX    2600 /* a command with an ARN */
#define KEYS_MAX   80
#define KEY_ID_MAX sizeof(((struct aws_secret_description *)0)->kms_key_id)

/* What aws/call_error.c says where it cannot know the key, and we do. */
#define SOME_KEY "the ARN of its KMS key"

/* ---- the key beneath ---- */

/* Is the key fit to decrypt? One that cannot be described may still be. */
static bool check_key(struct aws_side *s, char key_id[KEY_ID_MAX])
{
    struct aws_key_description key = {.arn = ""};
    char fix[FIX_MAX];
    struct err err;
    if (!aws_kms_describe_key(s->caller, key_id, &key, &err)) {
        struct check_note note = aws_note(s, CHECK_WARNING, ID_KEY, "not needed by a load");
        if (err.kind != ERR_CANCELLED) {
            check_add_err(s->list, &note, &err);
        }
        return true;
    }
    (void)snprintf(key_id, KEY_ID_MAX, "%s", key.arn); /* for statements, which take no alias */
    if (key.enabled && strcmp(key.usage, "ENCRYPT_DECRYPT") == 0) {
        struct check_note note = aws_note(s, CHECK_OK, ID_KEY, NULL);
        check_add(s->list, &note, "%s, enabled", key.arn);
        return true;
    }
    bool leaving = strcmp(key.state, "PendingDeletion") == 0;
    (void)snprintf(fix, sizeof fix, "%saws kms enable-key --key-id %s",
                   leaving ? "aws kms cancel-key-deletion with the same key, then " : "", key.arn);
    struct check_note note = aws_note(s, CHECK_BLOCKER, ID_KEY, fix);
    check_add(s->list, &note, "%s cannot decrypt: its state is %s", key.arn, key.state);
    s->refused = true;
    return false;
}

/* ---- the secret ---- */

static void add_key(struct buf *out, bool there, const char *name)
{
    if (there) {
        buf_printf(out, "%s%s", out->len == 0 ? "" : ", ", name);
    }
}

static void add_secret(const struct aws_side *s, const struct secret_body *body,
                       const char *rotation)
{
    struct buf keys;
    struct check_note note = aws_note(s, CHECK_OK, ID_SECRET, NULL);
    buf_init(&keys, KEYS_MAX);
    add_key(&keys, secret_is_set(&body->user), "username");
    add_key(&keys, true, "password");
    add_key(&keys, body->host[0] != '\0', "host");
    add_key(&keys, body->port[0] != '\0', "port");
    add_key(&keys, body->dbname[0] != '\0', "dbname");
    check_add(s->list, &note, "%s can be read; AWSCURRENT has %s%s", s->wish->secret,
              buf_str(&keys), rotation);
    buf_free(&keys);
}

static void name_key(struct err *err, const char *key_arn)
{
    struct err before = *err;
    const char *at = strstr(before.msg, SOME_KEY);
    if (at != NULL && strncmp(key_arn, "arn:", 4) == 0) {
        (void)snprintf(err->msg, sizeof err->msg, "%.*s%.400s%s", (int)(at - before.msg),
                       before.msg, key_arn, at + strlen(SOME_KEY));
    }
}

static void read_value(struct aws_side *s, const char *key_arn, const char *rotation)
{
    struct aws_secret_version version = {.arn = ""};
    struct secret_body body = {.host = ""};
    struct err err;
    bool found = false;
    bool ok =
        aws_secret_get(s->caller, s->wish->secret, NULL, NULL, &version, &found, &err) &&
        (found || err_set(&err, ERR_USAGE, "%s has no version AWSCURRENT; put a value into it",
                          s->wish->secret)) &&
        secret_body_read(&version.value, s->wish->secret, &body, &err);
    if (ok) {
        add_secret(s, &body, rotation);
        if (s->host[0] == '\0') {
            (void)snprintf(s->host, sizeof s->host, "%s", body.host);
        }
    } else {
        name_key(&err, key_arn);
        aws_refuse(s, ID_SECRET, &err, "correct the secret's value");
    }
    secret_body_free(&body);
    aws_secret_version_free(&version);
}

static void refuse_deleted(struct aws_side *s, const char *arn)
{
    char fix[FIX_MAX];
    (void)snprintf(fix, sizeof fix, "aws secretsmanager restore-secret --secret-id %s", arn);
    struct check_note note = aws_note(s, CHECK_BLOCKER, ID_SECRET, fix);
    check_add(s->list, &note, "%s is scheduled for deletion and cannot be read", s->wish->secret);
    s->refused = true;
}

void aws_check_secret(struct aws_side *s)
{
    struct aws_secret_description d = {.arn = ""};
    struct err err;
    if (s->wish->secret == NULL) {
        return;
    }
    bool described = aws_secret_describe(s->caller, s->wish->secret, &d, &err);
    if (!described && err.kind == ERR_AUTH) {
        struct check_note note = aws_note(s, CHECK_WARNING, ID_SECRET, "not needed by a load");
        check_add_err(s->list, &note, &err);
    } else if (!described) {
        aws_refuse(s, ID_SECRET, &err, "correct the secret's name");
        return;
    }
    if (d.deleted) {
        refuse_deleted(s, d.arn);
    } else if (d.kms_key_id[0] == '\0' || check_key(s, d.kms_key_id)) {
        read_value(s, d.kms_key_id,
                   !described  ? ""
                   : d.rotates ? "; rotation is on"
                               : "; rotation is off");
    }
}

/* ---- a password under KMS ---- */

void aws_check_password(struct aws_side *s)
{
    struct err err;
    if (s->wish->password_kms == NULL) {
        return;
    }
    if (auth_open_password(s->auth, s->side, &err)) {
        struct check_note note = aws_note(s, CHECK_OK, ID_PASSWORD, NULL);
        check_add(s->list, &note, "%s can be decrypted", s->wish->password_kms);
    } else {
        aws_refuse(s, ID_PASSWORD, &err,
                   "look at the file, at the key's policy, and at the encryption context "
                   "(--kms-context)");
    }
}
