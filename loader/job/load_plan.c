#include "base/cleanup.h"
#include "base/str.h"
#include "flow/stop.h"
#include "job/load_create.h"
#include "job/load_internal.h"

#include <stdlib.h>
#include <string.h>

/* Tables that change between the snapshot and the locks make another snapshot necessary. */
#define SNAPSHOT_ATTEMPTS 5

/* ---- locks and holder ---- */

bool load_list_locks(struct load *l, struct err *err)
{
    struct plan *plan = &l->result->plan;
    free(l->locks);
    l->lock_count = 0;
    l->locks = calloc(plan->table_count + 1, sizeof *l->locks);
    if (l->locks == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < plan->table_count; i++) {
        const struct plan_table *t = &plan->tables[i];
        if (!plan_table_is_done(t)) {
            l->locks[l->lock_count++] = (struct locked_table){.no = t->work.no,
                                                              .schema = t->source_schema,
                                                              .name = t->source_name,
                                                              .kind = t->source_kind,
                                                              .by_query = t->lock_by_query,
                                                              .oid = t->source_oid,
                                                              .filenode = t->filenode};
        }
    }
    return true;
}

/* Every reader and the holder lock every table, as long as that takes no more than half of the
 * server's lock table; above, readers lock what they read. */
static bool choose_locking(struct load *l, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(l->source,
                      "SELECT current_setting('max_locks_per_transaction')::bigint *"
                      " (current_setting('max_connections')::bigint +"
                      " current_setting('max_prepared_transactions')::bigint)",
                      0, NULL, &r, err)) {
        return false;
    }
    uint64_t room = (uint64_t)pg_int(r, 0, 0);
    l->lock_at_attach = (uint64_t)l->lock_count * (l->spec->jobs + 2) <= room / 2;
    return true;
}

static bool start_holder(struct load *l, const char *lock_sql, struct err *err)
{
    char name[SESSION_NAME_MAX];
    session_name(l->tag, "holder", name);
    struct buf locks;
    buf_init(&locks, BUF_SQL_MAX);
    buf_puts(&locks, lock_sql[0] == '\0' ? "" : LOAD_LOCK_TIMEOUT);
    buf_puts(&locks, lock_sql);
    struct holder_order order = {.target = &l->source_target,
                                 .application_name = name,
                                 .encoding = l->encoding,
                                 .snapshot = &l->snapshot,
                                 .lock_sql = buf_str(&locks),
                                 .hold_ms = l->spec->hold_snapshot_ms};
    bool ok = buf_ok(&locks, err) && holder_start(&order, stop_drain_fd(), &l->holder, err);
    buf_free(&locks);
    if (!ok && err->kind == ERR_LOST_SNAPSHOT) {
        /* It is our own connection's export, of a moment ago: that connection is gone, no more. */
        err->kind = ERR_TRANSIENT;
    }
    if (!ok) {
        return false;
    }
    memcpy(l->snapshot.id, l->holder.snapshot_id, sizeof l->snapshot.id);
    return true;
}

bool load_hold(struct load *l, struct err *err)
{
    char *sql = snapshot_lock_sql(l->locks, l->lock_count);
    if (sql == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    bool ok = choose_locking(l, err) && (sql[0] == '\0' || pg_exec(l->source, sql, err)) &&
              start_holder(l, sql, err);
    free(sql);
    return ok || err_wrap(err, "locking the source's tables");
}

bool load_add_snapshot(struct load *l, const struct snapshot_identity *s, struct err *err)
{
    struct load_result *r = l->result;
    struct snapshot_identity *grown =
        realloc(r->snapshots, (r->snapshot_count + 1) * sizeof *r->snapshots);
    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    r->snapshots = grown;
    if (!snapshot_identity_copy(s, &r->snapshots[r->snapshot_count], err)) {
        return false;
    }
    r->snapshot_count++;
    return true;
}

/* ---- a new plan ---- */

/* What the locked tables look like to everybody, beside what they look like to the snapshot. */
static bool changed_before_locks(struct load *l, const struct relation_list *list, bool *changed,
                                 struct err *err)
{
    CLEANUP_FREE char *seen = NULL;
    CLEANUP_FREE char *now = NULL;
    struct pg *fresh = NULL;
    bool ok = catalog_fingerprint(l->source, list, &seen, err) &&
              pg_open(&l->source_target, l->control_name, stop_drain_fd(), &fresh, err) &&
              session_pin(fresh, l->encoding, err) && catalog_fingerprint(fresh, list, &now, err);
    pg_close(fresh);
    *changed = ok && strcmp(seen, now) != 0;
    return ok;
}

static bool lock_selected(struct load *l, const struct relation_list *list, bool *changed,
                          struct err *err)
{
    free(l->locks);
    l->locks = plan_locks(list);
    l->lock_count = list->count;
    if (l->locks == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    bool ok = load_hold(l, err) && changed_before_locks(l, list, changed, err);
    if (ok && !*changed) {
        struct err gone = {.kind = ERR_NONE};
        ok = snapshot_check_filenodes(l->source, l->locks, l->lock_count, &gone);
        *changed = !ok && gone.kind == ERR_LOST_SNAPSHOT;
        ok = ok || *changed || err_set(err, gone.kind, "%s", gone.msg);
    }
    return ok;
}

/* One snapshot with everything locked under it, or *again. */
static bool try_snapshot(struct load *l, struct relation_list *list, bool *again, struct err *err)
{
    bool changed = false;
    *again = false;
    snapshot_identity_free(&l->snapshot);
    if (!snapshot_take(l->source, &l->snapshot, err) ||
        !plan_select(l->source, l->spec, &l->result->findings, list, err)) {
        return false;
    }
    if (l->spec->dry_run || l->result->findings.blockers > 0) {
        return true; /* nothing will be read, so nothing needs a lock */
    }
    if (lock_selected(l, list, &changed, err) && !changed) {
        return true;
    }
    if (err->kind == ERR_AUTH) {
        /* The preflight names every table without the privilege, this error only the first. */
        l->lock_denied = *err;
        snapshot_identity_free(&l->snapshot);
        return pg_exec(l->source, "ROLLBACK", err) && snapshot_take(l->source, &l->snapshot, err);
    }
    /* A table that was dropped or replaced before its lock came: look at the tables again. */
    *again = changed || err->kind == ERR_USAGE;
    holder_dismiss(&l->holder);
    struct err ignored;
    if (*again && !pg_exec(l->source, "ROLLBACK", &ignored)) {
        *again = false;
    }
    return false;
}

static bool take_snapshot(struct load *l, struct relation_list *list, struct err *err)
{
    for (int i = 0; i < SNAPSHOT_ATTEMPTS; i++) {
        bool again = false;
        *err = (struct err){.kind = ERR_NONE};
        relation_list_free(list);
        findings_free(&l->result->findings);
        if (try_snapshot(l, list, &again, err)) {
            return true;
        }
        if (!again) {
            return false;
        }
    }
    if (err->kind == ERR_NONE) {
        return err_set(err, ERR_DATA,
                       "the source's tables change all the time: in %d attempts some table was "
                       "altered between the snapshot and its lock",
                       SNAPSHOT_ATTEMPTS);
    }
    return false;
}

/* With the schema come views and statistics, or a word about each that does not. */
static void warn_left_behind(struct load *l, const struct left_behind *left)
{
    if (left->large_objects > 0) {
        load_warn(l, "%llu large objects on the source are not copied",
                  (unsigned long long)left->large_objects);
    }
    if (left->materialized_views > 0 && !l->spec->with_schema) {
        load_warn(l,
                  "%llu materialised views are left out unless named with --table: REFRESH them on"
                  " the destination",
                  (unsigned long long)left->materialized_views);
    }
    if (left->extended_statistics > 0 && !l->spec->with_schema) {
        load_warn(l, "%llu extended statistics objects are not copied",
                  (unsigned long long)left->extended_statistics);
    }
}

void load_warn_source(struct load *l)
{
    load_warn(l,
              "until the %s, its snapshot holds back VACUUM on the source: rows that are "
              "deleted or updated meanwhile stay on disk",
              l->spec->release_early ? "source is given back" : "job ends");
    if (l->source_identity.in_recovery) {
        load_warn(l,
                  "the source is a standby: its recovery may cancel long reads (SQLSTATE 40001); "
                  "hot_standby_feedback = on or a larger max_standby_streaming_delay avoids that");
    }
}

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if (((unsigned char)*text & 0x80u) != 0) {
            return false;
        }
    }
    return true;
}

/* What was typed is UTF-8 as a rule, and is sent as it is. */
static void check_words(struct load *l)
{
    const struct spec *s = l->spec;
    const struct text_list *const lists[] = {&s->tables, &s->tables_out, &s->schemas,
                                             &s->schemas_out};
    bool ascii = true;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (size_t k = 0; k < lists[i]->count; k++) {
            ascii = ascii && is_ascii(lists[i]->items[k]);
        }
    }
    for (size_t i = 0; i < s->where_count; i++) {
        ascii = ascii && is_ascii(s->where[i].table) && is_ascii(s->where[i].expression);
    }
    if (!ascii && strcmp(l->encoding, "UTF8") != 0) {
        findings_add(&l->result->findings, FINDING_BLOCKER, ERR_USAGE,
                     "the source's encoding is %s, so table patterns and --where have to be ASCII: "
                     "use wildcards, and U&'\\00e9' or chr(233) in an expression",
                     l->encoding);
    }
}

static bool refuse(struct load *l, struct err *err)
{
    const struct findings *f = &l->result->findings;
    return err_set(err, findings_kind(f), "%zu problem%s; no row was moved", f->blockers,
                   f->blockers == 1 ? "" : "s");
}

/* The source's triggers have had their say about these rows. They are there when an earlier job has
 * made its part after the rows. */
static void warn_firing(struct load *l)
{
    for (size_t i = 0; i < l->result->plan.table_count && l->spec->with_schema; i++) {
        const struct plan_table *t = &l->result->plan.tables[i];
        if (!l->triggers_disabled && t->triggers != NULL && t->triggers[0] != '\0') {
            load_warn(l,
                      "the triggers of %.200s fire for each row and may change it (%.200s): they "
                      "stay in force because %.200s",
                      t->label, t->triggers, l->result->order.why);
        }
    }
}

static bool keep_result(struct load *l, struct plan_result *made, struct err *err)
{
    l->result->plan = made->plan;
    l->result->order = made->order;
    l->truncate_sql = made->truncate_sql;
    l->triggers_disabled = made->order.disable;
    made->plan = (struct plan){0};
    made->truncate_sql = NULL;
    l->targets = made->targets;
    made->targets = (struct relation_list){0};
    l->result->planned = true;
    warn_firing(l);
    return load_list_locks(l, err) && load_hold_touched(l, err) &&
           load_add_snapshot(l, &l->snapshot, err);
}

/* From the selection to a plan that may have blockers. */
static bool plan_selected(struct load *l, struct planning *p, struct plan_result *made,
                          struct err *err)
{
    struct findings *findings = &l->result->findings;
    struct left_behind left = {0};
    if (!choices_make(l->source, l->spec, &p->list, findings, &p->choices, err)) {
        return false;
    }
    p->choice_count = p->list.count;
    if (!load_create(l, p, err)) {
        return false;
    }
    struct plan_inputs inputs = {.source = l->source,
                                 .destination = l->destination,
                                 .spec = p->pending.count > 0 ? &p->narrowed : l->spec,
                                 .findings = findings,
                                 .choices = p->choices,
                                 .modes = l->group.is_limitless ? &l->modes : NULL};
    if (!plan_build(&inputs, &p->list, made, err) || !catalog_left_behind(l->source, &left, err) ||
        (findings->blockers == 0 && !load_create_show(l, p, &made->plan, err))) {
        return false;
    }
    warn_left_behind(l, &left);
    load_warn_source(l);
    return true;
}

bool load_make_plan(struct load *l, struct err *err)
{
    struct planning p = {0};
    struct plan_result made = {0};
    struct findings early = l->result->findings; /* of connecting; take_snapshot starts anew */
    l->result->findings = (struct findings){0};
    bool ok = take_snapshot(l, &p.list, err);
    for (size_t i = 0; i < early.count; i++) {
        findings_add(&l->result->findings, early.items[i].level, early.items[i].kind, "%s",
                     early.items[i].text);
    }
    findings_free(&early);
    check_words(l);
    ok = ok && plan_selected(l, &p, &made, err);
    if (ok) {
        ok = l->result->findings.blockers > 0  ? refuse(l, err)
             : l->lock_denied.kind != ERR_NONE ? err_set(err, ERR_AUTH, "%s", l->lock_denied.msg)
                                               : keep_result(l, &made, err);
    }
    planning_free(&p);
    plan_result_free(&made);
    return ok;
}
