/* From the source's definitions and the job file's rules to the tables that are to be made. */
#include "base/cleanup.h"
#include "base/str.h"
#include "job/create_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- computed columns ---- */

/* Borrowed from the target's list of texts. */
static const char *keep_type(struct create_target *target, const char *text)
{
    char **grown = realloc(target->types, (target->type_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return NULL;
    }
    target->types = grown;
    grown[target->type_count] = str_copy(text);
    return grown[target->type_count] == NULL ? NULL : grown[target->type_count++];
}

static const char *config_of(const struct create_work *w)
{
    return w->in->spec->config == NULL ? "job file" : w->in->spec->config;
}

#define EXPRESSION_SHOWN 120

/* A column can be of no pseudo-type, such as that of ROW(1, 2). */
static void block_pseudo(struct create_work *w, const struct column_rule *rule, const char *type)
{
    findings_add(w->in->findings, FINDING_BLOCKER, ERR_USAGE,
                 "%s:%u: column \"%s\" cannot be computed as %.*s: a column cannot be of type "
                 "%.100s; %s",
                 config_of(w), rule->line, rule->column, EXPRESSION_SHOWN, rule->expression, type,
                 rule->type != NULL ? "give another type"
                                    : "cast the expression to another type, such as (...)::text");
}

/* The type's name as the catalog spells it. */
static bool name_type(struct create_work *w, struct create_target *target, struct pg *pg,
                      const struct computed *c, const char **out, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    char oid[16];
    char typmod[16];
    (void)snprintf(oid, sizeof oid, "%u", c->type_oid);
    (void)snprintf(typmod, sizeof typmod, "%d", (int)c->typmod);
    const char *const params[] = {oid, typmod};
    if (!pg_query_row(pg,
                      "SELECT format_type(t.oid, $2::int), t.typtype = 'p' FROM pg_type t "
                      "WHERE t.oid = $1::oid",
                      2, params, &r, err)) {
        return false;
    }
    if (strcmp(pg_text(r, 0, 1), "t") == 0) {
        block_pseudo(w, c->rule, pg_text(r, 0, 0));
    }
    *out = keep_type(target, pg_text(r, 0, 0));
    return *out != NULL || err_set(err, ERR_SYSTEM, "out of memory");
}

/* Asks the destination for the type and its modifier. What regtype takes is a type's name and
 * nothing else, so that it may stand in the second statement. That one gives the base type of a
 * domain, which has no modifier. */
static bool resolve_type(struct pg *pg, const char *text, struct computed *out, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    CLEANUP(pg_rows_free) struct pg_rows *cast = NULL;
    const char *const params[] = {text};
    struct buf sql;
    int32_t typmod = -1;
    if (!pg_query_row(pg, "SELECT t.oid, t.typtype = 'p' FROM pg_type t WHERE t.oid = $1::regtype",
                      1, params, &r, err)) {
        return false;
    }
    out->type_oid = (uint32_t)strtoul(pg_text(r, 0, 0), NULL, 10);
    out->typmod = -1;
    if (strcmp(pg_text(r, 0, 1), "t") == 0) {
        return true;
    }
    buf_init(&sql, BUF_SQL_MAX);
    buf_printf(&sql, "SELECT NULL::%s\n LIMIT 0", text);
    bool ok = buf_ok(&sql, err) && pg_query(pg, buf_str(&sql), 0, NULL, &cast, err);
    buf_free(&sql);
    if (ok && pg_column_type(cast, 0, &typmod) == out->type_oid) {
        out->typmod = typmod;
    }
    return ok;
}

/* The job file's type of a computed column, which has to be one, by its canonical name: types of
 * keys are compared by it. */
static bool given_type(struct create_work *w, struct create_target *target,
                       const struct column_rule *rule, const char **out, struct err *err)
{
    struct pg *pg = w->in->destination;
    struct computed given = {.rule = rule};
    struct err why;
    if (resolve_type(pg, rule->type, &given, &why)) {
        return name_type(w, target, pg, &given, out, err);
    }
    if (pg_is_dead(pg) || why.kind == ERR_CANCELLED || why.kind == ERR_SYSTEM) {
        *err = why;
        return false;
    }
    findings_add(w->in->findings, FINDING_BLOCKER, ERR_USAGE,
                 "%s:%u: column \"%s\": type %.100s: %s; names are looked up in pg_catalog only: "
                 "write SCHEMA.TYPE",
                 config_of(w), rule->line, rule->column, rule->type, why.msg);
    *out = rule->type;
    return true;
}

/* Where the expression does not work, a finding says so; the table will not be made. */
static bool computed_type(struct create_work *w, struct create_target *target,
                          const struct computed *c, const char **out, struct err *err)
{
    if (c->rule->type != NULL) {
        return given_type(w, target, c->rule, out, err);
    }
    *out = "text";
    return c->type_oid == 0 || name_type(w, target, w->in->source, c, out, err);
}

/* ---- columns ---- */

static void add_own(struct ddl_table *t, const struct choice *choice,
                    const struct definition_table *d)
{
    for (size_t i = 0; i < d->column_count; i++) {
        const struct definition_column *c = &d->columns[i];
        const struct column_rule *rule = choice_column(choice, c->name);
        const struct column_rule *computed = choice_computed(choice, c->name);
        t->is_reshaped = t->is_reshaped || rule != NULL || computed != NULL;
        if (rule != NULL && rule->leave_out) {
            continue;
        }
        bool renamed = rule != NULL && rule->rename != NULL;
        t->columns[t->column_count++] =
            (struct ddl_column){.name = renamed ? rule->rename : c->name,
                                .from = c,
                                .is_computed = computed != NULL,
                                .line = rule != NULL ? rule->line : 0};
    }
}

static bool add_computed(struct create_work *w, size_t no, const struct computed_list *list,
                         struct err *err)
{
    struct ddl_table *t = &w->tables[no];
    for (size_t i = 0; i < list->count; i++) {
        const struct computed *c = &list->items[i];
        const char *type = NULL;
        if (!computed_type(w, &w->targets[no], c, &type, err)) {
            return false;
        }
        struct ddl_column *at = NULL;
        for (size_t k = 0; k < t->column_count; k++) {
            bool replaced = t->columns[k].is_computed && t->columns[k].from != NULL &&
                            strcmp(t->columns[k].from->name, c->rule->column) == 0;
            at = replaced ? &t->columns[k] : at;
        }
        if (at == NULL) {
            at = &t->columns[t->column_count++];
            at->name = c->rule->column;
            t->has_added = true;
        }
        at->type = type;
        at->is_computed = true;
        at->line = c->rule->line;
    }
    return true;
}

static void check_names(struct create_work *w, const struct choice *choice,
                        const struct ddl_table *t)
{
    for (size_t i = 0; i < t->column_count; i++) {
        const struct ddl_column *c = &t->columns[i];
        if (ddl_column_find(t, c->name) != c) {
            findings_add(w->in->findings, FINDING_BLOCKER, ERR_USAGE,
                         "%s:%u: table %s.%s: two columns would be named \"%s\" on the destination",
                         config_of(w), c->line > 0 ? c->line : choice->line, t->from->schema,
                         t->from->name, c->name);
        }
    }
}

static bool mentions(const struct choice *c, const struct column_rule *rule)
{
    for (size_t i = 0; i < c->column_count; i++) {
        if (c->columns[i] == rule) {
            return true;
        }
    }
    return false;
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

/* Does any of the rule's tables have the column? */
static bool is_known(const struct create_work *w, const struct column_rule *rule)
{
    for (size_t i = 0; i < w->count; i++) {
        if (mentions(&w->in->choices[w->targets[i].first], rule) &&
            definition_column(w->tables[i].from, rule->column) != NULL) {
            return true;
        }
    }
    for (size_t i = 0; i < w->in->list->count; i++) {
        if (has_column(&w->in->list->items[i], rule->column) &&
            mentions(&w->in->choices[i], rule)) {
            return true;
        }
    }
    return false;
}

/* Once for each rule, at the first of its tables. */
static void check_mentions(struct create_work *w)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct choice *c = &w->in->choices[w->targets[i].first];
        for (size_t k = 0; k < c->column_count; k++) {
            const struct column_rule *rule = c->columns[k];
            bool told = false;
            for (size_t j = 0; j < i; j++) {
                told = told || mentions(&w->in->choices[w->targets[j].first], rule);
            }
            if (rule->expression == NULL && !told && !is_known(w, rule)) {
                findings_add(w->in->findings, FINDING_BLOCKER, ERR_USAGE,
                             "%s:%u: table %s.%s has no column \"%s\" on the source to %s; correct"
                             " the name",
                             config_of(w), rule->line, w->tables[i].from->schema,
                             w->tables[i].from->name, rule->column,
                             rule->leave_out ? "leave out" : "rename");
            }
        }
    }
}

static bool shape_columns(struct create_work *w, size_t no, struct err *err)
{
    const struct choice *choice = &w->in->choices[w->targets[no].first];
    const struct relation *rel = &w->in->list->items[w->targets[no].first];
    struct ddl_table *t = &w->tables[no];
    struct computed_list computed = {0};
    t->columns = calloc(t->from->column_count + choice->column_count + 1, sizeof *t->columns);
    if (t->columns == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    add_own(t, choice, t->from);
    struct computed_trial trial = {.source = w->in->source,
                                   .rel = rel,
                                   .choice = choice,
                                   .config = w->in->spec->config,
                                   .findings = w->in->findings};
    bool ok = computed_try(&trial, &computed, err) && add_computed(w, no, &computed, err);
    computed_free(&computed);
    if (ok) {
        check_names(w, choice, t);
    }
    return ok;
}

/* ---- mode ---- */

static void shape_mode(struct create_work *w, size_t no)
{
    const struct choice *choice = &w->in->choices[w->targets[no].first];
    struct ddl_table *t = &w->tables[no];
    t->line = choice->mode_line;
    if (!w->in->group->is_limitless) {
        return;
    }
    t->mode = choice->mode;
    if (choice->mode == TABLE_MODE_UNSAID) {
        t->mode = TABLE_STANDARD;
        w->out->unsaid++;
    }
    if (t->mode == TABLE_SHARDED && choice->shard_key != NULL) {
        t->shard_key = (const char *const *)choice->shard_key->items;
        t->shard_key_count = choice->shard_key->count;
    }
    t->collocate_with = t->mode == TABLE_SHARDED ? choice->collocate_with : NULL;
}

/* ---- partitions and parents ---- */

/* The part's parent's name on the destination, or NULL when it is not below this table. */
static const struct relation_name *parent_of(const struct ddl_table *t,
                                             const struct definition_table *d)
{
    if (d->parent_oid == t->from->oid) {
        return &t->name;
    }
    for (size_t i = 0; i < t->part_count; i++) {
        if (t->parts[i].from != NULL && t->parts[i].from->oid == d->parent_oid) {
            return &t->parts[i].name;
        }
    }
    return NULL;
}

/* Only a plain server takes them, and only when the leaves are as at the source. */
static bool shape_parts(struct create_work *w, size_t no, struct err *err)
{
    const struct choice *choice = &w->in->choices[w->targets[no].first];
    struct ddl_table *t = &w->tables[no];
    if (t->from->kind != 'p' || w->in->group->is_limitless || choice->table_said ||
        t->is_reshaped || t->has_added) {
        return true;
    }
    t->parts = calloc(w->definitions.table_count + 1, sizeof *t->parts);
    if (t->parts == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    /* Definitions come by level, so that a parent is always before its partitions. */
    for (size_t i = 0; i < w->definitions.table_count; i++) {
        const struct definition_table *d = &w->definitions.tables[i];
        const struct relation_name *parent = parent_of(t, d);
        if (parent == NULL || (d->kind != 'r' && d->kind != 'p')) {
            continue;
        }
        struct relation_name name = {choice->schema_said ? choice->to_schema : d->schema, d->name};
        t->parts[t->part_count++] = (struct ddl_part){.from = d, .name = name, .parent = *parent};
    }
    return true;
}

/* The parent's name on the destination when it is there or will be, as it is at the source. */
static bool parent_name(const struct create_work *w, uint32_t oid, struct relation_name *out)
{
    for (size_t i = 0; i < w->in->list->count; i++) {
        const struct relation *rel = &w->in->list->items[i];
        if (rel->oid == oid && !w->in->choices[i].renamed && w->in->choices[i].column_count == 0) {
            *out = (struct relation_name){rel->schema, rel->name};
            return true;
        }
    }
    return false;
}

/* All of its parents or none: half a family is none. */
static bool shape_parents(struct create_work *w, size_t no, struct err *err)
{
    struct ddl_table *t = &w->tables[no];
    const struct definition_table *d = t->from;
    size_t found = 0;
    if (d->inherit_count == 0 || w->in->group->is_limitless || t->is_reshaped || t->has_added ||
        t->is_renamed) {
        return true;
    }
    t->inherits = calloc(d->inherit_count, sizeof *t->inherits);
    if (t->inherits == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < d->inherit_count; i++) {
        found += parent_name(w, d->inherits[i], &t->inherits[i]);
    }
    t->inherit_count = found == d->inherit_count ? found : 0;
    return true;
}

/* ---- sequences ---- */

bool create_keeps_default(const struct ddl_table *t, const char *source_column)
{
    for (size_t i = 0; i < t->column_count; i++) {
        const struct ddl_column *c = &t->columns[i];
        if (c->from != NULL && strcmp(c->from->name, source_column) == 0) {
            return !c->is_computed && (c->from->generated == '\0' || !t->is_reshaped);
        }
    }
    return false;
}

static bool uses(const struct definition_table *d, const struct definition_sequence *s)
{
    bool found = s->owner_oid == d->oid;
    for (size_t i = 0; i < d->column_count; i++) {
        found = found || d->columns[i].sequence_oid == s->oid;
    }
    return found;
}

/* A sequence in the schema of its table goes with the table to another schema, where the default is
 * nothing but its next value: other expressions keep the names that they have. */
static void place_sequence(struct create_work *w, const struct definition_sequence *s,
                           struct ddl_sequence *out)
{
    out->name = (struct relation_name){s->schema, s->name};
    for (size_t i = 0; i < w->count; i++) {
        const struct definition_table *d = w->tables[i].from;
        const struct definition_column *c =
            s->owner_oid == d->oid ? definition_column(d, s->owner_column) : NULL;
        bool movable = c == NULL || c->sequence_oid == s->oid || c->default_sql == NULL;
        if (uses(d, s) && movable && strcmp(d->schema, s->schema) == 0) {
            out->name.schema = w->tables[i].name.schema;
            return;
        }
    }
}

static bool shape_sequences(struct create_work *w, struct err *err)
{
    size_t n = w->definitions.sequence_count;
    CLEANUP_FREE struct relation_name *names = calloc(n + 1, sizeof *names);
    CLEANUP_FREE bool *there = calloc(n + 1, sizeof *there);
    w->sequences = calloc(n + 1, sizeof *w->sequences);
    if (names == NULL || there == NULL || w->sequences == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        place_sequence(w, &w->definitions.sequences[i], &w->sequences[i]);
        names[i] = w->sequences[i].name;
    }
    if (!definition_present(w->in->destination, DEFINITION_RELATION, names, n, there, err)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        w->sequences[i].exists = there[i];
    }
    return true;
}

bool create_shape(struct create_work *w, struct err *err)
{
    w->tables = calloc(w->count + 1, sizeof *w->tables);
    if (w->tables == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < w->count; i++) {
        const struct create_target *target = &w->targets[i];
        struct ddl_table *t = &w->tables[i];
        t->name = target->name;
        t->from = definitions_table(&w->definitions, target->oid);
        if (t->from == NULL) {
            return err_set(err, ERR_TRANSIENT, "table %s.%s is gone from the source",
                           target->name.schema, target->name.name);
        }
        t->is_renamed = strcmp(t->name.name, t->from->name) != 0 ||
                        strcmp(t->name.schema, t->from->schema) != 0;
        shape_mode(w, i);
        if (!shape_columns(w, i, err) || !shape_parts(w, i, err) || !shape_parents(w, i, err)) {
            return false;
        }
    }
    check_mentions(w);
    return shape_sequences(w, err);
}
