/*
 * router_list.h: which routers of the destination's shard group a load may use: those that the
 * group names and that a login can be made for. Where the control connection is.
 */
#ifndef JOB_ROUTER_LIST_H
#define JOB_ROUTER_LIST_H

#include "base/err.h"
#include "limitless/routers.h"
#include "pg/pg.h"

/* Asks over pg. Routers without a possible login (an address where IAM needs a name) are left out,
 * and left_out says so; "" otherwise. Dials nobody. */
bool router_list_read(struct pg *pg, const struct pg_target *target,
                      struct router_load out[ROUTERS_MAX], size_t *count,
                      char left_out[ERR_MSG_MAX], struct err *err) MUST_CHECK;

/* How the writers are spread, for people: "127.0.0.2 (load 0.10) takes 7, ..."; at most size - 1
 * bytes. */
void router_list_say(const struct router_load *list, size_t count, unsigned writers, char *out,
                     size_t size);

/* Writers at the busiest one. */
unsigned router_list_most(const struct router_load *list, size_t count, unsigned writers);

/*
 * The control connection: ledger and lease are the same from every router, so when it is lost any
 * of them will do. Used by the controlling thread.
 */
struct control_places {
    const struct pg_target *target;
    const char *name; /* application_name */
    const char *encoding;
    bool shard_group;
    struct routers *routers; /* NULL: only the given endpoint */
    unsigned next;           /* whose turn it is; begins with the endpoint */
};

/* How many there are now; at least 1. */
unsigned control_places_count(const struct control_places *c);
/* One try, at the place whose turn it is. The session is pinned and its commits are kept. */
bool control_open(struct control_places *c, int wake_fd, struct pg **out,
                  struct err *err) MUST_CHECK;
/* Every place once, until one takes us. */
bool control_open_anywhere(struct control_places *c, int wake_fd, struct pg **out,
                           struct err *err) MUST_CHECK;
/* ledger_keep_commits, where a shard group may refuse it: it keeps every commit. */
bool control_keep_commits(struct pg *pg, bool shard_group, struct err *err) MUST_CHECK;

#endif
