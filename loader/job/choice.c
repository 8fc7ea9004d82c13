#include "job/choice.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "job/choice_modes.h"
#include "pg/pattern.h"

#include <stdlib.h>
#include <string.h>

/* ---- one rule's wishes for one table ---- */

static const struct column_rule **find_named(const struct choice *c, const char *name)
{
    for (size_t i = 0; i < c->column_count; i++) {
        if (strcmp(c->columns[i]->column, name) == 0) {
            return &c->columns[i];
        }
    }
    return NULL;
}

const struct column_rule *choice_column(const struct choice *c, const char *source_column)
{
    const struct column_rule **at = c == NULL ? NULL : find_named(c, source_column);
    return at != NULL && (*at)->expression == NULL ? *at : NULL;
}

const struct column_rule *choice_computed(const struct choice *c, const char *column)
{
    const struct column_rule **at = c == NULL ? NULL : find_named(c, column);
    return at != NULL && (*at)->expression != NULL ? *at : NULL;
}

static bool add_columns(struct choice *c, const struct table_rule *r, struct err *err)
{
    if (r->column_count == 0) {
        return true;
    }
    const struct column_rule **grown =
        realloc(c->columns, (c->column_count + r->column_count) * sizeof(struct column_rule *));
    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    c->columns = grown;
    for (size_t i = 0; i < r->column_count; i++) {
        const struct column_rule **at = find_named(c, r->columns[i].column);
        if (at != NULL) {
            *at = &r->columns[i];
        } else {
            grown[c->column_count++] = &r->columns[i];
        }
    }
    return true;
}

static void add_place(struct choice *c, const struct table_rule *r)
{
    if (r->to_schema != NULL) {
        c->to_schema = r->to_schema;
        c->schema_said = true;
    }
    if (r->to_table != NULL) {
        c->to_table = r->to_table;
        c->table_said = true;
    }
    c->renamed = c->schema_said || c->table_said;
}

static void add_mode(struct choice *c, const struct table_rule *r)
{
    if (r->mode != TABLE_MODE_UNSAID) {
        if (r->mode != TABLE_SHARDED) { /* what an earlier rule said of its sharding is off */
            c->shard_key = NULL;
            c->collocate_with = NULL;
        }
        c->mode = r->mode;
        c->mode_line = r->line;
    }
    if (r->shard_key.count > 0) {
        c->shard_key = &r->shard_key;
        c->mode_line = r->line;
    }
    if (r->collocate_with != NULL) {
        c->collocate_with = r->collocate_with;
        c->mode_line = r->line;
    }
}

bool choice_add_rule(struct choice *c, const struct table_rule *r, struct err *err)
{
    c->line = r->line;
    add_place(c, r);
    add_mode(c, r);
    if (r->where != NULL) {
        c->where = r->where;
        c->where_line = r->line;
    }
    if (r->has_format) {
        c->format = r->format;
        c->format_said = true;
    }
    if (r->chunk_bytes != 0) {
        c->chunk_bytes = r->chunk_bytes;
    }
    return add_columns(c, r, err);
}

/* ---- which tables a pattern means ---- */

/*
 * $1 and $2 are the patterns' schemas ('' for none) and names, $3 the tables of the list. A table
 * is meant by its own name or by that of any partitioned table above it. The patterns are the outer
 * side of the lateral join, because the server keeps few compiled expressions; cand is asked for
 * twice, so that it is made only once.
 */
#define COLLATED " COLLATE pg_catalog.\"default\" "
#define HITS_SQL                                                                            \
    "WITH RECURSIVE sel(oid, n) AS (SELECT * FROM unnest($3::oid[]) WITH ORDINALITY),"      \
    " chain(n, anc) AS (SELECT n, oid FROM sel UNION ALL"                                   \
    "  SELECT h.n, i.inhparent FROM chain h JOIN pg_catalog.pg_class c ON c.oid = h.anc"    \
    "   JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid WHERE c.relispartition),"       \
    " cand AS (SELECT c.oid, s.nspname::text AS s, c.relname::text AS t"                    \
    "  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace" \
    "  WHERE c.oid IN (SELECT anc FROM chain))"                                             \
    " SELECT p.ord - 1, h.n - 1 FROM unnest($1::text[], $2::text[])"                        \
    "  WITH ORDINALITY AS p(s, t, ord)"                                                     \
    "  CROSS JOIN LATERAL (SELECT c.oid FROM cand c"                                        \
    "    WHERE (p.s = '' OR c.s ~ p.s" COLLATED ") AND c.t ~ p.t" COLLATED ") m"            \
    "  JOIN chain h ON h.anc = m.oid WHERE EXISTS (SELECT FROM cand)"                       \
    " GROUP BY 1, 2 ORDER BY 1, 2"

/* The different patterns of the rules, as texts and as regular expressions. */
struct patterns {
    const char **texts;
    struct pattern *items;
    size_t count;
};

static void patterns_free(struct patterns *p)
{
    for (size_t i = 0; i < p->count; i++) {
        pattern_free(&p->items[i]);
    }
    free(p->texts);
    free(p->items);
}

struct work {
    struct pg *source;
    const struct spec *spec;
    const struct relation_list *list;
    struct findings *findings;
    struct patterns patterns;
    size_t *pattern_of;   /* of each rule */
    bool *bad;            /* of each pattern: there is a blocker about it already */
    struct pg_rows *hits; /* (pattern, relation), ordered; NULL: none */
    size_t *first;        /* row of hits for each pattern; past the end: none */
    char *oids;
    size_t unselected; /* rules that are about other tables */
};

static const char *file_of(const struct work *w)
{
    return w->spec->config == NULL ? "job file" : w->spec->config;
}

/* SIZE_MAX: it is new. */
static size_t find_pattern(const struct patterns *p, const char *text)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->texts[i], text) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void block_pattern(struct work *w, const struct table_rule *r, const char *why)
{
    findings_add(w->findings, FINDING_BLOCKER, ERR_USAGE, "%s:%u: pattern '%.200s': %s", file_of(w),
                 r->line, r->pattern, why);
}

static bool read_patterns(struct work *w, const char *database, struct err *err)
{
    const struct table_rules *rules = &w->spec->rules;
    struct patterns *p = &w->patterns;
    p->texts = calloc(rules->count + 1, sizeof *p->texts);
    p->items = calloc(rules->count + 1, sizeof *p->items);
    w->pattern_of = calloc(rules->count + 1, sizeof *w->pattern_of);
    w->bad = calloc(rules->count + 1, sizeof *w->bad);
    w->first = calloc(rules->count + 1, sizeof *w->first);
    if (p->texts == NULL || p->items == NULL || w->pattern_of == NULL || w->bad == NULL ||
        w->first == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < rules->count; i++) {
        struct table_rule *r = &rules->items[i];
        struct err why;
        w->pattern_of[i] = find_pattern(p, r->pattern);
        if (w->pattern_of[i] != SIZE_MAX) {
            continue;
        }
        if (pattern_parse(r->pattern, database, &p->items[p->count], &why)) {
            w->pattern_of[i] = p->count;
            p->texts[p->count++] = r->pattern;
        } else {
            block_pattern(w, r, why.msg);
        }
    }
    return true;
}

/* Asks for count patterns from first on. */
static bool ask(struct work *w, size_t first, size_t count, struct pg_rows **rows, struct err *err)
{
    CLEANUP_FREE const char **parts = calloc(2 * count + 1, sizeof *parts);
    if (parts == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        const struct pattern *p = &w->patterns.items[first + i];
        parts[i] = p->schema == NULL ? "" : p->schema;
        parts[count + i] = p->name;
    }
    CLEANUP_FREE char *schemas = pg_array(parts, count);
    CLEANUP_FREE char *names = pg_array(parts + count, count);
    if (schemas == NULL || names == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    const char *const params[] = {schemas, names, w->oids};
    return pg_query(w->source, HITS_SQL, 3, params, rows, err);
}

static bool is_fatal(struct work *w, const struct err *why, struct err *err)
{
    bool fatal = pg_is_dead(w->source) || why->kind == ERR_CANCELLED || why->kind == ERR_SYSTEM;
    if (fatal) {
        *err = *why;
    }
    return fatal;
}

static const struct table_rule *first_rule(const struct work *w, size_t pattern)
{
    size_t i = 0;
    while (w->pattern_of[i] != pattern) {
        i++;
    }
    return &w->spec->rules.items[i];
}

#define BACK "ROLLBACK TO SAVEPOINT rules; RELEASE SAVEPOINT rules"

/* Some pattern is no regular expression that the server takes: which. */
static bool find_malformed(struct work *w, struct err *err)
{
    for (size_t i = 0; i < w->patterns.count; i++) {
        struct err why;
        CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;
        if (!pg_exec(w->source, "SAVEPOINT rules", err)) {
            return false;
        }
        if (!ask(w, i, 1, &rows, &why)) {
            if (is_fatal(w, &why, err)) {
                return false;
            }
            block_pattern(w, first_rule(w, i), why.msg);
            w->bad[i] = true;
        }
        if (!pg_exec(w->source, BACK, err)) {
            return false;
        }
    }
    return true;
}

static bool list_oids(struct work *w, struct err *err)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "{");
    for (size_t i = 0; i < w->list->count; i++) {
        buf_printf(&b, "%s%u", i == 0 ? "" : ",", w->list->items[i].oid);
    }
    buf_puts(&b, "}");
    w->oids = buf_take(&b);
    return w->oids != NULL || err_set(err, ERR_SYSTEM, "out of memory");
}

static void note_first(struct work *w)
{
    size_t rows = w->hits == NULL ? 0 : pg_rows_count(w->hits);
    for (size_t i = 0; i < w->patterns.count; i++) {
        w->first[i] = SIZE_MAX;
    }
    for (size_t row = rows; row-- > 0;) {
        w->first[pg_int(w->hits, row, 0)] = row;
    }
}

static bool find_hits(struct work *w, struct err *err)
{
    struct err why;
    if (w->patterns.count == 0) {
        return true;
    }
    if (!list_oids(w, err) || !pg_exec(w->source, "SAVEPOINT rules", err)) {
        return false;
    }
    bool found = ask(w, 0, w->patterns.count, &w->hits, &why);
    if (!found && is_fatal(w, &why, err)) {
        return false;
    }
    note_first(w);
    return pg_exec(w->source, BACK, err) && (found || find_malformed(w, err));
}

static bool is_narrowed(const struct spec *s)
{
    return s->tables.count > 0 || s->tables_out.count > 0 || s->schemas.count > 0 ||
           s->schemas_out.count > 0;
}

/* What catalog_select would say of the pattern: a name that is nearly right is worth telling. */
static bool block_unmatched(struct work *w, const struct table_rule *r, struct err *err)
{
    static const char prefix[] = "--table: ";
    struct findings said = {0};
    struct relation_list hit = {0};
    const char *const pattern[] = {r->pattern};
    struct selection s = {
        .tables = pattern, .table_count = 1, .ledger_schema = w->spec->ledger_schema};
    bool ok = catalog_select(w->source, &s, &said, &hit, err);
    const char *why = "";
    for (size_t i = 0; ok && i < said.count && why[0] == '\0'; i++) {
        const char *text = said.items[i].text;
        why = said.items[i].level != FINDING_BLOCKER          ? ""
              : strncmp(text, prefix, sizeof prefix - 1) == 0 ? text + sizeof prefix - 1
                                                              : text;
    }
    if (ok && hit.count > 0 && is_narrowed(w->spec)) {
        w->unselected++; /* one job file serves loads of some of its tables as well */
    } else if (ok && hit.count > 0) {
        findings_add(w->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%s:%u: pattern '%.200s' matches tables (such as %s.%s), but none that is "
                     "part of this load; select it as well, or take the rule out",
                     file_of(w), r->line, r->pattern, hit.items[0].schema, hit.items[0].name);
    } else if (ok) {
        findings_add(w->findings, FINDING_BLOCKER, ERR_USAGE,
                     "%s:%u: pattern '%.200s' matches no table of this load; correct it, or take "
                     "the rule out%s%s%s",
                     file_of(w), r->line, r->pattern, why[0] == '\0' ? "" : " (", why,
                     why[0] == '\0' ? "" : ")");
    }
    findings_free(&said);
    relation_list_free(&hit);
    return ok;
}

/* ---- all of it ---- */

static bool is_everything(const struct table_rule *r)
{
    return r->is_default && strcmp(r->pattern, "*.*") == 0;
}

static bool apply_rule(struct work *w, size_t no, struct choice *choices, struct err *err)
{
    const struct table_rule *r = &w->spec->rules.items[no];
    size_t pattern = w->pattern_of[no];
    size_t used = 0;
    bool ok = true;
    for (size_t i = 0; ok && is_everything(r) && i < w->list->count; i++) {
        ok = choice_add_rule(&choices[i], r, err);
        used++;
    }
    for (size_t row = pattern == SIZE_MAX || used > 0 ? SIZE_MAX : w->first[pattern];
         ok && w->hits != NULL && row < pg_rows_count(w->hits) &&
         (size_t)pg_int(w->hits, row, 0) == pattern;
         row++, used++) {
        ok = choice_add_rule(&choices[pg_int(w->hits, row, 1)], r, err);
    }
    if (ok && used == 0 && !r->is_default && pattern != SIZE_MAX && !w->bad[pattern]) {
        return block_unmatched(w, r, err);
    }
    return ok;
}

static bool is_ascii(const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        if (((unsigned char)*text & 0x80u) != 0) {
            return false;
        }
    }
    return true;
}

static bool rule_is_ascii(const struct table_rule *r)
{
    bool ascii = is_ascii(r->pattern) && is_ascii(r->where) && is_ascii(r->to_schema) &&
                 is_ascii(r->to_table);
    for (size_t i = 0; ascii && i < r->column_count; i++) {
        const struct column_rule *c = &r->columns[i];
        ascii = is_ascii(c->column) && is_ascii(c->rename) && is_ascii(c->expression);
    }
    return ascii;
}

/* A job file is UTF-8, and its words are sent as they are. */
static void check_words(struct work *w, const char *encoding)
{
    for (size_t i = 0; strcmp(encoding, "UTF8") != 0 && i < w->spec->rules.count; i++) {
        const struct table_rule *r = &w->spec->rules.items[i];
        if (!rule_is_ascii(r)) {
            findings_add(w->findings, FINDING_BLOCKER, ERR_USAGE,
                         "%s:%u: the source's encoding is %s, so what the job file says of tables "
                         "has to be ASCII: use wildcards, and U&'\\00e9' or chr(233) in an "
                         "expression",
                         file_of(w), r->line, encoding);
        }
    }
}

static void start(const struct spec *spec, const struct relation_list *list, struct choice *choices)
{
    for (size_t i = 0; i < list->count; i++) {
        choices[i] = (struct choice){.to_schema = list->items[i].schema,
                                     .to_table = list->items[i].name,
                                     .format = spec->format,
                                     .chunk_bytes = spec->chunk_bytes};
    }
}

static bool make(struct work *w, struct choice *choices, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *about = NULL;
    if (w->spec->rules.count == 0) {
        return true;
    }
    if (!pg_query_row(w->source, "SELECT current_database(), current_setting('client_encoding')", 0,
                      NULL, &about, err)) {
        return false;
    }
    check_words(w, pg_text(about, 0, 1));
    bool ok = read_patterns(w, pg_text(about, 0, 0), err) && find_hits(w, err);
    for (size_t i = 0; ok && i < w->spec->rules.count; i++) {
        ok = apply_rule(w, i, choices, err);
    }
    return ok;
}

bool choices_make(struct pg *source, const struct spec *spec, const struct relation_list *list,
                  struct findings *findings, struct choice **out, struct err *err)
{
    struct work w = {.source = source, .spec = spec, .list = list, .findings = findings};
    struct choice *choices = calloc(list->count + 1, sizeof *choices);
    if (choices == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    start(spec, list, choices);
    bool ok = make(&w, choices, err);
    if (ok && w.unselected > 0) {
        findings_add(findings, FINDING_WARNING, ERR_NONE,
                     "%zu rule%s of the job file %s about tables that are not part of this load",
                     w.unselected, w.unselected == 1 ? "" : "s", w.unselected == 1 ? "is" : "are");
    }
    if (ok && spec->rules.count > 0) {
        choices_check_modes(spec, list, choices, findings);
    }
    patterns_free(&w.patterns);
    pg_rows_free(&w.hits);
    free(w.pattern_of);
    free(w.bad);
    free(w.first);
    free(w.oids);
    if (!ok) {
        choices_free(choices, list->count);
        return err_wrap(err, "applying the job file's rules");
    }
    *out = choices;
    return true;
}

void choices_free(struct choice *choices, size_t count)
{
    for (size_t i = 0; choices != NULL && i < count; i++) {
        free(choices[i].columns);
    }
    free(choices);
}
