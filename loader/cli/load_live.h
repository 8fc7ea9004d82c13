/*
 * load_live.h: one moment of a running load in the form that ui/ shows, with what happened in the
 * last seconds. Pure: the time is an argument.
 */
#ifndef CLI_LOAD_LIVE_H
#define CLI_LOAD_LIVE_H

#include "job/load.h"
#include "ui/view.h"

/* Rates are those of the last samples, one a look of the controlling thread: some three seconds. */
#define LIVE_SAMPLES 16u

struct live_sample {
    uint64_t at_ns;
    uint64_t rows;
    uint64_t bytes_sent;
    struct spent spent;
    unsigned doing[SPENT_KINDS];
};

struct live {
    struct live_sample samples[LIVE_SAMPLES];
    size_t sample_count;
    uint64_t moved_ns;     /* when bytes_sent last grew, or the load began */
    char waiting_for[320]; /* what a view borrows */
    struct router_line routers[ROUTERS_MAX];
};

/* Takes a sample. *out borrows from live and p. */
void live_look(struct live *live, const struct spec *spec, const struct load_progress *p,
               uint64_t now_ns, struct progress_view *out);

#endif
