/* Which chunk is next. */
#include "job/board_internal.h"

/* So many open tables are compared: the largest ones, which is where it matters. */
#define COMPARED 64u

static const struct plan_chunk *first_new(struct plan_table *t)
{
    while (t->next_new < t->chunk_count) {
        const struct plan_chunk *c = &t->chunks[t->next_new];
        if (c->state == CHUNK_PENDING && !c->again) {
            return c;
        }
        t->next_new++;
    }
    return NULL;
}

static bool level_ready_locked(const struct board *b, unsigned level) REQUIRES(b->lock);
static bool level_ready_locked(const struct board *b, unsigned level)
{
    for (unsigned l = 0; l < level; l++) {
        if (b->left_in_level[l] > 0) {
            return false;
        }
    }
    return true;
}

/* One that failed before and whose wait is over. */
static const struct plan_chunk *pick_again_locked(struct board *b, uint64_t now_ns,
                                                  uint64_t *wake_ns) REQUIRES(b->lock);
static const struct plan_chunk *pick_again_locked(struct board *b, uint64_t now_ns,
                                                  uint64_t *wake_ns)
{
    for (size_t i = 0; i < b->again_count; i++) {
        const struct plan_chunk *c = b->again[i];
        if (c->not_before_ns <= now_ns && level_ready_locked(b, board_table_of(b, c)->level)) {
            board_take_again_locked(b, i);
            return c;
        }
        if (c->not_before_ns > now_ns && c->not_before_ns < *wake_ns) {
            *wake_ns = c->not_before_ns;
        }
    }
    return NULL;
}

/* What is left of a table, for each of the streams that would then be at it. */
static double weight_of(const struct plan_table *t)
{
    double left = (double)(t->chunk_count - t->next_new) / (double)t->chunk_count;
    return (double)t->bytes * left / (t->groups_out + 1);
}

/*
 * The largest share of work first: with large tables enough each stream has one to itself, so that
 * neither server has two sessions at one table's end, and at last all are at what is left.
 */
static const struct plan_chunk *pick_new_locked(struct board *b) REQUIRES(b->lock);
static const struct plan_chunk *pick_new_locked(struct board *b)
{
    const struct plan_chunk *best = NULL;
    double most = -1;
    while (b->open < b->plan->table_count && first_new(b->tables[b->open]) == NULL) {
        b->open++;
    }
    size_t compared = 0;
    for (size_t i = b->open; i < b->plan->table_count && compared < COMPARED; i++) {
        struct plan_table *t = b->tables[i];
        const struct plan_chunk *c = first_new(t);
        if (c == NULL) {
            continue;
        }
        if (!level_ready_locked(b, t->level)) {
            break; /* as all behind it */
        }
        compared++;
        if (weight_of(t) > most) {
            most = weight_of(t);
            best = c;
        }
    }
    return best;
}

const struct plan_chunk *board_pick_locked(struct board *b, uint64_t now_ns, bool *again,
                                           uint64_t *wake_ns)
{
    const struct plan_chunk *c = pick_again_locked(b, now_ns, wake_ns);
    *again = c != NULL;
    return c != NULL ? c : pick_new_locked(b);
}
