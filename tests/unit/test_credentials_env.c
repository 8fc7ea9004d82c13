/* Keys that are given by variables. */
#include "aws_fixture.h"

#include "aws/credentials_env.h"

#define KEY_ID     "AWS_ACCESS_KEY_ID"
#define SECRET     "AWS_SECRET_ACCESS_KEY"
#define TOKEN      "AWS_SESSION_TOKEN"
#define ACCOUNT    "AWS_ACCOUNT_ID"
#define EXPIRATION "AWS_CREDENTIAL_EXPIRATION"

struct env_row {
    const char *key_id;
    const char *secret;
    const char *token;
    const char *account;
    const char *expiration;
};

static bool ask(struct aws_world *w, const struct env_row *row, struct credentials_answer *answer)
{
    world_begin(w);
    fake_platform_variable(w->fake, KEY_ID, row->key_id);
    fake_platform_variable(w->fake, SECRET, row->secret);
    fake_platform_variable(w->fake, TOKEN, row->token);
    fake_platform_variable(w->fake, ACCOUNT, row->account);
    fake_platform_variable(w->fake, EXPIRATION, row->expiration);
    w->session.platform = fake_platform_of(w->fake);
    return credentials_env(&w->session, &w->got, answer, &w->err);
}

static void all_of_them(void **state)
{
    const struct env_row row = {"AKID", "s", "t", "123456789012", "2015-08-30T18:36:00Z"};
    struct credentials_answer answer = {0};
    struct aws_world w;

    assert_got(&w, ask(&w, &row, &answer), "AKID");
    assert_true(answer.found);
    assert_string_equal(secret_reveal(&w.got.secret_access_key), "s");
    assert_string_equal(secret_reveal(&w.got.session_token), "t");
    assert_string_equal(w.got.account_id, "123456789012");
    assert_int_equal(w.got.expires_s, FAKE_WALL_MS / 1000 + 21600);
    assert_string_equal(w.got.identity, "the environment");
    world_end(&w);
    (void)state;
}

static void the_pair_is_enough(void **state)
{
    const struct env_row rows[] = {
        {"AKID", "s", NULL, NULL, NULL},
        {"AKID", "s", "",   "",   ""  },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct credentials_answer answer = {0};
        struct aws_world w;
        assert_got(&w, ask(&w, &rows[i], &answer), "AKID");
        assert_true(answer.found);
        assert_false(secret_is_set(&w.got.session_token));
        assert_string_equal(w.got.account_id, "");
        assert_int_equal(w.got.expires_s, 0);
        world_end(&w);
    }
    (void)state;
}

static void neither_of_the_pair_is_not_found(void **state)
{
    const struct env_row rows[] = {
        {NULL, NULL, NULL, NULL,           NULL},
        {"",   "",   "t",  "123456789012", "x" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct credentials_answer answer = {.found = true};
        struct aws_world w;
        assert_true(ask(&w, &rows[i], &answer));
        assert_false(answer.found);
        assert_string_equal(answer.missing, KEY_ID " is not set");
        assert_string_equal(w.got.access_key_id, "");
        world_end(&w);
    }
    (void)state;
}

static void what_cannot_be_is_refused(void **state)
{
    static const struct {
        struct env_row env;
        const char *part;
    } rows[] = {
        {{"AKID", NULL, "t", NULL, NULL},         KEY_ID " is set but " SECRET " is not"},
        {{"AKID", "", NULL, NULL, NULL},          KEY_ID " is set but " SECRET " is not"},
        {{NULL, "hidden", NULL, NULL, NULL},      SECRET " is set but " KEY_ID " is not"},
        {{"AKID", "hidden\n", NULL, NULL, NULL},  "the environment: "                   },
        {{"AKID", "s", "hidden x", NULL, NULL},   "the environment: "                   },
        {{"AKID", "s", NULL, NULL, "soon"},       EXPIRATION " is not a date"           },
        {{"AKID", "s", NULL, NULL, "1440959760"}, EXPIRATION " is not a date"           },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct credentials_answer answer = {0};
        struct aws_world w;
        assert_failed(&w, ask(&w, &rows[i].env, &answer), ERR_USAGE, rows[i].part);
        assert_null(strstr(w.err.msg, "hidden"));
        assert_false(answer.found);
        assert_string_equal(w.got.access_key_id, "");
        world_end(&w);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_them),
        cmocka_unit_test(the_pair_is_enough),
        cmocka_unit_test(neither_of_the_pair_is_not_found),
        cmocka_unit_test(what_cannot_be_is_refused),
    };

    return cmocka_run_group_tests_name("credentials_env", tests, NULL, NULL);
}
