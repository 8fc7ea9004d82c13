/*
 * snapshot.h: the one moment of the source that a job reads, and how a connection gets into it.
 *
 * Snapshot ids repeat after a restart of the server, so an id alone proves nothing: an import
 * counts only when pg_current_snapshot(), the system identifier and the server's start time are the
 * same too.
 */
#ifndef JOB_SNAPSHOT_H
#define JOB_SNAPSHOT_H

#include "base/err.h"
#include "pg/pg.h"
#include "pg/session.h"

#include <stddef.h>
#include <stdint.h>

#define SNAPSHOT_ID_MAX 64

struct snapshot_identity {
    unsigned no;              /* in the job, from 1 */
    char id[SNAPSHOT_ID_MAX]; /* what pg_export_snapshot gave; changes when the holder changes */
    char *visible;            /* pg_current_snapshot(); owned */
    char system[32];
    char started[64];
    char taken_at[48]; /* ISO time of the source's clock */
};

void snapshot_identity_free(struct snapshot_identity *s); /* zeroed is allowed */
bool snapshot_identity_copy(const struct snapshot_identity *from, struct snapshot_identity *to,
                            struct err *err) MUST_CHECK;

/* Begins a transaction on pg (pinned) and exports its snapshot. */
bool snapshot_take(struct pg *pg, struct snapshot_identity *out, struct err *err) MUST_CHECK;

/* Begins a transaction on pg inside the snapshot. ERR_LOST_SNAPSHOT when it is gone or is another.
 */
bool snapshot_import(struct pg *pg, const struct snapshot_identity *s, struct err *err) MUST_CHECK;

/* Exports again from a connection that is inside; id gets the new name. */
bool snapshot_export(struct pg *pg, char id[SNAPSHOT_ID_MAX], struct err *err) MUST_CHECK;

/* The tables whose storage must not be swapped while they are read. */
struct locked_table {
    unsigned no; /* in the plan */
    const char *schema;
    const char *name;
    char kind;     /* relkind */
    bool by_query; /* the role has SELECT on columns only, which LOCK TABLE does not accept */
    uint32_t oid;
    uint32_t filenode; /* as planned; 0: not compared */
};

/* SQL that takes ACCESS SHARE on all of them; the caller frees; NULL without memory. */
char *snapshot_lock_sql(const struct locked_table *tables, size_t count);

/* Every filenode is still the planned one, else ERR_LOST_SNAPSHOT naming the table. The locks must
 * be held: without them the answer is old when it arrives. */
bool snapshot_check_filenodes(struct pg *pg, const struct locked_table *tables, size_t count,
                              struct err *err) MUST_CHECK;

#endif
