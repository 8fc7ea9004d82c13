/* auth, as the routers of a shard group are dialled: a token for each host, the password of the
 * endpoint, and what stays the endpoint's own. */
#include "call_fixture.h"

#include "job/auth_internal.h"

#include "base/clock.h"
#include "pg/login.h"

#include <pthread.h>

#define THREADS 8

struct world {
    struct call_world w;
    struct auth auth;
    struct spec spec;
    struct side_auth wish;
    struct auth_party *p;
};

static void open_world(struct world *x, const char *string, bool iam, char *iam_host)
{
    static char region[] = "eu-central-1";
    struct secret text = {0};
    *x = (struct world){
        .wish = {.iam = iam, .iam_host = iam_host, .region = region}
    };
    world_begin(&x->w);
    if (!aws_session_open(fake_platform_of(x->w.fake), NULL, NULL, &x->auth.session, &x->w.err) ||
        !aws_identity_custom(&x->auth.session, fixture_fetch, &x->w, &x->auth.chain, &x->w.err)) {
        fail_msg("%s", x->w.err.msg);
    }
    x->auth.spec = &x->spec;
    x->auth.aws_open = true;
    x->p = &x->auth.party[AUTH_DESTINATION];
    x->p->auth = &x->auth;
    x->p->name = "destination";
    x->p->wish = &x->wish;
    mutex_init(&x->p->lock);
    assert_true(secret_set(&text, string, &x->w.err));
    assert_fine(&x->w, auth_base_make(x->p, &text, &x->w.err));
    secret_free(&text);
}

static void close_world(struct world *x)
{
    auth_iam_close(x->p);
    conninfo_free(&x->p->base);
    mutex_destroy(&x->p->lock);
    aws_identity_free(x->auth.chain);
    aws_session_close(&x->auth.session);
    world_end(&x->w);
}

#define GROUP "host=group.example dbname=d user=loader"

/* The token's first part is what it is for: "host:port/?Action=connect...". */
static void token_for(struct world *x, const char *host, char out[1400])
{
    struct pg_login login = {.host = host};
    struct secret token = {0};
    bool more = false;
    assert_fine(&x->w, auth_iam_next(x->p, &login, &token, &more, &x->w.err));
    assert_true(more);
    (void)snprintf(out, 1400, "%s", secret_reveal(&token));
    secret_free(&token);
    pg_login_free(&login);
}

static void assert_begins(const char *text, const char *with)
{
    if (strncmp(text, with, strlen(with)) != 0) {
        fail_msg("\"%.80s\" should begin with \"%s\"", text, with);
    }
}

static void each_router_has_a_token(void **state)
{
    char first[1400];
    char again[1400];
    struct world x;
    open_world(&x, GROUP " port=5433", true, NULL);
    token_for(&x, NULL, first);
    assert_begins(first, "group.example:5433/?");
    token_for(&x, "router-1.example", first);
    assert_begins(first, "router-1.example:5433/?");
    token_for(&x, "router-2.example", again);
    assert_begins(again, "router-2.example:5433/?");
    token_for(&x, "Router-1.Example", again); /* the same host: the same token */
    assert_string_equal(first, again);
    assert_int_equal(x.p->router_count, 2);
    close_world(&x);
    (void)state;
}

static void the_iam_host_is_the_endpoints(void **state)
{
    static char tunnel[] = "real.example:5432";
    char token[1400];
    struct world x;
    open_world(&x, "host=localhost port=15432 user=loader", true, tunnel);
    token_for(&x, NULL, token);
    assert_begins(token, "real.example:5432/?");
    token_for(&x, "router-1.example", token);
    assert_begins(token, "router-1.example:15432/?");
    close_world(&x);
    (void)state;
}

static void an_address_has_no_token(void **state)
{
    static const char *const addresses[] = {"10.0.0.7", "::1", "2600:1f18::1"};
    struct world x;
    open_world(&x, GROUP, true, NULL);
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct pg_login login = {.host = addresses[i]};
        struct secret token = {0};
        bool more = false;
        assert_failed(&x.w, auth_iam_next(x.p, &login, &token, &more, &x.w.err), ERR_USAGE,
                      "is an address, and a token is for a name");
    }
    assert_int_equal(x.p->router_count, 0);
    close_world(&x);
    (void)state;
}

static void hosts_are_bounded(void **state)
{
    char host[32];
    char token[1400];
    struct world x;
    struct secret none = {0};
    bool more = false;
    open_world(&x, GROUP, true, NULL);
    for (unsigned i = 0; i < AUTH_ROUTERS_MAX; i++) {
        (void)snprintf(host, sizeof host, "router-%u", i);
        token_for(&x, host, token);
    }
    struct pg_login login = {.host = "one-more"};
    assert_failed(&x.w, auth_iam_next(x.p, &login, &none, &more, &x.w.err), ERR_USAGE, "256");
    x.w.err.kind = ERR_NONE;
    token_for(&x, "router-7", token);
    close_world(&x);
    (void)state;
}

struct asker {
    struct world *x;
    unsigned no;
    bool ok;
};

static void *ask(void *arg)
{
    struct asker *a = arg;
    a->ok = true;
    for (unsigned i = 0; i < 40; i++) {
        char host[32];
        struct err err = {.kind = ERR_NONE};
        struct secret token = {0};
        bool more = false;
        (void)snprintf(host, sizeof host, "router-%u", (a->no + i) % 5);
        struct pg_login login = {.host = host};
        a->ok = auth_iam_next(a->x->p, &login, &token, &more, &err) && a->ok;
        secret_free(&token);
    }
    return NULL;
}

static void threads_share_tokens(void **state)
{
    struct world x;
    struct asker askers[THREADS];
    pthread_t threads[THREADS];
    open_world(&x, GROUP, true, NULL);
    for (unsigned i = 0; i < THREADS; i++) {
        askers[i] = (struct asker){.x = &x, .no = i};
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(askers[i].ok);
    }
    assert_int_equal(x.p->router_count, 5);
    for (struct auth_signing *s = x.p->routers; s != NULL; s = s->next) {
        assert_int_equal(aws_token_source_made(s->tokens), 1);
    }
    close_world(&x);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_router_has_a_token), cmocka_unit_test(the_iam_host_is_the_endpoints),
        cmocka_unit_test(an_address_has_no_token), cmocka_unit_test(hosts_are_bounded),
        cmocka_unit_test(threads_share_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
