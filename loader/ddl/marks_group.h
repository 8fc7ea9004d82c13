/* marks_group.h: what the files marks_group*.c share. Nobody else includes it. */
#ifndef DDL_MARKS_GROUP_H
#define DDL_MARKS_GROUP_H

#include "ddl/marks.h"

/* NULL: it is not to be made, or is a partition. */
const struct group_table *group_table_of(const struct group_input *in, uint32_t oid);
/* The destination's name of a column; NULL: it is not there as it is. */
const char *group_column(const struct ddl_table *t, const char *source);
bool group_keeps_columns(const struct ddl_table *t, const struct fact_names *columns);
/* Is the shard key among them? Always for tables that have none. */
bool group_has_shard_key(const struct ddl_table *t, const struct fact_names *columns);
/* schema.name, quoted; the caller frees. */
char *group_table_name(const struct ddl_table *t);

/* False: out of memory. */
bool group_order_tables(const struct group_input *in, struct schema_plan *plan);

bool group_fill_check(const struct group_input *in, const struct fact_constraint *c,
                      struct schema_item *item);
bool group_mark_check(const struct group_input *in, struct schema_item *item);
bool group_mark_key(const struct group_input *in, struct schema_item *item);
bool group_mark_index(const struct group_input *in, struct schema_item *item);
bool group_mark_foreign_key(const struct group_input *in, struct schema_item *item);

#endif
