/*
 * depot: the order of parcels, sending and sending again, and who may have memory. One thread: no
 * call here may have to wait for another.
 */
#include "depot_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

/* What waits add up to; no test looks at it. */
static uint64_t waited_ns;

/* ---- order ---- */

static void the_oldest_that_has_rows_comes_first(void **state)
{
    (void)state;
    struct depot *d = open_depot(4, 4, 0, 60);
    struct parcel *p[4];
    for (unsigned i = 0; i < 4; i++) {
        p[i] = depot_open(d, i, &depot_task);
    }
    put(d, p[1], 'b');
    depot_close(d, p[2], NULL); /* no rows at all: ready to commit */
    assert_int_equal(look(d).cold_parcels, 4);
    assert_ptr_equal(next(d, 0), p[1]);
    assert_ptr_equal(next(d, 1), p[2]);
    assert_ptr_equal(next(d, 2), p[0]); /* none has rows now */
    assert_ptr_equal(next(d, 3), p[3]);
    assert_int_equal(look(d).cold_parcels, 0);
    assert_int_equal(look(d).parcels, 4);
    assert_int_equal(send(d, p[2]), 0);
    depot_done(d, p[2]);
    assert_int_equal(look(d).parcels, 3);
    depot_free(d);
}

static void a_parcel_passes_through(void **state)
{
    (void)state;
    struct depot *d = open_depot(1, 1, 0, 20);
    assert_true(depot_wait_turn(d, 0, &waited_ns));
    struct parcel *p = depot_open(d, 0, &depot_task);
    put(d, p, 'a');
    assert_ptr_equal(next(d, 0), p);
    assert_int_equal(send(d, p), 'a');
    put(d, p, 'b');
    put(d, p, 'c');
    p->parts[0] = (struct part){.rows = 3, .bytes = 300};
    depot_close(d, p, NULL);
    assert_int_equal(send(d, p), 'b');
    assert_int_equal(send(d, p), 'c');
    assert_int_equal(send(d, p), 0);
    depot_done(d, p);
    end_readers(d, 1);
    assert_null(next(d, 0));
    assert_int_equal(look(d).parcels, 0);
    assert_false(look(d).reading);
    depot_free(d);
}

static void what_is_not_wanted_stops_its_reader(void **state)
{
    (void)state;
    struct depot *d = open_depot(1, 1, 0, 20);
    struct parcel *p = depot_open(d, 0, &depot_task);
    uint64_t wait_ns = 0;
    struct err why;
    put(d, p, 'a');
    assert_ptr_equal(next(d, 0), p);
    struct batch *b = depot_take(d, p, &wait_ns);
    depot_done(d, p);
    assert_null(depot_take(d, p, &wait_ns));
    b->content.bytes = 1;
    batch_seal(b);
    assert_true(depot_put(d, p, b)); /* it was under way */
    assert_int_equal(look(d).parcels, 1);
    (void)err_set(&why, ERR_TRANSIENT, "not wanted");
    depot_close(d, p, &why);
    assert_int_equal(look(d).parcels, 0);
    assert_int_equal(look(d).cold_parcels, 0);
    depot_free(d); /* asserts that every batch is back */
}

static void a_broken_parcel_says_why(void **state)
{
    (void)state;
    struct depot *d = open_depot(1, 1, 0, 20);
    struct parcel *p = depot_open(d, 0, &depot_task);
    struct err why;
    put_many(d, p, 2);
    assert_ptr_equal(next(d, 0), p);
    assert_int_equal(send(d, p), 'a');
    (void)err_set(&why, ERR_TRANSIENT, "lost");
    depot_close(d, p, &why);
    assert_int_equal(send(d, p), '!');
    assert_string_equal(p->why.msg, "lost");
    assert_false(depot_resendable(d, p));
    depot_done(d, p);
    assert_int_equal(look(d).parcels, 0);
    depot_free(d);
}

/* ---- sending again ---- */

static void all_of_it_is_sent_again_when_it_is_due(void **state)
{
    (void)state;
    struct depot *d = open_depot(2, 2, 0, 60);
    struct parcel *p = depot_open(d, 0, &depot_task);
    struct piece piece;
    uint64_t wait_ns = 0;
    put_many(d, p, 3);
    assert_ptr_equal(next(d, 0), p);
    assert_int_equal(send(d, p), 'a');
    assert_int_equal(depot_get(d, p, &piece, &wait_ns), DEPOT_PIECE); /* fails while sending */
    assert_true(depot_resendable(d, p));
    uint64_t due_ns = clock_mono_ns() + (uint64_t)20 * NS_PER_MS;
    depot_resend(d, p, due_ns);
    assert_int_equal(p->ahead, 3);
    struct parcel *younger = depot_open(d, 1, &depot_task);
    put(d, younger, 'x');
    assert_ptr_equal(next(d, 0), younger);
    assert_ptr_equal(next(d, 1), p); /* waits for the moment */
    assert_true(clock_mono_ns() >= due_ns);
    put(d, p, 'd'); /* the reader goes on meanwhile */
    depot_close(d, p, NULL);
    for (int want = 'a'; want <= 'd'; want++) {
        assert_int_equal(send(d, p), want);
    }
    assert_int_equal(p->ahead, 0);
    assert_int_equal(send(d, p), 0);
    depot_done(d, p);
    depot_free(d);
}

/* ---- memory ---- */

/* Without packers: nothing in reserve for unpacking, two for each writer's reader. */
static void a_hot_reader_drops_what_was_sent(void **state)
{
    (void)state;
    struct depot *d = open_depot(1, 1, 0, 8);
    struct parcel *p = depot_open(d, 0, &depot_task);
    put(d, p, 'a');
    assert_ptr_equal(next(d, 0), p);
    for (int c = 'b'; c <= 'h'; c++) {
        put(d, p, c); /* all there is */
    }
    for (int c = 'a'; c <= 'c'; c++) {
        assert_int_equal(send(d, p), c);
    }
    assert_false(p->dropped);
    put(d, p, 'i');
    assert_true(p->dropped);
    assert_int_equal(look(d).memory_bytes, BATCHES(8));
    assert_false(depot_resendable(d, p));
    depot_done(d, p);
    depot_close(d, p, NULL);
    assert_int_equal(look(d).parcels, 0);
    depot_free(d);
}

/* Once something of it is gone, the rest goes as it is sent. */
static void a_dropped_parcel_keeps_nothing(void **state)
{
    (void)state;
    struct depot *d = open_depot(1, 1, 0, 6);
    struct parcel *p = depot_open(d, 0, &depot_task);
    put(d, p, 0);
    assert_ptr_equal(next(d, 0), p);
    for (int c = 1; c <= 5; c++) {
        put(d, p, c);
    }
    for (int c = 6; c <= 100; c++) {
        assert_int_equal(send(d, p), c - 6);
        put(d, p, c);
    }
    for (size_t i = 0; i < p->next; i++) {
        assert_null(p->pieces[i].batch);
    }
    depot_close(d, p, NULL);
    for (int c = 95; c <= 100; c++) {
        assert_int_equal(send(d, p), c);
    }
    assert_int_equal(send(d, p), 0);
    depot_done(d, p);
    depot_free(d);
}

/* The answer must hold until the feed has decided, whoever needs memory meanwhile. */
static void what_is_to_be_sent_again_is_not_dropped(void **state)
{
    (void)state;
    struct depot *d = open_depot(2, 2, 0, 11);
    struct parcel *p = depot_open(d, 0, &depot_task);
    put(d, p, 'a');
    assert_ptr_equal(next(d, 0), p);
    for (int c = 'b'; c <= 'e'; c++) {
        put(d, p, c);
    }
    for (int c = 'a'; c <= 'e'; c++) {
        assert_int_equal(send(d, p), c);
    }
    struct parcel *other = depot_open(d, 1, &depot_task);
    assert_ptr_equal(next(d, 1), other);
    for (int c = 'a'; c <= 'f'; c++) {
        put(d, other, c); /* now nothing is left */
    }
    assert_int_equal(send(d, other), 'a');
    assert_true(depot_resendable(d, p));
    put(d, other, 'g'); /* has to take it from itself, though it has less to give */
    assert_true(other->dropped);
    assert_false(p->dropped);
    depot_resend(d, p, 0);
    depot_done(d, other);
    depot_close(d, other, NULL);
    assert_ptr_equal(next(d, 0), p);
    for (int c = 'a'; c <= 'e'; c++) {
        assert_int_equal(send(d, p), c);
    }
    depot_done(d, p);
    depot_close(d, p, NULL);
    depot_free(d);
}

/* What waits to be sent again lies on all the memory: a writer that took the parcel without rows
 * would wait for its reader, the reader for memory, and the memory for a writer. */
static void a_parcel_that_cannot_begin_is_left_alone(void **state)
{
    (void)state;
    struct depot *d = open_depot(2, 1, 0, 8);
    struct parcel *full = depot_open(d, 0, &depot_task);
    put(d, full, 'a');
    assert_ptr_equal(next(d, 0), full);
    for (int c = 'b'; c <= 'h'; c++) {
        put(d, full, c);
    }
    depot_close(d, full, NULL);
    while (send(d, full) != 0) {
    }
    struct parcel *empty = depot_open(d, 1, &depot_task);
    assert_true(depot_resendable(d, full));
    depot_resend(d, full, clock_mono_ns() + (uint64_t)20 * NS_PER_MS);
    assert_ptr_equal(next(d, 0), full);
    depot_done(d, full);
    assert_ptr_equal(next(d, 0), empty);
    put(d, empty, 'x');
    assert_int_equal(send(d, empty), 'x');
    depot_free(d);
}

static void *take_second(void *arg)
{
    uint64_t wait_ns = 0;
    return depot_next(arg, 1, &wait_ns);
}

static void memory_that_comes_back_lets_it_begin(void **state)
{
    (void)state;
    struct depot *d = open_depot(2, 2, 0, 11);
    struct parcel *p = depot_open(d, 0, &depot_task);
    pthread_t writer;
    void *got = NULL;
    put(d, p, 0);
    assert_ptr_equal(next(d, 0), p);
    for (int c = 1; c <= 10; c++) {
        put(d, p, c);
    }
    assert_int_equal(send(d, p), 0);
    put(d, p, 11); /* from now on it keeps nothing */
    struct parcel *empty = depot_open(d, 1, &depot_task);
    assert_int_equal(pthread_create(&writer, NULL, take_second, d), 0);
    for (int i = 0; i < 200; i++) {
        (void)sched_yield(); /* it comes to wait */
    }
    assert_int_equal(send(d, p), 1);
    assert_int_equal(pthread_join(writer, &got), 0);
    assert_ptr_equal(got, empty);
    depot_free(d);
}

/* What is being written does not count for how much may wait. */
static void only_what_waits_counts_as_waiting(void **state)
{
    (void)state;
    struct depot *d = open_depot(3, 2, 0, 40);
    struct parcel *p[3];
    for (unsigned i = 0; i < 3; i++) {
        p[i] = depot_open(d, i, &depot_task);
    }
    put_many(d, p[0], 15); /* twenty may */
    assert_ptr_equal(next(d, 0), p[0]);
    put_many(d, p[1], 10);
    assert_true(depot_resendable(d, p[0]));
    depot_resend(d, p[0], 0); /* now it waits */
    assert_ptr_equal(next(d, 0), p[0]);
    put_many(d, p[2], 5);
    depot_done(d, p[0]);
    depot_close(d, p[0], NULL);
    put_many(d, p[1], 5);
    depot_free(d);
}

/* ---- how far ahead ---- */

static void a_reader_may_get_further_ahead_when_its_writer_waits(void **state)
{
    (void)state;
    struct depot_options o = {
        .memory_bytes = BATCHES(100), .room = ROOM, .readers = 1, .writers = 1};
    struct depot *d = depot_new(&o);
    assert_non_null(d);
    assert_int_equal(look(d).ahead_batches, 4);
    struct parcel *p = depot_open(d, 0, &depot_task);
    for (int c = 'a'; c <= 'd'; c++) {
        put(d, p, c); /* a fifth would have to wait */
    }
    assert_int_equal(p->ahead, 4);
    assert_ptr_equal(next(d, 0), p);
    assert_int_equal(send(d, p), 'a');
    assert_int_equal(p->ahead, 3);
    put(d, p, 'e');
    assert_int_equal(look(d).ahead_batches, 4); /* nobody waited */
    depot_free(d);
}

/* ---- the end ---- */

static void set_serial(void *self, const struct task *task)
{
    uint64_t *serials = self;
    *serials = *serials * 10 + task->serial;
}

static void what_was_not_reported_is_drained_once(void **state)
{
    (void)state;
    struct depot *d = open_depot(3, 3, 0, 60);
    uint64_t serials = 0;
    struct parcel *p[3];
    for (unsigned i = 0; i < 3; i++) {
        struct task t = {.serial = i + 1, .parts = 1};
        p[i] = depot_open(d, i, &t);
        put(d, p[i], 'a');
    }
    assert_ptr_equal(next(d, 0), p[0]);
    depot_done(d, p[0]); /* reported, but its reader has not left */
    depot_cancel(d);
    uint64_t wait_ns = 0;
    struct piece piece;
    assert_null(depot_take(d, p[1], &wait_ns));
    assert_null(next(d, 1));
    assert_null(depot_take_for_writer(d));
    assert_false(depot_wait_turn(d, 0, &waited_ns));
    assert_false(depot_pace(d, 1, &wait_ns) && depot_sealed(d, NULL, NULL));
    assert_int_equal(depot_get(d, p[1], &piece, &wait_ns), DEPOT_CANCELLED);
    depot_drain(d, set_serial, &serials);
    assert_int_equal(serials, 23);
    depot_drain(d, set_serial, &serials);
    assert_int_equal(serials, 23);
    depot_free(d);
}

/* A reader that is not active must not keep the run from ending. */
static void the_parked_may_go_when_one_has_ended(void **state)
{
    (void)state;
    struct depot *d = open_depot(2, 1, 0, 20);
    depot_set_active(d, 1, 1);
    assert_true(depot_wait_turn(d, 0, &waited_ns));
    depot_reader_ended(d);
    assert_true(depot_wait_turn(d, 1, &waited_ns));
    depot_reader_ended(d);
    assert_null(next(d, 0));
    depot_free(d);
}

/* What a writer declines is the next one's at once, and a writer that is away counts for nothing.
 */
static void test_a_writer_that_is_away(void **state)
{
    (void)state;
    struct depot *d = open_depot(2, 3, 0, 64);
    struct parcel *p = depot_open(d, 0, &depot_task);
    put_many(d, p, 3);
    depot_close(d, p, NULL);
    depot_set_active(d, 2, 1); /* writer 0 alone */
    assert_int_equal(look(d).writers_at_work, 1);
    assert_ptr_equal(next(d, 0), p);
    depot_decline(d, p, clock_mono_ns() + (uint64_t)3600 * NS_PER_S);
    assert_int_equal(look(d).cold_parcels, 1);
    assert_int_equal(look(d).writers_at_work, 1); /* another one */
    assert_ptr_equal(next(d, 1), p);
    depot_decline(d, p, clock_mono_ns() + (uint64_t)20 * NS_PER_MS);
    assert_ptr_equal(next(d, 1), p); /* it waited until then */
    assert_int_equal(send(d, p), 'a');
    assert_int_equal(send(d, p), 'b');
    assert_int_equal(send(d, p), 'c');
    assert_int_equal(send(d, p), 0);
    depot_done(d, p);
    end_readers(d, 2);
    assert_null(next(d, 0)); /* the end is the end for those who are away, too */
    depot_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_writer_that_is_away),
        cmocka_unit_test(the_oldest_that_has_rows_comes_first),
        cmocka_unit_test(a_parcel_passes_through),
        cmocka_unit_test(what_is_not_wanted_stops_its_reader),
        cmocka_unit_test(a_broken_parcel_says_why),
        cmocka_unit_test(all_of_it_is_sent_again_when_it_is_due),
        cmocka_unit_test(a_hot_reader_drops_what_was_sent),
        cmocka_unit_test(a_dropped_parcel_keeps_nothing),
        cmocka_unit_test(what_is_to_be_sent_again_is_not_dropped),
        cmocka_unit_test(a_parcel_that_cannot_begin_is_left_alone),
        cmocka_unit_test(memory_that_comes_back_lets_it_begin),
        cmocka_unit_test(only_what_waits_counts_as_waiting),
        cmocka_unit_test(a_reader_may_get_further_ahead_when_its_writer_waits),
        cmocka_unit_test(what_was_not_reported_is_drained_once),
        cmocka_unit_test(the_parked_may_go_when_one_has_ended),
    };

    (void)alarm(20); /* a call that waits where it must not */
    return cmocka_run_group_tests_name("depot", tests, NULL, NULL);
}
