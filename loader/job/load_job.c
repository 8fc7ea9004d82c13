/* Which job a command means, and what is to be done for it. */
#include "base/cleanup.h"
#include "flow/stop.h"
#include "job/load_internal.h"
#include "job/targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which job this is ---- */

static void name_job(struct load *l)
{
    identity_name(l->spec, l->source_identity.system, l->source_identity.database,
                  l->destination_identity.database, l->result->job);
    load_name_job(l);
}

void load_name_job(struct load *l)
{
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
                           "job \"%s\" has put rows into table %s, and that is %s; use --restart to"
                           " load again, or another --job",
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
    if (l->spec->spill_dir != NULL) { /* by a run that was killed before it could */
        load_spill_name(l);
        spill_remove(l->spec->spill_dir, l->spill_name);
    }
    l->result->planned = true;
    l->result->already_complete = check_still_there(l, err);
    return l->result->already_complete;
}

/* ---- the ledger ---- */

bool load_take_lease(struct load *l, struct err *err)
{
    if (!ledger_create(&l->ledger, l->destination, err)) {
        return false;
    }
    lease_token(l->token);
    l->leased = lease_take(&l->ledger, l->destination, l->token, l->tag, err);
    return l->leased;
}

/* With the lease: what does the ledger know of this job? --restart makes it forget. */
bool load_read_record(struct load *l, struct err *err)
{
    job_record_free(&l->record);
    if (!ledger_find(&l->ledger, l->destination, &l->record, err)) {
        return false;
    }
    if (l->record.state != JOB_NONE && l->spec->restart) {
        load_note(
            l,
            "--restart: with a new plan, what the ledger knows of job \"%s\" is forgotten, and"
            " --mode %s applies",
            l->result->job, load_mode_name(l->spec->mode));
        job_record_free(&l->record);
        l->forget = true; /* once there is a new plan: a refused one shall cost nothing */
        return true;
    }
    return l->record.state == JOB_NONE || check_record(l, err);
}

/* Somebody may have filled a table since the plan looked. */
static bool confirm_empty(void *self, struct err *err)
{
    struct load *l = self;
    struct foreign_key_list no_keys = {0};
    CLEANUP_FREE bool *empty = calloc(l->targets.count + 1, sizeof *empty);
    if (empty == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    if (l->spec->mode != MODE_ERROR || l->targets.count == 0) {
        return true;
    }
    if (!targets_are_empty(l->destination, &l->targets, empty, err)) {
        return false;
    }
    targets_check(l->spec, &l->targets, empty, &no_keys, NULL, &l->result->findings);
    return l->result->findings.blockers == 0 ||
           err_set(err, ERR_USAGE, "somebody filled a table while the load was being planned");
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
                              .holder_pid = l->holder.backend_pid,
                              .exclusive = l->spec->mode != MODE_APPEND,
                              .confirm = confirm_empty,
                              .self = l};
    bool forgotten = !l->forget || ledger_forget(&l->ledger, l->destination, err);
    bool ok = forgotten &&
              ledger_plan(&l->ledger, l->destination, &start, &l->snapshot, &l->result->plan, err);
    l->record.truncate_done = l->spec->mode != MODE_TRUNCATE;
    /* A COMMIT whose answer is lost may have happened: then the snapshot has to outlive this run. A
     * holder that nobody needs is ended by the next plan. */
    l->recorded = ok || (forgotten && (err->kind == ERR_TRANSIENT || err->kind == ERR_CANCELLED));
    if (ok) {
        load_event(l, "planned", spec);
    }
    free(spec);
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
        if (!load_take_lease(l, err) || !load_read_record(l, err)) {
            return false;
        }
        if (l->record.state != JOB_NONE) {
            return err_set(err, ERR_BUSY, "job \"%s\" was begun by another loader just now",
                           l->result->job);
        }
    }
    if (!load_probe_binary(l, err)) {
        return false;
    }
    load_end_old_holders(l); /* of a loader that was killed before its plan was in the ledger */
    return write_plan(l, err);
}

bool load_restart_or_fail(struct load *l, struct err *err)
{
    if (l->spec->on_lost_snapshot == LOST_RESTART_TABLES) {
        load_note(l, "%s", err->msg);
        load_note(l, "reading the unfinished tables anew from a new snapshot");
        load_event(l, "snapshot lost", err->msg);
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
        return err->kind == ERR_LOST_SNAPSHOT && l->result->planned ? load_restart_or_fail(l, err)
                                                                    : false;
    }
    return true;
}

/* ---- all of it ---- */

/* For a job that the ledger knows, the plan that running the command would follow. */
static bool show_plan(struct load *l, bool have_ledger, struct err *err)
{
    if (have_ledger && !ledger_find(&l->ledger, l->destination, &l->record, err)) {
        return false;
    }
    if (l->record.state == JOB_NONE || l->spec->restart) {
        return load_make_plan(l, err);
    }
    bool finished = l->record.state == JOB_FINISHED;
    load_warn(l,
              "job \"%s\" is in the ledger, %s; this is its plan as it was made then, and --restart"
              " would make another",
              l->result->job,
              finished ? "finished" : "not finished: running the command resumes it");
    l->result->order.disable = identity_triggers_disabled(l->record.spec);
    (void)snprintf(l->result->order.why, sizeof l->result->order.why, "as planned");
    l->result->planned =
        check_record(l, err) && ledger_read_plan(&l->ledger, l->destination, &l->result->plan, err);
    return l->result->planned;
}

/* found: the rest of the rows is on disk, or nothing is left to do; this call has seen to it. */
static bool go_on_from_spill(struct load *l, bool *found, struct err *err)
{
    if (!load_may_have_spilled(l->spec)) {
        return true;
    }
    if (!load_find_spilled(l, found, err)) {
        return false;
    }
    if (!*found) {
        return true;
    }
    return l->record.state == JOB_FINISHED ? confirm_finished(l, err)
                                           : check_still_there(l, err) && load_streams(l, err);
}

bool load_job(struct load *l, struct err *err)
{
    bool have_ledger = false;
    bool found = false;
    bool ok = go_on_from_spill(l, &found, err);
    if (!ok || found || l->only_spilled) {
        l->result->not_spilled = ok && !found;
        return ok;
    }
    if (!load_spill_check(l->spec, err)) {
        return false;
    }
    if ((!auth_side_is_open(l->auth, AUTH_SOURCE) && !auth_open_side(l->auth, AUTH_SOURCE, err)) ||
        !load_connect(l, err)) {
        return false;
    }
    name_job(l);
    l->connected = true;
    if (!ledger_exists(&l->ledger, l->destination, &have_ledger, err)) {
        return false;
    }
    if (l->spec->dry_run) {
        return show_plan(l, have_ledger, err);
    }
    if (!name_sessions(l, err) ||
        (have_ledger && (!load_take_lease(l, err) || !load_read_record(l, err)))) {
        return false;
    }
    switch (l->record.state) {
    case JOB_FINISHED:
        return confirm_finished(l, err);
    case JOB_PLANNED:
        l->recorded = true;
        load_note(l, "resuming job \"%s\"", l->result->job);
        load_event(l, "resumed", "");
        return resume(l, err) && check_still_there(l, err) && load_streams(l, err);
    case JOB_NONE:
    default:
        return begin_new(l, have_ledger, err) && load_streams(l, err);
    }
}
