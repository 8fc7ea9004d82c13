/* The samples of source_rows.h: how they are read, and where their rows end. */
#include "ends/source_pg.h"
#include "ends/source_rows.h"
#include "ends/work.h"
#include "pg/pg.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- where rows end ---- */

/* 0: the row is not complete. Line ends inside of values are escaped. */
static size_t text_row(const char *bytes, size_t len)
{
    const char *end = memchr(bytes, '\n', len);
    return end == NULL ? 0 : (size_t)(end - bytes) + 1;
}

static uint32_t read_big_endian(const char *at, size_t len)
{
    uint32_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value = value << 8 | (unsigned char)at[i];
    }
    return value;
}

/* A count of fields, and each field behind its length, -1 for NULL. False: this is no row. */
static bool binary_row(const char *bytes, size_t len, size_t *row)
{
    *row = 0;
    if (len < 2) {
        return true;
    }
    uint32_t fields = read_big_endian(bytes, 2);
    size_t at = 2;
    if (fields > INT16_MAX) {
        return false;
    }
    for (; fields > 0; fields--) {
        if (len - at < 4) {
            return true;
        }
        uint32_t field = read_big_endian(bytes + at, 4);
        at += 4;
        if (field == UINT32_MAX) {
            continue;
        }
        if (field > INT32_MAX) {
            return false;
        }
        if (field > len - at) {
            return true;
        }
        at += field;
    }
    *row = at;
    return true;
}

static bool note_end(struct rows_sample *s, size_t *room, size_t end)
{
    if (s->count == *room) {
        size_t more = *room == 0 ? 1024 : *room * 2;
        uint32_t *grown = realloc(s->ends, more * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        s->ends = grown;
        *room = more;
    }
    size_t begin = s->count == 0 ? 0 : s->ends[s->count - 1];
    s->row_widest = end - begin > s->row_widest ? end - begin : s->row_widest;
    s->ends[s->count++] = (uint32_t)end;
    return true;
}

bool rows_sample_make(char *bytes, size_t len, bool binary, struct rows_sample *out,
                      struct err *err)
{
    struct rows_sample s = {.bytes = bytes};
    size_t room = 0;
    size_t at = 0;
    assert(len <= ROWS_SAMPLE_MAX);
    while (at < len) {
        size_t row = 0;
        if (!binary) {
            row = text_row(bytes + at, len - at);
        } else if (!binary_row(bytes + at, len - at, &row)) {
            rows_sample_free(&s);
            return err_set(err, ERR_DATA, "the server sent something that is no row");
        }
        if (row == 0) {
            break;
        }
        at += row;
        if (!note_end(&s, &room, at)) {
            rows_sample_free(&s);
            return err_set(err, ERR_SYSTEM, "out of memory");
        }
    }
    *out = s;
    return true;
}

void rows_sample_free(struct rows_sample *s)
{
    free(s->bytes);
    free(s->ends);
    *s = (struct rows_sample){0};
}

/* ---- reading ---- */

struct borrowed {
    struct pg *pg;
};

static bool attach(void *self, unsigned stream, struct pg **out, struct err *err)
{
    const struct borrowed *b = self;
    (void)stream;
    (void)err;
    *out = b->pg;
    return true;
}

/* The connection stays its owner's. */
static void detach(void *self, unsigned stream, struct pg *pg)
{
    (void)self;
    (void)stream;
    (void)pg;
}

static bool prepare(void *self, struct pg *pg, const struct table_work *table, struct err *err)
{
    (void)self;
    (void)pg;
    (void)table;
    (void)err;
    return true;
}

static bool read_rows(const struct source *source, const struct task *task, char *bytes,
                      size_t room, size_t *len, struct err *err)
{
    struct filled got = {.len = 1};
    *len = 0;
    if (!source->begin(source->self, task, err)) {
        return false;
    }
    while (*len < room && got.len > 0 && !got.task_ended) {
        got = (struct filled){.len = 0};
        if (!source->fill(source->self, bytes + *len, room - *len, room, &got, err)) {
            return false;
        }
        *len += got.len;
    }
    return true;
}

bool rows_sample_take(struct pg *pg, const struct table_work *table, size_t room,
                      struct rows_sample *out, struct err *err)
{
    struct borrowed borrowed = {.pg = pg};
    struct source_pg_config config = {
        .self = &borrowed, .attach = attach, .detach = detach, .prepare = prepare};
    struct chunk_work chunk = {.table = table, .kind = CHUNK_WHOLE};
    const struct chunk_work *chunks[] = {&chunk};
    struct group_work group = {.table = table, .count = 1, .chunks = chunks};
    struct task task = {.work = &group, .serial = 1, .parts = 1};
    struct rows_sample sample = {.count = 0};
    size_t len = 0;
    char *bytes = malloc(room);
    struct source_pg *reader = source_pg_new(&config);
    if (bytes == NULL || reader == NULL) {
        free(bytes);
        source_pg_free(reader);
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    struct source source = source_pg_ops(reader);
    bool ok = read_rows(&source, &task, bytes, room, &len, err);
    source.abandon(source.self);
    source_pg_free(reader);
    if (!ok) {
        free(bytes);
        return false;
    }
    if (!rows_sample_make(bytes, len, table->binary, &sample, err)) {
        return false;
    }
    if (sample.count == 0 && len > 0) {
        rows_sample_free(&sample);
        return err_set(err, ERR_USAGE,
                       "table %s: a row is wider than %zu kB, the most that is kept of a table; "
                       "leave it out with --exclude-table",
                       table->label, room >> 10);
    }
    *out = sample;
    return true;
}
