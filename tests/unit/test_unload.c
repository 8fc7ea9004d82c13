/* unload: from pieces back to rows, verified, and the memory for it given back. */
#include "depot_fixture.h"

#include "flow/unload.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const unsigned char key[SPILL_KEY_BYTES] = "0123456789abcdef0123456789abcde";

struct fixture {
    char dir[64];
    struct spill *spill;
    struct depot *depot;
    struct codec *codec;
    struct unload unload;
    struct batch *made[5]; /* what the test itself has out */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err;
    assert_non_null(f);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/sluice-unload-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    struct spill_options o = {
        .dir = f->dir, .name = "unload", .limit_bytes = 1u << 20, .batch_room = ROOM, .key = key};
    assert_true(spill_open(&o, &f->spill, &err));
    struct depot_options d = {.memory_bytes = BATCHES(20),
                              .room = ROOM,
                              .readers = 1,
                              .writers = 1,
                              .packers = 1,
                              .spill = f->spill};
    f->depot = depot_new(&d);
    f->codec = codec_new();
    assert_non_null(f->depot);
    assert_non_null(f->codec);
    unload_init(&f->unload, f->depot, f->spill);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unload_fini(&f->unload);
    for (size_t i = 0; i < ARRAY_LEN(f->made); i++) {
        if (f->made[i] != NULL) {
            depot_give(f->depot, f->made[i]);
        }
    }
    depot_free(f->depot); /* asserts that every batch is back */
    codec_free(f->codec);
    spill_close(f->spill, false);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static struct batch *take(struct fixture *f, size_t i)
{
    f->made[i] = depot_take_for_writer(f->depot);
    assert_non_null(f->made[i]);
    return f->made[i];
}

static struct batch *rows(struct fixture *f, size_t i, char letter)
{
    struct batch *b = take(f, i);
    memset(b->bytes, letter, 500);
    b->content.bytes = 500;
    b->content.rows = 5;
    batch_seal(b);
    return b;
}

/* A packed batch of two, a and b. */
static struct batch *packed(struct fixture *f)
{
    struct err err;
    struct batch *to = take(f, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct batch *from = rows(f, i, (char)('a' + i));
        assert_int_equal(codec_pack(f->codec, 1, from, to, &err), CODEC_PACKED);
    }
    batch_seal(to);
    return to;
}

static void check_next(struct fixture *f, char letter)
{
    struct err err;
    const struct batch *b = NULL;
    assert_true(unload_next(&f->unload, &b, &err));
    if (letter == 0) {
        assert_null(b);
        return;
    }
    assert_non_null(b);
    assert_int_equal(b->content.bytes, 500);
    assert_int_equal(b->content.rows, 5);
    assert_int_equal(b->bytes[0], letter);
    assert_int_equal(b->bytes[499], letter);
}

static void open(struct fixture *f, const struct piece *piece)
{
    struct err err;
    assert_true(unload_open(&f->unload, piece, &err));
}

static void raw_rows_are_handed_out_once(void **state)
{
    struct fixture *f = *state;
    struct piece piece = {.kind = PIECE_RAW, .batch = rows(f, 0, 'x')};
    for (int again = 0; again < 2; again++) {
        open(f, &piece);
        check_next(f, 'x');
        check_next(f, 0);
        unload_close(&f->unload);
    }
}

static void packed_rows_come_in_order(void **state)
{
    struct fixture *f = *state;
    struct piece piece = {.kind = PIECE_PACKED, .batch = packed(f)};
    for (int again = 0; again < 2; again++) {
        open(f, &piece);
        check_next(f, 'a');
        check_next(f, 'b');
        check_next(f, 0);
        unload_close(&f->unload);
    }
    open(f, &piece);
    check_next(f, 'a');
    unload_close(&f->unload); /* in the middle */
    assert_true(f->unload.unpack_ns > 0);
}

static struct piece spilled(struct fixture *f, struct batch *b)
{
    struct err err;
    struct piece piece = {.kind = PIECE_SPILLED};
    batch_move(b, BATCH_PACKING);
    assert_int_equal(spill_write(f->spill, b, &piece.slot, &err), SPILL_WRITTEN);
    return piece;
}

static void spilled_rows_come_back(void **state)
{
    struct fixture *f = *state;
    struct piece raw = spilled(f, rows(f, 3, 'z'));
    struct piece two = spilled(f, packed(f));
    for (int again = 0; again < 2; again++) {
        open(f, &two);
        check_next(f, 'a');
        check_next(f, 'b');
        check_next(f, 0);
        unload_close(&f->unload);
        open(f, &raw);
        check_next(f, 'z');
        check_next(f, 0);
        unload_close(&f->unload);
    }
    assert_true(f->unload.read_ns > 0);
}

static void what_is_damaged_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err err = {.kind = ERR_NONE};
    struct piece raw = {.kind = PIECE_RAW, .batch = rows(f, 3, 'x')};
    struct piece two = {.kind = PIECE_PACKED, .batch = packed(f)};
    const struct batch *b = NULL;
    raw.batch->bytes[7] ^= 1;
    assert_false(unload_open(&f->unload, &raw, &err));
    assert_int_equal(err.kind, ERR_DATA);
    unload_close(&f->unload);
    two.batch->bytes[two.batch->content.bytes - 1] ^= 1; /* in the second frame */
    open(f, &two);
    check_next(f, 'a');
    assert_false(unload_next(&f->unload, &b, &err));
    assert_int_equal(err.kind, ERR_DATA);
    unload_close(&f->unload);
    two = spilled(f, rows(f, 4, 'y'));
    two.slot.nonce++;
    assert_false(unload_open(&f->unload, &two, &err));
    assert_int_equal(err.kind, ERR_DATA);
    unload_close(&f->unload);
}

static void cancel_ends_it(void **state)
{
    struct fixture *f = *state;
    struct err err = {.kind = ERR_NONE};
    struct piece two = {.kind = PIECE_PACKED, .batch = packed(f)};
    struct piece disk = spilled(f, rows(f, 3, 'y'));
    const struct batch *b = NULL;
    open(f, &two);
    depot_cancel(f->depot);
    assert_false(unload_next(&f->unload, &b, &err));
    assert_int_equal(err.kind, ERR_CANCELLED);
    unload_close(&f->unload);
    err.kind = ERR_NONE;
    assert_false(unload_open(&f->unload, &disk, &err));
    assert_int_equal(err.kind, ERR_CANCELLED);
    unload_close(&f->unload);
}

#define UNLOAD_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNLOAD_TEST(raw_rows_are_handed_out_once),
        UNLOAD_TEST(packed_rows_come_in_order),
        UNLOAD_TEST(spilled_rows_come_back),
        UNLOAD_TEST(what_is_damaged_is_refused),
        UNLOAD_TEST(cancel_ends_it),
    };

    return cmocka_run_group_tests_name("unload", tests, NULL, NULL);
}
