/* auth_secret: which version of a secret a login gets, when AWS does not give one any more, and
 * what counts as tried. */
#include "call_fixture.h"

#include "job/auth_internal.h"

#include "base/clock.h"
#include "pg/login.h"

#define VALUE(user, password)                                                   \
    "{\"ARN\":\"arn:aws:secretsmanager:us-east-1:210987654321:secret:db-AbCdEf" \
    "\",\"Name\":\"db\",\"VersionId\":\"v\",\"SecretString\":\"{"               \
    "\\\"username\\\":\\\"" user "\\\",\\\"password\\\":\\\"" password "\\\"}\"}"
#define NOT_THERE                                                                   \
    "{\"__type\":\"ResourceNotFoundException\",\"message\":\"Secrets Manager can't" \
    " find the specified secret.\"}"
#define DENIED "{\"__type\":\"AccessDeniedException\",\"message\":\"not you\"}"

struct world {
    struct call_world w;
    struct auth auth;
    struct side_auth wish;
    struct auth_party *p;
};

static void open_world(struct world *x)
{
    static char name[] = "db";
    *x = (struct world){.wish = {.secret = name}};
    world_begin(&x->w);
    if (!aws_session_open(fake_platform_of(x->w.fake), NULL, NULL, &x->auth.session, &x->w.err) ||
        !aws_identity_custom(&x->auth.session, fixture_fetch, &x->w, &x->auth.chain, &x->w.err)) {
        fail_msg("%s", x->w.err.msg);
    }
    x->p = &x->auth.party[AUTH_SOURCE];
    x->p->auth = &x->auth;
    x->p->name = "source";
    x->p->wish = &x->wish;
    mutex_init(&x->p->lock);
}

static void close_world(struct world *x)
{
    secret_body_free(&x->p->current);
    mutex_destroy(&x->p->lock);
    aws_identity_free(x->auth.chain);
    aws_session_close(&x->auth.session);
    world_end(&x->w);
}

static void first_is(struct world *x, const char *user, const char *password)
{
    struct secret_body body = {.host = ""};
    assert_fine(&x->w, auth_secret_first(x->p, &body, &x->w.err));
    assert_string_equal(secret_reveal(&body.user), user);
    assert_string_equal(secret_reveal(&body.password), password);
    secret_body_free(&body);
}

static void time_passes(struct world *x, uint64_t seconds)
{
    x->p->current_ns -= seconds * NS_PER_S;
    x->p->failed_ns -= x->p->failed_ns == 0 ? 0 : seconds * NS_PER_S;
}

static struct pg_login refused_login(const char *user, const char *password)
{
    struct pg_login login = {.tries = 1};
    struct err err;
    assert_true(secret_set(&login.user, user, &err) && secret_set(&login.password, password, &err));
    return login;
}

static void a_version_is_used_again_for_a_while(void **state)
{
    struct world x;
    open_world(&x);
    answer(&x.w, 200, VALUE("u", "one"));
    first_is(&x, "u", "one");
    time_passes(&x, SECRET_REUSE_S - 1);
    first_is(&x, "u", "one");
    answer(&x.w, 200, VALUE("u", "two"));
    time_passes(&x, 2);
    first_is(&x, "u", "two");
    close_world(&x);
    (void)state;
}

/* Deleted, denied, or not reached: the server may take the known one still. Nobody asks for it in
 * vain at every login. */
static void a_known_version_outlives_its_secret(void **state)
{
    static const struct {
        int status;
        unsigned times;
        const char *body;
    } answers[] = {
        {400, 1, NOT_THERE},
        {400, 1, DENIED   },
        {503, 3, ""       },
    };
    struct world x;
    open_world(&x);
    answer(&x.w, 200, VALUE("u", "one"));
    first_is(&x, "u", "one");
    time_passes(&x, SECRET_REUSE_S);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        answer_times(&x.w, answers[i].times, answers[i].status, answers[i].body);
        first_is(&x, "u", "one");
        first_is(&x, "u", "one");
        assert_int_equal(fake_platform_unanswered(x.w.fake), 0);
        time_passes(&x, SECRET_PAUSE_S);
    }
    answer(&x.w, 200, VALUE("u", "two"));
    first_is(&x, "u", "two");
    close_world(&x);
    (void)state;
}

static void without_a_known_version_an_error_is_one(void **state)
{
    struct secret_body body = {.host = ""};
    struct world x;
    open_world(&x);
    answer(&x.w, 400, NOT_THERE);
    assert_failed(&x.w, auth_secret_first(x.p, &body, &x.w.err), ERR_USAGE,
                  "ResourceNotFoundException");
    answer(&x.w, 400, DENIED); /* nor is anything left out afterwards */
    assert_failed(&x.w, auth_secret_first(x.p, &body, &x.w.err), ERR_AUTH, "AccessDenied");
    close_world(&x);
    (void)state;
}

static void a_refused_version_needs_another_one(void **state)
{
    struct secret_body body = {.host = ""};
    bool more = false;
    struct world x;
    open_world(&x);
    answer(&x.w, 200, VALUE("u", "one"));
    first_is(&x, "u", "one");
    struct pg_login login = refused_login("u", "one");
    answer(&x.w, 400, NOT_THERE);
    assert_failed(&x.w, auth_secret_next(x.p, &login, &body, &more, &x.w.err), ERR_USAGE,
                  "the secret was read again");
    pg_login_free(&login);
    secret_body_free(&body);
    close_world(&x);
    (void)state;
}

/* As after somebody has corrected the secret's user and left its password. */
static void another_user_with_the_same_password_is_another_login(void **state)
{
    struct secret_body body = {.host = ""};
    bool more = false;
    struct world x;
    open_world(&x);
    answer(&x.w, 200, VALUE("wrong", "one"));
    first_is(&x, "wrong", "one");
    struct pg_login login = refused_login("wrong", "one");
    answer(&x.w, 200, VALUE("right", "one"));
    assert_fine(&x.w, auth_secret_next(x.p, &login, &body, &more, &x.w.err));
    assert_true(more);
    assert_string_equal(secret_reveal(&body.user), "right");

    pg_login_free(&login);
    login = refused_login("right", "one"); /* and what else could be tried is no different */
    assert_true(secret_set_bytes(&login.tried, "wrong\0one", 10, &x.w.err));
    answer_times(&x.w, 3, 200, VALUE("wrong", "one"));
    assert_fine(&x.w, auth_secret_next(x.p, &login, &body, &more, &x.w.err));
    assert_false(more);
    pg_login_free(&login);
    secret_body_free(&body);
    close_world(&x);
    (void)state;
}

static void what_let_somebody_in_is_the_next_ones(void **state)
{
    struct world x;
    open_world(&x);
    answer(&x.w, 200, VALUE("wrong", "one"));
    first_is(&x, "wrong", "one");
    struct pg_login login = refused_login("right", "one");
    auth_secret_accepted(x.p, &login);
    first_is(&x, "right", "one");
    pg_login_free(&login);
    login = refused_login("right", "two");
    auth_secret_accepted(x.p, &login);
    first_is(&x, "right", "two");
    pg_login_free(&login);
    close_world(&x);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_is_used_again_for_a_while),
        cmocka_unit_test(a_known_version_outlives_its_secret),
        cmocka_unit_test(without_a_known_version_an_error_is_one),
        cmocka_unit_test(a_refused_version_needs_another_one),
        cmocka_unit_test(another_user_with_the_same_password_is_another_login),
        cmocka_unit_test(what_let_somebody_in_is_the_next_ones),
    };
    return cmocka_run_group_tests_name("auth_secret", tests, NULL, NULL);
}
