#include "limitless/table_ddl_internal.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* rds_aurora.limitless_sequence_chunk_size as it is delivered; a cache has to be smaller. */
#define SEQUENCE_CHUNK 250000

struct ddl_sequence *ddl_sequence_of(const struct ddl_context *cx, uint32_t oid)
{
    for (size_t i = 0; i < cx->definitions->sequence_count; i++) {
        if (cx->definitions->sequences[i].oid == oid) {
            return &cx->sequences[i];
        }
    }
    return NULL;
}

void ddl_add_sequence_options(const struct definition_sequence *s, const struct relation_name *name,
                              const struct ddl_context *cx, struct buf *b)
{
    int64_t cache = s->cache;
    bool cycle = s->cycle;
    if (cx->is_limitless && cycle) {
        ddl_count_change(cx, DDL_CYCLE, name, NULL);
        cycle = false;
    }
    if (cx->is_limitless && cache >= SEQUENCE_CHUNK) {
        ddl_count_change(cx, DDL_CACHE, name, NULL);
        cache = SEQUENCE_CHUNK - 1;
    }
    buf_printf(b, "START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %lld", s->start,
               s->increment, s->min, s->max, (long long)cache);
    buf_puts(b, cycle ? " CYCLE" : "");
}

static bool make_sequence(const struct definition_sequence *s, struct ddl_sequence *to,
                          const struct ddl_context *cx, struct ddl_script *out, struct err *err)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "CREATE SEQUENCE ");
    pg_add_name(&b, to->name.schema, to->name.name);
    buf_printf(&b, " AS %s ", s->type);
    ddl_add_sequence_options(s, &to->name, cx, &b);
    to->exists = true;
    return ddl_script_add(out, &b, err);
}

/* Is it the table's, by ownership or because a default names it? An identity's is made with it,
 * but on a shard group. */
static bool uses_sequence(const struct ddl_table *t, const struct definition_sequence *s,
                          const struct ddl_context *cx)
{
    if (s->identity && !cx->is_limitless) {
        return false;
    }
    bool uses = s->owner_oid == t->from->oid && ddl_name_of(t, s->owner_column) != NULL;
    for (size_t i = 0; i < t->column_count; i++) {
        const struct definition_column *c = t->columns[i].from;
        uses = uses || (c != NULL && !t->columns[i].is_computed &&
                        (c->sequence_oid == s->oid ||
                         (c->default_sql != NULL && strstr(c->default_sql, "nextval(") != NULL &&
                          strstr(c->default_sql, s->name) != NULL)));
    }
    return uses;
}

bool ddl_make_sequences(const struct ddl_table *t, const struct ddl_context *cx, bool *made,
                        struct ddl_script *out, struct err *err)
{
    for (size_t i = 0; i < cx->definitions->sequence_count; i++) {
        const struct definition_sequence *s = &cx->definitions->sequences[i];
        made[i] = !cx->sequences[i].exists && uses_sequence(t, s, cx);
        if (made[i] && !make_sequence(s, &cx->sequences[i], cx, out, err)) {
            return false;
        }
    }
    return true;
}

/* Whether a shard group takes OWNED BY is not documented, and nothing needs it there. */
bool ddl_own_sequences(const struct ddl_table *t, const struct ddl_context *cx, const bool *made,
                       struct ddl_script *out, struct err *err)
{
    for (size_t i = 0; !cx->is_limitless && i < cx->definitions->sequence_count; i++) {
        const struct definition_sequence *s = &cx->definitions->sequences[i];
        const char *column = ddl_name_of(t, s->owner_column);
        if (!made[i] || s->owner_oid != t->from->oid || column == NULL) {
            continue;
        }
        struct buf b;
        buf_init(&b, BUF_SQL_MAX);
        buf_puts(&b, "ALTER SEQUENCE ");
        pg_add_name(&b, cx->sequences[i].name.schema, cx->sequences[i].name.name);
        buf_puts(&b, " OWNED BY ");
        pg_add_name(&b, t->name.schema, t->name.name);
        buf_puts(&b, ".");
        pg_add_ident(&b, column);
        if (!ddl_script_add(out, &b, err)) {
            return false;
        }
    }
    return true;
}
