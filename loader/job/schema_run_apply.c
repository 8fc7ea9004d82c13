#include "base/cleanup.h"
#include "base/clock.h"
#include "flow/stop.h"
#include "job/schema_run_internal.h"

#include <stdio.h>
#include <string.h>

#define TELL_EVERY_NS (2u * (uint64_t)NS_PER_S)
#define TELL_ALL_MAX  200u /* with no more steps than this, each is told */

/* ---- one step's end ---- */

void apply_state(const struct pg *pg, char out[6])
{
    bool catalog =
        strcmp(pg_sqlstate(pg), "23505") == 0 && strcmp(pg_error_schema(pg), "pg_catalog") == 0;
    (void)snprintf(out, 6, "%s", catalog ? "42710" : pg_sqlstate(pg));
}

void apply_passed(struct apply *a, const struct schema_item *item, bool now)
{
    uint64_t at = clock_mono_ns();
    a->passed++;
    a->done->made += now;
    bool tell = a->todo <= TELL_ALL_MAX || a->cx->spec->verbose ||
                at - a->told_ns >= TELL_EVERY_NS || a->passed == a->todo;
    if (now && tell) {
        a->told_ns = at;
        schema_note(a->cx, "%s: step %zu of %zu: %s %.300s",
                    a->part == SCHEMA_BEFORE ? "before" : "after", a->passed, a->todo, item->type,
                    item->name);
    }
}

/* A second primary key and a partition that is one already have states that also say other things.
 */
bool apply_is_duplicate(const struct schema_item *item, const char *state)
{
    static const char *const states[] = {"42P07", "42710", "42P06", "42723"};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(states[i], state) == 0) {
            return true;
        }
    }
    return (strcmp(state, "42P16") == 0 && strcmp(item->type, "CONSTRAINT") == 0) ||
           (strcmp(state, "42809") == 0 && strcmp(item->type, "TABLE ATTACH") == 0);
}

/* What somebody else made is not looked at again. */
static bool found_there(struct apply *a, const struct schema_item *item, struct err *err)
{
    struct buf b;
    struct err why = {.kind = ERR_NONE};
    buf_init(&b, BUF_SQL_MAX);
    step_insert(a->cx, item, &b);
    bool ok = buf_ok(&b, err) && (pg_exec(a->cx->destination, buf_str(&b), &why) ||
                                  (!pg_is_dead(a->cx->destination) &&
                                   strcmp(pg_sqlstate(a->cx->destination), "23505") == 0));
    buf_free(&b);
    if (!ok) {
        *err = why;
        return false;
    }
    a->done->there++;
    findings_add(a->cx->findings, FINDING_WARNING, ERR_NONE,
                 "%s %.300s was at the destination already, and is left as it is", item->type,
                 item->name);
    apply_passed(a, item, false);
    return true;
}

bool apply_failed(struct apply *a, const struct schema_item *item, const char *sqlstate, bool dead,
                  struct err *err)
{
    if (dead || err->kind == ERR_CANCELLED || err->kind == ERR_TRANSIENT) {
        return false;
    }
    if (apply_is_duplicate(item, sqlstate)) {
        return found_there(a, item, err);
    }
    if (err->kind == ERR_USAGE) {
        err->kind = ERR_DATA; /* what a definition lacks there is no mistake of the command line */
    }
    (void)err_wrap(err, "making %s %.300s", item->type, item->name);
    if (!a->cx->spec->schema.keep_going) {
        return false;
    }
    findings_add(a->cx->findings, FINDING_BLOCKER, err->kind, "%s", err->msg);
    a->done->failed++;
    a->passed++;
    return true;
}

/* ---- one after the other ---- */

static bool run_alone(struct apply *a, const struct schema_item *item, struct err *err)
{
    struct pg *pg = a->cx->destination;
    struct err why = {.kind = ERR_NONE};
    struct err ignored;
    struct buf sql;
    char state[6] = "";
    buf_init(&sql, BUF_SQL_MAX);
    bool ok = step_sql(a->cx, item, 0, &sql, err);
    if (!ok) {
        buf_free(&sql);
        return false;
    }
    ok = pg_exec(pg, buf_str(&sql), &why);
    buf_free(&sql);
    if (ok) {
        apply_passed(a, item, true);
        return true;
    }
    apply_state(pg, state);
    bool twin = strcmp(state, "23505") == 0 && strcmp(pg_error_table(pg), "schema_step") == 0;
    if (!pg_is_dead(pg) && why.kind != ERR_CANCELLED && !pg_exec(pg, "ROLLBACK", &ignored)) {
        *err = why;
        return false;
    }
    if (twin) {
        apply_passed(a, item, false);
        return true;
    }
    *err = why;
    return apply_failed(a, item, state, pg_is_dead(pg), err);
}

/* ---- all of a part ---- */

static bool is_step(const struct apply *a, const struct schema_item *item)
{
    return item->part == a->part && item->statement_count > 0 && item->mark != SCHEMA_LEFT_OUT;
}

static bool is_due(const struct apply *a, const struct schema_item *item)
{
    char key[STEP_KEY_MAX];
    if (!is_step(a, item)) {
        return false;
    }
    step_key(item, key);
    return !step_is_done(&a->steps, key);
}

/* What may be made beside each other; 0: nothing beside it. */
static int window_of(const struct schema_item *item)
{
    switch (item->work) {
    case WORK_INDEX:
    case WORK_KEY:
    case WORK_CHECK:
        return 1;
    case WORK_FOREIGN_KEY:
        return 2;
    case WORK_ANALYZE:
        return 3;
    case WORK_ALONE:
    case WORK_POSITION:
    default:
        return 0;
    }
}

static void count_steps(struct apply *a)
{
    for (size_t i = 0; i < a->made->plan.count; i++) {
        const struct schema_item *item = &a->made->plan.items[i];
        if (is_due(a, item)) {
            a->todo++;
        } else if (is_step(a, item)) {
            a->done->before++;
        }
    }
}

/* Indexes and keys first, whatever is between them, would be against what needs what: the dump's
 * order stands, and what stands beside each other in it may run so. */
static bool run_items(struct apply *a, struct err *err)
{
    const struct schema_plan *p = &a->made->plan;
    for (size_t i = 0; i < p->count;) {
        if (stop_level() != STOP_RUN) {
            return err_set(err, ERR_CANCELLED, "stopped by a signal");
        }
        if (!is_due(a, &p->items[i])) {
            i++;
            continue;
        }
        int window = window_of(&p->items[i]);
        size_t last = i + 1;
        while (window != 0 && last < p->count &&
               (!is_due(a, &p->items[last]) || window_of(&p->items[last]) == window)) {
            last++;
        }
        if (!(window == 0 ? run_alone(a, &p->items[i], err) : apply_parallel(a, i, last, err))) {
            return false;
        }
        i = last;
    }
    return true;
}

/* On a plain server commits need not wait for the disk one by one: a step and its row are lost
 * together, if at all. In the end something is committed that waits, and with it all before it: a
 * message of no meaning, which changes nothing that could be read. */
static bool pin_commits(struct apply *a, bool wait, struct err *err)
{
    struct pg *pg = a->cx->destination;
    if (a->cx->group->is_limitless) {
        return true;
    }
    return pg_exec(pg,
                   wait ? "RESET synchronous_commit;"
                          "SELECT pg_catalog.pg_logical_emit_message(true, 'sluice', '')"
                        : "SET synchronous_commit = off",
                   err);
}

static bool run_part(struct apply *a, struct err *err)
{
    const struct schema_context *cx = a->cx;
    if (!schema_pin(cx, cx->destination, err) ||
        (a->part == SCHEMA_AFTER && !schema_pin_after(cx, cx->destination, err)) ||
        !steps_open(cx, err) || (cx->spec->restart && !steps_forget(cx, err)) ||
        !steps_read(cx, &a->steps, err)) {
        return false;
    }
    count_steps(a);
    if (!pin_commits(a, false, err) ||
        (a->part == SCHEMA_AFTER && cx->spec->sequences && !apply_sequences(a, err)) ||
        !run_items(a, err)) {
        return false;
    }
    /* Also for the steps of an earlier run: it may have been killed before it came here, or a
     * session that it left behind may have made the last one. */
    return pin_commits(a, true, err);
}

bool schema_apply(const struct schema_context *cx, const struct schema_made *made,
                  enum schema_part part, struct schema_done *out, struct err *err)
{
    struct apply a = {.cx = cx, .made = made, .part = part, .done = out};
    *out = (struct schema_done){.made = 0};
    bool ok = run_part(&a, err);
    step_set_free(&a.steps);
    if (ok && out->failed > 0) {
        return err_set(err, ERR_DATA, "%zu of %zu steps failed; the rest is made", out->failed,
                       a.todo);
    }
    return ok;
}
