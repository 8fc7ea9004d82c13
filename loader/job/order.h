/*
 * order.h: foreign keys and triggers of the destination: whether they are kept in force while rows
 * go in, and if so, in which order tables are loaded. Pure but for findings.
 */
#ifndef JOB_ORDER_H
#define JOB_ORDER_H

#include "base/findings.h"
#include "job/spec.h"
#include "pg/catalog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One table of the job as its destination's foreign keys see it. */
struct order_table {
    uint32_t root_oid; /* of the destination relation: what foreign keys are attached to */
    bool partial;      /* has a --where, or is a leaf whose siblings are not all loaded */
    bool deferrable;   /* has a unique or exclusion constraint that a trigger checks */
    bool reference;    /* of a shard group: loaded before all others */
    const char *name;  /* of the destination root, for messages */
    unsigned level;    /* out: those of lower levels are loaded before it */
    bool single_chunk; /* out: references itself, so its rows must arrive in one statement */
};

struct order {
    bool may_disable; /* in: the role may set session_replication_role */
    bool disable;     /* session_replication_role = replica */
    char why[160];    /* for --dry-run: what decided it */
};

/*
 * out->may_disable is an input. Levels are those of the foreign keys where these are kept, and 0
 * where not; reference tables, and what they reference, come before all others. Blockers (ERR_USAGE
 * or ERR_AUTH) for what cannot be: --triggers disable without the right, a cycle of two or more
 * tables under keep, a self-reference over several tables that share a root.
 */
void order_tables(const struct spec *spec, const struct foreign_key_list *keys,
                  struct order_table *tables, size_t count, struct findings *findings,
                  struct order *out);

#endif
