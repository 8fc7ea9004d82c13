/*
 * http.h: one HTTP request and its reply, and the only door to libcurl (http.c).
 *
 * Everybody else sees struct http_request and struct http_reply and gets the sending itself from
 * struct aws_platform, so that a test can stand in for the network.
 */
#ifndef AWS_HTTP_H
#define AWS_HTTP_H

#include "base/err.h"
#include "base/secret.h"

#include <stddef.h>
#include <stdint.h>

#define HTTP_REPLY_MAX   (1u << 20) /* no answer of a service we call comes near it */
#define HTTP_HEADERS_MAX 24
#define HTTP_URL_MAX     4096

struct http_header {
    const char *name;
    const char *value;
};

struct http_request {
    const char *method; /* "GET", "POST", "PUT" */
    const char *url;    /* absolute; sent as it is */
    const struct http_header *headers;
    size_t header_count;
    const char *body; /* NULL: none */
    size_t body_len;
    unsigned connect_timeout_ms; /* 0: 5 s */
    unsigned timeout_ms;         /* for all of it; 0: 15 s */
    size_t reply_bytes_max;      /* 0: HTTP_REPLY_MAX */
    bool no_proxy;               /* metadata endpoints are never asked through a proxy */
    const char *ca_bundle;       /* PEM file; NULL or "": the system's */
    int wake_fd;                 /* -1, or a descriptor whose readiness ends the wait */
};

struct http_reply {
    int status;
    struct secret body;   /* may hold credentials, so it is wiped */
    char date[64];        /* the Date header, "" if none */
    char request_id[128]; /* x-amzn-requestid or x-amz-request-id, "" if none */
    char error_type[256]; /* x-amzn-errortype, "" if none */
    char content_type[128];
};

void http_reply_free(struct http_reply *r); /* NULL and zeroed are allowed */

/*
 * Sends and waits for the whole reply. A header's name and value must not have line ends. No
 * redirect is followed; HTTP/1.1 only; TLS is verified always. Proxies as libcurl reads them from
 * the environment. Thread-safe, after http_open; the program ignores SIGPIPE.
 *
 * A reply with any status is true. ERR_TRANSIENT: not reached, cut off, timed out, not HTTP;
 * ERR_USAGE: a URL, CA file or proxy that cannot be; a certificate that is not trusted (the message
 * says how to name a CA bundle); ERR_DATA: the reply is larger than allowed; ERR_CANCELLED: woken.
 */
bool http_send(const struct http_request *request, struct http_reply *reply,
               struct err *err) MUST_CHECK;

/* libcurl's own start, with memory functions that wipe what they free. Once, before any thread. */
bool http_open(struct err *err) MUST_CHECK;
void http_close(void);

struct http_url {
    char scheme[8];           /* lower case, "https" */
    char host[256];           /* "[::1]" with its brackets */
    char port[8];             /* "" when not written */
    char path[HTTP_URL_MAX];  /* from the first slash, "/" at least, as written */
    char query[HTTP_URL_MAX]; /* without "?", as written; "" if none */
};

/* Splits a URL (libcurl's parser). ERR_USAGE when it is not an absolute http or https URL, has a
 * user or password in it, or is too long. */
bool http_url_split(const char *url, struct http_url *out, struct err *err) MUST_CHECK;

#endif
