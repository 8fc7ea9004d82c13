/*
 * climb.h: finds the number of streams with the highest throughput while the run goes on. Pure;
 * used by steer.h, once for each side.
 *
 * It alternates between the best number known (the base) and a trial. A trial that gains becomes
 * the base; one that does not bounds the search on its side. When the bounds meet the base, it
 * holds, and probes one step up or down from time to time, because the optimum may move.
 *
 * A window is as long as the noise demands: it ends when trial and base differ clearly.
 */
#ifndef JOB_CLIMB_H
#define JOB_CLIMB_H

#include <stdbool.h>
#include <stdint.h>

enum climb_phase {
    CLIMB_BASE,  /* measures the base before the next trial */
    CLIMB_TRIAL, /* measures another number */
    CLIMB_HOLD,  /* found it; the base goes on being measured */
};

enum climb_verdict {
    CLIMB_NOTHING, /* the number stays */
    CLIMB_TRY,     /* a trial begins */
    CLIMB_GAIN, /* the trial is better, or as good with fewer; a further trial may begin at once */
    CLIMB_NO_GAIN, /* back to the base */
};

/* Rates of one number of streams: a weighted mean and variance. Latency 0: none seen. */
struct climb_window {
    double weight;
    double mean;
    double spread; /* weighted sum of squared differences */
    double latency_ns;
    unsigned samples; /* of the window under way */
    unsigned stalled; /* left out of it, because next to nothing moved */
};

struct climb_sample {
    uint64_t now_ns;
    double rate;       /* bytes per ns since the sample before */
    double latency_ns; /* of a commit; 0: none since then */
    unsigned active;   /* streams at work */
};

struct climb {
    enum climb_phase phase;
    unsigned count;   /* wanted now */
    unsigned best;    /* the base */
    unsigned max;     /* only ever falls */
    unsigned ceiling; /* <= max */
    unsigned low;     /* that and below is known to be worse; 0: none is */
    unsigned high;    /* that and above is known not to be better; 0: none is */
    double stride;    /* a trial is at most this factor from the base */
    bool down;        /* the direction of the next trial, or of this one */
    bool probing;     /* the trial is a single step from a held base */
    struct climb_window base;
    struct climb_window trial;
    bool settled;
    uint64_t settle_until_ns; /* streams come and go; this is the last moment to wait for them */
    uint64_t hold_until_ns;
    uint64_t hold_ns;
    /* Of the trial last measured, for the log. */
    unsigned from;
    unsigned to;
    double gain; /* 0.18: 18 % more than the base */
};

void climb_init(struct climb *c, unsigned max, unsigned start);

/* One sample of the time in which c->count was wanted; c->count may change. */
enum climb_verdict climb_sample(struct climb *c, const struct climb_sample *in);

/* Errors: not above ceiling from now on. What was measured counts no more. */
void climb_limit(struct climb *c, unsigned ceiling, uint64_t now_ns);

/* Not above max for good; 0 counts as 1, and more than the present max changes nothing. */
void climb_cap(struct climb *c, unsigned max, uint64_t now_ns);

/* Lifts the ceiling by a quarter; a base that stood at it soon tries the room. */
void climb_raise(struct climb *c, uint64_t now_ns);

/* Starts over at a number, as after a change on the other side. */
void climb_restart(struct climb *c, unsigned count, uint64_t now_ns);

#endif
