/*
 * marks.h: what becomes of each object of a dump on the destination: carried, changed (how) or left
 * out (why), the statements that make it, and in which part. Nothing of the dump is without a mark:
 * there is one item for each entry, and more for checks, which a dump has within its tables, and
 * for what only we do (positions of sequences, ANALYZE). Pure.
 */
#ifndef DDL_MARKS_H
#define DDL_MARKS_H

#include "base/err.h"
#include "ddl/dump_toc.h"
#include "ddl/facts.h"
#include "limitless/table_ddl.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum schema_mark { SCHEMA_CARRIED, SCHEMA_CHANGED, SCHEMA_LEFT_OUT, SCHEMA_MARKS };
enum schema_part { SCHEMA_BEFORE, SCHEMA_AFTER }; /* the rows */
enum schema_origin {
    SCHEMA_ENTRY, /* of the dump */
    SCHEMA_CHECK, /* within a table of the dump */
    SCHEMA_OURS,  /* beside the dump: REFRESH, ANALYZE, a sequence's position */
};
/* What may run beside what. */
enum schema_work {
    WORK_ALONE,
    WORK_INDEX,       /* beside everything but a key of the same table */
    WORK_KEY,         /* one at a time for each table */
    WORK_FOREIGN_KEY, /* one at a time for both of its tables */
    WORK_CHECK,       /* likewise for its table */
    WORK_ANALYZE,     /* beside everything */
    WORK_POSITION,    /* a sequence's position: compared first */
};

struct schema_item {
    const struct dump_entry *entry; /* NULL for a check and for ours; borrowed */
    enum schema_origin origin;
    enum schema_mark mark;
    enum schema_part part;
    enum schema_work work;
    char *type;       /* "FK CONSTRAINT", "CHECK" */
    char *name;       /* "public.film film_pkey", "TABLE public.film": for people */
    char *note;       /* how or why; NULL: carried as it is */
    bool other_owner; /* it will not belong to the role that it has at the source */
    char **statements;
    size_t statement_count;
    uint32_t rel;   /* the table that it is of, at the source; 0: none */
    uint32_t other; /* the table that it refers to */
};

struct schema_plan {
    struct schema_item *items; /* in an order in which they can be made */
    size_t count;
    size_t room;
    size_t entry_count; /* items with an entry: as many as the dump has */
};
void schema_plan_free(struct schema_plan *p); /* zeroed is allowed */

/* ---- building; NULL or false: out of memory ---- */

struct schema_item *schema_item_add(struct schema_plan *p, const struct dump_entry *e);
bool schema_item_statement(struct schema_item *item, const char *sql);
/* Takes sql over; NULL means out of memory. */
bool schema_item_take(struct schema_item *item, char *sql);
/* Adds to the note; a carried item is a changed one then, or with out one that is left out, with
 * its statements gone. */
bool schema_item_change(struct schema_item *item, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool schema_item_leave(struct schema_item *item, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "ANALYZE " and a name, after the rows. */
bool schema_item_ours(struct schema_plan *out, const char *type, const char *lead,
                      const struct relation_name *name, enum schema_work work);
/* Says something of it, once, without changing its mark. */
bool schema_item_say(struct schema_item *item, const char *text);
/* Adds this statement unless it names a role that the destination does not have, or is about what
 * a role makes that the current one may not act as, which is said. */
bool schema_item_grant(struct schema_item *item, const char *sql, const struct role_facts *roles);
bool schema_item_owner(struct schema_item *item, const char *sql, const struct role_facts *roles);

/* ---- a plain destination: everything as it is ---- */

struct plain_input {
    const struct dump_toc *toc;
    const struct schema_facts *facts;
    const struct role_facts *roles;
    bool analyze;
};
bool schema_mark_plain(const struct plain_input *in, struct schema_plan *out,
                       struct err *err) MUST_CHECK;

/* ---- a shard group ---- */

/* A table that is to be made there; partitions are not among them, their root is. */
struct group_table {
    uint32_t oid; /* at the source */
    const struct ddl_table *ddl;
    struct ddl_script script;
    char *note;          /* how it is changed; NULL: it is not */
    char *refused;       /* why it cannot be made; NULL: it can */
    uint32_t group;      /* of tables collocated with each other: the oid of one of them */
    uint32_t collocated; /* the table that has to be made before; 0: none */
};

struct group_sequence {
    uint32_t oid;
    struct relation_name name; /* there */
    bool with_table;           /* a table's statements make it */
};

struct group_input {
    const struct dump_toc *toc;
    const struct schema_facts *facts;
    const struct role_facts *roles;
    struct group_table *tables; /* by oid */
    size_t table_count;
    const struct group_sequence *sequences; /* by oid */
    size_t sequence_count;
    int server_version; /* 160009: of the group */
    const char *ledger_schema;
    bool analyze;
};
bool schema_mark_group(const struct group_input *in, struct schema_plan *out,
                       struct err *err) MUST_CHECK;

/* ---- for people ---- */

const char *schema_mark_name(enum schema_mark mark); /* "left out" */

#endif
