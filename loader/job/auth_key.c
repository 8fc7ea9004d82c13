/* The key of a spill file that outlives the process: a data key of KMS. */
#include "aws/kms.h"
#include "job/auth_internal.h"

#include <string.h>

/* Without the job's name as its context KMS gives the key back to nobody. */
static struct aws_tag context_of(const char *job)
{
    return (struct aws_tag){.key = "sluice-job", .value = job};
}

static bool take_key(const struct secret *plain, unsigned char key[AUTH_KEY_BYTES], struct err *err)
{
    if (plain->len != AUTH_KEY_BYTES) {
        return err_set(err, ERR_DATA, "KMS gave a data key of %zu bytes", plain->len);
    }
    memcpy(key, plain->bytes, AUTH_KEY_BYTES);
    return true;
}

bool auth_make_data_key(struct auth *auth, const char *key_id, const char *job,
                        unsigned char key[AUTH_KEY_BYTES], struct buf *wrapped, struct err *err)
{
    struct aws_data_key made;
    struct aws_tag context = context_of(job);
    struct aws_caller caller = auth_party_caller(&auth->party[AUTH_DESTINATION], NULL);
    memset(&made, 0, sizeof made);
    bool ok = aws_kms_generate_data_key(&caller, key_id, &context, 1, &made, err) &&
              take_key(&made.plaintext, key, err);
    for (size_t i = 0; ok && i < made.ciphertext_len; i++) {
        buf_printf(wrapped, "%02x", made.ciphertext[i]);
    }
    aws_data_key_free(&made);
    return (ok && buf_ok(wrapped, err)) || err_wrap(err, "--spill-kms-key");
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t from_hex(const char *hex, unsigned char *out, size_t room)
{
    size_t n = 0;
    while (n < room && nibble(hex[2 * n]) >= 0 && nibble(hex[2 * n + 1]) >= 0) {
        out[n] = (unsigned char)(nibble(hex[2 * n]) * 16 + nibble(hex[2 * n + 1]));
        n++;
    }
    return hex[2 * n] == '\0' ? n : 0;
}

bool auth_open_data_key(struct auth *auth, const char *wrapped, const char *job,
                        unsigned char key[AUTH_KEY_BYTES], struct err *err)
{
    unsigned char blob[KMS_CIPHERTEXT_MAX];
    size_t len = from_hex(wrapped, blob, sizeof blob);
    struct secret plain = {.bytes = NULL};
    struct aws_tag context = context_of(job);
    struct aws_caller caller = auth_party_caller(&auth->party[AUTH_DESTINATION], NULL);
    if (len == 0) {
        return err_set(err, ERR_DATA, "the manifest's wrapped key is damaged");
    }
    bool ok = aws_kms_decrypt(&caller, NULL, blob, len, &context, 1, &plain, err) &&
              take_key(&plain, key, err);
    secret_free(&plain);
    return ok || err_wrap(err, "the key of the spilled rows");
}
