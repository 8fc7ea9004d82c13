/* The filters of a plan's tables: where of the job file, and --where. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "job/plan_internal.h"

#include <stdlib.h>

/* Who wants it, for messages: the option's pattern, or a line of the job file. */
struct filter {
    const char *expression;
    const char *pattern; /* NULL: of a rule */
    unsigned line;
};

static void block(const struct build *b, const struct filter *f, const char *why)
{
    if (f->pattern != NULL) {
        findings_add(b->findings, FINDING_BLOCKER, ERR_USAGE, "--where %s=%.80s: %s", f->pattern,
                     f->expression, why);
    } else {
        findings_add(b->findings, FINDING_BLOCKER, ERR_USAGE, "%s:%u: where %.80s: %s",
                     build_config(b), f->line, f->expression, why);
    }
}

static bool ask(struct build *b, const struct relation *s, const char *expression, struct err *err)
{
    struct buf sql;
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    buf_init(&sql, BUF_SQL_MAX);
    buf_puts(&sql, "SELECT FROM ONLY ");
    pg_add_name(&sql, s->schema, s->name);
    /* Twice, in two kinds of brackets: what is to close one of them cannot fit into the other. */
    buf_printf(&sql, " WHERE (%s\n) AND CASE WHEN %s\n THEN true END LIMIT 0", expression,
               expression);
    /* A query with parameters, even none, is one statement and not several. */
    bool ok = buf_ok(&sql, err) && pg_query(b->source, buf_str(&sql), 0, NULL, &r, err);
    buf_free(&sql);
    return ok;
}

static bool try_filter(struct build *b, size_t no, const struct filter *f, struct err *err)
{
    const struct relation *s = &b->out->source.items[no];
    struct plan_table *t = &b->out->plan.tables[no];
    struct err why;
    if (t->filter[0] != '\0') {
        const struct choice *c = build_choice(b, no);
        if (c != NULL && c->where != NULL) {
            findings_add(b->findings, FINDING_BLOCKER, ERR_USAGE,
                         "%s:%u: table %s.%s has a where in the job file, and --where %s names it "
                         "too; give one of them, with AND",
                         build_config(b), c->where_line, s->schema, s->name, f->pattern);
        } else {
            findings_add(b->findings, FINDING_BLOCKER, ERR_USAGE,
                         "two --where options name table %s.%s", s->schema, s->name);
        }
        return true;
    }
    if (!pg_exec(b->source, "SAVEPOINT filter", err)) {
        return false;
    }
    if (!ask(b, s, f->expression, &why)) {
        if (pg_is_dead(b->source) || why.kind == ERR_CANCELLED) {
            *err = why;
            return false;
        }
        block(b, f, why.msg);
    }
    free(t->filter);
    t->filter = str_copy(f->expression);
    return (t->filter != NULL || err_set(err, ERR_SYSTEM, "out of memory")) &&
           pg_exec(b->source, "ROLLBACK TO SAVEPOINT filter; RELEASE SAVEPOINT filter", err);
}

/* Each pattern must mean at least one selected table, and its expression must be one. */
static bool apply_option(struct build *b, const struct where_filter *w, struct err *err)
{
    struct relation_list hit = {0};
    struct filter f = {.expression = w->expression, .pattern = w->table};
    const char *const pattern[] = {w->table};
    struct selection s = {
        .tables = pattern, .table_count = 1, .ledger_schema = b->spec->ledger_schema};
    if (!catalog_select(b->source, &s, b->findings, &hit, err)) {
        return false;
    }
    bool ok = true;
    size_t used = 0;
    for (size_t h = 0; ok && h < hit.count; h++) {
        for (size_t i = 0; ok && i < b->out->plan.table_count; i++) {
            if (b->out->source.items[i].oid == hit.items[h].oid) {
                used++;
                ok = try_filter(b, i, &f, err);
            }
        }
    }
    if (ok && used == 0 && hit.count > 0) {
        findings_add(b->findings, FINDING_BLOCKER, ERR_USAGE,
                     "--where %s=...: no such table is part of this load", w->table);
    }
    relation_list_free(&hit);
    return ok;
}

bool plan_filters(struct build *b, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && b->choices != NULL && i < b->out->plan.table_count; i++) {
        const struct choice *c = &b->choices[i];
        struct filter f = {.expression = c->where, .line = c->where_line};
        ok = c->where == NULL || try_filter(b, i, &f, err);
    }
    for (size_t i = 0; ok && i < b->spec->where_count; i++) {
        ok = apply_option(b, &b->spec->where[i], err);
    }
    return ok;
}
