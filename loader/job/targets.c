#include "job/targets.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "job/ledger.h"

#include <stdlib.h>
#include <string.h>

static void add_probe(const struct relation *t, size_t i, struct buf *b)
{
    buf_printf(b, "%sSELECT %zu, ", i == 0 ? "" : " UNION ALL ", i);
    if (t->can_select && t->can_use_schema && !t->row_security) {
        buf_printf(b, "EXISTS (SELECT 1 FROM %s", t->kind == 'p' ? "" : "ONLY ");
        pg_add_name(b, t->schema, t->name);
        buf_puts(b, ")");
    } else if (t->kind == 'p') {
        buf_printf(b,
                   "coalesce((SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree(%u::oid)"
                   "), 0) > 0",
                   t->oid);
    } else {
        buf_printf(b, "pg_relation_size(%u::oid) > 0", t->oid);
    }
}

/* Many thousand arms of one UNION would exhaust the server's stack. */
#define PROBES_MAX 500u

bool targets_are_empty(struct pg *pg, const struct relation_list *targets, bool *empty,
                       struct err *err)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    bool ok = true;
    for (size_t from = 0; ok && from < targets->count; from += PROBES_MAX) {
        size_t n = targets->count - from < PROBES_MAX ? targets->count - from : PROBES_MAX;
        CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
        buf_clear(&b);
        for (size_t i = 0; i < n; i++) {
            add_probe(&targets->items[from + i], i, &b);
        }
        ok = buf_ok(&b, err) && pg_query(pg, buf_str(&b), 0, NULL, &r, err);
        for (size_t i = 0; ok && i < pg_rows_count(r); i++) {
            empty[from + (size_t)pg_int(r, i, 0)] = !pg_bool(r, i, 1);
        }
    }
    buf_free(&b);
    return ok || err_wrap(err, "looking whether the destination's tables are empty");
}

static bool is_target(const struct relation_list *targets, uint32_t root_oid)
{
    for (size_t i = 0; i < targets->count; i++) {
        if (targets->items[i].root_oid == root_oid) {
            return true;
        }
    }
    return false;
}

static void check_truncate(const struct relation_list *targets, const struct foreign_key_list *keys,
                           struct findings *findings)
{
    for (size_t i = 0; i < targets->count; i++) {
        const struct relation *t = &targets->items[i];
        if (!t->can_truncate) {
            findings_add(findings, FINDING_BLOCKER, ERR_AUTH,
                         "--mode truncate: the destination role may not truncate %s.%s; GRANT "
                         "TRUNCATE on it",
                         t->schema, t->name);
        }
    }
    for (size_t i = 0; i < keys->count; i++) {
        const struct foreign_key *k = &keys->items[i];
        if (is_target(targets, k->parent_oid) && !is_target(targets, k->child_oid)) {
            findings_add(findings, FINDING_BLOCKER, ERR_USAGE,
                         "--mode truncate: %s, which is not part of this job, references %s (%s);"
                         " add it to the job, or drop the constraint until the load is done",
                         k->child, k->parent, k->name);
        }
    }
}

/* ---- rows of an unfinished job ---- */

/* $1 is no job here. As many as there can be findings. */
#define UNFINISHED_SQL                                                              \
    "SELECT m.destination_schema, m.destination_name, min(m.job) FROM @job_table m" \
    " JOIN @job j ON j.job = m.job AND j.state = 'planned' AND j.job <> $1"         \
    " WHERE EXISTS (SELECT 1 FROM @chunk_done d WHERE d.job = m.job"                \
    " AND d.table_no = m.table_no AND d.rows > 0) GROUP BY 1, 2 LIMIT 1000"

bool targets_unfinished(struct pg *pg, const struct spec *spec, struct pg_rows **out,
                        struct err *err)
{
    struct ledger ledger;
    struct ledger_query q = {.text = UNFINISHED_SQL};
    struct pg_rows *rows = NULL;
    struct err why = {.kind = ERR_NONE};
    bool exists = false;
    ledger_init(&ledger, spec->ledger_schema, "");
    bool ok = ledger_exists(&ledger, pg, &exists, &why) &&
              (!exists || ledger_ask(&ledger, pg, &q, &rows, &why));
    ledger_fini(&ledger);
    if (!ok && (pg_is_dead(pg) || why.kind == ERR_CANCELLED)) {
        *err = why;
        return false;
    }
    *out = rows;
    return true;
}

static const char *job_that_filled(const struct pg_rows *unfinished, const struct relation *t)
{
    for (size_t i = 0; unfinished != NULL && i < pg_rows_count(unfinished); i++) {
        if (strcmp(pg_text(unfinished, i, 0), t->schema) == 0 &&
            strcmp(pg_text(unfinished, i, 1), t->name) == 0) {
            return pg_text(unfinished, i, 2);
        }
    }
    return NULL;
}

/* Appending to what an unfinished job put there could double rows, so that is not offered then. */
static void add_filled(const struct relation *t, const char *job, struct findings *findings)
{
    if (job != NULL) {
        findings_add(findings, FINDING_BLOCKER, ERR_USAGE,
                     "table %s.%s on the destination has rows in it, and the unfinished job \"%s\" "
                     "put some there; run that job's command as it was to go on with it (a changed "
                     "--where or rule of the job file makes another job), or choose --mode truncate"
                     " (remove them first)",
                     t->schema, t->name, job);
        return;
    }
    findings_add(findings, FINDING_BLOCKER, ERR_USAGE,
                 t->can_select ? "table %s.%s on the destination has rows in it; choose --mode "
                                 "append (add to them) or --mode truncate (remove them first)"
                               : "cannot tell whether table %s.%s on the destination is empty: "
                                 "it has pages, and the role may not read it; GRANT SELECT on it,"
                                 " or choose --mode append or --mode truncate",
                 t->schema, t->name);
}

void targets_check(const struct spec *spec, const struct relation_list *targets, const bool *empty,
                   const struct foreign_key_list *keys, const struct pg_rows *unfinished,
                   struct findings *findings)
{
    if (spec->mode == MODE_TRUNCATE) {
        check_truncate(targets, keys, findings);
    }
    for (size_t i = 0; spec->mode == MODE_ERROR && i < targets->count; i++) {
        const struct relation *t = &targets->items[i];
        if (!empty[i]) {
            add_filled(t, job_that_filled(unfinished, t), findings);
        }
    }
}

char *targets_truncate_sql(const struct relation_list *targets)
{
    struct buf b;
    size_t named = 0;
    buf_init(&b, BUF_SQL_MAX);
    for (size_t i = 0; i < targets->count; i++) {
        const struct relation *t = &targets->items[i];
        buf_puts(&b, named++ == 0 ? "TRUNCATE " : ", ");
        buf_puts(&b, t->kind == 'p' ? "" : "ONLY ");
        pg_add_name(&b, t->schema, t->name);
    }
    return buf_take(&b);
}
