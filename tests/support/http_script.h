/*
 * http_script.h: a server on the loopback that does what a test tells it, one connection a step:
 * reads the request (head, and as much body as Content-Length says), then answers as the step says.
 *
 * A thread of its own. A test asks for the requests after http_script_stop. Nothing here asserts:
 * cmocka must fail a test in the thread that it runs in. Without memory or a socket it aborts.
 */
#ifndef TESTS_HTTP_SCRIPT_H
#define TESTS_HTTP_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#define HTTP_SCRIPT_REQUEST_MAX 16384

enum http_script_end {
    SCRIPT_CLOSE,  /* after the reply */
    SCRIPT_RESET,  /* after the reply, by a reset */
    SCRIPT_SILENT, /* keeps the connection open, without a word, until the client closes it */
};

struct http_script_step {
    const char *reply;       /* sent as it is; NULL: nothing */
    size_t fill;             /* and then so many bytes of 'x' */
    const char *fill_prefix; /* before each 1,024 of them: for chunks; NULL: nothing */
    enum http_script_end end;
};

struct http_script;

/* The steps are borrowed until http_script_stop. */
struct http_script *http_script_start(const struct http_script_step *steps, size_t count);
uint16_t http_script_port(const struct http_script *s);
/* Ends the thread, also when steps are left. */
void http_script_stop(struct http_script *s);
/* How many connections were served, and what the last of them asked; after http_script_stop. */
size_t http_script_served(const struct http_script *s);
const char *http_script_request(const struct http_script *s);
void http_script_free(struct http_script *s); /* NULL is allowed */

#endif
