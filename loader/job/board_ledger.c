/* The ledger's word. */
#include "job/board_internal.h"

#include <stdlib.h>

static void void_locked(struct board *b, struct plan_chunk *c)
{
    struct plan_table *t = &b->plan->tables[c->work.table->no];
    b->done--;
    b->left_in_level[t->level]++;
    b->tables_done -= t->chunks_left++ == 0;
    b->sums.done_bytes -= c->work.bytes;
    b->sums.rows_run -= c->rows < b->sums.rows_run ? c->rows : b->sums.rows_run;
    b->sums.wire_bytes_run -=
        c->wire_bytes < b->sums.wire_bytes_run ? c->wire_bytes : b->sums.wire_bytes_run;
    b->limits.unclaimed_bytes += c->work.bytes;
    board_again_locked(b, c, 0);
}

/* A pending chunk that turns out to be committed may sit in the list of those to do again. */
static void drop_again_locked(struct board *b, const struct plan_chunk *c)
{
    for (size_t i = 0; i < b->again_count; i++) {
        if (b->again[i] == c) {
            board_take_again_locked(b, i);
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
            b->limits.unclaimed_bytes -= c->work.bytes;
            board_set_done_locked(b, c, done[i].rows, done[i].wire_bytes);
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
        board_fail_locked(b, &err);
    } else {
        for (size_t t = 0; t < b->plan->table_count; t++) {
            first[t + 1] = first[t] + b->plan->tables[t].chunk_count;
        }
        mark_ledger_locked(b, done, count, in_ledger, first);
        /* The list may be older than a commit of just now. Reading that chunk again would only be
         * in vain; but where nothing is read again it must wait until nobody writes any more. */
        if (!b->sealed || b->running == 0) {
            void_missing_locked(b, in_ledger, first);
        }
    }
    cond_broadcast(&b->changed);
    mutex_unlock(&b->lock);
    free(in_ledger);
    free(first);
}
