#include "aws/credentials_container.h"

#include "aws/conceal.h"
#include "aws/credentials_json.h"
#include "base/cleanup.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define RELATIVE_URI "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL_URI     "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN        "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE   TOKEN "_FILE"
#define AGENT        "http://169.254.170.2"

#define WHERE           "the container's agent"
#define TOKEN_BYTES_MAX 16384
#define TIMEOUT_MS      2000
#define ATTEMPTS        3
#define PAUSE_MS        1000

/* ---- where ---- */

static bool is_address(int family, const char *text, const char *wanted)
{
    unsigned char got[sizeof(struct in6_addr)] = {0};
    unsigned char want[sizeof(struct in6_addr)] = {0};

    return inet_pton(family, text, got) == 1 && inet_pton(family, wanted, want) == 1 &&
           memcmp(got, want, sizeof(got)) == 0;
}

static bool is_loopback4(const char *host)
{
    unsigned char address[sizeof(struct in_addr)];

    return inet_pton(AF_INET, host, address) == 1 && address[0] == 127;
}

/* "[::1]" without its brackets; false when it has none. */
static bool unbracket(const char *host, char out[INET6_ADDRSTRLEN])
{
    size_t len = strlen(host);

    if (len < 2 || host[0] != '[' || host[len - 1] != ']' || len - 2 >= INET6_ADDRSTRLEN) {
        return false;
    }
    memcpy(out, host + 1, len - 2);
    out[len - 2] = '\0';
    return true;
}

static bool may_ask_in_clear(const char *host)
{
    char bare[INET6_ADDRSTRLEN];

    if (unbracket(host, bare)) {
        return is_address(AF_INET6, bare, "::1") || is_address(AF_INET6, bare, "fd00:ec2::23");
    }
    return strcasecmp(host, "localhost") == 0 || is_loopback4(host) ||
           is_address(AF_INET, host, "169.254.170.2") ||
           is_address(AF_INET, host, "169.254.170.23");
}

static bool check_full(const char *uri, struct err *err)
{
    struct http_url url;

    if (!http_url_split(uri, &url, err)) {
        return err_wrap(err, FULL_URI);
    }
    if (strcmp(url.scheme, "https") != 0 && !may_ask_in_clear(url.host)) {
        return err_set(err, ERR_USAGE,
                       FULL_URI ": the host %s may only be asked over https; http is for this "
                                "machine, 169.254.170.2, 169.254.170.23 and [fd00:ec2::23]",
                       url.host);
    }
    return true;
}

static bool check_relative(const char *uri, struct err *err)
{
    struct http_url url;
    char whole[HTTP_URL_MAX];

    if (uri[0] != '/' || strlen(uri) >= sizeof(whole) - sizeof(AGENT)) {
        return err_set(err, ERR_USAGE, RELATIVE_URI " is not a path that begins with a slash");
    }
    (void)snprintf(whole, sizeof(whole), AGENT "%s", uri);
    return http_url_split(whole, &url, err) || err_wrap(err, RELATIVE_URI);
}

bool credentials_container_url(const struct aws_session *session, char url[HTTP_URL_MAX],
                               bool *found, struct err *err)
{
    const char *relative = aws_variable(session->platform, RELATIVE_URI);
    const char *full = aws_variable(session->platform, FULL_URI);

    if (relative != NULL) {
        if (!check_relative(relative, err)) {
            return false;
        }
        (void)snprintf(url, HTTP_URL_MAX, AGENT "%s", relative);
    } else if (full != NULL) {
        if (!check_full(full, err)) {
            return false;
        }
        (void)snprintf(url, HTTP_URL_MAX, "%s", full);
    }
    *found = relative != NULL || full != NULL;
    return true;
}

/* ---- the token ---- */

static bool read_token_file(const struct aws_platform *p, const char *path, struct secret *token,
                            struct err *err)
{
    CLEANUP(secret_free) struct secret text = {0};
    bool found = false;

    if (!p->read_file(p->arg, path, TOKEN_BYTES_MAX, &text, &found, err)) {
        return err_wrap(err, TOKEN_FILE);
    }
    if (!found) {
        return err_set(err, ERR_USAGE, TOKEN_FILE ": the file %s does not exist", path);
    }
    return secret_set_bytes(token, secret_reveal(&text), text.len, err);
}

/* It becomes a header, where a line end would begin another one. */
static bool check_token(const struct secret *token, const char *where, struct err *err)
{
    for (size_t i = 0; i < token->len; i++) {
        unsigned char c = (unsigned char)token->bytes[i];
        if (c < ' ' || c == 0x7F) {
            return err_set(err, ERR_USAGE,
                           "%s: the token has a line end or another control character in it",
                           where);
        }
    }
    return true;
}

/* Not set when no variable asks for one. */
static bool read_token(const struct aws_platform *p, struct secret *token, struct err *err)
{
    CLEANUP(secret_free) struct secret fresh = {0};
    const char *path = aws_variable(p, TOKEN_FILE);

    if (path != NULL ? !read_token_file(p, path, &fresh, err)
                     : !secret_set(&fresh, aws_variable(p, TOKEN), err)) {
        return false;
    }
    if (path != NULL && !secret_is_set(&fresh)) {
        return err_set(err, ERR_USAGE, TOKEN_FILE ": the file %s is empty", path);
    }
    if (!check_token(&fresh, path != NULL ? TOKEN_FILE : TOKEN, err)) {
        return false;
    }
    *token = fresh;
    fresh = (struct secret){0};
    return true;
}

/* ---- the call ---- */

static bool read_refusal(const struct http_reply *reply, const struct secret *token,
                         struct err *err)
{
    char said[CREDENTIALS_JSON_ERROR_MAX];
    bool later = reply->status == 429 || reply->status >= 500;

    credentials_json_error(secret_reveal(&reply->body), reply->body.len, said);
    if (conceal_found(said, token)) {
        secret_wipe(said, sizeof(said));
    }
    return err_set(err, later ? ERR_TRANSIENT : ERR_AUTH, WHERE " answered HTTP %d%s%s",
                   reply->status, said[0] == '\0' ? "" : ", ", said);
}

static bool ask_once(const struct aws_session *session, const struct http_request *request,
                     const struct secret *token, struct aws_credentials *out, struct err *err)
{
    CLEANUP(http_reply_free) struct http_reply reply = {0};
    const struct aws_platform *p = session->platform;

    if (!p->send(p->arg, request, &reply, err)) {
        return err_wrap(err, WHERE);
    }
    if (reply.status != 200) {
        return read_refusal(&reply, token, err);
    }
    return credentials_json_read(WHERE, secret_reveal(&reply.body), reply.body.len, out, err);
}

static bool ask(const struct aws_session *session, const struct http_request *request,
                const struct secret *token, struct aws_credentials *out, struct err *err)
{
    const struct aws_platform *p = session->platform;
    struct err why = {0};

    for (unsigned attempt = 1; !ask_once(session, request, token, out, &why); attempt++) {
        if (why.kind != ERR_TRANSIENT || attempt == ATTEMPTS) {
            *err = why;
            return false;
        }
        if (!p->wait(p->arg, PAUSE_MS)) {
            return err_set(err, ERR_CANCELLED, WHERE ": stopped while waiting to ask again");
        }
    }
    return true;
}

static bool ask_agent(const struct aws_session *session, const char *url,
                      struct aws_credentials *out, struct err *err)
{
    CLEANUP(secret_free) struct secret token = {0};

    if (!read_token(session->platform, &token, err)) {
        return false;
    }
    const struct http_header headers[] = {
        {"Accept",        "application/json"   },
        {"Authorization", secret_reveal(&token)},
    };
    return ask(session,
               &(struct http_request){
                   .method = "GET",
                   .url = url,
                   .headers = headers,
                   .header_count = secret_is_set(&token) ? 2 : 1,
                   .connect_timeout_ms = TIMEOUT_MS,
                   .timeout_ms = TIMEOUT_MS,
                   .reply_bytes_max = CREDENTIALS_JSON_MAX,
                   .no_proxy = true,
                   .ca_bundle = session->settings.ca_bundle,
                   .wake_fd = -1,
               },
               &token, out, err);
}

bool credentials_container(const struct aws_session *session, struct aws_credentials *out,
                           struct credentials_answer *answer, struct err *err)
{
    char url[HTTP_URL_MAX];
    bool configured = false;

    if (!credentials_container_url(session, url, &configured, err)) {
        return false;
    }
    if (!configured) {
        return credentials_missing(answer, RELATIVE_URI " and " FULL_URI " are not set");
    }
    if (!ask_agent(session, url, out, err)) {
        return false;
    }
    (void)snprintf(out->identity, sizeof(out->identity), "the container's role");
    answer->found = true;
    return true;
}
