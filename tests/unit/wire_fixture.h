/* wire_fixture.h: a server that has said all it will say, and a wire that listens to it. */
#ifndef TESTS_UNIT_WIRE_FIXTURE_H
#define TESTS_UNIT_WIRE_FIXTURE_H

#include "unit.h"

#include "base/buf.h"
#include "pg/wire.h"

#include <stdbool.h>
#include <string.h>

#define STREAM_MAX (4u << 20)

/* read gives its bytes in pieces. */
struct script {
    struct buf said;
    size_t given;
    size_t first_piece; /* 0: as much as fits */
    size_t piece;       /* 0: as much as fits */
    enum err_kind at_end;
};

static inline void say(struct script *s, char type, const void *payload, size_t len)
{
    char head[WIRE_HEAD_BYTES];
    wire_put_head(head, type, len);
    buf_add(&s->said, head, sizeof head);
    buf_add(&s->said, payload, len);
}

static inline void say_row(struct script *s, const char *row)
{
    say(s, 'd', row, strlen(row));
}

static inline void say_start(struct script *s, bool binary)
{
    say(s, 'H', binary ? "\1\0\1\0\1" : "\0\0\1\0\0", 5);
}

static inline void say_tag(struct script *s, const char *tag)
{
    say(s, 'C', tag, strlen(tag) + 1);
}

static inline void say_end(struct script *s, const char *tag)
{
    say(s, 'c', NULL, 0);
    say_tag(s, tag);
}

static inline void say_ready(struct script *s)
{
    say(s, 'Z', "T", 1);
}

#define FIELDS                                                                                \
    "SERROR\0VERROR\0C22012\0Mdivision\nby zero\n\0Da\tdetail\0Ha hint\0Wa context\0sshop\0t" \
    "orders\0\0"

static inline void say_fault(struct script *s)
{
    say(s, 'E', FIELDS, sizeof FIELDS - 1);
}

static inline bool give(void *self, char *to, size_t room, size_t *len, struct err *err)
{
    struct script *s = self;
    size_t left = s->said.len - s->given;
    if (left == 0) {
        return err_set(err, s->at_end, "nothing more");
    }
    size_t piece = s->given == 0 && s->first_piece > 0 ? s->first_piece : s->piece;
    size_t n = piece == 0 || piece > room ? room : piece;
    n = n < left ? n : left;
    memcpy(to, s->said.data + s->given, n);
    s->given += n;
    *len = n;
    return true;
}

struct talk {
    struct script script;
    struct wire wire;
    char bytes[WIRE_ROOM_BYTES];
    struct buf rows;
    struct err err;
};

static inline void talk_begin(struct talk *t, size_t room)
{
    memset(&t->script, 0, sizeof t->script);
    t->err = (struct err){.kind = ERR_NONE};
    t->script.at_end = ERR_TRANSIENT;
    buf_init(&t->script.said, STREAM_MAX);
    buf_init(&t->rows, STREAM_MAX);
    t->wire = (struct wire){
        .read = give, .self = &t->script, .side = "source", .bytes = t->bytes, .room = room};
}

/* The same words again, to another wire. */
static inline void talk_again(struct talk *t, size_t first_piece, size_t piece)
{
    t->script.given = 0;
    t->script.first_piece = first_piece;
    t->script.piece = piece;
    buf_clear(&t->rows);
    t->wire.state = WIRE_READY;
    t->wire.at = 0;
    t->wire.end = 0;
    t->wire.left = 0;
}

static inline void talk_end(struct talk *t)
{
    buf_free(&t->script.said);
    buf_free(&t->rows);
}

struct seen {
    uint64_t rows;
    uint64_t tags;
    unsigned copies;
    size_t widest;
};

/* Reads all there is; false with t->err at the first failure. */
static inline bool read_all(struct talk *t, bool binary, size_t room, struct seen *seen)
{
    static char sheet[1u << 20];
    struct pg_copied c = {.len = 0};
    memset(seen, 0, sizeof *seen);
    wire_expect(&t->wire, binary);
    if (!wire_await_copy(&t->wire, &t->err)) {
        return false;
    }
    while (!c.all_ended) {
        if (!wire_fill(&t->wire, sheet, room, room, &c, &t->err)) {
            return false;
        }
        assert_true(c.len > 0 || c.copy_ended);
        assert_true(c.len <= room);
        buf_add(&t->rows, sheet, c.len);
        seen->rows += c.rows;
        seen->widest = c.row_widest > seen->widest ? c.row_widest : seen->widest;
        seen->copies += c.copy_ended;
        seen->tags += c.copy_ended ? c.copy_tag : 0;
    }
    return true;
}

#endif
