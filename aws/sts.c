#include "aws/sts.h"

#include "aws/arn.h"
#include "aws/date.h"
#include "aws/form.h"
#include "aws/xml.h"
#include "base/cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN  96 /* "Tags.member.50.Value" and a role session name of ours */
#define TAGS_MAX      50
#define ROLE_ARN_WHAT "the role's ARN"

static const struct aws_service sts = {
    .id = "sts", .name = "sts", .prefix = "sts", .protocol = AWS_QUERY_XML};

/* --- which Region ---------------------------------------------------------------------------- */

/* STS is asked in a Region of the role's own partition when nobody said where. */
static const char *home_region(const char *role_arn)
{
    static const char *const homes[][2] = {
        {"aws-cn",     "cn-north-1"     },
        {"aws-us-gov", "us-gov-west-1"  },
        {"aws-iso",    "us-iso-east-1"  },
        {"aws-iso-b",  "us-isob-east-1" },
        {"aws-iso-e",  "eu-isoe-west-1" },
        {"aws-iso-f",  "us-isof-south-1"},
        {"aws-eusc",   "eusc-de-east-1" },
    };
    struct aws_arn arn;
    struct err ignored = {0};

    if (role_arn != NULL && aws_arn_parse(role_arn, ROLE_ARN_WHAT, &arn, &ignored)) {
        for (size_t i = 0; i < sizeof homes / sizeof homes[0]; i++) {
            if (strcmp(arn.partition, homes[i][0]) == 0) {
                return homes[i][1];
            }
        }
    }
    return "us-east-1";
}

static bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static const char *pick_region(const struct aws_caller *caller, const struct aws_role *role)
{
    const char *session = caller->session->settings.region;

    if (role != NULL && given(role->region)) {
        return role->region;
    }
    if (given(caller->region)) {
        return caller->region;
    }
    return given(session) ? session : home_region(role == NULL ? NULL : role->arn);
}

/* --- what is asked --------------------------------------------------------------------------- */

static void add_operation(struct form *f, const char *operation)
{
    form_add(f, "Action", operation);
    form_add(f, "Version", "2011-06-15");
}

static void add_tags(struct form *f, const struct aws_role *role)
{
    char name[NAME_MAX_LEN];

    for (size_t i = 0; i < role->tag_count; i++) {
        (void)snprintf(name, sizeof name, "Tags.member.%zu.Key", i + 1);
        form_add(f, name, role->tags[i].key);
        (void)snprintf(name, sizeof name, "Tags.member.%zu.Value", i + 1);
        form_add(f, name, role->tags[i].value);
    }
}

static void add_role(struct form *f, const struct aws_caller *caller, const struct aws_role *role)
{
    char name[NAME_MAX_LEN];
    char duration[16];

    (void)snprintf(name, sizeof name, "sluice-%" PRId64, aws_session_now_s(caller->session));
    (void)snprintf(duration, sizeof duration, "%u", role->duration_s);
    form_add(f, "RoleArn", role->arn);
    form_add(f, "RoleSessionName", given(role->session_name) ? role->session_name : name);
    form_add(f, "DurationSeconds", role->duration_s == 0 ? NULL : duration);
}

/* --- what is answered ------------------------------------------------------------------------ */

static bool missing(const char *what, struct err *err)
{
    return err_set(err, ERR_TRANSIENT, "it has no usable %s", what);
}

/* "arn:aws:sts::123456789012:assumed-role/name/session" */
static void set_account(const char *assumed_arn, struct aws_credentials *out)
{
    struct aws_arn arn;
    struct err ignored = {0};

    if (aws_arn_parse(assumed_arn, "the assumed role's ARN", &arn, &ignored)) {
        memcpy(out->account_id, arn.account, sizeof out->account_id);
    }
}

static bool fill_credentials(const struct xml_node *node, struct aws_credentials *out,
                             struct err *err)
{
    struct err why = {0};

    if (xml_text(node, "SessionToken")[0] == '\0') {
        return missing("SessionToken", err);
    }
    if (!date_parse_iso(xml_text(node, "Expiration"), &out->expires_s)) {
        return missing("Expiration", err);
    }
    if (!aws_credentials_set(out, "the role's answer", xml_text(node, "AccessKeyId"),
                             xml_text(node, "SecretAccessKey"), xml_text(node, "SessionToken"),
                             &why)) {
        return why.kind == ERR_SYSTEM ? err_set(err, ERR_SYSTEM, "%s", why.msg)
                                      : missing("Credentials", err);
    }
    return true;
}

static bool read_result(const char *result, const struct secret *body, struct aws_credentials *out,
                        struct err *err)
{
    CLEANUP(xml_free) struct xml_node *root = NULL;
    struct aws_credentials fresh = {0};

    if (!xml_parse(secret_reveal(body), body->len, &root, err)) {
        return false;
    }
    const struct xml_node *node = xml_find(root, result);
    if (!fill_credentials(xml_find(node, "Credentials"), &fresh, err)) {
        aws_credentials_free(&fresh);
        return false;
    }
    set_account(xml_text(node, "AssumedRoleUser/Arn"), &fresh);
    aws_credentials_free(out);
    *out = fresh;
    return true;
}

static bool read_assumed(void *arg, const struct secret *body, struct err *err)
{
    return read_result("AssumeRoleResult", body, arg, err);
}

static bool read_web_identity(void *arg, const struct secret *body, struct err *err)
{
    return read_result("AssumeRoleWithWebIdentityResult", body, arg, err);
}

static bool read_text(const struct xml_node *result, const char *name, char *out, size_t size)
{
    const char *text = xml_text(result, name);
    size_t len = strlen(text);

    if (len == 0 || len >= size) {
        return false;
    }
    memcpy(out, text, len + 1);
    return true;
}

static bool read_identity(void *arg, const struct secret *body, struct err *err)
{
    CLEANUP(xml_free) struct xml_node *root = NULL;
    struct aws_caller_identity found = {0};

    if (!xml_parse(secret_reveal(body), body->len, &root, err)) {
        return false;
    }
    const struct xml_node *result = xml_find(root, "GetCallerIdentityResult");
    if (!read_text(result, "Arn", found.arn, sizeof found.arn)) {
        return missing("Arn", err);
    }
    if (!read_text(result, "Account", found.account, sizeof found.account)) {
        return missing("Account", err);
    }
    if (!read_text(result, "UserId", found.user_id, sizeof found.user_id)) {
        return missing("UserId", err);
    }
    *(struct aws_caller_identity *)arg = found;
    return true;
}

/* --- the operations --------------------------------------------------------------------------- */

static bool check_role(const struct aws_role *role, struct err *err)
{
    struct aws_arn arn;

    if (!aws_arn_parse(role->arn, ROLE_ARN_WHAT, &arn, err)) {
        return false;
    }
    if (role->tag_count > TAGS_MAX) {
        return err_set(err, ERR_USAGE, "%zu session tags, but a role takes %d at most",
                       role->tag_count, TAGS_MAX);
    }
    return true;
}

bool aws_sts_assume_role(const struct aws_caller *caller, const struct aws_role *role,
                         struct aws_credentials *out, struct err *err)
{
    CLEANUP(form_free) struct form form = {0};
    struct aws_caller where = *caller;

    if (!check_role(role, err)) {
        return false;
    }
    where.region = pick_region(caller, role);
    add_operation(&form, "AssumeRole");
    add_role(&form, caller, role);
    form_add(&form, "ExternalId", given(role->external_id) ? role->external_id : NULL);
    add_tags(&form, role);
    if (!form_ok(&form, err)) {
        return false;
    }
    const struct aws_call call = {
        .service = &sts,
        .operation = "AssumeRole",
        .body = secret_reveal(&form.body),
        .action = "sts:AssumeRole",
        .resource = role->arn,
        .hint = role->tag_count == 0
                    ? "the role's trust policy must name the caller, too"
                    : "the role's trust policy must name the caller, too, and allow "
                      "sts:AssumeRole and sts:TagSession",
        .read = read_assumed,
        .read_arg = out,
    };
    return aws_call_send(&where, &call, NULL, NULL, err);
}

bool aws_sts_assume_role_with_web_identity(const struct aws_caller *caller,
                                           const struct aws_role *role, const struct secret *token,
                                           struct aws_credentials *out, struct err *err)
{
    CLEANUP(form_free) struct form form = {0};
    struct aws_caller where = *caller;

    if (!check_role(role, err)) {
        return false;
    }
    where.identity = NULL;
    where.region = pick_region(caller, role);
    add_operation(&form, "AssumeRoleWithWebIdentity");
    add_role(&form, caller, role);
    form_add(&form, "WebIdentityToken", secret_reveal(token));
    if (!form_ok(&form, err)) {
        return false;
    }
    const struct aws_call call = {
        .service = &sts,
        .operation = "AssumeRoleWithWebIdentity",
        .body = secret_reveal(&form.body),
        .action = "sts:AssumeRoleWithWebIdentity",
        .resource = role->arn,
        .hint = "that belongs into the role's trust policy, with the token's issuer as principal",
        .concealed = token,
        .read = read_web_identity,
        .read_arg = out,
    };
    return aws_call_send(&where, &call, NULL, NULL, err);
}

bool aws_sts_get_caller_identity(const struct aws_caller *caller, struct aws_caller_identity *out,
                                 struct err *err)
{
    CLEANUP(form_free) struct form form = {0};
    struct aws_caller where = *caller;

    where.region = pick_region(caller, NULL);
    add_operation(&form, "GetCallerIdentity");
    if (!form_ok(&form, err)) {
        return false;
    }
    const struct aws_call call = {
        .service = &sts,
        .operation = "GetCallerIdentity",
        .body = secret_reveal(&form.body),
        .action = "sts:GetCallerIdentity",
        .read = read_identity,
        .read_arg = out,
    };
    return aws_call_send(&where, &call, NULL, NULL, err);
}
