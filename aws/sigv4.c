#include "aws/sigv4.h"

#include "aws/canonical.h"
#include "aws/date.h"
#include "aws/uri.h"
#include "aws/wipe.h"
#include "base/cleanup.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define ALGORITHM  "AWS4-HMAC-SHA256"
#define DAY_LEN    8 /* of a date: 20150830 */
#define DIGEST_LEN 32

static void to_hex(const unsigned char digest[DIGEST_LEN], char hex[SIGV4_HEX_MAX])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < DIGEST_LEN; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[SIGV4_HEX_MAX - 1] = '\0';
}

void sigv4_sha256(const void *bytes, size_t len, char hex[SIGV4_HEX_MAX])
{
    unsigned char digest[DIGEST_LEN];

    hex[0] = '\0';
    if (EVP_Digest(len == 0 ? "" : bytes, len, digest, NULL, EVP_sha256(), NULL) == 1) {
        to_hex(digest, hex);
    }
}

static bool hash_text(const void *bytes, size_t len, char hex[SIGV4_HEX_MAX], struct err *err)
{
    sigv4_sha256(bytes, len, hex);
    return hex[0] != '\0' || err_set(err, ERR_SYSTEM, "the cryptographic library cannot hash");
}

static bool hmac(const void *key, size_t key_len, const char *text,
                 unsigned char digest[DIGEST_LEN], struct err *err)
{
    size_t len = 0;

    if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, key_len, (const unsigned char *)text,
                  strlen(text), digest, DIGEST_LEN, &len) == NULL ||
        len != DIGEST_LEN) {
        return err_set(err, ERR_SYSTEM, "the cryptographic library cannot sign");
    }
    return true;
}

/* A bound for every text that is made of a request: no byte becomes more than four in any, and no
 * header name stands in more than three places. */
static size_t text_max(const struct sigv4_request *request, const struct sigv4_params *params)
{
    size_t sum = 512 + strlen(request->method) + strlen(request->path) + strlen(request->query) +
                 strlen(params->credentials->access_key_id) + strlen(params->region) +
                 strlen(params->service) + params->credentials->session_token.len;

    for (size_t i = 0; i < request->header_count; i++) {
        sum += 3 * strlen(request->headers[i].name) + strlen(request->headers[i].value) + 4;
    }
    return 4 * sum;
}

/* "20150830/us-east-1/kms/aws4_request" */
static void put_scope(struct buf *out, const struct sigv4_params *params)
{
    char date[SIGV4_DATE_MAX];

    buf_add(out, date_basic(params->now_s, date), DAY_LEN);
    buf_printf(out, "/%s/%s/aws4_request", params->region, params->service);
}

static void put_param(struct buf *query, const char *name, const char *value)
{
    buf_printf(query, "%s%s=", query->len == 0 ? "" : "&", name);
    uri_encode(query, value, strlen(value), URI_ENCODE_SLASH);
}

/* The request's own parameters and ours, as they go over the wire but for the signature. */
static bool put_query(struct buf *query, const struct sigv4_request *request,
                      const struct sigv4_params *params, const char *signed_headers,
                      struct err *err)
{
    char date[SIGV4_DATE_MAX];
    CLEANUP(buf_free) struct buf scope = {0};

    buf_init(&scope, text_max(request, params));
    buf_printf(&scope, "%s/", params->credentials->access_key_id);
    put_scope(&scope, params);
    buf_puts(query, request->query);
    put_param(query, "X-Amz-Algorithm", ALGORITHM);
    put_param(query, "X-Amz-Credential", buf_str(&scope));
    put_param(query, "X-Amz-Date", date_basic(params->now_s, date));
    buf_printf(query, "&X-Amz-Expires=%u", params->expires_s);
    put_param(query, "X-Amz-SignedHeaders", signed_headers);
    return buf_ok(&scope, err) && buf_ok(query, err);
}

static bool has_token(const struct sigv4_params *params)
{
    return secret_is_set(&params->credentials->session_token);
}

static void put_token(struct buf *query, const struct sigv4_params *params)
{
    put_param(query, "X-Amz-Security-Token", secret_reveal(&params->credentials->session_token));
}

static bool check_headers(const struct sigv4_request *request, struct err *err)
{
    static const char *const ours[] = {"authorization", "x-amz-content-sha256", "x-amz-date",
                                       "x-amz-security-token"};
    bool host = false;

    for (size_t i = 0; i < request->header_count; i++) {
        const char *name = request->headers[i].name;
        host = host || same_header(name, "host");
        for (size_t k = 0; k < sizeof(ours) / sizeof(ours[0]); k++) {
            if (same_header(name, ours[k])) {
                return err_set(err, ERR_USAGE, "the request to sign has a header %s already", name);
            }
        }
    }
    return host || err_set(err, ERR_USAGE, "the request to sign has no Host header");
}

/* Headers of the request, and ours where those are what carries the signature. */
static bool put_headers(struct buf *lines, struct buf *names, const struct sigv4_request *request,
                        const struct sigv4_params *params, const char *body_hash, struct err *err)
{
    char date[SIGV4_DATE_MAX];
    size_t count = request->header_count;
    CLEANUP_FREE struct http_header *all = calloc(count + 3, sizeof(*all));
    if (all == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        all[i] = request->headers[i];
    }
    if (params->how == SIGV4_HEADERS) {
        all[count++] = (struct http_header){"x-amz-date", date_basic(params->now_s, date)};
        if (params->body_header) {
            all[count++] = (struct http_header){"x-amz-content-sha256", body_hash};
        }
        if (has_token(params) && !params->token_unsigned) {
            const char *token = secret_reveal(&params->credentials->session_token);
            all[count++] = (struct http_header){"x-amz-security-token", token};
        }
    }
    return canonical_headers(lines, names, all, count, err);
}

static bool add_query(struct buf *out, const struct sigv4_request *request,
                      const struct sigv4_params *params, const char *signed_headers,
                      struct err *err)
{
    CLEANUP(text_free) struct buf query = {0};

    if (params->how == SIGV4_HEADERS) {
        return canonical_query(out, request->query, err);
    }
    text_open(&query, text_max(request, params));
    if (!put_query(&query, request, params, signed_headers, err)) {
        return false;
    }
    if (has_token(params) && !params->token_unsigned) {
        put_token(&query, params);
    }
    return buf_ok(&query, err) && canonical_query(out, buf_str(&query), err);
}

static enum canonical_path path_how(const struct sigv4_params *params)
{
    if (params->raw_path) {
        return PATH_RAW;
    }
    return params->keep_path ? PATH_KEPT : PATH_NORMALISED;
}

bool sigv4_canonical_request(const struct sigv4_request *request, const struct sigv4_params *params,
                             struct buf *canonical, struct buf *signed_headers, struct err *err)
{
    char body_hash[SIGV4_HEX_MAX];
    CLEANUP(text_free) struct buf lines = {0};
    CLEANUP(text_free) struct buf names = {0};

    text_open(&lines, text_max(request, params));
    text_open(&names, text_max(request, params));
    if (!check_headers(request, err) ||
        !hash_text(request->body, request->body_len, body_hash, err) ||
        !put_headers(&lines, &names, request, params, body_hash, err)) {
        return false;
    }
    buf_printf(canonical, "%s\n", request->method);
    canonical_path(canonical, request->path, path_how(params));
    buf_puts(canonical, "\n");
    if (!add_query(canonical, request, params, buf_str(&names), err)) {
        return false;
    }
    buf_puts(canonical, "\n");
    buf_puts(canonical, buf_str(&lines));
    buf_puts(canonical, "\n");
    buf_puts(canonical, buf_str(&names));
    buf_puts(canonical, "\n");
    buf_puts(canonical, body_hash);
    buf_puts(signed_headers, buf_str(&names));
    return buf_ok(canonical, err) && buf_ok(signed_headers, err);
}

bool sigv4_string_to_sign(const struct sigv4_params *params, const char *canonical, struct buf *out,
                          struct err *err)
{
    char date[SIGV4_DATE_MAX];
    char hash[SIGV4_HEX_MAX];

    if (!hash_text(canonical, strlen(canonical), hash, err)) {
        return false;
    }
    buf_printf(out, ALGORITHM "\n%s\n", date_basic(params->now_s, date));
    put_scope(out, params);
    buf_printf(out, "\n%s", hash);
    return buf_ok(out, err);
}

/* The key for one day, Region and service. */
static bool signing_key(const struct sigv4_params *params, unsigned char key[DIGEST_LEN],
                        struct err *err)
{
    const struct secret *secret = &params->credentials->secret_access_key;
    char day[SIGV4_DATE_MAX];
    CLEANUP(secret_free) struct secret start = {0};

    date_basic(params->now_s, day);
    day[DAY_LEN] = '\0';
    return secret_set(&start, "AWS4", err) &&
           secret_append(&start, secret_reveal(secret), secret->len, err) &&
           hmac(start.bytes, start.len, day, key, err) &&
           hmac(key, DIGEST_LEN, params->region, key, err) &&
           hmac(key, DIGEST_LEN, params->service, key, err) &&
           hmac(key, DIGEST_LEN, "aws4_request", key, err);
}

bool sigv4_signature(const struct sigv4_params *params, const char *string_to_sign,
                     char hex[SIGV4_HEX_MAX], struct err *err)
{
    unsigned char key[DIGEST_LEN];
    unsigned char digest[DIGEST_LEN];
    bool ok = signing_key(params, key, err) && hmac(key, DIGEST_LEN, string_to_sign, digest, err);

    secret_wipe(key, sizeof(key));
    if (ok) {
        to_hex(digest, hex);
    }
    secret_wipe(digest, sizeof(digest));
    return ok;
}

/* All three stages. */
static bool sign(const struct sigv4_request *request, const struct sigv4_params *params,
                 struct buf *signed_headers, char hex[SIGV4_HEX_MAX], struct err *err)
{
    CLEANUP(text_free) struct buf canonical = {0};
    CLEANUP(buf_free) struct buf to_sign = {0};

    text_open(&canonical, 3 * text_max(request, params));
    buf_init(&to_sign, text_max(request, params));
    return sigv4_canonical_request(request, params, &canonical, signed_headers, err) &&
           sigv4_string_to_sign(params, buf_str(&canonical), &to_sign, err) &&
           sigv4_signature(params, buf_str(&to_sign), hex, err);
}

static bool set_authorization(struct secret *out, const struct sigv4_params *params,
                              const char *signed_headers, const char *hex, struct err *err)
{
    CLEANUP(text_free) struct buf line = {0};

    text_open(&line, 256 + strlen(params->credentials->access_key_id) + strlen(params->region) +
                         strlen(params->service) + strlen(signed_headers));
    buf_printf(&line, ALGORITHM " Credential=%s/", params->credentials->access_key_id);
    put_scope(&line, params);
    buf_printf(&line, ", SignedHeaders=%s, Signature=%s", signed_headers, hex);
    return buf_ok(&line, err) && secret_set_bytes(out, buf_str(&line), line.len, err);
}

static bool fill_headers(const struct sigv4_request *request, const struct sigv4_params *params,
                         struct sigv4_headers *out, struct err *err)
{
    const struct secret *token = &params->credentials->session_token;
    char hex[SIGV4_HEX_MAX];
    CLEANUP(buf_free) struct buf names = {0};

    buf_init(&names, text_max(request, params));
    date_basic(params->now_s, out->date);
    if (params->body_header && !hash_text(request->body, request->body_len, out->body_hash, err)) {
        return false;
    }
    bool ok = sign(request, params, &names, hex, err) &&
              set_authorization(&out->authorization, params, buf_str(&names), hex, err) &&
              secret_set_bytes(&out->session_token, secret_reveal(token), token->len, err);
    secret_wipe(hex, sizeof(hex));
    return ok;
}

bool sigv4_sign(const struct sigv4_request *request, const struct sigv4_params *params,
                struct sigv4_headers *out, struct err *err)
{
    struct sigv4_params by_headers = *params;
    struct sigv4_headers fresh = {0};

    by_headers.how = SIGV4_HEADERS;
    if (!fill_headers(request, &by_headers, &fresh, err)) {
        sigv4_headers_free(&fresh);
        return false;
    }
    *out = fresh;
    return true;
}

void sigv4_headers_free(struct sigv4_headers *h)
{
    if (h == NULL) {
        return;
    }
    secret_free(&h->authorization);
    secret_free(&h->session_token);
    *h = (struct sigv4_headers){0};
}

bool sigv4_presign(const struct sigv4_request *request, const struct sigv4_params *params,
                   struct secret *query, struct err *err)
{
    struct sigv4_params by_query = *params;
    char hex[SIGV4_HEX_MAX];
    CLEANUP(buf_free) struct buf names = {0};
    CLEANUP(text_free) struct buf out = {0};

    by_query.how = SIGV4_QUERY;
    buf_init(&names, text_max(request, params));
    text_open(&out, text_max(request, params));
    bool ok = sign(request, &by_query, &names, hex, err) &&
              put_query(&out, request, &by_query, buf_str(&names), err);
    if (ok && has_token(params)) {
        put_token(&out, params);
    }
    if (ok) {
        put_param(&out, "X-Amz-Signature", hex);
    }
    secret_wipe(hex, sizeof(hex));
    return ok && buf_ok(&out, err) && secret_set_bytes(query, buf_str(&out), out.len, err);
}

/* The library's memory functions also say where they are called from. */
static void *take(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size == 0 ? NULL : malloc(size);
}

static void *retake(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size == 0) {
        wipe_free(memory);
        return NULL;
    }
    return wipe_realloc(memory, size);
}

static void give_back(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    wipe_free(memory);
}

void sigv4_wipe_memory(void)
{
    /* It is refused once the library has allocated: then this process does not wipe there. */
    (void)CRYPTO_set_mem_functions(take, retake, give_back);
}
