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

struct group_marking {
    const struct group_input *in;
    struct schema_plan *plan;
    size_t *item_of; /* index + 1 of the item of each entry */
    char **doomed;   /* why an entry is left out for what comes behind it; NULL: it is not */
};

/* False: it was left out for what it needs; or without memory, *failed. */
bool group_has_needs(struct group_marking *m, size_t no, struct schema_item *item, bool *failed);
/* A partition, or a key or index of one. */
bool group_is_of_partition(const struct group_input *in, const struct dump_entry *e);
/* All entries; false: out of memory. */
bool group_mark_entries(const struct group_input *in, struct schema_plan *plan);
bool group_mark_entry(struct group_marking *m, size_t no);

/* False: out of memory. */
bool group_order_tables(const struct group_input *in, struct schema_plan *plan);

bool group_fill_check(const struct group_input *in, const struct fact_constraint *c,
                      struct schema_item *item);
bool group_mark_check(const struct group_input *in, struct schema_item *item);
bool group_mark_key(const struct group_input *in, struct schema_item *item);
bool group_mark_index(const struct group_input *in, struct schema_item *item);
bool group_mark_foreign_key(const struct group_input *in, struct schema_item *item);

#endif
