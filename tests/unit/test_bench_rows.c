/* source_rows: where sample rows end, and how they are given again and again; sink_null. */
#include "unit.h"

#include "ends/sink_null.h"
#include "ends/source_rows.h"
#include "ends/work.h"

#include <stdlib.h>
#include <string.h>

/* ---- samples ---- */

static char *copy(const char *bytes, size_t len)
{
    char *to = malloc(len + 1);
    assert_non_null(to);
    memcpy(to, bytes, len);
    return to;
}

static struct rows_sample text_sample(const char *text)
{
    struct err err;
    struct rows_sample s;
    assert_true(rows_sample_make(copy(text, strlen(text)), strlen(text), false, &s, &err));
    return s;
}

static void text_rows_end_with_their_line(void **state)
{
    struct rows_sample s = text_sample("a\tb\n\nlong \\n row\ncut off");
    (void)state;
    assert_int_equal(s.count, 3);
    assert_int_equal(s.ends[0], 4);
    assert_int_equal(s.ends[1], 5);
    assert_int_equal(s.ends[2], 17);
    assert_int_equal(s.row_widest, 12);
    rows_sample_free(&s);
    s = text_sample("no end");
    assert_int_equal(s.count, 0);
    rows_sample_free(&s);
    s = text_sample("");
    assert_int_equal(s.count, 0);
    rows_sample_free(&s);
}

#define BYTES(text) text, sizeof(text) - 1

static void binary_rows(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        size_t count; /* of whole rows */
        size_t end;   /* of the last one */
        bool refused;
    } rows[] = {
        {BYTES(""),                                          0, 0,  false},
        {BYTES("\0"),                                        0, 0,  false},
        {BYTES("\0\0"),                                      1, 2,  false}, /* no columns */
        {BYTES("\0\0\0\0\0\0"),                              3, 6,  false},
        {BYTES("\0\1\0\0\0\2ab"),                            1, 8,  false},
        {BYTES("\0\1\377\377\377\377"),                      1, 6,  false}, /* NULL */
        {BYTES("\0\2\377\377\377\377\0\0\0\1x\0\1\0\0\0\0"), 2, 17, false},
        {BYTES("\0\1\0\0\0\2a"),                             0, 0,  false},
        {BYTES("\0\1\0\0\0"),                                0, 0,  false},
        {BYTES("\0\1\0\0\0\1x\0\1\177\377\377\377"),         1, 7,  false},
        {BYTES("\0\1\200\0\0\0"),                            0, 0,  true }, /* length < -1 */
        {BYTES("\200\0\0\0\0\0"),                            0, 0,  true },
        {BYTES("\377\377"),                                  0, 0,  true }, /* the trailer */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {.kind = ERR_NONE};
        struct rows_sample s = {.count = 0};
        bool ok = rows_sample_make(copy(rows[i].bytes, rows[i].len), rows[i].len, true, &s, &err);
        assert_int_equal(ok, !rows[i].refused);
        assert_int_equal(err.kind, rows[i].refused ? ERR_DATA : ERR_NONE);
        assert_int_equal(s.count, rows[i].count);
        assert_int_equal(s.count == 0 ? 0 : s.ends[s.count - 1], rows[i].end);
        rows_sample_free(&s);
    }
}

static void many_rows(void **state)
{
    size_t len = 3000;
    char *bytes = malloc(len);
    struct rows_sample s;
    struct err err;
    (void)state;
    assert_non_null(bytes);
    memset(bytes, '\n', len);
    assert_true(rows_sample_make(bytes, len, false, &s, &err));
    assert_int_equal(s.count, len);
    assert_int_equal(s.ends[2999], 3000);
    rows_sample_free(&s);
}

/* ---- giving ---- */

#define CHUNKS_MAX 4

struct giver {
    struct rows_sample samples[2];
    struct table_work tables[2];
    struct chunk_work chunks[CHUNKS_MAX];
    const struct chunk_work *list[CHUNKS_MAX];
    struct group_work group;
    struct task task;
    struct source_rows *rows;
};

static void open_giver(struct giver *g, const char *first, const char *second)
{
    *g = (struct giver){
        .samples = {text_sample(first), text_sample(second)}
    };
    g->tables[1].no = 1;
    g->rows = source_rows_new(g->samples);
    assert_non_null(g->rows);
}

static void close_giver(struct giver *g)
{
    source_rows_free(g->rows);
    rows_sample_free(&g->samples[0]);
    rows_sample_free(&g->samples[1]);
}

static void begin(struct giver *g, unsigned table, const uint64_t *bytes, unsigned count)
{
    struct err err;
    for (unsigned i = 0; i < count; i++) {
        g->chunks[i] = (struct chunk_work){.table = &g->tables[table], .bytes = bytes[i]};
        g->list[i] = &g->chunks[i];
    }
    g->group = (struct group_work){.table = &g->tables[table], .count = count, .chunks = g->list};
    g->task = (struct task){.work = &g->group, .serial = 1, .parts = count};
    struct source source = source_rows_ops(g->rows);
    assert_true(source.begin(source.self, &g->task, &err));
}

static struct filled fill(struct giver *g, char *to, size_t room, size_t row_room)
{
    struct err err;
    struct filled f = {.len = 0};
    struct source source = source_rows_ops(g->rows);
    assert_true(source.fill(source.self, to, room, row_room, &f, &err));
    assert_in_range(f.len, 0, room);
    return f;
}

static void expect(struct giver *g, size_t room, size_t row_room, const char *text, uint64_t rows,
                   bool ended)
{
    char to[64] = "";
    struct filled f = fill(g, to, room, row_room);
    to[f.len] = '\0';
    assert_string_equal(to, text);
    assert_int_equal(f.rows, rows);
    assert_int_equal(f.part_ended, ended);
}

static void whole_rows_until_the_part_has_its_bytes(void **state)
{
    struct giver g;
    const uint64_t bytes[] = {7, 3, 0, 1};
    (void)state;
    open_giver(&g, "a\nbb\nccc\n", "x\n");
    begin(&g, 0, bytes, 4);
    expect(&g, 32, 32, "a\nbb\nccc\n", 3, true); /* the row that reaches 7 */
    expect(&g, 32, 32, "a\nbb\n", 2, true);      /* from the beginning again */
    expect(&g, 32, 32, "", 0, true);
    char to[32];
    struct filled f = fill(&g, to, sizeof to, sizeof to);
    assert_true(f.task_ended && f.part_ended);
    assert_int_equal(f.len, 4);
    close_giver(&g);
}

static void the_sample_comes_again_and_again(void **state)
{
    struct giver g;
    const uint64_t bytes[] = {10};
    (void)state;
    open_giver(&g, "ab\nc\n", "");
    begin(&g, 0, bytes, 1);
    expect(&g, 9, 9, "ab\nc\nab\n", 3, false); /* the next one fits not, though only by a byte */
    expect(&g, 9, 9, "c\n", 1, true);
    begin(&g, 0, bytes, 1);
    expect(&g, 2, 9, "", 0, false); /* three bytes do not fit into the rest of a batch */
    expect(&g, 9, 9, "ab\nc\nab\n", 3, false);
    expect(&g, 9, 9, "c\n", 1, true);
    close_giver(&g);
}

static void a_row_as_wide_as_a_batch_fits(void **state)
{
    struct giver g;
    const uint64_t bytes[] = {9};
    (void)state;
    open_giver(&g, "abc\nd\n", "");
    begin(&g, 0, bytes, 1);
    expect(&g, 4, 4, "abc\n", 1, false);
    expect(&g, 4, 4, "d\n", 1, false);
    expect(&g, 4, 4, "abc\n", 1, true);
    close_giver(&g);
}

static void a_row_wider_than_a_batch_is_cut(void **state)
{
    struct giver g;
    const uint64_t bytes[] = {9, 1};
    (void)state;
    open_giver(&g, "a\nlonger row\nb\n", "");
    begin(&g, 0, bytes, 2);
    expect(&g, 4, 4, "a\nlo", 2, false);
    expect(&g, 4, 4, "nger", 0, false);
    expect(&g, 4, 4, " row", 0, false);
    expect(&g, 4, 4, "\n", 0, true); /* the part has its bytes, and its last row is whole */
    expect(&g, 4, 4, "b\n", 1, true);
    close_giver(&g);
}

static void another_table_and_an_empty_one(void **state)
{
    struct giver g;
    const uint64_t bytes[] = {2, 2};
    (void)state;
    open_giver(&g, "ab\ncd\n", "");
    begin(&g, 0, bytes, 1);
    expect(&g, 8, 8, "ab\n", 1, true);
    begin(&g, 1, bytes, 2);
    expect(&g, 8, 8, "", 0, true);
    expect(&g, 8, 8, "", 0, true);
    begin(&g, 0, bytes, 1);
    expect(&g, 8, 8, "ab\n", 1, true);
    close_giver(&g);
}

static void given_up_in_the_middle_of_a_row(void **state)
{
    struct giver g;
    const uint64_t bytes[] = {20};
    (void)state;
    open_giver(&g, "longer row\n", "");
    begin(&g, 0, bytes, 1);
    expect(&g, 4, 4, "long", 1, false);
    struct source source = source_rows_ops(g.rows);
    source.abandon(source.self);
    begin(&g, 0, bytes, 1);
    expect(&g, 16, 16, "longer row\n", 1, false);
    close_giver(&g);
}

static void nothing_is_what_the_null_sink_keeps(void **state)
{
    struct sink s = sink_null_ops();
    struct err err = {.kind = ERR_NONE};
    bool already = true;
    uint64_t commit_ns = 1;
    (void)state;
    assert_true(s.begin(s.self, NULL, &already, NULL, &err));
    assert_false(already);
    assert_true(s.write(s.self, "x", 1, &err));
    assert_true(s.commit(s.self, NULL, NULL, &commit_ns, &err));
    assert_int_equal(commit_ns, 0);
    s.rollback(s.self);
    assert_int_equal(err.kind, ERR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_rows_end_with_their_line),
        cmocka_unit_test(binary_rows),
        cmocka_unit_test(many_rows),
        cmocka_unit_test(whole_rows_until_the_part_has_its_bytes),
        cmocka_unit_test(the_sample_comes_again_and_again),
        cmocka_unit_test(a_row_as_wide_as_a_batch_fits),
        cmocka_unit_test(a_row_wider_than_a_batch_is_cut),
        cmocka_unit_test(another_table_and_an_empty_one),
        cmocka_unit_test(given_up_in_the_middle_of_a_row),
        cmocka_unit_test(nothing_is_what_the_null_sink_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
