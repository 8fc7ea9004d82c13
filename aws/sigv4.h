/*
 * sigv4.h: AWS Signature Version 4, header signing and query presigning, in three pure stages:
 * canonical request, string to sign, signature. Source: "AWS Signature Version 4 for API requests"
 * (AWS IAM user guide). Touches neither the network nor a clock. Thread-safe.
 *
 * Why not libcurl's own signer: docs/decisions/.
 */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include "aws/credentials.h"
#include "aws/http.h"
#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

#define SIGV4_HEX_MAX  65 /* a SHA-256 in hex and its NUL */
#define SIGV4_DATE_MAX 17 /* 20150830T123600Z and its NUL */

enum sigv4_how { SIGV4_HEADERS, SIGV4_QUERY };

/* What is to be signed, as it will go over the wire. */
struct sigv4_request {
    const char *method;
    const char *path;  /* as sent, "/" at least */
    const char *query; /* as sent, without "?"; "" if none */
    /* Host must be among them. Not among them: Authorization, X-Amz-Date, X-Amz-Security-Token and
     * X-Amz-Content-Sha256: those are ours to add. Names in any case; the same name may repeat. */
    const struct http_header *headers;
    size_t header_count;
    const char *body; /* NULL: none */
    size_t body_len;
};

struct sigv4_params {
    enum sigv4_how how;
    const struct aws_credentials *credentials;
    const char *region;
    const char *service; /* the signing name: "kms", "rds-db", "secretsmanager" */
    int64_t now_s;       /* Unix time, as the service sees it */
    bool raw_path;    /* true: path is neither normalised nor encoded a second time, as S3 wants */
    bool keep_path;   /* true: dot segments and double slashes stay, the rest is encoded again */
    bool body_header; /* adds X-Amz-Content-Sha256 (headers only) */
    bool token_unsigned; /* the session token is added after signing and is not covered */
    unsigned expires_s;  /* query only: X-Amz-Expires */
};

/* Stage 1. *signed_headers: "host;x-amz-date". Both buffers are appended to. In SIGV4_QUERY the
 * X-Amz-* parameters are part of the canonical query. Headers that change on the way are not
 * signed: Connection, Expect, Transfer-Encoding, Upgrade, User-Agent, X-Amzn-Trace-Id. ERR_USAGE
 * when host is missing or a header of ours is there; ERR_SYSTEM without memory. */
bool sigv4_canonical_request(const struct sigv4_request *request, const struct sigv4_params *params,
                             struct buf *canonical, struct buf *signed_headers,
                             struct err *err) MUST_CHECK;

/* Stage 2, from stage 1's text. */
bool sigv4_string_to_sign(const struct sigv4_params *params, const char *canonical, struct buf *out,
                          struct err *err) MUST_CHECK;

/* Stage 3, from stage 2's text. The signing key is wiped. */
bool sigv4_signature(const struct sigv4_params *params, const char *string_to_sign,
                     char hex[SIGV4_HEX_MAX], struct err *err) MUST_CHECK;

/* The headers to add to a request signed by headers; wiped by sigv4_headers_free. */
struct sigv4_headers {
    char date[SIGV4_DATE_MAX];     /* X-Amz-Date */
    char body_hash[SIGV4_HEX_MAX]; /* X-Amz-Content-Sha256; "" unless body_header */
    struct secret authorization;   /* Authorization */
    struct secret session_token;   /* X-Amz-Security-Token; not set without one */
};
/* how is taken as SIGV4_HEADERS here and as SIGV4_QUERY in sigv4_presign. *out need not be empty
 * before; nothing in it is freed. */
bool sigv4_sign(const struct sigv4_request *request, const struct sigv4_params *params,
                struct sigv4_headers *out, struct err *err) MUST_CHECK;
void sigv4_headers_free(struct sigv4_headers *h);

/* The whole query, the request's own parameters first and as they are, without "?". */
bool sigv4_presign(const struct sigv4_request *request, const struct sigv4_params *params,
                   struct secret *query, struct err *err) MUST_CHECK;

/* SHA-256 in lower-case hex, by the library behind this door; "" when that is without memory. */
void sigv4_sha256(const void *bytes, size_t len, char hex[SIGV4_HEX_MAX]);

/* Has the library behind this door wipe what it frees. Before anything else uses it. */
void sigv4_wipe_memory(void);

#endif
