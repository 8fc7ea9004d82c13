#include "base/cleanup.h"
#include "flow/stop.h"
#include "job/load_internal.h"
#include "job/sequences.h"

#include <string.h>

/* ANALYZE by somebody who may not is no error for the server, only a notice that nobody would see.
 */
static bool may_analyze(struct load *l, const struct plan_table *t, bool *may, struct err *err)
{
    struct buf name;
    buf_init(&name, 1024);
    pg_add_name(&name, t->destination_schema, t->destination_name);
    const char *const params[] = {buf_str(&name)};
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    bool ok = pg_query_row(
        l->destination,
        pg_version(l->destination) >= 170000
            ? "SELECT has_table_privilege($1, 'MAINTAIN')"
            : "SELECT pg_has_role(c.relowner, 'USAGE') OR EXISTS (SELECT 1 FROM pg_database d WHERE"
              " d.datname = current_database() AND pg_has_role(d.datdba, 'USAGE'))"
              " FROM pg_class c WHERE c.oid = to_regclass($1)",
        1, params, &r, err);
    *may = ok && pg_bool(r, 0, 0);
    buf_free(&name);
    return ok;
}

static bool analyze_one(struct load *l, const struct plan_table *t, struct err *err)
{
    struct buf sql;
    struct err why;
    buf_init(&sql, 1024);
    buf_puts(&sql, "ANALYZE ");
    pg_add_name(&sql, t->destination_schema, t->destination_name);
    bool ok = pg_exec(l->destination, buf_str(&sql), &why);
    buf_free(&sql);
    if (!ok && (pg_is_dead(l->destination) || why.kind == ERR_CANCELLED)) {
        *err = why;
        return false;
    }
    if (!ok) {
        load_warn(l, "table %s was not analyzed: %s", t->target, why.msg);
    }
    return true;
}

static bool seen_before(const struct plan *plan, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (strcmp(plan->tables[k].target, plan->tables[i].target) == 0) {
            return true;
        }
    }
    return false;
}

static bool analyze(struct load *l, struct err *err)
{
    const struct plan *plan = &l->result->plan;
    size_t refused = 0;
    for (size_t i = 0; i < plan->table_count; i++) {
        bool may = false;
        if (seen_before(plan, i)) {
            continue;
        }
        if (!may_analyze(l, &plan->tables[i], &may, err) ||
            (may && !analyze_one(l, &plan->tables[i], err))) {
            return false;
        }
        refused += !may;
    }
    if (refused > 0) {
        load_warn(
            l,
            "%zu tables were not analyzed, because the destination role does not own them; let "
            "their owner run ANALYZE",
            refused);
    }
    return true;
}

bool load_move_sequences(struct load *l, struct err *err)
{
    struct pg *source = NULL;
    bool ok = pg_open(&l->source_target, l->control_name, stop_drain_fd(), &source, err) &&
              session_pin(source, l->encoding, err) &&
              sequences_move(source, l->destination, &l->result->plan, &l->result->sequences,
                             &l->result->findings, err);
    pg_close(source);
    return ok || err_wrap(err, "moving the sequences");
}

bool load_after(struct load *l, struct err *err)
{
    return (!l->spec->sequences || l->sequences_done || load_move_sequences(l, err)) &&
           (!l->spec->analyze || analyze(l, err));
}
