/*
 * writers.h: the destination connections of all streams. After any lost one, what the board
 * remembers as done is void until the ledger has been read again over the new connection, because
 * the server may have lost commits that it had acknowledged (commits are asynchronous until the
 * last one, and a crash forgets the newest).
 *
 * A destination that takes fewer connections than there are writers: job/places.h.
 *
 * Thread-safe; holds no lock of its own.
 */
#ifndef JOB_WRITERS_H
#define JOB_WRITERS_H

#include "base/err.h"
#include "ends/sink_pg.h"
#include "job/board.h"
#include "job/ledger.h"
#include "job/places.h"
#include "job/retry.h"
#include "limitless/routers.h"

struct writers;

struct writers_config {
    const struct pg_target *target;
    const char *tag;
    const char *encoding;    /* the source's */
    const char *system;      /* the destination's system identifier: every connection must agree */
    bool shard_group;        /* its routers may differ in that: the lease identifies the group */
    const char *token;       /* the lease's, for that */
    struct routers *routers; /* NULL: the given endpoint for all */
    const struct ledger *ledger;
    bool disable_triggers;
    bool commits_wait; /* each commit for the disk: nothing could be read again after a crash */
    unsigned streams;
    struct retry_policy policy;
    struct board *board;
};

struct writers *writers_new(const struct writers_config *config); /* NULL without memory */
struct sink_pg_config writers_sink(struct writers *w, unsigned stream);
struct places *writers_places(struct writers *w);
void writers_free(struct writers *w);

#endif
