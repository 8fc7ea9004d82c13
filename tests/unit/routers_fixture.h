/* routers_fixture.h: two routers and their writers, for the tests of limitless/routers. */
#ifndef TESTS_ROUTERS_FIXTURE_H
#define TESTS_ROUTERS_FIXTURE_H

#include "base/clock.h"
#include "limitless/routers.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

#define S     ((uint64_t)NS_PER_S)
#define START (1000 * S)

static inline void set(struct router_load *l, const char *host, double load)
{
    (void)snprintf(l->host, sizeof l->host, "%s", host);
    l->load = load;
}

static inline struct routers *pair_of(unsigned writers, double a, double b)
{
    struct routers *r = routers_new(writers);
    struct router_load list[2];
    assert_non_null(r);
    set(&list[0], "127.0.0.2", a);
    set(&list[1], "127.0.0.3", b);
    assert_true(routers_update(r, list, 2, START));
    return r;
}

static inline bool update_pair(struct routers *r, double a, double b, uint64_t now_ns)
{
    struct router_load list[2];
    set(&list[0], "127.0.0.2", a);
    set(&list[1], "127.0.0.3", b);
    return routers_update(r, list, 2, now_ns);
}

static inline unsigned at(struct routers *r, const char *host, uint64_t now_ns)
{
    struct router_view v[ROUTERS_MAX];
    size_t n = routers_look(r, v, now_ns);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(v[i].host, host) == 0) {
            return v[i].writers;
        }
    }
    return 0;
}

static inline struct router_view view_of(struct routers *r, const char *host, uint64_t now_ns)
{
    struct router_view v[ROUTERS_MAX];
    size_t n = routers_look(r, v, now_ns);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(v[i].host, host) == 0) {
            return v[i];
        }
    }
    fail_msg("router %s is not known", host);
    return v[0];
}

static inline const char *pick(struct routers *r, unsigned writer, uint64_t now_ns)
{
    static char host[ROUTER_HOST_MAX];
    return routers_pick(r, writer, now_ns, host) ? host : "";
}

/* Bit i: writer i went to this router. */
static inline unsigned connect_and_tell(struct routers *r, unsigned writers, const char *host)
{
    unsigned there = 0;
    for (unsigned i = 0; i < writers; i++) {
        there |= strcmp(pick(r, i, START), host) == 0 ? 1u << i : 0;
        routers_connected(r, i, START);
    }
    return there;
}

static inline void connect_all(struct routers *r, unsigned writers, uint64_t now_ns)
{
    for (unsigned i = 0; i < writers; i++) {
        (void)pick(r, i, now_ns);
        routers_connected(r, i, now_ns);
    }
}

/* Every writer comes between two transactions, again and again, until nobody moves; how many did.
 */
static inline unsigned settle(struct routers *r, unsigned writers, uint64_t now_ns)
{
    unsigned moves = 0;
    for (unsigned quiet = 0, i = 0; quiet < writers; i = (i + 1) % writers) {
        quiet++;
        if (routers_should_move(r, i, now_ns)) {
            routers_left(r, i);
            (void)pick(r, i, now_ns);
            routers_connected(r, i, now_ns);
            quiet = 0;
            assert_true(++moves < 1000);
        }
    }
    return moves;
}

#endif
