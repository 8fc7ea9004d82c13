/* Where sequences stand: the source's position, unless the destination's is further on. */
#include "base/cleanup.h"
#include "job/schema_run_internal.h"
#include "job/sequences.h"

#include <stdlib.h>
#include <string.h>

#define BATCH     100u
#define HEAD_ROOM 1000 /* values left free where only RESTART is possible */

struct position {
    struct sequence_state state;
    int64_t increment;
    int64_t least;
    int64_t most;
    int64_t start;
    bool known;
};

static void add_branch(struct buf *b, size_t no, const char *schema, const char *name)
{
    struct buf quoted;
    buf_init(&quoted, BUF_SQL_MAX);
    pg_add_name(&quoted, schema, name);
    buf_printf(
        b,
        "%sSELECT %zu, s.last_value, s.is_called, q.seqincrement, q.seqmin, q.seqmax, q.seqstart"
        " FROM %s s, pg_catalog.pg_sequence q WHERE q.seqrelid = ",
        b->len == 0 ? "" : " UNION ALL ", no, buf_str(&quoted));
    pg_add_literal(b, buf_str(&quoted));
    buf_puts(b, "::regclass");
    b->failed = b->failed || quoted.failed;
    buf_free(&quoted);
}

static bool read_batch(struct pg *pg, const struct buf *sql, struct position *out, size_t count,
                       struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    if (!buf_ok(sql, err) || !pg_query(pg, buf_str(sql), 0, NULL, &r, err)) {
        return false;
    }
    for (size_t i = 0; i < pg_rows_count(r); i++) {
        size_t no = (size_t)pg_int(r, i, 0);
        if (no >= count) {
            continue;
        }
        struct position *p = &out[no];
        p->state.last = pg_int(r, i, 1);
        p->state.called = pg_bool(r, i, 2);
        p->increment = pg_int(r, i, 3);
        p->least = pg_int(r, i, 4);
        p->most = pg_int(r, i, 5);
        p->start = pg_int(r, i, 6);
        p->state.ascending = p->increment > 0;
        p->known = true;
    }
    return true;
}

static bool is_gone(const struct pg *pg)
{
    return !pg_is_dead(pg) &&
           (strcmp(pg_sqlstate(pg), "42P01") == 0 || strcmp(pg_sqlstate(pg), "3F000") == 0);
}

/* One after the other, without those that the source has dropped since its schema was read. Outside
 * a transaction. */
static bool read_each(struct pg *pg, const struct schema_made *made, size_t at,
                      struct position *all, struct err *err)
{
    for (size_t i = at; i < at + BATCH && i < made->sequence_count; i++) {
        struct err why = {.kind = ERR_NONE};
        struct buf b;
        buf_init(&b, BUF_SQL_MAX);
        add_branch(&b, i, made->sequences[i].schema, made->sequences[i].name);
        bool ok = read_batch(pg, &b, all, made->sequence_count, &why);
        buf_free(&b);
        if (!ok && !is_gone(pg)) {
            *err = why;
            return false;
        }
    }
    return true;
}

/* there: at the destination, by its names there. The caller frees. */
static struct position *read_positions(struct pg *pg, const struct schema_made *made, bool there,
                                       struct err *err)
{
    struct position *all = calloc(made->sequence_count + 1, sizeof *all);
    bool ok = true;
    if (all == NULL) {
        (void)err_set(err, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    for (size_t at = 0; ok && at < made->sequence_count; at += BATCH) {
        struct buf b;
        buf_init(&b, BUF_SQL_MAX);
        for (size_t i = at; i < at + BATCH && i < made->sequence_count; i++) {
            const struct schema_sequence *s = &made->sequences[i];
            add_branch(&b, i, there ? s->to_schema : s->schema, there ? s->to_name : s->name);
        }
        ok = read_batch(pg, &b, all, made->sequence_count, err) ||
             (!there && is_gone(pg) && read_each(pg, made, at, all, err));
        buf_free(&b);
    }
    if (!ok) {
        free(all);
        return NULL;
    }
    return all;
}

/* A sequence of a shard group shows what one router has handed out; the view, where there is one,
 * what all have. */
static bool read_group(const struct schema_context *cx, const struct schema_made *made,
                       struct position *there, struct err *err)
{
    for (size_t i = 0; i < made->sequence_count; i++) {
        CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
        const char *const params[] = {made->sequences[i].to_schema, made->sequences[i].to_name};
        struct err why = {.kind = ERR_NONE};
        if (!pg_query(cx->destination,
                      "SELECT lastval FROM rds_aurora.limitless_distributed_sequence"
                      " WHERE schema_name::text = $1 AND sequence_name::text = $2",
                      2, params, &r, &why)) {
            bool ends = pg_is_dead(cx->destination) || why.kind == ERR_CANCELLED;
            *err = ends ? why : *err;
            return !ends;
        }
        if (pg_rows_count(r) == 1 && !pg_null(r, 0, 0)) {
            struct sequence_state all = {
                .last = pg_int(r, 0, 0), .called = true, .ascending = there[i].state.ascending};
            there[i].state = sequence_is_ahead(&all, &there[i].state) ? all : there[i].state;
        }
    }
    return true;
}

/* The value so many steps on; false when the sequence ends before. */
static bool step_on(const struct position *p, int64_t steps, int64_t *next)
{
    int64_t by = 0;
    int64_t to = 0;
    bool fits = !__builtin_mul_overflow(p->increment, steps, &by) &&
                !__builtin_add_overflow(p->state.last, by, &to) && to >= p->least && to <= p->most;
    *next = fits ? to : *next;
    return fits;
}

/* The next value, with room for what the source gives out until it is left; within the sequence's
 * range. *used_up: there is no next one. */
static int64_t restart_value(const struct position *p, bool *used_up)
{
    int64_t next = p->state.last;
    *used_up = p->state.called && !step_on(p, HEAD_ROOM + 1, &next) && !step_on(p, 1, &next);
    return next;
}

static void add_statement(const struct schema_context *cx, const struct schema_sequence *s,
                          const struct position *p, struct buf *out)
{
    struct buf name;
    buf_init(&name, BUF_SQL_MAX);
    pg_add_name(&name, s->to_schema, s->to_name);
    if (cx->group->is_limitless) {
        bool used_up = false;
        buf_printf(out, "ALTER SEQUENCE %s RESTART WITH %lld", buf_str(&name),
                   (long long)restart_value(p, &used_up));
        if (used_up) { /* as at the source: the last value is taken */
            buf_puts(out, "; SELECT pg_catalog.nextval(");
            pg_add_literal(out, buf_str(&name));
            buf_puts(out, ")");
        }
    } else {
        buf_puts(out, "SELECT pg_catalog.setval(");
        pg_add_literal(out, buf_str(&name));
        buf_printf(out, ", %lld, %s)", (long long)p->state.last,
                   p->state.called ? "true" : "false");
    }
    out->failed = out->failed || name.failed;
    buf_free(&name);
}

bool sequence_statements(const struct schema_context *cx, const struct schema_made *made,
                         struct buf *out, struct err *err)
{
    CLEANUP_FREE struct position *here = read_positions(cx->source, made, false, err);
    for (size_t i = 0; here != NULL && i < made->sequence_count; i++) {
        if (here[i].known) {
            add_statement(cx, &made->sequences[i], &here[i], out);
            buf_puts(out, ";\n");
        }
    }
    return here != NULL && buf_ok(out, err);
}

/* Nothing was taken from an untouched sequence; one that goes round may stand before its start. */
static bool has_to_move(const struct position *here, const struct position *there)
{
    bool untouched = !there->state.called && there->state.last == there->start;
    return here->known && (sequence_is_ahead(&here->state, &there->state) ||
                           (untouched && here->state.called && here->state.last != there->start));
}

bool apply_sequences(struct apply *a, struct err *err)
{
    const struct schema_context *cx = a->cx;
    const struct schema_made *made = a->made;
    CLEANUP_FREE struct position *here = read_positions(cx->source, made, false, err);
    CLEANUP_FREE struct position *there =
        here == NULL ? NULL : read_positions(cx->destination, made, true, err);
    if (there == NULL) {
        return err_wrap(err, "reading the positions of the sequences%s",
                        here == NULL ? ""
                                     : " (the destination's are made by the part before the rows)");
    }
    if (cx->group->is_limitless && !read_group(cx, made, there, err)) {
        return false;
    }
    for (size_t i = 0; i < made->sequence_count; i++) {
        if (!here[i].known) {
            findings_add(cx->findings, FINDING_WARNING, ERR_NONE,
                         "sequence %.200s.%.200s is no longer at the source: its position is not "
                         "moved",
                         made->sequences[i].schema, made->sequences[i].name);
        }
        if (!has_to_move(&here[i], &there[i])) {
            continue;
        }
        struct buf b;
        buf_init(&b, BUF_SQL_MAX);
        add_statement(cx, &made->sequences[i], &here[i], &b);
        bool ok = buf_ok(&b, err) && pg_exec(cx->destination, buf_str(&b), err);
        buf_free(&b);
        if (!ok) {
            return err_wrap(err, "moving sequence %.100s.%.100s", made->sequences[i].to_schema,
                            made->sequences[i].to_name);
        }
        a->done->moved++;
    }
    return true;
}
