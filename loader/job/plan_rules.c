/* What the rules of a job file say, beside what the two catalogs have. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "job/plan_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- columns ---- */

/* A rename or left-out column of one rule, and whether any of its tables has it. */
struct mention {
    const struct column_rule *rule;
    size_t table; /* one that has not */
    bool found;
};

static int by_rule(const void *a, const void *b)
{
    const struct mention *x = a;
    const struct mention *y = b;
    uintptr_t p = (uintptr_t)x->rule;
    uintptr_t q = (uintptr_t)y->rule;
    return p != q ? (p > q) - (p < q) : (x->table > y->table) - (x->table < y->table);
}

static bool has_column(const struct relation *rel, const char *name)
{
    for (size_t i = 0; i < rel->column_count; i++) {
        if (strcmp(rel->columns[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_of_default(const struct spec *spec, const struct column_rule *c)
{
    for (size_t i = 0; i < spec->rules.count; i++) {
        const struct table_rule *r = &spec->rules.items[i];
        for (size_t k = 0; r->is_default && k < r->column_count; k++) {
            if (&r->columns[k] == c) {
                return true;
            }
        }
    }
    return false;
}

static size_t list_mentions(const struct build *b, struct mention *out)
{
    size_t n = 0;
    for (size_t i = 0; i < b->out->source.count; i++) {
        const struct choice *c = &b->choices[i];
        for (size_t k = 0; k < c->column_count; k++) {
            const struct column_rule *r = c->columns[k];
            if (r->expression == NULL) {
                out[n++] =
                    (struct mention){.rule = r,
                                     .table = i,
                                     .found = has_column(&b->out->source.items[i], r->column)};
            }
        }
    }
    return n;
}

static void block_mention(const struct build *b, const struct mention *m, size_t tables)
{
    const struct relation *s = &b->out->source.items[m->table];
    if (is_of_default(b->spec, m->rule)) {
        return;
    }
    findings_add(b->findings, FINDING_BLOCKER, ERR_USAGE,
                 "%s:%u: table %s.%s%s has no column \"%s\" on the source to %s; correct the name",
                 build_config(b), m->rule->line, s->schema, s->name,
                 tables > 1 ? ", like all the rule's tables," : "", m->rule->column,
                 m->rule->leave_out ? "leave out" : "rename");
}

bool plan_check_columns(const struct build *b, struct err *err)
{
    size_t most = 1;
    for (size_t i = 0; b->choices != NULL && i < b->out->source.count; i++) {
        most += b->choices[i].column_count;
    }
    struct mention *all = calloc(most, sizeof *all);
    if (all == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    size_t n = b->choices == NULL ? 0 : list_mentions(b, all);
    qsort(all, n, sizeof *all, by_rule);
    for (size_t i = 0; i < n;) {
        size_t first = i;
        bool found = false;
        for (; i < n && all[i].rule == all[first].rule; i++) {
            found = found || all[i].found;
        }
        if (!found) {
            block_mention(b, &all[first], i - first);
        }
    }
    free(all);
    return true;
}

/* ---- modes ---- */

static bool wishes_mode(const struct choice *c)
{
    return c->mode != TABLE_MODE_UNSAID || c->shard_key != NULL || c->collocate_with != NULL;
}

/* The next column of "a, \"B, c\"" into out; false at the end. */
static bool next_key(const char **at, struct buf *out)
{
    const char *p = *at;
    bool quoted = false;
    buf_clear(out);
    p += strspn(p, ", ");
    if (*p == '\0' || *p == ')') {
        return false;
    }
    for (; *p != '\0' && (quoted || (*p != ',' && *p != ')')); p++) {
        if (*p != '"') {
            buf_add(out, p, 1);
        } else if (quoted && p[1] == '"') {
            buf_add(out, p++, 1);
        } else {
            quoted = !quoted;
        }
    }
    *at = p;
    return true;
}

/* key is such as "HASH (a, b)". */
static bool same_key(const char *key, const struct text_list *wish)
{
    const char *at = strchr(key, '(');
    struct buf column;
    size_t n = 0;
    bool same = at != NULL;
    buf_init(&column, 4096);
    at = at == NULL ? "" : at + 1;
    while (same && next_key(&at, &column)) {
        same = n < wish->count && strcmp(buf_str(&column), wish->items[n]) == 0;
        n++;
    }
    buf_free(&column);
    return same && n == wish->count;
}

static void add_wish(const struct choice *c, struct buf *out)
{
    bool sharded = c->mode == TABLE_SHARDED || c->mode == TABLE_MODE_UNSAID;
    buf_puts(out, sharded ? "sharded" : table_mode_name(c->mode));
    for (size_t i = 0; c->shard_key != NULL && i < c->shard_key->count; i++) {
        buf_printf(out, "%s%s", i == 0 ? " by (" : ", ", c->shard_key->items[i]);
    }
    buf_puts(out, c->shard_key != NULL ? ")" : "");
}

static void check_mode(const struct build *b, const struct choice *c, const struct relation *d)
{
    const struct limitless_table *is = limitless_tables_find(b->modes, d->schema, d->name);
    enum table_mode wish = c->mode == TABLE_MODE_UNSAID ? TABLE_SHARDED : c->mode;
    if (is == NULL || (is->mode == wish && (c->shard_key == NULL || wish != TABLE_SHARDED ||
                                            same_key(is->distribution_key, c->shard_key)))) {
        return;
    }
    struct buf said;
    buf_init(&said, 8192);
    add_wish(c, &said);
    findings_add(b->findings, FINDING_BLOCKER, ERR_USAGE,
                 "%s:%u: table %s.%s is to be %s, and on the destination it is %s%s%s; correct the "
                 "job file, or convert the table",
                 build_config(b), c->mode_line, d->schema, d->name, buf_str(&said),
                 table_mode_name(is->mode), is->mode == TABLE_SHARDED ? " by " : "",
                 is->mode == TABLE_SHARDED ? is->distribution_key : "");
    buf_free(&said);
}

/* Many source tables may go into one; the same rule is told about it once. */
static bool told_before(const struct build *b, size_t no)
{
    for (size_t i = 0; i < no; i++) {
        if (b->target_of[i] == b->target_of[no] && wishes_mode(&b->choices[i]) &&
            b->choices[i].mode_line == b->choices[no].mode_line) {
            return true;
        }
    }
    return false;
}

void plan_check_modes(const struct build *b)
{
    for (size_t i = 0; b->choices != NULL && i < b->out->source.count; i++) {
        if (!wishes_mode(&b->choices[i])) {
            continue;
        }
        if (b->modes == NULL) {
            findings_add(b->findings, FINDING_WARNING, ERR_NONE,
                         "the destination is not a shard group; modes are left aside");
            return;
        }
        if (b->target_of[i] != NULL && !told_before(b, i)) {
            check_mode(b, &b->choices[i], b->target_of[i]);
        }
    }
}

/* Names as the job file writes them: in one, with the dot. */
#define COLLOCATED_SQL                                                                       \
    "SELECT EXISTS (SELECT FROM rds_aurora.limitless_table_collocations a"                   \
    " JOIN rds_aurora.limitless_table_collocations b ON b.collocation_id = a.collocation_id" \
    " WHERE a.schema_name::text = $1 AND a.table_name::text = $2"                            \
    " AND b.schema_name::text || '.' || b.table_name::text = $3)"

/* *collocated is left alone where the server does not say. */
static bool ask_collocated(struct build *b, const struct relation *d, const char *with,
                           bool *collocated, struct err *err)
{
    struct err why = {.kind = ERR_NONE};
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    const char *const params[] = {d->schema, d->name, with};
    if (pg_query_row(b->destination, COLLOCATED_SQL, 3, params, &r, &why)) {
        *collocated = pg_text(r, 0, 0)[0] == 't';
        return true;
    }
    if (pg_is_dead(b->destination) || why.kind == ERR_CANCELLED || why.kind == ERR_SYSTEM) {
        *err = why;
        return false;
    }
    findings_add(b->findings, FINDING_WARNING, ERR_NONE,
                 "table %s.%s: whether it is collocated with %s cannot be seen: %s", d->schema,
                 d->name, with, why.msg);
    return true;
}

static bool check_collocation(struct build *b, const struct choice *c, const struct relation *d,
                              struct err *err)
{
    const struct limitless_table *is = limitless_tables_find(b->modes, d->schema, d->name);
    bool collocated = true;
    if (is == NULL || is->mode != TABLE_SHARDED) {
        return true; /* check_mode says it, or it is about to be made */
    }
    if (!ask_collocated(b, d, c->collocate_with, &collocated, err)) {
        return false;
    }
    if (!collocated) {
        findings_add(b->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%s:%u: table %s.%s is to be collocated with %s, and on the destination it is "
                     "not; correct the job file, or make the table anew",
                     build_config(b), c->mode_line, d->schema, d->name, c->collocate_with);
    }
    return true;
}

bool plan_check_collocations(struct build *b, struct err *err)
{
    for (size_t i = 0; b->choices != NULL && b->modes != NULL && i < b->out->source.count; i++) {
        const struct choice *c = &b->choices[i];
        if (c->collocate_with != NULL && b->target_of[i] != NULL && !told_before(b, i) &&
            !check_collocation(b, c, b->target_of[i], err)) {
            return false;
        }
    }
    return true;
}

bool plan_is_reference(const struct build *b, const struct relation *destination)
{
    const struct limitless_table *is =
        b->modes == NULL
            ? NULL
            : limitless_tables_find(b->modes, destination->root_schema, destination->root_name);
    return is != NULL && is->mode == TABLE_REFERENCE;
}
