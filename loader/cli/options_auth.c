#include "cli/options_auth.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define PORT_MAX 65535u

/* ---- what they have in common ---- */

static struct side_auth *side_of(struct spec *spec, const struct option_value *value)
{
    return strncmp(value->row->name, "source-", 7) == 0 ? &spec->source_auth
                                                        : &spec->destination_auth;
}

static bool add_pair(struct text_list *list, const struct option_value *value, struct err *err)
{
    if (!option_check_text(value, err)) {
        return false;
    }
    const char *equals = strchr(value->text, '=');
    if (equals == NULL || equals == value->text) {
        return err_set(err, ERR_USAGE, "%s: \"%.60s\" is not KEY=VALUE", value->where, value->text);
    }
    if (list->count >= 50) {
        return err_set(err, ERR_USAGE, "%s: given more than 50 times, which is all AWS takes",
                       value->where);
    }
    char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    char *copy = str_copy(value->text);
    list->items = items == NULL ? list->items : items;
    if (items == NULL || copy == NULL) {
        free(copy);
        return err_set(err, ERR_SYSTEM, "out of memory for the options");
    }
    list->items[list->count++] = copy;
    return true;
}

static bool keep_role(char **slot, const struct option_value *value, struct err *err)
{
    if (strncmp(value->text, "arn:", 4) != 0 || strstr(value->text, ":role/") == NULL) {
        return err_set(err, ERR_USAGE,
                       "%s: \"%.80s\" is not a role's ARN, as arn:aws:iam::111122223333:role/NAME",
                       value->where, value->text);
    }
    return option_keep_text(slot, value, err);
}

static bool keep_region(char **slot, const struct option_value *value, struct err *err)
{
    size_t len = strlen(value->text);
    if (len < 6 || len > 30 || strchr(value->text, '-') == NULL ||
        strspn(value->text, "abcdefghijklmnopqrstuvwxyz0123456789-") != len) {
        return err_set(err, ERR_USAGE, "%s: \"%.40s\" is not a Region, as eu-west-1", value->where,
                       value->text);
    }
    return option_keep_text(slot, value, err);
}

/* ---- a side ---- */

OPTION_SETTER(auth_secret)
{
    return option_keep_text(&side_of(spec, value)->secret, value, err);
}

OPTION_SETTER(auth_iam)
{
    side_of(spec, value)->iam = true;
    (void)err;
    return true;
}

OPTION_SETTER(auth_role_arn)
{
    return keep_role(&side_of(spec, value)->role_arn, value, err);
}

OPTION_SETTER(auth_external_id)
{
    return option_keep_text(&side_of(spec, value)->external_id, value, err);
}

OPTION_SETTER(auth_tag)
{
    return add_pair(&side_of(spec, value)->tags, value, err);
}

OPTION_SETTER(auth_iam_host)
{
    return option_keep_text(&side_of(spec, value)->iam_host, value, err);
}

OPTION_SETTER(auth_region)
{
    return keep_region(&side_of(spec, value)->region, value, err);
}

OPTION_SETTER(auth_ca)
{
    return option_keep_text(&side_of(spec, value)->ca_file, value, err);
}

OPTION_SETTER(auth_password_kms)
{
    return option_keep_text(&side_of(spec, value)->password_kms, value, err);
}

OPTION_SETTER(auth_context)
{
    return add_pair(&side_of(spec, value)->context, value, err);
}

OPTION_SETTER(kms_context)
{
    return add_pair(&spec->source_auth.context, value, err) &&
           add_pair(&spec->destination_auth.context, value, err);
}

OPTION_SETTER(aws_profile)
{
    return option_keep_text(&spec->aws_profile, value, err);
}

/* ---- the aws subcommands ---- */

OPTION_SETTER(aws_host)
{
    return option_keep_text(&spec->aws.host, value, err);
}

OPTION_SETTER(aws_port)
{
    uint64_t port = 0;
    if (!parse_count(value->text, value->where, 1, PORT_MAX, &port, err)) {
        return false;
    }
    spec->aws.port = (uint16_t)port;
    return true;
}

OPTION_SETTER(aws_user)
{
    return option_keep_text(&spec->aws.user, value, err);
}

OPTION_SETTER(aws_region)
{
    return keep_region(&spec->aws.auth.region, value, err);
}

OPTION_SETTER(aws_role_arn)
{
    return keep_role(&spec->aws.auth.role_arn, value, err);
}

OPTION_SETTER(aws_external_id)
{
    return option_keep_text(&spec->aws.auth.external_id, value, err);
}

OPTION_SETTER(aws_tag)
{
    return add_pair(&spec->aws.auth.tags, value, err);
}

OPTION_SETTER(aws_out)
{
    return option_keep_text(&spec->aws.out, value, err);
}

OPTION_SETTER(aws_utility)
{
    spec->aws.utility = true;
    (void)value;
    (void)err;
    return true;
}

OPTION_SETTER(json)
{
    spec->json = true;
    (void)value;
    (void)err;
    return true;
}

/* ---- together ---- */

static bool check_side(const char *side, const struct side_auth *a, struct err *err)
{
    if (a->secret != NULL && a->password_kms != NULL) {
        return err_set(err, ERR_USAGE,
                       "--%s-secret and --%s-password-kms both give a password; "
                       "leave one out",
                       side, side);
    }
    if (a->iam && a->password_kms != NULL) {
        return err_set(err, ERR_USAGE, "--%s-iam needs no password; leave --%s-password-kms out",
                       side, side);
    }
    if (a->iam_host != NULL && !a->iam) {
        return err_set(err, ERR_USAGE, "--%s-iam-host is about IAM tokens; add --%s-iam", side,
                       side);
    }
    if (a->role_arn == NULL && (a->external_id != NULL || a->tags.count > 0)) {
        return err_set(err, ERR_USAGE,
                       "--%s-external-id and --%s-session-tag are about a role; add "
                       "--%s-role-arn",
                       side, side, side);
    }
    return true;
}

static bool check_token(const struct aws_request *r, struct err *err)
{
    if (r->host == NULL || r->user == NULL) {
        return err_set(err, ERR_USAGE,
                       "--host and --user have to be given (\"sluice aws token "
                       "--help\" has an example)");
    }
    return true;
}

bool options_check_auth(enum option_command command, const struct spec *spec, struct err *err)
{
    if (command == FOR_AWS_TOKEN && !check_token(&spec->aws, err)) {
        return false;
    }
    if (spec->aws.auth.role_arn == NULL &&
        (spec->aws.auth.external_id != NULL || spec->aws.auth.tags.count > 0)) {
        return err_set(err, ERR_USAGE,
                       "--external-id and --session-tag are about a role; add --role-arn");
    }
    const struct side_auth *s = &spec->source_auth;
    const struct side_auth *d = &spec->destination_auth;
    if (s->context.count + d->context.count > 0 && s->password_kms == NULL &&
        d->password_kms == NULL) {
        return err_set(err, ERR_USAGE,
                       "--kms-context is about a password under KMS; add --source-password-kms or "
                       "--destination-password-kms");
    }
    return check_side("source", &spec->source_auth, err) &&
           check_side("destination", &spec->destination_auth, err);
}
