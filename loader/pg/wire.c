#include "pg/wire.h"

#include "pg/sqlstate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of messages that are never long; the same limit as libpq's. */
#define SHORT_BYTES_MAX 30000u
#define LONG_BYTES_MAX  0x7fffffffu
#define TAG_BYTES_MAX   32u /* "COPY 18446744073709551615" */
/* From this length on the rest of a row is worth a read of its own, straight to its place. */
#define DIRECT_BYTES_MIN (32u << 10)

/* What the caller of wire_fill gave and gets. */
struct sheet {
    char *to;
    size_t room;
    size_t row_room;
    struct pg_copied out;
};

void wire_expect(struct wire *w, bool binary)
{
    assert(w->state == WIRE_READY && w->room >= WIRE_ROOM_MIN_BYTES);
    w->state = WIRE_QUERY;
    w->binary = binary;
    w->row = WIRE_ROW_NONE;
    w->fault.set = false;
}

static bool broken(struct wire *w, const char *what, struct err *err)
{
    w->state = WIRE_BROKEN;
    return err_set(err, ERR_TRANSIENT, "%s: lost synchronization with the server: %s", w->side,
                   what);
}

/* ---- bytes ---- */

static bool more(struct wire *w, struct err *err)
{
    if (w->at == w->end) {
        w->at = 0;
        w->end = 0;
    } else if (w->at > 0) {
        memmove(w->bytes, w->bytes + w->at, w->end - w->at);
        w->end -= w->at;
        w->at = 0;
    }
    size_t len = 0;
    if (!w->read(w->self, w->bytes + w->end, w->room - w->end, &len, err)) {
        return false;
    }
    assert(len > 0 && len <= w->room - w->end);
    w->end += len;
    return true;
}

static bool need(struct wire *w, size_t len, struct err *err)
{
    assert(len <= w->room);
    while (w->end - w->at < len) {
        if (!more(w, err)) {
            return false;
        }
    }
    return true;
}

/* Takes bytes of the open message, which are here. */
static void use(struct wire *w, size_t len)
{
    w->at += len;
    w->left -= len;
}

/* Drops what is left of the open message. */
static bool skip(struct wire *w, struct err *err)
{
    while (w->left > w->end - w->at) {
        use(w, w->end - w->at);
        if (!more(w, err)) {
            return false;
        }
    }
    use(w, w->left);
    return true;
}

static inline uint32_t get32(const char *p)
{
    unsigned char b[4];
    memcpy(b, p, sizeof b);
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

void wire_put_head(char head[WIRE_HEAD_BYTES], char type, size_t payload)
{
    size_t len = payload + 4;
    head[0] = type;
    for (unsigned i = 0; i < 4; i++) {
        head[1 + i] = (char)(unsigned char)(len >> (24 - 8 * i) & 0xffu);
    }
}

/* The length counts itself. One that is too short becomes a huge one. */
static inline size_t payload_bytes(const char *head)
{
    return (size_t)get32(head + 1) - 4;
}

/* Opens the next message. Its handlers look at what they need; what they leave is dropped here. */
static bool take_head(struct wire *w, char *type, struct err *err)
{
    if (!skip(w, err) || !need(w, WIRE_HEAD_BYTES, err)) {
        return false;
    }
    char found = w->bytes[w->at];
    size_t len = payload_bytes(w->bytes + w->at);
    bool may_be_long = found != '\0' && strchr("dDTENA", found) != NULL;
    if (len > (may_be_long ? LONG_BYTES_MAX : SHORT_BYTES_MAX)) {
        return broken(w, "a message of impossible length", err);
    }
    w->at += WIRE_HEAD_BYTES;
    w->left = len;
    *type = found;
    return true;
}

/* ---- messages ---- */

/* A field of an ErrorResponse, NULL when it has none of this code. end[-1] is a NUL. */
static const char *field(const char *at, const char *end, char code)
{
    while (at < end && *at != '\0') {
        if (*at == code) {
            return at + 1 < end ? at + 1 : NULL;
        }
        at += 1 + strlen(at + 1) + 1;
    }
    return NULL;
}

/* One line; what does not fit is cut. */
static void describe(const char *at, const char *end, char text[ERR_MSG_MAX])
{
    static const struct {
        char code;
        const char *lead;
    } parts[] = {
        {'M', ""           },
        {'D', "; detail: " },
        {'H', "; hint: "   },
        {'W', "; context: "},
    };
    size_t used = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const char *value = field(at, end, parts[i].code);
        if (value != NULL && used < ERR_MSG_MAX) {
            int n = snprintf(text + used, ERR_MSG_MAX - used, i == 0 ? "%s%s" : "%s%.300s",
                             parts[i].lead, value);
            used += n < 0 ? 0 : (size_t)n;
        }
    }
    used = used < ERR_MSG_MAX ? used : ERR_MSG_MAX - 1;
    while (used > 0 && text[used - 1] == '\n') {
        used--;
    }
    text[used] = '\0';
    for (char *p = text; *p != '\0'; p++) {
        if (*p == '\n') {
            *p = ' ';
        }
    }
}

static void copy_field(char *to, size_t room, const char *value)
{
    (void)snprintf(to, room, "%s", value == NULL ? "" : value);
}

/* The first error counts; a second says no more. */
static bool take_fault(struct wire *w, struct err *err)
{
    struct wire_fault *f = &w->fault;
    size_t here = w->left < w->room ? w->left : w->room;
    if (here == 0) {
        return broken(w, "an empty error", err);
    }
    w->state = WIRE_QUERY;
    if (!need(w, here, err)) {
        return false;
    }
    if (f->set) {
        return true;
    }
    const char *at = w->bytes + w->at;
    w->bytes[w->at + here - 1] = '\0'; /* as it must be, unless it is cut here */
    char text[ERR_MSG_MAX] = "";
    describe(at, at + here, text);
    copy_field(f->sqlstate, sizeof f->sqlstate, field(at, at + here, 'C'));
    copy_field(f->schema, sizeof f->schema, field(at, at + here, 's'));
    copy_field(f->table, sizeof f->table, field(at, at + here, 't'));
    (void)err_set(&f->err, sqlstate_kind_said(f->sqlstate, text, false), "%s: %s (SQLSTATE %s)",
                  w->side, text, f->sqlstate);
    f->set = true;
    return true;
}

static bool start_copy(struct wire *w, struct err *err)
{
    if (w->state != WIRE_QUERY || w->left < 3 || w->fault.set) {
        return broken(w, "a COPY out of turn", err);
    }
    w->state = WIRE_COPY;
    w->header_due = w->binary;
    if (!need(w, 1, err)) {
        return false;
    }
    return w->bytes[w->at] == (w->binary ? 1 : 0) || broken(w, "a COPY in the wrong format", err);
}

static bool take_tag(struct wire *w, struct err *err)
{
    static const char lead[] = "COPY ";
    size_t len = w->left;
    if (len <= sizeof lead || len > TAG_BYTES_MAX) {
        return broken(w, "a command tag that is not COPY's", err);
    }
    w->state = WIRE_QUERY;
    if (!need(w, len, err)) {
        return false;
    }
    char *tag = w->bytes + w->at;
    const char *digits = tag + sizeof lead - 1;
    tag[len - 1] = '\0';
    if (memcmp(tag, lead, sizeof lead - 1) != 0 || digits[0] == '\0' ||
        digits[strspn(digits, "0123456789")] != '\0') {
        return broken(w, "a command tag that is not COPY's", err);
    }
    w->tag = strtoull(digits, NULL, 10);
    return true;
}

/* Also takes what the server says unasked behind the end: libpq is to find the stream at the
 * beginning of a message. */
static bool settle(struct wire *w, struct err *err)
{
    if (!skip(w, err)) {
        return false;
    }
    while (w->at < w->end) {
        char type = '\0';
        if (!take_head(w, &type, err) || !skip(w, err)) {
            return false;
        }
        if (type != 'N' && type != 'S' && type != 'A' && type != 'E') {
            return broken(w, "a message out of turn", err);
        }
    }
    w->state = WIRE_READY;
    return true;
}

static bool end_query(struct wire *w, struct err *err)
{
    if (w->state != WIRE_QUERY || w->left != 1) {
        return broken(w, "the end of a query out of turn", err);
    }
    w->state = WIRE_END;
    return settle(w, err);
}

static bool end_rows(struct wire *w, struct err *err)
{
    if (w->state != WIRE_COPY || w->left != 0 || w->header_due) {
        return broken(w, "the end of a COPY out of turn", err);
    }
    w->state = WIRE_TAG;
    return true;
}

/* Any message but CopyData. */
static bool dispatch(struct wire *w, char type, struct err *err)
{
    switch (type) {
    case 'H':
        return start_copy(w, err);
    case 'c':
        return end_rows(w, err);
    case 'C':
        if (w->state == WIRE_TAG) {
            return take_tag(w, err);
        }
        break; /* another statement's */
    case 'E':
        return take_fault(w, err);
    case 'Z':
        return end_query(w, err);
    case 'T': /* rows of other statements, and statements without any */
    case 'D':
    case 'I':
        break;
    case 'N': /* notices, parameters, notifications: at any time */
    case 'S':
    case 'A':
        return true;
    default:
        return broken(w, "a message of unknown type", err);
    }
    return w->state == WIRE_QUERY || broken(w, "a message out of turn", err);
}

/* Reads messages other than rows until the next COPY starts or the query ends; an error that came
 * on the way is the outcome then. */
static bool to_copy_or_end(struct wire *w, struct err *err)
{
    while (w->state != WIRE_COPY && w->state != WIRE_READY) {
        char type = '\0';
        if (!take_head(w, &type, err) || !dispatch(w, type, err)) {
            break;
        }
    }
    if (w->fault.set) {
        *err = w->fault.err; /* the server's last word says more than that it then was gone */
    }
    return !w->fault.set && (w->state == WIRE_COPY || w->state == WIRE_READY);
}

/* ---- rows ---- */

static bool take_binary_header(struct wire *w, struct err *err)
{
    if (w->left < PG_BINARY_HEADER_BYTES) {
        return broken(w, "a binary COPY without its header", err);
    }
    if (!need(w, PG_BINARY_HEADER_BYTES, err)) {
        return false;
    }
    if (memcmp(w->bytes + w->at, PG_BINARY_HEADER, PG_BINARY_HEADER_BYTES) != 0) {
        return broken(w, "a binary COPY with an unknown header", err);
    }
    use(w, PG_BINARY_HEADER_BYTES);
    w->header_due = false;
    return true;
}

static inline bool is_trailer(const struct wire *w, const char *row, size_t len)
{
    return w->binary && len == PG_BINARY_TRAILER_BYTES &&
           memcmp(row, PG_BINARY_TRAILER, PG_BINARY_TRAILER_BYTES) == 0;
}

/* A CopyData message is open: a row, unless it has only the binary format's header or trailer in
 * it. An empty table's has both. */
static bool open_row(struct wire *w, struct err *err)
{
    if (w->header_due) {
        if (!take_binary_header(w, err)) {
            return false;
        }
        if (w->left == 0) {
            return true;
        }
    }
    if (w->binary && w->left == PG_BINARY_TRAILER_BYTES) {
        if (!need(w, w->left, err)) {
            return false;
        }
        if (is_trailer(w, w->bytes + w->at, w->left)) {
            return true;
        }
    }
    w->row = WIRE_ROW_WAITS;
    w->row_bytes = w->left;
    return true;
}

/* The rows that are here as a whole and fit: the inner loop of a load. */
static void take_whole_rows(struct wire *w, struct sheet *s)
{
    const char *at = w->bytes + w->at;
    const char *end = w->bytes + w->end;
    char *to = s->to + s->out.len;
    const char *limit = s->to + s->room;
    size_t widest = s->out.row_widest;
    uint64_t rows = 0;

    while ((size_t)(end - at) >= WIRE_HEAD_BYTES && *at == 'd') {
        const char *row = at + WIRE_HEAD_BYTES;
        size_t len = payload_bytes(at);
        if (len > (size_t)(end - row) || len > (size_t)(limit - to) || is_trailer(w, row, len)) {
            break;
        }
        memcpy(to, row, len);
        at = row + len;
        to += len;
        rows++;
        widest = len > widest ? len : widest;
    }
    w->at = (size_t)(at - w->bytes);
    s->out.len = (size_t)(to - s->to);
    s->out.row_widest = widest;
    s->out.rows += rows;
}

/* False: the row that is next waits for the next call. */
static bool admit_row(struct wire *w, struct sheet *s)
{
    size_t room = s->room - s->out.len;
    bool waits = w->row == WIRE_ROW_WAITS;
    if (w->left > room && (room == 0 || (waits && w->row_bytes <= s->row_room))) {
        return false;
    }
    s->out.rows += waits;
    s->out.row_widest = w->row_bytes > s->out.row_widest ? w->row_bytes : s->out.row_widest;
    w->row = WIRE_ROW_OPEN;
    return true;
}

/* As much of the open row as the room takes. */
static bool take_row(struct wire *w, struct sheet *s, struct err *err)
{
    while (w->left > 0 && s->out.len < s->room) {
        char *to = s->to + s->out.len;
        size_t room = s->room - s->out.len;
        size_t wanted = w->left < room ? w->left : room;
        size_t len = w->end - w->at;
        if (len > 0) {
            len = len < wanted ? len : wanted;
            memcpy(to, w->bytes + w->at, len);
            use(w, len);
        } else if (wanted >= DIRECT_BYTES_MIN) {
            if (!w->read(w->self, to, wanted, &len, err)) {
                return false;
            }
            w->left -= len;
        } else if (!more(w, err)) {
            return false;
        }
        s->out.len += len;
    }
    w->row = w->left > 0 ? WIRE_ROW_OPEN : WIRE_ROW_NONE;
    return true;
}

/* Whatever comes behind the rows that were here as a whole. *full: the caller has to come again. */
static bool take_next(struct wire *w, struct sheet *s, bool *full, struct err *err)
{
    if (w->row == WIRE_ROW_NONE) {
        char type = '\0';
        if (!take_head(w, &type, err)) {
            return false;
        }
        if (type != 'd') {
            return dispatch(w, type, err);
        }
        if (!open_row(w, err)) {
            return false;
        }
        if (w->row == WIRE_ROW_NONE) {
            return true;
        }
    }
    *full = !admit_row(w, s);
    return *full || take_row(w, s, err);
}

bool wire_await_copy(struct wire *w, struct err *err)
{
    if (!to_copy_or_end(w, err)) {
        return false;
    }
    return w->state == WIRE_COPY ||
           err_set(err, ERR_USAGE, "%s: the statement is not a COPY TO STDOUT", w->side);
}

bool wire_fill(struct wire *w, char *to, size_t room, size_t row_room, struct pg_copied *out,
               struct err *err)
{
    assert(w->state == WIRE_COPY && room > 0);
    struct sheet s = {.to = to, .room = room, .row_room = row_room};
    bool full = false;
    while (!full && w->state == WIRE_COPY) {
        if (w->row == WIRE_ROW_NONE && w->left == 0 && !w->header_due) {
            take_whole_rows(w, &s);
        }
        if (!take_next(w, &s, &full, err)) {
            return false;
        }
    }
    if (w->state != WIRE_COPY) {
        if (!to_copy_or_end(w, err)) {
            return false;
        }
        s.out.copy_ended = true;
        s.out.copy_tag = w->tag;
        s.out.all_ended = w->state == WIRE_READY;
    }
    *out = s.out;
    return true;
}

static bool drain_message(struct wire *w, struct err *err)
{
    char type = '\0';
    if (w->state == WIRE_BROKEN) {
        return broken(w, "an earlier message was wrong", err);
    }
    if (w->state == WIRE_END) {
        return settle(w, err);
    }
    if (!take_head(w, &type, err)) {
        return false;
    }
    w->header_due = false;
    bool row = type == 'd' && w->state == WIRE_COPY;
    return row || dispatch(w, type, err);
}

bool wire_drain(struct wire *w, struct err *err)
{
    while (w->state != WIRE_READY) {
        if (!drain_message(w, err)) {
            return false;
        }
    }
    return true;
}
