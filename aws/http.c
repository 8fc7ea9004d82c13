#include "aws/http.h"

#include "aws/wipe.h"
#include "base/cleanup.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 5000
#define TIMEOUT_MS         15000
#define POLL_MS            1000  /* libcurl asks for less when it has something to do */
#define HEADER_BYTES_MAX   65536 /* of a whole reply */

bool http_open(struct err *err)
{
    CURLcode rc =
        curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_free, wipe_realloc, strdup, calloc);
    if (rc != CURLE_OK) {
        return err_set(err, ERR_SYSTEM, "cannot start libcurl: %s", curl_easy_strerror(rc));
    }
    return true;
}

void http_close(void)
{
    curl_global_cleanup();
}

void http_reply_free(struct http_reply *r)
{
    if (r == NULL) {
        return;
    }
    secret_free(&r->body);
    *r = (struct http_reply){0};
}

/* --- URLs ------------------------------------------------------------------------------------ */

/* Without the URL, which may have a password in it. */
static bool bad_url(const char *why, struct err *err)
{
    return err_set(err, ERR_USAGE, "not a usable URL: %s", why);
}

/* Copies a part; "" when the URL has none. */
static bool url_part(CURLU *url, CURLUPart part, char *out, size_t size, struct err *err)
{
    char *text = NULL;
    CURLUcode rc = curl_url_get(url, part, &text, 0);

    if (rc == CURLUE_NO_PORT || rc == CURLUE_NO_QUERY) {
        out[0] = '\0';
        return true;
    }
    if (rc != CURLUE_OK) {
        return bad_url(curl_url_strerror(rc), err);
    }
    size_t len = strlen(text);
    if (len < size) {
        memcpy(out, text, len + 1);
    }
    curl_free(text);
    return len < size ? true : bad_url("a part of it is too long", err);
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;

    curl_free(text);
    return has;
}

static bool read_url(CURLU *handle, const char *url, struct http_url *out, struct err *err)
{
    struct http_url parts;
    CURLUcode rc = curl_url_set(handle, CURLUPART_URL, url, CURLU_PATH_AS_IS);

    if (rc != CURLUE_OK) {
        return bad_url(curl_url_strerror(rc), err);
    }
    if (has_part(handle, CURLUPART_USER) || has_part(handle, CURLUPART_PASSWORD)) {
        return bad_url("it has a user or a password in it", err);
    }
    if (has_part(handle, CURLUPART_ZONEID) || has_part(handle, CURLUPART_FRAGMENT)) {
        return bad_url("it has a zone or a fragment", err);
    }
    if (!url_part(handle, CURLUPART_SCHEME, parts.scheme, sizeof parts.scheme, err) ||
        !url_part(handle, CURLUPART_HOST, parts.host, sizeof parts.host, err) ||
        !url_part(handle, CURLUPART_PORT, parts.port, sizeof parts.port, err) ||
        !url_part(handle, CURLUPART_PATH, parts.path, sizeof parts.path, err) ||
        !url_part(handle, CURLUPART_QUERY, parts.query, sizeof parts.query, err)) {
        return false;
    }
    if (strcmp(parts.scheme, "http") != 0 && strcmp(parts.scheme, "https") != 0) {
        return bad_url("it is neither http nor https", err);
    }
    *out = parts;
    return true;
}

bool http_url_split(const char *url, struct http_url *out, struct err *err)
{
    if (strlen(url) >= HTTP_URL_MAX) {
        return bad_url("it is too long", err);
    }
    if (strpbrk(url, " \t\r\n") != NULL) {
        return bad_url("it has a blank or a line end in it", err);
    }
    CURLU *handle = curl_url();
    if (handle == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    bool read = read_url(handle, url, out, err);
    curl_url_cleanup(handle);
    return read;
}

/* --- one transfer ---------------------------------------------------------------------------- */

struct transfer {
    const struct http_request *request;
    struct http_url url;
    CURL *easy;
    CURLM *multi;
    struct curl_slist *headers;
    size_t bytes_max;
    size_t header_bytes;
    bool head_ended; /* libcurl takes a connection's end for the end of the headers */
    struct http_reply reply;
    struct err err; /* why a callback ended it */
    char why[CURL_ERROR_SIZE];
};

static void transfer_free(struct transfer *t)
{
    if (t->multi != NULL && t->easy != NULL) {
        (void)curl_multi_remove_handle(t->multi, t->easy);
    }
    curl_easy_cleanup(t->easy);
    (void)curl_multi_cleanup(t->multi);
    curl_slist_free_all(t->headers);
    http_reply_free(&t->reply);
}

/* What libcurl calls must take all bytes, or the transfer ends. */
static size_t on_body(char *bytes, size_t one, size_t len, void *arg)
{
    struct transfer *t = arg;
    (void)one;

    if (len > t->bytes_max - t->reply.body.len) {
        (void)err_set(&t->err, ERR_DATA,
                      "the reply of %s has more than %zu bytes: that is not the service; check "
                      "AWS_ENDPOINT_URL and the proxy",
                      t->url.host, t->bytes_max);
        return 0;
    }
    return secret_append(&t->reply.body, bytes, len, &t->err) ? len : 0;
}

static bool take_header(const char *line, size_t len, const char *name, char *out, size_t size)
{
    size_t at = strlen(name);

    if (len <= at || strncasecmp(line, name, at) != 0 || line[at] != ':') {
        return false;
    }
    at++;
    while (at < len && (line[at] == ' ' || line[at] == '\t')) {
        at++;
    }
    while (len > at && isspace((unsigned char)line[len - 1]) != 0) {
        len--;
    }
    (void)snprintf(out, size, "%.*s", (int)(len - at), line + at);
    return true;
}

static void read_header(struct http_reply *r, const char *line, size_t len)
{
    struct wanted {
        const char *name;
        char *out;
        size_t size;
    } const wanted[] = {
        {"date",             r->date,         sizeof r->date        },
        {"x-amzn-requestid", r->request_id,   sizeof r->request_id  },
        {"x-amz-request-id", r->request_id,   sizeof r->request_id  },
        {"x-amzn-errortype", r->error_type,   sizeof r->error_type  },
        {"content-type",     r->content_type, sizeof r->content_type},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (take_header(line, len, wanted[i].name, wanted[i].out, wanted[i].size)) {
            return;
        }
    }
}

static size_t on_header(char *line, size_t one, size_t len, void *arg)
{
    struct transfer *t = arg;
    (void)one;

    t->header_bytes += len;
    if (t->header_bytes > HEADER_BYTES_MAX) {
        (void)err_set(&t->err, ERR_DATA, "the reply of %s has more than %d bytes of headers",
                      t->url.host, HEADER_BYTES_MAX);
        return 0;
    }
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
        /* What came before was "100 Continue" and its like. */
        http_reply_free(&t->reply);
        t->head_ended = false;
    }
    t->head_ended = t->head_ended || (len > 0 && (line[0] == '\r' || line[0] == '\n'));
    read_header(&t->reply, line, len);
    return len;
}

/* --- what libcurl is told -------------------------------------------------------------------- */

static bool add_line(struct transfer *t, const char *name, const char *value, struct err *err)
{
    CLEANUP(secret_free) struct secret line = {0};
    /* Without a value libcurl would leave the header out, or take out its own. */
    const char *separator = value[0] == '\0' ? ";" : ": ";

    if (strpbrk(name, "\r\n:") != NULL || strpbrk(value, "\r\n") != NULL) {
        return err_set(err, ERR_USAGE, "a header with a line end in it");
    }
    if (!secret_set(&line, name, err) || !secret_append(&line, separator, strlen(separator), err) ||
        !secret_append(&line, value, strlen(value), err)) {
        return false;
    }
    struct curl_slist *longer = curl_slist_append(t->headers, secret_reveal(&line));
    if (longer == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    t->headers = longer;
    return true;
}

static bool add_headers(struct transfer *t, struct err *err)
{
    /* libcurl's own additions: a type that nobody gave, and a wait for "100 Continue". */
    static const char *const unwanted[] = {"Content-Type:", "Expect:"};
    const struct http_request *r = t->request;

    if (r->header_count > HTTP_HEADERS_MAX) {
        return err_set(err, ERR_USAGE, "%zu headers, more than %d", r->header_count,
                       HTTP_HEADERS_MAX);
    }
    bool typed = false;
    for (size_t i = 0; i < r->header_count; i++) {
        typed = typed || strcasecmp(r->headers[i].name, "Content-Type") == 0;
        if (!add_line(t, r->headers[i].name, r->headers[i].value, err)) {
            return false;
        }
    }
    for (size_t i = typed ? 1 : 0; i < 2; i++) {
        struct curl_slist *longer = curl_slist_append(t->headers, unwanted[i]);
        if (longer == NULL) {
            return err_set(err, ERR_SYSTEM, "out of memory");
        }
        t->headers = longer;
    }
    return true;
}

static unsigned or_default(unsigned given, unsigned otherwise)
{
    return given == 0 ? otherwise : given;
}

#define SET(option, value) (curl_easy_setopt(t->easy, (option), (value)) != CURLE_OK)

/* A process that is started meanwhile has no use for a connection to AWS. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    (void)arg;
    (void)purpose;
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

/* How many options were refused. */
static int set_request(struct transfer *t)
{
    const struct http_request *r = t->request;
    int refused = 0;

    refused += SET(CURLOPT_URL, r->url);
    refused += SET(CURLOPT_PATH_AS_IS, 1L);
    refused += SET(CURLOPT_HTTPHEADER, t->headers);
    if (r->body != NULL || strcmp(r->method, "GET") != 0) {
        refused += SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
        refused += SET(CURLOPT_POSTFIELDS, r->body == NULL ? "" : r->body);
    }
    refused += SET(CURLOPT_CUSTOMREQUEST, r->method);
    refused += SET(CURLOPT_WRITEFUNCTION, on_body);
    refused += SET(CURLOPT_WRITEDATA, t);
    refused += SET(CURLOPT_HEADERFUNCTION, on_header);
    refused += SET(CURLOPT_HEADERDATA, t);
    refused += SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    refused += SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->bytes_max);
    return refused;
}

static int set_limits(struct transfer *t)
{
    const struct http_request *r = t->request;
    unsigned connect_ms = or_default(r->connect_timeout_ms, CONNECT_TIMEOUT_MS);
    int refused = 0;

    refused += SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    refused += SET(CURLOPT_TIMEOUT_MS, (long)or_default(r->timeout_ms, TIMEOUT_MS));
    refused += SET(CURLOPT_NOSIGNAL, 1L);
    refused += SET(CURLOPT_SOCKOPTFUNCTION, on_socket);
    refused += SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    refused += SET(CURLOPT_PROTOCOLS_STR, "http,https");
    refused += SET(CURLOPT_FOLLOWLOCATION, 0L);
    refused += SET(CURLOPT_ERRORBUFFER, t->why);
    /* A name server that does not answer must not hold up one who was cancelled. */
    refused += SET(CURLOPT_QUICK_EXIT, 1L);
    if (r->no_proxy) {
        refused += SET(CURLOPT_NOPROXY, "*");
    }
    return refused;
}

static int set_tls(struct transfer *t)
{
    const char *ca_bundle = t->request->ca_bundle;
    int refused = 0;

    refused += SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    refused += SET(CURLOPT_SSL_VERIFYPEER, 1L);
    refused += SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (ca_bundle != NULL && ca_bundle[0] != '\0') {
        refused += SET(CURLOPT_CAINFO, ca_bundle);
        refused += SET(CURLOPT_CAPATH, NULL);
    }
    return refused;
}

static bool check_ca_bundle(const struct http_request *r, struct err *err)
{
    if (r->ca_bundle == NULL || r->ca_bundle[0] == '\0') {
        return true;
    }
    int fd = open(r->ca_bundle, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        (void)err_set_errno(err, "the CA bundle %.512s (AWS_CA_BUNDLE) cannot be read",
                            r->ca_bundle);
        err->kind = ERR_USAGE;
        return false;
    }
    (void)close(fd);
    return true;
}

static bool prepare(struct transfer *t, struct err *err)
{
    if (!http_url_split(t->request->url, &t->url, err) || !check_ca_bundle(t->request, err) ||
        !add_headers(t, err)) {
        return false;
    }
    t->easy = curl_easy_init();
    t->multi = curl_multi_init();
    if (t->easy == NULL || t->multi == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    if (set_request(t) + set_limits(t) + set_tls(t) > 0 ||
        curl_multi_add_handle(t->multi, t->easy) != CURLM_OK) {
        return err_set(err, ERR_SYSTEM, "libcurl does not take an option that is needed");
    }
    return true;
}

/* --- what became of it ----------------------------------------------------------------------- */

static bool refused_by_proxy(const struct transfer *t, struct err *err)
{
    long status = 0;

    (void)curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    if (status == 0 || (status >= 200 && status <= 299)) {
        return false;
    }
    (void)err_set(err, status == 407 ? ERR_USAGE : ERR_TRANSIENT,
                  "the proxy does not connect to %s: HTTP status %ld%s", t->url.host, status,
                  status == 407 ? "; put a user and password for it into HTTPS_PROXY" : "");
    return true;
}

/* libcurl's text is used for certificates only: others may repeat a proxy's URL or a header. */
static bool not_trusted(const struct transfer *t, struct err *err)
{
    return err_set(err, ERR_USAGE,
                   "the certificate of %s is not trusted: %s; if a proxy or a private CA made it, "
                   "name a PEM file with that CA in AWS_CA_BUNDLE",
                   t->url.host, t->why[0] == '\0' ? "no reason given" : t->why);
}

static bool not_reached(const struct transfer *t, CURLcode rc, struct err *err)
{
    const char *colon = t->url.port[0] == '\0' ? "" : ":";
    long number = 0;
    char cause[128] = "";

    (void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number);
    if (number != 0 && strerror_r((int)number, cause, sizeof cause) != 0) {
        (void)snprintf(cause, sizeof cause, "error %ld", number);
    }
    return err_set(err, ERR_TRANSIENT, "no answer from %s%s%s: %s%s%s%s", t->url.host, colon,
                   t->url.port, curl_easy_strerror(rc), number == 0 ? "" : " (", cause,
                   number == 0 ? "" : ")");
}

static bool explain(const struct transfer *t, CURLcode rc, struct err *err)
{
    if (t->err.kind != ERR_NONE) {
        *err = t->err;
        return false;
    }
    if (refused_by_proxy(t, err)) {
        return false;
    }
    if (rc == CURLE_PEER_FAILED_VERIFICATION) {
        return not_trusted(t, err);
    }
    if (rc == CURLE_FILESIZE_EXCEEDED) {
        return err_set(err, ERR_DATA,
                       "the reply of %s has more than %zu bytes: that is not the service; check "
                       "AWS_ENDPOINT_URL and the proxy",
                       t->url.host, t->bytes_max);
    }
    if (rc == CURLE_OUT_OF_MEMORY) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    if (rc == CURLE_SSL_CACERT_BADFILE) {
        return err_set(err, ERR_USAGE, "the CA bundle %.512s is not a PEM file of certificates",
                       t->request->ca_bundle == NULL ? "" : t->request->ca_bundle);
    }
    if (rc == CURLE_URL_MALFORMAT) {
        return bad_url(curl_easy_strerror(rc), err);
    }
    return not_reached(t, rc, err);
}

/* Takes the result, once there is one. */
static bool is_finished(const struct transfer *t, CURLcode *rc)
{
    int left = 0;
    const CURLMsg *message = curl_multi_info_read(t->multi, &left);

    if (message == NULL || message->msg != CURLMSG_DONE) {
        return false;
    }
    *rc = message->data.result;
    return true;
}

static bool run(struct transfer *t, CURLcode *rc, struct err *err)
{
    bool can_wake = t->request->wake_fd >= 0;
    struct curl_waitfd wake = {.fd = t->request->wake_fd, .events = CURL_WAIT_POLLIN};

    for (;;) {
        int running = 0;
        CURLMcode multi_rc = curl_multi_perform(t->multi, &running);
        if (multi_rc == CURLM_OK && is_finished(t, rc)) {
            return true;
        }
        wake.revents = 0;
        if (multi_rc == CURLM_OK) {
            multi_rc = curl_multi_poll(t->multi, &wake, can_wake ? 1 : 0, POLL_MS, NULL);
        }
        if (multi_rc != CURLM_OK) {
            return err_set(err, ERR_SYSTEM, "libcurl: %s", curl_multi_strerror(multi_rc));
        }
        if (wake.revents != 0) {
            return err_set(err, ERR_CANCELLED, "stopped while waiting for %s", t->url.host);
        }
    }
}

bool http_send(const struct http_request *request, struct http_reply *reply, struct err *err)
{
    CLEANUP(transfer_free) struct transfer t = {.request = request};
    CURLcode rc = CURLE_OK;
    long status = 0;

    t.bytes_max = request->reply_bytes_max == 0 ? HTTP_REPLY_MAX : request->reply_bytes_max;
    if (!prepare(&t, err) || !run(&t, &rc, err)) {
        return false;
    }
    if (rc != CURLE_OK || t.err.kind != ERR_NONE) {
        return explain(&t, rc, err);
    }
    if (!t.head_ended) {
        return not_reached(&t, CURLE_PARTIAL_FILE, err);
    }
    (void)curl_easy_getinfo(t.easy, CURLINFO_RESPONSE_CODE, &status);
    t.reply.status = (int)status;
    http_reply_free(reply);
    *reply = t.reply;
    t.reply = (struct http_reply){0};
    return true;
}
