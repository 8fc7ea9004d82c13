/* The key of --spill-kms-key: which one it is. */
#include "aws/arn.h"
#include "aws/call.h"
#include "aws/kms.h"
#include "cli/aws_setup_facts.h"

#include <stdio.h>
#include <string.h>

#define PLACEHOLDER  "SPILL_KMS_KEY_ARN"
#define ARN_TEXT_MAX 2304

static bool is_alias(const char *key)
{
    return strncmp(key, "alias/", 6) == 0 || strstr(key, ":alias/") != NULL;
}

/* ---- where it is ---- */

/* As auth.h finds it for a load: the side's own Region, the session's, the host's. */
bool setup_spill_region(struct setup_facts *f, struct err *err)
{
    struct setup_side *side = &f->sides[SETUP_DESTINATION];
    const char *key = f->spec->spill_kms_key;
    const char *region = side->auth->region;
    struct err ignored;
    struct aws_arn arn;

    if (key == NULL || side->spill_region != NULL) {
        return true;
    }
    if (aws_arn_parse(key, "", &arn, &ignored) && arn.region[0] != '\0') {
        return setup_set(&side->spill_region, arn.region, err);
    }
    region = region != NULL ? region : f->region[0] != '\0' ? f->region : side->region;
    return region[0] == '\0' || setup_set(&side->spill_region, region, err);
}

/* ---- what AWS says of it ---- */

static bool note_managed(struct setup_facts *f, const char *key, struct err *err)
{
    return setup_gap(f, "", err,
                     "The spill's key %s is one that AWS manages, which only the service that it "
                     "is for may use; \"aws kms create-key\" makes one for --spill-kms-key.",
                     key);
}

static bool note_state(struct setup_facts *f, const struct aws_key_description *key,
                       struct err *err)
{
    if (key->managed_by_aws) {
        return note_managed(f, f->spec->spill_kms_key, err);
    }
    if (strcmp(key->usage, "ENCRYPT_DECRYPT") != 0) {
        return setup_gap(f, "", err,
                         "The spill's key %s is for %s and makes no data keys; give "
                         "--spill-kms-key a symmetric key for encryption.",
                         f->spec->spill_kms_key, key->usage);
    }
    return key->enabled ||
           setup_gap(f, "", err,
                     "The spill's key %s is not to be used now (%s); \"aws kms enable-key\" mends "
                     "that, after \"aws kms cancel-key-deletion\" where it waits for deletion.",
                     f->spec->spill_kms_key, key->state);
}

bool setup_spill_ask(struct setup_facts *f, struct aws_session *session,
                     struct aws_identity *identity, struct err *err)
{
    struct setup_side *side = &f->sides[SETUP_DESTINATION];
    struct aws_key_description key = {.arn = ""};
    struct err fault = {.kind = ERR_NONE};

    if (f->spec->spill_kms_key == NULL) {
        return true;
    }
    if (!setup_spill_region(f, err)) {
        return false;
    }
    const struct aws_caller caller = {
        .session = session, .identity = identity, .region = side->spill_region};
    if (!aws_kms_describe_key(&caller, f->spec->spill_kms_key, &key, &fault)) {
        return setup_is_gap(&fault, err) &&
               setup_gap(f, "", err, "The spill's key %s could not be looked at: %s",
                         f->spec->spill_kms_key, fault.msg);
    }
    return setup_set(&side->spill_key, key.arn, err) && note_state(f, &key, err);
}

/* ---- what is left ---- */

static bool fill_alias(struct setup_facts *f, const char *key, struct err *err)
{
    struct setup_side *side = &f->sides[SETUP_DESTINATION];

    return (strstr(key, "alias/aws/") == NULL || note_managed(f, key, err)) &&
           setup_set(&side->spill_key, PLACEHOLDER, err) &&
           setup_gap(f, PLACEHOLDER, err,
                     "the ARN of the KMS key behind %s, since policies know keys by no alias; "
                     "\"aws kms describe-key --key-id %s --region %s --query KeyMetadata.Arn "
                     "--output text\" prints it.",
                     key, key, side->spill_region);
}

/* An id is looked for in the account of whoever asks. */
static bool fill_id(struct setup_facts *f, const char *id, struct err *err)
{
    struct setup_side *side = &f->sides[SETUP_DESTINATION];
    const char *account = f->account;
    struct err ignored;
    struct aws_arn role;
    char text[ARN_TEXT_MAX];

    if (side->auth->role_arn != NULL && aws_arn_parse(side->auth->role_arn, "", &role, &ignored)) {
        account = role.account;
    }
    (void)snprintf(text, sizeof text, "arn:%s:kms:%s:%s:key/%s", f->partition, side->spill_region,
                   account, id);
    return setup_set(&side->spill_key, text, err);
}

bool setup_spill_fill(struct setup_facts *f, struct err *err)
{
    struct setup_side *side = &f->sides[SETUP_DESTINATION];
    const char *key = f->spec->spill_kms_key;

    if (key == NULL) {
        return true;
    }
    if (!setup_spill_region(f, err)) {
        return false;
    }
    if (side->spill_key != NULL) {
        return true;
    }
    if (is_alias(key)) {
        return fill_alias(f, key, err);
    }
    return aws_is_arn(key) ? setup_set(&side->spill_key, key, err) : fill_id(f, key, err);
}
