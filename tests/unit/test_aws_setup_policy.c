/* aws_setup_policy: who may do what, and under which conditions. */
#include "test_aws_setup_statements.h"

#include "cli/aws_setup_json.h"

static void a_known_secret_and_its_key(void **state)
{
    static char secret[] = SECRET_ARN;
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a", "dbname=b user=v");
    b.spec.source_auth.secret = secret;
    read_as_loader(&b);
    set(&b.facts.sides[SETUP_SOURCE].secret_arn, SECRET_ARN);
    set(&b.facts.sides[SETUP_SOURCE].secret_key, KEY_ARN);
    fill_facts(&b, "");
    assert_int_equal(b.facts.gap_count, 0);
    make_files(&b);
    json_t *list = statements_of(&b, "policy-sluice.json");
    json_t *s = statement(list, "SluiceSecretSource");
    assert_true(has_word(s, "Action", "secretsmanager:GetSecretValue"));
    assert_true(has_word(s, "Action", "secretsmanager:DescribeSecret"));
    assert_true(has_word(s, "Resource", SECRET_ARN));
    s = statement(list, "SluiceSecretKeySource");
    assert_true(has_word(s, "Action", "kms:Decrypt"));
    assert_false(has_word(s, "Action", "kms:DescribeKey"));
    assert_true(has_word(s, "Resource", KEY_ARN));
    assert_string_equal(condition(s, "StringEquals", "kms:ViaService"),
                        "secretsmanager.eu-west-1.amazonaws.com");
    assert_string_equal(condition(s, "StringEquals", "kms:EncryptionContext:SecretARN"),
                        SECRET_ARN);
    s = statement(list, "SluiceSecretKeyStateSource");
    assert_true(has_word(s, "Action", "kms:DescribeKey"));
    assert_null(json_object_get(s, "Condition"));
    /* Nobody logs in by token, nobody assumes a role, and the other side wants nothing of AWS. */
    assert_null(statement(list, "SluiceLoginSource"));
    assert_null(statement(list, "SluiceRoleSource"));
    assert_null(statement(list, "SluiceLookupDestination"));
    json_decref(list);
    list = statements_of(&b, "key-policy-source.json");
    s = statement(list, "SluiceSecretKeySource");
    assert_is_for_loader(s);
    assert_true(has_word(s, "Resource", "*"));
    assert_non_null(condition(s, "StringEquals", "kms:ViaService"));
    json_decref(list);
    assert_null(text_of(&b, "secret-policy-source.json"));
    assert_null(text_of(&b, "key-policy-destination.json"));
    close_bench(&b);
}

static void the_default_key_needs_no_statement(void **state)
{
    static char secret[] = SECRET_ARN;
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a", "dbname=b user=v");
    b.spec.source_auth.secret = secret;
    read_as_loader(&b);
    set(&b.facts.sides[SETUP_SOURCE].secret_arn, SECRET_ARN);
    fill_and_make(&b);
    assert_null(strstr(text_of(&b, "policy-sluice.json"), "kms:"));
    assert_null(text_of(&b, "key-policy-source.json"));
    close_bench(&b);
}

static void an_unknown_key_is_only_for_this_secret(void **state)
{
    static char secret[] = "shop/reader";
    struct bench b;
    (void)state;
    open_bench(&b, "host=" CLUSTER_HOST " dbname=a", "dbname=b user=v");
    b.spec.source_auth.secret = secret;
    read_as_loader(&b);
    fill_and_make(&b);
    json_t *list = statements_of(&b, "policy-sluice.json");
    json_t *s = statement(list, "SluiceSecretKeySource");
    assert_true(has_word(s, "Resource", "arn:aws:kms:eu-west-1:111122223333:key/*"));
    assert_string_equal(condition(s, "StringLike", "kms:EncryptionContext:SecretARN"),
                        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/reader-??????");
    assert_non_null(condition(s, "StringEquals", "kms:ViaService"));
    assert_null(statement(list, "SluiceSecretKeyStateSource"));
    json_decref(list);
    close_bench(&b);
}

static void a_login_by_token(void **state)
{
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user='lo*d?er${aws:username}' host=" CLUSTER_HOST);
    b.spec.destination_auth.iam = true;
    read_as_loader(&b);
    set(&b.facts.sides[SETUP_DESTINATION].resource_id, "cluster-ABC");
    fill_facts(&b, "");
    assert_int_equal(b.facts.gap_count, 0);
    make_files(&b);
    json_t *list = statements_of(&b, "policy-sluice.json");
    json_t *s = statement(list, "SluiceLoginDestination");
    assert_true(has_word(s, "Action", "rds-db:connect"));
    assert_string_equal(json_string_value(json_object_get(s, "Resource")),
                        "arn:aws:rds-db:eu-west-1:111122223333:dbuser:cluster-ABC/"
                        "lo${*}d${?}er${$}{aws:username}");
    s = statement(list, "SluiceLookupDestination");
    assert_true(has_word(s, "Action", "rds:DescribeDBClusters"));
    assert_true(has_word(s, "Action", "rds:DescribeDBInstances"));
    assert_true(has_word(s, "Resource", "arn:aws:rds:eu-west-1:111122223333:cluster:*"));
    json_decref(list);
    close_bench(&b);
}

static void a_role_in_another_account(void **state)
{
    static char role[] = ROLE_ARN;
    static char id[] = "shared \"id\"";
    static char tag_a[] = "team=data=lake";
    static char tag_b[] = "why=";
    static char secret[] = "arn:aws:secretsmanager:eu-west-1:444455556666:secret:x-AbCdEf";
    char *tags[] = {tag_a, tag_b};
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user=v");
    b.spec.source_auth = (struct side_auth){
        .role_arn = role,
        .external_id = id,
        .tags = {.items = tags, .count = ARRAY_LEN(tags)},
        .secret = secret
    };
    read_as_loader(&b);
    fill_and_make(&b);
    json_t *list = statements_of(&b, "policy-sluice.json");
    assert_int_equal(json_array_size(list), 1);
    json_t *s = statement(list, "SluiceRoleSource");
    assert_true(has_word(s, "Action", "sts:AssumeRole"));
    assert_true(has_word(s, "Action", "sts:TagSession"));
    assert_true(has_word(s, "Resource", ROLE_ARN));
    json_decref(list);

    list = statements_of(&b, "role-source-trust.json");
    s = statement(list, "SluiceRoleSource");
    assert_is_for_loader(s);
    assert_string_equal(condition(s, "StringEquals", "sts:ExternalId"), "shared \"id\"");
    assert_string_equal(condition(s, "StringEquals", "aws:RequestTag/team"), "data=lake");
    assert_string_equal(condition(s, "StringEquals", "aws:RequestTag/why"), "");
    json_t *all = json_object_get(json_object_get(s, "Condition"), "ForAllValues:StringEquals");
    assert_true(has_word(all, "aws:TagKeys", "team"));
    assert_true(has_word(all, "aws:TagKeys", "why"));
    assert_true(has_word(s, "Action", "sts:TagSession"));
    json_decref(list);

    list = statements_of(&b, "role-source-policy.json");
    assert_true(has_word(statement(list, "SluiceSecretSource"), "Resource", secret));
    json_decref(list);
    /* The role is of the secret's account, so no resource policy is needed. */
    assert_null(text_of(&b, "secret-policy-source.json"));
    assert_has(text_of(&b, "apply.sh"), "\nmake_role 'source' 'sluice-reader' '/team/' "
                                        "'role-source-trust.json'\n");
    assert_has(text_of(&b, "apply.sh"), "check_account 'source' '444455556666'\n");
    assert_has(text_of(&b, "cleanup.sh"), "\ndrop_role 'source' 'sluice-reader' 'sluice-load'\n");
    close_bench(&b);
}

static void a_plain_role_has_no_conditions(void **state)
{
    static char role[] = ROLE_ARN;
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user=v");
    b.spec.source_auth.role_arn = role;
    read_as_loader(&b);
    fill_and_make(&b);
    json_t *list = statements_of(&b, "role-source-trust.json");
    json_t *s = statement(list, "SluiceRoleSource");
    assert_null(json_object_get(s, "Condition"));
    assert_false(has_word(s, "Action", "sts:TagSession"));
    json_decref(list);
    close_bench(&b);
}

static void a_secret_of_another_account_without_a_role(void **state)
{
    static char secret[] = "arn:aws:secretsmanager:eu-west-1:444455556666:secret:x-AbCdEf";
    static const char key[] = "arn:aws:kms:eu-west-1:444455556666:key/k";
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user=v");
    b.spec.destination_auth.secret = secret;
    read_as_loader(&b);
    set(&b.facts.sides[SETUP_DESTINATION].secret_arn, secret);
    set(&b.facts.sides[SETUP_DESTINATION].secret_key, key);
    fill_and_make(&b);
    json_t *list = statements_of(&b, "secret-policy-destination.json");
    json_t *s = statement(list, "SluiceSecretDestination");
    assert_is_for_loader(s);
    json_decref(list);
    assert_has(text_of(&b, "apply.sh"), "\nput_secret_policy 'destination' ");
    assert_has(text_of(&b, "apply.sh"), " 'key-policy-destination.json' 'other account'\n");
    assert_has(text_of(&b, "apply.sh"), "check_account 'destination' '444455556666'\n");
    close_bench(&b);
}

static void a_name_is_looked_for_in_the_roles_account(void **state)
{
    static char secret[] = "it's";
    static char role[] = ROLE_ARN;
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user=v");
    b.spec.source_auth.secret = secret;
    b.spec.source_auth.role_arn = role;
    read_facts(&b);
    fill_facts(&b, "no credentials");
    assert_string_equal(b.facts.sides[SETUP_SOURCE].secret_arn,
                        "arn:aws:secretsmanager:REGION_CODE:444455556666:secret:it's-??????");
    assert_string_equal(b.facts.sides[SETUP_SOURCE].secret_key,
                        "arn:aws:kms:REGION_CODE:444455556666:key/*");
    make_files(&b);
    assert_null(text_of(&b, "secret-policy-source.json"));
    close_bench(&b);
}

static void a_password_file_keeps_its_context(void **state)
{
    static char file[] = "pw.kms";
    static char pair[] = "app=shop${x}";
    char *pairs[] = {pair};
    struct bench b;
    (void)state;
    open_bench(&b, "host=" CLUSTER_HOST " dbname=a user=u", "dbname=b user=v");
    b.spec.source_auth.password_kms = file;
    b.spec.source_auth.context = (struct text_list){.items = pairs, .count = 1};
    read_as_loader(&b);
    fill_and_make(&b);
    json_t *list = statements_of(&b, "policy-sluice.json");
    json_t *s = statement(list, "SluicePasswordKeySource");
    assert_true(has_word(s, "Resource", "SOURCE_KMS_KEY_ARN"));
    assert_string_equal(condition(s, "StringEquals", "kms:EncryptionContext:app"), "shop${$}{x}");
    assert_null(condition(s, "StringEquals", "kms:ViaService"));
    assert_null(statement(list, "SluiceSecretSource"));
    json_decref(list);
    close_bench(&b);
}

static void china_has_both_suffixes(void **state)
{
    static char secret[] = "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:x-AbCdEf";
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user=v");
    b.spec.source_auth.secret = secret;
    read_facts(&b);
    fill_facts(&b, "");
    assert_string_equal(b.facts.partition, "aws-cn");
    make_files(&b);
    json_t *list = statements_of(&b, "policy-sluice.json");
    json_t *s = statement(list, "SluiceSecretKeySource");
    json_t *equal = json_object_get(json_object_get(s, "Condition"), "StringEquals");
    assert_true(has_word(equal, "kms:ViaService", "secretsmanager.cn-north-1.amazonaws.com.cn"));
    assert_true(has_word(equal, "kms:ViaService", "secretsmanager.cn-north-1.amazonaws.com"));
    assert_true(has_word(statement(list, "SluiceLookupSource"), "Resource",
                         "arn:aws-cn:rds:cn-north-1:ACCOUNT_ID:db:*"));
    json_decref(list);
    close_bench(&b);
}

static void awss_own_utility(void **state)
{
    static char secret[] = SECRET_ARN;
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user=v");
    b.spec.source_auth.secret = secret;
    b.spec.destination_auth.secret = secret;
    b.spec.aws.utility = true;
    read_as_loader(&b);
    for (size_t i = 0; i < SETUP_SIDES; i++) {
        set(&b.facts.sides[i].secret_arn, SECRET_ARN);
    }
    set(&b.facts.sides[SETUP_SOURCE].secret_key, KEY_ARN);
    fill_and_make(&b);
    json_t *list = statements_of(&b, "role-utility-trust.json");
    assert_true(has_word(json_object_get(json_array_get(list, 0), "Principal"), "Service",
                         "rds.amazonaws.com"));
    json_decref(list);
    list = statements_of(&b, "role-utility-policy.json");
    assert_int_equal(json_array_size(json_object_get(statement(list, "Ec2Permission"), "Action")),
                     14);
    assert_true(has_word(statement(list, "SecretsManagerPermissions"), "Resource", SECRET_ARN));
    json_t *s = statement(list, "KmsPermissions");
    assert_true(has_word(s, "Action", "kms:GenerateDataKey"));
    assert_true(has_word(s, "Resource", KEY_ARN));
    assert_true(has_word(s, "Resource", "UTILITY_KEY_ARN")); /* one secret has no key of its own */
    assert_non_null(statement(list, "RdsPermissions"));
    json_decref(list);
    list = statements_of(&b, "key-policy-utility.json");
    assert_true(has_word(statement(list, "Account"), "Action", "kms:*"));
    assert_true(has_word(json_object_get(statement(list, "AuroraDataLoading"), "Principal"), "AWS",
                         "arn:aws:iam::111122223333:role/sluice-aurora-data-loader"));
    json_decref(list);
    const char *apply = text_of(&b, "apply.sh");
    assert_has(apply, "Key=assumer,Value=aurora_limitless_table_data_load");
    assert_has(apply, "\nmake_utility_key 'eu-west-1' ");
    /* The key is there before the secrets that it encrypts. */
    assert_true(strstr(apply, "\nmake_utility_key '") < strstr(apply, "\nmake_secret '"));
    const char *cleanup = text_of(&b, "cleanup.sh");
    assert_true(strstr(cleanup, "\ndrop_role '") < strstr(cleanup, "\ndrop_secret '"));
    assert_true(strstr(cleanup, "\ndrop_secret '") < strstr(cleanup, "\ndrop_key '"));
    setup_files_free(&b.files);
    set(&b.facts.sides[SETUP_DESTINATION].secret_key, KEY_ARN);
    make_files(&b);
    assert_null(strstr(text_of(&b, "role-utility-policy.json"), "UTILITY_KEY_ARN"));
    assert_null(strstr(text_of(&b, "apply.sh"), "\nmake_utility_key '"));
    close_bench(&b);
}

static void a_spoiled_statement_spoils_the_policy(void **state)
{
    static const char *const actions[] = {"kms:Decrypt", NULL};
    struct buf out;
    struct err err = {.kind = ERR_NONE};
    json_t *list = json_array();
    json_t *s = policy_statement("A", "", actions);
    (void)state;
    policy_put(s, "Resource", json_string("*"));
    policy_put(s, "Condition", NULL); /* as when there was no memory for it */
    policy_add(&list, s);
    policy_add(&list, policy_statement("B", "", actions));
    buf_init(&out, 1000);
    assert_false(policy_write(list, &out, &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_secret_and_its_key),
        cmocka_unit_test(the_default_key_needs_no_statement),
        cmocka_unit_test(an_unknown_key_is_only_for_this_secret),
        cmocka_unit_test(a_login_by_token),
        cmocka_unit_test(a_role_in_another_account),
        cmocka_unit_test(a_plain_role_has_no_conditions),
        cmocka_unit_test(a_secret_of_another_account_without_a_role),
        cmocka_unit_test(a_name_is_looked_for_in_the_roles_account),
        cmocka_unit_test(a_password_file_keeps_its_context),
        cmocka_unit_test(china_has_both_suffixes),
        cmocka_unit_test(awss_own_utility),
        cmocka_unit_test(a_spoiled_statement_spoils_the_policy),
    };

    return cmocka_run_group_tests_name("aws_setup_policy", tests, NULL, NULL);
}
