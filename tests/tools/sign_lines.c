/*
 * sign_lines: one JSON object a line in, one a line out, for a comparison with other signers.
 *
 *   {"how": "header", "method": "GET", "path": "/", "query": "a=b", "body": "",
 *    "headers": [["Host", "example.com"]], "path_how": "normalised", "body_header": false,
 *    "region": ..., "service": ..., "now": 1440938160, "expires": 60,
 *    "access_key_id": ..., "secret_access_key": ..., "session_token": null}
 *
 * how: header, query. path_how: normalised, kept, raw. The answer has "canonical", "to_sign",
 * "signature" and the "authorization" or the "query". A line that cannot be signed ends the program
 * with status 1.
 */
#include "aws/sigv4.h"
#include "base/cleanup.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 262144
#define TEXT_MAX       1000000
#define HEADERS_MAX    64

struct job {
    struct http_header headers[HEADERS_MAX];
    struct sigv4_request request;
    struct sigv4_params params;
    struct aws_credentials keys;
};

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value == NULL ? "" : value;
}

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static bool read_request(const json_t *in, struct job *job)
{
    const json_t *headers = json_object_get(in, "headers");
    size_t count = json_array_size(headers);

    for (size_t i = 0; i < count && i < HEADERS_MAX; i++) {
        const json_t *pair = json_array_get(headers, i);
        job->headers[i].name = json_string_value(json_array_get(pair, 0));
        job->headers[i].value = json_string_value(json_array_get(pair, 1));
        if (job->headers[i].name == NULL || job->headers[i].value == NULL) {
            return false;
        }
    }
    job->request = (struct sigv4_request){.method = text(in, "method"),
                                          .path = text(in, "path"),
                                          .query = text(in, "query"),
                                          .headers = job->headers,
                                          .header_count = count,
                                          .body = text(in, "body"),
                                          .body_len = strlen(text(in, "body"))};
    return count <= HEADERS_MAX;
}

static bool read_job(const json_t *in, struct job *job, struct err *err)
{
    job->params = (struct sigv4_params){
        .how = strcmp(text(in, "how"), "query") == 0 ? SIGV4_QUERY : SIGV4_HEADERS,
        .credentials = &job->keys,
        .region = text(in, "region"),
        .service = text(in, "service"),
        .now_s = number(in, "now"),
        .raw_path = strcmp(text(in, "path_how"), "raw") == 0,
        .keep_path = strcmp(text(in, "path_how"), "kept") == 0,
        .body_header = json_is_true(json_object_get(in, "body_header")),
        .expires_s = (unsigned)number(in, "expires")};
    return read_request(in, job) &&
           aws_credentials_set(&job->keys, "the line", text(in, "access_key_id"),
                               text(in, "secret_access_key"), text(in, "session_token"), err);
}

static bool sign(const struct job *job, struct secret *out, struct err *err)
{
    struct sigv4_headers headers = {0};

    if (job->params.how == SIGV4_QUERY) {
        return sigv4_presign(&job->request, &job->params, out, err);
    }
    if (!sigv4_sign(&job->request, &job->params, &headers, err)) {
        return false;
    }
    bool ok = secret_set(out, secret_reveal(&headers.authorization), err);
    sigv4_headers_free(&headers);
    return ok;
}

static bool answer(const struct job *job, struct err *err)
{
    CLEANUP(buf_free) struct buf canonical = {.max_bytes = TEXT_MAX};
    CLEANUP(buf_free) struct buf names = {.max_bytes = TEXT_MAX};
    CLEANUP(buf_free) struct buf to_sign = {.max_bytes = TEXT_MAX};
    CLEANUP(secret_free) struct secret whole = {0};
    char hex[SIGV4_HEX_MAX];

    if (!sigv4_canonical_request(&job->request, &job->params, &canonical, &names, err) ||
        !sigv4_string_to_sign(&job->params, buf_str(&canonical), &to_sign, err) ||
        !sigv4_signature(&job->params, buf_str(&to_sign), hex, err) || !sign(job, &whole, err)) {
        return false;
    }
    const char *key = job->params.how == SIGV4_QUERY ? "query" : "authorization";
    json_t *out = json_pack("{s:s,s:s,s:s,s:s}", "canonical", buf_str(&canonical), "to_sign",
                            buf_str(&to_sign), "signature", hex, key, secret_reveal(&whole));
    int failed = out == NULL || json_dumpf(out, stdout, 0) != 0 || putchar('\n') == EOF;
    json_decref(out);
    return failed == 0;
}

static bool work(const char *line)
{
    struct err err = {0};
    struct job job = {0};
    json_t *in = json_loads(line, 0, NULL);
    bool ok = json_is_object(in) && read_job(in, &job, &err) && answer(&job, &err);

    if (!ok) {
        (void)printf("error: %s\n", err.msg);
    }
    aws_credentials_free(&job.keys);
    json_decref(in);
    return ok;
}

int main(void)
{
    static char line[LINE_MAX_BYTES];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (!work(line)) {
            return 1;
        }
    }
    return ferror(stdin) != 0 || fflush(stdout) != 0;
}
