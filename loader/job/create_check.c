/* What has to be on the destination before the tables can be made, and is not. */
#include "base/cleanup.h"
#include "job/create_internal.h"
#include "limitless/refusals.h"

#include <stdlib.h>
#include <string.h>

static bool no_memory(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "out of memory");
}

/* ---- types ---- */

static bool column_uses(const struct create_work *w, const struct definition_type *type)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct ddl_table *t = &w->tables[i];
        for (size_t k = 0; k < t->column_count; k++) {
            const struct ddl_column *c = &t->columns[k];
            const char *text = c->type != NULL ? c->type : c->from->type;
            /* A multirange goes by a name of its own. */
            bool ranges = type->kind == 'r' && c->from != NULL && c->from->base_kind == 'm';
            if (ranges || strstr(text, type->reference) != NULL) {
                return true;
            }
        }
    }
    return false;
}

/* Types of columns that are left out are not needed. Those that use others come after them, so
 * that one walk from the end finds all. */
static void mark_needed(const struct create_work *w, bool *needed)
{
    const struct definitions *d = &w->definitions;
    for (size_t i = d->type_count; i-- > 0;) {
        needed[i] = column_uses(w, &d->types[i]);
        for (size_t k = i + 1; !needed[i] && k < d->type_count; k++) {
            needed[i] = needed[k] && d->types[k].create != NULL &&
                        strstr(d->types[k].create, d->types[i].reference) != NULL;
        }
    }
}

/* A row type comes with its table. */
static bool is_made_with_table(const struct create_work *w, const struct definition_type *t)
{
    for (size_t i = 0; i < w->count; i++) {
        if (strcmp(w->tables[i].name.schema, t->schema) == 0 &&
            strcmp(w->tables[i].name.name, t->name) == 0) {
            return true;
        }
    }
    return false;
}

static void block_type(const struct create_work *w, const struct definition_type *t)
{
    if (t->extension != NULL && w->in->group->is_limitless &&
        !refusals_may_have_extension(t->extension)) {
        findings_add(w->in->findings, FINDING_BLOCKER, ERR_USAGE,
                     "type %s is of extension %s, which a shard group does not have; leave out the "
                     "columns of this type, or compute them as another type, in the job file",
                     t->reference, t->extension);
    } else if (t->extension != NULL) {
        findings_add(w->in->findings, FINDING_BLOCKER, ERR_USAGE,
                     "type %s of extension %s does not exist on the destination; run CREATE "
                     "EXTENSION \"%s\" SCHEMA \"%s\" there",
                     t->reference, t->extension, t->extension, t->schema);
    } else {
        findings_add(w->in->findings, FINDING_BLOCKER, ERR_USAGE,
                     "type %s does not exist on the destination, and is of a kind that "
                     "--create-tables does not make; create it there",
                     t->reference);
    }
}

static bool check_types(struct create_work *w, struct err *err)
{
    const struct definitions *d = &w->definitions;
    CLEANUP_FREE struct relation_name *names = calloc(d->type_count + 1, sizeof *names);
    CLEANUP_FREE bool *there = calloc(d->type_count + 1, sizeof *there);
    w->type_missing = calloc(d->type_count + 1, sizeof *w->type_missing);
    if (names == NULL || there == NULL || w->type_missing == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < d->type_count; i++) {
        names[i] = (struct relation_name){d->types[i].schema, d->types[i].name};
    }
    if (!definition_present(w->in->destination, DEFINITION_TYPE, names, d->type_count, there,
                            err)) {
        return false;
    }
    mark_needed(w, w->type_missing);
    for (size_t i = 0; i < d->type_count; i++) {
        const struct definition_type *t = &d->types[i];
        w->type_missing[i] = w->type_missing[i] && !there[i] && !is_made_with_table(w, t);
        if (w->type_missing[i] && (t->create == NULL || t->extension != NULL)) {
            block_type(w, t);
        }
    }
    return true;
}

/* ---- functions and collations ---- */

static const struct ddl_table *table_of(const struct create_work *w, uint32_t oid)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->tables[i].from->oid == oid) {
            return &w->tables[i];
        }
    }
    return NULL;
}

static bool check_functions(struct create_work *w, struct err *err)
{
    const struct definitions *d = &w->definitions;
    CLEANUP_FREE struct relation_name *names = calloc(d->function_count + 1, sizeof *names);
    CLEANUP_FREE bool *there = calloc(d->function_count + 1, sizeof *there);
    if (names == NULL || there == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < d->function_count; i++) {
        names[i] = (struct relation_name){d->functions[i].schema, d->functions[i].name};
    }
    if (!definition_present(w->in->destination, DEFINITION_FUNCTION, names, d->function_count,
                            there, err)) {
        return false;
    }
    for (size_t i = 0; i < d->function_count; i++) {
        const struct definition_function *f = &d->functions[i];
        const struct ddl_table *t = table_of(w, f->table_oid);
        const struct definition_table *from = definitions_table(d, f->table_oid);
        if (!there[i] && (t == NULL || create_keeps_default(t, f->column))) {
            findings_add(w->in->findings, FINDING_BLOCKER, ERR_USAGE,
                         "table %s.%s: the default of column \"%s\" calls function %s.%s, which "
                         "does not exist on the destination; create it there%s%s",
                         from->schema, from->name, f->column, f->schema, f->name,
                         f->extension == NULL ? "" : " with CREATE EXTENSION ",
                         f->extension == NULL ? "" : f->extension);
        }
    }
    return true;
}

struct used_collation {
    struct relation_name name;
    const struct ddl_table *table;
    const char *column;
};

static size_t list_collations(const struct create_work *w, struct used_collation *out)
{
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++) {
        for (size_t k = 0; k < w->tables[i].column_count; k++) {
            const struct ddl_column *c = &w->tables[i].columns[k];
            if (c->from == NULL || c->is_computed || c->from->collation_name == NULL) {
                continue;
            }
            if (out != NULL) {
                out[n] = (struct used_collation){
                    {c->from->collation_schema, c->from->collation_name},
                    &w->tables[i], c->name
                };
            }
            n++;
        }
    }
    return n;
}

static bool check_collations(struct create_work *w, struct err *err)
{
    size_t n = list_collations(w, NULL);
    CLEANUP_FREE struct used_collation *used = calloc(n + 1, sizeof *used);
    CLEANUP_FREE struct relation_name *names = calloc(n + 1, sizeof *names);
    CLEANUP_FREE bool *there = calloc(n + 1, sizeof *there);
    if (used == NULL || names == NULL || there == NULL) {
        return no_memory(err);
    }
    (void)list_collations(w, used);
    for (size_t i = 0; i < n; i++) {
        names[i] = used[i].name;
    }
    if (!definition_present(w->in->destination, DEFINITION_COLLATION, names, n, there, err)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!there[i]) {
            findings_add(w->in->findings, FINDING_BLOCKER, ERR_USAGE,
                         "table %s.%s: collation %s.%s of column \"%s\" does not exist on the "
                         "destination; create it there",
                         used[i].table->name.schema, used[i].table->name.name, names[i].schema,
                         names[i].name, used[i].column);
        }
    }
    return true;
}

/* ---- partitions ---- */

/* Their root is missing, but one of their names may be taken. */
static bool check_parts(struct create_work *w, const struct ddl_table *t, struct err *err)
{
    CLEANUP_FREE struct relation_name *names = calloc(t->part_count + 1, sizeof *names);
    CLEANUP_FREE bool *there = calloc(t->part_count + 1, sizeof *there);
    if (names == NULL || there == NULL || t->parts == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < t->part_count; i++) {
        names[i] = t->parts[i].name;
    }
    if (!definition_present(w->in->destination, DEFINITION_RELATION, names, t->part_count, there,
                            err)) {
        return false;
    }
    for (size_t i = 0; i < t->part_count; i++) {
        if (there[i]) {
            findings_add(w->in->findings, FINDING_BLOCKER, ERR_USAGE,
                         "table %s.%s cannot be made with its partitions: on the destination, %s.%s"
                         " exists already; rename or drop it, or create %s.%s yourself",
                         t->name.schema, t->name.name, names[i].schema, names[i].name,
                         t->name.schema, t->name.name);
        }
    }
    return true;
}

/* ---- schemas ---- */

static void use_schema(struct create_work *w, const char *schema)
{
    for (size_t i = 0; i < w->schema_count; i++) {
        if (strcmp(w->schemas[i].schema, schema) == 0) {
            return;
        }
    }
    w->schemas[w->schema_count++] = (struct relation_name){schema, ""};
}

static bool list_schemas(struct create_work *w, struct err *err)
{
    const struct definitions *d = &w->definitions;
    size_t most = w->count + d->table_count + d->sequence_count + d->type_count;
    w->schemas = calloc(most + 1, sizeof *w->schemas);
    w->schema_there = calloc(most + 1, sizeof *w->schema_there);
    w->schema_count = 0;
    if (w->schemas == NULL || w->schema_there == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < d->type_count; i++) {
        if (w->type_missing[i] && d->types[i].create != NULL && d->types[i].extension == NULL) {
            use_schema(w, d->types[i].schema);
        }
    }
    for (size_t i = 0; i < w->count; i++) {
        use_schema(w, w->tables[i].name.schema);
        for (size_t k = 0; k < w->tables[i].part_count; k++) {
            use_schema(w, w->tables[i].parts[k].name.schema);
        }
    }
    for (size_t i = 0; i < d->sequence_count; i++) {
        if (!w->sequences[i].exists) {
            use_schema(w, w->sequences[i].name.schema);
        }
    }
    return true;
}

static bool check_schemas(struct create_work *w, struct err *err)
{
    CLEANUP_FREE bool *may = NULL;
    bool may_make = false;
    if (!list_schemas(w, err)) {
        return false;
    }
    may = calloc(w->schema_count + 1, sizeof *may);
    if (may == NULL) {
        return no_memory(err);
    }
    if (!definition_present(w->in->destination, DEFINITION_SCHEMA, w->schemas, w->schema_count,
                            w->schema_there, err) ||
        !definition_may_create(w->in->destination, w->schemas, w->schema_count, &may_make, may,
                               err)) {
        return false;
    }
    for (size_t i = 0; i < w->schema_count; i++) {
        const char *schema = w->schemas[i].schema;
        if (!w->schema_there[i] && !may_make) {
            findings_add(w->in->findings, FINDING_BLOCKER, ERR_AUTH,
                         "the destination role may not create schema \"%s\"; GRANT CREATE ON "
                         "DATABASE to it, or create the schema with CREATE granted on it",
                         schema);
        } else if (w->schema_there[i] && !may[i]) {
            findings_add(w->in->findings, FINDING_BLOCKER, ERR_AUTH,
                         "the destination role may not create tables in schema \"%s\"; GRANT "
                         "USAGE, CREATE ON SCHEMA \"%s\" to it",
                         schema, schema);
        }
    }
    return true;
}

bool create_check(struct create_work *w, struct err *err)
{
    bool ok = check_types(w, err) && check_functions(w, err) && check_collations(w, err) &&
              check_schemas(w, err);
    for (size_t i = 0; ok && i < w->count; i++) {
        ok = w->tables[i].part_count == 0 || check_parts(w, &w->tables[i], err);
    }
    return ok;
}
