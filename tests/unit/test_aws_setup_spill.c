/* aws_setup_spill: the key of --spill-kms-key, which one it is and who may use it for what. */
#include "test_aws_setup_statements.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- which key ---- */

#define KEY_ID "1234abcd-12ab-34cd-56ef-1234567890ab"

static void the_spills_key_as_it_is_written(void **state)
{
    static char role[] = ROLE_ARN;
    static const struct {
        const char *key;
        char *role;
        const char *arn, *region;
    } rows[] = {
        {KEY_ID,                                           NULL, "arn:aws:kms:us-east-2:111122223333:key/" KEY_ID, "us-east-2"},
        {"mrk-1234abcd12ab34cd56ef1234567890ab",           role,
         "arn:aws:kms:us-east-2:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab",                            "us-east-2"},
        {KEY_ARN,                                          role, KEY_ARN,                                          "eu-west-1"},
        {"alias/spill",                                    NULL, "SPILL_KMS_KEY_ARN",                              "us-east-2"},
        {"arn:aws:kms:eu-west-1:777788889999:alias/spill", NULL, "SPILL_KMS_KEY_ARN",                              "eu-west-1"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        open_bench(&b, "dbname=a user=u", "dbname=b user=v");
        set(&b.spec.spill_kms_key, rows[i].key);
        b.spec.destination_auth.role_arn = rows[i].role;
        read_facts(&b);
        know_caller(&b);
        set(&b.facts.region, "us-east-2");
        fill_facts(&b, "");
        const struct setup_side *d = &b.facts.sides[SETUP_DESTINATION];
        assert_string_equal(d->spill_key, rows[i].arn);
        assert_string_equal(d->spill_region, rows[i].region);
        assert_null(b.facts.sides[SETUP_SOURCE].spill_key);
        bool open = strcmp(rows[i].arn, "SPILL_KMS_KEY_ARN") == 0;
        assert_int_equal(b.facts.gap_count, open);
        assert_int_equal(setup_has_gap(&b.facts, "SPILL_KMS_KEY_ARN"), open);
        free(b.spec.spill_kms_key);
        close_bench(&b);
    }
}

/* As a load chooses it, and never the source's. */
static void the_spills_region_is_the_loads(void **state)
{
    static char key[] = KEY_ID;
    static char own[] = "eu-south-1";
    static const struct {
        char *own;
        const char *session, *host, *want;
    } rows[] = {
        {own,  "us-east-2", CLUSTER_HOST, "eu-south-1"  },
        {NULL, "us-east-2", CLUSTER_HOST, "us-east-2"   },
        {NULL, "",          CLUSTER_HOST, "eu-west-1"   },
        {NULL, "",          "/tmp",       "ca-central-1"}, /* the best guess that there is */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        char destination[256];
        (void)snprintf(destination, sizeof destination, "dbname=b user=v host=%s", rows[i].host);
        open_bench(&b, "dbname=a user=u host=x.abc.ca-central-1.rds.amazonaws.com", destination);
        b.spec.spill_kms_key = key;
        b.spec.destination_auth.region = rows[i].own;
        read_facts(&b);
        know_caller(&b);
        set(&b.facts.region, rows[i].session);
        fill_facts(&b, "");
        const struct setup_side *d = &b.facts.sides[SETUP_DESTINATION];
        assert_string_equal(d->spill_region, rows[i].want);
        assert_has(d->spill_key, rows[i].want);
        close_bench(&b);
    }
}

static void without_aws_the_spills_key_is_left_to_a_person(void **state)
{
    static char key[] = "alias/aws/rds";
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user=v");
    b.spec.spill_kms_key = key;
    read_facts(&b);
    fill_facts(&b, "no credentials");
    make_files(&b);
    const char *readme = text_of(&b, "README.md");
    assert_has(readme, "- `SPILL_KMS_KEY_ARN`: the ARN of the KMS key behind alias/aws/rds");
    assert_has(readme, "describe-key --key-id alias/aws/rds --region REGION_CODE");
    assert_has(readme, "The spill's key alias/aws/rds is one that AWS manages");
    assert_has(readme, "`PRINCIPAL_ARN`, who Sluice is on the destination's side");
    const char *apply = text_of(&b, "apply.sh");
    assert_has(apply, "\nneed_filled SP'ILL_KMS_KEY_ARN'\n");
    assert_has(apply, "\nadd_key_policy 'sluice' 'SPILL_KMS_KEY_ARN' 'REGION_CODE' "
                      "'key-policy-spill.json' ''\n");
    close_bench(&b);
}

/* ---- who may do what with it ---- */

static void assert_is_for_jobs(json_t *s)
{
    assert_int_equal(json_array_size(json_object_get(s, "Action")), 2);
    assert_true(has_word(s, "Action", "kms:GenerateDataKey"));
    assert_true(has_word(s, "Action", "kms:Decrypt"));
    assert_string_equal(condition(s, "StringLike", "kms:EncryptionContext:sluice-job"), "*");
    json_t *all = json_object_get(json_object_get(s, "Condition"), "ForAllValues:StringEquals");
    assert_int_equal(json_array_size(json_object_get(all, "kms:EncryptionContextKeys")), 1);
    assert_true(has_word(all, "kms:EncryptionContextKeys", "sluice-job"));
    assert_int_equal(json_object_size(json_object_get(s, "Condition")), 2);
}

/* Who needs nothing else of AWS gets nothing else. */
static void the_spills_key_alone(void **state)
{
    static char key[] = KEY_ARN;
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user=v");
    b.spec.spill_kms_key = key;
    read_as_loader(&b);
    set(&b.facts.region, "us-east-2");
    fill_and_make(&b);
    assert_int_equal(b.facts.gap_count, 0);
    json_t *list = statements_of(&b, "policy-sluice.json");
    assert_int_equal(json_array_size(list), 1);
    json_t *s = statement(list, "SluiceSpillKey");
    assert_is_for_jobs(s);
    assert_string_equal(json_string_value(json_object_get(s, "Resource")), KEY_ARN);
    assert_null(json_object_get(s, "Principal"));
    json_decref(list);
    list = statements_of(&b, "key-policy-spill.json");
    assert_int_equal(json_array_size(list), 1);
    s = statement(list, "SluiceSpillKey");
    assert_is_for_jobs(s);
    assert_is_for_loader(s);
    assert_string_equal(json_string_value(json_object_get(s, "Resource")), "*");
    json_decref(list);
    assert_null(text_of(&b, "key-policy-destination.json"));
    const char *apply = text_of(&b, "apply.sh");
    assert_has(apply, "\nadd_key_policy 'sluice' '" KEY_ARN "' 'eu-west-1' "
                      "'key-policy-spill.json' ''\n");
    assert_has(apply, "\nput_principal_policy 'sluice-load' 'policy-sluice.json'\n");
    assert_null(strstr(apply, "\ncheck_account 'spill'"));
    assert_has(text_of(&b, "README.md"), "are under KMS key `" KEY_ARN "`");
    close_bench(&b);
}

static void without_a_spills_key_nothing_speaks_of_one(void **state)
{
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user=v host=" CLUSTER_HOST);
    b.spec.destination_auth.iam = true;
    read_as_loader(&b);
    fill_and_make(&b);
    assert_null(text_of(&b, "key-policy-spill.json"));
    assert_null(strstr(text_of(&b, "policy-sluice.json"), "kms:"));
    assert_null(strstr(text_of(&b, "README.md"), "sluice-job"));
    assert_null(strstr(text_of(&b, "apply.sh"), "key-policy-spill.json"));
    close_bench(&b);
}

/* The destination's role asks, so the role may; Sluice itself may not. */
static void the_spills_key_is_the_destinations(void **state)
{
    static char role[] = ROLE_ARN;
    static char other_role[] = "arn:aws:iam::777788889999:role/source";
    static char key[] = "alias/spill";
    static const char arn[] = "arn:aws:kms:eu-west-1:444455556666:key/k";
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user=v host=" CLUSTER_HOST);
    b.spec.spill_kms_key = key;
    b.spec.source_auth.role_arn = other_role;
    b.spec.destination_auth.role_arn = role;
    read_as_loader(&b);
    set(&b.facts.sides[SETUP_DESTINATION].spill_key, arn);
    fill_and_make(&b);
    json_t *list = statements_of(&b, "role-destination-policy.json");
    assert_true(has_word(statement(list, "SluiceSpillKey"), "Resource", arn));
    json_decref(list);
    assert_null(strstr(text_of(&b, "policy-sluice.json"), "kms:"));
    assert_null(strstr(text_of(&b, "role-source-policy.json"), "kms:"));
    list = statements_of(&b, "key-policy-spill.json");
    json_t *s = json_object_get(statement(list, "SluiceSpillKey"), "Principal");
    assert_string_equal(json_string_value(json_object_get(s, "AWS")), ROLE_ARN);
    json_decref(list);
    assert_has(text_of(&b, "apply.sh"), "\nadd_key_policy 'destination' '"
                                        "arn:aws:kms:eu-west-1:444455556666:key/k' 'eu-west-1' "
                                        "'key-policy-spill.json' ''\n");
    close_bench(&b);
}

/* What the secret's key needs is not for the spill's key, and the other way round. */
static void two_keys_have_two_policies(void **state)
{
    static char secret[] = SECRET_ARN;
    static char key[] = "arn:aws:kms:eu-west-1:111122223333:key/spill";
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user=v");
    b.spec.spill_kms_key = key;
    b.spec.destination_auth.secret = secret;
    read_as_loader(&b);
    set(&b.facts.sides[SETUP_DESTINATION].secret_arn, SECRET_ARN);
    set(&b.facts.sides[SETUP_DESTINATION].secret_key, KEY_ARN);
    fill_and_make(&b);
    json_t *list = statements_of(&b, "policy-sluice.json");
    assert_true(has_word(statement(list, "SluiceSpillKey"), "Resource", key));
    assert_true(has_word(statement(list, "SluiceSecretKeyDestination"), "Resource", KEY_ARN));
    json_decref(list);
    list = statements_of(&b, "key-policy-destination.json");
    assert_non_null(statement(list, "SluiceSecretKeyDestination"));
    assert_null(statement(list, "SluiceSpillKey"));
    json_decref(list);
    list = statements_of(&b, "key-policy-spill.json");
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
    close_bench(&b);
}

/* Only a key's own account may change its policy, and has to when another one asks. */
static void a_spills_key_of_another_account(void **state)
{
    static char secret[] = "arn:aws:secretsmanager:eu-west-1:444455556666:secret:x-AbCdEf";
    static char role[] = ROLE_ARN;
    static const struct {
        char *secret, *role;
        const char *key, *who, *other, *check;
    } rows[] = {
        {NULL,   NULL, "arn:aws:kms:us-east-1:777788889999:key/k",   "spill",       "other account",
         "\ncheck_account 'spill' '777788889999'\n"                                                      },
        {NULL,   NULL, "arn:aws:kms:us-east-1:777788889999:alias/k", "spill",       "other account",
         "\ncheck_account 'spill' '777788889999'\n"                                                      },
        {NULL,   role, "arn:aws:kms:us-east-1:777788889999:key/k",   "spill",       "other account",
         "\ncheck_account 'spill' '777788889999'\n"                                                      },
        {NULL,   role, "arn:aws:kms:us-east-1:111122223333:key/k",   "sluice",      "other account",
         "\ncheck_account 'sluice' '111122223333'\n"                                                     },
        {NULL,   role, "arn:aws:kms:us-east-1:444455556666:key/k",   "destination", "",
         "\ncheck_account 'destination' '444455556666'\n"                                                },
        {NULL,   role, "alias/k",                                    "destination", "",              NULL},
        {secret, NULL, "arn:aws:kms:us-east-1:444455556666:key/k",   "destination", "other account",
         "\ncheck_account 'destination' '444455556666'\n"                                                },
        {secret, NULL, "arn:aws:kms:us-east-1:111122223333:key/k",   "sluice",      "",              NULL},
        {secret, NULL, "alias/k",                                    "sluice",      "",              NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        char want[512];
        open_bench(&b, "dbname=a user=u", "dbname=b user=v");
        set(&b.spec.spill_kms_key, rows[i].key);
        b.spec.destination_auth.secret = rows[i].secret;
        b.spec.destination_auth.role_arn = rows[i].role;
        read_as_loader(&b);
        set(&b.facts.region, "us-east-1");
        fill_and_make(&b);
        const char *apply = text_of(&b, "apply.sh");
        (void)snprintf(want, sizeof want,
                       "\nadd_key_policy '%s' '%s' 'us-east-1' 'key-policy-spill.json' '%s'\n",
                       rows[i].who, b.facts.sides[SETUP_DESTINATION].spill_key, rows[i].other);
        assert_has(apply, want);
        if (rows[i].check != NULL) {
            assert_has(apply, rows[i].check);
        }
        bool third = strcmp(rows[i].who, "spill") == 0;
        assert_int_equal(strstr(apply, "\ncheck_account 'spill'") != NULL, third);
        free(b.spec.spill_kms_key);
        close_bench(&b);
    }
}

static void a_spills_key_is_no_pattern(void **state)
{
    static char key[] = "arn:aws:kms:eu-west-1:111122223333:key/*${x}";
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u", "dbname=b user=v");
    b.spec.spill_kms_key = key;
    read_as_loader(&b);
    fill_and_make(&b);
    json_t *list = statements_of(&b, "policy-sluice.json");
    assert_true(has_word(statement(list, "SluiceSpillKey"), "Resource",
                         "arn:aws:kms:eu-west-1:111122223333:key/${*}${$}{x}"));
    json_decref(list);
    close_bench(&b);
}

/* KMS is asked directly there too: no service's name, and so no suffix. */
static void the_spills_key_in_china(void **state)
{
    static char key[] = "1234abcd-12ab-34cd-56ef-1234567890ab";
    struct bench b;
    (void)state;
    open_bench(&b, "dbname=a user=u",
               "dbname=b user=v host=x.cluster-abc.rds.cn-north-1.amazonaws.com.cn");
    b.spec.spill_kms_key = key;
    read_facts(&b);
    fill_and_make(&b);
    json_t *list = statements_of(&b, "policy-sluice.json");
    json_t *s = statement(list, "SluiceSpillKey");
    assert_is_for_jobs(s);
    assert_true(has_word(s, "Resource",
                         "arn:aws-cn:kms:cn-north-1:ACCOUNT_ID:key/"
                         "1234abcd-12ab-34cd-56ef-1234567890ab"));
    json_decref(list);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_spills_key_as_it_is_written),
        cmocka_unit_test(the_spills_region_is_the_loads),
        cmocka_unit_test(without_aws_the_spills_key_is_left_to_a_person),
        cmocka_unit_test(the_spills_key_alone),
        cmocka_unit_test(without_a_spills_key_nothing_speaks_of_one),
        cmocka_unit_test(the_spills_key_is_the_destinations),
        cmocka_unit_test(two_keys_have_two_policies),
        cmocka_unit_test(a_spills_key_of_another_account),
        cmocka_unit_test(a_spills_key_is_no_pattern),
        cmocka_unit_test(the_spills_key_in_china),
    };

    return cmocka_run_group_tests_name("aws_setup_spill", tests, NULL, NULL);
}
