/* waybill: what is written comes back, and nothing that was cut or changed is taken for something
 * it cannot be. */
#include "tests/unit/unit.h"

#include "job/waybill.h"

#include <stdlib.h>
#include <string.h>

/* ---- head ---- */

static char job[] = "orders \"2024\" \xc3\xa9";
static char plan[] = "1700000000.123456/2";
static char command[] = "source host=a port=1\nwhere=\\x\n";
static char source[] = "db:5432/shop";
static char numbers[] = "7000000000000000001";
static char shop[] = "shop";
static char utf8[] = "UTF8";
static char hex[] = "00ff";
static char empty[] = "";

static struct waybill_head head_of(void)
{
    return (struct waybill_head){.job = job,
                                 .plan = plan,
                                 .command = command,
                                 .source = source,
                                 .source_system = numbers,
                                 .source_database = shop,
                                 .destination_system = numbers,
                                 .destination_database = shop,
                                 .encoding = utf8,
                                 .wrapped_key = hex,
                                 .room = 262144};
}

static void add_head(struct buf *out, const struct waybill_head *h)
{
    struct err err = {0};
    buf_init(out, BUF_SQL_MAX);
    assert_true(waybill_write_head(h, out, &err));
}

static void head_comes_back(void **state)
{
    struct waybill_head h = head_of();
    struct waybill_head back = {.room = 0};
    struct err err = {0};
    struct buf text;
    add_head(&text, &h);
    assert_true(waybill_read_head(&text, &back, &err));
    assert_string_equal(back.job, job);
    assert_string_equal(back.plan, plan);
    assert_string_equal(back.command, command);
    assert_string_equal(back.source, source);
    assert_string_equal(back.source_system, numbers);
    assert_string_equal(back.source_database, shop);
    assert_string_equal(back.destination_system, numbers);
    assert_string_equal(back.destination_database, shop);
    assert_string_equal(back.encoding, utf8);
    assert_string_equal(back.wrapped_key, hex);
    assert_int_equal(back.room, 262144);
    waybill_head_free(&back);
    waybill_head_free(&back); /* twice does no harm */
    buf_free(&text);
    (void)state;
}

static void head_without_some_texts(void **state)
{
    struct waybill_head h = {.job = job, .wrapped_key = empty, .room = 1};
    struct waybill_head back = {.room = 0};
    struct err err = {0};
    struct buf text;
    add_head(&text, &h);
    assert_true(waybill_read_head(&text, &back, &err));
    assert_string_equal(back.command, "");
    assert_string_equal(back.wrapped_key, "");
    waybill_head_free(&back);
    buf_free(&text);
    (void)state;
}

/* A filter of a LATIN1 database, and a job that was named in one. */
static void texts_that_are_not_utf8_come_back(void **state)
{
    static char where[] = "where=name <> 'caf\xe9' \x01\x7f\x80\xff";
    static char latin[] = "caf\xe9";
    struct waybill_head h = head_of();
    struct waybill_head back = {.room = 0};
    struct err err = {0};
    struct buf text;
    (void)state;
    h.command = where;
    h.job = latin;
    add_head(&text, &h);
    assert_non_null(strstr(buf_str(&text), "\"job\":{\"hex\":\"636166e9\"}"));
    assert_true(waybill_read_head(&text, &back, &err));
    assert_string_equal(back.command, where);
    assert_string_equal(back.job, latin);
    assert_string_equal(back.source, source);
    waybill_head_free(&back);
    buf_free(&text);
}

static bool read_bytes(const char *bytes, size_t len, struct waybill_head *out, struct err *err)
{
    struct buf text;
    buf_init(&text, BUF_SQL_MAX);
    buf_add(&text, bytes, len);
    bool ok = waybill_read_head(&text, out, err);
    buf_free(&text);
    return ok;
}

static void heads_that_are_refused(void **state)
{
    static const char *const heads[] = {
        "",
        "{}",
        "[]",
        "null",
        "7",
        "{\"version\":1,\"room\":1}",
        "{\"version\":1,\"version\":1}",
        "{\"version\":\"1\",\"room\":1}",
    };
    struct waybill_head untouched = {.job = job, .room = 5};
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        struct err err = {0};
        assert_false(read_bytes(heads[i], strlen(heads[i]), &untouched, &err));
        assert_int_equal(err.kind, ERR_DATA);
        assert_ptr_equal(untouched.job, job);
        assert_int_equal(untouched.room, 5);
    }
    (void)state;
}

/* Replaces what a head says of one thing. */
static void head_with(const char *from, const char *to)
{
    struct waybill_head h = head_of();
    struct waybill_head back = {.room = 0};
    struct err err = {0};
    struct buf text;
    struct buf changed;
    add_head(&text, &h);
    const char *at = strstr(buf_str(&text), from);
    assert_non_null(at);
    buf_init(&changed, BUF_SQL_MAX);
    buf_add(&changed, buf_str(&text), (size_t)(at - buf_str(&text)));
    buf_puts(&changed, to);
    buf_puts(&changed, at + strlen(from));
    assert_false(waybill_read_head(&changed, &back, &err));
    assert_int_equal(err.kind, ERR_DATA);
    buf_free(&text);
    buf_free(&changed);
}

static void heads_of_another_kind(void **state)
{
    head_with("\"version\":1", "\"version\":2");
    head_with("\"version\":1", "\"version\":0");
    head_with("\"room\":262144", "\"room\":0");
    head_with("\"room\":262144", "\"room\":-1");
    head_with("\"room\":262144", "\"room\":1.5");
    head_with("\"room\":262144", "\"room\":99999999999999999999");
    head_with("\"encoding\":\"UTF8\"", "\"encoding\":null");
    head_with("\"encoding\":\"UTF8\"", "\"encoding\":8");
    head_with("\"encoding\":\"UTF8\"", "\"encoding\":\"U\\u0000\"");
    head_with("\"plan\":", "\"plan2\":");
    head_with("\"encoding\":\"UTF8\"", "\"encoding\":{}");
    head_with("\"encoding\":\"UTF8\"", "\"encoding\":{\"hex\":7}");
    head_with("\"encoding\":\"UTF8\"", "\"encoding\":{\"hex\":\"e\"}");
    head_with("\"encoding\":\"UTF8\"", "\"encoding\":{\"hex\":\"41e\"}");
    head_with("\"encoding\":\"UTF8\"", "\"encoding\":{\"hex\":\"e9g0\"}");
    head_with("\"encoding\":\"UTF8\"", "\"encoding\":{\"hex\":\"0g\"}");
    head_with("\"encoding\":\"UTF8\"", "\"encoding\":{\"hex\":\"E9\"}");
    head_with("\"encoding\":\"UTF8\"", "\"encoding\":{\"hex\":\"e900\"}");
    (void)state;
}

static void every_cut_of_a_head_is_refused(void **state)
{
    struct waybill_head h = head_of();
    struct waybill_head back = {.room = 0};
    struct buf text;
    add_head(&text, &h);
    for (size_t len = 0; len < text.len; len++) {
        struct err err = {0};
        assert_false(read_bytes(buf_str(&text), len, &back, &err));
        assert_int_equal(err.kind, ERR_DATA);
    }
    buf_free(&text);
    (void)state;
}

static void every_flip_of_a_head_is_refused_or_a_head(void **state)
{
    struct waybill_head h = head_of();
    struct buf text;
    add_head(&text, &h);
    for (size_t bit = 0; bit < text.len * 8; bit++) {
        struct waybill_head back = {.room = 0};
        struct err err = {0};
        text.data[bit / 8] = (char)(text.data[bit / 8] ^ (1 << bit % 8));
        if (waybill_read_head(&text, &back, &err)) {
            assert_true(back.room > 0);
            assert_non_null(back.wrapped_key);
        } else {
            assert_int_equal(err.kind, ERR_DATA);
        }
        waybill_head_free(&back);
        text.data[bit / 8] = (char)(text.data[bit / 8] ^ (1 << bit % 8));
    }
    buf_free(&text);
    (void)state;
}

/* ---- body ---- */

#define ENTRIES_MAX 8

struct seen {
    size_t count;
    struct waybill_entry entry[ENTRIES_MAX]; /* parts NULL: they are valid during the call only */
    struct part part[ENTRIES_MAX][4];
    size_t refuse_at; /* 0: none */
};

static bool note(void *self, struct waybill_entry *e, struct err *err)
{
    struct seen *s = self;
    if (s->refuse_at != 0 && s->count + 1 == s->refuse_at) {
        return err_set(err, ERR_BUSY, "enough");
    }
    assert_true(s->count < ENTRIES_MAX);
    for (uint32_t i = 0; i < e->part_count && i < 4; i++) {
        s->part[s->count][i] = e->parts[i];
    }
    s->entry[s->count] = *e;
    s->entry[s->count].parts = NULL;
    s->count++;
    return true;
}

static void forget(struct seen *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->entry[i].pieces);
    }
    *s = (struct seen){.count = 0};
}

static struct piece spilled(uint64_t number)
{
    return (struct piece){
        .kind = PIECE_SPILLED,
        .slot = {.number = number,
                 .nonce = UINT64_MAX - number,
                 .content = {.rows = 10 + number,
                             .raw_bytes = UINT64_C(1) << 40,
                             .checksum = UINT64_C(0x8877665544332211),
                             .bytes = 262144,
                             .frames = 3}}
    };
}

/* Three parcels: two chunks in three slots with a merged piece between, one chunk, an empty one. */
static void add_body(struct buf *out)
{
    static const struct part parts[] = {
        {.rows = 1,          .bytes = 2                },
        {.rows = UINT64_MAX, .bytes = UINT64_C(1) << 63},
    };
    struct piece pieces[] = {
        spilled(0), {.kind = PIECE_MERGED}, spilled(7), spilled(UINT64_C(1) << 50)};
    struct waybill_entry e = {.table_no = 3,
                              .chunk_no = 4,
                              .part_count = 2,
                              .piece_count = ARRAY_LEN(pieces),
                              .parts = parts,
                              .pieces = pieces};
    buf_init(out, BUF_SQL_MAX);
    waybill_begin_body(out);
    waybill_add(out, &e);
    waybill_add(out, &(struct waybill_entry){.table_no = 0,
                                             .chunk_no = UINT32_MAX,
                                             .part_count = 1,
                                             .piece_count = 1,
                                             .parts = parts,
                                             .pieces = pieces});
    waybill_add(out, &(struct waybill_entry){.part_count = 1, .parts = parts});
    assert_false(out->failed);
}

static void body_comes_back(void **state)
{
    struct seen s = {.count = 0};
    struct err err = {0};
    struct buf body;
    add_body(&body);
    assert_true(waybill_read_body(&body, note, &s, &err));
    assert_int_equal(s.count, 3);
    assert_int_equal(s.entry[0].table_no, 3);
    assert_int_equal(s.entry[0].chunk_no, 4);
    assert_int_equal(s.entry[0].part_count, 2);
    assert_int_equal(s.entry[0].piece_count, 3); /* the merged one is in the one before it */
    assert_int_equal(s.part[0][0].bytes, 2);
    assert_true(s.part[0][1].rows == UINT64_MAX && s.part[0][1].bytes == UINT64_C(1) << 63);
    const struct piece *p = &s.entry[0].pieces[1];
    assert_int_equal(p->kind, PIECE_SPILLED);
    assert_false(p->busy);
    assert_null(p->batch);
    assert_int_equal(p->slot.number, 7);
    assert_true(p->slot.nonce == UINT64_MAX - 7);
    assert_int_equal(p->slot.content.rows, 17);
    assert_true(p->slot.content.raw_bytes == UINT64_C(1) << 40);
    assert_true(p->slot.content.checksum == UINT64_C(0x8877665544332211));
    assert_int_equal(p->slot.content.bytes, 262144);
    assert_int_equal(p->slot.content.frames, 3);
    assert_true(s.entry[0].pieces[2].slot.number == UINT64_C(1) << 50);
    assert_int_equal(s.entry[1].chunk_no, UINT32_MAX);
    assert_int_equal(s.entry[2].piece_count, 0);
    forget(&s);
    buf_free(&body);
    (void)state;
}

static void body_without_parcels(void **state)
{
    struct seen s = {.count = 0};
    struct err err = {0};
    struct buf body;
    buf_init(&body, BUF_SQL_MAX);
    waybill_begin_body(&body);
    assert_true(waybill_read_body(&body, note, &s, &err));
    assert_int_equal(s.count, 0);
    buf_free(&body);
    (void)state;
}

static void the_callees_error_ends_it(void **state)
{
    struct seen s = {.refuse_at = 2};
    struct err err = {0};
    struct buf body;
    add_body(&body);
    assert_false(waybill_read_body(&body, note, &s, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_int_equal(s.count, 1);
    forget(&s);
    buf_free(&body);
    (void)state;
}

/* A cut falls either between two parcels, or it is seen. */
static void every_cut_of_a_body_is_seen(void **state)
{
    static const size_t borders[] = {8, 8 + 16 + 32 + 144, 8 + 16 + 32 + 144 + 16 + 16 + 48};
    struct buf body;
    size_t whole = 0;
    add_body(&body);
    assert_int_equal(body.len, borders[2] + 16 + 16);
    for (size_t len = 0; len < body.len; len++) {
        struct seen s = {.count = 0};
        struct err err = {0};
        struct buf cut;
        buf_init(&cut, BUF_SQL_MAX);
        buf_add(&cut, buf_str(&body), len);
        bool border = len == borders[0] || len == borders[1] || len == borders[2];
        assert_int_equal(waybill_read_body(&cut, note, &s, &err), border);
        assert_int_equal(err.kind, border ? ERR_NONE : ERR_DATA);
        /* Nothing half of which is missing is handed on. */
        assert_int_equal(s.count, (len >= borders[1]) + (len >= borders[2]));
        whole += border;
        forget(&s);
        buf_free(&cut);
    }
    assert_int_equal(whole, 3);
    buf_free(&body);
    (void)state;
}

static bool take(void *self, struct waybill_entry *e, struct err *err)
{
    size_t *pieces = self;
    (void)err;
    assert_in_range(e->part_count, 1, TASK_PARTS_MAX);
    for (uint32_t i = 0; i < e->piece_count; i++) {
        assert_int_equal(e->pieces[i].kind, PIECE_SPILLED);
    }
    *pieces += e->piece_count;
    free(e->pieces);
    return true;
}

static void every_flip_of_a_body_stays_within_it(void **state)
{
    struct buf body;
    add_body(&body);
    for (size_t bit = 0; bit < body.len * 8; bit++) {
        struct err err = {0};
        size_t pieces = 0;
        body.data[bit / 8] = (char)(body.data[bit / 8] ^ (1 << bit % 8));
        bool ok = waybill_read_body(&body, take, &pieces, &err);
        assert_true(ok || err.kind == ERR_DATA);
        assert_true(pieces <= body.len / 48);
        assert_true(!ok || bit >= 64); /* the first eight bytes are what it is known by */
        body.data[bit / 8] = (char)(body.data[bit / 8] ^ (1 << bit % 8));
    }
    buf_free(&body);
    (void)state;
}

static void counts_out_of_limits(void **state)
{
    static const struct {
        uint32_t parts, pieces;
    } rows[] = {
        {0,                  0         },
        {TASK_PARTS_MAX + 1, 0         },
        {UINT32_MAX,         0         },
        {1,                  1         },
        {1,                  1u << 24  },
        {1,                  UINT32_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct seen s = {.count = 0};
        struct err err = {0};
        struct buf body;
        unsigned char entry[16 + 16] = {0};
        for (unsigned b = 0; b < 4; b++) {
            entry[8 + b] = (unsigned char)(rows[i].parts >> (8 * b));
            entry[12 + b] = (unsigned char)(rows[i].pieces >> (8 * b));
        }
        buf_init(&body, BUF_SQL_MAX);
        waybill_begin_body(&body);
        buf_add(&body, entry, sizeof entry);
        assert_false(waybill_read_body(&body, note, &s, &err));
        assert_int_equal(err.kind, ERR_DATA);
        assert_int_equal(s.count, 0);
        buf_free(&body);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_comes_back),
        cmocka_unit_test(head_without_some_texts),
        cmocka_unit_test(texts_that_are_not_utf8_come_back),
        cmocka_unit_test(heads_that_are_refused),
        cmocka_unit_test(heads_of_another_kind),
        cmocka_unit_test(every_cut_of_a_head_is_refused),
        cmocka_unit_test(every_flip_of_a_head_is_refused_or_a_head),
        cmocka_unit_test(body_comes_back),
        cmocka_unit_test(body_without_parcels),
        cmocka_unit_test(the_callees_error_ends_it),
        cmocka_unit_test(every_cut_of_a_body_is_seen),
        cmocka_unit_test(every_flip_of_a_body_stays_within_it),
        cmocka_unit_test(counts_out_of_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
