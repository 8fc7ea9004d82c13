#include "limitless/table_ddl_internal.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

const struct ddl_column *ddl_column_find(const struct ddl_table *t, const char *name)
{
    for (size_t i = 0; i < t->column_count; i++) {
        if (strcmp(t->columns[i].name, name) == 0) {
            return &t->columns[i];
        }
    }
    return NULL;
}

/* The name that a column of the source has on the destination. */
const char *ddl_name_of(const struct ddl_table *t, const char *source)
{
    for (size_t i = 0; i < t->column_count; i++) {
        if (t->columns[i].from != NULL && strcmp(t->columns[i].from->name, source) == 0) {
            return t->columns[i].name;
        }
    }
    return NULL;
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

enum ddl_key ddl_primary_key(const struct ddl_table *t, const char *out[DDL_KEY_MAX], size_t *count)
{
    const struct definition_key *key = &t->from->key;
    enum ddl_key state = DDL_KEY_KEPT;
    *count = 0;
    if (key->name == NULL) {
        return DDL_KEY_NONE;
    }
    for (size_t i = 0; i < key->count && *count < DDL_KEY_MAX; i++) {
        const char *name = ddl_name_of(t, key->columns[i]);
        if (name == NULL) {
            *count = 0;
            return DDL_KEY_LOST;
        }
        out[(*count)++] = name;
    }
    for (size_t i = 0; t->mode == TABLE_SHARDED && i < t->shard_key_count; i++) {
        if (!is_among(t->shard_key[i], out, *count) && *count < DDL_KEY_MAX) {
            out[(*count)++] = t->shard_key[i];
            state = DDL_KEY_EXTENDED;
        }
    }
    return state;
}

static void add_names(struct buf *b, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_puts(b, i == 0 ? "" : ", ");
        pg_add_ident(b, names[i]);
    }
}

/* Columns of an INCLUDE that are left out are no loss to anybody. */
static void add_include(const struct ddl_table *t, struct buf *b)
{
    const char *names[DDL_KEY_MAX];
    size_t count = 0;
    for (size_t i = 0; i < t->from->key.include_count && count < DDL_KEY_MAX; i++) {
        names[count] = ddl_name_of(t, t->from->key.include[i]);
        count += names[count] != NULL;
    }
    if (count > 0) {
        buf_puts(b, " INCLUDE (");
        add_names(b, names, count);
        buf_puts(b, ")");
    }
}

/* Under another name, or in another schema, the index's name may be taken: the server finds one. */
void ddl_add_key(const struct ddl_table *t, const char *lead, struct buf *b)
{
    const struct definition_key *key = &t->from->key;
    const char *names[DDL_KEY_MAX];
    size_t count = 0;
    (void)ddl_primary_key(t, names, &count);
    if (count == 0) {
        return;
    }
    buf_puts(b, lead);
    if (!t->is_renamed) {
        buf_puts(b, "CONSTRAINT ");
        pg_add_ident(b, key->name);
        buf_puts(b, " ");
    }
    buf_puts(b, "PRIMARY KEY (");
    add_names(b, names, count);
    buf_puts(b, key->without_overlaps ? " WITHOUT OVERLAPS)" : ")");
    add_include(t, b);
    buf_puts(b, key->deferrable ? " DEFERRABLE" : "");
    buf_puts(b, key->deferred ? " INITIALLY DEFERRED" : "");
}
