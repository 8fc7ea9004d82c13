/* run_streams.h: runs the streams of a planned job until the board is done, failed or stopped. */
#ifndef JOB_RUN_STREAMS_H
#define JOB_RUN_STREAMS_H

#include "flow/depot.h"
#include "flow/spill.h"
#include "job/ledger.h"
#include "job/load.h"
#include "job/readers.h"
#include "job/router_list.h"
#include "job/writers.h"

/* For --release-source early, and for going on from an earlier run's spill. Called by the thread
 * that called run_streams. */
struct release_hooks {
    void *self;
    /* Everything not committed is on disk: makes sure that another process could go on from it. On
     * failure the source is kept to the end. */
    bool (*release)(void *self, struct depot *depot, struct err *err);
    /* No reader uses the source any more: lets go of it. */
    void (*give_back)(void *self);
    /* Puts the parcels of the earlier run into the depot. */
    bool (*restore)(void *self, struct depot *depot, struct board *board, struct err *err);
};

struct run_streams {
    const struct spec *spec;
    struct load_result *result; /* totals, board and reasons are kept up to date */
    const struct load_observer *observer;
    const struct ledger *ledger;
    const char *token;
    struct control_places control_places;
    struct pg **control;     /* replaced when it is lost; NULL while there is none */
    struct routers *routers; /* NULL: none are used */
    struct board *board;
    struct readers *readers; /* NULL: there is no source any more, restore gives the rows */
    struct writers *writers;
    struct spill *spill; /* NULL: none */
    size_t spill_room;   /* of its batches */
    struct release_hooks hooks;
    bool release_early;
    unsigned streams;
    uint64_t began_ns;
    uint64_t done_bytes_at_start;
    unsigned snapshot_no;
};

/* False: *err is the fatal error, or ERR_CANCELLED after a signal. */
bool run_streams(struct run_streams *r, struct err *err) MUST_CHECK;

#endif
