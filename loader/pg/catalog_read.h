/* catalog_read.h: what the files behind catalog.h share. Nobody else includes it. */
#ifndef PG_CATALOG_READ_H
#define PG_CATALOG_READ_H

#include "pg/catalog.h"

/* *out becomes a copy of the value, NULL for NULL. False only without memory. */
bool catalog_value(char **out, const struct pg_rows *rows, size_t row, int column) MUST_CHECK;

bool catalog_no_memory(struct err *err); /* sets ERR_SYSTEM, returns false */

/* calloc that never asks for nothing, so that NULL always means ERR_SYSTEM. */
void *catalog_items(size_t count, size_t size, struct err *err);

void catalog_columns_free(struct relation *rel);

/* The list's oids as one parameter, {1,2}; the caller frees. NULL = no memory. */
char *catalog_oids(const struct relation_list *list);

/* Everything of struct relation but the columns, for those of the oids that exist. */
bool catalog_describe(struct pg *pg, const char *oids, struct relation_list *out,
                      struct err *err) MUST_CHECK;

/*
 * One step up from a partition, as the recursive term of a WITH query named chain whose columns
 * are (oid, anc, depth). pg_partition_ancestors would do, but comes with PostgreSQL 12.
 */
#define CATALOG_CHAIN_STEP                                              \
    " UNION ALL SELECT h.oid, i.inhparent, h.depth + 1 FROM chain h"    \
    " JOIN pg_catalog.pg_class p ON p.oid = h.anc AND p.relispartition" \
    " JOIN pg_catalog.pg_inherits i ON i.inhrelid = h.anc"

#endif
