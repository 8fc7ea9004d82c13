/*
 * Does the shard group take binary COPY? That it does is not documented anywhere, so it is asked at
 * planning: an empty one into a table of each mode, in a transaction that is rolled back. Where it
 * is refused, while the same in text is taken, all tables of the job go in text; the plan says so,
 * and with it the ledger, so that no row has been read as binary by then.
 */
#include "base/str.h"
#include "job/load_internal.h"
#include "pg/copy.h"

#include <stdlib.h>
#include <string.h>

static bool copy_nothing(struct pg *pg, const struct plan_table *t, bool binary, struct err *err)
{
    struct buf sql;
    uint64_t rows = 0;
    buf_init(&sql, BUF_SQL_MAX);
    buf_printf(&sql, "%s%s", t->work.copy_from, binary ? " (FORMAT binary)" : "");
    bool ok =
        buf_ok(&sql, err) && pg_exec(pg, "BEGIN", err) && pg_copy_in_begin(pg, buf_str(&sql), err);
    buf_free(&sql);
    return ok &&
           (!binary || (pg_copy_write(pg, PG_BINARY_HEADER, PG_BINARY_HEADER_BYTES, err) &&
                        pg_copy_write(pg, PG_BINARY_TRAILER, PG_BINARY_TRAILER_BYTES, err))) &&
           pg_copy_in_end(pg, &rows, err);
}

/* *taken false: refused, with *why. False: the connection is of no use any more. */
static bool try_copy(struct load *l, const struct plan_table *t, bool binary, bool *taken,
                     struct err *why, struct err *err)
{
    *taken = copy_nothing(l->destination, t, binary, why);
    if (!*taken && (pg_is_dead(l->destination) || why->kind == ERR_CANCELLED)) {
        *err = *why;
        return false;
    }
    return pg_exec(l->destination, "ROLLBACK", err);
}

static void go_in_text(struct load *l, const struct err *why)
{
    struct plan *plan = &l->result->plan;
    for (size_t i = 0; i < plan->table_count; i++) {
        struct plan_table *t = &plan->tables[i];
        char *because = t->work.binary ? str_copy("the destination refuses binary COPY") : NULL;
        if (because != NULL) {
            free(t->format_why);
            t->format_why = because;
        }
        t->work.binary = false;
    }
    load_warn(l, "binary COPY is refused by the destination, so every table goes in text: %.600s",
              why->msg);
}

static enum table_mode mode_of(const struct load *l, const struct plan_table *t)
{
    const struct limitless_table *known =
        limitless_tables_find(&l->modes, t->destination_schema, t->destination_name);
    return known == NULL ? TABLE_MODE_UNSAID : known->mode;
}

bool load_probe_binary(struct load *l, struct err *err)
{
    const struct plan *plan = &l->result->plan;
    bool asked[TABLE_REFERENCE + 1] = {false};
    for (size_t i = 0; l->group.is_limitless && i < plan->table_count; i++) {
        const struct plan_table *t = &plan->tables[i];
        struct err why = {.kind = ERR_NONE};
        struct err ignored = {.kind = ERR_NONE};
        bool binary = true;
        bool text = true;
        if (!t->work.binary || asked[mode_of(l, t)]) {
            continue;
        }
        asked[mode_of(l, t)] = true;
        if (!try_copy(l, t, true, &binary, &why, err) ||
            (!binary && !try_copy(l, t, false, &text, &ignored, err))) {
            return false;
        }
        if (!binary && text && l->spec->format == FORMAT_BINARY) {
            return err_set(err, ERR_USAGE,
                           "--format binary: the destination refuses binary COPY; use --format "
                           "auto: %.600s",
                           why.msg);
        }
        if (!binary && text) {
            go_in_text(l, &why);
            return true;
        }
    }
    return true;
}
