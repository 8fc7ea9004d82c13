/* Giving the source back before the destination is done. */
#include "base/clock.h"
#include "base/str.h"
#include "job/load_internal.h"
#include "job/waybill.h"

#include <stdlib.h>

#define MANIFEST_BYTES_MAX ((size_t)4 << 30)

/* ---- the manifest ---- */

static bool add_parcel(void *self, const struct parcel *p)
{
    struct buf *body = self;
    const struct group_work *g = p->task.work;
    struct waybill_entry e = {.table_no = g->table->no,
                              .chunk_no = g->chunks[0]->no,
                              .part_count = p->task.parts,
                              .piece_count = (uint32_t)p->count,
                              .parts = p->parts,
                              .pieces = p->pieces};
    waybill_add(body, &e);
    return !body->failed;
}

static bool write_head(struct load *l, struct buf *head, struct err *err)
{
    struct buf command;
    char plan[LOAD_PLAN_MARK_MAX];
    buf_init(&command, BUF_SQL_MAX);
    char *wrapped = str_copy(buf_str(&l->wrapped_key));
    bool ok = load_plan_mark(l, plan, err) && load_command_text(l->spec, &command, err);
    char *text = buf_take(&command);
    struct waybill_head h = {.job = l->result->job,
                             .plan = plan,
                             .command = text,
                             .source = l->result->source,
                             .source_system = l->source_identity.system,
                             .source_database = l->source_identity.database,
                             .destination_system = l->destination_identity.system,
                             .destination_database = l->destination_identity.database,
                             .encoding = l->encoding,
                             .wrapped_key = wrapped,
                             .room = l->spill_room};
    ok = ok && waybill_write_head(&h, head, err);
    free(text);
    free(wrapped);
    return ok;
}

static bool write_manifest(struct load *l, struct depot *depot, struct err *err)
{
    struct buf head;
    struct buf body;
    buf_init(&head, BUF_SQL_MAX);
    buf_init(&body, MANIFEST_BYTES_MAX);
    waybill_begin_body(&body);
    bool ok = write_head(l, &head, err);
    /* In this order: rows whose transaction failed beyond resending leave the depot after the board
     * has them back. */
    if (ok && !(depot_sealed(depot, add_parcel, &body) && board_all_read(l->board))) {
        ok = err_set(err, ERR_TRANSIENT, "not everything is on disk yet");
    }
    ok = ok && buf_ok(&body, err) && spill_sync(l->spill, err) &&
         spill_write_manifest(l->spill, &head, &body, err);
    buf_free(&head);
    buf_free(&body);
    return ok;
}

/* ---- the hooks ---- */

/* Sequences are moved while there is a source to ask; what they are moved to does not depend on the
 * rows. */
static bool release(void *self, struct depot *depot, struct err *err)
{
    struct load *l = self;
    if (l->destination == NULL || pg_is_dead(l->destination)) {
        return err_set(err, ERR_TRANSIENT, "the control connection is lost");
    }
    if (l->spec->sequences && !l->sequences_done) {
        if (!load_move_sequences(l, err)) {
            return false;
        }
        l->sequences_done = true;
    }
    if (!board_seal(l->board)) {
        return err_set(err, ERR_TRANSIENT, "not everything is read yet");
    }
    if (!write_manifest(l, depot, err)) {
        board_unseal(l->board);
        return false;
    }
    l->released = true;
    load_event(l, "source released", "");
    return true;
}

static void give_back(void *self)
{
    struct load *l = self;
    char after[STR_HUMAN_MAX];
    readers_free(l->readers, true);
    l->readers = NULL;
    load_note(l, "the source is given back after %s: its snapshot, locks and connections are gone",
              human_duration(l->result->totals.released_ms, after));
}

/* ---- the earlier run's rows ---- */

struct restoring {
    struct load *load;
    struct depot *depot;
    struct board *board;
};

static bool all_done(const struct plan *plan, const struct waybill_entry *e)
{
    const struct plan_table *t = &plan->tables[e->table_no];
    for (uint32_t i = 0; i < e->part_count; i++) {
        if (t->chunks[e->chunk_no + i].state != CHUNK_DONE) {
            return false;
        }
    }
    return true;
}

static bool restore_one(void *self, struct waybill_entry *e, struct err *err)
{
    const struct restoring *r = self;
    const struct plan *plan = &r->load->result->plan;
    struct task task;
    if (e->table_no >= plan->table_count || e->chunk_no >= plan->tables[e->table_no].chunk_count ||
        e->part_count > plan->tables[e->table_no].chunk_count - e->chunk_no) {
        return err_set(err, ERR_DATA, "the spilled rows do not belong to this job's plan");
    }
    if (all_done(plan, e)) {
        free(e->pieces);
        return true;
    }
    for (uint32_t i = 0; i < e->piece_count; i++) {
        if (!spill_claim(r->load->spill, &e->pieces[i].slot, err)) {
            return false;
        }
    }
    if (!board_adopt(r->board, e->table_no, e->chunk_no, e->part_count, &task) ||
        !depot_restore(r->depot, &task, e->parts, e->pieces, e->piece_count)) {
        return err_set(err, ERR_DATA, "the spilled rows do not fit the ledger");
    }
    return true;
}

static bool restore(void *self, struct depot *depot, struct board *board, struct err *err)
{
    struct load *l = self;
    struct restoring r = {.load = l, .depot = depot, .board = board};
    if (!waybill_read_body(&l->manifest, restore_one, &r, err)) {
        return false;
    }
    if (!board_all_out(board)) {
        return err_set(err, ERR_DATA,
                       "some chunks are neither committed nor among the spilled rows; begin anew"
                       " with --restart");
    }
    board_release(board);
    return true;
}

struct release_hooks load_release_hooks(struct load *l)
{
    return (struct release_hooks){
        .self = l, .release = release, .give_back = give_back, .restore = restore};
}
