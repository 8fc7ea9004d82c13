#include "job/match.h"

#include "base/buf.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Hash bounds are no proof: the hash of an enum follows its labels' OIDs, which differ. */
static bool same_leaf(const struct relation *src, const struct relation *dst)
{
    return dst->is_partition && same_text(src->bound, dst->bound) &&
           strstr(src->bound, "HASH (") == NULL && same_text(src->root_schema, dst->root_schema) &&
           same_text(src->root_name, dst->root_name);
}

const struct relation *match_target(const struct match *m, const struct relation *src)
{
    const struct relation *own = relation_list_find(m->destination, src->schema, src->name);
    if (!src->is_partition || (own != NULL && same_leaf(src, own))) {
        return own;
    }
    const struct relation *root =
        relation_list_find(m->destination, src->root_schema, src->root_name);
    if (own != NULL && !own->is_partition && (root == NULL || root->kind != 'p')) {
        return own; /* a plain table for each leaf */
    }
    return root != NULL ? root : own;
}

static const struct column *find_column(const struct relation *rel, const char *name)
{
    for (size_t i = 0; i < rel->column_count; i++) {
        if (strcmp(rel->columns[i].name, name) == 0) {
            return &rel->columns[i];
        }
    }
    return NULL;
}

struct lists {
    struct buf source;
    struct buf destination;
    size_t count;
    char why[TYPE_WHY_MAX + 160]; /* of the first column that needs text */
};

static void take_column(const struct match *m, const struct relation *src, const struct column *s,
                        const struct relation *dst, const struct column *d, struct lists *lists)
{
    char why[TYPE_WHY_MAX];
    struct type_use from = {.set = m->source_types, .oid = s->type_oid, .typmod = s->typmod};
    struct type_use to = {.set = m->destination_types, .oid = d->type_oid, .typmod = d->typmod};

    switch (type_compare(&from, &to, why)) {
    case TYPE_REFUSED:
        findings_add(
            m->findings, FINDING_BLOCKER, ERR_USAGE,
            "table %s.%s: column \"%s\" is %s on the source, and %s on the destination does"
            " not take every value of it: %s",
            src->schema, src->name, s->name, s->type_name, d->type_name, why);
        return;
    case TYPE_TEXT:
        if (lists->why[0] == '\0') {
            (void)snprintf(lists->why, sizeof lists->why, "column \"%.100s\": %s", s->name, why);
        }
        break;
    case TYPE_BINARY:
        break;
    }
    if (!s->can_select) {
        findings_add(
            m->findings, FINDING_BLOCKER, ERR_AUTH,
            "the source role may not read column \"%s\" of table %s.%s; GRANT SELECT on it",
            s->name, src->schema, src->name);
    }
    if (!d->can_insert) {
        findings_add(m->findings, FINDING_BLOCKER, ERR_AUTH,
                     "the destination role may not insert into column \"%s\" of table %s.%s; GRANT "
                     "INSERT on it",
                     d->name, dst->schema, dst->name);
    }
    buf_puts(&lists->source, lists->count == 0 ? "" : ", ");
    buf_puts(&lists->destination, lists->count == 0 ? "" : ", ");
    pg_add_ident(&lists->source, s->name);
    pg_add_ident(&lists->destination, d->name);
    lists->count++;
}

/* A generated column computes itself on a destination that has it as such; on one that has it as a
 * plain column it is a value like any other. */
static void pair_columns(const struct match *m, const struct relation *src,
                         const struct relation *dst, struct lists *lists)
{
    for (size_t i = 0; i < src->column_count; i++) {
        const struct column *s = &src->columns[i];
        const struct column *d = find_column(dst, s->name);
        if (d != NULL && d->generated) {
            continue;
        }
        if (d != NULL) {
            take_column(m, src, s, dst, d, lists);
        } else if (!s->generated) {
            findings_add(m->findings, FINDING_BLOCKER, ERR_USAGE,
                         "table %s.%s: column \"%s\" (%s) does not exist on the destination; add it"
                         " there",
                         src->schema, src->name, s->name, s->type_name);
        }
    }
}

/* A plain column that the source does not have is filled by its default, or by NULL. */
static void check_unfilled(const struct match *m, const struct relation *src,
                           const struct relation *dst, size_t taken)
{
    for (size_t i = 0; i < dst->column_count; i++) {
        const struct column *d = &dst->columns[i];
        if (d->generated || find_column(src, d->name) != NULL) {
            continue;
        }
        if (d->not_null && !d->has_default) {
            findings_add(m->findings, FINDING_BLOCKER, ERR_USAGE,
                         "table %s.%s: column \"%s\" on the destination is NOT NULL without a "
                         "default, and the source has no such column; give it a default",
                         dst->schema, dst->name, d->name);
        } else if (taken == 0) {
            findings_add(m->findings, FINDING_BLOCKER, ERR_USAGE,
                         "table %s.%s: no column of the source exists on the destination, and "
                         "COPY cannot fill column \"%s\" alone",
                         dst->schema, dst->name, d->name);
        }
    }
}

static bool choose_format(const struct match *m, const struct relation *src,
                          const struct lists *lists, struct plan_table *out)
{
    const char *why = lists->count == 0 ? "no columns" : lists->why;
    if (m->spec->format == FORMAT_TEXT) {
        why = "--format text";
    } else if (m->spec->format == FORMAT_BINARY && why[0] != '\0' && lists->count > 0) {
        findings_add(m->findings, FINDING_BLOCKER, ERR_USAGE,
                     "table %s.%s cannot go in binary: %s; use --format auto", src->schema,
                     src->name, why);
    }
    out->work.binary = why[0] == '\0';
    out->format_why = str_copy(why);
    return out->format_why != NULL;
}

bool match_columns(const struct match *m, const struct relation *src, const struct relation *dst,
                   struct plan_table *out, struct err *err)
{
    struct lists lists = {.count = 0};
    buf_init(&lists.source, BUF_SQL_MAX);
    buf_init(&lists.destination, BUF_SQL_MAX);
    pair_columns(m, src, dst, &lists);
    check_unfilled(m, src, dst, lists.count);

    out->source_schema = str_copy(src->schema);
    out->source_name = str_copy(src->name);
    out->destination_schema = str_copy(dst->schema);
    out->destination_name = str_copy(dst->name);
    out->source_columns = lists.count == 0 ? str_copy("") : buf_take(&lists.source);
    out->destination_columns = lists.count == 0 ? str_copy("") : buf_take(&lists.destination);
    bool ok = choose_format(m, src, &lists, out) && out->source_schema != NULL &&
              out->source_name != NULL && out->destination_schema != NULL &&
              out->destination_name != NULL && out->source_columns != NULL &&
              out->destination_columns != NULL;
    buf_free(&lists.source);
    buf_free(&lists.destination);
    return ok || err_set(err, ERR_SYSTEM, "out of memory");
}
