#include "aws/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define BAD  64u
#define PART 3072 /* bytes decoded at a time */

static uint32_t value_of(char c)
{
    const char *at = c == '\0' ? NULL : strchr(alphabet, c);
    return at == NULL ? BAD : (uint32_t)(at - alphabet);
}

/* Four characters; padding is '=' for the missing ones. The number of bytes, 0 when it is wrong. */
static size_t decode_group(const char in[4], unsigned char out[3])
{
    size_t given = in[3] != '=' ? 4 : in[2] != '=' ? 3 : 2;
    uint32_t bits = 0;

    for (size_t i = 0; i < 4; i++) {
        uint32_t value = i < given ? value_of(in[i]) : 0;
        if (value == BAD) {
            return 0;
        }
        bits = bits << 6 | value;
    }
    out[0] = (unsigned char)(bits >> 16);
    out[1] = (unsigned char)(bits >> 8);
    out[2] = (unsigned char)bits;
    /* What the padding leaves over must be zero, or one value would have several spellings. */
    bool stray = (given < 4 && out[2] != 0) || (given < 3 && out[1] != 0);
    return stray ? 0 : given - 1;
}

/* Appends the decoded text; false with ERR_NONE in err when it is wrong. */
static bool decode(const char *text, size_t len, struct secret *out, struct err *err)
{
    unsigned char part[PART];
    size_t used = 0;
    bool fine = len % 4 == 0;

    for (size_t at = 0; fine && at < len; at += 4) {
        size_t got = decode_group(text + at, part + used);
        bool last = at + 4 == len;
        used += got;
        fine = got == 3 || (last && got > 0);
        if (fine && (last || used + 3 > PART)) {
            fine = secret_append(out, part, used, err);
            used = 0;
        }
    }
    secret_wipe(part, sizeof part);
    return fine;
}

bool base64_decode(const char *text, size_t len, struct secret *out, struct err *err)
{
    struct secret decoded = {0};
    struct err why = {0};

    if (!decode(text, len, &decoded, &why)) {
        secret_free(&decoded);
        return why.kind == ERR_NONE ? err_set(err, ERR_DATA, "not base64")
                                    : err_set(err, why.kind, "%s", why.msg);
    }
    secret_free(out);
    *out = decoded;
    return true;
}

bool base64_encode(const void *bytes, size_t len, char *out, size_t size)
{
    const unsigned char *in = bytes;

    if (size == 0 || len > (size - 1) / 4 * 3) {
        return false;
    }
    for (size_t at = 0; at < len; at += 3) {
        size_t have = len - at < 3 ? len - at : 3;
        uint32_t bits = (uint32_t)in[at] << 16;
        bits |= have > 1 ? (uint32_t)in[at + 1] << 8 : 0;
        bits |= have > 2 ? in[at + 2] : 0;
        *out++ = alphabet[bits >> 18];
        *out++ = alphabet[bits >> 12 & 63];
        *out++ = (char)(have > 1 ? alphabet[bits >> 6 & 63] : '=');
        *out++ = (char)(have > 2 ? alphabet[bits & 63] : '=');
    }
    *out = '\0';
    return true;
}
