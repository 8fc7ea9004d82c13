/* kms.h: AWS Key Management Service, API version 2014-11-01. Thread-safe; errors as in call.h. */
#ifndef AWS_KMS_H
#define AWS_KMS_H

#include "aws/call.h"
#include "aws/identity.h"
#include "base/err.h"
#include "base/secret.h"

#define KMS_CIPHERTEXT_MAX 6144

/* context: the encryption context, as it was when the value was encrypted. key_id may be NULL. */
bool aws_kms_decrypt(const struct aws_caller *caller, const char *key_id, const void *ciphertext,
                     size_t len, const struct aws_tag *context, size_t context_count,
                     struct secret *plaintext, struct err *err) MUST_CHECK;

struct aws_data_key {
    struct secret plaintext; /* 32 bytes */
    unsigned char ciphertext[KMS_CIPHERTEXT_MAX];
    size_t ciphertext_len;
    char key_arn[2048 + 1];
};
void aws_data_key_free(struct aws_data_key *k);
/* AES-256. */
bool aws_kms_generate_data_key(const struct aws_caller *caller, const char *key_id,
                               const struct aws_tag *context, size_t context_count,
                               struct aws_data_key *out, struct err *err) MUST_CHECK;

struct aws_key_description {
    char arn[2048 + 1];
    char state[32]; /* "Enabled", "Disabled", "PendingDeletion", ... */
    char usage[32]; /* "ENCRYPT_DECRYPT", ... */
    bool enabled;
    bool managed_by_aws;
};
bool aws_kms_describe_key(const struct aws_caller *caller, const char *key_id,
                          struct aws_key_description *out, struct err *err) MUST_CHECK;

#endif
