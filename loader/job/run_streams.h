/* run_streams.h: runs the streams of a planned job until the board is done, failed or stopped. */
#ifndef JOB_RUN_STREAMS_H
#define JOB_RUN_STREAMS_H

#include "job/ledger.h"
#include "job/load.h"
#include "job/readers.h"
#include "job/writers.h"

struct run_streams {
    const struct spec *spec;
    struct load_result *result; /* totals, board and reasons are kept up to date */
    const struct load_observer *observer;
    const struct ledger *ledger;
    const char *token;
    const struct pg_target *control_target;
    const char *control_name; /* application_name */
    const char *encoding;
    struct pg **control; /* replaced when it is lost; NULL while there is none */
    struct board *board;
    struct readers *readers;
    struct writers *writers;
    unsigned streams;
    uint64_t began_ns;
    uint64_t done_bytes_at_start;
    unsigned snapshot_no;
};

/* False: *err is the fatal error, or ERR_CANCELLED after a signal. */
bool run_streams(struct run_streams *r, struct err *err) MUST_CHECK;

#endif
