/* fake_reply.h: one reply of a fake platform's script, and the request that it is for. Pure. */
#ifndef TESTS_FAKE_REPLY_H
#define TESTS_FAKE_REPLY_H

#include "aws/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is expected (NULL: anything), and what is answered. */
struct fake_reply {
    const char *method;
    const char *url;      /* the whole of it */
    const char *header;   /* "Name: value" that must be there; "Name:" any value; "!Name" absent */
    const char *body_has; /* a part of the request's body */

    int status; /* 0: 200 */
    const char
        *headers;     /* "Date: ...\nx-amzn-requestid: ..."; others than http_reply has are lost */
    const char *body; /* NULL: "" */
    size_t body_len;  /* 0: up to the NUL */
    enum err_kind fails; /* not ERR_NONE: no reply but this error */
    uint64_t takes_ms;   /* both clocks go on by so much */
    bool repeats;        /* answers any number of requests, none included, until one does not match
                            and the next in the script is tried */
};

/* What was asked. */
struct fake_request {
    char *method;
    char *url;
    char *headers; /* "Name: value\n" each, as given */
    char *body;    /* "" when there was none; NUL-terminated */
    size_t body_len;
    unsigned connect_timeout_ms;
    unsigned timeout_ms;
    size_t reply_bytes_max;
    bool no_proxy;
    char *ca_bundle; /* "" when none was given */
};

/* The value of a header, any case; false when it is not there. */
bool fake_request_header(const struct fake_request *r, const char *name, char *out, size_t size);

/* What does not match ("wanted the URL", and *wanted), NULL when all does. */
const char *fake_reply_mismatch(const struct fake_reply *reply, const struct fake_request *request,
                                const char **wanted);
/* Answers as http_send does. */
bool fake_reply_answer(const struct fake_reply *reply, size_t bytes_max, struct http_reply *out,
                       struct err *err) MUST_CHECK;

#endif
