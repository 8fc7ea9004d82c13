/* The scripts of what is missing, in an order in which they work. */
#include "base/cleanup.h"
#include "base/str.h"
#include "job/create_internal.h"
#include "limitless/refusals.h"

#include <stdlib.h>
#include <string.h>

static struct ddl_script *next(struct create_work *w)
{
    return &w->out->scripts[w->out->count++];
}

static bool name_script(struct ddl_script *s, const char *what, const char *name, struct err *err)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_printf(&b, "%s %s", what, name);
    s->label = buf_take(&b);
    s->note = str_copy(s->label);
    buf_free(&b);
    return (s->label != NULL && s->note != NULL) || err_set(err, ERR_SYSTEM, "out of memory");
}

static bool script_schemas(struct create_work *w, struct err *err)
{
    for (size_t i = 0; i < w->schema_count; i++) {
        if (w->schema_there[i]) {
            continue;
        }
        struct ddl_script *s = next(w);
        struct buf b;
        buf_init(&b, BUF_SQL_MAX);
        buf_puts(&b, "CREATE SCHEMA ");
        pg_add_ident(&b, w->schemas[i].schema);
        if (!ddl_script_add(s, &b, err) || !name_script(s, "schema", w->schemas[i].schema, err)) {
            return false;
        }
    }
    return true;
}

static bool script_types(struct create_work *w, struct err *err)
{
    for (size_t i = 0; i < w->definitions.type_count; i++) {
        const struct definition_type *t = &w->definitions.types[i];
        if (!w->type_missing[i]) {
            continue;
        }
        struct ddl_script *s = next(w);
        struct buf b;
        buf_init(&b, BUF_SQL_MAX);
        buf_puts(&b, t->create);
        if (!ddl_script_add(s, &b, err) ||
            !name_script(s, t->kind == 'd' ? "domain" : "type", t->reference, err)) {
            return false;
        }
    }
    return true;
}

/* A column is of the other's row type, or of one that is made of it. */
static bool uses_row_of(const struct create_work *w, const struct ddl_table *t,
                        const struct ddl_table *other)
{
    for (size_t i = 0; i < w->definitions.type_count; i++) {
        const struct definition_type *type = &w->definitions.types[i];
        if (type->create != NULL || strcmp(type->schema, other->name.schema) != 0 ||
            strcmp(type->name, other->name.name) != 0) {
            continue;
        }
        for (size_t k = 0; k < t->column_count; k++) {
            const struct ddl_column *c = &t->columns[k];
            if (strstr(c->type != NULL ? c->type : c->from->type, type->reference) != NULL) {
                return true;
            }
        }
    }
    return false;
}

static bool inherits_from(const struct ddl_table *t, const struct ddl_table *other)
{
    for (size_t i = 0; i < t->inherit_count; i++) {
        if (strcmp(t->inherits[i].schema, other->name.schema) == 0 &&
            strcmp(t->inherits[i].name, other->name.name) == 0) {
            return true;
        }
    }
    return false;
}

/* Has everything been made that table no needs? Few tables need any, so that most are not compared
 * with all others. */
static bool is_ready(const struct create_work *w, size_t no, bool row_types)
{
    const struct ddl_table *t = &w->tables[no];
    if (t->inherit_count == 0 && t->collocate_with == NULL && !row_types) {
        return true;
    }
    for (size_t i = 0; i < w->count; i++) {
        const struct ddl_table *other = &w->tables[i];
        bool collocated =
            t->collocate_with != NULL && refusals_same_table(t->collocate_with, t, &other->name);
        if (i != no && !w->targets[i].made &&
            (collocated || inherits_from(t, other) || (row_types && uses_row_of(w, t, other)))) {
            return false;
        }
    }
    return true;
}

static bool script_table(struct create_work *w, size_t no, struct ddl_changes *changes,
                         struct err *err)
{
    struct ddl_context cx = {.definitions = &w->definitions,
                             .sequences = w->sequences,
                             .is_limitless = w->in->group->is_limitless,
                             .server_version = pg_version(w->in->destination),
                             .changes = changes};
    w->targets[no].made = true;
    w->out->table_count++;
    return ddl_table_make(&w->tables[no], &cx, next(w), err);
}

/* What waits for each other in a circle is tried in any order: the server says what is wrong. */
static bool script_tables(struct create_work *w, struct ddl_changes *changes, struct err *err)
{
    bool row_types = false;
    for (size_t i = 0; i < w->definitions.type_count; i++) {
        row_types = row_types || w->definitions.types[i].create == NULL;
    }
    bool moved = true;
    for (bool force = false; moved || !force;) {
        force = !moved;
        moved = false;
        for (size_t i = 0; i < w->count; i++) {
            if (w->targets[i].made || (!force && !is_ready(w, i, row_types))) {
                continue;
            }
            if (!script_table(w, i, changes, err)) {
                return false;
            }
            moved = true;
        }
    }
    return true;
}

/* The key that a sharded table gets is another one than the source's: uniqueness is a weaker one.
 */
static void tell_keys(const struct create_work *w)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct ddl_table *t = &w->tables[i];
        const char *key[DDL_KEY_MAX];
        size_t count = 0;
        enum ddl_key state = ddl_primary_key(t, key, &count);
        if (state == DDL_KEY_EXTENDED) {
            findings_add(w->in->findings, FINDING_WARNING, ERR_NONE,
                         "table %s.%s: the primary key has to hold the shard key, so that \"%s\" %s"
                         " added to it, and what it was alone is not checked to be unique",
                         t->name.schema, t->name.name, key[count - 1],
                         count - t->from->key.count == 1 ? "is" : "and others are");
        } else if (state == DDL_KEY_LOST) {
            findings_add(w->in->findings, FINDING_WARNING, ERR_NONE,
                         "table %s.%s is made without a primary key, since the job file leaves out "
                         "a column of it",
                         t->name.schema, t->name.name);
        }
    }
}

bool create_script(struct create_work *w, struct err *err)
{
    struct ddl_changes changes = {0};
    w->out->scripts =
        calloc(w->schema_count + w->definitions.type_count + w->count + 1, sizeof *w->out->scripts);
    if (w->out->scripts == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    if (!script_schemas(w, err) || !script_types(w, err) || !script_tables(w, &changes, err)) {
        return false;
    }
    ddl_changes_tell(&changes, w->in->findings);
    tell_keys(w);
    return true;
}
