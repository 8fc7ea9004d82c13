#include "flow/spill_crypt.h"

#include "base/cleanup.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#define NONCE_BYTES 12
#define LEN_MAX     ((size_t)1 << 30)

static bool openssl_failed(struct err *err, const char *what)
{
    return err_set(err, ERR_SYSTEM, "spill: cannot %s: OpenSSL failed", what);
}

bool crypt_random(unsigned char *out, size_t len, struct err *err)
{
    assert(len <= LEN_MAX);
    return RAND_bytes(out, (int)len) == 1 || openssl_failed(err, "make random bytes");
}

/* OSSL_PARAM has one kind of pointer for what is read and what is written; this one is read. */
static OSSL_PARAM octets(const char *name, const void *bytes, size_t len)
{
    union {
        const void *in;
        void *out;
    } as = {.in = bytes};
    return OSSL_PARAM_construct_octet_string(name, as.out, len);
}

bool crypt_derive(const unsigned char *key, const unsigned char *salt, const char *label,
                  unsigned char out[CRYPT_KEY_BYTES], struct err *err)
{
    static char digest[] = "SHA256"; /* never written; the parameter's type is not const */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        octets(OSSL_KDF_PARAM_KEY, key, CRYPT_KEY_BYTES),
        octets(OSSL_KDF_PARAM_SALT, salt, CRYPT_SALT_BYTES),
        octets(OSSL_KDF_PARAM_INFO, label, strlen(label)),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    bool ok = ctx != NULL && EVP_KDF_derive(ctx, out, CRYPT_KEY_BYTES, params) == 1;

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok || openssl_failed(err, "derive a key");
}

static void free_cipher(EVP_CIPHER_CTX **ctx)
{
    EVP_CIPHER_CTX_free(*ctx); /* wipes the key's schedule */
}

static void put_nonce(unsigned char out[NONCE_BYTES], uint64_t nonce)
{
    memset(out, 0, NONCE_BYTES);
    for (int i = 0; i < 8; i++) {
        out[NONCE_BYTES - 1 - i] = (unsigned char)(nonce >> (8 * i));
    }
}

/* Everything but the tag. A context costs about 1 % of what encrypting a batch does, so each call
 * makes its own rather than to share some under a lock. */
static bool run_cipher(EVP_CIPHER_CTX *ctx, const unsigned char *key, uint64_t nonce,
                       const struct crypt_message *m, int encrypt)
{
    unsigned char iv[NONCE_BYTES];
    int len = 0;
    assert(m->clear_len <= LEN_MAX && m->text_len <= LEN_MAX);

    put_nonce(iv, nonce);
    return EVP_CipherInit_ex2(ctx, EVP_aes_256_gcm(), key, iv, encrypt, NULL) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &len, m->clear, (int)m->clear_len) == 1 &&
           EVP_CipherUpdate(ctx, m->text, &len, m->text, (int)m->text_len) == 1;
}

static unsigned char *tag_of(const struct crypt_message *m)
{
    return (unsigned char *)m->text + m->text_len;
}

bool crypt_seal(const unsigned char key[CRYPT_KEY_BYTES], uint64_t nonce,
                const struct crypt_message *m, struct err *err)
{
    CLEANUP(free_cipher) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len = 0;

    return (ctx != NULL && run_cipher(ctx, key, nonce, m, 1) &&
            EVP_CipherFinal_ex(ctx, tag_of(m), &len) == 1 &&
            EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CRYPT_TAG_BYTES, tag_of(m)) == 1) ||
           openssl_failed(err, "encrypt");
}

bool crypt_open(const unsigned char key[CRYPT_KEY_BYTES], uint64_t nonce,
                const struct crypt_message *m, struct err *err)
{
    CLEANUP(free_cipher) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char none[EVP_MAX_BLOCK_LENGTH];
    int len = 0;

    if (ctx == NULL || !run_cipher(ctx, key, nonce, m, 0) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CRYPT_TAG_BYTES, tag_of(m)) != 1) {
        return openssl_failed(err, "decrypt");
    }
    if (EVP_CipherFinal_ex(ctx, none, &len) == 1) {
        return true;
    }
    OPENSSL_cleanse(m->text, m->text_len);
    return err_set(err, ERR_DATA, "spill: what is on disk is not what was written there");
}

bool crypt_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}
