/*
 * writers.h: the destination connections of all streams. After any lost one, what the board
 * remembers as done is void until the ledger has been read again over the new connection, because
 * the server may have lost commits that it had acknowledged (commits are asynchronous until the
 * last one, and a crash forgets the newest).
 *
 * Thread-safe; holds no lock of its own.
 */
#ifndef JOB_WRITERS_H
#define JOB_WRITERS_H

#include "base/err.h"
#include "ends/sink_pg.h"
#include "job/board.h"
#include "job/ledger.h"
#include "job/retry.h"

struct writers;

struct writers_config {
    const struct pg_target *target;
    const char *tag;
    const char *encoding; /* the source's */
    const char *system;   /* the destination's system identifier: every connection must agree */
    const struct ledger *ledger;
    bool disable_triggers;
    bool commits_wait; /* each commit for the disk: nothing could be read again after a crash */
    unsigned streams;
    struct retry_policy policy;
    struct board *board;
};

struct writers *writers_new(const struct writers_config *config); /* NULL without memory */
struct sink_pg_config writers_sink(struct writers *w, unsigned stream);
void writers_free(struct writers *w);

#endif
