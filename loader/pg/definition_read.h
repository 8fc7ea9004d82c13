/* definition_read.h: what the files behind definition.h share. Nobody else includes it. */
#ifndef PG_DEFINITION_READ_H
#define PG_DEFINITION_READ_H

#include "pg/catalog_read.h"
#include "pg/definition.h"

/* oids is an array literal; the tables are known when the others are read. */
bool definition_read_tables(struct pg *pg, const char *oids, struct definitions *d,
                            struct err *err) MUST_CHECK;
bool definition_read_columns(struct pg *pg, const char *oids, struct definitions *d,
                             struct err *err) MUST_CHECK;
bool definition_read_keys(struct pg *pg, const char *oids, struct definitions *d,
                          struct err *err) MUST_CHECK;
bool definition_read_sequences(struct pg *pg, const char *oids, struct definitions *d,
                               struct err *err) MUST_CHECK;
bool definition_read_types(struct pg *pg, const char *oids, struct definitions *d,
                           struct err *err) MUST_CHECK;
bool definition_read_functions(struct pg *pg, const char *oids, struct definitions *d,
                               struct err *err) MUST_CHECK;

/* Rows of a result come by table: the run of rows from *row on that are of one oid (column 0), and
 * the table they are of, or NULL. Moves *row on; false at the end. */
struct definition_run {
    struct definition_table *table;
    size_t first;
    size_t count;
};
bool definition_next_run(struct definitions *d, const struct pg_rows *r, size_t *row,
                         struct definition_run *out);

#endif
