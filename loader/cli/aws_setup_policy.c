/* What whoever reads secrets and makes tokens may do: the identity policies. */
#include "aws/arn.h"
#include "cli/aws_setup_files.h"
#include "cli/aws_setup_json.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 4096

static json_t *text_of(const struct buf *b)
{
    return b->failed ? NULL : json_string(buf_str(b));
}

/* ---- secrets and keys ---- */

static bool is_key_pattern(const char *key)
{
    size_t len = strlen(key);
    return len > 0 && key[len - 1] == '*';
}

/* China's services are seen under both suffixes in such conditions. */
static json_t *via_secrets_manager(const char *region)
{
    char plain[AWS_REGION_MAX + 64];
    char own[AWS_REGION_MAX + 96];
    const char *suffix = aws_partition_of(region)->dns_suffix;

    (void)snprintf(plain, sizeof plain, "secretsmanager.%s.amazonaws.com", region);
    (void)snprintf(own, sizeof own, "secretsmanager.%s.%s", region, suffix);
    if (strcmp(plain, own) == 0) {
        return json_string(plain);
    }
    const char *both[] = {own, plain, NULL};
    return policy_words(both);
}

/* Only through Secrets Manager, and only for this secret: that is how it encrypts. */
static json_t *secret_condition(const struct setup_side *side)
{
    static const char context[] = "kms:EncryptionContext:SecretARN";
    assert(side->secret_arn != NULL); /* a secret's key comes with the secret */
    json_t *equal = json_pack("{s:o}", "kms:ViaService", via_secrets_manager(side->region));

    if (strchr(side->secret_arn, '?') != NULL) {
        return json_pack("{s:o, s:{s:s}}", "StringEquals", equal, "StringLike", context,
                         side->secret_arn);
    }
    if (json_object_set_new(equal, context, json_string(side->secret_arn)) != 0) {
        json_decref(equal);
        return NULL;
    }
    return json_pack("{s:o}", "StringEquals", equal);
}

/* A password file's key is asked directly, with the context that the user gives, if any. */
static json_t *context_condition(const struct text_list *context)
{
    json_t *equal = json_object();
    for (size_t i = 0; i < context->count; i++) {
        const char *pair = context->items[i];
        size_t len = strcspn(pair, "=");
        struct buf key;
        struct buf value;
        buf_init(&key, TEXT_MAX);
        buf_init(&value, TEXT_MAX);
        buf_puts(&key, "kms:EncryptionContext:");
        buf_add(&key, pair, len);
        policy_literal(&value, pair + len + (pair[len] == '=' ? 1 : 0), false);
        bool ok = !key.failed && json_object_set_new(equal, buf_str(&key), text_of(&value)) == 0;
        buf_free(&key);
        buf_free(&value);
        if (!ok) {
            json_decref(equal);
            return NULL;
        }
    }
    return json_pack("{s:o}", "StringEquals", equal);
}

/* principal NULL: an identity policy, which names the key; else a key policy, whose "*" is the key
 * that it belongs to. */
static void add_key(json_t **list, const struct setup_side *side, const char *key, bool secret,
                    const char *principal)
{
    static const char *const decrypt[] = {"kms:Decrypt", NULL};
    static const char *const describe[] = {"kms:DescribeKey", NULL};
    const char *resource = principal == NULL ? key : "*";
    json_t *s =
        policy_statement(secret ? "SluiceSecretKey" : "SluicePasswordKey", side->label, decrypt);

    if (principal != NULL) {
        policy_put(s, "Principal", json_pack("{s:s}", "AWS", principal));
    }
    policy_put(s, "Resource", json_string(resource));
    if (secret) {
        policy_put(s, "Condition", secret_condition(side));
    } else if (side->auth->context.count > 0) {
        policy_put(s, "Condition", context_condition(&side->auth->context));
    }
    policy_add(list, s);
    if (is_key_pattern(resource) && principal == NULL) {
        return; /* DescribeKey has no context that could narrow the pattern */
    }
    s = policy_statement(secret ? "SluiceSecretKeyState" : "SluicePasswordKeyState", side->label,
                         describe);
    if (principal != NULL) {
        policy_put(s, "Principal", json_pack("{s:s}", "AWS", principal));
    }
    policy_put(s, "Resource", json_string(resource));
    policy_add(list, s);
}

static void add_secret(json_t **list, const struct setup_side *side)
{
    static const char *const actions[] = {"secretsmanager:GetSecretValue",
                                          "secretsmanager:DescribeSecret", NULL};
    json_t *s = policy_statement("SluiceSecret", side->label, actions);
    policy_put(s, "Resource", json_string(side->secret_arn));
    policy_add(list, s);
}

/* ---- databases ---- */

static void add_login(json_t **list, const struct setup_facts *f, const struct setup_side *side)
{
    static const char *const actions[] = {"rds-db:connect", NULL};
    json_t *s = policy_statement("SluiceLogin", side->label, actions);
    struct buf arn;

    buf_init(&arn, TEXT_MAX);
    buf_printf(&arn, "arn:%s:rds-db:%s:%s:dbuser:%s/", f->partition, side->region, side->account,
               side->resource_id);
    policy_literal(&arn, side->user, true);
    policy_put(s, "Resource", text_of(&arn));
    buf_free(&arn);
    policy_add(list, s);
}

static void add_lookup(json_t **list, const struct setup_facts *f, const struct setup_side *side)
{
    static const char *const actions[] = {"rds:DescribeDBClusters", "rds:DescribeDBInstances",
                                          NULL};
    json_t *s = policy_statement("SluiceLookup", side->label, actions);
    char clusters[256];
    char instances[256];

    (void)snprintf(clusters, sizeof clusters, "arn:%s:rds:%s:%s:cluster:*", f->partition,
                   side->region, side->account);
    (void)snprintf(instances, sizeof instances, "arn:%s:rds:%s:%s:db:*", f->partition, side->region,
                   side->account);
    const char *both[] = {clusters, instances, NULL};
    policy_put(s, "Resource", policy_words(both));
    policy_add(list, s);
}

static bool logs_in_by_aws(const struct setup_side *side)
{
    return side->secret_arn != NULL || side->file_key != NULL || side->auth->iam ||
           side->identifier[0] != '\0' || side->auth->role_arn != NULL;
}

static bool uses_aws(const struct setup_side *side)
{
    return logs_in_by_aws(side) || side->spill_key != NULL;
}

static void add_side(json_t **list, const struct setup_facts *f, const struct setup_side *side)
{
    if (side->secret_arn != NULL) {
        add_secret(list, side);
    }
    if (side->secret_key != NULL) {
        add_key(list, side, side->secret_key, true, NULL);
    }
    if (side->file_key != NULL) {
        add_key(list, side, side->file_key, false, NULL);
    }
    if (side->auth->iam) {
        add_login(list, f, side);
    }
    if (side->spill_key != NULL) {
        policy_add(list, policy_spill_key(side->spill_key, NULL));
    }
    if (logs_in_by_aws(side)) {
        add_lookup(list, f, side);
    }
}

static void add_assume(json_t **list, const struct setup_side *side)
{
    static const char *const actions[] = {"sts:AssumeRole", "sts:TagSession", NULL};
    json_t *s = policy_statement("SluiceRole", side->label, actions);
    policy_put(s, "Resource", json_string(side->auth->role_arn));
    policy_add(list, s);
}

/* ---- whole documents ---- */

bool setup_wants_policy(const struct setup_facts *f)
{
    return uses_aws(&f->sides[SETUP_SOURCE]) || uses_aws(&f->sides[SETUP_DESTINATION]);
}

bool setup_wants_key_policy(const struct setup_side *side)
{
    return side->secret_key != NULL || side->file_key != NULL;
}

bool setup_wants_secret_policy(const struct setup_facts *f, const struct setup_side *side)
{
    return side->secret_arn != NULL &&
           setup_other_account(side->secret_arn, setup_grantee(f, side));
}

bool setup_policy_sluice(const struct setup_facts *f, struct buf *out, struct err *err)
{
    json_t *list = json_array();
    for (size_t i = 0; i < SETUP_SIDES; i++) {
        const struct setup_side *side = &f->sides[i];
        if (side->auth->role_arn != NULL) {
            add_assume(&list, side);
        } else if (uses_aws(side)) {
            add_side(&list, f, side);
        }
    }
    return policy_write(list, out, err);
}

bool setup_role_policy(const struct setup_facts *f, const struct setup_side *side, struct buf *out,
                       struct err *err)
{
    json_t *list = json_array();
    add_side(&list, f, side);
    return policy_write(list, out, err);
}

bool setup_key_policy(const struct setup_facts *f, const struct setup_side *side, struct buf *out,
                      struct err *err)
{
    json_t *list = json_array();
    if (side->secret_key != NULL) {
        add_key(&list, side, side->secret_key, true, setup_grantee(f, side));
    }
    if (side->file_key != NULL) {
        add_key(&list, side, side->file_key, false, setup_grantee(f, side));
    }
    return policy_write_list(list, out, err);
}

bool setup_secret_policy(const struct setup_facts *f, const struct setup_side *side,
                         struct buf *out, struct err *err)
{
    static const char *const actions[] = {"secretsmanager:GetSecretValue",
                                          "secretsmanager:DescribeSecret", NULL};
    json_t *list = json_array();
    json_t *s = policy_statement("SluiceSecret", side->label, actions);
    policy_put(s, "Principal", json_pack("{s:s}", "AWS", setup_grantee(f, side)));
    policy_put(s, "Resource", json_string("*"));
    policy_add(&list, s);
    return policy_write(list, out, err);
}
