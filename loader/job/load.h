/*
 * load.h: a whole load, from the command line's spec to an exit status. Runs in the calling thread
 * (which handles signals); streams run in the pipeline's. Prints nothing: it tells an observer.
 */
#ifndef JOB_LOAD_H
#define JOB_LOAD_H

#include "base/buf.h"
#include "base/err.h"
#include "base/findings.h"
#include "flow/depot.h"
#include "job/board.h"
#include "job/identity.h"
#include "job/order.h"
#include "job/plan.h"
#include "job/snapshot.h"
#include "job/spec.h"
#include "limitless/routers.h"

/* What the streams did, added up; of this run. */
struct load_totals {
    uint64_t elapsed_ms;
    uint64_t bytes_read;
    uint64_t bytes_sent;
    uint64_t bytes_unsent;       /* of these, still in this machine's buffers */
    struct spent spent;          /* by all threads */
    unsigned doing[SPENT_KINDS]; /* threads that are at it now; idle ones are nowhere */
    uint64_t memory_peak_bytes;
    uint64_t row_widest_bytes;
    unsigned streams_busy;
    uint64_t in_flight_bytes; /* relation bytes of running chunks, as far as they are sent */
    unsigned readers_active;
    unsigned writers_active;
    struct depot_view depot;
    struct spill_stats spill; /* zeroes without a spill file */
    int pack_level;           /* at which packers compress now */
    uint64_t released_ms;     /* when the source was given back, since the start; 0: it was not */
};

/* What one thread did, of this run. */
struct thread_totals {
    struct spent spent;
    uint64_t rows;
    uint64_t bytes;
};

/* The routers of a shard group, as they were at a moment. count 0: there are none, or they are not
 * used. */
struct load_routers {
    struct router_view items[ROUTERS_MAX];
    size_t count;
    uint64_t at_ns; /* monotonic, as the times in items */
    int64_t at_wall_ms;
};

struct load_progress {
    struct board_view board;
    struct load_totals totals;
    const struct load_routers *routers; /* borrowed */
    uint64_t done_bytes_at_start;
    bool draining;
};

struct load_observer {
    void *self;
    void (*progress)(void *self, const struct load_progress *p); /* a few times a second */
    void (*note)(void *self, const char *text);                  /* something worth a line */
    void (*detail)(void *self, const char *text);                /* for --verbose; NULL: unwanted */
    void (*rows_end)(void *self); /* the last progress is old from now on; NULL: unwanted */
};

/* Everything that the summary shows. */
struct load_result {
    int exit_status;
    struct err error; /* ERR_NONE: none */
    struct buf hint;  /* what to do next; may be empty */
    char job[JOB_NAME_MAX];
    char source[192];
    char destination[192];
    bool planned;          /* the plan below is a plan */
    bool recorded;         /* the ledger knows the job: another run can go on with it */
    bool already_complete; /* nothing was left to do when the run began */
    bool abandon_threads;  /* some thread did not end in time: leave by _exit */
    struct plan plan;
    struct order order;
    struct findings findings; /* blockers and warnings */
    struct snapshot_identity *snapshots;
    size_t snapshot_count;
    struct text_list sequences; /* "public.t_id_seq = 42" */
    struct board_view board;
    struct load_totals totals;
    struct load_routers routers;
    struct thread_totals *readers; /* streams of each, or NULL before the streams began */
    struct thread_totals *writers;
    unsigned streams;
    bool from_spill;  /* an earlier run had given the source back: the rest came from its spill */
    bool not_spilled; /* of a load that only looks there: nothing of this command's is on disk */
    char retry_reasons[1024];
};

void load_result_free(struct load_result *r);

/* stop_open must have been called. Always fills *out; its exit_status says how it went. */
void load_run(const struct spec *spec, const struct load_observer *observer,
              struct load_result *out);

/* ---- a load as a part of something larger ---- */

struct auth;

struct load_request {
    const struct spec *spec;
    const struct load_observer *observer;
    struct auth *auth; /* of load_open_auth; stays open */
    bool reached; /* both servers were there before: not to reach them is a fault that passes */
    bool only_spilled; /* rows that an earlier run has left on disk, or none: out->not_spilled */
};
void load_run_request(const struct load_request *request, struct load_result *out);

/* Where something on disk may be this command's the source's side is not opened. As auth_open. */
bool load_open_auth(const struct spec *spec, struct auth **out, struct err *err) MUST_CHECK;

/* A result without a run, to be freed like others. */
void load_result_init(struct load_result *out);

#endif
