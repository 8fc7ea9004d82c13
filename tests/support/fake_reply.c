#include "tests/support/fake_reply.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Where the value of a header starts in "Name: value\n" lines; NULL when it is not there. */
static const char *header_value(const char *headers, const char *name, size_t name_len)
{
    for (const char *line = headers; line != NULL && *line != '\0';) {
        if (strncasecmp(line, name, name_len) == 0 && line[name_len] == ':') {
            const char *value = line + name_len + 1;
            return value + strspn(value, " ");
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return NULL;
}

static bool copy_header(const char *headers, const char *name, char *out, size_t size)
{
    const char *value = header_value(headers, name, strlen(name));
    if (value == NULL) {
        return false;
    }
    (void)snprintf(out, size, "%.*s", (int)strcspn(value, "\r\n"), value);
    return true;
}

static bool header_matches(const char *headers, const char *wanted)
{
    if (wanted[0] == '!') {
        return header_value(headers, wanted + 1, strlen(wanted + 1)) == NULL;
    }
    size_t name_len = strcspn(wanted, ":");
    const char *value = header_value(headers, wanted, name_len);
    if (value == NULL) {
        return false;
    }
    const char *rest = wanted + name_len + (wanted[name_len] == ':' ? 1 : 0);
    rest += strspn(rest, " ");
    size_t len = strcspn(value, "\r\n");
    return *rest == '\0' || (strlen(rest) == len && strncmp(value, rest, len) == 0);
}

const char *fake_reply_mismatch(const struct fake_reply *reply, const struct fake_request *request,
                                const char **wanted)
{
    *wanted = reply->method;
    if (reply->method != NULL && strcmp(reply->method, request->method) != 0) {
        return "wanted the method";
    }
    *wanted = reply->url;
    if (reply->url != NULL && strcmp(reply->url, request->url) != 0) {
        return "wanted the URL";
    }
    *wanted = reply->header;
    if (reply->header != NULL && !header_matches(request->headers, reply->header)) {
        return "wanted the header";
    }
    *wanted = reply->body_has;
    if (reply->body_has != NULL && strstr(request->body, reply->body_has) == NULL) {
        return "wanted in the body";
    }
    return NULL;
}

bool fake_reply_answer(const struct fake_reply *reply, size_t bytes_max, struct http_reply *out,
                       struct err *err)
{
    const char *body = reply->body == NULL ? "" : reply->body;
    struct http_reply fresh = {.status = reply->status == 0 ? 200 : reply->status};

    if (reply->fails != ERR_NONE) {
        return err_set(err, reply->fails, "the fake network fails");
    }
    if (reply->body_len > (bytes_max == 0 ? HTTP_REPLY_MAX : bytes_max)) {
        return err_set(err, ERR_DATA, "the reply is larger than %zu bytes", bytes_max);
    }
    if (!secret_set_bytes(&fresh.body, body, reply->body_len, err)) {
        return false;
    }
    (void)copy_header(reply->headers, "Date", fresh.date, sizeof fresh.date);
    (void)copy_header(reply->headers, "Content-Type", fresh.content_type,
                      sizeof fresh.content_type);
    (void)copy_header(reply->headers, "x-amzn-errortype", fresh.error_type,
                      sizeof fresh.error_type);
    if (!copy_header(reply->headers, "x-amzn-requestid", fresh.request_id,
                     sizeof fresh.request_id)) {
        (void)copy_header(reply->headers, "x-amz-request-id", fresh.request_id,
                          sizeof fresh.request_id);
    }
    *out = fresh;
    return true;
}

bool fake_request_header(const struct fake_request *r, const char *name, char *out, size_t size)
{
    return copy_header(r->headers, name, out, size);
}
