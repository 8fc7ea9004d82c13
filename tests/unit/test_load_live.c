/* load_live: where the last seconds went, and what a running load waits for. */
#include "unit.h"

#include "base/clock.h"
#include "cli/load_live.h"

#include <stdio.h>
#include <string.h>

#define TICK_NS (UINT64_C(200) * NS_PER_MS)

struct run {
    struct live live;
    struct spec spec;
    struct load_progress p;
    struct progress_view v;
    uint64_t now_ns;
};

static void look(struct run *r)
{
    live_look(&r->live, &r->spec, &r->p, r->now_ns, &r->v);
    r->now_ns += TICK_NS;
}

static struct run begun(void)
{
    struct run r = {.now_ns = UINT64_C(77) * NS_PER_S};
    r.p.board.chunks_total = 10;
    return r;
}

static unsigned percent(const struct run *r, enum activity what, enum activity other)
{
    uint64_t all_ns = r->v.recent.ns[what] + r->v.recent.ns[other];
    return all_ns == 0 ? 0 : (unsigned)(r->v.recent.ns[what] * 100 / all_ns);
}

static void only_the_last_seconds_count(void **state)
{
    struct run r = begun();

    for (int i = 0; i < 100; i++) {
        r.p.totals.spent.ns[i < 50 ? SPENT_WAIT_ROWS : SPENT_SEND] += TICK_NS;
        r.p.totals.bytes_sent += 1000;
        r.p.board.rows_run += 10;
        look(&r);
    }
    assert_int_equal(r.v.recent.ns[SPENT_WAIT_ROWS], 0);
    assert_int_equal(r.v.recent.ns[SPENT_SEND], 15 * TICK_NS);
    assert_int_equal(r.v.flow.spent.ns[SPENT_WAIT_ROWS], 50 * TICK_NS);
    assert_int_equal(r.v.wire_bytes_per_s, 5000);
    assert_int_equal(r.v.rows_per_s, 50);
    assert_int_equal(r.v.stalled_ms, 0);
    (void)state;
}

/* One writer takes longer than the window for one thing; the other sends, as counted. */
static void what_has_not_ended_is_filled_in(void **state)
{
    struct run r = begun();

    r.p.totals.doing[SPENT_COMMIT] = 1;
    r.p.totals.doing[SPENT_SEND] = 1;
    r.p.totals.doing[SPENT_READ] = 1;
    for (int i = 0; i < 40; i++) {
        r.p.totals.spent.ns[SPENT_SEND] += TICK_NS;
        look(&r);
    }
    assert_int_equal(percent(&r, SPENT_COMMIT, SPENT_SEND), 50);
    assert_int_equal(r.v.recent.ns[SPENT_READ], 15 * TICK_NS);
    assert_int_equal(r.v.recent.ns[SPENT_PACK], 0);
    assert_int_equal(r.v.stalled_ms, 39 * 200);
    (void)state;
}

/* Threads are seen at a moment; what they counted says more. */
static void what_was_counted_is_not_counted_again(void **state)
{
    struct run r = begun();

    for (int i = 0; i < 40; i++) {
        r.p.totals.doing[SPENT_SEND] = i % 2 == 0;
        r.p.totals.doing[SPENT_WAIT_ROWS] = i % 2 != 0;
        r.p.totals.spent.ns[SPENT_SEND] += TICK_NS * 9 / 10;
        r.p.totals.spent.ns[SPENT_WAIT_ROWS] += TICK_NS / 10;
        look(&r);
    }
    assert_int_equal(percent(&r, SPENT_SEND, SPENT_WAIT_ROWS), 90);
    (void)state;
}

/* More was counted than threads were seen: nothing is missing. */
static void nothing_is_filled_in_where_enough_was_counted(void **state)
{
    struct run r = begun();

    r.p.totals.doing[SPENT_COMMIT] = 1;
    for (int i = 0; i < 40; i++) {
        r.p.totals.spent.ns[SPENT_SEND] += 2 * TICK_NS;
        look(&r);
    }
    assert_int_equal(r.v.recent.ns[SPENT_COMMIT], 0);
    assert_int_equal(r.v.recent.ns[SPENT_SEND], 30 * TICK_NS);
    (void)state;
}

static void first_look_and_going_back(void **state)
{
    struct run r = begun();

    r.p.totals.doing[SPENT_SEND] = 4;
    r.p.board.rows_run = 50;
    look(&r);
    assert_int_equal(r.v.rows_per_s, 0);
    assert_int_equal(r.v.recent.ns[SPENT_SEND], 0);
    r.p.board.rows_run = 20; /* the destination lost commits */
    look(&r);
    look(&r);
    assert_int_equal(r.v.rows_per_s, 0);
    (void)state;
}

static void done_bytes_stay_within_the_plan(void **state)
{
    struct run r = begun();

    r.p.board.planned_bytes = 100;
    r.p.board.done_bytes = 70;
    r.p.totals.in_flight_bytes = 20;
    look(&r);
    assert_int_equal(r.v.done_bytes, 90);
    r.p.totals.in_flight_bytes = 40;
    look(&r);
    assert_int_equal(r.v.done_bytes, 100);
    (void)state;
}

static void waiting_is_always_explained(void **state)
{
    struct run r = begun();

    look(&r);
    assert_null(r.v.waiting_for); /* nothing failed */
    r.p.board.retries = 1;
    (void)snprintf(r.p.board.last_reason, sizeof r.p.board.last_reason, "connection lost");
    look(&r);
    assert_string_equal(r.v.waiting_for, "for the next attempt after: connection lost");
    r.p.totals.doing[SPENT_READ] = 1;
    look(&r);
    assert_null(r.v.waiting_for);
    (void)snprintf(r.p.board.waiting_for, sizeof r.p.board.waiting_for, "refused");
    look(&r);
    assert_string_equal(r.v.waiting_for, "refused");
    r.p.board.waiting_for[0] = '\0';
    r.p.totals.doing[SPENT_READ] = 0;
    r.p.draining = true; /* nobody will try again */
    look(&r);
    assert_null(r.v.waiting_for);
    r.p.draining = false;
    r.p.board.chunks_done = 10;
    look(&r);
    assert_null(r.v.waiting_for);
    (void)state;
}

static void flow_is_passed_on(void **state)
{
    struct run r = begun();

    r.spec.max_rate_bytes_s = 1;
    r.spec.jobs_auto = true;
    r.p.totals.readers_active = 2;
    r.p.totals.writers_active = 3;
    r.p.totals.released_ms = 4;
    r.p.totals.pack_level = 5;
    r.p.totals.spill.bytes_used = 6;
    r.p.totals.depot.throttled = true;
    r.p.totals.depot.ahead_batches = 7;
    r.p.board.resends = 8;
    r.p.board.rereads = 9;
    r.p.board.transactions = 10;
    look(&r);
    const struct flow_view *f = &r.v.flow;
    assert_true(f->jobs_auto && f->throttled && !f->spill_full);
    assert_int_equal(f->max_rate_bytes_s, 1);
    assert_int_equal(f->readers_active, 2);
    assert_int_equal(f->writers_active, 3);
    assert_int_equal(f->released_ms, 4);
    assert_int_equal(f->pack_level, 5);
    assert_int_equal(f->spill_used_bytes, 6);
    assert_int_equal(f->ahead_batches, 7);
    assert_int_equal(f->resends, 8);
    assert_int_equal(f->rereads, 9);
    assert_int_equal(f->transactions, 10);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_last_seconds_count),
        cmocka_unit_test(what_has_not_ended_is_filled_in),
        cmocka_unit_test(what_was_counted_is_not_counted_again),
        cmocka_unit_test(nothing_is_filled_in_where_enough_was_counted),
        cmocka_unit_test(first_look_and_going_back),
        cmocka_unit_test(done_bytes_stay_within_the_plan),
        cmocka_unit_test(waiting_is_always_explained),
        cmocka_unit_test(flow_is_passed_on),
    };

    return cmocka_run_group_tests_name("load_live", tests, NULL, NULL);
}
