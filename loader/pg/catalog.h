/*
 * catalog.h: what the catalogs of one side say about tables, and nothing about the other side.
 *
 * Every list is read in the caller's transaction on a connection whose session is pinned
 * (search_path = pg_catalog). All strings belong to the list they hang from; the *_free functions
 * take NULL and zeroed values. No function here takes a lock on a user's table, but
 * catalog_sample, which reads from it.
 *
 * Works on PostgreSQL 11 to 18: a catalog column that came later is chosen by pg_version.
 * Errors are pg.h's.
 */
#ifndef PG_CATALOG_H
#define PG_CATALOG_H

#include "base/err.h"
#include "base/findings.h"
#include "pg/pg.h"

#include <stddef.h>
#include <stdint.h>

struct column {
    char *name;
    char *type_name; /* format_type, for messages */
    uint32_t type_oid;
    int32_t typmod;
    int attnum;
    bool not_null;
    bool has_default; /* default or identity; a generated column is not counted */
    bool generated;   /* GENERATED ALWAYS AS (...) STORED or VIRTUAL */
    bool identity;
    bool can_select; /* of the current role, table-wide or on the column */
    bool can_insert;
};

struct relation {
    uint32_t oid;
    char *schema;
    char *name;
    char kind;        /* pg_class.relkind: r p v m f */
    char persistence; /* p u t */
    bool is_heap;     /* the access method is heap: TID ranges are possible */
    bool is_partition;
    bool has_children;   /* another table inherits from it (partitions not meant) */
    uint32_t parent_oid; /* of a partition: its partitioned parent, else 0 */
    uint32_t root_oid;   /* of a partition: the topmost, else its own oid */
    char *root_schema;   /* names of root_oid */
    char *root_name;
    /* Of a partition: partition key and bounds at each level from itself to the root, as text to
     * compare with the other side's; else NULL. */
    char *bound;
    char *partition_by;  /* of a partitioned table: pg_get_partkeydef, else NULL */
    uint32_t filenode;   /* pg_class.relfilenode as the transaction's snapshot sees it; 0 if none */
    uint64_t heap_pages; /* pg_relation_size / block size, now; 0 without storage */
    uint64_t table_bytes; /* pg_table_size, now (heap, TOAST, maps) */
    double row_estimate;  /* reltuples, -1 when never counted */
    bool row_security;    /* row_security_active() for the current role */
    bool can_select;      /* of the current role, on the whole table */
    bool can_insert;
    bool can_truncate;
    bool can_use_schema;
    bool extension_member;
    struct column *columns; /* live ones in attnum order; NULL until catalog_columns */
    size_t column_count;
};

struct relation_list {
    struct relation *items;
    size_t count;
};

void relation_list_free(struct relation_list *list);
/* By exact name; NULL: there is none. Borrowed from the list. */
const struct relation *relation_list_find(const struct relation_list *list, const char *schema,
                                          const char *name);

/* psql-style patterns (pg/pattern.h); an empty include list means everything. */
struct selection {
    const char *const *tables;
    size_t table_count;
    const char *const *tables_out;
    size_t table_out_count;
    const char *const *schemas;
    size_t schema_count;
    const char *const *schemas_out;
    size_t schema_out_count;
    const char *ledger_schema; /* the ledger's tables in it are never part of a selection */
};

/*
 * The relations that hold the selected rows, ordered by schema and name: ordinary tables, and the
 * leaves of partitioned ones (a pattern that names a partitioned table at any level takes all of
 * its leaves; excluding it leaves them all out). System schemas, temporary tables, and members of
 * extensions (unless named) are left out. Foreign tables, views and materialised views come
 * in only when a -t pattern without wildcards in its table part names them; left-out ones that
 * a wildcard matched make a warning. Every include pattern must match something and be well
 * formed: what does not is a blocker in findings (ERR_USAGE), all of them.
 */
bool catalog_select(struct pg *pg, const struct selection *selection, struct findings *findings,
                    struct relation_list *out, struct err *err) MUST_CHECK;

/* The relations of these names that exist, any kind; order not defined. */
struct relation_name {
    const char *schema;
    const char *name;
};
bool catalog_find(struct pg *pg, const struct relation_name *names, size_t count,
                  struct relation_list *out, struct err *err) MUST_CHECK;

/* Fills columns of every relation in the list with one query. */
bool catalog_columns(struct pg *pg, struct relation_list *list, struct err *err) MUST_CHECK;

/* A text that changes when any column of any of these relations is added, dropped, or changes its
 * name, type, or storage filenode: compared before and after the tables were locked. Caller frees.
 */
bool catalog_fingerprint(struct pg *pg, const struct relation_list *list, char **out,
                         struct err *err) MUST_CHECK;

/* What chunks can be cut by, best first: primary key, then unique index over NOT NULL
 * columns, then unique index on one column that may be NULL. Expression, partial, invalid and
 * non-btree indexes do not count; nor do columns the role can't read. */
struct split_key {
    char **columns; /* names, unquoted */
    char **types;   /* format_type with schema where it is not pg_catalog, to cast a literal to */
    size_t count;   /* 0: there is none */
    bool nullable;  /* then count is 1 */
};
void split_key_free(struct split_key *key);
bool catalog_split_key(struct pg *pg, const struct relation *rel, struct split_key *out,
                       struct err *err) MUST_CHECK;

/*
 * At most `wanted` rows of the key in ascending order and evenly spread, each as a comma-separated
 * list of typed SQL literals ('12'::bigint,'a'::text) that compares with the row of key columns.
 * Not NULL ones only; they may repeat. Tables below 2,000 pages are read whole, larger ones by
 * TABLESAMPLE SYSTEM sized so as to give some 20 candidates for each wanted row (capped at
 * 300,000 rows).
 */
struct sample_spec {
    const struct split_key *key;
    const char *where; /* NULL, or a filter */
    size_t wanted;
};
struct sample {
    char **items;
    size_t count;
};
void sample_free(struct sample *sample);
bool catalog_sample(struct pg *pg, const struct relation *rel, const struct sample_spec *spec,
                    struct sample *out, struct err *err) MUST_CHECK;

/* Foreign keys among all tables of the database. Self-references included. Partition clones are
 * reported at their roots only (conparentid = 0), with the tables that the constraint was made on.
 */
struct foreign_key {
    uint32_t child_oid;  /* topmost partitioned table where it is one */
    uint32_t parent_oid; /* likewise */
    char *name;          /* of the constraint */
    char *child;         /* schema.name, for messages */
    char *parent;
};
struct foreign_key_list {
    struct foreign_key *items;
    size_t count;
};
void foreign_key_list_free(struct foreign_key_list *list);
bool catalog_foreign_keys(struct pg *pg, struct foreign_key_list *out, struct err *err) MUST_CHECK;

struct oid_list {
    uint32_t *items;
    size_t count;
};
void oid_list_free(struct oid_list *list);
bool oid_list_has(const struct oid_list *list, uint32_t oid);

/* Tables with a deferrable unique, primary key or exclusion constraint: a trigger checks those. */
bool catalog_deferrable(struct pg *pg, struct oid_list *out, struct err *err) MUST_CHECK;

/* How many leaves, foreign ones included, a partitioned table has. */
bool catalog_leaf_count(struct pg *pg, uint32_t root_oid, size_t *leaves,
                        struct err *err) MUST_CHECK;

/* Comma-separated names of enabled user row triggers that fire BEFORE INSERT on rel or, where it
 * is partitioned, on any partition; "" when there is none. Caller frees. */
bool catalog_insert_triggers(struct pg *pg, uint32_t rel_oid, char **out,
                             struct err *err) MUST_CHECK;

/* Sequences owned by, or used as nextval default of, a column. */
struct column_sequence {
    uint32_t rel_oid;
    char *column;
    char *schema; /* of the sequence */
    char *name;
    bool can_read;   /* SELECT or USAGE */
    bool can_update; /* UPDATE, which setval needs */
    bool ascending;
};
struct column_sequence_list {
    struct column_sequence *items;
    size_t count;
};
void column_sequence_list_free(struct column_sequence_list *list);
bool catalog_sequences(struct pg *pg, const struct relation_list *tables,
                       struct column_sequence_list *out, struct err *err) MUST_CHECK;

/* Things that a load leaves behind, for the summary's warnings: counts in the whole database. */
struct left_behind {
    uint64_t large_objects;
    uint64_t materialized_views;
    uint64_t extended_statistics;
};
bool catalog_left_behind(struct pg *pg, struct left_behind *out, struct err *err) MUST_CHECK;

#endif
