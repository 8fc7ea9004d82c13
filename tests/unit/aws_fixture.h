/*
 * aws_fixture.h: a session over a fake platform, and the reading of published vectors as cmocka
 * tests, one for each case.
 */
#ifndef TESTS_AWS_FIXTURE_H
#define TESTS_AWS_FIXTURE_H

#include "unit.h"

#include "aws/identity.h"
#include "aws/session.h"
#include "tests/support/fake_platform.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS_MAX 100

struct aws_world {
    struct fake_platform *fake;
    struct aws_session session;
    struct aws_credentials got;
    struct err err;
};

static inline void world_begin(struct aws_world *w)
{
    memset(w, 0, sizeof(*w));
    w->fake = fake_platform_new();
}

/* After the variables and files have been set. */
static inline void world_open(struct aws_world *w, const char *profile)
{
    if (!aws_session_open(fake_platform_of(w->fake), profile, NULL, &w->session, &w->err)) {
        fail_msg("%s", w->err.msg);
    }
}

/* Also checks that the script of requests was kept to. */
static inline void world_end(struct aws_world *w)
{
    assert_string_equal(fake_platform_wrong(w->fake), "");
    assert_int_equal(fake_platform_unanswered(w->fake), 0);
    aws_credentials_free(&w->got);
    aws_session_close(&w->session);
    fake_platform_free(w->fake);
}

static inline bool world_get(struct aws_world *w, struct aws_identity *identity)
{
    return aws_identity_get(identity, &w->got, &w->err);
}

static inline void assert_failed(const struct aws_world *w, bool ok, enum err_kind kind,
                                 const char *part)
{
    assert_false(ok);
    if (w->err.kind != kind || strstr(w->err.msg, part) == NULL) {
        fail_msg("wanted kind %d and \"%s\", got kind %d: %s", (int)kind, part, (int)w->err.kind,
                 w->err.msg);
    }
}

static inline void assert_got(const struct aws_world *w, bool ok, const char *access_key_id)
{
    if (!ok) {
        fail_msg("%s", w->err.msg);
    }
    assert_string_equal(w->got.access_key_id, access_key_id);
}

/* ---- vectors ---- */

static inline json_t *vectors_load(const char *path)
{
    json_error_t why;
    json_t *root = json_load_file(path, 0, &why);

    if (root == NULL) {
        (void)fprintf(stderr, "%s: %s (tests run in the root of the tree)\n", path, why.text);
        abort();
    }
    return root;
}

static inline void vectors_drop(json_t **root)
{
    json_decref(*root);
}

static inline const char *vector_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* One test for each case of an array; its state is the case, its name the case's "docs". */
static inline size_t vectors_add(struct CMUnitTest *tests, size_t count, json_t *cases,
                                 CMUnitTestFunction check)
{
    for (size_t i = 0; i < json_array_size(cases); i++) {
        json_t *test = json_array_get(cases, i);
        if (count == VECTORS_MAX) {
            abort();
        }
        const char *name = vector_text(test, "docs");
        tests[count++] = (struct CMUnitTest){
            .name = name == NULL ? "vector" : name, .test_func = check, .initial_state = test};
    }
    return count;
}

#endif
