#include "job/waybill.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define HEAD_VERSION     1
#define BODY_MAGIC       "SLUICEM1"
#define BODY_MAGIC_BYTES 8u
#define SLOT_BYTES       48u
#define PIECES_MAX       (1u << 24) /* of a parcel: 4 TB of rows that do not shrink */

/* ---- head ---- */

/* The texts of a head, by name. */
struct named {
    const char *name;
    size_t offset;
};
#define TEXT(field)                                  \
    {                                                \
#field, offsetof(struct waybill_head, field) \
    }
static const struct named texts[] = {
    TEXT(job),
    TEXT(plan),
    TEXT(command),
    TEXT(source),
    TEXT(source_system),
    TEXT(source_database),
    TEXT(destination_system),
    TEXT(destination_database),
    TEXT(encoding),
    TEXT(wrapped_key),
};
#define TEXTS (sizeof texts / sizeof texts[0])

static char **text_at(struct waybill_head *h, size_t i)
{
    return (char **)(void *)((char *)h + texts[i].offset);
}

void waybill_head_free(struct waybill_head *h)
{
    for (size_t i = 0; i < TEXTS; i++) {
        free(*text_at(h, i));
        *text_at(h, i) = NULL;
    }
}

/* JSON has no bytes that are not UTF-8, and a command may have them: a filter of a LATIN1 database.
 * Such a text becomes {"hex": "..."}. */
static json_t *bytes_value(const char *text)
{
    static const char digits[] = "0123456789abcdef";
    struct buf hex;
    buf_init(&hex, BUF_SQL_MAX);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        const char two[] = {digits[*c >> 4], digits[*c & 15u]};
        buf_add(&hex, two, sizeof two);
    }
    json_t *value = hex.failed ? NULL : json_pack("{s:s}", "hex", buf_str(&hex));
    buf_free(&hex);
    return value;
}

static json_t *text_value(const char *text)
{
    json_t *value = json_string(text);
    return value == NULL ? bytes_value(text) : value;
}

bool waybill_write_head(const struct waybill_head *h, struct buf *out, struct err *err)
{
    json_t *json = json_pack("{s:i, s:I}", "version", HEAD_VERSION, "room", (json_int_t)h->room);
    bool ok = json != NULL;
    for (size_t i = 0; ok && i < TEXTS; i++) {
        const char *const *value =
            (const char *const *)(const void *)((const char *)h + texts[i].offset);
        ok =
            json_object_set_new(json, texts[i].name, text_value(*value == NULL ? "" : *value)) == 0;
    }
    char *text = ok ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (text != NULL) {
        buf_puts(out, text);
    }
    ok = text != NULL && buf_ok(out, err);
    free(text);
    json_decref(json);
    return ok || err_set(err, ERR_SYSTEM, "out of memory");
}

static bool damaged(struct err *err)
{
    return err_set(err, ERR_DATA, "the manifest of the spilled rows is damaged");
}

/* A digit's value; 16 for what is none. */
static unsigned nibble(char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                  : 16;
}

/* Over itself. False for what bytes_value does not write. */
static bool unhex(char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i + 1 < len; i += 2) {
        unsigned high = nibble(text[i]);
        unsigned low = nibble(text[i + 1]);
        if (high > 15 || low > 15 || high + low == 0) {
            return false;
        }
        text[i / 2] = (char)(high << 4 | low);
    }
    text[len / 2] = '\0';
    return len % 2 == 0;
}

static bool read_text(const json_t *json, char **out, struct err *err)
{
    const json_t *hex = json_object_get(json, "hex"); /* NULL, too, where json is a string */
    const char *value = json_string_value(hex == NULL ? json : hex);
    if (value == NULL) {
        return damaged(err);
    }
    *out = str_copy(value);
    if (*out == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    return hex == NULL || unhex(*out) || damaged(err);
}

static bool read_texts(const json_t *json, struct waybill_head *h, struct err *err)
{
    for (size_t i = 0; i < TEXTS; i++) {
        if (!read_text(json_object_get(json, texts[i].name), text_at(h, i), err)) {
            return false;
        }
    }
    return true;
}

bool waybill_read_head(const struct buf *text, struct waybill_head *out, struct err *err)
{
    struct waybill_head h = {.room = 0};
    json_t *json = json_loadb(buf_str(text), text->len, JSON_REJECT_DUPLICATES, NULL);
    json_int_t room = json_integer_value(json_object_get(json, "room"));
    bool ok = json_integer_value(json_object_get(json, "version")) == HEAD_VERSION && room > 0;
    ok = ok ? read_texts(json, &h, err) : damaged(err);
    json_decref(json);
    if (!ok) {
        waybill_head_free(&h);
        return false;
    }
    h.room = (uint64_t)room;
    *out = h;
    return true;
}

/* ---- body, writing ---- */

static void add_number(struct buf *b, uint64_t value, unsigned bytes)
{
    unsigned char le[8];
    for (unsigned i = 0; i < bytes; i++) {
        le[i] = (unsigned char)(value >> (8 * i));
    }
    buf_add(b, le, bytes);
}

void waybill_begin_body(struct buf *out)
{
    buf_add(out, BODY_MAGIC, BODY_MAGIC_BYTES);
}

static uint32_t on_disk(const struct waybill_entry *e)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->piece_count; i++) {
        n += e->pieces[i].kind == PIECE_SPILLED;
    }
    return n;
}

static void add_slot(struct buf *b, const struct spill_slot *s)
{
    add_number(b, s->number, 8);
    add_number(b, s->nonce, 8);
    add_number(b, s->content.rows, 8);
    add_number(b, s->content.raw_bytes, 8);
    add_number(b, s->content.checksum, 8);
    add_number(b, s->content.bytes, 4);
    add_number(b, s->content.frames, 4);
}

void waybill_add(struct buf *out, const struct waybill_entry *e)
{
    add_number(out, e->table_no, 4);
    add_number(out, e->chunk_no, 4);
    add_number(out, e->part_count, 4);
    add_number(out, on_disk(e), 4);
    for (uint32_t i = 0; i < e->part_count; i++) {
        add_number(out, e->parts[i].rows, 8);
        add_number(out, e->parts[i].bytes, 8);
    }
    for (uint32_t i = 0; i < e->piece_count; i++) {
        if (e->pieces[i].kind == PIECE_SPILLED) {
            add_slot(out, &e->pieces[i].slot);
        }
    }
}

/* ---- body, reading ---- */

struct reading {
    const unsigned char *at;
    size_t left;
    bool short_of; /* something was to be read that is not there */
};

static uint64_t number(struct reading *r, unsigned bytes)
{
    uint64_t value = 0;
    if (r->left < bytes) {
        r->short_of = true;
        return 0;
    }
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)r->at[i] << (8 * i);
    }
    r->at += bytes;
    r->left -= bytes;
    return value;
}

static void read_slot(struct reading *r, struct piece *p)
{
    *p = (struct piece){.kind = PIECE_SPILLED};
    p->slot.number = number(r, 8);
    p->slot.nonce = number(r, 8);
    p->slot.content.rows = number(r, 8);
    p->slot.content.raw_bytes = number(r, 8);
    p->slot.content.checksum = number(r, 8);
    p->slot.content.bytes = (uint32_t)number(r, 4);
    p->slot.content.frames = (uint32_t)number(r, 4);
}

static bool read_entry(struct reading *r, struct part *parts, struct waybill_entry *e,
                       struct err *err)
{
    *e = (struct waybill_entry){.table_no = (uint32_t)number(r, 4)};
    e->chunk_no = (uint32_t)number(r, 4);
    e->part_count = (uint32_t)number(r, 4);
    e->piece_count = (uint32_t)number(r, 4);
    if (r->short_of || e->part_count == 0 || e->part_count > TASK_PARTS_MAX ||
        e->piece_count > PIECES_MAX) {
        return damaged(err);
    }
    for (uint32_t i = 0; i < e->part_count; i++) {
        parts[i].rows = number(r, 8);
        parts[i].bytes = number(r, 8);
    }
    e->parts = parts;
    if (r->short_of || r->left / SLOT_BYTES < e->piece_count) {
        return damaged(err);
    }
    e->pieces = calloc((size_t)e->piece_count + 1, sizeof *e->pieces);
    if (e->pieces == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    for (uint32_t i = 0; i < e->piece_count; i++) {
        read_slot(r, &e->pieces[i]);
    }
    return true;
}

bool waybill_read_body(const struct buf *body,
                       bool (*each)(void *self, struct waybill_entry *e, struct err *err),
                       void *self, struct err *err)
{
    struct part parts[TASK_PARTS_MAX];
    struct reading r = {.at = (const unsigned char *)buf_str(body), .left = body->len};
    if (r.left < BODY_MAGIC_BYTES || memcmp(r.at, BODY_MAGIC, BODY_MAGIC_BYTES) != 0) {
        return damaged(err);
    }
    r.at += BODY_MAGIC_BYTES;
    r.left -= BODY_MAGIC_BYTES;
    while (r.left > 0) {
        struct waybill_entry e;
        if (!read_entry(&r, parts, &e, err)) {
            return false;
        }
        if (!each(self, &e, err)) {
            free(e.pieces);
            return false;
        }
    }
    return true;
}
