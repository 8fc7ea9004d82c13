#include "limitless/table_ddl_internal.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static void add_nextval(const struct relation_name *sequence, struct buf *b)
{
    CLEANUP(buf_free) struct buf name = {0};
    buf_init(&name, 4096);
    pg_add_name(&name, sequence->schema, sequence->name);
    buf_puts(b, " DEFAULT nextval(");
    pg_add_literal(b, buf_str(&name));
    buf_puts(b, "::regclass)");
}

static void add_identity(const struct ddl_table *t, const struct definition_column *c,
                         const struct ddl_context *cx, struct buf *b)
{
    const struct definition_sequence *s = definitions_sequence(cx->definitions, c->sequence_oid);
    struct ddl_sequence *to = ddl_sequence_of(cx, c->sequence_oid);
    if (cx->is_limitless && to != NULL) {
        ddl_count_change(cx, DDL_IDENTITY, &t->name, c->name);
        add_nextval(&to->name, b);
        return;
    }
    buf_printf(b, " GENERATED %s AS IDENTITY", c->identity == 'a' ? "ALWAYS" : "BY DEFAULT");
    if (s == NULL || to == NULL) {
        return;
    }
    buf_puts(b, " (");
    if (!t->is_renamed && !to->exists) {
        buf_puts(b, "SEQUENCE NAME ");
        pg_add_name(b, to->name.schema, to->name.name);
        buf_puts(b, " ");
    }
    ddl_add_sequence_options(s, &to->name, cx, b);
    buf_puts(b, ")");
}

static void add_generated(const struct ddl_table *t, const struct definition_column *c,
                          const struct ddl_context *cx, struct buf *b)
{
    bool is_virtual = c->generated == 'v' && cx->server_version >= 180000;
    if (t->is_reshaped) {
        ddl_count_change(cx, DDL_GENERATED, &t->name, c->name);
        return;
    }
    buf_printf(b, " GENERATED ALWAYS AS (%s) %s", c->default_sql,
               is_virtual ? "VIRTUAL" : "STORED");
}

static void add_value(const struct ddl_table *t, const struct definition_column *c, bool is_part,
                      const struct ddl_context *cx, struct buf *b)
{
    struct ddl_sequence *sequence = ddl_sequence_of(cx, c->sequence_oid);
    if (c->identity != '\0') {
        if (!is_part) { /* a partition has its root's */
            add_identity(t, c, cx, b);
        }
    } else if (c->generated != '\0') {
        add_generated(t, c, cx, b);
    } else if (c->plain_nextval && sequence != NULL) {
        add_nextval(&sequence->name, b);
    } else if (c->default_sql != NULL) {
        buf_printf(b, " DEFAULT %s", c->default_sql);
    }
}

static void add_column(const struct ddl_table *t, const struct ddl_column *col, bool is_part,
                       const struct ddl_context *cx, struct buf *b)
{
    const struct definition_column *c = col->from;
    pg_add_ident(b, col->name);
    if (c == NULL) {
        buf_printf(b, " %s", col->type); /* it is computed, so there is one */
        return;
    }
    buf_printf(b, " %s", col->type != NULL ? col->type : c->type);
    if (!col->is_computed && c->collation_name != NULL) {
        buf_puts(b, " COLLATE ");
        pg_add_name(b, c->collation_schema, c->collation_name);
    }
    if (!col->is_computed) {
        add_value(t, c, is_part, cx, b);
    }
    buf_puts(b, c->not_null ? " NOT NULL" : "");
}

void ddl_add_columns(const struct ddl_table *t, bool is_part, const struct ddl_context *cx,
                     struct buf *b)
{
    size_t written = 0;
    buf_puts(b, " (");
    for (size_t i = 0; i < t->column_count; i++) {
        const struct ddl_column *c = &t->columns[i];
        if (t->inherit_count == 0 || c->from == NULL || c->from->is_local) {
            buf_puts(b, written++ == 0 ? "\n    " : ",\n    ");
            add_column(t, c, is_part, cx, b);
        }
    }
    ddl_add_key(t, written == 0 ? "\n    " : ",\n    ", b);
    buf_puts(b, "\n)");
}
