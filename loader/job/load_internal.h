/* load_internal.h: what the files load*.c share: the state of one load. Nobody else includes it. */
#ifndef JOB_LOAD_INTERNAL_H
#define JOB_LOAD_INTERNAL_H

#include "flow/spill.h"
#include "job/auth.h"
#include "job/holder.h"
#include "job/lease.h"
#include "job/ledger.h"
#include "job/load.h"
#include "job/plan_build.h"
#include "job/readers.h"
#include "job/run_streams.h"
#include "limitless/limitless.h"
#include "pg/session.h"

struct load {
    const struct spec *spec;
    const struct load_observer *observer;
    struct load_result *result; /* owns the plan, findings, snapshots */
    struct auth *auth;          /* borrowed */
    struct pg_target source_target;
    struct pg_target destination_target;
    struct pg *source;      /* first connection; inside the snapshot once there is one */
    struct pg *destination; /* the control connection: ledger, lease */
    struct server_identity source_identity;
    struct server_identity destination_identity;
    char encoding[SESSION_ENCODING_MAX];
    char tag[SESSION_TAG_MAX];
    char control_name[SESSION_NAME_MAX];
    char token[LEASE_TOKEN_MAX];
    struct limitless_group group;  /* what the destination is; by load_connect */
    struct limitless_tables modes; /* of the group's tables, by load_make_plan; else empty */
    struct routers *routers;       /* NULL: not a shard group, or --routers off */
    struct ledger ledger;
    struct job_record record; /* as found in the ledger */
    bool leased;
    bool forget;    /* --restart: the ledger's rows of this job go when the new plan is written */
    bool recorded;  /* the ledger knows the job, so that another run can go on with it */
    bool connected; /* both sides were reached */
    bool only_spilled; /* nothing but the rows that an earlier run has left on disk */
    bool gave_up;      /* the streams met nothing but failures for as long as --retry-for allows */
    bool triggers_disabled;
    char *truncate_sql;           /* for a new job in mode truncate */
    struct relation_list targets; /* of a new job */
    struct relation_list touched; /* what the expressions read; l->locks borrows from it */
    struct holder holder;
    struct snapshot_identity snapshot; /* the current one; no 0: none */
    struct locked_table *locks;        /* the unfinished tables; borrows from the plan */
    size_t lock_count;
    bool lock_at_attach;
    struct err lock_denied; /* ERR_NONE, or why the tables could not be locked */
    struct board *board;
    struct readers *readers; /* has taken over source and holder while it exists */
    struct spill *spill;     /* while the streams run, with --spill-dir */
    char spill_name[SPILL_NAME_MAX];
    size_t spill_room;      /* of its batches; 0: not open */
    struct buf wrapped_key; /* of KMS, in hex */
    struct buf manifest;    /* the body, when an earlier run's rows are taken up */
    bool from_spill;        /* the source is not used: it was given back by an earlier run */
    bool released;          /* another process could go on from the spill */
    bool sequences_done;
    bool done; /* the ledger says that the job is finished */
};

/* Tells what auth has to say, if anything. */
void load_auth_notes(struct load *l);

/* Both sides connected, pinned, known, and fit for each other. */
bool load_connect(struct load *l, struct err *err) MUST_CHECK;

/* A new plan from the catalogs, with snapshot, locks and holder (without the last two for a dry
 * run). The ledger is not touched. ERR_USAGE or ERR_AUTH when there are blockers: they are in the
 * findings. */
bool load_make_plan(struct load *l, struct err *err) MUST_CHECK;

/* The ledger's plan, and back into its snapshot. ERR_LOST_SNAPSHOT: the plan is there, the snapshot
 * is not. */
bool load_resume(struct load *l, struct err *err) MUST_CHECK;

/* Replaces a lock timeout on the source by what stood in the way; other errors stay. */
void load_explain_lock(struct load *l, struct err *err);

/* What reading a snapshot means for the source. */
void load_warn_source(struct load *l);

/* Ends holders of earlier runs of this job, but not ours. Best effort. */
void load_end_old_holders(struct load *l);

/* A new snapshot for every table that is not finished, as --on-lost-snapshot restart-tables wants.
 */
bool load_restart_tables(struct load *l, struct err *err) MUST_CHECK;
/* TRUNCATE of all targets, for a job whose truncation is still due on resume. NULL: *err says why.
 */
char *load_truncate_sql(struct load *l, struct err *err);
/* The unfinished tables' names, for the message. */
void load_list_unfinished(const struct load *l, struct buf *out);

/* While planning and resuming no lock is waited for longer than this: a statement that waits for
 * this very job's holder may stand in front of us. Tried again as long as --retry-for lasts. */
#define LOAD_LOCK_TIMEOUT "SET lock_timeout = '5s'; "

/* Takes the holder and the locks for what is unfinished; source must be inside the snapshot. */
bool load_hold(struct load *l, struct err *err) MUST_CHECK;
/* l->locks from the plan's unfinished tables. */
bool load_list_locks(struct load *l, struct err *err) MUST_CHECK;
/* Adds to l->locks what sub-queries in filters and computed columns of unfinished tables read, as
 * far as the role may lock it; source is inside the snapshot and has its locks from then on. */
bool load_lock_touched(struct load *l, struct err *err) MUST_CHECK;
/* The same for a new plan, whose holder runs already: another one with all locks takes its place.
 * ERR_TRANSIENT when such a table changed since the snapshot. */
bool load_hold_touched(struct load *l, struct err *err) MUST_CHECK;

/* Sequences and ANALYZE. Trouble with either is a warning. */
bool load_after(struct load *l, struct err *err) MUST_CHECK;

/* Makes the plan's tables text where a shard group refuses binary COPY. */
bool load_probe_binary(struct load *l, struct err *err) MUST_CHECK;

/* ---- load_spill.c, load_release.c, load_from_spill.c ---- */

/* Opens the spill file that the spec asks for, if any. */
bool load_spill_open(struct load *l, struct err *err) MUST_CHECK;
/* done: the job is finished, nothing of it is needed any more. */
void load_spill_close(struct load *l, bool done);
/* What an earlier run of this command left; text, for the manifest's head. */
bool load_command_text(const struct spec *spec, struct buf *out, struct err *err) MUST_CHECK;
void load_spill_name(struct load *l);

/* Without a server: can --spill-dir and --spill-key-file be used? ERR_USAGE. */
bool load_spill_check(const struct spec *spec, struct err *err) MUST_CHECK;
/* Which of its plans the ledger has for the job just now; asks on the control connection. */
#define LOAD_PLAN_MARK_MAX 80u
bool load_plan_mark(struct load *l, char mark[LOAD_PLAN_MARK_MAX], struct err *err) MUST_CHECK;

/* For run_streams. */
struct release_hooks load_release_hooks(struct load *l);

/* Is there something in --spill-dir that could be this command's? Touches no server. */
bool load_may_have_spilled(const struct spec *spec);
/* Looks for the rows that an earlier run of this command has on disk, its source given back. found:
 * connected to the destination, the lease taken, plan and spill file open. */
bool load_find_spilled(struct load *l, bool *found, struct err *err) MUST_CHECK;

/* The destination's half of load_connect, with this encoding. */
bool load_connect_destination(struct load *l, const char *encoding, struct err *err) MUST_CHECK;
/* Job's name known: tag, session names, ledger. */
void load_name_job(struct load *l);
bool load_take_lease(struct load *l, struct err *err) MUST_CHECK;
bool load_read_record(struct load *l, struct err *err) MUST_CHECK;
/* The sequences' positions, from the source as it is now. */
bool load_move_sequences(struct load *l, struct err *err) MUST_CHECK;

/* From the first connection to the last word in the ledger. */
bool load_job(struct load *l, struct err *err) MUST_CHECK;

/* Runs the planned job to its end: truncation, streams, sequences, ANALYZE, the ledger's
 * "finished". */
bool load_streams(struct load *l, struct err *err) MUST_CHECK;

/* What --on-lost-snapshot says, with *err telling how it was lost. False: *err names what is left.
 */
bool load_restart_or_fail(struct load *l, struct err *err) MUST_CHECK;

struct retry_policy load_chunk_policy(const struct spec *spec);
/* Connections are tried again as long as the budget lasts, however often that is. */
struct retry_policy load_connect_policy(const struct spec *spec);

void load_note(struct load *l, const char *fmt, ...) PRINTF_LIKE(2, 3); /* to the observer, now */
void load_warn(struct load *l, const char *fmt, ...) PRINTF_LIKE(2, 3); /* into the summary */
void load_event(struct load *l, const char *what, const char *detail);  /* into the ledger */
bool load_add_snapshot(struct load *l, const struct snapshot_identity *s,
                       struct err *err) MUST_CHECK;

#endif
