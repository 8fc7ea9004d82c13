/* http: real requests to a scripted server on the loopback. The environment is changed while that
 * server's thread, which does not look at it, is running. */
#include "unit.h"

#include "aws/http.h"
#include "base/cleanup.h"
#include "tests/support/http_script.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BASE_URL_MAX 128
#define LONG_MS      20000 /* longer than any test may take */

static int start_library(void **state)
{
    struct err err = {0};
    (void)state;
    return http_open(&err) ? 0 : -1;
}

static int end_library(void **state)
{
    (void)state;
    http_close();
    return 0;
}

static void set_variable(const char *name, const char *value)
{
    int rc = value == NULL ? unsetenv(name)          /* NOLINT(concurrency-mt-unsafe) */
                           : setenv(name, value, 1); /* NOLINT(concurrency-mt-unsafe) */
    assert_int_equal(rc, 0);
}

static const char *url_of(const struct http_script *s, const char *rest, char url[BASE_URL_MAX])
{
    (void)snprintf(url, BASE_URL_MAX, "http://127.0.0.1:%u%s", (unsigned)http_script_port(s), rest);
    return url;
}

static struct http_request get(const char *url)
{
    return (struct http_request){
        .method = "GET", .url = url, .no_proxy = true, .timeout_ms = LONG_MS, .wake_fd = -1};
}

/* One request to one step; the request as it came is copied to seen. */
static bool exchange(const struct http_script_step *step, const struct http_request *like,
                     struct http_reply *reply, char seen[HTTP_SCRIPT_REQUEST_MAX], struct err *err)
{
    char url[BASE_URL_MAX];
    struct http_script *s = http_script_start(step, 1);
    struct http_request request = *like;

    request.url = url_of(s, like->url, url);
    bool sent = http_send(&request, reply, err);
    http_script_stop(s);
    if (seen != NULL) {
        memcpy(seen, http_script_request(s), HTTP_SCRIPT_REQUEST_MAX);
    }
    http_script_free(s);
    return sent;
}

#define FINE                                                                                  \
    "HTTP/1.1 200 OK\r\nDate: Sun, 30 Aug 2015 12:36:00 GMT\r\nX-AMZN-RequestId:  abc-1 \r\n" \
    "x-amzn-ErrorType: Code:http://x/\r\nContent-Type: application/json\r\n"

static void reply_is_read_whole(void **state)
{
    static const struct http_script_step step = {.reply = FINE "Content-Length: 5\r\n\r\nhello"};
    const struct http_request request = get("/a//b/../c?x=1&y=%20");
    CLEANUP(http_reply_free) struct http_reply reply = {0};
    char seen[HTTP_SCRIPT_REQUEST_MAX];
    struct err err = {0};
    (void)state;

    assert_true(exchange(&step, &request, &reply, seen, &err));
    assert_int_equal(err.kind, ERR_NONE);
    assert_int_equal(reply.status, 200);
    assert_string_equal(secret_reveal(&reply.body), "hello");
    assert_string_equal(reply.date, "Sun, 30 Aug 2015 12:36:00 GMT");
    assert_string_equal(reply.request_id, "abc-1");
    assert_string_equal(reply.error_type, "Code:http://x/");
    assert_string_equal(reply.content_type, "application/json");
    /* The path goes out as it was written, dots and slashes too: it has been signed so. */
    assert_ptr_equal(strstr(seen, "GET /a//b/../c?x=1&y=%20 HTTP/1.1\r\n"), seen);
}

static void headers_and_body_are_sent_as_given(void **state)
{
    static const struct http_script_step step = {.reply = FINE "Content-Length: 0\r\n\r\n"};
    static const struct http_header headers[] = {
        {"Host",         "service.test"              },
        {"Content-Type", "application/x-amz-json-1.1"},
        {"X-Empty",      ""                          },
        {"X-Amz-Target", "a.B"                       }
    };
    struct http_request request = get("/");
    CLEANUP(http_reply_free) struct http_reply reply = {0};
    char seen[HTTP_SCRIPT_REQUEST_MAX];
    struct err err = {0};
    (void)state;

    request.method = "POST";
    request.headers = headers;
    request.header_count = ARRAY_LEN(headers);
    request.body = "{\"a\":1}\0tail";
    request.body_len = 12;
    assert_true(exchange(&step, &request, &reply, seen, &err));
    assert_false(secret_is_set(&reply.body));
    assert_ptr_equal(strstr(seen, "POST / HTTP/1.1\r\nHost: service.test\r\n"), seen);
    assert_non_null(strstr(seen, "\r\nContent-Type: application/x-amz-json-1.1\r\n"));
    assert_null(strstr(seen, "form-urlencoded"));
    assert_non_null(strstr(seen, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(seen, "\r\nContent-Length: 12\r\n"));
    assert_null(strstr(seen, "Expect:"));
    assert_memory_equal(strstr(seen, "\r\n\r\n") + 4, "{\"a\":1}\0tail", 12);
}

/* As the instance metadata service is asked for a token. */
static void put_without_a_body_says_so(void **state)
{
    static const struct http_script_step step = {.reply = FINE "Content-Length: 3\r\n\r\ntok"};
    struct http_request request = get("/latest/api/token");
    CLEANUP(http_reply_free) struct http_reply reply = {0};
    char seen[HTTP_SCRIPT_REQUEST_MAX];
    struct err err = {0};
    (void)state;

    request.method = "PUT";
    assert_true(exchange(&step, &request, &reply, seen, &err));
    assert_ptr_equal(strstr(seen, "PUT /latest/api/token HTTP/1.1\r\n"), seen);
    assert_non_null(strstr(seen, "\r\nContent-Length: 0\r\n"));
    assert_null(strstr(seen, "Content-Type"));
}

struct reply_case {
    const char *label;
    struct http_script_step step;
    size_t bytes_max;
    enum err_kind kind; /* ERR_NONE: a reply */
    int status;
    size_t body_len;
};

static struct reply_case reply_cases[] = {
    {"an error status is a reply",
     {.reply = "HTTP/1.1 503 Slow\r\nContent-Length: 2\r\n\r\nno"},
     0,                                                                                                ERR_NONE,
     503,                                                                                                                  2   },
    {"a redirect is not followed",
     {.reply = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"},
     0,                                                                                                ERR_NONE,
     302,                                                                                                                  0   },
    {"chunks",
     {.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"},
     0,                                                                                                ERR_NONE,
     200,                                                                                                                  5   },
    {"until the end",                         {.reply = "HTTP/1.0 200 OK\r\n\r\nabc"},              0, ERR_NONE,      200, 3   },
    {"100 Continue comes first",
     {.reply = "HTTP/1.1 100 Continue\r\nDate: no\r\n\r\n"
               "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx"},
     0,                                                                                                ERR_NONE,
     201,                                                                                                                  1   },
    {"exactly the limit",
     {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n", .fill = 1024},
     1024,                                                                                             ERR_NONE,
     200,                                                                                                                  1024},
    {"a byte more than the limit",
     {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n", .fill = 1024},
     1023,                                                                                             ERR_DATA,
     0,                                                                                                                    0   },
    {"a byte more, not announced",
     {.reply = "HTTP/1.1 200 OK\r\n\r\n", .fill = 1024},
     1023,                                                                                             ERR_DATA,
     0,                                                                                                                    0   },
    {"five megabytes",
     {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5242880\r\n\r\n", .fill = 5242880},
     0,                                                                                                ERR_DATA,
     0,                                                                                                                    0   },
    {"five megabytes, not announced",
     {.reply = "HTTP/1.1 200 OK\r\n\r\n", .fill = 5242880},
     0,                                                                                                ERR_DATA,
     0,                                                                                                                    0   },
    {"five megabytes in chunks",
     {.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
      .fill = 5242880,
      .fill_prefix = "\r\n400\r\n"},
     0,                                                                                                ERR_DATA,
     0,                                                                                                                    0   },
    {"headers without an end",
     {.reply = "HTTP/1.1 200 OK\r\nX: ", .fill = 5242880, .fill_prefix = "\r\nX: "},
     0,                                                                                                ERR_DATA,
     0,                                                                                                                    0   },
    {"cut in the body",
     {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"},
     0,                                                                                                ERR_TRANSIENT,
     0,                                                                                                                    0   },
    {"cut in the headers after 100 Continue",
     {.reply = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Le"},
     0,                                                                                                ERR_TRANSIENT,
     0,                                                                                                                    0   },
    {"cut in the headers",                    {.reply = "HTTP/1.1 200 OK\r\nContent-Le"},           0, ERR_TRANSIENT, 0,   0   },
    {"cut in a chunk",
     {.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc"},
     0,                                                                                                ERR_TRANSIENT,
     0,                                                                                                                    0   },
    {"closed without a word",                 {.reply = NULL},                                      0, ERR_TRANSIENT, 0,   0   },
    {"reset",                                 {.reply = NULL, .end = SCRIPT_RESET},                 0, ERR_TRANSIENT, 0,   0   },
    {"not HTTP",                              {.reply = "SSH-2.0-OpenSSH_9.2\r\n"},                 0, ERR_TRANSIENT, 0,   0   },
    {"not HTTP, but an answer",               {.reply = "password=sesame"},                         0, ERR_TRANSIENT, 0,   0   },
};

static void each_reply_is_what_it_is(void **state)
{
    const struct reply_case *c = *state;
    struct http_request request = get("/");
    CLEANUP(http_reply_free) struct http_reply reply = {.status = -1};
    struct err err = {0};

    request.reply_bytes_max = c->bytes_max;
    bool sent = exchange(&c->step, &request, &reply, NULL, &err);
    assert_int_equal(err.kind, c->kind);
    assert_int_equal(sent, c->kind == ERR_NONE);
    assert_int_equal(reply.status, sent ? c->status : -1);
    assert_int_equal(reply.body.len, c->body_len);
    assert_string_equal(reply.date, "");
    assert_int_equal(err.msg[0] == '\0', sent);
    assert_null(strstr(err.msg, "sesame"));
}

static void silence_ends_by_the_timeout(void **state)
{
    static const struct http_script_step steps[] = {
        {.reply = NULL,                                             .end = SCRIPT_SILENT},
        {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", .end = SCRIPT_SILENT}
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct http_request request = get("/");
        struct http_reply reply = {0};
        struct err err = {0};
        request.timeout_ms = 100;
        assert_false(exchange(&steps[i], &request, &reply, NULL, &err));
        assert_int_equal(err.kind, ERR_TRANSIENT);
        assert_non_null(strstr(err.msg, "127.0.0.1"));
    }
}

static void waking_ends_the_wait(void **state)
{
    static const struct http_script_step step = {.reply = NULL, .end = SCRIPT_SILENT};
    struct http_request request = get("/");
    struct http_reply reply = {0};
    struct err err = {0};
    int wake[2];
    (void)state;

    assert_int_equal(pipe(wake), 0);
    assert_int_equal(write(wake[1], "x", 1), 1);
    request.wake_fd = wake[0];
    assert_false(exchange(&step, &request, &reply, NULL, &err));
    assert_int_equal(err.kind, ERR_CANCELLED);
    (void)close(wake[0]);
    (void)close(wake[1]);
}

static void nobody_listens(void **state)
{
    static const struct http_script_step step = {.reply = NULL};
    struct http_script *s = http_script_start(&step, 0);
    char url[BASE_URL_MAX];
    struct http_reply reply = {0};
    struct err err = {0};
    (void)state;

    http_script_stop(s);
    const struct http_request request = get(url_of(s, "/", url));
    assert_false(http_send(&request, &reply, &err));
    assert_int_equal(err.kind, ERR_TRANSIENT);
    assert_non_null(strstr(err.msg, "127.0.0.1"));
    assert_non_null(strstr(err.msg, "refused"));
    http_script_free(s);
}

static void a_proxy_is_asked_unless_forbidden(void **state)
{
    static const struct http_script_step step = {.reply = FINE "Content-Length: 2\r\n\r\nhi"};
    struct http_script *s = http_script_start(&step, 1);
    char proxy[BASE_URL_MAX];
    struct http_request request = get("http://nowhere.invalid/x");
    CLEANUP(http_reply_free) struct http_reply reply = {0};
    struct err err = {0};
    (void)state;

    set_variable("http_proxy", url_of(s, "", proxy));
    set_variable("no_proxy", NULL);
    set_variable("NO_PROXY", NULL);
    assert_false(http_send(&request, &reply, &err));
    assert_int_equal(err.kind, ERR_TRANSIENT);
    request.no_proxy = false;
    assert_true(http_send(&request, &reply, &err));
    http_script_stop(s);
    assert_non_null(strstr(http_script_request(s), "GET http://nowhere.invalid/x HTTP/1.1\r\n"));
    http_script_free(s);
    set_variable("http_proxy", NULL);
}

/* A proxy's URL may have a password in it. */
static void proxy_trouble_is_told_without_its_password(void **state)
{
    static const struct http_script_step steps[] = {
        {.reply = "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"},
        {.reply = "HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n"}};
    struct http_script *s = http_script_start(steps, 2);
    const struct http_request request = {
        .method = "GET", .url = "https://nowhere.invalid/", .timeout_ms = LONG_MS, .wake_fd = -1};
    char proxy[BASE_URL_MAX];
    struct http_reply reply = {0};
    struct err err = {0};
    (void)state;

    (void)snprintf(proxy, sizeof proxy, "http://me:sesame@127.0.0.1:%u",
                   (unsigned)http_script_port(s));
    set_variable("https_proxy", proxy);
    assert_false(http_send(&request, &reply, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.msg, "407"));
    assert_false(http_send(&request, &reply, &err));
    assert_int_equal(err.kind, ERR_TRANSIENT);
    assert_non_null(strstr(err.msg, "502"));
    http_script_stop(s);
    http_script_free(s);

    set_variable("https_proxy", "gopher://me:sesame@127.0.0.1:1");
    assert_false(http_send(&request, &reply, &err));
    assert_null(strstr(err.msg, "sesame"));
    set_variable("https_proxy", NULL);
}

/* The server is none of TLS: before that is seen, the bundle is read. */
static void a_bundle_must_have_certificates(void **state)
{
    static const struct http_script_step step = {.reply = "HTTP/1.1 400 No\r\n\r\n"};
    char url[BASE_URL_MAX];
    struct http_reply reply = {0};
    struct err err = {0};
    struct http_script *s = http_script_start(&step, 1);
    (void)state;

    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/", (unsigned)http_script_port(s));
    struct http_request request = get(url);
    request.ca_bundle = "/dev/null";
    assert_false(http_send(&request, &reply, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.msg, "/dev/null"));
    http_script_stop(s);
    http_script_free(s);
}

static void too_many_headers_are_refused(void **state)
{
    struct http_header headers[HTTP_HEADERS_MAX + 1];
    struct http_request request = get("http://127.0.0.1:1/");
    struct http_reply reply = {0};
    struct err err = {0};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        headers[i] = (struct http_header){"A", "b"};
    }
    request.headers = headers;
    request.header_count = ARRAY_LEN(headers);
    assert_false(http_send(&request, &reply, &err));
    assert_int_equal(err.kind, ERR_USAGE);
}

struct refused_case {
    const char *label;
    const char *url;
    const char *ca_bundle;
    const char *name; /* of a header; NULL: there is none */
    const char *value;
    const char *says;
};

static struct refused_case refused_cases[] = {
    {"no scheme",      "host/x",                   NULL,       NULL,      NULL,        "URL"     },
    {"other scheme",   "ftp://host/x",             NULL,       NULL,      NULL,        "URL"     },
    {"file",           "file:///etc/passwd",       NULL,       NULL,      NULL,        "URL"     },
    {"password",       "http://u:sesame@h/",       NULL,       NULL,      NULL,        "password"},
    {"user",           "http://u@h/",              NULL,       NULL,      NULL,        "user"    },
    {"line end",       "http://h/\r\nX: y",        NULL,       NULL,      NULL,        "line end"},
    {"blank",          "http://h/a b",             NULL,       NULL,      NULL,        "blank"   },
    {"no host",        "http://",                  NULL,       NULL,      NULL,        "URL"     },
    {"fragment",       "http://h/#x",              NULL,       NULL,      NULL,        "fragment"},
    {"zone",           "http://[fe80::1%25eth0]/", NULL,       NULL,      NULL,        "zone"    },
    {"port",           "http://h:99999/",          NULL,       NULL,      NULL,        "URL"     },
    {"no such bundle", "https://127.0.0.1:1/",     "/no/such", NULL,      NULL,        "/no/such"},
    {"header value",   "http://127.0.0.1:1/",      NULL,       "A",       "b\r\nC: d", "header"  },
    {"header name",    "http://127.0.0.1:1/",      NULL,       "A: b\nC", "d",         "header"  },
};

static void what_cannot_be_sent_is_refused(void **state)
{
    const struct refused_case *c = *state;
    struct http_request request = get(c->url);
    struct http_reply reply = {0};
    struct err err = {0};

    request.ca_bundle = c->ca_bundle;
    const struct http_header header = {c->name, c->value};
    request.headers = &header;
    request.header_count = c->name == NULL ? 0 : 1;
    assert_false(http_send(&request, &reply, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.msg, c->says));
    assert_null(strstr(err.msg, "sesame"));
}

struct split_case {
    const char *url;
    const char *scheme;
    const char *host;
    const char *port;
    const char *path;
    const char *query;
};

static struct split_case split_cases[] = {
    {"https://a.test",                    "https", "a.test",    "",     "/",          ""     },
    {"HTTP://A.test:80/",                 "http",  "A.test",    "80",   "/",          ""     },
    {"http://[::1]:4566/a/../b//c?x=%2f", "http",  "[::1]",     "4566", "/a/../b//c", "x=%2f"},
    {"http://127.0.0.1?x",                "http",  "127.0.0.1", "",     "/",          "x"    },
    {"https://a/%7e?",                    "https", "a",         "",     "/%7e",       ""     },
};

static void a_url_is_split_as_written(void **state)
{
    const struct split_case *c = *state;
    struct http_url parts;
    struct err err = {0};

    assert_true(http_url_split(c->url, &parts, &err));
    assert_string_equal(parts.scheme, c->scheme);
    assert_string_equal(parts.host, c->host);
    assert_string_equal(parts.port, c->port);
    assert_string_equal(parts.path, c->path);
    assert_string_equal(parts.query, c->query);
}

static void a_long_url_is_refused(void **state)
{
    char url[HTTP_URL_MAX + 1];
    struct http_url parts = {.port = "7"};
    struct err err = {0};
    (void)state;

    memset(url, 'a', sizeof url);
    memcpy(url, "http://h/", 9);
    url[HTTP_URL_MAX] = '\0';
    assert_false(http_url_split(url, &parts, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_string_equal(parts.port, "7");
    url[HTTP_URL_MAX - 1] = '\0';
    assert_true(http_url_split(url, &parts, &err));

    memset(url + 7, 'h', 300);
    assert_false(http_url_split(url, &parts, &err));
}

int main(void)
{
    struct CMUnitTest tests[64] = {
        cmocka_unit_test(reply_is_read_whole),
        cmocka_unit_test(headers_and_body_are_sent_as_given),
        cmocka_unit_test(put_without_a_body_says_so),
        cmocka_unit_test(silence_ends_by_the_timeout),
        cmocka_unit_test(waking_ends_the_wait),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(a_proxy_is_asked_unless_forbidden),
        cmocka_unit_test(proxy_trouble_is_told_without_its_password),
        cmocka_unit_test(a_long_url_is_refused),
        cmocka_unit_test(a_bundle_must_have_certificates),
        cmocka_unit_test(too_many_headers_are_refused),
    };
    size_t count = 11;

    for (size_t i = 0; i < ARRAY_LEN(reply_cases); i++) {
        tests[count++] = (struct CMUnitTest){reply_cases[i].label, each_reply_is_what_it_is, NULL,
                                             NULL, &reply_cases[i]};
    }
    for (size_t i = 0; i < ARRAY_LEN(refused_cases); i++) {
        tests[count++] = (struct CMUnitTest){refused_cases[i].label, what_cannot_be_sent_is_refused,
                                             NULL, NULL, &refused_cases[i]};
    }
    for (size_t i = 0; i < ARRAY_LEN(split_cases); i++) {
        tests[count++] = (struct CMUnitTest){split_cases[i].url, a_url_is_split_as_written, NULL,
                                             NULL, &split_cases[i]};
    }
    return _cmocka_run_group_tests("http", tests, count, start_library, end_library);
}
