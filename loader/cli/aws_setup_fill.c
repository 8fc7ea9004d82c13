/* What nobody could say becomes a placeholder, with a line that tells how to find it. */
#include "aws/arn.h"
#include "cli/aws_setup_facts.h"

#include <stdio.h>
#include <string.h>

#define ARN_TEXT_MAX 2304

static bool is_empty(const char *text)
{
    return text == NULL || text[0] == '\0';
}

/* The Region of the other side is a better guess than none: they are nearly always the same. */
static bool fill_region(struct setup_facts *f, struct err *err)
{
    for (size_t i = 0; i < SETUP_SIDES && is_empty(f->region); i++) {
        if (!setup_set(&f->region, f->sides[i].region, err)) {
            return false;
        }
    }
    if (is_empty(f->region)) {
        if (!setup_set(&f->region, "REGION_CODE", err) ||
            !setup_gap(
                f, "REGION_CODE", err,
                "the AWS Region, as eu-west-1. Neither --region, AWS_REGION, the profile nor "
                "a host name says it.")) {
            return false;
        }
    }
    for (size_t i = 0; i < SETUP_SIDES; i++) {
        if (is_empty(f->sides[i].region) && !setup_set(&f->sides[i].region, f->region, err)) {
            return false;
        }
    }
    return !is_empty(f->partition) ||
           setup_set(&f->partition, aws_partition_of(f->region)->name, err);
}

static bool fill_caller(struct setup_facts *f, struct err *err)
{
    if (is_empty(f->account) &&
        (!setup_set(&f->account, "ACCOUNT_ID", err) ||
         !setup_gap(f, "ACCOUNT_ID", err,
                    "the twelve digits of the AWS account; \"aws sts get-caller-identity --query "
                    "Account --output text\" prints them."))) {
        return false;
    }
    if (is_empty(f->principal) &&
        (!setup_set(&f->principal, "PRINCIPAL_ARN", err) ||
         !setup_gap(f, "PRINCIPAL_ARN", err,
                    "the IAM role or user that Sluice runs as, as "
                    "arn:aws:iam::111122223333:role/NAME; \"sluice aws whoami\", run where loads "
                    "run, prints who that is."))) {
        return false;
    }
    return true;
}

static bool fill_resource(struct setup_facts *f, struct setup_side *side, struct err *err)
{
    char placeholder[64];

    if (!side->auth->iam || !is_empty(side->resource_id)) {
        return true;
    }
    (void)snprintf(placeholder, sizeof placeholder, "%s_CLUSTER_RESOURCE_ID",
                   strcmp(side->name, "source") == 0 ? "SOURCE" : "DESTINATION");
    return setup_set(&side->resource_id, placeholder, err) &&
           setup_gap(
               f, placeholder, err,
               "the resource id of the %s's cluster (cluster-ABC...) or instance (db-ABC...); "
               "\"aws rds describe-db-clusters --query "
               "'DBClusters[].[DBClusterIdentifier,DbClusterResourceId]' --output text\" "
               "lists them.",
               side->name);
}

/* A name without its ARN: Secrets Manager ends ARNs by six characters of its own. */
static bool fill_secret(const struct setup_facts *f, struct setup_side *side, struct err *err)
{
    char text[ARN_TEXT_MAX];
    struct aws_arn arn;
    struct err ignored;

    if (side->auth->secret == NULL || side->secret_arn != NULL) {
        return true;
    }
    if (aws_is_arn(side->auth->secret)) {
        (void)snprintf(text, sizeof text, "%s", side->auth->secret);
    } else {
        (void)snprintf(text, sizeof text, "arn:%s:secretsmanager:%s:%s:secret:%s-??????",
                       f->partition, side->region, side->account, side->auth->secret);
    }
    if (!setup_set(&side->secret_arn, text, err)) {
        return false;
    }
    bool parsed = aws_arn_parse(text, "the secret", &arn, &ignored);
    (void)snprintf(text, sizeof text, "arn:%s:kms:%s:%s:key/*", f->partition, side->region,
                   parsed ? arn.account : side->account);
    return setup_set(&side->secret_key, text, err);
}

static bool fill_file_key(struct setup_facts *f, struct setup_side *side, struct err *err)
{
    char placeholder[64];

    if (side->auth->password_kms == NULL) {
        return true;
    }
    (void)snprintf(placeholder, sizeof placeholder, "%s_KMS_KEY_ARN",
                   strcmp(side->name, "source") == 0 ? "SOURCE" : "DESTINATION");
    return setup_set(&side->file_key, placeholder, err) &&
           setup_gap(f, placeholder, err,
                     "the ARN of the KMS key that the %s's password file was encrypted with; a "
                     "ciphertext does not show it. \"aws kms decrypt --ciphertext-blob "
                     "fileb://FILE --query KeyId --output text\" prints it (add "
                     "--encryption-context if there is one).",
                     side->name);
}

static bool fill_side(struct setup_facts *f, struct setup_side *side, struct err *err)
{
    return (!is_empty(side->account) || setup_set(&side->account, f->account, err)) &&
           fill_resource(f, side, err) && fill_secret(f, side, err) && fill_file_key(f, side, err);
}

/* The utility knows no other way to log in. */
static bool note_utility(struct setup_facts *f, struct err *err)
{
    if (!f->utility || (f->sides[SETUP_SOURCE].auth->secret != NULL &&
                        f->sides[SETUP_DESTINATION].auth->secret != NULL)) {
        return true;
    }
    return setup_gap(f, "", err,
                     "AWS's own loading utility needs a secret for either side; without "
                     "--source-secret or --destination-secret its policy names the secrets "
                     "sluice-source and sluice-destination, which are for you to make.");
}

bool setup_facts_fill(struct setup_facts *f, const char *why, struct err *err)
{
    return (is_empty(why) || setup_gap(f, "", err, "AWS could not be asked: %s", why)) &&
           note_utility(f, err) && setup_spill_region(f, err) && fill_region(f, err) &&
           fill_caller(f, err) && fill_side(f, &f->sides[SETUP_SOURCE], err) &&
           fill_side(f, &f->sides[SETUP_DESTINATION], err) && setup_spill_fill(f, err);
}
