/* call_fixture.h: a caller with keys of his own over a fake platform, for the services' tests. */
#ifndef TESTS_CALL_FIXTURE_H
#define TESTS_CALL_FIXTURE_H

#include "unit.h"

#include "aws/call.h"
#include "tests/support/fake_platform.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define FAR_FUTURE_S INT64_C(4102444800)
#define SECRET_KEY   "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define TOKEN        "IQoJb3JpZ2luX2VjEXAMPLEtokenEXAMPLEtoken"
#define REQUEST_ID   "5f1c-request-id"

struct call_world {
    struct fake_platform *fake;
    struct aws_session session;
    struct aws_identity *identity;
    struct aws_caller caller;
    unsigned fetches;
    struct err err;
};

/* Other keys each time: AKIDEXAMPLE1, AKIDEXAMPLE2, ... */
static inline bool fixture_fetch(void *arg, struct aws_credentials *out, struct err *err)
{
    struct call_world *w = arg;
    char id[32];

    w->fetches++;
    (void)snprintf(id, sizeof id, "AKIDEXAMPLE%u", w->fetches);
    if (!aws_credentials_set(out, "the test", id, SECRET_KEY, TOKEN, err)) {
        return false;
    }
    out->expires_s = FAR_FUTURE_S;
    (void)snprintf(out->account_id, sizeof out->account_id, "%s", "123456789012");
    (void)snprintf(out->identity, sizeof out->identity, "%s", "profile dev");
    return true;
}

static inline void world_begin(struct call_world *w)
{
    memset(w, 0, sizeof *w);
    w->fake = fake_platform_new();
    fake_platform_variable(w->fake, "AWS_REGION", "us-east-1");
}

/* After the variables and files have been set. */
static inline void world_open(struct call_world *w)
{
    if (!aws_session_open(fake_platform_of(w->fake), NULL, NULL, &w->session, &w->err) ||
        !aws_identity_custom(&w->session, fixture_fetch, w, &w->identity, &w->err)) {
        fail_msg("%s", w->err.msg);
    }
    w->caller = (struct aws_caller){.session = &w->session, .identity = w->identity};
}

static inline void world_start(struct call_world *w)
{
    world_begin(w);
    world_open(w);
}

/* Also: the script was kept to, and whatever the error says, it is no secret. */
static inline void world_end(struct call_world *w)
{
    assert_string_equal(fake_platform_wrong(w->fake), "");
    assert_int_equal(fake_platform_unanswered(w->fake), 0);
    assert_null(strstr(w->err.msg, "wJalrXUtn"));
    assert_null(strstr(w->err.msg, "IQoJb3JpZ2"));
    aws_identity_free(w->identity);
    aws_session_close(&w->session);
    fake_platform_free(w->fake);
}

static inline void answer(struct call_world *w, int status, const char *body)
{
    fake_platform_expect(w->fake, &(struct fake_reply){.status = status,
                                                       .headers = "x-amzn-requestid: " REQUEST_ID,
                                                       .body = body});
}

static inline void answer_times(struct call_world *w, unsigned times, int status, const char *body)
{
    for (unsigned i = 0; i < times; i++) {
        answer(w, status, body);
    }
}

static inline void assert_fine(const struct call_world *w, bool ok)
{
    if (!ok) {
        fail_msg("kind %d: %s", (int)w->err.kind, w->err.msg);
    }
    assert_int_equal(w->err.kind, ERR_NONE);
}

static inline void assert_failed(const struct call_world *w, bool ok, enum err_kind kind,
                                 const char *part)
{
    assert_false(ok);
    if (w->err.kind != kind || strstr(w->err.msg, part) == NULL) {
        fail_msg("wanted kind %d and \"%s\", got kind %d: %s", (int)kind, part, (int)w->err.kind,
                 w->err.msg);
    }
}

static inline void assert_says(const struct call_world *w, const char *part)
{
    if (strstr(w->err.msg, part) == NULL) {
        fail_msg("wanted \"%s\" in: %s", part, w->err.msg);
    }
}

#endif
