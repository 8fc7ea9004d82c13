/* batch: the legal moves, what a move to EMPTY forgets, and appending up to the edge. */
#include "unit.h"

#include "flow/batch.h"

#include <stdbool.h>
#include <string.h>

#define ROOM 8

static int setup(void **state)
{
    *state = batch_new(ROOM);
    return *state == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    batch_free(*state);
    return 0;
}

/* The diagram in batch.h, once more. A sealed one goes back when a queue was cancelled. */
static const bool allowed[BATCH_STATES][BATCH_STATES] = {
  /* to:            EMPTY  FILLING SEALED SENDING */
    [BATCH_EMPTY] = {false, true,  false, false},
    [BATCH_FILLING] = {true,  false, true,  false},
    [BATCH_SEALED] = {true,  false, false, true },
    [BATCH_SENDING] = {true,  false, false, false},
};

static void takes_the_legal_moves(void **state)
{
    struct batch *b = *state;
    for (int from = 0; from < BATCH_STATES; from++) {
        for (int to = 0; to < BATCH_STATES; to++) {
            if (allowed[from][to]) {
                b->state = (enum batch_state)from;
                batch_move(b, (enum batch_state)to);
                assert_int_equal(b->state, to);
            }
        }
    }
}

static void empty_forgets_all_but_the_room(void **state)
{
    struct batch *b = *state;
    batch_move(b, BATCH_FILLING);
    assert_int_equal(batch_append(b, "abc", 3), 3);
    b->mark = BATCH_LAST;
    b->task = (struct task){.work = b, .serial = 7, .weight_bytes = 9};
    b->rows = 1;
    b->row_widest = 3;
    b->rows_total = 1;
    batch_move(b, BATCH_SEALED);
    assert_int_equal(b->len, 3);
    assert_int_equal(b->task.serial, 7);
    batch_move(b, BATCH_SENDING);
    batch_move(b, BATCH_EMPTY);
    assert_int_equal(b->mark, BATCH_MORE);
    assert_null(b->task.work);
    assert_int_equal(b->task.serial, 0);
    assert_int_equal(b->rows, 0);
    assert_int_equal(b->row_widest, 0);
    assert_int_equal(b->rows_total, 0);
    assert_int_equal(b->len, 0);
    assert_int_equal(b->room, ROOM);
}

static void append_copies_what_fits(void **state)
{
    static const struct {
        const char *first;
        const char *then;
        size_t want; /* of then */
        const char *holds;
    } rows[] = {
        {"",         "",          0, ""        },
        {"",         "12345678",  8, "12345678"},
        {"",         "123456789", 8, "12345678"},
        {"12345678", "9",         0, "12345678"},
        {"1234567",  "89",        1, "12345678"},
        {"123",      "45",        2, "12345"   },
        {"12345678", "",          0, "12345678"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct batch *b = *state;
        batch_move(b, BATCH_FILLING);
        assert_int_equal(batch_append(b, rows[i].first, strlen(rows[i].first)),
                         strlen(rows[i].first));
        assert_int_equal(batch_append(b, rows[i].then, strlen(rows[i].then)), rows[i].want);
        assert_int_equal(b->len, strlen(rows[i].holds));
        assert_memory_equal(b->bytes, rows[i].holds, b->len);
        batch_move(b, BATCH_EMPTY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_the_legal_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_forgets_all_but_the_room, setup, teardown),
        cmocka_unit_test_setup_teardown(append_copies_what_fits, setup, teardown),
    };

    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
