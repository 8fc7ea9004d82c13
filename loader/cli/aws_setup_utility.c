/* AWS's own loading utility: its documented role and key policy. Source: Aurora user guide, the
 * pages on setting up the data loading utility of Limitless Database. */
#include "cli/aws_setup_files.h"
#include "cli/aws_setup_json.h"

#include <stdio.h>
#include <string.h>

/* Is this the ARN of one key? */
static bool is_key(const char *key)
{
    return key != NULL && strchr(key, '*') == NULL;
}

bool setup_utility_needs_key(const struct setup_facts *f)
{
    return !is_key(f->sides[SETUP_SOURCE].secret_key) ||
           !is_key(f->sides[SETUP_DESTINATION].secret_key);
}

bool setup_utility_trust(struct buf *out, struct err *err)
{
    static const char *const actions[] = {"sts:AssumeRole", NULL};
    json_t *list = json_array();
    json_t *s = policy_statement("AuroraDataLoading", "", actions);
    policy_put(s, "Principal", json_pack("{s:s}", "Service", "rds.amazonaws.com"));
    policy_add(&list, s);
    return policy_write(list, out, err);
}

/* Interfaces that the service puts into the VPC, to reach both databases from outside of it. */
static void add_network(json_t **list)
{
    static const char *const actions[] = {"ec2:DescribeNetworkInterfaces",
                                          "ec2:CreateNetworkInterface",
                                          "ec2:DeleteNetworkInterface",
                                          "ec2:CreateNetworkInterfacePermission",
                                          "ec2:DeleteNetworkInterfacePermission",
                                          "ec2:DescribeNetworkInterfacePermissions",
                                          "ec2:ModifyNetworkInterfaceAttribute",
                                          "ec2:DescribeNetworkInterfaceAttribute",
                                          "ec2:DescribeAvailabilityZones",
                                          "ec2:DescribeRegions",
                                          "ec2:DescribeVpcs",
                                          "ec2:DescribeSubnets",
                                          "ec2:DescribeSecurityGroups",
                                          "ec2:DescribeNetworkAcls",
                                          NULL};
    json_t *s = policy_statement("Ec2Permission", "", actions);
    policy_put(s, "Resource", json_string("*"));
    policy_add(list, s);
}

static json_t *secrets(const struct setup_facts *f)
{
    const char *words[SETUP_SIDES + 1] = {NULL};
    char guessed[SETUP_SIDES][256];
    size_t count = 0;

    for (size_t i = 0; i < SETUP_SIDES; i++) {
        const struct setup_side *side = &f->sides[i];
        (void)snprintf(guessed[i], sizeof guessed[i],
                       "arn:%s:secretsmanager:%s:%s:secret:sluice-%s-??????", f->partition,
                       side->region, f->account, side->name);
        words[count++] = side->secret_arn != NULL ? side->secret_arn : guessed[i];
    }
    return policy_words(words);
}

static json_t *keys(const struct setup_facts *f)
{
    const char *words[SETUP_SIDES + 2] = {NULL};
    size_t count = 0;

    for (size_t i = 0; i < SETUP_SIDES; i++) {
        const char *key = f->sides[i].secret_key;
        if (is_key(key) && (count == 0 || strcmp(words[0], key) != 0)) {
            words[count++] = key;
        }
    }
    if (setup_utility_needs_key(f)) {
        words[count++] = SETUP_UTILITY_KEY;
    }
    return policy_words(words);
}

bool setup_utility_policy(const struct setup_facts *f, struct buf *out, struct err *err)
{
    static const char *const secret[] = {"secretsmanager:GetSecretValue",
                                         "secretsmanager:DescribeSecret", NULL};
    static const char *const key[] = {"kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey",
                                      NULL};
    static const char *const rds[] = {"rds:DescribeDBClusters", "rds:DescribeDBInstances", NULL};
    json_t *list = json_array();

    add_network(&list);
    json_t *s = policy_statement("SecretsManagerPermissions", "", secret);
    policy_put(s, "Resource", secrets(f));
    policy_add(&list, s);
    s = policy_statement("KmsPermissions", "", key);
    policy_put(s, "Resource", keys(f));
    policy_add(&list, s);
    s = policy_statement("RdsPermissions", "", rds);
    policy_put(s, "Resource", json_string("*"));
    policy_add(&list, s);
    return policy_write(list, out, err);
}

bool setup_utility_key_policy(const struct setup_facts *f, struct buf *out, struct err *err)
{
    static const char *const all[] = {"kms:*", NULL};
    static const char *const use[] = {"kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey",
                                      NULL};
    json_t *list = json_array();
    char arn[256];

    (void)snprintf(arn, sizeof arn, "arn:%s:iam::%s:root", f->partition, f->account);
    json_t *s = policy_statement("Account", "", all);
    policy_put(s, "Principal", json_pack("{s:s}", "AWS", arn));
    policy_put(s, "Resource", json_string("*"));
    policy_add(&list, s);
    (void)snprintf(arn, sizeof arn, "arn:%s:iam::%s:role/" SETUP_UTILITY_ROLE, f->partition,
                   f->account);
    s = policy_statement("AuroraDataLoading", "", use);
    policy_put(s, "Principal", json_pack("{s:s}", "AWS", arn));
    policy_put(s, "Resource", json_string("*"));
    policy_add(&list, s);
    return policy_write(list, out, err);
}
