/* What may be done with the key of --spill-kms-key. */
#include "cli/aws_setup_files.h"
#include "cli/aws_setup_json.h"

#include <stddef.h>

#define RESOURCE_MAX 16384

/* A load asks with this one pair, whose value is the job's name, so that the key is made for jobs
 * and nothing else. A job's name is not known here: it may be derived from tables and filters. The
 * second condition would let a request without context pass, the first one does not. */
static json_t *job_condition(void)
{
    return json_pack("{s:{s:s}, s:{s:[s]}}", "StringLike", "kms:EncryptionContext:sluice-job", "*",
                     "ForAllValues:StringEquals", "kms:EncryptionContextKeys", "sluice-job");
}

/* An ARN as somebody wrote it is one key and no pattern. */
static json_t *one_key(const char *arn)
{
    struct buf text;
    buf_init(&text, RESOURCE_MAX);
    policy_literal(&text, arn, true);
    json_t *resource = text.failed ? NULL : json_string(buf_str(&text));
    buf_free(&text);
    return resource;
}

json_t *policy_spill_key(const char *key, const char *principal)
{
    static const char *const actions[] = {"kms:GenerateDataKey", "kms:Decrypt", NULL};
    json_t *s = policy_statement("SluiceSpillKey", "", actions);

    if (principal != NULL) {
        policy_put(s, "Principal", json_pack("{s:s}", "AWS", principal));
    }
    policy_put(s, "Resource", principal == NULL ? one_key(key) : json_string("*"));
    policy_put(s, "Condition", job_condition());
    return s;
}

bool setup_spill_key_policy(const struct setup_facts *f, struct buf *out, struct err *err)
{
    const struct setup_side *side = &f->sides[SETUP_DESTINATION];
    json_t *list = json_array();

    policy_add(&list, policy_spill_key(side->spill_key, setup_grantee(f, side)));
    return policy_write_list(list, out, err);
}
