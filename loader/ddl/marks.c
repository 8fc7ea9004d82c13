#include "ddl/marks.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "ddl/edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTE_MAX  4096u
#define NOTES_MAX ((size_t)16384) /* of one object */

const char *schema_mark_name(enum schema_mark mark)
{
    static const char *const names[SCHEMA_MARKS] = {"carried", "changed", "left out"};
    return names[mark];
}

static void forget_statements(struct schema_item *item)
{
    for (size_t i = 0; i < item->statement_count; i++) {
        free(item->statements[i]);
    }
    item->statement_count = 0;
}

void schema_plan_free(struct schema_plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        struct schema_item *item = &p->items[i];
        forget_statements(item);
        free(item->statements);
        free(item->type);
        free(item->name);
        free(item->note);
    }
    free(p->items);
    *p = (struct schema_plan){.count = 0};
}

/* ---- building ---- */

/* "FOREIGN TABLE t": where t begins. Names in capitals have quotes around them. */
static size_t skip_kind(const char *tag)
{
    size_t at = 0;
    for (;;) {
        size_t len = strspn(tag + at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (len == 0 || tag[at + len] != ' ') {
            return at;
        }
        at += len + 1;
    }
}

/* "TABLE t", "CONSTRAINT c ON t": where the name begins that is in the schema. */
static size_t skip_to_name(const char *tag)
{
    size_t at = skip_kind(tag);
    bool quoted = false;
    for (size_t i = at; tag[i] != '\0'; i++) {
        quoted = quoted != (tag[i] == '"');
        if (!quoted && strncmp(tag + i, " ON ", 4) == 0) {
            at = i + 4 + skip_kind(tag + i + 4);
        }
    }
    return at;
}

/* What is said of another object has that one's kind before its name. */
static bool is_about_another(const char *type)
{
    return strcmp(type, "COMMENT") == 0 || strcmp(type, "ACL") == 0 ||
           strcmp(type, "SECURITY LABEL") == 0;
}

static char *label_of(const struct dump_entry *e)
{
    struct buf b;
    size_t at = is_about_another(e->type) ? skip_to_name(e->name) : 0;
    bool in_schema = strcmp(e->schema, "-") != 0;
    buf_init(&b, BUF_SQL_MAX);
    buf_add(&b, e->name, at);
    buf_printf(&b, "%s%s%s", in_schema ? e->schema : "", in_schema ? "." : "", e->name + at);
    return buf_take(&b);
}

struct schema_item *schema_item_add(struct schema_plan *p, const struct dump_entry *e)
{
    if (p->count == p->room) {
        size_t room = p->room * 2 + 256;
        struct schema_item *grown = realloc(p->items, room * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        p->items = grown;
        p->room = room;
    }
    struct schema_item *item = &p->items[p->count++];
    *item = (struct schema_item){.entry = e, .origin = e == NULL ? SCHEMA_OURS : SCHEMA_ENTRY};
    if (e == NULL) {
        return item;
    }
    item->part = e->post ? SCHEMA_AFTER : SCHEMA_BEFORE;
    item->type = str_copy(e->type);
    item->name = label_of(e);
    p->entry_count++;
    return item->type == NULL || item->name == NULL ? NULL : item;
}

bool schema_item_take(struct schema_item *item, char *sql)
{
    char **grown =
        sql == NULL ? NULL : realloc(item->statements, (item->statement_count + 1) * sizeof *grown);
    if (grown == NULL) {
        free(sql);
        return false;
    }
    item->statements = grown;
    grown[item->statement_count++] = sql;
    return true;
}

bool schema_item_statement(struct schema_item *item, const char *sql)
{
    return schema_item_take(item, str_copy(sql));
}

bool schema_item_say(struct schema_item *item, const char *text)
{
    struct buf b;
    if (item->note != NULL && strstr(item->note, text) != NULL) {
        return true;
    }
    buf_init(&b, NOTES_MAX);
    buf_printf(&b, "%s%s%s", item->note == NULL ? "" : item->note, item->note == NULL ? "" : "; ",
               text);
    char *note = buf_take(&b);
    if (note == NULL) {
        return item->note != NULL && strlen(item->note) + strlen(text) >= NOTES_MAX - 4;
    }
    free(item->note);
    item->note = note;
    return true;
}

static bool say(struct schema_item *item, const char *fmt, va_list args)
{
    char text[NOTE_MAX];
    (void)vsnprintf(text, sizeof text, fmt, args);
    return schema_item_say(item, text);
}

bool schema_item_change(struct schema_item *item, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    bool ok = say(item, fmt, args);
    va_end(args);
    item->mark = item->mark == SCHEMA_LEFT_OUT ? SCHEMA_LEFT_OUT : SCHEMA_CHANGED;
    return ok;
}

bool schema_item_leave(struct schema_item *item, const char *fmt, ...)
{
    va_list args;
    free(item->note);
    item->note = NULL;
    va_start(args, fmt);
    bool ok = say(item, fmt, args);
    va_end(args);
    item->mark = SCHEMA_LEFT_OUT;
    forget_statements(item);
    return ok;
}

/* ---- roles ---- */

/* No change of the object itself: it is said, and its mark stays. */
bool schema_item_owner(struct schema_item *item, const char *sql, const struct role_facts *roles)
{
    CLEANUP_FREE char *owner = edit_owner(sql);
    bool member = false;
    if (owner == NULL) {
        return false;
    }
    bool there = role_is_there(roles, owner, &member);
    if (there && member) {
        return schema_item_statement(item, sql);
    }
    char text[NOTE_MAX];
    (void)snprintf(text, sizeof text,
                   there ? "it will belong to %s, which is no member of role %s"
                         : "it will belong to %s: role %s is not at the destination",
                   roles->current, owner);
    item->other_owner = true;
    return schema_item_say(item, text);
}

bool schema_item_grant(struct schema_item *item, const char *sql, const struct role_facts *roles)
{
    CLEANUP_FREE char *role = edit_grantee(sql);
    CLEANUP_FREE char *of = edit_begins(sql, "ALTER", "DEFAULT") ? edit_default_role(sql) : NULL;
    const char *missing = NULL;
    bool member = true;
    if (role != NULL && !role_is_there(roles, role, NULL)) {
        missing = role;
    } else if (of != NULL && !role_is_there(roles, of, &member)) {
        missing = of;
    }
    if (missing != NULL) {
        return schema_item_change(item,
                                  "without what is for role %s, which is not at the "
                                  "destination",
                                  missing);
    }
    if (!member) {
        return schema_item_change(
            item,
            "without what is for objects of role %s: only its members may say "
            "that, and the run's role is %s, which is no member of role %s",
            of, roles->current, of);
    }
    return schema_item_statement(item, sql);
}

/* An entry whose statements are all gone is left out. */
static bool settle(struct schema_item *item, size_t statements)
{
    if (statements == 0 || item->statement_count > 0 || item->mark != SCHEMA_CHANGED) {
        return true;
    }
    CLEANUP_FREE char *note = str_copy(item->note);
    return note != NULL && schema_item_leave(item, "%s", note);
}

/* ---- a plain destination ---- */

static enum schema_work work_of(const char *type)
{
    if (strcmp(type, "INDEX") == 0) {
        return WORK_INDEX;
    }
    if (strcmp(type, "CONSTRAINT") == 0) {
        return WORK_KEY;
    }
    return strcmp(type, "FK CONSTRAINT") == 0 ? WORK_FOREIGN_KEY : WORK_ALONE;
}

static bool put_settings(struct schema_item *item)
{
    const struct dump_entry *e = item->entry;
    struct buf b;
    buf_init(&b, NOTE_MAX);
    if (e->tablespace[0] != '\0') {
        buf_puts(&b, "SET LOCAL default_tablespace = ");
        pg_add_ident(&b, e->tablespace);
        if (!schema_item_take(item, buf_take(&b))) {
            return false;
        }
    }
    if (e->access_method[0] != '\0' && strcmp(e->access_method, "heap") != 0) {
        buf_puts(&b, "SET LOCAL default_table_access_method = ");
        pg_add_ident(&b, e->access_method);
        return schema_item_take(item, buf_take(&b));
    }
    return true;
}

static bool plain_statement(const struct plain_input *in, struct schema_item *item, const char *sql,
                            bool grants)
{
    CLEANUP_FREE char *owner = edit_owner(sql);
    if (owner != NULL) {
        return schema_item_owner(item, sql, in->roles);
    }
    return grants ? schema_item_grant(item, sql, in->roles) : schema_item_statement(item, sql);
}

/* Whose locks it takes. */
static void find_tables(const struct schema_facts *facts, struct schema_item *item)
{
    const struct dump_entry *e = item->entry;
    const struct fact_constraint *c =
        e->class_oid == CATALOG_CONSTRAINT ? fact_constraint_of(facts, e->oid) : NULL;
    const struct fact_index *x =
        e->class_oid == CATALOG_CLASS ? fact_index_of(facts, e->oid) : NULL;
    item->rel = c != NULL ? c->rel : x != NULL ? x->rel : 0;
    item->other = c != NULL ? c->other : 0;
}

static bool plain_entry(const struct plain_input *in, const struct dump_entry *e,
                        struct schema_plan *out)
{
    struct schema_item *item = schema_item_add(out, e);
    if (item == NULL || (e->statement_count > 0 && !put_settings(item))) {
        return false;
    }
    size_t settings = item->statement_count;
    bool grants = strcmp(e->type, "ACL") == 0 || strcmp(e->type, "DEFAULT ACL") == 0;
    item->work = e->post ? work_of(e->type) : WORK_ALONE;
    for (size_t i = 0; i < e->statement_count; i++) {
        if (!plain_statement(in, item, e->statements[i], grants)) {
            return false;
        }
    }
    find_tables(in->facts, item);
    return item->statement_count > settings || settle(item, e->statement_count);
}

bool schema_item_ours(struct schema_plan *out, const char *type, const char *lead,
                      const struct relation_name *name, enum schema_work work)
{
    struct schema_item *item = schema_item_add(out, NULL);
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, lead);
    pg_add_name(&b, name->schema, name->name);
    if (item == NULL || !schema_item_take(item, buf_take(&b))) {
        buf_free(&b);
        return false;
    }
    item->part = SCHEMA_AFTER;
    item->work = work;
    item->type = str_copy(type);
    buf_printf(&b, "%s.%s", name->schema, name->name);
    item->name = buf_take(&b);
    return item->type != NULL && item->name != NULL;
}

static bool ours(struct schema_plan *out, const struct fact_class *c, const char *type,
                 const char *lead, enum schema_work work)
{
    struct relation_name name = {c->schema, c->name};
    return schema_item_ours(out, type, lead, &name, work);
}

static bool is_analysed(const struct plain_input *in, const struct dump_entry *e,
                        const struct fact_class *c)
{
    if (!in->analyze || c == NULL) {
        return false;
    }
    return strcmp(e->type, "MATERIALIZED VIEW") == 0
               ? c->populated
               : strcmp(e->type, "TABLE") == 0 && (c->kind == 'r' || c->kind == 'p') &&
                     c->root == 0;
}

bool schema_mark_plain(const struct plain_input *in, struct schema_plan *out, struct err *err)
{
    struct schema_plan p = {.count = 0};
    bool ok = true;
    for (size_t i = 0; ok && i < in->toc->count; i++) {
        ok = plain_entry(in, &in->toc->entries[i], &p);
    }
    for (size_t i = 0; ok && i < in->toc->count; i++) {
        const struct dump_entry *e = &in->toc->entries[i];
        const struct fact_class *c = fact_class_of(in->facts, e->oid);
        if (strcmp(e->type, "MATERIALIZED VIEW") == 0 && c != NULL && c->populated) {
            ok = ours(&p, c, "REFRESH", "REFRESH MATERIALIZED VIEW ", WORK_ALONE);
        }
    }
    for (size_t i = 0; ok && i < in->toc->count; i++) {
        const struct fact_class *c = fact_class_of(in->facts, in->toc->entries[i].oid);
        ok = !is_analysed(in, &in->toc->entries[i], c) ||
             ours(&p, c, "ANALYZE", "ANALYZE ", WORK_ANALYZE);
    }
    if (!ok) {
        schema_plan_free(&p);
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    *out = p;
    return true;
}
