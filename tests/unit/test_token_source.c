/*
 * token_source: how long a token is used, what a refusal and an error do, and that many threads
 * get one token. The identity is the real one, with a source of the test's own behind it.
 */
#include "unit.h"

#include "aws/token_source.h"
#include "base/thread.h"
#include "tests/support/fake_platform.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define START_S (FAKE_WALL_MS / 1000)
#define THREADS 64
#define LONG_S  36000

/* Where credentials come from. */
struct keys {
    struct mutex lock;
    struct cond changed;
    bool held;        /* whoever fetches waits */
    bool same;        /* each fetch gives the same keys, as variables do */
    unsigned fetches; /* begun */
    unsigned callers; /* threads that are about to ask for a token */
    enum err_kind fails;
    int64_t expires_s;
};

struct fixture {
    struct fake_platform *platform;
    struct aws_session session;
    struct keys keys;
    struct aws_identity *identity;
    struct aws_token_source *source;
};

static bool fetch(void *arg, struct aws_credentials *out, struct err *err)
{
    struct keys *keys = arg;
    char id[32];

    mutex_lock(&keys->lock);
    keys->fetches++;
    cond_broadcast(&keys->changed);
    while (keys->held) {
        cond_wait(&keys->changed, &keys->lock);
    }
    enum err_kind fails = keys->fails;
    (void)snprintf(id, sizeof(id), "AKID%u", keys->same ? 0 : keys->fetches);
    out->expires_s = keys->expires_s;
    mutex_unlock(&keys->lock);
    if (fails != ERR_NONE) {
        return err_set(err, fails, "the source of keys has none");
    }
    (void)snprintf(out->identity, sizeof(out->identity), "a test's keys");
    return aws_credentials_set(out, "a test", id, "a+secret", "a+session", err);
}

static int open_fixture(void **state)
{
    static struct fixture f;
    struct err err = {0};

    memset(&f, 0, sizeof(f));
    f.platform = fake_platform_new();
    f.session.platform = fake_platform_of(f.platform);
    atomic_init(&f.session.skew_ms, 0);
    mutex_init(&f.keys.lock);
    cond_init(&f.keys.changed);
    *state = &f;
    char host[] = "db.example";
    char user[] = "loader";
    if (!aws_identity_custom(&f.session, fetch, &f.keys, &f.identity, &err)) {
        return -1;
    }
    const struct aws_token_params params = {.session = &f.session,
                                            .identity = f.identity,
                                            .host = host,
                                            .port = 5432,
                                            .region = "us-east-1",
                                            .user = user};
    if (!aws_token_source_open(&params, &f.source, &err)) {
        return -1;
    }
    host[0] = 'X'; /* they were copied */
    user[0] = 'X';
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;

    aws_token_source_close(f->source);
    aws_identity_free(f->identity);
    cond_destroy(&f->keys.changed);
    mutex_destroy(&f->keys.lock);
    fake_platform_free(f->platform);
    return 0;
}

static struct secret get(struct fixture *f, const struct secret *refused)
{
    struct secret token = {0};
    struct err err = {0};

    if (!aws_token_source_get(f->source, refused, &token, &err)) {
        fail_msg("%s", err.msg);
    }
    assert_true(
        strncmp(secret_reveal(&token), "db.example:5432/?Action=connect&DBUser=loader&", 46) == 0);
    return token;
}

static bool same(const struct secret *a, const struct secret *b)
{
    return strcmp(secret_reveal(a), secret_reveal(b)) == 0;
}

/* Gets a token at a time, and says whether it is another than the one before, which it replaces. */
static bool changes_at(struct fixture *f, struct secret *before, int64_t now_s)
{
    fake_platform_set_wall_ms(f->platform, now_s * 1000);
    struct secret now = get(f, NULL);
    bool changed = !same(before, &now);

    secret_free(before);
    *before = now;
    return changed;
}

static void a_token_is_used_for_ten_minutes(void **state)
{
    struct fixture *f = *state;
    struct secret token = get(f, NULL);

    assert_false(changes_at(f, &token, START_S + TOKEN_REUSE_S - 1));
    assert_int_equal(aws_token_source_made(f->source), 1);
    assert_true(changes_at(f, &token, START_S + TOKEN_REUSE_S));
    assert_false(changes_at(f, &token, START_S + INT64_C(2) * TOKEN_REUSE_S - 1));
    assert_true(changes_at(f, &token, START_S + INT64_C(2) * TOKEN_REUSE_S));
    assert_int_equal(aws_token_source_made(f->source), 3);
    assert_int_equal(aws_identity_fetches(f->identity), 1);
    secret_free(&token);
}

static void another_age_can_be_set(void **state)
{
    struct fixture *f = *state;
    const struct aws_token_params params = {.session = &f->session,
                                            .identity = f->identity,
                                            .host = "db.example",
                                            .port = 5432,
                                            .region = "us-east-1",
                                            .user = "loader",
                                            .reuse_s = 5};
    struct err err = {0};

    aws_token_source_close(f->source);
    assert_true(aws_token_source_open(&params, &f->source, &err));
    struct secret token = get(f, NULL);
    assert_false(changes_at(f, &token, START_S + 4));
    assert_true(changes_at(f, &token, START_S + 5));
    secret_free(&token);
}

static void a_clock_that_went_back_means_a_new_token(void **state)
{
    struct fixture *f = *state;
    struct secret token = get(f, NULL);

    assert_true(changes_at(f, &token, START_S - 1));
    assert_non_null(strstr(secret_reveal(&token), "X-Amz-Date=20150830T123559Z"));
    secret_free(&token);
}

static void a_token_is_dated_by_the_clock_of_aws(void **state)
{
    struct fixture *f = *state;

    atomic_store(&f->session.skew_ms, 60000);
    struct secret token = get(f, NULL);
    assert_non_null(strstr(secret_reveal(&token), "X-Amz-Date=20150830T123700Z"));
    secret_free(&token);
}

static void a_token_does_not_outlive_its_credentials(void **state)
{
    struct fixture *f = *state;

    f->keys.expires_s = START_S + 300;
    struct secret token = get(f, NULL);
    assert_false(changes_at(f, &token, START_S + 239)); /* 61 s before */
    f->keys.expires_s = START_S + LONG_S;
    assert_true(changes_at(f, &token, START_S + 240));
    assert_int_equal(aws_token_source_made(f->source), 2);
    secret_free(&token);
}

static void towards_their_end_short_credentials_sign_no_token_for_all(void **state)
{
    struct fixture *f = *state;

    f->keys.expires_s = START_S + 40;
    struct secret token = get(f, NULL);
    assert_false(changes_at(f, &token, START_S + 29));
    assert_true(changes_at(f, &token, START_S + 30));
    assert_int_equal(aws_token_source_made(f->source), 2);
    secret_free(&token);
}

static void a_refused_token_is_replaced_with_new_credentials(void **state)
{
    struct fixture *f = *state;
    struct secret first = get(f, NULL);
    struct secret second = get(f, &first);

    assert_false(same(&first, &second));
    assert_non_null(strstr(secret_reveal(&first), "AKID1"));
    assert_non_null(strstr(secret_reveal(&second), "AKID2"));
    assert_int_equal(aws_token_source_made(f->source), 2);
    assert_int_equal(aws_identity_fetches(f->identity), 2);

    /* Somebody is late with the first: there is another already. */
    struct secret third = get(f, &first);
    assert_true(same(&second, &third));
    assert_int_equal(aws_token_source_made(f->source), 2);
    assert_int_equal(aws_identity_fetches(f->identity), 2);
    secret_free(&first);
    secret_free(&second);
    secret_free(&third);
}

/* The same keys in the same second would sign the same text. */
static void a_refused_token_never_comes_back_at_once(void **state)
{
    struct fixture *f = *state;

    f->keys.same = true;
    struct secret first = get(f, NULL);
    struct secret second = get(f, &first);
    assert_false(same(&first, &second));
    assert_non_null(strstr(secret_reveal(&second), "X-Amz-Date=20150830T123559Z"));
    struct secret third = get(f, &first);
    assert_true(same(&second, &third));
    assert_int_equal(aws_token_source_made(f->source), 2);
    secret_free(&first);
    secret_free(&second);
    secret_free(&third);
}

static void something_else_that_was_refused_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct secret nothing = {0};
    struct secret first = get(f, &nothing);
    struct secret second = get(f, &nothing);

    assert_true(same(&first, &second));
    assert_int_equal(aws_token_source_made(f->source), 1);
    assert_int_equal(aws_identity_fetches(f->identity), 1);
    secret_free(&first);
    secret_free(&second);
}

static void an_error_is_passed_on_and_the_next_call_tries_again(void **state)
{
    struct fixture *f = *state;
    struct secret token = {0};
    struct err err = {0};

    f->keys.fails = ERR_AUTH;
    assert_true(secret_set(&token, "before", &err));
    assert_false(aws_token_source_get(f->source, NULL, &token, &err));
    assert_int_equal(err.kind, ERR_AUTH);
    assert_string_equal(secret_reveal(&token), "before");
    assert_int_equal(aws_token_source_made(f->source), 0);
    f->keys.fails = ERR_NONE;
    secret_free(&token);
    token = get(f, NULL);
    assert_int_equal(aws_token_source_made(f->source), 1);
    secret_free(&token);
}

static void expired_credentials_make_no_token(void **state)
{
    struct fixture *f = *state;
    struct secret token = {0};
    struct err err = {0};

    f->keys.expires_s = START_S - 1;
    assert_false(aws_token_source_get(f->source, NULL, &token, &err));
    assert_int_equal(err.kind, ERR_AUTH);
    assert_non_null(strstr(err.msg, "a test's keys"));
    assert_false(secret_is_set(&token));
}

/* ---- threads; cmocka must not fail in one, so they only tell ---- */

struct caller {
    pthread_t thread;
    struct fixture *f;
    const struct secret *refused;
    struct secret token;
    struct err err;
    bool ok;
};

static void *call(void *arg)
{
    struct caller *c = arg;
    struct keys *keys = &c->f->keys;

    mutex_lock(&keys->lock);
    keys->callers++;
    cond_broadcast(&keys->changed);
    mutex_unlock(&keys->lock);
    c->ok = aws_token_source_get(c->f->source, c->refused, &c->token, &c->err);
    return NULL;
}

/* All ask while the keys are held back, so that none can be done before the last has come. */
static void call_at_once(struct fixture *f, struct caller callers[THREADS],
                         const struct secret *refused)
{
    f->keys.held = true;
    f->keys.callers = 0;
    for (size_t i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.f = f, .refused = refused};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
    }
    mutex_lock(&f->keys.lock);
    while (f->keys.callers < THREADS) {
        cond_wait(&f->keys.changed, &f->keys.lock);
    }
    f->keys.held = false;
    cond_broadcast(&f->keys.changed);
    mutex_unlock(&f->keys.lock);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
    }
}

static void check_all_same(struct caller callers[THREADS])
{
    for (size_t i = 0; i < THREADS; i++) {
        assert_true(callers[i].ok);
        assert_true(same(&callers[i].token, &callers[0].token));
    }
}

static void free_tokens(struct caller callers[THREADS])
{
    for (size_t i = 0; i < THREADS; i++) {
        secret_free(&callers[i].token);
    }
}

static void check_many(struct fixture *f)
{
    static struct caller first[THREADS];
    static struct caller again[THREADS];

    call_at_once(f, first, NULL);
    check_all_same(first);
    assert_int_equal(aws_token_source_made(f->source), 1);
    assert_int_equal(aws_identity_fetches(f->identity), 1);

    call_at_once(f, again, &first[0].token);
    check_all_same(again);
    assert_false(same(&first[0].token, &again[0].token));
    assert_int_equal(aws_token_source_made(f->source), 2);
    assert_int_equal(aws_identity_fetches(f->identity), 2);
    free_tokens(first);
    free_tokens(again);
}

static void sixty_four_threads_get_one_token(void **state)
{
    check_many(*state);
}

static void and_one_with_keys_that_stay_the_same(void **state)
{
    struct fixture *f = *state;

    f->keys.same = true;
    check_many(f);
}

static void all_who_wait_are_told_of_the_error(void **state)
{
    struct fixture *f = *state;
    static struct caller callers[THREADS];

    f->keys.fails = ERR_TRANSIENT;
    call_at_once(f, callers, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        assert_false(callers[i].ok);
        assert_int_equal(callers[i].err.kind, ERR_TRANSIENT);
        assert_false(secret_is_set(&callers[i].token));
    }
    assert_int_equal(aws_token_source_made(f->source), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_is_used_for_ten_minutes),
        TEST(another_age_can_be_set),
        TEST(a_clock_that_went_back_means_a_new_token),
        TEST(a_token_is_dated_by_the_clock_of_aws),
        TEST(a_token_does_not_outlive_its_credentials),
        TEST(towards_their_end_short_credentials_sign_no_token_for_all),
        TEST(a_refused_token_is_replaced_with_new_credentials),
        TEST(a_refused_token_never_comes_back_at_once),
        TEST(something_else_that_was_refused_changes_nothing),
        TEST(an_error_is_passed_on_and_the_next_call_tries_again),
        TEST(expired_credentials_make_no_token),
        TEST(sixty_four_threads_get_one_token),
        TEST(and_one_with_keys_that_stay_the_same),
        TEST(all_who_wait_are_told_of_the_error),
    };

    aws_token_source_close(NULL);
    return cmocka_run_group_tests_name("token_source", tests, NULL, NULL);
}
