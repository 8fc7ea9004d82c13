#include "ends/sink_pg.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "ends/work.h"
#include "pg/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/sockios.h>

struct sink_pg {
    struct sink_pg_config config;
    struct pg *pg; /* NULL: attach before the next chunk */
    const struct group_work *group;
    bool in_transaction;
    bool copying;
    bool headed;           /* the binary format's header is sent */
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

static void where_chunks(struct sink_pg *s)
{
    const struct group_work *g = s->group;
    buf_printf(&s->sql, " WHERE job = %s AND table_no = %u AND chunk_no BETWEEN %u AND %u",
               buf_str(&s->job), g->table->no, g->chunks[0]->no, g->chunks[g->count - 1]->no);
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

static bool take_counts(struct sink_pg *s, const struct pg_rows *r, struct part *parts,
                        struct err *err)
{
    size_t n = pg_rows_count(r);
    if (n != s->group->count) {
        return err_set(err, ERR_TRANSIENT, "%zu of %u chunks are in the ledger already", n,
                       s->group->count);
    }
    for (size_t i = 0; i < n; i++) {
        parts[i] =
            (struct part){.rows = (uint64_t)pg_int(r, i, 0), .bytes = (uint64_t)pg_int(r, i, 1)};
    }
    return true;
}

/* The counts that the committed attempt left. */
static bool read_twin(struct sink_pg *s, bool *already, struct part *parts, struct err *err)
{
    if (!roll_back(s, err)) {
        return false;
    }
    buf_clear(&s->sql);
    buf_printf(&s->sql, "SELECT rows, bytes FROM %s", buf_str(&s->done_table));
    where_chunks(s);
    buf_puts(&s->sql, " ORDER BY chunk_no");
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!pg_query(s->pg, buf_str(&s->sql), 0, NULL, &r, err)) {
        return false;
    }
    if (!take_counts(s, r, parts, err)) {
        detach(s); /* with the next connection the ledger is read again */
        return false;
    }
    *already = true;
    return true;
}

static void add_ledger_rows(struct sink_pg *s)
{
    const struct table_work *t = s->group->table;
    buf_printf(&s->sql,
               "BEGIN; INSERT INTO %s (job, table_no, chunk_no, rows, bytes, snapshot_no, worker,"
               " started_at) VALUES ",
               buf_str(&s->done_table));
    for (unsigned i = 0; i < s->group->count; i++) {
        buf_printf(&s->sql, "%s(%s, %u, %u, 0, 0, %u, %s, clock_timestamp())", i == 0 ? "" : ", ",
                   buf_str(&s->job), t->no, s->group->chunks[i]->no, t->snapshot_no,
                   buf_str(&s->worker));
    }
}

static bool open_group(struct sink_pg *s, bool *already, struct part *parts, struct err *err)
{
    const struct table_work *t = s->group->table;
    buf_clear(&s->sql);
    add_ledger_rows(s);
    buf_printf(&s->sql, "; %s%s", t->copy_from, t->binary ? " (FORMAT binary)" : "");
    if (!buf_ok(&s->sql, err)) {
        return false;
    }
    s->in_transaction = true;
    s->headed = !t->binary;
    s->copying = pg_copy_in_begin(s->pg, buf_str(&s->sql), err);
    if (!s->copying && !pg_is_dead(s->pg) && is_twin(s)) {
        return read_twin(s, already, parts, err);
    }
    *already = false;
    return s->copying;
}

static bool sink_begin(void *self, const struct task *task, bool *already, struct part *parts,
                       struct err *err)
{
    struct sink_pg *s = self;
    s->group = task->work;
    if (s->pg != NULL && s->config.move != NULL &&
        s->config.move(s->config.self, s->config.stream)) {
        detach(s);
    }
    if (s->pg == NULL && !s->config.attach(s->config.self, s->config.stream, &s->pg, err)) {
        return err_wrap(err, "table %s", s->group->table->target);
    }
    return open_group(s, already, parts, err) ||
           err_wrap(err, "writing table %s", s->group->table->target);
}

static uint64_t sink_full_until(void *self)
{
    const struct sink_pg *s = self;
    bool attached = s->pg != NULL;
    return attached || s->config.full_until == NULL
               ? 0
               : s->config.full_until(s->config.self, s->config.stream);
}

static bool send_header(struct sink_pg *s, struct err *err)
{
    s->headed = true;
    return pg_copy_write(s->pg, PG_BINARY_HEADER, PG_BINARY_HEADER_BYTES, err);
}

static bool sink_write(void *self, const char *bytes, size_t len, struct err *err)
{
    struct sink_pg *s = self;
    return ((s->headed || send_header(s, err)) && pg_copy_write(s->pg, bytes, len, err)) ||
           err_wrap(err, "writing table %s", s->group->table->target);
}

/* The kernel takes megabytes at once from a writer whose server takes seconds for them. */
static uint64_t sink_unsent(void *self)
{
    const struct sink_pg *s = self;
    int bytes = 0;
    return ioctl(pg_socket(s->pg), SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (uint64_t)bytes : 0;
}

static bool refuse_count(const struct sink_pg *s, uint64_t rows_read, uint64_t rows_written,
                         struct err *err)
{
    const struct table_work *t = s->group->table;
    return err_set(
        err, ERR_DATA,
        "%llu rows were read from the source but the destination kept %llu%s%s%s;"
        " nothing of this chunk was committed",
        (unsigned long long)rows_read, (unsigned long long)rows_written,
        t->triggers[0] == '\0' ? "" : ": a BEFORE INSERT trigger swallows rows (", t->triggers,
        t->triggers[0] == '\0' ? ""
                               : "); disable it, or begin anew with --restart --triggers disable");
}

static bool end_rows(struct sink_pg *s, uint64_t rows_read, struct err *err)
{
    uint64_t rows_written = 0;
    if (!s->headed && !send_header(s, err)) {
        return false;
    }
    if (s->group->table->binary &&
        !pg_copy_write(s->pg, PG_BINARY_TRAILER, PG_BINARY_TRAILER_BYTES, err)) {
        return false;
    }
    s->copying = false;
    if (!pg_copy_in_end(s->pg, &rows_written, err)) {
        return false;
    }
    return rows_written == rows_read || refuse_count(s, rows_read, rows_written, err);
}

static void add_counts(struct sink_pg *s, const struct part *parts)
{
    buf_clear(&s->sql);
    buf_printf(&s->sql,
               "UPDATE %s d SET rows = v.r, bytes = v.b, finished_at = clock_timestamp()"
               " FROM (VALUES ",
               buf_str(&s->done_table));
    for (unsigned i = 0; i < s->group->count; i++) {
        buf_printf(&s->sql, "%s(%u, %llu::bigint, %llu::bigint)", i == 0 ? "" : ", ",
                   s->group->chunks[i]->no, (unsigned long long)parts[i].rows,
                   (unsigned long long)parts[i].bytes);
    }
    buf_printf(&s->sql, ") v (c, r, b) WHERE d.job = %s AND d.table_no = %u AND d.chunk_no = v.c",
               buf_str(&s->job), s->group->table->no);
}

static bool commit(struct sink_pg *s, const struct part *parts, uint64_t *commit_ns,
                   struct err *err)
{
    uint64_t rows_read = 0;
    for (unsigned i = 0; i < s->group->count; i++) {
        rows_read += parts[i].rows;
    }
    if (!end_rows(s, rows_read, err)) {
        return false;
    }
    add_counts(s, parts);
    buf_puts(&s->sql, "; COMMIT");
    uint64_t began_ns = clock_mono_ns();
    if (!buf_ok(&s->sql, err) || !pg_exec(s->pg, buf_str(&s->sql), err)) {
        return false;
    }
    s->in_transaction = false;
    *commit_ns = clock_mono_ns() - began_ns;
    return true;
}

static bool sink_commit(void *self, const struct task *task, const struct part *parts,
                        uint64_t *commit_ns, struct err *err)
{
    struct sink_pg *s = self;
    (void)task;
    return commit(s, parts, commit_ns, err) ||
           err_wrap(err, "writing table %s", s->group->table->target);
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
                         .full_until = sink_full_until,
                         .write = sink_write,
                         .unsent = sink_unsent,
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
