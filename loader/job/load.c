#include "job/load.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "flow/stop.h"
#include "job/exit_status.h"
#include "job/load_internal.h"
#include "job/run_streams.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A chunk that fails this often on its own, while others succeed, will not get better. */
#define CHUNK_ATTEMPTS_MAX 12u
#define RETRY_BASE_MS      200u
#define RETRY_CAP_MS       10000u
/* The ledger may say, after the streams, that commits were lost in a crash; then another round
 * follows. */
#define ROUNDS_MAX 20

void load_warn(struct load *l, const char *fmt, ...)
{
    char text[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    findings_add(&l->result->findings, FINDING_WARNING, ERR_NONE, "%s", text);
}

static void note(struct load *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void note(struct load *l, const char *fmt, ...)
{
    char text[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    l->observer->note(l->observer->self, text);
}

static struct retry_policy policy_of(const struct spec *spec)
{
    return (struct retry_policy){.attempts_max = CHUNK_ATTEMPTS_MAX,
                                 .base_ms = RETRY_BASE_MS,
                                 .cap_ms = RETRY_CAP_MS,
                                 .budget_ms = spec->retry_budget_ms};
}

/* Connections are tried again as long as the budget lasts, however often that is. */
static struct retry_policy connect_policy_of(const struct spec *spec)
{
    struct retry_policy policy = policy_of(spec);
    policy.attempts_max = UINT_MAX;
    return policy;
}

/* ---- which job this is ---- */

static void name_job(struct load *l)
{
    identity_name(l->spec, l->source_identity.system, l->source_identity.database,
                  l->destination_identity.database, l->result->job);
    session_tag(l->result->job, l->tag);
    session_name(l->tag, "control", l->control_name);
    ledger_init(&l->ledger, l->spec->ledger_schema, l->result->job);
}

/* So that pg_stat_activity names the job also for the two first connections. */
static bool name_sessions(struct load *l, struct err *err)
{
    const char *const params[] = {l->control_name};
    CLEANUP(pg_rows_free) struct pg_rows *a = NULL;
    CLEANUP(pg_rows_free) struct pg_rows *b = NULL;
    const char *sql = "SELECT set_config('application_name', $1, false)";
    return pg_query(l->source, sql, 1, params, &a, err) &&
           pg_query(l->destination, sql, 1, params, &b, err);
}

static bool check_record(const struct load *l, struct err *err)
{
    if (strcmp(l->record.source_system, l->source_identity.system) != 0 ||
        strcmp(l->record.source_database, l->source_identity.database) != 0) {
        return err_set(
            err, ERR_USAGE,
            "job \"%s\" reads from another source (database \"%s\", system identifier %s);"
            " give another --job, or --restart to begin anew",
            l->result->job, l->record.source_database, l->record.source_system);
    }
    return identity_compare(l->result->job, l->record.spec, l->spec, err);
}

/* ---- a finished job ---- */

/* Every table that the job filled must still have rows. */
static bool check_still_there(struct load *l, struct err *err)
{
    const struct plan *plan = &l->result->plan;
    for (size_t i = 0; i < plan->table_count; i++) {
        const struct plan_table *t = &plan->tables[i];
        uint64_t rows = 0;
        for (size_t c = 0; c < t->chunk_count; c++) {
            rows += t->chunks[c].rows;
        }
        if (rows == 0) {
            continue;
        }
        struct buf sql;
        buf_init(&sql, 1024);
        buf_puts(&sql, "SELECT EXISTS (SELECT 1 FROM ");
        pg_add_name(&sql, t->destination_schema, t->destination_name);
        buf_puts(&sql, ")");
        CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
        struct err why;
        bool ok = pg_query_row(l->destination, buf_str(&sql), 0, NULL, &r, &why);
        buf_free(&sql);
        if (!ok && why.kind != ERR_USAGE && why.kind != ERR_AUTH) {
            *err = why;
            return false;
        }
        if (!ok && why.kind == ERR_AUTH) {
            continue; /* a role that may only insert cannot look, and need not */
        }
        if (!ok || !pg_bool(r, 0, 0)) {
            return err_set(err, ERR_USAGE,
                           "job \"%s\" is finished, but table %s, which it filled, is %s; use "
                           "--restart to load again, or another --job",
                           l->result->job, t->target, ok ? "empty now" : "gone");
        }
    }
    return true;
}

static bool confirm_finished(struct load *l, struct err *err)
{
    int pid = 0;
    if (!ledger_read_plan(&l->ledger, l->destination, &l->result->plan, err) ||
        !ledger_read_snapshots(&l->ledger, l->destination, &l->result->snapshots,
                               &l->result->snapshot_count, &pid, err)) {
        return false;
    }
    l->result->planned = true;
    l->result->already_complete = true;
    return check_still_there(l, err);
}

/* ---- the ledger ---- */

static bool take_lease(struct load *l, struct err *err)
{
    if (!ledger_create(&l->ledger, l->destination, err)) {
        return false;
    }
    lease_token(l->token);
    l->leased = lease_take(&l->ledger, l->destination, l->token, l->tag, err);
    return l->leased;
}

/* With the lease: what does the ledger know of this job? --restart makes it forget. */
static bool read_record(struct load *l, struct err *err)
{
    job_record_free(&l->record);
    if (!ledger_find(&l->ledger, l->destination, &l->record, err)) {
        return false;
    }
    if (l->record.state != JOB_NONE && l->spec->restart) {
        note(l, "--restart: forgetting what the ledger knows of job \"%s\"; then --mode %s applies",
             l->result->job, load_mode_name(l->spec->mode));
        job_record_free(&l->record);
        load_end_old_holders(l);
        return ledger_forget(&l->ledger, l->destination, err);
    }
    return l->record.state == JOB_NONE || check_record(l, err);
}

static bool write_plan(struct load *l, struct err *err)
{
    char *spec = identity_spec(l->spec, l->triggers_disabled);
    if (spec == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    struct job_start start = {.spec = spec,
                              .source_system = l->source_identity.system,
                              .source_database = l->source_identity.database,
                              .destination_database = l->destination_identity.database,
                              .truncate_pending = l->spec->mode == MODE_TRUNCATE,
                              .holder_pid = l->holder.backend_pid};
    bool ok = ledger_plan(&l->ledger, l->destination, &start, &l->snapshot, &l->result->plan, err);
    free(spec);
    l->record.truncate_done = l->spec->mode != MODE_TRUNCATE;
    return ok;
}

/*
 * With a ledger the lease comes first, so that nobody else plans the same job. Without one there
 * cannot be a job, and a plan with problems shall leave no trace: so it is made before the ledger.
 */
static bool begin_new(struct load *l, bool have_ledger, struct err *err)
{
    if (!load_make_plan(l, err)) {
        return false;
    }
    if (!have_ledger) {
        if (!take_lease(l, err) || !read_record(l, err)) {
            return false;
        }
        if (l->record.state != JOB_NONE) {
            return err_set(err, ERR_BUSY, "job \"%s\" was begun by another loader just now",
                           l->result->job);
        }
    }
    load_end_old_holders(l); /* of a loader that was killed before its plan was in the ledger */
    return write_plan(l, err);
}

static bool restart_or_fail(struct load *l, struct err *err)
{
    if (l->spec->on_lost_snapshot == LOST_RESTART_TABLES) {
        note(l, "%s", err->msg);
        note(l, "reading the unfinished tables anew from a new snapshot");
        return load_restart_tables(l, err);
    }
    struct buf names;
    buf_init(&names, ERR_MSG_MAX);
    load_list_unfinished(l, &names);
    struct err why = *err;
    (void)err_set(err, ERR_LOST_SNAPSHOT, "%.400s; not finished: %.500s", why.msg, buf_str(&names));
    buf_free(&names);
    return false;
}

static bool resume(struct load *l, struct err *err)
{
    if (!load_resume(l, err)) {
        return err->kind == ERR_LOST_SNAPSHOT && l->result->planned ? restart_or_fail(l, err)
                                                                    : false;
    }
    return true;
}

/* ---- running ---- */

/* Once a job, before the first row. After a crash in between it is still due, and the statement is
 * made again from the plan. */
static bool truncate_targets(struct load *l, struct err *err)
{
    if (l->record.truncate_done) {
        return true;
    }
    if (l->truncate_sql == NULL) {
        l->truncate_sql = load_truncate_sql(l, err);
    }
    return l->truncate_sql != NULL &&
           ledger_truncate(&l->ledger, l->destination, l->truncate_sql, err);
}

static uint64_t done_bytes(const struct plan *plan)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < plan->table_count; i++) {
        for (size_t c = 0; c < plan->tables[i].chunk_count; c++) {
            if (plan->tables[i].chunks[c].state == CHUNK_DONE) {
                bytes += plan->tables[i].chunks[c].work.bytes;
            }
        }
    }
    return bytes;
}

static bool make_readers(struct load *l, struct err *err)
{
    struct readers_config config = {.target = &l->source_target,
                                    .tag = l->tag,
                                    .encoding = l->encoding,
                                    .tables = l->locks,
                                    .table_count = l->lock_count,
                                    .lock_at_attach = l->lock_at_attach,
                                    .hold_ms = l->spec->hold_snapshot_ms,
                                    .policy = connect_policy_of(l->spec),
                                    .board = l->board};
    pg_set_wake_fd(l->source, stop_abort_fd());
    l->readers = readers_new(&config, &l->snapshot, &l->holder, l->source);
    if (l->readers == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    l->source = NULL; /* theirs now, as the holder is */
    l->holder = (struct holder){.pid = 0};
    return true;
}

static bool run_round(struct load *l, uint64_t began_ns, uint64_t before_bytes, struct err *err)
{
    struct writers_config config = {.target = &l->destination_target,
                                    .tag = l->tag,
                                    .encoding = l->encoding,
                                    .system = l->destination_identity.system,
                                    .ledger = &l->ledger,
                                    .disable_triggers = l->triggers_disabled,
                                    .streams = l->spec->jobs,
                                    .policy = connect_policy_of(l->spec),
                                    .board = l->board};
    struct writers *writers = writers_new(&config);
    if (writers == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    struct run_streams run = {.spec = l->spec,
                              .result = l->result,
                              .observer = l->observer,
                              .ledger = &l->ledger,
                              .token = l->token,
                              .control_target = &l->destination_target,
                              .control_name = l->control_name,
                              .encoding = l->encoding,
                              .control = &l->destination,
                              .board = l->board,
                              .readers = l->readers,
                              .writers = writers,
                              .streams = l->spec->jobs,
                              .began_ns = began_ns,
                              .done_bytes_at_start = before_bytes,
                              .snapshot_no = l->snapshot.no};
    bool ok = run_streams(&run, err);
    if (!l->result->abandon_threads) {
        writers_free(writers);
    }
    return ok;
}

static bool reopen_control(struct load *l, struct err *err)
{
    if (l->destination == NULL || pg_is_dead(l->destination)) {
        pg_close(l->destination);
        l->destination = NULL;
        if (!pg_open(&l->destination_target, l->control_name, stop_drain_fd(), &l->destination,
                     err) ||
            !session_pin(l->destination, l->encoding, err)) {
            return false;
        }
    }
    pg_set_wake_fd(l->destination, stop_drain_fd());
    return lease_renew(&l->ledger, l->destination, l->token, err);
}

/* The ledger has the last word on what is committed. */
static bool confirm_chunks(struct load *l, bool *complete, struct err *err)
{
    CLEANUP_FREE struct board_done *done = NULL;
    size_t count = 0;
    if (!reopen_control(l, err) ||
        !ledger_read_done(&l->ledger, l->destination, &done, &count, err)) {
        return false;
    }
    board_resync(l->board, done, count);
    board_look(l->board, &l->result->board);
    *complete = l->result->board.chunks_done == l->result->board.chunks_total;
    return true;
}

static bool stream_rounds(struct load *l, uint64_t began_ns, uint64_t before_bytes, struct err *err)
{
    for (int i = 0; i < ROUNDS_MAX; i++) {
        bool complete = false;
        struct retry_policy policy = policy_of(l->spec);
        if (!run_round(l, began_ns, before_bytes, err)) {
            return false;
        }
        for (unsigned attempt = 0; !confirm_chunks(l, &complete, err); attempt++) {
            if (err->kind != ERR_TRANSIENT || attempt >= policy.attempts_max) {
                return false;
            }
            if (!stop_wait(stop_drain_fd(), RETRY_BASE_MS << (attempt < 5 ? attempt : 5))) {
                return err_set(err, ERR_CANCELLED, "stopped by a signal");
            }
        }
        if (complete) {
            return true;
        }
        note(l, "the destination lost commits in a crash; their chunks are loaded again");
    }
    return err_set(err, ERR_TRANSIENT, "the destination keeps losing commits that it acknowledged");
}

static bool run_snapshot(struct load *l, uint64_t began_ns, struct err *err)
{
    uint64_t before = done_bytes(&l->result->plan);
    struct retry_policy policy = policy_of(l->spec);
    l->board = board_new(&l->result->plan, &policy);
    if (l->board == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    pg_set_wake_fd(l->destination, stop_abort_fd());
    bool ok = make_readers(l, err) && stream_rounds(l, began_ns, before, err);
    board_look(l->board, &l->result->board);
    if (!l->result->abandon_threads) {
        bool dismiss = ok || err->kind == ERR_LOST_SNAPSHOT;
        readers_free(l->readers, dismiss);
        l->readers = NULL;
        board_free(l->board);
        l->board = NULL;
    }
    return ok;
}

static bool nothing_left(const struct load *l)
{
    return done_bytes(&l->result->plan) == l->result->plan.bytes && l->lock_count == 0;
}

static bool run(struct load *l, struct err *err)
{
    uint64_t began_ns = clock_mono_ns();
    if (!truncate_targets(l, err)) {
        return false;
    }
    bool ok = nothing_left(l);
    while (!ok) {
        ok = run_snapshot(l, began_ns, err);
        if (!ok && (err->kind != ERR_LOST_SNAPSHOT || !reopen_control(l, &(struct err){0}) ||
                    !restart_or_fail(l, err))) {
            return false;
        }
    }
    return reopen_control(l, err) && load_after(l, err) &&
           ledger_finish(&l->ledger, l->destination, err);
}

/* ---- all of it ---- */

static bool load(struct load *l, struct err *err)
{
    bool have_ledger = false;
    if (!load_connect(l, err)) {
        return false;
    }
    name_job(l);
    if (l->spec->dry_run) {
        return load_make_plan(l, err);
    }
    if (!name_sessions(l, err) || !ledger_exists(&l->ledger, l->destination, &have_ledger, err) ||
        (have_ledger && (!take_lease(l, err) || !read_record(l, err)))) {
        return false;
    }
    switch (l->record.state) {
    case JOB_FINISHED:
        return confirm_finished(l, err);
    case JOB_PLANNED:
        note(l, "resuming job \"%s\"", l->result->job);
        return resume(l, err) && run(l, err);
    case JOB_NONE:
    default:
        return begin_new(l, have_ledger, err) && run(l, err);
    }
}

static int status_of(const struct load *l, const struct err *err)
{
    switch (err->kind) {
    case ERR_NONE:
        return EXIT_DONE;
    case ERR_USAGE:
        return EXIT_USAGE;
    case ERR_AUTH:
        return EXIT_DENIED;
    case ERR_TRANSIENT:
        return l->result->planned ? EXIT_STOPPED : EXIT_UNREACHABLE;
    case ERR_CANCELLED:
        return EXIT_STOPPED;
    case ERR_BUSY:
        return EXIT_ALREADY_RUNNING;
    case ERR_DATA:
    case ERR_SYSTEM:
    case ERR_LOST_SNAPSHOT:
    default:
        return EXIT_FAILED;
    }
}

static void add_hint(struct load *l, const struct err *err)
{
    struct load_result *r = l->result;
    char hold[STR_HUMAN_MAX];
    if (!r->planned || r->exit_status == EXIT_DONE || l->spec->dry_run) {
        return;
    }
    if (err->kind == ERR_LOST_SNAPSHOT) {
        buf_puts(&r->hint, "finished tables stay as they are; run the same command with "
                           "--on-lost-snapshot restart-tables to read the unfinished ones anew, or "
                           "with --restart to begin anew");
    } else if (r->exit_status == EXIT_STOPPED || r->exit_status == EXIT_FAILED) {
        buf_printf(&r->hint, "%srun the same command again to resume job \"%s\"",
                   r->exit_status == EXIT_FAILED ? "mend the cause, then " : "", r->job);
        if (l->spec->hold_snapshot_ms > 0) {
            buf_printf(&r->hint, "; its snapshot is held on the source for %s",
                       human_duration(l->spec->hold_snapshot_ms, hold));
        }
    }
}

/* A planned job that is not finished keeps its holder, so that the next run finds its snapshot. */
static void close_all(struct load *l, bool keep_holder)
{
    if (l->leased && l->destination != NULL && !pg_is_dead(l->destination) &&
        stop_level() != STOP_ABORT) {
        struct err ignored;
        pg_set_wake_fd(l->destination, stop_abort_fd());
        bool released = lease_release(&l->ledger, l->destination, l->token, &ignored);
        (void)released; /* the end of the session releases it as well */
    }
    if (keep_holder) {
        holder_leave(&l->holder);
    } else {
        holder_dismiss(&l->holder);
    }
    pg_close(l->source);
    pg_close(l->destination);
    ledger_fini(&l->ledger);
    job_record_free(&l->record);
    snapshot_identity_free(&l->snapshot);
    secret_free(&l->source_target.conninfo);
    secret_free(&l->destination_target.conninfo);
    free(l->locks);
    free(l->truncate_sql);
}

void load_run(const struct spec *spec, const struct load_observer *observer,
              struct load_result *out)
{
    struct err err = {.kind = ERR_NONE};
    struct load l = {.spec = spec,
                     .observer = observer,
                     .result = out,
                     .source_target = {.side = "source"},
                     .destination_target = {.side = "destination"},
                     .record = {.truncate_done = true}};
    *out = (struct load_result){.exit_status = EXIT_DONE};
    buf_init(&out->hint, 4096);
    bool ok = secret_set(&l.source_target.conninfo, secret_reveal(&spec->source), &err) &&
              secret_set(&l.destination_target.conninfo, secret_reveal(&spec->destination), &err) &&
              load(&l, &err);
    if (!ok && err.kind == ERR_CANCELLED) {
        (void)err_set(&err, ERR_CANCELLED, "stopped by a signal"); /* where does not matter */
    }
    out->error = ok ? (struct err){.kind = ERR_NONE} : err;
    out->exit_status = status_of(&l, &out->error);
    add_hint(&l, &out->error);
    if (!out->abandon_threads) {
        close_all(&l, !ok && out->planned && !spec->dry_run && err.kind != ERR_LOST_SNAPSHOT);
    }
}

void load_result_free(struct load_result *r)
{
    buf_free(&r->hint);
    plan_free(&r->plan);
    findings_free(&r->findings);
    for (size_t i = 0; i < r->snapshot_count; i++) {
        snapshot_identity_free(&r->snapshots[i]);
    }
    free(r->snapshots);
    for (size_t i = 0; i < r->sequences.count; i++) {
        free(r->sequences.items[i]);
    }
    free(r->sequences.items);
}
