#include "ends/source_rows.h"

#include "ends/work.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct source_rows {
    const struct rows_sample *samples;
    const struct group_work *group;
    unsigned part;
    uint64_t left_bytes; /* of the part; a last row may go beyond */
    size_t row;          /* the next one, of the sample in use */
    size_t cut_bytes;    /* of that row that have been given already */
    const struct rows_sample *sample;
};

static size_t begin_of(const struct rows_sample *s, size_t row)
{
    return row == 0 ? 0 : s->ends[row - 1];
}

/* How many rows from this one on end within so many bytes. */
static size_t rows_within(const struct rows_sample *s, size_t row, uint64_t bytes)
{
    size_t begin = begin_of(s, row);
    size_t low = row;
    size_t high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->ends[middle] - begin <= bytes) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low - row;
}

static void open_part(struct source_rows *s)
{
    s->left_bytes = s->sample->count == 0 ? 0 : s->group->chunks[s->part]->bytes;
}

static bool rows_begin(void *self, const struct task *task, struct err *err)
{
    struct source_rows *s = self;
    (void)err;
    s->group = task->work;
    s->part = 0;
    assert(s->group->count == task->parts);
    const struct rows_sample *sample = &s->samples[s->group->table->no];
    if (sample != s->sample) {
        s->row = 0;
    }
    s->sample = sample;
    s->cut_bytes = 0;
    open_part(s);
    return true;
}

static void give(struct source_rows *s, char *to, size_t bytes, struct filled *out)
{
    memcpy(to + out->len, s->sample->bytes + begin_of(s->sample, s->row) + s->cut_bytes, bytes);
    out->len += bytes;
    s->left_bytes -= bytes < s->left_bytes ? bytes : s->left_bytes;
}

static void advance(struct source_rows *s, size_t rows)
{
    s->row = (s->row + rows) % s->sample->count;
}

static void note_width(struct filled *out, size_t width)
{
    out->row_widest = width > out->row_widest ? width : out->row_widest;
}

/* A piece of a row that no batch can hold. */
static void give_cut(struct source_rows *s, char *to, size_t room, size_t width, struct filled *out)
{
    size_t left = width - s->cut_bytes;
    size_t bytes = left < room - out->len ? left : room - out->len;
    out->rows += s->cut_bytes == 0;
    note_width(out, width);
    give(s, to, bytes, out);
    s->cut_bytes += bytes;
    if (s->cut_bytes == width) {
        s->cut_bytes = 0;
        advance(s, 1);
    }
}

/* Rows up to the end of the sample, of the part, or of the room. False: the next does not fit. */
static bool give_rows(struct source_rows *s, char *to, size_t room, struct filled *out)
{
    const struct rows_sample *sample = s->sample;
    size_t begin = begin_of(sample, s->row);
    size_t fit = rows_within(sample, s->row, room - out->len);
    /* One more than what ends before: then the part has all its bytes. */
    size_t wanted = rows_within(sample, s->row, s->left_bytes - 1) + 1;
    size_t rows = wanted < fit ? wanted : fit;
    if (rows == 0) {
        return false;
    }
    out->rows += rows;
    note_width(out, sample->row_widest);
    give(s, to, sample->ends[s->row + rows - 1] - begin, out);
    advance(s, rows);
    return true;
}

static void end_part(struct source_rows *s, struct filled *out)
{
    out->part_ended = true;
    s->part++;
    out->task_ended = s->part == s->group->count;
    if (!out->task_ended) {
        open_part(s);
    }
}

static bool rows_fill(void *self, char *to, size_t room, size_t row_room, struct filled *out,
                      struct err *err)
{
    struct source_rows *s = self;
    struct filled f = {.len = 0};
    bool more = true;
    (void)err;
    while (more && f.len < room && (s->left_bytes > 0 || s->cut_bytes > 0)) {
        size_t width = s->sample->ends[s->row] - begin_of(s->sample, s->row);
        if (s->cut_bytes > 0 || width > row_room) {
            give_cut(s, to, room, width, &f);
        } else {
            more = give_rows(s, to, room, &f);
        }
    }
    if (s->left_bytes == 0 && s->cut_bytes == 0) {
        end_part(s, &f);
    }
    *out = f;
    return true;
}

static void rows_abandon(void *self)
{
    struct source_rows *s = self;
    s->cut_bytes = 0;
}

struct source_rows *source_rows_new(const struct rows_sample *samples)
{
    struct source_rows *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->samples = samples;
    }
    return s;
}

struct source source_rows_ops(struct source_rows *s)
{
    return (struct source){
        .self = s, .begin = rows_begin, .fill = rows_fill, .abandon = rows_abandon};
}

void source_rows_free(struct source_rows *s)
{
    free(s);
}
