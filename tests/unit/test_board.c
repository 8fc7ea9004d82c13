/*
 * board: what is handed out when, and what a failure means.
 *
 * The stop level only rises, and it is the process's: the test that raises it is the last one.
 */
#include "board_fixture.h"

#include "flow/stop.h"

/* ---- order ---- */

static void large_tables_come_first_and_streams_are_spread(void **state)
{
    static const struct table_row rows[] = {
        {1, 10 * KB, 0},
        {3, 30 * KB, 0},
        {2, 20 * KB, 0},
        {1, 20 * KB, 0}
    };
    static const int want[] = {10, 20, 30, 11, 0, 21, 12}; /* the largest share of work */
    struct fixture f;
    uint64_t serial = 0;
    (void)state;
    open_rows(&f, rows, ARRAY_LEN(rows));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_int_equal(claim(&f), want[i]);
        assert_true(task_of(&f, want[i])->serial > serial);
        serial = task_of(&f, want[i])->serial;
        assert_int_equal(task_of(&f, want[i])->weight_bytes, 10 * KB * (want[i] == 30 ? 2 : 1));
    }
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        done(&f, want[i]);
    }
    assert_int_equal(claim(&f), -1);
    board_free(f.board);
}

static void a_level_waits_for_the_ones_below(void **state)
{
    static const struct table_row rows[] = {
        {1, 90 * KB, 1},
        {2, 10 * KB, 0},
        {1, 80 * KB, 2}
    };
    struct fixture f;
    struct waiter w;
    (void)state;
    open_rows(&f, rows, ARRAY_LEN(rows));
    assert_int_equal(claim(&f), 10);
    assert_int_equal(claim(&f), 11);
    done(&f, 10);
    start(&w, &f);
    done(&f, 11);
    assert_int_equal(end(&w), 0);
    start(&w, &f);
    done(&f, 0);
    assert_int_equal(end(&w), 20);
    done(&f, 20);
    assert_int_equal(claim(&f), -1);
    board_free(f.board);
}

/* A failed chunk of a lower level is handed out again before anything of a higher one. */
static void a_failure_below_holds_the_levels_above(void **state)
{
    static const struct table_row rows[] = {
        {1, KB,     0},
        {1, 9 * KB, 1}
    };
    struct fixture f;
    (void)state;
    open_rows(&f, rows, ARRAY_LEN(rows));
    assert_int_equal(claim(&f), 0);
    lose(&f, 0, ERR_TRANSIENT, "lost");
    assert_int_equal(claim(&f), 0);
    done(&f, 0);
    assert_int_equal(claim(&f), 10);
    done(&f, 10);
    board_free(f.board);
}

static void what_was_done_before_is_not_handed_out(void **state)
{
    static const struct table_row rows[] = {
        {2, 20 * KB, 0},
        {1, 5 * KB,  1}
    };
    struct fixture f;
    (void)state;
    open_plan(&f, rows, ARRAY_LEN(rows));
    f.chunks[0][0].state = CHUNK_DONE;
    f.chunks[0][0].done_before = true;
    f.chunks[0][0].rows = 7;
    open_board(&f, &at_once);
    assert_int_equal(look(&f).chunks_done, 1);
    assert_int_equal(look(&f).tables_done, 0);
    assert_int_equal(look(&f).done_bytes, 10 * KB);
    assert_int_equal(look(&f).rows_run, 0);
    assert_int_equal(claim(&f), 1);
    done(&f, 1);
    assert_int_equal(look(&f).tables_done, 1);
    assert_int_equal(claim(&f), 10);
    done(&f, 10);
    assert_int_equal(claim(&f), -1);
    board_free(f.board);
}

static void a_plan_without_chunks_ends_at_once(void **state)
{
    struct fixture f;
    (void)state;
    open_rows(&f, NULL, 0);
    assert_int_equal(claim(&f), -1);
    assert_int_equal(look(&f).chunks_total, 0);
    board_free(f.board);
}

/* ---- results ---- */

static void the_view_counts(void **state)
{
    static const struct table_row rows[] = {
        {2, 20 * KB, 0},
        {1, 5 * KB,  0}
    };
    struct fixture f;
    (void)state;
    open_rows(&f, rows, ARRAY_LEN(rows));
    struct board_view v = look(&f);
    assert_int_equal(v.chunks_total, 3);
    assert_int_equal(v.tables_total, 2);
    assert_int_equal(v.planned_bytes, 25 * KB);
    assert_int_equal(v.last_success_ns, 0);
    assert_int_equal(claim(&f), 0);
    assert_int_equal(claim(&f), 1);
    board_note_waiting(f.board, "a lock");
    assert_string_equal(look(&f).waiting_for, "a lock");
    done(&f, 0);
    v = look(&f);
    assert_string_equal(v.waiting_for, "");
    assert_int_equal(v.chunks_done, 1);
    assert_int_equal(v.tables_done, 0);
    assert_int_equal(v.done_bytes, 10 * KB);
    assert_int_equal(v.rows_run, 100);
    assert_int_equal(v.wire_bytes_run, 1000);
    assert_true(v.last_success_ns > 0);
    done(&f, 1);
    assert_int_equal(look(&f).tables_done, 1);
    assert_int_equal(f.chunks[0][1].rows, 100);
    assert_int_equal(f.chunks[0][1].wire_bytes, 1000);
    assert_int_equal(f.chunks[0][1].busy_ns, 7);
    board_free(f.board);
}

static void a_transient_failure_comes_back_after_its_wait(void **state)
{
    static const struct table_row rows[] = {
        {1, KB, 0}
    };
    struct fixture f;
    struct err err;
    char reasons[200];
    (void)state;
    open_plan(&f, rows, ARRAY_LEN(rows));
    open_board(&f, &waiting);
    assert_int_equal(claim(&f), 0);
    uint64_t serial = task_of(&f, 0)->serial;
    lose(&f, 0, ERR_TRANSIENT, "lost");
    assert_true(f.chunks[0][0].not_before_ns > 0);
    assert_int_equal(claim(&f), 0); /* waits for 20 ms */
    assert_int_not_equal(task_of(&f, 0)->serial, serial);
    lose(&f, 0, ERR_TRANSIENT, "lost");
    board_note_retry(f.board, "no route");
    assert_int_equal(look(&f).retries, 3);
    board_retry_reasons(f.board, reasons, sizeof reasons);
    assert_string_equal(reasons, "2 x lost, 1 x no route");
    assert_false(board_failed(f.board, &err));
    assert_int_equal(claim(&f), 0);
    done(&f, 0);
    assert_int_equal(claim(&f), -1);
    board_free(f.board);
}

/* While one chunk waits, others are handed out. */
static void a_wait_does_not_hold_others_up(void **state)
{
    static const struct table_row rows[] = {
        {2, 2 * KB, 0}
    };
    struct fixture f;
    (void)state;
    open_plan(&f, rows, ARRAY_LEN(rows));
    struct retry_policy policy = waiting;
    policy.base_ms = policy.cap_ms = 50000;
    open_board(&f, &policy);
    assert_int_equal(claim(&f), 0);
    lose(&f, 0, ERR_TRANSIENT, "lost");
    assert_int_equal(claim(&f), 1);
    board_free(f.board);
}

static void too_many_failures_are_fatal(void **state)
{
    static const struct table_row rows[] = {
        {2, 2 * KB, 0}
    };
    struct fixture f;
    struct err err = {.kind = ERR_NONE};
    (void)state;
    open_rows(&f, rows, ARRAY_LEN(rows));
    for (unsigned i = 0; i < at_once.attempts_max; i++) {
        assert_false(board_failed(f.board, &err));
        assert_int_equal(claim(&f), 0);
        lose(&f, 0, ERR_TRANSIENT, i == 2 ? "the third" : "lost");
    }
    assert_true(board_failed(f.board, &err));
    assert_int_equal(err.kind, ERR_TRANSIENT);
    assert_string_equal(err.msg, "the third");
    assert_int_equal(claim(&f), -1);
    board_free(f.board);
}

static void what_no_retry_cures_is_fatal_at_once_and_the_first_stays(void **state)
{
    static const enum err_kind kinds[] = {ERR_DATA, ERR_AUTH, ERR_USAGE, ERR_SYSTEM,
                                          ERR_LOST_SNAPSHOT};
    static const struct table_row rows[] = {
        {3, 3 * KB, 0}
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct fixture f;
        struct err err = {.kind = ERR_NONE};
        open_rows(&f, rows, ARRAY_LEN(rows));
        assert_int_equal(claim(&f), 0);
        assert_int_equal(claim(&f), 1);
        lose(&f, 0, kinds[i], "first");
        lose(&f, 1, ERR_DATA, "second");
        assert_true(board_failed(f.board, &err));
        assert_int_equal(err.kind, kinds[i]);
        assert_string_equal(err.msg, "first");
        assert_int_equal(claim(&f), -1);
        assert_int_equal(look(&f).retries, 0);
        board_free(f.board);
    }
}

static void a_cancelled_attempt_is_no_failure(void **state)
{
    static const struct table_row rows[] = {
        {1, KB, 0}
    };
    struct fixture f;
    struct err err;
    (void)state;
    open_rows(&f, rows, ARRAY_LEN(rows));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(claim(&f), 0);
        lose(&f, 0, ERR_CANCELLED, "stopped");
    }
    assert_false(board_failed(f.board, &err));
    assert_int_equal(f.chunks[0][0].retry.attempts, 0);
    board_free(f.board);
}

static void an_error_from_elsewhere_wakes_and_ends(void **state)
{
    static const struct table_row rows[] = {
        {1, KB, 0}
    };
    struct fixture f;
    struct waiter w;
    struct err err;
    (void)state;
    open_rows(&f, rows, ARRAY_LEN(rows));
    assert_int_equal(claim(&f), 0);
    start(&w, &f);
    (void)err_set(&err, ERR_BUSY, "taken over");
    board_fail(f.board, &err);
    assert_int_equal(end(&w), -1);
    (void)err_set(&err, ERR_DATA, "later");
    board_fail(f.board, &err);
    assert_true(board_failed(f.board, &err));
    assert_string_equal(err.msg, "taken over");
    done(&f, 0); /* what is in flight still counts */
    assert_int_equal(look(&f).chunks_done, 1);
    board_free(f.board);
}

static void the_last_success_wakes_all(void **state)
{
    static const struct table_row rows[] = {
        {1, KB, 0}
    };
    struct fixture f;
    struct waiter w[2];
    (void)state;
    open_rows(&f, rows, ARRAY_LEN(rows));
    assert_int_equal(claim(&f), 0);
    start(&w[0], &f);
    start(&w[1], &f);
    done(&f, 0);
    assert_int_equal(end(&w[0]), -1);
    assert_int_equal(end(&w[1]), -1);
    board_free(f.board);
}

/* ---- stop ---- */

static void a_stop_ends_waiting_and_handing_out(void **state)
{
    static const struct table_row rows[] = {
        {1, 2 * KB, 0},
        {1, KB,     1}
    };
    struct fixture f;
    struct waiter w[2];
    (void)state;
    open_rows(&f, rows, ARRAY_LEN(rows));
    assert_int_equal(claim(&f), 0);
    start(&w[0], &f);
    start(&w[1], &f);
    stop_raise(STOP_DRAIN);
    board_wake(f.board);
    assert_int_equal(end(&w[0]), -1);
    assert_int_equal(end(&w[1]), -1);
    done(&f, 0);
    assert_int_equal(claim(&f), -1);
    board_free(f.board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_tables_come_first_and_streams_are_spread),
        cmocka_unit_test(a_level_waits_for_the_ones_below),
        cmocka_unit_test(a_failure_below_holds_the_levels_above),
        cmocka_unit_test(what_was_done_before_is_not_handed_out),
        cmocka_unit_test(a_plan_without_chunks_ends_at_once),
        cmocka_unit_test(the_view_counts),
        cmocka_unit_test(a_transient_failure_comes_back_after_its_wait),
        cmocka_unit_test(a_wait_does_not_hold_others_up),
        cmocka_unit_test(too_many_failures_are_fatal),
        cmocka_unit_test(what_no_retry_cures_is_fatal_at_once_and_the_first_stays),
        cmocka_unit_test(a_cancelled_attempt_is_no_failure),
        cmocka_unit_test(an_error_from_elsewhere_wakes_and_ends),
        cmocka_unit_test(the_last_success_wakes_all),
        cmocka_unit_test(a_stop_ends_waiting_and_handing_out),
    };

    return cmocka_run_group_tests_name("board", tests, NULL, NULL);
}
