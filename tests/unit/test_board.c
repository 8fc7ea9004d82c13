/*
 * board: what is handed out when, what a failure means, and the ledger's word after a lost
 * destination.
 *
 * The stop level only rises, and it is the process's: the test that raises it is the last one.
 */
#include "unit.h"

#include "flow/stop.h"
#include "job/board.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define KB UINT64_C(1024)

/* A chunk is written as table * 10 + number. */
#define TABLES_MAX 4
#define CHUNKS_MAX 4

static const struct retry_policy at_once = {.attempts_max = 3, .budget_ms = 60000};
static const struct retry_policy waiting = {
    .attempts_max = 3, .base_ms = 20, .cap_ms = 20, .budget_ms = 60000};

struct fixture {
    struct plan plan;
    struct plan_table tables[TABLES_MAX];
    struct plan_chunk chunks[TABLES_MAX][CHUNKS_MAX];
    struct board *board;
    struct feed feed;
    struct task task[TABLES_MAX][CHUNKS_MAX]; /* the last attempt at each */
};

struct table_row {
    size_t chunks;
    uint64_t bytes;
    unsigned level;
};

static void open_plan(struct fixture *f, const struct table_row *rows, size_t count)
{
    *f = (struct fixture){
        .plan = {.tables = f->tables, .table_count = count}
    };
    for (size_t t = 0; t < count; t++) {
        f->tables[t] = (struct plan_table){.work = {.no = (unsigned)t},
                                           .chunks = f->chunks[t],
                                           .chunk_count = rows[t].chunks,
                                           .bytes = rows[t].bytes,
                                           .level = rows[t].level};
        for (size_t c = 0; c < rows[t].chunks; c++) {
            f->chunks[t][c].work.no = (unsigned)c;
            f->chunks[t][c].work.bytes = rows[t].bytes / rows[t].chunks;
        }
    }
    plan_total(&f->plan);
}

static void open_board(struct fixture *f, const struct retry_policy *policy)
{
    f->board = board_new(&f->plan, policy);
    assert_non_null(f->board);
    f->feed = board_feed(f->board);
}

static void open_rows(struct fixture *f, const struct table_row *rows, size_t count)
{
    open_plan(f, rows, count);
    open_board(f, &at_once);
}

/* The chunk that was handed out, -1 for none. Must not be called where that would wait. */
static int claim(struct fixture *f)
{
    struct task task = {.serial = 0};
    if (!f->feed.claim(f->feed.self, 0, &task)) {
        return -1;
    }
    const struct chunk_work *w = task.work;
    f->task[w->table->no][w->no] = task;
    return (int)(w->table->no * 10 + w->no);
}

static struct task *task_of(struct fixture *f, int chunk)
{
    return &f->task[chunk / 10][chunk % 10];
}

static void done(struct fixture *f, int chunk)
{
    struct task_result result = {.rows = 100, .wire_bytes = 1000, .busy_ns = 7};
    f->feed.done(f->feed.self, task_of(f, chunk), &result);
}

static void lose(struct fixture *f, int chunk, enum err_kind kind, const char *why)
{
    struct err err;
    (void)err_set(&err, kind, "%s", why);
    f->feed.failed(f->feed.self, task_of(f, chunk), &err);
}

static struct board_view look(struct fixture *f)
{
    struct board_view v;
    board_look(f->board, &v);
    return v;
}

/* ---- order ---- */

static void large_tables_come_first_and_chunks_in_order(void **state)
{
    static const struct table_row rows[] = {
        {1, 10 * KB, 0},
        {3, 30 * KB, 0},
        {2, 20 * KB, 0},
        {1, 20 * KB, 0}
    };
    static const int want[] = {10, 11, 12, 20, 21, 30, 0};
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

/* A claim that has to wait is made by a thread, which only records. */
struct waiter {
    struct fixture *f;
    pthread_t thread;
    int got;
};

static void *wait_for_claim(void *arg)
{
    struct waiter *w = arg;
    w->got = claim(w->f);
    return NULL;
}

static void start(struct waiter *w, struct fixture *f)
{
    *w = (struct waiter){.f = f, .got = -2};
    assert_int_equal(pthread_create(&w->thread, NULL, wait_for_claim, w), 0);
    for (int i = 0; i < 200; i++) {
        (void)sched_yield();
    }
}

static int end(struct waiter *w)
{
    assert_int_equal(pthread_join(w->thread, NULL), 0);
    return w->got;
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

/* ---- the ledger's word ---- */

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
        cmocka_unit_test(large_tables_come_first_and_chunks_in_order),
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
        cmocka_unit_test(resync_voids_what_the_ledger_does_not_have),
        cmocka_unit_test(resync_takes_over_what_only_the_ledger_knows),
        cmocka_unit_test(resync_voids_a_chunk_that_was_never_handed_out),
        cmocka_unit_test(a_void_below_holds_the_levels_above),
        cmocka_unit_test(a_void_wakes_who_waits),
        cmocka_unit_test(a_success_forgives_earlier_failures),
        cmocka_unit_test(a_stop_ends_waiting_and_handing_out),
    };

    return cmocka_run_group_tests_name("board", tests, NULL, NULL);
}
