/*
 * board_fixture.h: a small plan with a board over it, for the tests of job/board.
 *
 * cmocka fails a test by longjmp, which must not leave the thread it started in: a claim that waits
 * is made by a thread that only records.
 */
#ifndef TESTS_BOARD_FIXTURE_H
#define TESTS_BOARD_FIXTURE_H

#include "unit.h"

#include "job/board.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#define KB UINT64_C(1024)

/* A chunk is written as table * 10 + number. */
#define TABLES_MAX 4
#define CHUNKS_MAX 8

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

static inline void open_plan(struct fixture *f, const struct table_row *rows, size_t count)
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

static inline void open_board(struct fixture *f, const struct retry_policy *policy)
{
    f->board = board_new(&f->plan, policy);
    assert_non_null(f->board);
    f->feed = board_feed(f->board);
    board_set_limits(f->board, &(struct board_limits){.memory_bytes = 1}); /* chunks go alone */
}

static inline void open_rows(struct fixture *f, const struct table_row *rows, size_t count)
{
    open_plan(f, rows, count);
    open_board(f, &at_once);
}

/* The first chunk that was handed out, -1 for none. Must not be called where that would wait. */
static inline int claim_by(struct fixture *f, unsigned reader)
{
    struct task task = {.serial = 0};
    if (!f->feed.claim(f->feed.self, reader, &task)) {
        return -1;
    }
    const struct group_work *g = task.work;
    f->task[g->table->no][g->chunks[0]->no] = task;
    return (int)(g->table->no * 10 + g->chunks[0]->no);
}

static inline int claim(struct fixture *f)
{
    return claim_by(f, 0);
}

static inline struct task *task_of(struct fixture *f, int chunk)
{
    return &f->task[chunk / 10][chunk % 10];
}

static inline void done(struct fixture *f, int chunk)
{
    struct part parts[CHUNKS_MAX];
    for (unsigned i = 0; i < CHUNKS_MAX; i++) {
        parts[i] = (struct part){.rows = 100 + i, .bytes = 1000 + i};
    }
    struct task_result result = {.parts = parts, .busy_ns = 7ull * task_of(f, chunk)->parts};
    f->feed.done(f->feed.self, task_of(f, chunk), &result);
}

static inline void read_all(struct fixture *f, int chunk)
{
    f->feed.read(f->feed.self, task_of(f, chunk));
}

static inline enum after_failure fail_task(struct fixture *f, int chunk, enum err_kind kind,
                                           const char *why)
{
    struct err err;
    uint64_t wait_ms = 0;
    (void)err_set(&err, kind, "%s", why);
    return f->feed.failed(f->feed.self, task_of(f, chunk), &err, true, &wait_ms);
}

/* Its rows are gone. */
static inline void lose(struct fixture *f, int chunk, enum err_kind kind, const char *why)
{
    struct err err;
    uint64_t wait_ms = 0;
    (void)err_set(&err, kind, "%s", why);
    assert_int_equal(f->feed.failed(f->feed.self, task_of(f, chunk), &err, false, &wait_ms),
                     TASK_REREAD);
}

static inline struct board_view look(struct fixture *f)
{
    struct board_view v;
    board_look(f->board, &v);
    return v;
}

/* A claim that has to wait is made by a thread, which only records. */
struct waiter {
    struct fixture *f;
    pthread_t thread;
    int got;
};

static inline void *wait_for_claim(void *arg)
{
    struct waiter *w = arg;
    w->got = claim(w->f);
    return NULL;
}

static inline void start(struct waiter *w, struct fixture *f)
{
    *w = (struct waiter){.f = f, .got = -2};
    assert_int_equal(pthread_create(&w->thread, NULL, wait_for_claim, w), 0);
    for (int i = 0; i < 200; i++) {
        (void)sched_yield();
    }
}

static inline int end(struct waiter *w)
{
    assert_int_equal(pthread_join(w->thread, NULL), 0);
    return w->got;
}

#endif
