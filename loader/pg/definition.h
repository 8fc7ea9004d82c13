/*
 * definition.h: what has to be known of tables to make them somewhere else, from the catalog of one
 * side, PostgreSQL 11 to 18: columns, primary keys, sequences, types, and the functions that
 * defaults call. A handful of queries for any number of tables.
 *
 * Read in the caller's transaction on a pinned session (search_path = pg_catalog), so that every
 * name inside a type or an expression comes with its schema. Errors are pg.h's.
 */
#ifndef PG_DEFINITION_H
#define PG_DEFINITION_H

#include "base/err.h"
#include "pg/catalog.h"
#include "pg/pg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct definition_column {
    char *name;
    char *type;             /* format_type, with schema where it is not pg_catalog */
    char *collation_schema; /* NULL: the type's own */
    char *collation_name;
    char *default_sql; /* NULL: none; of a generated column: its expression */
    char *base_type;   /* pg_type.typname under all domains */
    char base_kind;    /* its typtype */
    char generated;    /* 's' stored, 'v' virtual, 0 */
    char identity;     /* 'a' always, 'd' by default, 0 */
    bool not_null;
    bool plain_nextval;    /* default_sql is nextval(sequence) and nothing else */
    bool is_local;         /* not only inherited */
    uint32_t sequence_oid; /* of the identity or the plain nextval; else 0 */
};

struct definition_key {
    char *name; /* NULL: there is no primary key */
    char **columns;
    size_t count;
    char **include; /* INCLUDE columns */
    size_t include_count;
    bool deferrable;
    bool deferred;
    bool without_overlaps;
};

struct definition_table {
    uint32_t oid;
    char *schema;
    char *name;
    char kind;           /* relkind: r p v m f */
    char persistence;    /* p u t */
    char *partition_by;  /* of a partitioned table, else NULL */
    char *bound;         /* of a partition: FOR VALUES ..., else NULL */
    uint32_t parent_oid; /* of a partition, else 0 */
    char *options;       /* fillfactor='70', ...; NULL: none */
    char *exclusions;    /* names of EXCLUDE constraints, NULL: none */
    char *triggers;      /* names of the user's triggers, NULL: none */
    uint32_t *inherits;  /* its parents, when they are no partitioned tables */
    size_t inherit_count;
    struct definition_column *columns;
    size_t column_count;
    struct definition_key key;
};

struct definition_sequence {
    uint32_t oid;
    char *schema;
    char *name;
    char *type; /* bigint */
    char *start;
    char *increment;
    char *min;
    char *max;
    int64_t cache;
    bool cycle;
    uint32_t owner_oid; /* the table that owns it; 0: none */
    char *owner_column; /* "" without an owner */
    bool identity;      /* comes and goes with an identity column */
};

/* A type that is not PostgreSQL's own. Arrays and multiranges are not listed: theirs are. */
struct definition_type {
    uint32_t oid;
    char *schema;
    char *name;
    char kind;       /* typtype */
    char *extension; /* NULL: none owns it */
    char *create;    /* the statement that makes it; NULL: a base type or a table's row type */
    char *reference; /* format_type: how it stands in other texts */
};

/* A function that a default of a table calls, and that is not PostgreSQL's own. */
struct definition_function {
    uint32_t table_oid;
    char *column;
    char *schema;
    char *name;
    char *extension; /* NULL: none owns it */
};

struct definitions {
    struct definition_table *tables; /* by level of partitioning, then schema and name */
    size_t table_count;
    struct definition_sequence *sequences; /* by schema and name */
    size_t sequence_count;
    struct definition_type *types; /* each after those that it uses */
    size_t type_count;
    struct definition_function *functions;
    size_t function_count;
    int server_version; /* of the side that they are from, as pg_version */
};

void definitions_free(struct definitions *d); /* NULL and zeroed are allowed */

/* Of these tables, and of every partition below those that are partitioned. */
bool definitions_read(struct pg *pg, const uint32_t *oids, size_t count, struct definitions *out,
                      struct err *err) MUST_CHECK;

const struct definition_table *definitions_table(const struct definitions *d, uint32_t oid);
const struct definition_sequence *definitions_sequence(const struct definitions *d, uint32_t oid);
/* By name; NULL: there is none. */
const struct definition_column *definition_column(const struct definition_table *t,
                                                  const char *name);

/* ---- what a side has of it already ---- */

enum definition_object {
    DEFINITION_SCHEMA, /* by .schema alone */
    DEFINITION_RELATION,
    DEFINITION_TYPE,
    DEFINITION_FUNCTION, /* of any arguments */
    DEFINITION_COLLATION,
};
/* present[i]: names[i] exists. */
bool definition_present(struct pg *pg, enum definition_object what,
                        const struct relation_name *names, size_t count, bool *present,
                        struct err *err) MUST_CHECK;

/* May the current role make schemas here; and objects in each of these schemas that exist? */
bool definition_may_create(struct pg *pg, const struct relation_name *schemas, size_t count,
                           bool *in_database, bool *in_schema, struct err *err) MUST_CHECK;

#endif
