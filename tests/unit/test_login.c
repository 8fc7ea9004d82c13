/* login: which connection strings are tried, until when, and what is said in the end. */
#include "unit.h"

#include "pg/login.h"

#include <stdio.h>
#include <string.h>

/* What becomes of a try. */
enum outcome { TAKEN, REFUSED, BROKEN };

struct server {
    unsigned offers;  /* strings that there are */
    unsigned fail_at; /* the offer that cannot be made, from 1; 0: none */
    const enum outcome *outcomes;
    unsigned asked;
    unsigned tried;
    unsigned accepted;
    unsigned explained;
    const char *host;
};

static bool next(void *self, struct pg_login *login, bool *more, struct err *err)
{
    struct server *s = self;
    char text[32];
    assert_int_equal(login->tries, s->asked);
    if (s->asked > 0) {
        (void)snprintf(text, sizeof text, "try=%u", s->asked);
        assert_string_equal(secret_reveal(&login->conninfo), text); /* the one refused */
    }
    s->asked++;
    s->host = login->host;
    if (s->fail_at == s->asked) {
        return err_set(err, ERR_TRANSIENT, "no offer %u", s->asked);
    }
    (void)err_set(err, ERR_SYSTEM, "a word on the way that nobody wants");
    *more = s->asked <= s->offers;
    (void)snprintf(text, sizeof text, "try=%u", s->asked);
    return !*more || secret_set(&login->conninfo, text, err);
}

static void accepted(void *self, const struct pg_login *login)
{
    struct server *s = self;
    char text[32];
    s->accepted++;
    (void)snprintf(text, sizeof text, "try=%u", s->tried);
    assert_string_equal(secret_reveal(&login->conninfo), text);
}

static void explain(void *self, const struct pg_login *login, struct err *err)
{
    struct server *s = self;
    s->explained++;
    assert_int_equal(login->tries, s->tried);
    (void)snprintf(err->msg + strlen(err->msg), sizeof err->msg - strlen(err->msg), "; explained");
}

static bool once(void *self, const struct secret *conninfo, bool *refused, struct err *err)
{
    struct server *s = self;
    enum outcome outcome = s->outcomes[s->tried++];
    assert_false(*refused);
    *refused = outcome == REFUSED;
    return outcome == TAKEN || err_set(err, outcome == REFUSED ? ERR_AUTH : ERR_TRANSIENT,
                                       "%s was not let in", secret_reveal(conninfo));
}

struct course {
    unsigned offers;
    unsigned fail_at;
    enum outcome outcomes[3];
    unsigned tried;
    const char *says; /* NULL: let in */
    enum err_kind kind;
};

static void it_tries_until_it_is_known(void **state)
{
    static const struct course courses[] = {
        {1, 0, {TAKEN},                     1, NULL,                              ERR_NONE     },
        {3, 0, {REFUSED, REFUSED, TAKEN},   3, NULL,                              ERR_NONE     },
        {1, 0, {REFUSED},                   1, "try=1 was not let in; explained", ERR_AUTH     },
        {3, 0, {REFUSED, REFUSED, REFUSED}, 3, "try=3 was not let in; explained", ERR_AUTH     },
        {3, 0, {BROKEN},                    1, "try=1 was not let in",            ERR_TRANSIENT},
        {3, 0, {REFUSED, BROKEN},           2, "try=2 was not let in",            ERR_TRANSIENT},
        {3, 1, {TAKEN},                     0, "no offer 1",                      ERR_TRANSIENT},
        {3, 2, {REFUSED, TAKEN},            1, "no offer 2",                      ERR_TRANSIENT},
    };
    for (size_t i = 0; i < sizeof courses / sizeof courses[0]; i++) {
        const struct course *c = &courses[i];
        struct server s = {.offers = c->offers, .fail_at = c->fail_at, .outcomes = c->outcomes};
        struct pg_auth auth = {.self = &s, .next = next, .accepted = accepted, .explain = explain};
        struct err err = {.kind = ERR_NONE};
        bool ok = pg_login_each(&auth, "there", once, &s, &err);
        assert_int_equal(ok, c->says == NULL);
        assert_int_equal(err.kind, c->kind); /* success leaves it alone, after refusals too */
        assert_string_equal(err.msg, c->says == NULL ? "" : c->says);
        assert_int_equal(s.tried, c->tried);
        assert_int_equal(s.accepted, ok);
        assert_int_equal(s.explained, c->kind == ERR_AUTH);
        assert_string_equal(s.host, "there");
    }
    (void)state;
}

static void only_a_refused_login_is_one(void **state)
{
    assert_true(pg_login_refused("28P01"));
    assert_true(pg_login_refused("28000"));
    assert_false(pg_login_refused("53300"));
    assert_false(pg_login_refused("42501"));
    assert_false(pg_login_refused(""));
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_tries_until_it_is_known),
        cmocka_unit_test(only_a_refused_login_is_one),
    };
    return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
