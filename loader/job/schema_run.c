#include "job/schema_run.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "ddl/dump_run.h"
#include "flow/stop.h"
#include "job/auth.h"
#include "job/exit_status.h"
#include "job/schema_connect.h"
#include "job/schema_run_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTION_BYTES_MAX 4096u

void schema_note(const struct schema_context *cx, const char *fmt, ...)
{
    char text[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    cx->observer->note(cx->observer->self, text);
}

void schema_made_free(struct schema_made *m)
{
    for (size_t i = 0; i < m->sequence_count; i++) {
        free(m->sequences[i].schema);
        free(m->sequences[i].name);
        free(m->sequences[i].to_schema);
        free(m->sequences[i].to_name);
    }
    free(m->sequences);
    schema_plan_free(&m->plan);
    schema_facts_free(&m->facts);
    role_facts_free(&m->roles);
    dump_toc_free(&m->toc);
    m->sequences = NULL;
    m->sequence_count = 0;
}

/* ---- reading the source ---- */

struct options {
    char **items;
    size_t count;
    bool failed;
};

static void options_free(struct options *o)
{
    for (size_t i = 0; i < o->count; i++) {
        free(o->items[i]);
    }
    free(o->items);
}

static void add_option(struct options *o, const char *lead, const char *value)
{
    char **grown = realloc(o->items, (o->count + 1) * sizeof *grown);
    size_t size = strlen(lead) + strlen(value) + 1;
    char *text = grown == NULL || size > OPTION_BYTES_MAX ? NULL : malloc(size);
    if (grown != NULL) {
        o->items = grown;
    }
    if (text == NULL) {
        o->failed = true;
        return;
    }
    (void)snprintf(text, size, "%s%s", lead, value);
    grown[o->count++] = text;
}

static void add_options(struct options *o, const char *lead, const struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        add_option(o, lead, list->items[i]);
    }
}

/* The patterns are psql's on both sides. The ledger is ours: a source that was a destination once
 * keeps it. */
static bool dump_options(const struct spec *spec, struct options *o, struct err *err)
{
    struct buf ledger;
    add_options(o, "--schema=", &spec->schemas);
    add_options(o, "--exclude-schema=", &spec->schemas_out);
    add_options(o, "--table=", &spec->tables);
    add_options(o, "--exclude-table=", &spec->tables_out);
    buf_init(&ledger, OPTION_BYTES_MAX);
    buf_puts(&ledger, "\"");
    for (const char *at = spec->ledger_schema; *at != '\0'; at++) {
        buf_add(&ledger, at, 1);
        buf_puts(&ledger, *at == '"' ? "\"" : "");
    }
    buf_puts(&ledger, "\"");
    add_option(o, "--exclude-schema=", buf_str(&ledger));
    bool ok = !o->failed && !ledger.failed;
    buf_free(&ledger);
    return ok || err_set(err, ERR_USAGE, "a pattern is too long, or memory is short");
}

static bool read_dump(const struct schema_context *cx, struct dump_toc *out, struct err *err)
{
    struct dump_tools tools;
    CLEANUP(options_free) struct options o = {.count = 0};
    if (!dump_tools_find(cx->spec->schema.bindir, stop_drain_fd(), &tools, err) ||
        !dump_options(cx->spec, &o, err)) {
        return false;
    }
    struct dump_order order = {.tools = &tools,
                               .target = cx->source_target,
                               .server_version = pg_version(cx->source),
                               .encoding = cx->encoding,
                               .options = (const char *const *)o.items,
                               .option_count = o.count};
    struct dump_texts texts;
    if (!dump_run(&order, stop_drain_fd(), &texts, err)) {
        return false;
    }
    bool ok = dump_toc_read(buf_str(&texts.script), buf_str(&texts.list), buf_str(&texts.before),
                            out, err);
    dump_texts_free(&texts);
    if (ok) {
        schema_note(cx, "pg_dump %s lists %zu objects of the source", tools.version, out->count);
    }
    return ok;
}

/* ---- marks ---- */

bool schema_add_sequence(struct schema_made *made, const struct fact_class *from,
                         const struct relation_name *to, struct err *err)
{
    struct schema_sequence *grown =
        realloc(made->sequences, (made->sequence_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    made->sequences = grown;
    struct schema_sequence *s = &grown[made->sequence_count++];
    *s = (struct schema_sequence){.schema = str_copy(from->schema),
                                  .name = str_copy(from->name),
                                  .to_schema = str_copy(to->schema),
                                  .to_name = str_copy(to->name)};
    return (s->schema != NULL && s->name != NULL && s->to_schema != NULL && s->to_name != NULL) ||
           err_set(err, ERR_SYSTEM, "out of memory");
}

static bool mark_plain(const struct schema_context *cx, struct schema_made *made, struct err *err)
{
    struct plain_input in = {.toc = &made->toc,
                             .facts = &made->facts,
                             .roles = &made->roles,
                             .analyze = cx->spec->analyze};
    bool ok = schema_mark_plain(&in, &made->plan, err);
    for (size_t i = 0; ok && i < made->toc.count; i++) {
        const struct dump_entry *e = &made->toc.entries[i];
        const struct fact_class *c =
            strcmp(e->type, "SEQUENCE") == 0 ? fact_class_of(&made->facts, e->oid) : NULL;
        if (c != NULL) {
            struct relation_name own = {c->schema, c->name};
            ok = schema_add_sequence(made, c, &own, err);
        }
    }
    return ok;
}

/* A job file's rules mean a shard group; on a plain server the schema is the source's. */
static void warn_rules(const struct schema_context *cx)
{
    if (!cx->group->is_limitless && cx->spec->rules.count > 0) {
        findings_add(cx->findings, FINDING_WARNING, ERR_NONE,
                     "the job file's %s: the destination is no shard group, and gets the source's "
                     "schema as it is",
                     cx->spec->with_schema ? "modes and shard keys are not used"
                                           : "rules for tables are not used");
    }
}

static void warn_owners(const struct schema_context *cx, const struct schema_made *m)
{
    size_t count = 0;
    for (size_t i = 0; i < m->plan.count; i++) {
        count += m->plan.items[i].other_owner && m->plan.items[i].mark != SCHEMA_LEFT_OUT;
    }
    if (count > 0) {
        findings_add(cx->findings, FINDING_WARNING, ERR_NONE,
                     "%zu objects will belong to %s, since their owners at the source are not at "
                     "the destination, or it is no member of them; --json and --emit tell which",
                     count, m->roles.current);
    }
}

static bool make(const struct schema_context *cx, struct schema_made *m, struct err *err)
{
    if (!read_dump(cx, &m->toc, err) || !pg_exec(cx->source, "BEGIN READ ONLY", err)) {
        return false;
    }
    bool ok =
        schema_facts_read(cx->source, &m->toc, &m->facts, err) &&
        role_facts_read(cx->destination, &m->roles, err) &&
        (cx->group->is_limitless ? schema_mark_for_group(cx, m, err) : mark_plain(cx, m, err));
    struct err why;
    bool ended = pg_is_dead(cx->source) || pg_exec(cx->source, "ROLLBACK", &why);
    if (ok && !ended) {
        *err = why;
    }
    warn_rules(cx);
    warn_owners(cx, m);
    return ok && ended;
}

bool schema_make(const struct schema_context *cx, struct schema_made *out, struct err *err)
{
    struct schema_made m = {.sequence_count = 0};
    if (!make(cx, &m, err)) {
        schema_made_free(&m);
        return false;
    }
    *out = m;
    return true;
}

bool schema_forget(const struct schema_context *cx, struct err *err)
{
    return steps_open(cx, err) && steps_forget(cx, err);
}

/* ---- the command ---- */

struct command {
    const struct spec *spec;
    struct auth *auth;
    struct schema_sides sides;
    bool connected;
};

static bool run_command(struct command *c, const struct schema_observer *observer,
                        struct schema_result *out, struct err *err)
{
    const struct schema_request *q = &c->spec->schema;
    if (!auth_open(c->spec, stop_drain_fd(), &c->auth, err) ||
        !schema_sides_open(c->spec, c->auth, &c->sides, out, err)) {
        return false;
    }
    c->connected = true;
    struct schema_context cx = schema_sides_context(&c->sides, c->spec, observer, &out->findings);
    if (!schema_make(&cx, &out->made, err)) {
        return false;
    }
    out->planned = true;
    if (q->emit != NULL && !schema_emit(&cx, &out->made, q->emit, err)) {
        return false;
    }
    if (q->apply == SCHEMA_APPLY_NOTHING) {
        return true;
    }
    enum schema_part part = q->apply == SCHEMA_APPLY_BEFORE ? SCHEMA_BEFORE : SCHEMA_AFTER;
    out->tried[part] = true;
    return schema_apply(&cx, &out->made, part, &out->done[part], err);
}

void schema_run(const struct spec *spec, const struct schema_observer *observer,
                struct schema_result *out)
{
    struct command c = {.spec = spec};
    struct err err = {.kind = ERR_NONE};
    *out = (struct schema_result){.exit_status = EXIT_DONE};
    bool ok = run_command(&c, observer, out, &err);
    if (!ok) {
        out->error = err;
        out->exit_status = exit_status_of(err.kind);
        if (err.kind == ERR_TRANSIENT && c.connected) {
            out->exit_status = EXIT_STOPPED;
        }
    }
    schema_sides_close(&c.sides);
    auth_close(c.auth);
}

void schema_result_free(struct schema_result *r)
{
    schema_made_free(&r->made);
    findings_free(&r->findings);
}
