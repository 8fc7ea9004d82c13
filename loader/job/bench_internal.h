/* bench_internal.h: what the files bench*.c share: the state of one bench. Nobody else includes it.
 */
#ifndef JOB_BENCH_INTERNAL_H
#define JOB_BENCH_INTERNAL_H

#include "base/buf.h"
#include "ends/source_rows.h"
#include "flow/pipeline.h"
#include "job/auth.h"
#include "job/bench.h"
#include "job/choice.h"
#include "job/plan.h"
#include "job/snapshot.h"
#include "pg/catalog.h"
#include "pg/pg.h"
#include "pg/session.h"
#include "pg/types.h"

#include <stdatomic.h>

#define BENCH_SCHEMA_MAX 64

struct bench {
    const struct spec *spec;
    const struct bench_observer *observer;
    struct bench_result *result;
    struct auth *auth;
    struct pg_target targets[AUTH_SIDES];
    bool used[AUTH_SIDES]; /* which sides are connected to */
    enum auth_side shape;  /* the side that tables and sample rows are taken from */
    bool connected;

    /* The controlling thread's connections; NULL for a side that is not used. That of the source is
     * inside the snapshot. */
    struct pg *control[AUTH_SIDES];
    char encoding[SESSION_ENCODING_MAX];
    struct snapshot_identity snapshot;

    struct relation_list tables;        /* selected, of the side shape, with columns */
    struct choice *choices;             /* one for each table; NULL: no rules, or only one side */
    struct relation_list found;         /* on the destination; empty when that is the side shape */
    const struct relation **targets_of; /* for each table: what its scratch table is like */
    struct type_set types[AUTH_SIDES];  /* of the sides that are used */

    struct rows_sample *samples; /* by number of table; NULL when the destination is not measured */
    bool make_up;                /* all tables are empty: rows are made up */
    struct plan plans[BENCH_SWEEP_MAX]; /* one for each chunk size */
    size_t plan_count;

    char schema[BENCH_SCHEMA_MAX];
    bool scratch; /* the schema may exist */

    /* The streams' connections, kept from one measurement to the next. During one, each is touched
     * by its stream's thread alone. */
    struct pg *streams[AUTH_SIDES][PIPELINE_STREAMS_MAX];
    int halt_fd;        /* readable: every stream is to stop what it does */
    atomic_bool halted; /* the same, to look at */
};

void bench_note(struct bench *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void bench_warn(struct bench *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Is this stage asked for? */
bool bench_wants(const struct bench *b, enum bench_stage stage);

/* ---- bench_connect.c ---- */

/* The sides that are used: connected, pinned, fit. */
bool bench_connect(struct bench *b, struct err *err) MUST_CHECK;
/* How many more connections each used side takes. */
bool bench_free_slots(struct bench *b, unsigned *streams_max, struct err *err) MUST_CHECK;
/* Opens what is missing of the first so many streams of a side. */
bool bench_open_streams(struct bench *b, enum auth_side side, unsigned count,
                        struct err *err) MUST_CHECK;
/* For struct source_pg_config and sink_pg_config, with the bench as self. */
bool bench_attach_source(void *self, unsigned stream, struct pg **out, struct err *err);
bool bench_attach_destination(void *self, unsigned stream, struct pg **out, struct err *err);
void bench_detach(void *self, unsigned stream, struct pg *pg);
/* From any thread: what streams do ends now. */
void bench_halt(struct bench *b);
void bench_close_streams(struct bench *b);

/* ---- bench_tables.c ---- */

/* Selects, locks and matches the tables; samples when the destination is measured. ERR_USAGE or
 * ERR_AUTH with the blockers in the findings. */
bool bench_tables(struct bench *b, struct err *err) MUST_CHECK;

/* ---- bench_plan.c ---- */

/* The plan's tables without chunks. */
bool bench_plan_tables(struct bench *b, struct findings *findings, struct plan *out,
                       struct err *err) MUST_CHECK;
/* b->plans, one for each chunk size, bounded by --bench-bytes. */
bool bench_plans(struct bench *b, struct err *err) MUST_CHECK;
/* Forgets what the last measurement did with it. */
void bench_plan_reset(struct plan *plan);

/* "SELECT ..." of rows made up for the columns of a table. Columns of other types than the usual
 * are NULL. Pure. */
void bench_made_up(const struct relation *table, const struct type_set *types, unsigned rows,
                   struct buf *out);

/* ---- bench_scratch.c ---- */

bool bench_scratch_name(struct bench *b, struct err *err) MUST_CHECK;
/* Drops what killed runs have left, and makes the schema with all tables. */
bool bench_scratch_make(struct bench *b, struct err *err) MUST_CHECK;
bool bench_scratch_empty(struct bench *b, struct err *err) MUST_CHECK;
/* Over a connection of its own, also after a first signal. */
bool bench_scratch_drop(struct bench *b, struct err *err) MUST_CHECK;

/* ---- bench_run.c ---- */

/* One measurement. ERR_CANCELLED after a signal; nothing is added to the point then. */
bool bench_run_once(struct bench *b, struct bench_point *point, struct plan *plan,
                    struct err *err) MUST_CHECK;

#endif
