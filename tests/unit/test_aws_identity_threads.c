/* Many threads at one identity: one of them asks, the others wait or go on. */
#include "aws_fixture.h"

#include "base/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define THREADS  64
#define ROLE_ARN "arn:aws:iam::123456789012:role/loader"
#define STS_URL  "https://sts.us-east-1.amazonaws.com/"

/*
 * A platform that counts how many threads have asked for the date. A get does so once it holds the
 * identity's lock and before it decides; whoever takes that lock after the count was reached knows
 * that all of them have decided, and so are at the source or wait.
 */
struct counting {
    struct aws_platform platform;
    const struct aws_platform *behind;
    atomic_uint deciders;
};

static _Thread_local bool counted;

static int64_t counting_wall_ms(void *arg)
{
    struct counting *c = arg;

    if (!counted) {
        counted = true;
        atomic_fetch_add(&c->deciders, 1);
    }
    return c->behind->wall_ms(c->behind->arg);
}

static bool counting_send(void *arg, const struct http_request *request, struct http_reply *reply,
                          struct err *err)
{
    const struct counting *c = arg;
    return c->behind->send(c->behind->arg, request, reply, err);
}

static const char *counting_variable(void *arg, const char *name)
{
    const struct counting *c = arg;
    return c->behind->variable(c->behind->arg, name);
}

static uint64_t counting_mono_ns(void *arg)
{
    const struct counting *c = arg;
    return c->behind->mono_ns(c->behind->arg);
}

static uint64_t counting_random(void *arg)
{
    const struct counting *c = arg;
    return c->behind->random(c->behind->arg);
}

static bool counting_wait(void *arg, uint64_t wait_ms)
{
    const struct counting *c = arg;
    return c->behind->wait(c->behind->arg, wait_ms);
}

struct crowd {
    struct aws_world w;
    struct counting counting;
    struct aws_identity *base;
    struct aws_identity *role;
    pthread_t threads[THREADS];
    struct member {
        struct crowd *crowd;
        bool reports; /* that what it has was refused, before it asks */
        bool ok;
        struct aws_credentials got;
        struct err err;
    } members[THREADS];
};

static bool base_keys(void *arg, struct aws_credentials *out, struct err *err)
{
    (void)arg;
    (void)snprintf(out->identity, sizeof(out->identity), "test keys");
    return aws_credentials_set(out, "test", "AKIDBASE", "basesecret", NULL, err);
}

static void crowd_begin(struct crowd *c)
{
    const struct aws_role role = {.arn = ROLE_ARN};

    memset(c, 0, sizeof(*c));
    counted = true; /* main is no member */
    world_begin(&c->w);
    c->counting.behind = fake_platform_of(c->w.fake);
    c->counting.platform = (struct aws_platform){
        .arg = &c->counting,
        .variable = counting_variable,
        .send = counting_send,
        .wall_ms = counting_wall_ms,
        .mono_ns = counting_mono_ns,
        .random = counting_random,
        .wait = counting_wait,
    };
    c->w.session.platform = &c->counting.platform;
    c->w.session.settings.platform = &c->counting.platform;
    (void)snprintf(c->w.session.settings.region, AWS_REGION_MAX, "us-east-1");
    assert_true(aws_identity_custom(&c->w.session, base_keys, NULL, &c->base, &c->w.err));
    assert_true(aws_identity_role(&c->w.session, c->base, &role, &c->role, &c->w.err));
}

static void crowd_end(struct crowd *c)
{
    for (size_t i = 0; i < THREADS; i++) {
        aws_credentials_free(&c->members[i].got);
    }
    aws_identity_free(c->role);
    aws_identity_free(c->base);
    world_end(&c->w);
}

static void expect_role(struct crowd *c, const char *key, const char *expiration)
{
    char body[600];

    (void)snprintf(body, sizeof(body),
                   "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::"
                   "123456789012:assumed-role/loader/x</Arn></AssumedRoleUser><Credentials>"
                   "<AccessKeyId>%s</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
                   "<SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials>"
                   "</AssumeRoleResult></AssumeRoleResponse>",
                   key, expiration);
    fake_platform_expect(c->w.fake, &(struct fake_reply){.method = "POST",
                                                         .url = STS_URL,
                                                         .body_has = "Action=AssumeRole&",
                                                         .headers = "Content-Type: text/xml",
                                                         .body = body});
}

static void *member_main(void *arg)
{
    struct member *m = arg;

    if (m->reports) {
        aws_identity_refused(m->crowd->role, &m->got);
    }
    m->ok = aws_identity_get(m->crowd->role, &m->got, &m->err);
    return NULL;
}

static void start(struct crowd *c, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        c->members[i].crowd = c;
        assert_int_equal(pthread_create(&c->threads[i], NULL, member_main, &c->members[i]), 0);
    }
}

static void join(struct crowd *c, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        assert_int_equal(pthread_join(c->threads[i], NULL), 0);
    }
}

/* Until each thread has decided what to do. */
static void until_all_decided(struct crowd *c, unsigned threads)
{
    const struct aws_credentials nobody = {.access_key_id = "nobody"};

    while (atomic_load(&c->counting.deciders) < threads) {
        (void)sched_yield();
    }
    aws_identity_refused(c->role, &nobody); /* takes the lock after them */
}

static void assert_all_have(const struct crowd *c, const char *key)
{
    for (size_t i = 0; i < THREADS; i++) {
        if (!c->members[i].ok) {
            fail_msg("thread %zu: %s", i, c->members[i].err.msg);
        }
        assert_string_equal(c->members[i].got.access_key_id, key);
        assert_string_equal(c->members[i].got.identity, "role " ROLE_ARN " (from test keys)");
    }
}

/* The first credentials, and the clock moved on. */
static void have_and_advance(struct crowd *c, uint64_t seconds)
{
    expect_role(c, "ASIAOLD", "2015-08-30T13:36:00Z"); /* an hour from the fake's start */
    assert_got(&c->w, world_get(&c->w, c->role), "ASIAOLD");
    fake_platform_advance_ms(c->w.fake, seconds * 1000);
}

static void expired_role_is_asked_for_once(void **state)
{
    struct crowd c;

    crowd_begin(&c);
    have_and_advance(&c, 3600);
    expect_role(&c, "ASIANEW", "2015-08-30T14:40:00Z");
    fake_platform_hold(c.w.fake);
    start(&c, 0, THREADS);
    until_all_decided(&c, THREADS);
    assert_true(fake_platform_wait_held(c.w.fake, 1));
    fake_platform_release(c.w.fake);
    join(&c, 0, THREADS);
    assert_all_have(&c, "ASIANEW");
    assert_int_equal(aws_identity_fetches(c.role), 2);
    assert_int_equal(fake_platform_requests(c.w.fake), 2);
    assert_int_equal(aws_identity_fetches(c.base), 1);
    crowd_end(&c);
    (void)state;
}

static void nobody_waits_for_an_early_refresh(void **state)
{
    struct crowd c;

    crowd_begin(&c);
    have_and_advance(&c, 2800);
    expect_role(&c, "ASIANEW", "2015-08-30T14:40:00Z");
    fake_platform_hold(c.w.fake);
    start(&c, 0, 1);
    assert_true(fake_platform_wait_held(c.w.fake, 1));
    start(&c, 1, THREADS);
    join(&c, 1, THREADS); /* while the first is still at the source */
    fake_platform_release(c.w.fake);
    join(&c, 0, 1);
    for (size_t i = 0; i < THREADS; i++) {
        assert_true(c.members[i].ok);
        assert_string_equal(c.members[i].got.access_key_id, i == 0 ? "ASIANEW" : "ASIAOLD");
    }
    assert_int_equal(aws_identity_fetches(c.role), 2);
    crowd_end(&c);
    (void)state;
}

static void all_who_waited_for_a_late_refresh_have_the_new_ones(void **state)
{
    struct crowd c;

    crowd_begin(&c);
    have_and_advance(&c, 3500);
    expect_role(&c, "ASIANEW", "2015-08-30T14:40:00Z");
    fake_platform_hold(c.w.fake);
    start(&c, 0, THREADS);
    until_all_decided(&c, THREADS);
    fake_platform_release(c.w.fake);
    join(&c, 0, THREADS);
    assert_all_have(&c, "ASIANEW");
    assert_int_equal(aws_identity_fetches(c.role), 2);
    crowd_end(&c);
    (void)state;
}

static void all_who_waited_have_the_error_of_the_one_call(void **state)
{
    struct crowd c;

    crowd_begin(&c);
    have_and_advance(&c, 3600);
    fake_platform_expect(
        c.w.fake, &(struct fake_reply){.status = 403,
                                       .headers = "Content-Type: text/xml",
                                       .body = "<ErrorResponse><Error><Code>AccessDenied</Code>"
                                               "<Message>no</Message></Error></ErrorResponse>"});
    fake_platform_hold(c.w.fake);
    start(&c, 0, THREADS);
    until_all_decided(&c, THREADS);
    fake_platform_release(c.w.fake);
    join(&c, 0, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        assert_false(c.members[i].ok);
        assert_int_equal(c.members[i].err.kind, ERR_AUTH);
        assert_non_null(strstr(c.members[i].err.msg, "AccessDenied"));
    }
    assert_int_equal(aws_identity_fetches(c.role), 2);
    crowd_end(&c);
    (void)state;
}

/* All of them were refused with the same keys, and each says so. */
static void refusals_of_the_same_keys_make_one_call(void **state)
{
    struct crowd c;

    crowd_begin(&c);
    have_and_advance(&c, 10);
    for (size_t i = 0; i < THREADS; i++) {
        c.members[i].reports = true;
        assert_true(aws_credentials_copy(&c.w.got, &c.members[i].got, &c.w.err));
    }
    expect_role(&c, "ASIANEW", "2015-08-30T14:40:00Z");
    start(&c, 0, THREADS);
    join(&c, 0, THREADS);
    assert_all_have(&c, "ASIANEW");
    assert_int_equal(aws_identity_fetches(c.role), 2);
    crowd_end(&c);
    (void)state;
}

static void stop_reaches_those_who_wait(void **state)
{
    struct crowd c;

    crowd_begin(&c);
    have_and_advance(&c, 3600);
    fake_platform_hold(c.w.fake);
    start(&c, 0, THREADS);
    until_all_decided(&c, THREADS);
    fake_platform_stop(c.w.fake);
    join(&c, 0, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        assert_false(c.members[i].ok);
        assert_int_equal(c.members[i].err.kind, ERR_CANCELLED);
    }
    assert_int_equal(aws_identity_fetches(c.role), 2);
    crowd_end(&c);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expired_role_is_asked_for_once),
        cmocka_unit_test(nobody_waits_for_an_early_refresh),
        cmocka_unit_test(all_who_waited_for_a_late_refresh_have_the_new_ones),
        cmocka_unit_test(all_who_waited_have_the_error_of_the_one_call),
        cmocka_unit_test(refusals_of_the_same_keys_make_one_call),
        cmocka_unit_test(stop_reaches_those_who_wait),
    };

    return cmocka_run_group_tests_name("aws_identity_threads", tests, NULL, NULL);
}
