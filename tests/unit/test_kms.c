/* kms: what is asked, what is read, and what is no answer. */
#include "call_fixture.h"

#include "aws/kms.h"
#include "base/cleanup.h"

#define KEY_ARN "arn:aws:kms:eu-west-1:210987654321:key/k-1"

static const struct aws_tag context[] = {
    {"SecretARN",       "arn:x"},
    {"SecretVersionId", "v1"   }
};

static void a_value_is_decrypted(void **state)
{
    struct call_world w;
    CLEANUP(secret_free) struct secret plain = {0};
    (void)state;

    world_start(&w);
    answer(&w, 200, "{\"KeyId\":\"" KEY_ARN "\",\"Plaintext\":\"aGkA\"}");
    assert_fine(&w, aws_kms_decrypt(&w.caller, KEY_ARN, "\0\1\2", 3, context, 2, &plain, &w.err));
    assert_int_equal(plain.len, 3);
    assert_memory_equal(secret_reveal(&plain), "hi\0", 3);
    const struct fake_request *r = fake_platform_request(w.fake, 0);
    char target[64];
    assert_string_equal(r->url, "https://kms.eu-west-1.amazonaws.com/");
    assert_string_equal(r->body,
                        "{\"CiphertextBlob\":\"AAEC\",\"EncryptionContext\":{\"SecretARN\":"
                        "\"arn:x\",\"SecretVersionId\":\"v1\"},\"KeyId\":\"" KEY_ARN "\"}");
    assert_true(fake_request_header(r, "X-Amz-Target", target, sizeof target));
    assert_string_equal(target, "TrentService.Decrypt");
    world_end(&w);
}

static void the_key_may_be_left_to_the_value(void **state)
{
    struct call_world w;
    CLEANUP(secret_free) struct secret plain = {0};
    static const char largest[KMS_CIPHERTEXT_MAX + 1];
    (void)state;

    world_start(&w);
    answer(&w, 200, "{\"Plaintext\":\"aGkA\"}");
    assert_fine(
        &w, aws_kms_decrypt(&w.caller, NULL, largest, KMS_CIPHERTEXT_MAX, NULL, 0, &plain, &w.err));
    const struct fake_request *r = fake_platform_request(w.fake, 0);
    assert_string_equal(r->url, "https://kms.us-east-1.amazonaws.com/");
    assert_null(strstr(r->body, "KeyId"));
    assert_null(strstr(r->body, "Context"));

    assert_failed(
        &w,
        aws_kms_decrypt(&w.caller, NULL, largest, KMS_CIPHERTEXT_MAX + 1, NULL, 0, &plain, &w.err),
        ERR_USAGE, "6145");
    assert_failed(&w, aws_kms_decrypt(&w.caller, NULL, largest, 0, NULL, 0, &plain, &w.err),
                  ERR_USAGE, "ciphertext");
    assert_string_equal(secret_reveal(&plain), "hi");
    world_end(&w);
}

static void what_is_no_plaintext_is_asked_for_again(void **state)
{
    static const char *const bodies[] = {
        "{}", "[]", "{\"Plaintext\":null}", "{\"Plaintext\":1}", "{\"Plaintext\":\"a\"}", "sesame"};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct call_world w;
        struct secret plain = {0};
        world_start(&w);
        answer_times(&w, 3, 200, bodies[i]);
        assert_failed(&w, aws_kms_decrypt(&w.caller, "k", "x", 1, NULL, 0, &plain, &w.err),
                      ERR_TRANSIENT, "key k: Decrypt");
        assert_false(secret_is_set(&plain));
        assert_null(strstr(w.err.msg, "sesame"));
        world_end(&w);
    }
}

struct refused_case {
    const char *label;
    const char *key_id;
    const char *body;
    enum err_kind kind;
    const char *says;
};

static struct refused_case refused_cases[] = {
    {.label = "disabled",
     .key_id = KEY_ARN,
     .body = "{\"__type\":\"DisabledException\",\"message\":\"is disabled\"}",
     .kind = ERR_AUTH,
     .says = "enable the KMS key"},
    {.label = "pending deletion",
     .key_id = "k",
     .body = "{\"__type\":\"KMSInvalidStateException\"}",
     .kind = ERR_AUTH,
     .says = "deletion"},
    {.label = "not there",
     .key_id = "alias/x",
     .body = "{\"__type\":\"NotFoundException\"}",
     .kind = ERR_USAGE,
     .says = "key alias/x: Decrypt"},
    {.label = "other key",
     .key_id = "k",
     .body = "{\"__type\":\"IncorrectKeyException\"}",
     .kind = ERR_USAGE,
     .says = "IncorrectKeyException"},
    {.label = "wrong context",
     .key_id = "k",
     .body = "{\"__type\":\"InvalidCiphertextException\"}",
     .kind = ERR_USAGE,
     .says = "another context"},
    {.label = "denied by ARN",
     .key_id = KEY_ARN,
     .body = "{\"__type\":\"AccessDeniedException\",\"Message\":\"kms:Decrypt\"}",
     .kind = ERR_AUTH,
     .says = "\"Action\":\"kms:Decrypt\",\"Resource\":\"" KEY_ARN "\"}"},
    {.label = "denied by id",
     .key_id = "k-1",
     .body = "{\"__type\":\"AccessDeniedException\"}",
     .kind = ERR_AUTH,
     .says = "\"Resource\":\"arn:aws:kms:us-east-1:123456789012:key/k-1\"}; the key's own policy"},
    {.label = "denied by alias",
     .key_id = "alias/x",
     .body = "{\"__type\":\"AccessDeniedException\"}",
     .kind = ERR_AUTH,
     .says = "\"Resource\":\"arn:aws:kms:us-east-1:123456789012:key/*\"}"},
    {.label = "denied by an alias's ARN",
     .key_id = "arn:aws:kms:us-west-2:1:alias/x",
     .body = "{\"__type\":\"AccessDeniedException\"}",
     .kind = ERR_AUTH,
     .says = "\"Resource\":\"arn:aws:kms:us-west-2:123456789012:key/*\"}"},
    {.label = "denied without one",
     .body = "{\"__type\":\"AccessDeniedException\"}",
     .kind = ERR_AUTH,
     .says = "key/*\"}"},
};

static void a_refusal_is_explained(void **state)
{
    const struct refused_case *c = *state;
    struct call_world w;
    struct secret plain = {0};

    world_start(&w);
    answer(&w, 400, c->body);
    assert_failed(&w, aws_kms_decrypt(&w.caller, c->key_id, "x", 1, NULL, 0, &plain, &w.err),
                  c->kind, c->says);
    assert_says(&w, REQUEST_ID);
    world_end(&w);
}

#define PLAIN_KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static void a_data_key_is_made(void **state)
{
    struct call_world w;
    CLEANUP(aws_data_key_free) struct aws_data_key key = {0};
    (void)state;

    world_start(&w);
    answer(&w, 200,
           "{\"KeyId\":\"" KEY_ARN "\",\"Plaintext\":\"" PLAIN_KEY
           "\",\"CiphertextBlob\":\"AQID\"}");
    assert_fine(&w, aws_kms_generate_data_key(&w.caller, "alias/x", context, 1, &key, &w.err));
    assert_int_equal(key.plaintext.len, 32);
    assert_int_equal(key.plaintext.bytes[31], 31);
    assert_int_equal(key.ciphertext_len, 3);
    assert_memory_equal(key.ciphertext, "\1\2\3", 3);
    assert_string_equal(key.key_arn, KEY_ARN);
    assert_string_equal(fake_platform_request(w.fake, 0)->body,
                        "{\"KeySpec\":\"AES_256\",\"EncryptionContext\":{\"SecretARN\":\"arn:x\"},"
                        "\"KeyId\":\"alias/x\"}");
    world_end(&w);
}

static void a_data_key_has_its_size(void **state)
{
    static const char *const bodies[] = {
        "{\"Plaintext\":\"AQID\",\"CiphertextBlob\":\"AQID\"}",
        "{\"CiphertextBlob\":\"AQID\"}",
        "{\"Plaintext\":\"" PLAIN_KEY "\"}",
        "{\"Plaintext\":\"" PLAIN_KEY "\",\"CiphertextBlob\":\"\"}",
    };
    static char many[8196 + 1]; /* one group more than 6,144 bytes need */
    static char large[9000];
    (void)state;

    memset(many, 'A', sizeof many - 1);
    (void)snprintf(large, sizeof large,
                   "{\"Plaintext\":\"" PLAIN_KEY "\",\"CiphertextBlob\":\"%s\"}", many);
    for (size_t i = 0; i <= ARRAY_LEN(bodies); i++) {
        struct call_world w;
        struct aws_data_key key = {0};
        world_start(&w);
        answer_times(&w, 3, 200, i == ARRAY_LEN(bodies) ? large : bodies[i]);
        assert_failed(&w, aws_kms_generate_data_key(&w.caller, "k", NULL, 0, &key, &w.err),
                      ERR_TRANSIENT, "GenerateDataKey");
        assert_false(secret_is_set(&key.plaintext));
        world_end(&w);
    }
}

static void a_key_is_described(void **state)
{
    struct call_world w;
    struct aws_key_description d = {0};
    (void)state;

    world_start(&w);
    answer(&w, 200,
           "{\"KeyMetadata\":{\"Arn\":\"" KEY_ARN
           "\",\"KeyState\":\"PendingDeletion\",\"KeyUsage\":"
           "\"ENCRYPT_DECRYPT\",\"KeyManager\":\"AWS\",\"Enabled\":false}}");
    assert_fine(&w, aws_kms_describe_key(&w.caller, KEY_ARN, &d, &w.err));
    assert_string_equal(d.arn, KEY_ARN);
    assert_string_equal(d.state, "PendingDeletion");
    assert_string_equal(d.usage, "ENCRYPT_DECRYPT");
    assert_false(d.enabled);
    assert_true(d.managed_by_aws);
    answer(&w, 200,
           "{\"KeyMetadata\":{\"Arn\":\"b\",\"KeyState\":\"Enabled\",\"KeyManager\":\"CUSTOMER\","
           "\"Enabled\":true}}");
    assert_fine(&w, aws_kms_describe_key(&w.caller, KEY_ARN, &d, &w.err));
    assert_true(d.enabled);
    assert_false(d.managed_by_aws);

    static const char *const none[] = {
        "{}", "{\"KeyMetadata\":[]}", "{\"KeyMetadata\":{\"Arn\":\"a\"}}",
        "{\"KeyMetadata\":{\"Arn\":\"a\",\"KeyState\":\"Enabled\",\"Enabled\":1}}"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        answer_times(&w, 3, 200, none[i]);
        assert_failed(&w, aws_kms_describe_key(&w.caller, "k", &d, &w.err), ERR_TRANSIENT,
                      "DescribeKey");
        assert_string_equal(d.arn, "b");
    }
    world_end(&w);
}

int main(void)
{
    struct CMUnitTest tests[32] = {
        cmocka_unit_test(a_value_is_decrypted),
        cmocka_unit_test(the_key_may_be_left_to_the_value),
        cmocka_unit_test(what_is_no_plaintext_is_asked_for_again),
        cmocka_unit_test(a_data_key_is_made),
        cmocka_unit_test(a_data_key_has_its_size),
        cmocka_unit_test(a_key_is_described),
    };
    size_t count = 6;

    for (size_t i = 0; i < ARRAY_LEN(refused_cases); i++) {
        tests[count++] = (struct CMUnitTest){refused_cases[i].label, a_refusal_is_explained, NULL,
                                             NULL, &refused_cases[i]};
    }
    return _cmocka_run_group_tests("kms", tests, count, NULL, NULL);
}
