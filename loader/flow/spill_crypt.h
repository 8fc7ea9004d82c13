/*
 * spill_crypt.h: how a spill file and its manifest are encrypted. The only door to OpenSSL here.
 *
 * AES-256-GCM (NIST SP 800-38D) with a tag of 16 bytes behind the text; keys are derived by
 * HKDF-SHA256 (RFC 5869) from the run's own key and a random salt, so that the same run's key may
 * serve any number of files, sessions and manifests without a nonce ever meeting its key twice.
 * Thread-safe: nothing is kept between calls. ERR_SYSTEM when OpenSSL fails.
 */
#ifndef FLOW_SPILL_CRYPT_H
#define FLOW_SPILL_CRYPT_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define CRYPT_KEY_BYTES  32u
#define CRYPT_SALT_BYTES 32u
#define CRYPT_TAG_BYTES  16u

bool crypt_random(unsigned char *out, size_t len, struct err *err) MUST_CHECK;

/* key and salt as above; label says what the result is for, and no two uses share one. */
bool crypt_derive(const unsigned char *key, const unsigned char *salt, const char *label,
                  unsigned char out[CRYPT_KEY_BYTES], struct err *err) MUST_CHECK;

/* What is encrypted in place, and what is only authenticated. CRYPT_TAG_BYTES of room are behind
 * text. Each length is at most 1 GB. */
struct crypt_message {
    const void *clear;
    size_t clear_len;
    void *text;
    size_t text_len;
};

/* On failure text is undefined. */
bool crypt_seal(const unsigned char key[CRYPT_KEY_BYTES], uint64_t nonce,
                const struct crypt_message *m, struct err *err) MUST_CHECK;

/* Decrypts in place. ERR_DATA when it is not what was sealed under that key and nonce; text is
 * wiped then. */
bool crypt_open(const unsigned char key[CRYPT_KEY_BYTES], uint64_t nonce,
                const struct crypt_message *m, struct err *err) MUST_CHECK;

/* Takes the same time wherever the difference is. */
bool crypt_equal(const void *a, const void *b, size_t len);

#endif
