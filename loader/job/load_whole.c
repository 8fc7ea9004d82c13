#include "job/load_whole.h"

#include "base/clock.h"
#include "base/rng.h"
#include "flow/stop.h"
#include "job/auth.h"
#include "job/exit_status.h"
#include "job/load_internal.h"
#include "job/schema_connect.h"

#include <stdio.h>
#include <string.h>

struct whole {
    const struct spec *spec;
    const struct load_observer *observer;
    struct load_whole_result *out;
    struct auth *auth;
    struct spec parts_spec; /* of the schema's parts; borrows what spec owns */
    bool reached;           /* both servers, by this run */
    bool rows_begun;
    bool rows_done;
    struct err postponed; /* --keep-going: of the part before */
};

static const char *const part_names[SCHEMA_PARTS] = {"before", "after"};

/* ---- what a part comes to ---- */

void load_whole_add(struct schema_done *sum, const struct schema_done *attempt)
{
    size_t own = sum->made + sum->there; /* what earlier attempts did is "before" to this one */
    if (attempt->before >= own) {
        sum->before = attempt->before - own;
    }
    sum->made += attempt->made;
    sum->there += attempt->there;
    sum->moved += attempt->moved;
    sum->failed = attempt->failed; /* those that failed were tried again */
}

static bool has(const struct findings *f, const char *text)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(f->items[i].text, text) == 0) {
            return true;
        }
    }
    return false;
}

/* Each attempt says what it finds; what stood in the way of one that is made again is over. */
static void keep_findings(struct findings *to, const struct findings *from, bool last)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct finding *f = &from->items[i];
        if ((last || f->level == FINDING_WARNING) && !has(to, f->text)) {
            findings_add(to, f->level, f->kind, "%s", f->text);
        }
    }
    to->left_out += last ? from->left_out : 0;
}

/* ---- one attempt at a part ---- */

/* On a plain server the tables are the source's: there is nothing that a renamed one's rows could
 * go to. Said before anything is made. */
static bool fits_plain(const struct whole *w, struct err *err)
{
    const struct table_rules *rules = &w->spec->rules;
    for (size_t i = 0; i < rules->count && !w->out->schema.is_limitless; i++) {
        const struct table_rule *r = &rules->items[i];
        if (r->to_schema != NULL || r->to_table != NULL) {
            return err_set(err, ERR_USAGE,
                           "the job file has %.200s go to another table, and on a plain server "
                           "--with-schema makes the tables as they are at the source; leave \"to\" "
                           "out, or use --create-tables instead",
                           r->pattern);
        }
    }
    return true;
}

/*
 * The dump is read once in a run, before the rows, and the part after makes what was read then: a
 * load may take days, and a table or an index that the source got meanwhile would have nothing to
 * stand on. Another run reads anew, and makes both parts of what is new.
 */
static bool read_schema(struct whole *w, const struct schema_context *cx, struct err *err)
{
    struct schema_result *out = &w->out->schema;
    if (!out->planned && !schema_make(cx, &out->made, err)) {
        return false;
    }
    out->planned = true;
    return fits_plain(w, err);
}

static bool make_part(struct whole *w, const struct schema_context *cx, enum schema_part part,
                      struct err *err)
{
    struct schema_result *out = &w->out->schema;
    struct schema_done done = {.made = 0};
    out->tried[part] = true;
    if (w->parts_spec.restart) {
        if (!schema_forget(cx, err)) {
            return false;
        }
        w->parts_spec.restart = false; /* once in a run */
    }
    struct spec mine = w->parts_spec;
    struct schema_context apply = *cx;
    apply.spec = &mine;
    bool ok = schema_apply(&apply, &out->made, part, &done, err);
    load_whole_add(&out->done[part], &done);
    return ok;
}

static bool connect_part(struct whole *w, struct schema_sides *s, struct err *err)
{
    if ((!auth_side_is_open(w->auth, AUTH_SOURCE) && !auth_open_side(w->auth, AUTH_SOURCE, err)) ||
        !schema_sides_open(w->spec, w->auth, s, &w->out->schema, err)) {
        if (s->is_replica && w->reached) {
            err->kind = ERR_TRANSIENT; /* it was none: for a while a failover leads astray */
        }
        return false;
    }
    (void)snprintf(w->out->load.job, sizeof w->out->load.job, "%s", s->job);
    (void)snprintf(w->out->load.source, sizeof w->out->load.source, "%s", w->out->schema.source);
    (void)snprintf(w->out->load.destination, sizeof w->out->load.destination, "%s",
                   w->out->schema.destination);
    w->reached = true;
    return true;
}

static bool try_part(struct whole *w, enum schema_part part, struct findings *findings,
                     struct err *err)
{
    struct schema_sides s = {.job = ""};
    struct schema_observer told = {.note = w->observer->note, .self = w->observer->self};
    bool ok = connect_part(w, &s, err);
    if (ok) {
        struct schema_context cx = schema_sides_context(&s, &w->parts_spec, &told, findings);
        ok = read_schema(w, &cx, err) && (w->spec->dry_run || make_part(w, &cx, part, err));
    }
    schema_sides_close(&s);
    return ok;
}

/* ---- a part, tried again ---- */

static size_t steps_of(const struct whole *w, enum schema_part part)
{
    const struct schema_done *d = &w->out->schema.done[part];
    return d->made + d->there + d->moved;
}

static void tell_again(const struct whole *w, enum schema_part part, const struct err *err,
                       char told[ERR_MSG_MAX])
{
    char text[ERR_MSG_MAX + 64];
    if (strcmp(told, err->msg) != 0) {
        (void)snprintf(told, ERR_MSG_MAX, "%s", err->msg);
        (void)snprintf(text, sizeof text, "%s the rows: %s; trying again", part_names[part],
                       err->msg);
        w->observer->note(w->observer->self, text);
    }
}

/* With the load's own patience: as long as --retry-for has nothing but failures. A server that this
 * run has never met is not waited for, as with a load. */
static bool run_part(struct whole *w, enum schema_part part, struct err *err)
{
    struct retry_policy policy = load_connect_policy(w->spec);
    struct retry retry = {.attempts = 0};
    struct rng rng;
    char told[ERR_MSG_MAX] = "";
    rng_seed(&rng, rng_entropy());
    for (;;) {
        struct findings found = {.count = 0};
        size_t steps = steps_of(w, part);
        uint64_t wait_ms = 0;
        *err = (struct err){.kind = ERR_NONE};
        bool ok = try_part(w, part, &found, err);
        if (steps_of(w, part) > steps) {
            retry_succeeded(&retry);
        }
        bool again = !ok && w->reached && !w->spec->dry_run &&
                     retry_failed(&retry, &policy, err->kind, clock_mono_ns(), &rng, &wait_ms) ==
                         RETRY_AGAIN;
        keep_findings(&w->out->schema.findings, &found, !again);
        findings_free(&found);
        if (!again) {
            return ok;
        }
        tell_again(w, part, err, told);
        if (!stop_wait(stop_drain_fd(), (unsigned)wait_ms)) {
            return err_set(err, ERR_CANCELLED, "stopped by a signal");
        }
    }
}

/* ---- the end ---- */

/* Another run can go on with something. */
static bool is_recorded(const struct whole *w)
{
    return w->rows_begun || w->out->schema.tried[SCHEMA_BEFORE];
}

static int status_of(const struct whole *w, const struct err *err)
{
    bool passes = err->kind == ERR_TRANSIENT && is_recorded(w);
    return passes ? EXIT_STOPPED : exit_status_of(err->kind);
}

/* --restart has begun when the new plan is written down. Until then the ledger has the old one, and
 * a run without --restart would take its rows for this one's. */
static void add_hint(struct whole *w, int status)
{
    struct buf *hint = &w->out->load.hint;
    if (hint->len > 0 || !is_recorded(w)) {
        return;
    }
    buf_printf(
        hint, "%s%srun the same command%s again to %s", w->rows_done ? "the rows are loaded; " : "",
        status == EXIT_STOPPED ? "" : "mend the cause, then ",
        w->spec->restart && w->rows_begun ? " without --restart" : "",
        w->rows_done ? "make the rest of the schema, for which the source is needed" : "go on");
}

static void end_with(struct whole *w, const struct err *err)
{
    struct load_result *r = &w->out->load;
    r->error = *err;
    if (err->kind == ERR_CANCELLED) {
        (void)err_set(&r->error, ERR_CANCELLED, "stopped by a signal");
    }
    r->exit_status = status_of(w, err);
    r->already_complete = false;
    add_hint(w, r->exit_status);
}

/* False: the run ends here. */
static bool part(struct whole *w, enum schema_part which)
{
    struct err err = {.kind = ERR_NONE};
    struct schema_result *s = &w->out->schema;
    if (run_part(w, which, &err)) {
        return true;
    }
    s->error = err;
    s->exit_status = status_of(w, &err);
    if (which == SCHEMA_BEFORE && err.kind == ERR_DATA && s->done[which].failed > 0) {
        w->postponed = err; /* --keep-going: whatever can be done is done */
        return true;
    }
    (void)err_wrap(&err, "the schema, %s the rows", part_names[which]);
    end_with(w, &err);
    return false;
}

/* ---- the rows ---- */

/* What the part after does the load leaves out. Neither is a part of the job's identity. */
static bool rows(struct whole *w, bool only_spilled)
{
    struct load_result *r = &w->out->load;
    struct spec mine = *w->spec;
    mine.sequences = false;
    mine.analyze = false;
    mine.create_tables = false;
    struct load_request request = {.spec = &mine,
                                   .observer = w->observer,
                                   .auth = w->auth,
                                   .reached = w->reached,
                                   .only_spilled = only_spilled};
    load_result_free(r);
    load_run_request(&request, r);
    if (w->observer->rows_end != NULL) {
        w->observer->rows_end(w->observer->self);
    }
    bool seen = !r->not_spilled;
    w->rows_begun = w->rows_begun || (seen && r->recorded);
    w->rows_done = seen && r->exit_status == EXIT_DONE && !w->spec->dry_run;
    w->reached = w->reached || w->rows_done;
    if (r->exit_status == EXIT_UNREACHABLE && is_recorded(w)) {
        r->exit_status = EXIT_STOPPED;
    }
    if (r->exit_status != EXIT_DONE) {
        add_hint(w, r->exit_status);
    }
    return r->exit_status == EXIT_DONE;
}

/* The plan of a finished job has none of these. */
static void warn_new(struct whole *w)
{
    size_t made = w->out->schema.done[SCHEMA_BEFORE].made;
    if (w->out->load.already_complete && made > 0) {
        findings_add(&w->out->load.findings, FINDING_WARNING, ERR_NONE,
                     "the rows were loaded by an earlier run, and %zu step%s of the schema came "
                     "since: a table that is new at the source is empty; --restart or another "
                     "--job loads again",
                     made, made == 1 ? "" : "s");
    }
}

/* ---- all of it ---- */

static bool is_idle(const struct schema_done *d)
{
    return d->made == 0 && d->there == 0 && d->moved == 0;
}

/*
 * Rows that an earlier run has on disk come first, because for them the source is not needed, and
 * may be gone; their tables were made by that run.
 */
static void run(struct whole *w)
{
    struct schema_result *s = &w->out->schema;
    if (load_may_have_spilled(w->spec) && !rows(w, true)) {
        return;
    }
    if (!part(w, SCHEMA_BEFORE) || (!w->rows_done && !rows(w, false)) || w->spec->dry_run) {
        return;
    }
    warn_new(w);
    if (!part(w, SCHEMA_AFTER)) {
        return;
    }
    struct load_result *r = &w->out->load;
    r->already_complete =
        r->already_complete && is_idle(&s->done[SCHEMA_BEFORE]) && is_idle(&s->done[SCHEMA_AFTER]);
    if (w->postponed.kind != ERR_NONE) {
        s->error = w->postponed;
        s->exit_status = exit_status_of(w->postponed.kind);
        end_with(w, &w->postponed);
    }
}

void load_whole_run(const struct spec *spec, const struct load_observer *observer,
                    struct load_whole_result *out)
{
    struct whole w = {.spec = spec, .observer = observer, .out = out, .parts_spec = *spec};
    struct err err = {.kind = ERR_NONE};
    *out = (struct load_whole_result){.schema = {.exit_status = EXIT_DONE}};
    load_result_init(&out->load);
    if (!load_open_auth(spec, &w.auth, &err)) {
        end_with(&w, &err);
        return;
    }
    run(&w);
    if (!out->load.abandon_threads) {
        auth_close(w.auth); /* a thread that was left behind may be logging in */
    }
}

void load_whole_result_free(struct load_whole_result *r)
{
    load_result_free(&r->load);
    schema_result_free(&r->schema);
}
