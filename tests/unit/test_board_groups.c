/*
 * board_groups: neighbouring chunks that are handed out, sent, failed and committed together; what
 * is sent again and what is read again; and giving the source back.
 *
 * The stop level only rises, and it is the process's: the test that raises it is the last one.
 */
#include "board_fixture.h"

#include "flow/stop.h"

static const struct retry_policy patient = {.attempts_max = 100, .budget_ms = 60000};

/* Groups of as many chunks of 10 kB as this. */
static void open_groups(struct fixture *f, const struct table_row *rows, size_t count,
                        unsigned chunks)
{
    open_plan(f, rows, count);
    open_board(f, &patient);
    board_set_limits(f->board,
                     &(struct board_limits){.chunk_bytes = 10 * KB * chunks, .memory_bytes = 1});
}

static const struct table_row six_and_two[] = {
    {6, 60 * KB, 0},
    {2, 20 * KB, 0}
};

/* ---- what goes together ---- */

static void neighbours_of_one_table_go_together(void **state)
{
    struct fixture f;
    (void)state;
    open_groups(&f, six_and_two, 2, 4);
    assert_int_equal(claim(&f), 0);
    const struct task *t = task_of(&f, 0);
    const struct group_work *g = t->work;
    assert_int_equal(t->parts, 4);
    assert_int_equal(t->weight_bytes, 40 * KB);
    assert_int_equal(g->count, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(g->chunks[i]->no, i);
        assert_int_equal(f.chunks[0][i].state, CHUNK_RUNNING);
    }
    assert_int_equal(claim(&f), 10); /* a table that nobody is at goes before */
    assert_int_equal(task_of(&f, 10)->parts, 2);
    assert_int_equal(claim(&f), 4);
    assert_int_equal(task_of(&f, 4)->parts, 2); /* where the table ends */
    done(&f, 0);
    assert_int_equal(look(&f).chunks_done, 4);
    assert_int_equal(look(&f).rows_run, 406);
    assert_int_equal(look(&f).wire_bytes_run, 4006);
    assert_int_equal(look(&f).transactions, 1);
    assert_int_equal(f.chunks[0][3].rows, 103);
    assert_int_equal(f.chunks[0][3].wire_bytes, 1003);
    assert_int_equal(f.chunks[0][3].busy_ns, 7);
    done(&f, 10);
    done(&f, 4);
    assert_int_equal(look(&f).tables_done, 2);
    assert_int_equal(claim(&f), -1);
    board_free(f.board);
}

static void what_is_done_parts_groups(void **state)
{
    struct fixture f;
    (void)state;
    open_plan(&f, six_and_two, 2);
    f.chunks[0][2].state = CHUNK_DONE;
    open_board(&f, &patient);
    board_set_limits(f.board, &(struct board_limits){.chunk_bytes = 100 * KB, .memory_bytes = 1});
    assert_int_equal(claim(&f), 0);
    assert_int_equal(task_of(&f, 0)->parts, 2);
    assert_int_equal(claim(&f), 10);
    assert_int_equal(claim(&f), 3);
    assert_int_equal(task_of(&f, 3)->parts, 3);
    board_free(f.board); /* frees what is still out */
}

static void a_task_has_at_most_so_many_parts(void **state)
{
    static struct plan_chunk chunks[TASK_PARTS_MAX + 10];
    struct plan_table table = {.chunks = chunks, .chunk_count = TASK_PARTS_MAX + 10};
    struct plan plan = {.tables = &table, .table_count = 1};
    struct task task;
    (void)state;
    for (unsigned i = 0; i < TASK_PARTS_MAX + 10; i++) {
        chunks[i].work.no = i;
        chunks[i].work.bytes = 1;
    }
    plan_total(&plan);
    struct board *b = board_new(&plan, &patient);
    assert_non_null(b);
    board_set_limits(b, &(struct board_limits){.chunk_bytes = UINT64_C(1) << 40});
    struct feed feed = board_feed(b);
    assert_true(feed.claim(feed.self, 0, &task));
    assert_int_equal(task.parts, TASK_PARTS_MAX);
    assert_true(feed.claim(feed.self, 0, &task));
    assert_int_equal(task.parts, 10);
    board_free(b);
}

/* ---- failures ---- */

static void a_failed_group_comes_back_chunk_by_chunk(void **state)
{
    struct fixture f;
    unsigned seen = 0;
    (void)state;
    open_groups(&f, six_and_two, 2, 3);
    assert_int_equal(claim(&f), 0);
    lose(&f, 0, ERR_TRANSIENT, "lost");
    assert_int_equal(look(&f).rereads, 1);
    assert_int_equal(look(&f).retries, 1);
    for (int i = 0; i < 3; i++) {
        int chunk = claim(&f);
        assert_in_range(chunk, 0, 2);
        assert_int_equal(task_of(&f, chunk)->parts, 1);
        assert_int_equal(f.chunks[0][chunk].retry.attempts, 1);
        seen |= 1u << ((unsigned)chunk & 3u);
        done(&f, chunk);
    }
    assert_int_equal(seen, 7);
    assert_int_equal(claim(&f), 3);
    assert_int_equal(task_of(&f, 3)->parts, 3);
    board_free(f.board);
}

static void a_transient_failure_is_sent_again(void **state)
{
    struct fixture f;
    (void)state;
    open_groups(&f, six_and_two, 2, 3);
    assert_int_equal(claim(&f), 0);
    assert_int_equal(fail_task(&f, 0, ERR_TRANSIENT, "lost"), TASK_RESEND);
    assert_int_equal(look(&f).resends, 1);
    assert_int_equal(look(&f).rereads, 0);
    assert_int_equal(f.chunks[0][1].state, CHUNK_RUNNING);
    assert_int_equal(claim(&f), 10); /* not one of these */
    done(&f, 0);
    assert_int_equal(look(&f).chunks_done, 3);
    board_free(f.board);
}

static void what_is_sent_again_waits_as_the_policy_says(void **state)
{
    struct fixture f;
    struct err err;
    uint64_t wait_ms = 0;
    (void)state;
    open_plan(&f, six_and_two, 2);
    open_board(&f, &waiting);
    assert_int_equal(claim(&f), 0);
    (void)err_set(&err, ERR_TRANSIENT, "lost");
    assert_int_equal(f.feed.failed(f.feed.self, task_of(&f, 0), &err, true, &wait_ms), TASK_RESEND);
    assert_int_equal(wait_ms, 20);
    board_free(f.board);
}

static void what_cannot_be_cured_or_was_stopped_is_not_sent_again(void **state)
{
    static const enum err_kind kinds[] = {ERR_DATA, ERR_AUTH, ERR_SYSTEM, ERR_CANCELLED};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct fixture f;
        struct err err;
        open_groups(&f, six_and_two, 2, 3);
        assert_int_equal(claim(&f), 0);
        assert_int_equal(claim(&f), 10);
        assert_int_equal(fail_task(&f, 0, kinds[i], "no"), TASK_REREAD);
        assert_int_equal(board_failed(f.board, &err), kinds[i] != ERR_CANCELLED);
        /* After a fatal error nothing else is, either. */
        assert_int_equal(fail_task(&f, 10, ERR_TRANSIENT, "lost"),
                         kinds[i] == ERR_CANCELLED ? TASK_RESEND : TASK_REREAD);
        board_free(f.board);
    }
}

static void what_fails_again_and_again_is_read_again(void **state)
{
    struct fixture f;
    (void)state;
    open_groups(&f, six_and_two, 2, 3);
    assert_int_equal(claim(&f), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(fail_task(&f, 0, ERR_TRANSIENT, "lost"), TASK_RESEND);
    }
    assert_int_equal(fail_task(&f, 0, ERR_TRANSIENT, "lost"), TASK_REREAD);
    assert_int_equal(look(&f).resends, 5);
    assert_int_equal(look(&f).rereads, 1);
    int chunk = claim(&f);
    assert_in_range(chunk, 0, 2);
    assert_int_equal(fail_task(&f, chunk, ERR_TRANSIENT, "lost"), TASK_RESEND); /* counts afresh */
    board_free(f.board);
}

static void but_not_without_a_source(void **state)
{
    struct fixture f;
    struct task adopted;
    struct err err;
    uint64_t wait_ms = 0;
    (void)state;
    open_groups(&f, six_and_two, 2, 3);
    assert_true(board_adopt(f.board, 1, 0, 2, &adopted));
    assert_int_equal(claim(&f), 0);
    read_all(&f, 0);
    (void)err_set(&err, ERR_TRANSIENT, "lost");
    for (int i = 0; i < 20; i++) { /* from an earlier process */
        assert_int_equal(f.feed.failed(f.feed.self, &adopted, &err, true, &wait_ms), TASK_RESEND);
    }
    board_release(f.board);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(fail_task(&f, 0, ERR_TRANSIENT, "lost"), TASK_RESEND);
    }
    board_free(f.board);
}

static void conflicts_make_groups_smaller(void **state)
{
    struct fixture f;
    (void)state;
    open_plan(&f, six_and_two, 2);
    for (unsigned i = 0; i < 6; i++) {
        f.chunks[0][i].work.bytes = 1000 * KB * KB;
    }
    open_board(&f, &patient);
    board_set_limits(f.board, &(struct board_limits){.chunk_bytes = KB * KB, .streams = 1});
    assert_int_equal(claim(&f), 0);
    uint64_t before = look(&f).group_bytes;
    assert_int_equal(fail_task(&f, 0, ERR_TRANSIENT, "deadlock detected (40P01)"), TASK_RESEND);
    uint64_t less = look(&f).group_bytes;
    assert_int_equal(fail_task(&f, 0, ERR_TRANSIENT, "too many connections (SQLSTATE 53300)"),
                     TASK_RESEND);
    assert_int_equal(look(&f).group_bytes, less);
    assert_int_equal(fail_task(&f, 0, ERR_TRANSIENT, "it throttled"), TASK_RESEND);
    assert_int_equal(look(&f).conflicts, 1);
    assert_int_equal(look(&f).refused, 1);
    assert_int_equal(look(&f).throttled, 1);
    assert_true(less < before);
    assert_true(look(&f).group_bytes > less);
    board_free(f.board);
}

static uint64_t wait_after(struct fixture *f, const char *text)
{
    struct err err;
    uint64_t wait_ms = UINT64_MAX;
    (void)err_set(&err, ERR_TRANSIENT, "%s", text);
    assert_int_equal(f->feed.failed(f->feed.self, task_of(f, 0), &err, true, &wait_ms),
                     TASK_RESEND);
    return wait_ms;
}

/* While others commit, the first failure of a transaction is no reason to wait, and the next ones
 * are for a moment. */
static void no_wait_while_others_commit(void **state)
{
    static const struct retry_policy slow = {
        .attempts_max = 12, .base_ms = 800, .cap_ms = 800, .budget_ms = 60000};
    static const struct {
        const char *text;
        bool others;
        uint64_t wait_ms[4]; /* by attempt */
    } rows[] = {
        {"deadlock detected (SQLSTATE 40P01)",      false, {100, 100, 100, 800}},
        {"deadlock detected (SQLSTATE 40P01)",      true,  {0, 100, 100, 800}  },
        {"terminating connection (SQLSTATE 57P01)", false, {800, 800, 800, 800}},
        {"terminating connection (SQLSTATE 57P01)", true,  {0, 100, 100, 800}  },
        {"commits are throttled (SQLSTATE 53000)",  true,  {0, 100, 100, 800}  },
    };
    struct fixture f;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        open_plan(&f, six_and_two, 2);
        open_board(&f, &slow);
        assert_int_equal(claim(&f), 0);
        if (rows[i].others) {
            int other = claim(&f);
            done(&f, other);
        }
        for (size_t n = 0; n < ARRAY_LEN(rows[i].wait_ms); n++) {
            assert_int_equal(wait_after(&f, rows[i].text), rows[i].wait_ms[n]);
        }
        board_free(f.board);
    }
}

/* ---- the reader's view ---- */

/* A task that failed while its reader was at the last rows: the group must still be there, and
 * says nothing about the chunk, which somebody else may have by now. */
static void a_reader_may_be_late(void **state)
{
    struct fixture f;
    (void)state;
    open_groups(&f, six_and_two, 2, 1);
    assert_int_equal(claim_by(&f, 0), 0);
    struct task old = *task_of(&f, 0);
    lose(&f, 0, ERR_TRANSIENT, "lost");
    assert_int_equal(claim_by(&f, 1), 0);
    const struct group_work *g = old.work;
    assert_int_equal(g->chunks[0]->no, 0); /* as a reader does that still copies */
    f.feed.read(f.feed.self, &old);
    assert_false(f.chunks[0][0].read);
    assert_int_equal(claim_by(&f, 0), 1); /* now it has left */
    read_all(&f, 0);
    assert_true(f.chunks[0][0].read);
    done(&f, 0);
    board_free(f.board);
}

static void all_read_counts_done_and_read(void **state)
{
    struct fixture f;
    (void)state;
    open_groups(&f, six_and_two, 2, 6);
    assert_int_equal(claim(&f), 0);
    assert_int_equal(claim(&f), 10);
    assert_false(board_all_read(f.board));
    read_all(&f, 0);
    assert_false(board_all_read(f.board));
    done(&f, 10);
    assert_true(board_all_read(f.board));
    assert_int_equal(fail_task(&f, 0, ERR_TRANSIENT, "lost"), TASK_RESEND);
    assert_true(board_all_read(f.board)); /* its rows are still here */
    lose(&f, 0, ERR_TRANSIENT, "lost");
    assert_false(board_all_read(f.board));
    board_free(f.board);
}

static void a_fatal_error_is_no_moment_to_give_the_source_back(void **state)
{
    struct fixture f;
    struct err err;
    (void)state;
    open_groups(&f, six_and_two, 1, 6);
    assert_int_equal(claim(&f), 0);
    read_all(&f, 0);
    (void)err_set(&err, ERR_BUSY, "taken over");
    board_fail(f.board, &err);
    assert_false(board_all_read(f.board));
    board_free(f.board);
}

static void a_released_board_hands_nothing_out(void **state)
{
    struct fixture f;
    struct waiter w;
    (void)state;
    open_groups(&f, six_and_two, 1, 6);
    assert_int_equal(claim_by(&f, 1), 0);
    start(&w, &f);
    board_release(f.board);
    assert_int_equal(end(&w), -1);
    lose(&f, 0, ERR_TRANSIENT, "lost");
    assert_int_equal(claim(&f), -1);
    board_free(f.board);
}

/* However often a task fails; and a list that is older than a commit takes nothing back while
 * somebody writes, for nobody could bring it. */
static void a_sealed_board_reads_nothing_again(void **state)
{
    struct fixture f;
    (void)state;
    open_groups(&f, six_and_two, 2, 6);
    assert_int_equal(claim(&f), 0);
    assert_int_equal(claim(&f), 10);
    read_all(&f, 0);
    assert_false(board_seal(f.board));
    read_all(&f, 10);
    assert_true(board_seal(f.board));
    for (int i = 0; i < 8; i++) {
        assert_int_equal(fail_task(&f, 0, ERR_TRANSIENT, "lost"), TASK_RESEND);
    }
    done(&f, 10);
    board_resync(f.board, NULL, 0);
    assert_int_equal(look(&f).chunks_done, 2);
    assert_true(board_all_read(f.board));
    board_unseal(f.board);
    assert_int_equal(fail_task(&f, 0, ERR_TRANSIENT, "lost"), TASK_REREAD);
    assert_false(board_seal(f.board));
    board_resync(f.board, NULL, 0);
    assert_int_equal(look(&f).chunks_done, 0);
    board_free(f.board);
}

/* ---- from an earlier process ---- */

static const struct {
    unsigned table;
    unsigned first;
    unsigned count;
    bool want;
} adoptions[] = {
    {0, 0, 3,   true },
    {0, 2, 1,   false}, /* out */
    {0, 4, 2,   false}, /* 5 is done */
    {0, 4, 1,   true },
    {0, 6, 1,   false}, /* not in the plan */
    {0, 3, 0,   false},
    {1, 0, 3,   false},
    {1, 1, ~0u, false},
    {2, 0, 1,   false},
    {1, 0, 2,   true },
};

static void pending_chunks_are_adopted(void **state)
{
    struct fixture f;
    struct task t;
    (void)state;
    open_plan(&f, six_and_two, 2);
    f.chunks[0][5].state = CHUNK_DONE;
    open_board(&f, &patient);
    for (size_t i = 0; i < ARRAY_LEN(adoptions); i++) {
        assert_int_equal(
            board_adopt(f.board, adoptions[i].table, adoptions[i].first, adoptions[i].count, &t),
            adoptions[i].want);
        if (adoptions[i].want) {
            const struct group_work *g = t.work;
            assert_int_equal(t.parts, adoptions[i].count);
            assert_int_equal(g->chunks[0]->no, adoptions[i].first);
            f.task[adoptions[i].table][adoptions[i].first] = t;
        }
    }
    assert_false(board_all_read(f.board));
    assert_int_equal(claim(&f), 3); /* the only one that is left */
    read_all(&f, 3);
    assert_true(board_all_read(f.board)); /* the others were read long ago */
    done(&f, 0);
    done(&f, 10);
    assert_int_equal(look(&f).chunks_done, 6);
    assert_int_equal(look(&f).rows_run, 303 + 201);
    board_free(f.board);
}

/* ---- the ledger's word ---- */

/* A chunk that waits for its next attempt is in no group with those around it. */
static void what_waits_parts_groups(void **state)
{
    static const struct retry_policy slow = {
        .attempts_max = 9, .base_ms = 50000, .cap_ms = 50000, .budget_ms = 60000};
    struct fixture f;
    (void)state;
    open_plan(&f, six_and_two, 1);
    f.chunks[0][1].state = CHUNK_DONE;
    open_board(&f, &slow);
    board_set_limits(f.board, &(struct board_limits){.chunk_bytes = 100 * KB, .memory_bytes = 1});
    board_resync(f.board, NULL, 0);
    assert_int_equal(claim(&f), 1);
    lose(&f, 1, ERR_TRANSIENT, "lost");
    assert_int_equal(claim(&f), 0);
    assert_int_equal(task_of(&f, 0)->parts, 1);
    assert_int_equal(claim(&f), 2);
    assert_int_equal(task_of(&f, 2)->parts, 4);
    board_free(f.board);
}

/* A group that is out keeps its chunks, whatever the ledger says of them. */
static void resync_leaves_groups_alone(void **state)
{
    static const struct board_done ledger[] = {
        {0, 0, 5, 50},
        {0, 1, 6, 60},
        {0, 3, 7, 70},
    };
    struct fixture f;
    (void)state;
    open_groups(&f, six_and_two, 2, 2);
    assert_int_equal(claim(&f), 0);
    assert_int_equal(claim(&f), 2);
    done(&f, 2);
    board_resync(f.board, ledger, ARRAY_LEN(ledger)); /* 2 is void, 3 is not */
    assert_int_equal(f.chunks[0][0].state, CHUNK_RUNNING);
    assert_int_equal(f.chunks[0][2].state, CHUNK_PENDING);
    assert_int_equal(look(&f).chunks_done, 1);
    assert_int_equal(claim(&f), 2);
    assert_int_equal(task_of(&f, 2)->parts, 1);
    done(&f, 0);
    done(&f, 2);
    assert_int_equal(claim(&f), 4);
    assert_int_equal(look(&f).chunks_done, 4);
    board_free(f.board);
}

static void a_level_waits_for_all_of_a_group(void **state)
{
    static const struct table_row rows[] = {
        {3, 30 * KB, 0},
        {2, 20 * KB, 1}
    };
    struct fixture f;
    struct waiter w;
    (void)state;
    open_groups(&f, rows, 2, 2);
    assert_int_equal(claim_by(&f, 1), 0);
    assert_int_equal(claim_by(&f, 2), 2);
    done(&f, 0);
    start(&w, &f);
    done(&f, 2);
    assert_int_equal(end(&w), 10);
    assert_int_equal(task_of(&f, 10)->parts, 2);
    board_free(f.board);
}

static void a_stop_ends_sending_again(void **state)
{
    struct fixture f;
    struct err err;
    (void)state;
    open_groups(&f, six_and_two, 2, 3);
    assert_int_equal(claim(&f), 0);
    stop_raise(STOP_DRAIN);
    assert_int_equal(fail_task(&f, 0, ERR_TRANSIENT, "lost"), TASK_REREAD);
    assert_false(board_failed(f.board, &err));
    assert_int_equal(claim(&f), -1);
    board_free(f.board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_of_one_table_go_together),
        cmocka_unit_test(what_is_done_parts_groups),
        cmocka_unit_test(a_task_has_at_most_so_many_parts),
        cmocka_unit_test(a_failed_group_comes_back_chunk_by_chunk),
        cmocka_unit_test(a_transient_failure_is_sent_again),
        cmocka_unit_test(what_is_sent_again_waits_as_the_policy_says),
        cmocka_unit_test(what_cannot_be_cured_or_was_stopped_is_not_sent_again),
        cmocka_unit_test(what_fails_again_and_again_is_read_again),
        cmocka_unit_test(but_not_without_a_source),
        cmocka_unit_test(conflicts_make_groups_smaller),
        cmocka_unit_test(no_wait_while_others_commit),
        cmocka_unit_test(a_reader_may_be_late),
        cmocka_unit_test(all_read_counts_done_and_read),
        cmocka_unit_test(a_fatal_error_is_no_moment_to_give_the_source_back),
        cmocka_unit_test(a_released_board_hands_nothing_out),
        cmocka_unit_test(a_sealed_board_reads_nothing_again),
        cmocka_unit_test(pending_chunks_are_adopted),
        cmocka_unit_test(what_waits_parts_groups),
        cmocka_unit_test(resync_leaves_groups_alone),
        cmocka_unit_test(a_level_waits_for_all_of_a_group),
        cmocka_unit_test(a_stop_ends_sending_again),
    };

    return cmocka_run_group_tests_name("board_groups", tests, NULL, NULL);
}
