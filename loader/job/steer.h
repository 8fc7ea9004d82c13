/*
 * steer.h: how many readers and writers should work, for --jobs auto. Pure: time and measurements
 * come in with each sample, and the caller starts and parks streams.
 *
 * The side that limits is climbed: the writers, unless they mostly wait for rows; then the
 * readers. Errors that more streams make worse lower both at once, and a ceiling that rises again
 * slowly keeps them down. docs/decisions/0012-closed-loop.md says why it is done this way.
 *
 * A plain struct for one thread; no function here fails or allocates.
 */
#ifndef JOB_STEER_H
#define JOB_STEER_H

#include "job/climb.h"

#include <stdbool.h>
#include <stdint.h>

#define STEER_SAMPLE_NS    200000000u /* how often to sample; a late or early sample is no harm */
#define STEER_REASON_BYTES 96
#define STEER_ERROR_SLOTS  10 /* samples in which errors are added up: 2 s */

/* Totals are since the start of the run; counts of errors are since the sample before. */
struct steer_sample {
    uint64_t now_ns;          /* monotonic */
    uint64_t bytes_total;     /* handed to the destination; the smoother the better. May fall */
    uint64_t remaining_bytes; /* not yet handed over; UINT64_MAX: unknown */
    unsigned readers_active;  /* connected and not parked */
    unsigned writers_active;
    double writers_starved;  /* 0..1: share of the active writers' time spent waiting for rows */
    double readers_blocked;  /* 0..1: share of the active readers' time spent waiting for memory */
    uint64_t commit_ns;      /* average of the commits since the sample before; 0: none */
    unsigned throttled;      /* errors by which the destination asks for less */
    unsigned conflicts;      /* deadlocks, serialization failures */
    unsigned writer_refused; /* too many connections */
    unsigned reader_refused;
};

struct steer_decision {
    unsigned readers; /* 1..max */
    unsigned writers; /* 1..max */
    bool changed;     /* one of them differs from the decision before; reason is then not "" */
    char reason[STEER_REASON_BYTES]; /* "writers 4 -> 6: 18 % more throughput" */
};

struct steer {
    struct climb writers;
    struct climb readers;
    bool reading_limits; /* the readers are climbed, not the writers */
    double ratio;        /* readers to a writer while the writers are climbed */
    double starved;      /* recent averages */
    double blocked;
    double trial_starved; /* during a trial */
    double rate;          /* bytes per ns */
    unsigned throttled[STEER_ERROR_SLOTS];
    unsigned conflicts[STEER_ERROR_SLOTS];
    unsigned slot;
    uint64_t last_ns; /* 0: no sample yet */
    uint64_t last_bytes;
    uint64_t calm_until_ns; /* no second back-off before */
    uint64_t raise_at_ns;   /* when the ceiling rises */
    uint64_t raise_wait_ns; /* longer each time that errors come back */
    uint64_t turn_ns;       /* when the side that limits last changed, or readers were eased */
    struct steer_decision decision;
};

/* max >= 1 for each side; start is taken into 1..max. */
void steer_init(struct steer *s, unsigned max, unsigned start);

/* The first sample only sets the marks. The decision stands until the next. */
void steer_sample(struct steer *s, const struct steer_sample *in, struct steer_decision *out);

#endif
