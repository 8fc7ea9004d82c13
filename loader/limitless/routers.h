/*
 * routers.h: which router of a shard group each writer works on. The balance that DNS gives is bad,
 * so writers are spread by the load that the routers report, as AWS's drivers do: weight =
 * round(10 - 10 x load), at least 1 (aws-pgsql-odbc, limitless_query_helper.cc).
 *
 * Knows no server: loads come in, addresses go out. Thread-safe, with a lock of its own; every call
 * is short and none fails. Without a list of routers (or with --routers off) every pick says "the
 * endpoint that was given".
 */
#ifndef LIMITLESS_ROUTERS_H
#define LIMITLESS_ROUTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTERS_MAX          64
#define ROUTER_HOST_MAX      256
#define ROUTERS_LOOK_NS      15000000000ull /* how often the loads are looked at */
#define ROUTERS_AVOID_NS     10000000000ull /* at first; doubles with each failure, up to the next */
#define ROUTERS_AVOID_MAX_NS 120000000000ull

/* As the server says it. */
struct router_load {
    char host[ROUTER_HOST_MAX];
    double load; /* 0..1; what is outside, or no number, counts as 1 */
};

enum router_state {
    ROUTER_USED,    /* takes writers */
    ROUTER_AVOIDED, /* failed; tried again later */
    ROUTER_GONE,    /* not in the last list; its writers move away */
};

/* For the summary and for the log. */
struct router_view {
    char host[ROUTER_HOST_MAX];
    double load;
    unsigned weight;
    unsigned writers; /* at it now */
    unsigned failures;
    enum router_state state;
    uint64_t connects;
    uint64_t down_ns; /* when it last stopped answering; 0: never did */
    uint64_t back_ns; /* the first connection after that; 0: none yet */
};

struct routers;

struct routers *routers_new(unsigned writers); /* NULL without memory */
void routers_free(struct routers *r);

/* The newest list; replaces the one before. count 0: keeps what is known. Returns true when the
 * spread that is wanted has changed, for the log. */
bool routers_update(struct routers *r, const struct router_load *list, size_t count,
                    uint64_t now_ns);

/* For a new connection of this writer: the router that has the least writers for its weight among
 * those that are not avoided. All avoided: false, the endpoint that was given; while that one is
 * avoided as well, whichever of all of them has its time over first. One that has failed gets one
 * writer until a connection stands. Counts the writer as being there until routers_left or the next
 * pick. */
bool routers_pick(struct routers *r, unsigned writer, uint64_t now_ns, char host[ROUTER_HOST_MAX]);
/* Is there a router to pick that is neither avoided nor full? */
bool routers_any_up(struct routers *r, uint64_t now_ns);

/* The connection to what was picked stands; or it failed (could not be made, or broke): the router
 * is avoided for a while. Connections that were begun before the failure that is known already are
 * its echo and do not make it longer. */
void routers_connected(struct routers *r, unsigned writer, uint64_t now_ns);
void routers_failed(struct routers *r, unsigned writer, uint64_t now_ns);
/* It takes no more connections (SQLSTATE 53300): nobody picks it for a while, and whoever has one
 * stays and counts. */
void routers_refused(struct routers *r, unsigned writer, uint64_t now_ns);
/* The writer has no connection any more, by its own wish. */
void routers_left(struct routers *r, unsigned writer);

/* Between two transactions: should this writer take a new connection, because its router is gone
 * or because another one has less than its share? Says yes to as many writers as the wanted spread
 * needs, one at a time for each router, so that they do not all move at once. */
bool routers_should_move(struct routers *r, unsigned writer, uint64_t now_ns);

/* Fills at most ROUTERS_MAX, in the order of first sight. */
size_t routers_look(struct routers *r, struct router_view out[ROUTERS_MAX], uint64_t now_ns);

/* What has happened since, oldest first, one sentence a call; false: nothing more. important: worth
 * a line for everybody (a router fails, is back, comes or goes); else for --verbose (a writer
 * moves). The newest ROUTERS_EVENTS_MAX are kept. */
#define ROUTERS_EVENTS_MAX 64
#define ROUTER_EVENT_MAX   (2 * ROUTER_HOST_MAX + 80)
bool routers_event(struct routers *r, char text[ROUTER_EVENT_MAX], bool *important);

/* How many of n writers each of count routers should have, by their weights: largest remainder,
 * at least 1 each where n allows it; a weight of 0 takes none. Pure; for the tests. */
void routers_spread(const unsigned *weights, size_t count, unsigned n, unsigned *out);
unsigned router_weight(double load);

#endif
