#include "aws/rds_token.h"

#include "aws/arn.h"
#include "aws/sigv4.h"
#include "aws/uri.h"
#include "base/buf.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

#define HOST_MAX   255
#define USER_MAX   255
#define PORT_HTTPS 443
#define LETTERS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS     "0123456789"

static bool is_host(const char *host)
{
    size_t len = strlen(host);

    if (len == 0 || len > HOST_MAX) {
        return false;
    }
    if (host[0] == '[') {
        return len > 2 && host[len - 1] == ']' &&
               strspn(host + 1, DIGITS "abcdefABCDEF:.") == len - 2;
    }
    return strspn(host, LETTERS DIGITS "-._") == len;
}

/* How many bytes of UTF-8 follow a first byte; -1 when none can start with it. */
static int bytes_after(unsigned char first)
{
    if (first < 0x80) {
        return 0;
    }
    if (first < 0xC2) {
        return -1;
    }
    if (first < 0xE0) {
        return 1;
    }
    return first < 0xF0 ? 2 : first < 0xF5 ? 3 : -1;
}

/* Is the second byte one that the first allows: no character in more bytes than it needs, no
 * surrogate, none past U+10FFFF? */
static bool fits_first(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xE0:
        return second >= 0xA0;
    case 0xED:
        return second < 0xA0;
    case 0xF0:
        return second >= 0x90;
    case 0xF4:
        return second < 0x90;
    default:
        return true;
    }
}

/* The length of the character at text, 0 when there is none. */
static size_t character_len(const unsigned char *text)
{
    int after = bytes_after(text[0]);

    if (after < 0 || text[0] < ' ' || text[0] == 0x7F || !fits_first(text[0], text[1])) {
        return 0;
    }
    for (int i = 1; i <= after; i++) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return (size_t)after + 1;
}

static bool is_user(const char *user)
{
    const unsigned char *at = (const unsigned char *)user;

    if (user[0] == '\0' || strlen(user) > USER_MAX) {
        return false;
    }
    while (*at != '\0') {
        size_t len = character_len(at);
        if (len == 0) {
            return false;
        }
        at += len;
    }
    return true;
}

static bool check(const struct aws_credentials *credentials, const struct rds_token_params *params,
                  struct err *err)
{
    if (params->host == NULL || !is_host(params->host)) {
        return err_set(err, ERR_USAGE,
                       "an IAM login needs a host name, without a port; \"%.80s\" is "
                       "none",
                       params->host == NULL ? "" : params->host);
    }
    if (params->port == 0) {
        return err_set(err, ERR_USAGE, "an IAM login needs a port between 1 and 65535");
    }
    if (params->region == NULL || !aws_is_region(params->region)) {
        return err_set(err, ERR_USAGE, "an IAM login needs a Region like us-east-1");
    }
    if (params->user == NULL || !is_user(params->user)) {
        return err_set(err, ERR_USAGE,
                       "an IAM login needs a user name of at most %d bytes of UTF-8", USER_MAX);
    }
    if (credentials->expires_s != 0 && credentials->expires_s <= params->now_s) {
        return err_set(err, ERR_AUTH, "the AWS credentials of %s have expired",
                       credentials->identity);
    }
    return true;
}

/* The Host header that a browser would send. */
static void host_header(const struct rds_token_params *params, char *out, size_t size)
{
    int len = params->port == PORT_HTTPS
                  ? snprintf(out, size, "%s", params->host)
                  : snprintf(out, size, "%s:%u", params->host, (unsigned)params->port);

    for (int i = 0; i < len && (size_t)i < size; i++) {
        if (out[i] >= 'A' && out[i] <= 'Z') {
            out[i] = (char)(out[i] - 'A' + 'a');
        }
    }
}

static bool presign(const struct aws_credentials *credentials,
                    const struct rds_token_params *params, const char *query, struct secret *out,
                    struct err *err)
{
    char host[HOST_MAX + sizeof(":65535")];
    const struct http_header header = {"Host", host};
    const struct sigv4_request request = {
        .method = "GET", .path = "/", .query = query, .headers = &header, .header_count = 1};
    const struct sigv4_params how = {.how = SIGV4_QUERY,
                                     .credentials = credentials,
                                     .region = params->region,
                                     .service = "rds-db",
                                     .now_s = params->now_s,
                                     .expires_s = RDS_TOKEN_LIFETIME_S};

    host_header(params, host, sizeof(host));
    return sigv4_presign(&request, &how, out, err);
}

bool rds_token_make(const struct aws_credentials *credentials,
                    const struct rds_token_params *params, struct secret *token, struct err *err)
{
    char start[HOST_MAX + sizeof(":65535/?")];
    CLEANUP(buf_free) struct buf query = {0};
    CLEANUP(secret_free) struct secret signed_query = {0};
    struct secret fresh = {0};

    if (!check(credentials, params, err)) {
        return false;
    }
    buf_init(&query, sizeof("Action=connect&DBUser=") + (size_t)3 * USER_MAX);
    buf_puts(&query, "Action=connect&DBUser=");
    uri_encode(&query, params->user, strlen(params->user), URI_ENCODE_SLASH);
    (void)snprintf(start, sizeof(start), "%s:%u/?", params->host, (unsigned)params->port);
    if (!buf_ok(&query, err) ||
        !presign(credentials, params, buf_str(&query), &signed_query, err) ||
        !secret_set(&fresh, start, err)) {
        return false;
    }
    if (!secret_append(&fresh, signed_query.bytes, signed_query.len, err)) {
        secret_free(&fresh);
        return false;
    }
    secret_free(token);
    *token = fresh;
    return true;
}
