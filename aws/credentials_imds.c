#include "aws/credentials_imds.h"

#include "aws/credentials_json.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WHERE         "the instance's metadata service"
#define TOKEN_PATH    "/latest/api/token"
#define ROLE_PATH     "/latest/meta-data/iam/security-credentials/"
#define TOKEN_TTL_S   "21600"
#define TOKEN_LEN_MAX 1024
#define ROLE_LEN_MAX  128 /* a role's name has at most 64 characters */
#define TIMEOUT_S_MAX 60
#define ATTEMPTS_MAX  10
#define MS_PER_S      1000

/* One conversation: the settings, and the token of the session with the service. */
struct imds {
    const struct aws_session *session;
    uint64_t timeout_s;
    uint64_t attempts;
    struct secret token;
};

static void imds_end(struct imds *imds)
{
    secret_free(&imds->token);
}

/* ---- settings ---- */

/* By variable, else by the profile; NULL when neither says. */
static const char *setting(const struct aws_session *session, const char *variable, const char *key)
{
    const char *value = aws_variable(session->platform, variable);
    const struct profile_section *profile = aws_settings_profile(&session->settings);

    if (value == NULL && profile != NULL) {
        value = profile_value(profile, key);
    }
    return value == NULL || value[0] == '\0' ? NULL : value;
}

static bool number(const struct aws_session *session, const char *variable, const char *key,
                   uint64_t max, uint64_t *out, struct err *err)
{
    const char *value = setting(session, variable, key);

    *out = 1;
    return value == NULL || parse_count(value, variable, 1, max, out, err);
}

static bool imds_begin(const struct aws_session *session, struct imds *imds, struct err *err)
{
    imds->session = session;
    return number(session, "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout",
                  TIMEOUT_S_MAX, &imds->timeout_s, err) &&
           number(session, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts",
                  ATTEMPTS_MAX, &imds->attempts, err);
}

static bool base_by_mode(const struct aws_session *session, const char **base, struct err *err)
{
    const char *mode = setting(session, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
                               "ec2_metadata_service_endpoint_mode");

    if (mode == NULL || strcasecmp(mode, "IPv4") == 0) {
        *base = "http://169.254.169.254";
        return true;
    }
    if (strcasecmp(mode, "IPv6") == 0) {
        *base = "http://[fd00:ec2::254]";
        return true;
    }
    return err_set(err, ERR_USAGE,
                   "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE (ec2_metadata_service_endpoint_mode) is "
                   "IPv4 or IPv6, not \"%.60s\"",
                   mode);
}

bool credentials_imds_url(const struct aws_session *session, const char *path,
                          char url[HTTP_URL_MAX], struct err *err)
{
    struct http_url parts;
    const char *base =
        setting(session, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");

    if (base == NULL && !base_by_mode(session, &base, err)) {
        return false;
    }
    if (!http_url_split(base, &parts, err)) {
        return err_wrap(err, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    }
    size_t len = strlen(base);
    while (base[len - 1] == '/') {
        len--;
    }
    int written = snprintf(url, HTTP_URL_MAX, "%.*s%s", (int)len, base, path);
    if (written >= HTTP_URL_MAX || parts.query[0] != '\0') {
        return err_set(err, ERR_USAGE,
                       "AWS_EC2_METADATA_SERVICE_ENDPOINT is not a base URL, as in "
                       "http://169.254.169.254");
    }
    return true;
}

/* ---- one request ---- */

static bool send_once(const struct imds *imds, const struct http_request *request,
                      struct http_reply *reply, struct err *err)
{
    const struct aws_platform *p = imds->session->platform;

    if (!p->send(p->arg, request, reply, err)) {
        return err_wrap(err, WHERE);
    }
    if (reply->status < 500) {
        return true;
    }
    secret_free(&reply->body); /* the status stays: somebody has answered */
    return err_set(err, ERR_TRANSIENT, WHERE ": HTTP %d", reply->status);
}

static bool send_request(const struct imds *imds, const char *method, const char *path,
                         const struct http_header *header, struct http_reply *reply,
                         struct err *err)
{
    char url[HTTP_URL_MAX];
    struct err why = {0};
    unsigned timeout_ms = (unsigned)imds->timeout_s * MS_PER_S;

    if (!credentials_imds_url(imds->session, path, url, err)) {
        return false;
    }
    const struct http_request request = {
        .method = method,
        .url = url,
        .headers = header,
        .header_count = 1,
        .connect_timeout_ms = timeout_ms,
        .timeout_ms = timeout_ms,
        .reply_bytes_max = CREDENTIALS_JSON_MAX,
        .no_proxy = true,
        .wake_fd = -1,
    };
    for (uint64_t attempt = 1; !send_once(imds, &request, reply, &why); attempt++) {
        if (why.kind != ERR_TRANSIENT || attempt >= imds->attempts) {
            *err = why;
            return false;
        }
    }
    return true;
}

/* ---- the token ---- */

static bool is_token(const struct secret *text)
{
    if (text->len == 0 || text->len > TOKEN_LEN_MAX) {
        return false;
    }
    for (size_t i = 0; i < text->len; i++) {
        if (text->bytes[i] < '!' || text->bytes[i] > '~') {
            return false;
        }
    }
    return true;
}

/* Anything but 200 means that version 2 is not to be had; version 1 is not asked, because whoever
 * can make a server fetch a URL can then read the credentials. */
static bool take_token(struct imds *imds, const struct http_reply *reply,
                       struct credentials_answer *answer, struct err *err)
{
    if (reply->status == 403) {
        return credentials_missing(
            answer, "HTTP 403: the metadata service is turned off for this instance");
    }
    if (reply->status != 200) {
        return credentials_missing(answer,
                                   "HTTP %d to the request for an IMDSv2 token, and IMDSv1 is not "
                                   "used: allow version 2 on the instance",
                                   reply->status);
    }
    if (!is_token(&reply->body)) {
        return err_set(err, ERR_TRANSIENT, WHERE ": what it sent as a token is none");
    }
    answer->found = true;
    return secret_set_bytes(&imds->token, reply->body.bytes, reply->body.len, err);
}

static bool get_token(struct imds *imds, struct credentials_answer *answer, struct err *err)
{
    CLEANUP(http_reply_free) struct http_reply reply = {0};
    const struct http_header ttl = {"x-aws-ec2-metadata-token-ttl-seconds", TOKEN_TTL_S};
    struct err why = {0};

    if (send_request(imds, "PUT", TOKEN_PATH, &ttl, &reply, &why)) {
        return take_token(imds, &reply, answer, err);
    }
    if (why.kind == ERR_TRANSIENT && reply.status == 0) {
        return credentials_missing(answer,
                                   "not reached within %u s: this is no EC2 instance, or a "
                                   "container on one whose hop limit is 1",
                                   (unsigned)imds->timeout_s);
    }
    *err = why;
    return false;
}

/* ---- what is asked with it ---- */

static bool get_with_token(const struct imds *imds, const char *path, struct http_reply *reply,
                           struct err *err)
{
    const struct http_header token = {"x-aws-ec2-metadata-token", secret_reveal(&imds->token)};

    return send_request(imds, "GET", path, &token, reply, err);
}

/* A token that is not known (any more) is replaced once. */
static bool get(struct imds *imds, const char *path, struct http_reply *reply, struct err *err)
{
    struct credentials_answer answer = {0};

    if (!get_with_token(imds, path, reply, err)) {
        return false;
    }
    if (reply->status != 401) {
        return true;
    }
    http_reply_free(reply);
    *reply = (struct http_reply){0};
    if (!get_token(imds, &answer, err)) {
        return false;
    }
    if (!answer.found) {
        return err_set(err, ERR_TRANSIENT, WHERE ": %s", answer.missing);
    }
    return get_with_token(imds, path, reply, err);
}

static bool no_role(const struct http_reply *reply, struct credentials_answer *answer,
                    struct err *err)
{
    if (reply->status == 404) {
        return credentials_missing(answer, "no role is attached to this instance");
    }
    return err_set(err, reply->status == 401 ? ERR_AUTH : ERR_TRANSIENT,
                   WHERE ": HTTP %d to the request for the role's credentials", reply->status);
}

/* The first line of the list; it becomes a part of a URL. */
static bool take_role(const struct secret *body, char role[ROLE_LEN_MAX], struct err *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "_+=,.@-";
    const char *text = secret_reveal(body);
    size_t len = strcspn(text, "\r\n");

    if (len == 0 || len >= ROLE_LEN_MAX || strspn(text, allowed) < len) {
        return err_set(err, ERR_TRANSIENT, WHERE ": what it sent as the name of a role is none");
    }
    memcpy(role, text, len);
    role[len] = '\0';
    return true;
}

static bool get_role(struct imds *imds, char role[ROLE_LEN_MAX], struct credentials_answer *answer,
                     struct err *err)
{
    CLEANUP(http_reply_free) struct http_reply reply = {0};

    if (!get(imds, ROLE_PATH, &reply, err)) {
        return false;
    }
    if (reply.status != 200) {
        return no_role(&reply, answer, err);
    }
    return take_role(&reply.body, role, err);
}

static bool get_credentials(struct imds *imds, const char *role, struct aws_credentials *out,
                            struct credentials_answer *answer, struct err *err)
{
    CLEANUP(http_reply_free) struct http_reply reply = {0};
    char path[sizeof(ROLE_PATH) + ROLE_LEN_MAX];

    (void)snprintf(path, sizeof(path), ROLE_PATH "%s", role);
    if (!get(imds, path, &reply, err)) {
        return false;
    }
    if (reply.status != 200) {
        return no_role(&reply, answer, err);
    }
    if (!credentials_json_read(WHERE, secret_reveal(&reply.body), reply.body.len, out, err)) {
        return false;
    }
    (void)snprintf(out->identity, sizeof(out->identity), "the instance's role %s", role);
    return true;
}

static bool ask(struct imds *imds, struct aws_credentials *out, struct credentials_answer *answer,
                struct err *err)
{
    char role[ROLE_LEN_MAX];

    return get_token(imds, answer, err) && (!answer->found || get_role(imds, role, answer, err)) &&
           (!answer->found || get_credentials(imds, role, out, answer, err));
}

bool credentials_imds(const struct aws_session *session, struct aws_credentials *out,
                      struct credentials_answer *answer, struct err *err)
{
    CLEANUP(imds_end) struct imds imds = {0};

    if (session->settings.imds_disabled) {
        return credentials_missing(answer, "turned off by AWS_EC2_METADATA_DISABLED");
    }
    return imds_begin(session, &imds, err) && ask(&imds, out, answer, err);
}
