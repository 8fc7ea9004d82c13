#include "ends/source_pg.h"

#include "base/buf.h"
#include "ends/work.h"
#include "pg/copy.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum source_state {
    SOURCE_IDLE,
    SOURCE_PREPARING, /* a failure leaves the transaction aborted, without a savepoint */
    SOURCE_COPYING,   /* inside the savepoint, which the query releases at its end */
};

struct source_pg {
    struct source_pg_config config;
    struct pg *pg; /* NULL: attach before the next group */
    enum source_state state;
    const struct group_work *group;
    unsigned part;      /* that is being read */
    uint64_t part_rows; /* that came of it */
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
    s->state = SOURCE_IDLE;
}

/* The sequential scan is turned off for TID ranges only, so that a planner with stale statistics
 * cannot read the whole table for each chunk. */
static void add_group(struct buf *b, const struct group_work *group)
{
    buf_puts(b, "SAVEPOINT chunk");
    for (unsigned i = 0; i < group->count; i++) {
        const struct chunk_work *chunk = group->chunks[i];
        if (i == 0 || (chunk->kind == CHUNK_TID) != (group->chunks[i - 1]->kind == CHUNK_TID)) {
            buf_printf(b, "; SET LOCAL enable_seqscan = %s",
                       chunk->kind == CHUNK_TID ? "off" : "on");
        }
        buf_puts(b, "; ");
        source_pg_statement(chunk, b);
    }
    buf_puts(b, "; RELEASE SAVEPOINT chunk");
}

static bool begin(struct source_pg *s, struct err *err)
{
    const struct table_work *table = s->group->table;
    if (s->pg == NULL && !s->config.attach(s->config.self, s->config.stream, &s->pg, err)) {
        return false;
    }
    s->state = SOURCE_PREPARING;
    if (!s->config.prepare(s->config.self, s->pg, table, err)) {
        return false;
    }
    s->state = SOURCE_IDLE;
    buf_clear(&s->sql);
    add_group(&s->sql, s->group);
    if (!buf_ok(&s->sql, err)) {
        return false;
    }
    s->state = SOURCE_COPYING;
    return pg_copy_out_begin(s->pg, buf_str(&s->sql), table->binary, err);
}

/* The server does not say which expression met a value it cannot take (classes 21 and 22). */
static bool explain(const struct source_pg *s, struct err *err)
{
    const struct table_work *t = s->group->table;
    const char *state = s->pg == NULL ? "" : pg_sqlstate(s->pg);
    bool by_value = strncmp(state, "21", 2) == 0 || strncmp(state, "22", 2) == 0;
    if (by_value && t->computed != NULL && t->computed[0] != '\0') {
        struct err said = *err;
        (void)err_set(err, said.kind,
                      "%s; it has computed columns (%s): an expression of the job file may have "
                      "failed",
                      said.msg, t->computed);
    }
    return err_wrap(err, "reading table %s", t->label);
}

static bool source_begin(void *self, const struct task *task, struct err *err)
{
    struct source_pg *s = self;
    s->group = task->work;
    s->part = 0;
    s->part_rows = 0;
    assert(s->state == SOURCE_IDLE && s->group->count == task->parts);
    return begin(s, err) || explain(s, err);
}

/* The server's count of a chunk must be ours, and there must be as many counts as chunks. */
static bool finish_part(struct source_pg *s, const struct pg_copied *copied, struct err *err)
{
    if (copied->copy_tag != s->part_rows) {
        return err_set(err, ERR_DATA, "the server says it sent %llu rows, %llu arrived",
                       (unsigned long long)copied->copy_tag, (unsigned long long)s->part_rows);
    }
    s->part++;
    s->part_rows = 0;
    if (copied->all_ended != (s->part == s->group->count)) {
        return err_set(err, ERR_DATA, "the server answered %u of %u statements", s->part,
                       s->group->count);
    }
    return true;
}

static bool fill(struct source_pg *s, char *to, size_t room, size_t row_room, struct filled *out,
                 struct err *err)
{
    struct pg_copied copied = {.len = 0};
    if (!pg_copy_out_fill(s->pg, to, room, row_room, &copied, err)) {
        return false;
    }
    s->part_rows += copied.rows;
    if (copied.all_ended) {
        s->state = SOURCE_IDLE;
    }
    if (copied.copy_ended && !finish_part(s, &copied, err)) {
        return false;
    }
    *out = (struct filled){.len = copied.len,
                           .rows = copied.rows,
                           .row_widest = copied.row_widest,
                           .part_ended = copied.copy_ended,
                           .task_ended = copied.all_ended};
    return true;
}

static bool source_fill(void *self, char *to, size_t room, size_t row_room, struct filled *out,
                        struct err *err)
{
    struct source_pg *s = self;
    return fill(s, to, room, row_room, out, err) || explain(s, err);
}

/* Cancels what still runs, and goes back to the savepoint unless it is released already. */
static bool roll_back(struct source_pg *s)
{
    struct err ignored;
    return pg_copy_out_abandon(s->pg, &ignored) &&
           (pg_sqlstate(s->pg)[0] == '\0' ||
            pg_exec(s->pg, "ROLLBACK TO SAVEPOINT chunk; RELEASE SAVEPOINT chunk", &ignored));
}

/* When there is no way back the connection is given up: the next group gets a new one. */
static void source_abandon(void *self)
{
    struct source_pg *s = self;
    if (s->pg == NULL) {
        return;
    }
    if (pg_is_dead(s->pg) || s->state == SOURCE_PREPARING ||
        (s->state == SOURCE_COPYING && !roll_back(s))) {
        detach(s);
    }
    s->state = SOURCE_IDLE;
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
