/* bench_report.h: what "sluice bench" measured, as text or JSON. Pure. */
#ifndef UI_BENCH_REPORT_H
#define UI_BENCH_REPORT_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_run_view {
    double seconds;
    uint64_t rows;
    uint64_t bytes;
    double cpu_s;
};

/* One point of the sweep; figures are medians of its runs. */
struct bench_row_view {
    const char *stage; /* "source", "destination", "both" */
    unsigned streams;
    uint64_t chunk_bytes;
    const struct bench_run_view *runs;
    unsigned run_count; /* 0: it was not measured */
    double bytes_per_s;
    double bytes_per_s_min;
    double bytes_per_s_max;
    double rows_per_s;
    double cpu_cores;
    double reading;      /* shares, 0..1, of the readers' time: the source gives rows ... */
    double waits_memory; /* ... the destination is slower */
    double waits_rows;   /* of the writers' time: the source is slower ... */
    double commits;      /* ... begin and commit */
    bool knee;           /* of its stage */
};

struct bench_view {
    const char *source; /* host:port/database; "": not used */
    const char *destination;
    size_t table_count;
    uint64_t tables_bytes;
    uint64_t part_bytes;
    bool made_up;
    bool with_indexes;
    unsigned repeat;                   /* asked for */
    const struct bench_row_view *rows; /* grouped by stage and chunk size */
    size_t row_count;
    const struct bench_row_view *advice; /* NULL: nothing was measured */
    const char *command;                 /* that follows from it */
    const char *const *warnings;
    size_t warning_count;
    const struct err *error; /* kind ERR_NONE when there is none */
    int exit_status;
};

/* A table for each stage and chunk size, the knee of each stage, the command, warnings, the error.
 */
void bench_report_text(const struct bench_view *v, struct buf *out);

/* {"event":"bench",...} in one line. */
void bench_report_json(const struct bench_view *v, struct buf *out);

#endif
