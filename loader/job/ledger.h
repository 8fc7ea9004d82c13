/*
 * ledger.h: the tables on the destination that say which chunks are committed (schema in
 * job/ledger_sql.h). All calls go over the given connection and are one transaction each. Every
 * write is repeatable: after a lost connection the caller connects again and calls again.
 */
#ifndef JOB_LEDGER_H
#define JOB_LEDGER_H

#include "base/buf.h"
#include "base/err.h"
#include "job/board.h"
#include "job/plan.h"
#include "job/snapshot.h"
#include "pg/pg.h"

#include <stdint.h>

struct ledger {
    const char *schema; /* unquoted; borrowed, as job is */
    const char *job;
    struct buf prefix; /* "schema". , quoted, ready for a table name */
};

/* A statement on the ledger: @ stands for the schema in front of a table's name, $1 is the job,
 * $2.. are more. At most LEDGER_PARAMS_MAX of them. out may be NULL. */
#define LEDGER_PARAMS_MAX 8
struct ledger_query {
    const char *text;
    const char *const *more;
    int more_count;
};
bool ledger_ask(const struct ledger *l, struct pg *pg, const struct ledger_query *q,
                struct pg_rows **out, struct err *err) MUST_CHECK;

/* The control connection's commits wait for the disk, whatever the role's default says. */
bool ledger_keep_commits(struct pg *pg, struct err *err) MUST_CHECK;

void ledger_init(struct ledger *l, const char *schema, const char *job);
void ledger_fini(struct ledger *l);

/* Does the ledger exist? Touches nothing. ERR_USAGE when it is of another version. */
bool ledger_exists(const struct ledger *l, struct pg *pg, bool *exists, struct err *err) MUST_CHECK;
/* Makes what is missing. ERR_AUTH with the SQL to run when the role may not. */
bool ledger_create(const struct ledger *l, struct pg *pg, struct err *err) MUST_CHECK;
/* The same as SQL text, for --print-sql. */
void ledger_ddl(const char *schema, struct buf *out);

enum job_state { JOB_NONE, JOB_PLANNED, JOB_FINISHED };

struct job_record {
    enum job_state state;
    char *spec; /* JSON text, see job_identity.h; owned */
    char *source_system;
    char *source_database;
    bool truncate_done;
    unsigned snapshot_no;
};
void job_record_free(struct job_record *r);
/* state JOB_NONE when the ledger does not know the job. */
bool ledger_find(const struct ledger *l, struct pg *pg, struct job_record *out,
                 struct err *err) MUST_CHECK;

struct job_start {
    const char *spec;
    const char *source_system;
    const char *source_database;
    const char *destination_database;
    bool truncate_pending;
    int holder_pid;
    /* The job wants its tables for itself (every mode but append): no other job that is being run
     * may name one of them. confirm, called while no other job can begin or end, looks once more
     * whether they are as the plan found them. */
    bool exclusive;
    bool (*confirm)(void *self, struct err *err);
    void *self;
};
/* The whole plan in one transaction: the job exists afterwards or it does not. ERR_USAGE names the
 * job that is in the way. */
bool ledger_plan(const struct ledger *l, struct pg *pg, const struct job_start *start,
                 const struct snapshot_identity *snapshot, const struct plan *plan,
                 struct err *err) MUST_CHECK;

/* The plan as it was written, with the chunks already done; source_oid and filenode are the
 * stored ones (oid 0). */
bool ledger_read_plan(const struct ledger *l, struct pg *pg, struct plan *out,
                      struct err *err) MUST_CHECK;

/* All committed chunks. The caller frees *out. */
bool ledger_read_done(const struct ledger *l, struct pg *pg, struct board_done **out, size_t *count,
                      struct err *err) MUST_CHECK;

bool ledger_read_snapshots(const struct ledger *l, struct pg *pg, struct snapshot_identity **out,
                           size_t *count, int *holder_pid, struct err *err) MUST_CHECK;

/* Another holder, the same snapshot. */
bool ledger_rename_snapshot(const struct ledger *l, struct pg *pg, unsigned snapshot_no,
                            const char *id, int holder_pid, struct err *err) MUST_CHECK;

/* TRUNCATE of all targets in one statement, recorded in the same transaction. sql: the statement.
 */
bool ledger_truncate(const struct ledger *l, struct pg *pg, const char *sql,
                     struct err *err) MUST_CHECK;

/*
 * After a lost snapshot: the tables with restart[i] set are read anew from this snapshot.
 * Their done rows go, their new chunks are written, empty_sql empties their targets: one
 * transaction.
 */
struct ledger_restart {
    const struct plan *plan;
    const bool *restart; /* by table */
    const char *empty_sql;
    const struct snapshot_identity *snapshot;
    int holder_pid;
};
bool ledger_restart_tables(const struct ledger *l, struct pg *pg, const struct ledger_restart *r,
                           struct err *err) MUST_CHECK;

bool ledger_finish(const struct ledger *l, struct pg *pg, struct err *err) MUST_CHECK;
bool ledger_forget(const struct ledger *l, struct pg *pg, struct err *err) MUST_CHECK;

/* A line in the job's diary; a failure to write one is the caller's to ignore. */
bool ledger_event(const struct ledger *l, struct pg *pg, const char *token, const char *what,
                  const char *detail, struct err *err) MUST_CHECK;

#endif
