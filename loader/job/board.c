#include "base/clock.h"
#include "flow/stop.h"
#include "job/board_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- order ---- */

const struct plan_table *board_table_of(const struct board *b, const struct plan_chunk *c)
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
            b->limits.unclaimed_bytes += t->chunks[c].work.bytes;
        }
    }
    b->chunk_count += t->chunk_count;
    t->next_new = 0;
    t->groups_out = 0;
    b->tables_done += t->chunks_left == 0;
}

static bool make_order(struct board *b)
{
    struct plan *plan = b->plan;
    b->tables = calloc(plan->table_count + 1, sizeof(struct plan_table *));
    b->again = calloc(plan->chunk_count + 1, sizeof(struct plan_chunk *));
    b->left_in_level = calloc(plan->level_count, sizeof *b->left_in_level);
    bool ok = b->tables != NULL && b->again != NULL && b->left_in_level != NULL;
    if (ok) {
        for (size_t i = 0; i < plan->table_count; i++) {
            b->tables[i] = &plan->tables[i];
        }
        qsort(b->tables, plan->table_count, sizeof(struct plan_table *), by_level_then_size);
        for (size_t i = 0; i < plan->table_count; i++) {
            note_start(b, b->tables[i]);
        }
    }
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
    group_size_init(&b->size);
    b->sums.chunks_total = plan->chunk_count;
    b->sums.tables_total = plan->table_count;
    b->sums.planned_bytes = plan->bytes;
    if (!make_order(b)) {
        board_free(b);
        return NULL;
    }
    return b;
}

/* ---- groups ---- */

static void add_group_locked(struct board *b, struct group *g)
{
    g->next = b->groups;
    if (g->next != NULL) {
        g->next->prev = g;
    }
    b->groups = g;
}

static void drop_group_locked(struct board *b, struct group *g)
{
    if (g->prev != NULL) {
        g->prev->next = g->next;
    } else {
        b->groups = g->next;
    }
    if (g->next != NULL) {
        g->next->prev = g->prev;
    }
    free(g);
}

/* The group that a reader claimed (NULL: none) is not its any more, but this one. */
static void at_reader_locked(struct board *b, unsigned reader, struct group *g)
{
    struct group *old = b->at_reader[reader];
    b->at_reader[reader] = g;
    if (g != NULL) {
        g->at_reader = true;
    }
    if (old != NULL) {
        old->at_reader = false;
        if (old->reported) {
            drop_group_locked(b, old);
        }
    }
}

void board_reported_locked(struct board *b, struct group *g)
{
    assert(!g->reported);
    g->reported = true;
    b->plan->tables[g->work.table->no].groups_out--;
    if (!g->at_reader) {
        drop_group_locked(b, g);
    }
}

void board_free(struct board *b)
{
    if (b == NULL) {
        return;
    }
    while (b->groups != NULL) {
        drop_group_locked(b, b->groups);
    }
    free(b->tables);
    free(b->again);
    free(b->left_in_level);
    cond_destroy(&b->changed);
    mutex_destroy(&b->lock);
    free(b);
}

/* ---- handing out ---- */

void board_fail_locked(struct board *b, const struct err *err)
{
    if (b->fatal.kind == ERR_NONE) {
        b->fatal = *err;
    }
}

void board_take_again_locked(struct board *b, size_t i)
{
    b->again[i]->again = false;
    b->again[i] = b->again[--b->again_count];
}

struct plan_chunk *board_chunk_at(const struct board *b, const struct chunk_work *w)
{
    return &b->plan->tables[w->table->no].chunks[w->no];
}

/* How many chunks of a table, from this one on, one transaction should take. */
static unsigned group_count_locked(struct board *b, const struct plan_chunk *c)
{
    const struct plan_table *t = board_table_of(b, c);
    uint64_t wanted = group_size_bytes(&b->size, &b->limits);
    uint64_t bytes = c->work.bytes;
    unsigned n = 1;
    while (n < TASK_PARTS_MAX && c->work.no + n < t->chunk_count) {
        const struct plan_chunk *more = &t->chunks[c->work.no + n];
        if (more->state != CHUNK_PENDING || more->again || bytes + more->work.bytes > wanted) {
            break;
        }
        bytes += more->work.bytes;
        n++;
    }
    return n;
}

/* NULL without memory. */
static struct group *hand_out_locked(struct board *b, const struct plan_chunk *first,
                                     unsigned count, struct task *out)
{
    struct group *g = calloc(1, sizeof *g + count * sizeof(struct chunk_work *));
    uint64_t bytes = 0;
    if (g == NULL) {
        return NULL;
    }
    add_group_locked(b, g);
    g->work = (struct group_work){.table = first->work.table, .count = count, .chunks = g->chunks};
    for (unsigned i = 0; i < count; i++) {
        struct plan_chunk *c = board_chunk_at(b, &first->work) + i;
        assert(c->state == CHUNK_PENDING);
        c->state = CHUNK_RUNNING;
        bytes += c->work.bytes;
        g->chunks[i] = &c->work;
    }
    b->plan->tables[first->work.table->no].groups_out++;
    b->running += count;
    b->limits.unclaimed_bytes -= bytes;
    *out = (struct task){
        .work = &g->work, .serial = ++b->serial, .weight_bytes = bytes, .parts = count};
    return g;
}

static bool may_claim_locked(const struct board *b)
{
    return b->done < b->chunk_count && b->fatal.kind == ERR_NONE && !b->released &&
           stop_level() == STOP_RUN;
}

static bool claim(void *self, unsigned stream, struct task *out)
{
    struct board *b = self;
    struct group *got = NULL;
    assert(stream < PIPELINE_STREAMS_MAX);

    mutex_lock(&b->lock);
    at_reader_locked(b, stream, NULL);
    while (got == NULL && may_claim_locked(b)) {
        uint64_t wake_ns = UINT64_MAX;
        bool again = false;
        const struct plan_chunk *c = board_pick_locked(b, clock_mono_ns(), &again, &wake_ns);
        if (c != NULL) {
            got = hand_out_locked(b, c, again ? 1 : group_count_locked(b, c), out);
            if (got == NULL) {
                struct err err;
                (void)err_set(&err, ERR_SYSTEM, "out of memory");
                board_fail_locked(b, &err);
            }
        } else if (wake_ns == UINT64_MAX) {
            cond_wait(&b->changed, &b->lock);
        } else {
            (void)cond_wait_until(&b->changed, &b->lock, wake_ns);
        }
    }
    at_reader_locked(b, stream, got);
    mutex_unlock(&b->lock);
    return got != NULL;
}

struct feed board_feed(struct board *b)
{
    return (struct feed){.self = b,
                         .claim = claim,
                         .read = board_task_read,
                         .done = board_task_done,
                         .failed = board_task_failed};
}

void board_set_limits(struct board *b, const struct board_limits *limits)
{
    mutex_lock(&b->lock);
    b->limits.chunk_bytes = limits->chunk_bytes;
    b->limits.memory_bytes = limits->memory_bytes;
    b->limits.streams = limits->streams;
    b->limits.row_bytes = limits->row_widest_bytes;
    b->limits.stretch = limits->stretch;
    mutex_unlock(&b->lock);
}

static bool all_read_locked(const struct board *b)
{
    return b->done + b->read == b->chunk_count && b->fatal.kind == ERR_NONE;
}

bool board_all_read(struct board *b)
{
    mutex_lock(&b->lock);
    bool all = all_read_locked(b);
    mutex_unlock(&b->lock);
    return all;
}

bool board_seal(struct board *b)
{
    mutex_lock(&b->lock);
    b->sealed = all_read_locked(b);
    bool sealed = b->sealed;
    mutex_unlock(&b->lock);
    return sealed;
}

void board_unseal(struct board *b)
{
    mutex_lock(&b->lock);
    b->sealed = b->released;
    mutex_unlock(&b->lock);
}

void board_release(struct board *b)
{
    mutex_lock(&b->lock);
    b->sealed = true;
    b->released = true;
    cond_broadcast(&b->changed);
    mutex_unlock(&b->lock);
}

bool board_adopt(struct board *b, unsigned table_no, unsigned chunk_no, unsigned count,
                 struct task *out)
{
    struct group *g = NULL;
    mutex_lock(&b->lock);
    if (table_no < b->plan->table_count && count >= 1 && count <= TASK_PARTS_MAX &&
        chunk_no < b->plan->tables[table_no].chunk_count &&
        count <= b->plan->tables[table_no].chunk_count - chunk_no) {
        const struct plan_chunk *first = &b->plan->tables[table_no].chunks[chunk_no];
        bool pending = true;
        for (unsigned i = 0; i < count; i++) {
            pending = pending && first[i].state == CHUNK_PENDING && !first[i].again;
        }
        g = pending ? hand_out_locked(b, first, count, out) : NULL;
    }
    if (g != NULL) {
        g->adopted = true;
        board_read_locked(b, &g->work);
    }
    mutex_unlock(&b->lock);
    return g != NULL;
}

bool board_all_out(struct board *b)
{
    mutex_lock(&b->lock);
    bool all = b->done + b->running == b->chunk_count;
    mutex_unlock(&b->lock);
    return all;
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
    board_fail_locked(b, err);
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

/* ---- looking ---- */

void board_note_retry(struct board *b, const char *reason)
{
    mutex_lock(&b->lock);
    board_note_retry_locked(b, reason);
    mutex_unlock(&b->lock);
}

uint64_t board_patience_ms(struct board *b)
{
    mutex_lock(&b->lock);
    uint64_t left_ms = board_patience_locked(b);
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
    out->group_bytes = group_size_bytes(&b->size, &b->limits);
    mutex_unlock(&b->lock);
}

void board_retry_reasons(struct board *b, char *out, size_t size)
{
    mutex_lock(&b->lock);
    retry_reasons_say(&b->reasons, out, size);
    mutex_unlock(&b->lock);
}
