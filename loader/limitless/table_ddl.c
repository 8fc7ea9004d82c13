#include "limitless/table_ddl.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "limitless/table_ddl_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- scripts ---- */

void ddl_script_free(struct ddl_script *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        free(s->statements[i]);
    }
    free(s->statements);
    free(s->label);
    free(s->note);
    *s = (struct ddl_script){0};
}

bool ddl_script_add(struct ddl_script *s, struct buf *sql, struct err *err)
{
    char **grown = realloc(s->statements, (s->count + 1) * sizeof *grown);
    if (grown != NULL) {
        s->statements = grown;
    }
    char *text = grown == NULL ? NULL : buf_take(sql);
    buf_free(sql);
    if (text == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    s->statements[s->count++] = text;
    return true;
}

/* ---- what was changed ---- */

void ddl_count_change(const struct ddl_context *cx, enum ddl_change what,
                      const struct relation_name *table, const char *column)
{
    char *names = cx->changes->of[what].names;
    size_t len = strlen(names);
    if (cx->changes->of[what].count++ < 5) {
        (void)snprintf(names + len, DDL_NAMES_MAX - len, "%s%.60s.%.60s%s%.60s",
                       len == 0 ? "" : ", ", table->schema, table->name, column == NULL ? "" : ".",
                       column == NULL ? "" : column);
    }
}

void ddl_changes_tell(const struct ddl_changes *changes, struct findings *findings)
{
    static const char *const texts[DDL_CHANGES] = {
        [DDL_IDENTITY] = "identity columns are made as columns whose default is the next value of"
                         " a sequence, since a shard group has no identity columns",
        [DDL_OPTIONS] = "storage parameters are left out, since a shard group takes none",
        [DDL_UNLOGGED] = "UNLOGGED tables are made as ordinary ones, since a shard group has none",
        [DDL_INHERITANCE] = "inheriting tables are made as tables of their own",
        [DDL_TRIGGERS] = "triggers are left out, since a shard group has none",
        [DDL_PARTITIONS] = "partitioned tables are made as one table each, without partitions",
        [DDL_CYCLE] = "sequences with CYCLE are made without, since a shard group has none",
        [DDL_CACHE] = "sequences are made with CACHE 249999, since on a shard group it has to be"
                      " less than the sequence chunk size",
        [DDL_GENERATED] = "generated columns are made as plain ones that hold the source's values,"
                          " since the job file changes the columns of their tables",
        [DDL_FOREIGN] = "what is no table of its own at the source is made as an ordinary table",
    };
    for (size_t i = 0; i < DDL_CHANGES; i++) {
        size_t count = changes->of[i].count;
        if (count > 5) {
            findings_add(findings, FINDING_WARNING, ERR_NONE, "%s: %s and %zu more", texts[i],
                         changes->of[i].names, count - 5);
        } else if (count > 0) {
            findings_add(findings, FINDING_WARNING, ERR_NONE, "%s: %s", texts[i],
                         changes->of[i].names);
        }
    }
}

/* ---- the table ---- */

/* What the source's table is and the group's will not be. */
static void count_dropped(const struct ddl_table *t, const struct ddl_context *cx)
{
    const struct definition_table *d = t->from;
    bool group = cx->is_limitless;
    if (group && d->options != NULL) {
        ddl_count_change(cx, DDL_OPTIONS, &t->name, NULL);
    }
    if (group && d->persistence == 'u') {
        ddl_count_change(cx, DDL_UNLOGGED, &t->name, NULL);
    }
    if (d->inherit_count > 0 && t->inherit_count == 0) {
        ddl_count_change(cx, DDL_INHERITANCE, &t->name, NULL);
    }
    if (group && d->triggers != NULL) {
        ddl_count_change(cx, DDL_TRIGGERS, &t->name, NULL);
    }
    if (d->kind == 'p' && t->part_count == 0) {
        ddl_count_change(cx, DDL_PARTITIONS, &t->name, NULL);
    }
    if (d->kind == 'f' || d->kind == 'v' || d->kind == 'm') {
        ddl_count_change(cx, DDL_FOREIGN, &t->name, NULL);
    }
}

static void add_inherits(const struct ddl_table *t, struct buf *b)
{
    for (size_t i = 0; i < t->inherit_count; i++) {
        buf_puts(b, i == 0 ? " INHERITS (" : ", ");
        pg_add_name(b, t->inherits[i].schema, t->inherits[i].name);
    }
    buf_puts(b, t->inherit_count > 0 ? ")" : "");
}

static bool make_table(const struct ddl_table *t, bool is_part, const struct ddl_context *cx,
                       struct ddl_script *out, struct err *err)
{
    const struct definition_table *d = t->from;
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    bool unlogged = !cx->is_limitless && d->persistence == 'u' && d->kind == 'r';
    buf_puts(&b, unlogged ? "CREATE UNLOGGED TABLE " : "CREATE TABLE ");
    pg_add_name(&b, t->name.schema, t->name.name);
    ddl_add_columns(t, is_part, cx, &b);
    add_inherits(t, &b);
    if (d->kind == 'p' && (t->part_count > 0 || is_part)) {
        buf_printf(&b, " PARTITION BY %s", d->partition_by);
    } else if (!cx->is_limitless && d->kind == 'r' && d->options != NULL) {
        buf_printf(&b, " WITH (%s)", d->options);
    }
    return ddl_script_add(out, &b, err);
}

static void add_overrides(const struct definition_column *c, struct buf *b)
{
    if (c->default_sql != NULL) {
        buf_puts(b, " ALTER COLUMN ");
        pg_add_ident(b, c->name);
        buf_printf(b, " SET DEFAULT %s", c->default_sql);
    }
    if (c->not_null) {
        buf_puts(b, c->default_sql != NULL ? ", ALTER COLUMN " : " ALTER COLUMN ");
        pg_add_ident(b, c->name);
        buf_puts(b, " SET NOT NULL");
    }
}

/* What an inherited column has beyond its parent's: a default, NOT NULL. */
static bool finish_inherited(const struct ddl_table *t, struct ddl_script *out, struct err *err)
{
    for (size_t i = 0; t->inherit_count > 0 && i < t->column_count; i++) {
        const struct definition_column *c = t->columns[i].from;
        if (c == NULL || c->is_local || (c->default_sql == NULL && !c->not_null) ||
            c->generated != '\0') {
            continue;
        }
        struct buf b;
        buf_init(&b, BUF_SQL_MAX);
        buf_puts(&b, "ALTER TABLE ");
        pg_add_name(&b, t->name.schema, t->name.name);
        add_overrides(c, &b);
        if (!ddl_script_add(out, &b, err)) {
            return false;
        }
    }
    return true;
}

/* Made alone and then attached, so that it may differ from its root as it does at the source. */
static bool make_part(const struct ddl_part *p, const struct ddl_context *cx,
                      struct ddl_script *out, struct err *err)
{
    struct ddl_column *columns = calloc(p->from->column_count + 1, sizeof *columns);
    if (columns == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < p->from->column_count; i++) {
        columns[i] =
            (struct ddl_column){.name = p->from->columns[i].name, .from = &p->from->columns[i]};
    }
    struct ddl_table t = {.name = p->name,
                          .from = p->from,
                          .columns = columns,
                          .column_count = p->from->column_count,
                          .is_renamed = strcmp(p->name.schema, p->from->schema) != 0};
    bool ok = make_table(&t, true, cx, out, err);
    free(columns);
    if (!ok) {
        return false;
    }
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "ALTER TABLE ");
    pg_add_name(&b, p->parent.schema, p->parent.name);
    buf_puts(&b, " ATTACH PARTITION ");
    pg_add_name(&b, p->name.schema, p->name.name);
    buf_printf(&b, " %s", p->from->bound);
    return ddl_script_add(out, &b, err);
}

static bool name_script(const struct ddl_table *t, const struct ddl_context *cx,
                        struct ddl_script *out, struct err *err)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_printf(&b, "table %s.%s", t->name.schema, t->name.name);
    out->label = buf_take(&b);
    buf_printf(&b, "table %s.%s", t->name.schema, t->name.name);
    if (cx->is_limitless) {
        buf_puts(&b, ", ");
        ddl_mode_text(t, &b);
    } else if (t->part_count > 0) {
        buf_printf(&b, " with its %zu partition%s", t->part_count, t->part_count == 1 ? "" : "s");
    }
    out->note = buf_take(&b);
    buf_free(&b);
    return (out->label != NULL && out->note != NULL) || err_set(err, ERR_SYSTEM, "out of memory");
}

static bool make_all(const struct ddl_table *t, const struct ddl_context *cx, bool *made,
                     struct ddl_script *out, struct err *err)
{
    if (!name_script(t, cx, out, err) || !ddl_make_sequences(t, cx, made, out, err) ||
        (cx->is_limitless && !ddl_set_mode(t, out, err)) || !make_table(t, false, cx, out, err) ||
        !finish_inherited(t, out, err)) {
        return false;
    }
    for (size_t i = 0; i < t->part_count; i++) {
        if (!make_part(&t->parts[i], cx, out, err)) {
            return false;
        }
    }
    return ddl_own_sequences(t, cx, made, out, err);
}

bool ddl_table_make(const struct ddl_table *t, const struct ddl_context *cx, struct ddl_script *out,
                    struct err *err)
{
    CLEANUP(ddl_script_free) struct ddl_script script = {0};
    CLEANUP_FREE bool *made = calloc(cx->definitions->sequence_count + 1, sizeof *made);
    if (made == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    if (!make_all(t, cx, made, &script, err)) {
        return false;
    }
    count_dropped(t, cx);
    *out = script;
    script = (struct ddl_script){0};
    return true;
}
