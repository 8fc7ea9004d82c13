/*
 * assess_run.h: looks at the source and proposes how its tables would stand in a shard group
 * (limitless/assess.h). Reads catalogs and statistics in one read-only transaction, and with
 * spec.assess.sample some rows of tables without statistics. No other server is asked.
 *
 * Runs in the calling thread, which handles signals; prints nothing.
 */
#ifndef JOB_ASSESS_RUN_H
#define JOB_ASSESS_RUN_H

#include "base/err.h"
#include "base/findings.h"
#include "job/spec.h"
#include "limitless/assess.h"
#include "pg/survey.h"

#include <stdint.h>

struct assess_result {
    int exit_status;
    struct err error; /* ERR_NONE: none */
    char source[192]; /* host:port/database */
    struct survey survey;
    struct assessment proposal;
    uint64_t free_connections; /* of the source, now */
    struct findings findings;  /* of the selection */
};

struct assess_observer {
    void *self;
    void (*note)(void *self, const char *text); /* something worth a line */
};

/* stop_open must have been called. Always fills *out; its exit_status says how it went. */
void assess_source(const struct spec *spec, const struct assess_observer *observer,
                   struct assess_result *out);

void assess_result_free(struct assess_result *r);

#endif
