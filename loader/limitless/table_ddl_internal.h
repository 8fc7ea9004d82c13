/* table_ddl_internal.h: what the files table_ddl*.c share. Nobody else includes it. */
#ifndef LIMITLESS_TABLE_DDL_INTERNAL_H
#define LIMITLESS_TABLE_DDL_INTERNAL_H

#include "limitless/table_ddl.h"

void ddl_count_change(const struct ddl_context *cx, enum ddl_change what,
                      const struct relation_name *table, const char *column);

/* The name that a column of the source has on the destination; NULL: none. */
const char *ddl_name_of(const struct ddl_table *t, const char *source);

/* ", CONSTRAINT x PRIMARY KEY (...)" after lead; nothing where there is none. */
void ddl_add_key(const struct ddl_table *t, const char *lead, struct buf *b);

/* ---- table_ddl_columns.c ---- */

/* " (columns and primary key)". A partition has its root's identity. */
void ddl_add_columns(const struct ddl_table *t, bool is_part, const struct ddl_context *cx,
                     struct buf *b);

/* ---- table_ddl_sequences.c ---- */

struct ddl_sequence *ddl_sequence_of(const struct ddl_context *cx, uint32_t oid);
void ddl_add_sequence_options(const struct definition_sequence *s, const struct relation_name *name,
                              const struct ddl_context *cx, struct buf *b);
/* made: one for each sequence of the definitions. */
bool ddl_make_sequences(const struct ddl_table *t, const struct ddl_context *cx, bool *made,
                        struct ddl_script *out, struct err *err) MUST_CHECK;
bool ddl_own_sequences(const struct ddl_table *t, const struct ddl_context *cx, const bool *made,
                       struct ddl_script *out, struct err *err) MUST_CHECK;

/* ---- table_ddl_mode.c ---- */

/* The settings of the transaction that makes it, on a shard group. */
bool ddl_set_mode(const struct ddl_table *t, struct ddl_script *out, struct err *err) MUST_CHECK;

#endif
