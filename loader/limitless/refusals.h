/*
 * refusals.h: what a shard group cannot take of the tables that are to be made on it, all of it
 * before the start, each with what to do about it. Pure.
 *
 * Sources: Aurora User Guide, "Limitless Database requirements", "DDL limitations", and the release
 * notes (enum as a shard key since 16.10; hstore and ltree never).
 */
#ifndef LIMITLESS_REFUSALS_H
#define LIMITLESS_REFUSALS_H

#include "base/findings.h"
#include "limitless/limitless.h"
#include "limitless/table_ddl.h"
#include "pg/catalog.h"

#include <stddef.h>

#define REFUSAL_NAME_MAX 54 /* of a sharded table, in bytes */

struct refusal_facts {
    const struct ddl_table *tables; /* to be made */
    size_t count;
    const struct limitless_tables *modes; /* of those that are there */
    const struct relation_list *there;    /* with columns: those that collocate_with names */
    int server_version;
    const char *config; /* the job file, NULL: none */
};

/* Blockers (ERR_USAGE). */
void refusals_check(const struct refusal_facts *facts, struct findings *findings);

/* Does AWS's list of extensions for a shard group have it? */
bool refusals_may_have_extension(const char *name);

/* A name of the job file, SCHEMA.TABLE, or TABLE for one beside t, means this table. */
bool refusals_same_table(const char *wish, const struct ddl_table *t,
                         const struct relation_name *name);

#endif
