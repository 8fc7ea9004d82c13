/* Routers that come and go, fail and change their loads at random, and writers in threads:
 * everybody is always in one place, and nobody moves more often than needed. */
#include "routers_fixture.h"

#include "base/rng.h"

#include <pthread.h>

/* ---- a random walk ---- */

#define WALK_WRITERS 12
#define WALK_ROUTERS 5

struct walk {
    struct routers *r;
    struct rng rng;
    uint64_t now_ns;
    char place[WALK_WRITERS][ROUTER_HOST_MAX]; /* "" = the endpoint, "-" = nowhere */
};

static void walk_pick(struct walk *w, unsigned i)
{
    (void)snprintf(w->place[i], sizeof w->place[i], "%s", pick(w->r, i, w->now_ns));
}

/* Every writer is in exactly one place, and it is the one it was given. */
static void check_places(struct walk *w)
{
    struct router_view v[ROUTERS_MAX];
    size_t n = routers_look(w->r, v, w->now_ns);
    for (size_t k = 0; k < n; k++) {
        unsigned expected = 0;
        for (unsigned i = 0; i < WALK_WRITERS; i++) {
            expected += strcmp(w->place[i], v[k].host) == 0;
        }
        assert_int_equal(v[k].writers, expected);
    }
}

static void walk_list(struct walk *w)
{
    struct router_load list[WALK_ROUTERS];
    size_t n = 0;
    for (unsigned i = 0; i < WALK_ROUTERS; i++) {
        if (rng_between(&w->rng, 0, 9) > 1) {
            char host[32];
            (void)snprintf(host, sizeof host, "r%u", i);
            set(&list[n++], host, (double)rng_between(&w->rng, 0, 100) / 100);
        }
    }
    (void)routers_update(w->r, list, n, w->now_ns);
}

static void walk_step(struct walk *w)
{
    unsigned i = (unsigned)rng_between(&w->rng, 0, WALK_WRITERS - 1);
    w->now_ns += rng_between(&w->rng, 0, 3 * S);
    switch (rng_between(&w->rng, 0, 7)) {
    case 0:
        walk_list(w);
        break;
    case 1:
        if (strcmp(w->place[i], "-") != 0) {
            routers_failed(w->r, i, w->now_ns);
            (void)snprintf(w->place[i], sizeof w->place[i], "-");
        }
        break;
    default:
        if (strcmp(w->place[i], "-") == 0) {
            walk_pick(w, i);
        } else if (routers_should_move(w->r, i, w->now_ns)) {
            routers_left(w->r, i);
            (void)snprintf(w->place[i], sizeof w->place[i], "-");
            check_places(w);
            walk_pick(w, i);
        }
        if (strcmp(w->place[i], "-") != 0 && rng_between(&w->rng, 0, 3) > 0) {
            routers_connected(w->r, i, w->now_ns);
        }
        break;
    }
}

/* What the listed routers should have, and how many moves that takes from here. */
static unsigned moves_needed(struct walk *w)
{
    struct router_view v[ROUTERS_MAX];
    unsigned weights[ROUTERS_MAX] = {0};
    unsigned wanted[ROUTERS_MAX] = {0};
    unsigned moves = 0;
    size_t n = routers_look(w->r, v, w->now_ns);
    for (size_t k = 0; k < n; k++) {
        weights[k] = v[k].state == ROUTER_USED ? v[k].weight : 0;
    }
    routers_spread(weights, n, WALK_WRITERS, wanted);
    for (size_t k = 0; k < n; k++) {
        moves += wanted[k] > v[k].writers ? wanted[k] - v[k].writers : 0;
    }
    return moves;
}

static void test_random_walk(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 60; seed++) {
        struct walk w = {.r = routers_new(WALK_WRITERS), .now_ns = START};
        rng_seed(&w.rng, seed);
        for (unsigned i = 0; i < WALK_WRITERS; i++) {
            (void)snprintf(w.place[i], sizeof w.place[i], "-");
        }
        walk_list(&w);
        for (unsigned step = 0; step < 2000; step++) {
            walk_step(&w);
            check_places(&w);
        }
        /* Quiet again, and every router well: not one move more than the new shares need. */
        w.now_ns += 2 * ROUTERS_AVOID_MAX_NS;
        for (unsigned i = 0; i < WALK_WRITERS; i++) {
            if (strcmp(w.place[i], "-") == 0) {
                walk_pick(&w, i);
            }
            routers_connected(w.r, i, w.now_ns);
        }
        (void)settle(w.r, WALK_WRITERS, w.now_ns); /* those on trial are tried */
        assert_int_equal(moves_needed(&w), 0);
        for (unsigned i = 0; i < 5; i++) {
            walk_list(&w);
            unsigned needed = moves_needed(&w);
            assert_int_equal(settle(w.r, WALK_WRITERS, w.now_ns), needed);
            assert_int_equal(moves_needed(&w), 0);
        }
        routers_free(w.r);
    }
}

/* ---- threads ---- */

#define THREADS 8

struct worker {
    struct routers *r;
    unsigned no;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    char host[ROUTER_HOST_MAX];
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t now_ns = START + (uint64_t)i * NS_PER_MS * 20;
        if (i == 0 || routers_should_move(w->r, w->no, now_ns)) {
            routers_left(w->r, w->no);
            (void)routers_pick(w->r, w->no, now_ns, host);
            routers_connected(w->r, w->no, now_ns);
        } else if (i % 97 == w->no) {
            routers_failed(w->r, w->no, now_ns);
            (void)routers_pick(w->r, w->no, now_ns, host);
            routers_connected(w->r, w->no, now_ns);
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct routers *r = pair_of(THREADS, 0.2, 0.6);
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    char text[ROUTER_EVENT_MAX];
    bool important;
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.r = r, .no = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < 500; i++) {
        (void)update_pair(r, (i % 10) / 10.0, (9 - i % 10) / 10.0, START);
        (void)routers_event(r, text, &important);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    (void)update_pair(r, 0.1, 0.8, START);
    (void)settle(r, THREADS, START + 1000 * S);
    assert_int_equal(at(r, "127.0.0.2", START), 7);
    assert_int_equal(at(r, "127.0.0.3", START), 1);
    routers_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_walk),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
