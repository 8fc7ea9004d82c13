/* Tables that the expressions of a load read beside its own: sub-queries of computed columns and of
 * filters. They must not be emptied or rewritten under the snapshot either. */
#include "base/cleanup.h"
#include "job/load_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Every expression goes into a plan_table's select list as computed_add writes it. A column's name
 * that looks the same costs one query in vain. */
#define EXPRESSION_END "\n) AS "

static bool may_read_more(const struct plan_table *t)
{
    return t->filter[0] != '\0' || strstr(t->source_columns, EXPRESSION_END) != NULL;
}

/* The server locks what a statement names when it is analysed and planned; the locks stay with the
 * transaction. */
static bool analyse(struct load *l, const struct plan_table *t, struct err *err)
{
    struct buf sql;
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    buf_init(&sql, BUF_SQL_MAX);
    buf_puts(&sql, t->select);
    if (t->filter[0] != '\0') {
        buf_printf(&sql, " WHERE (%s\n)", t->filter);
    }
    buf_puts(&sql, " LIMIT 0");
    bool ok = buf_ok(&sql, err) && pg_query(l->source, buf_str(&sql), 0, NULL, &r, err);
    buf_free(&sql);
    return ok || err_wrap(err, "reading table %s", t->label);
}

/* What lies behind a view that only its owner may read cannot be locked by name. */
#define TOUCHED_SQL                                                                            \
    "SELECT DISTINCT n.nspname, c.relname FROM pg_locks k"                                     \
    " JOIN pg_class c ON c.oid = k.relation JOIN pg_namespace n ON n.oid = c.relnamespace"     \
    " WHERE k.pid = pg_backend_pid() AND k.locktype = 'relation'"                              \
    " AND k.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())" \
    " AND c.relkind IN ('r', 'p', 'm', 'v', 'f') AND c.relpersistence <> 't'"                  \
    " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"                           \
    " AND c.oid <> ALL ($1::oid[]) AND has_any_column_privilege(c.oid, 'SELECT')"              \
    " AND has_schema_privilege(n.oid, 'USAGE')"

static bool find_touched(struct load *l, struct relation_list *out, struct err *err)
{
    struct buf own;
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    buf_init(&own, BUF_SQL_MAX);
    for (size_t i = 0; i < l->lock_count; i++) {
        buf_printf(&own, "%s%u", i == 0 ? "{" : ",", l->locks[i].oid);
    }
    buf_puts(&own, l->lock_count == 0 ? "{}" : "}");
    const char *const params[] = {buf_str(&own)};
    bool ok = buf_ok(&own, err) && pg_query(l->source, TOUCHED_SQL, 1, params, &r, err);
    buf_free(&own);
    if (!ok || pg_rows_count(r) == 0) {
        return ok;
    }
    CLEANUP_FREE struct relation_name *names = calloc(pg_rows_count(r), sizeof *names);
    if (names == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < pg_rows_count(r); i++) {
        names[i] = (struct relation_name){pg_text(r, i, 0), pg_text(r, i, 1)};
    }
    return catalog_find(l->source, names, pg_rows_count(r), out, err);
}

static bool add_locks(struct load *l, struct err *err)
{
    const struct relation_list *more = &l->touched;
    struct locked_table *grown =
        realloc(l->locks, (l->lock_count + more->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    l->locks = grown;
    for (size_t i = 0; i < more->count; i++) {
        grown[l->lock_count++] = plan_lock(&more->items[i], UINT_MAX /* not of the plan */);
    }
    return true;
}

bool load_lock_touched(struct load *l, struct err *err)
{
    const struct plan *plan = &l->result->plan;
    bool any = false;
    relation_list_free(&l->touched);
    for (size_t i = 0; i < plan->table_count; i++) {
        const struct plan_table *t = &plan->tables[i];
        if (!plan_table_is_done(t) && may_read_more(t)) {
            any = true;
            if (!analyse(l, t, err)) {
                return false;
            }
        }
    }
    return !any || (find_touched(l, &l->touched, err) && add_locks(l, err));
}

bool load_hold_touched(struct load *l, struct err *err)
{
    struct holder before = l->holder;
    if (before.pid == 0) {
        return true; /* a dry run */
    }
    if (!load_lock_touched(l, err)) {
        return false;
    }
    if (l->touched.count == 0) {
        return true;
    }
    if (!load_hold(l, err)) {
        return false;
    }
    holder_dismiss(&before); /* the new one imported from it */
    if (!snapshot_check_filenodes(l->source, l->locks, l->lock_count, err)) {
        err->kind = err->kind == ERR_LOST_SNAPSHOT ? ERR_TRANSIENT : err->kind;
        return false;
    }
    return true;
}
