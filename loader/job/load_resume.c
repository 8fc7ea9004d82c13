#include "base/cleanup.h"
#include "base/str.h"
#include "flow/stop.h"
#include "job/load_internal.h"
#include "job/targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_rows(const struct plan_table *t)
{
    for (size_t c = 0; c < t->chunk_count; c++) {
        if (t->chunks[c].state == CHUNK_DONE) {
            return true;
        }
    }
    return false;
}

void load_list_unfinished(const struct load *l, struct buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < l->result->plan.table_count; i++) {
        const struct plan_table *t = &l->result->plan.tables[i];
        if (!plan_table_is_done(t)) {
            buf_printf(out, "%s%s", count++ == 0 ? "" : ", ", t->label);
        }
    }
}

/* ---- the tables as the snapshot sees them ---- */

static bool read_relations(struct pg *pg, const struct plan *plan, const bool *wanted,
                           bool source_side, struct relation_list *out, struct err *err)
{
    struct relation_name *names = calloc(plan->table_count + 1, sizeof *names);
    size_t n = 0;
    if (names == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < plan->table_count; i++) {
        const struct plan_table *t = &plan->tables[i];
        if (wanted[i]) {
            names[n++] = source_side
                             ? (struct relation_name){t->source_schema, t->source_name}
                             : (struct relation_name){t->destination_schema, t->destination_name};
        }
    }
    bool ok = catalog_find(pg, names, n, out, err);
    free(names);
    return ok;
}

static bool take_source(const struct relation_list *list, struct plan_table *t, struct err *err)
{
    const struct relation *r = relation_list_find(list, t->source_schema, t->source_name);
    if (r == NULL) {
        return err_set(err, ERR_LOST_SNAPSHOT, "table %s no longer exists on the source", t->label);
    }
    t->source_oid = r->oid;
    t->source_kind = r->kind;
    t->lock_by_query = !r->can_select;
    return true;
}

static bool take_target(struct load *l, const struct relation_list *list, struct plan_table *t,
                        struct err *err)
{
    const struct relation *r = relation_list_find(list, t->destination_schema, t->destination_name);
    if (r == NULL) {
        return err_set(err, ERR_USAGE, "table %s no longer exists on the destination", t->target);
    }
    free(t->triggers);
    t->triggers = NULL;
    if (!catalog_insert_triggers(l->destination, r->oid, &t->triggers, err)) {
        return false;
    }
    t->work.triggers = t->triggers;
    return true;
}

/* What the ledger does not keep of the unfinished tables, because it can be looked up again. */
static bool look_up(struct load *l, const bool *wanted, struct relation_list *source,
                    struct err *err)
{
    struct plan *plan = &l->result->plan;
    struct relation_list targets = {0};
    bool ok = read_relations(l->source, plan, wanted, true, source, err) &&
              read_relations(l->destination, plan, wanted, false, &targets, err);
    for (size_t i = 0; ok && i < plan->table_count; i++) {
        ok = !wanted[i] || (take_source(source, &plan->tables[i], err) &&
                            take_target(l, &targets, &plan->tables[i], err));
    }
    relation_list_free(&targets);
    return ok;
}

static bool *unfinished(const struct plan *plan, size_t *count)
{
    bool *wanted = calloc(plan->table_count + 1, sizeof *wanted);
    *count = 0;
    for (size_t i = 0; wanted != NULL && i < plan->table_count; i++) {
        wanted[i] = !plan_table_is_done(&plan->tables[i]);
        *count += wanted[i];
    }
    return wanted;
}

char *load_truncate_sql(struct load *l, struct err *err)
{
    const struct plan *plan = &l->result->plan;
    struct relation_list targets = {0};
    CLEANUP_FREE bool *all = malloc(plan->table_count + 1);
    if (all == NULL) {
        (void)err_set(err, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    memset(all, true, plan->table_count + 1);
    char *sql = NULL;
    if (read_relations(l->destination, plan, all, false, &targets, err)) {
        sql = targets_truncate_sql(&targets);
        if (sql == NULL) {
            (void)err_set(err, ERR_SYSTEM, "out of memory");
        }
    }
    relation_list_free(&targets);
    return sql;
}

/* ---- resuming ---- */

static bool read_snapshots(struct load *l, struct err *err)
{
    int holder_pid = 0;
    struct load_result *r = l->result;
    if (!ledger_read_snapshots(&l->ledger, l->destination, &r->snapshots, &r->snapshot_count,
                               &holder_pid, err)) {
        return false;
    }
    snapshot_identity_free(&l->snapshot);
    return snapshot_identity_copy(&r->snapshots[r->snapshot_count - 1], &l->snapshot, err);
}

/* Holders of earlier runs have done their work once a new one is in the ledger, or once nobody
 * needs the snapshot. Their processes see their connections end, and end. */
void load_end_old_holders(struct load *l)
{
    char name[SESSION_NAME_MAX];
    char own[16];
    struct err ignored;
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    session_name(l->tag, "holder", name);
    (void)snprintf(own, sizeof own, "%d", l->holder.backend_pid);
    const char *const params[] = {name, own};
    if (!pg_query(l->source,
                  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                  " application_name = $1 AND pid <> $2::int AND datname = current_database()",
                  2, params, &r, &ignored)) {
        load_warn(l,
                  "a former snapshot holder (application_name %s on the source) may still be there",
                  name);
    }
}

static bool back_into_snapshot(struct load *l, struct err *err)
{
    size_t count = 0;
    struct relation_list source = {0};
    CLEANUP_FREE bool *wanted = unfinished(&l->result->plan, &count);
    if (wanted == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    bool ok = snapshot_import(l->source, &l->snapshot, err) && look_up(l, wanted, &source, err) &&
              load_list_locks(l, err) && load_lock_touched(l, err) &&
              snapshot_export(l->source, l->snapshot.id, err) && load_hold(l, err) &&
              snapshot_check_filenodes(l->source, l->locks, l->lock_count, err) &&
              ledger_rename_snapshot(&l->ledger, l->destination, l->snapshot.no, l->snapshot.id,
                                     l->holder.backend_pid, err);
    relation_list_free(&source);
    if (ok) {
        load_end_old_holders(l);
    }
    return ok;
}

bool load_resume(struct load *l, struct err *err)
{
    size_t left = 0;
    if (!ledger_read_plan(&l->ledger, l->destination, &l->result->plan, err) ||
        !read_snapshots(l, err)) {
        return false;
    }
    l->result->planned = true;
    l->triggers_disabled = identity_triggers_disabled(l->record.spec);
    l->result->order.disable = l->triggers_disabled;
    CLEANUP_FREE bool *wanted = unfinished(&l->result->plan, &left);
    if (wanted == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    if (left == 0) {
        load_end_old_holders(l);
        return true;
    }
    load_warn_source(l);
    return back_into_snapshot(l, err);
}

/* ---- another snapshot ---- */

/* A destination table as its rows are told apart: the partitions of one root share rows with it. */
struct place {
    uint32_t oid;
    uint32_t root_oid;
    bool is_partitioned;
};

static bool share_rows(const struct place *a, const struct place *b)
{
    return a->oid == b->oid ||
           (a->root_oid == b->root_oid && (a->is_partitioned || b->is_partitioned));
}

/* Source tables that share a destination go together: its rows cannot be told apart. What is
 * emptied for one of them may take the rows of the next one with it, so it goes on until nothing is
 * added. */
static void spread_over(const struct place *places, size_t count, bool *wanted)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < count; i++) {
            for (size_t k = 0; !wanted[i] && k < count; k++) {
                wanted[i] = wanted[k] && share_rows(&places[i], &places[k]);
                more = more || wanted[i];
            }
        }
    }
}

static bool spread(struct load *l, bool *wanted, struct err *err)
{
    const struct plan *plan = &l->result->plan;
    struct relation_list targets = {0};
    CLEANUP_FREE bool *all = malloc(plan->table_count + 1);
    CLEANUP_FREE struct place *places = calloc(plan->table_count + 1, sizeof *places);
    if (all == NULL || places == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    memset(all, true, plan->table_count + 1);
    bool ok = read_relations(l->destination, plan, all, false, &targets, err);
    for (size_t i = 0; ok && i < plan->table_count; i++) {
        const struct plan_table *t = &plan->tables[i];
        const struct relation *r =
            relation_list_find(&targets, t->destination_schema, t->destination_name);
        if (r == NULL) {
            ok = err_set(err, ERR_USAGE, "table %s no longer exists on the destination", t->target);
        } else {
            places[i] = (struct place){
                .oid = r->oid, .root_oid = r->root_oid, .is_partitioned = r->kind == 'p'};
        }
    }
    relation_list_free(&targets);
    if (ok) {
        spread_over(places, plan->table_count, wanted);
    }
    return ok;
}

static bool check_restartable(const struct load *l, const bool *wanted, struct err *err)
{
    struct buf names;
    buf_init(&names, 4096);
    const struct plan *plan = &l->result->plan;
    for (size_t i = 0; i < plan->table_count; i++) {
        const struct plan_table *t = &plan->tables[i];
        if (wanted[i] && has_rows(t) && (l->spec->mode == MODE_APPEND || !t->found_empty)) {
            buf_printf(&names, "%s%s", names.len == 0 ? "" : ", ", t->target);
        }
    }
    bool ok = names.len == 0;
    if (!ok) {
        (void)err_set(
            err, ERR_LOST_SNAPSHOT,
            "the snapshot is lost and these tables, partly loaded, had rows before this job"
            " began, so they cannot be emptied and read anew: %.700s",
            buf_str(&names));
    }
    buf_free(&names);
    return ok;
}

/* " ONLY " keeps a plain table's inheritance children out of it; a partitioned table has its rows
 * in its children. */
static bool only_word(struct load *l, const char *name, const char **out, struct err *err)
{
    const char *const params[] = {name};
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(l->destination, "SELECT relkind FROM pg_class WHERE oid = to_regclass($1)", 1,
                      params, &r, err)) {
        return false;
    }
    *out = pg_text(r, 0, 0)[0] == 'p' ? "" : "ONLY ";
    return true;
}

/* TRUNCATE where the server lets us, DELETE where a foreign key or a privilege forbids it. */
static bool add_emptying(struct load *l, const struct plan_table *t, struct buf *sql,
                         struct err *err)
{
    struct err why;
    struct buf name;
    struct buf probe;
    const char *only = "";
    buf_init(&name, 1024);
    buf_init(&probe, 2048);
    pg_add_name(&name, t->destination_schema, t->destination_name);
    bool ok = only_word(l, buf_str(&name), &only, err);
    if (ok) {
        buf_printf(&probe, "BEGIN; TRUNCATE %s%s", only, buf_str(&name));
        bool truncate = pg_exec(l->destination, buf_str(&probe), &why);
        ok = pg_exec(l->destination, "ROLLBACK", err);
        buf_printf(sql, "%s %s%s; ", truncate ? "TRUNCATE" : "DELETE FROM", only, buf_str(&name));
    }
    buf_free(&name);
    buf_free(&probe);
    return ok;
}

static bool emptied_before(const struct plan *plan, const bool *wanted, size_t no)
{
    const struct plan_table *t = &plan->tables[no];
    for (size_t i = 0; i < no; i++) {
        const struct plan_table *o = &plan->tables[i];
        if (wanted[i] && has_rows(o) && strcmp(o->destination_name, t->destination_name) == 0 &&
            strcmp(o->destination_schema, t->destination_schema) == 0) {
            return true;
        }
    }
    return false;
}

static bool make_empty_sql(struct load *l, const bool *wanted, struct buf *sql, struct err *err)
{
    const struct plan *plan = &l->result->plan;
    buf_puts(sql, l->triggers_disabled ? "SET LOCAL session_replication_role = replica; " : "");
    for (size_t i = 0; i < plan->table_count; i++) {
        if (wanted[i] && has_rows(&plan->tables[i]) && !emptied_before(plan, wanted, i) &&
            !add_emptying(l, &plan->tables[i], sql, err)) {
            return false;
        }
    }
    return buf_ok(sql, err);
}

static void drop_chunks(struct plan_table *t)
{
    for (size_t c = 0; c < t->chunk_count; c++) {
        free(t->chunks[c].lower);
        free(t->chunks[c].upper);
    }
    free(t->chunks);
    t->chunks = NULL;
    t->chunk_count = 0;
}

/* The ledger does not keep what a rule said of the size of chunks. */
static bool wish_chunks(struct load *l, const bool *wanted, const struct relation_list *source,
                        struct err *err)
{
    struct choice *choices = NULL;
    struct findings ignored = {0}; /* rules for tables that are done match nothing here */
    bool ok = choices_make(l->source, l->spec, source, &ignored, &choices, err);
    for (size_t i = 0; ok && i < l->result->plan.table_count; i++) {
        struct plan_table *t = &l->result->plan.tables[i];
        const struct relation *r =
            wanted[i] ? relation_list_find(source, t->source_schema, t->source_name) : NULL;
        t->chunk_bytes = r == NULL ? 0 : choices[r - source->items].chunk_bytes;
    }
    choices_free(choices, source->count);
    findings_free(&ignored);
    return ok;
}

static bool cut_again(struct load *l, const bool *wanted, const struct relation_list *source,
                      struct err *err)
{
    struct plan *plan = &l->result->plan;
    if (!wish_chunks(l, wanted, source, err)) {
        return false;
    }
    for (size_t i = 0; i < plan->table_count; i++) {
        struct plan_table *t = &plan->tables[i];
        if (!wanted[i]) {
            continue;
        }
        const struct relation *r = relation_list_find(source, t->source_schema, t->source_name);
        bool single = t->chunk_count == 1 && !l->triggers_disabled; /* maybe a self-reference */
        drop_chunks(t);
        t->filenode = r->filenode;
        t->work.snapshot_no = l->snapshot.no;
        if (!plan_cut(l->source, l->spec, r, single, t, err)) {
            return false;
        }
        t->work.key = t->key;
    }
    plan_total(plan);
    return true;
}

static bool new_source_connection(struct load *l, struct err *err)
{
    pg_close(l->source);
    l->source = NULL;
    return pg_open(&l->source_target, l->control_name, stop_drain_fd(), &l->source, err) &&
           session_pin(l->source, l->encoding, err);
}

static bool record_restart(struct load *l, const bool *wanted, const char *empty_sql,
                           struct err *err)
{
    struct ledger_restart r = {.plan = &l->result->plan,
                               .restart = wanted,
                               .empty_sql = empty_sql,
                               .snapshot = &l->snapshot,
                               .holder_pid = l->holder.backend_pid};
    return ledger_restart_tables(&l->ledger, l->destination, &r, err);
}

/* Order matters: what has rows is decided before the chunks are cut anew, and emptied in the
 * transaction that writes the new chunks. */
static bool restart(struct load *l, bool *wanted, struct relation_list *source, struct err *err)
{
    unsigned no = l->snapshot.no + 1;
    struct buf empty_sql;
    snapshot_identity_free(&l->snapshot);
    if (!new_source_connection(l, err) || !snapshot_take(l->source, &l->snapshot, err)) {
        return false;
    }
    l->snapshot.no = no;
    buf_init(&empty_sql, BUF_SQL_MAX);
    bool ok = look_up(l, wanted, source, err) && make_empty_sql(l, wanted, &empty_sql, err) &&
              cut_again(l, wanted, source, err) && load_list_locks(l, err) &&
              load_lock_touched(l, err) && load_hold(l, err) &&
              snapshot_check_filenodes(l->source, l->locks, l->lock_count, err) &&
              record_restart(l, wanted, buf_str(&empty_sql), err) &&
              load_add_snapshot(l, &l->snapshot, err);
    buf_free(&empty_sql);
    return ok;
}

bool load_restart_tables(struct load *l, struct err *err)
{
    size_t count = 0;
    struct relation_list source = {0};
    CLEANUP_FREE bool *wanted = unfinished(&l->result->plan, &count);
    if (wanted == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    bool ok = spread(l, wanted, err) && check_restartable(l, wanted, err) &&
              restart(l, wanted, &source, err);
    relation_list_free(&source);
    return ok;
}
