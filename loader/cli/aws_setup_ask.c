/* What AWS says. Whoever writes the files need not be allowed to look at everything, and often is
 * not, so a refusal becomes a line for a person. */
#include "aws/arn.h"
#include "aws/identity.h"
#include "aws/kms.h"
#include "aws/rds.h"
#include "aws/secrets_manager.h"
#include "aws/session.h"
#include "aws/sts.h"
#include "base/cleanup.h"
#include "cli/aws_setup_facts.h"
#include "flow/stop.h"
#include "job/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool setup_is_gap(const struct err *fault, struct err *err)
{
    switch (fault->kind) {
    case ERR_USAGE:
    case ERR_AUTH:
    case ERR_TRANSIENT:
    case ERR_DATA:
        return true;
    case ERR_NONE:
    case ERR_CANCELLED:
    case ERR_SYSTEM:
    case ERR_BUSY:
    case ERR_LOST_SNAPSHOT:
    default:
        *err = *fault;
        return false;
    }
}

/* ---- the caller ---- */

static bool take_region(struct setup_facts *f, struct auth *auth, struct err *err)
{
    const char *region = auth_region(auth, AUTH_SOURCE);
    if (region[0] == '\0') {
        region = auth_session(auth)->settings.region;
    }
    return region[0] == '\0' || setup_set(&f->region, region, err);
}

static bool take_caller(struct setup_facts *f, const struct aws_caller_identity *who,
                        struct err *err)
{
    struct aws_arn arn;

    return aws_arn_parse(who->arn, "the caller's ARN", &arn, err) &&
           setup_set(&f->partition, arn.partition, err) &&
           setup_set(&f->account, who->account, err) && setup_set_principal(f, who->arn, err);
}

/* why stays "" when AWS knows us. */
static bool ask_caller(struct setup_facts *f, struct auth *auth, char why[ERR_MSG_MAX],
                       struct err *err)
{
    struct aws_caller_identity who = {.arn = ""};
    struct err fault = {.kind = ERR_NONE};

    if (!take_region(f, auth, err)) {
        return false;
    }
    const struct aws_caller caller = {.session = auth_session(auth),
                                      .identity = auth_identity(auth, AUTH_SOURCE),
                                      .region = f->region[0] == '\0' ? "us-east-1" : f->region};
    if (aws_sts_get_caller_identity(&caller, &who, &fault)) {
        return take_caller(f, &who, err);
    }
    (void)snprintf(why, ERR_MSG_MAX, "%s", fault.msg);
    return setup_is_gap(&fault, err);
}

/* ---- a secret and its key ---- */

static bool is_default_key(const char *key)
{
    return key[0] == '\0' || strstr(key, "alias/aws/") != NULL;
}

/* Without kms:DescribeKey a key's ARN or id still says which key it is; an alias does not. */
static bool take_key_as_written(struct setup_side *side, const struct aws_arn *secret,
                                const char *key, struct err *err)
{
    char text[2304];

    if (strstr(key, ":key/") != NULL) {
        return setup_set(&side->secret_key, key, err);
    }
    (void)snprintf(text, sizeof text, "arn:%s:kms:%s:%s:key/%s", secret->partition, secret->region,
                   secret->account, strstr(key, "alias/") == NULL ? key : "*");
    return setup_set(&side->secret_key, text, err);
}

static bool ask_key(const struct aws_caller *caller, struct setup_side *side,
                    const struct aws_secret_description *d, struct err *err)
{
    struct aws_arn secret;
    struct aws_key_description key = {.arn = ""};
    struct err fault = {.kind = ERR_NONE};

    if (is_default_key(d->kms_key_id)) {
        return true;
    }
    if (!aws_arn_parse(d->arn, "the secret's ARN", &secret, err)) {
        return false;
    }
    if (!aws_kms_describe_key(caller, d->kms_key_id, &key, &fault)) {
        return setup_is_gap(&fault, err) && take_key_as_written(side, &secret, d->kms_key_id, err);
    }
    return key.managed_by_aws || setup_set(&side->secret_key, key.arn, err);
}

static bool ask_secret(struct setup_facts *f, struct setup_side *side,
                       const struct aws_caller *caller, struct err *err)
{
    struct aws_secret_description *d = calloc(1, sizeof *d);
    struct err fault = {.kind = ERR_NONE};
    bool ok = false;

    if (d == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for the setup");
    }
    if (!aws_secret_describe(caller, side->auth->secret, d, &fault)) {
        ok = setup_is_gap(&fault, err) &&
             setup_gap(f, "", err,
                       "The %s's secret could not be looked at, so its ARN and key are patterns "
                       "that fit only this name: %s",
                       side->name, fault.msg);
    } else {
        side->secret_known = true;
        ok = setup_set(&side->secret_arn, d->arn, err) && ask_key(caller, side, d, err) &&
             (!d->deleted || setup_gap(f, "", err,
                                       "The %s's secret is scheduled for deletion; \"aws "
                                       "secretsmanager restore-secret\" takes that back.",
                                       side->name));
    }
    free(d);
    return ok;
}

/* ---- a database ---- */

static bool find_database(const struct setup_side *side, const struct aws_caller *caller,
                          struct aws_database *out, bool *found, struct err *err)
{
    *found = false;
    if (side->identifier[0] != '\0') {
        *found = aws_rds_find(caller, side->identifier, out, err);
        return *found;
    }
    return !aws_is_rds_host(side->host) ||
           aws_rds_find_by_host(caller, side->host, out, found, err);
}

static bool take_database(struct setup_facts *f, struct setup_side *side,
                          const struct aws_database *d, struct err *err)
{
    struct aws_arn arn;
    struct err ignored;

    if (!setup_set(&side->resource_id, d->resource_id, err) ||
        (side->host[0] == '\0' && !setup_set(&side->host, d->endpoint, err)) ||
        (aws_arn_parse(d->arn, "the database's ARN", &arn, &ignored) &&
         !setup_set(&side->account, arn.account, err))) {
        return false;
    }
    return d->iam_enabled ||
           setup_gap(f, "", err,
                     "IAM database authentication is off for the %s; \"aws rds modify-db-%s "
                     "--db-%s-identifier %s --enable-iam-database-authentication "
                     "--apply-immediately\" turns it on.",
                     side->name, d->cluster ? "cluster" : "instance",
                     d->cluster ? "cluster" : "instance", d->id);
}

static bool ask_database(struct setup_facts *f, struct setup_side *side,
                         const struct aws_caller *caller, struct err *err)
{
    struct aws_database *d = calloc(1, sizeof *d);
    struct err fault = {.kind = ERR_NONE};
    bool found = false;
    bool ok = false;

    if (d == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for the setup");
    }
    if (!find_database(side, caller, d, &found, &fault)) {
        ok = setup_is_gap(&fault, err) &&
             setup_gap(f, "", err, "The %s was not found among the databases: %s", side->name,
                       fault.msg);
    } else {
        ok = !found || take_database(f, side, d, err);
    }
    free(d);
    return ok;
}

/* ---- a side ---- */

static bool ask_as(struct setup_facts *f, struct setup_side *side, struct auth *auth,
                   struct aws_identity *identity, struct err *err)
{
    const struct aws_caller caller = {
        .session = auth_session(auth), .identity = identity, .region = side->region};

    return (side->auth->secret == NULL || ask_secret(f, side, &caller, err)) &&
           (!side->auth->iam || ask_database(f, side, &caller, err)) &&
           (side != &f->sides[SETUP_DESTINATION] ||
            setup_spill_ask(f, auth_session(auth), identity, err));
}

/* A side's role may well not exist before these files are applied; then each question is refused.
 * Tags are left out: they do not change what may be looked at, and a role need not take them yet.
 */
static bool ask_side(struct setup_facts *f, struct setup_side *side, struct auth *auth,
                     struct err *err)
{
    const struct aws_role role = {.arn = side->auth->role_arn,
                                  .external_id = side->auth->external_id,
                                  .region = side->region[0] == '\0' ? NULL : side->region};
    struct aws_identity *base = auth_identity(auth, AUTH_SOURCE);
    struct aws_identity *identity = NULL;

    if (side->auth->role_arn == NULL) {
        return ask_as(f, side, auth, base, err);
    }
    if (!aws_identity_role(auth_session(auth), base, &role, &identity, err)) {
        return false;
    }
    bool ok = ask_as(f, side, auth, identity, err);
    aws_identity_free(identity);
    return ok;
}

/* One session for all questions: opening it takes keys out of the environment. */
bool setup_facts_ask(struct setup_facts *f, struct err *err)
{
    char why[ERR_MSG_MAX] = "";
    struct auth *auth = NULL;

    if (!auth_open_aws(f->spec, &f->spec->aws.auth, stop_drain_fd(), &auth, err)) {
        return false;
    }
    bool ok = ask_caller(f, auth, why, err);
    for (size_t i = 0; ok && i < SETUP_SIDES && why[0] == '\0'; i++) {
        ok = ask_side(f, &f->sides[i], auth, err);
    }
    auth_close(auth);
    return ok && setup_facts_fill(f, why, err);
}
