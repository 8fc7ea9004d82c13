#include "pg/definition_read.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* ---- sequences ---- */

#define SEQUENCES_SQL                                                                        \
    "WITH own AS (SELECT d.objid AS seq, d.refobjid AS rel, d.refobjsubid AS col, d.deptype" \
    "  FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass"        \
    "  AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')"       \
    "  AND d.refobjsubid > 0),"                                                              \
    " used AS (SELECT d.refobjid AS seq FROM pg_catalog.pg_attrdef f"                        \
    "  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::regclass"         \
    "   AND d.objid = f.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass"              \
    "  WHERE f.adrelid = ANY ($1::oid[])"                                                    \
    "  UNION SELECT o.seq FROM own o WHERE o.rel = ANY ($1::oid[]))"                         \
    " SELECT c.oid, n.nspname, c.relname, format_type(s.seqtypid, NULL), s.seqstart,"        \
    " s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle, coalesce(o.rel, 0),"       \
    " coalesce(a.attname, ''), coalesce(o.deptype = 'i', false)"                             \
    " FROM used u JOIN pg_catalog.pg_class c ON c.oid = u.seq AND c.relkind = 'S'"           \
    " JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid"                                   \
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"                              \
    " LEFT JOIN own o ON o.seq = c.oid"                                                      \
    " LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = o.rel AND a.attnum = o.col"        \
    " ORDER BY n.nspname::text COLLATE \"C\", c.relname::text COLLATE \"C\""

static bool fill_sequence(struct definition_sequence *s, const struct pg_rows *r, size_t row)
{
    s->oid = (uint32_t)pg_int(r, row, 0);
    s->cache = pg_int(r, row, 8);
    s->cycle = pg_bool(r, row, 9);
    s->owner_oid = (uint32_t)pg_int(r, row, 10);
    s->identity = pg_bool(r, row, 12);
    return catalog_value(&s->schema, r, row, 1) && catalog_value(&s->name, r, row, 2) &&
           catalog_value(&s->type, r, row, 3) && catalog_value(&s->start, r, row, 4) &&
           catalog_value(&s->increment, r, row, 5) && catalog_value(&s->min, r, row, 6) &&
           catalog_value(&s->max, r, row, 7) && catalog_value(&s->owner_column, r, row, 11);
}

bool definition_read_sequences(struct pg *pg, const char *oids, struct definitions *d,
                               struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;

    if (!pg_query(pg, SEQUENCES_SQL, 1, &oids, &r, err)) {
        return false;
    }
    d->sequences = catalog_items(pg_rows_count(r), sizeof d->sequences[0], err);
    if (d->sequences == NULL) {
        return false;
    }
    while (d->sequence_count < pg_rows_count(r)) {
        size_t i = d->sequence_count++;
        if (!fill_sequence(&d->sequences[i], r, i)) {
            return catalog_no_memory(err);
        }
    }
    return true;
}

/* ---- types ---- */

/*
 * flat maps an array to its element and a multirange to its range, so that uses goes from user type
 * to user type. depth is the longest way down to a type from a column: what is deeper is made
 * first. Types cannot use themselves, so that the walk ends.
 */
#define TYPES_WITH                                                                             \
    "WITH RECURSIVE flat(oid, it) AS (SELECT t.oid, CASE WHEN t.typelem <> 0"                  \
    "   AND t.typlen = -1 AND t.typcategory = 'A' THEN t.typelem ELSE %s END"                  \
    "  FROM pg_catalog.pg_type t %s),"                                                         \
    " part(oid, used) AS (SELECT oid, typbasetype FROM pg_catalog.pg_type WHERE typtype = 'd'" \
    "  UNION ALL SELECT rngtypid, rngsubtype FROM pg_catalog.pg_range"                         \
    "  UNION ALL SELECT t.oid, a.atttypid FROM pg_catalog.pg_type t"                           \
    "   JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0"            \
    "   AND NOT a.attisdropped WHERE t.typtype = 'c'),"                                        \
    " uses(oid, used) AS (SELECT DISTINCT p.oid, f.it FROM part p"                             \
    "  JOIN flat f ON f.oid = p.used JOIN pg_catalog.pg_type t ON t.oid = f.it"                \
    "  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"                               \
    "  WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')),"                          \
    " need(oid, depth) AS (SELECT DISTINCT f.it, 0 FROM pg_catalog.pg_attribute a"             \
    "  JOIN flat f ON f.oid = a.atttypid WHERE a.attrelid = ANY ($1::oid[])"                   \
    "  AND a.attnum > 0 AND NOT a.attisdropped"                                                \
    "  UNION SELECT u.used, n.depth + 1 FROM need n JOIN uses u ON u.oid = n.oid"              \
    "  WHERE n.depth < 100),"                                                                  \
    " want AS (SELECT oid, max(depth) AS depth FROM need GROUP BY oid)"

/* The columns: what makes an enum, a composite, a domain or a range. The %s is what names a
 * multirange, which came with 14. */
#define TYPES_SELECT                                                                            \
    " SELECT t.oid, n.nspname, t.typname, t.typtype, (SELECT e.extname"                         \
    "   FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid"       \
    "   WHERE d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = t.oid"                   \
    "   AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e' LIMIT 1),"   \
    " CASE WHEN t.typtype = 'e' THEN format('CREATE TYPE %%I.%%I AS ENUM (', n.nspname,"        \
    "   t.typname) || coalesce((SELECT string_agg(quote_literal(l.enumlabel), ', '"             \
    "    ORDER BY l.enumsortorder) FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid), '')"   \
    "   || ')'"                                                                                 \
    "  WHEN t.typtype = 'c' AND k.relkind = 'c' THEN"                                           \
    "   format('CREATE TYPE %%I.%%I AS (', n.nspname, t.typname)"                               \
    "   || coalesce((SELECT string_agg(format('%%I %%s', a.attname,"                            \
    "      format_type(a.atttypid, a.atttypmod))"                                               \
    "     || CASE WHEN a.attcollation NOT IN (0, at.typcollation)"                              \
    "        THEN format(' COLLATE %%I.%%I', ln.nspname, l.collname) ELSE '' END,"              \
    "     ', ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a"                               \
    "    JOIN pg_catalog.pg_type at ON at.oid = a.atttypid"                                     \
    "    LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation"                         \
    "    LEFT JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace"                      \
    "    WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '') || ')'"    \
    "  WHEN t.typtype = 'd' THEN format('CREATE DOMAIN %%I.%%I AS %%s', n.nspname, t.typname,"  \
    "    format_type(t.typbasetype, t.typtypmod))"                                              \
    "   || CASE WHEN t.typcollation NOT IN (0, bt.typcollation)"                                \
    "      THEN (SELECT format(' COLLATE %%I.%%I', ln.nspname, l.collname)"                     \
    "       FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace ln"                     \
    "       ON ln.oid = l.collnamespace WHERE l.oid = t.typcollation) ELSE '' END"              \
    "   || coalesce(' DEFAULT ' || pg_get_expr(t.typdefaultbin, 0), '')"                        \
    "   || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END"                                 \
    "   || coalesce((SELECT string_agg(format(' CONSTRAINT %%I %%s', c.conname,"                \
    "      regexp_replace(pg_get_constraintdef(c.oid), ' NOT VALID$', '')), ''"                 \
    "      ORDER BY c.conname) FROM pg_catalog.pg_constraint c"                                 \
    "     WHERE c.contypid = t.oid AND c.contype = 'c'), '')"                                   \
    "  WHEN t.typtype = 'r' THEN (SELECT format('CREATE TYPE %%I.%%I AS RANGE (SUBTYPE = %%s'," \
    "     n.nspname, t.typname, format_type(g.rngsubtype, NULL))"                               \
    "    || CASE WHEN o.opcdefault THEN '' ELSE format(', SUBTYPE_OPCLASS = %%I.%%I',"          \
    "       opn.nspname, o.opcname) END"                                                        \
    "    || CASE WHEN g.rngcollation NOT IN (0, st.typcollation)"                               \
    "       THEN (SELECT format(', COLLATION = %%I.%%I', ln.nspname, l.collname)"               \
    "        FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace ln"                    \
    "        ON ln.oid = l.collnamespace WHERE l.oid = g.rngcollation) ELSE '' END"             \
    "    || CASE WHEN g.rngcanonical = 0 THEN '' ELSE ', CANONICAL = '"                         \
    "       || g.rngcanonical::regproc::text END"                                               \
    "    || CASE WHEN g.rngsubdiff = 0 THEN '' ELSE ', SUBTYPE_DIFF = '"                        \
    "       || g.rngsubdiff::regproc::text END || %s || ')'"                                    \
    "    FROM pg_catalog.pg_range g JOIN pg_catalog.pg_opclass o ON o.oid = g.rngsubopc"        \
    "    JOIN pg_catalog.pg_namespace opn ON opn.oid = o.opcnamespace"                          \
    "    JOIN pg_catalog.pg_type st ON st.oid = g.rngsubtype WHERE g.rngtypid = t.oid) END,"    \
    " format_type(t.oid, NULL)"                                                                 \
    " FROM want w JOIN pg_catalog.pg_type t ON t.oid = w.oid"                                   \
    " JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"                                 \
    " LEFT JOIN pg_catalog.pg_class k ON k.oid = t.typrelid"                                    \
    " LEFT JOIN pg_catalog.pg_type bt ON bt.oid = t.typbasetype"                                \
    " WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')"                              \
    " ORDER BY w.depth DESC, n.nspname::text COLLATE \"C\", t.typname::text COLLATE \"C\""

static void add_types_sql(struct buf *sql, int version)
{
    bool multi = version >= 140000;

    buf_printf(sql, TYPES_WITH, multi ? "coalesce(m.rngtypid, t.oid)" : "t.oid",
               multi ? "LEFT JOIN pg_catalog.pg_range m ON m.rngmultitypid = t.oid" : "");
    buf_printf(sql, TYPES_SELECT,
               multi ? "(SELECT format(', MULTIRANGE_TYPE_NAME = %I.%I', mn.nspname, mt.typname)"
                       " FROM pg_catalog.pg_type mt JOIN pg_catalog.pg_namespace mn"
                       " ON mn.oid = mt.typnamespace WHERE mt.oid = g.rngmultitypid)"
                     : "''");
}

static bool fill_type(struct definition_type *t, const struct pg_rows *r, size_t row)
{
    t->oid = (uint32_t)pg_int(r, row, 0);
    t->kind = pg_text(r, row, 3)[0];
    return catalog_value(&t->schema, r, row, 1) && catalog_value(&t->name, r, row, 2) &&
           catalog_value(&t->extension, r, row, 4) && catalog_value(&t->create, r, row, 5) &&
           catalog_value(&t->reference, r, row, 6);
}

bool definition_read_types(struct pg *pg, const char *oids, struct definitions *d, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    CLEANUP(buf_free) struct buf sql = {0};

    buf_init(&sql, BUF_SQL_MAX);
    add_types_sql(&sql, d->server_version);
    if (!buf_ok(&sql, err) || !pg_query(pg, buf_str(&sql), 1, &oids, &r, err)) {
        return false;
    }
    d->types = catalog_items(pg_rows_count(r), sizeof d->types[0], err);
    if (d->types == NULL) {
        return false;
    }
    while (d->type_count < pg_rows_count(r)) {
        size_t i = d->type_count++;
        if (!fill_type(&d->types[i], r, i)) {
            return catalog_no_memory(err);
        }
    }
    return true;
}

/* ---- functions ---- */

/* PostgreSQL's own are not in pg_depend. */
#define FUNCTIONS_SQL                                                                       \
    "SELECT DISTINCT f.adrelid, a.attname, n.nspname, p.proname, (SELECT e.extname"         \
    "  FROM pg_catalog.pg_depend x JOIN pg_catalog.pg_extension e ON e.oid = x.refobjid"    \
    "  WHERE x.classid = 'pg_catalog.pg_proc'::regclass AND x.objid = p.oid"                \
    "  AND x.refclassid = 'pg_catalog.pg_extension'::regclass AND x.deptype = 'e' LIMIT 1)" \
    " FROM pg_catalog.pg_attrdef f JOIN pg_catalog.pg_depend d ON d.objid = f.oid"          \
    "  AND d.classid = 'pg_catalog.pg_attrdef'::regclass"                                   \
    "  AND d.refclassid = 'pg_catalog.pg_proc'::regclass"                                   \
    " JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid"                                      \
    " JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"                             \
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum"      \
    " WHERE f.adrelid = ANY ($1::oid[]) AND n.nspname <> 'pg_catalog' ORDER BY 1, 2, 3, 4"

static bool fill_function(struct definition_function *f, const struct pg_rows *r, size_t row)
{
    f->table_oid = (uint32_t)pg_int(r, row, 0);
    return catalog_value(&f->column, r, row, 1) && catalog_value(&f->schema, r, row, 2) &&
           catalog_value(&f->name, r, row, 3) && catalog_value(&f->extension, r, row, 4);
}

bool definition_read_functions(struct pg *pg, const char *oids, struct definitions *d,
                               struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;

    if (!pg_query(pg, FUNCTIONS_SQL, 1, &oids, &r, err)) {
        return false;
    }
    d->functions = catalog_items(pg_rows_count(r), sizeof d->functions[0], err);
    if (d->functions == NULL) {
        return false;
    }
    while (d->function_count < pg_rows_count(r)) {
        size_t i = d->function_count++;
        if (!fill_function(&d->functions[i], r, i)) {
            return catalog_no_memory(err);
        }
    }
    return true;
}
