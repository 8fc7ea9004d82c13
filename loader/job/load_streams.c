/* The streams of one load, round after round, until the ledger has every chunk. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "flow/stop.h"
#include "job/load_internal.h"
#include "job/run_streams.h"

#include <stdlib.h>
#include <string.h>

/* The ledger may say, after the streams, that commits were lost in a crash; then another round
 * follows. */
#define ROUNDS_MAX 20

/* Once a job, before the first row. After a crash in between it is still due, and the statement is
 * made again from the plan. */
static bool truncate_targets(struct load *l, struct err *err)
{
    if (l->record.truncate_done) {
        return true;
    }
    if (l->truncate_sql == NULL) {
        l->truncate_sql = load_truncate_sql(l, err);
    }
    return l->truncate_sql != NULL &&
           ledger_truncate(&l->ledger, l->destination, l->truncate_sql, err);
}

static uint64_t done_bytes(const struct plan *plan)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < plan->table_count; i++) {
        for (size_t c = 0; c < plan->tables[i].chunk_count; c++) {
            if (plan->tables[i].chunks[c].state == CHUNK_DONE) {
                bytes += plan->tables[i].chunks[c].work.bytes;
            }
        }
    }
    return bytes;
}

static bool make_readers(struct load *l, struct err *err)
{
    struct readers_config config = {.target = &l->source_target,
                                    .tag = l->tag,
                                    .encoding = l->encoding,
                                    .tables = l->locks,
                                    .table_count = l->lock_count,
                                    .lock_at_attach = l->lock_at_attach,
                                    .streams = l->spec->jobs,
                                    .hold_ms = l->spec->hold_snapshot_ms,
                                    .policy = load_connect_policy(l->spec),
                                    .board = l->board};
    config.policy.budget_ms = UINT64_MAX; /* the board counts the time */
    pg_set_wake_fd(l->source, stop_abort_fd());
    l->readers = readers_new(&config, &l->snapshot, &l->holder, l->source);
    if (l->readers == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    l->source = NULL; /* theirs now, as the holder is */
    l->holder = (struct holder){.pid = 0};
    readers_connect(l->readers);
    return true;
}

static struct control_places places(const struct load *l)
{
    return (struct control_places){.target = &l->destination_target,
                                   .name = l->control_name,
                                   .encoding = l->encoding,
                                   .shard_group = l->group.is_limitless,
                                   .routers = l->routers};
}

static bool run_round(struct load *l, uint64_t began_ns, uint64_t before_bytes, struct err *err)
{
    struct writers_config config = {.target = &l->destination_target,
                                    .tag = l->tag,
                                    .encoding = l->encoding,
                                    .system = l->destination_identity.system,
                                    .shard_group = l->group.is_limitless,
                                    .token = l->token,
                                    .routers = l->routers,
                                    .ledger = &l->ledger,
                                    .disable_triggers = l->triggers_disabled,
                                    .commits_wait = l->spec->release_early || l->from_spill,
                                    .streams = l->spec->jobs,
                                    .policy = load_connect_policy(l->spec),
                                    .board = l->board};
    config.policy.budget_ms = UINT64_MAX; /* the board counts the time */
    struct writers *writers = writers_new(&config);
    if (writers == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    struct run_streams run = {.spec = l->spec,
                              .result = l->result,
                              .observer = l->observer,
                              .ledger = &l->ledger,
                              .token = l->token,
                              .control_places = places(l),
                              .routers = l->routers,
                              .control = &l->destination,
                              .board = l->board,
                              .readers = l->readers,
                              .writers = writers,
                              .spill = l->spill,
                              .spill_room = l->spill_room,
                              .hooks = load_release_hooks(l),
                              .release_early = l->spec->release_early || l->from_spill,
                              .streams = l->spec->jobs,
                              .began_ns = began_ns,
                              .done_bytes_at_start = before_bytes,
                              .snapshot_no = l->snapshot.no};
    bool ok = run_streams(&run, err);
    l->gave_up = !ok && err->kind != ERR_LOST_SNAPSHOT;
    if (!l->result->abandon_threads) {
        writers_free(writers);
    }
    return ok;
}

static bool reopen_control(struct load *l, struct err *err)
{
    if (l->destination == NULL || pg_is_dead(l->destination)) {
        pg_close(l->destination);
        l->destination = NULL;
        struct control_places all = places(l);
        if (!control_open_anywhere(&all, stop_drain_fd(), &l->destination, err)) {
            return false;
        }
    }
    pg_set_wake_fd(l->destination, stop_drain_fd());
    return lease_renew(&l->ledger, l->destination, l->token, err);
}

/* The ledger has the last word on what is committed. */
static bool confirm_chunks(struct load *l, bool *complete, struct err *err)
{
    CLEANUP_FREE struct board_done *done = NULL;
    size_t count = 0;
    if (!reopen_control(l, err) ||
        !ledger_read_done(&l->ledger, l->destination, &done, &count, err)) {
        return false;
    }
    board_resync(l->board, done, count);
    board_look(l->board, &l->result->board);
    *complete = l->result->board.chunks_done == l->result->board.chunks_total;
    return true;
}

static bool stream_rounds(struct load *l, uint64_t began_ns, uint64_t before_bytes, struct err *err)
{
    /* Without a source there is no second round; there commits wait for the disk. */
    for (int i = 0; i == 0 || (i < ROUNDS_MAX && !l->from_spill && !l->released); i++) {
        bool complete = false;
        struct retry_policy policy = load_chunk_policy(l->spec);
        if (!run_round(l, began_ns, before_bytes, err)) {
            return false;
        }
        for (unsigned attempt = 0; !confirm_chunks(l, &complete, err); attempt++) {
            if (err->kind != ERR_TRANSIENT || attempt >= policy.attempts_max) {
                return false;
            }
            if (!stop_wait(stop_drain_fd(),
                           (unsigned)policy.base_ms << (attempt < 5 ? attempt : 5))) {
                return err_set(err, ERR_CANCELLED, "stopped by a signal");
            }
        }
        if (complete) {
            return true;
        }
        load_note(l, "the destination lost commits in a crash; their chunks are loaded again");
    }
    return err_set(err, ERR_TRANSIENT, "the destination keeps losing commits that it acknowledged");
}

static bool run_snapshot(struct load *l, uint64_t began_ns, struct err *err)
{
    uint64_t before = done_bytes(&l->result->plan);
    struct retry_policy policy = load_chunk_policy(l->spec);
    l->board = board_new(&l->result->plan, &policy);
    if (l->board == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    pg_set_wake_fd(l->destination, stop_abort_fd());
    bool ok = (l->from_spill || make_readers(l, err)) && stream_rounds(l, began_ns, before, err);
    board_look(l->board, &l->result->board);
    if (!l->result->abandon_threads) {
        bool dismiss = ok || err->kind == ERR_LOST_SNAPSHOT;
        readers_free(l->readers, dismiss);
        l->readers = NULL;
        board_free(l->board);
        l->board = NULL;
    }
    return ok;
}

/* Bytes do not tell: a chunk of none may have rows. */
static bool nothing_left(const struct load *l)
{
    const struct plan *plan = &l->result->plan;
    for (size_t i = 0; i < plan->table_count; i++) {
        if (!plan_table_is_done(&plan->tables[i])) {
            return false;
        }
    }
    return l->lock_count == 0;
}

/* What load_warn_source said of the time until now. */
static void say_snapshot_is_over(const struct load *l)
{
    static const char over[] = "the job's snapshot held back VACUUM on the source: rows that were "
                               "changed meanwhile await the next one";
    const struct findings *f = &l->result->findings;
    for (size_t i = 0; i < f->count; i++) {
        char *text = f->items[i].text;
        if (strstr(text, "holds back VACUUM") != NULL && strlen(text) >= sizeof over) {
            memcpy(text, over, sizeof over);
        }
    }
}

bool load_streams(struct load *l, struct err *err)
{
    uint64_t began_ns = clock_mono_ns();
    /* What cannot spill must not truncate. */
    if (!load_spill_open(l, err) || !truncate_targets(l, err)) {
        return false;
    }
    bool ok = nothing_left(l);
    while (!ok) {
        ok = run_snapshot(l, began_ns, err);
        if (!ok && (err->kind != ERR_LOST_SNAPSHOT || !reopen_control(l, &(struct err){0}) ||
                    !load_restart_or_fail(l, err))) {
            return false;
        }
    }
    if (!reopen_control(l, err) || !load_after(l, err) ||
        !ledger_finish(&l->ledger, l->destination, err)) {
        return false;
    }
    l->done = true;
    say_snapshot_is_over(l);
    load_event(l, "finished", "");
    return true;
}
