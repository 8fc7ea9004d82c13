/* From the job file's rules to the tables that a shard group is to have. */
#include "base/cleanup.h"
#include "base/str.h"
#include "job/create_internal.h"
#include "job/match.h"
#include "job/plan_build.h"
#include "job/schema_run_internal.h"
#include "limitless/refusals.h"

#include <stdlib.h>
#include <string.h>

struct shaping {
    const struct schema_context *cx;
    struct relation_list list;
    struct choice *choices;
    struct create_inputs in;
    struct creation creation;
    struct create_work w;
    struct limitless_tables modes;
    struct group_table *tables;
    struct group_sequence *sequences;
};

static bool no_memory(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "out of memory");
}

static void shaping_free(struct shaping *s)
{
    for (size_t i = 0; s->tables != NULL && i < s->w.count; i++) {
        ddl_script_free(&s->tables[i].script);
        free(s->tables[i].note);
        free(s->tables[i].refused);
    }
    create_work_free(&s->w);
    free(s->tables);
    free(s->sequences);
    choices_free(s->choices, s->list.count);
    relation_list_free(&s->list);
    limitless_tables_free(&s->modes);
}

/* ---- which tables ---- */

/* Leaves of one partitioned table come one after the other in most databases. */
static bool is_listed(const struct create_work *w, const struct relation_name *name)
{
    for (size_t i = w->count; i-- > 0;) {
        if (create_same_name(&w->targets[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool list_targets(struct shaping *s, struct err *err)
{
    struct create_work *w = &s->w;
    w->targets = calloc(s->list.count + 1, sizeof *w->targets);
    if (w->targets == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < s->list.count; i++) {
        const struct relation *rel = &s->list.items[i];
        struct match_names m = match_names(&s->choices[i], rel);
        bool by_root = m.root.name != NULL || rel->is_partition;
        struct relation_name name = m.root.name != NULL ? m.root : m.own;
        if ((by_root || s->choices[i].renamed) && is_listed(w, &name)) {
            continue;
        }
        w->targets[w->count++] = (struct create_target){.first = i,
                                                        .name = name,
                                                        .by_root = by_root,
                                                        .oid = by_root ? rel->root_oid : rel->oid};
    }
    return true;
}

/* ---- how each is made ---- */

/* Whatever the destination has, the statements make it all. */
static void forget_sequences(struct shaping *s)
{
    for (size_t i = 0; i < s->w.definitions.sequence_count; i++) {
        s->w.sequences[i].exists = false;
    }
}

/* What is said of one table stands beside its name. */
static size_t length_without(const char *text, const struct relation_name *own)
{
    size_t schema_len = strlen(own->schema);
    size_t tail = strlen(": .") + schema_len + strlen(own->name);
    size_t len = strlen(text);
    const char *at = len > tail ? text + len - tail : "";
    bool is_own = strncmp(at, ": ", 2) == 0 && strncmp(at + 2, own->schema, schema_len) == 0 &&
                  at[2 + schema_len] == '.' && strcmp(at + 3 + schema_len, own->name) == 0;
    return is_own ? len - tail : len;
}

static char *note_of(const struct ddl_table *t, const struct ddl_changes *changes)
{
    struct findings f = {.count = 0};
    const char *key[DDL_KEY_MAX];
    size_t count = 0;
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    ddl_changes_tell(changes, &f);
    if (ddl_primary_key(t, key, &count) == DDL_KEY_EXTENDED) {
        buf_puts(&b, "its primary key holds the shard key as well");
    }
    for (size_t i = 0; i < f.count; i++) {
        buf_puts(&b, b.len == 0 ? "" : "; ");
        buf_add(&b, f.items[i].text, length_without(f.items[i].text, &t->name));
    }
    if (t->is_reshaped) {
        buf_printf(&b, "%sits columns are as the job file says", b.len == 0 ? "" : "; ");
    }
    findings_free(&f);
    char *note = b.len == 0 ? NULL : buf_take(&b);
    buf_free(&b);
    return note;
}

static bool script_tables(struct shaping *s, struct err *err)
{
    struct create_work *w = &s->w;
    for (size_t i = 0; i < w->count; i++) {
        struct ddl_changes changes = {0};
        struct ddl_context cx = {.definitions = &w->definitions,
                                 .sequences = w->sequences,
                                 .is_limitless = true,
                                 .server_version = pg_version(s->cx->destination),
                                 .changes = &changes};
        struct group_table *t = &s->tables[i];
        t->oid = w->targets[i].oid;
        t->ddl = &w->tables[i];
        t->group = t->oid;
        if (!ddl_table_make(t->ddl, &cx, &t->script, err)) {
            return false;
        }
        t->note = note_of(t->ddl, &changes);
    }
    return true;
}

/* ---- who is beside whom ---- */

static struct group_table *collocated_with(struct shaping *s, const struct ddl_table *t)
{
    for (size_t i = 0; t->collocate_with != NULL && i < s->w.count; i++) {
        const struct ddl_table *other = s->tables[i].ddl;
        if (other != t && refusals_same_table(t->collocate_with, t, &other->name)) {
            return &s->tables[i];
        }
    }
    return NULL;
}

/* Circles end after as many steps as there are tables. */
static void join_groups(struct shaping *s)
{
    for (size_t i = 0; i < s->w.count; i++) {
        struct group_table *with = collocated_with(s, s->tables[i].ddl);
        s->tables[i].collocated = with == NULL ? 0 : with->oid;
    }
    for (size_t i = 0; i < s->w.count; i++) {
        const struct group_table *t = &s->tables[i];
        for (size_t n = 0; n < s->w.count; n++) {
            const struct group_table *next = collocated_with(s, t->ddl);
            if (next == NULL) {
                break;
            }
            t = next;
        }
        s->tables[i].group = t->oid;
    }
}

static int compare_tables(const void *a, const void *b)
{
    uint32_t x = ((const struct group_table *)a)->oid;
    uint32_t y = ((const struct group_table *)b)->oid;
    return x < y ? -1 : x > y;
}

static int compare_sequences(const void *a, const void *b)
{
    uint32_t x = ((const struct group_sequence *)a)->oid;
    uint32_t y = ((const struct group_sequence *)b)->oid;
    return x < y ? -1 : x > y;
}

static bool list_sequences(struct shaping *s, struct err *err)
{
    const struct definitions *d = &s->w.definitions;
    s->sequences = calloc(d->sequence_count + 1, sizeof *s->sequences);
    if (s->sequences == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < d->sequence_count; i++) {
        s->sequences[i] = (struct group_sequence){.oid = d->sequences[i].oid,
                                                  .name = s->w.sequences[i].name,
                                                  .with_table = s->w.sequences[i].exists};
    }
    qsort(s->sequences, d->sequence_count, sizeof *s->sequences, compare_sequences);
    return true;
}

/* ---- all of it ---- */

/* EXCLUDE constraints are left out here, with a mark of their own, and are no reason to refuse. */
static void drop_exclusions(struct shaping *s)
{
    for (size_t i = 0; i < s->w.definitions.table_count; i++) {
        free(s->w.definitions.tables[i].exclusions);
        s->w.definitions.tables[i].exclusions = NULL;
    }
}

static bool check(struct shaping *s, struct err *err)
{
    const struct schema_context *cx = s->cx;
    drop_exclusions(s);
    struct relation_list there = {0};
    struct refusal_facts facts = {.tables = s->w.tables,
                                  .count = s->w.count,
                                  .modes = &s->modes,
                                  .there = &there,
                                  .server_version = pg_version(cx->destination),
                                  .config = cx->spec->config};
    refusals_check(&facts, cx->findings);
    if (cx->findings->blockers > 0) {
        return err_set(err, ERR_USAGE,
                       "the schema cannot be made as it is wished; nothing was "
                       "changed");
    }
    return true;
}

static bool shape(struct shaping *s, struct err *err)
{
    const struct schema_context *cx = s->cx;
    if (!plan_select(cx->source, cx->spec, cx->findings, &s->list, err) ||
        !choices_make(cx->source, cx->spec, &s->list, cx->findings, &s->choices, err) ||
        !catalog_columns(cx->source, &s->list, err)) {
        return false;
    }
    s->in = (struct create_inputs){.source = cx->source,
                                   .destination = cx->destination,
                                   .spec = cx->spec,
                                   .list = &s->list,
                                   .choices = s->choices,
                                   .group = cx->group,
                                   .modes = &s->modes,
                                   .findings = cx->findings};
    s->w = (struct create_work){.in = &s->in, .out = &s->creation};
    if (!list_targets(s, err) || !create_read_definitions(&s->w, err) ||
        !create_shape(&s->w, err) || !check(s, err)) {
        return false;
    }
    forget_sequences(s);
    s->tables = calloc(s->w.count + 1, sizeof *s->tables);
    if (s->tables == NULL) {
        return no_memory(err);
    }
    if (!script_tables(s, err) || !list_sequences(s, err)) {
        return false;
    }
    join_groups(s);
    qsort(s->tables, s->w.count, sizeof *s->tables, compare_tables);
    return true;
}

static const struct relation_name *name_there(const struct shaping *s, uint32_t oid)
{
    for (size_t i = 0; i < s->w.definitions.sequence_count; i++) {
        if (s->sequences[i].oid == oid) {
            return &s->sequences[i].name;
        }
    }
    return NULL;
}

static bool add_sequences(const struct shaping *s, struct schema_made *made, struct err *err)
{
    for (size_t i = 0; i < made->plan.count; i++) {
        const struct schema_item *item = &made->plan.items[i];
        if (item->entry == NULL || strcmp(item->type, "SEQUENCE") != 0 ||
            item->mark == SCHEMA_LEFT_OUT) {
            continue;
        }
        const struct fact_class *c = fact_class_of(&made->facts, item->entry->oid);
        if (c == NULL) {
            continue;
        }
        struct relation_name own = {c->schema, c->name};
        const struct relation_name *to = name_there(s, c->oid);
        if (!schema_add_sequence(made, c, to == NULL ? &own : to, err)) {
            return false;
        }
    }
    return true;
}

bool schema_mark_for_group(const struct schema_context *cx, struct schema_made *made,
                           struct err *err)
{
    struct shaping s = {.cx = cx};
    bool ok = shape(&s, err);
    if (ok) {
        struct group_input in = {.toc = &made->toc,
                                 .facts = &made->facts,
                                 .roles = &made->roles,
                                 .tables = s.tables,
                                 .table_count = s.w.count,
                                 .sequences = s.sequences,
                                 .sequence_count = s.w.definitions.sequence_count,
                                 .server_version = pg_version(cx->destination),
                                 .ledger_schema = cx->spec->ledger_schema,
                                 .analyze = cx->spec->analyze};
        ok = schema_mark_group(&in, &made->plan, err) && add_sequences(&s, made, err);
    }
    shaping_free(&s);
    return ok;
}
