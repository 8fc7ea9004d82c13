#include "job/load.h"

#include "base/clock.h"
#include "base/rng.h"
#include "base/str.h"
#include "flow/stop.h"
#include "job/auth.h"
#include "job/exit_status.h"
#include "job/load_internal.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A chunk that fails this often on its own, while others succeed, will not get better. */
#define CHUNK_ATTEMPTS_MAX 12u
#define RETRY_BASE_MS      200u
#define RETRY_CAP_MS       10000u

void load_warn(struct load *l, const char *fmt, ...)
{
    char text[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    findings_add(&l->result->findings, FINDING_WARNING, ERR_NONE, "%s", text);
}

void load_note(struct load *l, const char *fmt, ...)
{
    char text[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    l->observer->note(l->observer->self, text);
}

struct retry_policy load_chunk_policy(const struct spec *spec)
{
    return (struct retry_policy){.attempts_max = CHUNK_ATTEMPTS_MAX,
                                 .base_ms = RETRY_BASE_MS,
                                 .cap_ms = RETRY_CAP_MS,
                                 .budget_ms = spec->retry_budget_ms};
}

/* Connections are tried again as long as the budget lasts, however often that is. */
struct retry_policy load_connect_policy(const struct spec *spec)
{
    struct retry_policy policy = load_chunk_policy(spec);
    policy.attempts_max = UINT_MAX;
    return policy;
}

/* A diary is worth a try, not a failure. */
void load_event(struct load *l, const char *what, const char *detail)
{
    struct err ignored;
    if (l->destination != NULL &&
        !ledger_event(&l->ledger, l->destination, l->token, what, detail, &ignored)) {
        load_note(l, "the ledger's diary could not be written: %s", ignored.msg);
    }
}

static int status_of(const struct load *l, const struct err *err)
{
    bool resumable = err->kind == ERR_TRANSIENT && l->recorded;
    return resumable ? EXIT_STOPPED : exit_status_of(err->kind);
}

static void add_hint(struct load *l, const struct err *err)
{
    struct load_result *r = l->result;
    char hold[STR_HUMAN_MAX];
    if (!l->recorded || r->exit_status == EXIT_DONE) {
        return;
    }
    if (err->kind == ERR_LOST_SNAPSHOT) {
        buf_puts(&r->hint, "finished tables stay as they are; run the same command with "
                           "--on-lost-snapshot restart-tables to read the unfinished ones anew, or "
                           "with --restart to begin anew");
    } else if (r->exit_status == EXIT_STOPPED || r->exit_status == EXIT_FAILED ||
               r->exit_status == EXIT_DENIED) {
        buf_printf(&r->hint, "%srun the same command%s again to resume job \"%s\"",
                   r->exit_status == EXIT_STOPPED ? "" : "mend the cause, then ",
                   l->spec->restart ? " without --restart" : "", r->job);
        if (l->released || l->from_spill) {
            buf_printf(&r->hint, "; the rest of its rows is in %s, and the source is not needed",
                       l->spec->spill_dir);
        } else if (l->spec->hold_snapshot_ms == 0) {
            buf_puts(&r->hint,
                     "; its snapshot is not held (--hold-snapshot 0), so tables that are not"
                     " finished need --on-lost-snapshot restart-tables as well");
        } else {
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
    free(l->locks);
    free(l->truncate_sql);
    relation_list_free(&l->targets);
    limitless_tables_free(&l->modes);
    routers_free(l->routers);
    relation_list_free(&l->touched);
    load_spill_close(l, l->done);
    buf_free(&l->wrapped_key);
    buf_free(&l->manifest);
}

/* One attempt from the first connection to the last. */
static bool attempt(const struct load_request *request, struct load_result *out, bool *again,
                    struct err *err)
{
    struct auth *auth = request->auth;
    struct load l = {
        .spec = request->spec,
        .observer = request->observer,
        .result = out,
        .auth = auth,
        .only_spilled = request->only_spilled,
        .source_target = {.side = "source",      .auth = auth_of(auth, AUTH_SOURCE)},
        .destination_target = {.side = "destination",         .auth = auth_of(auth, AUTH_DESTINATION)},
        .record = {.truncate_done = true}
    };
    bool ok = load_job(&l, err);
    if (!ok) {
        load_explain_lock(&l, err);
    }
    *again = !ok && err->kind == ERR_TRANSIENT && l.connected && !l.gave_up;
    if (!ok && err->kind == ERR_CANCELLED) {
        (void)err_set(err, ERR_CANCELLED, "stopped by a signal"); /* where does not matter */
    }
    out->error = ok ? (struct err){.kind = ERR_NONE} : *err;
    out->recorded = l.recorded;
    out->exit_status = status_of(&l, &out->error);
    add_hint(&l, &out->error);
    if (!out->abandon_threads) {
        close_all(&l, !ok && l.recorded && err->kind != ERR_LOST_SNAPSHOT);
    }
    return ok;
}

void load_result_init(struct load_result *out)
{
    *out = (struct load_result){.exit_status = EXIT_DONE};
    buf_init(&out->hint, 4096);
}

static void tell(void *self, const char *text)
{
    const struct load_observer *observer = self;
    observer->note(observer->self, text);
}

void load_auth_notes(struct load *l)
{
    struct load_observer observer = *l->observer;
    auth_notes(l->auth, tell, &observer);
}

/*
 * A fault while planning, resuming or finishing undoes nothing that counts, so the whole is tried
 * again, as long as --retry-for allows. Streams have a budget of their own.
 */
void load_run_request(const struct load_request *request, struct load_result *out)
{
    const struct load_observer *observer = request->observer;
    struct spec mine = *request->spec; /* borrows what spec owns */
    struct load_request once = *request;
    struct retry_policy policy = load_connect_policy(request->spec);
    struct retry retry = {.attempts = 0};
    struct rng rng;
    uint64_t wait_ms = 0;
    bool reached = request->reached;
    bool recorded = false;
    char told[ERR_MSG_MAX] = "";
    once.spec = &mine;
    rng_seed(&rng, rng_entropy());
    for (;;) {
        struct err err = {.kind = ERR_NONE};
        bool again = false;
        char text[ERR_MSG_MAX + 64];
        load_result_init(out);
        if (attempt(&once, out, &again, &err)) {
            return;
        }
        recorded = recorded || out->recorded;
        mine.restart = mine.restart && !recorded; /* it has begun anew: now it is to go on */
        if (recorded && out->exit_status == EXIT_UNREACHABLE) {
            out->exit_status = EXIT_STOPPED; /* not reached now, but in an earlier attempt */
        }
        reached = reached || again;
        again = again || (reached && err.kind == ERR_TRANSIENT && !out->planned);
        if (!again || out->abandon_threads ||
            retry_failed(&retry, &policy, err.kind, clock_mono_ns(), &rng, &wait_ms) ==
                RETRY_GIVE_UP) {
            return;
        }
        if (strcmp(told, err.msg) != 0) {
            (void)snprintf(told, sizeof told, "%s", err.msg);
            (void)snprintf(text, sizeof text, "%s; trying again", err.msg);
            observer->note(observer->self, text);
        }
        if (!stop_wait(stop_drain_fd(), (unsigned)wait_ms)) {
            return;
        }
        load_result_free(out);
    }
}

/* The source's side waits until it is sure that the source is needed. */
bool load_open_auth(const struct spec *spec, struct auth **out, struct err *err)
{
    if (!load_may_have_spilled(spec)) {
        return auth_open(spec, stop_drain_fd(), out, err);
    }
    struct auth *auth = NULL;
    if (!auth_open_bare(spec, stop_drain_fd(), &auth, err)) {
        return false;
    }
    if (!auth_open_side(auth, AUTH_DESTINATION, err)) {
        auth_close(auth);
        return false;
    }
    *out = auth;
    return true;
}

void load_run(const struct spec *spec, const struct load_observer *observer,
              struct load_result *out)
{
    struct auth *auth = NULL;
    struct load nothing = {.recorded = false};
    struct err err;
    if (!load_open_auth(spec, &auth, &err)) {
        load_result_init(out);
        if (err.kind == ERR_CANCELLED) {
            (void)err_set(&err, ERR_CANCELLED, "stopped by a signal");
        }
        out->error = err;
        out->exit_status = status_of(&nothing, &err);
        return;
    }
    struct load_request request = {.spec = spec, .observer = observer, .auth = auth};
    load_run_request(&request, out);
    if (!out->abandon_threads) {
        auth_close(auth); /* a thread that was left behind may be logging in */
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
    free(r->readers);
    free(r->writers);
}
