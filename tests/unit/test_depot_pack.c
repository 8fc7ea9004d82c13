/*
 * depot_pack: what packers are given to do, what becomes of it, sealing and restoring. One thread;
 * packing and spilling are only pretended, so a spill is a pointer that nobody follows.
 */
#include "depot_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

static struct depot *open_spilling(unsigned readers, unsigned writers, size_t batches,
                                   bool keep_all)
{
    static char nothing;
    struct depot_options o = {.memory_bytes = BATCHES(batches),
                              .room = ROOM,
                              .readers = readers,
                              .writers = writers,
                              .packers = 1,
                              .spill = (struct spill *)(void *)&nothing,
                              .keep_all = keep_all};
    struct depot *d = depot_new(&o);
    assert_non_null(d);
    return d;
}

static void pretend_packed(struct depot *d, struct pack_job *job, size_t taken)
{
    assert_int_equal(job->packed->state, BATCH_FILLING);
    if (taken > 0) {
        job->packed->bytes[0] = job->raw[0]->bytes[0];
        job->packed->content.bytes = 50;
        job->packed->content.frames = (uint32_t)taken;
        batch_seal(job->packed);
    }
    depot_packed(d, job, taken);
}

static void pretend_spilled(struct depot *d, struct pack_job *job, uint64_t number)
{
    struct spill_slot slot = {.number = number, .content = job->raw[0]->content};
    depot_spilled(d, job, &slot, false);
}

/* ---- the same beginnings and ends ---- */

/* One reader, one writer; the reader of the parcel has put some batches and a packer has a job. */
struct site {
    struct depot *depot;
    struct parcel *parcel;
    struct pack_job job;
};

static struct site one_parcel(struct depot *d)
{
    return (struct site){.depot = d, .parcel = depot_open(d, 0, &depot_task)};
}

/* A packer has begun with the batches a to l. */
static struct site twelve_to_pack(void)
{
    struct site s = one_parcel(open_depot(1, 1, 1, 24));
    put_many(s.depot, s.parcel, 12);
    assert_int_equal(depot_pack_next(s.depot, &s.job), PACK_ROWS);
    return s;
}

/* The writer has a parcel of which it has sent nothing, and which its reader goes on with up to
 * batch last. */
static void put_while_written(struct site *s, int last)
{
    put(s->depot, s->parcel, 'a');
    assert_ptr_equal(next(s->depot, 0), s->parcel);
    for (int c = 'b'; c <= last; c++) {
        put(s->depot, s->parcel, c);
    }
}

static void close_and_take(struct site *s)
{
    depot_close(s->depot, s->parcel, NULL);
    assert_ptr_equal(next(s->depot, 0), s->parcel);
}

static void send_from_to(struct site *s, int first, int last)
{
    for (int c = first; c <= last; c++) {
        assert_int_equal(send(s->depot, s->parcel), c);
    }
}

static void done_and_free(struct site *s)
{
    depot_done(s->depot, s->parcel);
    depot_free(s->depot);
}

/* The parcel is given up before its reader has left. */
static void give_up_and_free(struct site *s)
{
    depot_done(s->depot, s->parcel);
    depot_close(s->depot, s->parcel, NULL);
    depot_free(s->depot);
}

/* Beside this thread; given the time to come to where it waits. */
static pthread_t begin_beside(void *(*body)(void *arg), void *arg)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, body, arg), 0);
    for (int i = 0; i < 200; i++) {
        (void)sched_yield();
    }
    return thread;
}

/* ---- packing ---- */

static void a_run_becomes_one_piece(void **state)
{
    (void)state;
    struct site s = twelve_to_pack();
    assert_int_equal(s.job.first, 0);
    assert_int_equal(s.job.count, 12);
    assert_int_equal(s.job.raw[11]->bytes[0], 'l');
    pretend_packed(s.depot, &s.job, 9);
    assert_int_equal(s.parcel->ahead, 3);
    assert_int_equal(look(s.depot).raw_bytes_packed, 900);
    assert_int_equal(look(s.depot).packed_bytes, 50);
    close_and_take(&s);
    send_from_to(&s, 'a', 'a'); /* of all nine */
    send_from_to(&s, 'j', 'l');
    assert_int_equal(send(s.depot, s.parcel), 0);
    done_and_free(&s);
}

static void what_could_not_be_packed_stays(void **state)
{
    (void)state;
    struct site s = twelve_to_pack();
    pretend_packed(s.depot, &s.job, 0);
    assert_int_equal(s.parcel->ahead, 12);
    close_and_take(&s);
    send_from_to(&s, 'a', 'l');
    done_and_free(&s);
}

/* A writer takes the parcel, gives it up, or its rows are not wanted, while a packer is at it. */
static void rows_that_are_not_wanted_any_more_are_freed_by_the_packer(void **state)
{
    (void)state;
    for (size_t taken = 0; taken <= 5; taken += 5) {
        struct site s = twelve_to_pack();
        close_and_take(&s);
        depot_done(s.depot, s.parcel);
        assert_int_equal(look(s.depot).parcels, 1); /* the packer has it */
        pretend_packed(s.depot, &s.job, taken);
        assert_int_equal(look(s.depot).parcels, 0);
        assert_int_equal(look(s.depot).cold_parcels, 0);
        depot_free(s.depot);
    }
}

/* Sent again while some of what was sent is being packed. */
static void what_is_sent_again_counts_from_the_start(void **state)
{
    (void)state;
    struct site s = twelve_to_pack();
    assert_ptr_equal(next(s.depot, 0), s.parcel);
    assert_true(depot_resendable(s.depot, s.parcel));
    depot_resend(s.depot, s.parcel, 0);
    assert_int_equal(s.parcel->ahead, 12);
    pretend_packed(s.depot, &s.job, 4);
    assert_int_equal(s.parcel->ahead, 8);
    close_and_take(&s);
    send_from_to(&s, 'a', 'a');
    send_from_to(&s, 'e', 'e');
    done_and_free(&s);
}

static void *pack_next(void *arg)
{
    struct pack_job job;
    struct depot *d = arg;
    if (depot_pack_next(d, &job) == PACK_END) {
        return NULL;
    }
    depot_packed(d, &job, 0);
    return arg;
}

/* What writers unpack into is not taken, not even for a moment. */
static void packers_leave_the_writers_their_memory(void **state)
{
    (void)state;
    struct site s = one_parcel(open_depot(1, 1, 4, 20));
    void *packed = NULL;
    put_while_written(&s, 'r'); /* all but two in reserve */
    depot_resend(s.depot, s.parcel, UINT64_MAX);
    assert_int_equal(depot_pack_next(s.depot, &s.job), PACK_ROWS);
    pretend_packed(s.depot, &s.job, 0);
    struct batch *b = depot_take_for_writer(s.depot);
    assert_non_null(b);
    pthread_t packer = begin_beside(pack_next, s.depot); /* would take the other, if it could */
    depot_cancel(s.depot);
    assert_int_equal(pthread_join(packer, &packed), 0);
    depot_give(s.depot, b);
    depot_close(s.depot, s.parcel, NULL);
    depot_free(s.depot);
    assert_null(packed);
}

static void the_end_comes_to_packers_too(void **state)
{
    (void)state;
    struct pack_job job;
    for (int cancelled = 0; cancelled <= 1; cancelled++) {
        struct depot *d = open_depot(1, 1, 1, 20);
        if (cancelled) {
            depot_cancel(d);
        } else {
            depot_reader_ended(d);
        }
        assert_int_equal(depot_pack_next(d, &job), PACK_END);
        depot_free(d);
    }
}

/* ---- sealing ---- */

static bool count_parcel(void *self, const struct parcel *p)
{
    unsigned *count = self;
    ++*count;
    return p->state == PARCEL_COMPLETE;
}

static void sealed_when_all_is_on_disk(void **state)
{
    (void)state;
    struct depot *d = open_spilling(2, 1, 40, true);
    struct parcel *p = depot_open(d, 0, &depot_task);
    struct parcel *done = depot_open(d, 1, &depot_task);
    struct pack_job job;
    unsigned count = 0;
    put_many(d, p, 2);
    put(d, done, 'x');
    assert_ptr_equal(next(d, 0), p);
    depot_done(d, p); /* not wanted; its reader has not left, but it is no matter any more */
    assert_ptr_equal(next(d, 0), done);
    depot_seal(d);
    assert_int_equal(depot_pack_next(d, &job), PACK_SPILL);
    assert_ptr_equal(job.parcel, done);
    pretend_spilled(d, &job, 5);
    assert_int_equal(done->ahead, 0);
    assert_false(depot_sealed(d, count_parcel, &count));
    depot_close(d, done, NULL);
    assert_true(depot_sealed(d, count_parcel, &count));
    assert_int_equal(count, 1);
    assert_int_equal(done->pieces[0].kind, PIECE_SPILLED);
    assert_int_equal(done->pieces[0].slot.number, 5);
    depot_settle(d, done); /* the feed hears of it, and may free what its task is about */
    assert_false(depot_sealed(d, count_parcel, &count));
    assert_int_equal(count, 1);
    done->pieces[0].kind = PIECE_DROPPED; /* there is no file to free it in */
    depot_done(d, done);
    depot_close(d, p, NULL);
    assert_int_equal(look(d).parcels, 0);
    depot_free(d);
}

/* The next job is a run of so many from there on. */
static void pack_run(struct site *s, size_t first, size_t count)
{
    assert_int_equal(depot_pack_next(s->depot, &s->job), PACK_ROWS);
    assert_int_equal(s->job.first, first);
    assert_int_equal(s->job.count, count);
    pretend_packed(s->depot, &s->job, count);
}

/* Sealing touches what is being written; the writer must not lose its place. */
static void sealing_never_joins_what_is_sent_and_what_is_not(void **state)
{
    (void)state;
    struct site s = one_parcel(open_depot(1, 1, 1, 40));
    put_many(s.depot, s.parcel, 12);
    close_and_take(&s);
    send_from_to(&s, 'a', 'e');
    depot_seal(s.depot);
    pack_run(&s, 0, 5);
    pack_run(&s, 5, 7);
    send_from_to(&s, 'f', 'f');
    assert_int_equal(send(s.depot, s.parcel), 0);
    done_and_free(&s);
}

/* The piece that is being sent is passed over; when it is sent, it is to go to disk, too. */
static void sealing_takes_what_was_just_sent(void **state)
{
    (void)state;
    struct site s = one_parcel(open_depot(1, 1, 1, 40));
    struct piece piece;
    uint64_t wait_ns = 0;
    void *packed = NULL;
    put(s.depot, s.parcel, 'a');
    close_and_take(&s);
    assert_int_equal(depot_get(s.depot, s.parcel, &piece, &wait_ns), DEPOT_PIECE);
    depot_seal(s.depot);
    pthread_t packer = begin_beside(pack_next, s.depot);
    depot_sent(s.depot, s.parcel);
    assert_int_equal(pthread_join(packer, &packed), 0);
    assert_non_null(packed);
    done_and_free(&s);
}

static void *take_one(void *arg)
{
    const struct site *s = arg;
    uint64_t wait_ns = 0;
    return depot_take(s->depot, s->parcel, &wait_ns);
}

/* All memory is taken, by one parcel of which one batch is sent. */
static struct site full_and_one_sent(void)
{
    struct site s = one_parcel(open_spilling(1, 1, 10, true));
    put_while_written(&s, 'h');
    send_from_to(&s, 'a', 'a');
    return s;
}

static void what_must_be_kept_waits_for_the_disk(void **state)
{
    (void)state;
    struct site s = full_and_one_sent();
    void *b = NULL;
    pthread_t reader = begin_beside(take_one, &s);
    bool dropped = s.parcel->dropped;
    struct pack_job job;
    if (!dropped) {
        assert_int_equal(depot_pack_next(s.depot, &job), PACK_SPILL);
        pretend_spilled(s.depot, &job, 1);
    }
    assert_int_equal(pthread_join(reader, &b), 0);
    assert_non_null(b);
    assert_false(dropped);
    assert_false(s.parcel->dropped);
    assert_true(depot_resendable(s.depot, s.parcel));
    depot_give(s.depot, b);
    s.parcel->pieces[0].kind = PIECE_DROPPED; /* there is no file to free it in */
    give_up_and_free(&s);
}

static void without_space_what_was_sent_may_go(void **state)
{
    (void)state;
    struct site s = full_and_one_sent();
    assert_int_equal(depot_pack_next(s.depot, &s.job), PACK_SPILL);
    assert_int_equal(s.job.first, 0);
    depot_spilled(s.depot, &s.job, NULL, true);
    assert_true(look(s.depot).spill_full);
    put(s.depot, s.parcel, 'i'); /* would wait for the disk otherwise */
    assert_true(s.parcel->dropped);
    give_up_and_free(&s);
}

static const unsigned char key[SPILL_KEY_BYTES] = "0123456789abcdef0123456789abcde";

/* A slot that comes free ends the wait for space; and space that came free between the failure and
 * its report is not waited for. */
static void space_that_comes_free_is_used(void **state)
{
    (void)state;
    char dir[] = "/tmp/sluice-depot-XXXXXX";
    struct spill *spill = NULL;
    struct err err;
    struct pack_job job;
    struct pack_job late;
    struct spill_slot slot;
    assert_non_null(mkdtemp(dir));
    struct spill_options so = {
        .dir = dir, .name = "depot", .limit_bytes = 1u << 20, .batch_room = ROOM, .key = key};
    assert_true(spill_open(&so, &spill, &err));
    struct depot_options o = {.memory_bytes = BATCHES(20),
                              .room = ROOM,
                              .readers = 2,
                              .writers = 1,
                              .packers = 1,
                              .spill = spill};
    struct depot *d = depot_new(&o);
    assert_non_null(d);
    struct parcel *p = depot_open(d, 0, &depot_task);
    struct parcel *other = depot_open(d, 1, &depot_task);
    put(d, p, 'a');
    put_many(d, other, 3);
    assert_ptr_equal(next(d, 0), p);
    depot_seal(d); /* so that there is something to do without pressure */
    assert_int_equal(depot_pack_next(d, &job), PACK_SPILL);
    assert_ptr_equal(job.parcel, other);
    assert_int_equal(depot_pack_next(d, &late), PACK_SPILL);
    assert_int_equal(spill_write(spill, job.raw[0], &slot, &err), SPILL_WRITTEN);
    depot_spilled(d, &job, &slot, false);
    assert_int_equal(depot_pack_next(d, &job), PACK_SPILL);
    depot_spilled(d, &job, NULL, true);
    assert_true(look(d).spill_full);
    depot_done(d, p);
    depot_close(d, p, NULL);
    depot_close(d, other, NULL);
    assert_ptr_equal(next(d, 0), other);
    depot_done(d, other);
    assert_false(look(d).spill_full);
    depot_spilled(d, &late, NULL, true);
    assert_false(look(d).spill_full);
    assert_int_equal(look(d).parcels, 0);
    assert_int_equal(spill_stats(spill).bytes_used, 0);
    depot_free(d);
    spill_close(spill, false);
    assert_int_equal(rmdir(dir), 0);
}

/* ---- restoring ---- */

static void restored_parcels_are_written_without_a_reader(void **state)
{
    (void)state;
    struct depot *d = open_spilling(0, 1, 20, false);
    struct task task = {.serial = 7, .parts = 2};
    const struct part parts[2] = {
        {.rows = 3, .bytes = 30},
        {.rows = 4, .bytes = 40}
    };
    struct piece *pieces = calloc(2, sizeof *pieces);
    struct piece got;
    uint64_t wait_ns = 0;
    assert_non_null(pieces);
    pieces[0] = (struct piece){.kind = PIECE_SPILLED, .slot = {.number = 11}};
    pieces[1] = (struct piece){.kind = PIECE_SPILLED, .slot = {.number = 12}};
    assert_true(depot_restore(d, &task, parts, pieces, 2));
    assert_true(depot_restore(d, &task, parts, NULL, 0)); /* chunks without rows */
    assert_true(depot_sealed(d, NULL, NULL));
    struct parcel *p = next(d, 0);
    assert_int_equal(p->task.serial, 7);
    assert_int_equal(p->parts[1].rows, 4);
    assert_int_equal(depot_get(d, p, &got, &wait_ns), DEPOT_PIECE);
    assert_int_equal(got.slot.number, 11);
    assert_true(depot_resendable(d, p));
    depot_resend(d, p, 0);
    assert_ptr_equal(next(d, 0), p);
    for (uint64_t number = 11; number <= 12; number++) {
        assert_int_equal(depot_get(d, p, &got, &wait_ns), DEPOT_PIECE);
        assert_int_equal(got.slot.number, number);
        depot_sent(d, p);
    }
    assert_int_equal(depot_get(d, p, &got, &wait_ns), DEPOT_END);
    p->pieces[0].kind = PIECE_DROPPED; /* there is no file to free them in */
    p->pieces[1].kind = PIECE_DROPPED;
    depot_done(d, p);
    p = next(d, 0);
    assert_int_equal(depot_get(d, p, &got, &wait_ns), DEPOT_END);
    depot_done(d, p);
    assert_null(next(d, 0));
    depot_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_becomes_one_piece),
        cmocka_unit_test(what_could_not_be_packed_stays),
        cmocka_unit_test(rows_that_are_not_wanted_any_more_are_freed_by_the_packer),
        cmocka_unit_test(what_is_sent_again_counts_from_the_start),
        cmocka_unit_test(packers_leave_the_writers_their_memory),
        cmocka_unit_test(the_end_comes_to_packers_too),
        cmocka_unit_test(sealed_when_all_is_on_disk),
        cmocka_unit_test(sealing_never_joins_what_is_sent_and_what_is_not),
        cmocka_unit_test(sealing_takes_what_was_just_sent),
        cmocka_unit_test(what_must_be_kept_waits_for_the_disk),
        cmocka_unit_test(without_space_what_was_sent_may_go),
        cmocka_unit_test(space_that_comes_free_is_used),
        cmocka_unit_test(restored_parcels_are_written_without_a_reader),
    };

    (void)alarm(20); /* a call that waits where it must not */
    return cmocka_run_group_tests_name("depot_pack", tests, NULL, NULL);
}
