#include "job/readers.h"

#include "base/clock.h"
#include "base/rng.h"
#include "base/thread.h"
#include "ends/work.h"
#include "flow/stop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a reader without the snapshot waits for another reader to pass it on. */
#define HANDOVER_WAIT_MS 60000u
/* How long a failed new holder is left alone. */
#define REVIVE_PAUSE_NS (UINT64_C(15) * NS_PER_S)
/* A statement that waits for the holder's lock may stand in front of ours: then the streams that
 * have their locks go on, and this one tries again. */
#define LOCK_SETTING       "SET lock_timeout = '2s'"
#define LOCK_TIMEOUT_STATE "55P03"
/* A new holder must not queue for long behind a statement that waits for this very job. */
#define REVIVE_LOCK_SETTING "SET lock_timeout = '3s'; "

struct readers {
    struct readers_config config; /* set once */
    char *lock_sql;               /* set once */
    struct mutex lock;            /* guards everything below */
    struct cond changed;
    struct snapshot_identity snapshot;
    struct holder holder;
    bool holder_changed;
    bool reviving;
    uint64_t revive_after_ns;
    struct pg **ready; /* connections inside the snapshot that no reader has taken yet */
    unsigned ready_count;
    unsigned attached; /* readers inside the snapshot */
};

struct readers *readers_new(const struct readers_config *config,
                            const struct snapshot_identity *snapshot, const struct holder *holder,
                            struct pg *first)
{
    struct err err;
    struct readers *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    struct pg **ready = calloc(config->streams, sizeof(struct pg *));
    r->lock_sql = snapshot_lock_sql(config->tables, config->table_count);
    if (ready == NULL || r->lock_sql == NULL ||
        !snapshot_identity_copy(snapshot, &r->snapshot, &err)) {
        free(ready);
        free(r->lock_sql);
        free(r);
        return NULL;
    }
    mutex_init(&r->lock);
    cond_init(&r->changed);
    r->config = *config;
    r->holder = *holder;
    r->ready = ready;
    r->ready[r->ready_count++] = first;
    return r;
}

void readers_free(struct readers *r, bool dismiss)
{
    if (r == NULL) {
        return;
    }
    while (r->ready_count > 0) {
        pg_close(r->ready[--r->ready_count]);
    }
    free(r->ready);
    if (dismiss) {
        holder_dismiss(&r->holder);
    } else {
        holder_leave(&r->holder);
    }
    snapshot_identity_free(&r->snapshot);
    cond_destroy(&r->changed);
    mutex_destroy(&r->lock);
    free(r->lock_sql);
    free(r);
}

/* ---- getting in ---- */

static struct pg *take_ready(struct readers *r)
{
    mutex_lock(&r->lock);
    struct pg *pg = r->ready_count == 0 ? NULL : r->ready[--r->ready_count];
    r->attached += pg != NULL;
    mutex_unlock(&r->lock);
    return pg;
}

static bool lock_and_check(const struct readers *r, struct pg *pg, struct err *err)
{
    if (!r->config.lock_at_attach || r->lock_sql[0] == '\0') {
        return true;
    }
    return pg_exec(pg, LOCK_SETTING, err) && pg_exec(pg, r->lock_sql, err) &&
           snapshot_check_filenodes(pg, r->config.tables, r->config.table_count, err);
}

static bool get_in(const struct readers *r, unsigned stream, const struct snapshot_identity *s,
                   struct pg **out, struct err *err)
{
    char what[32];
    char name[SESSION_NAME_MAX];
    struct pg *pg = NULL;
    (void)snprintf(what, sizeof what, "reader-%u", stream);
    session_name(r->config.tag, what, name);
    if (!pg_open(r->config.target, name, stop_abort_fd(), &pg, err)) {
        return false;
    }
    if (!session_pin(pg, r->config.encoding, err) || !snapshot_import(pg, s, err) ||
        !lock_and_check(r, pg, err)) {
        pg_close(pg);
        return false;
    }
    *out = pg;
    return true;
}

static bool copy_snapshot(struct readers *r, struct snapshot_identity *out, struct err *err)
{
    mutex_lock(&r->lock);
    bool ok = snapshot_identity_copy(&r->snapshot, out, err);
    mutex_unlock(&r->lock);
    return ok;
}

/* After a failed import: true when it is worth trying again, because the snapshot has a new name by
 * now, or may get one from a reader that is still inside. Waits for that, a second at most. */
static bool may_come_back(struct readers *r, const char *tried_id)
{
    mutex_lock(&r->lock);
    bool renamed = strcmp(r->snapshot.id, tried_id) != 0;
    bool hope = renamed || r->attached > 0 || r->reviving;
    if (hope && !renamed) {
        (void)cond_wait_until(&r->changed, &r->lock, clock_mono_ns() + NS_PER_S);
    }
    mutex_unlock(&r->lock);
    return hope && stop_level() == STOP_RUN;
}

struct attempt {
    struct retry retry;
    struct rng rng;
    uint64_t began_ns;
};

/* Waits grow, and end with the job's patience. */
static bool wait_and_retry(struct readers *r, struct attempt *a, const struct err *err)
{
    uint64_t wait_ms = 0;
    board_note_retry(r->config.board, err->msg);
    uint64_t left_ms = board_patience_ms(r->config.board);
    if (left_ms == 0 || retry_failed(&a->retry, &r->config.policy, err->kind, clock_mono_ns(),
                                     &a->rng, &wait_ms) == RETRY_GIVE_UP) {
        return false;
    }
    board_note_waiting(r->config.board, err->msg);
    return stop_wait(stop_drain_fd(), (unsigned)(wait_ms < left_ms ? wait_ms : left_ms));
}

static bool others_attached(struct readers *r)
{
    mutex_lock(&r->lock);
    bool others = r->attached > 0;
    mutex_unlock(&r->lock);
    return others;
}

static bool try_once(struct readers *r, unsigned stream, struct attempt *a, struct pg **out,
                     bool *again, struct err *err)
{
    struct snapshot_identity s = {0};
    *again = false;
    if (!copy_snapshot(r, &s, err)) {
        return false;
    }
    bool ok = get_in(r, stream, &s, out, err);
    if (!ok && err->kind == ERR_LOST_SNAPSHOT) {
        *again = clock_mono_ns() - a->began_ns < (uint64_t)HANDOVER_WAIT_MS * NS_PER_MS &&
                 may_come_back(r, s.id);
    } else if (!ok && strstr(err->msg, LOCK_TIMEOUT_STATE) != NULL && others_attached(r)) {
        /* Somebody's ALTER TABLE stands in front of our lock and waits for those who have theirs:
         * they can read this chunk, we cannot. It goes back without counting as a failure. */
        (void)err_set(err, ERR_CANCELLED, "another reader has the lock");
    } else if (!ok && err->kind == ERR_TRANSIENT) {
        *again = wait_and_retry(r, a, err);
    }
    snapshot_identity_free(&s);
    return ok;
}

static bool attach(void *self, unsigned stream, struct pg **out, struct err *err)
{
    struct readers *r = self;
    struct pg *pg = take_ready(r);
    if (pg != NULL) {
        *out = pg;
        return true;
    }
    struct attempt a = {.began_ns = clock_mono_ns()};
    rng_seed(&a.rng, rng_entropy());
    bool again = true;
    while (again) {
        if (try_once(r, stream, &a, out, &again, err)) {
            mutex_lock(&r->lock);
            r->attached++;
            mutex_unlock(&r->lock);
            return true;
        }
    }
    if (stop_level() != STOP_RUN && err->kind == ERR_TRANSIENT) {
        return err_set(err, ERR_CANCELLED, "stopped by a signal");
    }
    return false;
}

void readers_connect(struct readers *r)
{
    struct err err;
    for (unsigned i = 1; i < r->config.streams; i++) {
        struct pg *pg = NULL;
        if (!get_in(r, i, &r->snapshot, &pg, &err)) {
            return; /* that reader will try for itself, with retries */
        }
        mutex_lock(&r->lock);
        r->ready[r->ready_count++] = pg;
        mutex_unlock(&r->lock);
    }
}

static void detach(void *self, unsigned stream, struct pg *pg)
{
    struct readers *r = self;
    (void)stream;
    if (stop_level() == STOP_ABORT) {
        pg_cancel(pg); /* so that no long statement is left running */
    }
    pg_close(pg);
    mutex_lock(&r->lock);
    assert(r->attached > 0);
    r->attached--;
    cond_broadcast(&r->changed);
    mutex_unlock(&r->lock);
}

/* ---- between chunks ---- */

/* Makes one reader at a time responsible for a new holder. */
static bool claim_revival(struct readers *r)
{
    mutex_lock(&r->lock);
    bool mine = !r->reviving && holder_is_gone(&r->holder) && clock_mono_ns() >= r->revive_after_ns;
    r->reviving = r->reviving || mine;
    mutex_unlock(&r->lock);
    return mine;
}

static bool start_successor(struct readers *r, struct pg *pg, struct holder *out)
{
    struct snapshot_identity s = {0};
    struct err err = {.kind = ERR_NONE};
    char name[SESSION_NAME_MAX];
    struct buf locks;
    session_name(r->config.tag, "holder", name);
    buf_init(&locks, BUF_SQL_MAX);
    buf_puts(&locks, REVIVE_LOCK_SETTING);
    buf_puts(&locks, r->lock_sql);
    bool ok = buf_ok(&locks, &err) && copy_snapshot(r, &s, &err) && snapshot_export(pg, s.id, &err);
    if (ok) {
        ok = holder_start(&(struct holder_order){.target = r->config.target,
                                                 .application_name = name,
                                                 .encoding = r->config.encoding,
                                                 .snapshot = &s,
                                                 .lock_sql = buf_str(&locks),
                                                 .hold_ms = r->config.hold_ms},
                          stop_abort_fd(), out, &err);
    }
    if (!ok) {
        board_note_retry(r->config.board, err.msg);
    }
    buf_free(&locks);
    snapshot_identity_free(&s);
    return ok;
}

static void revive(struct readers *r, struct pg *pg)
{
    struct holder fresh = {.pid = 0};
    bool ok = start_successor(r, pg, &fresh);

    mutex_lock(&r->lock);
    struct holder old = r->holder;
    r->reviving = false;
    if (ok) {
        r->holder = fresh;
        (void)snprintf(r->snapshot.id, sizeof r->snapshot.id, "%s", fresh.snapshot_id);
        r->holder_changed = true;
    } else {
        r->revive_after_ns = clock_mono_ns() + REVIVE_PAUSE_NS;
        old.pid = 0;
    }
    cond_broadcast(&r->changed);
    mutex_unlock(&r->lock);
    holder_dismiss(&old); /* reaps it */
}

static const struct locked_table *find_table(const struct readers *r, unsigned no)
{
    for (size_t i = 0; i < r->config.table_count; i++) {
        if (r->config.tables[i].no == no) {
            return &r->config.tables[i];
        }
    }
    return NULL;
}

static bool lock_one(const struct readers *r, struct pg *pg, const struct table_work *w,
                     struct err *err)
{
    const struct locked_table *t = find_table(r, w->no);
    assert(t != NULL);
    char *sql = snapshot_lock_sql(t, 1);
    bool ok = sql != NULL ? pg_exec(pg, sql, err) && snapshot_check_filenodes(pg, t, 1, err)
                          : err_set(err, ERR_SYSTEM, "out of memory");
    free(sql);
    return ok;
}

static bool prepare(void *self, struct pg *pg, const struct table_work *table, struct err *err)
{
    struct readers *r = self;
    if (claim_revival(r)) {
        revive(r, pg);
    }
    return r->config.lock_at_attach || lock_one(r, pg, table, err);
}

struct source_pg_config readers_source(struct readers *r, unsigned stream)
{
    return (struct source_pg_config){
        .self = r, .stream = stream, .attach = attach, .detach = detach, .prepare = prepare};
}

bool readers_holder_changed(struct readers *r, char id[SNAPSHOT_ID_MAX], int *backend_pid)
{
    mutex_lock(&r->lock);
    bool changed = r->holder_changed;
    r->holder_changed = false;
    if (changed) {
        (void)snprintf(id, SNAPSHOT_ID_MAX, "%s", r->snapshot.id);
        *backend_pid = r->holder.backend_pid;
    }
    mutex_unlock(&r->lock);
    return changed;
}
