#include "job/board.h"

#include "base/clock.h"
#include "base/rng.h"
#include "base/thread.h"
#include "flow/stop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct board {
    struct mutex lock; /* guards all below but plan's pointer and policy */
    struct cond changed;
    struct plan *plan;
    struct retry_policy policy;
    struct rng rng;
    struct plan_chunk **order; /* by level, then by size of table; never changes */
    size_t order_count;
    size_t next;               /* order[0..next) has been handed out at least once, or was done */
    struct plan_chunk **again; /* handed out before and pending once more; no order */
    size_t again_count;
    size_t *left_in_level; /* chunks that are not done */
    size_t running;
    size_t done;
    size_t tables_done;
    uint64_t serial;
    struct err fatal;
    struct board_view sums;
    struct retry_reasons reasons;
    struct retry_policy
        chunk_policy;          /* attempts only: a chunk that waited long has not failed long */
    uint64_t failing_since_ns; /* the first failure that no success followed; 0: none */
};

/* ---- order ---- */

static const struct plan_table *table_of(const struct board *b, const struct plan_chunk *c)
{
    return &b->plan->tables[c->work.table->no];
}

static int by_level_then_size(const void *a, const void *b)
{
    const struct plan_table *x = *(const struct plan_table *const *)a;
    const struct plan_table *y = *(const struct plan_table *const *)b;
    if (x->level != y->level) {
        return x->level < y->level ? -1 : 1;
    }
    if (x->bytes != y->bytes) {
        return x->bytes > y->bytes ? -1 : 1;
    }
    return x->work.no < y->work.no ? -1 : 1;
}

static void note_start(struct board *b, struct plan_table *t)
{
    t->chunks_left = 0;
    for (size_t c = 0; c < t->chunk_count; c++) {
        if (t->chunks[c].state == CHUNK_DONE) {
            b->done++;
            b->sums.done_bytes += t->chunks[c].work.bytes;
        } else {
            t->chunks_left++;
            b->left_in_level[t->level]++;
        }
        b->order[b->order_count++] = &t->chunks[c];
    }
    b->tables_done += t->chunks_left == 0;
}

static bool make_order(struct board *b)
{
    struct plan *plan = b->plan;
    struct plan_table **sorted = calloc(plan->table_count + 1, sizeof(struct plan_table *));
    b->order = calloc(plan->chunk_count + 1, sizeof(struct plan_chunk *));
    b->again = calloc(plan->chunk_count + 1, sizeof(struct plan_chunk *));
    b->left_in_level = calloc(plan->level_count, sizeof *b->left_in_level);
    bool ok = sorted != NULL && b->order != NULL && b->again != NULL && b->left_in_level != NULL;
    if (ok) {
        for (size_t i = 0; i < plan->table_count; i++) {
            sorted[i] = &plan->tables[i];
        }
        qsort(sorted, plan->table_count, sizeof(struct plan_table *), by_level_then_size);
        for (size_t i = 0; i < plan->table_count; i++) {
            note_start(b, sorted[i]);
        }
    }
    free(sorted);
    return ok;
}

struct board *board_new(struct plan *plan, const struct retry_policy *policy)
{
    struct board *b = calloc(1, sizeof *b);
    if (b == NULL) {
        return NULL;
    }
    mutex_init(&b->lock);
    cond_init(&b->changed);
    b->plan = plan;
    b->policy = *policy;
    b->chunk_policy = *policy;
    b->chunk_policy.budget_ms = UINT64_MAX;
    rng_seed(&b->rng, rng_entropy());
    b->sums.chunks_total = plan->chunk_count;
    b->sums.tables_total = plan->table_count;
    b->sums.planned_bytes = plan->bytes;
    if (!make_order(b)) {
        board_free(b);
        return NULL;
    }
    return b;
}

void board_free(struct board *b)
{
    if (b == NULL) {
        return;
    }
    free(b->order);
    free(b->again);
    free(b->left_in_level);
    cond_destroy(&b->changed);
    mutex_destroy(&b->lock);
    free(b);
}

/* ---- handing out ---- */

static bool level_ready_locked(const struct board *b, unsigned level)
{
    for (unsigned l = 0; l < level; l++) {
        if (b->left_in_level[l] > 0) {
            return false;
        }
    }
    return true;
}

static void take_again_locked(struct board *b, size_t i)
{
    b->again[i]->again = false;
    b->again[i] = b->again[--b->again_count];
}

/* One that failed before and whose wait is over. *wake_ns becomes the earliest end of a wait. */
static struct plan_chunk *pick_again_locked(struct board *b, uint64_t now_ns, uint64_t *wake_ns)
{
    for (size_t i = 0; i < b->again_count; i++) {
        struct plan_chunk *c = b->again[i];
        if (c->not_before_ns <= now_ns && level_ready_locked(b, table_of(b, c)->level)) {
            take_again_locked(b, i);
            return c;
        }
        if (c->not_before_ns > now_ns && c->not_before_ns < *wake_ns) {
            *wake_ns = c->not_before_ns;
        }
    }
    return NULL;
}

static struct plan_chunk *pick_new_locked(struct board *b)
{
    while (b->next < b->order_count &&
           (b->order[b->next]->state != CHUNK_PENDING || b->order[b->next]->again)) {
        b->next++;
    }
    if (b->next < b->order_count && level_ready_locked(b, table_of(b, b->order[b->next])->level)) {
        return b->order[b->next++];
    }
    return NULL;
}

static void hand_out_locked(struct board *b, struct plan_chunk *c, struct task *out)
{
    assert(c->state == CHUNK_PENDING);
    c->state = CHUNK_RUNNING;
    b->running++;
    *out = (struct task){.work = &c->work, .serial = ++b->serial, .weight_bytes = c->work.bytes};
}

static bool claim(void *self, unsigned stream, struct task *out)
{
    struct board *b = self;
    struct plan_chunk *c = NULL;
    (void)stream;

    mutex_lock(&b->lock);
    while (b->done < b->order_count && b->fatal.kind == ERR_NONE && stop_level() == STOP_RUN) {
        uint64_t wake_ns = UINT64_MAX;
        c = pick_again_locked(b, clock_mono_ns(), &wake_ns);
        c = c == NULL ? pick_new_locked(b) : c;
        if (c != NULL) {
            hand_out_locked(b, c, out);
            break;
        }
        if (wake_ns == UINT64_MAX) {
            cond_wait(&b->changed, &b->lock);
        } else {
            (void)cond_wait_until(&b->changed, &b->lock, wake_ns);
        }
    }
    mutex_unlock(&b->lock);
    return c != NULL;
}

/* ---- results ---- */

static struct plan_chunk *chunk_of(struct board *b, const struct task *task)
{
    const struct chunk_work *w = task->work;
    return &b->plan->tables[w->table->no].chunks[w->no];
}

static void set_done_locked(struct board *b, struct plan_chunk *c, uint64_t rows,
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

static void done(void *self, const struct task *task, const struct task_result *result)
{
    struct board *b = self;
    mutex_lock(&b->lock);
    struct plan_chunk *c = chunk_of(b, task);
    assert(c->state == CHUNK_RUNNING);
    b->running--;
    set_done_locked(b, c, result->rows, result->wire_bytes);
    c->busy_ns += result->busy_ns;
    b->sums.rows_run += result->rows;
    b->sums.wire_bytes_run += result->wire_bytes;
    b->sums.last_success_ns = clock_mono_ns();
    b->failing_since_ns = 0;
    b->sums.waiting_for[0] = '\0';
    cond_broadcast(&b->changed);
    mutex_unlock(&b->lock);
}

static void fail_locked(struct board *b, const struct err *err)
{
    if (b->fatal.kind == ERR_NONE) {
        b->fatal = *err;
    }
}

static void again_locked(struct board *b, struct plan_chunk *c, uint64_t not_before_ns)
{
    assert(b->again_count < b->order_count);
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

static uint64_t patience_locked(const struct board *b)
{
    uint64_t spent_ms =
        b->failing_since_ns == 0 ? 0 : (clock_mono_ns() - b->failing_since_ns) / NS_PER_MS;
    return b->fatal.kind != ERR_NONE || spent_ms >= b->policy.budget_ms
               ? 0
               : b->policy.budget_ms - spent_ms;
}

static void note_retry_locked(struct board *b, const char *reason)
{
    b->sums.retries++;
    if (b->failing_since_ns == 0) {
        b->failing_since_ns = clock_mono_ns();
    }
    (void)snprintf(b->sums.last_reason, sizeof b->sums.last_reason, "%.255s", reason);
    retry_reason_add(&b->reasons, without_table(reason));
}

static void failed(void *self, const struct task *task, const struct err *err)
{
    struct board *b = self;
    uint64_t now_ns = clock_mono_ns();
    uint64_t wait_ms = 0;

    mutex_lock(&b->lock);
    struct plan_chunk *c = chunk_of(b, task);
    assert(c->state == CHUNK_RUNNING);
    b->running--;
    if (err->kind == ERR_TRANSIENT) {
        note_retry_locked(b, err->msg);
    }
    if (err->kind != ERR_CANCELLED && (retry_failed(&c->retry, &b->chunk_policy, err->kind, now_ns,
                                                    &b->rng, &wait_ms) == RETRY_GIVE_UP ||
                                       patience_locked(b) == 0)) {
        fail_locked(b, err);
    }
    again_locked(b, c, now_ns + wait_ms * NS_PER_MS);
    cond_broadcast(&b->changed);
    mutex_unlock(&b->lock);
}

struct feed board_feed(struct board *b)
{
    return (struct feed){.self = b, .claim = claim, .done = done, .failed = failed};
}

void board_wake(struct board *b)
{
    mutex_lock(&b->lock);
    cond_broadcast(&b->changed);
    mutex_unlock(&b->lock);
}

void board_fail(struct board *b, const struct err *err)
{
    mutex_lock(&b->lock);
    fail_locked(b, err);
    cond_broadcast(&b->changed);
    mutex_unlock(&b->lock);
}

bool board_failed(struct board *b, struct err *out)
{
    mutex_lock(&b->lock);
    bool is = b->fatal.kind != ERR_NONE;
    if (is) {
        *out = b->fatal;
    }
    mutex_unlock(&b->lock);
    return is;
}

/* ---- the ledger's word ---- */

static void void_locked(struct board *b, struct plan_chunk *c)
{
    struct plan_table *t = &b->plan->tables[c->work.table->no];
    b->done--;
    b->left_in_level[t->level]++;
    b->tables_done -= t->chunks_left++ == 0;
    b->sums.done_bytes -= c->work.bytes;
    b->sums.rows_run -= c->rows < b->sums.rows_run ? c->rows : b->sums.rows_run;
    again_locked(b, c, 0);
}

/* A pending chunk that turns out to be committed may sit in the list of those to do again. */
static void drop_again_locked(struct board *b, const struct plan_chunk *c)
{
    for (size_t i = 0; i < b->again_count; i++) {
        if (b->again[i] == c) {
            take_again_locked(b, i);
            return;
        }
    }
}

static void mark_ledger_locked(struct board *b, const struct board_done *done, size_t count,
                               unsigned char *in_ledger, const size_t *first)
{
    for (size_t i = 0; i < count; i++) {
        if (done[i].table_no >= b->plan->table_count ||
            done[i].chunk_no >= b->plan->tables[done[i].table_no].chunk_count) {
            continue;
        }
        struct plan_chunk *c = &b->plan->tables[done[i].table_no].chunks[done[i].chunk_no];
        in_ledger[first[done[i].table_no] + done[i].chunk_no] = 1;
        if (c->state == CHUNK_PENDING) {
            drop_again_locked(b, c);
            set_done_locked(b, c, done[i].rows, done[i].wire_bytes);
        }
    }
}

static void void_missing_locked(struct board *b, const unsigned char *in_ledger,
                                const size_t *first)
{
    for (size_t t = 0; t < b->plan->table_count; t++) {
        for (size_t c = 0; c < b->plan->tables[t].chunk_count; c++) {
            struct plan_chunk *chunk = &b->plan->tables[t].chunks[c];
            if (chunk->state == CHUNK_DONE && in_ledger[first[t] + c] == 0) {
                void_locked(b, chunk);
            }
        }
    }
}

void board_resync(struct board *b, const struct board_done *done, size_t count)
{
    unsigned char *in_ledger = calloc(b->plan->chunk_count + 1, 1);
    size_t *first = calloc(b->plan->table_count + 1, sizeof *first); /* chunk of each table */

    mutex_lock(&b->lock);
    if (in_ledger == NULL || first == NULL) {
        struct err err;
        (void)err_set(&err, ERR_SYSTEM, "out of memory while reading the ledger again");
        fail_locked(b, &err);
    } else {
        for (size_t t = 0; t < b->plan->table_count; t++) {
            first[t + 1] = first[t] + b->plan->tables[t].chunk_count;
        }
        mark_ledger_locked(b, done, count, in_ledger, first);
        void_missing_locked(b, in_ledger, first);
    }
    cond_broadcast(&b->changed);
    mutex_unlock(&b->lock);
    free(in_ledger);
    free(first);
}

/* ---- looking ---- */

void board_note_retry(struct board *b, const char *reason)
{
    mutex_lock(&b->lock);
    note_retry_locked(b, reason);
    mutex_unlock(&b->lock);
}

uint64_t board_patience_ms(struct board *b)
{
    mutex_lock(&b->lock);
    uint64_t left_ms = patience_locked(b);
    mutex_unlock(&b->lock);
    return left_ms;
}

void board_note_waiting(struct board *b, const char *reason)
{
    mutex_lock(&b->lock);
    (void)snprintf(b->sums.waiting_for, sizeof b->sums.waiting_for, "%s", reason);
    mutex_unlock(&b->lock);
}

void board_look(struct board *b, struct board_view *out)
{
    mutex_lock(&b->lock);
    *out = b->sums;
    out->chunks_done = b->done;
    out->tables_done = b->tables_done;
    mutex_unlock(&b->lock);
}

void board_retry_reasons(struct board *b, char *out, size_t size)
{
    mutex_lock(&b->lock);
    retry_reasons_say(&b->reasons, out, size);
    mutex_unlock(&b->lock);
}
