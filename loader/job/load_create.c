#include "job/load_create.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "job/create.h"
#include "job/match.h"

#include <stdlib.h>
#include <string.h>

/* Another loader that makes the same tables at the same time is met this often at most. */
#define CREATE_ATTEMPTS 5

void planning_free(struct planning *p)
{
    choices_free(p->choices, p->choice_count);
    relation_list_free(&p->list);
    relation_list_free(&p->pending);
    free(p->where);
    *p = (struct planning){0};
}

/* ---- what is told ---- */

static void tell_made(void *self, const struct ddl_script *script)
{
    load_note(self, "created %s", script->note);
}

/* In one line, as notes are: line breaks that are no part of a quoted text become blanks. */
static void add_in_line(struct buf *b, const char *sql)
{
    char quote = '\0';
    for (; *sql != '\0'; sql++) {
        if (quote == '\0' && *sql == '\n') {
            buf_puts(b, " ");
            sql += strspn(sql + 1, " ");
            continue;
        }
        if (*sql == '\'' || *sql == '"') {
            if (quote == '\0') {
                quote = *sql;
            } else if (quote == *sql) {
                quote = '\0';
            }
        }
        buf_add(b, sql, 1);
    }
}

/* With -v the statements, so that somebody can look at them before, or run them by hand. */
static void tell_wanted(struct load *l, const struct creation *c)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct ddl_script *s = &c->scripts[i];
        load_note(l, "would create %s", s->note);
        if (!l->spec->verbose) {
            continue;
        }
        struct buf sql;
        buf_init(&sql, BUF_SQL_MAX);
        buf_puts(&sql, "BEGIN;");
        for (size_t k = 0; k < s->count; k++) {
            buf_puts(&sql, " ");
            add_in_line(&sql, s->statements[k]);
            buf_puts(&sql, ";");
        }
        buf_puts(&sql, " COMMIT;");
        l->observer->note(l->observer->self, buf_str(&sql));
        buf_free(&sql);
    }
}

static void warn_unsaid(struct load *l, const struct creation *c)
{
    if (c->unsaid > 0) {
        load_warn(l,
                  "%zu new table%s without a mode in a job file: standard, each whole on one "
                  "shard; choose with mode: sharded or reference in the file that --config names",
                  c->unsaid, c->unsaid == 1 ? "" : "s");
    }
}

/* ---- what is left when the missing tables are taken away ---- */

/* Moves the pending ones to the end of the choices and out of the list. */
static bool take_away(struct planning *p, const bool *pending, size_t count, struct err *err)
{
    CLEANUP_FREE struct choice *sorted = calloc(p->list.count + 1, sizeof *sorted);
    size_t kept = 0;
    p->pending.items = calloc(count + 1, sizeof *p->pending.items);
    if (sorted == NULL || p->pending.items == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    size_t all = p->list.count;
    for (size_t i = 0; i < all; i++) {
        if (pending[i]) {
            sorted[all - count + p->pending.count] = p->choices[i];
            p->pending.items[p->pending.count++] = p->list.items[i];
        } else {
            sorted[kept] = p->choices[i];
            p->list.items[kept++] = p->list.items[i];
        }
    }
    memcpy(p->choices, sorted, all * sizeof *sorted);
    p->list.count = kept;
    return true;
}

static bool has_any(const struct relation_list *list, const struct relation_list *hit)
{
    for (size_t i = 0; i < hit->count; i++) {
        for (size_t k = 0; k < list->count; k++) {
            if (list->items[k].oid == hit->items[i].oid) {
                return true;
            }
        }
    }
    return false;
}

/* A --where that means pending tables alone would be about none of those that are left. */
static bool narrow(struct load *l, struct planning *p, struct err *err)
{
    const struct spec *spec = l->spec;
    p->narrowed = *spec; /* borrows everything */
    p->where = calloc(spec->where_count + 1, sizeof *p->where);
    if (p->where == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    p->narrowed.where = p->where;
    p->narrowed.where_count = 0;
    for (size_t i = 0; i < spec->where_count; i++) {
        CLEANUP(relation_list_free) struct relation_list hit = {0};
        CLEANUP(findings_free) struct findings ignored = {0};
        const char *const pattern[] = {spec->where[i].table};
        struct selection s = {
            .tables = pattern, .table_count = 1, .ledger_schema = spec->ledger_schema};
        if (!catalog_select(l->source, &s, &ignored, &hit, err)) {
            return false;
        }
        if (has_any(&p->list, &hit) || !has_any(&p->pending, &hit)) {
            p->where[p->narrowed.where_count++] = spec->where[i];
        }
    }
    return true;
}

static bool has_column(const struct relation *rel, const char *name)
{
    for (size_t i = 0; i < rel->column_count; i++) {
        if (strcmp(rel->columns[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_pending_too(const struct planning *p, const struct column_rule *rule)
{
    for (size_t i = p->list.count; i < p->choice_count; i++) {
        for (size_t k = 0; k < p->choices[i].column_count; k++) {
            if (p->choices[i].columns[k] == rule) {
                return true;
            }
        }
    }
    return false;
}

/* A column that is to be renamed or left out need not be in every table of its rule. Of those that
 * are left none may have it. */
static bool drop_mentions(struct load *l, struct planning *p, struct err *err)
{
    if (!catalog_columns(l->source, &p->list, err)) {
        return false;
    }
    for (size_t i = 0; i < p->list.count; i++) {
        struct choice *c = &p->choices[i];
        size_t kept = 0;
        for (size_t k = 0; k < c->column_count; k++) {
            const struct column_rule *rule = c->columns[k];
            if (rule->expression != NULL || has_column(&p->list.items[i], rule->column) ||
                !is_pending_too(p, rule)) {
                c->columns[kept++] = rule;
            }
        }
        c->column_count = kept;
    }
    return true;
}

static bool put_off(struct load *l, struct planning *p, const struct creation *c, struct err *err)
{
    return take_away(p, c->pending, c->pending_count, err) && narrow(l, p, err) &&
           drop_mentions(l, p, err);
}

/* ---- before anything is made ---- */

static const struct limitless_tables *modes_of(const struct load *l)
{
    return l->group.is_limitless ? &l->modes : NULL;
}

/* Does what exists already fit? Planned for itself on a selection of its own, since a plan takes
 * its selection over; what is wrong is said when it is planned again. */
static bool rest_fits(struct load *l, const struct creation *c, bool *fits, struct err *err)
{
    struct planning rest = {0};
    struct plan_result made = {0};
    struct findings findings = {0};
    bool ok = plan_select(l->source, l->spec, &findings, &rest.list, err) &&
              choices_make(l->source, l->spec, &rest.list, &findings, &rest.choices, err);
    rest.choice_count = ok ? rest.list.count : 0;
    ok = ok && put_off(l, &rest, c, err);
    struct plan_inputs inputs = {.source = l->source,
                                 .destination = l->destination,
                                 .spec = &rest.narrowed,
                                 .findings = &findings,
                                 .choices = rest.choices,
                                 .modes = modes_of(l)};
    ok = ok && plan_build(&inputs, &rest.list, &made, err);
    *fits = ok && findings.blockers == 0;
    planning_free(&rest);
    plan_result_free(&made);
    findings_free(&findings);
    return ok;
}

/* *put_it_off: not now. */
static bool may_create(struct load *l, const struct planning *p, const struct creation *c,
                       bool *put_it_off, struct err *err)
{
    bool fits = true;
    *put_it_off =
        l->spec->dry_run || l->result->findings.blockers > 0 || l->lock_denied.kind != ERR_NONE;
    if (*put_it_off || c->pending_count == p->list.count) {
        return true;
    }
    if (!rest_fits(l, c, &fits, err)) {
        return false;
    }
    *put_it_off = !fits;
    return true;
}

/* ---- making it ---- */

static bool read_modes(struct load *l, struct err *err)
{
    struct limitless_tables modes = {0};
    if (!l->group.is_limitless) {
        return true;
    }
    if (!limitless_tables_read(l->destination, &modes, err)) {
        return false;
    }
    limitless_tables_free(&l->modes);
    l->modes = modes;
    return true;
}

static bool wish(struct load *l, struct planning *p, struct creation *c, struct err *err)
{
    struct create_inputs in = {.source = l->source,
                               .destination = l->destination,
                               .spec = l->spec,
                               .list = &p->list,
                               .choices = p->choices,
                               .group = &l->group,
                               .modes = &l->modes,
                               .only_missing = l->spec->with_schema,
                               .findings = &l->result->findings};
    /* Whether a rule's column is in any of its tables is seen only with all tables' columns. */
    return (l->spec->rules.count == 0 || catalog_columns(l->source, &p->list, err)) &&
           create_plan(&in, c, err);
}

/* *again: somebody else was faster with one of them. */
static bool attempt(struct load *l, struct planning *p, bool *again, struct err *err)
{
    CLEANUP(creation_free) struct creation c = {0};
    bool put_it_off = false;
    *again = false;
    if (!wish(l, p, &c, err)) {
        return false;
    }
    if (c.pending_count == 0) {
        return true;
    }
    if (!may_create(l, p, &c, &put_it_off, err)) {
        return false;
    }
    warn_unsaid(l, &c);
    if (l->spec->dry_run) {
        tell_wanted(l, &c);
    }
    if (put_it_off) {
        return put_off(l, p, &c, err);
    }
    return create_run(l->destination, &c, tell_made, l, again, err);
}

/* What an attempt said that is made again. */
static void forget_findings(struct findings *f, size_t count)
{
    while (f->count > count) {
        free(f->items[--f->count].text);
    }
}

bool load_create(struct load *l, struct planning *p, struct err *err)
{
    size_t said = l->result->findings.count;
    bool again = true;
    bool ok = read_modes(l, err);
    bool others_make = l->spec->with_schema;
    if (!ok || (others_make ? !l->spec->dry_run : !l->spec->create_tables)) {
        return ok;
    }
    for (int i = 0; again && i < CREATE_ATTEMPTS; i++) {
        forget_findings(&l->result->findings, said);
        if (attempt(l, p, &again, err)) {
            return read_modes(l, err);
        }
    }
    return false;
}

/* ---- the plan of a dry run ---- */

static bool show_one(struct load *l, const struct relation *rel, const struct choice *choice,
                     struct plan_table *t, struct err *err)
{
    struct match_names n = match_names(choice, rel);
    const struct relation_name *to = n.root.name != NULL ? &n.root : &n.own;
    t->source_schema = str_copy(rel->schema);
    t->source_name = str_copy(rel->name);
    t->destination_schema = str_copy(to->schema);
    t->destination_name = str_copy(to->name);
    t->source_columns = str_copy("");
    t->destination_columns = str_copy("");
    t->format_why = str_copy("the table is not there yet");
    t->filter = str_copy(choice->where == NULL ? "" : choice->where);
    if (t->source_schema == NULL || t->source_name == NULL || t->destination_schema == NULL ||
        t->destination_name == NULL || t->source_columns == NULL ||
        t->destination_columns == NULL || t->format_why == NULL || t->filter == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    t->work.snapshot_no = 1;
    t->source_kind = rel->kind;
    t->source_oid = rel->oid;
    t->filenode = rel->filenode;
    t->row_estimate = rel->row_estimate;
    t->chunk_bytes = choice->chunk_bytes;
    t->found_empty = true;
    return plan_cut(l->source, l->spec, rel, false, t, err) && plan_table_finish(t, err);
}

bool load_create_show(struct load *l, const struct planning *p, struct plan *plan, struct err *err)
{
    if (p->pending.count == 0) {
        return true;
    }
    size_t all = plan->table_count + p->pending.count;
    struct plan_table *grown = realloc(plan->tables, all * sizeof *grown);
    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    plan->tables = grown;
    for (size_t i = 0; i < p->pending.count; i++) {
        struct plan_table *t = &grown[plan->table_count];
        *t = (struct plan_table){.work.no = (unsigned)plan->table_count};
        plan->table_count++;
        if (!show_one(l, &p->pending.items[i], &p->choices[p->choice_count - p->pending.count + i],
                      t, err)) {
            return false;
        }
    }
    plan_total(plan);
    load_warn(l, "%zu of these tables %s not on the destination, and would be created",
              p->pending.count, p->pending.count == 1 ? "is" : "are");
    return true;
}
