/*
 * parcel: pieces in order, and which of them a packer may take.
 *
 * A parcel is written as a string, a letter a piece: r raw, R raw and busy, p packed, s spilled,
 * m merged, d dropped.
 */
#include "unit.h"

#include "flow/parcel.h"

#include <ctype.h>
#include <string.h>

static enum piece_kind kind_of(char c)
{
    switch (tolower(c)) {
    case 'r':
        return PIECE_RAW;
    case 'p':
        return PIECE_PACKED;
    case 's':
        return PIECE_SPILLED;
    case 'm':
        return PIECE_MERGED;
    default:
        return PIECE_DROPPED;
    }
}

static const struct task one = {.serial = 1, .parts = 1};

static struct parcel make(const char *pieces)
{
    struct parcel p;
    assert_true(parcel_init(&p, &one));
    for (size_t i = 0; pieces[i] != '\0'; i++) {
        assert_true(parcel_reserve(&p));
        parcel_append(&p, &(struct piece){.kind = kind_of(pieces[i]),
                                          .busy = isupper((unsigned char)pieces[i]) != 0,
                                          .slot = {.number = i}});
    }
    return p;
}

static void grows_and_keeps_the_order(void **state)
{
    (void)state;
    struct task many = {.serial = 9, .parts = TASK_PARTS_MAX, .weight_bytes = 5};
    struct parcel p;
    assert_true(parcel_init(&p, &many));
    assert_int_equal(p.task.serial, 9);
    assert_int_equal(p.state, PARCEL_READING);
    assert_false(p.hot || p.unwanted || p.reader_left || p.dropped);
    p.parts[TASK_PARTS_MAX - 1].rows = 1; /* there is room for all */
    for (size_t i = 0; i < 1000; i++) {
        assert_true(parcel_reserve(&p));
        parcel_append(&p, &(struct piece){.kind = PIECE_SPILLED, .slot = {.number = i}});
    }
    assert_int_equal(p.count, 1000);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(p.pieces[i].slot.number, i);
    }
    parcel_fini(&p);
    assert_int_equal(p.count, 0);
}

static const struct {
    const char *pieces;
    size_t from;
    size_t want;
} skips[] = {
    {"",      0, 0},
    {"r",     0, 0},
    {"pmmr",  0, 0},
    {"pmmr",  1, 3},
    {"pmm",   1, 3},
    {"pmmpm", 2, 3},
    {"sm",    2, 2},
};

static void passes_over_what_is_merged(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(skips); i++) {
        struct parcel p = make(skips[i].pieces);
        assert_int_equal(parcel_skip_merged(&p, skips[i].from), skips[i].want);
        parcel_fini(&p);
    }
}

static const struct run_row {
    const char *pieces;
    size_t from;
    struct raw_run_limits limits;
    size_t begin;
    size_t count;
} runs[] = {
    {"",        0, {.max = 4},                            0, 0},
    {"rrr",     0, {.max = 4},                            0, 3},
    {"rrrrrr",  0, {.max = 4},                            0, 4},
    {"rrrrrr",  4, {.max = 4},                            4, 2},
    {"rrrrrr",  6, {.max = 4},                            6, 0},
    {"pmRrr",   0, {.max = 4},                            3, 2},
    {"rrRrr",   0, {.max = 4},                            0, 2},
    {"rrpmr",   0, {.max = 4},                            0, 2},
    {"sdmp",    0, {.max = 4},                            4, 0},
 /* the writer is at 2 and wants the next three left alone */
    {"rrrrrrr", 0, {.max = 9, .keep_from = 2, .keep = 3}, 0, 2},
    {"rrrrrrr", 2, {.max = 9, .keep_from = 2, .keep = 3}, 5, 2},
    {"rrrrr",   2, {.max = 9, .keep_from = 2, .keep = 3}, 5, 0},
    {"rrr",     0, {.max = 9, .keep_from = 0, .keep = 8}, 3, 0},
 /* it wants nothing left alone, but what is sent and what is not must not become one */
    {"rrrrr",   0, {.max = 9, .keep_from = 2, .keep = 0}, 0, 2},
    {"rrrrr",   2, {.max = 9, .keep_from = 2, .keep = 0}, 2, 3},
    {"rrrrr",   0, {.max = 9, .keep_from = 5, .keep = 0}, 0, 5},
    {"prrrr",   0, {.max = 9, .keep_from = 3, .keep = 0}, 1, 2},
};

static void finds_runs_that_a_packer_may_take(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
        struct parcel p = make(runs[i].pieces);
        size_t from = runs[i].from;
        assert_int_equal(parcel_raw_run(&p, &from, &runs[i].limits), runs[i].count);
        assert_int_equal(from, runs[i].begin);
        parcel_fini(&p);
    }
}

static const struct {
    const char *pieces;
    enum parcel_state state;
    bool dropped;
    bool want;
} spilled[] = {
    {"",     PARCEL_COMPLETE, false, true },
    {"sms",  PARCEL_COMPLETE, false, true },
    {"sms",  PARCEL_READING,  false, false},
    {"sms",  PARCEL_BROKEN,   false, false},
    {"sms",  PARCEL_COMPLETE, true,  false},
    {"smsr", PARCEL_COMPLETE, false, false},
    {"psms", PARCEL_COMPLETE, false, false},
    {"dsms", PARCEL_COMPLETE, false, false},
};

static void is_spilled_when_all_of_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(spilled); i++) {
        struct parcel p = make(spilled[i].pieces);
        p.state = spilled[i].state;
        p.dropped = spilled[i].dropped;
        assert_int_equal(parcel_is_spilled(&p), spilled[i].want);
        parcel_fini(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_keeps_the_order),
        cmocka_unit_test(passes_over_what_is_merged),
        cmocka_unit_test(finds_runs_that_a_packer_may_take),
        cmocka_unit_test(is_spilled_when_all_of_it_is),
    };

    return cmocka_run_group_tests_name("parcel", tests, NULL, NULL);
}
