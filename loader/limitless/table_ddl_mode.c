#include "limitless/table_ddl_internal.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* Names that need no quotes are written without: where a group reads them is not documented. */
static void add_plain_name(struct buf *b, const char *name)
{
    const char *const small = "abcdefghijklmnopqrstuvwxyz_0123456789";
    bool plain =
        name[0] != '\0' && strspn(name, small) == strlen(name) && (name[0] < '0' || name[0] > '9');
    if (plain) {
        buf_puts(b, name);
    } else {
        pg_add_ident(b, name);
    }
}

static bool set_local(const char *name, const char *value, struct ddl_script *out, struct err *err)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_printf(&b, "SET LOCAL rds_aurora.limitless_create_table_%s = ", name);
    pg_add_literal(&b, value);
    return ddl_script_add(out, &b, err);
}

static bool set_collocation(const struct ddl_table *t, struct ddl_script *out, struct err *err)
{
    CLEANUP(buf_free) struct buf name = {0};
    CLEANUP_FREE char *schema = str_copy(t->collocate_with);
    if (schema == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    char *dot = strchr(schema, '.');
    buf_init(&name, 4096);
    if (dot != NULL) {
        *dot = '\0';
        add_plain_name(&name, schema);
    } else {
        add_plain_name(&name, t->name.schema);
    }
    buf_puts(&name, ".");
    add_plain_name(&name, dot != NULL ? dot + 1 : schema);
    return set_local("collocate_with", buf_str(&name), out, err);
}

/* {"item_id","item_cat"} */
static bool set_shard_key(const struct ddl_table *t, struct ddl_script *out, struct err *err)
{
    CLEANUP_FREE char *keys = pg_array(t->shard_key, t->shard_key_count);
    if (keys == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    return set_local("shard_key", keys, out, err);
}

bool ddl_set_mode(const struct ddl_table *t, struct ddl_script *out, struct err *err)
{
    switch (t->mode) {
    case TABLE_SHARDED:
        return set_local("mode", "sharded", out, err) && set_shard_key(t, out, err) &&
               (t->collocate_with == NULL || set_collocation(t, out, err));
    case TABLE_REFERENCE:
        return set_local("mode", "reference", out, err);
    case TABLE_STANDARD:
    case TABLE_MODE_UNSAID:
        break;
    }
    return set_local("mode", "standard", out, err);
}

void ddl_mode_text(const struct ddl_table *t, struct buf *out)
{
    switch (t->mode) {
    case TABLE_SHARDED:
        buf_puts(out, "sharded by ");
        for (size_t i = 0; i < t->shard_key_count; i++) {
            buf_printf(out, "%s%s", i == 0 ? "" : ", ", t->shard_key[i]);
        }
        if (t->collocate_with != NULL) {
            buf_printf(out, ", collocated with %s", t->collocate_with);
        }
        break;
    case TABLE_REFERENCE:
        buf_puts(out, "a reference table");
        break;
    case TABLE_STANDARD:
    case TABLE_MODE_UNSAID:
        buf_puts(out, "a standard table");
        break;
    }
}
