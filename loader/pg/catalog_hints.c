#include "pg/catalog_hints.h"

#include "base/cleanup.h"
#include "pg/catalog_read.h"

/*
 * The relation of whatever kind and schema that is nearest to the pattern ($1 schema or '', $2
 * name): one that matches but cannot be selected, else one in another case, else one of the name
 * in another schema. $3 are the --schema patterns.
 */
#define COLLATED " COLLATE pg_catalog.\"default\""
#define NEAREST_SQL                                                                              \
    "SELECT q.shown, q.kind, q.temporary, q.system, q.inside, q.ext, q.name_ok AND q.schema_ok," \
    " q.schema_near FROM (SELECT format('%I.%I', n.nspname, c.relname) AS shown,"                \
    "  c.relkind AS kind, c.relpersistence = 't' AS temporary,"                                  \
    "  n.nspname::text ~ '^pg_' OR n.nspname = 'information_schema' AS system,"                  \
    "  cardinality($3::text[]) = 0 OR EXISTS (SELECT FROM unnest($3::text[]) s(re)"              \
    "    WHERE n.nspname::text ~ s.re" COLLATED ") AS inside,"                                   \
    "  EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e'"     \
    "    AND d.classid = 'pg_catalog.pg_class'::regclass) AS ext,"                               \
    "  c.relname::text ~ $2" COLLATED " AS name_ok,"                                             \
    "  $1 = '' OR n.nspname::text ~ $1" COLLATED " AS schema_ok,"                                \
    "  $1 = '' OR n.nspname::text ~* $1" COLLATED " AS schema_near"                              \
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"       \
    " WHERE c.relname::text ~* $2" COLLATED " AND c.relkind <> 't') q"                           \
    " ORDER BY q.name_ok AND q.schema_ok DESC, q.schema_near DESC, q.name_ok DESC, q.system,"    \
    " q.kind NOT IN ('r', 'p'), q.shown LIMIT 1"

enum nearest_column {
    COL_SHOWN,
    COL_KIND,
    COL_TEMPORARY,
    COL_SYSTEM,
    COL_INSIDE,
    COL_EXTENSION,
    COL_MATCHES,
    COL_SCHEMA_NEAR,
};

#define CASE_REASON    "exists; outside double quotes capital letters become small ones"
#define FULL_NAME_ONLY ", and only --table with its full name selects it"

static const char *kind_reason(char kind)
{
    switch (kind) {
    case 'v':
        return "is a view" FULL_NAME_ONLY;
    case 'm':
        return "is a materialized view" FULL_NAME_ONLY;
    case 'f':
        return "is a foreign table" FULL_NAME_ONLY;
    case 'i':
    case 'I':
        return "is an index";
    case 'S':
        return "is a sequence";
    case 'c':
        return "is a composite type";
    default:
        return "is kept for the ledger";
    }
}

/* Why a relation that the pattern does match is not selected. */
static const char *match_reason(const struct pg_rows *near)
{
    if (pg_bool(near, 0, COL_TEMPORARY)) {
        return "is a temporary table";
    }
    if (pg_bool(near, 0, COL_SYSTEM)) {
        return "belongs to the system";
    }
    if (!pg_bool(near, 0, COL_INSIDE)) {
        return "is outside of the schemas that --schema selects";
    }
    if (pg_bool(near, 0, COL_EXTENSION)) {
        return "belongs to an extension" FULL_NAME_ONLY;
    }
    return kind_reason(pg_text(near, 0, COL_KIND)[0]);
}

static const char *near_reason(const struct pg_rows *near)
{
    if (pg_bool(near, 0, COL_MATCHES)) {
        return match_reason(near);
    }
    if (pg_bool(near, 0, COL_SCHEMA_NEAR)) {
        return CASE_REASON;
    }
    return "exists in another schema";
}

static bool hint_table(struct pg *pg, const struct pattern_sets *sets, size_t index,
                       struct findings *findings, struct err *err)
{
    const struct pattern *p = &sets->of[USE_TABLE].items[index];
    const char *text = sets->of[USE_TABLE].texts[index];
    CLEANUP(pg_rows_free) struct pg_rows *near = NULL;
    CLEANUP_FREE char *schemas = pattern_array(&sets->of[USE_SCHEMA], FIELD_NAME);

    if (schemas == NULL) {
        return catalog_no_memory(err);
    }
    const char *params[] = {p->schema == NULL ? "" : p->schema, p->name, schemas};
    if (!pg_query(pg, NEAREST_SQL, 3, params, &near, err)) {
        return false;
    }
    if (pg_rows_count(near) == 0) {
        findings_add(findings, FINDING_BLOCKER, ERR_USAGE,
                     "--table: pattern '%.200s' matches no table of %s", text, pg_where(pg));
    } else {
        findings_add(findings, FINDING_BLOCKER, ERR_USAGE,
                     "--table: pattern '%.200s' matches no table of %s (%s %s)", text, pg_where(pg),
                     pg_text(near, 0, COL_SHOWN), near_reason(near));
    }
    return true;
}

static bool hint_schema(struct pg *pg, const struct pattern_sets *sets, size_t index,
                        struct findings *findings, struct err *err)
{
    const char *params[] = {sets->of[USE_SCHEMA].items[index].name};
    const char *text = sets->of[USE_SCHEMA].texts[index];
    CLEANUP(pg_rows_free) struct pg_rows *near = NULL;

    if (!pg_query(pg,
                  "SELECT format('%I', n.nspname), n.nspname::text ~ $1" COLLATED
                  " FROM pg_catalog.pg_namespace n WHERE n.nspname::text ~* $1" COLLATED
                  " ORDER BY 2 DESC, 1 LIMIT 1",
                  1, params, &near, err)) {
        return false;
    }
    if (pg_rows_count(near) == 0) {
        findings_add(findings, FINDING_BLOCKER, ERR_USAGE,
                     "--schema: pattern '%.200s' matches no schema of %s", text, pg_where(pg));
    } else {
        findings_add(findings, FINDING_BLOCKER, ERR_USAGE,
                     "--schema: pattern '%.200s' matches no schema of %s (%s %s)", text,
                     pg_where(pg), pg_text(near, 0, 0),
                     pg_bool(near, 0, 1) ? "belongs to the system or is the ledger" : CASE_REASON);
    }
    return true;
}

bool catalog_hint(struct pg *pg, const struct pattern_sets *sets, enum pattern_use use,
                  size_t index, struct findings *findings, struct err *err)
{
    return use == USE_TABLE ? hint_table(pg, sets, index, findings, err)
                            : hint_schema(pg, sets, index, findings, err);
}
