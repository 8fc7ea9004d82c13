/* Indexes, keys, foreign keys and ANALYZE beside each other, on connections of their own. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "flow/stop.h"
#include "job/schema_run_internal.h"
#include "pg/send.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LANES_MAX     64u
#define LOOK_EVERY_MS 5000

struct lane {
    struct pg *pg;
    struct due *due; /* NULL: idle */
    uint64_t began_ns;
};

struct window {
    struct apply *a;
    struct due *items; /* in the order in which they are tried */
    size_t count;
    size_t left; /* not begun */
    struct lane lanes[LANES_MAX];
    size_t lane_count;
    size_t lane_max;
    size_t running;
    uint64_t looked_ns;
};

/* ---- what goes beside what ---- */

static bool shares_table(const struct schema_item *x, const struct schema_item *y)
{
    return x->rel == y->rel || (x->other != 0 && x->other == y->rel) ||
           (y->other != 0 && y->other == x->rel) || (x->other != 0 && x->other == y->other);
}

static bool collides(const struct schema_item *x, const struct schema_item *y)
{
    if (x->work == WORK_ANALYZE || (x->work == WORK_INDEX && y->work == WORK_INDEX)) {
        return false;
    }
    return shares_table(x, y);
}

static bool may_begin(const struct window *w, const struct due *due)
{
    for (size_t i = 0; i < w->lane_count; i++) {
        const struct due *other = w->lanes[i].due;
        if (other != NULL && (due->alone || other->alone || collides(due->item, other->item))) {
            return false;
        }
    }
    return true;
}

/* The first that may run; an index may pass a key that waits. */
static struct due *next_due(struct window *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (!w->items[i].begun && may_begin(w, &w->items[i])) {
            return &w->items[i];
        }
    }
    return NULL;
}

/* How many run, or could now. */
static size_t count_beside(const struct window *w)
{
    size_t n = w->running;
    for (size_t i = 0; i < w->count && n < LANES_MAX; i++) {
        n += !w->items[i].begun && may_begin(w, &w->items[i]);
    }
    return n;
}

/* ---- lanes ---- */

static bool open_lane(struct window *w, struct err *err)
{
    const struct schema_context *cx = w->a->cx;
    struct pg *pg = NULL;
    if (!session_open(cx->destination_target, "sluice/schema", stop_drain_fd(), &pg, err)) {
        return false;
    }
    if (!schema_pin(cx, pg, err) || !schema_pin_after(cx, pg, err)) {
        pg_close(pg);
        return false;
    }
    w->lanes[w->lane_count++] = (struct lane){.pg = pg};
    return true;
}

static struct lane *idle_lane(struct window *w, struct err *err, bool *failed)
{
    for (size_t i = 0; i < w->lane_count; i++) {
        if (w->lanes[i].due == NULL) {
            return &w->lanes[i];
        }
    }
    if (w->lane_count >= w->lane_max) {
        return NULL;
    }
    if (!open_lane(w, err)) {
        *failed = true;
        return NULL;
    }
    return &w->lanes[w->lane_count - 1];
}

static bool begin(struct window *w, struct lane *lane, struct due *due, struct err *err)
{
    const struct schema_context *cx = w->a->cx;
    uint64_t memory = weigh_memory(cx, due, count_beside(w));
    struct buf sql;
    buf_init(&sql, BUF_SQL_MAX);
    bool ok = step_sql(cx, due->item, memory, &sql, err) && pg_send(lane->pg, buf_str(&sql), err);
    buf_free(&sql);
    due->begun = true;
    w->left--;
    if (ok) {
        lane->due = due;
        lane->began_ns = clock_mono_ns();
        w->running++;
    }
    return ok;
}

static bool begin_all(struct window *w, struct err *err)
{
    bool failed = false;
    while (w->left > 0) {
        struct lane *lane = idle_lane(w, err, &failed);
        struct due *due = lane == NULL ? NULL : next_due(w);
        if (due == NULL) {
            return !failed;
        }
        if (!begin(w, lane, due, err)) {
            return false;
        }
    }
    return true;
}

/* ---- ends ---- */

static void tell_end(struct window *w, const struct schema_item *item, uint64_t began_ns)
{
    char took[STR_HUMAN_MAX];
    uint64_t ms = (clock_mono_ns() - began_ns) / NS_PER_MS;
    if (ms >= 1000) {
        schema_note(w->a->cx, "%s %.300s took %s", item->type, item->name,
                    human_duration(ms, took));
    }
}

/* Beside others a name may have been taken by one of them: those that the server chooses, as for
 * the indexes of partitions, may be the same in two builds at once. Alone it is what it says. */
static bool is_ambiguous(const struct due *due, const char *state)
{
    return !due->alone && apply_is_duplicate(due->item, state);
}

/* lane->due is there. */
static bool end_lane(struct window *w, struct lane *lane, bool ok, struct err *err)
{
    struct due *due = lane->due;
    const struct schema_item *item = due->item;
    struct err ignored;
    char state[6] = "";
    if (ok) {
        tell_end(w, item, lane->began_ns);
    }
    lane->due = NULL;
    w->running--;
    if (ok) {
        apply_passed(w->a, item, true);
        return true;
    }
    apply_state(lane->pg, state);
    bool twin = strcmp(state, "23505") == 0 && strcmp(pg_error_table(lane->pg), "schema_step") == 0;
    bool dead = pg_is_dead(lane->pg) || err->kind == ERR_CANCELLED ||
                !pg_exec(lane->pg, "ROLLBACK", &ignored);
    if (twin && !dead) {
        apply_passed(w->a, item, false);
        return true;
    }
    if (!dead && is_ambiguous(due, state)) {
        due->alone = true;
        due->begun = false;
        w->left++;
        return true;
    }
    return apply_failed(w->a, item, state, dead, err);
}

static bool collect(struct window *w, struct lane *lane, struct err *err)
{
    bool done = false;
    struct err why = {.kind = ERR_NONE};
    bool ok = pg_sent(lane->pg, &done, &why);
    if (ok && !done) {
        return true;
    }
    if (!ok) {
        *err = why;
    }
    return end_lane(w, lane, ok, err);
}

/* ---- how far they are ---- */

/* Only for people, so that nothing of it ends the run. */
static void look(struct window *w)
{
    struct pg *pg = w->a->cx->destination;
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    struct err ignored;
    if (pg_version(pg) < 120000 ||
        !pg_query(pg,
                  "SELECT coalesce(c.relname, p.relid::regclass::text), p.phase,"
                  " CASE WHEN p.tuples_total > 0 THEN 100 * p.tuples_done / p.tuples_total"
                  " WHEN p.blocks_total > 0 THEN 100 * p.blocks_done / p.blocks_total END"
                  " FROM pg_catalog.pg_stat_progress_create_index p"
                  " LEFT JOIN pg_catalog.pg_class c ON c.oid = p.index_relid"
                  " JOIN pg_catalog.pg_stat_activity s USING (pid)"
                  " WHERE s.application_name = 'sluice/schema'"
                  " AND p.datname = pg_catalog.current_database()",
                  0, NULL, &r, &ignored)) {
        return;
    }
    for (size_t i = 0; i < pg_rows_count(r); i++) {
        char percent[32] = "";
        if (!pg_null(r, i, 2)) {
            (void)snprintf(percent, sizeof percent, ", %lld%%", (long long)pg_int(r, i, 2));
        }
        schema_note(w->a->cx, "index on %.200s: %.100s%s", pg_text(r, i, 0), pg_text(r, i, 1),
                    percent);
    }
}

static bool wait_for_some(struct window *w, struct err *err)
{
    struct pollfd p[LANES_MAX + 1];
    for (size_t i = 0; i < w->lane_count; i++) {
        bool busy = w->lanes[i].due != NULL;
        p[i] = (struct pollfd){.fd = busy ? pg_socket(w->lanes[i].pg) : -1, .events = POLLIN};
    }
    p[w->lane_count] = (struct pollfd){.fd = stop_drain_fd(), .events = POLLIN};
    int n = poll(p, w->lane_count + 1, LOOK_EVERY_MS);
    if (n < 0 && errno != EINTR) {
        return err_set_errno(err, "poll");
    }
    if (n > 0 && p[w->lane_count].revents != 0) {
        return err_set(err, ERR_CANCELLED, "stopped by a signal");
    }
    for (size_t i = 0; n > 0 && i < w->lane_count; i++) {
        if (w->lanes[i].due != NULL && p[i].revents != 0 && !collect(w, &w->lanes[i], err)) {
            return false;
        }
    }
    if (clock_mono_ns() - w->looked_ns >= LOOK_EVERY_MS * (uint64_t)NS_PER_MS) {
        w->looked_ns = clock_mono_ns();
        look(w);
    }
    return true;
}

/* ---- all of it ---- */

static bool run_all(struct window *w, struct err *err)
{
    while (w->left > 0 || w->running > 0) {
        if (!begin_all(w, err) || (w->running > 0 && !wait_for_some(w, err))) {
            return false;
        }
    }
    return true;
}

static bool list_items(struct window *w, size_t first, size_t last)
{
    const struct schema_plan *p = &w->a->made->plan;
    w->items = calloc(last - first + 1, sizeof *w->items);
    for (size_t i = first; w->items != NULL && i < last; i++) {
        const struct schema_item *item = &p->items[i];
        char key[STEP_KEY_MAX];
        bool step =
            item->part == w->a->part && item->statement_count > 0 && item->mark != SCHEMA_LEFT_OUT;
        if (step) {
            step_key(item, key);
        }
        if (step && !step_is_done(&w->a->steps, key)) {
            w->items[w->count++].item = item;
        }
    }
    w->left = w->count;
    return w->items != NULL;
}

static bool choose_lanes(struct window *w, struct err *err)
{
    uint64_t slots = 0;
    size_t most = w->a->cx->spec->jobs;
    if (!session_free_slots(w->a->cx->destination, &slots, err)) {
        return false;
    }
    most = most > LANES_MAX ? LANES_MAX : most;
    most = most > slots ? (size_t)slots : most;
    w->lane_max = most > w->count ? w->count : most;
    return w->lane_max > 0 || err_set(err, ERR_TRANSIENT, "the destination has no free connection");
}

bool apply_parallel(struct apply *a, size_t first, size_t last, struct err *err)
{
    struct window w = {.a = a, .looked_ns = clock_mono_ns()};
    if (!list_items(&w, first, last)) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    weigh_due(a->cx, w.items, w.count);
    bool ok = choose_lanes(&w, err) && run_all(&w, err);
    for (size_t i = 0; i < w.lane_count; i++) {
        if (w.lanes[i].due != NULL) {
            pg_cancel(w.lanes[i].pg);
        }
        pg_close(w.lanes[i].pg);
    }
    free(w.items);
    return ok;
}
