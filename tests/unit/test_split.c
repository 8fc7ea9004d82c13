/*
 * split: the cuts of each kind of table, and what must hold for any table.
 *
 * The rows of the tables below give bounds as one text each, "-" for an open end, so that a row
 * reads as the chunks it makes.
 */
#include "unit.h"

#include "base/rng.h"
#include "job/split.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOUNDS_MAX 8
#define SAMPLE_MAX 8
#define KB         UINT64_C(1024)
#define PAGE       (8 * KB)
#define MB         (KB * KB)
#define GB         (MB * KB)

struct wanted_row {
    uint64_t table_bytes;
    uint64_t chunk_bytes;
    size_t cuts_max;
    size_t want;
};

static void wanted_is_size_rounded_up_and_capped(void **state)
{
    static const struct wanted_row rows[] = {
        {0,           64 * MB,    1000, 1   },
        {1,           64 * MB,    1000, 1   },
        {64 * MB,     64 * MB,    1000, 1   },
        {64 * MB + 1, 64 * MB,    1000, 2   },
        {640 * MB,    64 * MB,    1000, 10  },
        {640 * MB,    64 * MB,    9,    9   },
        {10,          1,          1000, 10  },
        {10,          0,          1000, 10  },
        {UINT64_MAX,  1,          1000, 1000},
        {UINT64_MAX,  UINT64_MAX, 1000, 1   },
        {GB,          1,          0,    1   },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct wanted_row *r = &rows[i];
        assert_int_equal(split_wanted(r->table_bytes, r->chunk_bytes, r->cuts_max), r->want);
    }
    (void)state;
}

struct split_row {
    const char *name;
    struct split_input in; /* sample is filled from the field below */
    const char *sample[SAMPLE_MAX + 1];
    const char *bounds[BOUNDS_MAX + 1]; /* between the ranges, in order */
};

#define TID_ROW(pages, table, chunk, max)                                                         \
    {                                                                                             \
        .kind = CHUNK_TID, .heap_pages = (pages), .table_bytes = (table), .chunk_bytes = (chunk), \
        .cuts_max = (max)                                                                         \
    }
#define KEY_ROW(table, chunk)                                                               \
    {                                                                                       \
        .kind = CHUNK_KEY, .table_bytes = (table), .chunk_bytes = (chunk), .cuts_max = 1000 \
    }

static const struct split_row tid_tables[] = {
    {"even",                                 TID_ROW(400,  400 * PAGE,                  800 * KB,   1000), {0}, {"(100,0)", "(200,0)", "(300,0)"}},
    {"uneven",                               TID_ROW(10,   10 * PAGE,                   32 * KB,    1000), {0}, {"(3,0)", "(6,0)"}               },
    {"empty table",                          TID_ROW(0,    0,                           64 * KB,    1000), {0}, {0}                              },
    {"no heap pages, yet bytes",             TID_ROW(0,    640 * KB,                    64 * KB,    1000), {0}, {0}                              },
    {"one page",                             TID_ROW(1,    8 * KB,                      64 * KB,    1000), {0}, {0}                              },
    {"one page, huge TOAST",                 TID_ROW(1,    10 * GB,                     64 * KB,    1000), {0}, {0}                              },
    {"TOASTed: pages are fewer than wanted",
     TID_ROW(3,                                            10 * GB,                     64 * KB,    1000),
     {0},
     {"(1,0)", "(2,0)"}                                                                                                                          },
    {"bloated: many pages, few bytes",
     TID_ROW(1000000,                                      128 * KB,                    64 * KB,    1000),
     {0},
     {"(500000,0)"}                                                                                                                              },
    {"as many chunks as allowed",
     TID_ROW(100,                                          100 * PAGE,                  8 * KB,     4),
     {0},
     {"(25,0)", "(50,0)", "(75,0)"}                                                                                                              },
    {"one byte a chunk",                     TID_ROW(3,    3 * PAGE,                    1,          1000), {0}, {"(1,0)", "(2,0)"}               },
    {"a huge chunk",                         TID_ROW(1000, 8000 * KB,                   UINT64_MAX, 1000), {0}, {0}                              },
    {"the largest relation",
     TID_ROW(UINT64_C(4294967295),                         UINT64_C(4294967295) * PAGE, 16384 * GB, 1000),
     {0},
     {"(2147483647,0)"}                                                                                                                          },
};

static const struct split_row key_tables[] = {
    {"negative keys",
     KEY_ROW(4,                                                    1),
     {"'-10000'::int", "'-5000'::int", "'0'::int", "'5000'::int"},
     {"'-5000'::int", "'0'::int", "'5000'::int"}                                                                                          },
    {"int8 minimum and maximum",
     KEY_ROW(3,                                                    1),
     {"'-9223372036854775808'::int8", "'0'::int8", "'9223372036854775807'::int8"},
     {"'0'::int8", "'9223372036854775807'::int8"}                                                                                         },
    {"one outlier",
     KEY_ROW(4,                                                    1),
     {"'1'::int8", "'2'::int8", "'3'::int8", "'9000000000000000000'::int8"},
     {"'2'::int8", "'3'::int8", "'9000000000000000000'::int8"}                                                                            },
    {"all keys are equal",                     KEY_ROW(400,        1),          {"'7'", "'7'", "'7'", "'7'"},               {0}           },
    {"all but the last are equal",             KEY_ROW(400,        1),          {"'7'", "'7'", "'7'", "'8'"},               {"'8'"}       },
    {"all but the first are equal",            KEY_ROW(400,        1),          {"'6'", "'7'", "'7'", "'7'"},               {"'7'"}       },
    {"a heavy value is cut off on both sides",
     KEY_ROW(4,                                                    1),
     {"'1'", "'2'", "'5'", "'5'", "'5'", "'5'", "'8'", "'9'"},
     {"'5'", "'8'"}                                                                                                                       },
    {"pairs",                                  KEY_ROW(4,          1),          {"'1'", "'1'", "'2'", "'2'", "'3'", "'3'"}, {"'2'", "'3'"}},
    {"text",
     KEY_ROW(3,                                                    1),
     {"''::text", "'it''s, (so)'::text", "E'\\\\n'::text"},
     {"'it''s, (so)'::text", "E'\\\\n'::text"}                                                                                            },
    {"uuid",
     KEY_ROW(2,                                                    1),
     {"'00000000-0000-0000-0000-000000000000'::uuid",
      "'80000000-0000-0000-0000-000000000000'::uuid"},
     {"'80000000-0000-0000-0000-000000000000'::uuid"}                                                                                     },
    {"composite",
     KEY_ROW(3,                                                    1),
     {"'1'::int,'a'::text", "'1'::int,'b'::text", "'2'::int,'a'::text"},
     {"'1'::int,'b'::text", "'2'::int,'a'::text"}                                                                                         },
    {"no sample",                              KEY_ROW(400,        1),          {0},                                        {0}           },
    {"one row",                                KEY_ROW(400,        1),          {"'1'"},                                    {0}           },
    {"a sample smaller than wanted",           KEY_ROW(400,        1),          {"'1'", "'2'", "'3'"},                      {"'2'", "'3'"}},
    {"a sample larger than wanted",
     KEY_ROW(2,                                                    1),
     {"'1'", "'2'", "'3'", "'4'", "'5'", "'6'", "'7'"},
     {"'4'"}                                                                                                                              },
    {"a small table",                          KEY_ROW(1,          64),         {"'1'", "'2'"},                             {0}           },
    {"an empty table",                         KEY_ROW(0,          64),         {0},                                        {0}           },
    {"a huge chunk",                           KEY_ROW(UINT64_MAX, UINT64_MAX), {"'1'", "'2'"},                             {0}           },
};

static size_t text_count(const char *const *texts)
{
    size_t count = 0;
    while (texts[count] != NULL) {
        count++;
    }
    return count;
}

static void check_bound(const char *row, size_t i, const char *got, const char *want)
{
    if ((got == NULL) != (want == NULL) || (got != NULL && strcmp(got, want) != 0)) {
        fail_msg("%s: chunk %zu: bound is %s, not %s", row, i, got == NULL ? "open" : got,
                 want == NULL ? "open" : want);
    }
}

static void check_row(const struct split_row *row)
{
    struct split_input in = row->in;
    struct cut_list list = {0};
    struct err err = {0};
    size_t ranges = text_count(row->bounds) + 1;

    in.sample = row->sample;
    in.sample_count = text_count(row->sample);
    assert_true(split_table(&in, &list, &err));
    if (list.count != ranges) {
        fail_msg("%s: %zu chunks, not %zu", row->name, list.count, ranges);
    }
    uint64_t bytes = 0;
    for (size_t i = 0; i < ranges; i++) {
        assert_int_equal(list.items[i].kind, ranges == 1 ? CHUNK_WHOLE : in.kind);
        check_bound(row->name, i, list.items[i].lower, i == 0 ? NULL : row->bounds[i - 1]);
        check_bound(row->name, i, list.items[i].upper, row->bounds[i]);
        bytes += list.items[i].bytes;
    }
    assert_true(bytes == in.table_bytes);
    cut_list_free(&list);
    assert_null(list.items);
}

static void tid_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(tid_tables); i++) {
        check_row(&tid_tables[i]);
    }
    (void)state;
}

static void key_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(key_tables); i++) {
        check_row(&key_tables[i]);
    }
    (void)state;
}

static void whole_is_one_chunk_whatever_its_size(void **state)
{
    static const char *const sample[] = {"1", "2", "3"};
    struct split_input in = {.kind = CHUNK_WHOLE,
                             .table_bytes = GB,
                             .chunk_bytes = 1,
                             .heap_pages = 9,
                             .sample = sample,
                             .sample_count = ARRAY_LEN(sample),
                             .cuts_max = 99};
    struct cut_list list = {0};
    struct err err = {0};

    assert_true(split_table(&in, &list, &err));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].kind, CHUNK_WHOLE);
    assert_true(list.items[0].bytes == GB);
    cut_list_free(&list);
    cut_list_free(NULL);
    (void)state;
}

/* Ten of twelve sampled rows have one key: its chunk is planned with ten twelfths of the bytes. */
static void bytes_follow_the_sample(void **state)
{
    static const char *const sample[] = {"1", "5", "5", "5", "5", "5",
                                         "5", "5", "5", "5", "5", "9"};
    struct split_input in = {.kind = CHUNK_KEY,
                             .table_bytes = 1200,
                             .chunk_bytes = 300,
                             .sample = sample,
                             .sample_count = ARRAY_LEN(sample),
                             .cuts_max = 99};
    struct cut_list list = {0};
    struct err err = {0};

    assert_true(split_table(&in, &list, &err));
    assert_int_equal(list.count, 3);
    assert_int_equal(list.items[0].bytes, 100);
    assert_int_equal(list.items[1].bytes, 1000);
    assert_int_equal(list.items[2].bytes, 100);
    cut_list_free(&list);
    (void)state;
}

static void nulls_get_a_chunk_of_their_own(void **state)
{
    static const char *const sample[] = {"1", "2", "3"};
    struct split_input in = {.kind = CHUNK_KEY,
                             .table_bytes = 400,
                             .chunk_bytes = 100,
                             .sample = sample,
                             .sample_count = ARRAY_LEN(sample),
                             .nullable = true,
                             .cuts_max = 99};
    struct cut_list list = {0};
    struct err err = {0};

    assert_true(split_table(&in, &list, &err));
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(list.items[i].kind, i == 3 ? CHUNK_KEY_NULL : CHUNK_KEY);
        assert_int_equal(list.items[i].bytes, 100);
    }
    assert_null(list.items[2].upper);
    assert_null(list.items[3].lower);
    assert_null(list.items[3].upper);
    cut_list_free(&list);
    (void)state;
}

/* An open range together with a NULL chunk would read NULL keys twice, or make "open" mean two
 * things. */
static void nullable_and_uncut_is_one_whole_chunk(void **state)
{
    static const char *const sample[] = {"1", "2", "3"};
    static const struct {
        size_t sample_count;
        uint64_t chunk_bytes;
        size_t cuts_max;
    } rows[] = {
        {0, 100, 99},
        {1, 100, 99},
        {3, 400, 99},
        {3, 100, 2 }
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct split_input in = {.kind = CHUNK_KEY,
                                 .table_bytes = 400,
                                 .chunk_bytes = rows[i].chunk_bytes,
                                 .sample = sample,
                                 .sample_count = rows[i].sample_count,
                                 .nullable = true,
                                 .cuts_max = rows[i].cuts_max};
        struct cut_list list = {0};
        struct err err = {0};
        assert_true(split_table(&in, &list, &err));
        assert_int_equal(list.count, 1);
        assert_int_equal(list.items[0].kind, CHUNK_WHOLE);
        cut_list_free(&list);
    }
    (void)state;
}

/* What must hold for any input. */

#define RANDOM_SAMPLE_MAX 200

struct random_case {
    struct split_input in;
    char texts[RANDOM_SAMPLE_MAX][8];
    const char *sample[RANDOM_SAMPLE_MAX];
};

/* Mostly small numbers, so that edges meet; sometimes any 64-bit one. */
static uint64_t random_size(struct rng *rng)
{
    return rng_between(rng, 0, 9) == 0 ? rng_next(rng) : rng_between(rng, 0, 3000);
}

static void make_case(struct rng *rng, struct random_case *c)
{
    uint64_t spread = rng_between(rng, 0, 3); /* 0: all keys are equal */
    unsigned value = 0;

    c->in = (struct split_input){.kind = rng_between(rng, 0, 1) == 0 ? CHUNK_TID : CHUNK_KEY,
                                 .table_bytes = random_size(rng),
                                 .chunk_bytes = 1 + random_size(rng) / 2,
                                 .heap_pages = random_size(rng),
                                 .sample = c->sample,
                                 .sample_count = rng_between(rng, 0, RANDOM_SAMPLE_MAX),
                                 .nullable = rng_between(rng, 0, 1) == 1,
                                 .cuts_max = rng_between(rng, 2, 300)};
    for (size_t i = 0; i < c->in.sample_count; i++) {
        value += (unsigned)rng_between(rng, 0, spread);
        (void)snprintf(c->texts[i], sizeof(c->texts[i]), "%05u", value);
        c->sample[i] = c->texts[i];
    }
}

static uint64_t tid_block(const char *bound)
{
    return strtoull(bound + 1, NULL, 10);
}

/* Both kinds of bound are ordered here: blocks by number, the random keys as text. */
static bool comes_before(enum chunk_kind kind, const char *a, const char *b)
{
    return kind == CHUNK_TID ? tid_block(a) < tid_block(b) : strcmp(a, b) < 0;
}

static const char *broken_rule(const struct split_input *in, const struct cut_list *list)
{
    size_t ranges = list->count;
    uint64_t bytes = 0;

    for (size_t i = 0; i < list->count; i++) {
        bytes += list->items[i].bytes;
    }
    if (ranges > 0 && list->items[ranges - 1].kind == CHUNK_KEY_NULL) {
        ranges--;
    }
    if (ranges == 0 || list->count > in->cuts_max || bytes != in->table_bytes) {
        return "count or bytes";
    }
    if (list->items[0].lower != NULL || list->items[ranges - 1].upper != NULL) {
        return "an end is not open";
    }
    if ((ranges != list->count) != (in->kind == CHUNK_KEY && in->nullable && ranges > 1)) {
        return "the chunk of NULLs";
    }
    for (size_t i = 1; i < ranges; i++) {
        const struct cut *cut = &list->items[i];
        if (cut[-1].upper == NULL || cut->lower == NULL || strcmp(cut[-1].upper, cut->lower) != 0) {
            return "a gap or an overlap";
        }
        if (cut->upper != NULL && !comes_before(in->kind, cut->lower, cut->upper)) {
            return "an empty range";
        }
    }
    if (in->kind == CHUNK_TID && ranges > 1 &&
        (tid_block(list->items[0].upper) == 0 ||
         tid_block(list->items[ranges - 1].lower) >= in->heap_pages)) {
        return "a chunk without a page";
    }
    return NULL;
}

static void any_table_is_covered_once(void **state)
{
    uint64_t seed = rng_entropy();
    struct rng rng;
    struct random_case c;

    rng_seed(&rng, seed);
    for (unsigned i = 0; i < 20000; i++) {
        struct cut_list list = {0};
        struct err err = {0};
        make_case(&rng, &c);
        assert_true(split_table(&c.in, &list, &err));
        const char *broken = broken_rule(&c.in, &list);
        cut_list_free(&list);
        if (broken != NULL) {
            fail_msg("seed %llu, case %u: %s", (unsigned long long)seed, i, broken);
        }
    }
    print_message("property seed %llu\n", (unsigned long long)seed);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wanted_is_size_rounded_up_and_capped),
        cmocka_unit_test(tid_rows),
        cmocka_unit_test(key_rows),
        cmocka_unit_test(whole_is_one_chunk_whatever_its_size),
        cmocka_unit_test(bytes_follow_the_sample),
        cmocka_unit_test(nulls_get_a_chunk_of_their_own),
        cmocka_unit_test(nullable_and_uncut_is_one_whole_chunk),
        cmocka_unit_test(any_table_is_covered_once),
    };

    return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
