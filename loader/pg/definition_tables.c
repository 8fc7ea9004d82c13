#include "pg/definition_read.h"

#include "base/cleanup.h"

#include <stdlib.h>

/* ---- tables ---- */

#define TABLES_SQL                                                                            \
    "WITH RECURSIVE tree(oid, depth) AS (SELECT o, 0 FROM unnest($1::oid[]) o"                \
    "  UNION ALL SELECT i.inhrelid, t.depth + 1 FROM tree t"                                  \
    "  JOIN pg_catalog.pg_class p ON p.oid = t.oid AND p.relkind = 'p'"                       \
    "  JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid),"                                \
    " want AS (SELECT oid, max(depth) AS depth FROM tree GROUP BY oid)"                       \
    " SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence,"                       \
    " CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,"                           \
    " CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END,"                \
    " CASE WHEN c.relispartition THEN (SELECT i.inhparent FROM pg_catalog.pg_inherits i"      \
    "   WHERE i.inhrelid = c.oid LIMIT 1) ELSE 0 END,"                                        \
    " (SELECT string_agg(quote_ident(o.option_name) || '=' || quote_literal(o.option_value)," \
    "   ', ') FROM pg_options_to_table(c.reloptions) o"                                       \
    "   WHERE c.relkind IN ('r', 'p')),"                                                      \
    " (SELECT string_agg(format('%I', k.conname), ', ' ORDER BY k.conname)"                   \
    "   FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'x'),"       \
    " (SELECT string_agg(format('%I', g.tgname), ', ' ORDER BY g.tgname)"                     \
    "   FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal)"         \
    " FROM want w JOIN pg_catalog.pg_class c ON c.oid = w.oid"                                \
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"                               \
    " ORDER BY w.depth, n.nspname::text COLLATE \"C\", c.relname::text COLLATE \"C\""

static bool fill_table(struct definition_table *t, const struct pg_rows *r, size_t row)
{
    t->oid = (uint32_t)pg_int(r, row, 0);
    t->kind = pg_text(r, row, 3)[0];
    t->persistence = pg_text(r, row, 4)[0];
    t->parent_oid = (uint32_t)pg_int(r, row, 7);
    return catalog_value(&t->schema, r, row, 1) && catalog_value(&t->name, r, row, 2) &&
           catalog_value(&t->partition_by, r, row, 5) && catalog_value(&t->bound, r, row, 6) &&
           catalog_value(&t->options, r, row, 8) && catalog_value(&t->exclusions, r, row, 9) &&
           catalog_value(&t->triggers, r, row, 10);
}

#define INHERITS_SQL                                                                 \
    "SELECT i.inhrelid, i.inhparent FROM pg_catalog.pg_inherits i"                   \
    " JOIN pg_catalog.pg_class p ON p.oid = i.inhparent AND p.relkind IN ('r', 'f')" \
    " WHERE i.inhrelid = ANY ($1::oid[]) ORDER BY i.inhrelid, i.inhseqno"

static bool read_inherits(struct pg *pg, const char *oids, struct definitions *d, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    struct definition_run run;
    size_t row = 0;

    if (!pg_query(pg, INHERITS_SQL, 1, &oids, &r, err)) {
        return false;
    }
    while (definition_next_run(d, r, &row, &run)) {
        if (run.table == NULL) {
            continue;
        }
        run.table->inherits = catalog_items(run.count, sizeof(uint32_t), err);
        if (run.table->inherits == NULL) {
            return false;
        }
        for (size_t i = 0; i < run.count; i++) {
            run.table->inherits[run.table->inherit_count++] = (uint32_t)pg_int(r, run.first + i, 1);
        }
    }
    return true;
}

bool definition_read_tables(struct pg *pg, const char *oids, struct definitions *d, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;

    if (!pg_query(pg, TABLES_SQL, 1, &oids, &r, err)) {
        return false;
    }
    d->tables = catalog_items(pg_rows_count(r), sizeof d->tables[0], err);
    if (d->tables == NULL) {
        return false;
    }
    while (d->table_count < pg_rows_count(r)) {
        size_t i = d->table_count++;
        if (!fill_table(&d->tables[i], r, i)) {
            return catalog_no_memory(err);
        }
    }
    return read_inherits(pg, oids, d, err);
}

/* ---- columns ---- */

/* The %s is attgenerated, which came with 12. A sequence that a default names stands in pg_depend;
 * that nothing but it is in the default shows in the text. */
#define COLUMNS_SQL                                                                       \
    "WITH RECURSIVE base(oid, b) AS (SELECT oid, oid FROM pg_catalog.pg_type"             \
    "  WHERE typtype = 'd' UNION ALL SELECT x.oid, t.typbasetype FROM base x"             \
    "  JOIN pg_catalog.pg_type t ON t.oid = x.b AND t.typtype = 'd'),"                    \
    " plain AS (SELECT x.oid, x.b FROM base x"                                            \
    "  JOIN pg_catalog.pg_type t ON t.oid = x.b AND t.typtype <> 'd'),"                   \
    " named AS (SELECT DISTINCT ON (f.oid) f.oid, s.oid AS seq"                           \
    "  FROM pg_catalog.pg_attrdef f JOIN pg_catalog.pg_depend d ON d.objid = f.oid"       \
    "   AND d.classid = 'pg_catalog.pg_attrdef'::regclass"                                \
    "   AND d.refclassid = 'pg_catalog.pg_class'::regclass"                               \
    "  JOIN pg_catalog.pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'"              \
    "  WHERE f.adrelid = ANY ($1::oid[]) ORDER BY f.oid, s.oid),"                         \
    " own AS (SELECT d.refobjid AS rel, d.refobjsubid AS col, d.objid AS seq"             \
    "  FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass"     \
    "  AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'i'"            \
    "  AND d.refobjid = ANY ($1::oid[]) AND d.refobjsubid > 0)"                           \
    " SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod),"                \
    " CASE WHEN a.attcollation NOT IN (0, t.typcollation) THEN ln.nspname END,"           \
    " CASE WHEN a.attcollation NOT IN (0, t.typcollation) THEN l.collname END,"           \
    " pg_get_expr(f.adbin, f.adrelid), %s, a.attidentity, a.attnotnull,"                  \
    " b.typname, b.typtype, a.attislocal,"                                                \
    " coalesce(CASE WHEN a.attidentity <> '' THEN o.seq ELSE m.seq END, 0),"              \
    " coalesce(pg_get_expr(f.adbin, f.adrelid)"                                           \
    "  = 'nextval(' || quote_literal(m.seq::regclass::text) || '::regclass)', false)"     \
    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"     \
    " LEFT JOIN plain x ON x.oid = t.oid"                                                 \
    " JOIN pg_catalog.pg_type b ON b.oid = coalesce(x.b, t.oid)"                          \
    " LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum" \
    " LEFT JOIN named m ON m.oid = f.oid"                                                 \
    " LEFT JOIN own o ON o.rel = a.attrelid AND o.col = a.attnum"                         \
    " LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation"                      \
    " LEFT JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace"                   \
    " WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped"         \
    " ORDER BY a.attrelid, a.attnum"

static bool fill_column(struct definition_column *c, const struct pg_rows *r, size_t row)
{
    c->generated = pg_text(r, row, 6)[0];
    c->identity = pg_text(r, row, 7)[0];
    c->not_null = pg_bool(r, row, 8);
    c->base_kind = pg_text(r, row, 10)[0];
    c->is_local = pg_bool(r, row, 11);
    c->plain_nextval = c->identity == '\0' && pg_bool(r, row, 13);
    c->sequence_oid = c->identity != '\0' || c->plain_nextval ? (uint32_t)pg_int(r, row, 12) : 0;
    return catalog_value(&c->name, r, row, 1) && catalog_value(&c->type, r, row, 2) &&
           catalog_value(&c->collation_schema, r, row, 3) &&
           catalog_value(&c->collation_name, r, row, 4) &&
           catalog_value(&c->default_sql, r, row, 5) && catalog_value(&c->base_type, r, row, 9);
}

bool definition_read_columns(struct pg *pg, const char *oids, struct definitions *d,
                             struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    CLEANUP(buf_free) struct buf sql = {0};
    struct definition_run run;
    size_t row = 0;

    buf_init(&sql, BUF_SQL_MAX);
    buf_printf(&sql, COLUMNS_SQL, d->server_version >= 120000 ? "a.attgenerated" : "''");
    if (!buf_ok(&sql, err) || !pg_query(pg, buf_str(&sql), 1, &oids, &r, err)) {
        return false;
    }
    while (definition_next_run(d, r, &row, &run)) {
        struct definition_table *t = run.table;
        if (t == NULL) {
            continue;
        }
        t->columns = catalog_items(run.count, sizeof t->columns[0], err);
        if (t->columns == NULL) {
            return false;
        }
        while (t->column_count < run.count) {
            size_t i = t->column_count++;
            if (!fill_column(&t->columns[i], r, run.first + i)) {
                return catalog_no_memory(err);
            }
        }
    }
    return true;
}

/* ---- primary keys ---- */

/* Past indnkeyatts are the INCLUDE columns. The %s is conperiod, which came with 18. */
#define KEYS_SQL                                                                       \
    "SELECT k.conrelid, k.conname, a.attname, u.ord > i.indnkeyatts, k.condeferrable," \
    " k.condeferred, %s FROM pg_catalog.pg_constraint k"                               \
    " JOIN pg_catalog.pg_index i ON i.indexrelid = k.conindid"                         \
    " CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS u(att, ord)"      \
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.att"  \
    " WHERE k.contype = 'p' AND k.conrelid = ANY ($1::oid[]) ORDER BY k.conrelid, u.ord"

static bool fill_key(struct definition_key *key, const struct pg_rows *r,
                     const struct definition_run *run, struct err *err)
{
    key->columns = catalog_items(run->count, sizeof(char *), err);
    key->include = catalog_items(run->count, sizeof(char *), err);
    if (key->columns == NULL || key->include == NULL) {
        return false;
    }
    key->deferrable = pg_bool(r, run->first, 4);
    key->deferred = pg_bool(r, run->first, 5);
    key->without_overlaps = pg_bool(r, run->first, 6);
    bool ok = catalog_value(&key->name, r, run->first, 1);
    for (size_t i = run->first; ok && i < run->first + run->count; i++) {
        char **slot =
            pg_bool(r, i, 3) ? &key->include[key->include_count++] : &key->columns[key->count++];
        ok = catalog_value(slot, r, i, 2);
    }
    return ok || catalog_no_memory(err);
}

bool definition_read_keys(struct pg *pg, const char *oids, struct definitions *d, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    CLEANUP(buf_free) struct buf sql = {0};
    struct definition_run run;
    size_t row = 0;

    buf_init(&sql, BUF_SQL_MAX);
    buf_printf(&sql, KEYS_SQL, d->server_version >= 180000 ? "k.conperiod" : "false");
    if (!buf_ok(&sql, err) || !pg_query(pg, buf_str(&sql), 1, &oids, &r, err)) {
        return false;
    }
    while (definition_next_run(d, r, &row, &run)) {
        if (run.table != NULL && !fill_key(&run.table->key, r, &run, err)) {
            return false;
        }
    }
    return true;
}
