/* run_internal.h: what the files run_*.c share. Nobody else includes it. */
#ifndef JOB_RUN_INTERNAL_H
#define JOB_RUN_INTERNAL_H

#include "flow/pipeline.h"
#include "job/run_streams.h"
#include "job/steer.h"

/* Streams at work at first, with --jobs auto. */
#define STEER_START 4u

struct ends {
    struct source_pg **sources;
    struct sink_pg **sinks;
    struct source *source_ops;
    struct sink *sink_ops;
};

struct watch {
    struct run_streams *run;
    struct ends ends;
    struct pipeline *pipeline;
    struct load_totals before; /* of earlier rounds of the same run */
    struct thread_totals *readers_before, *writers_before;
    unsigned packers;
    bool has_readers; /* the pipeline does; the source may be gone by now */
    uint64_t renew_ns;
    uint64_t pause_ns;   /* before the control connection is tried again */
    unsigned places;     /* that were tried for it in vain, in this round of them */
    uint64_t routers_ns; /* when their loads are looked at again */
    uint64_t grace_ns;   /* 0: not ending */
    bool cancelled;
    bool early;          /* the source is to be given back early; false once that failed */
    bool sealing;        /* everything has been read */
    uint64_t release_ns; /* not before: it could not be done a moment ago */
    bool released;
    bool given_back;
    bool told_spill_error;
    unsigned told_writers;   /* that go on with their connections; 0: nothing was told */
    unsigned fewest_writers; /* likewise, at the worst; 0: there was room for all */
    struct steer steer;
    uint64_t steered_ns;
    struct board_view steer_board; /* at the last sample */
    struct spent steer_spent;
};

/* ---- run_ends.c ---- */

bool run_ends_make(const struct run_streams *r, struct ends *e, struct err *err) MUST_CHECK;
void run_ends_free_sources(struct ends *e, unsigned streams);
void run_ends_free(struct ends *e, unsigned streams);

/* ---- run_look.c ---- */

bool run_look_open(struct watch *w, struct err *err) MUST_CHECK;
void run_look_close(struct watch *w);
void run_look(struct watch *w); /* the result's totals as they are now */
void run_show(const struct watch *w);

/* ---- run_routers.c ---- */

void run_routers(struct watch *w); /* a few times a second */

/* ---- run_places.c ---- */

void run_places(struct watch *w);     /* a few times a second */
void run_places_end(struct watch *w); /* into the summary */

/* ---- run_steer.c ---- */

void run_steer_open(struct watch *w);
void run_steer(struct watch *w); /* a few times a second */

#endif
