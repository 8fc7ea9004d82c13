#include "ends/source_pg.h"

#include "base/buf.h"
#include "ends/work.h"
#include "flow/batch.h"
#include "pg/copy.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Binary COPY: signature, flags and the length of the header extension. Source: the COPY page of
 * the PostgreSQL manual, "Binary Format". */
#define BINARY_HEADER_BYTES 19u

struct source_pg {
    struct source_pg_config config;
    struct pg *pg; /* NULL: attach before the next chunk */
    const struct chunk_work *chunk;
    bool in_savepoint;
    bool copying;
    uint64_t rows; /* seen in this chunk */
    uint64_t messages;
    const char *rest; /* of a row that did not fit into the last batch; pg's memory */
    size_t rest_len;
    struct buf sql;
};

static void add_range(struct buf *b, const char *key, const char *op, const char *bound)
{
    if (bound != NULL) {
        buf_printf(b, " AND (%s) %s (%s)", key, op, bound);
    }
}

static void add_tid(struct buf *b, const char *op, const char *bound)
{
    if (bound != NULL) {
        buf_printf(b, " AND ctid %s '%s'::tid", op, bound);
    }
}

void source_pg_statement(const struct chunk_work *chunk, struct buf *out)
{
    const struct table_work *t = chunk->table;
    buf_printf(out, "COPY (%s WHERE true", t->select);
    switch (chunk->kind) {
    case CHUNK_WHOLE:
        break;
    case CHUNK_TID:
        add_tid(out, ">=", chunk->lower);
        add_tid(out, "<", chunk->upper);
        break;
    case CHUNK_KEY:
        add_range(out, t->key, ">=", chunk->lower);
        add_range(out, t->key, "<", chunk->upper);
        if (chunk->lower == NULL && chunk->upper == NULL) {
            buf_printf(out, " AND (%s) IS NOT NULL", t->key);
        }
        break;
    case CHUNK_KEY_NULL:
        buf_printf(out, " AND %s IS NULL", t->key);
        break;
    }
    if (t->filter[0] != '\0') {
        /* The line break ends a comment that the expression may close with. */
        buf_printf(out, " AND (%s\n)", t->filter);
    }
    buf_printf(out, ") TO STDOUT%s", t->binary ? " (FORMAT binary)" : "");
}

static void detach(struct source_pg *s)
{
    if (s->pg != NULL) {
        s->config.detach(s->config.self, s->config.stream, s->pg);
    }
    s->pg = NULL;
    s->in_savepoint = false;
    s->copying = false;
    s->rest_len = 0;
}

/*
 * A savepoint a chunk: a failed or cancelled COPY then costs neither the snapshot nor the locks.
 * The sequential scan is turned off for TID ranges only, so that a planner with stale statistics
 * cannot read the whole table for each chunk.
 */
static bool begin_copy(struct source_pg *s, struct err *err)
{
    buf_clear(&s->sql);
    buf_printf(&s->sql, "SAVEPOINT chunk; SET LOCAL enable_seqscan = %s; ",
               s->chunk->kind == CHUNK_TID ? "off" : "on");
    source_pg_statement(s->chunk, &s->sql);
    if (!buf_ok(&s->sql, err)) {
        return false;
    }
    s->in_savepoint = true;
    s->rows = 0;
    s->messages = 0;
    s->rest_len = 0;
    s->copying = pg_copy_out_begin(s->pg, buf_str(&s->sql), err);
    return s->copying;
}

static bool begin(struct source_pg *s, struct err *err)
{
    if (s->pg == NULL && !s->config.attach(s->config.self, s->config.stream, &s->pg, err)) {
        return false;
    }
    return s->config.prepare(s->config.self, s->pg, s->chunk, err) && begin_copy(s, err);
}

static bool source_begin(void *self, const struct task *task, struct err *err)
{
    struct source_pg *s = self;
    s->chunk = task->work;
    return begin(s, err) || err_wrap(err, "reading table %s", s->chunk->table->label);
}

/* Counts the row that a message carries: the binary header comes in front of the first, and the
 * trailer, a field count of -1, is none. */
static void count_row(struct source_pg *s, struct batch *batch, const char *row, size_t len)
{
    if (s->chunk->table->binary) {
        size_t skip = s->messages == 0 ? BINARY_HEADER_BYTES : 0;
        bool trailer = len == skip + 2 && memcmp(row + skip, "\xff\xff", 2) == 0;
        if (trailer || len == skip) {
            return;
        }
    }
    s->rows++;
    batch->rows++;
    batch->row_widest = len > batch->row_widest ? len : batch->row_widest;
}

/* Appends what fits and remembers the rest. False: the batch is full. A row that would fit into an
 * empty batch waits for one, so that batches hold whole rows. */
static bool put_row(struct source_pg *s, struct batch *batch)
{
    size_t left = batch->room - batch->len;
    if (s->rest_len > left && s->rest_len <= batch->room) {
        return false;
    }
    size_t done = batch_append(batch, s->rest, s->rest_len);
    s->rest += done;
    s->rest_len -= done;
    return s->rest_len == 0;
}

static bool finish(struct source_pg *s, uint64_t *rows_total, struct err *err)
{
    uint64_t tag = 0;
    s->copying = false;
    if (!pg_copy_out_end(s->pg, &tag, err)) {
        return false;
    }
    if (tag != s->rows) {
        return err_set(err, ERR_DATA, "the server says it sent %llu rows, %llu arrived",
                       (unsigned long long)tag, (unsigned long long)s->rows);
    }
    s->in_savepoint = false;
    if (!pg_exec(s->pg, "RELEASE SAVEPOINT chunk", err)) {
        return false;
    }
    *rows_total = tag;
    return true;
}

static bool fill(struct source_pg *s, struct batch *batch, bool *end, uint64_t *rows_total,
                 struct err *err)
{
    for (;;) {
        if (s->rest_len > 0 && !put_row(s, batch)) {
            *end = false;
            return true;
        }
        const char *row = NULL;
        size_t len = 0;
        if (!pg_copy_read(s->pg, &row, &len, err)) {
            return false;
        }
        if (row == NULL) {
            *end = true;
            return finish(s, rows_total, err);
        }
        count_row(s, batch, row, len);
        s->messages++;
        s->rest = row;
        s->rest_len = len;
    }
}

static bool source_fill(void *self, struct batch *batch, bool *end, uint64_t *rows_total,
                        struct err *err)
{
    struct source_pg *s = self;
    return fill(s, batch, end, rows_total, err) ||
           err_wrap(err, "reading table %s", s->chunk->table->label);
}

/* Cancels what still runs and goes back to the savepoint; when that does not work, gives the
 * connection up: the next chunk gets a new one. */
static void source_abandon(void *self)
{
    struct source_pg *s = self;
    struct err ignored;
    if (s->pg == NULL) {
        return;
    }
    if (pg_is_dead(s->pg) || !s->in_savepoint) {
        detach(s); /* lost, or prepare failed and left the transaction aborted */
        return;
    }
    if (s->copying) {
        const char *row = "";
        size_t len = 0;
        uint64_t rows = 0;
        pg_cancel(s->pg);
        while (row != NULL) {
            if (!pg_copy_read(s->pg, &row, &len, &ignored)) {
                detach(s);
                return;
            }
        }
        bool ended = pg_copy_out_end(s->pg, &rows, &ignored);
        (void)ended; /* cancelled, as asked */
        s->copying = false;
    }
    s->rest_len = 0;
    s->in_savepoint = false;
    if (!pg_exec(s->pg, "ROLLBACK TO SAVEPOINT chunk; RELEASE SAVEPOINT chunk", &ignored)) {
        detach(s);
    }
}

struct source_pg *source_pg_new(const struct source_pg_config *config)
{
    struct source_pg *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->config = *config;
        buf_init(&s->sql, BUF_SQL_MAX);
    }
    return s;
}

struct source source_pg_ops(struct source_pg *s)
{
    return (struct source){
        .self = s, .begin = source_begin, .fill = source_fill, .abandon = source_abandon};
}

void source_pg_free(struct source_pg *s)
{
    if (s == NULL) {
        return;
    }
    detach(s);
    buf_free(&s->sql);
    free(s);
}
