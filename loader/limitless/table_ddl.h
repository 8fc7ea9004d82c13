/*
 * table_ddl.h: the SQL that makes a table on the destination, a plain PostgreSQL or a shard group,
 * from the source's definition and what the job file wishes. Pure.
 *
 * A shard group takes a table's mode from settings of the transaction that creates it, has no
 * identity columns, storage parameters, inheritance, triggers, UNLOGGED tables, partitions of the
 * user's, and no sequences with CYCLE or a cache of its chunk size (250,000) or more: what was
 * changed for that is counted in ddl_changes and told.
 * Sources: Aurora User Guide, "Creating Limitless Database tables", "DDL limitations".
 */
#ifndef LIMITLESS_TABLE_DDL_H
#define LIMITLESS_TABLE_DDL_H

#include "base/err.h"
#include "base/findings.h"
#include "limitless/table_mode.h"
#include "pg/catalog.h"
#include "pg/definition.h"

#include <stdbool.h>
#include <stddef.h>

struct ddl_column {
    const char *name; /* on the destination */
    const char *type; /* NULL: that of from */
    /* The column of the source; NULL: there is none. With a type it is one that a computed value
     * takes the place of: it keeps NOT NULL and its place in the primary key. */
    const struct definition_column *from;
    bool is_computed;
    unsigned line; /* of its rule in the job file; 0: none */
};

/* One partition below a table, in an order in which they can be made. */
struct ddl_part {
    const struct definition_table *from;
    struct relation_name name;
    struct relation_name parent;
};

/* One table to make; borrows everything. */
struct ddl_table {
    struct relation_name name;
    const struct definition_table *from;
    struct ddl_column *columns;
    size_t column_count;
    bool is_reshaped;     /* a rule renames, leaves out or replaces columns of the source */
    bool has_added;       /* a rule adds computed ones */
    bool is_renamed;      /* it has another name, or schema, than at the source */
    enum table_mode mode; /* on a shard group never UNSAID */
    const char *const *shard_key;
    size_t shard_key_count;
    const char *collocate_with; /* SCHEMA.TABLE or NULL */
    unsigned line;              /* of the rule that wishes the mode; 0: none */
    struct ddl_part *parts;     /* a partitioned table's; none on a shard group */
    size_t part_count;
    struct relation_name *inherits; /* parents that are there or made before */
    size_t inherit_count;
};

/* Where a sequence of the definitions goes: one for each, in their order. */
struct ddl_sequence {
    struct relation_name name;
    bool exists; /* there already; ddl_table_make sets it for those that it makes */
};

enum ddl_change {
    DDL_IDENTITY,
    DDL_OPTIONS,
    DDL_UNLOGGED,
    DDL_INHERITANCE,
    DDL_TRIGGERS,
    DDL_PARTITIONS,
    DDL_CYCLE,
    DDL_CACHE,
    DDL_GENERATED,
    DDL_FOREIGN,
    DDL_CHANGES,
};
#define DDL_NAMES_MAX 400
struct ddl_changes {
    struct {
        size_t count;
        char names[DDL_NAMES_MAX]; /* of the first few */
    } of[DDL_CHANGES];
};
/* One warning for each kind of change that happened. */
void ddl_changes_tell(const struct ddl_changes *changes, struct findings *findings);

struct ddl_script {
    char *label;       /* "table public.orders" */
    char *note;        /* "created table public.orders, sharded by customer_id" */
    char **statements; /* of one transaction, without BEGIN and COMMIT */
    size_t count;
};
void ddl_script_free(struct ddl_script *s);
/* Takes sql over. False with ERR_SYSTEM when it failed. */
bool ddl_script_add(struct ddl_script *s, struct buf *sql, struct err *err) MUST_CHECK;

struct ddl_context {
    const struct definitions *definitions;
    struct ddl_sequence *sequences;
    bool is_limitless;
    int server_version; /* of the destination */
    struct ddl_changes *changes;
};

/* Sequences that are missing, the table, its partitions, and who owns the sequences. */
bool ddl_table_make(const struct ddl_table *t, const struct ddl_context *cx, struct ddl_script *out,
                    struct err *err) MUST_CHECK;

/* What becomes of the primary key. */
enum ddl_key {
    DDL_KEY_NONE,     /* the source has none */
    DDL_KEY_KEPT,     /* the source's */
    DDL_KEY_EXTENDED, /* with the columns of the shard key behind the source's */
    DDL_KEY_LOST,     /* the job file leaves out a column of it */
};
#define DDL_KEY_MAX 64
/* Its columns on the destination; *count is 0 for NONE and LOST. */
enum ddl_key ddl_primary_key(const struct ddl_table *t, const char *out[DDL_KEY_MAX],
                             size_t *count);

/* NULL: no column of the destination's table has this name. */
const struct ddl_column *ddl_column_find(const struct ddl_table *t, const char *name);

/* "sharded by customer_id, collocated with public.orders"; appends. */
void ddl_mode_text(const struct ddl_table *t, struct buf *out);

#endif
