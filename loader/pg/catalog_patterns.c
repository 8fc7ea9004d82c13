#include "pg/catalog_patterns.h"

#include "base/cleanup.h"
#include "pg/catalog_read.h"

#include <stdlib.h>

const char *pattern_option(enum pattern_use use)
{
    static const char *const options[USE_COUNT] = {
        [USE_TABLE] = "--table",
        [USE_TABLE_OUT] = "--exclude-table",
        [USE_SCHEMA] = "--schema",
        [USE_SCHEMA_OUT] = "--exclude-schema",
    };
    return options[use];
}

void pattern_sets_free(struct pattern_sets *sets)
{
    for (size_t use = 0; use < USE_COUNT; use++) {
        struct pattern_set *set = &sets->of[use];
        for (size_t i = 0; i < set->count; i++) {
            pattern_free(&set->items[i]);
        }
        free(set->items);
        free(set->texts);
        *set = (struct pattern_set){0};
    }
}

static const char *field_of(const struct pattern *p, enum pattern_field field)
{
    switch (field) {
    case FIELD_SCHEMA:
        return p->schema == NULL ? "" : p->schema;
    case FIELD_NAME:
        return p->name;
    case FIELD_EXACT:
        break;
    }
    return p->wildcard ? "f" : "t";
}

char *pattern_array(const struct pattern_set *set, enum pattern_field field)
{
    CLEANUP_FREE const char **values = calloc(set->count + 1, sizeof *values);

    if (values == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < set->count; i++) {
        values[i] = field_of(&set->items[i], field);
    }
    return pg_array(values, set->count);
}

/* The name of the database, for patterns such as db.schema.table. */
static bool query_database(struct pg *pg, struct pg_rows **rows, struct err *err)
{
    return pg_query_row(pg, "SELECT current_database()", 0, NULL, rows, err);
}

/* What the patterns of one use are read with. */
struct reader {
    enum pattern_use use;
    const char *database;
    struct findings *findings;
};

static bool read_one(const struct reader *r, const char *text, struct pattern *out, struct err *err)
{
    if (r->use == USE_TABLE || r->use == USE_TABLE_OUT) {
        return pattern_parse(text, r->database, out, err);
    }
    return pattern_parse_schema(text, out, err);
}

static bool read_set(const struct reader *r, const char *const *texts, size_t count,
                     struct pattern_set *set, struct err *err)
{
    set->items = catalog_items(count, sizeof set->items[0], err);
    set->texts = catalog_items(count, sizeof set->texts[0], err);
    if (set->items == NULL || set->texts == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct err why = {0};
        if (read_one(r, texts[i], &set->items[set->count], &why)) {
            set->texts[set->count++] = texts[i];
        } else if (why.kind == ERR_USAGE) {
            findings_add(r->findings, FINDING_BLOCKER, ERR_USAGE, "%s: %s", pattern_option(r->use),
                         why.msg);
        } else {
            *err = why;
            return false;
        }
    }
    return true;
}

static bool read_sets(const char *database, const struct selection *sel, struct findings *findings,
                      struct pattern_sets *sets, struct err *err)
{
    const struct {
        const char *const *texts;
        size_t count;
    } given[USE_COUNT] = {
        [USE_TABLE] = {sel->tables,      sel->table_count     },
        [USE_TABLE_OUT] = {sel->tables_out,  sel->table_out_count },
        [USE_SCHEMA] = {sel->schemas,     sel->schema_count    },
        [USE_SCHEMA_OUT] = {sel->schemas_out, sel->schema_out_count},
    };

    for (int use = 0; use < USE_COUNT; use++) {
        const struct reader r = {(enum pattern_use)use, database, findings};
        if (!read_set(&r, given[use].texts, given[use].count, &sets->of[use], err)) {
            return false;
        }
    }
    return true;
}

/* Has the server compile these expressions. False with ERR_DATA when it refuses one. */
static bool try_expressions(struct pg *pg, const char *const *expressions, size_t count,
                            struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;
    CLEANUP_FREE char *array = pg_array(expressions, count);

    if (array == NULL) {
        return catalog_no_memory(err);
    }
    const char *params[] = {array};
    return pg_query_row(pg,
                        "SELECT count(*) FILTER (WHERE '' ~ p.re) FROM unnest($1::text[]) p(re)", 1,
                        params, &rows, err);
}

/* Whether the failure is the expression's fault, so that a savepoint can mend it. */
static bool is_refusal(const struct pg *pg, const struct err *err)
{
    return !pg_is_dead(pg) && pg_sqlstate(pg)[0] != '\0' &&
           (err->kind == ERR_DATA || err->kind == ERR_USAGE);
}

/* Sets *good; false only when the connection or the transaction is gone. */
static bool try_pattern(struct pg *pg, const struct pattern *p, struct err *why, bool *good,
                        struct err *err)
{
    const char *expressions[] = {p->name, p->schema};

    *good = try_expressions(pg, expressions, p->schema == NULL ? 1 : 2, why);
    if (*good) {
        return true;
    }
    if (!is_refusal(pg, why)) {
        *err = *why;
        return false;
    }
    return pg_exec(pg, "ROLLBACK TO SAVEPOINT sluice_patterns", err);
}

static bool drop_bad_ones(struct pg *pg, enum pattern_use use, struct findings *findings,
                          struct pattern_set *set, struct err *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < set->count; i++) {
        struct err why = {0};
        bool good = false;
        if (!try_pattern(pg, &set->items[i], &why, &good, err)) {
            return false;
        }
        if (!good) {
            findings_add(findings, FINDING_BLOCKER, ERR_USAGE, "%s: pattern '%.200s': %.300s",
                         pattern_option(use), set->texts[i], why.msg);
            pattern_free(&set->items[i]);
            continue;
        }
        struct pattern moved = set->items[i];
        set->items[i] = (struct pattern){0};
        set->items[kept] = moved;
        set->texts[kept++] = set->texts[i];
    }
    set->count = kept;
    return true;
}

/* All expressions of all patterns at once, which is the usual end of it. */
static bool try_all(struct pg *pg, const struct pattern_sets *sets, struct err *err)
{
    size_t room = 1;
    size_t count = 0;

    for (size_t use = 0; use < USE_COUNT; use++) {
        room += 2 * sets->of[use].count;
    }
    CLEANUP_FREE const char **all = catalog_items(room, sizeof *all, err);
    if (all == NULL) {
        return false;
    }
    for (size_t use = 0; use < USE_COUNT; use++) {
        for (size_t i = 0; i < sets->of[use].count; i++) {
            all[count++] = sets->of[use].items[i].name;
            if (sets->of[use].items[i].schema != NULL) {
                all[count++] = sets->of[use].items[i].schema;
            }
        }
    }
    return try_expressions(pg, all, count, err);
}

static bool try_on_server(struct pg *pg, struct findings *findings, struct pattern_sets *sets,
                          struct err *err)
{
    struct err why = {0};

    if (!pg_exec(pg, "SAVEPOINT sluice_patterns", err)) {
        return false;
    }
    if (!try_all(pg, sets, &why)) {
        if (!is_refusal(pg, &why)) {
            *err = why;
            return false;
        }
        if (!pg_exec(pg, "ROLLBACK TO SAVEPOINT sluice_patterns", err)) {
            return false;
        }
        for (int use = 0; use < USE_COUNT; use++) {
            if (!drop_bad_ones(pg, (enum pattern_use)use, findings, &sets->of[use], err)) {
                return false;
            }
        }
    }
    return pg_exec(pg, "RELEASE SAVEPOINT sluice_patterns", err);
}

bool pattern_sets_read(struct pg *pg, const struct selection *selection, struct findings *findings,
                       struct pattern_sets *out, struct err *err)
{
    CLEANUP(pattern_sets_free) struct pattern_sets sets = {0};
    CLEANUP(pg_rows_free) struct pg_rows *database = NULL;

    if (!query_database(pg, &database, err) ||
        !read_sets(pg_text(database, 0, 0), selection, findings, &sets, err)) {
        return false;
    }
    bool any = false;
    for (size_t use = 0; use < USE_COUNT; use++) {
        any = any || sets.of[use].count > 0;
    }
    if (any && !try_on_server(pg, findings, &sets, err)) {
        return false;
    }
    *out = sets;
    sets = (struct pattern_sets){0};
    return true;
}
