/*
 * limitless.h: what Sluice asks of a server to know that it is the router of an Aurora PostgreSQL
 * Limitless shard group, and what the group consists of. The caller's connection has its session
 * pinned and is outside a transaction or in one that may fail.
 */
#ifndef LIMITLESS_LIMITLESS_H
#define LIMITLESS_LIMITLESS_H

#include "base/err.h"
#include "limitless/routers.h"
#include "limitless/table_mode.h"
#include "pg/pg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct limitless_group {
    bool is_limitless; /* the table rds_aurora.limitless_subclusters is there, as AWS's ODBC driver
                          asks; the rest is 0 otherwise */
    unsigned routers;
    unsigned shards;
};
bool limitless_detect(struct pg *pg, struct limitless_group *out, struct err *err) MUST_CHECK;

/* pg_catalog.aurora_limitless_router_endpoints(): at most ROUTERS_MAX. */
bool limitless_router_loads(struct pg *pg, struct router_load out[ROUTERS_MAX], size_t *count,
                            struct err *err) MUST_CHECK;

/* What is needed before a session loads: limitless_active_shard_key unset. */
bool limitless_pin(struct pg *pg, struct err *err) MUST_CHECK;

/* rds_aurora.limitless_tables. */
struct limitless_table {
    char *schema;
    char *name;
    enum table_mode mode;
    char *distribution_key; /* "HASH (order_id)", "" for others */
};
struct limitless_tables {
    struct limitless_table *items;
    size_t count;
};
void limitless_tables_free(struct limitless_tables *t);
bool limitless_tables_read(struct pg *pg, struct limitless_tables *out, struct err *err) MUST_CHECK;
const struct limitless_table *limitless_tables_find(const struct limitless_tables *t,
                                                    const char *schema, const char *name);

const char *table_mode_name(enum table_mode mode); /* "sharded" */

#endif
