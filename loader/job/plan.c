#include "job/plan.h"

#include "base/buf.h"
#include "pg/pg.h"

#include <stdlib.h>
#include <string.h>

static void table_free(struct plan_table *t)
{
    char *const texts[] = {t->source_schema,
                           t->source_name,
                           t->destination_schema,
                           t->destination_name,
                           t->label,
                           t->target,
                           t->source_columns,
                           t->destination_columns,
                           t->select,
                           t->copy_from,
                           t->filter,
                           t->key,
                           t->triggers,
                           t->computed,
                           t->format_why,
                           t->split_by};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(texts[i]);
    }
    for (size_t i = 0; i < t->chunk_count; i++) {
        free(t->chunks[i].lower);
        free(t->chunks[i].upper);
    }
    free(t->chunks);
}

void plan_free(struct plan *plan)
{
    for (size_t i = 0; i < plan->table_count; i++) {
        table_free(&plan->tables[i]);
    }
    free(plan->tables);
    *plan = (struct plan){0};
}

static char *joined(const char *schema, const char *name)
{
    struct buf b;
    buf_init(&b, 1024);
    buf_printf(&b, "%s.%s", schema, name);
    return buf_take(&b);
}

/* Views and foreign tables have no ONLY of their own meaning, and it does them no harm. */
static char *select_text(const struct plan_table *t)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_printf(&b, "SELECT %s FROM ONLY ", t->source_columns);
    pg_add_name(&b, t->source_schema, t->source_name);
    return buf_take(&b);
}

/* PostgreSQL has no syntax for an empty column list; without a list COPY leaves generated columns
 * out by itself. */
static char *copy_text(const struct plan_table *t)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "COPY ");
    pg_add_name(&b, t->destination_schema, t->destination_name);
    if (t->destination_columns[0] != '\0') {
        buf_printf(&b, " (%s)", t->destination_columns);
    }
    buf_puts(&b, " FROM STDIN");
    return buf_take(&b);
}

/* The names behind the expressions, as computed_add writes them: also of a plan from the ledger. An
 * expression that looks the same costs a wrong word in a message. */
#define EXPRESSION_END "\n) AS \""

static char *computed_names(const char *columns)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "");
    for (const char *at = strstr(columns, EXPRESSION_END); at != NULL;
         at = strstr(at, EXPRESSION_END)) {
        at += strlen(EXPRESSION_END);
        buf_puts(&b, b.len == 0 ? "\"" : ", \"");
        buf_add(&b, at, strcspn(at, "\""));
        buf_puts(&b, "\"");
    }
    return buf_take(&b);
}

bool plan_table_finish(struct plan_table *t, struct err *err)
{
    t->label = joined(t->source_schema, t->source_name);
    t->target = joined(t->destination_schema, t->destination_name);
    t->select = select_text(t);
    t->copy_from = copy_text(t);
    t->computed = computed_names(t->source_columns);
    if (t->computed == NULL || t->label == NULL || t->target == NULL || t->select == NULL ||
        t->copy_from == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    t->work.label = t->label;
    t->work.target = t->target;
    t->work.select = t->select;
    t->work.copy_from = t->copy_from;
    t->work.filter = t->filter;
    t->work.key = t->key;
    t->work.computed = t->computed;
    t->work.triggers = t->triggers == NULL ? "" : t->triggers;
    return true;
}

bool plan_table_chunks(struct plan_table *t, size_t count, struct err *err)
{
    t->chunks = calloc(count == 0 ? 1 : count, sizeof *t->chunks);
    if (t->chunks == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for %zu chunks", count);
    }
    t->chunk_count = count;
    for (size_t i = 0; i < count; i++) {
        t->chunks[i].work.no = (unsigned)i;
    }
    return true;
}

bool plan_table_is_done(const struct plan_table *t)
{
    for (size_t c = 0; c < t->chunk_count; c++) {
        if (t->chunks[c].state != CHUNK_DONE) {
            return false;
        }
    }
    return true;
}

void plan_total(struct plan *plan)
{
    plan->chunk_count = 0;
    plan->bytes = 0;
    plan->level_count = 1;
    for (size_t i = 0; i < plan->table_count; i++) {
        struct plan_table *t = &plan->tables[i];
        plan->chunk_count += t->chunk_count;
        plan->bytes += t->bytes;
        plan->level_count = t->level >= plan->level_count ? t->level + 1 : plan->level_count;
        for (size_t c = 0; c < t->chunk_count; c++) {
            t->chunks[c].work.table = &t->work;
            t->chunks[c].work.lower = t->chunks[c].lower;
            t->chunks[c].work.upper = t->chunks[c].upper;
        }
    }
}
