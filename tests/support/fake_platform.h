/*
 * fake_platform.h: a struct aws_platform of which a test owns all: variables, files, a script of
 * HTTP replies, both clocks, waits and chance. No network, no real time.
 *
 *   struct fake_platform *f = fake_platform_new();
 *   fake_platform_variable(f, "AWS_REGION", "us-east-1");
 *   fake_platform_expect(f, &(struct fake_reply){.method = "PUT", .url = URL, .status = 200,
 *                                                .body = "token"});
 *   ... code under test with fake_platform_of(f) ...
 *   assert_string_equal(fake_platform_wrong(f), "");
 *   fake_platform_free(f);
 *
 * All functions may be called by several threads. cmocka fails a test by longjmp, which must not
 * leave the thread it started in, so nothing here asserts: the first thing that was wrong is kept
 * as a text. Everything given is copied. Without memory, or past a limit, it aborts.
 */
#ifndef TESTS_FAKE_PLATFORM_H
#define TESTS_FAKE_PLATFORM_H

#include "aws/platform.h"
#include "tests/support/fake_reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_VARIABLES_MAX 64
#define FAKE_FILES_MAX     32
#define FAKE_REPLIES_MAX   256
#define FAKE_REQUESTS_MAX  1024
#define FAKE_WAITS_MAX     1024

#define FAKE_WALL_MS INT64_C(1440938160000) /* 2015-08-30T12:36:00Z, at the start */

struct fake_platform;

struct fake_platform *fake_platform_new(void);
void fake_platform_free(struct fake_platform *f); /* NULL is allowed */
const struct aws_platform *fake_platform_of(struct fake_platform *f);

/* value NULL: not set. What was given out before stays valid. */
void fake_platform_variable(struct fake_platform *f, const char *name, const char *value);
/* text NULL: there is no such file any more. */
void fake_platform_file(struct fake_platform *f, const char *path, const char *text);
void fake_platform_file_bytes(struct fake_platform *f, const char *path, const void *bytes,
                              size_t len);
/* Reading it is ERR_USAGE. */
void fake_platform_file_forbidden(struct fake_platform *f, const char *path);
unsigned fake_platform_file_reads(struct fake_platform *f, const char *path);

/* Adds to the end of the script. A request that the script does not expect is ERR_DATA and a
 * "wrong". */
void fake_platform_expect(struct fake_platform *f, const struct fake_reply *reply);
size_t fake_platform_unanswered(struct fake_platform *f); /* replies left, repeating ones aside */

void fake_platform_set_wall_ms(struct fake_platform *f, int64_t wall_ms); /* the other stays */
void fake_platform_advance_ms(struct fake_platform *f, uint64_t ms);      /* both clocks */
void fake_platform_set_random(struct fake_platform *f, uint64_t value);   /* each time the same */

/* From now on waits end at once with false, and whoever is held gets ERR_CANCELLED. */
void fake_platform_stop(struct fake_platform *f);
/* Requests stop in front of the script until they are released. */
void fake_platform_hold(struct fake_platform *f);
void fake_platform_release(struct fake_platform *f);
/* False when not so many are held after 20 seconds. */
bool fake_platform_wait_held(struct fake_platform *f, unsigned requests);

size_t fake_platform_requests(struct fake_platform *f);
/* Valid until the platform is freed; NULL past the end. */
const struct fake_request *fake_platform_request(struct fake_platform *f, size_t index);

size_t fake_platform_waits(struct fake_platform *f);
uint64_t fake_platform_wait_ms(struct fake_platform *f, size_t index); /* 0 past the end */

/* The first broken promise, "" for none: an unexpected request, a method, URL or header that no
 * request can have. Valid until the platform is freed. */
const char *fake_platform_wrong(struct fake_platform *f);

#endif
