#include "ddl/facts.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define VERSION_SET_ROLE 160000 /* pg_has_role knows SET */

static bool no_memory(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "out of memory");
}

static void names_free(struct fact_names *n)
{
    for (size_t i = 0; i < n->count; i++) {
        free(n->items[i]);
    }
    free(n->items);
}

static void words_free(struct fact_word *w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(w[i].word);
    }
    free(w);
}

void schema_facts_free(struct schema_facts *f)
{
    for (size_t i = 0; i < f->constraint_count; i++) {
        free(f->constraints[i].name);
        free(f->constraints[i].definition);
        names_free(&f->constraints[i].columns);
        names_free(&f->constraints[i].other_columns);
    }
    for (size_t i = 0; i < f->index_count; i++) {
        names_free(&f->indexes[i].columns);
    }
    for (size_t i = 0; i < f->class_count; i++) {
        free(f->classes[i].schema);
        free(f->classes[i].name);
    }
    free(f->constraints);
    free(f->indexes);
    free(f->classes);
    words_free(f->functions, f->function_count);
    words_free(f->types, f->type_count);
    words_free(f->view_uses, f->view_use_count);
    words_free(f->function_uses, f->function_use_count);
    *f = (struct schema_facts){.class_count = 0};
}

/* ---- asking ---- */

/* "{1,2,3}": the objects of this catalog that the dump has. The caller frees. */
static char *oids_of(const struct dump_toc *toc, uint32_t class_oid)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "{");
    for (size_t i = 0; i < toc->count; i++) {
        if (toc->entries[i].class_oid == class_oid) {
            buf_printf(&b, "%s%u", b.len == 1 ? "" : ",", toc->entries[i].oid);
        }
    }
    buf_puts(&b, "}");
    return buf_take(&b);
}

static bool ask(struct pg *pg, const char *sql, const char *const *oids, int count,
                struct pg_rows **out, struct err *err)
{
    for (int i = 0; i < count; i++) {
        if (oids[i] == NULL) {
            return no_memory(err);
        }
    }
    return pg_query(pg, sql, count, oids, out, err);
}

static char letter(const struct pg_rows *r, size_t row, int column)
{
    return pg_text(r, row, column)[0];
}

static uint32_t oid_at(const struct pg_rows *r, size_t row, int column)
{
    return (uint32_t)pg_int(r, row, column);
}

/* ---- columns, which come as rows of their own ---- */

static bool add_name(struct fact_names *n, const char *name, struct err *err)
{
    char **grown = realloc(n->items, (n->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return no_memory(err);
    }
    n->items = grown;
    grown[n->count] = str_copy(name);
    return grown[n->count] != NULL ? (n->count++, true) : no_memory(err);
}

static int compare_oids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a; /* each kind of fact begins with its oid */
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void *find(const void *items, size_t count, size_t size, uint32_t oid)
{
    return count == 0 ? NULL : bsearch(&oid, items, count, size, compare_oids);
}

static struct fact_constraint *constraint_at(const struct schema_facts *f, uint32_t oid)
{
    return find(f->constraints, f->constraint_count, sizeof *f->constraints, oid);
}

static struct fact_index *index_at(const struct schema_facts *f, uint32_t oid)
{
    return find(f->indexes, f->index_count, sizeof *f->indexes, oid);
}

const struct fact_constraint *fact_constraint_of(const struct schema_facts *f, uint32_t oid)
{
    return constraint_at(f, oid);
}

const struct fact_index *fact_index_of(const struct schema_facts *f, uint32_t oid)
{
    return index_at(f, oid);
}

const struct fact_class *fact_class_of(const struct schema_facts *f, uint32_t oid)
{
    return find(f->classes, f->class_count, sizeof *f->classes, oid);
}

static const char *word_of(const struct fact_word *words, size_t count, uint32_t oid)
{
    const struct fact_word *w = find(words, count, sizeof *words, oid);
    return w == NULL ? "" : w->word;
}

const char *fact_language(const struct schema_facts *f, uint32_t oid)
{
    return word_of(f->functions, f->function_count, oid);
}

const char *fact_outside(const struct schema_facts *f, const struct dump_entry *e)
{
    if (e->class_oid == CATALOG_CLASS) {
        return word_of(f->view_uses, f->view_use_count, e->oid);
    }
    return e->class_oid == CATALOG_PROC ? word_of(f->function_uses, f->function_use_count, e->oid)
                                        : "";
}

const char *fact_type_kind(const struct schema_facts *f, uint32_t oid)
{
    return word_of(f->types, f->type_count, oid);
}

/* ---- constraints ---- */

#define CONSTRAINTS                                                                         \
    " pg_constraint c WHERE c.oid = ANY ($1::oid[]) OR c.contype = 'c' AND c.conrelid <> 0" \
    " AND c.conrelid = ANY ($2::oid[])"

static bool read_constraint_columns(struct pg *pg, const char *const oids[2],
                                    struct schema_facts *f, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!ask(pg,
             "SELECT c.oid, k.other, a.attname FROM (SELECT c.* FROM" CONSTRAINTS ") c"
             " CROSS JOIN LATERAL (SELECT false AS other, c.conrelid AS rel, n, i"
             " FROM unnest(c.conkey) WITH ORDINALITY AS u(n, i)"
             " UNION ALL SELECT true, c.confrelid, n, i"
             " FROM unnest(c.confkey) WITH ORDINALITY AS u(n, i)) k"
             " JOIN pg_attribute a ON a.attrelid = k.rel AND a.attnum = k.n"
             " ORDER BY c.oid, k.other, k.i",
             oids, 2, &r, err)) {
        return false;
    }
    for (size_t i = 0; i < pg_rows_count(r); i++) {
        struct fact_constraint *c = constraint_at(f, oid_at(r, i, 0));
        if (c != NULL &&
            !add_name(pg_bool(r, i, 1) ? &c->other_columns : &c->columns, pg_text(r, i, 2), err)) {
            return false;
        }
    }
    return true;
}

static bool read_constraints(struct pg *pg, const char *const oids[2], struct schema_facts *f,
                             struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!ask(pg,
             "SELECT c.oid, c.conrelid, c.confrelid, c.contype, c.confupdtype, c.confdeltype,"
             " c.confmatchtype, c.convalidated,"
             " c.conparentid <> 0 OR c.contype = 'c' AND c.coninhcount > 0, c.conname,"
             " pg_get_constraintdef(c.oid) FROM" CONSTRAINTS " ORDER BY c.oid",
             oids, 2, &r, err)) {
        return false;
    }
    f->constraints = calloc(pg_rows_count(r) + 1, sizeof *f->constraints);
    if (f->constraints == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < pg_rows_count(r); i++) {
        struct fact_constraint *c = &f->constraints[f->constraint_count++];
        *c = (struct fact_constraint){.oid = oid_at(r, i, 0),
                                      .rel = oid_at(r, i, 1),
                                      .other = oid_at(r, i, 2),
                                      .type = letter(r, i, 3),
                                      .on_update = letter(r, i, 4),
                                      .on_delete = letter(r, i, 5),
                                      .match = letter(r, i, 6),
                                      .valid = pg_bool(r, i, 7),
                                      .child = pg_bool(r, i, 8),
                                      .name = str_copy(pg_text(r, i, 9)),
                                      .definition = str_copy(pg_text(r, i, 10))};
        if (c->name == NULL || c->definition == NULL) {
            return no_memory(err);
        }
    }
    return read_constraint_columns(pg, oids, f, err);
}

/* ---- indexes ---- */

static bool read_index_columns(struct pg *pg, const char *const *oids, struct schema_facts *f,
                               struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!ask(pg,
             "SELECT i.indexrelid, a.attname FROM pg_index i"
             " CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) n"
             " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[n]"
             " WHERE i.indexrelid = ANY ($1::oid[]) ORDER BY i.indexrelid, n",
             oids, 1, &r, err)) {
        return false;
    }
    for (size_t i = 0; i < pg_rows_count(r); i++) {
        struct fact_index *x = index_at(f, oid_at(r, i, 0));
        if (x != NULL && !add_name(&x->columns, pg_text(r, i, 1), err)) {
            return false;
        }
    }
    return true;
}

static bool read_indexes(struct pg *pg, const char *const *oids, struct schema_facts *f,
                         struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!ask(pg,
             "SELECT i.indexrelid, i.indrelid, i.indisunique, i.indpred IS NOT NULL,"
             " i.indexprs IS NOT NULL,"
             " EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)"
             " FROM pg_index i WHERE i.indexrelid = ANY ($1::oid[]) ORDER BY i.indexrelid",
             oids, 1, &r, err)) {
        return false;
    }
    f->indexes = calloc(pg_rows_count(r) + 1, sizeof *f->indexes);
    if (f->indexes == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < pg_rows_count(r); i++) {
        f->indexes[f->index_count++] = (struct fact_index){.oid = oid_at(r, i, 0),
                                                           .rel = oid_at(r, i, 1),
                                                           .unique = pg_bool(r, i, 2),
                                                           .partial = pg_bool(r, i, 3),
                                                           .expressions = pg_bool(r, i, 4),
                                                           .child = pg_bool(r, i, 5)};
    }
    return read_index_columns(pg, oids, f, err);
}

/* ---- the rest ---- */

static bool read_classes(struct pg *pg, const char *const *oids, struct schema_facts *f,
                         struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!ask(pg,
             "SELECT c.oid, c.relkind, c.relispopulated, CASE WHEN c.relispartition"
             " AND c.relkind IN ('r', 'p', 'f') THEN (WITH RECURSIVE up AS ("
             " SELECT inhparent AS oid, 1 AS level FROM pg_inherits WHERE inhrelid = c.oid"
             " UNION ALL SELECT h.inhparent, up.level + 1 FROM pg_inherits h"
             " JOIN up ON h.inhrelid = up.oid JOIN pg_class p ON p.oid = up.oid"
             " WHERE p.relispartition)"
             " SELECT oid FROM up ORDER BY level DESC LIMIT 1) ELSE 0 END,"
             " n.nspname, c.relname FROM pg_class c JOIN pg_namespace n"
             " ON n.oid = c.relnamespace WHERE c.oid = ANY ($1::oid[]) ORDER BY c.oid",
             oids, 1, &r, err)) {
        return false;
    }
    f->classes = calloc(pg_rows_count(r) + 1, sizeof *f->classes);
    if (f->classes == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < pg_rows_count(r); i++) {
        struct fact_class *c = &f->classes[f->class_count++];
        *c = (struct fact_class){.oid = oid_at(r, i, 0),
                                 .kind = letter(r, i, 1),
                                 .populated = pg_bool(r, i, 2),
                                 .root = oid_at(r, i, 3),
                                 .schema = str_copy(pg_text(r, i, 4)),
                                 .name = str_copy(pg_text(r, i, 5))};
        if (c->schema == NULL || c->name == NULL) {
            return no_memory(err);
        }
    }
    return true;
}

struct question {
    const char *sql;
    const char *oids[2];
};

static bool read_words(struct pg *pg, const struct question *q, struct fact_word **out,
                       size_t *count, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!ask(pg, q->sql, q->oids, q->oids[1] == NULL ? 1 : 2, &r, err)) {
        return false;
    }
    *out = calloc(pg_rows_count(r) + 1, sizeof **out);
    if (*out == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < pg_rows_count(r); i++) {
        struct fact_word *w = &(*out)[(*count)++];
        w->oid = oid_at(r, i, 0);
        w->word = str_copy(pg_text(r, i, 1));
        if (w->word == NULL) {
            return no_memory(err);
        }
    }
    return true;
}

/* What patterns leave out is not part of a dump, while views of it are. What an extension brings is
 * never part of it. $1: the classes of the dump. */
#define OUTSIDE_FROM(oid)                                                               \
    " JOIN pg_class c ON c.oid = " oid " JOIN pg_namespace n ON n.oid = c.relnamespace" \
    " WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"                  \
    " AND NOT EXISTS (SELECT 1 FROM unnest($1::oid[]) dumped WHERE dumped = c.oid)"     \
    " AND NOT EXISTS (SELECT 1 FROM pg_depend x WHERE x.classid = 'pg_class'::regclass" \
    " AND x.objid = c.oid AND x.deptype = 'e')"

#define VIEW_USES                                                                \
    "SELECT DISTINCT ON (w.ev_class) w.ev_class, n.nspname || '.' || c.relname"  \
    " FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass"  \
    " AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass"               \
    " AND w.rulename = '_RETURN' AND w.ev_class = ANY ($1::oid[])" OUTSIDE_FROM( \
        "d.refobjid") " ORDER BY 1, 2"

/* $2: the functions of the dump. */
#define FUNCTION_USES                                                                             \
    "SELECT DISTINCT ON (d.objid) d.objid, n.nspname || '.' || c.relname"                         \
    " FROM pg_depend d LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass"                 \
    " AND t.oid = d.refobjid LEFT JOIN pg_type i ON i.typarray = t.oid AND t.typcategory = "      \
    "'A'" OUTSIDE_FROM(                                                                           \
        "CASE WHEN d.refclassid = 'pg_class'::regclass THEN d.refobjid"                           \
        " ELSE coalesce(i.typrelid, t.typrelid) END") " AND d.classid = 'pg_proc'::regclass AND " \
                                                      "d.objid = ANY ($2::oid[]) ORDER BY 1, 2"

static bool read_outside(struct pg *pg, const char *classes, const char *functions,
                         struct schema_facts *f, struct err *err)
{
    const struct question of_views = {VIEW_USES, {classes}};
    const struct question of_functions = {
        FUNCTION_USES, {classes, functions}
    };
    return read_words(pg, &of_views, &f->view_uses, &f->view_use_count, err) &&
           read_words(pg, &of_functions, &f->function_uses, &f->function_use_count, err);
}

static bool read_all(struct pg *pg, const struct dump_toc *toc, struct schema_facts *f,
                     struct err *err)
{
    CLEANUP_FREE char *classes = oids_of(toc, CATALOG_CLASS);
    CLEANUP_FREE char *constraints = oids_of(toc, CATALOG_CONSTRAINT);
    CLEANUP_FREE char *functions = oids_of(toc, CATALOG_PROC);
    CLEANUP_FREE char *types = oids_of(toc, CATALOG_TYPE);
    const char *const both[] = {constraints, classes};
    const char *const of_classes[] = {classes};
    const struct question languages = {"SELECT p.oid, l.lanname FROM pg_proc p JOIN pg_language l"
                                       " ON l.oid = p.prolang WHERE p.oid = ANY ($1::oid[])"
                                       " ORDER BY p.oid",
                                       {functions}};
    const struct question kinds = {
        "SELECT oid, typtype FROM pg_type WHERE oid = ANY ($1::oid[]) ORDER BY oid", {types}};
    return read_constraints(pg, both, f, err) && read_indexes(pg, of_classes, f, err) &&
           read_classes(pg, of_classes, f, err) &&
           read_words(pg, &languages, &f->functions, &f->function_count, err) &&
           read_words(pg, &kinds, &f->types, &f->type_count, err) &&
           read_outside(pg, classes, functions, f, err);
}

bool schema_facts_read(struct pg *source, const struct dump_toc *toc, struct schema_facts *out,
                       struct err *err)
{
    struct schema_facts f = {.class_count = 0};
    if (!read_all(source, toc, &f, err)) {
        schema_facts_free(&f);
        return false;
    }
    *out = f;
    return true;
}

/* ---- the destination ---- */

void role_facts_free(struct role_facts *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->names[i]);
    }
    free(r->names);
    free(r->member);
    free(r->current);
    *r = (struct role_facts){.count = 0};
}

static bool take_roles(const struct pg_rows *rows, struct role_facts *r, struct err *err)
{
    size_t n = pg_rows_count(rows);
    r->names = calloc(n + 1, sizeof *r->names);
    r->member = calloc(n + 1, sizeof *r->member);
    r->current = str_copy(n == 0 ? "" : pg_text(rows, 0, 2));
    if (r->names == NULL || r->member == NULL || r->current == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        r->names[i] = str_copy(pg_text(rows, i, 0));
        r->member[i] = pg_bool(rows, i, 1);
        if (r->names[i] == NULL) {
            return no_memory(err);
        }
        r->count++;
    }
    return true;
}

/* A member without the role's rights could give things to it, and make nothing on them from then
 * on. Since 16 there are also members that may not do that: who creates a role is one. */
#define ROLES_SQL                                               \
    "SELECT rolname, pg_has_role(oid, 'USAGE')%s, current_user" \
    " FROM pg_roles ORDER BY rolname COLLATE \"C\""

bool role_facts_read(struct pg *destination, struct role_facts *out, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;
    CLEANUP(buf_free) struct buf sql = {0};
    struct role_facts r = {.count = 0};
    buf_init(&sql, BUF_SQL_MAX);
    buf_printf(&sql, ROLES_SQL,
               pg_version(destination) >= VERSION_SET_ROLE ? " AND pg_has_role(oid, 'SET')" : "");
    if (!buf_ok(&sql, err) || !pg_query(destination, buf_str(&sql), 0, NULL, &rows, err)) {
        return false;
    }
    if (!take_roles(rows, &r, err)) {
        role_facts_free(&r);
        return false;
    }
    *out = r;
    return true;
}

static int compare_names(const void *key, const void *item)
{
    return strcmp(key, *(char *const *)item);
}

bool role_is_there(const struct role_facts *r, const char *name, bool *member)
{
    char *const *at =
        r->count == 0 ? NULL : bsearch(name, r->names, r->count, sizeof *r->names, compare_names);
    if (member != NULL) {
        *member = at != NULL && r->member[at - r->names];
    }
    return at != NULL;
}
