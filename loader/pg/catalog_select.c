/*
 * Which relations a selection means: one statement for all patterns and all relations, because
 * a database may have thousands of both.
 */
#include "base/cleanup.h"
#include "pg/catalog_hints.h"
#include "pg/catalog_patterns.h"
#include "pg/catalog_read.h"

#include <stdlib.h>
#include <string.h>

/*
 * $1, $2, $3 are the included tables' schemas, names, and whether they name one table; $4, $5 the
 * excluded ones'; $6 and $7 the schemas in and out; $8 is the ledger's schema.
 *
 * The patterns are the outer side of each lateral join: the server keeps 32 compiled expressions,
 * and would compile anew for every row if it went through the patterns for each relation.
 * chain tells of each relation which ones above it may be named instead of it, itself included.
 */
#define COLLATED    " COLLATE pg_catalog.\"default\" "
#define USER_SCHEMA " n.nspname::text !~ '^pg_' AND n.nspname <> 'information_schema'"
#define TABLE_MATCH                                 \
    " CROSS JOIN LATERAL (SELECT c.oid FROM cand c" \
    "   WHERE (p.s = '' OR c.s ~ p.s" COLLATED ") AND c.t ~ p.t" COLLATED ") m"
#define SCHEMA_MATCH                                                                  \
    " CROSS JOIN LATERAL (SELECT n.nspname::text AS s FROM pg_catalog.pg_namespace n" \
    "   WHERE n.nspname::text ~ p.t" COLLATED "AND" USER_SCHEMA ") m"

#define LEDGER_TABLES "'job', 'snapshot', 'job_table', 'chunk', 'chunk_done', 'lease', 'event'"

#define MATCH_SQL                                                                                 \
    "WITH RECURSIVE cand AS"                                                                      \
    " (SELECT c.oid, n.nspname::text AS s, c.relname::text AS t, c.relkind AS k,"                 \
    "   c.relispartition AS leaf, c.oid IN (SELECT d.objid FROM pg_catalog.pg_depend d"           \
    "    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'e') AS ext"           \
    "  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"       \
    "  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'"                  \
    "   AND" USER_SCHEMA " AND NOT (n.nspname::text = $8 AND c.relname IN (" LEDGER_TABLES ")))," \
    " chain(oid, anc, depth) AS (SELECT c.oid, c.oid, 0 FROM cand c" CATALOG_CHAIN_STEP "),"      \
    " tm AS (SELECT m.oid, p.ord, p.exact FROM unnest($1::text[], $2::text[], $3::bool[])"        \
    "   WITH ORDINALITY AS p(s, t, exact, ord)" TABLE_MATCH "),"                                  \
    " xm AS (SELECT m.oid, p.ord FROM unnest($4::text[], $5::text[])"                             \
    "   WITH ORDINALITY AS p(s, t, ord)" TABLE_MATCH "),"                                         \
    " nm AS (SELECT m.s, p.ord FROM unnest($6::text[]) WITH ORDINALITY AS p(t, ord)" SCHEMA_MATCH \
    "),"                                                                                          \
    " om AS (SELECT m.s, p.ord FROM unnest($7::text[]) WITH ORDINALITY AS p(t, ord)" SCHEMA_MATCH \
    "),"                                                                                          \
    " inside AS (SELECT c.oid FROM cand c"                                                        \
    "   WHERE cardinality($6::text[]) = 0 OR c.s IN (SELECT s FROM nm)),"                         \
    " inc AS (SELECT i.oid FROM inside i"                                                         \
    "   WHERE cardinality($1::text[]) = 0 OR i.oid IN (SELECT oid FROM tm)),"                     \
    " exc AS (SELECT oid FROM xm"                                                                 \
    "   UNION SELECT c.oid FROM cand c WHERE c.s IN (SELECT s FROM om)),"                         \
    " named AS (SELECT oid FROM tm WHERE exact),"                                                 \
    " chosen AS (SELECT c.*, c.oid IN (SELECT oid FROM named) OR (c.k = 'r' AND c.oid IN"         \
    "    (SELECT h.oid FROM chain h JOIN named x ON x.oid = h.anc)) AS named"                     \
    "   FROM cand c WHERE c.k <> 'p'"                                                             \
    "   AND c.oid IN (SELECT h.oid FROM chain h JOIN inc ON inc.oid = h.anc)"                     \
    "   AND c.oid NOT IN (SELECT h.oid FROM chain h JOIN exc ON exc.oid = h.anc))"                \
    " SELECT q.what, q.ord, q.oid, q.s, q.t FROM ("                                               \
    "  SELECT CASE WHEN x.named THEN 'take' WHEN x.k IN ('v', 'm', 'f') THEN x.k::text"           \
    "    WHEN x.ext THEN 'e' ELSE 'take' END AS what, 0::bigint AS ord, x.oid, x.s, x.t"          \
    "   FROM chosen x"                                                                            \
    "  UNION ALL SELECT '--table', p.ord, 0, '', ''"                                              \
    "   FROM generate_series(1, cardinality($1::text[])) AS p(ord) WHERE NOT EXISTS"              \
    "    (SELECT FROM tm JOIN inside USING (oid) JOIN cand c USING (oid) WHERE tm.ord = p.ord"    \
    "      AND (tm.exact OR (c.k IN ('r', 'p') AND NOT c.ext)))"                                  \
    "  UNION ALL SELECT '--exclude-table', p.ord, 0, '', ''"                                      \
    "   FROM generate_series(1, cardinality($4::text[])) AS p(ord)"                               \
    "   WHERE p.ord NOT IN (SELECT ord FROM xm)"                                                  \
    "  UNION ALL SELECT '--schema', p.ord, 0, '', ''"                                             \
    "   FROM generate_series(1, cardinality($6::text[])) AS p(ord)"                               \
    "   WHERE p.ord NOT IN (SELECT ord FROM nm)"                                                  \
    "  UNION ALL SELECT '--exclude-schema', p.ord, 0, '', ''"                                     \
    "   FROM generate_series(1, cardinality($7::text[])) AS p(ord)"                               \
    "   WHERE p.ord NOT IN (SELECT ord FROM om)"                                                  \
    " ) q ORDER BY q.what, q.ord, q.s COLLATE \"C\", q.t COLLATE \"C\""

enum match_column { COL_WHAT, COL_ORD, COL_OID, COL_SCHEMA, COL_NAME };

#define MATCH_ARRAYS 7

static void arrays_free(char *(*arrays)[MATCH_ARRAYS])
{
    for (size_t i = 0; i < MATCH_ARRAYS; i++) {
        free((*arrays)[i]);
    }
}

static bool query_matches(struct pg *pg, const struct pattern_sets *sets, const char *ledger_schema,
                          struct pg_rows **rows, struct err *err)
{
    CLEANUP(arrays_free)
    char *arrays[MATCH_ARRAYS] = {
        pattern_array(&sets->of[USE_TABLE], FIELD_SCHEMA),
        pattern_array(&sets->of[USE_TABLE], FIELD_NAME),
        pattern_array(&sets->of[USE_TABLE], FIELD_EXACT),
        pattern_array(&sets->of[USE_TABLE_OUT], FIELD_SCHEMA),
        pattern_array(&sets->of[USE_TABLE_OUT], FIELD_NAME),
        pattern_array(&sets->of[USE_SCHEMA], FIELD_NAME),
        pattern_array(&sets->of[USE_SCHEMA_OUT], FIELD_NAME),
    };
    const char *params[MATCH_ARRAYS + 1];

    for (size_t i = 0; i < MATCH_ARRAYS; i++) {
        params[i] = arrays[i];
        if (arrays[i] == NULL) {
            return catalog_no_memory(err);
        }
    }
    params[MATCH_ARRAYS] = ledger_schema == NULL ? "" : ledger_schema;
    return pg_query(pg, MATCH_SQL, MATCH_ARRAYS + 1, params, rows, err);
}

/* Rows of MATCH_SQL of one sort: they are ordered by it. */
struct span {
    size_t first;
    size_t count;
};

static struct span span_of(const struct pg_rows *rows, const char *what)
{
    struct span s = {0, 0};

    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        if (strcmp(pg_text(rows, i, COL_WHAT), what) == 0) {
            s.first = s.count == 0 ? i : s.first;
            s.count++;
        }
    }
    return s;
}

#define NAMES_SHOWN 5

static void add_names(struct buf *b, const struct pg_rows *rows, struct span s)
{
    size_t shown = s.count < NAMES_SHOWN ? s.count : NAMES_SHOWN;

    for (size_t i = s.first; i < s.first + shown; i++) {
        buf_printf(b, "%s%s.%s", i == s.first ? "" : ", ", pg_text(rows, i, COL_SCHEMA),
                   pg_text(rows, i, COL_NAME));
    }
    if (s.count > shown) {
        buf_printf(b, " and %zu more", s.count - shown);
    }
}

/*
 * Without a --table pattern nobody asked for views, so nobody is told of them; foreign tables and
 * tables of extensions hold rows that one could believe to be loaded.
 */
static void warn_left_out(const struct pg_rows *rows, bool by_table, struct findings *findings)
{
    static const struct {
        const char *what;
        const char *kind;
        bool always;
    } kinds[] = {
        {"e", "tables that belong to extensions", true },
        {"f", "foreign tables",                   true },
        {"m", "materialized views",               false},
        {"v", "views",                            false},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        CLEANUP(buf_free) struct buf names = {0};
        struct span s = span_of(rows, kinds[i].what);
        if (s.count == 0 || (!kinds[i].always && !by_table)) {
            continue;
        }
        buf_init(&names, BUF_SQL_MAX);
        add_names(&names, rows, s);
        findings_add(findings, FINDING_WARNING, ERR_USAGE,
                     "%s are left out (%zu: %s); only --table with the full name selects them",
                     kinds[i].kind, s.count, buf_str(&names));
    }
}

/* An exclusion that excludes nothing is likely a slip, but harmful it is not. */
static void warn_unused_exclusions(const struct pg_rows *rows, const struct pattern_sets *sets,
                                   struct findings *findings)
{
    static const enum pattern_use uses[] = {USE_TABLE_OUT, USE_SCHEMA_OUT};

    for (size_t u = 0; u < sizeof uses / sizeof uses[0]; u++) {
        struct span s = span_of(rows, pattern_option(uses[u]));
        for (size_t i = s.first; i < s.first + s.count; i++) {
            size_t index = (size_t)pg_int(rows, i, COL_ORD) - 1;
            findings_add(findings, FINDING_WARNING, ERR_USAGE,
                         "%s: pattern '%.200s' matches nothing", pattern_option(uses[u]),
                         sets->of[uses[u]].texts[index]);
        }
    }
}

static bool block_unmatched(struct pg *pg, const struct pg_rows *rows,
                            const struct pattern_sets *sets, struct findings *findings,
                            struct err *err)
{
    static const enum pattern_use uses[] = {USE_SCHEMA, USE_TABLE};

    for (size_t u = 0; u < sizeof uses / sizeof uses[0]; u++) {
        struct span s = span_of(rows, pattern_option(uses[u]));
        for (size_t i = s.first; i < s.first + s.count; i++) {
            size_t index = (size_t)pg_int(rows, i, COL_ORD) - 1;
            if (!catalog_hint(pg, sets, uses[u], index, findings, err)) {
                return false;
            }
        }
    }
    return true;
}

static bool describe_taken(struct pg *pg, const struct pg_rows *rows, struct relation_list *out,
                           struct err *err)
{
    CLEANUP(buf_free) struct buf oids = {0};
    struct span s = span_of(rows, "take");

    buf_init(&oids, BUF_SQL_MAX);
    buf_puts(&oids, "{");
    for (size_t i = s.first; i < s.first + s.count; i++) {
        buf_printf(&oids, "%s%s", i == s.first ? "" : ",", pg_text(rows, i, COL_OID));
    }
    buf_puts(&oids, "}");
    return buf_ok(&oids, err) && catalog_describe(pg, buf_str(&oids), out, err);
}

/* A standby has the files of unlogged tables empty, and reading them is refused. */
static bool block_unlogged(struct pg *pg, const struct relation_list *list,
                           struct findings *findings, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *standby = NULL;
    CLEANUP(buf_free) struct buf names = {0};
    size_t count = 0;

    if (!pg_query_row(pg, "SELECT pg_is_in_recovery()", 0, NULL, &standby, err)) {
        return false;
    }
    buf_init(&names, BUF_SQL_MAX);
    for (size_t i = 0; pg_bool(standby, 0, 0) && i < list->count; i++) {
        const struct relation *rel = &list->items[i];
        if (rel->persistence != 'u') {
            continue;
        }
        if (count++ < NAMES_SHOWN) {
            buf_printf(&names, "%s%s.%s", count == 1 ? "" : ", ", rel->schema, rel->name);
        }
    }
    if (count > NAMES_SHOWN) {
        buf_printf(&names, " and %zu more", count - NAMES_SHOWN);
    }
    if (count > 0) {
        findings_add(findings, FINDING_BLOCKER, ERR_USAGE,
                     "the %s is a standby, which does not have the rows of unlogged tables (%s):"
                     " exclude them, or read from the primary",
                     pg_side(pg), buf_str(&names));
    }
    return buf_ok(&names, err);
}

static void block_nothing(struct pg *pg, size_t blockers, const struct relation_list *list,
                          struct findings *findings)
{
    if (list->count == 0 && findings->blockers == blockers) {
        findings_add(findings, FINDING_BLOCKER, ERR_USAGE,
                     "nothing to load: no table of %s is left by the patterns given", pg_where(pg));
    }
}

/* Whether patterns were given and none is good: an empty set would then mean everything. */
static bool is_void(const struct pattern_sets *sets, const struct selection *selection)
{
    return (selection->table_count > 0 && sets->of[USE_TABLE].count == 0) ||
           (selection->schema_count > 0 && sets->of[USE_SCHEMA].count == 0);
}

bool catalog_select(struct pg *pg, const struct selection *selection, struct findings *findings,
                    struct relation_list *out, struct err *err)
{
    CLEANUP(pattern_sets_free) struct pattern_sets sets = {0};
    CLEANUP(relation_list_free) struct relation_list list = {0};
    CLEANUP(pg_rows_free) struct pg_rows *rows = NULL;
    size_t blockers = findings->blockers;

    if (!pattern_sets_read(pg, selection, findings, &sets, err)) {
        return false;
    }
    if (is_void(&sets, selection)) {
        *out = list; /* the findings say why it is empty */
        return true;
    }
    if (!query_matches(pg, &sets, selection->ledger_schema, &rows, err) ||
        !block_unmatched(pg, rows, &sets, findings, err) || !describe_taken(pg, rows, &list, err) ||
        !block_unlogged(pg, &list, findings, err)) {
        return false;
    }
    warn_left_out(rows, sets.of[USE_TABLE].count > 0, findings);
    warn_unused_exclusions(rows, &sets, findings);
    block_nothing(pg, blockers, &list, findings);
    *out = list;
    list = (struct relation_list){0};
    return true;
}
