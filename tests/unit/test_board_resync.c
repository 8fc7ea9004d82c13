/* board_resync: the ledger's word after a lost destination. */
#include "board_fixture.h"

static void resync_voids_what_the_ledger_does_not_have(void **state)
{
    static const struct table_row rows[] = {
        {3, 30 * KB, 0}
    };
    static const struct board_done ledger[] = {
        {0, 1, 11, 12},
        {9, 0, 1,  1 },
        {0, 9, 1,  1 }
    };
    struct fixture f;
    (void)state;
    open_rows(&f, rows, ARRAY_LEN(rows));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(claim(&f), i);
    }
    done(&f, 0);
    done(&f, 1);
    board_resync(f.board, ledger, ARRAY_LEN(ledger)); /* rows that mean nothing are passed over */
    assert_int_equal(look(&f).chunks_done, 1);
    assert_int_equal(look(&f).done_bytes, 10 * KB);
    assert_int_equal(look(&f).rows_run, 100);
    assert_int_equal(f.chunks[0][2].state, CHUNK_RUNNING);
    assert_int_equal(claim(&f), 0);
    done(&f, 2);
    done(&f, 0);
    assert_int_equal(look(&f).tables_done, 1);
    assert_int_equal(claim(&f), -1);
    board_free(f.board);
}

static void resync_takes_over_what_only_the_ledger_knows(void **state)
{
    static const struct table_row rows[] = {
        {3, 30 * KB, 0}
    };
    static const struct board_done ledger[] = {
        {0, 0, 5, 50},
        {0, 1, 6, 60}
    };
    struct fixture f;
    (void)state;
    open_rows(&f, rows, ARRAY_LEN(rows));
    assert_int_equal(claim(&f), 0);
    lose(&f, 0, ERR_TRANSIENT, "no answer to the commit");
    board_resync(f.board, ledger, ARRAY_LEN(ledger)); /* 0 is to do again, 1 is new */
    assert_int_equal(look(&f).chunks_done, 2);
    assert_int_equal(f.chunks[0][0].rows, 5);
    assert_int_equal(f.chunks[0][1].wire_bytes, 60);
    assert_int_equal(claim(&f), 2);
    done(&f, 2);
    assert_int_equal(claim(&f), -1);
    assert_int_equal(look(&f).tables_done, 1);
    board_free(f.board);
}

/* Done by an earlier run, so never handed out in this one, and not there any more. */
static void resync_voids_a_chunk_that_was_never_handed_out(void **state)
{
    static const struct table_row rows[] = {
        {3, 30 * KB, 0},
        {1, 10 * KB, 1}
    };
    struct fixture f;
    struct waiter w;
    unsigned seen = 0;
    (void)state;
    open_plan(&f, rows, ARRAY_LEN(rows));
    f.chunks[0][1].state = CHUNK_DONE;
    open_board(&f, &at_once);
    board_resync(f.board, NULL, 0);
    board_resync(f.board, NULL, 0); /* nothing more to void */
    assert_int_equal(look(&f).chunks_done, 0);
    assert_int_equal(look(&f).done_bytes, 0);
    int first = claim(&f);
    lose(&f, first, ERR_TRANSIENT, "lost");
    board_resync(f.board, NULL, 0);
    for (int i = 0; i < 3; i++) {
        int chunk = claim(&f); /* each once, in any order */
        assert_in_range(chunk, 0, 2);
        seen |= 1u << ((unsigned)chunk & 3u);
    }
    assert_int_equal(seen, 7);
    start(&w, &f);
    done(&f, 0);
    done(&f, 1);
    done(&f, 2);
    assert_int_equal(end(&w), 10);
    done(&f, 10);
    assert_int_equal(claim(&f), -1);
    assert_int_equal(look(&f).tables_done, 2);
    board_free(f.board);
}

/* It is still ahead of the board when it waits for its next attempt. */
static void a_void_chunk_that_fails_waits_its_time(void **state)
{
    static const struct table_row rows[] = {
        {3, 30 * KB, 0}
    };
    struct retry_policy slow = {
        .attempts_max = 3, .base_ms = 50000, .cap_ms = 50000, .budget_ms = 60000};
    struct fixture f;
    (void)state;
    open_plan(&f, rows, ARRAY_LEN(rows));
    f.chunks[0][0].state = CHUNK_DONE;
    open_board(&f, &slow);
    board_resync(f.board, NULL, 0);
    assert_int_equal(claim(&f), 0);
    lose(&f, 0, ERR_TRANSIENT, "lost");
    assert_int_equal(claim(&f), 1);
    assert_int_equal(claim(&f), 2);
    board_free(f.board);
}

static void a_void_below_holds_the_levels_above(void **state)
{
    static const struct table_row rows[] = {
        {1, KB,     0},
        {2, 2 * KB, 1}
    };
    struct fixture f;
    (void)state;
    open_rows(&f, rows, ARRAY_LEN(rows));
    assert_int_equal(claim(&f), 0);
    done(&f, 0);
    assert_int_equal(claim(&f), 10);
    board_resync(f.board, NULL, 0);
    assert_int_equal(claim(&f), 0);
    done(&f, 0);
    assert_int_equal(claim(&f), 11);
    board_free(f.board);
}

static void a_void_wakes_who_waits(void **state)
{
    static const struct table_row rows[] = {
        {2, 2 * KB, 0}
    };
    struct fixture f;
    struct waiter w;
    (void)state;
    open_rows(&f, rows, ARRAY_LEN(rows));
    assert_int_equal(claim(&f), 0);
    assert_int_equal(claim(&f), 1);
    done(&f, 0);
    start(&w, &f);
    board_resync(f.board, NULL, 0);
    assert_int_equal(end(&w), 0);
    board_free(f.board);
}

/* retry.h: a success starts afresh. */
static void a_success_forgives_earlier_failures(void **state)
{
    static const struct table_row rows[] = {
        {2, 2 * KB, 0}
    };
    struct fixture f;
    struct err err;
    (void)state;
    open_rows(&f, rows, ARRAY_LEN(rows));
    assert_int_equal(claim(&f), 0);
    lose(&f, 0, ERR_TRANSIENT, "lost");
    assert_int_equal(claim(&f), 0);
    lose(&f, 0, ERR_TRANSIENT, "lost");
    assert_int_equal(claim(&f), 0);
    done(&f, 0);
    board_resync(f.board, NULL, 0); /* the destination forgot it */
    assert_int_equal(claim(&f), 0);
    lose(&f, 0, ERR_TRANSIENT, "lost");
    bool gave_up = board_failed(f.board, &err);
    board_free(f.board);
    assert_false(gave_up);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resync_voids_what_the_ledger_does_not_have),
        cmocka_unit_test(resync_takes_over_what_only_the_ledger_knows),
        cmocka_unit_test(resync_voids_a_chunk_that_was_never_handed_out),
        cmocka_unit_test(a_void_chunk_that_fails_waits_its_time),
        cmocka_unit_test(a_void_below_holds_the_levels_above),
        cmocka_unit_test(a_void_wakes_who_waits),
        cmocka_unit_test(a_success_forgives_earlier_failures),
    };

    return cmocka_run_group_tests_name("board_resync", tests, NULL, NULL);
}
