#include "limitless/limitless.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool limitless_detect(struct pg *pg, struct limitless_group *out, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *there = NULL;
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query_row(pg,
                      "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c"
                      " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                      " WHERE n.nspname = 'rds_aurora' AND c.relname = 'limitless_subclusters')",
                      0, NULL, &there, err)) {
        return false;
    }
    if (!pg_bool(there, 0, 0)) {
        *out = (struct limitless_group){.is_limitless = false};
        return true;
    }
    if (!pg_query_row(pg,
                      "SELECT count(*) FILTER (WHERE subcluster_type::text = 'router'),"
                      " count(*) FILTER (WHERE subcluster_type::text = 'shard')"
                      " FROM rds_aurora.limitless_subclusters",
                      0, NULL, &r, err)) {
        return err_wrap(err, "reading rds_aurora.limitless_subclusters");
    }
    *out = (struct limitless_group){.is_limitless = true,
                                    .routers = (unsigned)pg_int(r, 0, 0),
                                    .shards = (unsigned)pg_int(r, 0, 1)};
    return true;
}

/* The limit is for a server that is out of its mind; a name that does not fit is no host. */
bool limitless_router_loads(struct pg *pg, struct router_load out[ROUTERS_MAX], size_t *count,
                            struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    size_t n = 0;
    if (!pg_query(pg,
                  "SELECT router_endpoint::text, load::float8"
                  " FROM pg_catalog.aurora_limitless_router_endpoints() LIMIT 1000",
                  0, NULL, &r, err)) {
        return err_wrap(err, "asking for the routers");
    }
    for (size_t i = 0; i < pg_rows_count(r) && n < ROUTERS_MAX; i++) {
        const char *host = pg_text(r, i, 0);
        size_t len = strlen(host);
        if (len == 0 || len >= ROUTER_HOST_MAX || strpbrk(host, ", \t\r\n/@'\\") != NULL) {
            continue;
        }
        memcpy(out[n].host, host, len + 1);
        out[n++].load = pg_null(r, i, 1) ? 1 : pg_double(r, i, 1);
    }
    *count = n;
    return true;
}

/* While it is set, by a role's default for example, every statement gets a value for the shard key
 * forced upon it. What an empty text means to the server is not documented, so it is only put there
 * where something else is. */
bool limitless_pin(struct pg *pg, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    return pg_query(pg,
                    "SELECT set_config('rds_aurora.limitless_active_shard_key', '', false) WHERE"
                    " current_setting('rds_aurora.limitless_active_shard_key', true) <> ''",
                    0, NULL, &r, err) ||
           err_wrap(err, "pinning the session");
}

/* ---- tables ---- */

void limitless_tables_free(struct limitless_tables *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->items[i].schema);
        free(t->items[i].name);
        free(t->items[i].distribution_key);
    }
    free(t->items);
    *t = (struct limitless_tables){0};
}

static enum table_mode mode_of(const char *type)
{
    return strcmp(type, "sharded") == 0     ? TABLE_SHARDED
           : strcmp(type, "reference") == 0 ? TABLE_REFERENCE
           : strcmp(type, "standard") == 0  ? TABLE_STANDARD
                                            : TABLE_MODE_UNSAID;
}

static bool take_table(const struct pg_rows *r, size_t i, struct limitless_table *t)
{
    *t = (struct limitless_table){.schema = str_copy(pg_text(r, i, 0)),
                                  .name = str_copy(pg_text(r, i, 1)),
                                  .mode = mode_of(pg_text(r, i, 2)),
                                  .distribution_key = str_copy(pg_text(r, i, 3))};
    return t->schema != NULL && t->name != NULL && t->distribution_key != NULL;
}

/* A placeholder stands for a table that is being made. */
bool limitless_tables_read(struct pg *pg, struct limitless_tables *out, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    struct limitless_tables t = {0};
    if (!pg_query(pg,
                  "SELECT schema_name::text, table_name::text, table_type::text,"
                  " coalesce(distribution_key::text, '') FROM rds_aurora.limitless_tables"
                  " WHERE table_type::text <> 'placeholder'",
                  0, NULL, &r, err)) {
        return err_wrap(err, "reading rds_aurora.limitless_tables");
    }
    bool ok = true;
    t.items = calloc(pg_rows_count(r) + 1, sizeof *t.items);
    for (size_t i = 0; t.items != NULL && ok && i < pg_rows_count(r); i++) {
        ok = take_table(r, i, &t.items[i]);
        t.count++;
    }
    if (t.items == NULL || !ok) {
        limitless_tables_free(&t);
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    *out = t;
    return true;
}

const struct limitless_table *limitless_tables_find(const struct limitless_tables *t,
                                                    const char *schema, const char *name)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->items[i].schema, schema) == 0 && strcmp(t->items[i].name, name) == 0) {
            return &t->items[i];
        }
    }
    return NULL;
}

const char *table_mode_name(enum table_mode mode)
{
    switch (mode) {
    case TABLE_SHARDED:
        return "sharded";
    case TABLE_REFERENCE:
        return "reference";
    case TABLE_STANDARD:
        return "standard";
    case TABLE_MODE_UNSAID:
        break;
    }
    return "";
}
