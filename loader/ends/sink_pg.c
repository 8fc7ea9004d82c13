#include "ends/sink_pg.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "ends/work.h"
#include "pg/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sink_pg {
    struct sink_pg_config config;
    struct pg *pg; /* NULL: attach before the next chunk */
    const struct chunk_work *chunk;
    bool in_transaction;
    bool copying;
    struct buf done_table; /* "sluice"."chunk_done" */
    struct buf job;        /* 'NAME' */
    struct buf worker;     /* 'NAME' */
    struct buf sql;
};

static void detach(struct sink_pg *s)
{
    if (s->pg != NULL) {
        s->config.detach(s->config.self, s->config.stream, s->pg);
    }
    s->pg = NULL;
    s->in_transaction = false;
    s->copying = false;
}

static void where_chunk(struct sink_pg *s)
{
    buf_printf(&s->sql, " WHERE job = %s AND table_no = %u AND chunk_no = %u", buf_str(&s->job),
               s->chunk->table->no, s->chunk->no);
}

static bool roll_back(struct sink_pg *s, struct err *err)
{
    if (s->copying && !pg_copy_in_abort(s->pg, err)) {
        return false;
    }
    s->copying = false;
    s->in_transaction = false;
    return pg_exec(s->pg, "ROLLBACK", err);
}

static void sink_rollback(void *self)
{
    struct sink_pg *s = self;
    struct err ignored;
    if (s->pg == NULL || !s->in_transaction) {
        return;
    }
    if (pg_is_dead(s->pg) || !roll_back(s, &ignored)) {
        detach(s);
    }
}

static bool is_twin(const struct sink_pg *s)
{
    return strcmp(pg_sqlstate(s->pg), "23505") == 0 &&
           strcmp(pg_error_table(s->pg), "chunk_done") == 0 &&
           strcmp(pg_error_schema(s->pg), s->config.ledger_schema) == 0;
}

/* The counts that the committed attempt left. */
static bool read_twin(struct sink_pg *s, bool *already, struct task_result *result, struct err *err)
{
    if (!roll_back(s, err)) {
        return false;
    }
    buf_clear(&s->sql);
    buf_printf(&s->sql, "SELECT rows, bytes FROM %s", buf_str(&s->done_table));
    where_chunk(s);
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query(s->pg, buf_str(&s->sql), 0, NULL, &r, err)) {
        return false;
    }
    if (pg_rows_count(r) != 1) {
        return err_set(err, ERR_TRANSIENT, "the ledger row of this chunk vanished again");
    }
    *result = (struct task_result){.rows = (uint64_t)pg_int(r, 0, 0),
                                   .wire_bytes = (uint64_t)pg_int(r, 0, 1)};
    *already = true;
    return true;
}

static bool open_chunk(struct sink_pg *s, bool *already, struct task_result *result,
                       struct err *err)
{
    const struct table_work *t = s->chunk->table;
    buf_clear(&s->sql);
    buf_printf(&s->sql,
               "BEGIN; INSERT INTO %s (job, table_no, chunk_no, rows, bytes, snapshot_no, worker,"
               " started_at) VALUES (%s, %u, %u, 0, 0, %u, %s, clock_timestamp()); %s%s",
               buf_str(&s->done_table), buf_str(&s->job), t->no, s->chunk->no, t->snapshot_no,
               buf_str(&s->worker), t->copy_from, t->binary ? " (FORMAT binary)" : "");
    if (!buf_ok(&s->sql, err)) {
        return false;
    }
    s->in_transaction = true;
    s->copying = pg_copy_in_begin(s->pg, buf_str(&s->sql), err);
    if (!s->copying && !pg_is_dead(s->pg) && is_twin(s)) {
        return read_twin(s, already, result, err);
    }
    *already = false;
    return s->copying;
}

static bool sink_begin(void *self, const struct task *task, bool *already,
                       struct task_result *result, struct err *err)
{
    struct sink_pg *s = self;
    s->chunk = task->work;
    if (s->pg == NULL && !s->config.attach(s->config.self, s->config.stream, &s->pg, err)) {
        return err_wrap(err, "table %s", s->chunk->table->target);
    }
    return open_chunk(s, already, result, err) ||
           err_wrap(err, "writing table %s", s->chunk->table->target);
}

static bool sink_write(void *self, const char *bytes, size_t len, struct err *err)
{
    struct sink_pg *s = self;
    return pg_copy_write(s->pg, bytes, len, err) ||
           err_wrap(err, "writing table %s", s->chunk->table->target);
}

static bool refuse_count(const struct sink_pg *s, uint64_t rows_read, uint64_t rows_written,
                         struct err *err)
{
    const struct table_work *t = s->chunk->table;
    return err_set(
        err, ERR_DATA,
        "%llu rows were read from the source but the destination kept %llu%s%s%s;"
        " nothing of this chunk was committed",
        (unsigned long long)rows_read, (unsigned long long)rows_written,
        t->triggers[0] == '\0' ? "" : ": a BEFORE INSERT trigger swallows rows (", t->triggers,
        t->triggers[0] == '\0' ? ""
                               : "); disable it, or begin anew with --restart --triggers disable");
}

static bool commit(struct sink_pg *s, uint64_t rows_read, uint64_t wire_bytes,
                   struct task_result *result, struct err *err)
{
    uint64_t rows_written = 0;
    s->copying = false;
    if (!pg_copy_in_end(s->pg, &rows_written, err)) {
        return false;
    }
    if (rows_written != rows_read) {
        return refuse_count(s, rows_read, rows_written, err);
    }
    buf_clear(&s->sql);
    buf_printf(&s->sql, "UPDATE %s SET rows = %llu, bytes = %llu, finished_at = clock_timestamp()",
               buf_str(&s->done_table), (unsigned long long)rows_written,
               (unsigned long long)wire_bytes);
    where_chunk(s);
    buf_puts(&s->sql, "; COMMIT");
    uint64_t began_ns = clock_mono_ns();
    if (!buf_ok(&s->sql, err) || !pg_exec(s->pg, buf_str(&s->sql), err)) {
        return false;
    }
    s->in_transaction = false;
    *result = (struct task_result){
        .rows = rows_written, .wire_bytes = wire_bytes, .commit_ns = clock_mono_ns() - began_ns};
    return true;
}

static bool sink_commit(void *self, const struct task *task, uint64_t rows_read,
                        uint64_t wire_bytes, struct task_result *result, struct err *err)
{
    struct sink_pg *s = self;
    (void)task;
    return commit(s, rows_read, wire_bytes, result, err) ||
           err_wrap(err, "writing table %s", s->chunk->table->target);
}

struct sink_pg *sink_pg_new(const struct sink_pg_config *config)
{
    struct sink_pg *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->config = *config;
    buf_init(&s->done_table, 1024);
    buf_init(&s->job, 1024);
    buf_init(&s->worker, 1024);
    buf_init(&s->sql, BUF_SQL_MAX);
    pg_add_name(&s->done_table, config->ledger_schema, "chunk_done");
    pg_add_literal(&s->job, config->job);
    pg_add_literal(&s->worker, config->worker);
    return s;
}

struct sink sink_pg_ops(struct sink_pg *s)
{
    return (struct sink){.self = s,
                         .begin = sink_begin,
                         .write = sink_write,
                         .commit = sink_commit,
                         .rollback = sink_rollback};
}

void sink_pg_free(struct sink_pg *s)
{
    if (s == NULL) {
        return;
    }
    detach(s);
    buf_free(&s->done_table);
    buf_free(&s->job);
    buf_free(&s->worker);
    buf_free(&s->sql);
    free(s);
}
