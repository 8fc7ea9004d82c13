#include "base/cleanup.h"
#include "base/str.h"
#include "job/schema_run_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 400u

static void add_table(const struct schema_context *cx, struct buf *b)
{
    pg_add_name(b, cx->spec->ledger_schema, "schema_step");
}

static bool run(const struct schema_context *cx, struct buf *sql, struct err *err)
{
    bool ok = buf_ok(sql, err) && pg_exec(cx->destination, buf_str(sql), err);
    buf_free(sql);
    return ok;
}

static bool exists(const struct schema_context *cx, bool *there, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    const char *const params[] = {cx->spec->ledger_schema};
    if (!pg_query(cx->destination,
                  "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                  " WHERE n.nspname = $1 AND c.relname = 'schema_step'",
                  1, params, &r, err)) {
        return false;
    }
    *there = pg_rows_count(r) > 0;
    return true;
}

/* Two runs that make it at once collide in the catalogs; the loser finds it there. */
static bool make(const struct schema_context *cx, struct err *err)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "CREATE SCHEMA IF NOT EXISTS ");
    pg_add_ident(&b, cx->spec->ledger_schema);
    if (!run(cx, &b, err)) {
        return false;
    }
    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "CREATE TABLE IF NOT EXISTS ");
    add_table(cx, &b);
    buf_puts(&b, " (job text NOT NULL, step text NOT NULL, object text NOT NULL,"
                 " done_at timestamp with time zone DEFAULT now() NOT NULL,"
                 " PRIMARY KEY (job, step))");
    return run(cx, &b, err);
}

bool steps_open(const struct schema_context *cx, struct err *err)
{
    bool there = false;
    struct err why = {.kind = ERR_NONE};
    if (!exists(cx, &there, err)) {
        return false;
    }
    for (int i = 0; !there && i < 2; i++) {
        if (make(cx, &why)) {
            return true;
        }
        if (pg_is_dead(cx->destination) || !exists(cx, &there, err)) {
            break;
        }
    }
    if (!there) {
        *err = why;
        const char *grant = err->kind == ERR_AUTH ? " (GRANT CREATE ON DATABASE to the role)" : "";
        return err_wrap(err, "making the table that steps are written down in%s", grant);
    }
    return true;
}

/* ---- keys ---- */

/* Two hashes with different starts stand for the statements. */
void step_key(const struct schema_item *item, char out[STEP_KEY_MAX])
{
    uint64_t a = str_hash(str_hash(STR_HASH_START, item->type), item->name);
    uint64_t b = str_hash(str_hash(~(uint64_t)STR_HASH_START, item->name), item->type);
    for (size_t i = 0; i < item->statement_count; i++) {
        a = str_hash(a, item->statements[i]);
        b = str_hash(b, item->statements[i]);
    }
    (void)snprintf(out, STEP_KEY_MAX, "%016llx%016llx", (unsigned long long)a,
                   (unsigned long long)b);
}

void step_set_free(struct step_set *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->keys[i]);
    }
    free(s->keys);
    *s = (struct step_set){.count = 0};
}

bool steps_read(const struct schema_context *cx, struct step_set *out, struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    struct step_set s = {.count = 0};
    const char *const params[] = {cx->job};
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "SELECT step FROM ");
    add_table(cx, &b);
    buf_puts(&b, " WHERE job = $1 ORDER BY step COLLATE \"C\"");
    bool ok = buf_ok(&b, err) && pg_query(cx->destination, buf_str(&b), 1, params, &r, err);
    buf_free(&b);
    if (!ok) {
        return false;
    }
    s.keys = calloc(pg_rows_count(r) + 1, sizeof *s.keys);
    for (size_t i = 0; s.keys != NULL && i < pg_rows_count(r); i++) {
        s.keys[i] = str_copy(pg_text(r, i, 0));
        if (s.keys[i] == NULL) {
            break;
        }
        s.count++;
    }
    if (s.keys == NULL || s.count < pg_rows_count(r)) {
        step_set_free(&s);
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    *out = s;
    return true;
}

static int compare(const void *key, const void *item)
{
    return strcmp(key, *(char *const *)item);
}

bool step_is_done(const struct step_set *s, const char key[STEP_KEY_MAX])
{
    return s->count > 0 && bsearch(key, s->keys, s->count, sizeof *s->keys, compare) != NULL;
}

bool steps_forget(const struct schema_context *cx, struct err *err)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "DELETE FROM ");
    add_table(cx, &b);
    buf_puts(&b, " WHERE job = ");
    pg_add_literal(&b, cx->job);
    return run(cx, &b, err);
}

/* ---- statements ---- */

void step_insert(const struct schema_context *cx, const struct schema_item *item, struct buf *out)
{
    char key[STEP_KEY_MAX];
    char label[LABEL_MAX];
    step_key(item, key);
    (void)snprintf(label, sizeof label, "%.60s %.300s", item->type, item->name);
    /* A character that was cut in two is not worth a failure. */
    for (size_t i = strlen(label);
         i > 0 && ((unsigned char)label[i - 1] & 0xc0u) == 0x80u && strlen(item->name) > 300; i--) {
        label[i - 1] = '\0';
    }
    buf_puts(out, "INSERT INTO ");
    add_table(cx, out);
    buf_puts(out, " (job, step, object) VALUES (");
    pg_add_literal(out, cx->job);
    buf_printf(out, ", '%s', ", key);
    pg_add_literal(out, label);
    buf_puts(out, ")");
}

bool step_sql(const struct schema_context *cx, const struct schema_item *item, uint64_t memory,
              struct buf *out, struct err *err)
{
    buf_puts(out, "BEGIN;\n");
    if (memory > 0) {
        buf_printf(out, "SET LOCAL maintenance_work_mem = '%llukB';\n",
                   (unsigned long long)(memory / 1024));
    }
    step_insert(cx, item, out);
    for (size_t i = 0; i < item->statement_count; i++) {
        buf_printf(out, ";\n%s", item->statements[i]);
    }
    buf_puts(out, ";\nCOMMIT");
    return buf_ok(out, err);
}

/* ---- sessions ---- */

/* As pg_dump's scripts are meant to be run; search_path empty. Types and functions in its texts
 * come with their schemas. */
bool schema_pin(const struct schema_context *cx, struct pg *pg, struct err *err)
{
    bool plain = !cx->group->is_limitless;
    return session_pin(pg, cx->encoding, err) &&
           pg_exec(pg,
                   "SELECT set_config('search_path', '', false);"
                   "SET check_function_bodies = false;"
                   "SET client_min_messages = warning;"
                   "SET default_tablespace = '';"
                   "SET xmloption = content;"
                   "SET row_security = off",
                   err) &&
           (!plain || pg_version(pg) < 120000 ||
            pg_exec(pg, "SET default_table_access_method = heap", err)) &&
           (plain || limitless_pin(pg, err));
}

bool schema_pin_after(const struct schema_context *cx, struct pg *pg, struct err *err)
{
    const struct schema_request *q = &cx->spec->schema;
    struct err ignored;
    bool ok = true;
    if (q->memory_bytes > 0) {
        ok = pg_execf(pg, err, "SET maintenance_work_mem = '%llukB'",
                      (unsigned long long)(q->memory_bytes / 1024));
    } else if (!pg_exec(pg,
                        "SELECT set_config('maintenance_work_mem', '256MB', false) FROM pg_settings"
                        " WHERE name = 'maintenance_work_mem' AND setting::bigint < 262144",
                        &ignored) &&
               pg_is_dead(pg)) {
        *err = ignored;
        return false;
    }
    return ok && (!q->workers_given ||
                  pg_execf(pg, err, "SET max_parallel_maintenance_workers = %u", q->workers));
}
