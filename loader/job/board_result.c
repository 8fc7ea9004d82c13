/* What becomes of a task: read, done, failed. */
#include "base/clock.h"
#include "flow/stop.h"
#include "job/board_internal.h"
#include "pg/sqlstate.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* A transaction that failed so often after being sent again is made anew from the source, chunk by
 * chunk. */
#define RESENDS_MAX 5u
/* The first waits are so many times shorter after a conflict, or while others go on. */
#define HASTE          8u
#define HASTE_ATTEMPTS 3u
/* So recent a success shows that the destination works. */
#define PROGRESS_NS (UINT64_C(5) * NS_PER_S)

/* The work is the first field of a group, which is the board's. */
static struct group *group_of(const struct task *task)
{
    union {
        const void *borrowed;
        struct group *owned;
    } group = {.borrowed = task->work};
    return group.owned;
}

void board_set_done_locked(struct board *b, struct plan_chunk *c, uint64_t rows,
                           uint64_t wire_bytes)
{
    struct plan_table *t = &b->plan->tables[c->work.table->no];
    c->state = CHUNK_DONE;
    retry_succeeded(&c->retry);
    c->rows = rows;
    c->wire_bytes = wire_bytes;
    b->done++;
    b->left_in_level[t->level]--;
    b->tables_done += --t->chunks_left == 0;
    b->sums.done_bytes += c->work.bytes;
}

void board_read_locked(struct board *b, const struct group_work *g)
{
    for (unsigned i = 0; i < g->count; i++) {
        struct plan_chunk *c = board_chunk_at(b, g->chunks[i]);
        assert(c->state == CHUNK_RUNNING && !c->read);
        b->read++;
        c->read = true;
    }
}

/* The source has no more to do with the task's chunks; unless they have failed meanwhile, and may
 * even be in another task already. */
void board_task_read(void *self, const struct task *task)
{
    struct board *b = self;
    mutex_lock(&b->lock);
    if (!group_of(task)->reported) {
        board_read_locked(b, task->work);
    }
    mutex_unlock(&b->lock);
}

static void unread_locked(struct board *b, struct plan_chunk *c)
{
    b->read -= c->read;
    c->read = false;
}

static void note_times(struct board *b, const struct group_work *g,
                       const struct task_result *result)
{
    struct plan_table *t = &b->plan->tables[g->table->no];
    uint64_t bytes = 0; /* of the relation: groups are made by these */
    uint64_t sending_ns = result->spent.ns[SPENT_SEND] + result->spent.ns[SPENT_UNPACK] +
                          result->spent.ns[SPENT_SPILL_READ];
    for (unsigned i = 0; i < SPENT_KINDS; i++) {
        t->spent.ns[i] += result->spent.ns[i];
    }
    if (!result->already_done) {
        for (unsigned i = 0; i < g->count; i++) {
            bytes += g->chunks[i]->bytes;
        }
        group_size_note(&b->size, bytes, sending_ns, result->commit_ns);
        b->sums.transactions++;
    }
}

void board_task_done(void *self, const struct task *task, const struct task_result *result)
{
    struct board *b = self;
    const struct group_work *g = task->work;
    mutex_lock(&b->lock);
    for (unsigned i = 0; i < g->count; i++) {
        struct plan_chunk *c = board_chunk_at(b, g->chunks[i]);
        assert(c->state == CHUNK_RUNNING);
        unread_locked(b, c);
        board_set_done_locked(b, c, result->parts[i].rows, result->parts[i].bytes);
        c->busy_ns += result->busy_ns / g->count;
        b->sums.rows_run += result->parts[i].rows;
        b->sums.wire_bytes_run += result->parts[i].bytes;
    }
    b->running -= g->count;
    note_times(b, g, result);
    b->sums.last_success_ns = clock_mono_ns();
    b->failing_since_ns = 0;
    b->sums.waiting_for[0] = '\0';
    board_reported_locked(b, group_of(task));
    cond_broadcast(&b->changed);
    mutex_unlock(&b->lock);
}

void board_again_locked(struct board *b, struct plan_chunk *c, uint64_t not_before_ns)
{
    assert(b->again_count < b->chunk_count);
    c->state = CHUNK_PENDING;
    c->again = true;
    c->not_before_ns = not_before_ns;
    b->again[b->again_count++] = c;
}

/* One reason for all tables is one reason. */
static const char *without_table(const char *reason)
{
    bool has = strncmp(reason, "reading table ", 14) == 0 ||
               strncmp(reason, "writing table ", 14) == 0 || strncmp(reason, "table ", 6) == 0;
    const char *colon = has ? strstr(reason, ": ") : NULL;
    return colon == NULL ? reason : colon + 2;
}

uint64_t board_patience_locked(const struct board *b)
{
    uint64_t spent_ms =
        b->failing_since_ns == 0 ? 0 : (clock_mono_ns() - b->failing_since_ns) / NS_PER_MS;
    return b->fatal.kind != ERR_NONE || spent_ms >= b->policy.budget_ms
               ? 0
               : b->policy.budget_ms - spent_ms;
}

void board_note_retry_locked(struct board *b, const char *reason)
{
    b->sums.retries++;
    if (b->failing_since_ns == 0) {
        b->failing_since_ns = clock_mono_ns();
    }
    (void)snprintf(b->sums.last_reason, sizeof b->sums.last_reason, "%.255s", reason);
    retry_reason_add(&b->reasons, without_table(reason));
}

/* What the destination asks for by failing, for the number of streams and the size of groups. */
static void note_kind_locked(struct board *b, const char *reason)
{
    switch (sqlstate_plea(reason)) {
    case PLEA_SHORTER:
        b->sums.conflicts++;
        group_size_conflict(&b->size);
        break;
    case PLEA_REFUSED:
        b->sums.refused++;
        break;
    case PLEA_FEWER:
        b->sums.throttled++;
        group_size_throttled(&b->size);
        break;
    case PLEA_NONE:
        break;
    }
}

/*
 * Who made way in a conflict finds it over: the others have what they wanted. Likewise whose
 * session was ended while others go on: a connection that cannot be had is waited for where it is
 * opened. And one that was one commit too many commits again only when all its rows are sent.
 */
static uint64_t haste_locked(const struct board *b, unsigned attempts, const struct err *err,
                             uint64_t wait_ms)
{
    uint64_t last_ns = b->sums.last_success_ns;
    bool progress = last_ns != 0 && clock_mono_ns() - last_ns < PROGRESS_NS;
    if (attempts == 1 && progress) {
        return 0;
    }
    bool again_soon = progress || sqlstate_plea(err->msg) == PLEA_SHORTER;
    return attempts <= HASTE_ATTEMPTS && again_soon ? wait_ms / HASTE : wait_ms;
}

/* Failing together, the chunks of a group wait together. Returns false when it is not to be tried
 * again. */
static bool may_retry_locked(struct board *b, const struct group_work *g, const struct err *err,
                             uint64_t *wait_ms)
{
    struct plan_chunk *first = board_chunk_at(b, g->chunks[0]);
    bool again = retry_failed(&first->retry, &b->chunk_policy, err->kind, clock_mono_ns(), &b->rng,
                              wait_ms) == RETRY_AGAIN;
    for (unsigned i = 1; i < g->count; i++) {
        board_chunk_at(b, g->chunks[i])->retry = first->retry;
    }
    *wait_ms = haste_locked(b, first->retry.attempts, err, *wait_ms);
    return again && board_patience_locked(b) > 0;
}

static void read_again_locked(struct board *b, const struct group_work *g, uint64_t not_before_ns)
{
    for (unsigned i = 0; i < g->count; i++) {
        struct plan_chunk *c = board_chunk_at(b, g->chunks[i]);
        assert(c->state == CHUNK_RUNNING);
        unread_locked(b, c);
        b->limits.unclaimed_bytes += c->work.bytes;
        board_again_locked(b, c, not_before_ns);
    }
    b->running -= g->count;
}

static bool may_resend_locked(const struct board *b, const struct group *g)
{
    return b->fatal.kind == ERR_NONE && stop_level() == STOP_RUN &&
           (g->resends < RESENDS_MAX || b->sealed || g->adopted);
}

enum after_failure board_task_failed(void *self, const struct task *task, const struct err *err,
                                     bool resendable, uint64_t *wait_ms)
{
    struct board *b = self;
    const struct group_work *g = task->work;
    bool again = false;

    mutex_lock(&b->lock);
    if (err->kind == ERR_TRANSIENT) {
        board_note_retry_locked(b, err->msg);
        note_kind_locked(b, err->msg);
    }
    *wait_ms = 0;
    if (err->kind != ERR_CANCELLED) {
        again = may_retry_locked(b, g, err, wait_ms);
        if (!again) {
            board_fail_locked(b, err);
        }
    }
    bool resend = again && resendable && may_resend_locked(b, group_of(task));
    if (resend) {
        group_of(task)->resends++;
        b->sums.resends++;
    } else {
        b->sums.rereads += again;
        read_again_locked(b, g, clock_mono_ns() + *wait_ms * NS_PER_MS);
        board_reported_locked(b, group_of(task));
    }
    cond_broadcast(&b->changed);
    mutex_unlock(&b->lock);
    return resend ? TASK_RESEND : TASK_REREAD;
}
