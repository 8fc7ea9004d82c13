#include "job/plan_internal.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "job/match.h"
#include "job/object_names.h"
#include "job/targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plan_result_free(struct plan_result *r)
{
    plan_free(&r->plan);
    relation_list_free(&r->source);
    relation_list_free(&r->targets);
    free(r->truncate_sql);
    free(r->locks);
    *r = (struct plan_result){0};
}

static struct selection selection_of(const struct spec *spec)
{
    return (struct selection){
        .tables = (const char *const *)spec->tables.items,
        .table_count = spec->tables.count,
        .tables_out = (const char *const *)spec->tables_out.items,
        .table_out_count = spec->tables_out.count,
        .schemas = (const char *const *)spec->schemas.items,
        .schema_count = spec->schemas.count,
        .schemas_out = (const char *const *)spec->schemas_out.items,
        .schema_out_count = spec->schemas_out.count,
        .ledger_schema = spec->ledger_schema,
    };
}

bool plan_select(struct pg *source, const struct spec *spec, struct findings *findings,
                 struct relation_list *out, struct err *err)
{
    struct selection s = selection_of(spec);
    return catalog_select(source, &s, findings, out, err);
}

struct locked_table plan_lock(const struct relation *r, unsigned no)
{
    return (struct locked_table){.no = no,
                                 .schema = r->schema,
                                 .name = r->name,
                                 .kind = r->kind,
                                 .by_query = !r->can_select,
                                 .oid = r->oid,
                                 .filenode = r->filenode};
}

struct locked_table *plan_locks(const struct relation_list *list)
{
    struct locked_table *locks = calloc(list->count + 1, sizeof *locks);
    for (size_t i = 0; locks != NULL && i < list->count; i++) {
        locks[i] = plan_lock(&list->items[i], (unsigned)i);
    }
    return locks;
}

/* ---- the destination's side ---- */

static bool find_destination(struct build *b, struct err *err)
{
    const struct relation_list *source = &b->out->source;
    struct relation_name *names = calloc(source->count * 2 + 1, sizeof *names);
    if (names == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    size_t n = 0;
    for (size_t i = 0; i < source->count; i++) {
        struct match_names m = match_names(build_choice(b, i), &source->items[i]);
        names[n++] = m.own;
        if (m.root.name != NULL) {
            names[n++] = m.root;
        }
    }
    bool ok = catalog_find(b->destination, names, n, &b->found, err) &&
              catalog_columns(b->destination, &b->found, err);
    free(names);
    return ok;
}

static void check_source(const struct relation *s, struct findings *f)
{
    if (!s->can_use_schema) {
        findings_add(f, FINDING_BLOCKER, ERR_AUTH,
                     "the source role may not use schema \"%s\" (table %s); GRANT USAGE on it",
                     s->schema, s->name);
    } else if (!s->can_select && s->column_count == 0) {
        findings_add(f, FINDING_BLOCKER, ERR_AUTH,
                     "the source role may not read table %s.%s; GRANT SELECT on it", s->schema,
                     s->name);
    }
    if (s->row_security) {
        findings_add(f, FINDING_BLOCKER, ERR_AUTH,
                     "row-level security hides rows of %s.%s from the source role; use a role with "
                     "BYPASSRLS or the table's owner",
                     s->schema, s->name);
    }
}

static void block_absent(const struct relation *s, const struct choice *c, struct findings *f)
{
    if (c == NULL || !c->renamed) {
        findings_add(f, FINDING_BLOCKER, ERR_USAGE,
                     "table %s.%s does not exist on the destination; create it there%s, or use "
                     "--create-tables",
                     s->schema, s->name, s->is_partition ? " (or its root)" : "");
        return;
    }
    struct match_names n = match_names(c, s);
    findings_add(f, FINDING_BLOCKER, ERR_USAGE,
                 "table %s.%s, which the job file has %s.%s go to, does not exist on the "
                 "destination; create it there%s",
                 n.own.schema, n.own.name, s->schema, s->name,
                 n.root.name != NULL ? " (or its root)" : "");
}

static bool check_target(const struct relation *s, const struct relation *d, const struct choice *c,
                         struct findings *f)
{
    if (d == NULL) {
        block_absent(s, c, f);
        return false;
    }
    if (d->kind != 'r' && d->kind != 'p' && d->kind != 'f') {
        findings_add(f, FINDING_BLOCKER, ERR_USAGE,
                     "%s.%s on the destination is not a table; rows cannot be loaded into it",
                     d->schema, d->name);
        return false;
    }
    if (!d->can_use_schema) {
        findings_add(f, FINDING_BLOCKER, ERR_AUTH,
                     "the destination role may not use schema \"%s\"; GRANT USAGE on it",
                     d->schema);
    } else if (!d->can_insert && d->column_count == 0) {
        findings_add(f, FINDING_BLOCKER, ERR_AUTH,
                     "the destination role may not insert into %s.%s; GRANT INSERT on it",
                     d->schema, d->name);
    }
    if (d->row_security) {
        findings_add(f, FINDING_BLOCKER, ERR_AUTH,
                     "row-level security applies to the destination role on %s.%s, and COPY cannot"
                     " write under it; use a role with BYPASSRLS or the table's owner",
                     d->schema, d->name);
    }
    return true;
}

/* ---- putting it together ---- */

static bool read_both(struct build *b, struct err *err)
{
    b->target_of = calloc(b->out->source.count + 1, sizeof(struct relation *));
    b->computed = calloc(b->out->source.count + 1, sizeof *b->computed);
    if (b->target_of == NULL || b->computed == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    return catalog_columns(b->source, &b->out->source, err) && find_destination(b, err) &&
           type_set_load(b->source, &b->source_types, err) &&
           type_set_load(b->destination, &b->destination_types, err) &&
           catalog_foreign_keys(b->destination, &b->keys, err) &&
           catalog_deferrable(b->destination, &b->deferrable, err);
}

static bool match_one(struct build *b, struct match *m, size_t no, struct err *err)
{
    const struct relation *s = &b->out->source.items[no];
    struct plan_table *t = &b->out->plan.tables[no];
    check_source(s, b->findings);
    m->choice = build_choice(b, no);
    m->computed = &b->computed[no];
    t->work.no = (unsigned)no;
    t->work.snapshot_no = 1;
    t->source_kind = s->kind;
    t->lock_by_query = !s->can_select;
    t->source_oid = s->oid;
    t->filenode = s->filenode;
    t->row_estimate = s->row_estimate;
    t->filter = str_copy("");
    if (t->filter == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    b->target_of[no] = match_target(m, s);
    struct computed_trial trial = {.source = b->source,
                                   .rel = s,
                                   .choice = m->choice,
                                   .config = b->spec->config,
                                   .findings = b->findings};
    return computed_try(&trial, &b->computed[no], err) &&
           (!check_target(s, b->target_of[no], m->choice, b->findings) ||
            match_columns(m, s, b->target_of[no], t, err));
}

static bool match_all(struct build *b, struct err *err)
{
    struct plan *plan = &b->out->plan;
    struct match m = {.spec = b->spec,
                      .source_types = &b->source_types,
                      .destination_types = &b->destination_types,
                      .destination = &b->found,
                      .findings = b->findings};
    plan->tables = calloc(b->out->source.count + 1, sizeof *plan->tables);
    if (plan->tables == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    plan->table_count = b->out->source.count;
    for (size_t i = 0; i < plan->table_count; i++) {
        if (!match_one(b, &m, i, err)) {
            return false;
        }
    }
    return plan_check_columns(b, err);
}

static bool is_listed(const struct relation_list *list, uint32_t oid)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].oid == oid) {
            return true;
        }
    }
    return false;
}

static bool check_names(struct build *b, struct err *err)
{
    struct object_names o = {.source = b->source,
                             .destination = b->destination,
                             .source_types = &b->source_types,
                             .findings = b->findings};
    for (size_t i = 0; i < b->out->plan.table_count; i++) {
        o.choice = build_choice(b, i);
        o.computed = &b->computed[i];
        if (!object_names_check(&o, &b->out->source.items[i], b->out->plan.tables[i].filter, err)) {
            return false;
        }
    }
    return true;
}

/* Moves each relation that is a target from found to targets. target_of then points nowhere, so
 * whatever needs it has to be done before. */
static bool gather_targets(struct build *b, struct err *err)
{
    struct relation_list *targets = &b->out->targets;
    targets->items = calloc(b->found.count + 1, sizeof *targets->items);
    if (targets->items == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < b->out->plan.table_count; i++) {
        const struct relation *t = b->target_of[i];
        if (t != NULL && !is_listed(targets, t->oid)) {
            targets->items[targets->count++] = *t;
        }
    }
    return true;
}

/* With --restart the job may be the same, and is to begin anew. */
static bool find_unfinished(const struct build *b, const bool *empty, struct pg_rows **out,
                            struct err *err)
{
    bool asked = b->spec->mode != MODE_ERROR || b->spec->restart;
    for (size_t i = 0; !asked && i < b->out->targets.count; i++) {
        if (!empty[i]) {
            asked = true;
            if (!targets_unfinished(b->destination, b->spec, out, err)) {
                return false;
            }
        }
    }
    return true;
}

static bool check_targets(struct build *b, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *unfinished = NULL;
    struct relation_list *targets = &b->out->targets;
    CLEANUP_FREE bool *empty = calloc(targets->count + 1, sizeof *empty);
    if (empty == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    if ((targets->count > 0 && !targets_are_empty(b->destination, targets, empty, err)) ||
        !find_unfinished(b, empty, &unfinished, err)) {
        return false;
    }
    targets_check(b->spec, targets, empty, &b->keys, unfinished, b->findings);
    b->out->truncate_sql = targets_truncate_sql(targets);
    for (size_t i = 0; i < b->out->plan.table_count; i++) {
        struct plan_table *t = &b->out->plan.tables[i];
        for (size_t k = 0; b->target_of[i] != NULL && k < targets->count; k++) {
            if (targets->items[k].oid == b->target_of[i]->oid) {
                t->found_empty = empty[k] || b->spec->mode == MODE_TRUNCATE;
            }
        }
    }
    return true;
}

static bool may_disable(struct pg *destination, bool *may, struct err *err)
{
    struct err why;
    *may = pg_exec(destination,
                   "SET session_replication_role = replica; RESET session_replication_role", &why);
    if (!*may && (pg_is_dead(destination) || why.kind == ERR_CANCELLED)) {
        *err = why;
        return false;
    }
    return true;
}

/* A partitioned table is loaded whole when all of its leaves are. */
static bool mark_partial(struct build *b, struct order_table *tables, struct err *err)
{
    const struct relation_list *source = &b->out->source;
    for (size_t i = 0; i < source->count; i++) {
        const struct relation *s = &source->items[i];
        size_t leaves = 0;
        size_t loaded = 0;
        bool first = s->is_partition; /* one question a root */
        for (size_t k = 0; s->is_partition && k < source->count; k++) {
            bool same = source->items[k].is_partition && source->items[k].root_oid == s->root_oid;
            first = first && (!same || k >= i);
            loaded += same;
        }
        if (!first) {
            continue;
        }
        if (!catalog_leaf_count(b->source, s->root_oid, &leaves, err)) {
            return false;
        }
        for (size_t k = i; loaded < leaves && k < source->count; k++) {
            tables[k].partial = tables[k].partial || source->items[k].root_oid == s->root_oid;
        }
    }
    return true;
}

static bool set_order(struct build *b, struct order_table **out, struct err *err)
{
    struct plan *plan = &b->out->plan;
    struct order_table *tables = calloc(plan->table_count + 1, sizeof *tables);
    if (tables == NULL || !may_disable(b->destination, &b->out->order.may_disable, err)) {
        free(tables);
        return tables == NULL ? err_set(err, ERR_SYSTEM, "out of memory") : false;
    }
    for (size_t i = 0; i < plan->table_count; i++) {
        const struct relation *d = b->target_of[i];
        tables[i] = (struct order_table){.root_oid = d == NULL ? 0 : d->root_oid,
                                         .partial = plan->tables[i].filter[0] != '\0',
                                         .deferrable = d != NULL &&
                                                       (oid_list_has(&b->deferrable, d->oid) ||
                                                        oid_list_has(&b->deferrable, d->root_oid)),
                                         .reference = d != NULL && plan_is_reference(b, d),
                                         .name = d == NULL ? "" : d->root_name};
    }
    if (!mark_partial(b, tables, err)) {
        free(tables);
        return false;
    }
    order_tables(b->spec, &b->keys, tables, plan->table_count, b->findings, &b->out->order);
    for (size_t i = 0; i < plan->table_count; i++) {
        plan->tables[i].level = tables[i].level;
    }
    *out = tables;
    return true;
}

static bool finish_tables(struct build *b, const struct order_table *order, struct err *err)
{
    struct plan *plan = &b->out->plan;
    for (size_t i = 0; i < plan->table_count; i++) {
        struct plan_table *t = &plan->tables[i];
        if (!plan_cut(b->source, b->spec, &b->out->source.items[i], order[i].single_chunk, t,
                      err) ||
            !catalog_insert_triggers(b->destination, b->target_of[i]->oid, &t->triggers, err) ||
            !plan_table_finish(t, err)) {
            return false;
        }
    }
    plan_total(plan);
    if (plan->chunk_count > PLAN_CHUNKS_MAX) {
        return err_set(err, ERR_USAGE,
                       "%zu chunks are too many (at most %u); use a larger "
                       "--chunk-size",
                       plan->chunk_count, PLAN_CHUNKS_MAX);
    }
    return true;
}

static bool build(struct build *b, struct err *err)
{
    struct order_table *order = NULL;
    bool ok = read_both(b, err) && match_all(b, err) && plan_filters(b, err);
    if (ok) {
        plan_check_modes(b);
    }
    ok = ok && plan_check_collocations(b, err);
    ok = ok && (b->findings->blockers > 0 || check_names(b, err));
    ok = ok && gather_targets(b, err) && check_targets(b, err) && set_order(b, &order, err);
    /* A plan with blockers is never run, so there is no use in cutting tables that do not match. */
    ok = ok && (b->findings->blockers > 0 || finish_tables(b, order, err));
    free(order);
    return ok;
}

/* The relations that became targets belong to out now. */
static void free_found(struct build *b)
{
    for (size_t i = 0; i < b->found.count; i++) {
        if (is_listed(&b->out->targets, b->found.items[i].oid)) {
            b->found.items[i] = (struct relation){0};
        }
    }
    relation_list_free(&b->found);
}

bool plan_build(const struct plan_inputs *in, struct relation_list *list, struct plan_result *out,
                struct err *err)
{
    struct plan_result result = {.source = *list};
    *list = (struct relation_list){0};
    struct build b = {.source = in->source,
                      .destination = in->destination,
                      .spec = in->spec,
                      .findings = in->findings,
                      .choices = in->choices,
                      .modes = in->modes,
                      .out = &result};
    bool ok = build(&b, err);
    result.locks = plan_locks(&result.source);
    ok = ok && (result.locks != NULL || err_set(err, ERR_SYSTEM, "out of memory"));
    free_found(&b);
    for (size_t i = 0; b.computed != NULL && i < result.source.count; i++) {
        computed_free(&b.computed[i]);
    }
    free(b.computed);
    free(b.target_of);
    type_set_free(&b.source_types);
    type_set_free(&b.destination_types);
    foreign_key_list_free(&b.keys);
    oid_list_free(&b.deferrable);
    if (!ok) {
        plan_result_free(&result);
        return false;
    }
    *out = result;
    return true;
}
