/*
 * bench.h: measures a pair of servers: the source alone, the destination alone, both together, with
 * different numbers of streams and chunk sizes.
 *
 *   source       the real readers, one snapshot, rows thrown away       source_pg ─▶ sink_null
 *   destination  sample rows, sent again and again to scratch tables  source_rows ─▶ sink_pg
 *   both         the source's rows into the scratch tables              source_pg ─▶ sink_pg
 *
 * All three move the same plan: of each table a part as large as its share of --bench-bytes, cut
 * into chunks as a load would. Scratch tables, and a table in place of the ledger's so that a
 * transaction is what it is in a load, are in a schema of their own, "sluice_bench_PID_START"; both
 * are of the session that made it, so that the schema of a run that was killed is known by its
 * session being gone. The user's tables are read, or only looked at; the ledger does not matter.
 *
 * Measurements are made in turns, so that what changes on the servers meanwhile spreads over all.
 * Runs in the calling thread, which handles signals; prints nothing.
 */
#ifndef JOB_BENCH_H
#define JOB_BENCH_H

#include "base/err.h"
#include "base/findings.h"
#include "flow/spent.h"
#include "job/spec.h"

#include <stddef.h>
#include <stdint.h>

/* One measurement. */
struct bench_run {
    double seconds;
    uint64_t rows;  /* that arrived at the sinks */
    uint64_t bytes; /* of COPY, likewise */
    double cpu_s;   /* of this process */
    struct spent spent;
};

/* What is measured again and again. */
struct bench_point {
    enum bench_stage stage;
    unsigned streams;
    uint64_t chunk_bytes;
    struct bench_run runs[BENCH_REPEAT_MAX];
    unsigned run_count; /* fewer than asked for after a stop */
};

struct bench_result {
    int exit_status;
    struct err error; /* ERR_NONE: none */
    char source[192]; /* "" for a side that was not used */
    char destination[192];
    size_t table_count;
    uint64_t tables_bytes;      /* of all selected tables, in the relation */
    uint64_t part_bytes;        /* of what each measurement moves */
    bool made_up;               /* the rows of some table were made up */
    struct bench_point *points; /* by stage, chunk size, streams */
    size_t point_count;
    struct findings findings; /* blockers and warnings */
    bool abandon_threads;     /* some thread did not end in time: leave by _exit */
};

struct bench_observer {
    void *self;
    void (*note)(void *self, const char *text); /* something worth a line */
};

/* stop_open must have been called. Always fills *out; its exit_status says how it went. */
void bench_measure(const struct spec *spec, const struct bench_observer *observer,
                   struct bench_result *out);

void bench_result_free(struct bench_result *r);

const char *bench_stage_name(enum bench_stage stage); /* "source", "destination", "both" */

#endif
