#include "job/match.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table ---- */

static bool same_text(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

struct match_names match_names(const struct choice *choice, const struct relation *src)
{
    struct match_names n = {
        .own = {src->schema, src->name}
    };
    if (src->is_partition) {
        n.root = (struct relation_name){src->root_schema, src->root_name};
    }
    if (choice != NULL && choice->schema_said) {
        n.own.schema = choice->to_schema;
        n.root.schema = src->is_partition ? choice->to_schema : NULL;
    }
    if (choice != NULL && choice->table_said) {
        n.own.schema =
            choice->schema_said || !src->is_partition ? choice->to_schema : src->root_schema;
        n.own.name = choice->to_table;
        n.root = (struct relation_name){NULL, NULL};
    }
    return n;
}

/* Hash bounds are no proof: the hash of an enum follows its labels' OIDs, which differ. */
static bool same_leaf(const struct relation *src, const struct relation *dst,
                      const struct relation_name *root)
{
    return dst->is_partition && same_text(src->bound, dst->bound) &&
           strstr(src->bound, "HASH (") == NULL && same_text(root->schema, dst->root_schema) &&
           same_text(root->name, dst->root_name);
}

const struct relation *match_target(const struct match *m, const struct relation *src)
{
    struct match_names n = match_names(m->choice, src);
    const struct relation *own = relation_list_find(m->destination, n.own.schema, n.own.name);
    if (n.root.name == NULL || (own != NULL && same_leaf(src, own, &n.root))) {
        return own;
    }
    const struct relation *root = relation_list_find(m->destination, n.root.schema, n.root.name);
    if (own != NULL && !own->is_partition && (root == NULL || root->kind != 'p')) {
        return own; /* a plain table for each leaf */
    }
    return root != NULL ? root : own;
}

/* ---- columns ---- */

/* A value on its way: a column of the source or a computed one. */
struct origin {
    const struct column *column; /* NULL: computed */
    const struct computed *computed;
    const struct column_rule *rule; /* NULL: none */
    const char *name;               /* on the source; of a computed one as on the destination */
    const char *to;
    const char *type_name;
    uint32_t type_oid;
    int32_t typmod;
};

struct pairing {
    const struct match *m;
    const struct relation *src;
    const struct relation *dst;
    const struct origin **given; /* for each column of dst: who fills it, or tries to; else NULL */
    struct origin *origins;
    size_t origin_count;
    struct buf source;
    struct buf destination;
    size_t taken;
    size_t left_out;
    char why[TYPE_WHY_MAX + 160]; /* of the first column that needs text */
};

static const struct column *find_column(const struct relation *rel, const char *name)
{
    for (size_t i = 0; i < rel->column_count; i++) {
        if (strcmp(rel->columns[i].name, name) == 0) {
            return &rel->columns[i];
        }
    }
    return NULL;
}

#define PLACE_MAX 300

/* "FILE:LINE: " where a rule is the cause, else "". */
static const char *place(const struct match *m, const struct column_rule *rule, char out[PLACE_MAX])
{
    out[0] = '\0';
    if (rule != NULL) {
        (void)snprintf(out, PLACE_MAX,
                       "%.250s:%u: ", m->spec->config == NULL ? "job file" : m->spec->config,
                       rule->line);
    }
    return out;
}

/* " (\"b\" there)" for a column that gets another name. */
#define RENAMED_MAX 200
static const char *renamed(const struct origin *o, char out[RENAMED_MAX])
{
    out[0] = '\0';
    if (strcmp(o->name, o->to) != 0) {
        (void)snprintf(out, RENAMED_MAX, " (\"%.150s\" there)", o->to);
    }
    return out;
}

static void check_rights(const struct pairing *p, const struct origin *o, const struct column *d)
{
    if (o->column != NULL && !o->column->can_select) {
        findings_add(
            p->m->findings, FINDING_BLOCKER, ERR_AUTH,
            "the source role may not read column \"%s\" of table %s.%s; GRANT SELECT on it",
            o->name, p->src->schema, p->src->name);
    }
    if (!d->can_insert) {
        findings_add(p->m->findings, FINDING_BLOCKER, ERR_AUTH,
                     "the destination role may not insert into column \"%s\" of table %s.%s; GRANT "
                     "INSERT on it",
                     d->name, p->dst->schema, p->dst->name);
    }
}

static bool types_fit(struct pairing *p, const struct origin *o, const struct column *d)
{
    char why[TYPE_WHY_MAX];
    char at[PLACE_MAX];
    char there[RENAMED_MAX];
    struct type_use from = {.set = p->m->source_types, .oid = o->type_oid, .typmod = o->typmod};
    struct type_use to = {.set = p->m->destination_types, .oid = d->type_oid, .typmod = d->typmod};

    switch (type_compare(&from, &to, why)) {
    case TYPE_REFUSED:
        findings_add(p->m->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%stable %s.%s: column \"%s\"%s is %s %s, and %s on the destination does"
                     " not take every value of it: %s",
                     place(p->m, o->rule, at), p->src->schema, p->src->name, o->name,
                     renamed(o, there), o->type_name,
                     o->column == NULL ? "as computed" : "on the source", d->type_name, why);
        return false;
    case TYPE_TEXT:
        if (p->why[0] == '\0') {
            (void)snprintf(p->why, sizeof p->why, "column \"%.100s\": %s", o->name, why);
        }
        break;
    case TYPE_BINARY:
        break;
    }
    return true;
}

static void take(struct pairing *p, const struct origin *o, const struct column *d)
{
    const struct origin **given = &p->given[d - p->dst->columns];
    if (*given != NULL && (*given)->name == NULL) {
        return; /* meant for an expression that does not work, which has its finding */
    }
    if (*given != NULL) {
        char at[PLACE_MAX];
        findings_add(p->m->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%stable %s.%s: both \"%s\" and \"%s\" are to fill column \"%s\" on the "
                     "destination; leave one of them out, or rename it",
                     place(p->m, o->rule != NULL ? o->rule : (*given)->rule, at), p->src->schema,
                     p->src->name, (*given)->name, o->name, d->name);
        return;
    }
    *given = o;
    if (!types_fit(p, o, d)) {
        return;
    }
    check_rights(p, o, d);
    buf_puts(&p->source, p->taken == 0 ? "" : ", ");
    buf_puts(&p->destination, p->taken == 0 ? "" : ", ");
    if (o->column == NULL) {
        computed_add(&p->source, o->rule);
    } else {
        pg_add_ident(&p->source, o->name);
    }
    pg_add_ident(&p->destination, d->name);
    p->taken++;
}

static void block_missing(const struct pairing *p, const struct origin *o)
{
    char at[PLACE_MAX];
    char there[RENAMED_MAX];
    findings_add(p->m->findings, FINDING_BLOCKER, ERR_USAGE,
                 "%stable %s.%s: column \"%s\"%s (%s%s) does not exist on the destination; add it"
                 " there",
                 place(p->m, o->rule, at), p->src->schema, p->src->name, o->name, renamed(o, there),
                 o->column == NULL ? "computed, " : "", o->type_name);
}

static void block_generated(const struct pairing *p, const struct origin *o)
{
    char at[PLACE_MAX];
    findings_add(p->m->findings, FINDING_BLOCKER, ERR_USAGE,
                 "%stable %s.%s: column \"%s\" on the destination is a generated one, which "
                 "computes itself; nothing can be written to it",
                 place(p->m, o->rule, at), p->dst->schema, p->dst->name, o->to);
}

/* A generated column computes itself on a destination that has it as such; on one that has it as a
 * plain column it is a value like any other. Only who asks for it by name is told. */
static void pair_one(struct pairing *p, const struct origin *o)
{
    const struct column *d = find_column(p->dst, o->to);
    if (d != NULL && !d->generated) {
        take(p, o, d);
    } else if (d != NULL && o->rule != NULL) {
        block_generated(p, o);
    } else if (d == NULL && (o->column == NULL || !o->column->generated || o->rule != NULL)) {
        block_missing(p, o);
    }
}

static void list_own(struct pairing *p)
{
    for (size_t i = 0; i < p->src->column_count; i++) {
        const struct column *s = &p->src->columns[i];
        const struct column_rule *rule = choice_column(p->m->choice, s->name);
        if (rule != NULL && rule->leave_out) {
            p->left_out++;
        } else if (choice_computed(p->m->choice, s->name) == NULL) {
            bool other = rule != NULL && rule->rename != NULL;
            p->origins[p->origin_count++] = (struct origin){.column = s,
                                                            .rule = rule,
                                                            .name = s->name,
                                                            .to = other ? rule->rename : s->name,
                                                            .type_name = s->type_name,
                                                            .type_oid = s->type_oid,
                                                            .typmod = s->typmod};
        }
    }
}

/* One that does not work has its finding already. */
static void list_computed(struct pairing *p)
{
    const struct computed_list *list = p->m->computed;
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const struct computed *c = &list->items[i];
        const struct type_info *type = type_set_find(p->m->source_types, c->type_oid);
        if (c->type_oid == 0) {
            const struct column *d = find_column(p->dst, c->rule->column);
            static const struct origin broken;
            if (d != NULL) {
                p->given[d - p->dst->columns] = &broken;
            }
            continue;
        }
        p->origins[p->origin_count++] =
            (struct origin){.computed = c,
                            .rule = c->rule,
                            .name = c->rule->column,
                            .to = c->rule->column,
                            .type_name = type == NULL ? "?" : type->name,
                            .type_oid = c->type_oid,
                            .typmod = c->typmod};
    }
}

static bool is_left_out(const struct pairing *p, const char *name)
{
    const struct column_rule *rule = choice_column(p->m->choice, name);
    return rule != NULL && rule->leave_out && find_column(p->src, name) != NULL;
}

/* A plain column that gets nothing is filled by its default, or by NULL. */
static void check_unfilled(const struct pairing *p)
{
    for (size_t i = 0; i < p->dst->column_count; i++) {
        const struct column *d = &p->dst->columns[i];
        if (d->generated || p->given[i] != NULL) {
            continue;
        }
        if (d->not_null && !d->has_default) {
            findings_add(p->m->findings, FINDING_BLOCKER, ERR_USAGE,
                         "table %s.%s: column \"%s\" on the destination is NOT NULL without a "
                         "default, and the %s; give it a default",
                         p->dst->schema, p->dst->name, d->name,
                         is_left_out(p, d->name) ? "job file leaves it out"
                                                 : "source has no such column");
        } else if (p->taken == 0 && p->left_out == 0) {
            findings_add(p->m->findings, FINDING_BLOCKER, ERR_USAGE,
                         "table %s.%s: no column of the source exists on the destination, and "
                         "COPY cannot fill column \"%s\" alone",
                         p->dst->schema, p->dst->name, d->name);
        }
    }
}

static void check_something_left(const struct pairing *p)
{
    if (p->origin_count > 0 || p->left_out == 0) {
        return;
    }
    char at[PLACE_MAX];
    const struct column_rule *rule = NULL;
    for (size_t i = 0; i < p->src->column_count && (rule == NULL || !rule->leave_out); i++) {
        rule = choice_column(p->m->choice, p->src->columns[i].name);
    }
    findings_add(p->m->findings, FINDING_BLOCKER, ERR_USAGE,
                 "%stable %s.%s: every column is left out, and rows without columns cannot be "
                 "copied; leave out the table (--exclude-table)",
                 place(p->m, rule, at), p->src->schema, p->src->name);
}

/* ---- format ---- */

static bool choose_format(const struct pairing *p, struct plan_table *out)
{
    const struct choice *c = p->m->choice;
    enum format_choice wish = c == NULL ? p->m->spec->format : c->format;
    bool said = c != NULL && c->format_said;
    const char *why = p->taken == 0 ? "no columns" : p->why;
    if (wish == FORMAT_TEXT) {
        why = said ? "format: text in the job file" : "--format text";
    } else if (wish == FORMAT_BINARY && why[0] != '\0' && p->taken > 0) {
        findings_add(p->m->findings, FINDING_BLOCKER, ERR_USAGE,
                     "table %s.%s cannot go in binary: %s; use %s", p->src->schema, p->src->name,
                     why, said ? "format: auto in the job file" : "--format auto");
    }
    out->work.binary = why[0] == '\0';
    out->format_why = str_copy(why);
    return out->format_why != NULL;
}

static bool fill(struct pairing *p, struct plan_table *out)
{
    out->source_schema = str_copy(p->src->schema);
    out->source_name = str_copy(p->src->name);
    out->destination_schema = str_copy(p->dst->schema);
    out->destination_name = str_copy(p->dst->name);
    out->source_columns = p->taken == 0 ? str_copy("") : buf_take(&p->source);
    out->destination_columns = p->taken == 0 ? str_copy("") : buf_take(&p->destination);
    out->chunk_bytes = p->m->choice == NULL ? 0 : p->m->choice->chunk_bytes;
    return choose_format(p, out) && out->source_schema != NULL && out->source_name != NULL &&
           out->destination_schema != NULL && out->destination_name != NULL &&
           out->source_columns != NULL && out->destination_columns != NULL;
}

bool match_columns(const struct match *m, const struct relation *src, const struct relation *dst,
                   struct plan_table *out, struct err *err)
{
    size_t most = src->column_count + (m->computed == NULL ? 0 : m->computed->count);
    struct pairing p = {.m = m, .src = src, .dst = dst};
    p.given = calloc(dst->column_count + 1, sizeof(struct origin *));
    p.origins = calloc(most + 1, sizeof *p.origins);
    buf_init(&p.source, BUF_SQL_MAX);
    buf_init(&p.destination, BUF_SQL_MAX);
    bool ok = p.given != NULL && p.origins != NULL;
    if (ok) {
        list_own(&p);
        list_computed(&p);
        for (size_t i = 0; i < p.origin_count; i++) {
            pair_one(&p, &p.origins[i]);
        }
        check_something_left(&p);
        check_unfilled(&p);
        ok = fill(&p, out);
    }
    buf_free(&p.source);
    buf_free(&p.destination);
    free(p.given);
    free(p.origins);
    return ok || err_set(err, ERR_SYSTEM, "out of memory");
}
