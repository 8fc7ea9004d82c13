/* The cache in front of a source of credentials: when it fetches, what it gives when that fails. */
#include "aws_fixture.h"

#include "base/err.h"

#define AT_ONCE INT64_MIN /* a life of nothing */

/* Gives AKID1, AKID2, ... with a life of life_s by the session's clock. */
struct source {
    const struct aws_session *session;
    int64_t life_s; /* 0: they do not expire */
    unsigned asked;
    enum err_kind fails; /* ERR_NONE: it answers */
};

static bool fetch(void *arg, struct aws_credentials *out, struct err *err)
{
    struct source *s = arg;
    char key[32];

    s->asked++;
    if (s->fails != ERR_NONE) {
        return err_set(err, s->fails, "fault %u", s->asked);
    }
    (void)snprintf(key, sizeof(key), "AKID%u", s->asked);
    if (!aws_credentials_set(out, "test", key, "secret", "token", err)) {
        return false;
    }
    if (s->life_s != 0) {
        out->expires_s = aws_session_now_s(s->session) + (s->life_s == AT_ONCE ? 0 : s->life_s);
    }
    return true;
}

struct cache {
    struct aws_world w;
    struct source source;
    struct aws_identity *identity;
};

static void begin(struct cache *c, int64_t life_s)
{
    memset(c, 0, sizeof(*c));
    world_begin(&c->w);
    c->w.session.platform = fake_platform_of(c->w.fake);
    c->source = (struct source){.session = &c->w.session, .life_s = life_s};
    assert_true(aws_identity_custom(&c->w.session, fetch, &c->source, &c->identity, &c->w.err));
}

static void end(struct cache *c)
{
    aws_identity_free(c->identity);
    world_end(&c->w);
}

static void advance_s(struct cache *c, int64_t seconds)
{
    fake_platform_advance_ms(c->w.fake, (uint64_t)seconds * 1000);
}

static void assert_gives(struct cache *c, const char *key)
{
    c->w.err = (struct err){0};
    assert_got(&c->w, world_get(&c->w, c->identity), key);
}

static void assert_refuses(struct cache *c, enum err_kind kind, const char *part)
{
    c->w.err = (struct err){0};
    assert_failed(&c->w, world_get(&c->w, c->identity), kind, part);
}

static void nothing_is_asked_before_the_first_get(void **state)
{
    struct cache c;

    begin(&c, 3600);
    assert_int_equal(c.source.asked, 0);
    assert_gives(&c, "AKID1");
    assert_string_equal(secret_reveal(&c.w.got.secret_access_key), "secret");
    assert_string_equal(secret_reveal(&c.w.got.session_token), "token");
    assert_int_equal(c.w.got.expires_s, FAKE_WALL_MS / 1000 + 3600);
    assert_gives(&c, "AKID1");
    assert_int_equal(aws_identity_fetches(c.identity), 1);
    end(&c);
    (void)state;
}

static void long_term_keys_are_fetched_once(void **state)
{
    struct cache c;

    begin(&c, 0);
    assert_gives(&c, "AKID1");
    advance_s(&c, INT64_C(10) * 365 * 86400);
    assert_gives(&c, "AKID1");
    assert_int_equal(c.source.asked, 1);
    end(&c);
    (void)state;
}

struct early_row {
    int64_t life_s;
    int64_t early_s; /* so long before the end new ones are fetched */
};

static void fetched_anew_well_before_they_expire(void **state)
{
    static const struct early_row rows[] = {
        {60,    20 },
        {900,   300},
        {2700,  900},
        {3600,  900},
        {43200, 900},
        {3,     1  },
        {1,     0  },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cache c;
        begin(&c, rows[i].life_s);
        assert_gives(&c, "AKID1");
        advance_s(&c, rows[i].life_s - rows[i].early_s - 1);
        assert_gives(&c, "AKID1");
        advance_s(&c, 1);
        assert_gives(&c, "AKID2");
        end(&c);
    }
    (void)state;
}

struct pause_row {
    int64_t life_s;
    int64_t pause_s;
};

static void failed_early_refresh_gives_the_old_ones_and_pauses(void **state)
{
    static const struct pause_row rows[] = {
        {60,    6 },
        {300,   30},
        {3600,  60},
        {43200, 60}
    };
    static const enum err_kind kinds[] = {ERR_TRANSIENT, ERR_AUTH, ERR_USAGE, ERR_DATA, ERR_SYSTEM};

    for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(kinds); i++) {
        const struct pause_row *row = &rows[i / ARRAY_LEN(kinds)];
        int64_t early_s = row->life_s / 3 < 900 ? row->life_s / 3 : 900;
        struct cache c;
        begin(&c, row->life_s);
        assert_gives(&c, "AKID1");
        advance_s(&c, row->life_s - early_s);
        c.source.fails = kinds[i % ARRAY_LEN(kinds)];
        assert_gives(&c, "AKID1");
        assert_int_equal(c.source.asked, 2);
        advance_s(&c, row->pause_s - 1);
        assert_gives(&c, "AKID1");
        assert_int_equal(c.source.asked, 2);
        advance_s(&c, 1);
        c.source.fails = ERR_NONE;
        assert_gives(&c, "AKID3");
        end(&c);
    }
    (void)state;
}

/* A run that is to stop is not kept going by credentials that still live. */
static void cancelled_early_refresh_is_cancelled(void **state)
{
    struct cache c;

    begin(&c, 3600);
    assert_gives(&c, "AKID1");
    advance_s(&c, 2700);
    c.source.fails = ERR_CANCELLED;
    assert_refuses(&c, ERR_CANCELLED, "fault 2");
    end(&c);
    (void)state;
}

struct late_row {
    int64_t life_s;
    int64_t left_s;
    enum err_kind fails;
    bool gives; /* the old ones */
};

static void late_failures(void **state)
{
    static const struct late_row rows[] = {
        {3600, 121, ERR_AUTH,      true }, /* still early */
        {3600, 120, ERR_AUTH,      false},
        {3600, 120, ERR_USAGE,     false},
        {3600, 120, ERR_TRANSIENT, true },
        {3600, 1,   ERR_TRANSIENT, true },
        {3600, 0,   ERR_TRANSIENT, false},
        {3600, -60, ERR_TRANSIENT, false},
        {60,   11,  ERR_AUTH,      true },
        {60,   10,  ERR_AUTH,      false},
        {60,   1,   ERR_TRANSIENT, true },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cache c;
        begin(&c, rows[i].life_s);
        assert_gives(&c, "AKID1");
        advance_s(&c, rows[i].life_s - rows[i].left_s);
        c.source.fails = rows[i].fails;
        if (rows[i].gives) {
            assert_gives(&c, "AKID1");
        } else {
            assert_refuses(&c, rows[i].fails, "fault 2");
            assert_string_equal(c.w.got.access_key_id, "AKID1"); /* as it was */
        }
        assert_int_equal(c.source.asked, 2);
        end(&c);
    }
    (void)state;
}

static void expired_ones_are_never_given_and_each_get_asks(void **state)
{
    struct cache c;

    begin(&c, 3600);
    assert_gives(&c, "AKID1");
    advance_s(&c, 3600);
    c.source.fails = ERR_TRANSIENT;
    assert_refuses(&c, ERR_TRANSIENT, "fault 2");
    assert_refuses(&c, ERR_TRANSIENT, "fault 3");
    c.source.fails = ERR_NONE;
    assert_gives(&c, "AKID4");
    end(&c);
    (void)state;
}

/* The pause after a failure must not outlast the credentials. */
static void pause_ends_with_the_credentials(void **state)
{
    struct cache c;

    begin(&c, 3600);
    assert_gives(&c, "AKID1");
    advance_s(&c, 3590);
    c.source.fails = ERR_TRANSIENT;
    assert_gives(&c, "AKID1");
    advance_s(&c, 10);
    c.source.fails = ERR_NONE;
    assert_gives(&c, "AKID3");
    end(&c);
    (void)state;
}

static void first_fetch_that_fails_is_no_answer(void **state)
{
    static const enum err_kind kinds[] = {ERR_TRANSIENT, ERR_AUTH, ERR_USAGE, ERR_CANCELLED};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct cache c;
        begin(&c, 3600);
        c.source.fails = kinds[i];
        assert_refuses(&c, kinds[i], "fault 1");
        assert_string_equal(c.w.got.access_key_id, "");
        c.source.fails = ERR_NONE;
        assert_gives(&c, "AKID2");
        end(&c);
    }
    (void)state;
}

static void refused_ones_are_fetched_anew_once(void **state)
{
    struct cache c;
    struct aws_credentials old = {0};

    begin(&c, 3600);
    assert_gives(&c, "AKID1");
    assert_true(aws_credentials_copy(&c.w.got, &old, &c.w.err));
    aws_identity_refused(c.identity, &old);
    assert_int_equal(c.source.asked, 1); /* not before somebody wants them */
    assert_gives(&c, "AKID2");
    aws_identity_refused(c.identity, &old); /* somebody slower; these are no longer at hand */
    assert_gives(&c, "AKID2");
    assert_int_equal(c.source.asked, 2);
    aws_credentials_free(&old);
    end(&c);
    (void)state;
}

static void refused_with_another_token_is_not_ours(void **state)
{
    struct cache c;
    struct aws_credentials other = {0};

    begin(&c, 3600);
    assert_gives(&c, "AKID1");
    assert_true(aws_credentials_set(&other, "test", "AKID1", "secret", "tokem", &c.w.err));
    aws_identity_refused(c.identity, &other);
    assert_true(aws_credentials_set(&other, "test", "AKID1", "secret", NULL, &c.w.err));
    aws_identity_refused(c.identity, &other);
    assert_true(aws_credentials_set(&other, "test", "AKID", "secret", "token", &c.w.err));
    aws_identity_refused(c.identity, &other);
    assert_gives(&c, "AKID1");
    assert_true(aws_credentials_set(&other, "test", "AKID1", "other", "token", &c.w.err));
    aws_identity_refused(c.identity, &other);
    assert_gives(&c, "AKID2");
    aws_credentials_free(&other);
    end(&c);
    (void)state;
}

static void refused_ones_do_not_come_back_when_the_source_fails(void **state)
{
    struct cache c;

    begin(&c, 0); /* also long-term keys can be deleted */
    assert_gives(&c, "AKID1");
    aws_identity_refused(c.identity, &c.w.got);
    c.source.fails = ERR_TRANSIENT;
    assert_refuses(&c, ERR_TRANSIENT, "fault 2");
    assert_refuses(&c, ERR_TRANSIENT, "fault 3");
    c.source.fails = ERR_NONE;
    assert_gives(&c, "AKID4");
    end(&c);
    (void)state;
}

/* New credentials begin with nothing held against their source. */
static void success_ends_the_pause(void **state)
{
    struct cache c;

    begin(&c, 3600);
    assert_gives(&c, "AKID1");
    advance_s(&c, 2700);
    c.source.fails = ERR_TRANSIENT;
    assert_gives(&c, "AKID1");
    c.source.fails = ERR_NONE;
    c.source.life_s = 60;
    aws_identity_refused(c.identity, &c.w.got);
    assert_gives(&c, "AKID3");
    advance_s(&c, 40); /* less than the pause of a minute */
    assert_gives(&c, "AKID4");
    end(&c);
    (void)state;
}

static void refused_before_anything_was_fetched_is_nothing(void **state)
{
    struct cache c;
    const struct aws_credentials none = {0};

    begin(&c, 3600);
    aws_identity_refused(c.identity, &none);
    assert_gives(&c, "AKID1");
    assert_gives(&c, "AKID1");
    end(&c);
    (void)state;
}

/* An instance whose metadata service cannot renew hands out what has expired. */
static void ones_that_arrive_expired_are_used_and_asked_for_again_after_a_minute(void **state)
{
    static const int64_t lives[] = {-100, -1, AT_ONCE};

    for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
        struct cache c;
        begin(&c, lives[i]);
        assert_gives(&c, "AKID1");
        advance_s(&c, 59);
        assert_gives(&c, "AKID1");
        advance_s(&c, 1);
        assert_gives(&c, "AKID2");
        c.source.fails = ERR_TRANSIENT;
        advance_s(&c, 60);
        assert_gives(&c, "AKID2");
        assert_int_equal(c.source.asked, 3);
        assert_gives(&c, "AKID2"); /* and again a minute of peace */
        assert_int_equal(c.source.asked, 3);
        c.source.fails = ERR_AUTH;
        advance_s(&c, 60);
        assert_refuses(&c, ERR_AUTH, "fault 4");
        c.source.fails = ERR_NONE;
        c.source.life_s = 3600;
        advance_s(&c, 60);
        assert_gives(&c, "AKID5");
        advance_s(&c, 2699);
        assert_gives(&c, "AKID5");
        end(&c);
    }
    (void)state;
}

static void expiry_goes_by_the_corrected_clock(void **state)
{
    struct cache c;

    begin(&c, 3600);
    assert_gives(&c, "AKID1");
    atomic_store(&c.w.session.skew_ms, 2699000);
    assert_gives(&c, "AKID1");
    atomic_store(&c.w.session.skew_ms, 2700000);
    assert_gives(&c, "AKID2");
    end(&c);
    (void)state;
}

/* A machine that slept: its date went on, its other clock did not. */
static void only_the_date_decides_about_expiry(void **state)
{
    struct cache c;

    begin(&c, 3600);
    assert_gives(&c, "AKID1");
    fake_platform_set_wall_ms(c.w.fake, FAKE_WALL_MS + INT64_C(3600000));
    assert_gives(&c, "AKID2");
    end(&c);
    (void)state;
}

struct now_row {
    int64_t wall_ms;
    int64_t skew_ms;
    int64_t now_s;
    int64_t skew_s;
};

static void session_corrects_the_clock(void **state)
{
    static const struct now_row rows[] = {
        {0,       0,       0,    0   },
        {1999,    0,       1,    0   },
        {1999,    1,       2,    0   },
        {1000000, -300000, 700,  -300},
        {1000000, 3600499, 4600, 3600},
        {1000000, 3600500, 4600, 3601},
        {500,     -501,    -1,   -1  },
        {500,     -1500,   -1,   -1  },
        {500,     -1501,   -2,   -2  },
    };
    struct aws_world w;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        world_begin(&w);
        w.session.platform = fake_platform_of(w.fake);
        fake_platform_set_wall_ms(w.fake, rows[i].wall_ms);
        atomic_store(&w.session.skew_ms, rows[i].skew_ms);
        assert_int_equal(aws_session_now_s(&w.session), rows[i].now_s);
        assert_int_equal(aws_session_skew_s(&w.session), rows[i].skew_s);
        world_end(&w);
    }
    (void)state;
}

static void session_that_does_not_open_is_left_alone(void **state)
{
    struct aws_world w;

    world_begin(&w);
    fake_platform_variable(w.fake, "HOME", "/home");
    memset(&w.session, 0x5A, sizeof(w.session));
    struct aws_session before = w.session;
    assert_failed(&w,
                  aws_session_open(fake_platform_of(w.fake), "nobody", NULL, &w.session, &w.err),
                  ERR_USAGE, "nobody");
    assert_memory_equal(&before, &w.session, sizeof(before));
    memset(&w.session, 0, sizeof(w.session));
    aws_session_close(&w.session);
    aws_session_close(NULL);
    world_end(&w);
    (void)state;
}

static void nothing_is_freed_safely(void **state)
{
    aws_identity_free(NULL);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_asked_before_the_first_get),
        cmocka_unit_test(long_term_keys_are_fetched_once),
        cmocka_unit_test(fetched_anew_well_before_they_expire),
        cmocka_unit_test(failed_early_refresh_gives_the_old_ones_and_pauses),
        cmocka_unit_test(cancelled_early_refresh_is_cancelled),
        cmocka_unit_test(late_failures),
        cmocka_unit_test(expired_ones_are_never_given_and_each_get_asks),
        cmocka_unit_test(pause_ends_with_the_credentials),
        cmocka_unit_test(first_fetch_that_fails_is_no_answer),
        cmocka_unit_test(refused_ones_are_fetched_anew_once),
        cmocka_unit_test(refused_with_another_token_is_not_ours),
        cmocka_unit_test(refused_ones_do_not_come_back_when_the_source_fails),
        cmocka_unit_test(success_ends_the_pause),
        cmocka_unit_test(refused_before_anything_was_fetched_is_nothing),
        cmocka_unit_test(ones_that_arrive_expired_are_used_and_asked_for_again_after_a_minute),
        cmocka_unit_test(expiry_goes_by_the_corrected_clock),
        cmocka_unit_test(only_the_date_decides_about_expiry),
        cmocka_unit_test(session_corrects_the_clock),
        cmocka_unit_test(session_that_does_not_open_is_left_alone),
        cmocka_unit_test(nothing_is_freed_safely),
    };

    return cmocka_run_group_tests_name("aws_identity", tests, NULL, NULL);
}
