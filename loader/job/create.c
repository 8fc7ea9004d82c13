#include "job/create.h"

#include "base/cleanup.h"
#include "job/create_internal.h"
#include "job/match.h"
#include "limitless/refusals.h"

#include <stdlib.h>
#include <string.h>

void creation_free(struct creation *c)
{
    for (size_t i = 0; i < c->count; i++) {
        ddl_script_free(&c->scripts[i]);
    }
    free(c->scripts);
    free(c->pending);
    *c = (struct creation){0};
}

/* ---- what is missing ---- */

static bool find_there(const struct create_inputs *in, struct relation_list *there, struct err *err)
{
    const struct relation_list *list = in->list;
    CLEANUP_FREE struct relation_name *names = calloc(list->count * 2 + 1, sizeof *names);
    size_t n = 0;
    if (names == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < list->count; i++) {
        struct match_names m = match_names(&in->choices[i], &list->items[i]);
        names[n++] = m.own;
        if (m.root.name != NULL) {
            names[n++] = m.root;
        }
    }
    return catalog_find(in->destination, names, n, there, err);
}

static bool mark_pending(const struct create_inputs *in, struct creation *out, struct err *err)
{
    CLEANUP(relation_list_free) struct relation_list there = {0};
    out->pending = calloc(in->list->count + 1, sizeof *out->pending);
    if (out->pending == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    if (!find_there(in, &there, err)) {
        return false;
    }
    for (size_t i = 0; i < in->list->count; i++) {
        struct match m = {.destination = &there, .choice = &in->choices[i]};
        out->pending[i] = match_target(&m, &in->list->items[i]) == NULL;
        out->pending_count += out->pending[i];
    }
    return true;
}

bool create_same_name(const struct relation_name *a, const struct relation_name *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->schema, b->schema) == 0;
}

/* Several leaves that a rule sends to one table make it as their root is. */
static void join_target(struct create_work *w, struct create_target *t, const struct relation *rel)
{
    const struct relation *first = &w->in->list->items[t->first];
    if (rel->is_partition && first->is_partition && rel->root_oid == first->root_oid) {
        t->oid = first->root_oid;
        t->by_root = true;
    }
}

static bool list_targets(struct create_work *w, struct err *err)
{
    const struct relation_list *list = w->in->list;
    w->targets = calloc(w->out->pending_count + 1, sizeof *w->targets);
    if (w->targets == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct relation *rel = &list->items[i];
        if (!w->out->pending[i]) {
            continue;
        }
        struct match_names m = match_names(&w->in->choices[i], rel);
        struct relation_name name = m.root.name != NULL ? m.root : m.own;
        size_t k = 0;
        while (k < w->count && !create_same_name(&w->targets[k].name, &name)) {
            k++;
        }
        if (k < w->count) {
            join_target(w, &w->targets[k], rel);
            continue;
        }
        w->targets[w->count++] =
            (struct create_target){.first = i,
                                   .name = name,
                                   .by_root = m.root.name != NULL,
                                   .oid = m.root.name != NULL ? rel->root_oid : rel->oid};
    }
    return true;
}

bool create_read_definitions(struct create_work *w, struct err *err)
{
    CLEANUP_FREE uint32_t *oids = calloc(w->count + 1, sizeof *oids);
    if (oids == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < w->count; i++) {
        oids[i] = w->targets[i].oid;
    }
    return definitions_read(w->in->source, oids, w->count, &w->definitions, err);
}

/* ---- what a shard group refuses ---- */

/* The tables that are there and that somebody wants to be collocated with, with columns. */
static bool read_collocated(struct create_work *w, struct relation_list *there, struct err *err)
{
    const struct limitless_tables *modes = w->in->modes;
    CLEANUP_FREE struct relation_name *names = calloc(modes->count + 1, sizeof *names);
    size_t n = 0;
    if (names == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < modes->count; i++) {
        struct relation_name name = {modes->items[i].schema, modes->items[i].name};
        bool wanted = false;
        for (size_t k = 0; k < w->count; k++) {
            const struct ddl_table *t = &w->tables[k];
            wanted = wanted || (t->collocate_with != NULL &&
                                refusals_same_table(t->collocate_with, t, &name));
        }
        if (wanted) {
            names[n++] = name;
        }
    }
    return n == 0 || (catalog_find(w->in->destination, names, n, there, err) &&
                      catalog_columns(w->in->destination, there, err));
}

static bool check_refusals(struct create_work *w, struct err *err)
{
    CLEANUP(relation_list_free) struct relation_list there = {0};
    if (!w->in->group->is_limitless) {
        return true;
    }
    if (!read_collocated(w, &there, err)) {
        return false;
    }
    struct refusal_facts facts = {.tables = w->tables,
                                  .count = w->count,
                                  .modes = w->in->modes,
                                  .there = &there,
                                  .server_version = pg_version(w->in->destination),
                                  .config = w->in->spec->config};
    refusals_check(&facts, w->in->findings);
    return true;
}

/* ---- all of it ---- */

void create_work_free(struct create_work *w)
{
    for (size_t i = 0; i < w->count; i++) {
        for (size_t k = 0; k < w->targets[i].type_count; k++) {
            free(w->targets[i].types[k]);
        }
        free(w->targets[i].types);
        if (w->tables != NULL) {
            free(w->tables[i].columns);
            free(w->tables[i].parts);
            free(w->tables[i].inherits);
        }
    }
    free(w->targets);
    free(w->tables);
    free(w->sequences);
    free(w->type_missing);
    free(w->schemas);
    free(w->schema_there);
    definitions_free(&w->definitions);
}

static bool plan(struct create_work *w, struct err *err)
{
    if (!mark_pending(w->in, w->out, err)) {
        return false;
    }
    if (w->out->pending_count == 0 || w->in->only_missing) {
        return true;
    }
    return list_targets(w, err) && create_read_definitions(w, err) && create_shape(w, err) &&
           create_check(w, err) && check_refusals(w, err) &&
           (w->in->findings->blockers > 0 || create_script(w, err));
}

bool create_plan(const struct create_inputs *in, struct creation *out, struct err *err)
{
    struct creation made = {0};
    struct create_work w = {.in = in, .out = &made};
    bool ok = plan(&w, err);
    create_work_free(&w);
    if (!ok) {
        creation_free(&made);
        return false;
    }
    *out = made;
    return true;
}

/* ---- running it ---- */

/* Duplicate table, object, schema, or key of a catalog. */
static bool is_duplicate(const char *state)
{
    return strcmp(state, "42P07") == 0 || strcmp(state, "42710") == 0 ||
           strcmp(state, "42P06") == 0 || strcmp(state, "23505") == 0;
}

/* *raced: somebody else has made it, or a part of it, meanwhile. */
static bool run_script(struct pg *pg, const struct ddl_script *s, bool *raced, struct err *err)
{
    struct err ignored;
    bool ok = pg_exec(pg, "BEGIN", err);
    for (size_t i = 0; ok && i < s->count; i++) {
        ok = pg_exec(pg, s->statements[i], err);
    }
    if (ok && pg_exec(pg, "COMMIT", err)) {
        return true;
    }
    *raced = !pg_is_dead(pg) && is_duplicate(pg_sqlstate(pg));
    if (!pg_is_dead(pg) && !pg_exec(pg, "ROLLBACK", &ignored)) {
        *raced = false;
    }
    return err_wrap(err, "creating %.200s", s->label);
}

bool create_run(struct pg *destination, const struct creation *c, create_told *told, void *self,
                bool *raced, struct err *err)
{
    bool any = false;
    for (size_t i = 0; i < c->count; i++) {
        bool lost = false;
        struct err why;
        if (run_script(destination, &c->scripts[i], &lost, &why)) {
            told(self, &c->scripts[i]);
        } else if (!lost) {
            *err = why;
            *raced = false;
            return false;
        } else if (!any) {
            *err = why; /* what is said if it comes to nothing */
            any = true;
        }
    }
    *raced = any;
    return !any;
}
